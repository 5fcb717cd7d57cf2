/* The sender's congestion control in a world of its own: a bottleneck with a queue, whose capacity, delay and loss
 * change; encoders that do what encoders do; the real feedback, written and parsed. Virtual time: a minute of a call in
 * a fraction of a second. The thresholds are those of the design. */
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/media/congestion.h"
#include "core/media/twcc.h"
#include "core/media/video_send.h"

#define FLOWS_MAX 2
#define PACKETS_MAX 16384 /* in the bottleneck or behind it; a power of two */
#define FPS 30
#define HEADERS 36
#define QUEUES_MAX 400000

struct packet {
	int flow;
	uint16_t number;
	size_t bytes;
	int64_t queued_us, arrives_us;
	bool lost;
};

struct flow {
	struct congestion *congestion;
	struct video_send *video;
	struct twcc_arrivals arrivals;
	struct twcc_clock clock;
	struct world *world;
	int id;
	bool on, wants_idr;
	int64_t next_frame_us, next_audio_us, next_feedback_us;
	double delivered; /* bytes, since it was last looked at */
	unsigned int frames, falls, idrs;
	struct { /* feedback on its way back */
		uint8_t bytes[TWCC_FEEDBACK_BYTES];
		size_t length;
		int64_t arrives_us;
	} back[64];
	unsigned int back_put, back_taken;
};

struct world {
	int64_t now_us, delay_us, busy_until_us, queue_limit_us, feedback_us;
	double capacity_bps, loss, back_loss;
	bool blackout, has_feedback;
	struct packet *packets;
	unsigned int put, taken;
	struct flow flows[FLOWS_MAX];
	GRand *random;
	float *queues; /* ms that each packet waited */
	unsigned int queue_count, overflows;
};

static void link_put(struct world *w, struct flow *f, size_t bytes)
{
	int64_t start = MAX(w->busy_until_us, w->now_us);
	uint16_t number = congestion_sequence(f->congestion);
	if (w->blackout || g_rand_double(w->random) < w->loss)
		return;
	if (start - w->now_us > w->queue_limit_us) {
		w->overflows++;
		return;
	}
	w->busy_until_us = start + (int64_t)((double)bytes * 8e6 / w->capacity_bps);
	if (w->queue_count < QUEUES_MAX)
		w->queues[w->queue_count++] = (float)(start - w->now_us) / 1000;
	g_assert_cmpuint(w->put - w->taken, <, PACKETS_MAX);
	w->packets[w->put++ & (PACKETS_MAX - 1)] = (struct packet){
		.flow = f->id, .number = number, .bytes = bytes, .arrives_us = w->busy_until_us + w->delay_us };
}

static void on_send(const struct rtp *rtp, bool rtx, void *data)
{
	struct flow *f = data;
	size_t bytes = rtp->payload_bytes + HEADERS + (rtx ? 2 : 0);
	link_put(f->world, f, bytes);
	congestion_sent(f->congestion, rtx ? CONGESTION_RTX : CONGESTION_VIDEO, bytes, f->world->now_us);
}

static bool on_room(void *data)
{
	return congestion_has_room(((struct flow *)data)->congestion);
}

static bool on_rtx(size_t bytes, void *data)
{
	return congestion_take_rtx(((struct flow *)data)->congestion, bytes);
}

static const struct video_send_ops ops = { on_send, on_room, on_rtx };

static struct world *world_new(double capacity_bps, double delay_ms)
{
	struct world *w = g_new0(struct world, 1);
	w->packets = g_new0(struct packet, PACKETS_MAX);
	w->queues = g_new0(float, QUEUES_MAX);
	w->random = g_rand_new_with_seed(7);
	w->capacity_bps = capacity_bps;
	w->delay_us = (int64_t)(delay_ms * 1000);
	w->queue_limit_us = 500000;
	w->feedback_us = 60000;
	w->now_us = 77000000;
	w->has_feedback = true;
	return w;
}

static struct flow *flow_add(struct world *w, int id, double most_bps)
{
	struct flow *f = &w->flows[id];
	f->id = id;
	f->world = w;
	f->congestion = congestion_create(most_bps, w->now_us);
	f->video = video_send_create(&ops, 60000, f);
	f->on = f->wants_idr = true;
	f->next_frame_us = w->now_us + id * 7000;
	f->next_audio_us = w->now_us + id * 3000;
	f->next_feedback_us = w->now_us + id * 11000;
	return f;
}

static void world_free(struct world *w)
{
	for (int i = 0; i < FLOWS_MAX; i++) {
		congestion_destroy(w->flows[i].congestion);
		video_send_destroy(w->flows[i].video);
	}
	g_rand_free(w->random);
	g_free(w->packets);
	g_free(w->queues);
	g_free(w);
}

