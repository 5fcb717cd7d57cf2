/* camera: what the program needs of a camera. One const struct a driver, listed in drivers-glue/drivers.c.
 * Owner: the capture thread, which makes every call. */
#ifndef CALLBOX_DEVICES_CAMERA_H
#define CALLBOX_DEVICES_CAMERA_H

#include <stddef.h>

#include "core/devices/picture.h"

struct camera;

struct camera_wish {
	int width, height; /* pixels; the driver takes the best match that the device offers */
	int fps;
};

struct camera_driver {
	const char *name;
	/* 0 or -errno with words for people in why. */
	int (*open)(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
		    char *why, size_t why_bytes);
	/* The newest picture, waiting for one at most timeout_ms; *picture is made to fit. 0, -ETIMEDOUT,
	 * -EAGAIN (a damaged picture was skipped), or another error: the camera is lost. */
	int (*next)(struct camera *camera, int timeout_ms, struct picture *picture);
	/* Words like "1280x720 MJPG 30 fps vivid". */
	void (*describe)(const struct camera *camera, char *text, size_t text_bytes);
	void (*close)(struct camera *camera);
};

#endif
