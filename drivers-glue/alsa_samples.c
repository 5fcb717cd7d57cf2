#include "drivers-glue/alsa_samples.h"

#include <string.h>

const snd_pcm_format_t alsa_formats[] = { SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_S24_LE,
					  SND_PCM_FORMAT_S24_3LE, SND_PCM_FORMAT_UNKNOWN };

unsigned int alsa_sample_bytes(snd_pcm_format_t format)
{
	return format == SND_PCM_FORMAT_S16_LE ? 2 : format == SND_PCM_FORMAT_S24_3LE ? 3 : 4;
}

/* The upper 16 bits of a sample: the first of its two most significant bytes stands here. */
static unsigned int top_of(snd_pcm_format_t format)
{
	return format == SND_PCM_FORMAT_S32_LE ? 2 : format == SND_PCM_FORMAT_S16_LE ? 0 : 1;
}

static int sample_get(const uint8_t *top)
{
	return (int16_t)(top[0] | top[1] << 8);
}

void alsa_to_mono(const uint8_t *frames, snd_pcm_format_t format, unsigned int channels, unsigned int count,
		  int16_t *ret_mono)
{
	unsigned int bytes = alsa_sample_bytes(format), step = bytes * channels;
	const uint8_t *at = frames + top_of(format);
	for (unsigned int i = 0; i < count; i++, at += step)
		ret_mono[i] = (int16_t)(channels == 2 ? (sample_get(at) + sample_get(at + bytes)) / 2
						      : sample_get(at));
}

void alsa_from_mono(const int16_t *mono, snd_pcm_format_t format, unsigned int channels, unsigned int count,
		    uint8_t *ret_frames)
{
	unsigned int bytes = alsa_sample_bytes(format), top = top_of(format);
	memset(ret_frames, 0, (size_t)count * channels * bytes);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *frame = ret_frames + (size_t)i * channels * bytes;
		for (unsigned int c = 0; c < channels && c < 2; c++) {
			uint8_t *sample = frame + c * bytes;
			sample[top] = (uint8_t)mono[i];
			sample[top + 1] = (uint8_t)(mono[i] >> 8);
			if (format == SND_PCM_FORMAT_S24_LE)
				sample[3] = mono[i] < 0 ? 0xff : 0; /* the sign goes up to the fourth byte */
		}
	}
}
