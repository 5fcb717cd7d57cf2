#include "core/media/video_receive.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS 2048 /* a power of two */
#define NACKS_MAX 64
#define NACK_TRIES 10
#define NACK_INTERVAL_MIN_US 20000
#define NACK_AGAIN_US 10000 /* the first is repeated soon: it may be lost, and a peer that has it ignores the second */
#define NACK_SLACK_US 8000  /* over the round trip */
#define PLI_INTERVAL_US 1000000

struct slot {
	bool used, asked;
	uint16_t sequence;
	bool marker;
	uint32_t time;
	size_t bytes;
	uint8_t payload[RTP_PACKET_MAX];
};

struct hole {
	uint16_t sequence;
	int64_t since_us, asked_us;
	int tries;
};

struct video_receive {
	const struct video_receive_ops *ops;
	void *data;
	enum video_codec codec;
	struct slot *slots;
	bool started, wants_keyframe;
	uint16_t next;	  /* first packet not yet taken */
	uint16_t highest; /* newest packet seen */
	struct hole holes[NACKS_MAX];
	int hole_count;
	int64_t pli_us;
	uint8_t *unit;
	struct video_receive_stats stats;
};

struct video_receive *video_receive_create(const struct video_receive_ops *ops, void *data)
{
	struct video_receive *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->ops = ops;
	v->data = data;
	v->wants_keyframe = true;
	v->slots = calloc(SLOTS, sizeof(*v->slots));
	v->unit = malloc(VIDEO_UNIT_MAX);
	if (!v->slots || !v->unit) {
		video_receive_destroy(v);
		return NULL;
	}
	return v;
}

void video_receive_destroy(struct video_receive *v)
{
	if (!v)
		return;
	free(v->slots);
	free(v->unit);
	free(v);
}

static struct slot *slot_at(struct video_receive *v, uint16_t sequence)
{
	struct slot *slot = &v->slots[sequence % SLOTS];
	return slot->used && slot->sequence == sequence ? slot : NULL;
}

static int distance(uint16_t from, uint16_t to)
{
	return (int16_t)(to - from);
}

void video_receive_ask_keyframe(struct video_receive *v, int64_t now_us)
{
	if (v->pli_us && now_us - v->pli_us < PLI_INTERVAL_US)
		return;
	v->pli_us = now_us;
	v->stats.plis++;
	v->ops->pli(v->data);
}

static void holes_before(struct video_receive *v, uint16_t next)
{
	int kept = 0;
	for (int i = 0; i < v->hole_count; i++)
		if (distance(next, v->holes[i].sequence) >= 0)
			v->holes[kept++] = v->holes[i];
	v->hole_count = kept;
}

static void hole_filled(struct video_receive *v, uint16_t sequence)
{
	for (int i = 0; i < v->hole_count; i++)
		if (v->holes[i].sequence == sequence) {
			v->holes[i] = v->holes[--v->hole_count];
			v->stats.recovered++;
			return;
		}
}

/* Everything starts anew from this packet on. */
static void restart(struct video_receive *v, uint16_t sequence)
{
	for (int i = 0; i < SLOTS; i++)
		v->slots[i].used = false;
	v->hole_count = 0;
	v->started = true;
	v->next = sequence;
	v->highest = (uint16_t)(sequence - 1);
	v->wants_keyframe = true;
}

/* The packets between the newest and this one are missing: asked for at once. */
static void holes_open(struct video_receive *v, uint16_t sequence, int64_t now_us)
{
	uint16_t asked[NACKS_MAX];
	int n = 0;
	for (uint16_t s = (uint16_t)(v->highest + 1); s != sequence && v->hole_count < NACKS_MAX; s++) {
		v->holes[v->hole_count++] = (struct hole){ s, now_us, now_us, 1 };
		asked[n++] = s;
	}
	if (n > 0) {
		v->stats.nacks += (uint64_t)n;
		v->ops->nack(asked, n, v->data);
	}
}

static void store(struct video_receive *v, const struct rtp *rtp)
{
	struct slot *slot = &v->slots[rtp->sequence % SLOTS];
	slot->used = true;
	slot->sequence = rtp->sequence;
	slot->marker = rtp->marker;
	slot->time = rtp->time;
	slot->bytes = rtp->payload_bytes;
	memcpy(slot->payload, rtp->payload, rtp->payload_bytes);
}

/* Number of packets of the unit at next when it is whole, else 0. */
static int whole_unit(struct video_receive *v)
{
	const struct slot *first = slot_at(v, v->next);
	for (int n = 0; first && n < SLOTS / 2; n++) {
		const struct slot *slot = slot_at(v, (uint16_t)(v->next + n));
		if (!slot)
			return 0;
		if (slot->time != first->time) /* a sender without markers */
			return n;
		if (slot->marker)
			return n + 1;
	}
	return 0;
}

