/* sound_alsa: a sound card.
 *   alsa:PCM              any PCM of alsa-lib: hw:CARD=PCH, default
 *   alsa:match:PATTERN    cards whose id, name or long name fits
 *   alsa:auto             the first card that has the direction asked for
 *
 *   read:   card ─► transfer (xruns become silence) ─► mono ─► 48 kHz ─► blocks
 *   write:  blocks ─► the card's rate ─► its channels ─► transfer
 *
 * The stream runs on through an xrun; the frames that it cost are counted from the hardware's own pointer. A
 * stream that did stop (a plugin, a suspend) is started again and the frames are counted from the clock. Waiting
 * has a limit: a dead USB card may never wake poll. Three xruns within five seconds: the period is doubled. */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <speex/speex_resampler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sound_cards.h"
#include "drivers-glue/alsa_samples.h"
#include "drivers-glue/alsa_setup.h"
#include "drivers-glue/sound_drivers.h"

#define PERIOD_US 5000
#define PERIOD_MAX_US 20000
#define WAIT_MS 100
#define WAITS_MAX 4 /* as many waits without a frame: it is dead. A process that stood still has not waited */
#define TROUBLES_MAX 8 /* mended so often without a frame: it is dead */
#define GAP_MAX_US 2000000 /* a longer one (suspend) is no xrun: nothing is made up for it */
#define OFTEN 3
#define OFTEN_US 5000000
#define RESUME_TRIES 50
#define QUALITY 5
#define FRAMES_MAX 1920 /* moved at once: 10 ms at 192 kHz, 20 ms where no rate is changed */

struct sound_stream {
	snd_pcm_t *pcm;
	bool capture;
	unsigned int period_us;
	struct alsa_setup setup;
	SpeexResamplerState *resampler; /* NULL at 48 kHz */
	uint8_t raw[FRAMES_MAX * ALSA_FRAME_MAX];
	int16_t mono[FRAMES_MAX + 64];
	int16_t ready[(SOUND_BLOCKS_MAX + 1) * SOUND_BLOCK + 64]; /* read, not yet given */
	unsigned int ready_count;
	int64_t xrun_us[OFTEN]; /* when the last ones were */
	/* below in frames of the card's rate */
	uint64_t moved;	 /* as far as the application pointer went */
	uint64_t insert; /* zeros that the reader gets before the next frame */
	uint64_t missed;
	unsigned int xruns, restarts;
	double clock_frames;
	int64_t clock_us;
};

static void no_print(const char *file, int line, const char *function, int err, const char *format, ...)
{
	(void)file;
	(void)line;
	(void)function;
	(void)err;
	(void)format;
}

static void alsa_close(struct sound_stream *stream)
{
	if (stream->pcm) {
		snd_pcm_drop(stream->pcm);
		snd_pcm_close(stream->pcm);
	}
	if (stream->resampler)
		speex_resampler_destroy(stream->resampler);
	free(stream);
}

static int start(struct sound_stream *stream)
{
	int r = snd_pcm_prepare(stream->pcm);
	return r == 0 && stream->capture ? snd_pcm_start(stream->pcm) : r;
}

/* ---- opening ---- */

static const char *reason(int r)
{
	return r == -EBUSY    ? "busy: another program uses it"
	       : r == -ENOENT || r == -ENODEV ? "there is no such device"
	       : r == -EACCES ? "no permission: add the user to group audio"
			      : snd_strerror(r);
}

static int resampler_open(struct sound_stream *stream)
{
	int error = 0;
	unsigned int rate = stream->setup.rate;
	if (rate == SOUND_RATE)
		return 0;
	stream->resampler = stream->capture ? speex_resampler_init(1, rate, SOUND_RATE, QUALITY, &error)
					    : speex_resampler_init(1, SOUND_RATE, rate, QUALITY, &error);
	return stream->resampler ? 0 : -ENOMEM;
}

