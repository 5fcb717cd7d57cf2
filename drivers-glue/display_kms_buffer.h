/* display_kms_buffer: framebuffers: dumb ones that the processor draws into, and frames' own memory (dma-buf)
 * that hardware shows as it is. Handles are closed as soon as a framebuffer holds the memory. One thread. */
#ifndef CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_BUFFER_H
#define CALLBOX_DRIVERS_GLUE_DISPLAY_KMS_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devices/frame.h"

#define DUMBS 3
#define IMPORTS_MAX 32

/* XRGB8888 */
struct dumb {
	uint32_t fb;
	int width, height, stride;
	uint8_t *pixels;
	size_t bytes;
	int users;	 /* pictures on the screen or on their way there */
	int bars[4];	 /* x, y, width, height of what was drawn on black; all 0: unknown */
};

/* Three of one size: one is on the screen, one on its way, one is drawn. */
struct dumb_pool {
	struct dumb dumbs[DUMBS];
};

/* A free one of this size; the pool is made anew when the size is another. NULL: none is free, or no memory. */
struct dumb *dumb_take(struct dumb_pool *pool, int fd, int width, int height);
void dumb_pool_finish(struct dumb_pool *pool, int fd);

struct import {
	uint64_t buffer; /* 0: free */
	uint32_t fb;
	int width, height;
	int users;
	int64_t used_us;
};

struct import_cache {
	struct import imports[IMPORTS_MAX];
};

/* The framebuffer of a frame with a dma-buf, made at its memory's first sight. -ENOTSUP: the frame cannot be kept
 * (no buffer number, no dma-buf); other errors: the driver refuses it. */
int import_find(struct import_cache *cache, int fd, const struct frame *frame, int64_t now_us,
		struct import **ret_import);
/* Drops what was not shown lately; age_us 0: all that is not on the screen. */
void import_expire(struct import_cache *cache, int fd, int64_t now_us, int64_t age_us);
int import_count(const struct import_cache *cache);

#endif
