#include "drivers-glue/hotplug_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#define KERNEL_GROUP 1

static int netlink_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = KERNEL_GROUP };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int inotify_open(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (inotify_add_watch(fd, "/dev", IN_CREATE | IN_ATTRIB) < 0) {
		int r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

int hotplug_open(void)
{
	int fd = netlink_open();
	return fd >= 0 ? fd : inotify_open();
}

/* "ACTION@PATH\0KEY=VALUE\0…" */
static bool uevent_is_camera(const char *text, size_t length)
{
	bool here = strncmp(text, "add@", 4) == 0 || strncmp(text, "change@", 7) == 0;
	for (const char *line = text; here && line < text + length; line += strlen(line) + 1)
		if (strcmp(line, "SUBSYSTEM=video4linux") == 0)
			return true;
	return false;
}

static bool node_is_camera(const char *text, size_t length)
{
	struct inotify_event event;
	for (size_t at = 0; at + sizeof(event) <= length; at += sizeof(event) + event.len) {
		memcpy(&event, text + at, sizeof(event));
		if (event.len > 5 && strncmp(text + at + sizeof(event), "video", 5) == 0)
			return true;
	}
	return false;
}

bool hotplug_came(int watch)
{
	char text[8192 + 1];
	bool came = false;
	for (int i = 0; i < 256; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(watch, text, sizeof(text) - 1, 0, (struct sockaddr *)&from, &size);
		bool told = n >= 0;
		if (n < 0 && errno == ENOTSOCK)
			n = read(watch, text, sizeof(text) - 1);
		if (n < 0 && errno == ENOBUFS) { /* more came than the socket holds: maybe a camera */
			came = true;
			continue;
		}
		if (n <= 0)
			break;
		text[n] = '\0';
		if (!told)
			came |= node_is_camera(text, (size_t)n);
		else if (from.nl_pid == 0) /* the kernel itself */
			came |= uevent_is_camera(text, (size_t)n);
	}
	return came;
}
