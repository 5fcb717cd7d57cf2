#include "core/devices/h264_stream.h"

#include <errno.h>
#include <string.h>

#include "core/devices/picture.h"

#define HEAD_BYTES 512 /* more than any parameter set that makes sense here */

size_t h264_start_code(const uint8_t *bytes, size_t size, size_t from)
{
	/* at: where its last byte may stand */
	for (size_t at = from + 2; at < size; at += bytes[at] == 0 ? 1 : 3)
		if (bytes[at] == 1 && bytes[at - 1] == 0 && bytes[at - 2] == 0)
			return at - 2;
	return size;
}

bool h264_next_nal(const uint8_t *bytes, size_t size, size_t *at, struct h264_nal *ret_nal)
{
	size_t start = *at, end;
	for (;;) {
		start = h264_start_code(bytes, size, start);
		if (start == size)
			return false;
		start += 3;
		end = h264_start_code(bytes, size, start);
		*at = end;
		while (end > start && bytes[end - 1] == 0) /* zeros belong to the next start code */
			end--;
		if (end > start)
			break;
		start = *at;
	}
	*ret_nal = (struct h264_nal){ .type = bytes[start] & 31, .reference = bytes[start] >> 5 & 3,
				      .bytes = bytes + start, .size = end - start };
	return true;
}

/* ---- bits ---- */

struct reader {
	uint8_t bytes[HEAD_BYTES];
	size_t size, at; /* bytes, bits */
	bool short_of;	 /* more was read than there is, or a code was too long */
};

