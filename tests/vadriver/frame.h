/* frame: planar 4:2:0 picture of whole macroblocks, the encoder's working form of a surface. Owned by who inits. */
#ifndef TESTS_VADRIVER_FRAME_H
#define TESTS_VADRIVER_FRAME_H

#include "tests/vadriver/surface.h"

struct frame {
	int width, height; /* pixels of luma, multiples of 16 */
	int pitch[3]; /* bytes */
	uint8_t *plane[3]; /* Y, Cb, Cr */
};

void frame_init(struct frame *frame, int width_mbs, int height_mbs);
void frame_finish(struct frame *frame);
/* From NV12; what the surface lacks to whole macroblocks repeats its last row and column, unless it is padded. */
void frame_load(struct frame *frame, const struct surface *surface, bool padded);
/* To an NV12 surface of the driver's own, padding included. */
void frame_store(const struct frame *frame, const struct surface *surface);

#endif
