#include "tests/vadriver/packed.h"

#include <string.h>

#include "tests/vadriver/config.h"

struct h264_sps packed_sps_of(VAProfile profile, const struct encode_parameters *parameters,
		double frames_per_second)
{
	const VAEncSequenceParameterBufferH264 *s = &parameters->sequence;
	struct h264_sps sps = {
		.profile_idc = profile == VAProfileH264Main ? 77 : 66,
		.constraints = profile == VAProfileH264Main ? 0x40 : 0xc0,
		.level_idc = s->level_idc,
		.id = s->seq_parameter_set_id,
		.log2_max_frame_num = s->seq_fields.bits.log2_max_frame_num_minus4 + 4u,
		.poc_type = s->seq_fields.bits.pic_order_cnt_type,
		.log2_max_poc_lsb = s->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4u,
		.max_num_ref_frames = s->max_num_ref_frames,
		.width_mbs = s->picture_width_in_mbs,
		.height_map_units = s->picture_height_in_mbs,
		.frame_mbs_only = s->seq_fields.bits.frame_mbs_only_flag,
		.direct_8x8_inference = s->seq_fields.bits.direct_8x8_inference_flag,
		.num_units_in_tick = 1000,
		.time_scale = (uint32_t)(frames_per_second * 2000),
		.vui = true,
	};
	if (s->frame_cropping_flag) {
		sps.crop[0] = s->frame_crop_left_offset;
		sps.crop[1] = s->frame_crop_right_offset;
		sps.crop[2] = s->frame_crop_top_offset;
		sps.crop[3] = s->frame_crop_bottom_offset;
	}
	return sps;
}

struct h264_pps packed_pps_of(const struct encode_parameters *parameters)
{
	const VAEncPictureParameterBufferH264 *p = &parameters->picture;
	return (struct h264_pps){
		.id = p->pic_parameter_set_id,
		.sps_id = p->seq_parameter_set_id,
		.cabac = p->pic_fields.bits.entropy_coding_mode_flag,
		.num_ref_l0 = p->num_ref_idx_l0_active_minus1 + 1u,
		.num_ref_l1 = p->num_ref_idx_l1_active_minus1 + 1u,
		.weighted = p->pic_fields.bits.weighted_pred_flag,
		.bipred = p->pic_fields.bits.weighted_bipred_idc,
		.qp = p->pic_init_qp,
		.chroma_qp_offset = p->chroma_qp_index_offset,
		.second_chroma_qp_offset = p->chroma_qp_index_offset,
		.deblocking_control = p->pic_fields.bits.deblocking_filter_control_present_flag,
		.constrained_intra = p->pic_fields.bits.constrained_intra_pred_flag,
		.redundant = p->pic_fields.bits.redundant_pic_cnt_present_flag,
	};
}

struct h264_slice packed_slice_of(const struct encode_parameters *parameters,
		const VAEncSliceParameterBufferH264 *s)
{
	const VAEncPictureParameterBufferH264 *p = &parameters->picture;
	return (struct h264_slice){
		.nal_type = p->pic_fields.bits.idr_pic_flag ? NAL_IDR : NAL_SLICE,
		.nal_ref_idc = p->pic_fields.bits.reference_pic_flag,
		.first_mb = s->macroblock_address,
		.type = s->slice_type % 5,
		.pps_id = s->pic_parameter_set_id,
		.frame_num = p->frame_num,
		.idr_pic_id = s->idr_pic_id,
		.poc_lsb = s->pic_order_cnt_lsb,
		.override = s->num_ref_idx_active_override_flag,
		.num_ref_l0 = s->num_ref_idx_l0_active_minus1 + 1u,
		.deblocking_idc = s->disable_deblocking_filter_idc,
		.qp_delta = s->slice_qp_delta,
		.alpha_div2 = s->slice_alpha_c0_offset_div2,
		.beta_div2 = s->slice_beta_offset_div2,
	};
}

void packed_free(gpointer data)
{
	struct packed *packed = data;
	if (packed->data != NULL)
		g_byte_array_unref(packed->data);
	g_free(packed);
}

