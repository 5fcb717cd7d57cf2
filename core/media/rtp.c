#include "core/media/rtp.h"

#include <errno.h>
#include <string.h>

#include "core/media/twcc.h"

enum { RTCP_SR = 200, RTCP_RR = 201, RTCP_SDES = 202, RTCP_RTPFB = 205, RTCP_PSFB = 206 };
enum { RTPFB_NACK = 1, PSFB_PLI = 1, PSFB_FIR = 4, PSFB_AFB = 15 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

int rtp_parse(const uint8_t *bytes, size_t length, struct rtp *ret_rtp)
{
	if (length < RTP_HEADER_BYTES || bytes[0] >> 6 != 2)
		return -EBADMSG;
	size_t at = RTP_HEADER_BYTES + 4 * (size_t)(bytes[0] & 15), extension = 0;
	if (bytes[0] & 0x10) {
		if (at + 4 > length)
			return -EBADMSG;
		extension = at + 4;
		at += 4 + 4 * (size_t)get16(bytes + at + 2);
	}
	if (at > length)
		return -EBADMSG;
	size_t padding = bytes[0] & 0x20 && length > at ? bytes[length - 1] : 0;
	if (padding > length - at || (bytes[0] & 0x20 && padding == 0))
		return -EBADMSG;
	*ret_rtp = (struct rtp){
		.payload_type = bytes[1] & 0x7f, .marker = bytes[1] >> 7, .sequence = get16(bytes + 2),
		.time = get32(bytes + 4), .ssrc = get32(bytes + 8), .payload = bytes + at,
		.payload_bytes = length - at - padding,
		.extension_profile = extension ? get16(bytes + extension - 4) : 0,
		.extension = extension ? bytes + extension : NULL,
		.extension_bytes = extension ? at - extension : 0,
	};
	return 0;
}

size_t rtp_header_bytes(const struct rtp *rtp)
{
	return RTP_HEADER_BYTES + (rtp->transport_id ? TWCC_EXTENSION_BYTES : 0);
}

size_t rtp_write(uint8_t *bytes, const struct rtp *rtp)
{
	bytes[0] = rtp->transport_id ? 0x90 : 0x80;
	bytes[1] = (uint8_t)(rtp->marker << 7 | rtp->payload_type);
	put16(bytes + 2, rtp->sequence);
	put32(bytes + 4, rtp->time);
	put32(bytes + 8, rtp->ssrc);
	if (rtp->transport_id)
		twcc_write_extension(bytes + RTP_HEADER_BYTES, rtp->transport_id, rtp->transport_sequence);
	return rtp_header_bytes(rtp);
}

bool rtp_is_rtcp(const uint8_t *bytes, size_t length)
{
	return length >= 8 && bytes[1] >= 192 && bytes[1] <= 223;
}

static void reports_parse(const uint8_t *p, int count, const struct rtcp_ops *ops, void *data)
{
	for (int i = 0; i < count; i++, p += 24) {
		uint32_t lost = get32(p + 4) & 0xffffff;
		const struct rtcp_report report = {
			.ssrc = get32(p), .fraction_lost = p[4],
			.lost = lost & 0x800000 ? (int32_t)(lost | 0xff000000) : (int32_t)lost,
			.highest = get32(p + 8), .jitter = get32(p + 12), .last_sr = get32(p + 16),
			.delay_sr = get32(p + 20),
		};
		ops->report(&report, data);
	}
}

static void nack_parse(const uint8_t *p, size_t length, const struct rtcp_ops *ops, void *data)
{
	uint32_t ssrc = get32(p + 8);
	for (size_t at = 12; at + 4 <= length; at += 4) {
		uint16_t first = get16(p + at), mask = get16(p + at + 2);
		ops->nack(ssrc, first, data);
		for (int i = 0; i < 16; i++)
			if (mask >> i & 1)
				ops->nack(ssrc, (uint16_t)(first + i + 1), data);
	}
}

static void feedback_parse(const uint8_t *p, size_t length, const struct rtcp_ops *ops, void *data)
{
	switch (p[0] & 31) {
	case PSFB_PLI:
		ops->keyframe(get32(p + 8), data);
		break;
	case PSFB_FIR:
		if (length >= 20)
			ops->keyframe(get32(p + 12), data);
		break;
	case PSFB_AFB:
		if (length >= 20 && memcmp(p + 12, "REMB", 4) == 0) {
			uint32_t mantissa = (uint32_t)(p[17] & 3) << 16 | (uint32_t)p[18] << 8 | p[19];
			ops->remb((double)mantissa * (double)(1ULL << (p[17] >> 2)), data);
		}
		break;
	}
}

static int part_parse(const uint8_t *p, size_t length, const struct rtcp_ops *ops, void *data)
{
	int count = p[0] & 31;
	switch (p[1]) {
	case RTCP_SR:
		if (length < 28 + 24 * (size_t)count)
			return -EBADMSG;
		ops->sender(get32(p + 4), (uint64_t)get32(p + 8) << 32 | get32(p + 12), get32(p + 16), data);
		reports_parse(p + 28, count, ops, data);
		return 0;
	case RTCP_RR:
		if (length < 8 + 24 * (size_t)count)
			return -EBADMSG;
		reports_parse(p + 8, count, ops, data);
		return 0;
	case RTCP_RTPFB:
		if (length >= 12 && count == RTPFB_NACK)
			nack_parse(p, length, ops, data);
		if (count == TWCC_FORMAT)
			ops->transport(p, length, data);
		return 0;
	case RTCP_PSFB:
		if (length >= 12)
			feedback_parse(p, length, ops, data);
		return 0;
	default:
		return 0;
	}
}

int rtcp_parse(const uint8_t *bytes, size_t length, const struct rtcp_ops *ops, void *data)
{
	for (size_t at = 0; at < length;) {
		if (length - at < 4 || bytes[at] >> 6 != 2)
			return -EBADMSG;
		size_t part = 4 * ((size_t)get16(bytes + at + 2) + 1);
		if (part > length - at)
			return -EBADMSG;
		int r = part_parse(bytes + at, part, ops, data);
		if (r < 0)
			return r;
		at += part;
	}
	return 0;
}

/* ---- writing ---- */

static uint8_t *part_begin(uint8_t *bytes, size_t at, size_t length, int count, uint8_t type)
{
	if (at + length > RTP_PACKET_MAX - 64) /* room for the SRTCP tail */
		return NULL;
	uint8_t *p = bytes + at;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = type;
	put16(p + 2, (uint16_t)(length / 4 - 1));
	return p;
}

size_t rtcp_write_sr(uint8_t *bytes, size_t at, const struct rtcp_sender *sender, const struct rtcp_report *reports,
		     int count)
{
	size_t length = 28 + 24 * (size_t)count;
	uint8_t *p = part_begin(bytes, at, length, count, RTCP_SR);
	if (!p)
		return at;
	put32(p + 4, sender->ssrc);
	put32(p + 8, (uint32_t)(sender->ntp >> 32));
	put32(p + 12, (uint32_t)sender->ntp);
	put32(p + 16, sender->rtp_time);
	put32(p + 20, sender->packets);
	put32(p + 24, sender->octets);
	for (int i = 0; i < count; i++) {
		uint8_t *b = p + 28 + 24 * i;
		put32(b, reports[i].ssrc);
		put32(b + 4, (uint32_t)reports[i].fraction_lost << 24 | ((uint32_t)reports[i].lost & 0xffffff));
		put32(b + 8, reports[i].highest);
		put32(b + 12, reports[i].jitter);
		put32(b + 16, reports[i].last_sr);
		put32(b + 20, reports[i].delay_sr);
	}
	return at + length;
}

size_t rtcp_write_sdes(uint8_t *bytes, size_t at, uint32_t ssrc, const char *cname)
{
	size_t name = strlen(cname), length = (8 + 2 + name + 1 + 3) & ~(size_t)3;
	uint8_t *p = part_begin(bytes, at, length, 1, RTCP_SDES);
	if (!p)
		return at;
	memset(p + 4, 0, length - 4);
	put32(p + 4, ssrc);
	p[8] = 1;
	p[9] = (uint8_t)name;
	memcpy(p + 10, cname, name);
	return at + length;
}

size_t rtcp_write_nack(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc, const uint16_t *sequences, int count)
{
	uint16_t first[64], mask[64];
	int n = 0;
	for (int i = 0; i < count; i++) {
		uint16_t after = n > 0 ? (uint16_t)(sequences[i] - first[n - 1]) : 0;
		if (n > 0 && after >= 1 && after <= 16) {
			mask[n - 1] |= (uint16_t)(1 << (after - 1));
		} else if (n < 64) {
			first[n] = sequences[i];
			mask[n++] = 0;
		}
	}
	size_t length = 12 + 4 * (size_t)n;
	uint8_t *p = n > 0 ? part_begin(bytes, at, length, RTPFB_NACK, RTCP_RTPFB) : NULL;
	if (!p)
		return at;
	put32(p + 4, from);
	put32(p + 8, ssrc);
	for (int i = 0; i < n; i++) {
		put16(p + 12 + 4 * i, first[i]);
		put16(p + 14 + 4 * i, mask[i]);
	}
	return at + length;
}

size_t rtcp_write_pli(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc)
{
	uint8_t *p = part_begin(bytes, at, 12, PSFB_PLI, RTCP_PSFB);
	if (!p)
		return at;
	put32(p + 4, from);
	put32(p + 8, ssrc);
	return at + 12;
}

size_t rtcp_write_remb(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc, double bits_per_second)
{
	uint8_t *p = part_begin(bytes, at, 24, PSFB_AFB, RTCP_PSFB);
	uint64_t mantissa = (uint64_t)bits_per_second;
	unsigned int exponent = 0;
	if (!p)
		return at;
	for (; mantissa > 0x3ffff; mantissa >>= 1)
		exponent++;
	put32(p + 4, from);
	put32(p + 8, 0);
	memcpy(p + 12, "REMB", 4);
	p[16] = 1;
	p[17] = (uint8_t)(exponent << 2 | mantissa >> 16);
	put16(p + 18, (uint16_t)mantissa);
	put32(p + 20, ssrc);
	return at + 24;
}
