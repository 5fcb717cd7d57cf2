/* pictures: the views' pictures on their way from callboxd to the pages that watch. While a page watches a view
 * there is one feed of it, whatever the number of pages: callboxd gives a socket on which JPEG pictures come, one a
 * packet (watchView).
 *
 *   callbox-video ─► feed ─► the newest shot, counted ─► each watching page that can take one now
 *
 * A page that is slow skips pictures and delays nobody. Owner: the libwebsockets loop, one thread. */
#ifndef CALLBOX_PANEL_PICTURES_H
#define CALLBOX_PANEL_PICTURES_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "core/panel/panel_conf.h"

enum view { VIEW_LOCAL, VIEW_REMOTE, VIEWS };
extern const char *const view_names[];

/* A message for pages, ready to be written: one byte says which view (0 local, 1 remote), then the JPEG; without a JPEG:
 * there is no picture now. Counted. */
struct shot {
	int count;
	size_t length;
	unsigned char bytes[]; /* LWS_PRE, then the message */
};

struct shot *shot_hold(struct shot *shot);
void shot_release(struct shot *shot); /* NULL is fine */

struct pictures;

/* came: a feed has a new shot. context and conf live as long. */
struct pictures *pictures_create(struct lws_context *context, struct lws_vhost *vhost, const struct panel_conf *conf,
				 void (*came)(void *data, enum view view, struct shot *shot), void *data);
/* Nothing is asked for any more: before the context is destroyed. Both: NULL is fine. */
void pictures_stop(struct pictures *pictures);
void pictures_destroy(struct pictures *pictures);

/* One page more, or one fewer, watches. */
void pictures_watch(struct pictures *pictures, enum view view, bool on);
/* What a page that begins to watch sees first; NULL: nothing yet. Borrowed. */
struct shot *pictures_newest(const struct pictures *pictures, enum view view);

/* libwebsockets' callback of protocol PICTURES_PROTOCOL. */
#define PICTURES_PROTOCOL "pictures"
int pictures_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);

#endif
