#include "drivers-glue/va_encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/devices/h264_stream.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/h264_write.h"
#include "drivers-glue/rate_control.h"
#include "drivers-glue/unit_check.h"
#include "drivers-glue/va_display.h"
#include "drivers-glue/va_image.h"
#include "drivers-glue/va_picture.h"
#include "drivers-glue/va_probe.h"

#define TICK_NS (GUARD_TICK_MS * 1000000ull)
#define TICKS 8 /* of waiting for a picture: less than GUARD_WORK_MS */
#define AGAIN_MAX 2

struct va_encode {
	struct va_display va;
	bool processes;
	struct va_picture picture; /* display and context are those of the whole stream */
	struct rate_control control; /* VA_RC_CQP */

	VAConfigID config;
	VASurfaceID references[2]; /* as the driver reconstructs them; [current] is made next */
	int current;
	struct va_input *input;
	struct va_image image;
	bool no_sync_buffer, no_sync_surface2;

	unsigned int pictures; /* coded so far */
	struct unit_check *check;
	uint8_t *bytes;
	size_t capacity;
};

/* ---- open and close ---- */

static int config_create(struct va_encode *e)
{
	const struct va_choice *c = &e->picture.choice;
	VAConfigAttrib a[3] = {
		{ VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420 },
		{ VAConfigAttribRateControl, c->rate_control },
		{ VAConfigAttribEncPackedHeaders,
		  VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE |
			  (c->pps_alone ? VA_ENC_PACKED_HEADER_PICTURE : 0) },
	};
	VAStatus status = vaCreateConfig(e->va.display, c->can.profile, c->can.entrypoint, a,
					 c->own_headers ? 3 : 2, &e->config);
	if (status == VA_STATUS_SUCCESS)
		return 0;
	e->config = VA_INVALID_ID;
	return va_failed("vaCreateConfig", status);
}

static int context_create(struct va_encode *e)
{
	int width = (e->picture.sequence.width + 15) & ~15, height = (e->picture.sequence.height + 15) & ~15;
	VAStatus status = vaCreateSurfaces(e->va.display, VA_RT_FORMAT_YUV420, (unsigned int)width,
					   (unsigned int)height, e->references, 2, NULL, 0);
	if (status != VA_STATUS_SUCCESS) {
		e->references[0] = VA_INVALID_ID;
		return va_failed("vaCreateSurfaces", status);
	}
	status = vaCreateContext(e->va.display, e->config, width, height, VA_PROGRESSIVE, e->references, 2,
				 &e->picture.context);
	if (status != VA_STATUS_SUCCESS) {
		e->picture.context = VA_INVALID_ID;
		return va_failed("vaCreateContext", status);
	}
	unsigned int room = (unsigned int)(width * height * 3 / 2 + 4096);
	status = vaCreateBuffer(e->va.display, e->picture.context, VAEncCodedBufferType, room, 1, NULL,
				&e->picture.coded);
	if (status != VA_STATUS_SUCCESS) {
		e->picture.coded = VA_INVALID_ID;
		return va_failed("vaCreateBuffer", status);
	}
	e->capacity = room + 2 * sizeof(struct h264_header);
	e->bytes = malloc(e->capacity);
	return e->bytes ? 0 : -ENOMEM;
}

/* A display that can encode such a stream. */
static int display_open(struct va_encode *e, const char *address, char *why, size_t why_bytes)
{
	char nodes[VA_NODES_MAX][VA_NODE_BYTES];
	const struct h264_sequence *sequence = &e->picture.sequence;
	int count = va_display_nodes(address, nodes), r = -ENODEV;
	snprintf(why, why_bytes, "no /dev/dri/renderD*: no GPU, or its driver is not loaded");
	for (int i = 0; i < count; i++) {
		struct va_can can = { .encoder_count = 0 };
		r = va_display_open(nodes[i], &e->va, why, why_bytes);
		if (r < 0)
			continue;
		r = va_probe(e->va.display, &can);
		if (r < 0)
			snprintf(why, why_bytes, "%s: driver: does not say what it can", nodes[i]);
		else
			r = va_choose(&can, sequence->width, sequence->height, &e->picture.choice, why, why_bytes);
		e->processes = can.processes;
		if (r == 0)
			return 0;
		va_display_close(&e->va);
	}
	return r;
}

