/* decoding: decoding that goes on when hardware does not; the receiving half of what ladder.h is for encoding.
 *
 * Hardware sees whole units only, from an IDR on: h264_watch_unit() holds back what lacks a slice or a reference,
 * and no decoder sees a stream beyond its limits. When hardware fails at an IDR, software decodes that same unit;
 * elsewhere the peer is asked for one. A unit of another codec than the last begins a stream. Owner: the render thread,
 * which makes every call. */
#ifndef CALLBOX_VIDEO_DECODING_H
#define CALLBOX_VIDEO_DECODING_H

#include "core/devices/encoder.h"
#include "core/video/hardware.h"

struct decoding;

struct decoding_stats {
	unsigned int failures, switches; /* as in ladder.h */
	unsigned int refused;		 /* units beyond the limits */
};

struct decoding *decoding_new(const struct hardware_rules *rules);
void decoding_free(struct decoding *decoding);
/* Pictures are going to come: hardware is looked for now. */
void decoding_expect(struct decoding *decoding);
/* One access unit. 0: *ret_frame counts once for the caller; -EAGAIN: nothing to show; -EBADMSG: ask for an IDR. */
int decoding_decode(struct decoding *decoding, enum video_codec codec, const uint8_t *bytes, size_t size,
		    bool keyframe, struct frame **ret_frame);
/* Hardware stands ready and waits for an IDR to take over: after each unit, ask the peer for one. */
bool decoding_wants_idr(const struct decoding *decoding);
const char *decoding_describe(const struct decoding *decoding); /* "" before the first unit */
void decoding_stats(const struct decoding *decoding, struct decoding_stats *ret_stats);

#endif
