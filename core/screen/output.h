/* output: where pages go: a screen (kms:auto, kms:CARD, kms:CARD:CONNECTOR) or a file (png:FILE).
 * Owner: callbox-screen's main loop. */
#ifndef CALLBOX_SCREEN_OUTPUT_H
#define CALLBOX_SCREEN_OUTPUT_H

#include <cairo.h>
#include <stdbool.h>
#include <stddef.h>

struct output;

/* want: a picture is wanted: the output's size is another one, or the last picture could not be taken and now can.
 * told: outputs that were lost or found, with words. mode: as in display_kms.h; a file has 1920x1080 by default. */
struct output_ops {
	void (*want)(void *data);
	void (*told)(const char *state, const char *text, void *data); /* opened, lost, failed */
};

/* mine: whether the screen may be taken now. It is opened as soon as that is possible, tried again every second. */
struct output *output_new(const char *where, const char *mode, bool mine, const struct output_ops *ops, void *data);
void output_free(struct output *output);

/* The picture to draw on, whole; NULL: there is nothing to draw on now. Then output_paint(). */
cairo_surface_t *output_surface(struct output *output);
void output_paint(struct output *output);
void output_blank(struct output *output);

void output_yield(struct output *output); /* at once; the last picture stays until the other's first */
void output_take(struct output *output);  /* as soon as the other has let it go; then want() */

#endif
