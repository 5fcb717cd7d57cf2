#include "tests/pairs/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_BYTES (8 << 20)

struct capture {
	int fd;
	int stop; /* atomic */
	GThread *thread;
	GMutex lock; /* protects counts */
	struct capture_counts counts;
};

static void note(unsigned int *first, unsigned int now)
{
	if (*first == 0)
		*first = now;
}

static void datagram(struct capture_counts *c, const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return;
	if (bytes[0] < 4) {
		c->stun++;
	} else if (bytes[0] >= 20 && bytes[0] <= 63) {
		c->dtls++;
		note(&c->first_dtls, c->packets);
	} else if (bytes[0] >= 128 && bytes[0] <= 191) {
		c->srtp++;
		note(&c->first_srtp, c->packets);
	} else {
		c->other_udp++;
	}
}

/* What the hub tells its devices: on the loopback its words are plain. */
static void segment(struct capture_counts *c, const uint8_t *bytes, size_t length)
{
	static const struct { const char *word; size_t first; } words[] = {
		{ "\"kind\":\"invite\"", offsetof(struct capture_counts, first_invite) },
		{ "\"kind\":\"accept\"", offsetof(struct capture_counts, first_accept) },
		{ "\"kind\":\"decide\"", offsetof(struct capture_counts, first_verdict) },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (memmem(bytes, length, words[i].word, strlen(words[i].word)))
			note((unsigned int *)((char *)c + words[i].first), c->packets);
}

/* From the IP header on (RFC 791). */
static void packet(struct capture_counts *c, const uint8_t *ip, size_t length)
{
	if (length < 20 || ip[0] >> 4 != 4)
		return;
	size_t header = (size_t)(ip[0] & 15) * 4, total = MIN((size_t)(ip[2] << 8 | ip[3]), length);
	c->packets++;
	if (ip[9] == IPPROTO_UDP && total >= header + 8)
		datagram(c, ip + header + 8, total - header - 8);
	else if (ip[9] == IPPROTO_TCP && total > header)
		segment(c, ip + header, total - header);
}

static void *run(void *data)
{
	struct capture *capture = data;
	uint8_t *bytes = g_malloc(65536);
	while (!g_atomic_int_get(&capture->stop)) {
		struct pollfd fd = { capture->fd, POLLIN, 0 };
		if (poll(&fd, 1, 50) <= 0)
			continue;
		struct sockaddr_ll from;
		socklen_t from_bytes = sizeof(from);
		ssize_t n = recvfrom(capture->fd, bytes, 65536, 0, (struct sockaddr *)&from, &from_bytes);
		if (n <= 0 || from.sll_protocol != htons(ETH_P_IP))
			continue;
		g_mutex_lock(&capture->lock);
		packet(&capture->counts, bytes, (size_t)n);
		g_mutex_unlock(&capture->lock);
	}
	g_free(bytes);
	return NULL;
}

struct capture *capture_start(char *why, size_t why_bytes)
{
	int room = ROOM_BYTES;
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL)); /* without the link's header */
	if (fd < 0) {
		g_snprintf(why, why_bytes, "packets cannot be captured here: %s", g_strerror(errno));
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	struct capture *capture = g_new0(struct capture, 1);
	capture->fd = fd;
	g_mutex_init(&capture->lock);
	capture->thread = g_thread_new("capture", run, capture);
	return capture;
}

void capture_stop(struct capture *capture)
{
	g_atomic_int_set(&capture->stop, 1);
	g_thread_join(capture->thread);
	close(capture->fd);
	g_free(capture);
}

void capture_forget(struct capture *capture)
{
	g_mutex_lock(&capture->lock);
	capture->counts = (struct capture_counts){ 0 };
	g_mutex_unlock(&capture->lock);
}

struct capture_counts capture_counts(struct capture *capture)
{
	g_mutex_lock(&capture->lock);
	struct capture_counts counts = capture->counts;
	g_mutex_unlock(&capture->lock);
	return counts;
}