/* A bright square on grey, elsewhere in each picture. */
static void trial_draw(struct frame *frame, int number)
{
	struct picture picture;
	int side = frame->height / 4, left = frame->width / 8 + number * 16;
	if (frame_picture(frame, &picture) < 0)
		return;
	picture_fill(&picture, 80, 110, 150);
	for (int y = side; y < 2 * side; y++)
		memset(frame->planes[0] + y * frame->strides[0] + left, 200, (size_t)side);
}

/* The driver shows that it can, while nobody waits; what it sets up at its first picture is then set up. */
static int trial(struct va_encode *e)
{
	const struct h264_sequence *sequence = &e->picture.sequence;
	int r = 0;
	for (int i = 0; r == 0 && i < UNIT_CHECKS - 1; i++) {
		struct frame *frame;
		struct encoded out;
		r = frame_new(FRAME_I420, sequence->width, sequence->height, &frame);
		if (r < 0)
			break;
		trial_draw(frame, i);
		r = va_encode_picture(e, frame, i == 0, &out);
		frame_release(frame);
	}
	e->pictures = 0;
	rate_control_init(&e->control, sequence->width, sequence->height, e->picture.bitrate_bps, sequence->fps);
	return r;
}

static int parts_open(struct va_encode *e)
{
	int r = config_create(e);
	if (r == 0)
		r = context_create(e);
	if (r == 0)
		r = va_input_open(e->va.display, e->picture.sequence.width, e->picture.sequence.height, e->processes,
				  &e->input);
	return r;
}

int va_encode_open(const char *address, const struct encoder_wish *wish, struct va_encode **ret_encode, char *why,
		   size_t why_bytes)
{
	struct va_encode *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->va.fd = -1;
	e->picture.sequence = (struct h264_sequence){ wish->width, wish->height, wish->fps };
	e->picture.bitrate_bps = wish->bitrate_bps;
	e->config = e->picture.context = e->picture.coded = VA_INVALID_ID;
	e->references[0] = e->references[1] = VA_INVALID_ID;
	rate_control_init(&e->control, wish->width, wish->height, wish->bitrate_bps, wish->fps);
	e->check = unit_check_new();
	int r = e->check ? display_open(e, address, why, why_bytes) : -ENOMEM;
	if (r == 0) {
		e->picture.display = e->va.display;
		va_image_init(&e->image, e->va.display);
		r = parts_open(e);
		if (r < 0)
			snprintf(why, why_bytes, "%s: driver: fails to set up an encoder", e->va.node);
	}
	if (r == 0 && (r = trial(e)) < 0)
		snprintf(why, why_bytes, "%s: driver: fails at a picture for trial", e->va.node);
	if (r < 0)
		va_encode_close(e);
	else
		*ret_encode = e;
	return r;
}

void va_encode_close(struct va_encode *encode)
{
	struct va_encode *e = encode;
	if (!e)
		return;
	VADisplay d = e->va.display;
	if (d) {
		va_picture_clear(&e->picture);
		va_input_close(e->input);
		va_image_finish(&e->image);
		if (e->picture.coded != VA_INVALID_ID)
			vaDestroyBuffer(d, e->picture.coded);
		if (e->picture.context != VA_INVALID_ID)
			vaDestroyContext(d, e->picture.context);
		if (e->references[0] != VA_INVALID_ID)
			vaDestroySurfaces(d, e->references, 2);
		if (e->config != VA_INVALID_ID)
			vaDestroyConfig(d, e->config);
	}
	va_display_close(&e->va);
	unit_check_free(e->check);
	free(e->bytes);
	free(e);
}

/* ---- one picture ---- */