size_t packed_start_code(const struct packed *packed)
{
	const GByteArray *d = packed->data;
	for (size_t zeros = 0; zeros < d->len && zeros < 4; zeros++) {
		if (d->data[zeros] == 1 && zeros >= 2)
			return zeros + 1;
		if (d->data[zeros] != 0)
			break;
	}
	return 0;
}

/* Goes to the byte behind the next start code; false at the end. */
static bool next_unit(const GByteArray *d, size_t *at)
{
	for (size_t i = *at; i + 3 < d->len; i++) {
		if (d->data[i] == 0 && d->data[i + 1] == 0 && d->data[i + 2] == 1) {
			*at = i + 3;
			return true;
		}
	}
	return false;
}

bool packed_has(const struct packed *packed, enum nal_type type)
{
	for (size_t at = 0; next_unit(packed->data, &at);) {
		if ((packed->data->data[at] & 31) == type)
			return true;
	}
	return false;
}

void packed_put_rbsp(const struct packed *packed, struct bit_writer *writer)
{
	size_t start = packed_start_code(packed), bits = packed->bits - start * 8;
	if (!packed->escaped) {
		put_copy(writer, packed->data->data + start, bits);
		return;
	}
	g_autoptr(GByteArray) rbsp = g_byte_array_new();
	size_t taken = nal_unescape(rbsp, packed->data->data + start, packed->data->len - start);
	put_copy(writer, rbsp->data, bits - taken * 8);
}

/* A pair of what the header says and what the parameters say. */
struct pair {
	const char *name;
	int64_t header, parameter;
};

static void compare(const struct pair *pairs, size_t count, const char *what, struct report *report)
{
	for (size_t i = 0; i < count; i++) {
		if (pairs[i].header != pairs[i].parameter)
			report_violation(report, "mismatch: %s: %s is %d in the packed header, %d in the parameters",
					what, pairs[i].name, (int)pairs[i].header, (int)pairs[i].parameter);
	}
}

static void sps_check(struct bit_reader *reader, const struct encode_parameters *parameters,
		struct report *report)
{
	struct h264_sps h;
	const struct h264_sps p = packed_sps_of(VAProfileH264ConstrainedBaseline, parameters, 30);
	if (sps_read(reader, &h) < 0) {
		report_violation(report, "mismatch: SPS: the packed header cannot be parsed");
		return;
	}
	const struct pair pairs[] = {
		{ "seq_parameter_set_id", h.id, p.id },
		{ "level_idc", h.level_idc, p.level_idc },
		{ "log2_max_frame_num", h.log2_max_frame_num, p.log2_max_frame_num },
		{ "pic_order_cnt_type", h.poc_type, p.poc_type },
		{ "log2_max_pic_order_cnt_lsb", h.poc_type == 0 ? h.log2_max_poc_lsb : 0,
				p.poc_type == 0 ? p.log2_max_poc_lsb : 0 },
		{ "max_num_ref_frames", h.max_num_ref_frames, p.max_num_ref_frames },
		{ "pic_width_in_mbs", h.width_mbs, p.width_mbs },
		{ "pic_height_in_map_units", h.height_map_units, p.height_map_units },
		{ "frame_mbs_only_flag", h.frame_mbs_only, p.frame_mbs_only },
		{ "frame_crop_right_offset", h.crop[1], p.crop[1] },
		{ "frame_crop_bottom_offset", h.crop[3], p.crop[3] },
	};
	compare(pairs, G_N_ELEMENTS(pairs), "SPS", report);
}

static void pps_check(struct bit_reader *reader, const struct encode_parameters *parameters,
		struct report *report)
{
	struct h264_pps h;
	const struct h264_pps p = packed_pps_of(parameters);
	if (pps_read(reader, &h) < 0) {
		report_violation(report, "mismatch: PPS: the packed header cannot be parsed");
		return;
	}
	const struct pair pairs[] = {
		{ "pic_parameter_set_id", h.id, p.id },
		{ "seq_parameter_set_id", h.sps_id, p.sps_id },
		{ "entropy_coding_mode_flag", h.cabac, p.cabac },
		{ "num_ref_idx_l0_active", h.num_ref_l0, p.num_ref_l0 },
		{ "weighted_pred_flag", h.weighted, p.weighted },
		{ "pic_init_qp", h.qp, p.qp },
		{ "chroma_qp_index_offset", h.chroma_qp_offset, p.chroma_qp_offset },
		{ "deblocking_filter_control_present_flag", h.deblocking_control, p.deblocking_control },
		{ "constrained_intra_pred_flag", h.constrained_intra, p.constrained_intra },
		{ "redundant_pic_cnt_present_flag", h.redundant, p.redundant },
	};
	compare(pairs, G_N_ELEMENTS(pairs), "PPS", report);
}

