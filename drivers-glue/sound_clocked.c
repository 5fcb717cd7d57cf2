/* sound_tone, sound_file, sound_null: sound without a card, paced by CLOCK_MONOTONIC.
 *   tone:HERTZ  a sine at -12 dBFS; as a speaker it is refused
 *   file:WAV    a microphone that plays the file again and again, a speaker that writes one
 *   null:       silence */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/devices/wav.h"
#include "drivers-glue/sound_drivers.h"

#define WAV_HEADER 44
#define HEADER_EVERY 25 /* writes between updates of the sizes, so that a killed writer leaves a good file */

struct sound_stream {
	int64_t next_us;
	double phase, step;
	int fd;
	uint32_t bytes;
	unsigned int writes;
	int16_t *samples; /* of a file that is played */
	size_t count, at;
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void pace(struct sound_stream *stream, unsigned int blocks)
{
	int64_t now = now_us();
	if (stream->next_us == 0 || now - stream->next_us > 500000)
		stream->next_us = now; /* stopped for long: no burst */
	const struct timespec until = { .tv_sec = stream->next_us / 1000000,
					.tv_nsec = stream->next_us % 1000000 * 1000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	stream->next_us += blocks * SOUND_BLOCK_MS * 1000;
}

static struct sound_stream *stream_new(void)
{
	struct sound_stream *stream = calloc(1, sizeof(*stream));
	if (stream)
		stream->fd = -1;
	return stream;
}

/* No hardware: no xruns, no clock. */
static void no_state(const struct sound_stream *stream, struct sound_state *ret_state)
{
	(void)stream;
	*ret_state = (struct sound_state){ 0 };
}

static int null_open(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		     size_t why_bytes)
{
	(void)address;
	(void)capture;
	(void)why;
	(void)why_bytes;
	*ret_stream = stream_new();
	return *ret_stream ? 0 : -ENOMEM;
}

static int null_read(struct sound_stream *stream, int16_t *samples, unsigned int blocks)
{
	pace(stream, blocks);
	memset(samples, 0, blocks * SOUND_BLOCK * sizeof(samples[0]));
	return 0;
}

static int null_write(struct sound_stream *stream, const int16_t *samples, unsigned int blocks)
{
	(void)samples;
	pace(stream, blocks);
	return 0;
}

static void stream_close(struct sound_stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->samples);
	free(stream);
}

const struct sound_driver sound_null = { .name = "null", .open = null_open, .read = null_read,
					 .write = null_write, .state = no_state, .close = stream_close };

/* ---- tone ---- */

static int tone_open(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		     size_t why_bytes)
{
	char *end;
	double hertz = strtod(address, &end);
	if (!capture || end == address || *end || !(hertz >= 20 && hertz <= 20000)) {
		snprintf(why, why_bytes, !capture ? "tone:%s: a tone is no speaker"
						  : "tone:%s: 20 to 20000 hertz are needed", address);
		return -EINVAL;
	}
	if (!(*ret_stream = stream_new()))
		return -ENOMEM;
	(*ret_stream)->step = 2 * M_PI * hertz / SOUND_RATE;
	return 0;
}

/* Turned on from sample to sample, exact again at each begin. */
static int tone_read(struct sound_stream *stream, int16_t *samples, unsigned int blocks)
{
	double x = 8231 * cos(stream->phase), y = 8231 * sin(stream->phase);
	const double turn_x = cos(stream->step), turn_y = sin(stream->step);
	unsigned int count = blocks * SOUND_BLOCK;
	pace(stream, blocks);
	for (unsigned int i = 0; i < count; i++) {
		samples[i] = (int16_t)lrint(y);
		double next = x * turn_x - y * turn_y;
		y = x * turn_y + y * turn_x;
		x = next;
	}
	stream->phase = fmod(stream->phase + count * stream->step, 2 * M_PI);
	return 0;
}

const struct sound_driver sound_tone = { .name = "tone", .open = tone_open, .read = tone_read,
					 .write = null_write, .state = no_state, .close = stream_close };

/* ---- WAV files ---- */

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static int header_write(struct sound_stream *stream)
{
	uint8_t h[WAV_HEADER] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0";
	put32(h + 4, stream->bytes + WAV_HEADER - 8);
	put32(h + 24, SOUND_RATE);
	put32(h + 28, SOUND_RATE * 2);
	h[32] = 2;
	h[34] = 16;
	memcpy(h + 36, "data", 4);
	put32(h + 40, stream->bytes);
	return pwrite(stream->fd, h, sizeof(h), 0) == WAV_HEADER ? 0 : -EIO;
}

/* One writer at a time, as with a card. */
static int file_create(struct sound_stream *stream, const char *file)
{
	stream->fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (stream->fd < 0)
		return -errno;
	if (flock(stream->fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(stream->fd);
		stream->fd = -1;
		return r;
	}
	return ftruncate(stream->fd, 0) < 0 && errno != EINVAL ? -errno : header_write(stream);
}

static int file_open(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		     size_t why_bytes)
{
	struct sound_stream *stream = stream_new();
	if (!stream)
		return -ENOMEM;
	int r = 0;
	if (capture) {
		r = wav_load(address, &stream->samples, &stream->count, why, why_bytes);
	} else {
		r = file_create(stream, address);
		if (r < 0)
			snprintf(why, why_bytes, "file:%s: %s", address,
				 r == -EBUSY ? "busy: another program writes it" : strerror(-r));
	}
	if (r < 0) {
		stream_close(stream);
		return r;
	}
	*ret_stream = stream;
	return 0;
}

static int file_read(struct sound_stream *stream, int16_t *samples, unsigned int blocks)
{
	pace(stream, blocks);
	for (unsigned int i = 0; i < blocks * SOUND_BLOCK; i++) {
		samples[i] = stream->samples[stream->at];
		stream->at = (stream->at + 1) % stream->count;
	}
	return 0;
}

static int file_write(struct sound_stream *stream, const int16_t *samples, unsigned int blocks)
{
	uint32_t bytes = blocks * SOUND_BLOCK * sizeof(samples[0]);
	pace(stream, blocks);
	if (stream->bytes > UINT32_MAX - WAV_HEADER - bytes)
		return 0; /* a WAV file ends at 4 GiB */
	if (pwrite(stream->fd, samples, bytes, WAV_HEADER + (off_t)stream->bytes) != (ssize_t)bytes)
		return -EIO;
	stream->bytes += bytes;
	return ++stream->writes % HEADER_EVERY == 0 ? header_write(stream) : 0;
}

static void file_close(struct sound_stream *stream)
{
	if (stream->fd >= 0)
		header_write(stream);
	stream_close(stream);
}

const struct sound_driver sound_file = { .name = "file", .open = file_open, .read = file_read,
					 .write = file_write, .state = no_state, .close = file_close };
