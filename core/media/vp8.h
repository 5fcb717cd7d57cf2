/* vp8: the VP8 RTP payload, RFC 7741. Out: a descriptor with a 15-bit picture ID before each piece, the partition index
 * kept at 0. In: any descriptor. Pure. */
#ifndef CALLBOX_MEDIA_VP8_H
#define CALLBOX_MEDIA_VP8_H

#include "core/media/payload.h"

struct vp8_descriptor {
	bool start; /* of a partition */
	int partition;
	int picture; /* ID, -1: not said */
	size_t bytes; /* of the descriptor */
};

/* -EBADMSG: cut short, or nothing behind it. */
int vp8_descriptor_read(const uint8_t *payload, size_t bytes, struct vp8_descriptor *ret_descriptor);

#endif
