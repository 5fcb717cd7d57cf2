#include "drivers-glue/display_kms_draw.h"

#include <errno.h>
#include <libyuv.h>

struct rectangle draw_fit(int frame_width, int frame_height, int width, int height)
{
	struct rectangle at = { .width = width & ~1, .height = height & ~1 };
	if ((int64_t)frame_width * height > (int64_t)frame_height * width)
		at.height = (int)((int64_t)frame_height * width / frame_width) & ~1;
	else
		at.width = (int)((int64_t)frame_width * height / frame_height) & ~1;
	at.width = at.width < 2 ? 2 : at.width;
	at.height = at.height < 2 ? 2 : at.height;
	at.x = ((width - at.width) / 2) & ~1;
	at.y = ((height - at.height) / 2) & ~1;
	return at;
}

void draw_colour(uint8_t *pixels, int stride, const struct rectangle *at, uint32_t xrgb)
{
	ARGBRect(pixels, stride, at->x, at->y, at->width, at->height, xrgb);
}

/* A frame of ours, of this size. */
static int ready(struct frame **slot, int width, int height)
{
	if (*slot && (*slot)->width == width && (*slot)->height == height)
		return 0;
	frame_release(*slot);
	*slot = NULL;
	return frame_new(FRAME_I420, width, height, slot);
}

static int scale(struct drawer *d, const struct frame *from, int width, int height)
{
	int r = ready(&d->scaled, width, height);
	if (r < 0)
		return r;
	struct frame *to = d->scaled;
	I420Scale(from->planes[0], from->strides[0], from->planes[1], from->strides[1], from->planes[2],
		  from->strides[2], from->width, from->height, to->planes[0], to->strides[0], to->planes[1],
		  to->strides[1], to->planes[2], to->strides[2], width, height,
		  width < from->width ? kFilterBox : kFilterBilinear);
	return 0;
}

static int mirror(struct drawer *d, const struct frame *from)
{
	int r = ready(&d->mirrored, from->width, from->height);
	if (r < 0)
		return r;
	struct frame *to = d->mirrored;
	I420Mirror(from->planes[0], from->strides[0], from->planes[1], from->strides[1], from->planes[2],
		   from->strides[2], to->planes[0], to->strides[0], to->planes[1], to->strides[1], to->planes[2],
		   to->strides[2], from->width, from->height);
	return 0;
}

int draw_frame(struct drawer *drawer, struct frame *frame, bool mirrored, uint8_t *pixels, int stride, int width,
	       int height)
{
	struct frame *whole;
	if (!drawer->converter && !(drawer->converter = converter_new()))
		return -ENOMEM;
	if (frame->format == FRAME_NV12 && !mirrored && !frame->full_range && frame->width == width &&
	    frame->height == height && frame_map(frame) == 0) {
		NV12ToARGB(frame->planes[0], frame->strides[0], frame->planes[1], frame->strides[1], pixels, stride,
			   width, height);
		return 0;
	}
	int r = convert(drawer->converter, frame, frame->width, frame->height, &whole);
	if (r < 0)
		return r;
	const struct frame *last = whole;
	if (last->width != width || last->height != height) {
		r = scale(drawer, last, width, height);
		last = drawer->scaled;
	}
	if (r == 0 && mirrored) {
		r = mirror(drawer, last);
		last = drawer->mirrored;
	}
	if (r == 0)
		I420ToARGB(last->planes[0], last->strides[0], last->planes[1], last->strides[1], last->planes[2],
			   last->strides[2], pixels, stride, width, height);
	frame_release(whole);
	return r;
}

void drawer_finish(struct drawer *drawer)
{
	frame_release(drawer->scaled);
	frame_release(drawer->mirrored);
	converter_free(drawer->converter);
	*drawer = (struct drawer){ 0 };
}
