#include "tests/vadriver/report.h"

#include <fcntl.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MAX = 100 };

static void append(const struct report *report, const char *line)
{
	if (report->path == NULL)
		return;
	int fd = open(report->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		g_printerr("vadriver: %s cannot be written: %s", report->path, line);
	if (fd >= 0)
		close(fd);
}

void report_init(struct report *report)
{
	*report = (struct report){ .path = g_strdup(g_getenv("CALLBOX_VA_REPORT")) };
}

void report_violation(struct report *report, const char *format, ...)
{
	va_list arguments;
	if (++report->violations > LINES_MAX)
		return;
	va_start(arguments, format);
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *line = g_strdup_printf("violation: %s\n", words);
	append(report, line);
}

void report_note(struct report *report, const char *format, ...)
{
	va_list arguments;
	report->notes++;
	va_start(arguments, format);
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	for (unsigned int i = 0; i < report->noted_count; i++) {
		if (strcmp(report->noted[i], words) == 0)
			return;
	}
	if (report->noted_count == NOTES_MAX)
		return;
	g_autofree char *line = g_strdup_printf("note: %s\n", words);
	append(report, line);
	report->noted[report->noted_count++] = g_steal_pointer(&words);
}

void report_finish(struct report *report, const struct report_left *left)
{
	g_autofree char *line = g_strdup_printf(
			"summary: configs=%u contexts=%u surfaces=%u buffers=%u images=%u encoded=%u decoded=%u "
			"processed=%u failed=%u imports=%u exports=%u notes=%u violations=%u\n",
			left->configs, left->contexts, left->surfaces, left->buffers, left->images,
			report->encoded, report->decoded, report->processed, report->failed, report->imports,
			report->exports, report->notes, report->violations);
	append(report, line);
	g_clear_pointer(&report->path, g_free);
	while (report->noted_count > 0)
		g_free(report->noted[--report->noted_count]);
}
