/* sound_device: microphones and speakers. Sound here is 48 kHz, mono, 16 bit, in blocks of 10 ms.
 * One const struct a driver, listed in drivers-glue/sound_drivers.c. Each stream lives on one thread. */
#ifndef CALLBOX_DEVICES_SOUND_DEVICE_H
#define CALLBOX_DEVICES_SOUND_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_RATE 48000
#define SOUND_BLOCK 480 /* samples */
#define SOUND_BLOCK_MS 10

struct sound_stream;

struct sound_driver {
	const char *name;
	bool live; /* real air between speaker and microphone: echo is possible */
	/* 0 or -errno with words for people in why. */
	int (*open)(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		    size_t why_bytes);
	/* Waits for the next block, paced by the device. 0, or -errno: the device is lost. An overrun is
	 * mended inside and shows in xruns(). */
	int (*read)(struct sound_stream *stream, int16_t block[SOUND_BLOCK]);
	int (*write)(struct sound_stream *stream, const int16_t block[SOUND_BLOCK]);
	unsigned int (*xruns)(const struct sound_stream *stream);
	void (*close)(struct sound_stream *stream);
};

extern const struct sound_driver *const sound_drivers[]; /* NULL-terminated */

/* "DRIVER:ADDRESS"; NULL with why when there is no such driver. */
const struct sound_driver *sound_driver_find(const char *id, const char **ret_address, char *why,
					     size_t why_bytes);

#endif
