/* tones: what the box itself lets be heard: rings and beeps, made here or from a WAV file. One thread at a
 * time. */
#ifndef CALLBOX_MEDIA_SOUND_TONES_H
#define CALLBOX_MEDIA_SOUND_TONES_H

#include <stdbool.h>

#include "core/devices/sound_device.h"

struct tone;

/* what: ring, ringback, busy (five times), beep (once), or a WAV file's absolute path (played again and again).
 * volume: 0..100, 60 dB from loud to quiet; 0 is silent. -errno with words in why. */
int tone_create(const char *what, int volume, struct tone **ret_tone, char *why, size_t why_bytes);
void tone_destroy(struct tone *tone);
/* Lays the next block over what is there; false: the tone is over. */
bool tone_mix(struct tone *tone, int16_t block[SOUND_BLOCK]);

#endif
