#include "tests/vadriver/stream.h"

#include <string.h>

enum { FRAMES_PER_SECOND = 30, CODED_BYTES = 1 << 20 };

static const uint8_t long_start[4] = { 0, 0, 0, 1 };

void stream_open(struct stream *s, VADisplay display, const struct stream_wish *wish)
{
	VAConfigAttrib attributes[3] = { { VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420 },
		{ VAConfigAttribRateControl, wish->rate_control },
		{ VAConfigAttribEncPackedHeaders, wish->packed } };
	VASurfaceID surfaces[3];
	*s = (struct stream){ .display = display, .wish = *wish };
	s->buffers = g_array_new(FALSE, FALSE, sizeof(VABufferID));
	g_assert_cmpint(vaCreateConfig(display, VAProfileH264ConstrainedBaseline, wish->entrypoint, attributes,
					wish->packed != 0 ? 3 : 2, &s->config), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH, STREAM_HEIGHT, surfaces, 3,
					NULL, 0), ==, VA_STATUS_SUCCESS);
	s->input = surfaces[0];
	s->spare[0] = surfaces[1];
	s->spare[1] = surfaces[2];
	g_assert_cmpint(vaCreateContext(display, s->config, STREAM_WIDTH, STREAM_HEIGHT, VA_PROGRESSIVE, surfaces,
					3, &s->context), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaCreateBuffer(display, s->context, VAEncCodedBufferType, CODED_BYTES, 1, NULL,
					&s->coded), ==, VA_STATUS_SUCCESS);
}

void stream_close(struct stream *s)
{
	vaDestroyBuffer(s->display, s->coded);
	vaDestroyContext(s->display, s->context);
	vaDestroySurfaces(s->display, &s->input, 1);
	vaDestroySurfaces(s->display, s->spare, 2);
	vaDestroyConfig(s->display, s->config);
	g_array_unref(s->buffers);
}

void stream_restart(struct stream *s)
{
	s->idr_pic_id = 0;
}

/* Makes a parameter buffer of the picture. */
static void add(struct stream *s, VABufferType type, size_t size, const void *bytes)
{
	VABufferID id;
	g_assert_cmpint(vaCreateBuffer(s->display, s->context, type, (unsigned int)size, 1, (void *)bytes, &id),
			==, VA_STATUS_SUCCESS);
	g_array_append_val(s->buffers, id);
}

static void add_misc(struct stream *s, VAEncMiscParameterType type, const void *bytes, size_t size)
{
	struct {
		VAEncMiscParameterType type;
		uint8_t data[256];
	} misc = { .type = type };
	G_STATIC_ASSERT(offsetof(VAEncMiscParameterBuffer, data) == 4);
	g_assert_cmpuint(size, <=, sizeof(misc.data));
	memcpy(misc.data, bytes, size);
	add(s, VAEncMiscParameterBufferType, sizeof(misc.type) + size, &misc);
}

static struct h264_sps stream_sps(void)
{
	return (struct h264_sps){ .profile_idc = 66, .constraints = 0xc0, .level_idc = 31,
		.log2_max_frame_num = 8, .poc_type = 0, .log2_max_poc_lsb = 8, .max_num_ref_frames = 1,
		.width_mbs = STREAM_MBS_X, .height_map_units = STREAM_MBS_Y, .frame_mbs_only = 1,
		.direct_8x8_inference = 1,
		.crop = { 0, (STREAM_MBS_X * 16 - STREAM_WIDTH) / 2, 0, (STREAM_MBS_Y * 16 - STREAM_HEIGHT) / 2 },
		.num_units_in_tick = 1, .time_scale = 2 * FRAMES_PER_SECOND, .vui = true };
}

static struct h264_pps stream_pps(const struct stream *s)
{
	return (struct h264_pps){ .num_ref_l0 = 1, .num_ref_l1 = 1, .qp = 26, .deblocking_control = 1,
		.chroma_qp_offset = s->wish.chroma_qp_offset,
		.second_chroma_qp_offset = s->wish.chroma_qp_offset,
		.constrained_intra = s->wish.constrained_intra };
}

