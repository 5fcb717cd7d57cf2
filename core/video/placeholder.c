#include "core/video/placeholder.h"

#include <glib.h>
#include <string.h>

#define GROUND 60 /* luma */
#define SIGN 170

/* A rectangle or, with rise, one whose right edge is taller by that much on either side: the camera's lens. */
static void block(struct picture *p, int x, int y, int width, int height, int rise, uint8_t luma)
{
	for (int column = 0; column < width; column++) {
		int more = rise * column / width;
		for (int row = y - more; row < y + height + more; row++)
			if (row >= 0 && row < p->height && x + column >= 0 && x + column < p->width)
				p->planes[0][(ptrdiff_t)row * p->strides[0] + x + column] = luma;
	}
}

/* From the lower left to the upper right. */
static void stroke(struct picture *p, int x, int y, int length, int thick, uint8_t luma)
{
	for (int i = 0; i < length; i++)
		block(p, x + i, y - i, thick, thick / 2 + 1, 0, luma);
}

int placeholder_draw(int width, int height, struct frame **ret_frame)
{
	struct picture p;
	int r = frame_new(FRAME_I420, width, height, ret_frame);
	if (r < 0)
		return r;
	frame_picture(*ret_frame, &p);
	picture_fill(&p, GROUND, 128, 128);
	int unit = MIN(width, height) / 24, x = width / 2, y = height / 2;
	if (unit > 0) {
		block(&p, x - 5 * unit, y - 3 * unit, 7 * unit, 6 * unit, 0, SIGN);
		block(&p, x + 5 * unit / 2, y - unit / 2, 2 * unit + unit / 2, unit, 2 * unit, SIGN);
		stroke(&p, x - 5 * unit, y + 5 * unit, 10 * unit, 2 * unit, GROUND);
		stroke(&p, x - 5 * unit + unit / 2, y + 5 * unit, 10 * unit, unit, SIGN);
	}
	(*ret_frame)->capture_us = g_get_monotonic_time();
	return 0;
}
