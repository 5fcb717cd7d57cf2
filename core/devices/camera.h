/* camera: what the program needs of a camera. One const struct a driver, listed in drivers-glue/drivers.c.
 * Owner: the capture thread, which makes every call. Frames may outlive the camera and come home from any
 * thread. */
#ifndef CALLBOX_DEVICES_CAMERA_H
#define CALLBOX_DEVICES_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/devices/control.h"
#include "core/devices/frame.h"

struct camera;
struct quirks;

/* What happened since the counts were zeroed; the opener's, over as many openings as it likes. */
struct camera_counts {
	uint64_t pictures;   /* handed out */
	uint64_t overtaken;  /* good, but a newer one was there already */
	uint64_t missing;    /* gaps in the camera's own numbers */
	uint64_t damaged;    /* marked so by the driver, short, or cut off */
	uint64_t wrong_time; /* capture times that could not be */
	uint64_t restarts;   /* of the stream, the device staying open */
};

struct camera_wish {
	int width, height; /* pixels; the driver takes the best match that the device offers */
	int fps;
	bool h264;	 /* access units of the camera's own encoder are welcome, when they are no larger */
	int bitrate_bps; /* of those */
	const struct quirks *quirks;  /* NULL: none */
	struct camera_counts *counts; /* NULL: nobody counts */
};

struct camera_driver {
	const char *name;
	bool may_rest; /* gives no pictures by design: that is no stall */
	/* 0 or -errno with words for people in why. */
	int (*open)(const char *address, const struct camera_wish *wish, struct camera **ret_camera,
		    char *why, size_t why_bytes);
	/* The newest frame, counted for the caller, waiting for one at most timeout_ms. 0, -ETIMEDOUT,
	 * -EAGAIN (a damaged picture was skipped), -ESTALE (it must be restarted: its format has changed),
	 * -EIO (so it must: the stream broke), or another error: the camera is lost. */
	int (*next)(struct camera *camera, int timeout_ms, struct frame **ret_frame);
	/* Begins the stream anew, at whatever size the device has now; frames that are out stay good. 0, or
	 * -errno: the camera is lost. NULL: that is no use. */
	int (*restart)(struct camera *camera);
	/* How long no picture is no stall; NULL: 2 s. */
	int (*patience_ms)(const struct camera *camera);
	/* Of the camera's own encoder; NULL, or -ENOTSUP: it has none, or cannot. */
	int (*request_idr)(struct camera *camera);
	int (*set_rate)(struct camera *camera, int bitrate_bps);
	/* Brightness, focus, zoom and so on, by name. 0, or -errno with words for people. NULL: it has none. */
	int (*control_set)(struct camera *camera, const char *name, const char *value, char *why,
			   size_t why_bytes);
	void (*control_each)(struct camera *camera, void (*each)(const struct camera_control *control, void *data),
			     void *data);
	/* Words like "1280x720 MJPG 30 fps vivid". */
	void (*describe)(const struct camera *camera, char *text, size_t text_bytes);
	void (*close)(struct camera *camera);
	/* Cameras that come and go: a descriptor that turns readable with each, the caller's; -errno. NULL:
	 * cameras of this driver do not. */
	int (*watch)(void);
	/* Empties it; true: a camera may have come. */
	bool (*came)(int watch);
};

#endif