static int alsa_open(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		     size_t why_bytes)
{
	const char *what = "the device", *kind = capture ? "microphone" : "speaker";
	if (g_str_has_prefix(address, "match:") || g_str_equal(address, "auto")) {
		snprintf(why, why_bytes, "%s alsa:%s: no sound card with a %s fits", kind, address, kind);
		return -ENODEV;
	}
	struct sound_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	snd_lib_error_set_handler(no_print);
	stream->capture = capture;
	stream->period_us = PERIOD_US;
	int r = snd_pcm_open(&stream->pcm, address, capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK,
			     SND_PCM_NONBLOCK);
	if (r < 0)
		stream->pcm = NULL;
	if (r == 0)
		r = alsa_setup(stream->pcm, capture, stream->period_us, &stream->setup, &what);
	if (r == 0)
		r = resampler_open(stream);
	if (r == 0) {
		what = "starting it";
		r = start(stream);
	}
	if (r < 0) {
		snprintf(why, why_bytes, "%s alsa:%s: %s: %s", kind, address, what, reason(r));
		alsa_close(stream);
		return r;
	}
	*ret_stream = stream;
	return 0;
}

/* ---- xruns ---- */

/* Counts it; true: they come so often that the periods are too short. */
static bool xrun_note(struct sound_stream *stream)
{
	int64_t now = g_get_monotonic_time(), *at = stream->xrun_us;
	stream->xruns++;
	memmove(at, at + 1, (OFTEN - 1) * sizeof(at[0]));
	at[OFTEN - 1] = now;
	return at[0] && now - at[0] < OFTEN_US && stream->period_us < PERIOD_MAX_US;
}

static void clock_set(struct sound_stream *stream, snd_pcm_uframes_t avail, int64_t now_us)
{
	stream->clock_us = now_us;
	stream->clock_frames = (double)stream->moved + (double)avail;
	if (!stream->capture)
		stream->clock_frames -= (double)stream->setup.buffer;
}

static void missed(struct sound_stream *stream, uint64_t frames)
{
	stream->moved += frames;
	stream->missed += frames;
	if (stream->capture)
		stream->insert += frames;
}

static int lengthen(struct sound_stream *stream)
{
	const char *what;
	unsigned int rate = stream->setup.rate;
	stream->period_us *= 2;
	memset(stream->xrun_us, 0, sizeof(stream->xrun_us));
	snd_pcm_drop(stream->pcm);
	snd_pcm_hw_free(stream->pcm);
	int r = alsa_setup(stream->pcm, stream->capture, stream->period_us, &stream->setup, &what);
	return r == 0 && rate != stream->setup.rate ? -EIO : r;
}

/* A stream that stands still runs again. What went by meanwhile is known from the last look at its pointer. */
static int restart(struct sound_stream *stream, bool longer)
{
	stream->restarts++;
	int r = longer ? lengthen(stream) : 0;
	if (r == 0)
		r = start(stream);
	int64_t since = g_get_monotonic_time() - stream->clock_us;
	if (r < 0 || stream->clock_us == 0 || since > GAP_MAX_US)
		return r;
	double now = stream->clock_frames + (double)since * stream->setup.rate / 1e6;
	if (now > (double)stream->moved)
		missed(stream, (uint64_t)(now - (double)stream->moved));
	return 0;
}

/* r: what alsa-lib said. 0: it goes on. */
static int mend(struct sound_stream *stream, int r)
{
	if (r == -ESTRPIPE)
		for (int i = 0; i < RESUME_TRIES && (r = snd_pcm_resume(stream->pcm)) == -EAGAIN; i++)
			poll(NULL, 0, 10);
	if (r == 0)
		return 0;
	if (r == -ENODEV || snd_pcm_state(stream->pcm) == SND_PCM_STATE_DISCONNECTED)
		return -ENODEV;
	return r == -EPIPE || r == -ENOSYS || r == -EAGAIN || r == -ESTRPIPE
		       ? restart(stream, xrun_note(stream)) : r;
}

/* The hardware ran past us: over frames that nobody read, or past the end of what was written. */
static int slip(struct sound_stream *stream, snd_pcm_uframes_t avail)
{
	const struct alsa_setup *setup = &stream->setup;
	if (xrun_note(stream)) {
		clock_set(stream, avail, g_get_monotonic_time());
		return restart(stream, true);
	}
	snd_pcm_uframes_t over = avail - setup->buffer + (stream->capture ? setup->period : 2 * setup->period);
	snd_pcm_sframes_t gone = snd_pcm_forward(stream->pcm, over);
	if (gone > 0)
		missed(stream, (uint64_t)gone);
	return gone < 0 ? (int)gone : 0;
}

