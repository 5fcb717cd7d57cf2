/* encode: H.264 EncSlice and EncSliceLP. A picture's buffers are gathered and checked while the program renders
 * them; the worker encodes the slices, puts the program's headers (or, where it gave none, the driver's) before
 * them, and leaves reconstruction and coded segments. Settings of misc buffers last until the next of their kind. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/vadriver/context.h"
#include "tests/vadriver/deblock.h"
#include "tests/vadriver/packed.h"
#include "tests/vadriver/rate.h"
#include "tests/vadriver/slice.h"

/* The order of a picture's buffers that suits every driver. */
enum stage { STAGE_NONE, STAGE_SEQUENCE, STAGE_PICTURE, STAGE_MISC, STAGE_HEADER, STAGE_SLICE };

enum { TRIES = 4 };

struct encode_settings {
	bool have_sequence;
	VAEncSequenceParameterBufferH264 sequence;
	VAEncMiscParameterRateControl rate_control;
	double frames_per_second; /* 0: of the sequence */
	size_t max_frame_bits;
};

struct encoder {
	struct encode_settings settings; /* as rendered so far; lock */
	bool wants_quality; /* a quality level was given once; lock */
	struct rate rate; /* the worker's */
	struct coder coder;
	bool coder_ready;
};

struct encode_slice {
	VAEncSliceParameterBufferH264 parameters;
	struct packed *header; /* of packed; NULL: none given */
};

struct encode_work {
	enum stage stage;
	bool have_sequence, have_picture, have_hrd, late_hrd, have_quality;
	struct encode_settings settings; /* as of vaEndPicture */
	struct encode_parameters parameters;
	GPtrArray *packed; /* struct packed, in order */
	GArray *slices; /* struct encode_slice */
	struct surface *reconstructed, *reference; /* held by the job */
	unsigned int slice_headers;
};

static VAStatus encode_open(struct context *context)
{
	struct encoder *encoder = g_new0(struct encoder, 1);
	context->state = encoder;
	return VA_STATUS_SUCCESS;
}

static void encode_close(struct context *context)
{
	struct encoder *encoder = context->state;
	if (encoder->coder_ready)
		coder_finish(&encoder->coder);
	g_clear_pointer(&context->state, g_free);
}

static void *encode_work_create(void)
{
	struct encode_work *work = g_new0(struct encode_work, 1);
	work->packed = g_ptr_array_new_with_free_func(packed_free);
	work->slices = g_array_new(FALSE, TRUE, sizeof(struct encode_slice));
	return work;
}

static void encode_work_destroy(void *data)
{
	struct encode_work *work = data;
	g_ptr_array_unref(work->packed);
	g_array_unref(work->slices);
	g_free(work);
}

/* ---- rendering ---- */

/* Works with some drivers only. */
static void unwise_order(struct context *context, const char *later, const char *earlier)
{
	struct report *report = &context->driver->report;
	if (context->driver->personality.strict_order)
		report_violation(report, "order: %s after %s", later, earlier);
	else
		report_note(report, "order: %s after %s", later, earlier);
}

static const char *stage_name(enum stage stage)
{
	switch (stage) {
	case STAGE_NONE:
		return "nothing";
	case STAGE_SEQUENCE:
		return "sequence parameters";
	case STAGE_PICTURE:
		return "picture parameters";
	case STAGE_MISC:
		return "misc parameters";
	case STAGE_HEADER:
		return "packed headers";
	case STAGE_SLICE:
		return "slice parameters";
	}
	return NULL;
}

static void enter(struct context *context, struct encode_work *work, enum stage stage)
{
	if (stage < work->stage)
		unwise_order(context, stage_name(stage), stage_name(work->stage));
	work->stage = MAX(stage, work->stage);
}