/* A picture: a third more or less than its share; a key frame five times as much. */
static void frame_make(struct flow *f)
{
	static const uint8_t nothing[PAYLOAD_MAX];
	struct video_send_stats stats;
	video_send_stats(f->video, &stats);
	double bps = congestion_video_bps(f->congestion, stats.queued_bytes);
	double bytes = bps / 8 / FPS * (0.67 + 0.66 * g_rand_double(f->world->random)) * (f->wants_idr ? 5 : 1);
	f->idrs += f->wants_idr;
	video_send_begin(f->video, 0, f->wants_idr, f->world->now_us);
	f->wants_idr = false;
	f->frames++;
	for (size_t left = (size_t)bytes + 1; left > 0;) {
		size_t now = MIN(left, sizeof(nothing));
		left -= now;
		video_send_payload(nothing, now, left == 0, f->video);
	}
}

static void flow_send(struct flow *f)
{
	struct world *w = f->world;
	if (f->on && w->now_us >= f->next_audio_us) {
		f->next_audio_us += 20000;
		link_put(w, f, 110);
		congestion_sent(f->congestion, CONGESTION_AUDIO, 110, w->now_us);
	}
	if (f->on && w->now_us >= f->next_frame_us) {
		f->next_frame_us += 1000000 / FPS;
		frame_make(f);
	}
	if (congestion_take_fall(f->congestion)) {
		f->falls++;
		video_send_drop(f->video);
	}
	video_send_drop_stale(f->video, w->now_us);
	f->wants_idr |= video_send_take_keyframe(f->video, congestion_video_bps(f->congestion, 0), w->now_us);
	video_send_run(f->video, congestion_pace_bps(f->congestion), w->now_us);
	congestion_tick(f->congestion, w->now_us);
}

static void flow_feedback(struct flow *f)
{
	struct world *w = f->world;
	if (w->has_feedback && w->now_us >= f->next_feedback_us) {
		f->next_feedback_us += w->feedback_us;
		unsigned int at = f->back_put % G_N_ELEMENTS(f->back);
		size_t length = twcc_write(&f->arrivals, f->back[at].bytes, 0, 1, 2);
		f->back[at].length = length;
		f->back[at].arrives_us = w->now_us + w->delay_us;
		f->back_put += length > 0 && !w->blackout && g_rand_double(w->random) >= w->back_loss;
	}
	for (; f->back_taken < f->back_put; f->back_taken++) {
		unsigned int at = f->back_taken % G_N_ELEMENTS(f->back);
		if (f->back[at].arrives_us > w->now_us)
			break;
		g_assert_cmpint(twcc_parse(f->back[at].bytes, f->back[at].length, &f->clock, congestion_status,
					   f->congestion), ==, 0);
		congestion_feedback(f->congestion, w->now_us);
	}
}

static void live(struct world *w, double seconds)
{
	for (int64_t until = w->now_us + (int64_t)(seconds * 1e6); w->now_us < until; w->now_us += 1000) {
		for (; w->taken < w->put; w->taken++) {
			const struct packet *p = &w->packets[w->taken & (PACKETS_MAX - 1)];
			if (p->arrives_us > w->now_us)
				break;
			twcc_arrived(&w->flows[p->flow].arrivals, p->number, p->arrives_us);
			w->flows[p->flow].delivered += (double)p->bytes;
		}
		for (int i = 0; i < FLOWS_MAX; i++)
			if (w->flows[i].congestion) {
				flow_feedback(&w->flows[i]);
				flow_send(&w->flows[i]);
			}
	}
}