static void add_sequence(struct stream *s)
{
	const struct h264_sps sps = stream_sps();
	VAEncSequenceParameterBufferH264 p = {
		.level_idc = (uint8_t)sps.level_idc,
		.intra_period = 0,
		.ip_period = 1,
		.bits_per_second = s->wish.bits_per_second,
		.max_num_ref_frames = 1,
		.picture_width_in_mbs = STREAM_MBS_X,
		.picture_height_in_mbs = STREAM_MBS_Y,
		.frame_cropping_flag = 1,
		.frame_crop_right_offset = sps.crop[1],
		.frame_crop_bottom_offset = sps.crop[3],
		.num_units_in_tick = sps.num_units_in_tick,
		.time_scale = sps.time_scale,
	};
	p.seq_fields.bits.chroma_format_idc = 1;
	p.seq_fields.bits.frame_mbs_only_flag = 1;
	p.seq_fields.bits.direct_8x8_inference_flag = 1;
	p.seq_fields.bits.log2_max_frame_num_minus4 = (sps.log2_max_frame_num - 4) & 15;
	p.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 = (sps.log2_max_poc_lsb - 4) & 15;
	add(s, VAEncSequenceParameterBufferType, sizeof(p), &p);
}

static void add_picture(struct stream *s, bool idr)
{
	VAEncPictureParameterBufferH264 p = { .coded_buf = s->coded, .pic_init_qp = 26,
		.frame_num = (uint16_t)s->frame_num };
	for (int i = 0; i < 16; i++)
		p.ReferenceFrames[i] = (VAPictureH264){ .picture_id = VA_INVALID_SURFACE,
			.flags = VA_PICTURE_H264_INVALID };
	p.CurrPic.picture_id = s->reconstructed;
	p.chroma_qp_index_offset = p.second_chroma_qp_index_offset = (int8_t)s->wish.chroma_qp_offset;
	p.pic_fields.bits.constrained_intra_pred_flag = s->wish.constrained_intra;
	if (!idr)
		p.ReferenceFrames[0] = (VAPictureH264){ .picture_id = s->spare[(s->submitted + 1) & 1],
			.flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE };
	p.pic_fields.bits.idr_pic_flag = idr;
	p.pic_fields.bits.reference_pic_flag = 1;
	p.pic_fields.bits.deblocking_filter_control_present_flag = 1;
	add(s, VAEncPictureParameterBufferType, sizeof(p), &p);
}

static void add_rate(struct stream *s)
{
	const VAEncMiscParameterRateControl rate = { .bits_per_second = s->wish.bits_per_second,
		.target_percentage = 100, .window_size = 1000 };
	const VAEncMiscParameterHRD hrd = { .buffer_size = s->wish.bits_per_second,
		.initial_buffer_fullness = s->wish.bits_per_second / 2 };
	const VAEncMiscParameterFrameRate frames = { .framerate = 1u << 16 | FRAMES_PER_SECOND };
	add_misc(s, VAEncMiscParameterTypeHRD, &hrd, sizeof(hrd));
	add_misc(s, VAEncMiscParameterTypeRateControl, &rate, sizeof(rate));
	add_misc(s, VAEncMiscParameterTypeFrameRate, &frames, sizeof(frames));
}

static void add_packed(struct stream *s, uint32_t type, const GByteArray *data, size_t bits, bool escaped)
{
	const VAEncPackedHeaderParameterBuffer p = { .type = type, .bit_length = (uint32_t)bits,
		.has_emulation_bytes = escaped };
	add(s, VAEncPackedHeaderParameterBufferType, sizeof(p), &p);
	add(s, VAEncPackedHeaderDataBufferType, data->len, data->data);
}

/* A parameter set with start code and emulation prevention. */
static void add_set(struct stream *s, uint32_t type, uint8_t header, const struct bit_writer *set)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	g_byte_array_append(data, long_start, sizeof(long_start));
	g_byte_array_append(data, &header, 1);
	nal_escape(data, set->bytes, set->size);
	add_packed(s, type, data, (size_t)data->len * 8, true);
}

