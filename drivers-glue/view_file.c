/* view_png: the newest picture in a file, once a second and at the end. view_raw: every picture appended to a
 * file as I420. view_null: nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/devices/convert.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/png.h"

#define SAVE_INTERVAL_S 1

struct view {
	char *file;
	FILE *out;
	struct converter *converter;
	struct frame *last;
	time_t saved_s;
};

static void view_finish(struct view *view)
{
	if (view->out)
		fclose(view->out);
	frame_release(view->last);
	converter_free(view->converter);
	free(view->file);
	free(view);
}

static int null_open(const char *address, struct view **ret_view, char *why, size_t why_bytes)
{
	struct view *view = calloc(1, sizeof(*view));
	(void)why;
	(void)why_bytes;
	if (!view || !(view->file = strdup(address)) || !(view->converter = converter_new())) {
		if (view)
			view_finish(view);
		return -ENOMEM;
	}
	*ret_view = view;
	return 0;
}

static int null_show(struct view *view, struct frame *frame)
{
	(void)view;
	(void)frame;
	return 0;
}

static int png_open(const char *address, struct view **ret_view, char *why, size_t why_bytes)
{
	if (!address[0]) {
		snprintf(why, why_bytes, "conf: view png: a file name is missing");
		return -EINVAL;
	}
	return null_open(address, ret_view, why, why_bytes);
}

static int save(struct view *view, struct frame *frame)
{
	struct picture picture;
	struct frame *whole = NULL;
	int r = convert(view->converter, frame, frame->width, frame->height, &whole);
	if (r == 0)
		r = frame_picture(whole, &picture);
	if (r == 0)
		r = png_save(view->file, &picture);
	frame_release(whole);
	return r;
}

/* What comes too soon to be saved waits, held, for the end. */
static int png_show(struct view *view, struct frame *frame)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	frame_release(view->last);
	view->last = NULL;
	if (view->saved_s && now.tv_sec < view->saved_s + SAVE_INTERVAL_S) {
		view->last = frame_hold(frame);
		return 0;
	}
	view->saved_s = now.tv_sec;
	return save(view, frame);
}

static void png_close(struct view *view)
{
	if (view->last)
		save(view, view->last);
	view_finish(view);
}

static int raw_open(const char *address, struct view **ret_view, char *why, size_t why_bytes)
{
	int r = png_open(address, ret_view, why, why_bytes);
	if (r < 0)
		return r;
	(*ret_view)->out = fopen(address, "we");
	if ((*ret_view)->out)
		return 0;
	r = -errno;
	snprintf(why, why_bytes, "view raw:%s: %s", address, strerror(-r));
	view_finish(*ret_view);
	return r;
}

static int picture_write(const struct picture *p, FILE *out)
{
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < p->height >> (i > 0); y++) {
			size_t n = (size_t)(p->width >> (i > 0));
			if (fwrite(p->planes[i] + (ptrdiff_t)y * p->strides[i], 1, n, out) != n)
				return -EIO;
		}
	return 0;
}

static int raw_show(struct view *view, struct frame *frame)
{
	struct picture picture;
	struct frame *whole = NULL;
	int r = convert(view->converter, frame, frame->width, frame->height, &whole);
	if (r == 0)
		r = frame_picture(whole, &picture);
	if (r == 0)
		r = picture_write(&picture, view->out);
	frame_release(whole);
	return r;
}

const struct view_driver view_png = { .name = "png", .open = png_open, .show = png_show, .close = png_close };
const struct view_driver view_raw = { .name = "raw", .open = raw_open, .show = raw_show, .close = view_finish };
const struct view_driver view_null = { .name = "null", .open = null_open, .show = null_show,
				       .close = view_finish };
