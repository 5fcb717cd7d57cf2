#include "core/media/video_send.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024		/* a power of two */
#define WAITING_MAX 700		/* of them; the rest was sent and is for NACK */
#define BURST_US 20000		/* of the pace, at once */
#define BURST_LEAST 3600.0
#define BURST_FIRST 14600.0	/* before anything is known of the road: RFC 6928 */
#define RESEND_LEAST_US 5000	/* a packet is not sent again twice within that */
#define GUARD_US 5000		/* behind the packet it repeats: what loses one packet often loses its neighbours */
#define KEYFRAMES_AT_ONCE 2.0
#define LITTLE_BPS 60000

struct kept {
	uint16_t sequence;
	size_t bytes; /* 0: nothing is kept here */
	uint32_t time;
	bool marker, keyframe;
	int64_t queued_us, resent_us;
	uint8_t payload[PAYLOAD_MAX];
};

struct video_send {
	const struct video_send_ops *ops;
	void *data;
	struct kept *kept;
	uint16_t next, unsent; /* the number given next; the first that did not leave */
	uint32_t time;
	bool keyframe; /* the picture being put */
	int64_t now_us;
	double room; /* bytes that may leave at once */
	bool begun;  /* something left */
	int64_t room_us;
	bool wants_keyframe, broken; /* broken: what follows refers to what was thrown away */
	bool guards;
	uint16_t guarded;  /* the last packet of the newest picture that left, ... */
	int64_t guard_us;  /* ... and when it is sent again; 0: it is not */
	double keyframes; /* that may be asked for */
	int64_t keyframes_us, keyframe_left_us;
	struct video_send_stats stats;
};

struct video_send *video_send_create(const struct video_send_ops *ops, uint16_t sequence, void *data)
{
	struct video_send *send = calloc(1, sizeof(*send));
	if (!send)
		return NULL;
	send->ops = ops;
	send->data = data;
	send->next = send->unsent = sequence;
	send->keyframes = KEYFRAMES_AT_ONCE;
	send->broken = true; /* what begins, begins with a key frame */
	send->room = BURST_FIRST;
	send->kept = calloc(KEPT, sizeof(*send->kept));
	if (!send->kept) {
		free(send);
		return NULL;
	}
	return send;
}

void video_send_destroy(struct video_send *send)
{
	if (!send)
		return;
	free(send->kept);
	free(send);
}

static struct kept *kept_at(struct video_send *send, uint16_t sequence)
{
	return &send->kept[sequence & (KEPT - 1)];
}

static uint16_t waiting(const struct video_send *send)
{
	return (uint16_t)(send->next - send->unsent);
}

void video_send_drop(struct video_send *send)
{
	if (waiting(send) == 0)
		return;
	for (uint16_t sequence = send->unsent; sequence != send->next; sequence++)
		kept_at(send, sequence)->bytes = 0;
	send->stats.dropped_packets += waiting(send);
	send->stats.queued_bytes = 0;
	send->next = send->unsent;
	send->broken = send->wants_keyframe = true;
}

void video_send_begin_anew(struct video_send *send)
{
	video_send_drop(send);
	send->broken = send->wants_keyframe = true;
}

bool video_send_is_fresh(const struct video_send *send, int64_t most_us, int64_t now_us)
{
	const struct kept *first = &send->kept[send->unsent & (KEPT - 1)];
	return waiting(send) > 0 && now_us - first->queued_us <= most_us;
}

void video_send_begin(struct video_send *send, uint32_t rtp_time, bool keyframe, int64_t now_us)
{
	if (keyframe) {
		video_send_drop(send);
		send->broken = send->wants_keyframe = false;
	}
	send->wants_keyframe |= send->broken;
	send->time = rtp_time;
	send->keyframe = keyframe;
	send->now_us = now_us;
}

void video_send_payload(const uint8_t *payload, size_t bytes, bool last, void *data)
{
	struct video_send *send = data;
	if (send->broken || waiting(send) >= WAITING_MAX || bytes > PAYLOAD_MAX)
		return; /* found stale soon */
	struct kept *kept = kept_at(send, send->next);
	*kept = (struct kept){ .sequence = send->next, .bytes = bytes, .time = send->time, .marker = last,
			       .keyframe = send->keyframe, .queued_us = send->now_us };
	memcpy(kept->payload, payload, bytes);
	send->stats.queued_bytes += bytes;
	send->next++;
}

static struct rtp rtp_of(const struct kept *kept)
{
	return (struct rtp){ .marker = kept->marker, .sequence = kept->sequence, .time = kept->time,
			     .payload = kept->payload, .payload_bytes = kept->bytes };
}

