/* Hooks against names that want to be programs, against programs that do not end, and in numbers. Real processes.
 * CALLBOX_LONG=1 runs the whole corpus through a shell script; else a part of it. */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/errand.h"
#include "core/box/hooks.h"

#define CORPUS 10000
#define CORPUS_SHORT 500
#define LIMIT_US (60 * G_USEC_PER_SEC)

static char *folder, *canary;

/* ---- the corpus: each template with the canary, bent by a random generator of fixed seed ---- */

static const char *const templates[] = {
	"$(touch %s)", "`touch %s`", ";touch %s;", "|touch %s", "&& touch %s", "\ntouch %s\n", "'; touch %s; '",
	"\"; touch %s; \"", "() { :;}; touch %s", "x=() { :;}; touch %s", "${IFS}touch${IFS}%s", "> %s", ">> %s",
	"<(touch %s)",
	"-exec touch %s ;", "--output=%s", "-o%s", "../../../%s", "%%n%%n%%n %s", "LD_PRELOAD=%s", "a\nLD_PRELOAD=%s",
	"BASH_ENV=%s", "\x1b]0;touch %s\x07", "\x1b[2J%s", "\xe2\x80\xae%s", "\xff\xfe$(touch %s)",
	"\xc0\xaf%s", "\r\n%s",
	"{\"a\":\"%s\"}", "\\$(touch %s)", "$((`touch %s`))", "!touch %s", "~root/%s", "*?[]%s", "\xf0\x9f\x93\x9e %s",
	"=cmd|' /C touch %s'!A0", "eval touch %s", "&touch %s&", "\ttouch %s", "a b c touch %s",
};

static char *hostile(GRand *random, unsigned int i)
{
	GString *name = g_string_new(NULL);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	g_string_printf(name, templates[i % G_N_ELEMENTS(templates)], canary);
#pragma GCC diagnostic pop
	for (unsigned int bends = i / G_N_ELEMENTS(templates) ? g_rand_int_range(random, 1, 5) : 0; bends > 0; bends--) {
		int at = g_rand_int_range(random, 0, (int)name->len + 1);
		if (g_rand_boolean(random))
			g_string_insert_c(name, at, (char)g_rand_int_range(random, 1, 256));
		else
			g_string_insert(name, at, ((const char *const[]){ "'", "\"", "`", "$(", ")", ";", "\n" })[
							  g_rand_int_range(random, 0, 7)]);
	}
	return g_string_free(name, FALSE);
}

static void check_printable(const char *text)
{
	g_assert_true(g_utf8_validate(text, -1, NULL));
	for (const char *at = text; *at; at = g_utf8_next_char(at))
		g_assert_true(g_unichar_isprint(g_utf8_get_char(at)));
}

static void test_printable(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	for (unsigned int i = 0; i < CORPUS; i++) {
		g_autofree char *name = hostile(random, i);
		g_autofree char *clean = errand_printable(name, 1024), *cut = errand_printable(name, 10);
		check_printable(clean);
		check_printable(cut);
		g_assert_cmpuint(strlen(cut), <=, 10);
	}
	g_autofree char *none = errand_printable(NULL, 10);
	g_assert_cmpstr(none, ==, "");
}

/* ---- real runs ---- */

static struct hooks *hooks_of(const char *conf)
{
	struct hooks *hooks = NULL;
	char *error = NULL;
	g_autofree char *file = g_build_filename(folder, "hooks.conf", NULL);
	g_assert_true(g_file_set_contents(file, conf, -1, NULL));
	if (hooks_load(folder, &hooks, &error) < 0)
		g_error("%s", error);
	return hooks;
}

