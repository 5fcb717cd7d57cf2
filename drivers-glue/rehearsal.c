/* rehearsal: stands in for hardware that fails, on machines without any: software behind the same guard and limits as
 * a GPU's driver. The address says when it fails: "error@N" at picture N and all after it, "hang@N", "refuse" (cannot
 * be opened), "" never. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers-glue/drivers.h"
#include "drivers-glue/guard.h"

struct plan {
	bool hangs, refuses;
	unsigned long at; /* picture from 1 that fails; 0: none */
};

static int plan_parse(const char *address, struct plan *plan, char *why, size_t why_bytes)
{
	char *end = NULL;
	*plan = (struct plan){ .hangs = strncmp(address, "hang@", 5) == 0, .refuses = strcmp(address, "refuse") == 0 };
	if (plan->hangs || strncmp(address, "error@", 6) == 0)
		plan->at = strtoul(strchr(address, '@') + 1, &end, 10);
	if (plan->refuses)
		snprintf(why, why_bytes, "rehearsal: refuses, as it was told");
	else if (address[0] && (!end || *end || plan->at == 0))
		snprintf(why, why_bytes, "rehearsal:%s: error@N, hang@N, refuse or nothing", address);
	else
		return 0;
	return plan->refuses ? -EIO : -EINVAL;
}

/* Never comes back. */
static void hang(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_mutex_lock(&lock);
	for (;;)
		pthread_cond_wait(&never, &lock);
}

static int plan_act(const struct plan *plan, unsigned long picture)
{
	if (plan->at == 0 || picture < plan->at)
		return 0;
	if (plan->hangs)
		hang();
	return -EIO;
}

static int may_open(const char *address, struct plan *plan, char *why, size_t why_bytes)
{
	if (guard_stuck() == 0)
		return plan_parse(address, plan, why, why_bytes);
	snprintf(why, why_bytes, "rehearsal: a call into it has not come back: it is not entered again");
	return -EBUSY;
}

/* ---- encoder ---- */

struct encoder_work {
	struct plan plan;
	unsigned long pictures;
	struct encoder *real;
	struct frame *frame;
	bool idr;
	struct encoded encoded;
};

struct encoder {
	struct guard *guard;
	struct encoder_work *work;
};

static int encoder_run(void *data)
{
	struct encoder_work *work = data;
	int r = plan_act(&work->plan, ++work->pictures);
	if (r == 0)
		r = encoder_openh264.encode(work->real, work->frame, work->idr, &work->encoded);
	frame_release(work->frame);
	return r;
}

static int encoder_end(void *data)
{
	struct encoder_work *work = data;
	encoder_openh264.close(work->real);
	free(work);
	return 0;
}

static void rehearsal_close(struct encoder *encoder)
{
	guard_finish(encoder->guard, encoder_end, encoder->work);
	free(encoder);
}

static int rehearsal_open(const char *address, const struct encoder_wish *wish, struct encoder **ret_encoder,
			  char *why, size_t why_bytes)
{
	struct plan plan;
	int r = may_open(address, &plan, why, why_bytes);
	if (r < 0)
		return r;
	struct encoder *encoder = calloc(1, sizeof(*encoder));
	struct encoder_work *work = calloc(1, sizeof(*work));
	r = encoder && work ? encoder_openh264.open("", wish, &work->real, why, why_bytes) : -ENOMEM;
	if (r == 0 && !(encoder->guard = guard_new("rehearsal"))) {
		encoder_openh264.close(work->real);
		r = -ENOMEM;
	}
	if (r < 0) {
		free(encoder);
		free(work);
		return r;
	}
	work->plan = plan;
	encoder->work = work;
	*ret_encoder = encoder;
	return 0;
}

static int rehearsal_encode(struct encoder *encoder, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	struct encoder_work *work = encoder->work;
	work->frame = frame_hold(frame);
	work->idr = idr;
	int r = guard_call(encoder->guard, encoder_run, work, GUARD_WORK_MS);
	if (r == 0)
		*ret_encoded = work->encoded;
	return r;
}

static int rehearsal_set_rate(struct encoder *encoder, int bitrate_bps, int fps)
{
	return encoder_openh264.set_rate(encoder->work->real, bitrate_bps, fps);
}

const struct encoder_driver encoder_rehearsal = {
	.name = "rehearsal", .codec = VIDEO_H264, .hardware = true, .by_name = true, .open = rehearsal_open,
	.encode = rehearsal_encode, .set_rate = rehearsal_set_rate, .close = rehearsal_close,
};

/* ---- decoder ---- */

struct decoder_work {
	struct plan plan;
	unsigned long pictures;
	struct decoder *real;
	uint8_t *bytes;
	size_t size;
	struct frame *frame;
};

struct decoder {
	struct guard *guard;
	struct decoder_work *work;
};

static int decoder_run(void *data)
{
	struct decoder_work *work = data;
	int r = plan_act(&work->plan, ++work->pictures);
	if (r == 0)
		r = decoder_avcodec.decode(work->real, work->bytes, work->size, &work->frame);
	free(work->bytes);
	return r;
}

static int decoder_end(void *data)
{
	struct decoder_work *work = data;
	decoder_avcodec.close(work->real);
	free(work);
	return 0;
}

static void rehearsal_decoder_close(struct decoder *decoder)
{
	guard_finish(decoder->guard, decoder_end, decoder->work);
	free(decoder);
}

static int rehearsal_decoder_open(const char *address, struct decoder **ret_decoder, char *why, size_t why_bytes)
{
	struct plan plan;
	int r = may_open(address, &plan, why, why_bytes);
	if (r < 0)
		return r;
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	struct decoder_work *work = calloc(1, sizeof(*work));
	r = decoder && work ? decoder_avcodec.open("", &work->real, why, why_bytes) : -ENOMEM;
	if (r == 0 && !(decoder->guard = guard_new("rehearsal"))) {
		decoder_avcodec.close(work->real);
		r = -ENOMEM;
	}
	if (r < 0) {
		free(decoder);
		free(work);
		return r;
	}
	work->plan = plan;
	decoder->work = work;
	*ret_decoder = decoder;
	return 0;
}

static int rehearsal_decode(struct decoder *decoder, const uint8_t *bytes, size_t size, struct frame **ret_frame)
{
	struct decoder_work *work = decoder->work;
	work->bytes = malloc(size);
	if (!work->bytes)
		return -ENOMEM;
	memcpy(work->bytes, bytes, size);
	work->size = size;
	int r = guard_call(decoder->guard, decoder_run, work, GUARD_WORK_MS);
	if (r == 0)
		*ret_frame = work->frame;
	return r;
}

const struct decoder_driver decoder_rehearsal = {
	.name = "rehearsal", .codec = VIDEO_H264, .hardware = true, .by_name = true, .open = rehearsal_decoder_open,
	.decode = rehearsal_decode, .close = rehearsal_decoder_close,
};
