#include "core/media/fast_path.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define BURST 32
#define DATAGRAM_MAX 1500 /* what is queued or received; none of ours, and nobody's RTP, is larger */
/* Sockets of the group, in the order in which they joined it. */
#define LIBNICES 0
#define OURS 1

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct burst {
	struct mmsghdr messages[BURST];
	struct iovec pieces[BURST];
	uint8_t datagrams[BURST][DATAGRAM_MAX];
};

struct fast_path {
	const struct fast_path_ops *ops;
	void *data;
	int fd;
	GSource *source;
	union address remote, from[BURST];
	unsigned int queued;
	_Atomic uint64_t sent;
	uint64_t received;
	struct burst out, in;
};

static socklen_t address_bytes(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static bool address_equal(const union address *a, const union address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->four.sin_port == b->four.sin_port && a->four.sin_addr.s_addr == b->four.sin_addr.s_addr;
	return a->six.sin6_port == b->six.sin6_port && IN6_ARE_ADDR_EQUAL(&a->six.sin6_addr, &b->six.sin6_addr);
}

/* ---- the group of two sockets ---- */

static int option_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int filter_set(int fd, const struct sock_filter *lines, size_t count)
{
	const struct sock_fprog program = { .len = (unsigned short)count, .filter = (struct sock_filter *)lines };
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0 ? -errno : 0;
}

/* The filter sees the datagram behind the UDP header. */
static int group_divide(int fd)
{
	static const struct sock_filter lines[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xc0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x80, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, OURS),
		BPF_STMT(BPF_RET | BPF_K, LIBNICES),
	};
	return filter_set(fd, lines, G_N_ELEMENTS(lines));
}

static int group_unite(int fd)
{
	static const struct sock_filter lines[] = { BPF_STMT(BPF_RET | BPF_K, LIBNICES) };
	return filter_set(fd, lines, G_N_ELEMENTS(lines));
}

/* What ours must have as libnice's does: where its packets go (a check that comes through by another interface than the
 * route's says nothing of the route's), how they are marked, and that the two are a group at all (IPV6_V6ONLY). */
static const struct {
	int family, level, name;
} shared[] = {
	{ AF_INET, IPPROTO_IP, IP_UNICAST_IF },	    { AF_INET, IPPROTO_IP, IP_TOS },
	{ AF_INET, IPPROTO_IP, IP_MTU_DISCOVER },   { AF_INET6, IPPROTO_IPV6, IPV6_UNICAST_IF },
	{ AF_INET6, IPPROTO_IPV6, IPV6_TCLASS },    { AF_INET6, IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY },
};

static int options_share(int fd, int libnices, int family)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(shared); i++) {
		int value = 0;
		socklen_t bytes = sizeof(value);
		if (shared[i].family != family)
			continue;
		r = getsockopt(libnices, shared[i].level, shared[i].name, &value, &bytes) < 0
			    ? -errno : option_set(fd, shared[i].level, shared[i].name, value);
	}
	return r;
}

static int bind_beside(int fd, int libnices)
{
	union address local = { 0 };
	socklen_t bytes = sizeof(local);
	if (getsockname(libnices, &local.any, &bytes) < 0)
		return -errno;
	int r = options_share(fd, libnices, local.any.sa_family);
	if (r == 0)
		r = option_set(libnices, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0)
		r = option_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (r == 0 && bind(fd, &local.any, bytes) < 0)
		r = -errno;
	/* By libnice's: refused there when the two are no group. */
	return r < 0 ? r : group_divide(libnices);
}

/* ---- in ---- */

static void burst_receive(struct fast_path *path, int count)
{
	for (int i = 0; i < count; i++) {
		const struct mmsghdr *message = &path->in.messages[i];
		bool whole = !(message->msg_hdr.msg_flags & MSG_TRUNC) && message->msg_len > 0;
		if (!whole || (!address_equal(&path->from[i], &path->remote) &&
			       !path->ops->knows(&path->from[i].any, path->data)))
			continue;
		path->received++;
		path->ops->receive(path->in.datagrams[i], message->msg_len, path->data);
	}
}

