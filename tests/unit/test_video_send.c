/* The picture's packets on their way out: in order, paced, kept for NACK; thrown away without a gap; key frames asked
 * for so often and no more. */
#include <glib.h>
#include <string.h>

#include "core/media/uplink.h"
#include "core/media/video_send.h"

struct road {
	struct video_send *send;
	GArray *sequences, *again; /* uint16_t */
	size_t bytes;
	unsigned int markers;
	bool full, no_rtx;
};

static void on_send(const struct rtp *rtp, bool rtx, void *data)
{
	struct road *road = data;
	g_array_append_val(rtx ? road->again : road->sequences, rtp->sequence);
	road->bytes += rtp->payload_bytes;
	road->markers += rtp->marker;
}

static bool on_room(void *data)
{
	return !((struct road *)data)->full;
}

static bool on_rtx(size_t bytes, void *data)
{
	return bytes > 0 && !((struct road *)data)->no_rtx;
}

static const struct video_send_ops ops = { on_send, on_room, on_rtx };

static void road_open(struct road *road)
{
	*road = (struct road){ .sequences = g_array_new(FALSE, FALSE, sizeof(uint16_t)),
			       .again = g_array_new(FALSE, FALSE, sizeof(uint16_t)) };
	road->send = video_send_create(&ops, 65530, road);
}

static void road_close(struct road *road)
{
	video_send_destroy(road->send);
	g_array_free(road->sequences, TRUE);
	g_array_free(road->again, TRUE);
}

static void picture(struct road *road, unsigned int packets, bool keyframe, int64_t now_us)
{
	static const uint8_t payload[1000];
	video_send_begin(road->send, (uint32_t)(now_us * 9 / 100), keyframe, now_us);
	for (unsigned int i = 0; i < packets; i++)
		video_send_payload(payload, sizeof(payload), i + 1 == packets, road->send);
}

#define FIRST 15600 /* ten packets before anything is known of the road, and the one that overdraws */

/* Nothing but a key frame begins; what waits for the road to open is thrown away when it has become old. */
static void test_begin(void)
{
	struct road road;
	int64_t now = 1000000;
	road_open(&road);
	road.full = true;
	picture(&road, 2, false, now);
	g_assert_cmpint(video_send_run(road.send, 800000, now), ==, -1);
	g_assert_false(video_send_is_fresh(road.send, 300000, now));
	g_assert_true(video_send_take_keyframe(road.send, 800000, now));
	picture(&road, 3, true, now);
	picture(&road, 1, false, now + 33000);
	g_assert_cmpint(video_send_run(road.send, 800000, now + 33000), >=, 0);
	g_assert_true(video_send_is_fresh(road.send, 300000, now + 300000));
	g_assert_false(video_send_is_fresh(road.send, 300000, now + 300001));
	video_send_begin_anew(road.send);
	road.full = false;
	g_assert_cmpint(video_send_run(road.send, 800000, now + 400000), ==, -1);
	g_assert_cmpuint(road.sequences->len, ==, 0);
	g_assert_true(video_send_take_keyframe(road.send, 800000, now + 400000));
	picture(&road, 2, true, now + 400000);
	g_assert_cmpint(video_send_run(road.send, 800000, now + 400000), ==, -1);
	g_assert_cmpuint(road.sequences->len, ==, 2);
	g_assert_cmpuint(g_array_index(road.sequences, uint16_t, 0), ==, 65530);
	road_close(&road);
}

static void test_pace(void)
{
	struct road road;
	int64_t now = 1000000, wait = 0;
	road_open(&road);
	picture(&road, 100, true, now); /* 100 kB at 800 kbit/s is a second */
	int64_t start = now;
	while ((wait = video_send_run(road.send, 800000, now)) >= 0) {
		g_assert_cmpint(wait, <=, 20000);
		now += wait;
		g_assert_cmpfloat((double)road.bytes, <=, (double)(now - start) / 10 + FIRST);
	}
	g_assert_cmpint(now - start, >, 840000);
	g_assert_cmpint(now - start, <, 1010000);
	g_assert_cmpuint(road.sequences->len, ==, 100);
	g_assert_cmpuint(road.markers, ==, 1);
	for (unsigned int i = 0; i < 100; i++)
		g_assert_cmpuint(g_array_index(road.sequences, uint16_t, i), ==, (uint16_t)(65530 + i));
	road.full = true;
	picture(&road, 1, false, now);
	g_assert_cmpint(video_send_run(road.send, 800000, now + 100000), >=, 0);
	g_assert_cmpuint(road.sequences->len, ==, 100);
	road_close(&road);
}

