#include "drivers-glue/va_display.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <va/va_drm.h>
#include <xf86drm.h>

#include "core/base/log.h"

#define FIRST_NODE 128

static VADisplay (*source)(void);

void va_display_set_source(VADisplay (*make)(void))
{
	source = make;
}

int va_display_nodes(const char *address, char nodes[VA_NODES_MAX][VA_NODE_BYTES])
{
	int count = 0;
	if (address[0] || source) {
		snprintf(nodes[0], VA_NODE_BYTES, "%s", address[0] ? address : "display");
		return 1;
	}
	for (int i = 0; i < VA_NODES_MAX; i++) {
		snprintf(nodes[count], VA_NODE_BYTES, "/dev/dri/renderD%d", FIRST_NODE + i);
		count += access(nodes[count], F_OK) == 0;
	}
	return count;
}

static void on_words(void *level, const char *message)
{
	log_write(*(const enum log_level *)level, "driver: %.*s", (int)strcspn(message, "\n"), message);
}

static int node_open(const char *node, struct va_display *d, char *why, size_t why_bytes)
{
	d->fd = open(node, O_RDWR | O_CLOEXEC);
	if (d->fd < 0) {
		int r = -errno;
		snprintf(why, why_bytes, "%s: %s%s", node, strerror(-r),
			 r == -EACCES ? ": add the user to group render" : "");
		return r;
	}
	d->display = vaGetDisplayDRM(d->fd);
	if (d->display)
		return 0;
	snprintf(why, why_bytes, "%s: no render node", node);
	close(d->fd);
	return -ENODEV;
}

static int no_driver(struct va_display *d, VAStatus status, char *why, size_t why_bytes)
{
	drmVersionPtr version = d->fd >= 0 ? drmGetVersion(d->fd) : NULL;
	snprintf(why, why_bytes, "%s: driver: no VA-API driver for %s works here (%s)", d->node,
		 version ? version->name : "it", vaErrorStr(status));
	drmFreeVersion(version);
	return -ENOSYS;
}

int va_display_open(const char *node, struct va_display *ret_display, char *why, size_t why_bytes)
{
	static const enum log_level error = LOG_LEVEL_WARNING, info = LOG_LEVEL_DEBUG;
	struct va_display d = { .fd = -1 };
	int major, minor, r = 0;
	snprintf(d.node, sizeof(d.node), "%s", node);
	if (source)
		d.display = source();
	else
		r = node_open(node, &d, why, why_bytes);
	if (r < 0)
		return r;
	vaSetErrorCallback(d.display, on_words, (void *)&error);
	vaSetInfoCallback(d.display, on_words, (void *)&info);
	VAStatus status = vaInitialize(d.display, &major, &minor);
	if (status != VA_STATUS_SUCCESS) {
		r = no_driver(&d, status, why, why_bytes);
		va_display_close(&d);
		return r;
	}
	const char *vendor = vaQueryVendorString(d.display);
	snprintf(d.vendor, sizeof(d.vendor), "%s", vendor ? vendor : "a driver without name");
	*ret_display = d;
	return 0;
}

void va_display_close(struct va_display *display)
{
	if (display->display)
		vaTerminate(display->display);
	if (display->fd >= 0)
		close(display->fd);
	display->display = NULL;
	display->fd = -1;
}
