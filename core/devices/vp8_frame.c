#include "core/devices/vp8_frame.h"

#include <errno.h>

#define TAG_BYTES 3
#define KEYFRAME_BYTES 10
#define VERSION_MAX 3

int vp8_frame_read(const uint8_t *bytes, size_t size, struct vp8_frame *ret_frame)
{
	if (size < TAG_BYTES)
		return -EBADMSG;
	uint32_t tag = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
	struct vp8_frame frame = { .keyframe = !(tag & 1), .shown = tag >> 4 & 1, .first_partition = tag >> 5 };
	size_t header = frame.keyframe ? KEYFRAME_BYTES : TAG_BYTES;
	if ((tag >> 1 & 7) > VERSION_MAX || size < header || frame.first_partition > size - header)
		return -EBADMSG;
	if (frame.keyframe) {
		if (bytes[3] != 0x9d || bytes[4] != 0x01 || bytes[5] != 0x2a)
			return -EBADMSG;
		/* The two highest bits scale the picture up for display, which nobody here does. */
		frame.width = (bytes[6] | bytes[7] << 8) & 0x3fff;
		frame.height = (bytes[8] | bytes[9] << 8) & 0x3fff;
	}
	*ret_frame = frame;
	return 0;
}
