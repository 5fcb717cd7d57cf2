/* rtp, rtcp: packets as bytes. RFC 3550, 4585 (NACK, PLI), 5104 (FIR), REMB. Pure; parsers of foreign bytes
 * read nothing beyond length and allocate nothing. */
#ifndef CALLBOX_MEDIA_RTP_H
#define CALLBOX_MEDIA_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_HEADER_BYTES 12
#define RTP_HEADER_MAX 20 /* of what we write: with the transport-wide number (twcc.h) */
#define RTP_PACKET_MAX 1500

struct rtp {
	uint8_t payload_type;
	bool marker;
	uint16_t sequence;
	uint32_t time, ssrc;
	const uint8_t *payload;
	size_t payload_bytes; /* padding and extensions are taken off; 0: probing, not loss */
	uint16_t extension_profile; /* RFC 3550 §5.3.1; 0: there is none */
	const uint8_t *extension;
	size_t extension_bytes;
	int transport_id; /* to write: the extension's id, 0: none, and its number */
	uint16_t transport_sequence;
};

int rtp_parse(const uint8_t *bytes, size_t length, struct rtp *ret_rtp);
/* Writes the header, RTP_HEADER_MAX at most; returns its length, which rtp_header_bytes() tells beforehand. */
size_t rtp_header_bytes(const struct rtp *rtp);
size_t rtp_write(uint8_t *bytes, const struct rtp *rtp);

/* First byte 128..191 and second 192..223: RTCP beside RTP on one port, RFC 5761 §4. */
bool rtp_is_rtcp(const uint8_t *bytes, size_t length);

struct rtcp_report { /* one report block */
	uint32_t ssrc, highest, jitter, last_sr, delay_sr;
	uint8_t fraction_lost; /* of 256 */
	int32_t lost;
};

struct rtcp_ops {
	void (*sender)(uint32_t ssrc, uint64_t ntp, uint32_t rtp_time, void *data);
	void (*report)(const struct rtcp_report *report, void *data);
	void (*nack)(uint32_t ssrc, uint16_t sequence, void *data);
	void (*keyframe)(uint32_t ssrc, void *data); /* PLI or FIR */
	void (*remb)(double bits_per_second, void *data);
	void (*transport)(const uint8_t *part, size_t length, void *data); /* for twcc_parse() */
};

/* Calls ops for what a compound packet says; -EBADMSG at the first malformed part. */
int rtcp_parse(const uint8_t *bytes, size_t length, const struct rtcp_ops *ops, void *data);

struct rtcp_sender {
	uint32_t ssrc, rtp_time, packets, octets;
	uint64_t ntp;
};
/* Each appends to a buffer of RTP_PACKET_MAX bytes at `at` and returns the new length, or `at` when there is
 * no room. */
size_t rtcp_write_sr(uint8_t *bytes, size_t at, const struct rtcp_sender *sender, const struct rtcp_report *reports,
		     int count);
size_t rtcp_write_sdes(uint8_t *bytes, size_t at, uint32_t ssrc, const char *cname);
size_t rtcp_write_nack(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc, const uint16_t *sequences, int count);
size_t rtcp_write_pli(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc);
size_t rtcp_write_remb(uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc, double bits_per_second);

#endif
