/* child: started, spoken to, its end told with the reason, stopped, killed when it hangs, never a zombie. */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "core/base/child.h"
#include "core/base/paths.h"

static const struct message_field said_fields[] = { { "text", M_STRING, true, 0, 100 },
						    { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape shapes[] = { { "said", said_fields }, { NULL, NULL } };

struct seen {
	char *text, *how;
	bool clean;
};

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct seen *seen = data;
	(void)channel;
	(void)name;
	g_assert_cmpint(fd, ==, -1);
	g_free(seen->text);
	seen->text = g_strdup(message_string(message, "text", NULL));
}

static void on_end(struct child *child, const char *how, bool clean, void *data)
{
	struct seen *seen = data;
	(void)child;
	seen->how = g_strdup(how);
	seen->clean = clean;
}

static struct child *start(struct seen *seen)
{
	struct child *child = NULL;
	static const char *const arguments[] = { "room", NULL };
	memset(seen, 0, sizeof(*seen));
	g_assert_cmpint(child_start("echo-child", arguments, shapes, on_message, on_end, seen, &child), ==, 0);
	g_assert_cmpint(child_pid(child), >, 0);
	return child;
}

static void clear(struct seen *seen)
{
	g_free(seen->text);
	g_free(seen->how);
	g_assert_cmpuint(child_count(), ==, 0);
	g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
	g_assert_cmpint(errno, ==, ECHILD);
}

static void wait_for(char **what)
{
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	while (!*what) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_main_context_iteration(NULL, FALSE);
	}
}

static void tell(struct child *child, const char *name)
{
	g_assert_cmpint(child_send(child, message_new(name)), ==, 0);
}

static void test_talk(void)
{
	struct seen seen;
	struct child *child = start(&seen);
	cJSON *say = message_new("say");
	cJSON_AddStringToObject(say, "text", "good morning");
	g_assert_cmpint(child_send(child, say), ==, 0);
	wait_for(&seen.text);
	g_assert_cmpstr(seen.text, ==, "good morning");
	child_stop(child, 5000);
	child_wait_all(20000);
	g_assert_null(seen.how);
	clear(&seen);
}

static void test_crash(void)
{
	struct seen seen;
	struct child *child = start(&seen);
	tell(child, "die");
	wait_for(&seen.how);
	g_assert_cmpstr(seen.how, ==, "killed by SIGABRT");
	g_assert_false(seen.clean);
	clear(&seen);
}

static void test_kill(void)
{
	struct seen seen;
	struct child *child = start(&seen);
	kill(child_pid(child), SIGKILL);
	wait_for(&seen.how);
	g_assert_cmpstr(seen.how, ==, "killed by SIGKILL");
	clear(&seen);
}

static void test_missing(void)
{
	struct seen seen = { 0 };
	struct child *child;
	g_assert_cmpint(child_start("no-such-program", NULL, shapes, on_message, on_end, &seen, &child), ==, 0);
	wait_for(&seen.how);
	g_assert_cmpstr(seen.how, ==, "exit code 127");
	clear(&seen);
}

static void test_hang(void)
{
	struct seen seen;
	struct child *child = start(&seen);
	tell(child, "hang");
	int r = 0;
	char text[2048];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; r == 0 && i < 100000; i++) {
		cJSON *say = message_new("say");
		cJSON_AddStringToObject(say, "text", text);
		r = child_send(child, say);
	}
	g_assert_cmpint(r, ==, -ENOBUFS);
	wait_for(&seen.how);
	g_assert_cmpstr(seen.how, ==, "killed by SIGKILL");
	clear(&seen);
}

static void test_stop_hung(void)
{
	struct seen seen;
	struct child *child = start(&seen);
	tell(child, "hang");
	child_stop(child, 50);
	child_wait_all(20000);
	clear(&seen);
}

static void test_forbidden(void)
{
	if (g_strcmp0(g_getenv("CALLBOX_SANDBOX"), "off") == 0) {
		g_test_skip("the filter is off in this build");
		return;
	}
	struct seen seen;
	struct child *child = start(&seen);
	tell(child, "forbidden");
	wait_for(&seen.how);
	g_assert_cmpstr(seen.how, ==, "killed by SIGSYS");
	clear(&seen);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_autofree char *folder = g_build_filename(g_getenv("CALLBOX_BUILD"), "tests", "unit", NULL);
	g_setenv("CALLBOX_LIBEXEC_DIR", folder, TRUE);
	paths_init();
	g_test_add_func("/child/talk", test_talk);
	g_test_add_func("/child/crash", test_crash);
	g_test_add_func("/child/kill", test_kill);
	g_test_add_func("/child/missing", test_missing);
	g_test_add_func("/child/hang", test_hang);
	g_test_add_func("/child/stop-hung", test_stop_hung);
	g_test_add_func("/child/forbidden", test_forbidden);
	return g_test_run();
}