static void test_resend(void)
{
	struct road road;
	struct video_send_stats stats;
	int64_t now = 1000000;
	road_open(&road);
	picture(&road, 3, true, now);
	picture(&road, 1, false, now);
	video_send_run(road.send, 1e9, now);
	g_assert_cmpuint(road.sequences->len, ==, 4);
	video_send_resend(road.send, 65531, 1, 0, now + 10000);
	video_send_resend(road.send, 65531, 1, 0, now + 11000); /* the first answer cannot be there yet */
	g_assert_cmpuint(road.again->len, ==, 1);
	video_send_resend(road.send, 65531, 1, 0, now + 30000);
	g_assert_cmpuint(road.again->len, ==, 2);
	video_send_resend(road.send, 65534, 1, 0, now + 30000); /* never sent */
	video_send_resend(road.send, 60000, 1, 0, now + 30000);
	road.no_rtx = true;
	video_send_resend(road.send, 65532, 1, 0, now + 30000);
	video_send_stats(road.send, &stats);
	g_assert_cmpuint(stats.rtx_packets, ==, 2);
	g_assert_cmpuint(stats.rtx_refused, ==, 3);
	road_close(&road);
}

static void test_drop(void)
{
	struct road road;
	struct video_send_stats stats;
	int64_t now = 1000000;
	road_open(&road);
	picture(&road, 2, true, now);
	video_send_run(road.send, 1e9, now);
	g_assert_false(video_send_take_keyframe(road.send, 1e6, now));
	picture(&road, 40, false, now);
	video_send_run(road.send, 8000, now);
	unsigned int before = road.sequences->len;
	g_assert_cmpuint(before, <, 10);
	video_send_drop_stale(road.send, now + VIDEO_SEND_WAIT_US);
	g_assert_false(video_send_take_keyframe(road.send, 1e6, now));
	now += VIDEO_SEND_WAIT_US + 1;
	video_send_drop_stale(road.send, now);
	g_assert_true(video_send_take_keyframe(road.send, 1e6, now));
	picture(&road, 2, false, now); /* refers to what never left */
	video_send_stats(road.send, &stats);
	g_assert_cmpuint(stats.queued_bytes, ==, 0);
	picture(&road, 2, true, now);
	video_send_run(road.send, 1e9, now + 1000000);
	g_assert_cmpuint(road.sequences->len, ==, before + 2);
	for (unsigned int i = 0; i < road.sequences->len; i++) /* no gap */
		g_assert_cmpuint(g_array_index(road.sequences, uint16_t, i), ==, (uint16_t)(65530 + i));
	road_close(&road);
}

static void test_keyframes(void)
{
	static const struct {
		double video_bps;
		int least, most; /* in ten seconds of a peer that always asks */
	} cases[] = { { 1e6, 10, 12 }, { 30000, 5, 6 } };
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct road road;
		int count = 0, early = 0;
		road_open(&road);
		for (int64_t now = 5000000; now < 15000000; now += 20000) {
			video_send_want_keyframe(road.send, 10000, now);
			if (!video_send_take_keyframe(road.send, cases[i].video_bps, now))
				continue;
			count++;
			early += now < 5100000;
			picture(&road, 2, true, now);
			video_send_run(road.send, 1e9, now);
			video_send_want_keyframe(road.send, 10000, now + 5000); /* asked before it could come */
			g_assert_false(video_send_take_keyframe(road.send, 1e6, now + 5000));
		}
		g_assert_cmpint(count, >=, cases[i].least);
		g_assert_cmpint(count, <=, cases[i].most);
		g_assert_cmpint(early, <=, 2);
		road_close(&road);
	}
}