/* Bits a second that arrived since it was last asked. */
static double delivered(struct flow *f, double seconds)
{
	double bytes = f->delivered;
	f->delivered = 0;
	return bytes * 8 / seconds;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static double p95(struct world *w)
{
	g_assert_cmpuint(w->queue_count, >, 20);
	qsort(w->queues, w->queue_count, sizeof(*w->queues), by_value);
	double value = w->queues[w->queue_count * 95 / 100];
	w->queue_count = 0;
	return value;
}

struct road {
	double capacity_bps, delay_ms, loss, back_loss, most_bps, use, queue_ms;
	int feedback_ms;
};

static const struct road roads[] = {
	{ 2e6, 25, 0, 0, 4e6, 0.88, 60, 60 },	{ 2e6, 1, 0, 0, 4e6, 0.88, 60, 60 },
	{ 2e6, 25, 0, 0, 4e6, 0.85, 60, 100 },	{ 2e6, 100, 0, 0, 4e6, 0.8, 75, 100 },
	{ 2e6, 25, 0.05, 0, 4e6, 0.8, 60, 60 }, { 2e6, 25, 0.05, 0.05, 4e6, 0.8, 60, 100 },
	{ 2e6, 1, 0.1, 0.1, 4e6, 0.5, 60, 60 }, { 6e6, 10, 0, 0, 8e6, 0.85, 60, 60 },
	{ 3e5, 25, 0, 0, 2e6, 0.8, 120, 100 },	{ 1.5e5, 25, 0, 0, 1e6, 0.7, 200, 100 },
};

static void test_steady(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(roads); i++) {
		const struct road *road = &roads[i];
		struct world *w = world_new(road->capacity_bps, road->delay_ms);
		struct flow *f = flow_add(w, 0, road->most_bps);
		struct congestion_stats stats;
		w->loss = road->loss;
		w->back_loss = road->back_loss;
		w->feedback_us = road->feedback_ms * 1000;
		live(w, 10);
		delivered(f, 1);
		w->queue_count = 0;
		live(w, 50);
		congestion_stats(f->congestion, &stats);
		/* What random loss takes away cannot be delivered. */
		double use = delivered(f, 50) / road->capacity_bps / (1 - road->loss), queue = p95(w);
		g_test_message("%4.2f Mbit/s, %3.0f ms, %2.0f %% loss: %2.0f %% used, queue p95 %3.0f ms, %d cuts, %u "
			       "pictures, %u key frames", road->capacity_bps / 1e6, road->delay_ms, road->loss * 100,
			       use * 100, queue, (int)stats.cuts, f->frames, f->idrs);
		g_assert_cmpfloat(use, >=, road->use);
		g_assert_cmpfloat(queue, <=, road->queue_ms);
		world_free(w);
	}
}

/* Seconds until the queue is below 80 ms for a third of a second. */
static double drained_after(struct world *w, double *ret_worst_ms)
{
	double worst = 0;
	int since = 0;
	for (int ms = 0; ms < 5000 && ms - since < 330; ms += 10) {
		live(w, 0.01);
		double queue = (double)(w->busy_until_us - w->now_us) / 1000;
		worst = MAX(worst, queue);
		if (queue > 80 || worst < 80)
			since = ms + 10;
	}
	*ret_worst_ms = worst;
	return since / 1000.0;
}

static void test_halved(void)
{
	static const double capacities[][2] = { { 2e6, 1e6 }, { 1e6, 5e5 }, { 4e6, 1e6 }, { 1e6, 1.5e5 } };
	for (size_t i = 0; i < G_N_ELEMENTS(capacities); i++) {
		struct world *w = world_new(capacities[i][0], 25);
		struct flow *f = flow_add(w, 0, 4e6);
		live(w, 15);
		w->capacity_bps = capacities[i][1];
		double worst, after = drained_after(w, &worst);
		delivered(f, 1);
		live(w, 10);
		double use = delivered(f, 10) / w->capacity_bps;
		g_test_message("%.2f → %.2f Mbit/s: a queue of %.0f ms, drained after %.2f s; then %.0f %% used, "
			       "%u falls", capacities[i][0] / 1e6, capacities[i][1] / 1e6, worst, after,
			       use * 100, f->falls);
		g_assert_cmpfloat(after, <=, i < 2 ? 1.2 : 2.5);
		g_assert_cmpfloat(use, >=, 0.7);
		world_free(w);
	}
}

/* Wider again: most of it is used within seconds. */
static void test_doubled(void)
{
	struct world *w = world_new(1e6, 25);
	struct flow *f = flow_add(w, 0, 4e6);
	live(w, 15);
	w->capacity_bps = 2e6;
	live(w, 12);
	delivered(f, 1);
	live(w, 10);
	double use = delivered(f, 10) / w->capacity_bps;
	g_test_message("1 → 2 Mbit/s: %.0f %% used 12 s later", use * 100);
	g_assert_cmpfloat(use, >=, 0.75);
	world_free(w);
}

static void test_fair(void)
{
	struct world *w = world_new(3e6, 25);
	struct flow *a = flow_add(w, 0, 4e6);
	live(w, 20);
	struct flow *b = flow_add(w, 1, 4e6);
	live(w, 20);
	delivered(a, 1);
	delivered(b, 1);
	w->queue_count = 0;
	live(w, 60);
	double share_a = delivered(a, 60), share_b = delivered(b, 60), queue = p95(w);
	g_test_message("two on 3 Mbit/s: %.2f and %.2f Mbit/s, queue p95 %.0f ms", share_a / 1e6, share_b / 1e6, queue);
	g_assert_cmpfloat(MAX(share_a, share_b) / MIN(share_a, share_b), <=, 2);
	g_assert_cmpfloat(share_a + share_b, >=, 0.85 * 3e6);
	g_assert_cmpfloat(queue, <=, 60);
	world_free(w);
}

