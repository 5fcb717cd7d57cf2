#include "core/media/sound/echo.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <pthread.h>
#include <speex/speex_echo.h>
#include <string.h>

#include "core/devices/suppressor.h"
#include "core/media/sound/clock_fit.h"

#define TAIL (SOUND_RATE * 2 / 5)
#define RING (1 << 17)		   /* 2.7 s */
#define EARLY (SOUND_RATE / 200)   /* 5 ms: the reference comes as much before its echo */
#define JUMP (SOUND_RATE / 200)	   /* further off than 5 ms: it is placed anew */
#define SURE_SECONDS 8		   /* of measuring, before it replaces a hint */
#define DRIFT_MAX 1000.0	   /* ppm */
#define TAPS 32
#define PHASES 256
#define FAR_LEVEL 100.0		   /* root mean square of a block that counts as sound of the far end */
#define FAR_HANG 30		   /* blocks that its echo may go on */
#define CONVERGED_DB 12.0
#define CONVERGED_BLOCKS 100
#define LEAK_START 0.05		   /* of the echo's energy: what the linear stage lets through */
#define LEAK_LEAST 0.0003
#define LEAK_DOWN 0.01		   /* a block, towards less; a mean of a second and a half upwards is far slower */
#define LEAK_UP 1.008
#define NEAR_TIMES 6.0		   /* as much more is left than may leak: the near end speaks */
#define NEAR_FADE 0.1		   /* a block: a tenth of a second until the suppressor alone is heard again */
#define SLOW 0.01		   /* of the energies' means: a second */

struct echo {
	pthread_mutex_t lock; /* protects what follows up to the line */
	int16_t *ring;	      /* by frame number modulo RING */
	int64_t begin, end;   /* frames that it holds */
	unsigned int speaker_serial, speaker_restarts;
	struct clock_fit speaker;
	double hint;
	struct echo_stats stats;
	/* ------------------------------------------------------------ */

	/* the microphone's thread */
	unsigned int microphone_serial, microphone_restarts, placed_for;
	struct clock_fit microphone;
	bool placed;
	double at; /* the speaker's frame that is played with the microphone's next one */
	SpeexEchoState *filter;
	struct suppressor *suppressor;
	float window[PHASES + 1][TAPS];
	double heard, linear, left; /* mean energies while the far end speaks */
	double leak;		   /* part of the echo's energy that the linear stage leaves */
	double near;		   /* 0..1: how much of its own output is heard in place of the suppressor's */
	int16_t late[SUPPRESSOR_DELAY]; /* that output, as late as the suppressor's */
	int far_blocks, good_blocks;
	bool converged;
};

/* ---- the speaker's side ---- */

/* A hardware that was started anew is measured anew; what it was until then is the hint. restarts: seen before. */
static void clock_add(struct echo *echo, struct clock_fit *fit, const struct sound_state *state,
		      unsigned int *restarts)
{
	if (*restarts != state->restarts) {
		*restarts = state->restarts;
		clock_fit_reset(fit);
		if (echo->stats.drift_seconds > 0)
			echo->hint = echo->stats.drift_ppm;
	}
	if (state->clock_us)
		clock_fit_add(fit, state->clock_frames, state->clock_us);
	else
		clock_fit_add(fit, state->moved, g_get_monotonic_time());
}

static void ring_zero(struct echo *echo, int64_t to)
{
	if (to - echo->end > RING)
		echo->end = to - RING;
	for (; echo->end < to; echo->end++)
		echo->ring[echo->end & (RING - 1)] = 0;
}

void echo_played(struct echo *echo, unsigned int serial, const struct sound_state *state,
		 const int16_t block[SOUND_BLOCK])
{
	int64_t from = llrint(state->moved) - SOUND_BLOCK;
	pthread_mutex_lock(&echo->lock);
	if (serial != echo->speaker_serial) {
		echo->speaker_serial = serial;
		echo->speaker_restarts = state->restarts;
		clock_fit_reset(&echo->speaker);
		echo->begin = echo->end = from;
	}
	clock_add(echo, &echo->speaker, state, &echo->speaker_restarts);
	ring_zero(echo, from); /* what an xrun skipped was silence */
	for (int i = 0; i < SOUND_BLOCK; i++)
		echo->ring[(from + i) & (RING - 1)] = block[i];
	echo->end = from + SOUND_BLOCK;
	echo->begin = MAX(echo->begin, echo->end - RING);
	pthread_mutex_unlock(&echo->lock);
}

/* ---- the reference ---- */

