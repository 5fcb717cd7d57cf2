/* camera_v4l2: a V4L2 camera: whatever format, size and rate it offers that fits the wish best. Its buffers are
 * memory-mapped and go out as frames, which return to the device when the last user lets go; the queue is drained
 * to its newest good picture, so nothing old is ever sent. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers-glue/camera_buffers.h"
#include "drivers-glue/camera_controls.h"
#include "drivers-glue/camera_find.h"
#include "drivers-glue/camera_h264.h"
#include "drivers-glue/camera_stamp.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/hotplug_watch.h"

#define DRAIN_MAX 16
#define START_TRIES 3

struct camera {
	struct camera_device device;
	struct camera_wish wish;
	struct camera_format format;
	struct camera_buffers *buffers; /* NULL: the stream does not run */
	struct camera_stamp stamp;
	struct camera_h264 h264;
	struct camera_counts *counts, own_counts;
	int settle; /* pictures still to drop */
};

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- start, restart ---- */

static int start_once(struct camera *camera)
{
	int r = camera_device_take_timings(&camera->device);
	if (r == 0)
		r = camera_format_set(&camera->device, &camera->wish, &camera->format);
	if (r == -EPROTONOSUPPORT && !camera->device.converts && !camera_device_convert(&camera->device))
		r = camera_format_set(&camera->device, &camera->wish, &camera->format);
	if (r == 0 && camera->format.format == FRAME_H264) {
		camera_control_encoder(&camera->device);
		camera_control_bitrate(&camera->device, camera->wish.bitrate_bps);
	}
	if (r == 0)
		r = camera_buffers_start(&camera->device, &camera->format, &camera->buffers);
	return r;
}

/* A driver that refuses once may be right the next time. */
static int start(struct camera *camera)
{
	int r = -EINVAL;
	camera_stamp_restart(&camera->stamp);
	camera->settle = camera->device.quirk.settle_frames;
	for (int i = 0; i < START_TRIES && (r == -EINVAL || r == -EIO || r == -EAGAIN); i++)
		r = start_once(camera);
	return r;
}

static void stop(struct camera *camera)
{
	camera_buffers_stop(camera->buffers);
	camera->buffers = NULL;
}

static int v4l2_camera_restart(struct camera *camera)
{
	stop(camera);
	camera->counts->restarts++;
	int r = camera_device_signal(&camera->device);
	return r < 0 ? r : start(camera);
}

static const char *explain(int r)
{
	switch (-r) {
	case ENOENT: return "no such camera: is it plugged in?";
	case ENODEV:
	case ENXIO: return "the node is there, the camera is not: is it plugged in, is its driver loaded?";
	case EACCES:
	case EPERM: return "no permission: add the user to group video";
	case EBUSY: return "busy: another program uses it";
	case ENOTTY: return "is no capture device";
	case ENOLINK: return "no signal: is the cable plugged in, is the other end on?";
	case ENOSPC: return "no room on its USB bus: plug it into another port";
	case EPROTONOSUPPORT: return "offers none of NV12, I420, YUYV, UYVY, MJPEG";
	default: return strerror(-r);
	}
}

static void v4l2_camera_close(struct camera *camera)
{
	stop(camera);
	camera_device_close(&camera->device);
	free(camera);
}

static int v4l2_camera_open(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
			    char *why, size_t why_bytes)
{
	char node[CAMERA_NODE_BYTES];
	struct camera *camera = calloc(1, sizeof(*camera));
	if (!camera)
		return -ENOMEM;
	camera->wish = *wish;
	camera->counts = wish->counts ? wish->counts : &camera->own_counts;
	camera->device.fd = -1;
	int r = camera_node_find(address, node);
	if (r == 0)
		r = camera_device_open(&camera->device, node, wish->quirks);
	if (r == 0) {
		camera->stamp.ignore_time = camera->device.quirk.ignore_timestamps;
		camera->stamp.ignore_sequence = camera->device.quirk.ignore_sequence;
		camera_control_steady(&camera->device);
		r = start(camera);
	}
	if (r < 0) {
		snprintf(why, why_bytes, "camera %s: %s", address, explain(r));
		v4l2_camera_close(camera);
		return r;
	}
	*ret_camera = camera;
	return 0;
}

