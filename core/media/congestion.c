#include "core/media/congestion.h"

#include <math.h>
#include <stdlib.h>

#define QUEUE_CUT_US 40000.0	/* at a rate of 1 Mbit/s; the faster, the less */
#define QUEUE_CUT_LEAST_US 28000
#define QUEUE_CUT_MOST_US 70000
#define FOREIGN_LEARN 0.02	/* of a delay that is not ours, each feedback */
#define FOREIGN_MOST_US 100000
#define QUEUE_DEEP_US 150000	/* then no cut is too deep, or hardly one */
#define DRAIN_US 500000.0	/* in which a cut empties the queue */
#define CUT_WAIT_US 100000	/* before the effect of a cut is judged */
#define CUT_AGAIN_US 500000
#define GROW_WAIT_US 300000
#define FAST_GROWTH 0.5		/* a second, of the rate */
#define SLOW_GROWTH_BPS 90000.0	/* at a rate of 1 Mbit/s; by the root of the rate */
#define NEAR_KNEE 0.8
#define KNEE_FORGOTTEN_US 8000000
#define LOSS_TOLERATED 0.10
#define LOSS_TOLERATED_MAX 0.35
#define LOSS_WINDOW_US 1000000
#define LOSS_WINDOW_PACKETS 15
#define LOSS_FORGIVE 0.003	/* of the tolerance, each window */
#define SILENCE_US 500000
#define STALL_US 100000
#define WINDOW_SLACK_US 150000
#define WINDOW_LEAST 3600
#define BUCKET_US 3000000	/* the least delay of each 3 s ... */
#define BUCKETS 10		/* ... of 30 */
#define DELIVERED_US 300000
#define ROUNDS 32
#define SENT_MAX 4096		/* a power of two */
#define ENCODER_SHARE 0.9
#define RTX_SHARE 0.3
#define RTX_BURST_BYTES 10000.0
#define PACE 1.5
#define PACE_QUIET 4.0		/* while no queue was seen lately */
#define HEADERS_BITS (40 * 8)	/* RTP, extension, SRTP around a payload */
#define AUDIO_GUESS_BPS 50000.0
#define AUDIO_LITTLE_BPS 16000.0
#define METER_US 200000

enum state { NOTHING, FLYING, ARRIVED, GONE };

struct sent {
	uint16_t sequence;
	uint8_t state;
	uint32_t bytes;
	int64_t sent_us;
};

struct least { /* the least of the last 30 s */
	int64_t values[BUCKETS], since_us;
	int at, filled;
};

struct meter {
	double bytes, packets, bps, packets_a_second;
};

struct congestion {
	double rate_bps, video_most_bps, remb_bps;
	struct sent sent[SENT_MAX];
	uint16_t sequence, landed; /* landed: nothing before it is in flight */
	size_t flying;
	int64_t flying_us, heard_us; /* since when something is in flight; the last feedback */

	struct { /* the feedback being told */
		unsigned int arrived, lost;
		size_t bytes;
		int64_t delay_us, arrival_us, oldest_sent_us, newest_sent_us;
		uint16_t newest;
	} round;
	struct {
		int64_t arrival_us;
		size_t bytes;
	} rounds[ROUNDS];
	unsigned int round_count;
	struct least delay, rtt;
	double queue_us, foreign_us, ack_us, delivered_bps;

	unsigned int window_arrived, window_lost;
	int64_t window_us;
	double loss, tolerated, cut_loss; /* cut_loss: for which the last window was cut, 0: it was not */

	double knee_bps; /* the rate at which a queue began; 0: not known */
	int64_t cut_us, knee_us, decided_us, silent_us, tick_us;
	double cut_queue_us;
	double before_fall_bps;
	int64_t fall_us;
	bool fell;

	struct meter meters[CONGESTION_KINDS];
	int64_t meter_us;
	double rtx_room;
	struct congestion_stats counts;
};

