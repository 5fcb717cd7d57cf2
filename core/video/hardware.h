/* hardware: whether and when hardware may be tried, for a ladder that goes on in software without it.
 *
 *   fails once          a new context at once: it may have been the context
 *   fails again, hangs  software for the retry time; then a new context
 *
 * A driver that still holds a thread of this process refuses to be entered again; the next call has a process of
 * its own. Pure. */
#ifndef CALLBOX_VIDEO_HARDWARE_H
#define CALLBOX_VIDEO_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

struct hardware {
	int64_t retry_us;
	int64_t not_before_us;
	int64_t failed_us; /* last; 0: never */
	unsigned int failures, switches;
};

#define HARDWARE_RETRY_MS 60000

struct hardware_rules {
	const char *name; /* "auto", "NAME" or "NAME:ADDRESS" of a driver, or "software"; NULL: auto */
	int retry_ms;	  /* 0: HARDWARE_RETRY_MS */
	int after_ms;	  /* hardware is left alone for so long at first */
	/* Who works has changed, and why. On the owner's thread. NULL: nobody wants to know. */
	void (*changed)(const char *words, const char *reason, void *data);
	void *data;
};

void hardware_init(struct hardware *hardware, const struct hardware_rules *rules, int64_t now_us);
bool hardware_may(const struct hardware *hardware, int64_t now_us);
/* error: -ETIMEDOUT for a hang. */
void hardware_failed(struct hardware *hardware, int error, int64_t now_us);
/* It could not be opened. */
void hardware_refused(struct hardware *hardware, int64_t now_us);

#endif
