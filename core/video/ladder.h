/* ladder: encoding that goes on when hardware does not.
 *
 *   hardware ──fails, hangs──► software, with the same picture, as an IDR
 *      ▲                          │
 *      └──── a scout opens it ◄───┘ as hardware.h allows
 *
 * Hardware is opened by a scout, so that no picture waits for it; only the first of a stream does, for a little
 * while. For another size a scout opens another context, and the old one goes on with the old size until then.
 * Whoever encodes, each change begins with an IDR. Owner: the capture thread, which makes every call. */
#ifndef CALLBOX_VIDEO_LADDER_H
#define CALLBOX_VIDEO_LADDER_H

#include "core/devices/encoder.h"
#include "core/video/hardware.h"

struct ladder;

struct ladder_stats {
	unsigned int failures; /* of hardware: errors and hangs */
	unsigned int switches; /* from one encoder to another */
};

struct ladder *ladder_new(const struct hardware_rules *rules);
void ladder_free(struct ladder *ladder);

/* wish.width, height: of the stream from now on; from hardware a few pictures more may have the old size. Another
 * codec or slice_bytes: with this picture; where no hardware makes that, software does at once.
 * 0: *ret_encoded, whose bytes live until the next call.
 * -EAGAIN: this picture is lost, the next may do; -EBADMSG: the frame is damaged. */
int ladder_encode(struct ladder *ladder, const struct encoder_wish *wish, struct frame *frame, bool idr,
		  struct encoded *ret_encoded);
/* Who encodes now; "" before the first frame. */
const char *ladder_describe(const struct ladder *ladder);
void ladder_stats(const struct ladder *ladder, struct ladder_stats *ret_stats);

#endif
