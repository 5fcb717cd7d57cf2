#include "core/media/sound/sound.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>

#include "core/media/sound/microphone.h"
#include "core/media/sound/speaker.h"

#define BITRATE_MIN 6000
#define BITRATE_MAX 128000

struct sound {
	const struct sound_ops *ops;
	void *data;
	struct echo *echo; /* NULL: not wished for */
	struct microphone *microphone;
	struct speaker *speaker;
	struct sound_drift *drifts; /* read-only */
	unsigned int drift_count;
	pthread_mutex_t lock; /* protects which devices are open */
	char microphone_id[SOUND_ID], speaker_id[SOUND_ID];
};

/* Two devices are open: what was measured of their clocks before. */
static void hint(struct sound *sound)
{
	double ppm = 0;
	for (unsigned int i = 0; i < sound->drift_count; i++)
		if (strcmp(sound->drifts[i].microphone, sound->microphone_id) == 0 &&
		    strcmp(sound->drifts[i].speaker, sound->speaker_id) == 0)
			ppm = sound->drifts[i].ppm;
	echo_hint(sound->echo, ppm);
}

/* From either port's thread. */
static void on_device(const char *kind, const char *id, const char *state, const char *message, void *data)
{
	struct sound *sound = data;
	bool open = g_str_equal(state, "opened") || g_str_equal(state, "back");
	pthread_mutex_lock(&sound->lock);
	char *place = g_str_equal(kind, "speaker") ? sound->speaker_id : sound->microphone_id;
	g_strlcpy(place, open ? id : "", SOUND_ID);
	if (open && sound->echo)
		hint(sound);
	pthread_mutex_unlock(&sound->lock);
	sound->ops->device(kind, id, state, message, sound->data);
}

static void on_packet(const uint8_t *opus, size_t bytes, uint32_t rtp_time, bool marker, int64_t capture_us,
		      void *data)
{
	struct sound *sound = data;
	sound->ops->packet(opus, bytes, rtp_time, marker, capture_us, sound->data);
}

int sound_start(const struct sound_settings *settings, const struct sound_ops *ops, void *data,
		struct sound **ret_sound)
{
	const struct microphone_settings microphone = {
		.wish = settings->microphone,
		.bitrate_bps = CLAMP(settings->bitrate_bps, BITRATE_MIN, BITRATE_MAX),
		.noise_suppress = settings->noise_suppress, .gain_control = settings->gain_control,
	};
	struct sound *sound = g_new0(struct sound, 1);
	const struct port_tell tell = { on_device, sound };
	sound->ops = ops;
	sound->data = data;
	sound->drifts = g_memdup2(settings->drifts, settings->drift_count * sizeof(settings->drifts[0]));
	sound->drift_count = settings->drift_count;
	pthread_mutex_init(&sound->lock, NULL);
	int r = settings->echo_cancel ? echo_create(&sound->echo) : 0;
	if (r == 0)
		r = microphone_start(&microphone, sound->echo, on_packet, &tell, &sound->microphone);
	if (r == 0)
		r = speaker_start(settings->speaker, sound->echo, &tell, &sound->speaker);
	if (r < 0) {
		sound_stop(sound);
		return r;
	}
	*ret_sound = sound;
	return 0;
}

void sound_stop(struct sound *sound)
{
	if (!sound)
		return;
	microphone_stop(sound->microphone);
	speaker_stop(sound->speaker);
	echo_destroy(sound->echo);
	pthread_mutex_destroy(&sound->lock);
	g_free(sound->drifts);
	g_free(sound);
}

void sound_receive(struct sound *sound, const uint8_t *opus, size_t bytes, uint16_t sequence,
		   uint32_t rtp_time, int64_t arrival_us)
{
	speaker_receive(sound->speaker, opus, bytes, sequence, rtp_time, arrival_us);
}

void sound_gate(struct sound *sound, bool open)
{
	microphone_gate(sound->microphone, open);
}

void sound_mute(struct sound *sound, bool on)
{
	microphone_mute(sound->microphone, on);
}

void sound_enable(struct sound *sound, bool on)
{
	microphone_enable(sound->microphone, on);
}

void sound_play_tone(struct sound *sound, struct tone *tone)
{
	speaker_tone(sound->speaker, tone);
}

void sound_playout_mute(struct sound *sound, bool on)
{
	speaker_mute(sound->speaker, on);
}

void sound_switch(struct sound *sound, const char *kind, const char *id)
{
	if (g_str_equal(kind, "speaker"))
		speaker_wish(sound->speaker, id);
	else
		microphone_wish(sound->microphone, id);
}

void sound_gain(struct sound *sound, const char *kind, double gain)
{
	if (g_str_equal(kind, "speaker"))
		speaker_gain(sound->speaker, gain);
	else
		microphone_gain(sound->microphone, gain);
}

void sound_network(struct sound *sound, int loss_percent, int bitrate_bps)
{
	microphone_network(sound->microphone, CLAMP(loss_percent, 0, 50),
			   CLAMP(bitrate_bps, BITRATE_MIN, BITRATE_MAX));
}

void sound_stats(struct sound *sound, struct sound_stats *ret_stats)
{
	memset(&ret_stats->echo, 0, sizeof(ret_stats->echo));
	microphone_stats(sound->microphone, &ret_stats->microphone, &ret_stats->captured, &ret_stats->encoded);
	speaker_stats(sound->speaker, &ret_stats->speaker, &ret_stats->jitter);
	if (sound->echo)
		echo_stats(sound->echo, &ret_stats->echo);
}
