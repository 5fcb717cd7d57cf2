/* placeholder: the picture in a camera's place: the sign of a camera, struck through, on grey.
 * Owner: the capture thread. */
#ifndef CALLBOX_VIDEO_PLACEHOLDER_H
#define CALLBOX_VIDEO_PLACEHOLDER_H

#include "core/devices/frame.h"

/* width, height: even. 0 or -errno; the frame is counted for the caller and captured now. */
int placeholder_draw(int width, int height, struct frame **ret_frame);

#endif