/* ---- pictures ---- */

/* Some cameras pad a JPEG file after its end, and cut it when the bus is full. */
static bool jpeg_is_whole(const struct frame *frame)
{
	const uint8_t *at = frame->planes[0];
	size_t n = frame->bytes, stop_at = n > 64 ? n - 64 : 2;
	if (n < 4 || at[0] != 0xff || at[1] != 0xd8)
		return false;
	for (size_t i = n - 1; i > stop_at; i--)
		if (at[i - 1] == 0xff && at[i] == 0xd9)
			return true;
	return false;
}

static bool is_whole(const struct camera *camera, const struct camera_filled *filled)
{
	if (filled->flags & V4L2_BUF_FLAG_ERROR || filled->bytes[0] == 0)
		return false;
	for (int i = 0; i < camera->format.memories; i++)
		if (filled->bytes[i] < camera->format.least[i])
			return false;
	return true;
}

static int64_t capture_time(struct camera *camera, const struct camera_filled *filled)
{
	bool monotonic = (filled->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	int64_t us = (int64_t)filled->time.tv_sec * 1000000 + filled->time.tv_usec;
	return camera_stamp_time(&camera->stamp, us, monotonic, now_us(), camera->counts);
}

/* libv4l2's converted memory ends with the device: such frames are copies. */
static int copy_out(struct frame *frame, struct frame **ret_frame)
{
	struct frame *copy;
	struct picture from, to;
	int r = frame_new(frame->format, frame->width, frame->height, &copy);
	if (r == 0 && frame->format == FRAME_I420) {
		frame_picture(frame, &from);
		frame_picture(copy, &to);
		picture_copy(&to, &from);
		copy->full_range = frame->full_range;
		copy->capture_us = frame->capture_us;
	}
	frame_release(frame);
	if (r == 0)
		*ret_frame = copy;
	return r;
}

static int hand_out(struct camera *camera, const struct camera_filled *filled, struct frame **ret_frame)
{
	struct frame *frame = camera_buffers_frame(camera->buffers, filled, capture_time(camera, filled));
	if (frame->format == FRAME_JPEG && !jpeg_is_whole(frame)) {
		camera->counts->damaged++;
		frame_release(frame);
		return -EAGAIN;
	}
	camera->counts->pictures++;
	if (camera->device.converts)
		return copy_out(frame, ret_frame);
	*ret_frame = frame;
	return 0;
}

/* Each access unit in its order: one that is missing spoils those after it until the next key frame. */
static int take_unit(struct camera *camera, struct frame **ret_frame)
{
	struct camera_filled filled;
	uint64_t missing = camera->counts->missing;
	int r = camera_buffers_take(camera->buffers, &filled);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	camera_stamp_sequence(&camera->stamp, filled.sequence, camera->counts);
	bool whole = is_whole(camera, &filled);
	if (whole) {
		struct frame *frame = camera_buffers_frame(camera->buffers, &filled, capture_time(camera, &filled));
		r = camera_h264_unit(&camera->h264, frame, ret_frame);
	} else {
		camera_buffers_put(camera->buffers, filled.index);
	}
	if (!whole || r < 0 || camera->counts->missing > missing)
		camera_control_idr(&camera->device);
	camera->counts->pictures += whole && r == 0;
	camera->counts->damaged += !whole || r < 0;
	return whole && r == 0 ? 0 : -EAGAIN;
}

/* Takes the newest good buffer, giving others back. 0, -EAGAIN: there are only damaged ones, -ETIMEDOUT: there is
 * none, else what the device says. */
static int take_newest(struct camera *camera, struct camera_filled *ret_filled)
{
	int result = -ETIMEDOUT;
	for (int i = 0; i < DRAIN_MAX; i++) {
		struct camera_filled filled;
		int r = camera_buffers_take(camera->buffers, &filled);
		if (r == -EAGAIN)
			break;
		if (r < 0 && result == 0)
			break; /* it will be said again */
		if (r < 0)
			return r;
		camera_stamp_sequence(&camera->stamp, filled.sequence, camera->counts);
		bool whole = is_whole(camera, &filled);
		if (!whole || camera->settle > 0) {
			camera->counts->damaged += !whole;
			camera->settle -= camera->settle > 0;
			camera_buffers_put(camera->buffers, filled.index);
			result = result == 0 || whole ? result : -EAGAIN;
			continue;
		}
		if (result == 0) {
			camera->counts->overtaken++;
			camera_buffers_put(camera->buffers, ret_filled->index);
		}
		*ret_filled = filled;
		result = 0;
	}
	return result;
}

static int v4l2_camera_next(struct camera *camera, int timeout_ms, struct frame **ret_frame)
{
	struct camera_filled filled;
	struct pollfd p = { .fd = camera->device.fd, .events = POLLIN | POLLPRI };
	int n = poll(&p, 1, timeout_ms), r = 0;
	if (n <= 0)
		return -ETIMEDOUT;
	if (p.revents & POLLPRI)
		r = camera_device_events(&camera->device);
	if (r != 0)
		return r < 0 ? r : -ESTALE;
	bool units = camera->format.format == FRAME_H264;
	r = units ? take_unit(camera, ret_frame) : take_newest(camera, &filled);
	if (r == -ETIMEDOUT && p.revents & (POLLERR | POLLHUP | POLLNVAL))
		return -EIO;
	return r < 0 || units ? r : hand_out(camera, &filled, ret_frame);
}

static int v4l2_camera_patience_ms(const struct camera *camera)
{
	return camera->device.quirk.warm_up_ms;
}

static int v4l2_request_idr(struct camera *camera)
{
	return camera->format.format == FRAME_H264 ? camera_control_idr(&camera->device) : -ENOTSUP;
}

static int v4l2_set_rate(struct camera *camera, int bitrate_bps)
{
	camera->wish.bitrate_bps = bitrate_bps;
	return camera->format.format == FRAME_H264 ? camera_control_bitrate(&camera->device, bitrate_bps) : -ENOTSUP;
}

static int v4l2_control_set(struct camera *camera, const char *name, const char *value, char *why, size_t why_bytes)
{
	return camera_control_set(&camera->device, name, value, why, why_bytes);
}

static void v4l2_control_each(struct camera *camera, void (*each)(const struct camera_control *control, void *data),
			      void *data)
{
	camera_control_each(&camera->device, each, data);
}

static void v4l2_camera_describe(const struct camera *camera, char *text, size_t text_bytes)
{
	uint32_t f = camera->format.fourcc;
	snprintf(text, text_bytes, "%dx%d %c%c%c%c %d fps %s%s", camera->format.width, camera->format.height,
		 (char)(f & 0x7f), (char)(f >> 8 & 0x7f), (char)(f >> 16 & 0x7f), (char)(f >> 24 & 0x7f),
		 camera->format.fps, camera->device.card, camera->device.converts ? ", converted" : "");
}

const struct camera_driver camera_v4l2 = {
	.name = "v4l2", .open = v4l2_camera_open, .next = v4l2_camera_next, .restart = v4l2_camera_restart,
	.request_idr = v4l2_request_idr, .set_rate = v4l2_set_rate,
	.control_set = v4l2_control_set, .control_each = v4l2_control_each,
	.patience_ms = v4l2_camera_patience_ms, .describe = v4l2_camera_describe, .close = v4l2_camera_close,
	.watch = hotplug_open, .came = hotplug_came,
};
