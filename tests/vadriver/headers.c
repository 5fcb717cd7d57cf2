#include "tests/vadriver/headers.h"

#include <errno.h>
#include <string.h>

static const uint8_t zigzag_4x4[16] = { 0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15 };

/* The zigzag of an 8x8 block, walked instead of tabled. */
static void zigzag_8x8(uint8_t scan[64])
{
	int x = 0, y = 0, up = 1;
	for (int i = 0; i < 64; i++) {
		scan[i] = (uint8_t)(y * 8 + x);
		if (up) {
			if (x == 7) {
				y++;
				up = 0;
			} else if (y == 0) {
				x++;
				up = 0;
			} else {
				x++;
				y--;
			}
		} else if (y == 7) {
			x++;
			up = 1;
		} else if (x == 0) {
			y++;
			up = 1;
		} else {
			x--;
			y++;
		}
	}
}

static void vui_write(struct bit_writer *w, const struct h264_sps *sps)
{
	put_bits(w, 0, 4); /* no aspect ratio, overscan, video signal, chroma location */
	put_bits(w, sps->time_scale != 0, 1);
	if (sps->time_scale != 0) {
		put_bits(w, sps->num_units_in_tick, 32);
		put_bits(w, sps->time_scale, 32);
		put_bits(w, 1, 1); /* fixed_frame_rate_flag */
	}
	put_bits(w, 0, 3); /* no HRD, no pic_struct */
	put_bits(w, 1, 1); /* bitstream_restriction_flag */
	put_bits(w, 1, 1); /* motion_vectors_over_pic_boundaries_flag */
	put_ue(w, 0);
	put_ue(w, 0);
	put_ue(w, 11);
	put_ue(w, 11);
	put_ue(w, 0); /* max_num_reorder_frames */
	put_ue(w, sps->max_num_ref_frames); /* max_dec_frame_buffering */
}

void sps_write(struct bit_writer *w, const struct h264_sps *sps)
{
	put_bits(w, sps->profile_idc, 8);
	put_bits(w, sps->constraints, 8);
	put_bits(w, sps->level_idc, 8);
	put_ue(w, sps->id);
	if (sps->profile_idc >= 100) {
		put_ue(w, 1); /* chroma_format_idc */
		put_ue(w, 0);
		put_ue(w, 0);
		put_bits(w, 0, 2);
	}
	put_ue(w, sps->log2_max_frame_num - 4);
	put_ue(w, sps->poc_type);
	if (sps->poc_type == 0)
		put_ue(w, sps->log2_max_poc_lsb - 4);
	put_ue(w, sps->max_num_ref_frames);
	put_bits(w, sps->gaps_allowed, 1);
	put_ue(w, sps->width_mbs - 1);
	put_ue(w, sps->height_map_units - 1);
	put_bits(w, sps->frame_mbs_only, 1);
	if (!sps->frame_mbs_only)
		put_bits(w, sps->mbaff, 1);
	put_bits(w, sps->direct_8x8_inference, 1);
	bool cropped = (sps->crop[0] | sps->crop[1] | sps->crop[2] | sps->crop[3]) != 0;
	put_bits(w, cropped, 1);
	for (int i = 0; i < 4 && cropped; i++)
		put_ue(w, sps->crop[i]);
	put_bits(w, sps->vui, 1);
	if (sps->vui)
		vui_write(w, sps);
	put_trailing(w);
}

static void list_write(struct bit_writer *w, const uint8_t *raster, const uint8_t *scan, int size)
{
	int last = 8;
	put_bits(w, 1, 1);
	for (int i = 0; i < size; i++) {
		int value = raster[scan[i]];
		int delta = value - last;
		put_se(w, delta > 127 ? delta - 256 : delta < -128 ? delta + 256 : delta);
		last = value;
	}
}

