/* encoder, decoder: one codec in both directions. One const struct an implementation, in drivers-glue/drivers.c.
 * Each instance lives on one thread, which makes every call. */
#ifndef CALLBOX_DEVICES_ENCODER_H
#define CALLBOX_DEVICES_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/video_codec.h"
#include "core/devices/frame.h"

struct encoder;
struct decoder;

struct encoder_wish {
	int width, height, fps; /* of the stream */
	int bitrate_bps;
	enum video_codec codec; /* which driver */
	int slice_bytes;	/* no NAL unit may be larger; 0: no limit */
};

struct encoded {
	const uint8_t *bytes; /* as video_codec.h says; the encoder's until its next call */
	size_t size;	      /* 0: the encoder skipped this picture to hold its rate */
	bool keyframe;
};

struct encoder_driver {
	const char *name;
	enum video_codec codec;
	bool hardware;
	bool by_name; /* never chosen but by name */
	bool slices;  /* can keep the wish's slice_bytes */
	/* address: which device, "" for the first that fits. 0, or -errno with words for people in why. */
	int (*open)(const char *address, const struct encoder_wish *wish, struct encoder **ret_encoder,
		    char *why, size_t why_bytes);
	/* Whether encode takes such a frame as it is, whatever its format and size. NULL: no. I420 in memory of
	 * the wish's size, video range, is taken by every encoder. */
	bool (*takes)(const struct encoder *encoder, const struct frame *frame);
	/* idr: this picture must be a key frame (an IDR). -ETIMEDOUT: the device hangs; other errors: it failed. After
	 * either the instance is good for close only. */
	int (*encode)(struct encoder *encoder, struct frame *frame, bool idr, struct encoded *ret_encoded);
	int (*set_rate)(struct encoder *encoder, int bitrate_bps, int fps);
	/* Words like "VA-API EncSliceLP CQP, Intel iHD"; NULL: the name says all. */
	void (*describe)(const struct encoder *encoder, char *text, size_t text_bytes);
	void (*close)(struct encoder *encoder); /* never waits for a hung device */
};

struct decoder_driver {
	const char *name;
	enum video_codec codec;
	bool hardware, by_name; /* as above */
	int (*open)(const char *address, struct decoder **ret_decoder, char *why, size_t why_bytes);
	/* One unit. 0: *ret_frame counts once for the caller; -EAGAIN: nothing to show; -EBADMSG:
	 * damaged, ask for a key frame; another error: the device failed, the instance is good for close only. */
	int (*decode)(struct decoder *decoder, const uint8_t *bytes, size_t size, struct frame **ret_frame);
	void (*close)(struct decoder *decoder);
	/* Does beforehand what makes the first open of a process slow. Any thread. NULL: nothing does. */
	void (*warm)(void);
};

#endif
