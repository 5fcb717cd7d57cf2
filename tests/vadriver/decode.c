/* decode: H.264 VLD through libavcodec's software decoder, one for each context. The parameter sets are written anew
 * from the VA buffers, the slices come with their own headers. The picture is taken where the decoder puts it,
 * before any reordering; libavcodec keeps its own references, in step with the surfaces. */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libyuv.h>
#include <string.h>

#include "tests/vadriver/context.h"
#include "tests/vadriver/headers.h"

enum { PPS_IDS = 256 };

struct decoder {
	AVCodecContext *avcodec;
	AVPacket *packet;
	AVFrame *current; /* where the decoder works, by its get_buffer2 */
	AVFrame *out;
	GByteArray *sps, *pps[PPS_IDS]; /* as last sent */
};

struct decode_work {
	bool have_picture, have_matrix;
	VAPictureParameterBufferH264 picture;
	VAIQMatrixBufferH264 matrix;
	GArray *slices; /* VASliceParameterBufferH264 */
	GArray *starts; /* guint: where slice i starts in data */
	GByteArray *data; /* NAL units without start code */
};

static int get_buffer(AVCodecContext *avcodec, AVFrame *frame, int flags)
{
	struct decoder *decoder = avcodec->opaque;
	int r = avcodec_default_get_buffer2(avcodec, frame, flags);
	if (r < 0)
		return r;
	av_frame_unref(decoder->current);
	return av_frame_ref(decoder->current, frame);
}

static void decode_close(struct context *context)
{
	struct decoder *decoder = context->state;
	av_frame_free(&decoder->current);
	av_frame_free(&decoder->out);
	av_packet_free(&decoder->packet);
	avcodec_free_context(&decoder->avcodec);
	g_byte_array_unref(decoder->sps);
	for (int i = 0; i < PPS_IDS; i++)
		g_byte_array_unref(decoder->pps[i]);
	g_clear_pointer(&context->state, g_free);
}

