/* road: carries IPv4 packets between two network namespaces that have nothing else in common, as a worse network would:
 * late, with losses, or not at all. Loss takes UDP only, so that what is measured is the media; darkness takes
 * everything.
 *
 * usage: road NAMESPACE NAMESPACE [SEED]      needs root; makes a device "road" in each, ready when it says "open"
 * in:  loss SHARE | delay MILLISECONDS | dark 0 or 1        a line each; at the end of input it ends
 * out: after each line "done"; at the end "PASSED LOST" */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define QUEUE 4096 /* packets under way, each direction */
#define PROTOCOL_AT 9 /* in an IPv4 header */

struct packet {
	gint64 due_us;
	size_t bytes;
	guint8 data[PACKET_MAX];
};

struct way {
	int from, to;
	struct packet *queue; /* a ring of QUEUE */
	unsigned int head, count;
};

static struct {
	double loss;
	gint64 delay_us;
	bool dark;
	GRand *dice;
	guint64 passed, lost;
} road;

static int device_open(const char *namespace)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	g_autofree char *path = g_build_filename("/run/netns", namespace, NULL);
	int space = open(path, O_RDONLY | O_CLOEXEC), fd = -1;
	g_strlcpy(request.ifr_name, "road", sizeof(request.ifr_name));
	if (space >= 0 && setns(space, CLONE_NEWNET) == 0)
		fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK); /* it belongs to who opens it, where he is */
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		fprintf(stderr, "road: %s: %s\n", namespace, g_strerror(errno));
		exit(1);
	}
	close(space);
	return fd;
}

static void take(struct way *way)
{
	for (;;) {
		guint8 data[PACKET_MAX];
		ssize_t n = read(way->from, data, sizeof(data));
		if (n <= 0)
			return;
		bool udp = n > PROTOCOL_AT && data[PROTOCOL_AT] == IPPROTO_UDP;
		if (road.dark || way->count == QUEUE || (udp && g_rand_double(road.dice) < road.loss)) {
			road.lost += udp;
			continue;
		}
		struct packet *p = &way->queue[(way->head + way->count++) % QUEUE];
		p->due_us = g_get_monotonic_time() + road.delay_us;
		p->bytes = (size_t)n;
		memcpy(p->data, data, p->bytes);
		road.passed += udp;
	}
}

/* Microseconds until the next is due; -1: nothing waits. */
static gint64 give(struct way *way)
{
	for (; way->count > 0; way->count--, way->head = (way->head + 1) % QUEUE) {
		const struct packet *p = &way->queue[way->head];
		gint64 left = p->due_us - g_get_monotonic_time();
		if (left > 0)
			return left;
		if (write(way->to, p->data, p->bytes) < 0 && errno != EAGAIN && errno != EIO)
			fprintf(stderr, "road: %s\n", g_strerror(errno));
	}
	return -1;
}

static bool command(void)
{
	char line[80], word[16];
	double value;
	if (!fgets(line, sizeof(line), stdin))
		return false;
	if (sscanf(line, "%15s %lf", word, &value) != 2)
		return true;
	if (strcmp(word, "loss") == 0)
		road.loss = value;
	else if (strcmp(word, "delay") == 0)
		road.delay_us = (gint64)(value * 1000);
	else if (strcmp(word, "dark") == 0)
		road.dark = value != 0;
	puts("done");
	return true;
}

static void run(struct way ways[2])
{
	for (;;) {
		gint64 left[2] = { give(&ways[0]), give(&ways[1]) };
		gint64 wait = left[0] < 0 ? left[1] : left[1] < 0 ? left[0] : MIN(left[0], left[1]);
		struct timespec limit = { .tv_sec = 0, .tv_nsec = MIN(wait, 999999) * 1000 };
		struct pollfd fds[3] = { { .fd = ways[0].from, .events = POLLIN },
					 { .fd = ways[1].from, .events = POLLIN },
					 { .fd = STDIN_FILENO, .events = POLLIN } };
		if (ppoll(fds, 3, wait < 0 ? NULL : &limit, NULL) < 0 && errno != EINTR)
			return;
		take(&ways[0]);
		take(&ways[1]);
		if (fds[2].revents && !command())
			return;
	}
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		fputs("usage: road NAMESPACE NAMESPACE [SEED]\n", stderr);
		return 64;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	road.dice = g_rand_new_with_seed(argc > 3 ? (guint32)strtoul(argv[3], NULL, 10) : 1);
	int a = device_open(argv[1]), b = device_open(argv[2]);
	struct way ways[2] = { { .from = a, .to = b, .queue = g_new(struct packet, QUEUE) },
			       { .from = b, .to = a, .queue = g_new(struct packet, QUEUE) } };
	puts("open");
	run(ways);
	printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", road.passed, road.lost);
	g_free(ways[0].queue);
	g_free(ways[1].queue);
	g_rand_free(road.dice);
	return 0;
}
