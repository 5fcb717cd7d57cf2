/* callbox-panel: serves the touch panel's page and bridges each page's WebSocket to the control socket. One thread,
 * libwebsockets' own loop. It holds one TCP port and nothing else of the box. */
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/base/landlock.h"
#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/base/sandbox.h"
#include "core/panel/link.h"
#include "core/panel/rules.h"

#define PROTOCOL "callbox-panel"
#define PING_S 30
#define SILENT_S 75

static struct panel panel;
static bool stop;

static const char *header(struct lws *wsi, enum lws_token_indexes token, char *text, int bytes)
{
	return lws_hdr_copy(wsi, text, bytes, token) > 0 ? text : NULL;
}

/* 0: this page may connect. */
static int admit(struct lws *wsi)
{
	char origin[256], host[256];
	const char *from = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin));
	if (!rules_origin(from, header(wsi, WSI_TOKEN_HOST, host, sizeof(host)), panel.conf.host,
			  panel.conf.origins)) {
		g_autofree char *shown = g_strescape(from ? from : "", NULL);
		log_warning("peer: a page of \"%s\" was refused: origins in panel.conf", shown);
		return -1;
	}
	if (panel.links->len >= (unsigned int)panel.conf.clients) {
		log_warning("more than %d pages: one was turned away", panel.conf.clients);
		return -1;
	}
	return 0;
}

static int on_web(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct link **slot = user;
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return admit(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		*slot = link_open(&panel, wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return link_receive(*slot, in, length);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return link_write(*slot);
	case LWS_CALLBACK_CLOSED:
		if (*slot)
			link_web_closed(*slot);
		*slot = NULL;
		return 0;
	default:
		return 0;
	}
}

/* opaque user data: the link; none: not yet, or no longer */
static int on_box(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct link *link = lws_get_opaque_user_data(wsi);
	(void)user;
	(void)in;
	(void)length;
	if (!link)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		return link_box_readable(link);
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		return link_box_writable(link);
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		lws_set_opaque_user_data(wsi, NULL);
		link_box_closed(link);
		return 0;
	default:
		return 0;
	}
}

static int on_signal(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	(void)wsi;
	(void)user;
	(void)in;
	(void)length;
	if (reason == LWS_CALLBACK_RAW_RX_FILE) {
		stop = true;
		lws_cancel_service(panel.context);
	}
	return 0;
}

