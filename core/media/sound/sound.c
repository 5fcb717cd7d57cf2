#include "core/media/sound/sound.h"

#include <glib.h>

#include "core/media/sound/microphone.h"
#include "core/media/sound/speaker.h"

#define BITRATE_MIN 6000
#define BITRATE_MAX 128000

struct sound {
	struct echo *echo; /* NULL: not wished for */
	struct microphone *microphone;
	struct speaker *speaker;
};

int sound_start(const struct sound_settings *settings, const struct sound_ops *ops, void *data,
		struct sound **ret_sound)
{
	const struct port_tell tell = { ops->device, data };
	const struct microphone_settings microphone = {
		.wish = settings->microphone,
		.bitrate_bps = CLAMP(settings->bitrate_bps, BITRATE_MIN, BITRATE_MAX),
		.noise_suppress = settings->noise_suppress, .gain_control = settings->gain_control,
	};
	struct sound *sound = g_new0(struct sound, 1);
	int r = settings->echo_cancel ? echo_create(&sound->echo) : 0;
	if (r == 0)
		r = microphone_start(&microphone, sound->echo, ops->packet, &tell, &sound->microphone);
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
	microphone_stats(sound->microphone, &ret_stats->microphone, &ret_stats->captured, &ret_stats->encoded);
	speaker_stats(sound->speaker, &ret_stats->speaker, &ret_stats->jitter);
}
