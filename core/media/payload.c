#include "core/media/payload.h"

const struct payload_format *payload_format_of(enum video_codec codec)
{
	switch (codec) {
	case VIDEO_H264:
		return &payload_h264;
	case VIDEO_VP8:
		return &payload_vp8;
	case VIDEO_NONE:
		break;
	}
	return NULL;
}