static void add_sets(struct stream *s)
{
	const struct h264_sps sps = stream_sps();
	const struct h264_pps pps = stream_pps(s);
	struct bit_writer writer;
	if (s->wish.packed & VA_ENC_PACKED_HEADER_SEQUENCE) {
		bit_writer_init(&writer);
		sps_write(&writer, &sps);
		add_set(s, VAEncPackedHeaderSequence, 0x67, &writer);
		bit_writer_finish(&writer);
	}
	if (s->wish.packed & VA_ENC_PACKED_HEADER_PICTURE) {
		bit_writer_init(&writer);
		pps_write(&writer, &pps);
		add_set(s, VAEncPackedHeaderPicture, 0x68, &writer);
		bit_writer_finish(&writer);
	}
}

static void add_slice_header(struct stream *s, const struct h264_slice *slice)
{
	const struct h264_sps sps = stream_sps();
	const struct h264_pps pps = stream_pps(s);
	g_autoptr(GByteArray) data = g_byte_array_new();
	struct bit_writer writer;
	bit_writer_init(&writer);
	slice_write(&writer, slice, &sps, &pps);
	size_t bits = bit_writer_bits(&writer);
	put_bits(&writer, 0, (8 - writer.cached) % 8);
	g_byte_array_append(data, long_start, sizeof(long_start));
	g_byte_array_append(data, writer.bytes, (guint)writer.size);
	add_packed(s, VAEncPackedHeaderSlice, data, bits + 32, false);
	bit_writer_finish(&writer);
}

static void add_slice(struct stream *s, bool idr, int index)
{
	int total = STREAM_MBS_X * STREAM_MBS_Y;
	/* Slices that end within a row. */
	int first = total * index / s->wish.slices, end = total * (index + 1) / s->wish.slices;
	VAEncSliceParameterBufferH264 p = {
		.macroblock_address = (uint32_t)first,
		.num_macroblocks = (uint32_t)(end - first),
		.macroblock_info = VA_INVALID_ID,
		.slice_type = idr ? SLICE_I : SLICE_P,
		.idr_pic_id = (uint16_t)s->idr_pic_id,
		.pic_order_cnt_lsb = (uint16_t)(s->frame_num * 2 & 255),
		.slice_qp_delta = (int8_t)(s->wish.qp - 26),
		.disable_deblocking_filter_idc = (uint8_t)s->wish.deblocking_idc,
		.slice_alpha_c0_offset_div2 = (int8_t)(s->wish.deblocking_idc != 1 ? 1 : 0),
		.slice_beta_offset_div2 = (int8_t)(s->wish.deblocking_idc != 1 ? -1 : 0),
	};
	for (int i = 0; i < 32; i++)
		p.RefPicList0[i] = p.RefPicList1[i] = (VAPictureH264){ .picture_id = VA_INVALID_SURFACE,
			.flags = VA_PICTURE_H264_INVALID };
	if (!idr)
		p.RefPicList0[0] = (VAPictureH264){ .picture_id = s->spare[(s->submitted + 1) & 1],
			.flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE };
	if ((s->wish.packed & VA_ENC_PACKED_HEADER_SLICE) && !(s->mistakes & MISTAKE_NO_HEADERS)) {
		const struct h264_slice header = {
			.nal_type = idr ? NAL_IDR : NAL_SLICE,
			.nal_ref_idc = 1,
			.first_mb = p.macroblock_address,
			.type = p.slice_type,
			.frame_num = s->frame_num + (s->mistakes & MISTAKE_WRONG_HEADER ? 1 : 0),
			.idr_pic_id = s->idr_pic_id,
			.poc_lsb = p.pic_order_cnt_lsb,
			.qp_delta = p.slice_qp_delta,
			.deblocking_idc = p.disable_deblocking_filter_idc,
			.alpha_div2 = p.slice_alpha_c0_offset_div2,
			.beta_div2 = p.slice_beta_offset_div2,
		};
		add_slice_header(s, &header);
	}
	add(s, VAEncSliceParameterBufferType, sizeof(p), &p);
}

