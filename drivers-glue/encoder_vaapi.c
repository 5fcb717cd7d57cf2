/* encoder_vaapi: hardware H.264 through VA-API, at arm's length: the driver is called on a guard's thread only, and
 * who encodes waits for a limited time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers-glue/drivers.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/va_encode.h"

/* On both threads in turn; the guard's alone from a call that did not come back on. */
struct work {
	struct va_encode *encode;
	struct encoder_wish wish;
	char address[64];
	char why[256];
	struct frame *frame;
	bool idr;
	struct encoded encoded;
};

struct encoder {
	struct guard *guard;
	struct work *work;
	int width, height;
	bool scales, failed;
	char words[160];
};

static int run_open(void *data)
{
	struct work *work = data;
	return va_encode_open(work->address, &work->wish, &work->encode, work->why, sizeof(work->why));
}

static int run_encode(void *data)
{
	struct work *work = data;
	int r = va_encode_picture(work->encode, work->frame, work->idr, &work->encoded);
	frame_release(work->frame);
	return r;
}

static int run_close(void *data)
{
	struct work *work = data;
	va_encode_close(work->encode);
	free(work);
	return 0;
}

static void vaapi_close(struct encoder *encoder)
{
	guard_finish(encoder->guard, run_close, encoder->work);
	free(encoder);
}

static int vaapi_open(const char *address, const struct encoder_wish *wish, struct encoder **ret_encoder, char *why,
		      size_t why_bytes)
{
	if (guard_stuck() > 0) {
		snprintf(why, why_bytes, "driver: a call into it has not come back: it is not entered again");
		return -EBUSY;
	}
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	struct work *work = calloc(1, sizeof(*work));
	struct guard *guard = encoder && work ? guard_new("va-encode") : NULL;
	if (!guard) {
		free(encoder);
		free(work);
		return -ENOMEM;
	}
	*encoder = (struct encoder){ .guard = guard, .work = work, .width = wish->width, .height = wish->height };
	work->wish = *wish;
	snprintf(work->address, sizeof(work->address), "%s", address);
	int r = guard_call(guard, run_open, work, GUARD_OPEN_MS);
	if (r < 0) {
		snprintf(why, why_bytes, "%s", r == -ETIMEDOUT ? "driver: hangs when it is opened" : work->why);
		vaapi_close(encoder);
		return r;
	}
	encoder->scales = va_encode_scales(work->encode);
	va_encode_describe(work->encode, encoder->words, sizeof(encoder->words));
	*ret_encoder = encoder;
	return 0;
}

static bool vaapi_takes(const struct encoder *encoder, const struct frame *frame)
{
	return va_input_takes(frame, encoder->width, encoder->height, encoder->scales);
}

static int vaapi_encode(struct encoder *encoder, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	struct work *work = encoder->work;
	if (encoder->failed)
		return -EIO;
	work->frame = frame_hold(frame);
	work->idr = idr;
	int r = guard_call(encoder->guard, run_encode, work, GUARD_WORK_MS);
	encoder->failed = r < 0 && r != -EBADMSG;
	if (r == 0)
		*ret_encoded = work->encoded;
	return r;
}

static int vaapi_set_rate(struct encoder *encoder, int bitrate_bps, int fps)
{
	if (encoder->failed)
		return -EIO;
	va_encode_set_rate(encoder->work->encode, bitrate_bps, fps);
	return 0;
}

static void vaapi_describe(const struct encoder *encoder, char *text, size_t text_bytes)
{
	snprintf(text, text_bytes, "%s", encoder->words);
}

const struct encoder_driver encoder_vaapi = {
	.name = "vaapi", .codec = VIDEO_H264, .hardware = true, .open = vaapi_open, .takes = vaapi_takes,
	.encode = vaapi_encode, .set_rate = vaapi_set_rate, .describe = vaapi_describe, .close = vaapi_close,
};
