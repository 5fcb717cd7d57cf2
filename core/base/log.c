#include "core/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#define LINE_BYTES 2048

static const char *log_program = "callbox";
static enum log_level log_limit = LOG_LEVEL_INFO;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	log_limit = level;
}

bool log_enabled(enum log_level level)
{
	return level <= log_limit;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(level_names); i++)
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	return -EINVAL;
}

/* Copies text, writing every byte that is no printable UTF-8 as \xNN. */
static void append_escaped(GString *line, const char *text)
{
	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2 || !g_unichar_isprint(c)) {
			g_string_append_printf(line, "\\x%02x", (unsigned char)*text);
			text++;
			continue;
		}
		const char *next = g_utf8_next_char(text);
		g_string_append_len(line, text, next - text);
		text = next;
	}
}

void log_write(enum log_level level, const char *format, ...)
{
	char text[LINE_BYTES];
	va_list args;
	ssize_t written;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	g_autoptr(GString) line = g_string_sized_new(256);
	g_string_append_printf(line, "%s[%ld] %s: ", log_program, (long)getpid(), level_names[level]);
	append_escaped(line, text);
	g_string_append_c(line, '\n');
	written = write(STDERR_FILENO, line->str, line->len);
	(void)written; /* nowhere left to say that the log is gone */
}