/* ---- moving frames ---- */

/* Until poll wakes. -ETIMEDOUT: it did not. */
static int wait_for_it(struct sound_stream *stream)
{
	struct pollfd fds[8];
	unsigned short events = 0;
	int count = snd_pcm_poll_descriptors(stream->pcm, fds, G_N_ELEMENTS(fds));
	if (count <= 0 || count > (int)G_N_ELEMENTS(fds))
		return -EIO;
	int r = poll(fds, (nfds_t)count, WAIT_MS);
	if (r <= 0)
		return r == 0 ? -ETIMEDOUT : 0;
	if (snd_pcm_poll_descriptors_revents(stream->pcm, fds, (unsigned int)count, &events) < 0)
		return -EIO;
	if (!(events & (POLLERR | POLLHUP | POLLNVAL)))
		return 0;
	switch (snd_pcm_state(stream->pcm)) {
	case SND_PCM_STATE_XRUN: return -EPIPE;
	case SND_PCM_STATE_SUSPENDED: return -ESTRPIPE;
	default: return -ENODEV;
	}
}

static snd_pcm_sframes_t move(struct sound_stream *stream, uint8_t *raw, snd_pcm_uframes_t frames)
{
	if (stream->setup.mapped)
		return stream->capture ? snd_pcm_mmap_readi(stream->pcm, raw, frames)
				       : snd_pcm_mmap_writei(stream->pcm, raw, frames);
	return stream->capture ? snd_pcm_readi(stream->pcm, raw, frames)
			       : snd_pcm_writei(stream->pcm, raw, frames);
}

/* How many frames can be moved now, after looking at the hardware's pointer; 0: look again. A microphone's first ones
 * are not taken before all are there: a part would make the next wait longer than what it waits for. */
static snd_pcm_sframes_t room(struct sound_stream *stream, unsigned int frames, bool first)
{
	snd_pcm_uframes_t least = stream->setup.avail_min;

	snd_pcm_sframes_t avail = snd_pcm_avail(stream->pcm);
	if (avail < 0)
		return avail;
	if ((snd_pcm_uframes_t)avail > stream->setup.buffer)
		return slip(stream, (snd_pcm_uframes_t)avail);
	if (stream->capture)
		least = MIN(least, frames);
	return (snd_pcm_uframes_t)avail >= (first ? least : 1) ? avail : wait_for_it(stream);
}

