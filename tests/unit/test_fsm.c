/* The loader of call.fsm: the shipped table loads and prints itself back; each mistake is named with its line. */
#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call/call_core.h"

static char *shipped(void)
{
	char *text = NULL;
	g_autofree char *file = g_build_filename(g_getenv("CALLBOX_SRC"), "conf", "call.fsm", NULL);
	g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
	return text;
}

static char *printed(const struct fsm *fsm, void (*print)(const struct fsm *, FILE *))
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	print(fsm, out);
	fclose(out);
	return text;
}

static void test_print_back(void)
{
	g_autofree char *text = shipped();
	char *error = NULL;
	struct fsm *fsm, *again;
	g_assert_cmpint(fsm_parse(&call_words, "call.fsm", text, &fsm, &error), ==, 0);
	g_assert_cmpint(fsm->state_count, ==, 11);
	char *once = printed(fsm, fsm_print);
	g_assert_cmpint(fsm_parse(&call_words, "call.fsm", once, &again, &error), ==, 0);
	char *twice = printed(again, fsm_print);
	g_assert_cmpstr(once, ==, twice);
	char *graph = printed(fsm, fsm_draw);
	g_assert_true(g_str_has_prefix(graph, "digraph"));
	free(once);
	free(twice);
	free(graph);
	fsm_free(fsm);
	fsm_free(again);
}

/* Replaces `old` in the shipped table and expects the error to hold `says`. */
static void test_mistakes(void)
{
	static const struct { const char *old, *new, *says; } rows[] = {
		{ "ring     = 30000", "rong     = 30000", "call.fsm:6: unknown timer \"rong\"" },
		{ "ring     = 30000", "ring     = soon", "ring: \"soon\" is no time" },
		{ "calling    : calling : ring", "calling    : calling : -", "state calling has no deadline" },
		{ "calling    : calling : ring", "calling    : singing : ring", "unknown status \"singing\"" },
		{ "idle                         | user:call", "idle                         | user:cal",
		  "unknown event \"user:cal\"" },
		{ "media_open notify:calling", "media_open notify:nobody", "unknown action \"notify:nobody\"" },
		{ "| scope_all    |", "| scope_none   |", "unknown guard \"scope_none\"" },
		{ "[rows]", "[raws]", "unknown section [raws]" },
		{ "ended      : idle    : -", "ended      : idle    : -\nlimbo : inCall : alive",
		  "limbo" },
		{ "calling ringback             | timer:ring ", "calling ringback             | timer:setup ",
		  "no row for timer:ring" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = shipped();
		const char *at = strstr(text, rows[i].old);
		if (!at)
			g_error("row %zu: \"%s\" is not in the table", i, rows[i].old);
		g_autofree char *bad = g_strdup_printf("%.*s%s%s", (int)(at - text), text, rows[i].new,
						       at + strlen(rows[i].old));
		char *error = NULL;
		struct fsm *fsm;
		g_assert_cmpint(fsm_parse(&call_words, "call.fsm", bad, &fsm, &error), ==, -EINVAL);
		if (!strstr(error, rows[i].says) || !g_str_has_prefix(error, "call.fsm:"))
			g_error("\"%s\" does not say \"%s\"", error, rows[i].says);
		g_free(error);
	}
}

static void test_fuzz(void)
{
	g_autofree char *text = shipped();
	GRand *random = g_rand_new_with_seed(3);
	size_t length = strlen(text);
	for (int i = 0; i < 2000; i++) {
		g_autofree char *bad = g_strdup(text);
		for (int n = g_rand_int_range(random, 1, 6); n > 0; n--)
			bad[g_rand_int_range(random, 0, (gint32)length)] =
				(char)g_rand_int_range(random, 1, 128);
		char *error = NULL;
		struct fsm *fsm = NULL;
		int r = fsm_parse(&call_words, "f", bad, &fsm, &error);
		g_assert_true((r < 0) == (error != NULL));
		g_free(error);
		fsm_free(fsm);
	}
	g_rand_free(random);
}

/* call.fsm(5) explains every word. */
static void test_manual(void)
{
	/* heartbeat and switch are the core's own and stand in no file */
	static const char *const unlisted[] = { "switch", "heartbeat", NULL };
	const char *const *const lists[] = { call_words.events, call_words.guards, call_words.actions,
					     call_words.timers };
	g_autofree char *file = g_build_filename(g_getenv("CALLBOX_SRC"), "conf", "call.fsm.5", NULL);
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
		for (const char *const *word = lists[i]; *word; word++)
			if (!g_strv_contains(unlisted, *word) && !strstr(text, *word))
				g_error("call.fsm(5) does not explain %s", *word);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fsm/print-back", test_print_back);
	g_test_add_func("/fsm/mistakes", test_mistakes);
	g_test_add_func("/fsm/fuzz", test_fuzz);
	g_test_add_func("/fsm/manual", test_manual);
	return g_test_run();
}
