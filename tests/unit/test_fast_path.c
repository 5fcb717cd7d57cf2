/* The fast path's sockets: which datagrams go to ours and which to the one beside it, from whom, what is queued and
 * what cannot be sent; and that the other one has everything again afterwards. */
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/media/fast_path.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)

/* Turns the loop until the fact is there. */
#define UNTIL(fact) \
	do { \
		gint64 limit_ = g_get_monotonic_time() + LIMIT_US; \
		while (!(fact)) { \
			if (g_get_monotonic_time() > limit_) \
				g_error("not within 20 s: %s", #fact); \
			if (!g_main_context_iteration(NULL, FALSE)) \
				g_usleep(100); \
		} \
	} while (0)

struct scene {
	int libnices, peer, stranger;
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} here, there;
	socklen_t bytes;
	struct fast_path *path;
	bool knows;
	unsigned int asked, received, beside; /* beside: by libnice's */
	uint8_t last[4];
	size_t last_bytes;
};

static bool on_knows(const struct sockaddr *from, void *data)
{
	struct scene *scene = data;
	g_assert_cmpint(from->sa_family, ==, scene->here.any.sa_family);
	scene->asked++;
	return scene->knows;
}

static void on_receive(uint8_t *datagram, size_t bytes, void *data)
{
	struct scene *scene = data;
	scene->received++;
	scene->last_bytes = bytes;
	memcpy(scene->last, datagram, MIN(bytes, sizeof(scene->last)));
}

static const struct fast_path_ops ops = { on_knows, on_receive };

