#include "drivers-glue/va_encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <va/va_enc_h264.h>

#include "core/base/log.h"
#include "core/devices/h264_stream.h"
#include "drivers-glue/guard.h"
#include "drivers-glue/h264_write.h"
#include "drivers-glue/rate_control.h"
#include "drivers-glue/unit_check.h"
#include "drivers-glue/va_display.h"
#include "drivers-glue/va_image.h"
#include "drivers-glue/va_probe.h"

#define TICK_NS (GUARD_TICK_MS * 1000000ull)
#define TICKS 8 /* of waiting for a picture: less than GUARD_WORK_MS */
#define BUFFERS_MAX 16
#define AGAIN_MAX 2

struct va_encode {
	struct va_display va;
	struct va_choice choice;
	bool processes;
	struct h264_sequence sequence;
	int bitrate_bps;
	bool rate_changed;
	struct rate_control control; /* VA_RC_CQP */

	VAConfigID config;
	VAContextID context;
	VASurfaceID references[2]; /* as the driver reconstructs them; [current] is made next */
	int current;
	VABufferID coded;
	VABufferID buffers[BUFFERS_MAX]; /* of the picture in the making */
	int buffer_count;
	struct va_input *input;
	struct va_image image;
	bool no_sync_buffer, no_sync_surface2;

	unsigned int pictures; /* coded so far */
	struct h264_slice slice;
	struct unit_check *check;
	uint8_t *bytes;
	size_t capacity;
};

static int failed(const char *call, VAStatus status)
{
	if (status == VA_STATUS_ERROR_TIMEDOUT)
		return -ETIMEDOUT;
	log_warning("driver: %s: %s", call, vaErrorStr(status));
	return -EIO;
}

/* ---- open and close ---- */

static int config_create(struct va_encode *e)
{
	const struct va_choice *c = &e->choice;
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
	return failed("vaCreateConfig", status);
}

static int context_create(struct va_encode *e)
{
	int width = (e->sequence.width + 15) & ~15, height = (e->sequence.height + 15) & ~15;
	VAStatus status = vaCreateSurfaces(e->va.display, VA_RT_FORMAT_YUV420, (unsigned int)width,
					   (unsigned int)height, e->references, 2, NULL, 0);
	if (status != VA_STATUS_SUCCESS) {
		e->references[0] = VA_INVALID_ID;
		return failed("vaCreateSurfaces", status);
	}
	status = vaCreateContext(e->va.display, e->config, width, height, VA_PROGRESSIVE, e->references, 2,
				 &e->context);
	if (status != VA_STATUS_SUCCESS) {
		e->context = VA_INVALID_ID;
		return failed("vaCreateContext", status);
	}
	unsigned int room = (unsigned int)(width * height * 3 / 2 + 4096);
	status = vaCreateBuffer(e->va.display, e->context, VAEncCodedBufferType, room, 1, NULL, &e->coded);
	if (status != VA_STATUS_SUCCESS) {
		e->coded = VA_INVALID_ID;
		return failed("vaCreateBuffer", status);
	}
	e->capacity = room + 2 * sizeof(struct h264_header);
	e->bytes = malloc(e->capacity);
	return e->bytes ? 0 : -ENOMEM;
}

/* A display that can encode such a stream. */
static int display_open(struct va_encode *e, const char *address, char *why, size_t why_bytes)
{
	char nodes[VA_NODES_MAX][VA_NODE_BYTES];
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
			r = va_choose(&can, e->sequence.width, e->sequence.height, &e->choice, why, why_bytes);
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
	int r = 0;
	for (int i = 0; r == 0 && i < UNIT_CHECKS - 1; i++) {
		struct frame *frame;
		struct encoded out;
		r = frame_new(FRAME_I420, e->sequence.width, e->sequence.height, &frame);
		if (r < 0)
			break;
		trial_draw(frame, i);
		r = va_encode_picture(e, frame, i == 0, &out);
		frame_release(frame);
	}
	e->pictures = 0;
	rate_control_init(&e->control, e->sequence.width, e->sequence.height, e->bitrate_bps, e->sequence.fps);
	return r;
}

