#include "tests/vadriver/frame.h"

#include <libyuv.h>
#include <string.h>

void frame_init(struct frame *frame, int width_mbs, int height_mbs)
{
	frame->width = width_mbs * 16;
	frame->height = height_mbs * 16;
	for (int c = 0; c < 3; c++) {
		frame->pitch[c] = frame->width >> (c > 0);
		frame->plane[c] = g_malloc0((size_t)frame->pitch[c] * (size_t)(frame->height >> (c > 0)));
	}
}

void frame_finish(struct frame *frame)
{
	for (int c = 0; c < 3; c++)
		g_clear_pointer(&frame->plane[c], g_free);
}

static void pad(uint8_t *plane, int pitch, int from_width, int from_height, int width, int height)
{
	for (int y = 0; y < from_height && from_width < width; y++)
		memset(plane + y * pitch + from_width, plane[y * pitch + from_width - 1],
				(size_t)(width - from_width));
	for (int y = from_height; y < height; y++)
		memcpy(plane + y * pitch, plane + (from_height - 1) * pitch, (size_t)width);
}

void frame_load(struct frame *frame, const struct surface *surface, bool padded)
{
	int width = padded ? frame->width : MIN(frame->width, (int)surface->width);
	int height = padded ? frame->height : MIN(frame->height, (int)surface->height);
	surface_access_begin(surface, false);
	NV12ToI420(surface->bytes + surface->offset[0], (int)surface->pitch[0],
			surface->bytes + surface->offset[1], (int)surface->pitch[1], frame->plane[0],
			frame->pitch[0], frame->plane[1], frame->pitch[1], frame->plane[2], frame->pitch[2],
			width, height);
	surface_access_end(surface, false);
	pad(frame->plane[0], frame->pitch[0], width, height, frame->width, frame->height);
	for (int c = 1; c < 3; c++)
		pad(frame->plane[c], frame->pitch[c], (width + 1) / 2, (height + 1) / 2, frame->width / 2,
				frame->height / 2);
}

void frame_store(const struct frame *frame, const struct surface *surface)
{
	I420ToNV12(frame->plane[0], frame->pitch[0], frame->plane[1], frame->pitch[1], frame->plane[2],
			frame->pitch[2], surface->bytes + surface->offset[0], (int)surface->pitch[0],
			surface->bytes + surface->offset[1], (int)surface->pitch[1], frame->width,
			frame->height);
}
