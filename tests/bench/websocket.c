#include "tests/bench/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TEXT = 1, PING = 9, PONG = 10 };

struct websocket {
	int fd;
	void *owner;
	const char *protocol;
	GByteArray *in;
	bool serving, shaken;
};

static struct websocket *websocket_new(int fd, const char *protocol, void *owner)
{
	struct websocket *s = g_new0(struct websocket, 1);
	int yes = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	s->fd = fd;
	s->protocol = protocol;
	s->owner = owner;
	s->in = g_byte_array_new();
	return s;
}

void websocket_free(struct websocket *s)
{
	if (!s)
		return;
	close(s->fd);
	g_byte_array_unref(s->in);
	g_free(s);
}

int websocket_fd(const struct websocket *s)
{
	return s->fd;
}

void *websocket_owner(struct websocket *s)
{
	return &s->owner;
}

static int send_all(int fd, const void *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t n = send(fd, (const char *)bytes + at, length - at, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };
			poll(&ready, 1, -1);
		} else if (n <= 0) {
			return -1;
		} else {
			at += (size_t)n;
		}
	}
	return 0;
}

static int send_frame(struct websocket *s, int opcode, bool masked, const void *bytes, size_t length)
{
	unsigned char frame[16] = { (unsigned char)(0x80 | opcode) };
	size_t header = 2;
	frame[1] = (unsigned char)((masked ? 0x80 : 0) | (length < 126 ? length : 126));
	if (length >= 126) {
		frame[2] = (unsigned char)(length >> 8);
		frame[3] = (unsigned char)length;
		header = 4;
	}
	header += masked ? 4 : 0; /* a key of zeros */
	g_autofree char *whole = g_malloc(header + length);
	memcpy(whole, frame, header);
	memcpy(whole + header, bytes, length);
	return send_all(s->fd, whole, header + length);
}

int websocket_send(struct websocket *s, bool masked, const char *text, size_t length)
{
	return send_frame(s, TEXT, masked, text, length);
}

struct websocket *websocket_connect(int port, const char *protocol, void *owner)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		g_error("port %d: %s", port, g_strerror(errno));
	struct websocket *s = websocket_new(fd, protocol, owner);
	g_autofree char *hello = g_strdup_printf(
		"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: %s\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n", port, protocol);
	if (send_all(fd, hello, strlen(hello)) < 0)
		g_error("port %d: closed", port);
	return s;
}

struct websocket *websocket_accept(int fd, const char *protocol, void *owner)
{
	struct websocket *s = websocket_new(fd, protocol, owner);
	s->serving = true;
	return s;
}

/* The end of the peer's HTTP head; its keys are not looked at. */
static bool shake(struct websocket *s)
{
	char *end = g_strstr_len((const char *)s->in->data, (gssize)s->in->len, "\r\n\r\n");
	if (!end)
		return false;
	g_byte_array_remove_range(s->in, 0, (guint)(end + 4 - (char *)s->in->data));
	s->shaken = true;
	if (s->serving) {
		g_autofree char *hello = g_strdup_printf(
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: unchecked\r\nSec-WebSocket-Protocol: %s\r\n\r\n", s->protocol);
		send_all(s->fd, hello, strlen(hello));
	}
	return true;
}

/* Bytes of the first frame and where its payload begins; 0: not whole yet. */
static size_t frame_bytes(const GByteArray *in, size_t *ret_payload)
{
	if (in->len < 2)
		return 0;
	size_t length = in->data[1] & 0x7f, header = 2;
	if (length == 126) {
		if (in->len < 4)
			return 0;
		length = (size_t)in->data[2] << 8 | in->data[3];
		header = 4;
	}
	header += in->data[1] & 0x80 ? 4 : 0; /* our own clients mask with zeros */
	*ret_payload = header;
	return in->len >= header + length ? header + length : 0;
}

static void take_frames(struct websocket *s, void (*fn)(char *text, size_t length, void *data), void *data)
{
	size_t payload, bytes;
	while ((bytes = frame_bytes(s->in, &payload)) > 0) {
		int opcode = s->in->data[0] & 0x0f;
		g_autofree char *text = g_strndup((char *)s->in->data + payload, bytes - payload);
		g_byte_array_remove_range(s->in, 0, (guint)bytes);
		if (opcode == TEXT)
			fn(text, bytes - payload, data);
		else if (opcode == PING)
			send_frame(s, PONG, !s->serving, text, bytes - payload);
	}
}

int websocket_read(struct websocket *s, void (*fn)(char *text, size_t length, void *data), void *data)
{
	unsigned char buffer[16384];
	ssize_t n = recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	g_byte_array_append(s->in, buffer, (guint)n);
	if (s->shaken || shake(s))
		take_frames(s, fn, data);
	return 0;
}
