/* h264_stream: looks into H.264 Annex B without decoding it: NAL units, parameter sets and the begin of slice
 * headers (ITU-T H.264, 7.3.2.1, 7.3.2.2, 7.3.3). Pure; every byte is foreign. */
#ifndef CALLBOX_DEVICES_H264_STREAM_H
#define CALLBOX_DEVICES_H264_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h264_nal_type {
	H264_SLICE = 1,
	H264_IDR = 5,
	H264_SEI = 6,
	H264_SPS = 7,
	H264_PPS = 8,
	H264_AUD = 9,
	H264_FILLER = 12
};

struct h264_nal {
	int type, reference; /* nal_unit_type, nal_ref_idc */
	const uint8_t *bytes; /* its header first, no start code */
	size_t size;	      /* at least 1 */
};

struct h264_sps {
	int id, profile, constraints /* set0 in bit 7 */, level, width, height, references;
	int frame_num_bits, chroma_format, bit_depth;
	bool frames_only, gaps_allowed;
};

#define H264_SPS_IDS 32
#define H264_PPS_IDS 256

/* What came before, as far as it decides whether a unit can be decoded. Zeroed is fresh. */
struct h264_watch {
	struct h264_sps sps[H264_SPS_IDS];
	bool has_sps[H264_SPS_IDS], has_pps[H264_PPS_IDS];
	uint8_t sps_of_pps[H264_PPS_IDS];
	bool synced;	/* an IDR came, and every reference since */
	int frame_num;	/* of the last reference picture */
};

/* Position of the next 00 00 01 at or after from; size when there is none. */
size_t h264_start_code(const uint8_t *bytes, size_t size, size_t from);
/* The unit after *at, which moves behind it; false: no more. */
bool h264_next_nal(const uint8_t *bytes, size_t size, size_t *at, struct h264_nal *ret_nal);
/* 0, or -EBADMSG. */
int h264_sps_parse(const uint8_t *nal, size_t size, struct h264_sps *ret_sps);

/* Notes one access unit. 0: every slice up to the last that came, and every reference, is there; -EBADMSG:
 * something is missing or malformed: only an IDR helps; -ENOTSUP: a sequence parameter set asks for more than
 * any decoder here shall see (size over PICTURE_SIDE_MAX, not 4:2:0 of 8 bits, a profile beyond High). */
int h264_watch_unit(struct h264_watch *watch, const uint8_t *bytes, size_t size);

#endif