/* A windowed sinc for each fraction of a frame. */
static void window_make(struct echo *echo)
{
	for (int p = 0; p <= PHASES; p++)
		for (int i = 0; i < TAPS; i++) {
			double x = i - (TAPS / 2 - 1) - (double)p / PHASES;
			double w = 0.5 + 0.5 * cos(G_PI * x / (TAPS / 2));
			double sinc = fabs(x) < 1e-9 ? 1 : sin(G_PI * x) / (G_PI * x);
			echo->window[p][i] = (float)(fabs(x) >= TAPS / 2.0 ? 0 : sinc * w);
		}
}

static double ring_at(const struct echo *echo, double at)
{
	int64_t whole = (int64_t)floor(at), first = whole - (TAPS / 2 - 1);
	double phase = (at - (double)whole) * PHASES, sum = 0;
	int p = (int)phase;
	float part = (float)(phase - p);
	if (first < echo->begin || first + TAPS > echo->end)
		return 0;
	const float *low = echo->window[p], *high = echo->window[p + 1];
	for (int i = 0; i < TAPS; i++)
		sum += echo->ring[(first + i) & (RING - 1)] * (low[i] + (high[i] - low[i]) * part);
	return sum;
}

/* Under the lock: the drift, measured or remembered. */
static double drift_of(struct echo *echo)
{
	unsigned int seconds = MIN(clock_fit_seconds(&echo->speaker), clock_fit_seconds(&echo->microphone));
	double ppm = (clock_fit_rate(&echo->speaker) / clock_fit_rate(&echo->microphone) - 1) * 1e6;
	bool measured = seconds >= 4 && fabs(ppm) <= DRIFT_MAX && (seconds >= SURE_SECONDS || echo->hint == 0);
	echo->stats.drift_seconds = measured ? seconds : 0;
	echo->stats.drift_ppm = measured ? ppm : echo->hint;
	return echo->stats.drift_ppm;
}

/* What the speaker played while the microphone heard the block that ends at moved. False: nothing does play. */
static bool reference_take(struct echo *echo, double moved, int16_t reference[SOUND_BLOCK])
{
	memset(reference, 0, SOUND_BLOCK * sizeof(reference[0]));
	pthread_mutex_lock(&echo->lock);
	bool plays = echo->speaker_serial != 0 && echo->speaker.started;
	if (plays) {
		double us = clock_fit_us(&echo->microphone, moved - SOUND_BLOCK);
		double place = clock_fit_frames(&echo->speaker, us) + EARLY;
		if (!echo->placed || echo->placed_for != echo->speaker_serial || fabs(place - echo->at) > JUMP) {
			echo->at = place;
			echo->placed = true;
			echo->placed_for = echo->speaker_serial;
		}
		double step = 1 + drift_of(echo) * 1e-6;
		for (int i = 0; i < SOUND_BLOCK; i++)
			reference[i] = (int16_t)CLAMP(lrint(ring_at(echo, echo->at + i * step)), -32768, 32767);
		echo->at += SOUND_BLOCK * step;
	}
	pthread_mutex_unlock(&echo->lock);
	return plays;
}

/* ---- cancelling ---- */

static double energy_of(const int16_t block[SOUND_BLOCK])
{
	double sum = 0;
	for (int i = 0; i < SOUND_BLOCK; i++)
		sum += (double)block[i] * block[i];
	return sum / SOUND_BLOCK;
}

static bool far_note(struct echo *echo, const int16_t reference[SOUND_BLOCK])
{
	bool now = energy_of(reference) > FAR_LEVEL * FAR_LEVEL;
	echo->far_blocks = now ? FAR_HANG : MAX(echo->far_blocks - 1, 0);
	return echo->far_blocks > 0;
}

static double decibels(double more, double less)
{
	return 10 * log10((more + 1) / (less + 1));
}

static void gauge(struct echo *echo, double heard, double linear, double left)
{
	echo->heard += SLOW * (heard - echo->heard);
	echo->linear += SLOW * (linear - echo->linear);
	echo->left += SLOW * (left - echo->left);
	double db = decibels(echo->heard, echo->linear);
	echo->good_blocks = db > CONVERGED_DB ? echo->good_blocks + 1 : 0;
	if (echo->good_blocks > CONVERGED_BLOCKS)
		echo->converged = true;
	pthread_mutex_lock(&echo->lock);
	echo->stats.linear_db = db;
	echo->stats.erle_db = decibels(echo->heard, echo->left);
	echo->stats.converged = echo->converged;
	pthread_mutex_unlock(&echo->lock);
}

/* The suppressor would cut who speaks here: while far more is left than the echo can have left, the linear stage's
 * own output is heard. blocks: what the linear stage took away, and what it left. */
