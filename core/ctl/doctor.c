#include "core/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/sound_cards.h"
#include "drivers-glue/va_probe.h"

#define GPU_LIMIT_MS 5000

int doctor_found(const char *level, const char *part, const char *format, ...)
{
	va_list arguments;
	printf("%-6s %-8s ", level, part);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	return level[0] == 'W';
}

static int found(const char *level, const char *part, const char *text)
{
	return doctor_found(level, part, "%s", text);
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

/* A GPU's driver may hang or abort: it is asked by a process of its own. */
static pid_t gpu_ask(const char *file, int *ret_fd)
{
	int fds[2];
	char text[512] = "";
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		int r = va_probe_node(file, text, sizeof(text));
		ssize_t written = write(fds[1], text, strlen(text));
		_exit(r < 0 || written < 0);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static int gpu_check(const char *file)
{
	char text[512] = "";
	int fd, status = 0;
	pid_t pid = gpu_ask(file, &fd);
	if (pid < 0)
		return found("WRONG", "gpu", g_strerror(errno));
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	bool hangs = poll(&answer, 1, GPU_LIMIT_MS) == 0;
	ssize_t size = hangs ? 0 : read(fd, text, sizeof(text) - 1);
	text[MAX(size, 0)] = '\0';
	if (hangs)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(fd);
	if (!hangs && WIFEXITED(status) && text[0])
		return found(WEXITSTATUS(status) == 0 ? "ok" : "WRONG", "gpu", text);
	g_autofree char *bad = g_strdup_printf("%s: driver: %s when it is asked what it can", file,
					       hangs ? "hangs" : "dies");
	return found("WRONG", "gpu", bad);
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
	int trouble = doctor_cameras();
	trouble += sound_check();
	if (each_file("/dev/dri", "renderD", gpu_check, &trouble) == 0)
		found("none", "gpu", "no /dev/dri/renderD*: pictures are encoded in software");
	if (each_file("/dev/dri", "card", card_check, &trouble) == 0)
		found("none", "screen", "no /dev/dri/card*: no graphics card, or its driver is not loaded");
	if (each_file("/dev", "cec", cec_check, &trouble) == 0)
		found("none", "cec", "no /dev/cec*: this machine cannot switch a television on and off");
	return trouble + network_check();
}