static int submit(struct va_encode *e, VASurfaceID surface)
{
	VADisplay d = e->va.display;
	e->picture.reconstructed = e->references[e->current];
	e->picture.reference = e->references[!e->current];
	int r = va_picture_fill(&e->picture);
	if (r == 0) {
		VAStatus status = vaBeginPicture(d, e->picture.context, surface);
		if (status == VA_STATUS_SUCCESS) {
			status = vaRenderPicture(d, e->picture.context, e->picture.buffers, e->picture.buffer_count);
			VAStatus end = vaEndPicture(d, e->picture.context);
			status = status == VA_STATUS_SUCCESS ? end : status;
		}
		r = status == VA_STATUS_SUCCESS ? 0 : va_failed("vaRenderPicture", status);
	}
	va_picture_clear(&e->picture);
	return r;
}

/* As shortly as the driver lets us say; the guard watches those that do not. */
static VAStatus wait_tick(struct va_encode *e, VASurfaceID surface)
{
	VAStatus status = VA_STATUS_ERROR_UNIMPLEMENTED;
	if (!e->no_sync_buffer)
		status = vaSyncBuffer(e->va.display, e->picture.coded, TICK_NS);
	if (status == VA_STATUS_ERROR_UNIMPLEMENTED) {
		e->no_sync_buffer = true;
		if (!e->no_sync_surface2)
			status = vaSyncSurface2(e->va.display, surface, TICK_NS);
	}
	if (status == VA_STATUS_ERROR_UNIMPLEMENTED) {
		e->no_sync_surface2 = true;
		status = vaSyncSurface(e->va.display, surface);
	}
	return status;
}

static int wait(struct va_encode *e, VASurfaceID surface)
{
	VAStatus status = VA_STATUS_ERROR_TIMEDOUT;
	for (int i = TICKS * guard_patience(); i > 0 && status == VA_STATUS_ERROR_TIMEDOUT; i--)
		status = wait_tick(e, surface);
	return status == VA_STATUS_SUCCESS ? 0 : va_failed("vaSyncBuffer", status);
}

static int append(struct va_encode *e, size_t *size, const uint8_t *bytes, size_t count)
{
	if (count > e->capacity - *size)
		return -EMSGSIZE;
	memcpy(e->bytes + *size, bytes, count);
	*size += count;
	return 0;
}

/* The segments of the coded buffer, one after the other. */
static int gather(struct va_encode *e, const VACodedBufferSegment *segment, size_t *size)
{
	const uint32_t bad = VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK | VA_CODED_BUF_STATUS_FRAME_SIZE_OVERFLOW |
			     VA_CODED_BUF_STATUS_BAD_BITSTREAM;
	int r = 0;
	for (*size = 0; segment && r == 0; segment = segment->next) {
		if ((segment->status & bad) || (!segment->buf && segment->size > 0))
			return -EIO;
		r = append(e, size, segment->buf, segment->size);
	}
	return r;
}

static int fetch(struct va_encode *e, size_t *size)
{
	void *segments = NULL;
	VAStatus status = vaMapBuffer(e->va.display, e->picture.coded, &segments);
	if (status != VA_STATUS_SUCCESS)
		return va_failed("vaMapBuffer", status);
	int r = gather(e, segments, size);
	status = vaUnmapBuffer(e->va.display, e->picture.coded);
	if (r < 0)
		log_warning("driver: the coded picture is marked as bad");
	return r == 0 && status != VA_STATUS_SUCCESS ? va_failed("vaUnmapBuffer", status) : r;
}

/* Whether what the driver made is one access unit of the kind that was asked for; parameter sets that it left out
 * are put before an IDR. */
