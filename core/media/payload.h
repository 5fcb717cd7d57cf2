/* payload: how a codec's units travel in RTP payloads. One const struct a codec: h264.c, vp8.c. Pure; every payload is
 * foreign and nothing beyond it is read. */
#ifndef CALLBOX_MEDIA_PAYLOAD_H
#define CALLBOX_MEDIA_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/video_codec.h"

#define PAYLOAD_MAX 1150 /* fits 1200 bytes of path with RTP, RTX and SRTP around it */

/* last: the marker belongs there. */
typedef void (*payload_put)(const uint8_t *payload, size_t bytes, bool last, void *data);

/* Of one outgoing stream. */
struct payload_sender {
	bool single_nal;  /* H.264: packetization-mode 0 */
	uint16_t picture; /* VP8: the next picture ID, 15 bits, begins anywhere */
};

/* A unit that is being joined. At its begin: bytes and capacity set, the rest zero. */
struct payload_unit {
	uint8_t *bytes;
	size_t size, capacity;
	bool open;   /* H.264: the last fragment of a NAL unit is still to come */
	int picture; /* VP8: its picture ID + 1, 0: it has none */
};

struct payload_format {
	/* Gives payloads of at most PAYLOAD_MAX to put, in order. -EBADMSG: no unit; -EMSGSIZE: it does not fit into
	 * the packets that were agreed on; then put was not called. */
	int (*cut)(struct payload_sender *sender, const uint8_t *unit, size_t size, payload_put put, void *data);
	/* Appends one payload, the next in order. -EBADMSG: malformed, or not the unit's; -EMSGSIZE: beyond capacity. */
	int (*join)(struct payload_unit *unit, const uint8_t *payload, size_t bytes);
	/* After the last: 0, or -EBADMSG: it cannot be whole. */
	int (*finish)(const struct payload_unit *unit, bool *ret_keyframe);
};

extern const struct payload_format payload_h264, payload_vp8;

/* NULL: VIDEO_NONE. */
const struct payload_format *payload_format_of(enum video_codec codec);

#endif