static void test_blackout(void)
{
	for (int seconds = 1; seconds <= 4; seconds += 3) {
		struct world *w = world_new(2e6, 25);
		struct flow *f = flow_add(w, 0, 4e6);
		struct congestion_stats stats;
		live(w, 15);
		unsigned int before = w->put;
		w->blackout = true;
		live(w, seconds);
		g_assert_cmpuint(w->put, ==, before);
		w->blackout = false;
		live(w, 4);
		delivered(f, 1);
		live(w, 3);
		double use = delivered(f, 3) / w->capacity_bps;
		congestion_stats(f->congestion, &stats);
		g_test_message("%d s blackout: %.0f %% used four seconds later, %u silences, %u falls", seconds,
			       use * 100, (unsigned int)stats.silences, f->falls);
		g_assert_cmpfloat(use, >=, seconds == 1 ? 0.8 : 0.4);
		world_free(w);
	}
}

/* A link without a queue worth the name, as rate limits in the network are: loss is all that tells. */
static void test_policer(void)
{
	struct world *w = world_new(1e6, 25);
	struct flow *f = flow_add(w, 0, 3e6);
	struct congestion_stats stats;
	w->queue_limit_us = 40000;
	live(w, 15);
	delivered(f, 1);
	live(w, 20);
	congestion_stats(f->congestion, &stats);
	double use = delivered(f, 20) / w->capacity_bps;
	g_test_message("a limit of 1 Mbit/s: %.0f %% used, rate %.2f Mbit/s", use * 100, stats.rate_bps / 1e6);
	g_assert_cmpfloat(use, >=, 0.7);
	g_assert_cmpfloat(stats.rate_bps, <=, 1.6e6);
	world_free(w);
}

/* A peer that sends reports only. */
static void test_reports(void)
{
	struct congestion *c = congestion_create(2e6, 1000000);
	struct congestion_stats stats;
	int64_t now = 1000000;
	double base = congestion_video_bps(c, 0);
	for (int i = 0; i < 1000; i++, now += 20000) { /* loss without a queue: nothing */
		congestion_sent(c, CONGESTION_VIDEO, (size_t)(congestion_video_bps(c, 0) / 8 / 50), now);
		congestion_tick(c, now);
		if (i % 50 == 49)
			congestion_report(c, 0.08, 40000, now);
	}
	g_assert_cmpfloat(congestion_video_bps(c, 0), >, base * 0.9);
	for (int i = 0; i < 150; i++, now += 20000) { /* a queue: the round trip grows */
		congestion_sent(c, CONGESTION_VIDEO, (size_t)(congestion_video_bps(c, 0) / 8 / 50), now);
		congestion_tick(c, now);
		if (i % 50 == 49)
			congestion_report(c, 0.08, 240000, now);
	}
	g_assert_cmpfloat(congestion_video_bps(c, 0), <, base * 0.6);
	g_assert_true(congestion_has_room(c));
	congestion_remb(c, 300000);
	g_assert_cmpfloat(congestion_video_bps(c, 0), <, 300000);
	congestion_stats(c, &stats);
	g_assert_cmpuint(stats.reports, ==, 23);
	g_assert_false(stats.has_feedback);
	congestion_destroy(c);
}

/* Statuses of packets that were never sent, from a clock that jumps: nothing breaks, the rate stays in its bounds. */
static void test_hostile(void)
{
	struct congestion *c = congestion_create(2e6, 1000000);
	GRand *random = g_rand_new_with_seed(5);
	int64_t now = 1000000;
	for (int i = 0; i < 200000; i++, now += 1000) {
		if (g_rand_boolean(random))
			congestion_sent(c, g_rand_int_range(random, 0, 3),
					(size_t)g_rand_int_range(random, 1, 1500), now);
		congestion_status((uint16_t)g_rand_int(random), g_rand_boolean(random),
				  ((int64_t)g_rand_int(random) << 20) - ((int64_t)1 << 50), c);
		if (i % 37 == 0)
			congestion_feedback(c, now);
		if (i % 7777 == 0)
			congestion_new_path(c);
		if (i % 1000 == 0)
			congestion_report(c, g_rand_double(random), g_rand_int_range(random, -5, 5000000), now);
		congestion_tick(c, now);
		double bps = congestion_video_bps(c, (size_t)g_rand_int_range(random, 0, 500000));
		g_assert_cmpfloat(bps, >=, CONGESTION_VIDEO_LEAST_BPS);
		g_assert_cmpfloat(bps, <=, 2e6);
	}
	g_rand_free(random);
	congestion_destroy(c);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/congestion/steady", test_steady);
	g_test_add_func("/congestion/halved", test_halved);
	g_test_add_func("/congestion/doubled", test_doubled);
	g_test_add_func("/congestion/fair", test_fair);
	g_test_add_func("/congestion/blackout", test_blackout);
	g_test_add_func("/congestion/policer", test_policer);
	g_test_add_func("/congestion/reports", test_reports);
	g_test_add_func("/congestion/hostile", test_hostile);
	return g_test_run();
}
