#include "core/devices/control.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static bool is_name(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!g_ascii_islower(text[i]) && !g_ascii_isdigit(text[i]) && text[i] != '_')
			return false;
	return length > 0 && length < CONTROL_BYTES;
}

int control_word_parse(const char *word, struct control_word *ret_word)
{
	const char *equals = strchr(word, '=');
	if (!equals || !is_name(word, (size_t)(equals - word)) || !equals[1] || strlen(equals + 1) >= CONTROL_BYTES)
		return -EINVAL;
	memset(ret_word, 0, sizeof(*ret_word));
	memcpy(ret_word->name, word, (size_t)(equals - word));
	g_strlcpy(ret_word->value, equals + 1, sizeof(ret_word->value));
	return 0;
}

int control_words_check(const char *words, char **ret_why)
{
	g_auto(GStrv) list = g_strsplit(words ? words : "", " ", -1);
	struct control_word word;
	for (char **w = list; *w; w++)
		if (**w && control_word_parse(*w, &word) < 0) {
			*ret_why = g_strdup_printf("\"%s\": CONTROL=VALUE is needed, for example brightness=140", *w);
			return -EINVAL;
		}
	return 0;
}

int control_presets_check(const char *presets, char **ret_why)
{
	g_auto(GStrv) list = g_strsplit(presets ? presets : "", " ", -1);
	for (char **p = list; *p; p++) {
		char *colon = strchr(*p, ':');
		if (**p && (!colon || colon == *p || !colon[1])) {
			*ret_why = g_strdup_printf("\"%s\": NAME:CONTROL=VALUE,CONTROL=VALUE is needed", *p);
			return -EINVAL;
		}
		g_autofree char *words = colon ? g_strdelimit(g_strdup(colon + 1), ",", ' ') : NULL;
		int r = control_words_check(words, ret_why);
		if (r < 0)
			return r;
	}
	return 0;
}

char *control_preset_find(const char *presets, const char *name)
{
	g_auto(GStrv) list = g_strsplit(presets ? presets : "", " ", -1);
	size_t length = strlen(name);
	for (char **p = list; *p; p++)
		if (strncmp(*p, name, length) == 0 && (*p)[length] == ':')
			return g_strdelimit(g_strdup(*p + length + 1), ",", ' ');
	return NULL;
}

/* Whether one of the words sets the control that word sets. */
static bool sets_same(char **words, const char *word)
{
	struct control_word one, other;
	for (; *words; words++)
		if (control_word_parse(word, &one) == 0 && control_word_parse(*words, &other) == 0 &&
		    strcmp(one.name, other.name) == 0)
			return true;
	return false;
}

char *control_words_merge(const char *words, const char *more)
{
	g_auto(GStrv) old = g_strsplit(words ? words : "", " ", -1);
	g_auto(GStrv) new = g_strsplit(more ? more : "", " ", -1);
	GString *all = g_string_new(NULL);
	for (char **w = old; *w; w++)
		if (**w && !sets_same(new, *w))
			g_string_append_printf(all, "%s%s", all->len ? " " : "", *w);
	for (char **w = new; *w; w++)
		if (**w && !sets_same(w + 1, *w))
			g_string_append_printf(all, "%s%s", all->len ? " " : "", *w);
	return g_string_free(all, FALSE);
}

void control_name_of(const char *label, char name[CONTROL_BYTES])
{
	size_t n = 0;
	for (const char *c = label; *c && n < CONTROL_BYTES - 1; c++)
		if (g_ascii_isalnum(*c))
			name[n++] = g_ascii_tolower(*c);
		else if (n > 0 && name[n - 1] != '_')
			name[n++] = '_';
	while (n > 0 && name[n - 1] == '_')
		n--;
	name[n] = '\0';
}
