/* devices: drivers by name. A device is named "DRIVER:ADDRESS", for example "v4l2:/dev/video0". */
#ifndef CALLBOX_DEVICES_DEVICES_H
#define CALLBOX_DEVICES_DEVICES_H

#include "core/devices/camera.h"
#include "core/devices/encoder.h"
#include "core/devices/view.h"

/* drivers-glue/drivers.c: NULL-terminated, in order of preference. */
extern const struct camera_driver *const camera_drivers[];
extern const struct view_driver *const view_drivers[];
extern const struct encoder_driver *const encoder_drivers[];
extern const struct decoder_driver *const decoder_drivers[];

/* The driver of a device name, *ret_address pointing at the address inside id; NULL with why (the drivers
 * there are) when there is none. */
const struct camera_driver *camera_find(const char *id, const char **ret_address, char *why, size_t why_bytes);
const struct view_driver *view_find(const char *id, const char **ret_address, char *why, size_t why_bytes);

#endif
