/* camera_format: which of its formats, sizes and rates a camera is asked for. Owner: the capture thread. */
#ifndef CALLBOX_GLUE_CAMERA_FORMAT_H
#define CALLBOX_GLUE_CAMERA_FORMAT_H

#include "core/devices/camera.h"
#include "drivers-glue/camera_device.h"

struct camera_format {
	uint32_t fourcc;
	enum frame_format format;
	bool swapped;	 /* V lies before U */
	bool full_range;
	int width, height, fps;
	int memories; /* of one buffer: 1, or one a plane */
	int strides[FRAME_PLANES];
	size_t least[FRAME_PLANES]; /* bytes of a whole picture in each memory; 0: compressed */
};

/* The device's best match to the wish, set on the device: what is told back is what the device does.
 * -EPROTONOSUPPORT: none of its formats is known. */
int camera_format_set(const struct camera_device *device, const struct camera_wish *wish,
		      struct camera_format *ret_format);
/* Whether the camera's encoder can be asked for a key frame. */
bool camera_format_idr(const struct camera_device *device);

#endif