void pps_write(struct bit_writer *w, const struct h264_pps *pps)
{
	put_ue(w, pps->id);
	put_ue(w, pps->sps_id);
	put_bits(w, pps->cabac, 1);
	put_bits(w, pps->bottom_field_poc, 1);
	put_ue(w, 0); /* one slice group */
	put_ue(w, pps->num_ref_l0 - 1);
	put_ue(w, pps->num_ref_l1 - 1);
	put_bits(w, pps->weighted, 1);
	put_bits(w, pps->bipred, 2);
	put_se(w, pps->qp - 26);
	put_se(w, 0);
	put_se(w, pps->chroma_qp_offset);
	put_bits(w, pps->deblocking_control, 1);
	put_bits(w, pps->constrained_intra, 1);
	put_bits(w, pps->redundant, 1);
	if (pps->transform_8x8 || pps->scaling || pps->second_chroma_qp_offset != pps->chroma_qp_offset) {
		uint8_t scan[64];
		zigzag_8x8(scan);
		put_bits(w, pps->transform_8x8, 1);
		put_bits(w, pps->scaling, 1);
		for (int i = 0; i < 6 && pps->scaling; i++)
			list_write(w, pps->lists_4x4[i], zigzag_4x4, 16);
		for (int i = 0; i < 2 && pps->scaling && pps->transform_8x8; i++)
			list_write(w, pps->lists_8x8[i], scan, 64);
		put_se(w, pps->second_chroma_qp_offset);
	}
	put_trailing(w);
}

void slice_write(struct bit_writer *w, const struct h264_slice *slice, const struct h264_sps *sps,
		const struct h264_pps *pps)
{
	put_bits(w, slice->nal_ref_idc << 5 | slice->nal_type, 8);
	put_ue(w, slice->first_mb);
	put_ue(w, slice->type);
	put_ue(w, slice->pps_id);
	put_bits(w, slice->frame_num, sps->log2_max_frame_num);
	if (slice->nal_type == NAL_IDR)
		put_ue(w, slice->idr_pic_id);
	if (sps->poc_type == 0)
		put_bits(w, slice->poc_lsb, sps->log2_max_poc_lsb);
	if (slice->type == SLICE_P) {
		put_bits(w, slice->override, 1);
		if (slice->override)
			put_ue(w, slice->num_ref_l0 - 1);
		put_bits(w, 0, 1); /* ref_pic_list_modification_flag_l0 */
	}
	if (slice->nal_ref_idc != 0 && slice->nal_type == NAL_IDR)
		put_bits(w, 0, 2); /* no_output_of_prior_pics_flag, long_term_reference_flag */
	else if (slice->nal_ref_idc != 0)
		put_bits(w, 0, 1); /* adaptive_ref_pic_marking_mode_flag */
	put_se(w, slice->qp_delta);
	if (pps->deblocking_control) {
		put_ue(w, slice->deblocking_idc);
		if (slice->deblocking_idc != 1) {
			put_se(w, slice->alpha_div2);
			put_se(w, slice->beta_div2);
		}
	}
}

static void list_skip(struct bit_reader *r, int size)
{
	int last = 8, next = 8;
	for (int i = 0; i < size && next != 0; i++) {
		next = (last + get_se(r) + 256) & 255;
		last = next == 0 ? last : next;
	}
}

static int high_read(struct bit_reader *r)
{
	if (get_ue(r) != 1 || get_ue(r) != 0 || get_ue(r) != 0)
		return -EBADMSG; /* only 4:2:0 of 8 bits */
	get_bits(r, 1);
	if (get_bits(r, 1)) {
		for (int i = 0; i < 8; i++) {
			if (get_bits(r, 1))
				list_skip(r, i < 6 ? 16 : 64);
		}
	}
	return 0;
}

int sps_read(struct bit_reader *r, struct h264_sps *ret)
{
	struct h264_sps sps = { .profile_idc = get_bits(r, 8), .constraints = get_bits(r, 8) };
	sps.level_idc = get_bits(r, 8);
	sps.id = get_ue(r);
	if (sps.profile_idc >= 100 && high_read(r) < 0)
		return -EBADMSG;
	sps.log2_max_frame_num = get_ue(r) + 4;
	sps.poc_type = get_ue(r);
	if (sps.poc_type == 0)
		sps.log2_max_poc_lsb = get_ue(r) + 4;
	else if (sps.poc_type == 1)
		return -EBADMSG;
	sps.max_num_ref_frames = get_ue(r);
	sps.gaps_allowed = get_bits(r, 1);
	sps.width_mbs = get_ue(r) + 1;
	sps.height_map_units = get_ue(r) + 1;
	sps.frame_mbs_only = get_bits(r, 1);
	if (!sps.frame_mbs_only)
		sps.mbaff = get_bits(r, 1);
	sps.direct_8x8_inference = get_bits(r, 1);
	if (get_bits(r, 1)) {
		for (int i = 0; i < 4; i++)
			sps.crop[i] = get_ue(r);
	}
	sps.vui = get_bits(r, 1);
	if (r->over || sps.log2_max_frame_num > 16 || sps.log2_max_poc_lsb > 16)
		return -EBADMSG;
	*ret = sps;
	return 0;
}

