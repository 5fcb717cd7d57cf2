/* What is wrong with the cameras of this machine, and what can be done about it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/videodev2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/ctl/ctl.h"

#define SLOW_WIDTH 1280
#define SLOW_HEIGHT 720
#define SLOW_FPS 15
#define VIDEO_CLASS "0e" /* USB: bInterfaceClass of video */

/* First line of a file beside the device behind the node; caller frees; NULL. */
static char *device_word(const struct stat *st, const char *file)
{
	g_autofree char *path = g_strdup_printf("/sys/dev/char/%u:%u/device/../%s", major(st->st_rdev),
						minor(st->st_rdev), file);
	char *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

/* ---- who uses it ---- */

static bool holds(const char *pid, const struct stat *node)
{
	g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
	bool held = false;
	DIR *dir = opendir(folder);
	for (const struct dirent *e; dir && !held && (e = readdir(dir));) {
		struct stat st;
		held = fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) &&
		       st.st_rdev == node->st_rdev;
	}
	if (dir)
		closedir(dir);
	return held;
}

/* Name and number of another process that has the node open; NULL: none that we may see. Caller frees. */
static char *user_of(const struct stat *node)
{
	char *user = NULL;
	DIR *dir = opendir("/proc");
	for (const struct dirent *e; dir && !user && (e = readdir(dir));) {
		if (!g_ascii_isdigit(e->d_name[0]) || g_ascii_strtoll(e->d_name, NULL, 10) == getpid() ||
		    !holds(e->d_name, node))
			continue;
		g_autofree char *file = g_strdup_printf("/proc/%s/comm", e->d_name), *name = NULL;
		g_file_get_contents(file, &name, NULL, NULL);
		user = g_strdup_printf("%s (process %s)", name ? g_strstrip(name) : "a process", e->d_name);
	}
	if (dir)
		closedir(dir);
	return user;
}

/* ---- what it can do ---- */

static bool is_busy(int fd, uint32_t type)
{
	struct v4l2_requestbuffers r = { .count = 1, .type = type, .memory = V4L2_MEMORY_MMAP };
	if (ioctl(fd, VIDIOC_REQBUFS, &r) < 0)
		return errno == EBUSY;
	r.count = 0;
	ioctl(fd, VIDIOC_REQBUFS, &r);
	return false;
}

static bool has_signal(int fd)
{
	struct v4l2_input input = { 0 };
	int index = 0;
	if (ioctl(fd, VIDIOC_G_INPUT, &index) < 0)
		return true;
	input.index = (uint32_t)index;
	return ioctl(fd, VIDIOC_ENUMINPUT, &input) < 0 || !(input.capabilities & V4L2_IN_CAP_DV_TIMINGS) ||
	       !(input.status & (V4L2_IN_ST_NO_POWER | V4L2_IN_ST_NO_SIGNAL | V4L2_IN_ST_NO_SYNC));
}

/* Most pictures a second of that size in a format; 0: it does not say. */
static double rate_of(int fd, uint32_t format)
{
	struct v4l2_frmivalenum e = { .pixel_format = format, .width = SLOW_WIDTH, .height = SLOW_HEIGHT };
	double best = 0;
	for (; e.index < 64 && ioctl(fd, VIDIOC_ENUM_FRAMEINTERVALS, &e) == 0; e.index++) {
		const struct v4l2_fract *f = e.type == V4L2_FRMIVAL_TYPE_DISCRETE ? &e.discrete : &e.stepwise.min;
		if (f->numerator)
			best = MAX(best, (double)f->denominator / f->numerator);
		if (e.type != V4L2_FRMIVAL_TYPE_DISCRETE)
			break;
	}
	return best;
}

/* The best rate of all formats; *ret_compressed: one of them is. */
static double best_rate(int fd, uint32_t type, bool *ret_compressed)
{
	struct v4l2_fmtdesc e = { .type = type };
	double best = 0;
	*ret_compressed = false;
	for (; e.index < 64 && ioctl(fd, VIDIOC_ENUM_FMT, &e) == 0; e.index++) {
		best = MAX(best, rate_of(fd, e.pixelformat));
		*ret_compressed |= e.flags & V4L2_FMT_FLAG_COMPRESSED;
	}
	return best;
}

static char *slow_words(int fd, uint32_t type, const struct stat *st)
{
	bool compressed;
	double best = best_rate(fd, type, &compressed);
	g_autofree char *speed = device_word(st, "speed");
	if (best == 0 || best >= SLOW_FPS || compressed)
		return NULL;
	return g_strdup_printf("only raw pictures%s: %dx%d comes %.0f times a second; take a smaller size, %s",
			       speed && strtod(speed, NULL) <= 480 ? " over USB 2" : "", SLOW_WIDTH, SLOW_HEIGHT, best,
			       "or a camera with MJPEG or H.264");
}

