/* sound: microphone → cleaning → Opus packets out; Opus packets in → jitter buffer → speaker.
 *
 *   microphone ─► echo cancel ─► noise, gain ─► gate, mute ─► Opus 20 ms, in-band FEC ─► ops.packet
 *   sound_receive ─► jitter buffer ─► Opus decode | FEC | concealment ─► speaker (and echo reference)
 *
 * Two threads, one a direction: microphone.c, speaker.c. Verbs: the owner's thread. sound_receive: any one
 * thread. A device that is lost, or cannot be opened, is replaced as port.h says. */
#ifndef CALLBOX_MEDIA_SOUND_SOUND_H
#define CALLBOX_MEDIA_SOUND_SOUND_H

#include "core/media/sound/echo.h"
#include "core/media/sound/jitter.h"
#include "core/media/sound/port.h"
#include "core/media/sound/tones.h"

struct sound;

/* Two devices whose clocks were compared before. */
struct sound_drift {
	char microphone[SOUND_ID], speaker[SOUND_ID];
	double ppm; /* the speaker's against the microphone's */
};

struct sound_settings {
	const char *microphone, *speaker; /* copied */
	int bitrate_bps;		  /* 6000..128000 */
	bool echo_cancel, noise_suppress, gain_control;
	const struct sound_drift *drifts; /* copied */
	unsigned int drift_count;
};

struct sound_ops {
	/* From the microphone's thread. rtp_time: 48 kHz; marker: first after a pause. */
	void (*packet)(const uint8_t *opus, size_t bytes, uint32_t rtp_time, bool marker, int64_t capture_us,
		       void *data);
	/* From either thread. kind: microphone, speaker; state: opened, lost, back, failed. */
	void (*device)(const char *kind, const char *id, const char *state, const char *message, void *data);
};

struct sound_stats {
	uint64_t captured, encoded; /* blocks of 10 ms; packets */
	struct jitter_stats jitter;
	struct port_stats microphone, speaker;
	struct echo_stats echo; /* zeros without echo_cancel */
};

int sound_start(const struct sound_settings *settings, const struct sound_ops *ops, void *data,
		struct sound **ret_sound);
void sound_stop(struct sound *sound);

void sound_receive(struct sound *sound, const uint8_t *opus, size_t bytes, uint16_t sequence,
		   uint32_t rtp_time, int64_t arrival_us);

void sound_gate(struct sound *sound, bool open); /* closed at first: nothing is encoded */
void sound_mute(struct sound *sound, bool on);	 /* digital silence from the next block on */
void sound_enable(struct sound *sound, bool on); /* off: the microphone is closed */
/* On the speaker, over whatever plays. Takes the tone, in place of the one before; NULL: none. */
void sound_play_tone(struct sound *sound, struct tone *tone);
void sound_playout_mute(struct sound *sound, bool on);
/* kind: microphone or speaker. */
void sound_switch(struct sound *sound, const char *kind, const char *id);
/* Where the card has no mixer; 1 leaves it as it is. */
void sound_gain(struct sound *sound, const char *kind, double gain);
/* What the network does to packets: percent of loss steers FEC. */
void sound_network(struct sound *sound, int loss_percent, int bitrate_bps);
void sound_stats(struct sound *sound, struct sound_stats *ret_stats);

#endif
