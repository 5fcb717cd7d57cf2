#include "drivers-glue/camera_h264.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAL_SLICE = 1, NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8 };

/* Where the next unit's start code begins, from at on; size when there is none. */
static size_t start_code(const uint8_t *bytes, size_t size, size_t at)
{
	for (; at + 3 < size; at++)
		if (bytes[at] == 0 && bytes[at + 1] == 0 && bytes[at + 2] == 1)
			return at;
	return size;
}

struct found {
	bool idr, slice, sps, pps;
	uint8_t sets[CAMERA_H264_SETS_MAX];
	size_t bytes;
};

static void set_keep(struct found *f, const uint8_t *unit, size_t size)
{
	if (f->bytes + 1 + size > sizeof(f->sets))
		return;
	f->sets[f->bytes++] = 0; /* a start code of four bytes, as an access unit begins */
	memcpy(f->sets + f->bytes, unit, size);
	f->bytes += size;
}

static void look(const uint8_t *bytes, size_t size, struct found *f)
{
	size_t at = start_code(bytes, size, 0);
	while (at < size) {
		size_t end = start_code(bytes, size, at + 3);
		int type = bytes[at + 3] & 31;
		size_t stop = end;
		while (stop > at + 4 && bytes[stop - 1] == 0) /* belongs to the next start code */
			stop--;
		f->idr |= type == NAL_IDR;
		f->slice |= type == NAL_SLICE || type == NAL_IDR;
		f->sps |= type == NAL_SPS;
		f->pps |= type == NAL_PPS;
		if (type == NAL_SPS || type == NAL_PPS)
			set_keep(f, bytes + at, stop - at);
		at = end;
	}
}

static void copy_give_back(struct frame *frame)
{
	free(frame->planes[0]);
	free(frame);
}

static const struct frame_ops copy_ops = { .give_back = copy_give_back };

static struct frame *with_sets(const struct camera_h264 *h264, const struct frame *from)
{
	struct frame *frame = calloc(1, sizeof(*frame));
	uint8_t *memory = malloc(h264->bytes + from->bytes);
	if (!frame || !memory) {
		free(frame);
		free(memory);
		return NULL;
	}
	memcpy(memory, h264->sets, h264->bytes);
	memcpy(memory + h264->bytes, from->planes[0], from->bytes);
	frame->format = FRAME_H264;
	frame->width = from->width;
	frame->height = from->height;
	frame->capture_us = from->capture_us;
	frame->planes[0] = memory;
	frame->bytes = h264->bytes + from->bytes;
	frame_begin(frame, &copy_ops, NULL);
	return frame;
}

int camera_h264_unit(struct camera_h264 *h264, struct frame *frame, struct frame **ret_frame)
{
	struct found f = { .idr = false };
	look(frame->planes[0], frame->bytes, &f);
	if (f.sps && f.pps) {
		memcpy(h264->sets, f.sets, f.bytes);
		h264->bytes = f.bytes;
	}
	struct frame *whole = f.idr && !(f.sps && f.pps) && h264->bytes ? with_sets(h264, frame) : frame_hold(frame);
	frame_release(frame);
	if (!whole || !f.slice) {
		frame_release(whole);
		return whole ? -EBADMSG : -ENOMEM;
	}
	whole->keyframe = f.idr && h264->bytes > 0;
	*ret_frame = whole;
	return 0;
}
