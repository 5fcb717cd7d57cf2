/* camera_h264: access units of a camera's own encoder (Annex B): which are key frames, and that each of those carries
 * its parameter sets (RFC 6184 section 8.2.2 asks for them in band), which some cameras send only once.
 * Owner: the capture thread. */
#ifndef CALLBOX_GLUE_CAMERA_H264_H
#define CALLBOX_GLUE_CAMERA_H264_H

#include "core/devices/frame.h"

#define CAMERA_H264_SETS_MAX 1024

struct camera_h264 {
	uint8_t sets[CAMERA_H264_SETS_MAX]; /* the last SPS and PPS, with start codes */
	size_t bytes;
};

/* Takes the frame, a FRAME_H264, and gives one with keyframe set, and with sets before it if it lacks them. -EBADMSG:
 * it holds no access unit; -ENOMEM. */
int camera_h264_unit(struct camera_h264 *h264, struct frame *frame, struct frame **ret_frame);

#endif