static VAStatus misc_render(struct context *context, struct encode_work *work, const struct buffer *buffer)
{
	struct encoder *encoder = context->state;
	const VAEncMiscParameterBuffer *misc = (const VAEncMiscParameterBuffer *)buffer->bytes;
	size_t size = (size_t)buffer->size * buffer->count - offsetof(VAEncMiscParameterBuffer, data);
	switch ((int)misc->type) {
	case VAEncMiscParameterTypeRateControl:
		if (size < sizeof(encoder->settings.rate_control))
			return VA_STATUS_ERROR_INVALID_BUFFER;
		memcpy(&encoder->settings.rate_control, misc->data, sizeof(encoder->settings.rate_control));
		work->late_hrd = !work->have_hrd;
		break;
	case VAEncMiscParameterTypeFrameRate: {
		uint32_t rate = ((const VAEncMiscParameterFrameRate *)misc->data)->framerate;
		encoder->settings.frames_per_second = (double)(rate & 0xffff) / MAX(rate >> 16, 1);
		break;
	}
	case VAEncMiscParameterTypeHRD:
		if (work->late_hrd)
			unwise_order(context, "HRD", "rate control");
		work->have_hrd = true;
		break;
	case VAEncMiscParameterTypeMaxFrameSize:
		encoder->settings.max_frame_bits =
				((const VAEncMiscParameterBufferMaxFrameSize *)misc->data)->max_frame_size;
		break;
	case VAEncMiscParameterTypeQualityLevel:
		work->have_quality = encoder->wants_quality = true;
		break;
	default:
		break; /* changes nothing here */
	}
	return VA_STATUS_SUCCESS;
}

static uint32_t announced_bit(uint32_t type)
{
	switch (type) {
	case VAEncPackedHeaderSequence:
		return VA_ENC_PACKED_HEADER_SEQUENCE;
	case VAEncPackedHeaderPicture:
		return VA_ENC_PACKED_HEADER_PICTURE;
	case VAEncPackedHeaderSlice:
		return VA_ENC_PACKED_HEADER_SLICE;
	case VAEncPackedHeaderRawData:
		return VA_ENC_PACKED_HEADER_RAW_DATA | VA_ENC_PACKED_HEADER_MISC;
	default:
		return VA_ENC_PACKED_HEADER_MISC;
	}
}

static struct packed *last_packed(const struct encode_work *work)
{
	return work->packed->len > 0 ? g_ptr_array_index(work->packed, work->packed->len - 1) : NULL;
}

static VAStatus header_render(struct context *context, struct encode_work *work, const struct buffer *buffer)
{
	struct report *report = &context->driver->report;
	const VAEncPackedHeaderParameterBuffer *p = (const VAEncPackedHeaderParameterBuffer *)buffer->bytes;
	const struct packed *last = last_packed(work);
	if (last != NULL && last->data == NULL)
		report_violation(report, "order: a packed header without data before another");
	if (!(context->packed & announced_bit(p->type)))
		report_violation(report, "packed header of type %u was not announced (%#x)", p->type,
				context->packed);
	if (p->type == VAEncPackedHeaderSlice && work->slices->len > work->slice_headers++)
		unwise_order(context, "packed slice header", "its slice parameters");
	enter(context, work, p->type == VAEncPackedHeaderSlice ? STAGE_SLICE : STAGE_HEADER);
	struct packed *packed = g_new0(struct packed, 1);
	packed->type = p->type;
	packed->bits = p->bit_length;
	packed->escaped = p->has_emulation_bytes;
	g_ptr_array_add(work->packed, packed);
	return VA_STATUS_SUCCESS;
}

