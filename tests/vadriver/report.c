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

static void append_words(struct report *report, unsigned int *count, const char *kind,
		const char *format, va_list arguments)
{
	if (++*count > LINES_MAX)
		return;
	g_autofree char *words = g_strdup_vprintf(format, arguments);
	g_autofree char *line = g_strdup_printf("%s: %s\n", kind, words);
	append(report, line);
}

void report_init(struct report *report)
{
	*report = (struct report){ .path = g_strdup(g_getenv("CALLBOX_VA_REPORT")) };
}

void report_violation(struct report *report, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	append_words(report, &report->violations, "violation", format, arguments);
	va_end(arguments);
}

void report_note(struct report *report, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	append_words(report, &report->notes, "note", format, arguments);
	va_end(arguments);
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
}
