#include "tests/unit/exported.h"

#include <drm_fourcc.h>
#include <glib.h>
#include <libyuv.h>
#include <sys/mman.h>
#include <unistd.h>

struct exported {
	struct frame frame;
	void *memory;
	size_t size;
};

static void exported_give_back(struct frame *frame)
{
	struct exported *e = frame->owner;
	munmap(e->memory, e->size);
	close(frame->dmabuf.fds[0]);
	g_free(e);
}

static const struct frame_ops exported_ops = { .give_back = exported_give_back };

struct frame *exported_of(struct frame *i420, enum frame_format format)
{
	struct exported *e = g_new0(struct exported, 1);
	struct frame *f = &e->frame;
	int width = i420->width, height = i420->height, stride = format == FRAME_NV12 ? width : width * 2;
	e->size = (size_t)stride * (size_t)height * (format == FRAME_NV12 ? 3 : 2) / 2;
	int fd = memfd_create("frame", MFD_CLOEXEC);
	g_assert_cmpint(ftruncate(fd, (off_t)e->size), ==, 0);
	e->memory = mmap(NULL, e->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g_assert_true(e->memory != MAP_FAILED);
	*f = (struct frame){ .format = format, .width = width, .height = height, .capture_us = i420->capture_us,
			     .planes = { e->memory }, .strides = { stride, stride }, .bytes = e->size };
	f->dmabuf = (struct frame_dmabuf){
		.planes = format == FRAME_NV12 ? 2 : 1, .fds = { fd, fd },
		.offsets = { 0, (uint32_t)(stride * height) }, .strides = { (uint32_t)stride, (uint32_t)stride },
		.fourcc = format == FRAME_NV12 ? DRM_FORMAT_NV12 : DRM_FORMAT_YUYV, .modifier = DRM_FORMAT_MOD_LINEAR,
	};
	uint8_t *const *p = i420->planes;
	const int *s = i420->strides;
	if (format == FRAME_NV12) {
		f->planes[1] = f->planes[0] + (size_t)stride * (size_t)height;
		I420ToNV12(p[0], s[0], p[1], s[1], p[2], s[2], f->planes[0], stride, f->planes[1], stride, width, height);
	} else {
		I420ToYUY2(p[0], s[0], p[1], s[1], p[2], s[2], f->planes[0], stride, width, height);
	}
	frame_begin(f, &exported_ops, e);
	frame_release(i420);
	return f;
}
