#include "drivers-glue/h264_write.h"

#include <assert.h>
#include <string.h>

enum { PROFILE_BASELINE = 66, CONSTRAINT_SETS_0_1_2 = 0xe0 };
enum { NAL_SLICE = 0x41, NAL_IDR = 0x65, NAL_SPS = 0x67, NAL_PPS = 0x68 }; /* nal_ref_idc and type */

void h264_bits_put(struct h264_bits *bits, unsigned int count, uint32_t value)
{
	if (bits->count + count > sizeof(bits->raw) * 8) {
		bits->overflow = true;
		return;
	}
	for (unsigned int i = count; i-- > 0; bits->count++)
		if (value >> i & 1)
			bits->raw[bits->count / 8] |= (uint8_t)(0x80 >> bits->count % 8);
}

void h264_bits_ue(struct h264_bits *bits, uint32_t value)
{
	unsigned int length = 32 - (unsigned int)__builtin_clz(value + 1);
	if (length > 1)
		h264_bits_put(bits, length - 1, 0);
	h264_bits_put(bits, length, value + 1);
}

void h264_bits_se(struct h264_bits *bits, int32_t value)
{
	h264_bits_ue(bits, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

static void trailing(struct h264_bits *bits)
{
	h264_bits_put(bits, 1, 1);
	while (bits->count % 8)
		h264_bits_put(bits, 1, 0);
}

/* Start code, NAL header, the bits with emulation prevention (7.4.1). */
static void wrap(const struct h264_bits *bits, uint8_t nal, struct h264_header *header)
{
	static const uint8_t start[] = { 0, 0, 0, 1 };
	size_t size = sizeof(start);
	int zeros = 0;
	assert(!bits->overflow);
	memset(header, 0, sizeof(*header));
	memcpy(header->bytes, start, sizeof(start));
	header->bytes[size++] = nal;
	for (size_t i = 0; i < (bits->count + 7) / 8; i++) {
		uint8_t byte = bits->raw[i];
		if (zeros == 2 && byte <= 3) {
			header->bytes[size++] = 3;
			zeros = 0;
		}
		zeros = byte == 0 ? zeros + 1 : 0;
		header->bytes[size++] = byte;
	}
	header->bits = size * 8 - (8 - bits->count % 8) % 8;
}

int h264_level(const struct h264_sequence *sequence)
{
	/* Table A-1: macroblocks a second, a frame. */
	static const struct { int level, rate, frame; } levels[] = {
		{ 30, 40500, 1620 },	 { 31, 108000, 3600 },	{ 32, 216000, 5120 },
		{ 40, 245760, 8192 },	 { 42, 522240, 8704 },	{ 50, 589824, 22080 },
		{ 51, 983040, 36864 },
	};
	int frame = ((sequence->width + 15) / 16) * ((sequence->height + 15) / 16);
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (frame <= levels[i].frame && frame * sequence->fps <= levels[i].rate)
			return levels[i].level;
	return 52;
}

/* E.1.1: BT.601 in video range, the frame rate, and one frame of delay at most. */
static void write_vui(struct h264_bits *b, const struct h264_sequence *sequence)
{
	h264_bits_put(b, 1, 0);	 /* aspect_ratio_info */
	h264_bits_put(b, 1, 0);	 /* overscan_info */
	h264_bits_put(b, 1, 1);	 /* video_signal_type */
	h264_bits_put(b, 3, 5);	 /* video_format: unspecified */
	h264_bits_put(b, 1, 0);	 /* full range */
	h264_bits_put(b, 1, 1);	 /* colour_description */
	h264_bits_put(b, 24, 0x060606);
	h264_bits_put(b, 1, 0);	 /* chroma_loc_info */
	h264_bits_put(b, 1, 1);	 /* timing_info */
	h264_bits_put(b, 32, 1);
	h264_bits_put(b, 32, (uint32_t)sequence->fps * 2);
	h264_bits_put(b, 1, 0);	 /* fixed_frame_rate */
	h264_bits_put(b, 1, 0);	 /* nal_hrd */
	h264_bits_put(b, 1, 0);	 /* vcl_hrd */
	h264_bits_put(b, 1, 0);	 /* pic_struct */
	h264_bits_put(b, 1, 1);	 /* bitstream_restriction */
	h264_bits_put(b, 1, 1);	 /* motion_vectors_over_pic_boundaries */
	h264_bits_ue(b, 0);	 /* max_bytes_per_pic_denom */
	h264_bits_ue(b, 0);	 /* max_bits_per_mb_denom */
	h264_bits_ue(b, 15);	 /* log2_max_mv_length */
	h264_bits_ue(b, 15);
	h264_bits_ue(b, 0);	 /* max_num_reorder_frames */
	h264_bits_ue(b, 1);	 /* max_dec_frame_buffering */
}

void h264_write_sps(const struct h264_sequence *sequence, struct h264_header *ret_header)
{
	struct h264_bits b = { .count = 0 };
	uint32_t columns = (uint32_t)(sequence->width + 15) / 16, rows = (uint32_t)(sequence->height + 15) / 16;
	uint32_t right = columns * 16 - (uint32_t)sequence->width, bottom = rows * 16 - (uint32_t)sequence->height;
	h264_bits_put(&b, 8, PROFILE_BASELINE);
	h264_bits_put(&b, 8, CONSTRAINT_SETS_0_1_2);
	h264_bits_put(&b, 8, (uint32_t)h264_level(sequence));
	h264_bits_ue(&b, 0); /* id */
	h264_bits_ue(&b, H264_FRAME_NUM_BITS - 4);
	h264_bits_ue(&b, 0); /* pic_order_cnt_type */
	h264_bits_ue(&b, H264_ORDER_BITS - 4);
	h264_bits_ue(&b, 1); /* max_num_ref_frames */
	h264_bits_put(&b, 1, 0); /* gaps_in_frame_num */
	h264_bits_ue(&b, columns - 1);
	h264_bits_ue(&b, rows - 1);
	h264_bits_put(&b, 1, 1); /* frame_mbs_only */
	h264_bits_put(&b, 1, 1); /* direct_8x8_inference */
	h264_bits_put(&b, 1, right || bottom);
	if (right || bottom) {
		h264_bits_ue(&b, 0);
		h264_bits_ue(&b, right / 2);
		h264_bits_ue(&b, 0);
		h264_bits_ue(&b, bottom / 2);
	}
	h264_bits_put(&b, 1, 1); /* vui_parameters */
	write_vui(&b, sequence);
	trailing(&b);
	wrap(&b, NAL_SPS, ret_header);
}

void h264_write_pps(struct h264_header *ret_header)
{
	struct h264_bits b = { .count = 0 };
	h264_bits_ue(&b, 0);	 /* id */
	h264_bits_ue(&b, 0);	 /* of the SPS */
	h264_bits_put(&b, 1, 0); /* CAVLC */
	h264_bits_put(&b, 1, 0); /* bottom_field_pic_order_in_frame_present */
	h264_bits_ue(&b, 0);	 /* num_slice_groups_minus1 */
	h264_bits_ue(&b, 0);	 /* num_ref_idx_l0_default_active_minus1 */
	h264_bits_ue(&b, 0);	 /* … l1 */
	h264_bits_put(&b, 1, 0); /* weighted_pred */
	h264_bits_put(&b, 2, 0); /* weighted_bipred */
	h264_bits_se(&b, H264_INIT_QP - 26);
	h264_bits_se(&b, 0);	 /* pic_init_qs */
	h264_bits_se(&b, 0);	 /* chroma_qp_index_offset */
	h264_bits_put(&b, 1, 1); /* deblocking_filter_control_present */
	h264_bits_put(&b, 1, 0); /* constrained_intra_pred */
	h264_bits_put(&b, 1, 0); /* redundant_pic_cnt_present */
	trailing(&b);
	wrap(&b, NAL_PPS, ret_header);
}

void h264_write_slice(const struct h264_slice *slice, struct h264_header *ret_header)
{
	struct h264_bits b = { .count = 0 };
	h264_bits_ue(&b, 0);			/* first_mb_in_slice */
	h264_bits_ue(&b, slice->idr ? 7 : 5);	/* all slices I, all P */
	h264_bits_ue(&b, 0);			/* PPS */
	h264_bits_put(&b, H264_FRAME_NUM_BITS, (uint32_t)slice->frame_num & ((1u << H264_FRAME_NUM_BITS) - 1));
	if (slice->idr)
		h264_bits_ue(&b, (uint32_t)slice->idr_pic_id);
	h264_bits_put(&b, H264_ORDER_BITS, (uint32_t)slice->order & ((1u << H264_ORDER_BITS) - 1));
	if (!slice->idr) {
		h264_bits_put(&b, 1, 0); /* num_ref_idx_active_override */
		h264_bits_put(&b, 1, 0); /* ref_pic_list_modification_l0 */
		h264_bits_put(&b, 1, 0); /* adaptive_ref_pic_marking_mode */
	} else {
		h264_bits_put(&b, 1, 0); /* no_output_of_prior_pics */
		h264_bits_put(&b, 1, 0); /* long_term_reference */
	}
	h264_bits_se(&b, slice->qp - H264_INIT_QP);
	h264_bits_ue(&b, 0); /* disable_deblocking_filter_idc */
	h264_bits_se(&b, 0);
	h264_bits_se(&b, 0);
	wrap(&b, slice->idr ? NAL_IDR : NAL_SLICE, ret_header);
}

void h264_write_sets(const struct h264_sequence *sequence, struct h264_header *ret_header)
{
	struct h264_header pps;
	h264_write_sps(sequence, ret_header);
	h264_write_pps(&pps);
	memcpy(ret_header->bytes + ret_header->bits / 8, pps.bytes, pps.bits / 8);
	ret_header->bits += pps.bits;
}
