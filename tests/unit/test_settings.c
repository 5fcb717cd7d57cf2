/* settings: every type both ways, and the exact words of every mistake. */
#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>

#include "core/base/settings.h"

struct room {
	char *name, *file, *words;
	int size, mode, wait_ms;
	bool loud;
};

static const char *const modes[] = { "quiet", "normal", NULL };
static const struct setting table[] = {
	{ "name", SETTING_STRING, offsetof(struct room, name), "room", 0, 0, NULL, "The name." },
	{ "file", SETTING_PATH, offsetof(struct room, file), NULL, 0, 0, NULL, "A file." },
	{ "words", SETTING_LIST, offsetof(struct room, words), NULL, 0, 0, NULL, "Words." },
	{ "size", SETTING_INT, offsetof(struct room, size), "4", 1, 100, NULL, "Seats." },
	{ "mode", SETTING_ENUM, offsetof(struct room, mode), "normal", 0, 0, modes, "The mode." },
	{ "wait", SETTING_DURATION_MS, offsetof(struct room, wait_ms), "30s", 1000, 120000, NULL, "A wait." },
	{ "loud", SETTING_BOOL, offsetof(struct room, loud), "no", 0, 0, NULL, "Loudness." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

static void test_values(void)
{
	struct room room = { 0 };
	char *error = NULL;
	settings_defaults(table, &room);
	g_assert_cmpstr(room.name, ==, "room");
	g_assert_cmpint(room.wait_ms, ==, 30000);
	g_assert_cmpint(settings_parse(table, "/etc/x/a.conf",
				       "# comment\n\n name = Big #1 room # seats\nfile = b.txt\nwords = a\tb\n"
				       "words = c\nsize=7\nmode = quiet\nwait = 2min\nloud = on",
				       &room, &error), ==, 0);
	g_assert_cmpstr(room.name, ==, "Big");
	g_assert_cmpstr(room.file, ==, "/etc/x/b.txt");
	g_assert_cmpstr(room.words, ==, "a b c");
	g_assert_cmpint(room.size, ==, 7);
	g_assert_cmpint(room.mode, ==, 0);
	g_assert_cmpint(room.wait_ms, ==, 120000);
	g_assert_true(room.loud);
	settings_clear(table, &room);
	g_assert_null(room.name);
}

static void test_mistakes(void)
{
	static const struct { const char *text, *error; } rows[] = {
		{ "nome = x", "a.conf:1: nome: unknown key" },
		{ "\nsize = many", "a.conf:2: size: \"many\" is not a whole number" },
		{ "size = 0", "a.conf:1: size: 0 is outside 1..100" },
		{ "size = 99999999999999999999", "a.conf:1: size: \"99999999999999999999\" is not a whole number" },
		{ "mode = loud", "a.conf:1: mode: \"loud\" is none of quiet, normal" },
		{ "wait = 5 parsecs", "a.conf:1: wait: \"5 parsecs\" is no duration: a number with ms, s, min or h" },
		{ "wait = 121s", "a.conf:1: wait: 121000 ms is outside 1000..120000" },
		{ "wait = 2147483647h", "a.conf:1: wait: 7730941129200000 ms is outside 1000..120000" },
		{ "words = a, b", "a.conf:1: words: \"a, b\": words stand with blanks between them, not with commas" },
		{ "loud = maybe", "a.conf:1: loud: \"maybe\" is neither yes nor no" },
		{ "hello", "a.conf:1: \"hello\": a line is KEY = VALUE" },
		{ "= 3", "a.conf:1: \"= 3\": a line is KEY = VALUE" },
		{ "name = \xff", "a.conf: not UTF-8 text" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct room room = { 0 };
		char *error = NULL;
		settings_defaults(table, &room);
		g_assert_cmpint(settings_parse(table, "a.conf", rows[i].text, &room, &error), ==, -EINVAL);
		g_assert_cmpstr(error, ==, rows[i].error);
		g_free(error);
		settings_clear(table, &room);
	}
	struct room room = { 0 };
	char *error = NULL;
	g_assert_cmpint(settings_load(table, "/nowhere/a.conf", &room, &error), ==, -ENOENT);
	g_assert_cmpstr(error, ==, "/nowhere/a.conf: No such file or directory");
	g_free(error);
}

static char *printed(const struct room *room)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	settings_print(table, room, false, out);
	fclose(out);
	return text;
}

static void test_print_back(void)
{
	struct room room = { 0 }, again = { 0 };
	char *error = NULL;
	settings_defaults(table, &room);
	settings_defaults(table, &again);
	g_assert_cmpint(settings_parse(table, "/a.conf", "name = x y\nwords = p q\nwait = 5s\nloud = yes",
				       &room, &error), ==, 0);
	char *once = printed(&room);
	g_assert_cmpint(settings_parse(table, "/a.conf", once, &again, &error), ==, 0);
	char *twice = printed(&again);
	g_assert_cmpstr(once, ==, twice);
	free(once);
	free(twice);
	settings_clear(table, &room);
	settings_clear(table, &again);
}

static void test_fuzz(void)
{
	static const char good[] = "name = x\nsize = 5\nwait = 10s\nmode = quiet\nloud = on\nfile = /x\n";
	GRand *random = g_rand_new_with_seed(7);
	for (int i = 0; i < 20000; i++) {
		char text[sizeof(good)];
		memcpy(text, good, sizeof(good));
		for (int n = g_rand_int_range(random, 1, 5); n > 0; n--)
			text[g_rand_int_range(random, 0, sizeof(good) - 1)] =
				(char)g_rand_int_range(random, 0, 128);
		struct room room = { 0 };
		char *error = NULL;
		settings_defaults(table, &room);
		int r = settings_parse(table, "f", text, &room, &error);
		g_assert_true((r < 0) == (error != NULL));
		g_assert_cmpint(room.size, >=, 1);
		g_assert_cmpint(room.size, <=, 100);
		g_assert_cmpint(room.wait_ms, >=, 1000);
		g_free(error);
		settings_clear(table, &room);
	}
	g_rand_free(random);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/settings/values", test_values);
	g_test_add_func("/settings/mistakes", test_mistakes);
	g_test_add_func("/settings/print-back", test_print_back);
	g_test_add_func("/settings/fuzz", test_fuzz);
	return g_test_run();
}
