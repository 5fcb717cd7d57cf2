/* camera_v4l2: a V4L2 camera through libv4l2, conversion off: NV12, YUYV, UYVY, I420 and MJPEG, whatever size
 * and rate the device offers that fits the wish best. Buffers are memory-mapped and go out as frames,
 * which return to the device when the last user lets go; the queue is drained to its newest picture, so
 * nothing old is ever sent. */
#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "drivers-glue/drivers.h"

#define BUFFERS 6 /* one being filled, one filled; others are held by encoder, views and snapshots */

struct buffer {
	struct frame frame; /* first: what is given back is the buffer */
	void *at;
	size_t size;
	uint64_t identity;
};

struct camera {
	int fd;
	char card[33];
	uint32_t format;
	int width, height, stride, fps;
	size_t image_bytes;
	struct buffer buffers[BUFFERS];
	int buffer_count;
	bool streaming;
	atomic_int holds; /* the owner's and one for each frame that is out */
};

/* Formats from cheapest to dearest. */
static const uint32_t formats[] = { V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YUYV,
				    V4L2_PIX_FMT_UYVY, V4L2_PIX_FMT_MJPEG, V4L2_PIX_FMT_JPEG };

struct choice {
	uint32_t format;
	int width, height, fps;
	double cost;
};

static int control(struct camera *camera, unsigned long request, void *argument)
{
	int r;
	do
		r = v4l2_ioctl(camera->fd, request, argument);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* The highest rate up to the wish that the device has for a size; 0 when it does not say. */
static int best_fps(struct camera *camera, uint32_t format, int width, int height, int wish)
{
	int best = 0;
	struct v4l2_frmivalenum e = { .pixel_format = format, .width = (uint32_t)width,
				      .height = (uint32_t)height };
	for (e.index = 0; e.index < 256 && control(camera, VIDIOC_ENUM_FRAMEINTERVALS, &e) == 0; e.index++) {
		struct v4l2_fract f = e.type == V4L2_FRMIVAL_TYPE_DISCRETE ? e.discrete : e.stepwise.min;
		int fps = f.numerator ? (int)((f.denominator + f.numerator / 2) / f.numerator) : 0;
		if (e.type != V4L2_FRMIVAL_TYPE_DISCRETE)
			return fps < wish ? fps : wish;
		if (abs(fps - wish) < abs(best - wish) || best == 0)
			best = fps;
	}
	return best;
}

/* Distance from the wish: too small a picture and too low a rate weigh most, a dear format a little. */
static double cost_of(const struct camera_wish *wish, int width, int height, int fps, size_t rank)
{
	double area = (double)width * height / ((double)wish->width * wish->height);
	double aspect = (double)width / height * wish->height / wish->width;
	double cost = (area >= 1 ? (area - 1) * 0.5 : (1 / area - 1) * 2) + (double)rank * 0.05;
	cost += aspect > 1 ? (aspect - 1) : (1 / aspect - 1);
	if (fps > 0 && fps < wish->fps)
		cost += 2.0 * (wish->fps - fps) / wish->fps;
	return cost;
}

static void consider(struct camera *camera, const struct camera_wish *wish, size_t rank, int width, int height,
		     struct choice *best)
{
	int fps = best_fps(camera, formats[rank], width, height, wish->fps);
	double cost = cost_of(wish, width, height, fps, rank);
	if (best->format == 0 || cost < best->cost)
		*best = (struct choice){ formats[rank], width, height, fps, cost };
}

static int clamp_step(int value, uint32_t min, uint32_t max, uint32_t step)
{
	uint32_t v = value < (int)min ? min : value > (int)max ? max : (uint32_t)value;
	return (int)(step > 1 ? min + (v - min) / step * step : v);
}

static void consider_format(struct camera *camera, const struct camera_wish *wish, size_t rank,
			    struct choice *best)
{
	struct v4l2_frmsizeenum e = { .pixel_format = formats[rank] };
	for (e.index = 0; e.index < 256 && control(camera, VIDIOC_ENUM_FRAMESIZES, &e) == 0; e.index++) {
		if (e.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
			consider(camera, wish, rank, (int)e.discrete.width, (int)e.discrete.height, best);
			continue;
		}
		const struct v4l2_frmsize_stepwise *s = &e.stepwise;
		consider(camera, wish, rank,
			 clamp_step(wish->width, s->min_width, s->max_width, s->step_width),
			 clamp_step(wish->height, s->min_height, s->max_height, s->step_height), best);
		return;
	}
	if (e.index == 0)
		consider(camera, wish, rank, wish->width, wish->height, best);
}

static bool offers(struct camera *camera, uint32_t format)
{
	struct v4l2_fmtdesc e = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	for (e.index = 0; e.index < 256 && control(camera, VIDIOC_ENUM_FMT, &e) == 0; e.index++)
		if (e.pixelformat == format)
			return true;
	return false;
}

static int choose(struct camera *camera, const struct camera_wish *wish, struct choice *best)
{
	*best = (struct choice){ 0 };
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (offers(camera, formats[i]))
			consider_format(camera, wish, i, best);
	return best->format ? 0 : -EPROTONOSUPPORT;
}

static int set_format(struct camera *camera, const struct choice *choice, int wish_fps)
{
	struct v4l2_format f = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	f.fmt.pix.width = (uint32_t)choice->width;
	f.fmt.pix.height = (uint32_t)choice->height;
	f.fmt.pix.pixelformat = choice->format;
	f.fmt.pix.field = V4L2_FIELD_NONE;
	int r = control(camera, VIDIOC_S_FMT, &f);
	if (r < 0)
		return r;
	if (f.fmt.pix.pixelformat != choice->format)
		return -EPROTONOSUPPORT;
	camera->format = f.fmt.pix.pixelformat;
	camera->width = (int)f.fmt.pix.width;
	camera->height = (int)f.fmt.pix.height;
	camera->stride = (int)f.fmt.pix.bytesperline;
	camera->image_bytes = f.fmt.pix.sizeimage;
	struct v4l2_streamparm p = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	p.parm.capture.timeperframe.numerator = 1;
	p.parm.capture.timeperframe.denominator = (uint32_t)(choice->fps ? choice->fps : wish_fps);
	camera->fps = choice->fps ? choice->fps : wish_fps;
	if (control(camera, VIDIOC_S_PARM, &p) == 0 && p.parm.capture.timeperframe.numerator)
		camera->fps = (int)(p.parm.capture.timeperframe.denominator /
				    p.parm.capture.timeperframe.numerator);
	return 0;
}

static int map_buffers(struct camera *camera)
{
	struct v4l2_requestbuffers request = { .count = BUFFERS, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					       .memory = V4L2_MEMORY_MMAP };
	int r = control(camera, VIDIOC_REQBUFS, &request);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < request.count && i < BUFFERS; i++) {
		struct v4l2_buffer b = { .index = i, .type = request.type, .memory = request.memory };
		if ((r = control(camera, VIDIOC_QUERYBUF, &b)) < 0)
			return r;
		void *at = v4l2_mmap(NULL, b.length, PROT_READ | PROT_WRITE, MAP_SHARED, camera->fd,
				     b.m.offset);
		if (at == MAP_FAILED)
			return -errno;
		camera->buffers[i].at = at;
		camera->buffers[i].size = b.length;
		camera->buffers[i].identity = frame_buffer_new();
		camera->buffer_count = (int)i + 1;
	}
	return camera->buffer_count >= 2 ? 0 : -ENOMEM;
}

