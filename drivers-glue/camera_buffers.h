/* camera_buffers: the memory that a camera fills, and the frames that are made of it.
 *
 *   device fills ─► camera_buffers_take ─► camera_buffers_frame ─► users … ─► last release ─► back to the device
 *
 * Counted: by its owner until camera_buffers_stop(), and by each frame that is out. A frame that comes home after
 * the stop (unplugged, started anew, closed) finds no device and waits for the last of its kind, which takes
 * mappings and dma-buf descriptors with it.
 * Owner: the capture thread; frames come home, and are exported, on any thread. */
#ifndef CALLBOX_GLUE_CAMERA_BUFFERS_H
#define CALLBOX_GLUE_CAMERA_BUFFERS_H

#include "drivers-glue/camera_format.h"

struct camera_buffers;

struct camera_filled {
	int index;
	size_t bytes[FRAME_PLANES]; /* in each memory, after what is skipped */
	size_t skip[FRAME_PLANES];
	uint32_t flags, sequence;
	struct timeval time;
};

/* Streaming runs on return. The device must outlive camera_buffers_stop(). */
int camera_buffers_start(const struct camera_device *device, const struct camera_format *format,
			 struct camera_buffers **ret_buffers);
void camera_buffers_stop(struct camera_buffers *buffers); /* NULL is fine */

/* One filled buffer, the oldest. 0, -EAGAIN: none; -EIO, -ENODEV and others of VIDIOC_DQBUF. */
int camera_buffers_take(struct camera_buffers *buffers, struct camera_filled *ret_filled);
void camera_buffers_put(struct camera_buffers *buffers, int index); /* back to the device unseen */
/* A taken buffer as a frame, counted for the caller. */
struct frame *camera_buffers_frame(struct camera_buffers *buffers, const struct camera_filled *filled,
				   int64_t capture_us);

#endif
