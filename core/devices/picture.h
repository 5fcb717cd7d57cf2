/* picture: one uncompressed picture, I420 (planar 4:2:0), video range, BT.601 as the encoders here assume.
 * Owner: who made it; plain memory, any one thread at a time. */
#ifndef CALLBOX_DEVICES_PICTURE_H
#define CALLBOX_DEVICES_PICTURE_H

#include <stdint.h>

#define PICTURE_SIDE_MAX 4096

struct picture {
	int width, height; /* even, 16..PICTURE_SIDE_MAX */
	uint8_t *planes[3];
	int strides[3];
	int64_t capture_us; /* CLOCK_MONOTONIC */
	void *memory;
};

/* -EINVAL for impossible sizes. Content is undefined. */
int picture_init(struct picture *picture, int width, int height);
void picture_finish(struct picture *picture);
/* Makes *to the size of *from if it is not, and copies. */
int picture_copy(struct picture *to, const struct picture *from);
void picture_fill(struct picture *picture, uint8_t y, uint8_t u, uint8_t v);

#endif
