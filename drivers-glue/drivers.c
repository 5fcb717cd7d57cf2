/* The one table of drivers. */
#include "drivers-glue/drivers.h"

#include "config.h"

const struct camera_driver *const camera_drivers[] = { &camera_v4l2, &camera_pattern, &camera_file, &camera_null,
							NULL };
const struct encoder_driver *const encoder_drivers[] = { &encoder_vaapi, &encoder_rehearsal, &encoder_openh264,
							 &encoder_vpx, NULL };
const struct decoder_driver *const decoder_drivers[] = { &decoder_vaapi, &decoder_rehearsal, &decoder_avcodec,
							 &decoder_avcodec_vp8, NULL };
const struct view_driver *const view_drivers[] = {
	&view_kms, &view_png, &view_raw, &view_null,
#ifdef HAVE_SDL2
	&view_window,
#endif
	NULL,
};