/* A family that the machine does not have: -1. */
static int socket_at(const struct scene *scene, void *ret_address)
{
	socklen_t bytes = scene->bytes;
	int fd = socket(scene->here.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(ret_address, &scene->here, bytes);
	((struct sockaddr_in *)ret_address)->sin_port = 0; /* in the same place for IPv6 */
	if (fd >= 0 && bind(fd, ret_address, bytes) == 0)
		g_assert_cmpint(getsockname(fd, ret_address, &bytes), ==, 0);
	else
		fd = -1;
	return fd;
}

static bool scene_open(struct scene *scene, int family)
{
	struct sockaddr_in6 unused;
	*scene = (struct scene){ .bytes = family == AF_INET ? sizeof(scene->here.four) : sizeof(scene->here.six) };
	scene->here.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		scene->here.four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		scene->here.six.sin6_addr = in6addr_loopback;
	scene->libnices = socket_at(scene, &scene->here);
	if (scene->libnices < 0)
		return false;
	scene->peer = socket_at(scene, &scene->there);
	scene->stranger = socket_at(scene, &unused);
	g_assert_cmpint(fast_path_open(scene->libnices, &scene->there.any, &ops, scene, &scene->path), ==, 0);
	return true;
}

static void scene_close(struct scene *scene)
{
	fast_path_close(scene->path);
	close(scene->libnices);
	close(scene->peer);
	close(scene->stranger);
}

static void say(const struct scene *scene, int from, const void *datagram, size_t bytes)
{
	g_assert_cmpint(sendto(from, datagram, bytes, 0, &scene->here.any, scene->bytes), ==, bytes);
}

static unsigned int beside(struct scene *scene)
{
	uint8_t unused[64];
	while (recv(scene->libnices, unused, sizeof(unused), 0) >= 0)
		scene->beside++;
	return scene->beside;
}

static void check_divides(struct scene *scene)
{
	unsigned int ours = scene->received, others = beside(scene);
	say(scene, scene->peer, "", 0);
	others++;
	for (int byte = 0; byte < 256; byte++) {
		const uint8_t datagram[] = { (uint8_t)byte, 7 };
		bool srtp = byte >= 128 && byte <= 191;
		say(scene, scene->peer, datagram, sizeof(datagram));
		ours += srtp;
		others += !srtp;
		UNTIL(scene->received + beside(scene) == ours + others);
		g_assert_cmpuint(scene->received, ==, ours);
	}
}

/* Senders of many ports: what is told apart by a hash of them would show. */
static void check_undivided(struct scene *scene)
{
	unsigned int before = beside(scene);
	for (int i = 0; i < 64; i++) {
		struct sockaddr_in6 unused;
		int from = socket_at(scene, &unused);
		say(scene, from, "\x80", 1);
		close(from);
	}
	UNTIL(beside(scene) == before + 64);
}

static void test_divides(const void *data)
{
	struct scene scene;
	if (!scene_open(&scene, GPOINTER_TO_INT(data))) {
		g_test_skip("the machine has no such addresses");
		return;
	}
	for (int round = 0; round < 3; round++) {
		check_divides(&scene);
		fast_path_close(scene.path);
		check_undivided(&scene);
		g_assert_cmpint(fast_path_open(scene.libnices, &scene.there.any, &ops, &scene, &scene.path), ==, 0);
	}
	scene_close(&scene);
}

static void test_sources(void)
{
	struct scene scene;
	scene_open(&scene, AF_INET);
	say(&scene, scene.peer, "\x80", 1);
	UNTIL(scene.received == 1);
	g_assert_cmpuint(scene.asked, ==, 0);
	say(&scene, scene.stranger, "\x80", 1);
	UNTIL(scene.asked == 1);
	scene.knows = true;
	say(&scene, scene.stranger, "\x81", 1);
	UNTIL(scene.asked == 2);
	g_assert_cmpuint(scene.received, ==, 2);
	g_assert_cmphex(scene.last[0], ==, 0x81);
	scene_close(&scene);
}

/* Too large for us: dropped, not cut. The largest that we take comes whole. */
static void test_sizes(void)
{
	static const uint8_t large[1501] = { 0x80 };
	struct scene scene;
	scene_open(&scene, AF_INET);
	say(&scene, scene.peer, large, sizeof(large));
	say(&scene, scene.peer, large, sizeof(large) - 1);
	UNTIL(scene.received == 1);
	g_assert_cmpuint(scene.last_bytes, ==, 1500);
	scene_close(&scene);
}

/* These, in order, and no more: whoever waits for the last of them has the ones before. */
static void expect_at_peer(const struct scene *scene, uint8_t first, unsigned int count)
{
	uint8_t datagram[64];
	for (unsigned int i = 0; i < count; i++) {
		UNTIL(recv(scene->peer, datagram, sizeof(datagram), 0) == 2);
		g_assert_cmphex(datagram[1], ==, (uint8_t)(first + i));
	}
	g_assert_cmpint(recv(scene->peer, datagram, sizeof(datagram), 0), <, 0);
}

static void test_queue(void)
{
	struct fast_path_stats stats;
	struct scene scene;
	uint8_t datagram[2] = { 0x80 };
	scene_open(&scene, AF_INET);
	for (; datagram[1] < 31; datagram[1]++)
		g_assert_cmpint(fast_path_queue(scene.path, datagram, 2), ==, 0);
	expect_at_peer(&scene, 0, 0);
	fast_path_flush(scene.path);
	expect_at_peer(&scene, 0, 31);
	for (; datagram[1] < 131; datagram[1]++)
		fast_path_queue(scene.path, datagram, 2);
	expect_at_peer(&scene, 31, 96);
	fast_path_send(scene.path, datagram, 2); /* does not overtake */
	expect_at_peer(&scene, 127, 5);
	fast_path_flush(scene.path);
	expect_at_peer(&scene, 0, 0);
	fast_path_stats(scene.path, &stats);
	g_assert_cmpuint(stats.sent, ==, 132);
	scene_close(&scene);
}

/* What the network refuses is lost; nothing hangs, nothing spins, what comes afterwards goes on. */
static void test_unsendable(void)
{
	static const uint8_t larger_than_udp[70000] = { 0x80 };
	const struct sockaddr_in nowhere = { .sin_family = AF_INET, .sin_port = htons(9),
					     .sin_addr.s_addr = htonl(0x08080808) };
	struct fast_path_stats stats;
	struct scene scene;
	scene_open(&scene, AF_INET);
	g_assert_cmpint(fast_path_queue(scene.path, larger_than_udp, sizeof(larger_than_udp)), ==, -EAGAIN);
	fast_path_remote(scene.path, (const struct sockaddr *)&nowhere);
	for (int i = 0; i < 100; i++)
		g_assert_cmpint(fast_path_queue(scene.path, (const uint8_t *)"\x80", 1), ==, 0);
	fast_path_flush(scene.path);
	g_assert_cmpint(fast_path_send(scene.path, (const uint8_t *)"\x80", 1), ==, -EAGAIN);
	fast_path_stats(scene.path, &stats);
	g_assert_cmpuint(stats.sent, ==, 0);
	fast_path_remote(scene.path, &scene.there.any);
	close(scene.peer); /* an ICMP error answers what is sent there now */
	for (int i = 0; i < 100; i++)
		g_assert_cmpint(fast_path_send(scene.path, (const uint8_t *)"\x80", 1), ==, 0);
	scene.knows = true;
	say(&scene, scene.stranger, "\x80", 1);
	UNTIL(scene.received == 1);
	g_assert_false(g_main_context_pending(NULL));
	scene.peer = -1;
	scene_close(&scene);
}

static void test_drain(void)
{
	struct scene scene;
	scene_open(&scene, AF_INET);
	for (int i = 0; i < 80; i++)
		say(&scene, scene.peer, "\x80", 1);
	UNTIL(scene.received > 0); /* one turn takes no more than 32 of them */
	fast_path_drain(scene.path);
	UNTIL(scene.received + beside(&scene) == 80);
	unsigned int ours = scene.received;
	check_undivided(&scene);
	g_assert_cmpuint(scene.received, ==, ours);
	scene_close(&scene);
}

static void test_refused(void)
{
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(9),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct fast_path *none = NULL;
	struct scene scene;
	scene_open(&scene, AF_INET);
	fast_path_close(scene.path);
	g_assert_cmpint(fast_path_open(scene.libnices, (const struct sockaddr *)&six, &ops, &scene, &none), <, 0);
	g_assert_null(none);
	check_undivided(&scene);
	g_assert_cmpint(fast_path_open(-1, &scene.there.any, &ops, &scene, &none), ==, -EBADF);
	scene.path = NULL;
	scene_close(&scene);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_data_func("/fast-path/divides/ipv4", GINT_TO_POINTER(AF_INET), test_divides);
	g_test_add_data_func("/fast-path/divides/ipv6", GINT_TO_POINTER(AF_INET6), test_divides);
	g_test_add_func("/fast-path/sources", test_sources);
	g_test_add_func("/fast-path/sizes", test_sizes);
	g_test_add_func("/fast-path/queue", test_queue);
	g_test_add_func("/fast-path/unsendable", test_unsendable);
	g_test_add_func("/fast-path/drain", test_drain);
	g_test_add_func("/fast-path/refused", test_refused);
	return g_test_run();
}
