#include "drivers-glue/va_picture.h"

#include <errno.h>
#include <string.h>
#include <va/va_enc_h264.h>

#include "core/base/log.h"

int va_failed(const char *call, VAStatus status)
{
	if (status == VA_STATUS_ERROR_TIMEDOUT)
		return -ETIMEDOUT;
	log_warning("driver: %s: %s", call, vaErrorStr(status));
	return -EIO;
}

static int put(struct va_picture *p, VABufferType type, size_t size, const void *content)
{
	VABufferID *buffer = &p->buffers[p->buffer_count];
	if (p->buffer_count == VA_PICTURE_BUFFERS)
		return -ENOBUFS;
	VAStatus status = vaCreateBuffer(p->display, p->context, type, (unsigned int)size, 1, (void *)content, buffer);
	if (status != VA_STATUS_SUCCESS)
		return va_failed("vaCreateBuffer", status);
	p->buffer_count++;
	return 0;
}

static int put_sequence(struct va_picture *p)
{
	VAEncSequenceParameterBufferH264 s;
	int width = p->sequence.width, height = p->sequence.height;
	memset(&s, 0, sizeof(s));
	s.level_idc = (uint8_t)h264_level(&p->sequence);
	s.intra_period = s.intra_idr_period = 0x7fffffff; /* never by itself */
	s.ip_period = 1;
	s.bits_per_second = p->choice.rate_control == VA_RC_CQP ? 0 : (uint32_t)p->bitrate_bps;
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
	s.time_scale = (uint32_t)p->sequence.fps * 2;
	return put(p, VAEncSequenceParameterBufferType, sizeof(s), &s);
}

static void no_picture(VAPictureH264 *picture)
{
	*picture = (VAPictureH264){ .picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID };
}

static VAPictureH264 reference_picture(const struct va_picture *p)
{
	int order = p->slice.order - 2;
	return (VAPictureH264){
		.picture_id = p->reference,
		.frame_idx = (uint32_t)((p->slice.frame_num - 1) & ((1 << H264_FRAME_NUM_BITS) - 1)),
		.flags = VA_PICTURE_H264_SHORT_TERM_REFERENCE, .TopFieldOrderCnt = order, .BottomFieldOrderCnt = order,
	};
}

static int put_picture(struct va_picture *p)
{
	VAEncPictureParameterBufferH264 v;
	memset(&v, 0, sizeof(v));
	v.CurrPic = (VAPictureH264){
		.picture_id = p->reconstructed, .frame_idx = (uint32_t)p->slice.frame_num,
		.TopFieldOrderCnt = p->slice.order, .BottomFieldOrderCnt = p->slice.order,
	};
	for (int i = 0; i < 16; i++)
		no_picture(&v.ReferenceFrames[i]);
	if (!p->slice.idr)
		v.ReferenceFrames[0] = reference_picture(p);
	v.coded_buf = p->coded;
	v.frame_num = (uint16_t)p->slice.frame_num;
	v.pic_init_qp = H264_INIT_QP;
	v.pic_fields.bits.idr_pic_flag = p->slice.idr;
	v.pic_fields.bits.reference_pic_flag = 1;
	v.pic_fields.bits.deblocking_filter_control_present_flag = 1;
	return put(p, VAEncPictureParameterBufferType, sizeof(v), &v);
}

static int put_misc(struct va_picture *p, VAEncMiscParameterType type, size_t size, const void *content)
{
	uint64_t room[32] = { 0 }; /* a header of four bytes, then the content */
	VAEncMiscParameterBuffer *misc = (VAEncMiscParameterBuffer *)(void *)room;
	if (sizeof(*misc) + size > sizeof(room))
		return -ENOBUFS;
	misc->type = type;
	memcpy(misc->data, content, size);
	return put(p, VAEncMiscParameterBufferType, sizeof(*misc) + size, room);
}