/* ---- one node ---- */

static int node_opened(const char *node, int fd, const struct stat *st)
{
	struct v4l2_capability can = { 0 };
	if (ioctl(fd, VIDIOC_QUERYCAP, &can) < 0)
		return doctor_found("WRONG", "camera", "%s: %s: its driver does not answer; unplug it, plug it in",
				    node, g_strerror(errno));
	uint32_t caps = can.capabilities & V4L2_CAP_DEVICE_CAPS ? can.device_caps : can.capabilities;
	uint32_t type = caps & V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE
						      : V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
	g_autofree char *vendor = device_word(st, "idVendor"), *product = device_word(st, "idProduct");
	g_autofree char *usb = vendor && product ? g_strdup_printf(", usb %s:%s", vendor, product) : g_strdup("");
	if (!(caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)))
		return doctor_found("note", "camera", "%s is no capture device but another part of %s", node, can.card);
	g_autofree char *user = is_busy(fd, type) ? user_of(st) : NULL;
	if (is_busy(fd, type) && !(user && strstr(user, "callbox-video")))
		return doctor_found("WRONG", "camera", "v4l2:%s  %s: busy: %s uses it", node, can.card,
				    user ? user : "another program");
	if (!has_signal(fd))
		return doctor_found("WRONG", "camera",
				    "v4l2:%s  %s: no signal: is the cable plugged in, is the other end on?", node,
				    can.card);
	g_autofree char *slow = slow_words(fd, type, st);
	if (slow)
		return doctor_found("slow", "camera", "v4l2:%s  %s (%s%s): %s", node, can.card, can.driver, usb, slow);
	return doctor_found("ok", "camera", "v4l2:%s  %s (%s%s)%s", node, can.card, can.driver, usb,
			    user ? ", in use by this box" : "");
}

static int node_check(const char *node)
{
	struct stat st;
	int fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return doctor_found("WRONG", "camera", "%s: %s%s", node,
				    errno == EACCES ? "no permission" : g_strerror(errno),
				    errno == EACCES ? ": add the user to group video" : "");
	int trouble = fstat(fd, &st) == 0 ? node_opened(node, fd, &st) : 0;
	close(fd);
	return trouble;
}

/* ---- cameras without a node ---- */

static char *usb_word(const char *interface, const char *file)
{
	g_autofree char *path = g_strdup_printf("/sys/bus/usb/devices/%s/%s", interface, file);
	char *text = NULL;
	return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

/* A USB interface of the video class that no driver has taken. */
static int interface_check(const char *interface)
{
	g_autofree char *class = usb_word(interface, "bInterfaceClass");
	g_autofree char *subclass = usb_word(interface, "bInterfaceSubClass");
	g_autofree char *driver = g_strdup_printf("/sys/bus/usb/devices/%s/driver", interface);
	if (!class || strcmp(class, VIDEO_CLASS) != 0 || g_strcmp0(subclass, "01") != 0 ||
	    g_file_test(driver, G_FILE_TEST_EXISTS))
		return 0;
	g_autofree char *device = g_strndup(interface, strcspn(interface, ":"));
	g_autofree char *name = usb_word(device, "product"), *vendor = usb_word(device, "idVendor");
	g_autofree char *product = usb_word(device, "idProduct");
	return doctor_found("WRONG", "camera", "%s, usb %s:%s: driver missing: is the module uvcvideo loaded?",
			    name ? name : "a USB camera", vendor ? vendor : "?", product ? product : "?");
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int each_name(const char *folder, const char *prefix, int (*check)(const char *), unsigned int *ret_count)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	int trouble = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (g_str_has_prefix(name, prefix))
			g_ptr_array_add(names, g_strdup(name));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(names, by_name);
	for (unsigned int i = 0; i < names->len; i++)
		trouble += check(names->pdata[i]);
	*ret_count = names->len;
	return trouble;
}

static int name_check(const char *name)
{
	g_autofree char *node = g_strdup_printf("/dev/%s", name);
	return node_check(node);
}

int doctor_cameras(void)
{
	unsigned int nodes, interfaces;
	int trouble = each_name("/dev", "video", name_check, &nodes);
	int missing = each_name("/sys/bus/usb/devices", "", interface_check, &interfaces);
	if (nodes == 0 && missing == 0)
		doctor_found("none", "camera", "no camera is plugged in, or its driver is not loaded");
	return trouble + missing;
}
