/* display_kms_draw: frames as XRGB8888 pixels of any size: what planes do where hardware has them. One thread. */
#ifndef CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_DRAW_H
#define CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_DRAW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/devices/convert.h"

struct drawer {
	struct converter *converter;
	struct frame *scaled, *mirrored; /* kept from picture to picture */
};

struct rectangle {
	int x, y, width, height;
};

/* Scales the frame to width x height at pixels. 0, -EBADMSG: damaged, -ENOTSUP: no picture, -ENOMEM. */
int draw_frame(struct drawer *drawer, struct frame *frame, bool mirror, uint8_t *pixels, int stride, int width,
	       int height);
void draw_colour(uint8_t *pixels, int stride, const struct rectangle *at, uint32_t xrgb);
void drawer_finish(struct drawer *drawer);

/* The largest place within width x height that keeps the aspect, in the middle; even numbers. */
struct rectangle draw_fit(int frame_width, int frame_height, int width, int height);

#endif
