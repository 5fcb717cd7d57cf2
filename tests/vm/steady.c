#include "tests/vm/steady.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAP_MS 5
#define STILL_US 25000 /* late by more than this: the guest stood still */

static gint64 *longest_us; /* shared with the watcher */
static pid_t watcher;
static GString *lines;
static unsigned int failed;

void steady_start(void)
{
	lines = g_string_new(NULL);
	longest_us = mmap(NULL, sizeof(*longest_us), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	watcher = fork();
	if (watcher != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, -20);
	for (;;) {
		gint64 before = g_get_monotonic_time();
		poll(NULL, 0, NAP_MS);
		*longest_us = MAX(*longest_us, g_get_monotonic_time() - before - NAP_MS * 1000);
	}
}

void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_string_append_printf(lines, "%sok - uml: %s\n", good ? "" : "not ", text);
	failed += !good;
}

int steady_finish(void)
{
	kill(watcher, SIGKILL);
	waitpid(watcher, NULL, 0);
	bool still = *longest_us > STILL_US;
	g_auto(GStrv) all = g_strsplit(lines->str, "\n", -1);
	for (char **line = all; *line && **line; line++)
		printf("%s%s\n", failed && still ? "# " : "", *line);
	if (failed && still)
		printf("# the guest stood still for %.0f ms: this counts for nothing\n", (double)*longest_us / 1000);
	g_string_free(lines, TRUE);
	return !failed ? 0 : still ? STEADY_AGAIN : 1;
}
