#include "core/base/settings.h"

#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *slot(const struct setting *s, void *values)
{
	return (char *)values + s->offset;
}

static int string_set(char **slot_at, const char *value)
{
	g_free(*slot_at);
	*slot_at = value[0] ? g_strdup(value) : NULL;
	return 0;
}

static int list_add(char **slot_at, const char *value, char **ret_why)
{
	if (strchr(value, ',')) {
		*ret_why = g_strdup_printf("\"%s\": words stand with blanks between them, not with commas", value);
		return -EINVAL;
	}
	char *joined = *slot_at ? g_strconcat(*slot_at, " ", value, NULL) : g_strdup(value);
	g_free(*slot_at);
	*slot_at = g_strstrip(g_strdelimit(joined, "\t", ' '));
	if (!joined[0])
		g_clear_pointer(slot_at, g_free);
	return 0;
}

static int in_range(const struct setting *s, long long value, const char *unit, int *slot_at, char **ret_why)
{
	if (value < s->min || value > s->max) {
		*ret_why = g_strdup_printf("%lld%s is outside %d..%d", value, unit, s->min, s->max);
		return -EINVAL;
	}
	*slot_at = (int)value;
	return 0;
}

static int int_set(const struct setting *s, const char *value, int *slot_at, char **ret_why)
{
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (end == value || *end || errno) {
		*ret_why = g_strdup_printf("\"%s\" is not a whole number", value);
		return -EINVAL;
	}
	return in_range(s, number, "", slot_at, ret_why);
}

static int duration_set(const struct setting *s, const char *value, int *slot_at, char **ret_why)
{
	static const struct { const char *unit; int ms; } units[] = {
		{ "", 1 }, { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 },
	};
	char *end;
	errno = 0;
	long long number = strtoll(value, &end, 10);
	while (end != value && g_ascii_isspace(*end))
		end++;
	for (size_t i = 0; end != value && !errno && i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].unit) == 0 && number >= 0 && number <= INT32_MAX)
			return in_range(s, number * units[i].ms, " ms", slot_at, ret_why);
	*ret_why = g_strdup_printf("\"%s\" is no duration: a number with ms, s, min or h", value);
	return -EINVAL;
}

static int bool_set(const char *value, bool *slot_at, char **ret_why)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true" };
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(value, words[i]) == 0) {
			*slot_at = i % 2 == 1;
			return 0;
		}
	*ret_why = g_strdup_printf("\"%s\" is neither yes nor no", value);
	return -EINVAL;
}

static int enum_set(const struct setting *s, const char *value, int *slot_at, char **ret_why)
{
	for (int i = 0; s->names[i]; i++)
		if (strcmp(value, s->names[i]) == 0) {
			*slot_at = i;
			return 0;
		}
	g_autofree char *all = g_strjoinv(", ", (char **)s->names);
	*ret_why = g_strdup_printf("\"%s\" is none of %s", value, all);
	return -EINVAL;
}

static int path_set(char **slot_at, const char *file, const char *value)
{
	if (!value[0] || g_path_is_absolute(value) || !file)
		return string_set(slot_at, value);
	g_autofree char *whole = g_canonicalize_filename(file, NULL);
	g_autofree char *folder = g_path_get_dirname(whole);
	g_free(*slot_at);
	*slot_at = g_canonicalize_filename(value, folder);
	return 0;
}

/* ret_why: reason without the key. */
static int value_set(const struct setting *s, const char *file, const char *value, void *values,
		     char **ret_why)
{
	switch (s->type) {
	case SETTING_STRING:
		return string_set(slot(s, values), value);
	case SETTING_INT:
		return int_set(s, value, slot(s, values), ret_why);
	case SETTING_BOOL:
		return bool_set(value, slot(s, values), ret_why);
	case SETTING_ENUM:
		return enum_set(s, value, slot(s, values), ret_why);
	case SETTING_DURATION_MS:
		return duration_set(s, value, slot(s, values), ret_why);
	case SETTING_PATH:
		return path_set(slot(s, values), file, value);
	case SETTING_LIST:
		return list_add(slot(s, values), value, ret_why);
	}
	return -EINVAL;
}

void settings_defaults(const struct setting *table, void *values)
{
	for (const struct setting *s = table; s->key; s++) {
		char *why = NULL;
		if (s->initial && value_set(s, NULL, s->initial, values, &why) < 0)
			g_error("bug: default of %s: %s", s->key, why);
	}
}

static const struct setting *setting_find(const struct setting *table, const char *key)
{
	for (const struct setting *s = table; s->key; s++)
		if (strcmp(s->key, key) == 0)
			return s;
	return NULL;
}

static int set_named(const struct setting *table, const char *file, const char *key, const char *value,
		     void *values, char **ret_why)
{
	const struct setting *s = setting_find(table, key);
	if (!s) {
		*ret_why = g_strdup("unknown key");
		return -EINVAL;
	}
	return value_set(s, file, value, values, ret_why);
}