static void unit_take(struct video_receive *v, int packets)
{
	const struct payload_format *format = payload_format_of(v->codec);
	struct payload_unit unit = { .bytes = v->unit, .capacity = VIDEO_UNIT_MAX };
	bool good = true, keyframe = false;
	uint32_t time = slot_at(v, v->next)->time;
	for (int i = 0; i < packets; i++) {
		struct slot *slot = slot_at(v, (uint16_t)(v->next + i));
		if (good && slot->bytes > 0)
			good = format && format->join(&unit, slot->payload, slot->bytes) == 0;
		slot->used = false;
	}
	v->next = (uint16_t)(v->next + packets);
	holes_before(v, v->next);
	if (unit.size == 0 && good)
		return; /* padding only: probing */
	good = good && format->finish(&unit, &keyframe) == 0;
	v->stats.malformed += !good;
	if (!good || (v->wants_keyframe && !keyframe)) {
		v->stats.dropped_units++;
		v->wants_keyframe = true;
		return;
	}
	v->wants_keyframe = false;
	v->stats.units++;
	v->stats.keyframes += keyframe;
	v->ops->unit(v->unit, unit.size, time, keyframe, v->data);
}

void video_receive_codec(struct video_receive *v, enum video_codec codec)
{
	if (v->codec != codec)
		v->started = false;
	v->codec = codec;
}

static void take_all(struct video_receive *v)
{
	for (int n; (n = whole_unit(v)) > 0;)
		unit_take(v, n);
}

void video_receive_put(struct video_receive *v, const struct rtp *rtp, bool retransmitted, int64_t now_us)
{
	(void)retransmitted;
	if (rtp->payload_bytes > RTP_PACKET_MAX)
		return;
	v->stats.packets++;
	if (!v->started || abs(distance(v->next, rtp->sequence)) > SLOTS - 64) {
		restart(v, rtp->sequence);
		video_receive_ask_keyframe(v, now_us);
	}
	if (distance(v->next, rtp->sequence) < 0 || slot_at(v, rtp->sequence)) {
		v->stats.duplicates++;
		return;
	}
	if (distance(v->highest, rtp->sequence) > 0) {
		holes_open(v, rtp->sequence, now_us);
		v->highest = rtp->sequence;
	} else {
		hole_filled(v, rtp->sequence);
	}
	store(v, rtp);
	take_all(v);
	if (v->wants_keyframe)
		video_receive_ask_keyframe(v, now_us);
}

/* The packet at next will not come: on to the first packet that begins a unit behind the hole. */
static void skip(struct video_receive *v)
{
	bool after_marker = false;
	while (distance(v->next, v->highest) >= 0) {
		struct slot *slot = slot_at(v, v->next);
		if (slot && after_marker)
			break;
		after_marker = slot && slot->marker;
		if (slot)
			slot->used = false;
		v->next++;
	}
	holes_before(v, v->next);
	v->stats.dropped_units++;
	v->wants_keyframe = true;
}

void video_receive_tick(struct video_receive *v, int64_t now_us, int64_t rtt_us)
{
	uint16_t again[NACKS_MAX];
	int n = 0;
	bool give_up = false;
	int64_t wait_us = rtt_us * 5 / 2 < VIDEO_WAIT_MS * 1000 ? VIDEO_WAIT_MS * 1000 : rtt_us * 5 / 2;
	wait_us = wait_us < VIDEO_WAIT_MOST_MS * 1000 ? wait_us : VIDEO_WAIT_MOST_MS * 1000;
	int64_t round = rtt_us + NACK_SLACK_US > NACK_INTERVAL_MIN_US ? rtt_us + NACK_SLACK_US : NACK_INTERVAL_MIN_US;
	for (int i = 0; i < v->hole_count; i++) {
		struct hole *hole = &v->holes[i];
		give_up |= now_us - hole->since_us > wait_us;
		if (now_us - hole->asked_us < (hole->tries == 1 ? NACK_AGAIN_US : round) || hole->tries >= NACK_TRIES)
			continue;
		hole->asked_us = now_us;
		hole->tries++;
		again[n++] = hole->sequence;
	}
	/* A hole beyond the list's length was never asked for. */
	if (v->started && v->hole_count == 0 && distance(v->next, v->highest) >= 0 && !slot_at(v, v->next))
		give_up = true;
	if (give_up) {
		skip(v);
		take_all(v);
		video_receive_ask_keyframe(v, now_us);
	} else if (n > 0) {
		v->stats.nacks += (uint64_t)n;
		v->ops->nack(again, n, v->data);
	} else if (v->started && v->wants_keyframe) {
		video_receive_ask_keyframe(v, now_us);
	}
}

void video_receive_stats(const struct video_receive *v, struct video_receive_stats *ret_stats)
{
	*ret_stats = v->stats;
}
