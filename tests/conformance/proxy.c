#include "tests/conformance/proxy.h"

#include <arpa/inet.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIRS_MAX 16

struct proxy {
	int listener, port, wake[2];
	int pairs[PAIRS_MAX][2]; /* -1: free; the thread's own */
	int off, cut, stop;	 /* atomic */
	GThread *thread;
};

static struct sockaddr_in address_of(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void pair_close(int *pair)
{
	close(pair[0]);
	close(pair[1]);
	pair[0] = pair[1] = -1;
}

static void take(struct proxy *p)
{
	struct sockaddr_in to = address_of(p->port);
	int in = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
	int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < PAIRS_MAX && in >= 0 && !g_atomic_int_get(&p->off); i++)
		if (p->pairs[i][0] < 0 && connect(out, (struct sockaddr *)&to, sizeof(to)) == 0) {
			p->pairs[i][0] = in;
			p->pairs[i][1] = out;
			return;
		}
	close(in);
	close(out);
}

/* False at the end of either side. */
static bool forward(int from, int to)
{
	char buffer[16384];
	ssize_t n = recv(from, buffer, sizeof(buffer), 0);
	for (ssize_t at = 0; at < n;) {
		ssize_t sent = send(to, buffer + at, (size_t)(n - at), MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		at += sent;
	}
	return n > 0;
}

static void forward_all(struct proxy *p, const struct pollfd *fds)
{
	for (int i = 0; i < PAIRS_MAX; i++)
		for (int side = 0; side < 2 && p->pairs[i][0] >= 0; side++)
			if (fds[2 + 2 * i + side].revents && !forward(p->pairs[i][side], p->pairs[i][1 - side]))
				pair_close(p->pairs[i]);
}

static void *run(void *data)
{
	struct proxy *p = data;
	while (!g_atomic_int_get(&p->stop)) {
		struct pollfd fds[2 + 2 * PAIRS_MAX] = { { .fd = p->listener, .events = POLLIN },
							  { .fd = p->wake[0], .events = POLLIN } };
		char byte;
		for (int i = 0; i < 2 * PAIRS_MAX; i++)
			fds[2 + i] = (struct pollfd){ .fd = p->pairs[i / 2][i % 2], .events = POLLIN };
		poll(fds, G_N_ELEMENTS(fds), -1);
		if (fds[1].revents && read(p->wake[0], &byte, 1) == 1 && g_atomic_int_compare_and_exchange(&p->cut, 1, 0))
			for (int i = 0; i < PAIRS_MAX; i++)
				if (p->pairs[i][0] >= 0)
					pair_close(p->pairs[i]);
		forward_all(p, fds);
		if (fds[0].revents)
			take(p);
	}
	return NULL;
}

static void wake(struct proxy *p)
{
	if (write(p->wake[1], "", 1) != 1)
		g_error("the proxy cannot be woken");
}

struct proxy *proxy_open(int port, int *ret_port)
{
	struct proxy *p = g_new0(struct proxy, 1);
	struct sockaddr_in own = address_of(0);
	socklen_t length = sizeof(own);
	p->port = port;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 2 * PAIRS_MAX; i++)
		p->pairs[i / 2][i % 2] = -1;
	if (pipe(p->wake) < 0 || bind(p->listener, (struct sockaddr *)&own, sizeof(own)) < 0 ||
	    listen(p->listener, 16) < 0 || getsockname(p->listener, (struct sockaddr *)&own, &length) < 0)
		g_error("the proxy cannot listen");
	*ret_port = ntohs(own.sin_port);
	p->thread = g_thread_new("proxy", run, p);
	return p;
}

void proxy_cut(struct proxy *p, bool off)
{
	g_atomic_int_set(&p->off, off);
	g_atomic_int_set(&p->cut, 1);
	wake(p);
}

void proxy_close(struct proxy *p)
{
	g_atomic_int_set(&p->stop, 1);
	wake(p);
	g_thread_join(p->thread);
	for (int i = 0; i < PAIRS_MAX; i++)
		if (p->pairs[i][0] >= 0)
			pair_close(p->pairs[i]);
	close(p->listener);
	close(p->wake[0]);
	close(p->wake[1]);
	g_free(p);
}