/* How many there were; an error is told once and then forgotten by the kernel. */
static int receive(struct fast_path *path)
{
	for (int i = 0; i < BURST; i++)
		path->in.messages[i].msg_hdr.msg_namelen = sizeof(path->from[i]);
	int count = recvmmsg(path->fd, path->in.messages, BURST, MSG_DONTWAIT, NULL);
	if (count > 0)
		burst_receive(path, count);
	return count;
}

static gboolean on_readable(int fd, GIOCondition condition, void *data)
{
	(void)fd;
	(void)condition;
	receive(data);
	return G_SOURCE_CONTINUE;
}

/* ---- life ---- */

static void bursts_prepare(struct fast_path *path)
{
	for (int i = 0; i < BURST; i++) {
		path->in.pieces[i] = (struct iovec){ path->in.datagrams[i], DATAGRAM_MAX };
		path->in.messages[i].msg_hdr = (struct msghdr){ .msg_name = &path->from[i],
								.msg_iov = &path->in.pieces[i], .msg_iovlen = 1 };
		path->out.pieces[i].iov_base = path->out.datagrams[i];
		path->out.messages[i].msg_hdr = (struct msghdr){ .msg_name = &path->remote,
								 .msg_iov = &path->out.pieces[i], .msg_iovlen = 1 };
	}
}

int fast_path_open(int fd, const struct sockaddr *remote, const struct fast_path_ops *ops, void *data,
		   struct fast_path **ret_path)
{
	int own = socket(remote->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	int r = own < 0 ? -errno : bind_beside(own, fd);
	if (r < 0) {
		if (own >= 0)
			close(own);
		return r;
	}
	struct fast_path *path = g_new0(struct fast_path, 1);
	path->ops = ops;
	path->data = data;
	path->fd = own;
	bursts_prepare(path);
	fast_path_remote(path, remote);
	path->source = g_unix_fd_source_new(own, G_IO_IN | G_IO_ERR);
	g_source_set_callback(path->source, G_SOURCE_FUNC(on_readable), path, NULL);
	g_source_set_can_recurse(path->source, TRUE); /* else GLib wakes itself twice for each burst */
	g_source_attach(path->source, NULL);
	*ret_path = path;
	return 0;
}

void fast_path_close(struct fast_path *path)
{
	if (!path)
		return;
	g_source_destroy(path->source);
	g_source_unref(path->source);
	close(path->fd);
	g_free(path);
}

void fast_path_drain(struct fast_path *path)
{
	int r = group_unite(path->fd);
	while (r == 0 && receive(path) == BURST)
		;
}

/* ---- out ---- */

void fast_path_remote(struct fast_path *path, const struct sockaddr *remote)
{
	fast_path_flush(path);
	memcpy(&path->remote, remote, address_bytes(remote));
	for (int i = 0; i < BURST; i++)
		path->out.messages[i].msg_hdr.msg_namelen = address_bytes(remote);
}

int fast_path_send(struct fast_path *path, const uint8_t *datagram, size_t bytes)
{
	fast_path_flush(path);
	if (sendto(path->fd, datagram, bytes, MSG_NOSIGNAL, &path->remote.any, address_bytes(&path->remote.any)) < 0)
		return -EAGAIN;
	path->sent++;
	return 0;
}

int fast_path_queue(struct fast_path *path, const uint8_t *datagram, size_t bytes)
{
	if (bytes > DATAGRAM_MAX)
		return fast_path_send(path, datagram, bytes);
	memcpy(path->out.datagrams[path->queued], datagram, bytes);
	path->out.pieces[path->queued].iov_len = bytes;
	if (++path->queued == BURST)
		fast_path_flush(path);
	return 0;
}

/* The kernel stops at one that it cannot send: that one is lost, the others are tried. */
void fast_path_flush(struct fast_path *path)
{
	for (unsigned int at = 0; at < path->queued;) {
		int n = sendmmsg(path->fd, &path->out.messages[at], path->queued - at, MSG_NOSIGNAL);
		at += n > 0 ? (unsigned int)n : 1;
		path->sent += n > 0 ? (unsigned int)n : 0;
	}
	path->queued = 0;
}

void fast_path_stats(const struct fast_path *path, struct fast_path_stats *ret_stats)
{
	*ret_stats = (struct fast_path_stats){ .open = path != NULL };
	if (path) {
		ret_stats->sent = path->sent;
		ret_stats->received = path->received;
	}
}
