/* settings: conf files of `key = value` lines, `#` comments. One const row per key gives its parse, range,
 * default, print-back and man-page text; the values live in a struct of the owner, found by offset.
 *
 * Strings and paths are allocated (g_free by settings_clear); an unset string is NULL. Not thread safe:
 * loaded before threads start. Errors are text for people: "FILE:LINE: KEY: why". */
#ifndef CALLBOX_BASE_SETTINGS_H
#define CALLBOX_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum setting_type {
	SETTING_STRING,	     /* char * */
	SETTING_INT,	     /* int, min..max */
	SETTING_BOOL,	     /* bool: yes/no, on/off, true/false */
	SETTING_ENUM,	     /* int: index into names */
	SETTING_DURATION_MS, /* int milliseconds, min..max; 500ms, 30s, 2min, a plain number is ms */
	SETTING_PATH,	     /* char *; ~ is not expanded; relative to the conf file's folder */
	SETTING_LIST,	     /* char *: words separated by blanks; lines of the same key add up */
};

struct setting {
	const char *key; /* NULL ends the table */
	enum setting_type type;
	size_t offset;
	const char *initial; /* default, in conf language; NULL: unset */
	int min, max;
	const char *const *names; /* SETTING_ENUM: NULL-terminated */
	const char *help;	  /* one or more sentences for the man page */
};

/* Sets every row to its default. Aborts when a default does not parse: that is a bug. */
void settings_defaults(const struct setting *table, void *values);

/* Reads a file over the present values. On failure returns -EINVAL or the file's -errno and
 * *ret_error (caller frees); values parsed before the bad line stay set: load into a fresh struct. */
int settings_load(const struct setting *table, const char *file, void *values, char **ret_error);
/* The same from text; file is only for messages and for relative paths. */
int settings_parse(const struct setting *table, const char *file, const char *text, void *values,
		   char **ret_error);
/* One value as if a line said so. */
int settings_set(const struct setting *table, const char *key, const char *value, void *values,
		 char **ret_error);

/* Prints all rows in the same language; comments: with each row's help above it. */
void settings_print(const struct setting *table, const void *values, bool comments, FILE *out);
/* The rows as mdoc list items for a man page. */
void settings_print_man(const struct setting *table, FILE *out);

void settings_clear(const struct setting *table, void *values);

#endif