int pps_read(struct bit_reader *r, struct h264_pps *ret)
{
	struct h264_pps pps = { .id = get_ue(r), .sps_id = get_ue(r) };
	pps.cabac = get_bits(r, 1);
	pps.bottom_field_poc = get_bits(r, 1);
	if (get_ue(r) != 0)
		return -EBADMSG;
	pps.num_ref_l0 = get_ue(r) + 1;
	pps.num_ref_l1 = get_ue(r) + 1;
	pps.weighted = get_bits(r, 1);
	pps.bipred = get_bits(r, 2);
	pps.qp = get_se(r) + 26;
	get_se(r);
	pps.chroma_qp_offset = get_se(r);
	pps.deblocking_control = get_bits(r, 1);
	pps.constrained_intra = get_bits(r, 1);
	pps.redundant = get_bits(r, 1);
	if (r->over)
		return -EBADMSG;
	*ret = pps;
	return 0;
}

int slice_read_pps_id(struct bit_reader *r, uint32_t *ret)
{
	get_bits(r, 8);
	get_ue(r);
	get_ue(r);
	*ret = get_ue(r);
	return r->over || *ret > 255 ? -EBADMSG : 0;
}

static void modification_skip(struct bit_reader *r)
{
	if (!get_bits(r, 1))
		return;
	while (!r->over && get_ue(r) != 3)
		get_ue(r);
}

static void marking_skip(struct bit_reader *r, const struct h264_slice *slice)
{
	if (slice->nal_ref_idc == 0)
		return;
	if (slice->nal_type == NAL_IDR) {
		get_bits(r, 2);
		return;
	}
	if (!get_bits(r, 1))
		return;
	for (uint32_t operation; !r->over && (operation = get_ue(r)) != 0;) {
		if (operation != 5)
			get_ue(r);
		if (operation == 3)
			get_ue(r);
	}
}

/* What follows the lists of references. */
static void slice_rest_read(struct bit_reader *r, const struct h264_pps *pps, struct h264_slice *slice)
{
	marking_skip(r, slice);
	if (pps->cabac && slice->type != SLICE_I)
		get_ue(r);
	slice->qp_delta = get_se(r);
	if (!pps->deblocking_control)
		return;
	slice->deblocking_idc = get_ue(r);
	if (slice->deblocking_idc != 1) {
		slice->alpha_div2 = get_se(r);
		slice->beta_div2 = get_se(r);
	}
}

int slice_read(struct bit_reader *r, const struct h264_sps *sps, const struct h264_pps *pps,
		struct h264_slice *ret)
{
	struct h264_slice slice = { 0 };
	bool field = false;
	get_bits(r, 1);
	slice.nal_ref_idc = get_bits(r, 2);
	slice.nal_type = get_bits(r, 5);
	slice.first_mb = get_ue(r);
	slice.type = get_ue(r) % 5;
	slice.pps_id = get_ue(r);
	slice.frame_num = get_bits(r, sps->log2_max_frame_num);
	if (!sps->frame_mbs_only && get_bits(r, 1)) {
		get_bits(r, 1); /* bottom_field_flag */
		field = true;
	}
	if (slice.nal_type == NAL_IDR)
		slice.idr_pic_id = get_ue(r);
	if (sps->poc_type == 0) {
		slice.poc_lsb = get_bits(r, sps->log2_max_poc_lsb);
		if (pps->bottom_field_poc && !field)
			get_se(r);
	}
	if (pps->redundant)
		get_ue(r);
	if (slice.type == SLICE_B)
		get_bits(r, 1);
	if (slice.type != SLICE_I) {
		slice.override = get_bits(r, 1);
		if (slice.override) {
			slice.num_ref_l0 = get_ue(r) + 1;
			if (slice.type == SLICE_B)
				slice.num_ref_l1 = get_ue(r) + 1;
		}
		modification_skip(r);
		if (slice.type == SLICE_B)
			modification_skip(r);
	}
	if (!(pps->weighted && slice.type == SLICE_P) && !(pps->bipred == 1 && slice.type == SLICE_B))
		slice_rest_read(r, pps, &slice);
	if (r->over)
		return -EBADMSG;
	*ret = slice;
	return 0;
}
