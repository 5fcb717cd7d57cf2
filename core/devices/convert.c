#include "core/devices/convert.h"

#include <errno.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#define TAIL 64 /* some cameras pad a JPEG file after its end */

struct converter {
	tjhandle jpeg;
	uint8_t *jpeg_planes;
	size_t jpeg_bytes;
	struct frame *spare; /* a whole-size I420 between conversion and scaling, kept from frame to frame */
};

struct converter *converter_new(void)
{
	return calloc(1, sizeof(struct converter));
}

void converter_free(struct converter *converter)
{
	if (!converter)
		return;
	if (converter->jpeg)
		tjDestroy(converter->jpeg);
	free(converter->jpeg_planes);
	frame_release(converter->spare);
	free(converter);
}

void convert_fit(const struct frame *from, int width, int height, int *ret_width, int *ret_height)
{
	int w = from->width, h = from->height;
	if (w > width) {
		h = h * width / w;
		w = width;
	}
	if (h > height) {
		w = w * height / h;
		h = height;
	}
	*ret_width = w < 16 ? 16 : w & ~1;
	*ret_height = h < 16 ? 16 : h & ~1;
}

static size_t raw_bytes(const struct frame *f)
{
	size_t luma = (size_t)f->strides[0] * (size_t)f->height;
	return f->format == FRAME_I420 || f->format == FRAME_NV12 ? luma * 3 / 2 : luma;
}

/* ---- JPEG ---- */

/* Whole: begins with SOI and has its EOI near the end; cameras cut pictures short on a full bus. */
static bool jpeg_is_whole(const uint8_t *bytes, size_t size)
{
	if (size < 4 || bytes[0] != 0xff || bytes[1] != 0xd8)
		return false;
	size_t stop = size > TAIL ? size - TAIL : 0;
	for (size_t at = size - 2; at > stop; at--)
		if (bytes[at] == 0xff && bytes[at + 1] == 0xd9)
			return true;
	return false;
}

struct yuv {
	unsigned char *planes[3];
	int strides[3], subsampling;
};

static int jpeg_decode(struct converter *c, const struct frame *from, struct yuv *yuv)
{
	int width, height, colour;
	size_t at[3], total = 0;
	const uint8_t *bytes = from->planes[0];
	if (!jpeg_is_whole(bytes, from->bytes))
		return -EBADMSG;
	if (!c->jpeg && !(c->jpeg = tjInitDecompress()))
		return -ENOMEM;
	if (tjDecompressHeader3(c->jpeg, bytes, from->bytes, &width, &height, &yuv->subsampling, &colour) < 0 ||
	    width != from->width || height != from->height)
		return -EBADMSG;
	for (int i = 0; i < 3; i++) {
		int w = i > 0 && yuv->subsampling == TJSAMP_GRAY ? 0 : tjPlaneWidth(i, width, yuv->subsampling);
		yuv->strides[i] = w;
		at[i] = total;
		total += w > 0 ? (size_t)w * (size_t)tjPlaneHeight(i, height, yuv->subsampling) : 0;
	}
	if (c->jpeg_bytes < total) {
		uint8_t *memory = realloc(c->jpeg_planes, total);
		if (!memory)
			return -ENOMEM;
		c->jpeg_planes = memory;
		c->jpeg_bytes = total;
	}
	for (int i = 0; i < 3; i++)
		yuv->planes[i] = c->jpeg_planes + at[i];
	int r = tjDecompressToYUVPlanes(c->jpeg, bytes, from->bytes, yuv->planes, width, yuv->strides, height,
					TJFLAG_FASTDCT | TJFLAG_STOPONWARNING);
	return r < 0 ? -EBADMSG : 0;
}

