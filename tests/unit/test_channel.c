/* channel and message: round trips, descriptors, and a peer that sends anything. */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/channel.h"
#include "core/base/log.h"

static const struct message_field start_fields[] = {
	{ "width", M_NUMBER, true, 16, 4096 },
	{ "name", M_STRING, false, 1, 8 },
	{ "on", M_BOOL, false, 0, 0 },
	{ "list", M_ARRAY, false, 0, 2 },
	{ "more", M_OBJECT, false, 0, 0 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_shape shapes[] = { { "start", start_fields }, { "stop", NULL }, { NULL, NULL } };

struct peer {
	unsigned int messages, closed;
	int fd;
	int width;
	bool close_inside;
};

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct peer *peer = data;
	peer->messages++;
	if (g_str_equal(name, "start"))
		peer->width = message_int(message, "width", 0);
	if (fd >= 0) {
		g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
		peer->fd = fd;
	}
	if (peer->close_inside)
		channel_close(channel);
}

static void on_closed(struct channel *channel, void *data)
{
	(void)channel;
	((struct peer *)data)->closed++;
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static struct channel *open_one(int *ret_raw, struct peer *peer)
{
	int fds[2];
	struct channel *channel;
	*peer = (struct peer){ .fd = -1 };
	g_assert_cmpint(channel_pair(fds), ==, 0);
	g_assert_cmpint(channel_open(fds[0], shapes, NULL, on_message, on_closed, peer, &channel), ==, 0);
	*ret_raw = fds[1];
	return channel;
}

static cJSON *start_message(int width)
{
	cJSON *message = message_new("start");
	cJSON_AddNumberToObject(message, "width", width);
	return message;
}

static void test_round_trip(void)
{
	int raw;
	struct peer here, there = { .fd = -1 };
	struct channel *a = open_one(&raw, &here), *b;
	g_assert_cmpint(channel_open(raw, shapes, NULL, on_message, on_closed, &there, &b), ==, 0);
	int pipe_fds[2];
	g_assert_cmpint(pipe2(pipe_fds, O_CLOEXEC), ==, 0);
	g_assert_cmpint(channel_send(a, start_message(640)), ==, 0);
	g_assert_cmpint(channel_send_fd(a, message_new("stop"), pipe_fds[0]), ==, 0);
	turn();
	g_assert_cmpuint(there.messages, ==, 2);
	g_assert_cmpint(there.width, ==, 640);
	g_assert_cmpint(there.fd, >=, 0);
	g_assert_cmpint(write(pipe_fds[1], "x", 1), ==, 1);
	char c;
	g_assert_cmpint(read(there.fd, &c, 1), ==, 1);
	close(there.fd);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	channel_close(b);
	turn();
	g_assert_cmpuint(here.closed, ==, 1);
	g_assert_cmpint(channel_send(a, message_new("stop")), ==, -EPIPE);
	channel_close(a);
}

static void send_raw(int fd, const char *bytes, size_t length)
{
	g_assert_cmpint(send(fd, bytes, length, 0), ==, length);
}

/* Every one of these is counted and dropped; a good message behind them arrives. */
static void test_hostile(void)
{
	static const char *const bad[] = {
		"x", "{", "[]", "null", "{}", "{\"m\":1}", "{\"m\":\"unknown\"}", "{\"m\":\"start\"}",
		"{\"m\":\"start\",\"width\":\"640\"}", "{\"m\":\"start\",\"width\":15}",
		"{\"m\":\"start\",\"width\":4097}", "{\"m\":\"start\",\"width\":1.5e999}",
		"{\"m\":\"start\",\"width\":640.5}", "{\"m\":\"start\",\"width\":640,\"name\":\"\"}",
		"{\"m\":\"start\",\"width\":640,\"name\":\"123456789\"}",
		"{\"m\":\"start\",\"width\":640,\"on\":1}", "{\"m\":\"start\",\"width\":640,\"list\":[1,2,3]}",
		"{\"m\":\"start\",\"width\":640,\"more\":[]}", "{\"m\":\"stop\"} {\"m\":\"stop\"}",
		"{\"m\":\"st\xff\"}",
		"{\"m\":\"stop\",\"a\":[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]}",
	};
	int raw;
	struct peer peer;
	struct channel *channel = open_one(&raw, &peer);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		send_raw(raw, bad[i], strlen(bad[i]));
	send_raw(raw, "{\"m\":\"stop\"}\0x", 14);
	turn();
	g_autofree char *big = g_malloc(MESSAGE_BYTES_MAX + 100);
	memset(big, ' ', MESSAGE_BYTES_MAX + 100);
	memcpy(big, "{\"m\":\"stop\"}", 12);
	send_raw(raw, big, MESSAGE_BYTES_MAX + 100);
	turn();
	g_assert_cmpuint(peer.messages, ==, 0);
	send_raw(raw, big, MESSAGE_BYTES_MAX);
	turn();
	g_assert_cmpuint(peer.messages, ==, 1);
	struct channel_counts counts;
	channel_counts(channel, &counts);
	g_assert_cmpuint(counts.refused, ==, G_N_ELEMENTS(bad) + 2);
	g_assert_cmpuint(counts.received, ==, 1);
	g_assert_cmpuint(peer.closed, ==, 0);
	close(raw);
	channel_close(channel);
}

static unsigned int open_descriptors(void)
{
	unsigned int n = 0;
	GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
	while (g_dir_read_name(dir))
		n++;
	g_dir_close(dir);
	return n;
}

static void test_descriptor_flood(void)
{
	int raw;
	struct peer peer;
	struct channel *channel = open_one(&raw, &peer);
	unsigned int before = open_descriptors();
	for (int i = 0; i < 50; i++) {
		int fds[6] = { raw, raw, raw, raw, raw, raw };
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(fds))];
		} control = { 0 };
		struct iovec iov = { .iov_base = "junk", .iov_len = 4 };
		struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
					 .msg_controllen = sizeof(control) };
		struct cmsghdr *c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(c), fds, sizeof(fds));
		g_assert_cmpint(sendmsg(raw, &header, 0), ==, 4);
		turn();
	}
	g_assert_cmpuint(open_descriptors(), ==, before);
	channel_close(channel);
	close(raw);
}

