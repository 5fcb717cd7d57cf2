/* alsa_setup: how a card is made to run: what callbox asks of it and what it got. */
#ifndef CALLBOX_DRIVERS_GLUE_ALSA_SETUP_H
#define CALLBOX_DRIVERS_GLUE_ALSA_SETUP_H

#include <alsa/asoundlib.h>
#include <stdbool.h>

struct alsa_setup {
	bool mapped; /* MMAP access; else read and write */
	snd_pcm_format_t format;
	unsigned int channels, rate, frame_bytes;
	snd_pcm_uframes_t period, buffer;
	snd_pcm_uframes_t block;    /* 10 ms */
	snd_pcm_uframes_t avail_min; /* as much is there, or free, before a wait ends */
};

/* Sets hardware and software parameters; the stream is not prepared. 0, or -errno with what was refused. The
 * stream never stops by itself: an xrun shows as more frames than the buffer holds, and the speaker plays
 * silence meanwhile. */
int alsa_setup(snd_pcm_t *pcm, bool capture, unsigned int period_us, struct alsa_setup *ret_setup,
	       const char **ret_what);

#endif
