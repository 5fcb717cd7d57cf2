/* unit_channel: encoded pictures between callbox-media and callbox-video, a unit each (of H.264 an access unit, of VP8 a
 * frame): the bytes in shared memory, the words about them over a SOCK_SEQPACKET pair (channel_pair()).
 *
 * Each side makes an arena of UNIT_SLOTS slots, sealed against shrinking, and hands it to the other, which
 * maps it read-only. A received unit is copied out before it is looked at, so a peer that writes into a slot later,
 * lies about a size or vanishes harms nobody. That its slot is free again stands in the receiver's own arena, behind
 * the slots: nobody is woken for it. What does not make sense is counted and dropped.
 *
 * Sending: any thread. Receiving: the thread that runs the context. open and close: that thread too, with
 * no sender left. */
#ifndef CALLBOX_BASE_UNIT_CHANNEL_H
#define CALLBOX_BASE_UNIT_CHANNEL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/video_codec.h"

#define UNIT_SLOTS 16
#define UNIT_BYTES_MAX (256 * 1024)
#define UNIT_ARENA_BYTES ((size_t)UNIT_SLOTS * UNIT_BYTES_MAX + 4096)

struct unit {
	enum video_codec codec;
	const uint8_t *bytes; /* one, as video_codec.h says */
	size_t size;	      /* 1..UNIT_BYTES_MAX */
	int64_t capture_us;   /* CLOCK_MONOTONIC of the capture; 0: not known */
	uint32_t rtp_time;    /* 90 kHz */
	bool keyframe;
};

struct unit_channel_ops {
	/* unit->bytes are good until the call returns. */
	void (*unit)(const struct unit *unit, void *data);
	void (*request_idr)(void *data);
	/* level: of H.264, times ten, that the peer decodes; 0: not said. */
	void (*set_rate)(int bits_per_second, int level, void *data);
	void (*closed)(void *data); /* once; the peer is gone */
	/* What units are to be from now on. slice_bytes: no NAL unit may be larger; 0: no limit. NULL: nobody asks. */
	void (*set_codec)(enum video_codec codec, int slice_bytes, void *data);
};

struct unit_channel;

struct unit_channel_counts {
	uint64_t sent, received, dropped /* no slot free, or the socket full */, refused /* nonsense of the peer */;
};

/* Takes fd, also on failure. ops is borrowed. */
int unit_channel_open(int fd, GMainContext *context, const struct unit_channel_ops *ops, void *data,
		      struct unit_channel **ret_channel);
void unit_channel_close(struct unit_channel *channel);

/* 0, -ENOBUFS: the peer is behind, the unit is dropped; -EMSGSIZE; -EINVAL: no codec; -EPIPE. */
int unit_channel_send(struct unit_channel *channel, const struct unit *unit);
int unit_channel_request_idr(struct unit_channel *channel);
int unit_channel_set_rate(struct unit_channel *channel, int bits_per_second, int level);
int unit_channel_set_codec(struct unit_channel *channel, enum video_codec codec, int slice_bytes);
void unit_channel_counts(struct unit_channel *channel, struct unit_channel_counts *ret_counts);

#endif
