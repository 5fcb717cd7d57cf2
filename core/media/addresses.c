#include "core/media/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <glib.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_MS 150

struct addresses {
	void (*changed)(bool gained, void *data);
	void *data;
	int fd;
	guint watch, timer;
	GHashTable *now; /* text → whether it is the loopback's */
};

static bool address_text(const struct sockaddr *from, char *text, socklen_t text_bytes)
{
	if (from && from->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, text, text_bytes) != NULL;
	if (!from || from->sa_family != AF_INET6)
		return false;
	const struct in6_addr *six = &((const struct sockaddr_in6 *)from)->sin6_addr;
	return !IN6_IS_ADDR_LINKLOCAL(six) && inet_ntop(AF_INET6, six, text, text_bytes) != NULL;
}

static GHashTable *addresses_read(void)
{
	GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct ifaddrs *all = NULL;
	char text[INET6_ADDRSTRLEN];
	if (getifaddrs(&all) < 0)
		return now;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next)
		if ((one->ifa_flags & IFF_UP) && (one->ifa_flags & IFF_RUNNING) &&
		    address_text(one->ifa_addr, text, sizeof(text)))
			g_hash_table_insert(now, g_strdup(text),
					    GINT_TO_POINTER((one->ifa_flags & IFF_LOOPBACK) != 0));
	freeifaddrs(all);
	return now;
}

static bool has_all(GHashTable *set, GHashTable *wanted)
{
	GHashTableIter at;
	void *key;
	g_hash_table_iter_init(&at, wanted);
	while (g_hash_table_iter_next(&at, &key, NULL))
		if (!g_hash_table_contains(set, key))
			return false;
	return true;
}

static gboolean on_settled(void *data)
{
	struct addresses *a = data;
	a->timer = 0;
	GHashTable *before = a->now;
	a->now = addresses_read();
	bool gained = !has_all(before, a->now), gone = !has_all(a->now, before);
	g_hash_table_unref(before);
	if (gained || gone)
		a->changed(gained, a->data);
	return G_SOURCE_REMOVE;
}

static gboolean on_kernel(int fd, GIOCondition condition, void *data)
{
	struct addresses *a = data;
	char unused[8192];
	(void)condition;
	while (recv(fd, unused, sizeof(unused), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		; /* what it says is read again, whole */
	if (!a->timer)
		a->timer = g_timeout_add(SETTLE_MS, on_settled, a);
	return G_SOURCE_CONTINUE;
}

int addresses_open(void (*changed)(bool gained, void *data), void *data, struct addresses **ret_addresses)
{
	const struct sockaddr_nl groups = { .nl_family = AF_NETLINK,
					    .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&groups, sizeof(groups)) < 0) {
		int r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	struct addresses *a = g_new0(struct addresses, 1);
	a->changed = changed;
	a->data = data;
	a->fd = fd;
	a->now = addresses_read();
	a->watch = g_unix_fd_add(fd, G_IO_IN, on_kernel, a);
	*ret_addresses = a;
	return 0;
}

void addresses_close(struct addresses *addresses)
{
	if (!addresses)
		return;
	g_source_remove(addresses->watch);
	if (addresses->timer)
		g_source_remove(addresses->timer);
	close(addresses->fd);
	g_hash_table_unref(addresses->now);
	g_free(addresses);
}

bool addresses_has(const struct addresses *addresses, const char *address)
{
	return g_hash_table_contains(addresses->now, address);
}

bool addresses_any(const struct addresses *addresses)
{
	GHashTableIter at;
	void *loopback;
	g_hash_table_iter_init(&at, addresses->now);
	while (g_hash_table_iter_next(&at, NULL, &loopback))
		if (!GPOINTER_TO_INT(loopback))
			return true;
	return false;
}
