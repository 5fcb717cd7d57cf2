/* camera_controls: brightness, exposure, focus, pan, tilt, zoom and what else a camera has, by name.
 * Owner: the capture thread. */
#ifndef CALLBOX_GLUE_CAMERA_CONTROLS_H
#define CALLBOX_GLUE_CAMERA_CONTROLS_H

#include "core/devices/control.h"
#include "drivers-glue/camera_device.h"

/* value: a number, yes or no, or a menu's item. 0, or -errno with words for people: -ENOENT: there is no such
 * control; -ERANGE; -EACCES: it cannot be set now. */
int camera_control_set(const struct camera_device *device, const char *name, const char *value, char *why,
		       size_t why_bytes);
void camera_control_each(const struct camera_device *device,
			 void (*each)(const struct camera_control *control, void *data), void *data);
/* The rate of pictures stays what was agreed, whatever the light. */
void camera_control_steady(const struct camera_device *device);
/* What the camera's encoder should do, where it can be told: baseline profile, parameter sets with each key frame. */
void camera_control_encoder(const struct camera_device *device);
/* Of the camera's encoder; -ENOTSUP: it cannot. */
int camera_control_idr(const struct camera_device *device);
int camera_control_bitrate(const struct camera_device *device, int bitrate_bps);

#endif
