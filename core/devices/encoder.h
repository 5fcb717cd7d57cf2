/* encoder, decoder: H.264 in both directions. One const struct an implementation, in drivers-glue/drivers.c.
 * Each instance lives on one thread, which makes every call. */
#ifndef CALLBOX_DEVICES_ENCODER_H
#define CALLBOX_DEVICES_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/devices/picture.h"

struct encoder;
struct decoder;

struct encoder_wish {
	int width, height, fps;
	int bitrate_bps;
};

struct encoded {
	const uint8_t *bytes; /* Annex B; SPS and PPS before each IDR; the encoder's until its next call */
	size_t size;	      /* 0: the encoder skipped this picture to hold its rate */
	bool keyframe;
};

struct encoder_driver {
	const char *name;
	int (*open)(const struct encoder_wish *wish, struct encoder **ret_encoder);
	/* idr: this picture must be one. */
	int (*encode)(struct encoder *encoder, const struct picture *picture, bool idr, struct encoded *ret_encoded);
	int (*set_rate)(struct encoder *encoder, int bitrate_bps, int fps);
	void (*close)(struct encoder *encoder);
};

struct decoder_driver {
	const char *name;
	int (*open)(struct decoder **ret_decoder);
	/* One access unit. 0: *ret_picture is the decoder's until its next call; -EAGAIN: nothing to show;
	 * -EBADMSG: damaged, ask for an IDR. */
	int (*decode)(struct decoder *decoder, const uint8_t *bytes, size_t size, struct picture *ret_picture);
	void (*close)(struct decoder *decoder);
};

#endif
