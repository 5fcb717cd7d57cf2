/* microphone: microphone → echo, noise, gain → gate, mute → Opus packets. One thread of its own. Verbs: any
 * thread. */
#ifndef CALLBOX_MEDIA_SOUND_MICROPHONE_H
#define CALLBOX_MEDIA_SOUND_MICROPHONE_H

#include "core/media/sound/echo.h"
#include "core/media/sound/port.h"

struct microphone;

struct microphone_settings {
	const char *wish;
	int bitrate_bps;
	bool noise_suppress, gain_control;
};

/* As ops.packet of sound.h. */
typedef void (*microphone_packet_fn)(const uint8_t *opus, size_t bytes, uint32_t rtp_time, bool marker,
				     int64_t capture_us, void *data);

/* echo may be NULL. packet comes from the microphone's thread. */
int microphone_start(const struct microphone_settings *settings, struct echo *echo, microphone_packet_fn packet,
		     const struct port_tell *tell, struct microphone **ret_microphone);
void microphone_stop(struct microphone *microphone);

void microphone_gate(struct microphone *microphone, bool open);
void microphone_mute(struct microphone *microphone, bool on);
void microphone_enable(struct microphone *microphone, bool on);
void microphone_wish(struct microphone *microphone, const char *wish);
void microphone_network(struct microphone *microphone, int loss_percent, int bitrate_bps);
/* In place of a mixer that the card has not: 1 leaves it as it is. */
void microphone_gain(struct microphone *microphone, double gain);
void microphone_stats(struct microphone *microphone, struct port_stats *ret_port, uint64_t *ret_captured,
		      uint64_t *ret_encoded);

#endif