static void test_slow_peer(void)
{
	int raw;
	struct peer peer;
	struct channel *channel = open_one(&raw, &peer);
	unsigned int sent = 0;
	int r;
	while ((r = channel_send(channel, start_message(640))) == 0)
		g_assert_cmpuint(++sent, <, 100000);
	g_assert_cmpint(r, ==, -ENOBUFS);
	char buffer[256];
	for (unsigned int got = 0; got < sent; got++) {
		turn();
		g_assert_cmpint(recv(raw, buffer, sizeof(buffer), 0), >, 0);
	}
	g_assert_cmpint(channel_send(channel, start_message(640)), ==, 0);
	channel_close(channel);
	close(raw);
}

static void test_close_inside(void)
{
	int raw;
	struct peer peer;
	open_one(&raw, &peer);
	peer.close_inside = true;
	send_raw(raw, "{\"m\":\"stop\"}", 12);
	send_raw(raw, "{\"m\":\"stop\"}", 12);
	turn();
	g_assert_cmpuint(peer.messages, ==, 1);
	g_assert_cmpuint(peer.closed, ==, 0);
	close(raw);
}

static void test_too_long_out(void)
{
	int raw;
	struct peer peer;
	struct channel *channel = open_one(&raw, &peer);
	g_autofree char *text = g_strnfill(MESSAGE_BYTES_MAX, 'x');
	cJSON *message = message_new("stop");
	cJSON_AddStringToObject(message, "text", text);
	g_assert_cmpint(channel_send(channel, message), ==, -EMSGSIZE);
	channel_close(channel);
	close(raw);
}

/* Mutations of a good message: whatever passes the parser must pass the readers. */
static void test_fuzz(void)
{
	static const char good[] = "{\"m\":\"start\",\"width\":640,\"name\":\"x\",\"list\":[1,{\"a\":[]}],\"on\":true}";
	GRand *random = g_rand_new_with_seed(1);
	for (int i = 0; i < 20000; i++) {
		char bytes[sizeof(good)];
		memcpy(bytes, good, sizeof(good));
		size_t length = (size_t)g_rand_int_range(random, 1, sizeof(good));
		for (int n = g_rand_int_range(random, 0, 4); n > 0; n--)
			bytes[g_rand_int_range(random, 0, sizeof(good) - 1)] =
				(char)g_rand_int_range(random, 0, 256);
		char *heap = g_memdup2(bytes, length); /* exact size: ASan sees one byte too far */
		const char *why = NULL;
		char text[160];
		cJSON *message = message_parse(heap, length, &why);
		g_assert_true((message == NULL) == (why != NULL));
		if (message && message_check(shapes, message, text, sizeof(text)) == 0)
			message_int(message, "width", 0);
		cJSON_Delete(message);
		g_free(heap);
	}
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	log_init("test", LOG_LEVEL_ERROR);
	g_test_add_func("/channel/round-trip", test_round_trip);
	g_test_add_func("/channel/hostile", test_hostile);
	g_test_add_func("/channel/descriptor-flood", test_descriptor_flood);
	g_test_add_func("/channel/slow-peer", test_slow_peer);
	g_test_add_func("/channel/close-inside", test_close_inside);
	g_test_add_func("/channel/too-long-out", test_too_long_out);
	g_test_add_func("/message/fuzz", test_fuzz);
	return g_test_run();
}