static double near_note(struct echo *echo, double echoed, double left)
{
	double part = left / (echoed + 1);
	bool near = left > NEAR_TIMES * echo->leak * echoed + FAR_LEVEL;
	if (echoed > FAR_LEVEL * FAR_LEVEL)
		echo->leak = part < echo->leak ? echo->leak + LEAK_DOWN * (part - echo->leak) : echo->leak * LEAK_UP;
	echo->leak = CLAMP(echo->leak, LEAK_LEAST, LEAK_START);
	return echo->converged && near ? 1 : MAX(0, echo->near - NEAR_FADE);
}

static double difference_of(const int16_t a[SOUND_BLOCK], const int16_t b[SOUND_BLOCK])
{
	double sum = 0;
	for (int i = 0; i < SOUND_BLOCK; i++)
		sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
	return sum / SOUND_BLOCK;
}

/* block: the suppressor's output, which is late; both are mixed, the share moving through the block. */
static void mix(struct echo *echo, const int16_t linear[SOUND_BLOCK], double near, int16_t block[SOUND_BLOCK])
{
	for (int i = 0; i < SOUND_BLOCK; i++) {
		int16_t own = i < SUPPRESSOR_DELAY ? echo->late[i] : linear[i - SUPPRESSOR_DELAY];
		double share = echo->near + (near - echo->near) * i / SOUND_BLOCK;
		block[i] = (int16_t)lrint(block[i] + share * (own - block[i]));
	}
	memcpy(echo->late, linear + SOUND_BLOCK - SUPPRESSOR_DELAY, sizeof(echo->late));
	echo->near = near;
}

static void begin_anew(struct echo *echo, unsigned int serial, unsigned int restarts)
{
	echo->microphone_restarts = restarts;
	echo->microphone_serial = serial;
	clock_fit_reset(&echo->microphone);
	speex_echo_state_reset(echo->filter);
	echo->placed = echo->converged = false;
	echo->heard = echo->linear = echo->left = 0;
	echo->good_blocks = 0;
	echo->leak = LEAK_START;
	echo->near = 0;
}

bool echo_cancel(struct echo *echo, unsigned int serial, const struct sound_state *state, int16_t block[SOUND_BLOCK])
{
	int16_t reference[SOUND_BLOCK], linear[SOUND_BLOCK];
	if (serial != echo->microphone_serial)
		begin_anew(echo, serial, state->restarts);
	pthread_mutex_lock(&echo->lock);
	clock_add(echo, &echo->microphone, state, &echo->microphone_restarts);
	pthread_mutex_unlock(&echo->lock);
	if (!reference_take(echo, state->moved, reference))
		return false;
	bool far = far_note(echo, reference);
	double heard = energy_of(block);
	speex_echo_cancellation(echo->filter, block, reference, linear);
	double near = near_note(echo, difference_of(block, linear), energy_of(linear));
	memcpy(block, linear, sizeof(linear));
	/* It may be strong: who speaks here is not heard through it. */
	suppressor_run(echo->suppressor, reference, block, near == 0);
	mix(echo, linear, near, block);
	if (far)
		gauge(echo, heard, energy_of(linear), energy_of(block));
	return far;
}

/* ---- verbs ---- */

int echo_create(struct echo **ret_echo)
{
	int rate = SOUND_RATE;
	struct echo *echo = g_new0(struct echo, 1);
	pthread_mutex_init(&echo->lock, NULL);
	echo->ring = g_new0(int16_t, RING);
	clock_fit_reset(&echo->speaker);
	clock_fit_reset(&echo->microphone);
	window_make(echo);
	echo->filter = speex_echo_state_init(SOUND_BLOCK, TAIL);
	echo->suppressor = suppressor_create();
	if (!echo->filter || !echo->suppressor) {
		echo_destroy(echo);
		return -ENOMEM;
	}
	speex_echo_ctl(echo->filter, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	*ret_echo = echo;
	return 0;
}

void echo_destroy(struct echo *echo)
{
	if (!echo)
		return;
	if (echo->filter)
		speex_echo_state_destroy(echo->filter);
	suppressor_destroy(echo->suppressor);
	pthread_mutex_destroy(&echo->lock);
	g_free(echo->ring);
	g_free(echo);
}

void echo_hint(struct echo *echo, double drift_ppm)
{
	pthread_mutex_lock(&echo->lock);
	echo->hint = CLAMP(drift_ppm, -DRIFT_MAX, DRIFT_MAX);
	pthread_mutex_unlock(&echo->lock);
}

void echo_stats(struct echo *echo, struct echo_stats *ret_stats)
{
	pthread_mutex_lock(&echo->lock);
	*ret_stats = echo->stats;
	pthread_mutex_unlock(&echo->lock);
}