/* The end of each picture once more, later, and not when it was asked for meanwhile. */
static void test_guard(void)
{
	struct road road;
	int64_t now = 1000000;
	road_open(&road);
	video_send_guard(road.send, true);
	picture(&road, 3, true, now);
	int64_t wait = video_send_run(road.send, 1e9, now);
	g_assert_cmpint(wait, >, 0);
	g_assert_cmpint(wait, <=, 10000);
	g_assert_cmpint(video_send_run(road.send, 1e9, now + wait - 1), ==, 1);
	g_assert_cmpuint(road.again->len, ==, 0);
	g_assert_cmpint(video_send_run(road.send, 1e9, now + wait), ==, -1);
	g_assert_cmpuint(road.again->len, ==, 1);
	g_assert_cmpuint(g_array_index(road.again, uint16_t, 0), ==, 65532);
	g_assert_cmpuint(road.markers, ==, 2);
	video_send_resend(road.send, 65532, 1, 40000, now + 20000); /* asked for before the guard can be there */
	g_assert_cmpuint(road.again->len, ==, 1);
	video_send_guard(road.send, false);
	picture(&road, 1, false, now + 33000);
	g_assert_cmpint(video_send_run(road.send, 1e9, now + 33000), ==, -1);
	video_send_guard(road.send, true);
	picture(&road, 1, false, now + 66000);
	g_assert_cmpint(video_send_run(road.send, 1e9, now + 66000), >, 0);
	road.no_rtx = true;
	g_assert_cmpint(video_send_run(road.send, 1e9, now + 90000), ==, -1);
	g_assert_cmpuint(road.again->len, ==, 1);
	road_close(&road);
}

/* More than there is room for: bounded, and it goes on with a key frame. */
static void test_flood(void)
{
	struct road road;
	road_open(&road);
	road.full = true;
	for (int64_t now = 1000000; now < 20000000; now += 33333) {
		picture(&road, 60, now == 1000000, now);
		video_send_run(road.send, 1e6, now);
		video_send_drop_stale(road.send, now);
	}
	struct video_send_stats stats;
	video_send_stats(road.send, &stats);
	g_assert_cmpuint(stats.queued_bytes, <=, 1024 * 1000);
	g_assert_cmpuint(stats.dropped_packets, >, 100);
	g_assert_true(video_send_take_keyframe(road.send, 1e6, 20000000));
	road.full = false;
	picture(&road, 2, true, 20000000);
	video_send_run(road.send, 1e9, 20000000);
	g_assert_cmpuint(road.sequences->len, ==, 2);
	road_close(&road);
}

/* ---- with the uplink around it ---- */

static void on_sent(const struct rtp *rtp, bool rtx, void *data)
{
	(void)rtp;
	*(unsigned int *)data += !rtx;
}

static void on_nothing(void *data)
{
	(void)data;
}

static gboolean on_over(void *over)
{
	*(bool *)over = true;
	return G_SOURCE_REMOVE;
}

static size_t waiting(struct uplink *uplink)
{
	struct uplink_stats stats;
	uplink_stats(uplink, &stats);
	return stats.queued_bytes;
}

/* Muted: nothing of what waited for its turn leaves. */
static void test_muted(void)
{
	static const struct uplink_ops uplink_ops = { on_sent, on_nothing, on_nothing };
	static const uint8_t payload[1000];
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	unsigned int sent = 0;
	struct uplink *uplink = uplink_create(&uplink_ops, &sent, &lock, 300000, 1);
	uplink_open(uplink);
	uplink_picture_begin(uplink, 1, true);
	for (int i = 0; i < 100; i++)
		uplink_payload(payload, sizeof(payload), i == 99, uplink);
	uplink_picture_end(uplink);
	g_assert_cmpuint(sent, >, 0);
	g_assert_cmpuint(waiting(uplink), >, 50000);
	unsigned int before = sent;
	uplink_drop(uplink);
	g_assert_cmpuint(waiting(uplink), ==, 0);
	bool over = false;
	g_timeout_add(200, on_over, &over); /* as many would have left by then */
	while (!over)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpuint(sent, ==, before);
	uplink_destroy(uplink);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/video-send/begin", test_begin);
	g_test_add_func("/video-send/pace", test_pace);
	g_test_add_func("/video-send/resend", test_resend);
	g_test_add_func("/video-send/drop", test_drop);
	g_test_add_func("/video-send/keyframes", test_keyframes);
	g_test_add_func("/video-send/flood", test_flood);
	g_test_add_func("/video-send/guard", test_guard);
	g_test_add_func("/video-send/muted", test_muted);
	return g_test_run();
}