static VAStatus decode_open(struct context *context)
{
	struct decoder *decoder = g_new0(struct decoder, 1);
	const AVCodec *codec = avcodec_find_decoder_by_name("h264");
	context->state = decoder;
	decoder->avcodec = avcodec_alloc_context3(codec);
	decoder->packet = av_packet_alloc();
	decoder->current = av_frame_alloc();
	decoder->out = av_frame_alloc();
	decoder->sps = g_byte_array_new();
	for (int i = 0; i < PPS_IDS; i++)
		decoder->pps[i] = g_byte_array_new();
	decoder->avcodec->opaque = decoder;
	decoder->avcodec->get_buffer2 = get_buffer;
	decoder->avcodec->thread_count = 1;
	decoder->avcodec->thread_type = FF_THREAD_SLICE;
	decoder->avcodec->flags = AV_CODEC_FLAG_OUTPUT_CORRUPT;
	decoder->avcodec->flags2 = AV_CODEC_FLAG2_SHOW_ALL;
	decoder->avcodec->log_level_offset = 100; /* silent */
	if (codec != NULL && avcodec_open2(decoder->avcodec, codec, NULL) == 0)
		return VA_STATUS_SUCCESS;
	decode_close(context);
	return VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static void *decode_work_create(void)
{
	struct decode_work *work = g_new0(struct decode_work, 1);
	work->slices = g_array_new(FALSE, FALSE, sizeof(VASliceParameterBufferH264));
	work->starts = g_array_new(FALSE, FALSE, sizeof(guint));
	work->data = g_byte_array_new();
	return work;
}

static void decode_work_destroy(void *data)
{
	struct decode_work *work = data;
	g_array_unref(work->slices);
	g_array_unref(work->starts);
	g_byte_array_unref(work->data);
	g_free(work);
}

/* Slice parameters wait for the data buffer that follows them. */
static VAStatus take_data(struct report *report, struct decode_work *work, const struct buffer *buffer)
{
	uint64_t size = (uint64_t)buffer->size * buffer->count;
	if (work->starts->len == work->slices->len) {
		report_violation(report, "order: slice data without slice parameters");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	while (work->starts->len < work->slices->len) {
		const VASliceParameterBufferH264 *slice = &g_array_index(work->slices,
				VASliceParameterBufferH264, work->starts->len);
		if (slice->slice_data_flag != VA_SLICE_DATA_FLAG_ALL ||
				(uint64_t)slice->slice_data_offset + slice->slice_data_size > size ||
				slice->slice_data_size < 2) {
			report_violation(report, "slice data: offset %u, size %u, flag %u do not fit %u bytes",
					slice->slice_data_offset, slice->slice_data_size,
					slice->slice_data_flag, (unsigned int)size);
			return VA_STATUS_ERROR_INVALID_PARAMETER;
		}
		g_array_append_val(work->starts, work->data->len);
		g_byte_array_append(work->data, buffer->bytes + slice->slice_data_offset,
				slice->slice_data_size);
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus decode_render(struct context *context, struct job *job, const struct buffer *buffer)
{
	struct decode_work *work = job->work;
	struct report *report = &context->driver->report;
	size_t size = (size_t)buffer->size * buffer->count;
	switch ((int)buffer->type) {
	case VAPictureParameterBufferType:
		if (size < sizeof(work->picture))
			break;
		memcpy(&work->picture, buffer->bytes, sizeof(work->picture));
		work->have_picture = true;
		return VA_STATUS_SUCCESS;
	case VAIQMatrixBufferType:
		if (size < sizeof(work->matrix))
			break;
		memcpy(&work->matrix, buffer->bytes, sizeof(work->matrix));
		work->have_matrix = true;
		return VA_STATUS_SUCCESS;
	case VASliceParameterBufferType:
		if (!work->have_picture)
			report_violation(report, "order: slice parameters before picture parameters");
		if (buffer->size < sizeof(VASliceParameterBufferH264))
			break;
		for (unsigned int i = 0; i < buffer->count; i++)
			g_array_append_vals(work->slices, buffer->bytes + (size_t)i * buffer->size, 1);
		return VA_STATUS_SUCCESS;
	case VASliceDataBufferType:
		return take_data(report, work, buffer);
	default:
		report_violation(report, "vaRenderPicture: buffer type %d in a decoder", (int)buffer->type);
		return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
	}
	report_violation(report, "vaRenderPicture: buffer of type %d is too small", (int)buffer->type);
	return VA_STATUS_ERROR_INVALID_BUFFER;
}

static VAStatus decode_end(struct context *context, struct job *job)
{
	struct decode_work *work = job->work;
	struct driver *driver = context->driver;
	const VAPictureParameterBufferH264 *p = &work->picture;
	if (!work->have_picture || work->slices->len == 0 || work->starts->len != work->slices->len) {
		report_violation(&driver->report, "vaEndPicture: a picture without %s",
				!work->have_picture ? "picture parameters" : "slices");
		return VA_STATUS_ERROR_INVALID_PARAMETER;
	}
	if (p->CurrPic.picture_id != job->target->object.id)
		report_violation(&driver->report, "vaEndPicture: CurrPic %#x is not the target %#x",
				p->CurrPic.picture_id, job->target->object.id);
	if (g_array_index(work->slices, VASliceParameterBufferH264, 0).first_mb_in_slice != 0)
		report_violation(&driver->report, "vaEndPicture: the first slice does not begin the picture");
	if (p->seq_fields.bits.chroma_format_idc != 1 || p->bit_depth_luma_minus8 != 0 ||
			p->bit_depth_chroma_minus8 != 0 || p->seq_fields.bits.pic_order_cnt_type == 1 ||
			p->pic_fields.bits.field_pic_flag ||
			job->target->fourcc != VA_FOURCC_NV12 || !job->target->writable)
		return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
	for (int i = 0; i < 16; i++) {
		const VAPictureH264 *reference = &p->ReferenceFrames[i];
		if (reference->picture_id == VA_INVALID_SURFACE || (reference->flags & VA_PICTURE_H264_INVALID))
			continue;
		struct surface *surface = object_find(&driver->objects, reference->picture_id, OBJECT_SURFACE,
				"ReferenceFrames");
		if (surface == NULL)
			return VA_STATUS_ERROR_INVALID_SURFACE;
		if (job_use(job, surface, false) < 0)
			return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
	}
	return VA_STATUS_SUCCESS;
}

static struct h264_sps sps_of(VAProfile profile, const VAPictureParameterBufferH264 *p)
{
	uint32_t height = (uint32_t)p->picture_height_in_mbs_minus1 + 1;
	struct h264_sps sps = {
		.profile_idc = profile == VAProfileH264High ? 100 : profile == VAProfileH264Main ? 77 : 66,
		.level_idc = 52,
		.log2_max_frame_num = p->seq_fields.bits.log2_max_frame_num_minus4 + 4u,
		.poc_type = p->seq_fields.bits.pic_order_cnt_type,
		.log2_max_poc_lsb = p->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4u,
		.max_num_ref_frames = p->num_ref_frames,
		.gaps_allowed = p->seq_fields.bits.gaps_in_frame_num_value_allowed_flag,
		.width_mbs = (uint32_t)p->picture_width_in_mbs_minus1 + 1,
		.height_map_units = p->seq_fields.bits.frame_mbs_only_flag ? height : height / 2,
		.frame_mbs_only = p->seq_fields.bits.frame_mbs_only_flag,
		.mbaff = p->seq_fields.bits.mb_adaptive_frame_field_flag,
		.direct_8x8_inference = p->seq_fields.bits.direct_8x8_inference_flag,
	};
	return sps;
}

static struct h264_pps pps_of(const struct decode_work *work)
{
	const VAPictureParameterBufferH264 *p = &work->picture;
	struct h264_pps pps = {
		.cabac = p->pic_fields.bits.entropy_coding_mode_flag,
		.bottom_field_poc = p->pic_fields.bits.pic_order_present_flag,
		.num_ref_l0 = 1,
		.num_ref_l1 = 1,
		.weighted = p->pic_fields.bits.weighted_pred_flag,
		.bipred = p->pic_fields.bits.weighted_bipred_idc,
		.qp = p->pic_init_qp_minus26 + 26,
		.chroma_qp_offset = p->chroma_qp_index_offset,
		.second_chroma_qp_offset = p->second_chroma_qp_index_offset,
		.deblocking_control = p->pic_fields.bits.deblocking_filter_control_present_flag,
		.constrained_intra = p->pic_fields.bits.constrained_intra_pred_flag,
		.redundant = p->pic_fields.bits.redundant_pic_cnt_present_flag,
		.transform_8x8 = p->pic_fields.bits.transform_8x8_mode_flag,
	};
	if (work->have_matrix) {
		memcpy(pps.lists_4x4, work->matrix.ScalingList4x4, sizeof(pps.lists_4x4));
		memcpy(pps.lists_8x8, work->matrix.ScalingList8x8, sizeof(pps.lists_8x8));
		for (size_t i = 0; i < sizeof(pps.lists_4x4); i++)
			pps.scaling |= ((uint8_t *)pps.lists_4x4)[i] != 16;
		for (size_t i = 0; i < sizeof(pps.lists_8x8) && pps.transform_8x8; i++)
			pps.scaling |= ((uint8_t *)pps.lists_8x8)[i] != 16;
	}
	return pps;
}

static void append_unit(GByteArray *stream, uint8_t header, const uint8_t *rbsp, size_t size)
{
	const uint8_t start[5] = { 0, 0, 0, 1, header };
	g_byte_array_append(stream, start, header != 0 ? 5 : 4);
	nal_escape(stream, rbsp, size);
}

/* Appends the set unless the decoder has the very same. */
static bool append_changed(GByteArray *stream, uint8_t header, GByteArray *last,
		const struct bit_writer *set)
{
	if (last->len == set->size && memcmp(last->data, set->bytes, set->size) == 0)
		return false;
	g_byte_array_set_size(last, 0);
	g_byte_array_append(last, set->bytes, (guint)set->size);
	append_unit(stream, header, set->bytes, set->size);
	return true;
}

/* The slice's own header says which PPS it means, and whether the counts of references are the PPS's. */
static int slice_look(const struct decode_work *work, guint index, const struct h264_sps *sps,
		struct h264_pps *pps)
{
	guint start = g_array_index(work->starts, guint, index);
	const VASliceParameterBufferH264 *s = &g_array_index(work->slices, VASliceParameterBufferH264, index);
	g_autoptr(GByteArray) rbsp = g_byte_array_new();
	struct bit_reader reader;
	struct h264_slice slice;
	nal_unescape(rbsp, work->data->data + start, MIN(s->slice_data_size, 256));
	bit_reader_init(&reader, rbsp->data, (size_t)rbsp->len * 8);
	if (slice_read_pps_id(&reader, &pps->id) < 0)
		return -EBADMSG;
	bit_reader_init(&reader, rbsp->data, (size_t)rbsp->len * 8);
	if (slice_read(&reader, sps, pps, &slice) < 0)
		return -EBADMSG;
	if (slice.type != SLICE_I && !slice.override) {
		pps->num_ref_l0 = s->num_ref_idx_l0_active_minus1 + 1u;
		if (slice.type == SLICE_B)
			pps->num_ref_l1 = s->num_ref_idx_l1_active_minus1 + 1u;
	}
	return 0;
}

static int stream_make(struct context *context, const struct decode_work *work, GByteArray *stream)
{
	struct decoder *decoder = context->state;
	const struct h264_sps sps = sps_of(context->profile, &work->picture);
	struct h264_pps pps = pps_of(work);
	struct bit_writer writer;
	for (guint i = 0; i < work->slices->len; i++) {
		if (slice_look(work, i, &sps, &pps) < 0)
			return -EBADMSG;
	}
	bit_writer_init(&writer);
	sps_write(&writer, &sps);
	if (append_changed(stream, 0x67, decoder->sps, &writer)) {
		for (int i = 0; i < PPS_IDS; i++)
			g_byte_array_set_size(decoder->pps[i], 0);
	}
	bit_writer_finish(&writer);
	bit_writer_init(&writer);
	pps_write(&writer, &pps);
	append_changed(stream, 0x68, decoder->pps[pps.id], &writer);
	bit_writer_finish(&writer);
	for (guint i = 0; i < work->slices->len; i++) {
		const uint8_t start[4] = { 0, 0, 0, 1 };
		g_byte_array_append(stream, start, sizeof(start));
		g_byte_array_append(stream, work->data->data + g_array_index(work->starts, guint, i),
				g_array_index(work->slices, VASliceParameterBufferH264, i).slice_data_size);
	}
	return 0;
}

static void picture_take(const AVFrame *frame, const struct surface *to)
{
	int width = MIN(frame->width, (int)to->width), height = MIN(frame->height, (int)to->height);
	surface_access_begin(to, true);
	I420ToNV12(frame->data[0], frame->linesize[0], frame->data[1], frame->linesize[1], frame->data[2],
			frame->linesize[2], to->bytes + to->offset[0], (int)to->pitch[0],
			to->bytes + to->offset[1], (int)to->pitch[1], width, height);
	surface_access_end(to, true);
}

static VAStatus decode_run(struct context *context, struct job *job)
{
	struct decoder *decoder = context->state;
	g_autoptr(GByteArray) stream = g_byte_array_new();
	bool damaged = false;
	if (stream_make(context, job->work, stream) < 0 ||
			av_new_packet(decoder->packet, (int)stream->len) < 0)
		return VA_STATUS_ERROR_DECODING_ERROR;
	memcpy(decoder->packet->data, stream->data, stream->len);
	int r = avcodec_send_packet(decoder->avcodec, decoder->packet);
	av_packet_unref(decoder->packet);
	while (avcodec_receive_frame(decoder->avcodec, decoder->out) == 0) {
		damaged |= decoder->out->decode_error_flags != 0;
		av_frame_unref(decoder->out);
	}
	const AVFrame *frame = decoder->current;
	if (r < 0 || damaged || frame->data[0] == NULL ||
			(frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P))
		return VA_STATUS_ERROR_DECODING_ERROR;
	picture_take(frame, job->target);
	return VA_STATUS_SUCCESS;
}

const struct codec decode_codec = {
	.kind = CONTEXT_DECODE,
	.error = VA_STATUS_ERROR_DECODING_ERROR,
	.open = decode_open,
	.close = decode_close,
	.work_create = decode_work_create,
	.work_destroy = decode_work_destroy,
	.render = decode_render,
	.end = decode_end,
	.run = decode_run,
};