static int stream_on(struct camera *camera)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE, r = 0;
	for (int i = 0; r == 0 && i < camera->buffer_count; i++) {
		struct v4l2_buffer b = { .index = (uint32_t)i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					 .memory = V4L2_MEMORY_MMAP };
		r = control(camera, VIDIOC_QBUF, &b);
	}
	if (r == 0)
		r = control(camera, VIDIOC_STREAMON, &type);
	camera->streaming = r == 0;
	return r;
}

static void camera_unhold(struct camera *camera);

static void v4l2_camera_close(struct camera *camera)
{
	int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	if (camera->streaming)
		control(camera, VIDIOC_STREAMOFF, &type);
	camera_unhold(camera);
}

static int check_device(struct camera *camera)
{
	struct v4l2_capability can = { 0 };
	int r = control(camera, VIDIOC_QUERYCAP, &can);
	if (r < 0)
		return r;
	uint32_t caps = can.capabilities & V4L2_CAP_DEVICE_CAPS ? can.device_caps : can.capabilities;
	memcpy(camera->card, can.card, 32);
	return caps & V4L2_CAP_VIDEO_CAPTURE && caps & V4L2_CAP_STREAMING ? 0 : -ENOTTY;
}

static const char *explain(int r)
{
	switch (-r) {
	case ENOENT: return "no such camera: is it plugged in?";
	case EACCES: return "no permission: add the user to group video";
	case EBUSY: return "busy: another program uses it";
	case ENOTTY: return "is no capture device";
	case EPROTONOSUPPORT: return "offers none of NV12, I420, YUYV, UYVY, MJPEG";
	default: return strerror(-r);
	}
}