VAStatus stream_submit(struct stream *s, bool idr)
{
	s->reconstructed = s->spare[s->submitted & 1];
	s->frame_num = idr ? 0 : (s->frame_num + 1) & 255;
	if (s->mistakes & MISTAKE_ORDER)
		add_picture(s, idr);
	if (idr)
		add_sequence(s);
	if (!(s->mistakes & MISTAKE_ORDER))
		add_picture(s, idr);
	if (s->wish.rate_control != VA_RC_CQP)
		add_rate(s);
	if (idr && !(s->mistakes & MISTAKE_NO_HEADERS))
		add_sets(s);
	for (int i = 0; i < s->wish.slices; i++)
		add_slice(s, idr, i);
	g_assert_cmpint(vaBeginPicture(s->display, s->context, s->input), ==, VA_STATUS_SUCCESS);
	VAStatus status = vaRenderPicture(s->display, s->context, (VABufferID *)(void *)s->buffers->data,
			(int)s->buffers->len);
	VAStatus end = vaEndPicture(s->display, s->context);
	for (guint i = 0; i < s->buffers->len; i++)
		vaDestroyBuffer(s->display, g_array_index(s->buffers, VABufferID, i));
	g_array_set_size(s->buffers, 0);
	s->submitted++;
	s->idr_pic_id += idr;
	return status != VA_STATUS_SUCCESS ? status : end;
}

VAStatus stream_wait(const struct stream *s, unsigned int timeout_ms)
{
	return vaSyncBuffer(s->display, s->coded, (uint64_t)timeout_ms * 1000000);
}

GBytes *stream_take(const struct stream *s)
{
	GByteArray *all = g_byte_array_new();
	VACodedBufferSegment *segment;
	g_assert_cmpint(vaMapBuffer(s->display, s->coded, (void **)&segment), ==, VA_STATUS_SUCCESS);
	for (; segment != NULL; segment = segment->next)
		g_byte_array_append(all, segment->buf, segment->size);
	vaUnmapBuffer(s->display, s->coded);
	return g_byte_array_free_to_bytes(all);
}

uint32_t stream_status(const struct stream *s)
{
	VACodedBufferSegment *segment;
	g_assert_cmpint(vaMapBuffer(s->display, s->coded, (void **)&segment), ==, VA_STATUS_SUCCESS);
	uint32_t status = segment->status;
	vaUnmapBuffer(s->display, s->coded);
	return status;
}

/* ---- decoding ---- */

void stream_reader_open(struct stream_reader *r, VADisplay display)
{
	*r = (struct stream_reader){ .display = display };
	g_assert_cmpint(vaCreateConfig(display, VAProfileH264ConstrainedBaseline, VAEntrypointVLD, NULL, 0,
					&r->config), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaCreateSurfaces(display, VA_RT_FORMAT_YUV420, STREAM_WIDTH, STREAM_HEIGHT, r->surfaces, 2,
					NULL, 0), ==, VA_STATUS_SUCCESS);
	g_assert_cmpint(vaCreateContext(display, r->config, STREAM_WIDTH, STREAM_HEIGHT, VA_PROGRESSIVE,
					r->surfaces, 2, &r->context), ==, VA_STATUS_SUCCESS);
}

void stream_reader_close(struct stream_reader *r)
{
	vaDestroyContext(r->display, r->context);
	vaDestroySurfaces(r->display, r->surfaces, 2);
	vaDestroyConfig(r->display, r->config);
}

static VAStatus render(struct stream_reader *r, VABufferType type, size_t size, const void *bytes)
{
	VABufferID id;
	g_assert_cmpint(vaCreateBuffer(r->display, r->context, type, (unsigned int)size, 1, (void *)bytes, &id),
			==, VA_STATUS_SUCCESS);
	VAStatus status = vaRenderPicture(r->display, r->context, &id, 1);
	vaDestroyBuffer(r->display, id);
	return status;
}

