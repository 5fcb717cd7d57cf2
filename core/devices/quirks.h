/* quirks: what is known to be wrong with single cameras, from quirks.conf(5): sections "[KIND PATTERN]" that each
 * match cameras by driver, card or USB id, and KEY = VALUE lines under them. All sections that match are
 * applied in the file's order, so a later one wins.
 *
 * Any one thread. Errors are text for people: "FILE:LINE: KEY: why". */
#ifndef CALLBOX_DEVICES_QUIRKS_H
#define CALLBOX_DEVICES_QUIRKS_H

#include <stdbool.h>

#include "core/base/settings.h"

struct quirk {
	char *skip_formats;	/* words: V4L2 codes such as NV12 or MJPG; NULL: none */
	char *size;		/* WIDTHxHEIGHT, NULL: as wished */
	int fps;		/* 0: as wished */
	int settle_frames;	/* dropped after each start */
	int warm_up_ms;		/* how long no picture is no stall */
	bool ignore_timestamps; /* the time of arrival is taken */
	bool ignore_sequence;	/* its gaps mean nothing */
	bool expbuf;		/* dma-bufs may be asked for */
	bool convert;		/* libv4l2 converts, whatever the camera says it offers */
	bool h264;		/* its access units may be sent although it cannot be asked for an IDR */
};

struct quirks;

/* What a camera is known by; usb is "046d:0825" or "". */
struct camera_names {
	const char *driver, *card, *usb;
};

/* 0, or -errno with *ret_error (caller frees). */
int quirks_load(const char *file, struct quirks **ret_quirks, char **ret_error);
void quirks_free(struct quirks *quirks);
/* Every field set; quirks NULL: nothing is wrong. The caller frees with quirk_clear(). */
void quirks_find(const struct quirks *quirks, const struct camera_names *names, struct quirk *ret_quirk);
void quirk_clear(struct quirk *quirk);
/* "1280x720" in words; -EINVAL. */
int quirk_size_parse(const char *text, int *ret_width, int *ret_height);

extern const struct setting quirk_table[];

#endif
