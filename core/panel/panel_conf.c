#include "core/panel/panel_conf.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/paths.h"
#include "core/panel/rules.h"

#define TOKEN_BYTES_MIN 16

const char *const panel_language_names[] = { "auto", "en", "zh", NULL };

#define AT(member) offsetof(struct panel_conf, member)

const struct setting panel_conf_table[] = {
	{ "listen", SETTING_STRING, AT(listen), "127.0.0.1:7880", 0, 0, NULL,
	  "Address and port of the page; port 0 takes a free one and logs it. On any other address than a loopback one "
	  "certificate, private_key and token_file are needed." },
	{ "control_socket", SETTING_PATH, AT(control_socket), NULL, 0, 0, NULL,
	  "Where callboxd listens. Default: control.sock in the run folder." },
	{ "certificate", SETTING_PATH, AT(certificate), NULL, 0, 0, NULL,
	  "PEM file; with it the panel speaks https and wss." },
	{ "private_key", SETTING_PATH, AT(private_key), NULL, 0, 0, NULL, "PEM file of the certificate's key." },
	{ "token_file", SETTING_PATH, AT(token_file), NULL, 0, 0, NULL,
	  "File that holds the token which a page must give, at least 16 characters; readable by nobody else." },
	{ "origins", SETTING_LIST, AT(origins), NULL, 0, 0, NULL,
	  "Pages of other servers that may use the panel, for example https://intranet.example. The panel's own page "
	  "always may." },
	{ "settings", SETTING_STRING, AT(settings), "dnd timeout profile devices volume", 0, 0, NULL,
	  "What a page may change: words of dnd, timeout, profile, devices, volume and account (login and logout); - for "
	  "nothing." },
	{ "language", SETTING_ENUM, AT(language), "auto", 0, 0, panel_language_names,
	  "Of the page; auto: the browser's." },
	{ "clients", SETTING_INT, AT(clients), "800", 1, 1000, NULL, "Most pages that are open at once." },
	{ "pictures_a_second", SETTING_INT, AT(pictures_a_second), "20", 0, 30, NULL,
	  "How many pictures of each view a page gets at most; one that is slow gets fewer; 0: none." },
	{ "picture_width", SETTING_INT, AT(picture_width), "640", 160, 1280, NULL, "Pixels of their width at most." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

bool panel_host_is_loopback(const char *host)
{
	return g_str_has_prefix(host, "127.") || g_str_equal(host, "::1") || g_str_equal(host, "localhost");
}

/* "HOST:PORT" or "[V6]:PORT". */
static int listen_parse(struct panel_conf *conf, char **ret_why)
{
	const char *text = conf->listen ? conf->listen : "", *colon = strrchr(text, ':');
	char *end = NULL;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;
	if (!colon || colon == text || end == colon + 1 || *end || port < 0 || port > 65535) {
		*ret_why = g_strdup_printf("listen: \"%s\" is not ADDRESS:PORT", text);
		return -EINVAL;
	}
	conf->port = (int)port;
	conf->host = text[0] == '[' ? g_strndup(text + 1, (gsize)(colon - text - 2))
				    : g_strndup(text, (gsize)(colon - text));
	return 0;
}

static int token_load(struct panel_conf *conf, char **ret_why)
{
	struct stat st;
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	if (!conf->token_file)
		return 0;
	if (stat(conf->token_file, &st) < 0 || !g_file_get_contents(conf->token_file, &text, NULL, &error)) {
		*ret_why = g_strdup_printf("token_file: %s: %s", conf->token_file, g_strerror(errno));
		return -EINVAL;
	}
	g_strstrip(text);
	const char *fault = st.st_mode & 077 ? "others can read it: chmod 600 it"
			    : strlen(text) < TOKEN_BYTES_MIN ? "holds fewer than 16 characters" : NULL;
	if (fault)
		*ret_why = g_strdup_printf("token_file: %s: %s", conf->token_file, fault);
	else
		conf->token = g_strdup(text);
	explicit_bzero(text, strlen(text));
	return fault ? -EINVAL : 0;
}

static int settings_read(struct panel_conf *conf, char **ret_why)
{
	g_auto(GStrv) words = g_strsplit_set(conf->settings ? conf->settings : "-", " \t", -1);
	for (unsigned int i = 0; words[i]; i++) {
		unsigned int group = rules_group(words[i]);
		if (!group && words[i][0] && !g_str_equal(words[i], "-")) {
			*ret_why = g_strdup_printf("settings: \"%s\" is none of %s", words[i], rules_group_names());
			return -EINVAL;
		}
		conf->groups |= group;
	}
	return 0;
}

/* What only several keys together say. */
static int check(struct panel_conf *conf, char **ret_why)
{
	if (!conf->certificate != !conf->private_key)
		*ret_why = g_strdup_printf("%s: goes only together with %s",
					   conf->certificate ? "certificate" : "private_key",
					   conf->certificate ? "private_key" : "certificate");
	else if (!panel_host_is_loopback(conf->host) && !conf->certificate)
		*ret_why = g_strdup_printf("listen: %s is no loopback address: certificate and private_key are needed",
					   conf->host);
	else if (!panel_host_is_loopback(conf->host) && !conf->token)
		*ret_why = g_strdup_printf("listen: %s is no loopback address: token_file is needed", conf->host);
	return *ret_why ? -EINVAL : 0;
}

int panel_conf_load(const char *file, struct panel_conf *conf, char **ret_error)
{
	g_autofree char *why = NULL;
	memset(conf, 0, sizeof(*conf));
	settings_defaults(panel_conf_table, conf);
	int r = g_file_test(file, G_FILE_TEST_EXISTS) ? settings_load(panel_conf_table, file, conf, ret_error) : 0;
	if (r == 0 && ((r = listen_parse(conf, &why)) < 0 || (r = token_load(conf, &why)) < 0 ||
		       (r = settings_read(conf, &why)) < 0 || (r = check(conf, &why)) < 0))
		*ret_error = g_strdup_printf("%s: %s", file, why);
	if (r < 0) {
		panel_conf_clear(conf);
		return r;
	}
	if (!conf->control_socket)
		conf->control_socket = path_join(PATH_RUN, "control.sock");
	return 0;
}

void panel_conf_clear(struct panel_conf *conf)
{
	settings_clear(panel_conf_table, conf);
	if (conf->token)
		explicit_bzero(conf->token, strlen(conf->token));
	g_clear_pointer(&conf->token, g_free);
	g_clear_pointer(&conf->host, g_free);
}
