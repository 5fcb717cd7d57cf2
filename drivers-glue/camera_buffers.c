#include "drivers-glue/camera_buffers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFERS 8 /* one being filled, one filled; others are held by encoder, views and snapshots */

struct buffer {
	struct frame frame; /* first: what is given back is the buffer */
	void *at[FRAME_PLANES];
	size_t size[FRAME_PLANES];
	int fds[FRAME_PLANES]; /* exported memories, -1: not yet */
	size_t skip[FRAME_PLANES];
	uint64_t identity;
};

struct camera_buffers {
	struct camera_format format;
	bool converts;
	int count;
	struct buffer list[BUFFERS];
	atomic_int holds;
	pthread_mutex_t lock; /* protects device */
	const struct camera_device *device; /* NULL: stopped */
};

/* A kernel buffer with its planes. */
struct slot {
	struct v4l2_buffer b;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static struct v4l2_buffer *slot_init(struct slot *slot, const struct camera_device *device, int index)
{
	memset(slot, 0, sizeof(*slot));
	slot->b.type = device->type;
	slot->b.memory = V4L2_MEMORY_MMAP;
	slot->b.index = (uint32_t)index;
	if (device->multi) {
		slot->b.m.planes = slot->planes;
		slot->b.length = VIDEO_MAX_PLANES;
	}
	return &slot->b;
}

static void unmap(struct camera_buffers *buffers)
{
	for (int i = 0; i < buffers->count; i++)
		for (int p = 0; p < FRAME_PLANES; p++) {
			struct buffer *buffer = &buffers->list[i];
			if (buffer->at[p])
				camera_munmap(buffer->at[p], buffer->size[p], buffers->converts);
			if (buffer->fds[p] >= 0)
				close(buffer->fds[p]);
			buffer->at[p] = NULL;
			buffer->fds[p] = -1;
		}
}

static void unhold(struct camera_buffers *buffers)
{
	if (atomic_fetch_sub(&buffers->holds, 1) != 1)
		return;
	unmap(buffers);
	pthread_mutex_destroy(&buffers->lock);
	free(buffers);
}

/* ---- start, stop ---- */

static int buffer_map(struct camera_buffers *buffers, int index)
{
	const struct camera_device *device = buffers->device;
	struct buffer *buffer = &buffers->list[index];
	struct slot slot;
	int r = camera_ioctl(device, VIDIOC_QUERYBUF, slot_init(&slot, device, index));
	for (int p = 0; r == 0 && p < buffers->format.memories; p++) {
		size_t size = device->multi ? slot.planes[p].length : slot.b.length;
		void *at = camera_mmap(device, size, device->multi ? slot.planes[p].m.mem_offset : slot.b.m.offset);
		if (at == MAP_FAILED)
			return -errno;
		buffer->at[p] = at;
		buffer->size[p] = size;
		if (size < buffers->format.least[p])
			return -EPROTO;
	}
	buffer->identity = frame_buffer_new();
	return r;
}

static int memory_request(struct camera_buffers *buffers, uint32_t count)
{
	const struct camera_device *device = buffers->device;
	struct v4l2_requestbuffers request = { .count = count, .type = device->type,
					       .memory = V4L2_MEMORY_MMAP };
	int r = camera_ioctl(device, VIDIOC_REQBUFS, &request);
	if (r < 0 || count == 0)
		return r;
	buffers->count = request.count < BUFFERS ? (int)request.count : BUFFERS;
	for (int i = 0; r == 0 && i < buffers->count; i++)
		r = buffer_map(buffers, i);
	return r == 0 && buffers->count < 2 ? -ENOMEM : r;
}

static int buffer_queue(struct camera_buffers *buffers, int index)
{
	struct slot slot;
	return camera_ioctl(buffers->device, VIDIOC_QBUF, slot_init(&slot, buffers->device, index));
}

static int stream(struct camera_buffers *buffers, bool on)
{
	uint32_t type = buffers->device->type;
	return camera_ioctl(buffers->device, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

int camera_buffers_start(const struct camera_device *device, const struct camera_format *format,
			 struct camera_buffers **ret_buffers)
{
	struct camera_buffers *buffers = calloc(1, sizeof(*buffers));
	if (!buffers)
		return -ENOMEM;
	buffers->format = *format;
	buffers->device = device;
	buffers->converts = device->converts;
	atomic_init(&buffers->holds, 1);
	pthread_mutex_init(&buffers->lock, NULL);
	for (int i = 0; i < BUFFERS; i++)
		for (int p = 0; p < FRAME_PLANES; p++)
			buffers->list[i].fds[p] = -1;
	int r = memory_request(buffers, BUFFERS);
	for (int i = 0; r == 0 && i < buffers->count; i++)
		r = buffer_queue(buffers, i);
	if (r == 0)
		r = stream(buffers, true);
	if (r < 0)
		camera_buffers_stop(buffers);
	else
		*ret_buffers = buffers;
	return r;
}

void camera_buffers_stop(struct camera_buffers *buffers)
{
	if (!buffers)
		return;
	pthread_mutex_lock(&buffers->lock);
	/* An unplugged device refuses both. One that knows no orphans refuses the second while mappings stand, and
	 * stays busy until its descriptor is closed and they are gone. */
	stream(buffers, false);
	if (buffers->converts) /* libv4l2 knows no orphans; its frames are copies, none is out */
		unmap(buffers);
	memory_request(buffers, 0);
	buffers->device = NULL;
	pthread_mutex_unlock(&buffers->lock);
	unhold(buffers);
}

/* ---- frames ---- */

int camera_buffers_take(struct camera_buffers *buffers, struct camera_filled *ret_filled)
{
	const struct camera_device *device = buffers->device;
	struct slot slot;
	int r = camera_ioctl(device, VIDIOC_DQBUF, slot_init(&slot, device, 0));
	if (r < 0)
		return r;
	if (slot.b.index >= (uint32_t)buffers->count)
		return -EIO;
	*ret_filled = (struct camera_filled){ .index = (int)slot.b.index, .flags = slot.b.flags,
					      .sequence = slot.b.sequence, .time = slot.b.timestamp };
	for (int p = 0; p < buffers->format.memories; p++) {
		size_t used = device->multi ? slot.planes[p].bytesused : slot.b.bytesused;
		size_t skip = device->multi ? slot.planes[p].data_offset : 0;
		size_t size = buffers->list[slot.b.index].size[p];
		used = used < size ? used : size;
		ret_filled->skip[p] = skip < used ? skip : used;
		ret_filled->bytes[p] = used - ret_filled->skip[p];
	}
	return 0;
}

void camera_buffers_put(struct camera_buffers *buffers, int index)
{
	pthread_mutex_lock(&buffers->lock);
	/* A driver that refuses once may be right the next time; one that is unplugged refuses for good, and the
	 * next take says so. */
	if (buffers->device && buffer_queue(buffers, index) < 0)
		buffer_queue(buffers, index);
	pthread_mutex_unlock(&buffers->lock);
}

/* Home again, on any thread: the device may fill it anew. */
static void buffer_give_back(struct frame *frame)
{
	struct camera_buffers *buffers = frame->owner;
	camera_buffers_put(buffers, (int)((struct buffer *)frame - buffers->list));
	unhold(buffers);
}

/* Where a plane of the picture lies: in which memory, how deep. */
static size_t plane_at(const struct camera_format *f, const size_t skip[FRAME_PLANES], int plane, int *ret_memory)
{
	size_t luma = (size_t)f->strides[0] * (size_t)f->height;
	int place = f->swapped && plane > 0 ? 3 - plane : plane;
	*ret_memory = f->memories > 1 ? place : 0;
	if (f->memories > 1)
		return skip[place];
	return skip[0] + (place == 0 ? 0 : place == 1 ? luma : luma + luma / 4);
}

static int plane_count(enum frame_format format)
{
	return format == FRAME_I420 ? 3 : format == FRAME_NV12 ? 2 : 1;
}

/* DRM_FORMAT_… has the same letters as V4L2, but for one. */
static uint32_t drm_fourcc(enum frame_format format)
{
	switch (format) {
	case FRAME_NV12: return V4L2_PIX_FMT_NV12;
	case FRAME_I420: return V4L2_PIX_FMT_YUV420; /* DRM_FORMAT_YUV420, "YU12" in both */
	case FRAME_YUYV: return V4L2_PIX_FMT_YUYV;
	case FRAME_UYVY: return V4L2_PIX_FMT_UYVY;
	case FRAME_JPEG:
	case FRAME_H264:
	case FRAME_FORMATS: return 0;
	}
	return 0;
}

static void dmabuf_fill(const struct camera_buffers *buffers, const struct buffer *buffer, struct frame *frame)
{
	const struct camera_format *f = &buffers->format;
	struct frame_dmabuf *d = &frame->dmabuf;
	for (int p = 0; p < plane_count(f->format); p++) {
		int memory;
		d->offsets[p] = (uint32_t)plane_at(f, buffer->skip, p, &memory);
		d->strides[p] = (uint32_t)f->strides[p];
		d->fds[p] = buffer->fds[memory];
	}
	d->fourcc = drm_fourcc(f->format);
	d->modifier = 0; /* DRM_FORMAT_MOD_LINEAR */
	d->planes = plane_count(f->format);
}

static int memory_export(const struct camera_device *device, int index, int memory, int *ret_fd)
{
	struct v4l2_exportbuffer e = { .type = device->type, .index = (uint32_t)index, .plane = (uint32_t)memory,
				       .flags = O_RDWR | O_CLOEXEC };
	int r = camera_ioctl(device, VIDIOC_EXPBUF, &e);
	if (r == 0)
		*ret_fd = e.fd;
	return r;
}

/* Descriptors are made once a buffer and kept with its memory. */
static int buffer_export(struct frame *frame)
{
	struct camera_buffers *buffers = frame->owner;
	struct buffer *buffer = (struct buffer *)frame;
	int r = drm_fourcc(frame->format) && !buffers->converts ? 0 : -ENOTSUP;
	pthread_mutex_lock(&buffers->lock);
	if (r == 0 && (!buffers->device || !buffers->device->quirk.expbuf))
		r = buffers->device ? -ENOTSUP : -ENODEV;
	for (int p = 0; r == 0 && p < buffers->format.memories; p++)
		if (buffer->fds[p] < 0)
			r = memory_export(buffers->device, (int)(buffer - buffers->list), p, &buffer->fds[p]);
	pthread_mutex_unlock(&buffers->lock);
	if (r == 0)
		dmabuf_fill(buffers, buffer, frame);
	return r;
}

static const struct frame_ops buffer_ops = { .export = buffer_export, .give_back = buffer_give_back };

struct frame *camera_buffers_frame(struct camera_buffers *buffers, const struct camera_filled *filled,
				   int64_t capture_us)
{
	const struct camera_format *f = &buffers->format;
	struct buffer *buffer = &buffers->list[filled->index];
	struct frame *frame = &buffer->frame;
	*frame = (struct frame){
		.format = f->format, .width = f->width & ~1, .height = f->height & ~1,
		.full_range = f->full_range, .capture_us = capture_us, .buffer = buffer->identity,
	};
	for (int p = 0; p < FRAME_PLANES; p++) {
		buffer->skip[p] = filled->skip[p];
		frame->bytes += filled->bytes[p];
	}
	for (int p = 0; p < plane_count(f->format); p++) {
		int memory;
		size_t at = plane_at(f, filled->skip, p, &memory);
		frame->planes[p] = (uint8_t *)buffer->at[memory] + at;
		frame->strides[p] = f->strides[p];
	}
	if (buffer->fds[0] >= 0)
		dmabuf_fill(buffers, buffer, frame);
	atomic_fetch_add(&buffers->holds, 1);
	frame_begin(frame, &buffer_ops, buffers);
	return frame;
}