/* The rate, when the driver holds it: HRD first, of one picture, so that no picture blocks the sender. */
static int put_rate(struct va_picture *p)
{
	uint32_t bps = (uint32_t)p->bitrate_bps, fps = (uint32_t)p->sequence.fps;
	const VAEncMiscParameterHRD hrd = { .buffer_size = bps / fps, .initial_buffer_fullness = bps / fps * 3 / 4 };
	const VAEncMiscParameterFrameRate rate = { .framerate = fps };
	VAEncMiscParameterRateControl control;
	memset(&control, 0, sizeof(control));
	control.bits_per_second = bps;
	control.target_percentage = 100;
	control.window_size = 500;
	control.rc_flags.bits.disable_bit_stuffing = 1;
	int r = put_misc(p, VAEncMiscParameterTypeHRD, sizeof(hrd), &hrd);
	if (r == 0)
		r = put_misc(p, VAEncMiscParameterTypeRateControl, sizeof(control), &control);
	if (r == 0)
		r = put_misc(p, VAEncMiscParameterTypeFrameRate, sizeof(rate), &rate);
	return r;
}

static int put_miscellaneous(struct va_picture *p)
{
	int r = 0;
	if (p->choice.rate_control != VA_RC_CQP && (p->slice.idr || p->rate_changed))
		r = put_rate(p);
	if (r == 0 && p->slice.idr && p->choice.can.qualities > 1) {
		const VAEncMiscParameterBufferQualityLevel level = {
			.quality_level = (uint32_t)(p->choice.can.qualities + 1) / 2
		};
		r = put_misc(p, VAEncMiscParameterTypeQualityLevel, sizeof(level), &level);
	}
	return r;
}

static int put_header(struct va_picture *p, uint32_t type, const struct h264_header *header)
{
	VAEncPackedHeaderParameterBuffer about;
	memset(&about, 0, sizeof(about));
	about.type = type;
	about.bit_length = (uint32_t)header->bits;
	about.has_emulation_bytes = 1;
	int r = put(p, VAEncPackedHeaderParameterBufferType, sizeof(about), &about);
	return r < 0 ? r : put(p, VAEncPackedHeaderDataBufferType, (header->bits + 7) / 8, header->bytes);
}

static int put_headers(struct va_picture *p)
{
	struct h264_header header;
	int r = 0;
	if (!p->choice.own_headers)
		return 0;
	if (p->slice.idr && p->choice.pps_alone) {
		h264_write_sps(&p->sequence, &header);
		r = put_header(p, VAEncPackedHeaderSequence, &header);
		h264_write_pps(&header);
		if (r == 0)
			r = put_header(p, VAEncPackedHeaderPicture, &header);
	} else if (p->slice.idr) {
		h264_write_sets(&p->sequence, &header);
		r = put_header(p, VAEncPackedHeaderSequence, &header);
	}
	if (r < 0)
		return r;
	h264_write_slice(&p->slice, &header);
	return put_header(p, VAEncPackedHeaderSlice, &header);
}

static int put_slice(struct va_picture *p)
{
	VAEncSliceParameterBufferH264 s;
	memset(&s, 0, sizeof(s));
	s.num_macroblocks = (uint32_t)(((p->sequence.width + 15) / 16) * ((p->sequence.height + 15) / 16));
	s.macroblock_info = VA_INVALID_ID;
	s.slice_type = p->slice.idr ? 2 : 0;
	s.idr_pic_id = (uint16_t)p->slice.idr_pic_id;
	s.pic_order_cnt_lsb = (uint16_t)(p->slice.order & ((1 << H264_ORDER_BITS) - 1));
	for (int i = 0; i < 32; i++) {
		no_picture(&s.RefPicList0[i]);
		no_picture(&s.RefPicList1[i]);
	}
	if (!p->slice.idr)
		s.RefPicList0[0] = reference_picture(p);
	s.slice_qp_delta = (int8_t)(p->slice.qp - H264_INIT_QP);
	return put(p, VAEncSliceParameterBufferType, sizeof(s), &s);
}

int va_picture_fill(struct va_picture *picture)
{
	struct va_picture *p = picture;
	int r = p->slice.idr ? put_sequence(p) : 0;
	if (r == 0)
		r = put_picture(p);
	if (r == 0)
		r = put_miscellaneous(p);
	if (r == 0)
		r = put_headers(p);
	return r == 0 ? put_slice(p) : r;
}

void va_picture_clear(struct va_picture *picture)
{
	for (int i = 0; i < picture->buffer_count; i++)
		vaDestroyBuffer(picture->display, picture->buffers[i]);
	picture->buffer_count = 0;
}
