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

#include "core/base/sound_cards.h"

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

/* A card that somebody uses is no mistake: that may be the box itself. */
static int sound_card_check(const struct sound_card *card)
{
	char why[2][256];
	bool bad = false;
	for (int i = 0; i < 2; i++) {
		bool trouble = sound_card_trouble(SOUND_CARDS_PROC, card, i == 0, why[i], sizeof(why[i]));
		bad |= trouble && g_str_has_prefix(why[i], "no permission");
	}
	g_autofree char *text = g_strdup_printf("alsa:hw:CARD=%s  %s: %s; %s", card->id, card->name,
						why[0][0] ? why[0] : "microphone", why[1][0] ? why[1] : "speaker");
	return found(bad ? "WRONG" : "ok", "sound", text);
}

static int sound_check(void)
{
	struct sound_card cards[SOUND_CARDS_MAX];
	unsigned int count = sound_cards_load(SOUND_CARDS_PROC, cards);
	int trouble = 0;
	for (unsigned int i = 0; i < count; i++)
		trouble += sound_card_check(&cards[i]);
	if (count == 0)
		found("none", "sound", "no sound card, or its driver is not loaded");
	return trouble;
}

static int gpu_check(const char *file)
{
	if (access(file, R_OK | W_OK) == 0)
		return found("ok", "gpu", file);
	g_autofree char *text = g_strdup_printf("%s: %s: add the user to group render", file, g_strerror(errno));
	return found("WRONG", "gpu", text);
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
	trouble += sound_check();
	if (each_file("/dev/dri", "renderD", gpu_check, &trouble) == 0)
		found("none", "gpu", "no /dev/dri/renderD*: pictures are encoded in software");
	return trouble + network_check();
}
