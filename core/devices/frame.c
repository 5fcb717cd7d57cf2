#include "core/devices/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static atomic_int living;
static atomic_ullong last_buffer;

void frame_begin(struct frame *frame, const struct frame_ops *ops, void *owner)
{
	frame->ops = ops;
	frame->owner = owner;
	atomic_store(&frame->count, 1);
	atomic_fetch_add(&living, 1);
}

uint64_t frame_buffer_new(void)
{
	return atomic_fetch_add(&last_buffer, 1) + 1;
}

static void plain_give_back(struct frame *frame)
{
	free(frame->owner);
	free(frame);
}

static const struct frame_ops plain_ops = { .give_back = plain_give_back };

/* Where planes lie in one block of memory; returns its size. */
static size_t lay_out(struct frame *f, size_t at[FRAME_PLANES])
{
	size_t w = (size_t)f->width, h = (size_t)f->height;
	memset(at, 0, FRAME_PLANES * sizeof(at[0]));
	switch (f->format) {
	case FRAME_I420:
		f->strides[0] = f->width;
		f->strides[1] = f->strides[2] = f->width / 2;
		at[1] = w * h;
		at[2] = w * h + w * h / 4;
		return w * h * 3 / 2;
	case FRAME_NV12:
		f->strides[0] = f->strides[1] = f->width;
		at[1] = w * h;
		return w * h * 3 / 2;
	case FRAME_YUYV:
	case FRAME_UYVY:
		f->strides[0] = f->width * 2;
		return w * h * 2;
	default:
		return 0;
	}
}

static int plane_count(enum frame_format format)
{
	return format == FRAME_I420 ? 3 : format == FRAME_NV12 ? 2 : 1;
}

int frame_new(enum frame_format format, int width, int height, struct frame **ret_frame)
{
	size_t at[FRAME_PLANES];
	if (width < 16 || height < 16 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
	    width % 2 || height % 2)
		return -EINVAL;
	struct frame *frame = calloc(1, sizeof(*frame));
	if (!frame)
		return -ENOMEM;
	frame->format = format;
	frame->width = width;
	frame->height = height;
	frame->bytes = lay_out(frame, at);
	uint8_t *memory = frame->bytes ? malloc(frame->bytes) : NULL;
	if (!memory) {
		int r = frame->bytes ? -ENOMEM : -EINVAL;
		free(frame);
		return r;
	}
	for (int i = 0; i < plane_count(format); i++)
		frame->planes[i] = memory + at[i];
	frame_begin(frame, &plain_ops, memory);
	*ret_frame = frame;
	return 0;
}

struct frame *frame_hold(struct frame *frame)
{
	atomic_fetch_add_explicit(&frame->count, 1, memory_order_relaxed);
	return frame;
}

void frame_release(struct frame *frame)
{
	if (!frame || atomic_fetch_sub_explicit(&frame->count, 1, memory_order_acq_rel) != 1)
		return;
	atomic_fetch_sub(&living, 1);
	frame->ops->give_back(frame);
}

int frame_map(struct frame *frame)
{
	if (frame->planes[0])
		return 0;
	return frame->ops->map ? frame->ops->map(frame) : -ENOTSUP;
}

int frame_export(struct frame *frame)
{
	if (frame->dmabuf.planes > 0)
		return 0;
	return frame->ops->export ? frame->ops->export(frame) : -ENOTSUP;
}

int frame_picture(struct frame *frame, struct picture *ret_picture)
{
	int r = frame->format == FRAME_I420 ? frame_map(frame) : -EINVAL;
	if (r < 0)
		return r;
	*ret_picture = (struct picture){ .width = frame->width, .height = frame->height,
					 .capture_us = frame->capture_us };
	for (int i = 0; i < 3; i++) {
		ret_picture->planes[i] = frame->planes[i];
		ret_picture->strides[i] = frame->strides[i];
	}
	return 0;
}

int frame_living(void)
{
	return atomic_load(&living);
}

const char *frame_format_name(enum frame_format format)
{
	static const char *const names[FRAME_FORMATS] = { "I420", "NV12", "YUYV", "UYVY", "JPEG", "H264" };
	return (unsigned int)format < FRAME_FORMATS ? names[format] : "?";
}