static void slice_check(struct bit_reader *reader, const struct encode_parameters *parameters,
		const VAEncSliceParameterBufferH264 *slice, struct report *report)
{
	const struct h264_sps sps = packed_sps_of(VAProfileH264ConstrainedBaseline, parameters, 30);
	const struct h264_pps pps = packed_pps_of(parameters);
	const struct h264_slice p = packed_slice_of(parameters, slice);
	struct h264_slice h;
	if (slice_read(reader, &sps, &pps, &h) < 0) {
		report_violation(report, "mismatch: slice: the packed header cannot be parsed");
		return;
	}
	if (reader->at != reader->bits)
		report_violation(report, "mismatch: slice: the packed header has %d bits, its syntax %d",
				(int)reader->bits, (int)reader->at);
	bool idr = p.nal_type == NAL_IDR, filtered = pps.deblocking_control;
	const struct pair pairs[] = {
		{ "nal_unit_type", h.nal_type, p.nal_type },
		{ "nal_ref_idc != 0", h.nal_ref_idc != 0, p.nal_ref_idc != 0 },
		{ "first_mb_in_slice", h.first_mb, p.first_mb },
		{ "slice_type", h.type, p.type },
		{ "pic_parameter_set_id", h.pps_id, p.pps_id },
		{ "frame_num", h.frame_num, p.frame_num },
		{ "idr_pic_id", idr ? h.idr_pic_id : 0, idr ? p.idr_pic_id : 0 },
		{ "pic_order_cnt_lsb", sps.poc_type == 0 ? h.poc_lsb : 0, sps.poc_type == 0 ? p.poc_lsb : 0 },
		{ "slice_qp_delta", h.qp_delta, p.qp_delta },
		{ "disable_deblocking_filter_idc", h.deblocking_idc, filtered ? p.deblocking_idc : 0 },
		{ "slice_alpha_c0_offset_div2", h.alpha_div2,
				filtered && p.deblocking_idc != 1 ? p.alpha_div2 : 0 },
		{ "slice_beta_offset_div2", h.beta_div2, filtered && p.deblocking_idc != 1 ? p.beta_div2 : 0 },
	};
	compare(pairs, G_N_ELEMENTS(pairs), "slice", report);
}

void packed_check(const struct packed *packed, const struct encode_parameters *parameters,
		const VAEncSliceParameterBufferH264 *slice, struct report *report)
{
	struct bit_reader reader;
	g_autoptr(GByteArray) plain = g_byte_array_new();
	if (packed->type == VAEncPackedHeaderSlice) {
		struct bit_writer writer;
		bit_writer_init(&writer);
		packed_put_rbsp(packed, &writer);
		size_t bits = bit_writer_bits(&writer);
		put_bits(&writer, 0, 7); /* the last byte out of the writer's cache */
		bit_reader_init(&reader, writer.bytes, bits);
		slice_check(&reader, parameters, slice, report);
		bit_writer_finish(&writer);
		return;
	}
	for (size_t at = 0; next_unit(packed->data, &at);) {
		uint32_t type = packed->data->data[at] & 31;
		if (type != NAL_SPS && type != NAL_PPS)
			continue;
		g_byte_array_set_size(plain, 0);
		nal_unescape(plain, packed->data->data + at + 1, packed->data->len - at - 1);
		bit_reader_init(&reader, plain->data, (size_t)plain->len * 8);
		if (type == NAL_SPS)
			sps_check(&reader, parameters, report);
		else
			pps_check(&reader, parameters, report);
	}
}