static VAStatus header_data_render(struct context *context, struct encode_work *work,
		const struct buffer *buffer)
{
	struct report *report = &context->driver->report;
	struct packed *packed = last_packed(work);
	size_t size = (size_t)buffer->size * buffer->count;
	if (packed == NULL || packed->data != NULL) {
		report_violation(report, "order: packed header data without its parameters");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	size_t bytes = (packed->bits + 7) / 8;
	packed->data = g_byte_array_new();
	if (bytes > size || bytes < 5) {
		report_violation(report, "packed header: %u bits in %u bytes", (unsigned int)packed->bits,
				(unsigned int)size);
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	g_byte_array_append(packed->data, buffer->bytes, (guint)bytes);
	if (packed_start_code(packed) == 0) {
		report_violation(report, "packed header of type %u has no start code", packed->type);
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus slice_render(struct context *context, struct encode_work *work, const struct buffer *buffer)
{
	struct report *report = &context->driver->report;
	if (!work->have_picture)
		report_violation(report, "order: slice parameters before picture parameters");
	enter(context, work, STAGE_SLICE);
	for (unsigned int i = 0; i < buffer->count; i++) {
		struct encode_slice slice = { .header = NULL };
		memcpy(&slice.parameters, buffer->bytes + (size_t)i * buffer->size, sizeof(slice.parameters));
		if (work->slices->len == SLICES_MAX)
			return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
		g_array_append_val(work->slices, slice);
	}
	return VA_STATUS_SUCCESS;
}

/* The kinds of buffer and the least that they hold. */
static const struct {
	VABufferType type;
	size_t bytes;
} kinds[] = {
	{ VAEncSequenceParameterBufferType, sizeof(VAEncSequenceParameterBufferH264) },
	{ VAEncPictureParameterBufferType, sizeof(VAEncPictureParameterBufferH264) },
	{ VAEncSliceParameterBufferType, sizeof(VAEncSliceParameterBufferH264) },
	{ VAEncMiscParameterBufferType, offsetof(VAEncMiscParameterBuffer, data) + sizeof(uint32_t) },
	{ VAEncPackedHeaderParameterBufferType, sizeof(VAEncPackedHeaderParameterBuffer) },
	{ VAEncPackedHeaderDataBufferType, 1 },
};

static VAStatus encode_render(struct context *context, struct job *job, const struct buffer *buffer)
{
	struct encode_work *work = job->work;
	struct encoder *encoder = context->state;
	size_t least = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		least = kinds[i].type == buffer->type ? kinds[i].bytes : least;
	if (least == 0 || buffer->size < least) {
		report_violation(&context->driver->report,
				"vaRenderPicture: buffer type %d of %u bytes in an encoder", (int)buffer->type,
				buffer->size);
		return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
	}
	switch ((int)buffer->type) {
	case VAEncSequenceParameterBufferType:
		enter(context, work, STAGE_SEQUENCE);
		memcpy(&encoder->settings.sequence, buffer->bytes, sizeof(encoder->settings.sequence));
		encoder->settings.have_sequence = work->have_sequence = true;
		return VA_STATUS_SUCCESS;
	case VAEncPictureParameterBufferType:
		enter(context, work, STAGE_PICTURE);
		memcpy(&work->parameters.picture, buffer->bytes, sizeof(work->parameters.picture));
		work->have_picture = true;
		return VA_STATUS_SUCCESS;
	case VAEncMiscParameterBufferType:
		enter(context, work, STAGE_MISC);
		return misc_render(context, work, buffer);
	case VAEncPackedHeaderParameterBufferType:
		return header_render(context, work, buffer);
	case VAEncPackedHeaderDataBufferType:
		return header_data_render(context, work, buffer);
	default:
		return slice_render(context, work, buffer);
	}
}

/* ---- vaEndPicture ---- */

static bool any_packed(const struct encode_work *work, enum nal_type type)
{
	for (guint i = 0; i < work->packed->len; i++) {
		const struct packed *packed = g_ptr_array_index(work->packed, i);
		if (packed->type != VAEncPackedHeaderSlice && packed_has(packed, type))
			return true;
	}
	return false;
}

/* The first packed slice header is the first slice's. */
static void slice_headers_assign(struct encode_work *work)
{
	guint slice = 0;
	for (guint i = 0; i < work->packed->len && slice < work->slices->len; i++) {
		struct packed *packed = g_ptr_array_index(work->packed, i);
		if (packed->type == VAEncPackedHeaderSlice)
			g_array_index(work->slices, struct encode_slice, slice++).header = packed;
	}
}

/* What was announced must come, and say what the parameters say. */
static void headers_check(const struct context *context, const struct encode_work *work)
{
	struct report *report = &context->driver->report;
	bool idr = work->parameters.picture.pic_fields.bits.idr_pic_flag;
	if (idr && (context->packed & VA_ENC_PACKED_HEADER_SEQUENCE) && !any_packed(work, NAL_SPS))
		report_violation(report, "missing: packed sequence headers are announced, an IDR has no SPS");
	if (idr && (context->packed & VA_ENC_PACKED_HEADER_PICTURE) && !any_packed(work, NAL_PPS))
		report_violation(report, "missing: packed picture headers are announced, an IDR has no PPS");
	for (guint i = 0; i < work->packed->len; i++) {
		const struct packed *packed = g_ptr_array_index(work->packed, i);
		if (packed->type != VAEncPackedHeaderSlice)
			packed_check(packed, &work->parameters, NULL, report);
	}
	for (guint i = 0; i < work->slices->len; i++) {
		const struct encode_slice *slice = &g_array_index(work->slices, struct encode_slice, i);
		if (slice->header != NULL)
			packed_check(slice->header, &work->parameters, &slice->parameters, report);
		else if (context->packed & VA_ENC_PACKED_HEADER_SLICE)
			report_violation(report, "missing: packed slice headers are announced, slice %u has none", i);
	}
}

/* NULL: this encoder can do what the parameters ask for. */
static const char *beyond(const struct context *context, const struct encode_work *work)
{
	const VAEncSequenceParameterBufferH264 *s = &work->parameters.sequence;
	const VAEncPictureParameterBufferH264 *p = &work->parameters.picture;
	uint32_t next = 0;
	if (s->picture_width_in_mbs != (context->width + 15) / 16 ||
			s->picture_height_in_mbs != (context->height + 15) / 16)
		return "the sequence's size is not the context's";
	if (!s->seq_fields.bits.frame_mbs_only_flag || s->seq_fields.bits.pic_order_cnt_type == 1)
		return "fields or picture order count type 1";
	if (p->pic_fields.bits.entropy_coding_mode_flag || p->pic_fields.bits.transform_8x8_mode_flag ||
			p->pic_fields.bits.weighted_pred_flag || p->pic_fields.bits.redundant_pic_cnt_present_flag)
		return "CABAC, 8x8 transform, weighted prediction or redundant pictures";
	if (p->pic_init_qp > 51 || p->chroma_qp_index_offset < -12 || p->chroma_qp_index_offset > 12)
		return "a QP out of range";
	for (guint i = 0; i < work->slices->len; i++) {
		const VAEncSliceParameterBufferH264 *slice =
				&g_array_index(work->slices, struct encode_slice, i).parameters;
		int qp = p->pic_init_qp + slice->slice_qp_delta, type = slice->slice_type % 5;
		if (qp < 0 || qp > 51 || slice->disable_deblocking_filter_idc > 2)
			return "a slice's QP or deblocking out of range";
		if (type != SLICE_I && (type != SLICE_P || p->pic_fields.bits.idr_pic_flag))
			return "a slice neither I nor P, or a P slice in an IDR";
		if (slice->macroblock_address != next || slice->num_macroblocks == 0)
			return "slices that do not follow each other";
		next += slice->num_macroblocks;
	}
	if (next != (uint32_t)s->picture_width_in_mbs * s->picture_height_in_mbs)
		return "slices that do not cover the picture";
	return NULL;
}

static struct surface *codec_surface(struct context *context, VASurfaceID id, const char *who)
{
	struct surface *surface = object_find(&context->driver->objects, id, OBJECT_SURFACE, who);
	if (surface != NULL &&
			(surface->fourcc != VA_FOURCC_NV12 || surface->imported ||
					surface->width < context->width || surface->height < context->height)) {
		report_violation(&context->driver->report, "%s: surface %#x does not suit", who, id);
		return NULL;
	}
	return surface;
}

static VAStatus take_surfaces(struct context *context, struct job *job, struct encode_work *work)
{
	const VAEncPictureParameterBufferH264 *p = &work->parameters.picture;
	work->reconstructed = codec_surface(context, p->CurrPic.picture_id, "CurrPic");
	if (work->reconstructed == NULL || job_use(job, work->reconstructed, true) < 0)
		return VA_STATUS_ERROR_INVALID_SURFACE;
	for (guint i = 0; i < work->slices->len; i++) {
		const VAEncSliceParameterBufferH264 *slice =
				&g_array_index(work->slices, struct encode_slice, i).parameters;
		VASurfaceID id = slice->RefPicList0[0].picture_id;
		if (slice->slice_type % 5 != SLICE_P)
			continue;
		bool listed = false;
		for (int r = 0; r < 16; r++)
			listed |= p->ReferenceFrames[r].picture_id == id;
		if (!listed)
			report_violation(&context->driver->report,
					"RefPicList0: surface %#x is not among ReferenceFrames", id);
		struct surface *reference = codec_surface(context, id, "RefPicList0");
		if (reference == NULL || (work->reference != NULL && work->reference != reference) ||
				job_use(job, reference, false) < 0)
			return VA_STATUS_ERROR_INVALID_SURFACE;
		work->reference = reference;
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus take_coded(struct context *context, struct job *job, VABufferID id)
{
	struct report *report = &context->driver->report;
	struct buffer *buffer = object_find(&context->driver->objects, id, OBJECT_BUFFER, "coded_buf");
	if (buffer == NULL || buffer->coded == NULL) {
		report_violation(report, "coded_buf: %#x is no coded buffer", id);
		return VA_STATUS_ERROR_INVALID_BUFFER;
	}
	if (buffer->mapped != 0 || buffer->coded->completed < buffer->coded->submitted)
		report_violation(report, "coded_buf: buffer %#x is still %s", id,
				buffer->mapped != 0 ? "mapped" : "in flight");
	job->coded = object_hold(buffer);
	return VA_STATUS_SUCCESS;
}

static VAStatus encode_end(struct context *context, struct job *job)
{
	struct encode_work *work = job->work;
	struct encoder *encoder = context->state;
	struct report *report = &context->driver->report;
	if (!work->have_picture || work->slices->len == 0 || !encoder->settings.have_sequence) {
		report_violation(report, "vaEndPicture: a picture without %s parameters",
				!work->have_picture	    ? "picture" :
				work->slices->len == 0 ? "slice" :
							 "sequence");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	work->settings = encoder->settings;
	work->parameters.sequence = encoder->settings.sequence;
	const struct packed *last = last_packed(work);
	const char *reason = beyond(context, work);
	if (last != NULL && last->data == NULL)
		reason = "a packed header without data";
	if (reason != NULL) {
		report_violation(report, "vaEndPicture: %s", reason);
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	if (job->target->fourcc != VA_FOURCC_NV12)
		return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
	slice_headers_assign(work);
	if (work->have_sequence && encoder->wants_quality && !work->have_quality)
		unwise_order(context, "no quality level", "sequence parameters");
	if (work->slice_headers > work->slices->len)
		report_violation(report, "order: %u packed slice headers for %u slices", work->slice_headers,
				work->slices->len);
	headers_check(context, work);
	VAStatus status = take_surfaces(context, job, work);
	return status == VA_STATUS_SUCCESS ? take_coded(context, job, work->parameters.picture.coded_buf) :
					     status;
}

/* ---- the worker ---- */

static double frames_per_second(const struct encode_settings *settings)
{
	const VAEncSequenceParameterBufferH264 *s = &settings->sequence;
	if (settings->frames_per_second > 0)
		return settings->frames_per_second;
	if (s->time_scale > 0 && s->num_units_in_tick > 0)
		return (double)s->time_scale / 2 / s->num_units_in_tick;
	return 30;
}

static struct rate_wish rate_wish_of(const struct context *context, const struct encode_settings *settings)
{
	const VAEncMiscParameterRateControl *rc = &settings->rate_control;
	double bits = rc->bits_per_second > 0 ? rc->bits_per_second :
		settings->sequence.bits_per_second > 0 ? settings->sequence.bits_per_second :
							 1000000;
	if (context->rate_control == VA_RC_VBR && rc->target_percentage > 0)
		bits = bits * MIN(rc->target_percentage, 100) / 100;
	return (struct rate_wish){
		.bits_per_second = bits,
		.frames_per_second = frames_per_second(settings),
		.initial_qp = (int)MIN(rc->initial_qp, 51),
		.min_qp = (int)MIN(rc->min_qp, 51),
		.max_qp = (int)MIN(rc->max_qp, 51),
		.max_frame_bits = settings->max_frame_bits,
	};
}

static void append_unit(GByteArray *stream, uint8_t header, const struct bit_writer *rbsp)
{
	const uint8_t start[5] = { 0, 0, 0, 1, header };
	g_byte_array_append(stream, start, header != 0 ? 5 : 4);
	nal_escape(stream, rbsp->bytes, rbsp->size);
}

/* The program's headers as they are; what an IDR still lacks is the driver's. */
static void headers_write(const struct context *context, const struct encode_work *work, GByteArray *stream)
{
	bool idr = work->parameters.picture.pic_fields.bits.idr_pic_flag;
	struct bit_writer writer;
	for (guint i = 0; i < work->packed->len; i++) {
		const struct packed *packed = g_ptr_array_index(work->packed, i);
		size_t start = packed_start_code(packed);
		if (packed->type == VAEncPackedHeaderSlice)
			continue;
		g_byte_array_append(stream, packed->data->data, (guint)start);
		if (packed->escaped)
			g_byte_array_append(stream, packed->data->data + start,
					packed->data->len - (guint)start);
		else
			nal_escape(stream, packed->data->data + start, packed->data->len - start);
	}
	if (idr && !any_packed(work, NAL_SPS)) {
		const struct h264_sps sps = packed_sps_of(context->profile, &work->parameters,
				frames_per_second(&work->settings));
		bit_writer_init(&writer);
		sps_write(&writer, &sps);
		append_unit(stream, 0x67, &writer);
		bit_writer_finish(&writer);
	}
	if (idr && !any_packed(work, NAL_PPS)) {
		const struct h264_pps pps = packed_pps_of(&work->parameters);
		bit_writer_init(&writer);
		pps_write(&writer, &pps);
		append_unit(stream, 0x68, &writer);
		bit_writer_finish(&writer);
	}
}

/* Slice headers carry the parameters' QP; where the rate control wants another and the header is the driver's own,
 * it says so itself. */
static void slice_prepare(struct coder *coder, const struct encode_work *work, guint index, int qp)
{
	const VAEncPictureParameterBufferH264 *p = &work->parameters.picture;
	const struct encode_slice *given = &g_array_index(work->slices, struct encode_slice, index);
	const VAEncSliceParameterBufferH264 *s = &given->parameters;
	bool filtered = p->pic_fields.bits.deblocking_filter_control_present_flag;
	coder->slices[index] = (struct slice){
		.first_mb = (int)s->macroblock_address,
		.count = (int)s->num_macroblocks,
		.type = (enum slice_type)(s->slice_type % 5),
		.qp = given->header != NULL ? p->pic_init_qp + s->slice_qp_delta : qp,
		.num_ref_l0 = (s->num_ref_idx_active_override_flag ? s->num_ref_idx_l0_active_minus1 :
								    p->num_ref_idx_l0_active_minus1) +
				1,
		.deblocking_idc = filtered ? s->disable_deblocking_filter_idc : 0,
		.alpha_offset = filtered ? s->slice_alpha_c0_offset_div2 * 2 : 0,
		.beta_offset = filtered ? s->slice_beta_offset_div2 * 2 : 0,
	};
}

static void slice_append(struct coder *coder, const struct encode_work *work, guint index, GByteArray *stream)
{
	const struct encode_slice *given = &g_array_index(work->slices, struct encode_slice, index);
	struct bit_writer writer;
	bit_writer_init(&writer);
	if (given->header != NULL) {
		packed_put_rbsp(given->header, &writer);
	} else {
		const struct h264_sps sps = packed_sps_of(VAProfileH264ConstrainedBaseline, &work->parameters, 30);
		const struct h264_pps pps = packed_pps_of(&work->parameters);
		struct h264_slice header = packed_slice_of(&work->parameters, &given->parameters);
		header.qp_delta = coder->slices[index].qp - work->parameters.picture.pic_init_qp;
		slice_write(&writer, &header, &sps, &pps);
	}
	slice_encode(coder, (int)index, &writer);
	put_trailing(&writer);
	if (given->header != NULL && packed_start_code(given->header) == 3) {
		const uint8_t start[3] = { 0, 0, 1 };
		g_byte_array_append(stream, start, sizeof(start));
		nal_escape(stream, writer.bytes, writer.size);
	} else {
		append_unit(stream, 0, &writer);
	}
	bit_writer_finish(&writer);
}

/* Encodes every slice at the QP; in CQP each slice has its own. */
static void picture_encode(const struct context *context, struct coder *coder, const struct encode_work *work,
		int qp, GByteArray *stream)
{
	const VAEncPictureParameterBufferH264 *p = &work->parameters.picture;
	coder_reset(coder);
	g_byte_array_set_size(stream, 0);
	headers_write(context, work, stream);
	for (guint i = 0; i < work->slices->len; i++) {
		int own = p->pic_init_qp +
				g_array_index(work->slices, struct encode_slice, i).parameters.slice_qp_delta;
		coder->qp = context->rate_control == VA_RC_CQP ? own : CLAMP(qp, MAX(own - 26, 0), own + 25);
		slice_prepare(coder, work, i, coder->qp);
		slice_append(coder, work, i, stream);
	}
	deblock(coder);
}

static void coded_fill(const struct job *job, const GByteArray *stream, unsigned int qp, bool by_unit)
{
	struct coded *coded = job->coded->coded;
	size_t room = (size_t)job->coded->size * job->coded->count, from = 0;
	unsigned int count = 0;
	memset(coded->segments, 0, sizeof(coded->segments));
	if (stream->len > room) {
		coded->segments[0].status = VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK;
		coded->segments[0].buf = job->coded->bytes;
		return;
	}
	memcpy(job->coded->bytes, stream->data, stream->len);
	for (size_t i = 1; i <= stream->len; i++) {
		bool unit = i + 3 < stream->len && stream->data[i] == 0 && stream->data[i + 1] == 0 &&
				stream->data[i + 2] == 0 && stream->data[i + 3] == 1;
		if (i < stream->len && !(unit && by_unit && count + 1 < CODED_SEGMENTS_MAX))
			continue;
		VACodedBufferSegment *segment = &coded->segments[count++];
		segment->buf = job->coded->bytes + from;
		segment->size = (uint32_t)(i - from);
		segment->status = qp | (by_unit ? VA_CODED_BUF_STATUS_SINGLE_NALU : 0);
		segment->next = i < stream->len ? segment + 1 : NULL;
		from = i;
	}
}

/* Appends the reconstruction, as planar 4:2:0 of the context's size, to the file of CALLBOX_VA_DUMP. */
static void dump(const struct context *context, const struct frame *frame)
{
	FILE *file = context->driver->dump != NULL ? fopen(context->driver->dump, "ae") : NULL;
	if (file == NULL)
		return;
	for (int c = 0; c < 3; c++) {
		unsigned int half = c > 0, width = (context->width + half) >> half;
		for (unsigned int y = 0; y < (context->height + half) >> half; y++)
			fwrite(frame->plane[c] + y * (unsigned int)frame->pitch[c], 1, width, file);
	}
	fclose(file);
}

static VAStatus encode_run(struct context *context, struct job *job)
{
	struct encoder *encoder = context->state;
	struct encode_work *work = job->work;
	struct coder *coder = &encoder->coder;
	const struct rate_wish wish = rate_wish_of(context, &work->settings);
	g_autoptr(GByteArray) stream = g_byte_array_new();
	bool controlled = context->rate_control != VA_RC_CQP, intra = work->reference == NULL;
	if (!encoder->coder_ready)
		coder_init(coder, work->parameters.sequence.picture_width_in_mbs,
				work->parameters.sequence.picture_height_in_mbs);
	encoder->coder_ready = true;
	coder->chroma_qp_offset = work->parameters.picture.chroma_qp_index_offset;
	coder->constrained_intra = work->parameters.picture.pic_fields.bits.constrained_intra_pred_flag;
	frame_load(&coder->source, job->target, false);
	if (work->reference != NULL)
		frame_load(&coder->reference, work->reference, true);
	int qp = controlled ? rate_qp(&encoder->rate, &wish, intra) : 0;
	for (int try = 0; try < TRIES; try++) {
		picture_encode(context, coder, work, qp, stream);
		int again = controlled ? rate_again(&encoder->rate, &wish, intra, qp, stream->len * 8) : qp;
		if (again == qp || try + 1 == TRIES)
			break;
		qp = again;
	}
	if (controlled)
		rate_spend(&encoder->rate, &wish, intra, qp, stream->len * 8);
	frame_store(&coder->reconstructed, work->reconstructed);
	dump(context, &coder->reconstructed);
	coded_fill(job, stream, (unsigned int)coder->qp, context->driver->personality.segments);
	return VA_STATUS_SUCCESS;
}

const struct codec encode_codec = {
	.kind = CONTEXT_ENCODE,
	.error = VA_STATUS_ERROR_ENCODING_ERROR,
	.open = encode_open,
	.close = encode_close,
	.work_create = encode_work_create,
	.work_destroy = encode_work_destroy,
	.render = encode_render,
	.end = encode_end,
	.run = encode_run,
};