static int jpeg_to_i420(struct converter *c, const struct frame *from, struct frame *to)
{
	struct yuv y;
	int w = from->width, h = from->height, r = jpeg_decode(c, from, &y);
	uint8_t *const *p = to->planes;
	const int *s = to->strides;
	if (r < 0)
		return r;
	switch (y.subsampling) {
	case TJSAMP_420:
		return I420Copy(y.planes[0], y.strides[0], y.planes[1], y.strides[1], y.planes[2], y.strides[2],
				p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case TJSAMP_422:
		return I422ToI420(y.planes[0], y.strides[0], y.planes[1], y.strides[1], y.planes[2],
				  y.strides[2], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case TJSAMP_444:
		return I444ToI420(y.planes[0], y.strides[0], y.planes[1], y.strides[1], y.planes[2],
				  y.strides[2], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case TJSAMP_GRAY:
		return I400ToI420(y.planes[0], y.strides[0], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	default:
		return -EBADMSG;
	}
}

/* ---- raw ---- */

static int to_i420(struct converter *c, const struct frame *f, struct frame *to)
{
	uint8_t *const *a = f->planes, *const *p = to->planes;
	const int *n = f->strides, *s = to->strides;
	int w = f->width, h = f->height;
	if (f->format != FRAME_JPEG && f->bytes < raw_bytes(f))
		return -EBADMSG;
	switch (f->format) {
	case FRAME_I420:
		return I420Copy(a[0], n[0], a[1], n[1], a[2], n[2], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case FRAME_NV12:
		return NV12ToI420(a[0], n[0], a[1], n[1], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case FRAME_YUYV:
		return YUY2ToI420(a[0], n[0], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case FRAME_UYVY:
		return UYVYToI420(a[0], n[0], p[0], s[0], p[1], s[1], p[2], s[2], w, h);
	case FRAME_JPEG:
		return jpeg_to_i420(c, f, to);
	default:
		return -ENOTSUP;
	}
}

/* Full range to video range: luma 0..255 to 16..235, chroma to 16..240. */
static void narrow(struct frame *f)
{
	uint8_t luma[256], chroma[256];
	for (int i = 0; i < 256; i++) {
		luma[i] = (uint8_t)(16 + (i * 219 + 127) / 255);
		chroma[i] = (uint8_t)(16 + (i * 224 + 127) / 255);
	}
	for (int i = 0; i < 3; i++)
		for (int y = 0; y < f->height >> (i > 0); y++) {
			uint8_t *row = f->planes[i] + (ptrdiff_t)y * f->strides[i];
			const uint8_t *table = i ? chroma : luma;
			for (int x = 0; x < f->width >> (i > 0); x++)
				row[x] = table[row[x]];
		}
	f->full_range = false;
}

static void scale(const struct frame *from, struct frame *to)
{
	I420Scale(from->planes[0], from->strides[0], from->planes[1], from->strides[1], from->planes[2],
		  from->strides[2], from->width, from->height, to->planes[0], to->strides[0], to->planes[1],
		  to->strides[1], to->planes[2], to->strides[2], to->width, to->height, kFilterBox);
	to->full_range = from->full_range;
}

/* The spare frame of from's size, nobody else holding it. */
static int spare_ready(struct converter *c, const struct frame *from)
{
	if (c->spare && c->spare->width == from->width && c->spare->height == from->height)
		return 0;
	frame_release(c->spare);
	c->spare = NULL;
	return frame_new(FRAME_I420, from->width, from->height, &c->spare);
}

/* from as I420 of another size into to. */
static int convert_scale(struct converter *c, struct frame *from, struct frame *to)
{
	if (from->format == FRAME_I420 && from->bytes >= raw_bytes(from)) {
		scale(from, to);
		return 0;
	}
	int r = spare_ready(c, from);
	if (r == 0)
		r = to_i420(c, from, c->spare);
	if (r < 0)
		return r;
	c->spare->full_range = from->full_range;
	scale(c->spare, to);
	return 0;
}

int convert(struct converter *converter, struct frame *from, int width, int height, struct frame **ret_frame)
{
	bool same_size = from->width == width && from->height == height;
	struct frame *to;
	int r = from->format == FRAME_H264 ? -ENOTSUP : frame_map(from);
	if (r < 0)
		return r;
	if (same_size && from->format == FRAME_I420 && !from->full_range && from->bytes >= raw_bytes(from)) {
		*ret_frame = frame_hold(from);
		return 0;
	}
	r = frame_new(FRAME_I420, width, height, &to);
	if (r < 0)
		return r;
	to->full_range = from->full_range;
	r = same_size ? to_i420(converter, from, to) : convert_scale(converter, from, to);
	if (r != 0) {
		frame_release(to);
		return r < -1 ? r : -EBADMSG;
	}
	if (to->full_range)
		narrow(to);
	to->capture_us = from->capture_us;
	*ret_frame = to;
	return 0;
}
