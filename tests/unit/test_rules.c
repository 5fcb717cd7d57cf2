/* The panel's door: which pages may come, which verbs are passed on, which conf files are refused and how. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "core/panel/panel_conf.h"
#include "core/panel/rules.h"

static void test_origin(void)
{
	static const struct { const char *origin, *host, *own, *allowed; bool good; } rows[] = {
		{ "http://127.0.0.1:7880", "127.0.0.1:7880", "127.0.0.1", NULL, true },
		{ "http://localhost:7880", "localhost:7880", "127.0.0.1", NULL, true },
		{ "http://[::1]:7880", "[::1]:7880", "::1", NULL, true },
		{ NULL, "127.0.0.1:7880", "127.0.0.1", NULL, true },
		{ "http://127.0.0.1:9999", "127.0.0.1:7880", "127.0.0.1", NULL, false },
		{ "https://evil.example", "127.0.0.1:7880", "127.0.0.1", NULL, false },
		{ "null", "127.0.0.1:7880", "127.0.0.1", NULL, false },
		/* a foreign name made to mean this machine */
		{ "http://evil.example:7880", "evil.example:7880", "127.0.0.1", NULL, false },
		{ NULL, "evil.example:7880", "127.0.0.1", NULL, false },
		{ "http://127.0.0.1.evil.example:7880", "127.0.0.1:7880", "127.0.0.1", NULL, false },
		{ NULL, NULL, "127.0.0.1", NULL, false },
		{ "https://room.example:7880", "room.example:7880", "192.0.2.1", NULL, true },
		{ "https://evil.example", "room.example:7880", "192.0.2.1", NULL, false },
		{ "https://in.example", "room.example:7880", "192.0.2.1", "https://a.example https://in.example", true },
		{ "https://in.example.org", "room.example:7880", "192.0.2.1", "https://in.example", false },
		{ "https://in.example", "127.0.0.1:7880", "127.0.0.1", "https://in.example", true },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rules_origin(rows[i].origin, rows[i].host, rows[i].own, rows[i].allowed) != rows[i].good)
			g_error("origin %s to %s: not %s", rows[i].origin, rows[i].host,
				rows[i].good ? "let in" : "refused");
}

static void test_methods(void)
{
	static const char *const never[] = { "snapshot", "setupLocalView", "setupRemoteView", "setTokenService",
					     "x", "" };
	static const struct { const char *id; bool good; } devices[] = {
		{ "v4l2:/dev/video0", true }, { "alsa:default", true }, { "file:/etc/passwd", false }, { "", false },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
		g_assert_nonnull(rules_refuse(never[i], NULL, ~0u));
	g_assert_null(rules_refuse("call", NULL, 0));
	g_assert_nonnull(rules_refuse("setDnd", NULL, 0));
	g_assert_null(rules_refuse("setDnd", NULL, rules_group("dnd")));
	g_assert_nonnull(rules_refuse("login", NULL, rules_group("dnd") | rules_group("devices")));
	for (size_t i = 0; i < G_N_ELEMENTS(devices); i++) {
		cJSON *params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "id", devices[i].id);
		g_assert_true(!rules_refuse("switchDevice", params, rules_group("devices")) == devices[i].good);
		cJSON_Delete(params);
	}
}

/* Whatever is wrong is named by file, and by line and key where one line is to blame. */
static void test_conf(void)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "listen = 127.0.0.1:7880\nlissen = 1\n", "panel.conf:2: lissen: unknown key" },
		{ "clients = many\n", "panel.conf:1: clients: \"many\"" },
		{ "\nlanguage = fr\n", "panel.conf:2: language: \"fr\" is none of" },
		{ "listen = 7880\n", "panel.conf: listen: \"7880\" is not ADDRESS:PORT" },
		{ "listen = 192.0.2.1:7880\n", "certificate and private_key are needed" },
		{ "listen = 0.0.0.0:1\ncertificate = c\nprivate_key = k\n", "token_file is needed" },
		{ "certificate = c\n", "certificate: goes only together with private_key" },
		{ "token_file = token\n", "holds fewer than 16" },
		{ "token_file = open\n", "chmod 600" },
		{ "token_file = none\n", "none: No such file" },
		{ "settings = dnd everything\n", "settings: \"everything\" is none of dnd" },
	};
	g_autofree char *dir = g_dir_make_tmp("callbox-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "panel.conf", NULL);
	g_autofree char *token = g_build_filename(dir, "token", NULL), *open = g_build_filename(dir, "open", NULL);
	g_file_set_contents_full(token, "short\n", -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
	g_file_set_contents_full(open, "0123456789abcdef0123\n", -1, G_FILE_SET_CONTENTS_NONE, 0644, NULL);
	struct panel_conf conf;
	char *error = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_file_set_contents(file, bad[i].text, -1, NULL);
		g_assert_cmpint(panel_conf_load(file, &conf, &error), <, 0);
		if (!strstr(error, bad[i].says) || !g_str_has_prefix(error, file))
			g_error("\"%s\" gives \"%s\", which does not say \"%s\"", bad[i].text, error, bad[i].says);
		g_clear_pointer(&error, g_free);
	}
	chmod(open, 0600);
	static const char good[] = "listen = [::]:0\ncertificate = c\nprivate_key = k\ntoken_file = open\n"
				   "settings = -\n";
	g_file_set_contents(file, good, -1, NULL);
	g_assert_cmpint(panel_conf_load(file, &conf, &error), ==, 0);
	g_assert_cmpstr(conf.host, ==, "::");
	g_assert_cmpstr(conf.token, ==, "0123456789abcdef0123");
	g_assert_cmpuint(conf.groups, ==, 0);
	panel_conf_clear(&conf);
	g_unlink(file);
	g_assert_cmpint(panel_conf_load(file, &conf, &error), ==, 0); /* no file: the defaults */
	g_assert_cmpstr(conf.host, ==, "127.0.0.1");
	panel_conf_clear(&conf);
	g_unlink(token);
	g_unlink(open);
	g_rmdir(dir);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rules/origin", test_origin);
	g_test_add_func("/rules/methods", test_methods);
	g_test_add_func("/rules/conf", test_conf);
	return g_test_run();
}
