/* What an installer gets wrong, each named with what and where: a key, a value, a secret, a camera, a hub,
 * a token. One row a mistake: what is written, what the box must say, and where it says it. */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

static struct place *place;

static void append(const char *path, const char *text)
{
	g_autofree char *old = NULL;
	g_assert_true(g_file_get_contents(path, &old, NULL, NULL));
	g_autofree char *all = g_strconcat(old, text, NULL);
	g_assert_true(g_file_set_contents(path, all, -1, NULL));
}

struct conf_mistake {
	const char *name, *file, *line; /* appended to the file under conf/ */
	const char *says[3];		/* each stands in the error */
};

static const struct conf_mistake conf_mistakes[] = {
	{ "unknown-key", "callbox.conf", "camra = pattern:\n", { "callbox.conf:", "camra", "unknown" } },
	{ "bad-value", "callbox.conf", "call_timeout = 5 parsecs\n", { "callbox.conf:", "call_timeout", "parsecs" } },
	{ "range", "callbox.conf", "call_timeout = 999999\n", { "callbox.conf:", "call_timeout", "120000" } },
	{ "bad-line", "callbox.conf", "no equals sign here\n", { "callbox.conf:", "=" } },
	{ "screen", "callbox.conf", "screen = hdmi\n", { "callbox.conf:", "screen", "kms:auto" } },
	{ "screen-mode", "callbox.conf", "screen_mode = big\n", { "callbox.conf:", "screen_mode", "HERTZ" } },
	{ "cec", "callbox.conf", "cec = maybe\n", { "callbox.conf:", "cec", "/dev/cec0" } },
	{ "account-key", "accounts/alice.conf", "colour = red\n", { "alice.conf:", "colour", "unknown" } },
	{ "no-secret", "accounts/alice.conf", "secret_file = /nowhere/secret\n", { "/nowhere/secret", "No such file" } },
};

/* `callboxd -n` refuses, exit code not 0, and says where. */
static void test_conf(const void *data)
{
	const struct conf_mistake *m = data;
	struct box *box = box_create(place, "alice", m->name, "token", NULL);
	g_autofree char *path = g_build_filename(box->dir, "conf", m->file, NULL);
	append(path, m->line);
	char *out = NULL;
	int code = place_run(place, box->dir, &out, "callboxd", "-n", NULL);
	g_test_message("%s", out);
	g_assert_cmpint(code, !=, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(m->says) && m->says[i]; i++)
		if (!strstr(out, m->says[i]))
			g_error("\"%s\" does not say \"%s\"", out, m->says[i]);
	g_free(out);
}

static void test_good_conf(void)
{
	struct box *box = box_create(place, "alice", "good", "token", NULL);
	char *out = NULL;
	g_assert_cmpint(place_run(place, box->dir, &out, "callboxd", "-n", NULL), ==, 0);
	g_free(out);
}

static void test_secret_readable_by_others(void)
{
	struct box *box = box_create(place, "alice", "open-secret", "token", NULL);
	g_autofree char *secret = g_strdup_printf("%s/conf/alice.secret", box->dir);
	g_assert_cmpint(g_chmod(secret, 0644), ==, 0);
	char *out = NULL;
	g_assert_cmpint(place_run(place, box->dir, &out, "callboxd", "-n", NULL), !=, 0);
	g_assert_nonnull(strstr(out, "alice.secret"));
	g_free(out);
}

/* The status of the box comes to hold all these words. */
static void expect_status(struct client *client, const char *const *words)
{
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	for (;;) {
		cJSON *status = client_call(client, "status", NULL, NULL);
		char *text = cJSON_PrintUnformatted(status);
		cJSON_Delete(status);
		bool all = true;
		for (const char *const *word = words; *word; word++)
			all &= strstr(text, *word) != NULL;
		if (all) {
			cJSON_free(text);
			return;
		}
		if (g_get_monotonic_time() > end)
			g_error("status never said all of %s, %s …: %s", words[0], words[1], text);
		cJSON_free(text);
		g_usleep(20000);
	}
}

static void test_wrong_token(void)
{
	g_free(place_add_user(place, "dora"));
	struct box *box = box_create(place, "dora", "wrong-token", "not-the-token", NULL);
	box_spawn(box);
	struct client *client = client_open(box->socket);
	expect_status(client, (const char *const[]){ "refused", "dora", NULL });
	client_close(client);
}

static void test_no_hub(void)
{
	char *url = place->hub_url;
	place->hub_url = g_strdup("ws://127.0.0.1:9"); /* discard: nobody listens */
	struct box *box = box_create(place, "erin", "no-hub", "token", NULL);
	g_free(place->hub_url);
	place->hub_url = url;
	box_spawn(box);
	struct client *client = client_open(box->socket);
	expect_status(client, (const char *const[]){ "connecting", "127.0.0.1:9", NULL });
	client_close(client);
}

/* A box whose camera is missing still calls with sound, and says which camera is missing. */
static void test_no_camera(void)
{
	const struct box_devices devices = { .camera = "v4l2:/dev/video77" };
	struct box *frank = box_create(place, "frank", "no-camera", NULL, &devices);
	struct box *grace = box_create(place, "grace", "callee", NULL, NULL);
	box_start(frank);
	box_start(grace);
	struct client *caller = client_open(frank->socket), *callee = client_open(grace->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "grace");
	cJSON_AddNumberToObject(params, "type", 2);
	cJSON_Delete(client_call(caller, "call", params, NULL));
	cJSON_Delete(client_expect(callee, "onInvited"));
	cJSON_Delete(client_call(callee, "accept", NULL, NULL));
	cJSON *error = client_expect(caller, "onError");
	char *text = cJSON_PrintUnformatted(error);
	if (!strstr(text, "/dev/video77"))
		g_error("the error does not name the camera: %s", text);
	cJSON_free(text);
	cJSON_Delete(error);
	cJSON_Delete(client_expect(caller, "onUserEnter"));
	cJSON_Delete(client_call(caller, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(callee, "onCallEnd"));
	client_close(caller);
	client_close(callee);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	for (size_t i = 0; i < G_N_ELEMENTS(conf_mistakes); i++) {
		g_autofree char *name = g_strconcat("/blame/", conf_mistakes[i].name, NULL);
		g_test_add_data_func(name, &conf_mistakes[i], test_conf);
	}
	g_test_add_func("/blame/good-conf", test_good_conf);
	g_test_add_func("/blame/secret-readable-by-others", test_secret_readable_by_others);
	g_test_add_func("/blame/wrong-token", test_wrong_token);
	g_test_add_func("/blame/no-hub", test_no_hub);
	g_test_add_func("/blame/no-camera", test_no_camera);
	int r = g_test_run();
	place_close(place);
	return r;
}
