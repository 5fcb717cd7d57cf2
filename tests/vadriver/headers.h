/* headers: sequence and picture parameter sets and the slice header of H.264 (7.3.2.1, 7.3.2.2, 7.3.3), as far as
 * 4:2:0 8-bit frames need them. Writers put the RBSP without NAL header; readers want it without emulation
 * prevention and return 0 or -EBADMSG. */
#ifndef TESTS_VADRIVER_HEADERS_H
#define TESTS_VADRIVER_HEADERS_H

#include "tests/vadriver/bits.h"

enum nal_type { NAL_SLICE = 1, NAL_IDR = 5, NAL_SEI = 6, NAL_SPS = 7, NAL_PPS = 8, NAL_AUD = 9 };
enum slice_type { SLICE_P, SLICE_B, SLICE_I };

struct h264_sps {
	uint32_t profile_idc, constraints, level_idc, id;
	uint32_t log2_max_frame_num, poc_type, log2_max_poc_lsb, delta_poc_always_zero;
	uint32_t max_num_ref_frames, gaps_allowed, width_mbs, height_map_units;
	uint32_t frame_mbs_only, mbaff, direct_8x8_inference;
	uint32_t crop[4]; /* left, right, top, bottom; not written when all are 0 */
	uint32_t num_units_in_tick, time_scale; /* 0: no timing */
	bool vui; /* write one: timing and no reordering */
};

struct h264_pps {
	uint32_t id, sps_id, cabac, bottom_field_poc, num_ref_l0, num_ref_l1, weighted, bipred;
	int32_t qp, chroma_qp_offset, second_chroma_qp_offset;
	uint32_t deblocking_control, constrained_intra, redundant, transform_8x8;
	bool scaling; /* lists below are written; raster order */
	uint8_t lists_4x4[6][16], lists_8x8[2][64];
};

struct h264_slice {
	uint32_t nal_type, nal_ref_idc, first_mb, type, pps_id, frame_num, idr_pic_id, poc_lsb;
	uint32_t override, num_ref_l0, num_ref_l1, deblocking_idc;
	int32_t qp_delta, alpha_div2, beta_div2;
};

void sps_write(struct bit_writer *writer, const struct h264_sps *sps);
void pps_write(struct bit_writer *writer, const struct h264_pps *pps);
/* The header of a frame's I or P slice; the NAL header comes first. */
void slice_write(struct bit_writer *writer, const struct h264_slice *slice, const struct h264_sps *sps,
		const struct h264_pps *pps);

int sps_read(struct bit_reader *reader, struct h264_sps *ret);
int pps_read(struct bit_reader *reader, struct h264_pps *ret); /* up to redundant_pic_cnt_present_flag */
/* pps_id of a slice, before the parameter sets are known; the reader stands on the NAL header. */
int slice_read_pps_id(struct bit_reader *reader, uint32_t *ret);
/* The reader stands on the NAL header. With weighted prediction what follows the table is left 0. */
int slice_read(struct bit_reader *reader, const struct h264_sps *sps, const struct h264_pps *pps,
		struct h264_slice *ret);

#endif
