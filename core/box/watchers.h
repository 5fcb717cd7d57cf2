/* watchers: who sees a view's pictures from outside: callbox-panel. Each has one end of a socket, on which callbox-video
 * puts JPEG pictures, one a packet; the other end is kept here and handed to each session's callbox-video, so that a
 * watcher need not know when calls begin and end. A packet of one byte says that there is no picture now.
 * Owner: struct box, main loop. */
#ifndef CALLBOX_BOX_WATCHERS_H
#define CALLBOX_BOX_WATCHERS_H

#include "core/box/box.h"

#define WATCHERS_MAX 8

struct session;

/* which: local or remote. Until the other end, *ret_fd, is closed. 0 or -errno; -EBUSY above WATCHERS_MAX. */
int watchers_add(struct box *box, const char *which, int width, int height, int fps, int *ret_fd);
/* This session's callbox-video has begun. */
void watchers_session(struct box *box, struct session *session);
/* The pictures have ended. */
void watchers_blank(struct box *box);
void watchers_close(struct box *box);

#endif
