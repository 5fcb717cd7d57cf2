/* link: one page and its own connection to callboxd: JSON-RPC in WebSocket text messages there, lines here, so that
 * subscriptions are the page's own and end with it. The panel itself answers three methods:
 *
 *   authenticate {token}   first of all, when a token is configured
 *   panelInfo {}           {settings: what the page may change, language}
 *   watch {which, on}      the view's pictures come as binary messages (pictures.h), until on: false
 *
 * Owner: the libwebsockets loop, one thread; ends when both connections have ended. What is queued is bounded: a page
 * that does not read is disconnected, and callboxd notices nothing of it. */
#ifndef CALLBOX_PANEL_LINK_H
#define CALLBOX_PANEL_LINK_H

#include <glib.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/panel/panel_conf.h"
#include "core/panel/pictures.h"

#define LINK_MESSAGE_BYTES 65536	 /* from the page */
#define LINK_UNSENT_BYTES (256 * 1024)	 /* to the page, above which nothing more is queued */
#define LINK_LINE_BYTES (4 * 1024 * 1024) /* from callboxd */

struct panel {
	struct panel_conf conf;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct pictures *pictures;
	GPtrArray *links; /* open ones */
};

struct link;

struct link *link_open(struct panel *panel, struct lws *web);
/* Bytes of a message from the page. -1: the connection is to be closed. */
int link_receive(struct link *link, const char *bytes, size_t length);
/* The page can take more. -1: the connection is to be closed. */
int link_write(struct link *link);
/* A new picture of a view. A page that has not taken the last one gets this one instead. */
void link_picture(struct link *link, enum view view, struct shot *shot);
void link_web_closed(struct link *link);

/* The same of the connection to callboxd. */
int link_box_readable(struct link *link);
int link_box_writable(struct link *link);
void link_box_closed(struct link *link);

#endif
