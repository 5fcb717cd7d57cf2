/* The steps of a picture: the network's bits, the encoder's time and the peer's level move it down and up, without
 * swinging. */
#include <glib.h>
#include <math.h>

#include "core/video/adapt.h"

#define FRAME_US 33333

static int64_t clock_us = 1000000;

/* Lives through seconds at a rate and a cost for 1280x720; returns how often the step changed. */
static int live(struct adapt *adapt, double seconds, int bitrate_bps, double cost_us)
{
	int changes = 0;
	for (int64_t until = clock_us + (int64_t)(seconds * 1e6); clock_us < until; clock_us += FRAME_US) {
		const struct adapt_step *now = adapt_now(adapt);
		if (adapt_takes(adapt, clock_us))
			adapt_spent(adapt, (int64_t)(cost_us * now->width * now->height / (1280.0 * 720)));
		changes += adapt_look(adapt, clock_us, bitrate_bps);
	}
	return changes;
}

static void test_network(void)
{
	struct adapt adapt = { 0 };
	adapt_init(&adapt, 1280, 720, 30, 2000000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 720);
	g_assert_cmpint(live(&adapt, 10, 2000000, 3000), ==, 0);
	live(&adapt, 10, 300000, 3000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 360);
	g_assert_cmpint(adapt_now(&adapt)->fps, ==, 30);
	g_assert_cmpint(live(&adapt, 60, 300000, 3000), ==, 0); /* and stays there */
	live(&adapt, 10, 60000, 3000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 180);
	g_assert_cmpint(adapt_now(&adapt)->fps, ==, 15);
	live(&adapt, 40, 2000000, 3000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 720);
	g_assert_cmpint(adapt_now(&adapt)->fps, ==, 30);
	int64_t before = clock_us;
	int changes = 0;
	for (int i = 0; i < 60; i++) /* a rate that swings every second moves nothing */
		changes += live(&adapt, 0.9, i % 2 ? 2000000 : 500000, 3000);
	g_assert_cmpint(changes, ==, 0);
	g_assert_cmpint(clock_us, >, before);
}

static void test_encoder(void)
{
	struct adapt adapt = { 0 };
	adapt_init(&adapt, 1920, 1080, 30, 6000000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 1080);
	live(&adapt, 5, 6000000, 20000); /* 45 ms at 1080p, 20 at 720p, 11 at 540p */
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 720);
	int changes = live(&adapt, 300, 6000000, 20000);
	g_assert_cmpint(changes, <=, 12); /* tries again more and more seldom */
	live(&adapt, 400, 6000000, 3000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 1080);
}

static void test_level(void)
{
	struct adapt adapt = { 0 };
	adapt_set_level(&adapt, 31);
	adapt_init(&adapt, 1920, 1080, 30, 6000000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 720);
	g_assert_cmpint(live(&adapt, 60, 6000000, 1000), ==, 0);
	adapt_set_level(&adapt, 40);
	live(&adapt, 10, 6000000, 1000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 1080);
	adapt_set_level(&adapt, 13);
	live(&adapt, 1, 6000000, 1000);
	g_assert_cmpint(adapt_now(&adapt)->height, ==, 180);
}

/* Of a camera of 30 pictures a second a step of 15 takes every second one, whatever the jitter. */
static void test_rate(void)
{
	struct adapt adapt = { 0 };
	GRand *random = g_rand_new_with_seed(3);
	int taken = 0;
	adapt_init(&adapt, 640, 360, 15, 800000);
	for (int i = 0; i < 900; i++)
		taken += adapt_takes(&adapt, 5000000 + (int64_t)i * FRAME_US + g_rand_int_range(random, -4000, 4000));
	g_assert_cmpint(taken, >=, 440);
	g_assert_cmpint(taken, <=, 460);
	adapt_init(&adapt, 640, 360, 30, 800000);
	for (int i = taken = 0; i < 900; i++)
		taken += adapt_takes(&adapt, 5000000 + (int64_t)i * FRAME_US + g_rand_int_range(random, -4000, 4000));
	g_assert_cmpint(taken, >=, 890);
	g_assert_true(adapt_takes(&adapt, 1000)); /* a clock that went back */
	g_rand_free(random);
}

static void test_shapes(void)
{
	static const int profiles[][3] = { { 640, 360, 15 },  { 640, 360, 30 },	 { 1280, 720, 15 }, { 1280, 720, 30 },
					   { 1920, 1080, 15 }, { 1920, 1080, 30 }, { 16, 16, 1 },   { 3840, 2160, 60 } };
	for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++) {
		struct adapt adapt = { 0 };
		adapt_init(&adapt, profiles[i][0], profiles[i][1], profiles[i][2], 50000000);
		g_assert_cmpint(adapt.now, ==, 0);
		g_assert_cmpint(adapt_now(&adapt)->width, ==, profiles[i][0]);
		for (int s = 0; s < adapt.count; s++) {
			g_assert_cmpint(adapt.steps[s].width % 2 + adapt.steps[s].height % 2, ==, 0);
			g_assert_cmpint(adapt.steps[s].fps, <=, profiles[i][2]);
		}
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/adapt/network", test_network);
	g_test_add_func("/adapt/encoder", test_encoder);
	g_test_add_func("/adapt/level", test_level);
	g_test_add_func("/adapt/rate", test_rate);
	g_test_add_func("/adapt/shapes", test_shapes);
	return g_test_run();
}