static int look_over(struct va_encode *e, size_t *size)
{
	struct h264_nal nal;
	bool sets = false, slices = false, bad = false;
	for (size_t at = 0; h264_next_nal(e->bytes, *size, &at, &nal);) {
		sets |= nal.type == H264_SPS;
		slices |= nal.type == (e->picture.slice.idr ? H264_IDR : H264_SLICE);
		bad |= nal.bytes[0] & 0x80 || nal.type == (e->picture.slice.idr ? H264_SLICE : H264_IDR);
	}
	if (bad || !slices) {
		log_warning("driver: the coded picture is not what was asked for");
		return -EIO;
	}
	if (!e->picture.slice.idr || sets)
		return 0;
	struct h264_header header;
	h264_write_sets(&e->picture.sequence, &header);
	size_t more = header.bits / 8;
	if (more > e->capacity - *size)
		return -EMSGSIZE;
	memmove(e->bytes + more, e->bytes, *size);
	memcpy(e->bytes, header.bytes, more);
	*size += more;
	return 0;
}

static int code(struct va_encode *e, VASurfaceID surface, size_t *size)
{
	int r = submit(e, surface);
	if (r == 0)
		r = wait(e, surface);
	if (r == 0)
		r = fetch(e, size);
	return r == 0 ? look_over(e, size) : r;
}

/* Codes it, and again as long as our own rate control finds it too large. */
static int code_to_rate(struct va_encode *e, VASurfaceID surface, size_t *size)
{
	for (int tries = 0;; tries++) {
		int r = code(e, surface, size);
		if (r < 0 || e->picture.choice.rate_control != VA_RC_CQP)
			return r;
		struct h264_slice *slice = &e->picture.slice;
		if (rate_control_accept(&e->control, slice->idr, &slice->qp, *size) || tries == AGAIN_MAX)
			return 0;
	}
}

static void slice_begin(struct va_encode *e, bool idr)
{
	e->picture.slice.idr = idr;
	if (!idr)
		return;
	e->picture.slice.frame_num = e->picture.slice.order = 0;
	e->picture.slice.idr_pic_id = !e->picture.slice.idr_pic_id;
}

static void slice_end(struct va_encode *e)
{
	e->picture.slice.frame_num = (e->picture.slice.frame_num + 1) & ((1 << H264_FRAME_NUM_BITS) - 1);
	e->picture.slice.order += 2;
	e->current = !e->current;
	e->picture.rate_changed = false;
	e->pictures++;
}

int va_encode_picture(struct va_encode *encode, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	struct va_encode *e = encode;
	VASurfaceID surface;
	size_t size = 0;
	idr |= e->pictures == 0;
	e->picture.slice.qp = H264_INIT_QP;
	if (e->picture.choice.rate_control == VA_RC_CQP && !rate_control_next(&e->control, idr, &e->picture.slice.qp)) {
		*ret_encoded = (struct encoded){ .size = 0 };
		return 0;
	}
	int r = va_input_surface(e->input, frame, &surface);
	if (r < 0)
		return r;
	slice_begin(e, idr);
	r = code_to_rate(e, surface, &size);
	if (r == 0)
		r = unit_check(e->check, frame, e->picture.sequence.width, e->picture.sequence.height, e->bytes, size);
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	slice_end(e);
	*ret_encoded = (struct encoded){ .bytes = e->bytes, .size = size, .keyframe = idr };
	return 0;
}

void va_encode_set_rate(struct va_encode *encode, int bitrate_bps, int fps)
{
	encode->picture.bitrate_bps = bitrate_bps;
	encode->picture.sequence.fps = fps;
	encode->picture.rate_changed = true;
	rate_control_set(&encode->control, bitrate_bps, fps);
}

void va_encode_describe(const struct va_encode *encode, char *text, size_t text_bytes)
{
	char words[32];
	va_choice_words(&encode->picture.choice, words, sizeof(words));
	snprintf(text, text_bytes, "VA-API %s, %s", words, encode->va.vendor);
}

bool va_encode_scales(const struct va_encode *encode)
{
	return encode->processes;
}

void va_encode_counts(const struct va_encode *encode, struct va_input_counts *ret_counts)
{
	va_input_counts(encode->input, ret_counts);
}

int va_encode_reference(struct va_encode *encode, struct frame **ret_frame)
{
	return va_image_read(&encode->image, encode->references[!encode->current], encode->picture.sequence.width,
			     encode->picture.sequence.height, ret_frame);
}
