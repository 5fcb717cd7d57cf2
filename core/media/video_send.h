/* video_send: payloads of our pictures → RTP packets, in order and in time.
 *
 *   video_send_begin, _payload … ─► kept (for NACK) ─► what is due leaves ─► ops.send
 *   video_send_resend (NACK) ──────────────────────► at once, as RTX (RFC 4588)
 *
 * What waits is paced: a common picture leaves at once or nearly, a key frame does not fill the queue on the way. A
 * key frame, or video_send_drop(), throws away what still waits; packets that never left leave no gap in the numbers, and
 * what follows is not sent before the next key frame. Key frames are asked for at most twice at once and then once a
 * second. Bounded. Pure: time comes in.
 * One thread; the caller's lock. */
#ifndef CALLBOX_MEDIA_VIDEO_SEND_H
#define CALLBOX_MEDIA_VIDEO_SEND_H

#include "core/media/payload.h"
#include "core/media/rtp.h"

#define VIDEO_SEND_WAIT_US 800000 /* what waits longer is thrown away, ... */
#define VIDEO_SEND_WAIT_KEYFRAME_US 2500000 /* ... but for a key frame, which may be large and the road narrow */

struct video_send;

struct video_send_ops {
	/* rtp: sequence, time, marker and payload are set. */
	void (*send)(const struct rtp *rtp, bool rtx, void *data);
	/* Whether one more picture's packet may leave, and whether so many bytes may be sent again. */
	bool (*has_room)(void *data);
	bool (*takes_rtx)(size_t bytes, void *data);
};

struct video_send_stats {
	uint64_t rtx_packets, rtx_refused, dropped_packets;
	size_t queued_bytes;
};

struct video_send *video_send_create(const struct video_send_ops *ops, uint16_t sequence, void *data);
void video_send_destroy(struct video_send *send);

void video_send_begin(struct video_send *send, uint32_t rtp_time, bool keyframe, int64_t now_us);
void video_send_payload(const uint8_t *payload, size_t bytes, bool last, void *send);
/* Whether the last packet of each picture is sent again, as RTX, a little later: that it is lost is seen by nobody before
 * the next picture comes, and what cannot be missed cannot be asked for. For a road that loses; at first it is not. */
void video_send_guard(struct video_send *send, bool on);
/* Sends what is due; microseconds until more is, -1: nothing waits. */
int64_t video_send_run(struct video_send *send, double pace_bps, int64_t now_us);
/* Whether something waits, and nothing of it for longer. */
bool video_send_is_fresh(const struct video_send *send, int64_t most_us, int64_t now_us);
/* What waits is thrown away; a key frame is wanted. */
void video_send_begin_anew(struct video_send *send);
/* What waits is thrown away; a key frame is wanted when that was anything. */
void video_send_drop(struct video_send *send);
/* The same, when it waited too long. */
void video_send_drop_stale(struct video_send *send, int64_t now_us);
/* copies: more than one where repairs are lost too. */
void video_send_resend(struct video_send *send, uint16_t sequence, int copies, int64_t rtt_us, int64_t now_us);

/* The peer asked for a key frame. */
void video_send_want_keyframe(struct video_send *send, int64_t rtt_us, int64_t now_us);
/* True, once: now the encoder may be asked for it. At video_bps of less than 60 kbit/s that is every other second: a key
 * frame takes about a second of it. */
bool video_send_take_keyframe(struct video_send *send, double video_bps, int64_t now_us);
void video_send_stats(const struct video_send *send, struct video_send_stats *ret_stats);

#endif
