/* callboxctl: text for people. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "core/ctl/ctl.h"

static void put_plain(FILE *out, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	for (char *at = valid, *next; *at; at = next) {
		next = g_utf8_next_char(at);
		if (*at == '\n' || g_unichar_isprint(g_utf8_get_char(at)))
			fwrite(at, 1, (size_t)(next - at), out);
		else
			fputc('?', out);
	}
}

void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	put_plain(stdout, text);
}

int fail(int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	fputs("callboxctl: ", stderr);
	put_plain(stderr, text);
	fputc('\n', stderr);
	return code;
}
