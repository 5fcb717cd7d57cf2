#include "core/box/watchers.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/message.h"
#include "core/box/session.h"

#define SEND_BYTES (1 << 20) /* of the socket: as much as the kernel gives, for a large picture or some small ones */

struct watcher {
	struct box *box;
	const char *which;
	int width, height, fps, fd;
	guint source;
};

static void watcher_free(void *data)
{
	struct watcher *watcher = data;
	if (watcher->source)
		g_source_remove(watcher->source);
	close(watcher->fd);
	g_free(watcher);
}

static gboolean on_gone(int fd, GIOCondition condition, void *data)
{
	struct watcher *watcher = data;
	(void)fd;
	(void)condition;
	watcher->source = 0;
	g_ptr_array_remove(watcher->box->watchers, watcher);
	return G_SOURCE_REMOVE;
}

static void tell(struct watcher *watcher, struct session *session)
{
	cJSON *message = message_new("watch");
	cJSON_AddStringToObject(message, "which", watcher->which);
	cJSON_AddNumberToObject(message, "width", watcher->width);
	cJSON_AddNumberToObject(message, "height", watcher->height);
	cJSON_AddNumberToObject(message, "fps", watcher->fps);
	session_watch(session, message, watcher->fd);
}

int watchers_add(struct box *box, const char *which, int width, int height, int fps, int *ret_fd)
{
	int fds[2], size = SEND_BYTES;
	if (!box->watchers)
		box->watchers = g_ptr_array_new_with_free_func(watcher_free);
	if (box->watchers->len >= WATCHERS_MAX)
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return -errno;
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	struct watcher *watcher = g_new0(struct watcher, 1);
	*watcher = (struct watcher){ .box = box, .which = g_str_equal(which, "local") ? "local" : "remote",
				     .width = width, .height = height, .fps = fps, .fd = fds[0] };
	watcher->source = g_unix_fd_add(fds[0], G_IO_HUP | G_IO_ERR, on_gone, watcher);
	g_ptr_array_add(box->watchers, watcher);
	if (box->session)
		tell(watcher, box->session);
	*ret_fd = fds[1];
	return 0;
}

void watchers_session(struct box *box, struct session *session)
{
	for (unsigned int i = 0; box->watchers && i < box->watchers->len; i++)
		tell(box->watchers->pdata[i], session);
}

void watchers_blank(struct box *box)
{
	for (unsigned int i = 0; box->watchers && i < box->watchers->len; i++)
		send(((struct watcher *)box->watchers->pdata[i])->fd, "-", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void watchers_close(struct box *box)
{
	g_clear_pointer(&box->watchers, g_ptr_array_unref);
}
