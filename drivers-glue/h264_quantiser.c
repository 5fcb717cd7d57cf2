#include "drivers-glue/h264_quantiser.h"

#include <errno.h>

#define HEAD_BYTES 48	/* more than such a slice header has */
#define QUANTISER_FIRST 26
#define QUANTISER_MAX 51
#define MODIFICATIONS_MAX 4

enum { SLICE_P = 0, SLICE_I = 2, SLICE_KINDS = 5, NAL_SLICE = 1, NAL_IDR = 5 };

struct reader {
	uint8_t bytes[HEAD_BYTES]; /* without emulation prevention */
	unsigned int size, at;	   /* bits */
	bool short_of;
};

static void reader_open(struct reader *r, const uint8_t *payload, size_t size)
{
	int zeros = 0;
	unsigned int n = 0;
	*r = (struct reader){ 0 };
	for (size_t i = 0; i < size && n < HEAD_BYTES; i++) {
		bool stuffed = zeros >= 2 && payload[i] == 3;
		zeros = payload[i] ? 0 : zeros + 1;
		if (!stuffed)
			r->bytes[n++] = payload[i];
	}
	r->size = n * 8;
}

static unsigned int bits(struct reader *r, int count)
{
	unsigned int value = 0;
	for (int i = 0; i < count; i++, r->at++) {
		r->short_of |= r->at >= r->size;
		if (r->short_of)
			return 0;
		value = value << 1 | (r->bytes[r->at / 8] >> (7 - r->at % 8) & 1);
	}
	return value;
}

static unsigned int ue(struct reader *r)
{
	int zeros = 0;
	while (!r->short_of && bits(r, 1) == 0)
		if (++zeros > 20)
			r->short_of = true;
	return r->short_of ? 0 : (1u << zeros) - 1 + bits(r, zeros);
}

static int se(struct reader *r)
{
	unsigned int code = ue(r);
	return code & 1 ? (int)(code / 2 + 1) : -(int)(code / 2);
}

static void references_skip(struct reader *r)
{
	if (bits(r, 1)) /* num_ref_idx_active_override_flag */
		ue(r);
	if (!bits(r, 1)) /* ref_pic_list_modification_flag_l0 */
		return;
	for (int i = 0; !r->short_of && ue(r) != 3; i++) {
		ue(r);
		r->short_of |= i >= MODIFICATIONS_MAX;
	}
}

int h264_quantiser(const uint8_t *nal, size_t size, int frame_num_bits, bool *ret_filtered)
{
	struct reader r;
	int type = size > 0 ? nal[0] & 31 : 0;
	if (type != NAL_SLICE && type != NAL_IDR)
		return -EBADMSG;
	reader_open(&r, nal + 1, size - 1);
	ue(&r); /* first_mb_in_slice */
	unsigned int kind = ue(&r) % SLICE_KINDS;
	ue(&r); /* pic_parameter_set_id */
	bits(&r, frame_num_bits);
	if (type == NAL_IDR)
		ue(&r); /* idr_pic_id */
	bits(&r, frame_num_bits + 1);
	if (kind == SLICE_P)
		references_skip(&r);
	if (type == NAL_IDR)
		bits(&r, 2);
	else if ((nal[0] >> 5 & 3) && bits(&r, 1)) /* adaptive_ref_pic_marking_mode_flag: never */
		return -EBADMSG;
	int quantiser = QUANTISER_FIRST + se(&r);
	*ret_filtered = ue(&r) != 1; /* disable_deblocking_filter_idc */
	bool good = !r.short_of && (kind == SLICE_P || kind == SLICE_I) && quantiser >= 0 && quantiser <= QUANTISER_MAX;
	return good ? quantiser : -EBADMSG;
}
