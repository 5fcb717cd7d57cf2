/* draw: a page as a picture, of any size from 320x180; everything scales with the height. Made to be read from
 * three metres: few words, large, light on dark. Pure but for fonts; one thread. */
#ifndef CALLBOX_SCREEN_DRAW_H
#define CALLBOX_SCREEN_DRAW_H

#include <cairo.h>

#include "core/screen/page.h"
#include "core/screen/words.h"

struct draw_now {
	time_t wall;
	int64_t us; /* CLOCK_MONOTONIC */
};

void draw_page(cairo_t *cairo, int width, int height, const struct page *page, enum language language,
	       const struct draw_now *now);
void draw_finish(void); /* fonts; nothing is drawn any more */
/* What of the time can be seen on this page: while it is the same, so is the picture. */
int64_t draw_stamp(const struct page *page, const struct draw_now *now);

#endif
