/* h264_write: the headers of the H.264 stream that an encoder of ours hands to hardware which codes the slices
 * only: constrained baseline, one reference, no reordering (ITU-T H.264, 7.3.2.1, 7.3.2.2, 7.3.3, E.1). Pure. */
#ifndef CALLBOX_DRIVERS_GLUE_H264_WRITE_H
#define CALLBOX_DRIVERS_GLUE_H264_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H264_HEADER_BYTES 128 /* of any header made here */
#define H264_FRAME_NUM_BITS 8
#define H264_ORDER_BITS 8 /* pic_order_cnt_lsb; it is twice the number of pictures since the IDR */
#define H264_INIT_QP 26	  /* slice_qp_delta counts from here */

/* Bits in the making; overflow: they did not fit, which no header of ours does. */
struct h264_bits {
	uint8_t raw[H264_HEADER_BYTES];
	size_t count;
	bool overflow;
};
void h264_bits_put(struct h264_bits *bits, unsigned int count, uint32_t value); /* 1..32 */
void h264_bits_ue(struct h264_bits *bits, uint32_t value);
void h264_bits_se(struct h264_bits *bits, int32_t value);

struct h264_header {
	uint8_t bytes[2 * H264_HEADER_BYTES]; /* start code, NAL header, payload with emulation prevention */
	size_t bits;			      /* a slice header ends within a byte */
};

struct h264_sequence {
	int width, height, fps; /* even sizes */
};

struct h264_slice {
	bool idr;
	int frame_num, idr_pic_id, order, qp;
};

int h264_level(const struct h264_sequence *sequence); /* level_idc that the size at this rate needs */
void h264_write_sps(const struct h264_sequence *sequence, struct h264_header *ret_header);
void h264_write_pps(struct h264_header *ret_header);
void h264_write_slice(const struct h264_slice *slice, struct h264_header *ret_header);
/* SPS and PPS one after the other, in whole bytes. */
void h264_write_sets(const struct h264_sequence *sequence, struct h264_header *ret_header);

#endif
