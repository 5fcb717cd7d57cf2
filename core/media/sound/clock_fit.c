#include "core/media/sound/clock_fit.h"

#include <math.h>
#include <string.h>

#include "core/devices/sound_device.h"

#define LEAST 4
#define JUMP (SOUND_RATE / 50)	/* a counter that stands further off than 20 ms was set */
#define STEP (SOUND_RATE / 500) /* no clock goes wrong by 2 ms in a second: a card that is starting does */

void clock_fit_reset(struct clock_fit *fit)
{
	memset(fit, 0, sizeof(*fit));
	fit->rate = SOUND_RATE;
}

static double ahead(struct clock_point point)
{
	return point.frames - SOUND_RATE * point.seconds;
}

unsigned int clock_fit_seconds(const struct clock_fit *fit)
{
	return fit->count < CLOCK_FIT_SECONDS ? fit->count : CLOCK_FIT_SECONDS;
}

/* Least squares; too few points: the nominal rate through the one that is furthest ahead. */
static void line(struct clock_fit *fit)
{
	unsigned int n = clock_fit_seconds(fit);
	double x = 0, y = 0, xx = 0, xy = 0;
	for (unsigned int i = 0; i < n; i++) {
		x += fit->points[i].seconds / n;
		y += ahead(fit->points[i]) / n;
	}
	for (unsigned int i = 0; i < n; i++) {
		double dx = fit->points[i].seconds - x;
		xx += dx * dx;
		xy += dx * (ahead(fit->points[i]) - y);
	}
	if (n >= LEAST && xx > 0) {
		fit->rate = SOUND_RATE + xy / xx;
		fit->offset = y - xy / xx * x;
		return;
	}
	fit->offset = ahead(fit->best);
	for (unsigned int i = 0; i < n; i++)
		if (ahead(fit->points[i]) > fit->offset)
			fit->offset = ahead(fit->points[i]);
}

/* While little is known: the second that is over does not stand where the one before it did. */
static bool is_starting(const struct clock_fit *fit)
{
	return fit->count > 0 && fit->count < LEAST &&
	       fabs(ahead(fit->best) - ahead(fit->points[fit->count - 1])) > STEP;
}

static double off_at(const struct clock_fit *fit, double seconds)
{
	return fit->offset + (fit->rate - SOUND_RATE) * seconds;
}

void clock_fit_add(struct clock_fit *fit, double frames, int64_t us)
{
	if (!fit->started) {
		fit->started = true;
		fit->first_us = us;
		fit->first_frames = frames;
	}
	struct clock_point point = { (double)(us - fit->first_us) / 1e6, frames - fit->first_frames };
	int64_t second = (us - fit->first_us) / 1000000;
	bool jumped = clock_fit_seconds(fit) >= LEAST && fabs(ahead(fit->best) - off_at(fit, fit->best.seconds)) > JUMP;
	if (second != fit->second && (jumped || is_starting(fit))) {
		clock_fit_reset(fit);
		clock_fit_add(fit, frames, us);
	} else if (second != fit->second) {
		fit->points[fit->count++ % CLOCK_FIT_SECONDS] = fit->best;
		fit->second = second;
		fit->best = point;
		line(fit);
	} else if (ahead(point) > ahead(fit->best)) {
		fit->best = point;
		if (fit->count < LEAST)
			line(fit);
	}
}

double clock_fit_rate(const struct clock_fit *fit)
{
	return fit->rate;
}

double clock_fit_frames(const struct clock_fit *fit, double us)
{
	return fit->first_frames + fit->offset + fit->rate * (us - (double)fit->first_us) / 1e6;
}

double clock_fit_us(const struct clock_fit *fit, double frames)
{
	return (double)fit->first_us + (frames - fit->first_frames - fit->offset) / fit->rate * 1e6;
}