static int open_steps(struct camera *camera, const char *address, const struct camera_wish *wish)
{
	struct choice choice;
	camera->fd = v4l2_open(address, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (camera->fd < 0)
		return -errno;
	int r = check_device(camera);
	if (r == 0)
		r = choose(camera, wish, &choice);
	if (r == 0)
		r = set_format(camera, &choice, wish->fps);
	if (r == 0)
		r = map_buffers(camera);
	if (r == 0)
		r = stream_on(camera);
	return r;
}

static int v4l2_camera_open(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
			    char *why, size_t why_bytes)
{
	struct camera *camera = calloc(1, sizeof(*camera));
	if (!camera)
		return -ENOMEM;
	atomic_init(&camera->holds, 1);
	v4l2_log_file = NULL;
	int r = open_steps(camera, address, wish);
	if (r < 0) {
		snprintf(why, why_bytes, "camera %s: %s", address, explain(r));
		v4l2_camera_close(camera);
		return r;
	}
	*ret_camera = camera;
	return 0;
}

/* ---- frames ---- */

/* Takes the newest filled buffer, giving older ones back. 0, -EAGAIN when none is there, else lost. */
static int dequeue_newest(struct camera *camera, struct v4l2_buffer *ret_buffer)
{
	int r = -EAGAIN;
	for (int i = 0; i < BUFFERS; i++) {
		struct v4l2_buffer b = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP };
		int got = control(camera, VIDIOC_DQBUF, &b);
		if (got < 0)
			return r == 0 ? 0 : got;
		if (r == 0)
			control(camera, VIDIOC_QBUF, ret_buffer);
		*ret_buffer = b;
		r = 0;
	}
	return r;
}

static int64_t capture_time(const struct v4l2_buffer *b)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
	int64_t us = (int64_t)b->timestamp.tv_sec * 1000000 + b->timestamp.tv_usec;
	bool monotonic = (b->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	/* A driver that stamps the future, or an hour ago, is not believed. */
	return monotonic && us <= now_us && us > now_us - 1000000 ? us : now_us;
}

static void fill_planes(const struct camera *camera, struct frame *frame, uint8_t *at)
{
	size_t luma = (size_t)camera->stride * (size_t)camera->height;
	frame->planes[0] = at;
	frame->strides[0] = camera->stride;
	if (camera->format == V4L2_PIX_FMT_NV12) {
		frame->planes[1] = at + luma;
		frame->strides[1] = camera->stride;
	} else if (camera->format == V4L2_PIX_FMT_YUV420) {
		frame->planes[1] = at + luma;
		frame->planes[2] = at + luma + luma / 4;
		frame->strides[1] = frame->strides[2] = camera->stride / 2;
	}
}

