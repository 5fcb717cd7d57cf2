/* wav: WAV files (whole numbers of 8, 16, 24 or 32 bit, or floating point of 32 bit) as 48 kHz mono samples. */
#ifndef CALLBOX_DEVICES_WAV_H
#define CALLBOX_DEVICES_WAV_H

#include <stddef.h>
#include <stdint.h>

#define WAV_BYTES_MAX (1L << 28)

/* *ret_samples: malloc'ed, *ret_count at least 1. -EINVAL: no such file format; any other: -errno of the file.
 * why: words for people, the file's name in them. */
int wav_load(const char *file, int16_t **ret_samples, size_t *ret_count, char *why, size_t why_bytes);
/* The same from bytes. -EINVAL or -ENOMEM. */
int wav_parse(const uint8_t *bytes, size_t size, int16_t **ret_samples, size_t *ret_count);

#endif
