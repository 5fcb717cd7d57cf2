/* jitter: the sound's jitter buffer: packets in by sequence number, one packet's time out every 20 ms.
 *
 * The wished delay follows the measured jitter, from one packet to ten. An empty buffer conceals and waits, which
 * lengthens the delay; a buffer that has been too full for a second drops one packet. Bounded; pure but for
 * the Opus decoder. One thread at a time. */
#ifndef CALLBOX_MEDIA_SOUND_JITTER_H
#define CALLBOX_MEDIA_SOUND_JITTER_H

#include <stddef.h>
#include <stdint.h>

#define JITTER_PACKET_BYTES 1500
#define JITTER_SLOTS 64
#define JITTER_SAMPLES_MAX 5760 /* 120 ms, the longest Opus packet */

struct jitter;

struct jitter_stats {
	uint64_t received, decoded, concealed, fec, late, discarded;
	double jitter_ms, delay_ms;
};

int jitter_create(struct jitter **ret_jitter);
void jitter_destroy(struct jitter *jitter);
void jitter_put(struct jitter *jitter, const uint8_t *opus, size_t bytes, uint16_t sequence, uint32_t rtp_time,
		int64_t arrival_us);
/* The next samples, 48 kHz mono; their number, 0 while nothing has come yet. */
int jitter_take(struct jitter *jitter, int16_t samples[JITTER_SAMPLES_MAX]);
/* Lets the next packet go by unheard, if more wait than the delay wished for: its samples, or 0. */
int jitter_skip(struct jitter *jitter);
void jitter_stats(const struct jitter *jitter, struct jitter_stats *ret_stats);

#endif
