#include "drivers-glue/va_image.h"

#include <errno.h>
#include <libyuv.h>

void va_image_init(struct va_image *image, VADisplay display)
{
	*image = (struct va_image){ .display = display, .between = { .image_id = VA_INVALID_ID } };
}

void va_image_finish(struct va_image *image)
{
	if (image->between.image_id != VA_INVALID_ID)
		vaDestroyImage(image->display, image->between.image_id);
	image->between.image_id = VA_INVALID_ID;
}

/* The surface's own memory as an NV12 image; the caller destroys it. */
static int derive(struct va_image *image, VASurfaceID surface, VAImage *ret)
{
	if (image->no_derive)
		return -ENOTSUP;
	if (vaDeriveImage(image->display, surface, ret) != VA_STATUS_SUCCESS) {
		image->no_derive = true;
		return -ENOTSUP;
	}
	if (ret->format.fourcc == VA_FOURCC_NV12)
		return 0;
	vaDestroyImage(image->display, ret->image_id);
	image->no_derive = true;
	return -ENOTSUP;
}

static int between_ready(struct va_image *image, int width, int height)
{
	if (image->between.image_id != VA_INVALID_ID && image->between.width == width &&
	    image->between.height == height)
		return 0;
	VAImageFormat nv12 = { .fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12 };
	va_image_finish(image);
	if (vaCreateImage(image->display, &nv12, width, height, &image->between) == VA_STATUS_SUCCESS)
		return 0;
	image->between.image_id = VA_INVALID_ID;
	return -EIO;
}

/* ---- pixels ---- */

struct nv12 {
	uint8_t *luma, *chroma;
	int luma_stride, chroma_stride;
};

static int map(struct va_image *image, const VAImage *va, struct nv12 *to)
{
	void *bytes;
	if (vaMapBuffer(image->display, va->buf, &bytes) != VA_STATUS_SUCCESS)
		return -EIO;
	*to = (struct nv12){ (uint8_t *)bytes + va->offsets[0], (uint8_t *)bytes + va->offsets[1],
			     (int)va->pitches[0], (int)va->pitches[1] };
	return 0;
}

static int fill(const struct frame *f, const struct nv12 *to)
{
	uint8_t *const *p = f->planes;
	const int *s = f->strides;
	switch (f->format) {
	case FRAME_I420:
		I420ToNV12(p[0], s[0], p[1], s[1], p[2], s[2], to->luma, to->luma_stride, to->chroma,
			   to->chroma_stride, f->width, f->height);
		return 0;
	case FRAME_NV12:
		CopyPlane(p[0], s[0], to->luma, to->luma_stride, f->width, f->height);
		CopyPlane(p[1], s[1], to->chroma, to->chroma_stride, f->width, f->height / 2);
		return 0;
	case FRAME_YUYV:
		YUY2ToNV12(p[0], s[0], to->luma, to->luma_stride, to->chroma, to->chroma_stride, f->width, f->height);
		return 0;
	case FRAME_UYVY:
		UYVYToNV12(p[0], s[0], to->luma, to->luma_stride, to->chroma, to->chroma_stride, f->width, f->height);
		return 0;
	case FRAME_JPEG:
	case FRAME_H264:
	case FRAME_FORMATS:
		break;
	}
	return -ENOTSUP;
}

static int fill_image(struct va_image *image, const VAImage *va, const struct frame *frame)
{
	struct nv12 to;
	int r = map(image, va, &to);
	if (r < 0)
		return r;
	r = fill(frame, &to);
	return vaUnmapBuffer(image->display, va->buf) == VA_STATUS_SUCCESS ? r : -EIO;
}

int va_image_write(struct va_image *image, VASurfaceID surface, const struct frame *frame)
{
	VAImage view;
	int r = derive(image, surface, &view);
	if (r == 0) {
		r = fill_image(image, &view, frame);
		vaDestroyImage(image->display, view.image_id);
		return r;
	}
	r = between_ready(image, frame->width, frame->height);
	if (r == 0)
		r = fill_image(image, &image->between, frame);
	if (r < 0)
		return r;
	unsigned int w = (unsigned int)frame->width, h = (unsigned int)frame->height;
	VAStatus status = vaPutImage(image->display, surface, image->between.image_id, 0, 0, w, h, 0, 0, w, h);
	return status == VA_STATUS_SUCCESS ? 0 : -EIO;
}

static int read_image(struct va_image *image, const VAImage *va, struct frame *to)
{
	struct nv12 from;
	int r = map(image, va, &from);
	if (r < 0)
		return r;
	NV12ToI420(from.luma, from.luma_stride, from.chroma, from.chroma_stride, to->planes[0], to->strides[0],
		   to->planes[1], to->strides[1], to->planes[2], to->strides[2], to->width, to->height);
	return vaUnmapBuffer(image->display, va->buf) == VA_STATUS_SUCCESS ? 0 : -EIO;
}

int va_image_read(struct va_image *image, VASurfaceID surface, int width, int height, struct frame **ret_frame)
{
	struct frame *frame;
	VAImage view;
	if (frame_new(FRAME_I420, width, height, &frame) < 0)
		return -ENOMEM;
	int r = derive(image, surface, &view);
	if (r == 0) {
		r = read_image(image, &view, frame);
		vaDestroyImage(image->display, view.image_id);
	} else if ((r = between_ready(image, width, height)) == 0) {
		r = vaGetImage(image->display, surface, 0, 0, (unsigned int)width, (unsigned int)height,
			       image->between.image_id) == VA_STATUS_SUCCESS ? 0 : -EIO;
		if (r == 0)
			r = read_image(image, &image->between, frame);
	}
	if (r < 0)
		frame_release(frame);
	else
		*ret_frame = frame;
	return r;
}