static int parts_open(struct va_encode *e)
{
	int r = config_create(e);
	if (r == 0)
		r = context_create(e);
	if (r == 0)
		r = va_input_open(e->va.display, e->sequence.width, e->sequence.height, e->processes, &e->input);
	return r;
}

int va_encode_open(const char *address, const struct encoder_wish *wish, struct va_encode **ret_encode, char *why,
		   size_t why_bytes)
{
	struct va_encode *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->va.fd = -1;
	e->sequence = (struct h264_sequence){ wish->width, wish->height, wish->fps };
	e->bitrate_bps = wish->bitrate_bps;
	e->config = e->context = e->coded = VA_INVALID_ID;
	e->references[0] = e->references[1] = VA_INVALID_ID;
	rate_control_init(&e->control, wish->width, wish->height, wish->bitrate_bps, wish->fps);
	e->check = unit_check_new();
	int r = e->check ? display_open(e, address, why, why_bytes) : -ENOMEM;
	if (r == 0) {
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

static void buffers_destroy(struct va_encode *e)
{
	for (int i = 0; i < e->buffer_count; i++)
		vaDestroyBuffer(e->va.display, e->buffers[i]);
	e->buffer_count = 0;
}

void va_encode_close(struct va_encode *encode)
{
	struct va_encode *e = encode;
	if (!e)
		return;
	VADisplay d = e->va.display;
	if (d) {
		buffers_destroy(e);
		va_input_close(e->input);
		va_image_finish(&e->image);
		if (e->coded != VA_INVALID_ID)
			vaDestroyBuffer(d, e->coded);
		if (e->context != VA_INVALID_ID)
			vaDestroyContext(d, e->context);
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

/* ---- the buffers of one picture, in the order that every driver takes: sequence, picture, miscellaneous, packed
 * headers, slice ---- */

static int put(struct va_encode *e, VABufferType type, size_t size, const void *content)
{
	VABufferID *buffer = &e->buffers[e->buffer_count];
	if (e->buffer_count == BUFFERS_MAX)
		return -ENOBUFS;
	VAStatus status = vaCreateBuffer(e->va.display, e->context, type, (unsigned int)size, 1, (void *)content, buffer);
	if (status != VA_STATUS_SUCCESS)
		return failed("vaCreateBuffer", status);
	e->buffer_count++;
	return 0;
}

static int put_sequence(struct va_encode *e)
{
	VAEncSequenceParameterBufferH264 s;
	int width = e->sequence.width, height = e->sequence.height;
	memset(&s, 0, sizeof(s));
	s.level_idc = (uint8_t)h264_level(&e->sequence);
	s.intra_period = s.intra_idr_period = 0x7fffffff; /* never by itself */
	s.ip_period = 1;
	s.bits_per_second = e->choice.rate_control == VA_RC_CQP ? 0 : (uint32_t)e->bitrate_bps;
	s.max_num_ref_frames = 1;
	s.picture_width_in_mbs = (uint16_t)((width + 15) / 16);
	s.picture_height_in_mbs = (uint16_t)((height + 15) / 16);
	s.seq_fields.bits.chroma_format_idc = 1;
	s.seq_fields.bits.frame_mbs_only_flag = 1;
	s.seq_fields.bits.direct_8x8_inference_flag = 1;
	s.seq_fields.bits.log2_max_frame_num_minus4 = H264_FRAME_NUM_BITS - 4;
	s.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 = H264_ORDER_BITS - 4;
	s.frame_crop_right_offset = (uint32_t)(s.picture_width_in_mbs * 16 - width) / 2;
	s.frame_crop_bottom_offset = (uint32_t)(s.picture_height_in_mbs * 16 - height) / 2;
	s.frame_cropping_flag = s.frame_crop_right_offset || s.frame_crop_bottom_offset;
	s.vui_parameters_present_flag = 1;
	s.vui_fields.bits.timing_info_present_flag = 1;
	s.vui_fields.bits.bitstream_restriction_flag = 1;
	s.vui_fields.bits.log2_max_mv_length_horizontal = 15;
	s.vui_fields.bits.log2_max_mv_length_vertical = 15;
	s.vui_fields.bits.motion_vectors_over_pic_boundaries_flag = 1;
	s.num_units_in_tick = 1;
	s.time_scale = (uint32_t)e->sequence.fps * 2;
	return put(e, VAEncSequenceParameterBufferType, sizeof(s), &s);
}

static void no_picture(VAPictureH264 *picture)
{
	*picture = (VAPictureH264){ .picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID };
}

static VAPictureH264 reference_picture(const struct va_encode *e)
{
	int order = e->slice.order - 2;
	return (VAPictureH264){
		.picture_id = e->references[!e->current],
		.frame_idx = (uint32_t)((e->slice.frame_num - 1) & ((1 << H264_FRAME_NUM_BITS) - 1)),
		.flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE, .TopFieldOrderCnt = order, .BottomFieldOrderCnt = order,
	};
}

static int put_picture(struct va_encode *e)
{
	VAEncPictureParameterBufferH264 p;
	memset(&p, 0, sizeof(p));
	p.CurrPic = (VAPictureH264){
		.picture_id = e->references[e->current], .frame_idx = (uint32_t)e->slice.frame_num,
		.TopFieldOrderCnt = e->slice.order, .BottomFieldOrderCnt = e->slice.order,
	};
	for (int i = 0; i < 16; i++)
		no_picture(&p.ReferenceFrames[i]);
	if (!e->slice.idr)
		p.ReferenceFrames[0] = reference_picture(e);
	p.coded_buf = e->coded;
	p.frame_num = (uint16_t)e->slice.frame_num;
	p.pic_init_qp = H264_INIT_QP;
	p.pic_fields.bits.idr_pic_flag = e->slice.idr;
	p.pic_fields.bits.reference_pic_flag = 1;
	p.pic_fields.bits.deblocking_filter_control_present_flag = 1;
	return put(e, VAEncPictureParameterBufferType, sizeof(p), &p);
}

static int put_misc(struct va_encode *e, VAEncMiscParameterType type, size_t size, const void *content)
{
	uint64_t room[32] = { 0 }; /* a header of four bytes, then the content */
	VAEncMiscParameterBuffer *misc = (VAEncMiscParameterBuffer *)(void *)room;
	if (sizeof(*misc) + size > sizeof(room))
		return -ENOBUFS;
	misc->type = type;
	memcpy(misc->data, content, size);
	return put(e, VAEncMiscParameterBufferType, sizeof(*misc) + size, room);
}

/* The rate, when the driver holds it: HRD first, of one picture, so that no picture blocks the sender. */
static int put_rate(struct va_encode *e)
{
	uint32_t bps = (uint32_t)e->bitrate_bps, fps = (uint32_t)e->sequence.fps;
	const VAEncMiscParameterHRD hrd = { .buffer_size = bps / fps, .initial_buffer_fullness = bps / fps * 3 / 4 };
	const VAEncMiscParameterFrameRate rate = { .framerate = fps };
	VAEncMiscParameterRateControl control;
	memset(&control, 0, sizeof(control));
	control.bits_per_second = bps;
	control.target_percentage = 100;
	control.window_size = 500;
	control.rc_flags.bits.disable_bit_stuffing = 1;
	int r = put_misc(e, VAEncMiscParameterTypeHRD, sizeof(hrd), &hrd);
	if (r == 0)
		r = put_misc(e, VAEncMiscParameterTypeRateControl, sizeof(control), &control);
	if (r == 0)
		r = put_misc(e, VAEncMiscParameterTypeFrameRate, sizeof(rate), &rate);
	return r;
}

static int put_miscellaneous(struct va_encode *e)
{
	int r = 0;
	if (e->choice.rate_control != VA_RC_CQP && (e->slice.idr || e->rate_changed))
		r = put_rate(e);
	if (r == 0 && e->slice.idr && e->choice.can.qualities > 1) {
		const VAEncMiscParameterBufferQualityLevel level = {
			.quality_level = (uint32_t)(e->choice.can.qualities + 1) / 2
		};
		r = put_misc(e, VAEncMiscParameterTypeQualityLevel, sizeof(level), &level);
	}
	return r;
}

static int put_header(struct va_encode *e, uint32_t type, const struct h264_header *header)
{
	VAEncPackedHeaderParameterBuffer about;
	memset(&about, 0, sizeof(about));
	about.type = type;
	about.bit_length = (uint32_t)header->bits;
	about.has_emulation_bytes = 1;
	int r = put(e, VAEncPackedHeaderParameterBufferType, sizeof(about), &about);
	return r < 0 ? r : put(e, VAEncPackedHeaderDataBufferType, (header->bits + 7) / 8, header->bytes);
}

static int put_headers(struct va_encode *e)
{
	struct h264_header header;
	int r = 0;
	if (!e->choice.own_headers)
		return 0;
	if (e->slice.idr && e->choice.pps_alone) {
		h264_write_sps(&e->sequence, &header);
		r = put_header(e, VAEncPackedHeaderSequence, &header);
		h264_write_pps(&header);
		if (r == 0)
			r = put_header(e, VAEncPackedHeaderPicture, &header);
	} else if (e->slice.idr) {
		h264_write_sets(&e->sequence, &header);
		r = put_header(e, VAEncPackedHeaderSequence, &header);
	}
	if (r < 0)
		return r;
	h264_write_slice(&e->slice, &header);
	return put_header(e, VAEncPackedHeaderSlice, &header);
}

static int put_slice(struct va_encode *e)
{
	VAEncSliceParameterBufferH264 s;
	memset(&s, 0, sizeof(s));
	s.num_macroblocks = (uint32_t)(((e->sequence.width + 15) / 16) * ((e->sequence.height + 15) / 16));
	s.macroblock_info = VA_INVALID_ID;
	s.slice_type = e->slice.idr ? 2 : 0;
	s.idr_pic_id = (uint16_t)e->slice.idr_pic_id;
	s.pic_order_cnt_lsb = (uint16_t)(e->slice.order & ((1 << H264_ORDER_BITS) - 1));
	for (int i = 0; i < 32; i++) {
		no_picture(&s.RefPicList0[i]);
		no_picture(&s.RefPicList1[i]);
	}
	if (!e->slice.idr)
		s.RefPicList0[0] = reference_picture(e);
	s.slice_qp_delta = (int8_t)(e->slice.qp - H264_INIT_QP);
	return put(e, VAEncSliceParameterBufferType, sizeof(s), &s);
}

static int put_all(struct va_encode *e)
{
	int r = e->slice.idr ? put_sequence(e) : 0;
	if (r == 0)
		r = put_picture(e);
	if (r == 0)
		r = put_miscellaneous(e);
	if (r == 0)
		r = put_headers(e);
	return r == 0 ? put_slice(e) : r;
}

/* ---- one picture ---- */

static int submit(struct va_encode *e, VASurfaceID surface)
{
	VADisplay d = e->va.display;
	int r = put_all(e);
	if (r == 0) {
		VAStatus status = vaBeginPicture(d, e->context, surface);
		if (status == VA_STATUS_SUCCESS) {
			status = vaRenderPicture(d, e->context, e->buffers, e->buffer_count);
			VAStatus end = vaEndPicture(d, e->context);
			status = status == VA_STATUS_SUCCESS ? end : status;
		}
		r = status == VA_STATUS_SUCCESS ? 0 : failed("vaRenderPicture", status);
	}
	buffers_destroy(e);
	return r;
}

/* As shortly as the driver lets us say; the guard watches those that do not. */
static VAStatus wait_tick(struct va_encode *e, VASurfaceID surface)
{
	VAStatus status = VA_STATUS_ERROR_UNIMPLEMENTED;
	if (!e->no_sync_buffer)
		status = vaSyncBuffer(e->va.display, e->coded, TICK_NS);
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
	return status == VA_STATUS_SUCCESS ? 0 : failed("vaSyncBuffer", status);
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
	VAStatus status = vaMapBuffer(e->va.display, e->coded, &segments);
	if (status != VA_STATUS_SUCCESS)
		return failed("vaMapBuffer", status);
	int r = gather(e, segments, size);
	status = vaUnmapBuffer(e->va.display, e->coded);
	if (r < 0)
		log_warning("driver: the coded picture is marked as bad");
	return r == 0 && status != VA_STATUS_SUCCESS ? failed("vaUnmapBuffer", status) : r;
}

/* Whether what the driver made is one access unit of the kind that was asked for; parameter sets that it left out
 * are put before an IDR. */
static int look_over(struct va_encode *e, size_t *size)
{
	struct h264_nal nal;
	bool sets = false, slices = false, bad = false;
	for (size_t at = 0; h264_next_nal(e->bytes, *size, &at, &nal);) {
		sets |= nal.type == H264_SPS;
		slices |= nal.type == (e->slice.idr ? H264_IDR : H264_SLICE);
		bad |= nal.bytes[0] & 0x80 || nal.type == (e->slice.idr ? H264_SLICE : H264_IDR);
	}
	if (bad || !slices) {
		log_warning("driver: the coded picture is not what was asked for");
		return -EIO;
	}
	if (!e->slice.idr || sets)
		return 0;
	struct h264_header header;
	h264_write_sets(&e->sequence, &header);
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
		if (r < 0 || e->choice.rate_control != VA_RC_CQP)
			return r;
		if (rate_control_accept(&e->control, e->slice.idr, &e->slice.qp, *size) || tries == AGAIN_MAX)
			return 0;
	}
}

static void slice_begin(struct va_encode *e, bool idr)
{
	e->slice.idr = idr;
	if (!idr)
		return;
	e->slice.frame_num = e->slice.order = 0;
	e->slice.idr_pic_id = !e->slice.idr_pic_id;
}

static void slice_end(struct va_encode *e)
{
	e->slice.frame_num = (e->slice.frame_num + 1) & ((1 << H264_FRAME_NUM_BITS) - 1);
	e->slice.order += 2;
	e->current = !e->current;
	e->rate_changed = false;
	e->pictures++;
}

int va_encode_picture(struct va_encode *encode, struct frame *frame, bool idr, struct encoded *ret_encoded)
{
	struct va_encode *e = encode;
	VASurfaceID surface;
	size_t size = 0;
	idr |= e->pictures == 0;
	e->slice.qp = H264_INIT_QP;
	if (e->choice.rate_control == VA_RC_CQP && !rate_control_next(&e->control, idr, &e->slice.qp)) {
		*ret_encoded = (struct encoded){ .size = 0 };
		return 0;
	}
	int r = va_input_surface(e->input, frame, &surface);
	if (r < 0)
		return r;
	slice_begin(e, idr);
	r = code_to_rate(e, surface, &size);
	if (r == 0)
		r = unit_check(e->check, frame, e->sequence.width, e->sequence.height, e->bytes, size);
	if (r < 0)
		return r == -EBADMSG ? -EIO : r;
	slice_end(e);
	*ret_encoded = (struct encoded){ .bytes = e->bytes, .size = size, .keyframe = idr };
	return 0;
}

void va_encode_set_rate(struct va_encode *encode, int bitrate_bps, int fps)
{
	encode->bitrate_bps = bitrate_bps;
	encode->sequence.fps = fps;
	encode->rate_changed = true;
	rate_control_set(&encode->control, bitrate_bps, fps);
}

void va_encode_describe(const struct va_encode *encode, char *text, size_t text_bytes)
{
	char words[32];
	va_choice_words(&encode->choice, words, sizeof(words));
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
	return va_image_read(&encode->image, encode->references[!encode->current], encode->sequence.width,
			     encode->sequence.height, ret_frame);
}
