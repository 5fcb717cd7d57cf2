/* passthrough: the access units of a camera that encodes by itself, kept since its last key frame, so that a picture
 * can be had of them when somebody wants to see one; and whether they may be sent as they are.
 * passthrough_picture(): any thread; else the capture thread. */
#ifndef CALLBOX_VIDEO_PASSTHROUGH_H
#define CALLBOX_VIDEO_PASSTHROUGH_H

#include "core/devices/frame.h"

struct passthrough;

struct passthrough *passthrough_new(void);
void passthrough_free(struct passthrough *passthrough);
void passthrough_put(struct passthrough *passthrough, const struct frame *unit); /* copies it */
/* The newest unit's picture, counted for the caller. -EAGAIN: there is none yet; -EBADMSG: a unit before it is
 * damaged. */
int passthrough_picture(struct passthrough *passthrough, struct frame **ret_frame);
/* A peer decodes it that decodes this level (times ten; 0: not known): baseline, as our offer says (RFC 6184 section
 * 8.1). */
bool passthrough_is_for(const struct passthrough *passthrough, int level);
int passthrough_bps(const struct passthrough *passthrough); /* over the last second or so */

#endif
