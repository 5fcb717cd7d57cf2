#include "core/base/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/passed_fd.h"

#define READS_A_TURN 64       /* datagrams before other sources of the loop get their turn */
#define LOG_INTERVAL_US 1000000

struct waiting {
	char *bytes;
	size_t length;
	int fd;
};

struct channel {
	int fd;
	const struct message_shape *shapes;
	GMainContext *context;
	GSource *in, *out;
	channel_message_fn on_message;
	channel_closed_fn on_closed;
	void *data;
	GQueue queue; /* struct waiting */
	struct channel_counts counts;
	gint64 logged_us;
	unsigned int busy; /* callbacks on the stack */
	bool closed;	   /* channel_close() was called */
	bool gone;	   /* the peer is */
	char buffer[MESSAGE_BYTES_MAX + 1];
};

int channel_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
		return -errno;
	/* Room for the largest message and some small ones behind it. */
	int bytes = 4 * MESSAGE_BYTES_MAX;
	for (int i = 0; i < 2; i++)
		setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

static void waiting_free(struct waiting *waiting)
{
	if (waiting->fd >= 0)
		close(waiting->fd);
	g_free(waiting->bytes);
	g_free(waiting);
}

static void source_drop(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_source_unref(*source);
	*source = NULL;
}

static void channel_release(struct channel *channel)
{
	g_queue_clear_full(&channel->queue, (GDestroyNotify)waiting_free);
	if (channel->context)
		g_main_context_unref(channel->context);
	g_free(channel);
}

void channel_close(struct channel *channel)
{
	if (!channel || channel->closed)
		return;
	channel->closed = true;
	source_drop(&channel->in);
	source_drop(&channel->out);
	close(channel->fd);
	if (channel->busy == 0)
		channel_release(channel);
}

static void peer_gone(struct channel *channel)
{
	if (channel->gone || channel->closed)
		return;
	channel->gone = true;
	source_drop(&channel->in);
	source_drop(&channel->out);
	g_queue_clear_full(&channel->queue, (GDestroyNotify)waiting_free);
	if (channel->on_closed)
		channel->on_closed(channel, channel->data);
}

static void refuse(struct channel *channel, int fd, const char *why)
{
	if (fd >= 0)
		close(fd);
	channel->counts.refused++;
	gint64 now = g_get_monotonic_time();
	if (channel->logged_us && now - channel->logged_us < LOG_INTERVAL_US)
		return;
	channel->logged_us = now;
	log_warning("peer: channel message dropped (%llu so far): %s",
		    (unsigned long long)channel->counts.refused, why);
}

static void deliver(struct channel *channel, size_t length, bool truncated, int fd)
{
	const char *why = truncated ? "too long" : NULL;
	cJSON *message = truncated ? NULL : message_parse(channel->buffer, length, &why);
	char detail[160];
	if (message && message_check(channel->shapes, message, detail, sizeof(detail)) < 0) {
		cJSON_Delete(message);
		message = NULL;
		why = detail;
	}
	if (!message) {
		refuse(channel, fd, why);
		return;
	}
	channel->counts.received++;
	channel->on_message(channel, message_name(message), message, fd, channel->data);
	cJSON_Delete(message);
}

/* One datagram. Returns false when there is none now or the channel has ended. */
static bool receive_one(struct channel *channel)
{
	union passed_fd_space control;
	struct iovec iov = { .iov_base = channel->buffer, .iov_len = sizeof(channel->buffer) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(channel->fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* an empty datagram cannot be told from the end; ours are never empty */
		if (n == 0)
			passed_fd_take(&header);
		peer_gone(channel);
		return false;
	}
	deliver(channel, (size_t)n, (header.msg_flags & MSG_TRUNC) != 0, passed_fd_take(&header));
	return !channel->closed && !channel->gone;
}

static gboolean on_readable(int fd, GIOCondition condition, void *data)
{
	struct channel *channel = data;
	(void)fd;
	(void)condition;
	channel->busy++;
	for (int i = 0; i < READS_A_TURN && receive_one(channel); i++)
		;
	gboolean go_on = !channel->closed && !channel->gone;
	if (--channel->busy == 0 && channel->closed)
		channel_release(channel);
	return go_on;
}

/* One datagram out: 0, -EAGAIN, or the error that ends the channel. */
static int send_now(struct channel *channel, const char *bytes, size_t length, int fd)
{
	int r = passed_fd_send(channel->fd, bytes, length, fd);
	channel->counts.sent += r == 0;
	return r == -ENOBUFS ? -EAGAIN : r;
}

static gboolean on_writable(int fd, GIOCondition condition, void *data)
{
	struct channel *channel = data;
	(void)fd;
	(void)condition;
	for (struct waiting *w; (w = g_queue_peek_head(&channel->queue));) {
		if (send_now(channel, w->bytes, w->length, w->fd) == -EAGAIN)
			return G_SOURCE_CONTINUE;
		waiting_free(g_queue_pop_head(&channel->queue)); /* sent, or the reader will see the end */
	}
	g_source_unref(channel->out);
	channel->out = NULL;
	return G_SOURCE_REMOVE;
}

static GSource *watch(struct channel *channel, GIOCondition condition, GUnixFDSourceFunc function)
{
	GSource *source = g_unix_fd_source_new(channel->fd, condition);
	g_source_set_callback(source, G_SOURCE_FUNC(function), channel, NULL);
	g_source_attach(source, channel->context);
	return source;
}

static int enqueue(struct channel *channel, const char *bytes, size_t length, int fd)
{
	if (g_queue_get_length(&channel->queue) >= CHANNEL_QUEUE_MAX)
		return -ENOBUFS;
	int copy = -1;
	if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return -errno;
	struct waiting *waiting = g_new(struct waiting, 1);
	*waiting = (struct waiting){ .bytes = g_memdup2(bytes, length), .length = length, .fd = copy };
	g_queue_push_tail(&channel->queue, waiting);
	if (!channel->out)
		channel->out = watch(channel, G_IO_OUT, on_writable);
	return 0;
}

int channel_send_fd(struct channel *channel, cJSON *message, int fd)
{
	char *text = cJSON_PrintUnformatted(message);
	cJSON_Delete(message);
	if (!text)
		return -ENOMEM;
	size_t length = strlen(text);
	int r;
	if (channel->closed || channel->gone)
		r = -EPIPE;
	else if (length > MESSAGE_BYTES_MAX)
		r = -EMSGSIZE;
	else if (!g_queue_is_empty(&channel->queue))
		r = enqueue(channel, text, length, fd);
	else if ((r = send_now(channel, text, length, fd)) == -EAGAIN)
		r = enqueue(channel, text, length, fd);
	cJSON_free(text);
	return r == -ECONNRESET ? -EPIPE : r;
}

int channel_send(struct channel *channel, cJSON *message)
{
	return channel_send_fd(channel, message, -1);
}

int channel_open(int fd, const struct message_shape *shapes, GMainContext *context,
		 channel_message_fn on_message, channel_closed_fn on_closed, void *data,
		 struct channel **ret_channel)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	struct channel *channel = g_new0(struct channel, 1);
	channel->fd = fd;
	channel->shapes = shapes;
	channel->context = context ? g_main_context_ref(context) : NULL;
	channel->on_message = on_message;
	channel->on_closed = on_closed;
	channel->data = data;
	g_queue_init(&channel->queue);
	channel->in = watch(channel, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
	*ret_channel = channel;
	return 0;
}

void channel_counts(const struct channel *channel, struct channel_counts *ret_counts)
{
	*ret_counts = channel->counts;
}
