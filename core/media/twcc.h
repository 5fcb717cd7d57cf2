/* twcc: transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): the number that each
 * packet carries in a header extension (RFC 8285), and the RTCP feedback that says when each of them came. Pure: time
 * comes in. What parses foreign bytes reads nothing beyond length. One thread. */
#ifndef CALLBOX_MEDIA_TWCC_H
#define CALLBOX_MEDIA_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TWCC_URI "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define TWCC_FORMAT 15		/* of RTCP packet type 205 */
#define TWCC_EXTENSION_BYTES 8	/* the whole block behind the fixed header */
#define TWCC_WINDOW 2048	/* packets remembered; a power of two */
#define TWCC_STATUSES_MAX 4096	/* of one feedback that is believed */
#define TWCC_FEEDBACK_BYTES 1100

/* id: 1..14. */
void twcc_write_extension(uint8_t bytes[TWCC_EXTENSION_BYTES], int id, uint16_t sequence);
/* Of an extension block's body; profile: its first 16 bits. -1: there is none. */
int twcc_read_extension(uint16_t profile, const uint8_t *body, size_t bytes, int id);

/* What came, as the receiver notes it. Zeroed at first. */
struct twcc_arrivals {
	bool started;
	int64_t next, end;		/* the first not told of; behind the newest. Unwrapped numbers */
	int64_t ticks[TWCC_WINDOW];	/* 250 µs; 0: did not come */
	uint8_t feedbacks;
};

void twcc_arrived(struct twcc_arrivals *arrivals, uint16_t sequence, int64_t now_us);
/* Appends a feedback to an RTCP packet whose buffer has TWCC_FEEDBACK_BYTES behind `at`; returns the new length, or
 * `at` when there is nothing to tell. May be called again for the rest. */
size_t twcc_write(struct twcc_arrivals *arrivals, uint8_t *bytes, size_t at, uint32_t from, uint32_t ssrc);

/* The feedbacks' time, unwrapped. Zeroed at first. */
struct twcc_clock {
	bool started;
	int64_t reference; /* 64 ms */
};
/* arrival_us: on the receiver's clock; 0 when it did not come. */
typedef void (*twcc_status_fn)(uint16_t sequence, bool arrived, int64_t arrival_us, void *data);

/* part: one RTCP packet of type 205 and TWCC_FORMAT, its header included. Everything is checked before anything is
 * told. -EBADMSG. */
int twcc_parse(const uint8_t *part, size_t length, struct twcc_clock *clock, twcc_status_fn told, void *data);

#endif
