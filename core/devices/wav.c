#include "core/devices/wav.h"

#include <errno.h>
#include <math.h>
#include <speex/speex_resampler.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define CHANNELS_MAX 8
#define CHUNK 4096 /* frames resampled at once */
#define QUALITY 7

enum { PCM = 1, FLOATING = 3, EXTENSIBLE = 0xfffe };

struct format {
	unsigned int kind, channels, rate, bits;
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)(p[0] | p[1] << 8);
}

static bool format_parse(const uint8_t *body, size_t length, struct format *format)
{
	*format = (struct format){ .kind = get16(body), .channels = get16(body + 2), .rate = get32(body + 4),
				   .bits = get16(body + 14) };
	if (format->kind == EXTENSIBLE && length >= 26)
		format->kind = get16(body + 24);
	bool bits = format->kind == FLOATING ? format->bits == 32
					     : format->kind == PCM && format->bits >= 8 && format->bits <= 32 &&
						       format->bits % 8 == 0;
	return bits && format->channels >= 1 && format->channels <= CHANNELS_MAX && format->rate >= 4000 &&
	       format->rate <= 384000;
}

static int sample(const uint8_t *at, const struct format *format)
{
	if (format->kind == FLOATING) {
		uint32_t raw = get32(at);
		float value;
		memcpy(&value, &raw, sizeof(value));
		return value >= -1 && value <= 1 ? (int)lrintf(value * 32767) : 0;
	}
	if (format->bits == 8)
		return (at[0] - 128) * 256;
	return (int16_t)get16(at + format->bits / 8 - 2);
}

/* The mean of the channels. */
static void to_mono(const uint8_t *body, const struct format *format, size_t frames, int16_t *mono)
{
	size_t bytes = format->bits / 8;
	for (size_t i = 0; i < frames; i++) {
		int sum = 0;
		for (unsigned int c = 0; c < format->channels; c++, body += bytes)
			sum += sample(body, format);
		mono[i] = (int16_t)(sum / (int)format->channels);
	}
}

static int resample(const int16_t *in, size_t count, unsigned int rate, int16_t *out, size_t room, size_t *ret_count)
{
	int error;
	SpeexResamplerState *state = speex_resampler_init(1, rate, RATE, QUALITY, &error);
	if (!state)
		return -ENOMEM;
	size_t done = 0;
	for (size_t at = 0; at < count && done < room;) {
		spx_uint32_t n = (spx_uint32_t)(count - at < CHUNK ? count - at : CHUNK);
		spx_uint32_t m = (spx_uint32_t)(room - done < UINT32_MAX ? room - done : UINT32_MAX);
		speex_resampler_process_int(state, 0, in + at, &n, out + done, &m);
		at += n;
		done += m;
		if (n == 0 && m == 0)
			break;
	}
	speex_resampler_destroy(state);
	*ret_count = done;
	return 0;
}

static int decode(const uint8_t *body, size_t length, const struct format *format, int16_t **ret_samples,
		  size_t *ret_count)
{
	size_t frames = length / (format->bits / 8 * format->channels), count = frames;
	if (frames == 0)
		return -EINVAL;
	int16_t *mono = malloc(frames * sizeof(*mono));
	if (!mono)
		return -ENOMEM;
	to_mono(body, format, frames, mono);
	if (format->rate != RATE) {
		size_t room = (size_t)((uint64_t)frames * RATE / format->rate) + 64;
		int16_t *out = malloc(room * sizeof(*out));
		int r = out ? resample(mono, frames, format->rate, out, room, &count) : -ENOMEM;
		free(mono);
		if (r < 0 || count == 0) {
			free(out);
			return r < 0 ? r : -EINVAL;
		}
		mono = out;
	}
	*ret_samples = mono;
	*ret_count = count;
	return 0;
}

int wav_parse(const uint8_t *bytes, size_t size, int16_t **ret_samples, size_t *ret_count)
{
	struct format format;
	bool known = false;
	if (size < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
		return -EINVAL;
	for (size_t at = 12; at + 8 <= size;) {
		size_t length = get32(bytes + at + 4);
		const uint8_t *body = bytes + at + 8;
		if (length > size - at - 8)
			length = size - at - 8;
		if (memcmp(bytes + at, "fmt ", 4) == 0 && length >= 16)
			known = format_parse(body, length, &format);
		if (memcmp(bytes + at, "data", 4) == 0 && known)
			return decode(body, length, &format, ret_samples, ret_count);
		at += 8 + length + (length & 1);
	}
	return -EINVAL;
}

int wav_load(const char *file, int16_t **ret_samples, size_t *ret_count, char *why, size_t why_bytes)
{
	FILE *in = fopen(file, "re");
	uint8_t *bytes = NULL;
	long size = -1;
	int r = in ? 0 : -errno;
	if (r == 0 && (fseek(in, 0, SEEK_END) < 0 || (size = ftell(in)) < 0 || size > WAV_BYTES_MAX))
		r = -EFBIG;
	if (r == 0 && !(bytes = malloc((size_t)size + 1)))
		r = -ENOMEM;
	if (r == 0) {
		rewind(in);
		r = fread(bytes, 1, (size_t)size, in) == (size_t)size
			    ? wav_parse(bytes, (size_t)size, ret_samples, ret_count) : -EIO;
	}
	if (in)
		fclose(in);
	free(bytes);
	if (r < 0)
		snprintf(why, why_bytes, "%s: %s", file,
			 r == -EINVAL ? "not a WAV file of whole numbers or floats, 1 to 8 channels" : strerror(-r));
	return r;
}
