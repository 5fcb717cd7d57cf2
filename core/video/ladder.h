/* ladder: encoding that goes on when hardware does not: the encoders of the box in order of preference, down to
 * software, which always works. Whoever encodes, each change begins with an IDR.
 * Owner: the capture thread, which makes every call. */
#ifndef CALLBOX_VIDEO_LADDER_H
#define CALLBOX_VIDEO_LADDER_H

#include "core/devices/encoder.h"

struct ladder;

/* encoder: "auto", or "NAME" or "NAME:ADDRESS" of one driver, which is then the first step. */
struct ladder *ladder_new(const char *encoder);
void ladder_free(struct ladder *ladder);

/* wish.width, height: of the stream from this frame on. 0: *ret_encoded, whose bytes live until the next call.
 * -EAGAIN: this picture is lost, the next may do; -EBADMSG: the frame is damaged. */
int ladder_encode(struct ladder *ladder, const struct encoder_wish *wish, struct frame *frame, bool idr,
		  struct encoded *ret_encoded);
/* Who encodes now; "" before the first frame. */
const char *ladder_describe(const struct ladder *ladder);

#endif