int settings_set(const struct setting *table, const char *key, const char *value, void *values,
		 char **ret_error)
{
	g_autofree char *why = NULL;
	int r = set_named(table, NULL, key, value, values, &why);
	if (r < 0)
		*ret_error = g_strdup_printf("%s: %s", key, why);
	return r;
}

/* A `#` starts a comment at the line's begin or after a blank, so that values may hold one. */
static void comment_cut(char *line)
{
	for (char *c = line; *c; c++)
		if (*c == '#' && (c == line || g_ascii_isspace(c[-1]))) {
			*c = '\0';
			return;
		}
}

static int line_parse(const struct setting *table, const char *file, unsigned int number, char *line,
		      void *values, char **ret_error)
{
	comment_cut(line);
	g_strstrip(line);
	if (!line[0])
		return 0;
	char *equals = strchr(line, '=');
	if (!equals || equals == line) {
		*ret_error = g_strdup_printf("%s:%u: \"%s\": a line is KEY = VALUE", file, number, line);
		return -EINVAL;
	}
	*equals = '\0';
	char *key = g_strstrip(line), *value = g_strstrip(equals + 1);
	g_autofree char *why = NULL;
	int r = set_named(table, file, key, value, values, &why);
	if (r < 0)
		*ret_error = g_strdup_printf("%s:%u: %s: %s", file, number, key, why);
	return r;
}

int settings_parse(const struct setting *table, const char *file, const char *text, void *values,
		   char **ret_error)
{
	if (!g_utf8_validate(text, -1, NULL)) {
		*ret_error = g_strdup_printf("%s: not UTF-8 text", file);
		return -EINVAL;
	}
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (unsigned int i = 0; lines[i]; i++) {
		int r = line_parse(table, file, i + 1, lines[i], values, ret_error);
		if (r < 0)
			return r;
	}
	return 0;
}

int settings_load(const struct setting *table, const char *file, void *values, char **ret_error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length = 0;
	errno = 0;
	if (!g_file_get_contents(file, &text, &length, &error)) {
		int r = errno ? -errno : -EIO;
		*ret_error = g_strdup_printf("%s: %s", file, g_strerror(-r));
		return r;
	}
	if (strlen(text) != length) {
		*ret_error = g_strdup_printf("%s: holds a NUL byte", file);
		return -EINVAL;
	}
	return settings_parse(table, file, text, values, ret_error);
}

static void value_print(const struct setting *s, const void *values, FILE *out)
{
	const void *at = (const char *)values + s->offset;
	switch (s->type) {
	case SETTING_STRING:
	case SETTING_PATH:
	case SETTING_LIST:
		fputs(*(char *const *)at ? *(char *const *)at : "", out);
		break;
	case SETTING_INT:
		fprintf(out, "%d", *(const int *)at);
		break;
	case SETTING_BOOL:
		fputs(*(const bool *)at ? "yes" : "no", out);
		break;
	case SETTING_ENUM:
		fputs(s->names[*(const int *)at], out);
		break;
	case SETTING_DURATION_MS:
		fprintf(out, "%dms", *(const int *)at);
		break;
	}
}

void settings_print(const struct setting *table, const void *values, bool comments, FILE *out)
{
	for (const struct setting *s = table; s->key; s++) {
		if (comments)
			fprintf(out, "# %s\n", s->help);
		fprintf(out, "%s = ", s->key);
		value_print(s, values, out);
		fputc('\n', out);
	}
}

static void man_value(const struct setting *s, FILE *out)
{
	static const char *const words[] = {
		[SETTING_STRING] = "text", [SETTING_PATH] = "path", [SETTING_LIST] = "words",
		[SETTING_INT] = "number", [SETTING_BOOL] = "yes | no", [SETTING_DURATION_MS] = "duration",
	};
	if (s->type != SETTING_ENUM) {
		fputs(words[s->type], out);
		return;
	}
	for (int i = 0; s->names[i]; i++)
		fprintf(out, "%s%s", i ? " | " : "", s->names[i]);
}

void settings_print_man(const struct setting *table, FILE *out)
{
	for (const struct setting *s = table; s->key; s++) {
		fprintf(out, ".It Ic %s No = Ar ", s->key);
		man_value(s, out);
		fputc('\n', out);
		for (const char *c = s->help; *c; c++) /* mdoc wants each sentence on its line */
			fputc(c[0] == ' ' && c > s->help && c[-1] == '.' ? '\n' : c[0], out);
		fputc('\n', out);
		if (s->type == SETTING_INT)
			fprintf(out, "Range %d to %d.\n", s->min, s->max);
		else if (s->type == SETTING_DURATION_MS)
			fprintf(out, "Range %d to %d milliseconds.\n", s->min, s->max);
		if (s->initial && s->initial[0])
			fprintf(out, "Default: %s.\n", s->initial);
	}
}

void settings_clear(const struct setting *table, void *values)
{
	for (const struct setting *s = table; s->key; s++)
		if (s->type == SETTING_STRING || s->type == SETTING_PATH || s->type == SETTING_LIST)
			g_clear_pointer((char **)slot(s, values), g_free);
}