static void first_send(struct video_send *send, int64_t now_us)
{
	const struct kept *kept = kept_at(send, send->unsent);
	const struct rtp rtp = rtp_of(kept);
	send->ops->send(&rtp, false, send->data);
	send->stats.queued_bytes -= kept->bytes;
	send->room -= (double)kept->bytes;
	send->unsent++;
	send->begun = true;
	if (kept->marker && send->guards) {
		send->guarded = kept->sequence;
		send->guard_us = now_us + GUARD_US;
	}
	if (kept->keyframe)
		send->keyframe_left_us = now_us;
}

void video_send_resend(struct video_send *send, uint16_t sequence, int copies, int64_t rtt_us, int64_t now_us)
{
	struct kept *kept = kept_at(send, sequence);
	int64_t least = rtt_us < RESEND_LEAST_US ? RESEND_LEAST_US : rtt_us < 100000 ? rtt_us : 100000;
	bool left = (uint16_t)(send->unsent - 1 - sequence) < KEPT;
	if (left && kept->bytes > 0 && kept->sequence == sequence && now_us - kept->resent_us < least)
		return; /* asked twice before the first answer could be there */
	bool there = left && kept->bytes > 0 && kept->sequence == sequence;
	for (int i = 0; i < copies; i++) {
		if (!there || !send->ops->takes_rtx(kept->bytes, send->data)) {
			send->stats.rtx_refused += i == 0;
			return;
		}
		const struct rtp rtp = rtp_of(kept);
		kept->resent_us = now_us;
		send->stats.rtx_packets++;
		send->ops->send(&rtp, true, send->data);
	}
}

static void guard_send(struct video_send *send, int64_t now_us)
{
	if (!send->guard_us || now_us < send->guard_us)
		return;
	send->guard_us = 0;
	video_send_resend(send, send->guarded, 1, 0, now_us);
}

/* Microseconds until something that waits may leave; -1: nothing waits. */
static int64_t first_wait_us(const struct video_send *send, double a_microsecond)
{
	if (waiting(send) == 0)
		return -1;
	return send->room > 0 ? BURST_US : (int64_t)(-send->room / a_microsecond) + 1;
}

int64_t video_send_run(struct video_send *send, double pace_bps, int64_t now_us)
{
	double a_microsecond = pace_bps / 8e6, most = fmax(BURST_US * a_microsecond, BURST_LEAST);
	if (send->begun)
		send->room = fmin(send->room + (double)(now_us - send->room_us) * a_microsecond, most);
	send->room_us = now_us;
	guard_send(send, now_us);
	while (waiting(send) > 0 && send->room > 0 && send->ops->has_room(send->data))
		first_send(send, now_us);
	int64_t wait_us = first_wait_us(send, a_microsecond);
	if (!send->guard_us)
		return wait_us;
	int64_t guard_us = send->guard_us - now_us;
	return wait_us >= 0 && wait_us < guard_us ? wait_us : guard_us;
}

void video_send_guard(struct video_send *send, bool on)
{
	send->guards = on;
}

void video_send_drop_stale(struct video_send *send, int64_t now_us)
{
	const struct kept *first = kept_at(send, send->unsent);
	int64_t most = first->keyframe ? VIDEO_SEND_WAIT_KEYFRAME_US : VIDEO_SEND_WAIT_US;
	if (waiting(send) >= WAITING_MAX || (waiting(send) > 0 && now_us - first->queued_us > most))
		video_send_drop(send);
}

void video_send_want_keyframe(struct video_send *send, int64_t rtt_us, int64_t now_us)
{
	bool queued = waiting(send) > 0 && kept_at(send, (uint16_t)(send->next - 1))->keyframe;
	if (queued || now_us - send->keyframe_left_us < rtt_us)
		return; /* one is on its way */
	send->wants_keyframe = true;
}

bool video_send_take_keyframe(struct video_send *send, double video_bps, int64_t now_us)
{
	double most = video_bps < LITTLE_BPS ? 1 : KEYFRAMES_AT_ONCE, a_second = most / 2;
	send->keyframes = fmin(send->keyframes + (double)(now_us - send->keyframes_us) / 1e6 * a_second, most);
	send->keyframes_us = now_us;
	if (!send->wants_keyframe || send->keyframes < 1)
		return false;
	send->wants_keyframe = false;
	send->keyframes--;
	return true;
}

void video_send_stats(const struct video_send *send, struct video_send_stats *ret_stats)
{
	*ret_stats = send->stats;
}