/* The begin of a NAL unit's payload without its emulation prevention bytes. */
static void reader_open(struct reader *r, const uint8_t *nal, size_t size)
{
	int zeros = 0;
	r->size = r->at = 0;
	r->short_of = false;
	for (size_t i = 1; i < size && r->size < sizeof(r->bytes); i++) {
		if (zeros >= 2 && nal[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal[i] == 0 ? zeros + 1 : 0;
		r->bytes[r->size++] = nal[i];
	}
}

static uint32_t bits(struct reader *r, unsigned int count)
{
	uint32_t value = 0;
	for (unsigned int i = 0; i < count; i++, r->at++) {
		if (r->at >= r->size * 8) {
			r->short_of = true;
			return 0;
		}
		value = value << 1 | (r->bytes[r->at / 8] >> (7 - r->at % 8) & 1);
	}
	return value;
}

static uint32_t ue(struct reader *r)
{
	unsigned int zeros = 0;
	while (!r->short_of && bits(r, 1) == 0)
		if (++zeros > 31)
			r->short_of = true;
	return r->short_of ? 0 : (1u << zeros) - 1 + bits(r, zeros);
}

static int32_t se(struct reader *r)
{
	uint32_t code = ue(r);
	return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}

/* ---- parameter sets ---- */

static bool has_chroma_format(int profile)
{
	static const int profiles[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (profiles[i] == profile)
			return true;
	return false;
}

static void skip_scaling_list(struct reader *r, int count)
{
	int last = 8, next = 8;
	for (int i = 0; i < count && !r->short_of; i++) {
		if (next != 0)
			next = (last + se(r) + 256) & 255;
		last = next == 0 ? last : next;
	}
}

static void chroma_parse(struct reader *r, struct h264_sps *sps)
{
	sps->chroma_format = (int)ue(r);
	if (sps->chroma_format == 3)
		bits(r, 1);
	uint32_t luma = ue(r), chroma = ue(r);
	sps->bit_depth = luma > 6 || chroma > 6 ? 99 : 8 + (int)(luma > chroma ? luma : chroma);
	bits(r, 1);
	if (!bits(r, 1))
		return;
	for (int i = 0; i < (sps->chroma_format == 3 ? 12 : 8); i++)
		if (bits(r, 1))
			skip_scaling_list(r, i < 6 ? 16 : 64);
}

static void order_parse(struct reader *r)
{
	uint32_t type = ue(r);
	if (type == 0) {
		ue(r);
	} else if (type == 1) {
		bits(r, 1);
		se(r);
		se(r);
		for (uint32_t i = ue(r); i > 0 && !r->short_of; i--)
			se(r);
	}
}

/* Width, height and cropping; sizes beyond sense are left as -1. */
static void size_parse(struct reader *r, struct h264_sps *sps)
{
	uint32_t width = ue(r) + 1, height = ue(r) + 1;
	sps->frames_only = bits(r, 1);
	if (!sps->frames_only)
		bits(r, 1);
	bits(r, 1);
	uint32_t left = 0, right = 0, top = 0, bottom = 0;
	if (bits(r, 1)) {
		left = ue(r);
		right = ue(r);
		top = ue(r);
		bottom = ue(r);
	}
	uint32_t lines = sps->frames_only ? 1 : 2;
	sps->width = sps->height = -1;
	if (width > 4096 || height > 4096 || left > 65535 || right > 65535 || top > 65535 || bottom > 65535)
		return;
	sps->width = (int)(width * 16) - (int)(left + right) * 2;
	sps->height = (int)(height * 16 * lines) - (int)((top + bottom) * 2 * lines);
}

int h264_sps_parse(const uint8_t *nal, size_t size, struct h264_sps *ret_sps)
{
	struct reader r;
	struct h264_sps sps = { .chroma_format = 1, .bit_depth = 8 };
	reader_open(&r, nal, size);
	sps.profile = (int)bits(&r, 8);
	sps.constraints = (int)bits(&r, 8);
	sps.level = (int)bits(&r, 8);
	uint32_t id = ue(&r);
	if (has_chroma_format(sps.profile))
		chroma_parse(&r, &sps);
	uint32_t frame_num = ue(&r);
	order_parse(&r);
	uint32_t references = ue(&r);
	sps.gaps_allowed = bits(&r, 1);
	size_parse(&r, &sps);
	if (r.short_of || id >= H264_SPS_IDS || frame_num > 12 || references > 16)
		return -EBADMSG;
	sps.id = (int)id;
	sps.frame_num_bits = (int)frame_num + 4;
	sps.references = (int)references;
	*ret_sps = sps;
	return 0;
}

/* ---- the watch ---- */

static int note_sps(struct h264_watch *watch, const struct h264_nal *nal)
{
	struct h264_sps sps;
	int r = h264_sps_parse(nal->bytes, nal->size, &sps);
	if (r < 0)
		return r;
	if (sps.width < 16 || sps.height < 16 || sps.width > PICTURE_SIDE_MAX || sps.height > PICTURE_SIDE_MAX ||
	    sps.chroma_format != 1 || sps.bit_depth != 8 || (sps.profile > 100 && sps.profile != 118))
		return -ENOTSUP;
	watch->sps[sps.id] = sps;
	watch->has_sps[sps.id] = true;
	return 0;
}

static int note_pps(struct h264_watch *watch, const struct h264_nal *nal)
{
	struct reader r;
	reader_open(&r, nal->bytes, nal->size);
	uint32_t id = ue(&r), sps = ue(&r);
	if (r.short_of || id >= H264_PPS_IDS || sps >= H264_SPS_IDS)
		return -EBADMSG;
	watch->sps_of_pps[id] = (uint8_t)sps;
	watch->has_pps[id] = true;
	return 0;
}

/* Whether all that the picture of this frame_num refers to has come. */
static bool follows(const struct h264_watch *watch, const struct h264_sps *sps, int frame_num)
{
	int next = (watch->frame_num + 1) & ((1 << sps->frame_num_bits) - 1);
	return frame_num == next || sps->gaps_allowed;
}

/* *last_mb: first macroblock of the slice before, -1 for none. */
static int note_slice(struct h264_watch *watch, const struct h264_nal *nal, int64_t *last_mb)
{
	struct reader r;
	reader_open(&r, nal->bytes, nal->size < 64 ? nal->size : 64);
	int64_t first_mb = ue(&r);
	ue(&r);
	uint32_t pps = ue(&r);
	if (r.short_of || pps >= H264_PPS_IDS || !watch->has_pps[pps] || !watch->has_sps[watch->sps_of_pps[pps]])
		return -EBADMSG;
	const struct h264_sps *sps = &watch->sps[watch->sps_of_pps[pps]];
	int frame_num = (int)bits(&r, (unsigned int)sps->frame_num_bits);
	bool first = *last_mb < 0;
	if (r.short_of || (first && first_mb != 0) || (!first && sps->frames_only && first_mb <= *last_mb))
		return -EBADMSG;
	*last_mb = first_mb;
	if (!first)
		return 0;
	if (nal->type == H264_IDR)
		watch->synced = true;
	else if (!watch->synced || !follows(watch, sps, frame_num))
		return -EBADMSG;
	if (nal->reference > 0)
		watch->frame_num = frame_num;
	return 0;
}

int h264_watch_unit(struct h264_watch *watch, const uint8_t *bytes, size_t size)
{
	struct h264_nal nal;
	int64_t last_mb = -1;
	int r = 0;
	for (size_t at = 0; r == 0 && h264_next_nal(bytes, size, &at, &nal);) {
		if (nal.bytes[0] & 0x80)
			r = -EBADMSG;
		else if (nal.type == H264_SPS)
			r = note_sps(watch, &nal);
		else if (nal.type == H264_PPS)
			r = note_pps(watch, &nal);
		else if (nal.type == H264_SLICE || nal.type == H264_IDR)
			r = note_slice(watch, &nal, &last_mb);
	}
	if (r == 0 && last_mb < 0)
		r = -EBADMSG;
	if (r < 0)
		watch->synced = false;
	return r;
}
