/* frame: one counted picture on its way through the box: a camera's buffer, a decoder's surface or plain
 * memory. Nobody copies what can be held: who needs it longer takes a count, the last one out gives the
 * memory back to who made it (frame_ops.give_back), on whatever thread that is.
 *
 * What a frame offers: planes in this process's memory (frame_map makes them, where the maker can), or a
 * dma-buf for hardware and screens (frame_export), or both. Content does not change while it is counted.
 * Any thread; one thread at a time maps or exports. */
#ifndef CALLBOX_DEVICES_FRAME_H
#define CALLBOX_DEVICES_FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devices/picture.h"

enum frame_format {
	FRAME_I420, /* three planes */
	FRAME_NV12, /* two */
	FRAME_YUYV, /* one */
	FRAME_UYVY,
	FRAME_JPEG, /* planes[0] and bytes: one JPEG file */
	FRAME_H264, /* planes[0] and bytes: one access unit, Annex B */
	FRAME_FORMATS
};

#define FRAME_PLANES 3

/* The descriptors are the maker's and live as long as the frame. */
struct frame_dmabuf {
	int planes; /* 0: none */
	int fds[FRAME_PLANES];
	uint32_t offsets[FRAME_PLANES], strides[FRAME_PLANES]; /* bytes */
	uint32_t fourcc;   /* DRM_FORMAT_… */
	uint64_t modifier; /* DRM_FORMAT_MOD_… */
};

struct frame;
struct frame_ops {
	int (*map)(struct frame *frame);	/* fills planes, strides, bytes; NULL: they are there from the start */
	int (*export)(struct frame *frame);	/* fills dmabuf; NULL: it is there from the start, or never */
	void (*give_back)(struct frame *frame); /* the count fell to zero; frees the frame or uses it again */
};

struct frame {
	enum frame_format format;
	int width, height;  /* pixels, even, 16..PICTURE_SIDE_MAX */
	bool full_range;    /* luma 0..255; else 16..235 */
	bool keyframe;	    /* of FRAME_H264: an IDR with its parameter sets */
	int64_t capture_us; /* CLOCK_MONOTONIC */
	uint8_t *planes[FRAME_PLANES]; /* NULL: not in memory, or not yet */
	int strides[FRAME_PLANES];
	size_t bytes;		     /* valid at planes[0] on */
	struct frame_dmabuf dmabuf;
	uint64_t buffer; /* the same for each frame in the same memory, so that importers may keep; 0: none */
	const struct frame_ops *ops;
	void *owner; /* the maker's */
	atomic_int count;
};

/* For makers: *frame, whose other fields they fill, gets its first count. */
void frame_begin(struct frame *frame, const struct frame_ops *ops, void *owner);
uint64_t frame_buffer_new(void); /* a value for .buffer, never given twice */
/* Plain memory, I420, NV12, YUYV or UYVY; content undefined. 0, -EINVAL, -ENOMEM. */
int frame_new(enum frame_format format, int width, int height, struct frame **ret_frame);

struct frame *frame_hold(struct frame *frame);
void frame_release(struct frame *frame); /* NULL is fine */
int frame_map(struct frame *frame);	 /* 0, or -errno when it cannot be had in memory */
int frame_export(struct frame *frame);	 /* 0, or -errno when there is no dma-buf of it */
/* The mapped planes of an I420 frame as a picture that lives as long as the frame; -EINVAL for others. */
int frame_picture(struct frame *frame, struct picture *ret_picture);
int frame_living(void); /* how many are counted now, in this process */
const char *frame_format_name(enum frame_format format);

#endif
