/* alsa_samples: between a card's frames and mono 16 bit. Little endian S16, S32, S24 (in four bytes and in
 * three); 1 to ALSA_CHANNELS_MAX channels. From two channels the mean is taken, from more the first; they are
 * played on the first two, the others are silent. Pure; any thread. */
#ifndef CALLBOX_DRIVERS_GLUE_ALSA_SAMPLES_H
#define CALLBOX_DRIVERS_GLUE_ALSA_SAMPLES_H

#include <alsa/asoundlib.h>
#include <stdint.h>

#define ALSA_CHANNELS_MAX 8
#define ALSA_FRAME_MAX (ALSA_CHANNELS_MAX * 4) /* bytes */

/* In order of preference; SND_PCM_FORMAT_UNKNOWN ends. */
extern const snd_pcm_format_t alsa_formats[];

/* Bytes of one sample. */
unsigned int alsa_sample_bytes(snd_pcm_format_t format);
void alsa_to_mono(const uint8_t *frames, snd_pcm_format_t format, unsigned int channels, unsigned int count,
		  int16_t *ret_mono);
void alsa_from_mono(const int16_t *mono, snd_pcm_format_t format, unsigned int channels, unsigned int count,
		    uint8_t *ret_frames);

#endif
