#include "tests/vadriver/rate.h"

#include <glib.h>
#include <math.h>

enum { QP_FIRST = 30, DEBT_FRAMES = 8, INTRA_SHARE = 5 };

static double step_of(int qp)
{
	return exp2((qp - 4) / 6.0);
}

static int limited(const struct rate_wish *wish, double qp)
{
	int min = wish->min_qp > 0 ? wish->min_qp : 10, max = wish->max_qp > 0 ? wish->max_qp : 51;
	return CLAMP((int)lrint(qp), MIN(min, max), max);
}

/* What the next picture may take. */
static double target_of(const struct rate *rate, const struct rate_wish *wish, bool intra)
{
	double frame = wish->bits_per_second / wish->frames_per_second;
	double target = frame - rate->debt / DEBT_FRAMES;
	target = CLAMP(target, frame / 4, frame * 2);
	if (intra)
		target *= INTRA_SHARE;
	if (wish->max_frame_bits > 0)
		target = MIN(target, 0.8 * (double)wish->max_frame_bits);
	return MAX(target, 200);
}

int rate_qp(const struct rate *rate, const struct rate_wish *wish, bool intra)
{
	double complexity = rate->complexity[intra];
	if (complexity <= 0)
		return limited(wish, rate->last_qp > 0 ? rate->last_qp :
				wish->initial_qp > 0	     ? wish->initial_qp :
							       QP_FIRST);
	return limited(wish, 4 + 6 * log2(complexity / target_of(rate, wish, intra)));
}

int rate_again(const struct rate *rate, const struct rate_wish *wish, bool intra, int qp, size_t bits)
{
	double target = target_of(rate, wish, intra), ratio = (double)bits / target;
	bool too_large = wish->max_frame_bits > 0 && bits > wish->max_frame_bits;
	if (!too_large && ratio < 1.4 && ratio > 0.5)
		return qp;
	int step = (int)lrint(6 * log2(ratio));
	if (too_large)
		step = MAX(step, 1);
	return limited(wish, qp + CLAMP(step, -8, 12));
}

void rate_spend(struct rate *rate, const struct rate_wish *wish, bool intra, int qp, size_t bits)
{
	double frame = wish->bits_per_second / wish->frames_per_second;
	double complexity = (double)bits * step_of(qp), *known = &rate->complexity[intra];
	*known = *known > 0 ? (*known + complexity) / 2 : complexity;
	/* What was saved for long is not spent at once. */
	rate->debt = MAX(rate->debt + (double)bits - frame, -frame);
	rate->last_qp = qp;
}