static VAStatus picture_render(struct stream_reader *r, const struct h264_slice *slice)
{
	VAPictureParameterBufferH264 p = {
		.picture_width_in_mbs_minus1 = (uint16_t)(r->sps.width_mbs - 1),
		.picture_height_in_mbs_minus1 = (uint16_t)(r->sps.height_map_units - 1),
		.num_ref_frames = (uint8_t)r->sps.max_num_ref_frames,
		.pic_init_qp_minus26 = (int8_t)(r->pps.qp - 26),
		.chroma_qp_index_offset = (int8_t)r->pps.chroma_qp_offset,
		.second_chroma_qp_index_offset = (int8_t)r->pps.chroma_qp_offset,
		.frame_num = (uint16_t)slice->frame_num,
	};
	p.seq_fields.bits.chroma_format_idc = 1;
	p.seq_fields.bits.frame_mbs_only_flag = 1;
	p.seq_fields.bits.direct_8x8_inference_flag = r->sps.direct_8x8_inference & 1;
	p.seq_fields.bits.log2_max_frame_num_minus4 = (r->sps.log2_max_frame_num - 4) & 15;
	p.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 = (r->sps.log2_max_poc_lsb - 4) & 15;
	p.pic_fields.bits.deblocking_filter_control_present_flag = r->pps.deblocking_control & 1;
	p.pic_fields.bits.constrained_intra_pred_flag = r->pps.constrained_intra & 1;
	p.pic_fields.bits.reference_pic_flag = slice->nal_ref_idc != 0;
	for (int i = 0; i < 16; i++)
		p.ReferenceFrames[i] = (VAPictureH264){ .picture_id = VA_INVALID_SURFACE,
			.flags = VA_PICTURE_H264_INVALID };
	p.CurrPic.picture_id = r->surfaces[r->decoded & 1];
	if (slice->type == SLICE_P)
		p.ReferenceFrames[0] = (VAPictureH264){ .picture_id = r->surfaces[(r->decoded + 1) & 1],
			.flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE };
	return render(r, VAPictureParameterBufferType, sizeof(p), &p);
}

static VAStatus slice_render(struct stream_reader *r, const uint8_t *nal, size_t size, bool first)
{
	struct bit_reader reader;
	struct h264_slice slice;
	g_autoptr(GByteArray) plain = g_byte_array_new();
	nal_unescape(plain, nal, size);
	bit_reader_init(&reader, plain->data, (size_t)plain->len * 8);
	g_assert_cmpint(slice_read(&reader, &r->sps, &r->pps, &slice), ==, 0);
	VAStatus status = first ? picture_render(r, &slice) : VA_STATUS_SUCCESS;
	const VASliceParameterBufferH264 p = {
		.slice_data_size = (uint32_t)size,
		.slice_data_flag = VA_SLICE_DATA_FLAG_ALL,
		.slice_data_bit_offset = (uint16_t)reader.at,
		.first_mb_in_slice = (uint16_t)slice.first_mb,
		.slice_type = (uint8_t)slice.type,
	};
	if (status == VA_STATUS_SUCCESS)
		status = render(r, VASliceParameterBufferType, sizeof(p), &p);
	return status == VA_STATUS_SUCCESS ? render(r, VASliceDataBufferType, size, nal) : status;
}

static VAStatus nal_decode(struct stream_reader *r, const uint8_t *nal, size_t size, bool *first)
{
	struct bit_reader reader;
	g_autoptr(GByteArray) plain = g_byte_array_new();
	nal_unescape(plain, nal + 1, size - 1);
	bit_reader_init(&reader, plain->data, (size_t)plain->len * 8);
	switch (nal[0] & 31) {
	case NAL_SPS:
		g_assert_cmpint(sps_read(&reader, &r->sps), ==, 0);
		return VA_STATUS_SUCCESS;
	case NAL_PPS:
		g_assert_cmpint(pps_read(&reader, &r->pps), ==, 0);
		return VA_STATUS_SUCCESS;
	case NAL_SLICE:
	case NAL_IDR: {
		VAStatus status = slice_render(r, nal, size, *first);
		*first = false;
		return status;
	}
	default:
		return VA_STATUS_SUCCESS;
	}
}

VAStatus stream_reader_decode(struct stream_reader *r, GBytes *unit, VASurfaceID *ret_surface)
{
	gsize size;
	const uint8_t *bytes = g_bytes_get_data(unit, &size);
	VAStatus status = VA_STATUS_SUCCESS;
	bool first = true;
	*ret_surface = r->surfaces[r->decoded & 1];
	g_assert_cmpint(vaBeginPicture(r->display, r->context, *ret_surface), ==, VA_STATUS_SUCCESS);
	for (gsize at = 4; at < size && status == VA_STATUS_SUCCESS;) {
		gsize end = at;
		while (end < size && !(end + 4 <= size && memcmp(bytes + end, long_start, 4) == 0))
			end++;
		status = nal_decode(r, bytes + at, end - at, &first);
		at = end + 4;
	}
	VAStatus end = vaEndPicture(r->display, r->context);
	r->decoded++;
	return status != VA_STATUS_SUCCESS ? status : end;
}
