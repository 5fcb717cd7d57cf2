/* watch: the pictures of a view for somebody outside, as JPEG, one file a packet of a SOCK_SEQPACKET socket: as many a
 * second as asked for and no more than there are; the newest, when the reader is slow. A picture that does not change is
 * sent again each second, so that the reader knows that it still stands. Owner: main thread, default main context. */
#ifndef CALLBOX_VIDEO_WATCH_H
#define CALLBOX_VIDEO_WATCH_H

#include "core/devices/frame.h"

struct watch;

/* The newest frame, counted for the caller; NULL: there is none. */
typedef struct frame *(*watch_newest_fn)(void *data);

/* Takes fd. width, height: at most; fps: 1..60. When the reader is gone the watch stops by itself. */
struct watch *watch_open(int fd, int width, int height, int fps, watch_newest_fn newest, void *data);
bool watch_is_over(const struct watch *watch);
void watch_close(struct watch *watch); /* NULL is fine */

#endif
