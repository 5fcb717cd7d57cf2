#include "core/video/watch.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/devices/convert.h"
#include "core/devices/jpeg.h"

#define QUALITY 75
#define REPEAT_US G_USEC_PER_SEC

struct watch {
	int fd, width, height;
	guint timer; /* 0: the reader is gone */
	watch_newest_fn newest;
	void *data;
	struct converter *converter;
	struct jpeg_writer *writer;
	int64_t period_us, due_us; /* a late turn does not make the next one late */
	const struct frame *last; /* what was sent: only to compare, never to look into */
	int64_t last_capture_us, sent_us;
};

static int frame_jpeg(struct watch *watch, struct frame *frame, const unsigned char **ret_bytes, size_t *ret_size)
{
	struct picture picture;
	struct frame *small = NULL;
	int width, height;
	convert_fit(frame, watch->width, watch->height, &width, &height);
	int r = convert(watch->converter, frame, width, height, &small);
	if (r == 0)
		r = frame_picture(small, &picture);
	if (r == 0)
		r = jpeg_write(watch->writer, &picture, QUALITY, ret_bytes, ret_size);
	frame_release(small);
	return r;
}

static bool is_new(const struct watch *watch, const struct frame *frame, int64_t now_us)
{
	return frame != watch->last || frame->capture_us != watch->last_capture_us || frame->capture_us == 0 ||
	       now_us - watch->sent_us >= REPEAT_US;
}

static bool may_send(const struct watch *watch)
{
	struct pollfd p = { .fd = watch->fd, .events = POLLOUT };
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

/* False: the reader is gone. */
static bool send_frame(struct watch *watch, struct frame *frame, int64_t now_us)
{
	const unsigned char *bytes;
	size_t size;
	if (!is_new(watch, frame, now_us) || !may_send(watch) || frame_jpeg(watch, frame, &bytes, &size) < 0)
		return true;
	watch->last = frame;
	watch->last_capture_us = frame->capture_us;
	watch->sent_us = now_us;
	/* One that is too large for the socket's memory, or finds it full, is lost. */
	return send(watch->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN || errno == EINTR ||
	       errno == EMSGSIZE || errno == ENOBUFS;
}

static gboolean on_timer(void *data)
{
	struct watch *watch = data;
	struct frame *frame = watch->newest(watch->data);
	bool good = frame ? send_frame(watch, frame, g_get_monotonic_time()) : true;
	int64_t now_us = g_get_monotonic_time();
	frame_release(frame);
	watch->due_us = MAX(watch->due_us + watch->period_us, now_us);
	watch->timer = good ? g_timeout_add((guint)((watch->due_us - now_us) / 1000), on_timer, watch) : 0;
	return G_SOURCE_REMOVE;
}

struct watch *watch_open(int fd, int width, int height, int fps, watch_newest_fn newest, void *data)
{
	struct watch *watch = g_new0(struct watch, 1);
	*watch = (struct watch){ .fd = fd, .width = width, .height = height, .newest = newest, .data = data,
				 .period_us = G_USEC_PER_SEC / fps, .due_us = g_get_monotonic_time(),
				 .converter = converter_new(), .writer = jpeg_writer_new() };
	if (watch->converter && watch->writer)
		watch->timer = g_timeout_add(0, on_timer, watch);
	return watch;
}

bool watch_is_over(const struct watch *watch)
{
	return watch->timer == 0;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->timer)
		g_source_remove(watch->timer);
	close(watch->fd);
	converter_free(watch->converter);
	jpeg_writer_free(watch->writer);
	g_free(watch);
}
