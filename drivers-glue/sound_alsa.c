/* sound_alsa: a sound card. 48 kHz, 16 bit; one channel, or the first of two. The buffer is short: two to
 * four periods of 10 ms. An xrun is mended within one period and counted; ENODEV is told at once. */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers-glue/sound_drivers.h"

#define PERIODS 4
#define WAIT_MS 500 /* a dead USB card may never wake poll */
#define CHANNELS_MAX 2

struct sound_stream {
	snd_pcm_t *pcm;
	bool capture;
	unsigned int channels, xruns;
	int16_t frames[SOUND_BLOCK * CHANNELS_MAX];
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
	free(stream);
}

static int set_hardware(struct sound_stream *stream, const char **ret_what)
{
	snd_pcm_hw_params_t *hw;
	snd_pcm_uframes_t period = SOUND_BLOCK, buffer = SOUND_BLOCK * PERIODS;
	unsigned int rate = SOUND_RATE;
	int r;
	snd_pcm_hw_params_alloca(&hw);
	*ret_what = "parameters";
	if ((r = snd_pcm_hw_params_any(stream->pcm, hw)) < 0)
		return r;
	if ((r = snd_pcm_hw_params_set_access(stream->pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0)
		return r;
	*ret_what = "16 bit samples (try plughw:)";
	if ((r = snd_pcm_hw_params_set_format(stream->pcm, hw, SND_PCM_FORMAT_S16_LE)) < 0)
		return r;
	*ret_what = "one or two channels (try plughw:)";
	stream->channels = 1;
	if ((r = snd_pcm_hw_params_set_channels(stream->pcm, hw, 1)) < 0) {
		stream->channels = 2;
		if ((r = snd_pcm_hw_params_set_channels(stream->pcm, hw, 2)) < 0)
			return r;
	}
	*ret_what = "48000 Hz (try plughw:)";
	if ((r = snd_pcm_hw_params_set_rate_near(stream->pcm, hw, &rate, NULL)) < 0)
		return r;
	if (rate != SOUND_RATE)
		return -EINVAL;
	*ret_what = "periods of 10 ms";
	if ((r = snd_pcm_hw_params_set_period_size_near(stream->pcm, hw, &period, NULL)) < 0)
		return r;
	if ((r = snd_pcm_hw_params_set_buffer_size_near(stream->pcm, hw, &buffer)) < 0)
		return r;
	return snd_pcm_hw_params(stream->pcm, hw);
}

static int set_software(struct sound_stream *stream)
{
	snd_pcm_sw_params_t *sw;
	int r;
	snd_pcm_sw_params_alloca(&sw);
	if ((r = snd_pcm_sw_params_current(stream->pcm, sw)) < 0)
		return r;
	if ((r = snd_pcm_sw_params_set_start_threshold(stream->pcm, sw,
						       stream->capture ? 1 : 2 * SOUND_BLOCK)) < 0)
		return r;
	return snd_pcm_sw_params(stream->pcm, sw);
}

static int alsa_open(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		     size_t why_bytes)
{
	const char *what = "the device";
	struct sound_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	snd_lib_error_set_handler(no_print);
	stream->capture = capture;
	int r = snd_pcm_open(&stream->pcm, address, capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK,
			     SND_PCM_NONBLOCK);
	if (r < 0)
		stream->pcm = NULL;
	if (r == 0)
		r = set_hardware(stream, &what);
	if (r == 0)
		r = set_software(stream);
	if (r == 0)
		r = snd_pcm_prepare(stream->pcm);
	if (r == 0 && capture)
		r = snd_pcm_start(stream->pcm);
	if (r < 0) {
		snprintf(why, why_bytes, "%s alsa:%s: %s: %s", capture ? "microphone" : "speaker", address, what,
			 r == -EBUSY	? "busy: another program uses it"
			 : r == -ENOENT ? "there is no such device"
			 : r == -EACCES ? "no permission: add the user to group audio"
					: snd_strerror(r));
		alsa_close(stream);
		return r;
	}
	*ret_stream = stream;
	return 0;
}

/* After an xrun the stream is prepared and, for capture, started again. */
static int mend(struct sound_stream *stream, int r)
{
	if (r != -EPIPE && r != -ESTRPIPE)
		return r;
	stream->xruns++;
	r = snd_pcm_prepare(stream->pcm);
	if (r == 0 && stream->capture)
		r = snd_pcm_start(stream->pcm);
	return r;
}

/* Moves one block; move is snd_pcm_readi or snd_pcm_writei. */
static int transfer(struct sound_stream *stream, int16_t *frames)
{
	snd_pcm_uframes_t done = 0;
	for (int tries = 0; done < SOUND_BLOCK && tries < 64; tries++) {
		int16_t *at = frames + done * stream->channels;
		snd_pcm_sframes_t n = stream->capture ? snd_pcm_readi(stream->pcm, at, SOUND_BLOCK - done)
						      : snd_pcm_writei(stream->pcm, at, SOUND_BLOCK - done);
		if (n > 0) {
			done += (snd_pcm_uframes_t)n;
			continue;
		}
		int r = (int)n;
		if (r == -EAGAIN || r == 0) {
			r = snd_pcm_wait(stream->pcm, WAIT_MS);
			if (r == 0)
				return -EIO;
		}
		if (r < 0 && (r = mend(stream, r)) < 0)
			return r;
	}
	return done == SOUND_BLOCK ? 0 : -EIO;
}

static int alsa_read(struct sound_stream *stream, int16_t block[SOUND_BLOCK])
{
	if (stream->channels == 1)
		return transfer(stream, block);
	int r = transfer(stream, stream->frames);
	for (int i = 0; r == 0 && i < SOUND_BLOCK; i++)
		block[i] = (int16_t)((stream->frames[2 * i] + stream->frames[2 * i + 1]) / 2);
	return r;
}

static int alsa_write(struct sound_stream *stream, const int16_t block[SOUND_BLOCK])
{
	for (int i = 0; i < SOUND_BLOCK; i++)
		for (unsigned int c = 0; c < stream->channels; c++)
			stream->frames[(unsigned int)i * stream->channels + c] = block[i];
	return transfer(stream, stream->frames);
}

static unsigned int alsa_xruns(const struct sound_stream *stream)
{
	return stream->xruns;
}

const struct sound_driver sound_alsa = { .name = "alsa", .live = true, .open = alsa_open, .read = alsa_read,
					 .write = alsa_write, .xruns = alsa_xruns, .close = alsa_close };
