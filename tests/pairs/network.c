#include "tests/pairs/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROADS_MAX 32

struct network {
	int here, there; /* namespaces */
	int thread_id;	 /* whose /proc/ID/ns/net is the other one */
	GThread *thread;
	int wake[2];	 /* written: the thread ends */
	int listener;	 /* of the other side; -1: not yet */
	unsigned int port;
	GMutex lock;
	GCond ready;
};

/* ---- the thread of the other side ---- */

static int connect_here(struct network *n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)n->port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	if (setns(n->here, CLONE_NEWNET) < 0)
		return -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (setns(n->there, CLONE_NEWNET) < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One read's worth; false when that direction is over. */
static bool carry(int from, int to)
{
	char bytes[65536];
	ssize_t n = read(from, bytes, sizeof(bytes));
	for (ssize_t at = 0, w; n > 0 && at < n; at += w)
		if ((w = write(to, bytes + at, (size_t)(n - at))) <= 0)
			return false;
	return n > 0;
}

static void carry_all(struct network *n)
{
	struct pollfd fds[2 + 2 * ROADS_MAX] = { { n->wake[0], POLLIN, 0 }, { n->listener, POLLIN, 0 } };
	nfds_t count = 2;
	while (poll(fds, count, -1) > 0 && !fds[0].revents) {
		for (nfds_t i = 2; i < count; i += 2) {
			bool alive = (!fds[i].revents || carry(fds[i].fd, fds[i + 1].fd)) &&
				     (!fds[i + 1].revents || carry(fds[i + 1].fd, fds[i].fd));
			if (alive)
				continue;
			close(fds[i].fd);
			close(fds[i + 1].fd);
			memmove(&fds[i], &fds[i + 2], (count - i - 2) * sizeof(fds[0]));
			count -= 2;
			i -= 2;
		}
		if (!fds[1].revents || count + 2 > G_N_ELEMENTS(fds))
			continue;
		int there = accept4(n->listener, NULL, NULL, SOCK_CLOEXEC), here = connect_here(n);
		if (there < 0 || here < 0)
			continue;
		fds[count++] = (struct pollfd){ there, POLLIN, 0 };
		fds[count++] = (struct pollfd){ here, POLLIN, 0 };
	}
	for (nfds_t i = 2; i < count; i++)
		close(fds[i].fd);
}

static int listen_there(unsigned int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		g_error("port %u: %s", port, g_strerror(errno));
	return fd;
}

static void *run(void *data)
{
	struct network *n = data;
	int r = unshare(CLONE_NEWNET);
	g_mutex_lock(&n->lock);
	n->there = r < 0 ? -errno : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	n->thread_id = (int)syscall(SYS_gettid);
	g_cond_signal(&n->ready);
	while (n->there >= 0 && n->port == 0)
		g_cond_wait(&n->ready, &n->lock);
	if (n->there >= 0 && n->port < G_MAXUINT)
		n->listener = listen_there(n->port);
	g_cond_signal(&n->ready);
	g_mutex_unlock(&n->lock);
	if (n->listener >= 0)
		carry_all(n);
	return NULL;
}

/* ---- the test's side ---- */

static void map_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		g_error("%s: %s", file, g_strerror(errno));
	close(fd);
}

/* Root may as it is; anybody else is root of a user namespace first. */
static int leave(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (uid == 0)
		return unshare(CLONE_NEWNET);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -1;
	g_autofree char *users = g_strdup_printf("0 %u 1", uid), *groups = g_strdup_printf("0 %u 1", gid);
	map_write("/proc/self/setgroups", "deny");
	map_write("/proc/self/uid_map", users);
	map_write("/proc/self/gid_map", groups);
	return 0;
}

struct network *network_open(char *why, size_t why_bytes)
{
	if (leave() < 0) {
		g_snprintf(why, why_bytes, "no network namespaces here: %s", g_strerror(errno));
		return NULL;
	}
	struct network *n = g_new0(struct network, 1);
	n->listener = n->there = -1;
	n->here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	g_mutex_init(&n->lock);
	g_cond_init(&n->ready);
	if (n->here < 0 || pipe2(n->wake, O_CLOEXEC) < 0)
		g_error("network: %s", g_strerror(errno));
	g_mutex_lock(&n->lock);
	n->thread = g_thread_new("there", run, n);
	while (n->thread_id == 0)
		g_cond_wait(&n->ready, &n->lock);
	g_mutex_unlock(&n->lock);
	if (n->there < 0)
		g_error("network: %s", g_strerror(-n->there));
	network_ip(n, false, "link set lo up");
	network_ip(n, true, "link set lo up");
	return n;
}

void network_close(struct network *n)
{
	g_mutex_lock(&n->lock);
	if (n->port == 0)
		n->port = G_MAXUINT;
	g_cond_signal(&n->ready);
	g_mutex_unlock(&n->lock);
	if (write(n->wake[1], "", 1) < 0)
		g_error("network: %s", g_strerror(errno));
	g_thread_join(n->thread);
	if (n->listener >= 0)
		close(n->listener);
	close(n->wake[0]);
	close(n->wake[1]);
	close(n->here);
	close(n->there);
	g_free(n);
}

void network_enter(struct network *n, bool there)
{
	if (setns(there ? n->there : n->here, CLONE_NEWNET) < 0)
		g_error("setns: %s", g_strerror(errno));
}

void network_ip(struct network *n, bool there, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *line = g_strconcat("ip ", words, NULL);
	g_autofree char *said = NULL;
	g_autoptr(GError) error = NULL;
	int status = 0;
	network_enter(n, there);
	if (!g_spawn_command_line_sync(line, NULL, &said, &status, &error) ||
	    !g_spawn_check_wait_status(status, &error))
		g_error("%s: %s: %s", line, error->message, said ? said : "");
	network_enter(n, false);
}

void network_join(struct network *n, const char *name)
{
	network_ip(n, false, "link add %s type veth peer name %s netns %d", name, name, n->thread_id);
	network_ip(n, false, "link set %s up", name);
	network_ip(n, true, "link set %s up", name);
}

void network_forward(struct network *n, unsigned int port)
{
	g_mutex_lock(&n->lock);
	n->port = port;
	g_cond_signal(&n->ready);
	while (n->listener < 0)
		g_cond_wait(&n->ready, &n->lock);
	g_mutex_unlock(&n->lock);
}
