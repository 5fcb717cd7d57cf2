#include "core/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <ifaddrs.h>
#include <linux/videodev2.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int found(const char *level, const char *part, const char *text)
{
	printf("%-6s %-8s %s\n", level, part, text);
	return level[0] == 'W';
}

static int camera_check(const char *file)
{
	struct v4l2_capability can;
	int fd = open(file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		g_autofree char *text = g_strdup_printf("%s: %s%s", file, g_strerror(errno),
							errno == EACCES ? ": add the user to group video" : "");
		return found("WRONG", "camera", text);
	}
	memset(&can, 0, sizeof(can));
	int r = ioctl(fd, VIDIOC_QUERYCAP, &can);
	close(fd);
	bool captures = r == 0 && (can.device_caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE));
	if (!captures)
		return 0;
	g_autofree char *text = g_strdup_printf("v4l2:%s  %s (%s)", file, can.card, can.driver);
	return found("ok", "camera", text);
}

/* Calls check for each file of the folder that begins with prefix; returns their number. */
static unsigned int each_file(const char *folder, const char *prefix, int (*check)(const char *), int *trouble)
{
	unsigned int n = 0;
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		if (!g_str_has_prefix(name, prefix))
			continue;
		g_autofree char *file = g_build_filename(folder, name, NULL);
		*trouble += check(file);
		n++;
	}
	if (dir)
		g_dir_close(dir);
	return n;
}

static int sound_check(const char *file)
{
	bool captures = g_str_has_suffix(file, "c");
	if (!captures && !g_str_has_suffix(file, "p"))
		return 0;
	g_autofree char *text = g_strdup_printf("%s (%s)", file, captures ? "microphone" : "speaker");
	if (access(file, R_OK | W_OK) == 0)
		return found("ok", "sound", text);
	g_autofree char *bad = g_strdup_printf("%s: %s: add the user to group audio", text, g_strerror(errno));
	return found("WRONG", "sound", bad);
}

static int gpu_check(const char *file)
{
	if (access(file, R_OK | W_OK) == 0)
		return found("ok", "gpu", file);
	g_autofree char *text = g_strdup_printf("%s: %s: add the user to group render", file, g_strerror(errno));
	return found("WRONG", "gpu", text);
}

/* What is plugged into a card, one line a connector. Kernel file names: card0-HDMI-A-1. */
static unsigned int connectors(const char *card)
{
	unsigned int n = 0;
	g_autofree char *prefix = g_strconcat(card, "-", NULL);
	GDir *dir = g_dir_open("/sys/class/drm", 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_strdup_printf("/sys/class/drm/%s/status", name), *status = NULL;
		if (!g_str_has_prefix(name, prefix) || !g_file_get_contents(file, &status, NULL, NULL) ||
		    !g_str_has_prefix(status, "connected"))
			continue;
		g_autofree char *text = g_strdup_printf("kms:%s:%s  connected", card, name + strlen(prefix));
		found("ok", "screen", text);
		n++;
	}
	if (dir)
		g_dir_close(dir);
	return n;
}

static int card_check(const char *file)
{
	if (access(file, R_OK | W_OK) < 0) {
		g_autofree char *bad = g_strdup_printf("%s: %s: add the user to group video", file, g_strerror(errno));
		return found("WRONG", "screen", bad);
	}
	if (connectors(strrchr(file, '/') + 1) > 0)
		return 0;
	g_autofree char *text = g_strdup_printf("%s: nothing is connected", file);
	return found("none", "screen", text);
}

static int cec_check(const char *file)
{
	if (access(file, R_OK | W_OK) == 0)
		return found("ok", "cec", file);
	g_autofree char *text = g_strdup_printf("%s: %s: add the user to group video", file, g_strerror(errno));
	return found("WRONG", "cec", text);
}

static int network_check(void)
{
	struct ifaddrs *all = NULL;
	unsigned int n = 0;
	if (getifaddrs(&all) == 0) {
		for (struct ifaddrs *a = all; a; a = a->ifa_next)
			n += a->ifa_addr && (a->ifa_flags & IFF_UP) && !(a->ifa_flags & IFF_LOOPBACK) &&
			     (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6);
		freeifaddrs(all);
	}
	g_autofree char *text = g_strdup_printf("%u addresses that other machines can reach", n);
	return found(n ? "ok" : "none", "network", text);
}

int doctor_machine(void)
{
	int trouble = 0;
	if (each_file("/dev", "video", camera_check, &trouble) == 0)
		found("none", "camera", "no /dev/video*: no camera is plugged in, or its driver is not loaded");
	if (each_file("/dev/snd", "pcm", sound_check, &trouble) == 0)
		found("none", "sound", "no /dev/snd/pcm*: no sound card, or its driver is not loaded");
	if (each_file("/dev/dri", "renderD", gpu_check, &trouble) == 0)
		found("none", "gpu", "no /dev/dri/renderD*: pictures are encoded in software");
	if (each_file("/dev/dri", "card", card_check, &trouble) == 0)
		found("none", "screen", "no /dev/dri/card*: no graphics card, or its driver is not loaded");
	if (each_file("/dev", "cec", cec_check, &trouble) == 0)
		found("none", "cec", "no /dev/cec*: this machine cannot switch a television on and off");
	return trouble + network_check();
}
