/* sound_device: microphones and speakers. Sound here is 48 kHz, mono, 16 bit, in blocks of 10 ms.
 * One const struct a driver, listed in drivers-glue/sound_drivers.c. Each stream lives on one thread.
 *
 * A device is "DRIVER:ADDRESS". What people wish for is a list of those, best first, separated by blanks; some
 * addresses are wishes themselves ("alsa:match:*usb*") and stand for whatever fits now: sound_devices(). */
#ifndef CALLBOX_DEVICES_SOUND_DEVICE_H
#define CALLBOX_DEVICES_SOUND_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOUND_RATE 48000
#define SOUND_BLOCK 480 /* samples */
#define SOUND_BLOCK_MS 10
#define SOUND_BLOCKS_MAX 2 /* moved at once: a packet's 20 ms */
#define SOUND_ID 128	 /* bytes of a device's name */
#define SOUND_CHOICES 16 /* most devices that a wish stands for */

struct sound_stream;

/* Frames are of 48 kHz and count from the stream's opening, those of an xrun included. */
struct sound_state {
	unsigned int xruns;
	unsigned int restarts; /* of the hardware; across one its counter is known to a millisecond only */
	/* Frames that an xrun cost: as many zeros were read, or as many frames of the speaker's time went by
	 * in silence and must not be played later. */
	uint64_t missed;
	double moved;	     /* the end of what was read or written last, the missed frames included */
	double clock_frames; /* what the hardware had recorded or played ... */
	int64_t clock_us;    /* ... at this CLOCK_MONOTONIC moment; 0: it does not tell */
};

struct sound_driver {
	const char *name;
	bool live; /* real air between speaker and microphone: echo is possible */
	/* 0 or -errno with words for people in why. */
	int (*open)(const char *address, bool capture, struct sound_stream **ret_stream, char *why,
		    size_t why_bytes);
	/* Moves the next blocks, 1..SOUND_BLOCKS_MAX, and waits once for them all, paced by the device. 0, or
	 * -errno: the device is lost. An xrun is mended inside and shows in the state. */
	int (*read)(struct sound_stream *stream, int16_t *samples, unsigned int blocks);
	int (*write)(struct sound_stream *stream, const int16_t *samples, unsigned int blocks);
	void (*state)(const struct sound_stream *stream, struct sound_state *ret_state);
	void (*close)(struct sound_stream *stream);
	/* The devices that an address stands for now, best first; their number. NULL: an address is a device. */
	unsigned int (*expand)(const char *address, bool capture, char (*ret_ids)[SOUND_ID], unsigned int most);
};

extern const struct sound_driver *const sound_drivers[]; /* NULL-terminated */
extern const struct sound_driver sound_null;		  /* paces where there is no device */

/* "DRIVER:ADDRESS"; NULL with why when there is no such driver. */
const struct sound_driver *sound_driver_find(const char *id, const char **ret_address, char *why,
					     size_t why_bytes);
/* The devices of a wish, best first; their number, 1 at least: a wish that nothing fits stands for itself, and
 * opening it says so. */
unsigned int sound_devices(const char *wish, bool capture, char ret_ids[SOUND_CHOICES][SOUND_ID]);

#endif
