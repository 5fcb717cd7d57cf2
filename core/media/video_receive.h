/* video_receive: RTP packets of one stream → whole units, in order.
 *
 * A packet that is missing is asked for again (NACK) at once, once more after 10 ms, then every round trip; when it has
 * not come in VIDEO_WAIT_MS, or two and a half round trips, everything up to the next key frame is dropped and a PLI asks
 * for one.
 * On a quiet network nothing waits: a unit leaves when its last packet comes. Bounded. One thread. */
#ifndef CALLBOX_MEDIA_VIDEO_RECEIVE_H
#define CALLBOX_MEDIA_VIDEO_RECEIVE_H

#include "core/media/payload.h"
#include "core/media/rtp.h"

#define VIDEO_WAIT_MS 400
#define VIDEO_WAIT_MOST_MS 1200
#define VIDEO_UNIT_MAX (256 * 1024)

struct video_receive;

struct video_receive_ops {
	void (*unit)(const uint8_t *unit, size_t size, uint32_t rtp_time, bool keyframe, void *data);
	void (*nack)(const uint16_t *sequences, int count, void *data);
	void (*pli)(void *data); /* at most once a second */
};

struct video_receive_stats {
	uint64_t packets, units, keyframes, duplicates, recovered, nacks, plis, dropped_units;
	uint64_t malformed; /* of the dropped units: because of what stood in a payload */
};

struct video_receive *video_receive_create(const struct video_receive_ops *ops, void *data);
void video_receive_destroy(struct video_receive *receive);
/* rtp: a media packet, or one restored from RTX (retransmitted). */
void video_receive_put(struct video_receive *receive, const struct rtp *rtp, bool retransmitted, int64_t now_us);
/* Every 10 to 20 ms: asks again, gives up. rtt_us: the round trip as known. */
void video_receive_tick(struct video_receive *receive, int64_t now_us, int64_t rtt_us);
/* What the stream carries from now on: when it is another codec than before, all begins anew. */
void video_receive_codec(struct video_receive *receive, enum video_codec codec);
/* The decoder wants a key frame. */
void video_receive_ask_keyframe(struct video_receive *receive, int64_t now_us);
void video_receive_stats(const struct video_receive *receive, struct video_receive_stats *ret_stats);

#endif
