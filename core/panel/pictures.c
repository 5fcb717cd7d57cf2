#include "core/panel/pictures.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/base/passed_fd.h"

#define AGAIN_US LWS_US_PER_SEC
#define PACKET_BYTES (512 * 1024)
#define NO_PICTURE_BYTES 1

const char *const view_names[] = { "local", "remote", NULL };

/* First a connection to callboxd that asks, then the socket that it was given. */
struct feed {
	struct pictures *pictures;
	enum view view;
	unsigned int watchers;
	struct lws *wsi;
	int fd; /* of wsi */
	bool asks;
	GString *answer;
	struct shot *newest;
	lws_sorted_usec_list_t timer;
	bool complained;
};

struct pictures {
	struct lws_context *context;
	struct lws_vhost *vhost;
	const struct panel_conf *conf;
	void (*came)(void *data, enum view view, struct shot *shot);
	void *data;
	struct feed feeds[VIEWS];
	bool over;
	unsigned char packet[PACKET_BYTES];
};

struct shot *shot_hold(struct shot *shot)
{
	shot->count++;
	return shot;
}

void shot_release(struct shot *shot)
{
	if (shot && --shot->count == 0)
		g_free(shot);
}

static void shot_take(struct feed *feed, const unsigned char *bytes, size_t length)
{
	size_t kept = length <= NO_PICTURE_BYTES ? 0 : length;
	struct shot *shot = g_malloc(sizeof(*shot) + LWS_PRE + 1 + kept);
	shot->count = 1;
	shot->length = 1 + kept;
	shot->bytes[LWS_PRE] = (unsigned char)feed->view;
	memcpy(shot->bytes + LWS_PRE + 1, bytes, kept);
	shot_release(feed->newest);
	feed->newest = shot;
	feed->pictures->came(feed->pictures->data, feed->view, shot);
}

/* ---- asking callboxd ---- */

static void feed_ask(lws_sorted_usec_list_t *timer);

static void feed_later(struct feed *feed)
{
	if (feed->watchers > 0 && !feed->pictures->over)
		lws_sul_schedule(feed->pictures->context, 0, &feed->timer, feed_ask, AGAIN_US);
}

static int adopt(struct feed *feed, int fd)
{
	struct pictures *p = feed->pictures;
	lws_sock_file_fd_type descriptor = { .filefd = fd };
	feed->wsi = lws_adopt_descriptor_vhost(p->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, PICTURES_PROTOCOL, NULL);
	if (!feed->wsi) {
		close(fd);
		return -ENOMEM;
	}
	feed->fd = fd;
	lws_set_opaque_user_data(feed->wsi, feed);
	return 0;
}

static int connect_box(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

static void feed_ask(lws_sorted_usec_list_t *timer)
{
	struct feed *feed = lws_container_of(timer, struct feed, timer);
	const struct panel_conf *conf = feed->pictures->conf;
	g_autofree char *text = g_strdup_printf(
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"watchView\",\"params\":{\"which\":\"%s\",\"width\":%d,"
		"\"height\":%d,\"frameRate\":%d}}\n",
		view_names[feed->view], conf->picture_width, conf->picture_width * 9 / 16, conf->pictures_a_second);
	int fd = connect_box(conf->control_socket);
	if (fd < 0 || send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text)) {
		if (fd >= 0)
			close(fd);
		feed_later(feed);
		return;
	}
	g_string_truncate(feed->answer, 0);
	feed->asks = true;
	if (adopt(feed, fd) < 0)
		feed_later(feed);
}

/* The answer's first byte brings the socket of the pictures. -1: this connection has done its work. */
static int answer_readable(struct feed *feed)
{
	union passed_fd_space space;
	char bytes[1024];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &space,
				 .msg_controllen = sizeof(space) };
	ssize_t n = recvmsg(feed->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	int fd = n > 0 ? passed_fd_take(&header) : -1;
	if (fd >= 0) {
		struct lws *asker = feed->wsi;
		feed->asks = false;
		feed->complained = false;
		lws_set_opaque_user_data(asker, NULL);
		if (adopt(feed, fd) < 0)
			feed_later(feed);
		return -1;
	}
	if (n <= 0)
		return -1;
	g_string_append_len(feed->answer, bytes, n);
	if (!memchr(bytes, '\n', (size_t)n) && feed->answer->len < MESSAGE_BYTES_MAX)
		return 0;
	if (!feed->complained)
		log_warning("callboxd gives no pictures of the %s view: %s", view_names[feed->view], feed->answer->str);
	feed->complained = true;
	return -1;
}

/* ---- pictures ---- */

static int picture_readable(struct feed *feed)
{
	unsigned char *packet = feed->pictures->packet;
	ssize_t n = recv(feed->fd, packet, PACKET_BYTES, MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -1;
	if (n <= PACKET_BYTES)
		shot_take(feed, packet, (size_t)n);
	return 0;
}

static void feed_closed(struct feed *feed)
{
	feed->wsi = NULL;
	if (feed->newest && feed->newest->length > 1)
		shot_take(feed, (const unsigned char *)"", 0);
	feed_later(feed);
}

int pictures_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct feed *feed = lws_get_opaque_user_data(wsi);
	(void)user;
	(void)in;
	(void)length;
	if (!feed)
		return reason == LWS_CALLBACK_RAW_RX_FILE ? -1 : 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		return feed->asks ? answer_readable(feed) : picture_readable(feed);
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		lws_set_opaque_user_data(wsi, NULL);
		feed_closed(feed);
		return 0;
	default:
		return 0;
	}
}

/* ---- who watches ---- */

/* Its descriptor is closed by the loop, and callboxd sees that. */
static void feed_end(struct feed *feed)
{
	lws_sul_cancel(&feed->timer);
	if (feed->wsi) {
		lws_set_opaque_user_data(feed->wsi, NULL);
		lws_set_timeout(feed->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
	}
	feed->wsi = NULL;
	shot_release(feed->newest);
	feed->newest = NULL;
}

void pictures_watch(struct pictures *pictures, enum view view, bool on)
{
	struct feed *feed = &pictures->feeds[view];
	feed->watchers = on ? feed->watchers + 1 : feed->watchers - 1;
	if (feed->watchers == 0)
		feed_end(feed);
	else if (on && feed->watchers == 1)
		feed_ask(&feed->timer);
}

struct shot *pictures_newest(const struct pictures *pictures, enum view view)
{
	return pictures->feeds[view].newest;
}

struct pictures *pictures_create(struct lws_context *context, struct lws_vhost *vhost, const struct panel_conf *conf,
				 void (*came)(void *data, enum view view, struct shot *shot), void *data)
{
	struct pictures *pictures = g_new0(struct pictures, 1);
	*pictures = (struct pictures){ .context = context, .vhost = vhost, .conf = conf, .came = came, .data = data };
	for (int i = 0; i < VIEWS; i++)
		pictures->feeds[i] = (struct feed){ .pictures = pictures, .view = (enum view)i,
						    .answer = g_string_new(NULL) };
	return pictures;
}

void pictures_stop(struct pictures *pictures)
{
	if (pictures)
		pictures->over = true;
}

void pictures_destroy(struct pictures *pictures)
{
	if (!pictures)
		return;
	for (int i = 0; i < VIEWS; i++) {
		feed_end(&pictures->feeds[i]);
		g_string_free(pictures->feeds[i].answer, TRUE);
	}
	g_free(pictures);
}