static char *script(const char *name, const char *text)
{
	char *file = g_build_filename(folder, name, NULL);
	g_assert_true(g_file_set_contents_full(file, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
	return file;
}

static char *log_text(void)
{
	g_autofree char *file = g_build_filename(folder, "log", NULL);
	char *text = NULL;
	return g_file_get_contents(file, &text, NULL, NULL) ? text : g_strdup("");
}

static unsigned int lines(const char *text)
{
	unsigned int n = 0;
	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* Lets the loop run until the log has so many lines. */
static char *wait_lines(unsigned int wanted)
{
	for (gint64 end = g_get_monotonic_time() + LIMIT_US;;) {
		char *text = log_text();
		if (lines(text) >= wanted)
			return text;
		if (g_get_monotonic_time() > end)
			g_error("%u lines of %u:\n%s", lines(text), wanted, text);
		g_free(text);
		g_main_context_iteration(NULL, FALSE);
		g_usleep(500);
	}
}

static void log_clear(void)
{
	g_autofree char *file = g_build_filename(folder, "log", NULL);
	g_unlink(file);
}

/* The script sees the cleaned name, whole, in its environment and on stdin; nothing of it ran. */
static void test_corpus(void)
{
	g_autofree char *program = script("writer", "#!/bin/sh\nread -r line\n"
						    "printf '%s\\n' \"$CALL_PEER\" >>\"${0%/*}/log\"\n");
	g_autofree char *conf = g_strdup_printf("call-ringing = %s  one\ttwo\n", program);
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func(g_free);
	unsigned int count = g_getenv("CALLBOX_LONG") ? CORPUS : CORPUS_SHORT;
	struct hooks *hooks = hooks_of(conf);
	log_clear();
	for (unsigned int i = 0; i < count; i++) {
		g_autofree char *name = hostile(random, i);
		const struct hook_facts facts = { .call_id = "0", .peer = name, .from = name, .to = name, .type = 2,
						  .duration_ms = -1 };
		g_ptr_array_add(wanted, errand_printable(name, 1024));
		hooks_run(hooks, HOOK_CALL_RINGING, &facts);
		if (i % 32 == 31) /* not more than may wait */
			g_free(wait_lines(i + 1));
	}
	g_autofree char *text = wait_lines(count);
	g_auto(GStrv) got = g_strsplit(text, "\n", -1);
	g_autoptr(GHashTable) set = g_hash_table_new(g_str_hash, g_str_equal);
	for (char **line = got; *line; line++)
		g_hash_table_add(set, *line);
	for (unsigned int i = 0; i < count; i++)
		if (!g_hash_table_contains(set, wanted->pdata[i]))
			g_error("name %u did not arrive: %s", i, (char *)wanted->pdata[i]);
	g_assert_false(g_file_test(canary, G_FILE_TEST_EXISTS));
	hooks_free(hooks);
}

/* A hook that never ends is killed with what it started; others get their turn; of too many some are dropped. */
static void test_limits(void)
{
	g_autofree char *stuck = script("stuck", "#!/bin/sh\nsleep 1000 &\necho $! >>\"${0%/*}/pids\"\nwait\n");
	g_autofree char *done = script("done", "#!/bin/sh\necho done >>\"${0%/*}/log\"\n");
	g_autofree char *conf = g_strdup_printf("call-ringing = %s\ncall-end = %s\ntimeout = 2s\n", stuck, done);
	struct hooks *hooks = hooks_of(conf);
	const struct hook_facts facts = { .duration_ms = -1 };
	log_clear();
	for (int i = 0; i < 4; i++)
		hooks_run(hooks, HOOK_CALL_RINGING, &facts);
	hooks_run(hooks, HOOK_CALL_END, &facts);
	g_free(wait_lines(1));
	g_autofree char *pids = g_build_filename(folder, "pids", NULL);
	g_autofree char *text = NULL;
	g_assert_true(g_file_get_contents(pids, &text, NULL, NULL));
	g_assert_cmpuint(lines(text), ==, 4);
	hooks_free(hooks);
	g_auto(GStrv) each = g_strsplit(text, "\n", -1);
	for (int i = 0; i < 4; i++) {
		int pid = (int)g_ascii_strtoll(each[i], NULL, 10);
		for (gint64 end = g_get_monotonic_time() + LIMIT_US; kill(pid, 0) == 0 && pid > 0;) {
			g_autofree char *stat = g_strdup_printf("/proc/%d/stat", pid);
			g_autofree char *state = NULL;
			if (g_file_get_contents(stat, &state, NULL, NULL) && strstr(state, ") Z"))
				break; /* dead; whoever adopted it has not looked yet */
			g_assert_cmpint(g_get_monotonic_time(), <, end);
			g_usleep(1000);
		}
	}
}

static int answered = -1;
static unsigned int answers;

static void on_answer(enum hook_answer answer, const char *call_id, void *data)
{
	(void)data;
	g_assert_cmpstr(call_id, ==, "42");
	answered = (int)answer;
	answers++;
}

static void ask(const char *text, enum hook_answer wanted)
{
	static unsigned int serial;
	g_autofree char *name = g_strdup_printf("judge-%u", ++serial);
	g_autofree char *program = script(name, text);
	g_autofree char *conf = g_strdup_printf("call-incoming = %s\n", program);
	struct hooks *hooks = hooks_of(conf);
	const struct hook_facts facts = { .call_id = "42", .peer = "x", .duration_ms = -1 };
	answered = -1;
	answers = 0;
	hooks_ask(hooks, &facts, on_answer, NULL);
	g_assert_cmpint(answered, ==, -1);
	while (answered < 0)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(answered, ==, (int)wanted);
	hooks_free(hooks);
	g_assert_cmpuint(answers, ==, 1);
}

static void test_answers(void)
{
	ask("#!/bin/sh\necho allow\n", HOOK_ALLOW);
	ask("#!/bin/sh\necho refuse\n", HOOK_REFUSE);
	ask("#!/bin/sh\nprintf 'auto because'\n", HOOK_AUTO);
	ask("#!/bin/sh\n", HOOK_ALLOW);
	ask("#!/bin/sh\necho 'refused'\n", HOOK_ALLOW);
	ask("#!/bin/sh\nexec sleep 1000\n", HOOK_ALLOW);
	ask("#!/nowhere/at/all\n", HOOK_ALLOW);
}

/* A crowd of other hooks does not push a question out, and so let a caller in. */
static void test_crowd(void)
{
	g_autofree char *judge = script("judge-of-crowd", "#!/bin/sh\necho refuse\n");
	g_autofree char *conf = g_strdup_printf("call-incoming = %s\ncall-end = /bin/true\n", judge);
	struct hooks *hooks = hooks_of(conf);
	const struct hook_facts facts = { .call_id = "42", .peer = "x", .duration_ms = -1 };
	answered = -1;
	answers = 0;
	hooks_ask(hooks, &facts, on_answer, NULL);
	for (int i = 0; i < 3 * HOOKS_QUEUED; i++)
		hooks_run(hooks, HOOK_CALL_END, &facts);
	g_assert_cmpuint(answers, ==, 0);
	while (answered < 0)
		g_main_context_iteration(NULL, TRUE);
	hooks_free(hooks);
	g_assert_cmpuint(answers, ==, 1);
}

static void bad_conf(const char *conf, const char *word)
{
	struct hooks *hooks = NULL;
	char *error = NULL;
	g_autofree char *file = g_build_filename(folder, "hooks.conf", NULL);
	g_assert_true(g_file_set_contents(file, conf, -1, NULL));
	g_assert_cmpint(hooks_load(folder, &hooks, &error), <, 0);
	if (!strstr(error, word) || !strstr(error, "hooks.conf"))
		g_error("\"%s\" does not name %s", error, word);
	g_free(error);
}

static void test_conf(void)
{
	bad_conf("call-ended = /bin/true\n", "call-ended");
	bad_conf("\ncall-end = true\n", "call-end: the absolute path");
	bad_conf("call-end = /nowhere/true\n", "/nowhere/true");
	bad_conf("call-end = /tmp\n", "call-end");
	bad_conf("timeout = 1h\ntimeout = soon\n", "timeout");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN); /* as callboxd does: a hook may die before it has read its facts */
	folder = g_dir_make_tmp("callbox-hooks-XXXXXX", NULL);
	canary = g_build_filename(folder, "canary", NULL);
	g_test_add_func("/hooks/printable", test_printable);
	g_test_add_func("/hooks/corpus", test_corpus);
	g_test_add_func("/hooks/limits", test_limits);
	g_test_add_func("/hooks/answers", test_answers);
	g_test_add_func("/hooks/crowd", test_crowd);
	g_test_add_func("/hooks/conf", test_conf);
	int r = g_test_run();
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(folder, name, NULL);
		g_unlink(file);
	}
	g_dir_close(dir);
	g_rmdir(folder);
	g_free(folder);
	g_free(canary);
	return r;
}
