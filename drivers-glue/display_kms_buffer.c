#include "drivers-glue/display_kms_buffer.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

/* ---- dumb ---- */

static void dumb_destroy(struct dumb *dumb, int fd)
{
	if (dumb->fb)
		drmModeRmFB(fd, dumb->fb);
	if (dumb->pixels)
		munmap(dumb->pixels, dumb->bytes);
	*dumb = (struct dumb){ 0 };
}

static int dumb_map(struct dumb *dumb, int fd, uint32_t handle)
{
	struct drm_mode_map_dumb map = { .handle = handle };
	uint32_t handles[4] = { handle }, strides[4] = { (uint32_t)dumb->stride }, offsets[4] = { 0 };
	if (drmIoctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map) < 0 ||
	    drmModeAddFB2(fd, (uint32_t)dumb->width, (uint32_t)dumb->height, DRM_FORMAT_XRGB8888, handles, strides,
			  offsets, &dumb->fb, 0) < 0)
		return -errno;
	void *pixels = mmap(NULL, dumb->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.offset);
	if (pixels == MAP_FAILED)
		return -errno;
	dumb->pixels = pixels;
	return 0;
}

static int dumb_create(struct dumb *dumb, int fd, int width, int height)
{
	struct drm_mode_create_dumb create = { .width = (uint32_t)width, .height = (uint32_t)height, .bpp = 32 };
	if (drmIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create) < 0)
		return -errno;
	*dumb = (struct dumb){ .width = width, .height = height, .stride = (int)create.pitch,
			       .bytes = create.size };
	int r = dumb_map(dumb, fd, create.handle);
	struct drm_mode_destroy_dumb destroy = { .handle = create.handle };
	drmIoctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy); /* framebuffer and mapping hold the memory */
	if (r < 0)
		dumb_destroy(dumb, fd);
	return r;
}

struct dumb *dumb_take(struct dumb_pool *pool, int fd, int width, int height)
{
	for (int i = 0; i < DUMBS; i++) {
		struct dumb *dumb = &pool->dumbs[i];
		if (dumb->users > 0)
			continue;
		if (dumb->fb && dumb->width == width && dumb->height == height)
			return dumb;
		dumb_destroy(dumb, fd);
		return dumb_create(dumb, fd, width, height) == 0 ? dumb : NULL;
	}
	return NULL;
}

void dumb_pool_finish(struct dumb_pool *pool, int fd)
{
	for (int i = 0; i < DUMBS; i++)
		dumb_destroy(&pool->dumbs[i], fd);
}

/* ---- imported ---- */

static void import_drop(struct import *import, int fd)
{
	drmModeRmFB(fd, import->fb);
	*import = (struct import){ 0 };
}

static void handles_close(int fd, const uint32_t handles[4])
{
	for (int i = 0; i < 4; i++) {
		bool again = false; /* planes of one dma-buf share its handle */
		for (int j = 0; j < i; j++)
			again |= handles[j] == handles[i];
		struct drm_gem_close close = { .handle = handles[i] };
		if (handles[i] && !again)
			drmIoctl(fd, DRM_IOCTL_GEM_CLOSE, &close);
	}
}

static int import_make(int fd, const struct frame *frame, uint32_t *ret_fb)
{
	const struct frame_dmabuf *b = &frame->dmabuf;
	uint32_t handles[4] = { 0 }, strides[4] = { 0 }, offsets[4] = { 0 };
	uint64_t modifiers[4] = { 0 };
	int r = 0;
	for (int i = 0; i < b->planes && r == 0; i++) {
		r = drmPrimeFDToHandle(fd, b->fds[i], &handles[i]) < 0 ? -errno : 0;
		strides[i] = b->strides[i];
		offsets[i] = b->offsets[i];
		modifiers[i] = b->modifier;
	}
	bool named = b->modifier != DRM_FORMAT_MOD_INVALID;
	if (r == 0 && named)
		r = drmModeAddFB2WithModifiers(fd, (uint32_t)frame->width, (uint32_t)frame->height, b->fourcc, handles,
					       strides, offsets, modifiers, ret_fb, DRM_MODE_FB_MODIFIERS);
	if (r == 0 && !named)
		r = -ENOTSUP;
	/* Drivers without modifiers take linear memory without its being named. */
	if (r < 0 && handles[0] && (!named || b->modifier == DRM_FORMAT_MOD_LINEAR))
		r = drmModeAddFB2(fd, (uint32_t)frame->width, (uint32_t)frame->height, b->fourcc, handles, strides,
				  offsets, ret_fb, 0);
	handles_close(fd, handles);
	return r < 0 ? -EINVAL : 0;
}

int import_find(struct import_cache *cache, int fd, const struct frame *frame, int64_t now_us,
		struct import **ret_import)
{
	struct import *place = NULL;
	if (frame->buffer == 0 || frame->dmabuf.planes == 0)
		return -ENOTSUP;
	for (int i = 0; i < IMPORTS_MAX; i++) {
		struct import *import = &cache->imports[i];
		if (import->buffer == frame->buffer) {
			import->used_us = now_us;
			*ret_import = import;
			return 0;
		}
		if (import->users == 0 && (!place || import->used_us < place->used_us))
			place = import;
	}
	if (!place)
		return -ENOBUFS;
	if (place->fb)
		import_drop(place, fd);
	int r = import_make(fd, frame, &place->fb);
	if (r < 0)
		return r;
	place->buffer = frame->buffer;
	place->width = frame->width;
	place->height = frame->height;
	place->used_us = now_us;
	*ret_import = place;
	return 0;
}

void import_expire(struct import_cache *cache, int fd, int64_t now_us, int64_t age_us)
{
	for (int i = 0; i < IMPORTS_MAX; i++)
		if (cache->imports[i].fb && cache->imports[i].users == 0 &&
		    now_us - cache->imports[i].used_us >= age_us)
			import_drop(&cache->imports[i], fd);
}

int import_count(const struct import_cache *cache)
{
	int n = 0;
	for (int i = 0; i < IMPORTS_MAX; i++)
		n += cache->imports[i].fb != 0;
	return n;
}
