/* drivers: every driver that drivers.c may list. */
#ifndef CALLBOX_DRIVERS_GLUE_DRIVERS_H
#define CALLBOX_DRIVERS_GLUE_DRIVERS_H

#include "core/devices/devices.h"

extern const struct camera_driver camera_v4l2, camera_pattern, camera_file, camera_null;
extern const struct encoder_driver encoder_openh264, encoder_rehearsal, encoder_vaapi, encoder_vpx;
extern const struct decoder_driver decoder_avcodec, decoder_avcodec_vp8, decoder_rehearsal, decoder_vaapi;
extern const struct view_driver view_kms, view_png, view_raw, view_null, view_window;

#endif
