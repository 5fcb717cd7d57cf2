/* uplink: what leaves, and how much of it. Joins the congestion control, the picture's packets and the feedback that the
 * peer sends; times the packets that wait.
 *
 *   picture ─► video_send ──┐                        ┌── feedback, reports, REMB ◄─ peer
 *   sound ──────────────────┼─► ops.send, uplink_sent┤
 *                           └──── rate, window ◄─ congestion
 *
 * Thread: the default main context, but for uplink_number() and uplink_sent(), which belong to the caller's lock: uplink
 * takes it around everything that calls ops.send. */
#ifndef CALLBOX_MEDIA_UPLINK_H
#define CALLBOX_MEDIA_UPLINK_H

#include <pthread.h>

#include "core/media/congestion.h"
#include "core/media/rtp.h"

struct uplink;

struct uplink_ops {
	/* Under the lock. rtp: sequence, time, marker and payload are set. */
	void (*send)(const struct rtp *rtp, bool rtx, void *data);
	void (*flush)(void *data); /* under the lock, after the last send of a turn */
	void (*keyframe)(void *data); /* the encoder is to make one */
};

struct uplink_stats {
	struct congestion_stats congestion;
	uint64_t bad_feedbacks, rtx_packets, rtx_refused, dropped_packets;
	size_t queued_bytes;
};

struct uplink *uplink_create(const struct uplink_ops *ops, void *data, pthread_mutex_t *lock, double video_bps,
			     uint16_t sequence);
void uplink_destroy(struct uplink *uplink);

/* A picture: begin, its payloads in order (payload.h), end. */
void uplink_picture_begin(struct uplink *uplink, uint32_t rtp_time, bool keyframe);
void uplink_payload(const uint8_t *payload, size_t bytes, bool last, void *uplink);
void uplink_picture_end(struct uplink *uplink);
/* What waits is thrown away: nothing of it may be seen any more. */
void uplink_drop(struct uplink *uplink);
/* From now on packets can leave. The key frame that already waits for that goes first, if it is not old. */
void uplink_open(struct uplink *uplink);

/* Under the lock: the number of the packet that is sent next; it was sent, with the number or without. since_us: from
 * before the packet left: the other side may have it before the call that sends it returns. */
uint16_t uplink_number(const struct uplink *uplink);
void uplink_sent(struct uplink *uplink, enum congestion_kind kind, bool numbered, size_t bytes, int64_t since_us);

/* What the peer says. */
void uplink_nack(struct uplink *uplink, uint16_t sequence, int64_t rtt_us);
void uplink_want_keyframe(struct uplink *uplink, int64_t rtt_us);
void uplink_feedback(struct uplink *uplink, const uint8_t *part, size_t length);
void uplink_report(struct uplink *uplink, double loss, int64_t rtt_us);
void uplink_remb(struct uplink *uplink, double bits_per_second);

void uplink_new_path(struct uplink *uplink);
void uplink_tick(struct uplink *uplink); /* every 20 ms */
void uplink_set_most(struct uplink *uplink, double video_bps);
double uplink_video_bps(struct uplink *uplink);
double uplink_audio_bps(struct uplink *uplink, double most_bps);
void uplink_stats(struct uplink *uplink, struct uplink_stats *ret_stats);

#endif