static const struct lws_protocols protocols[] = {
	{ "http", lws_callback_http_dummy, 0, 0, 0, NULL, 0 },
	{ PROTOCOL, on_web, sizeof(struct link *), 4096, 0, NULL, 0 },
	{ "box", on_box, 0, 0, 0, NULL, 0 },
	{ PICTURES_PROTOCOL, pictures_callback, 0, 0, 0, NULL, 0 },
	{ "signal", on_signal, 0, 0, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

static int signals_open(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	lws_sock_file_fd_type descriptor = { .filefd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
	if (descriptor.filefd < 0 ||
	    !lws_adopt_descriptor_vhost(panel.vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "signal", NULL))
		return -ENOMEM;
	return 0;
}

static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void on_picture(void *data, enum view view, struct shot *shot)
{
	(void)data;
	for (unsigned int i = 0; i < panel.links->len; i++)
		link_picture(panel.links->pdata[i], view, shot);
}

static int web_open(const char *www)
{
	static const struct lws_protocol_vhost_options types = { NULL, NULL, ".js", "text/javascript" };
	static struct lws_http_mount mount = {
		.mountpoint = "/", .mountpoint_len = 1, .def = "index.html", .origin_protocol = LWSMPRO_FILE,
		.cache_revalidate = 1, .extra_mimetypes = &types,
	};
	static const lws_retry_bo_t keepalive = { .secs_since_valid_ping = PING_S,
						  .secs_since_valid_hangup = SILENT_S };
	struct lws_context_creation_info info = {
		.port = panel.conf.port, .iface = panel.conf.host, .protocols = protocols, .mounts = &mount,
		.gid = -1, .uid = -1, .alpn = "http/1.1", .timeout_secs = 20,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 * !strchr(panel.conf.host, ':') |
			   LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT * !!panel.conf.certificate,
		.ssl_cert_filepath = panel.conf.certificate, .ssl_private_key_filepath = panel.conf.private_key,
		.retry_and_idle_policy = &keepalive,
	};
	mount.origin = www;
	panel.context = lws_create_context(&info);
	panel.vhost = panel.context ? lws_get_vhost_by_name(panel.context, "default") : NULL;
	if (panel.vhost && lws_get_vhost_listen_port(panel.vhost) > 0)
		return 0;
	log_error("conf: listen: cannot listen on %s%s", panel.conf.listen,
		  panel.conf.certificate ? " with that certificate" : "");
	return -EADDRNOTAVAIL;
}

/* Conf, token, certificate and key have been read, the port listens: what is left are the pages, and the control socket,
 * which is no file to Landlock. */
static void lock(const char *www)
{
	const struct landlock_place places[] = { { www, false }, { NULL, false } };
	int r = landlock_enter(places);
	if (r < 0)
		log_warning("kernel: no Landlock: %s", g_strerror(-r));
	r = sandbox_enter(SANDBOX_PANEL);
	if (r < 0)
		log_warning("kernel: no system call filter: %s", g_strerror(-r));
}

static int serve(void)
{
	g_autofree char *www = path_join(PATH_DATA, "www");
	panel.links = g_ptr_array_new();
	raise_limit();
	int r = web_open(www);
	if (r == 0)
		r = signals_open();
	if (r == 0)
		panel.pictures = pictures_create(panel.context, panel.vhost, &panel.conf, on_picture, NULL);
	if (r == 0)
		lock(www);
	if (r == 0)
		log_info("listening on %s://%s:%d", panel.conf.certificate ? "https" : "http", panel.conf.host,
			 lws_get_vhost_listen_port(panel.vhost));
	while (r == 0 && !stop && lws_service(panel.context, 0) >= 0)
		;
	pictures_stop(panel.pictures);
	if (panel.context)
		lws_context_destroy(panel.context);
	pictures_destroy(panel.pictures);
	g_ptr_array_unref(panel.links);
	return r < 0 ? 1 : 0;
}

static int usage(FILE *out)
{
	fputs("usage: callbox-panel [-nv] [-f FILE]   serve the touch panel; -n checks the conf file, -nv prints it\n"
	      "       callbox-panel --man             what the manual says of the conf file\n", out);
	return out == stderr ? 64 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { "man", no_argument, NULL, 'm' },
						 { NULL, 0, NULL, 0 } };
	g_autofree char *file = path_join(PATH_CONF, "panel.conf");
	bool check = false, verbose = false;
	log_init("callbox-panel", LOG_LEVEL_INFO);
	lws_set_log_level(LLL_ERR, NULL);
	for (int c; (c = getopt_long(argc, argv, "f:nvh", options, NULL)) != -1;)
		switch (c) {
		case 'f': g_free(file); file = g_strdup(optarg); break;
		case 'n': check = true; break;
		case 'v': verbose = true; break;
		case 'm': settings_print_man(panel_conf_table, stdout); return 0;
		case 'h': return usage(stdout);
		default: return usage(stderr);
		}
	if (optind != argc)
		return usage(stderr);
	char *error = NULL;
	if (panel_conf_load(file, &panel.conf, &error) < 0) {
		fprintf(stderr, "callbox-panel: %s\n", error);
		g_free(error);
		return 1;
	}
	if (check && verbose)
		settings_print(panel_conf_table, &panel.conf, true, stdout);
	signal(SIGPIPE, SIG_IGN);
	int r = check ? 0 : serve();
	panel_conf_clear(&panel.conf);
	return r;
}
