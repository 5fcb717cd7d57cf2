/* The rate controller on simulated content: a picture costs complexity / 2^(qp/6), and complexity does what
 * cameras do: rests, moves, cuts to another scene, flickers. */
#include <glib.h>
#include <math.h>

#include "drivers-glue/rate_control.h"

#define FPS 30

struct content {
	const char *name;
	double (*cost)(int n); /* bits × 2^(qp/6) a pixel of a predicted picture */
	int bitrate_bps, most_skipped; /* in ten seconds */
};

static double rests(int n)
{
	(void)n;
	return 0.5;
}

static double moves(int n)
{
	return 2 + 1.5 * sin(n / 20.0);
}

static double cuts(int n)
{
	return n % 90 == 45 ? 9 : 1;
}

static double flickers(int n)
{
	return n % 2 ? 1 : 3;
}

static double storm(int n)
{
	return n < 100 ? 0.3 : 40;
}

static const struct content contents[] = {
	{ "rests", rests, 800000, 1 },	     { "moves", moves, 800000, 6 },  { "cuts", cuts, 800000, 10 },
	{ "flickers", flickers, 800000, 10 }, { "storm", storm, 800000, 60 }, { "moves, little", moves, 150000, 30 },
	{ "moves, much", moves, 4000000, 6 },
};

struct result {
	double bits, worst_share; /* worst: bits of one predicted picture by its share of the rate */
	int skipped, pictures, again, frozen;
	double qp;
};

/* The picture, as often as the controller wants it; its bits in the end. */
static double code(struct rate_control *control, bool idr, int qp, double cost, int *again)
{
	double bits;
	for (int tries = 0;; tries++, (*again)++) {
		bits = cost / exp2(qp / 6.0);
		if (rate_control_accept(control, idr, &qp, (size_t)(bits / 8) + 20))
			return bits;
		g_assert_cmpint(tries, <, 3);
	}
}

static void play(const struct content *content, struct rate_control *control, int from, int to, struct result *r)
{
	int pixels = control->pixels, frozen = 0;
	*r = (struct result){ 0 };
	for (int n = from; n < to; n++) {
		bool idr = n == 0;
		int qp;
		if (!rate_control_next(control, idr, &qp)) {
			r->skipped++;
			frozen++;
			r->frozen = MAX(r->frozen, frozen);
			continue;
		}
		frozen = 0;
		g_assert_cmpint(qp, >=, RATE_QP_MIN);
		g_assert_cmpint(qp, <=, RATE_QP_MAX);
		double bits = code(control, idr, qp, (idr ? 9 : content->cost(n)) * pixels, &r->again);
		r->bits += bits + 160;
		r->pictures++;
		r->qp += qp;
		if (!idr)
			r->worst_share = fmax(r->worst_share, bits / control->bits_a_picture);
	}
}

static void test_content(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
		const struct content *content = &contents[i];
		struct rate_control control;
		struct result r;
		rate_control_init(&control, 640, 360, content->bitrate_bps, FPS);
		play(content, &control, 0, 10 * FPS, &r);
		double rate = r.bits / 10;
		g_test_message("%-14s %4.0f of %4d kbit/s, qp %4.1f, %2d skipped (%d in a row), %d coded again, "
			       "worst picture %.1f shares", content->name, rate / 1000, content->bitrate_bps / 1000,
			       r.qp / r.pictures, r.skipped, r.frozen, r.again, r.worst_share);
		g_assert_cmpint(r.frozen, <, FPS / 2);
		g_assert_cmpint(r.again, <, 10);
		g_assert_cmpfloat(rate, <, content->bitrate_bps * 1.1);
		if (r.qp / r.pictures > RATE_QP_MIN + 3) /* there was need of the bits */
			g_assert_cmpfloat(rate, >, content->bitrate_bps * 0.6);
		g_assert_cmpint(r.skipped, <=, content->most_skipped);
	}
}

static void test_step(void)
{
	struct rate_control control;
	struct result r;
	static const struct content content = { "moves", moves, 0, 0 };
	static const int rates[] = { 800000, 200000, 1600000, 100000, 800000 };
	rate_control_init(&control, 640, 360, rates[0], FPS);
	for (int i = 0; i < (int)G_N_ELEMENTS(rates); i++) {
		rate_control_set(&control, rates[i], FPS);
		play(&content, &control, i * 150, i * 150 + 30, &r); /* the first second */
		g_test_message("%4d kbit/s: %4.0f in the first second, %d skipped", rates[i] / 1000, r.bits / 1000,
			       r.skipped);
		g_assert_cmpfloat(r.bits, <, rates[i] * 1.3);
		play(&content, &control, i * 150 + 30, i * 150 + 150, &r);
		g_assert_cmpfloat(r.bits / 4, <, rates[i] * 1.1);
		g_assert_cmpfloat(r.bits / 4, >, rates[i] * 0.6);
	}
}

/* An IDR comes whatever the bucket says, and is paid for by what follows. */
static void test_idr(void)
{
	struct rate_control control;
	double bits = 0;
	int again = 0;
	rate_control_init(&control, 1280, 720, 1000000, FPS);
	for (int n = 0; n < 10 * FPS; n++) {
		bool idr = n % 30 == 0;
		int qp;
		if (!rate_control_next(&control, idr, &qp)) {
			g_assert_false(idr);
			continue;
		}
		bits += code(&control, idr, qp, (idr ? 9 : 1) * 1280 * 720, &again);
	}
	g_test_message("an IDR every second: %.0f kbit/s of 1000", bits / 10000);
	g_assert_cmpfloat(bits / 10, <, 1150000);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rate/content", test_content);
	g_test_add_func("/rate/step", test_step);
	g_test_add_func("/rate/idr", test_idr);
	return g_test_run();
}
