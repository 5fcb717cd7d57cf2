/* vp8_frame: looks into a VP8 frame without decoding it: the tag and the key frame's header, RFC 6386 section 9.1.
 * Pure; every byte is foreign. */
#ifndef CALLBOX_DEVICES_VP8_FRAME_H
#define CALLBOX_DEVICES_VP8_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vp8_frame {
	bool keyframe, shown;
	size_t first_partition; /* bytes, behind the header */
	int width, height;	/* of a key frame, 0..16383; else 0 */
};

/* 0, or -EBADMSG: no header, a key frame without start code, or less than the first partition. */
int vp8_frame_read(const uint8_t *bytes, size_t size, struct vp8_frame *ret_frame);

#endif