static double clamp(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

/* ---- measuring ---- */

/* How far value is above the least one of the last 30 s. */
static int64_t least_note(struct least *least, int64_t value, int64_t now_us)
{
	if (!least->filled || now_us - least->since_us > BUCKET_US) {
		least->at = least->filled ? (least->at + 1) % BUCKETS : 0;
		least->filled = least->filled < BUCKETS ? least->filled + 1 : BUCKETS;
		least->values[least->at] = value;
		least->since_us = now_us;
	}
	if (value < least->values[least->at])
		least->values[least->at] = value;
	int64_t all = value;
	for (int i = 0; i < least->filled; i++)
		all = least->values[i] < all ? least->values[i] : all;
	return value - all;
}

static double audio_bps(const struct congestion *c)
{
	return c->meters[CONGESTION_AUDIO].bps > 0 ? c->meters[CONGESTION_AUDIO].bps : AUDIO_GUESS_BPS;
}

static double rtx_bps(const struct congestion *c)
{
	return fmin(c->meters[CONGESTION_RTX].bps, c->rate_bps * RTX_SHARE);
}

static double beside_video_bps(const struct congestion *c)
{
	return audio_bps(c) + rtx_bps(c) + c->meters[CONGESTION_VIDEO].packets_a_second * HEADERS_BITS;
}

static double rate_for(const struct congestion *c, double video_bps)
{
	return (video_bps + beside_video_bps(c)) / ENCODER_SHARE;
}

static void rate_set(struct congestion *c, double bps)
{
	double most = rate_for(c, c->video_most_bps), least = rate_for(c, CONGESTION_VIDEO_LEAST_BPS);
	if (!c->counts.has_feedback && c->remb_bps > 0)
		most = fmin(most, c->remb_bps);
	c->rate_bps = clamp(bps, least, fmax(most, least));
}

static double sent_bps(const struct congestion *c)
{
	double sum = 0;
	for (int i = 0; i < CONGESTION_KINDS; i++)
		sum += c->meters[i].bps;
	return sum;
}

static void meters_take(struct congestion *c, int64_t now_us)
{
	double seconds = (double)(now_us - c->meter_us) / 1e6;
	if (seconds < METER_US / 1e6)
		return;
	c->meter_us = now_us;
	double weight = fmin(seconds / 0.8, 1);
	for (int i = 0; i < CONGESTION_KINDS; i++) {
		struct meter *meter = &c->meters[i];
		meter->bps += (meter->bytes * 8 / seconds - meter->bps) * weight;
		meter->packets_a_second += (meter->packets / seconds - meter->packets_a_second) * weight;
		meter->bytes = meter->packets = 0;
	}
}

/* Bytes of the rounds of the last 300 ms, by the receiver's clock. */
static void delivered_take(struct congestion *c)
{
	unsigned int newest = c->round_count++;
	c->rounds[newest % ROUNDS].arrival_us = c->round.arrival_us;
	c->rounds[newest % ROUNDS].bytes = c->round.bytes;
	double bytes = 0;
	for (unsigned int back = 0; back < newest && back + 1 < ROUNDS; back++) {
		bytes += (double)c->rounds[(newest - back) % ROUNDS].bytes;
		int64_t span = c->round.arrival_us - c->rounds[(newest - back - 1) % ROUNDS].arrival_us;
		if (span >= DELIVERED_US || (span >= DELIVERED_US / 2 && back + 1 == newest)) {
			c->delivered_bps = bytes * 8e6 / (double)span;
			return;
		}
	}
}

/* ---- deciding ---- */

static void fall_note(struct congestion *c, double before, int64_t now_us)
{
	if (now_us - c->fall_us > 1000000) {
		c->fall_us = now_us;
		c->before_fall_bps = before;
	}
	if (c->rate_bps < 0.5 * c->before_fall_bps) {
		c->fell = true;
		c->before_fall_bps = c->rate_bps;
	}
}

/* Whether the encoder takes what it may. When it does not, what arrives says little about the road. */
static bool is_used(const struct congestion *c)
{
	return sent_bps(c) > 0.5 * c->rate_bps;
}

static void cut(struct congestion *c, double bps, int64_t now_us)
{
	double before = c->rate_bps;
	c->knee_bps = c->delivered_bps > 0 && is_used(c) ? fmin(c->delivered_bps / ENCODER_SHARE, before) : before;
	c->knee_us = now_us;
	rate_set(c, fmin(bps, before));
	c->cut_us = now_us;
	c->cut_queue_us = c->queue_us;
	c->counts.cuts++;
	fall_note(c, before, now_us);
}

/* The queue at which the rate is cut. Of two on one link the faster is cut first, until both are equal; on a slow link a
 * single packet is a queue. */
static double queue_most_us(const struct congestion *c)
{
	return clamp(QUEUE_CUT_US * sqrt(1e6 / c->rate_bps), QUEUE_CUT_LEAST_US, QUEUE_CUT_MOST_US);
}

/* Again only when the last cut had time to show and did not do. */
static bool cut_is_due(const struct congestion *c, int64_t now_us)
{
	if (c->queue_us <= queue_most_us(c))
		return false;
	if (c->round.newest_sent_us < c->cut_us + CUT_WAIT_US)
		return false;
	return c->queue_us > 0.8 * c->cut_queue_us || now_us - c->cut_us > CUT_AGAIN_US;
}

static void grow(struct congestion *c, double seconds, int64_t now_us)
{
	if (c->knee_bps > 0 && now_us - c->knee_us > KNEE_FORGOTTEN_US)
		c->knee_bps = 0;
	bool far = c->knee_bps > 0 ? c->rate_bps < NEAR_KNEE * c->knee_bps : is_used(c);
	double step = far ? c->rate_bps * FAST_GROWTH : SLOW_GROWTH_BPS * sqrt(c->rate_bps / 1e6);
	double calm = clamp(2 - 2 * c->queue_us / queue_most_us(c), 0, 1); /* whole below half of the most */
	rate_set(c, c->rate_bps + step * calm * seconds);
}

/* Loss of a whole second. A cut that changed nothing says that the loss is the road's own. */
static void loss_judge(struct congestion *c, int64_t now_us)
{
	c->tolerated = fmax(c->tolerated - LOSS_FORGIVE, LOSS_TOLERATED);
	if (c->cut_loss > 0 && c->loss > c->cut_loss - 0.03)
		c->tolerated = fmin(fmax(c->tolerated, c->loss + 0.05), LOSS_TOLERATED_MAX);
	c->cut_loss = 0;
	if (c->loss <= c->tolerated)
		return;
	c->cut_loss = c->loss;
	cut(c, c->rate_bps * (1 - fmin(c->loss - LOSS_TOLERATED / 2, 0.5)), now_us);
}

static void queue_judge(struct congestion *c, int64_t now_us)
{
	double seconds = clamp((double)(now_us - c->decided_us) / 1e6, 0, 1.2);
	c->decided_us = now_us;
	if (cut_is_due(c, now_us)) {
		bool used = is_used(c);
		double bps = c->delivered_bps > 0 && used ? c->delivered_bps : c->rate_bps * ENCODER_SHARE;
		bps *= clamp(1 - c->queue_us / DRAIN_US, 0.5, 0.95);
		bool deep = c->queue_us > QUEUE_DEEP_US;
		cut(c, deep && used ? bps : fmax(bps, c->rate_bps * (deep ? 0.25 : 0.5)), now_us);
	} else if (now_us - c->cut_us > GROW_WAIT_US) {
		grow(c, seconds, now_us);
	}
}

/* ---- what was sent, and what came of it ---- */

uint16_t congestion_sequence(const struct congestion *c)
{
	return c->sequence;
}

void congestion_sent_plain(struct congestion *c, enum congestion_kind kind, size_t bytes)
{
	c->meters[kind].bytes += (double)bytes;
	c->meters[kind].packets++;
}

void congestion_sent(struct congestion *c, enum congestion_kind kind, size_t bytes, int64_t now_us)
{
	struct sent *sent = &c->sent[c->sequence & (SENT_MAX - 1)];
	if (sent->state == FLYING)
		c->flying -= sent->bytes;
	if (c->flying == 0)
		c->flying_us = now_us;
	*sent = (struct sent){ c->sequence, FLYING, (uint32_t)bytes, now_us };
	c->sequence++;
	c->flying += bytes;
	congestion_sent_plain(c, kind, bytes);
}

void congestion_status(uint16_t sequence, bool arrived, int64_t arrival_us, void *congestion)
{
	struct congestion *c = congestion;
	struct sent *sent = &c->sent[sequence & (SENT_MAX - 1)];
	if (sent->sequence != sequence || sent->state == NOTHING || sent->state == ARRIVED ||
	    (!arrived && sent->state == GONE))
		return;
	if (sent->state == FLYING)
		c->flying -= sent->bytes;
	sent->state = arrived ? ARRIVED : GONE;
	if (!arrived) {
		c->round.lost++;
		return;
	}
	int64_t delay = arrival_us - sent->sent_us;
	bool first = c->round.arrived++ == 0;
	c->round.bytes += sent->bytes;
	if (first || delay < c->round.delay_us)
		c->round.delay_us = delay;
	if (first || arrival_us > c->round.arrival_us)
		c->round.arrival_us = arrival_us;
	if (first || sent->sent_us < c->round.oldest_sent_us)
		c->round.oldest_sent_us = sent->sent_us;
	if (first || sent->sent_us > c->round.newest_sent_us) {
		c->round.newest_sent_us = sent->sent_us;
		c->round.newest = sequence;
	}
}

/* What was sent before the newest that arrived and has no status: its feedback was lost. */
static void unknown_land(struct congestion *c)
{
	for (; (int16_t)(c->round.newest - c->landed) >= 0; c->landed++) {
		struct sent *sent = &c->sent[c->landed & (SENT_MAX - 1)];
		if (sent->state != FLYING || sent->sequence != c->landed)
			continue;
		sent->state = GONE;
		c->flying -= sent->bytes;
		c->round.bytes += (size_t)(sent->bytes * (1 - c->loss));
	}
}

/* Of what waits, that which is not our doing: a delay that stays while we send much less than we may is somebody else's,
 * or a machine's that has no time. */
static double queue_own(struct congestion *c, double queue_us)
{
	double to = is_used(c) ? 0 : fmin(queue_us, FOREIGN_MOST_US);
	c->foreign_us += (to - c->foreign_us) * FOREIGN_LEARN;
	return fmax(queue_us - c->foreign_us, 0);
}

/* True: a window is full, its loss is known. */
static bool loss_take(struct congestion *c, int64_t now_us)
{
	c->window_arrived += c->round.arrived;
	c->window_lost += c->round.lost;
	unsigned int all = c->window_arrived + c->window_lost;
	if (now_us - c->window_us < LOSS_WINDOW_US || all < LOSS_WINDOW_PACKETS)
		return false;
	c->loss = (double)c->window_lost / all;
	c->window_us = now_us;
	c->window_arrived = c->window_lost = 0;
	return true;
}

void congestion_feedback(struct congestion *c, int64_t now_us)
{
	c->counts.has_feedback = true;
	c->counts.feedbacks++;
	c->heard_us = now_us;
	if (c->silent_us) { /* what was lost meanwhile is known already */
		c->silent_us = 0;
		c->window_us = c->decided_us = now_us;
		c->round_count = 0;
		c->delivered_bps = 0;
		c->window_arrived = c->window_lost = c->round.lost = 0;
	}
	if (c->round.arrived) {
		unknown_land(c);
		double queue = queue_own(c, (double)least_note(&c->delay, c->round.delay_us, now_us));
		double ack = (double)(now_us - c->round.oldest_sent_us);
		c->queue_us += (queue - c->queue_us) * (queue < c->queue_us ? 1 : 0.6);
		c->ack_us += (ack - c->ack_us) * (c->ack_us > 0 ? 0.2 : 1);
		delivered_take(c);
	}
	if (loss_take(c, now_us))
		loss_judge(c, now_us);
	if (c->round.arrived)
		queue_judge(c, now_us);
	c->round.arrived = c->round.lost = 0;
	c->round.bytes = 0;
}

void congestion_report(struct congestion *c, double loss, int64_t rtt_us, int64_t now_us)
{
	c->counts.reports++;
	if (c->counts.has_feedback)
		return;
	c->loss = loss;
	c->delivered_bps = sent_bps(c) * (1 - loss);
	c->queue_us = rtt_us > 0 ? (double)least_note(&c->rtt, rtt_us, now_us) : 0;
	c->round.newest_sent_us = now_us;
	loss_judge(c, now_us);
	queue_judge(c, now_us);
}

void congestion_new_path(struct congestion *c)
{
	c->delay = c->rtt = (struct least){ 0 };
	c->queue_us = c->foreign_us = 0;
	c->round_count = 0;
	c->delivered_bps = 0;
}

void congestion_remb(struct congestion *c, double bits_per_second)
{
	c->remb_bps = bits_per_second;
	rate_set(c, c->rate_bps);
}

/* Nothing was said of what is in flight: it is gone, and half of the rate with it. */
static void silence(struct congestion *c, int64_t now_us)
{
	if (c->knee_bps <= 0)
		c->knee_bps = c->rate_bps;
	c->knee_us = c->silent_us = now_us;
	c->counts.silences++;
	double before = c->rate_bps;
	rate_set(c, before / 2);
	fall_note(c, before, now_us);
	for (size_t i = 0; i < SENT_MAX; i++)
		if (c->sent[i].state == FLYING)
			c->sent[i].state = GONE;
	c->flying = 0;
	c->landed = c->sequence;
}

void congestion_tick(struct congestion *c, int64_t now_us)
{
	c->rtx_room = fmin(c->rtx_room + c->rate_bps * RTX_SHARE / 8 * (double)(now_us - c->tick_us) / 1e6,
			   fmax(c->rate_bps * RTX_SHARE / 8, RTX_BURST_BYTES));
	if (now_us - c->tick_us > STALL_US) { /* it was we who were away: the peer's word waits to be read */
		c->heard_us += now_us - c->tick_us;
		c->flying_us += now_us - c->tick_us;
	}
	c->tick_us = now_us;
	meters_take(c, now_us);
	int64_t since = c->heard_us > c->flying_us ? c->heard_us : c->flying_us;
	if (c->counts.has_feedback && c->flying > 0 && now_us - since > SILENCE_US + (int64_t)c->ack_us)
		silence(c, now_us);
}

/* ---- asked ---- */

double congestion_video_bps(const struct congestion *c, size_t queued_bytes)
{
	double bps = c->rate_bps * ENCODER_SHARE - beside_video_bps(c);
	bps = fmax(bps - (double)queued_bytes * 8, bps / 2); /* what waits leaves within a second */
	return clamp(bps, CONGESTION_VIDEO_LEAST_BPS, fmax(c->video_most_bps, CONGESTION_VIDEO_LEAST_BPS));
}

double congestion_audio_bps(const struct congestion *c, double most_bps)
{
	double rate = c->rate_bps - rtx_bps(c);
	return rate < 200000 ? fmin(AUDIO_LITTLE_BPS, most_bps) : most_bps;
}

double congestion_pace_bps(const struct congestion *c)
{
	return c->rate_bps * (c->knee_bps <= 0 ? PACE_QUIET : PACE);
}

static double window(const struct congestion *c)
{
	double us = fmax(c->ack_us - c->queue_us, 0) + WINDOW_SLACK_US;
	return fmax(c->rate_bps / 8 * us / 1e6, WINDOW_LEAST);
}

bool congestion_has_room(const struct congestion *c)
{
	return !c->counts.has_feedback || (double)c->flying < window(c);
}

bool congestion_take_rtx(struct congestion *c, size_t bytes)
{
	if (c->rtx_room < (double)bytes)
		return false;
	c->rtx_room -= (double)bytes;
	return true;
}

bool congestion_take_fall(struct congestion *c)
{
	bool fell = c->fell;
	c->fell = false;
	return fell;
}

void congestion_stats(const struct congestion *c, struct congestion_stats *ret_stats)
{
	*ret_stats = c->counts;
	ret_stats->rate_bps = c->rate_bps;
	ret_stats->delivered_bps = c->delivered_bps;
	ret_stats->queue_ms = c->queue_us / 1000;
	ret_stats->loss = c->loss;
	ret_stats->flying_bytes = c->flying;
	ret_stats->window_bytes = (size_t)window(c);
}

void congestion_set_most(struct congestion *c, double video_bps)
{
	bool whole = c->rate_bps >= rate_for(c, c->video_most_bps) * 0.95;
	c->video_most_bps = fmax(video_bps, CONGESTION_VIDEO_LEAST_BPS);
	rate_set(c, whole ? rate_for(c, c->video_most_bps) : c->rate_bps);
}

struct congestion *congestion_create(double video_bps, int64_t now_us)
{
	struct congestion *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->tolerated = LOSS_TOLERATED;
	c->rtx_room = RTX_BURST_BYTES;
	c->meter_us = c->decided_us = c->window_us = c->tick_us = now_us;
	c->video_most_bps = fmax(video_bps, CONGESTION_VIDEO_LEAST_BPS);
	rate_set(c, rate_for(c, c->video_most_bps));
	return c;
}

void congestion_destroy(struct congestion *c)
{
	free(c);
}
