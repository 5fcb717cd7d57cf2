/* pattern: the test picture: a frame number and a capture time in blocks that survive encoding at
 * 100 kbit/s, colour bars and something that moves. Pure; any thread. */
#ifndef CALLBOX_DRIVERS_GLUE_PATTERN_H
#define CALLBOX_DRIVERS_GLUE_PATTERN_H

#include "core/devices/picture.h"

struct pattern_mark {
	uint32_t number;  /* of the frame */
	uint32_t time_ms; /* CLOCK_MONOTONIC milliseconds, 28 bits */
};
#define PATTERN_TIME_MASK 0x0fffffffu

/* Draws into a picture at least 320 wide and 64 high. */
void pattern_draw(struct picture *picture, const struct pattern_mark *mark);
/* 0, or -ENOENT when the picture bears no intact mark. */
int pattern_read(const struct picture *picture, struct pattern_mark *ret_mark);

#endif
