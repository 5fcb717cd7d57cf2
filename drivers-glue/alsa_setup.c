#include "drivers-glue/alsa_setup.h"

#include <errno.h>
#include <glib.h>

#include "core/devices/sound_device.h"
#include "drivers-glue/alsa_samples.h"

#define BUFFER_US 80000 /* a stall as long as this costs no frame of the microphone */

static int set_format(snd_pcm_t *pcm, snd_pcm_hw_params_t *hw, struct alsa_setup *setup)
{
	int r = -EINVAL;
	for (const snd_pcm_format_t *f = alsa_formats; r < 0 && *f != SND_PCM_FORMAT_UNKNOWN; f++) {
		setup->format = *f;
		r = snd_pcm_hw_params_set_format(pcm, hw, *f);
	}
	return r;
}

static int set_channels(snd_pcm_t *pcm, snd_pcm_hw_params_t *hw, struct alsa_setup *setup)
{
	int r = -EINVAL;
	for (unsigned int n = 1; r < 0 && n <= ALSA_CHANNELS_MAX; n++) {
		setup->channels = n;
		r = snd_pcm_hw_params_set_channels(pcm, hw, n);
	}
	return r;
}

static int set_periods(snd_pcm_t *pcm, snd_pcm_hw_params_t *hw, unsigned int period_us, struct alsa_setup *setup)
{
	setup->period = (snd_pcm_uframes_t)((uint64_t)setup->rate * period_us / 1000000);
	int r = snd_pcm_hw_params_set_period_size_near(pcm, hw, &setup->period, NULL);
	if (r < 0)
		return r;
	setup->buffer = MAX((snd_pcm_uframes_t)((uint64_t)setup->rate * BUFFER_US / 1000000), 4 * setup->period);
	return snd_pcm_hw_params_set_buffer_size_near(pcm, hw, &setup->buffer);
}

static int set_hardware(snd_pcm_t *pcm, unsigned int period_us, struct alsa_setup *setup, const char **ret_what)
{
	snd_pcm_hw_params_t *hw;
	int r;
	snd_pcm_hw_params_alloca(&hw);
	*ret_what = "parameters";
	if ((r = snd_pcm_hw_params_any(pcm, hw)) < 0)
		return r;
	setup->mapped = snd_pcm_hw_params_set_access(pcm, hw, SND_PCM_ACCESS_MMAP_INTERLEAVED) == 0;
	if (!setup->mapped && (r = snd_pcm_hw_params_set_access(pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0)
		return r;
	*ret_what = "16, 24 or 32 bit samples (try plughw:)";
	if ((r = set_format(pcm, hw, setup)) < 0)
		return r;
	*ret_what = "one to eight channels (try plughw:)";
	if ((r = set_channels(pcm, hw, setup)) < 0)
		return r;
	*ret_what = "a sample rate of 8 to 192 kHz";
	setup->rate = SOUND_RATE;
	if ((r = snd_pcm_hw_params_set_rate_near(pcm, hw, &setup->rate, NULL)) < 0)
		return r;
	if (setup->rate < 8000 || setup->rate > 192000)
		return -EINVAL;
	*ret_what = "short periods";
	if ((r = set_periods(pcm, hw, period_us, setup)) < 0)
		return r;
	*ret_what = "parameters";
	if ((r = snd_pcm_hw_params(pcm, hw)) < 0)
		return r;
	snd_pcm_hw_params_get_period_size(hw, &setup->period, NULL);
	snd_pcm_hw_params_get_buffer_size(hw, &setup->buffer);
	return 0;
}

static int set_software(snd_pcm_t *pcm, bool capture, const struct alsa_setup *setup)
{
	snd_pcm_sw_params_t *sw;
	snd_pcm_uframes_t boundary;
	int r;
	snd_pcm_sw_params_alloca(&sw);
	if ((r = snd_pcm_sw_params_current(pcm, sw)) < 0 || (r = snd_pcm_sw_params_get_boundary(sw, &boundary)) < 0)
		return r;
	snd_pcm_uframes_t start = capture ? 1 : MIN(2 * setup->period, setup->buffer);
	if ((r = snd_pcm_sw_params_set_start_threshold(pcm, sw, start)) < 0 ||
	    (r = snd_pcm_sw_params_set_stop_threshold(pcm, sw, boundary)) < 0 ||
	    (r = snd_pcm_sw_params_set_avail_min(pcm, sw, setup->avail_min)) < 0)
		return r;
	if (!capture) { /* what was played is overwritten with silence at once */
		snd_pcm_sw_params_set_silence_threshold(pcm, sw, 0);
		snd_pcm_sw_params_set_silence_size(pcm, sw, boundary);
	}
	snd_pcm_sw_params_set_tstamp_mode(pcm, sw, SND_PCM_TSTAMP_ENABLE);
	snd_pcm_sw_params_set_tstamp_type(pcm, sw, SND_PCM_TSTAMP_TYPE_MONOTONIC);
	return snd_pcm_sw_params(pcm, sw);
}

int alsa_setup(snd_pcm_t *pcm, bool capture, unsigned int period_us, struct alsa_setup *ret_setup,
	       const char **ret_what)
{
	struct alsa_setup setup = { 0 };
	int r = set_hardware(pcm, period_us, &setup, ret_what);
	if (r < 0)
		return r;
	setup.frame_bytes = setup.channels * alsa_sample_bytes(setup.format);
	setup.block = setup.rate / 100;
	/* A packet's blocks are waited for once, where they pass unchanged and the buffer has room for them twice. The
	 * speaker's buffer is kept at two periods, whatever its size. */
	bool many = setup.rate == SOUND_RATE && setup.buffer >= 2 * SOUND_BLOCKS_MAX * setup.block;
	setup.avail_min = many ? SOUND_BLOCKS_MAX * setup.block : setup.block;
	if (!capture && setup.buffer > 2 * setup.period)
		setup.avail_min = MAX(setup.buffer - 2 * setup.period, setup.block);
	*ret_what = "software parameters";
	r = set_software(pcm, capture, &setup);
	if (r == 0)
		*ret_setup = setup;
	return r;
}
