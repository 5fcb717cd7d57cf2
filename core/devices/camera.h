/* camera: what the program needs of a camera. One const struct a driver, listed in drivers-glue/drivers.c.
 * Owner: the capture thread, which makes every call. Frames may outlive the camera and come home from any
 * thread. */
#ifndef CALLBOX_DEVICES_CAMERA_H
#define CALLBOX_DEVICES_CAMERA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/devices/frame.h"

struct camera;

struct camera_wish {
	int width, height; /* pixels; the driver takes the best match that the device offers */
	int fps;
	bool h264;	 /* access units of the camera's own encoder are welcome */
	int bitrate_bps; /* of those */
};

struct camera_driver {
	const char *name;
	bool may_rest; /* gives no pictures by design: that is no stall */
	/* 0 or -errno with words for people in why. */
	int (*open)(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
		    char *why, size_t why_bytes);
	/* The newest frame, counted for the caller, waiting for one at most timeout_ms. 0, -ETIMEDOUT,
	 * -EAGAIN (a damaged picture was skipped), or another error: the camera is lost. */
	int (*next)(struct camera *camera, int timeout_ms, struct frame **ret_frame);
	/* Of the camera's own encoder; NULL: it has none. */
	int (*request_idr)(struct camera *camera);
	int (*set_rate)(struct camera *camera, int bitrate_bps);
	/* Words like "1280x720 MJPG 30 fps vivid". */
	void (*describe)(const struct camera *camera, char *text, size_t text_bytes);
	void (*close)(struct camera *camera);
};

#endif