static enum frame_format format_of(uint32_t v4l2)
{
	switch (v4l2) {
	case V4L2_PIX_FMT_NV12: return FRAME_NV12;
	case V4L2_PIX_FMT_YUV420: return FRAME_I420;
	case V4L2_PIX_FMT_YUYV: return FRAME_YUYV;
	case V4L2_PIX_FMT_UYVY: return FRAME_UYVY;
	default: return FRAME_JPEG;
	}
}

/* The last one out takes the memory with it: the camera's own hold, or a frame's. */
static void camera_unhold(struct camera *camera)
{
	if (atomic_fetch_sub(&camera->holds, 1) != 1)
		return;
	for (int i = 0; i < camera->buffer_count; i++)
		v4l2_munmap(camera->buffers[i].at, camera->buffers[i].size);
	if (camera->fd >= 0)
		v4l2_close(camera->fd);
	free(camera);
}

/* Home again, on any thread: the device may fill it anew. */
static void buffer_give_back(struct frame *frame)
{
	struct camera *camera = frame->owner;
	struct buffer *buffer = (struct buffer *)frame;
	struct v4l2_buffer b = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP,
				 .index = (uint32_t)(buffer - camera->buffers) };
	control(camera, VIDIOC_QBUF, &b); /* a stopped stream refuses: the camera is being closed */
	camera_unhold(camera);
}

static const struct frame_ops buffer_ops = { .give_back = buffer_give_back };

static struct frame *frame_of(struct camera *camera, const struct v4l2_buffer *b)
{
	struct buffer *buffer = &camera->buffers[b->index];
	struct frame *frame = &buffer->frame;
	*frame = (struct frame){
		.format = format_of(camera->format), .width = camera->width & ~1, .height = camera->height & ~1,
		.full_range = format_of(camera->format) == FRAME_JPEG, .capture_us = capture_time(b),
		.bytes = b->bytesused <= buffer->size ? b->bytesused : buffer->size, .buffer = buffer->identity,
	};
	fill_planes(camera, frame, buffer->at);
	atomic_fetch_add(&camera->holds, 1);
	frame_begin(frame, &buffer_ops, camera);
	return frame;
}

static int v4l2_camera_next(struct camera *camera, int timeout_ms, struct frame **ret_frame)
{
	struct pollfd p = { .fd = camera->fd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);
	if (n == 0 || (n < 0 && errno == EINTR))
		return -ETIMEDOUT;
	if (n < 0 || (p.revents & (POLLERR | POLLHUP | POLLNVAL)))
		return -ENODEV;
	struct v4l2_buffer b;
	int r = dequeue_newest(camera, &b);
	if (r < 0)
		return r;
	if ((int)b.index >= camera->buffer_count)
		return -EIO;
	struct frame *frame = frame_of(camera, &b);
	if ((b.flags & V4L2_BUF_FLAG_ERROR) || frame->bytes == 0) {
		frame_release(frame);
		return -EAGAIN;
	}
	*ret_frame = frame;
	return 0;
}

static void v4l2_camera_describe(const struct camera *camera, char *text, size_t text_bytes)
{
	uint32_t f = camera->format;
	snprintf(text, text_bytes, "%dx%d %c%c%c%c %d fps %s", camera->width, camera->height, (char)(f & 0x7f),
		 (char)(f >> 8 & 0x7f), (char)(f >> 16 & 0x7f), (char)(f >> 24 & 0x7f), camera->fps,
		 camera->card);
}

const struct camera_driver camera_v4l2 = {
	.name = "v4l2", .open = v4l2_camera_open, .next = v4l2_camera_next,
	.describe = v4l2_camera_describe, .close = v4l2_camera_close,
};