static void clock_note(struct sound_stream *stream)
{
	snd_pcm_uframes_t avail;
	snd_htimestamp_t at;
	if (snd_pcm_htimestamp(stream->pcm, &avail, &at) < 0 || (at.tv_sec == 0 && at.tv_nsec == 0))
		return;
	clock_set(stream, avail, (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000);
}

/* Moves frames as far as it goes without trouble; their number, or -errno. */
static snd_pcm_sframes_t move_some(struct sound_stream *stream, uint8_t *at, unsigned int frames, bool first)
{
	if (stream->insert > 0) {
		unsigned int n = (unsigned int)MIN(stream->insert, frames);
		memset(at, 0, (size_t)n * stream->setup.frame_bytes);
		stream->insert -= n;
		return n;
	}
	snd_pcm_sframes_t n = room(stream, frames, first);
	if (n > 0)
		n = move(stream, at, MIN((snd_pcm_uframes_t)n, frames));
	if (n > 0)
		stream->moved += (uint64_t)n;
	return n == -EAGAIN ? 0 : n;
}

static int transfer(struct sound_stream *stream, uint8_t *raw, unsigned int frames)
{
	unsigned int done = 0;
	int waits = 0, troubles = 0;
	while (done < frames) {
		snd_pcm_sframes_t n = move_some(stream, raw + (size_t)done * stream->setup.frame_bytes,
						frames - done, done == 0);
		if (n == -ETIMEDOUT && ++waits < WAITS_MAX)
			continue;
		if (n <= 0 && ++troubles > TROUBLES_MAX * WAITS_MAX)
			return -EIO;
		if (n < 0 && (n = n == -ETIMEDOUT ? -EIO : mend(stream, (int)n)) < 0)
			return (int)n;
		if (n > 0) {
			done += (unsigned int)n;
			waits = troubles = 0;
		}
	}
	clock_note(stream);
	return 0;
}

/* Adds to what is ready: all that is wanted, or as much as is resampled at once. */
static int some_read(struct sound_stream *stream, unsigned int wanted)
{
	const struct alsa_setup *setup = &stream->setup;
	int16_t *to = stream->ready + stream->ready_count;
	spx_uint32_t in = stream->resampler ? (spx_uint32_t)setup->block : wanted - stream->ready_count;
	spx_uint32_t out = SOUND_BLOCK + 32;
	int r = transfer(stream, stream->raw, in);
	if (r < 0)
		return r;
	alsa_to_mono(stream->raw, setup->format, setup->channels, in, stream->resampler ? stream->mono : to);
	if (stream->resampler)
		speex_resampler_process_int(stream->resampler, 0, stream->mono, &in, to, &out);
	stream->ready_count += stream->resampler ? out : in;
	return 0;
}

static int alsa_read(struct sound_stream *stream, int16_t *samples, unsigned int blocks)
{
	unsigned int wanted = blocks * SOUND_BLOCK;
	while (stream->ready_count < wanted) {
		int r = some_read(stream, wanted);
		if (r < 0)
			return r;
	}
	memcpy(samples, stream->ready, wanted * sizeof(samples[0]));
	stream->ready_count -= wanted;
	memmove(stream->ready, stream->ready + wanted, stream->ready_count * sizeof(samples[0]));
	return 0;
}

static int some_write(struct sound_stream *stream, const int16_t *samples, unsigned int count)
{
	const struct alsa_setup *setup = &stream->setup;
	spx_uint32_t in = count, out = FRAMES_MAX;
	if (stream->resampler)
		speex_resampler_process_int(stream->resampler, 0, samples, &in, stream->mono, &out);
	else
		out = in;
	alsa_from_mono(stream->resampler ? stream->mono : samples, setup->format, setup->channels, out, stream->raw);
	return transfer(stream, stream->raw, out);
}

static int alsa_write(struct sound_stream *stream, const int16_t *samples, unsigned int blocks)
{
	unsigned int count = blocks * SOUND_BLOCK, step = stream->resampler ? SOUND_BLOCK : count;
	int r = 0;
	for (unsigned int at = 0; r == 0 && at < count; at += step)
		r = some_write(stream, samples + at, step);
	return r;
}

static void alsa_state(const struct sound_stream *stream, struct sound_state *ret_state)
{
	double scale = (double)SOUND_RATE / stream->setup.rate;
	*ret_state = (struct sound_state){
		.xruns = stream->xruns,
		.restarts = stream->restarts,
		.missed = (uint64_t)((double)stream->missed * scale),
		.moved = (double)(stream->moved - stream->insert) * scale - stream->ready_count,
		.clock_frames = stream->clock_frames * scale,
		.clock_us = stream->clock_us,
	};
}

/* ---- which card ---- */

static unsigned int alsa_expand(const char *address, bool capture, char (*ret_ids)[SOUND_ID], unsigned int most)
{
	struct sound_card cards[SOUND_CARDS_MAX];
	const char *pattern = g_str_has_prefix(address, "match:") ? address + 6 : NULL;
	unsigned int found = 0;
	if (!pattern && !g_str_equal(address, "auto"))
		return 0;
	unsigned int count = sound_cards_load(SOUND_CARDS_PROC, cards);
	/* A cable that nobody can hear is automatic only where there is nothing else. */
	for (int loopback = 0; loopback <= (pattern ? 0 : 1) && found == 0; loopback++)
		for (unsigned int i = 0; i < count && found < most; i++) {
			int device = capture ? cards[i].microphone : cards[i].speaker;
			if (device < 0 || (pattern ? !sound_card_fits(&cards[i], pattern)
						   : sound_card_is_loopback(&cards[i]) != loopback))
				continue;
			g_snprintf(ret_ids[found++], SOUND_ID, "alsa:hw:CARD=%s,DEV=%d", cards[i].id, device);
		}
	return found;
}

const struct sound_driver sound_alsa = { .name = "alsa", .live = true, .open = alsa_open, .read = alsa_read,
					 .write = alsa_write, .state = alsa_state, .close = alsa_close,
					 .expand = alsa_expand };
