/* The echo canceller in a room that is computed: two cards whose clocks differ, an impulse response of 250 ms, speech
 * made of noise, both sides talking, an xrun. The same digits in each run. */
#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/devices/suppressor.h"
#include "core/media/sound/clock_fit.h"
#include "core/media/sound/echo.h"
#include "core/media/sound/gain.h"

#define RATE SOUND_RATE
#define SECONDS 40
#define FRAMES (SECONDS * RATE)
#define ROOM_TAPS 300
#define ROOM_FRAMES (RATE / 4)
#define NEAR_FROM (20 * RATE) /* both talk */
#define NEAR_TO (30 * RATE)
#define XRUN_AT (32 * RATE)
#define XRUN_FRAMES 2400
#define START_US 1e9

static uint32_t seed;

static double noise(void)
{
	seed = seed * 1664525 + 1013904223;
	return (double)seed / 2147483648.0 - 1;
}

/* Noise with a speaker's spectrum and syllables: 120 to 300 ms on, 50 to 200 ms off, a longer pause now and then. */
static void speech(float *to, size_t count, double level, uint32_t with)
{
	double low = 0, lower = 0, envelope = 0;
	size_t until = 0;
	bool on = false;
	seed = with;
	for (size_t i = 0; i < count; i++) {
		if (i >= until) {
			on = !on;
			double ms = on ? 210 + 90 * noise() : noise() > 0.8 ? 700 : 125 + 75 * noise();
			until = i + (size_t)(ms * RATE / 1000);
		}
		envelope += ((on ? 1.0 : 0.0) - envelope) * 0.002;
		low += (noise() - low) * 0.25;
		lower += (low - lower) * 0.02;
		to[i] = (float)((low - lower) * envelope * level);
	}
}

struct room {
	float *far;	/* what the speaker plays, by its frames */
	float *echo;	/* what of it comes back, by the speaker's frames */
	float *near;	/* by the microphone's */
	double ppm;	/* the speaker's clock against the microphone's */
};

static void room_make(struct room *room, double ppm)
{
	size_t count = FRAMES + 4 * RATE;
	struct { size_t at; float weight; } taps[ROOM_TAPS];
	room->ppm = ppm;
	room->far = g_new0(float, count);
	room->echo = g_new0(float, count);
	room->near = g_new0(float, FRAMES);
	speech(room->far, count, 20000, 11);
	speech(room->near + NEAR_FROM, NEAR_TO - NEAR_FROM, 16000, 77);
	memset(room->far + XRUN_AT, 0, XRUN_FRAMES * sizeof(float));
	seed = 5;
	for (int k = 0; k < ROOM_TAPS; k++) {
		taps[k].at = RATE / 200 + (k ? (size_t)((noise() + 1) / 2 * ROOM_FRAMES) : 0);
		taps[k].weight = (float)(k ? 0.12 * noise() * exp(-6.9 * (double)taps[k].at / (0.3 * RATE)) : 0.4);
	}
	for (int k = 0; k < ROOM_TAPS; k++)
		for (size_t i = taps[k].at; i < count; i++)
			room->echo[i] += taps[k].weight * room->far[i - taps[k].at];
}

static void room_free(struct room *room)
{
	g_free(room->far);
	g_free(room->echo);
	g_free(room->near);
}

/* The speaker's frame that plays at the microphone's. */
static double speaker_at(const struct room *room, double microphone)
{
	return microphone * (1 + room->ppm * 1e-6);
}

static double echo_at(const struct room *room, double at)
{
	double sum = 0;
	int64_t whole = (int64_t)floor(at);
	for (int64_t i = whole - 15; i <= whole + 16; i++) {
		double x = (double)i - at;
		if (i >= 0 && fabs(x) < 16)
			sum += room->echo[i] * (fabs(x) < 1e-9 ? 1 : sin(G_PI * x) / (G_PI * x)) *
			       (0.5 + 0.5 * cos(G_PI * x / 16));
	}
	return sum;
}

struct run {
	int16_t *heard, *left;
	struct echo *echo;
	int64_t written; /* by the speaker */
	clock_t cpu;	 /* of cancelling alone */
};

/* A USB card: its pointer moves every millisecond; it is looked at within a millisecond, at a moment known to 20 us. */
static struct sound_state state_of(double moved, double ppm, double us)
{
	double at = us + 500 + 500 * noise(), frames = (at - START_US) * RATE / 1e6 * (1 + ppm * 1e-6);
	return (struct sound_state){ .moved = moved, .clock_frames = floor(frames / 48) * 48,
				     .clock_us = (int64_t)(at + 10 + 10 * noise()) };
}

static void play(struct run *run, const struct room *room, double played, double us)
{
	while ((double)run->written < played + 720) {
		int16_t block[SOUND_BLOCK];
		if (run->written == XRUN_AT)
			run->written += XRUN_FRAMES; /* nothing was written in time: silence */
		for (int i = 0; i < SOUND_BLOCK; i++)
			block[i] = (int16_t)lrint(room->far[run->written + i]);
		run->written += SOUND_BLOCK;
		const struct sound_state state = state_of((double)run->written, room->ppm, us);
		echo_played(run->echo, 1, &state, block);
	}
}

static void run_room(struct run *run, const struct room *room, double hint)
{
	run->heard = g_new(int16_t, FRAMES);
	run->left = g_new(int16_t, FRAMES);
	run->written = 0;
	run->cpu = 0;
	g_assert_cmpint(echo_create(&run->echo), ==, 0);
	echo_hint(run->echo, hint);
	seed = 99;
	for (int64_t at = 0; at < FRAMES; at += SOUND_BLOCK) {
		double end = (double)(at + SOUND_BLOCK), us = START_US + end * 1e6 / RATE;
		play(run, room, speaker_at(room, end), us);
		for (int i = 0; i < SOUND_BLOCK; i++) {
			double sample = echo_at(room, speaker_at(room, (double)(at + i))) + room->near[at + i];
			sample += 6 * noise();
			run->heard[at + i] = (int16_t)CLAMP(lrint(sample), -32768, 32767);
		}
		const struct sound_state state = state_of(end, 0, us);
		memcpy(run->left + at, run->heard + at, SOUND_BLOCK * sizeof(int16_t));
		clock_t before = clock();
		echo_cancel(run->echo, 1, &state, run->left + at);
		run->cpu += clock() - before;
	}
}

static void run_free(struct run *run)
{
	echo_destroy(run->echo);
	g_free(run->heard);
	g_free(run->left);
}

static double energy(const int16_t *samples, size_t count)
{
	double sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += (double)samples[i] * samples[i];
	return sum / (double)count + 1e-9;
}

static double erle(const struct run *run, int from_s, int to_s)
{
	size_t from = (size_t)from_s * RATE, count = (size_t)(to_s - from_s) * RATE;
	return 10 * log10(energy(run->heard + from, count) / energy(run->left + from, count));
}

/* The part of the near end's frames that come out more than 10 dB weaker, while both talk. */
static double cut(const struct run *run, const struct room *room, unsigned int *ret_frames)
{
	unsigned int all = 0, weak = 0;
	for (size_t at = NEAR_FROM; at + SOUND_BLOCK <= NEAR_TO; at += SOUND_BLOCK) {
		double near = 0;
		for (int i = 0; i < SOUND_BLOCK; i++)
			near += (double)room->near[at + (size_t)i] * room->near[at + (size_t)i] / SOUND_BLOCK;
		if (near < 400.0 * 400)
			continue;
		all++;
		weak += energy(run->left + at + SUPPRESSOR_DELAY, SOUND_BLOCK) < near / 10;
	}
	*ret_frames = all;
	return (double)weak / all;
}

static void test_room(const void *data)
{
	double ppm = *(const double *)data;
	struct room room;
	struct run run;
	struct echo_stats stats;
	unsigned int frames;
	room_make(&room, ppm);
	run_room(&run, &room, 0);
	double cpu_ms = (double)run.cpu * 1000 / CLOCKS_PER_SEC / SECONDS;
	echo_stats(run.echo, &stats);
	double part = cut(&run, &room, &frames);
	g_test_message("%+.0f ppm: ERLE %.1f dB in the first 3 s, %.1f dB from 3 to 10 s, %.1f dB from 12 to 20 s, "
		       "%.1f dB after both talked and an xrun; drift measured as %+.2f ppm in %u s; %.2f %% of %u near "
		       "frames cut by 10 dB; %.0f ms CPU a second", ppm, erle(&run, 0, 3),
		       erle(&run, 3, 10), erle(&run, 12, 20), erle(&run, 34, 40), stats.drift_ppm, stats.drift_seconds,
		       100 * part, frames, cpu_ms);
	g_assert_cmpfloat(erle(&run, 0, 3), >=, 12);
	g_assert_cmpfloat(erle(&run, 12, 20), >=, 30);
	g_assert_cmpfloat(erle(&run, 34, 40), >=, 30);
	g_assert_cmpfloat(fabs(stats.drift_ppm - ppm), <, 1);
	g_assert_cmpfloat(part, <=, 0.01);
	g_assert_true(stats.converged);
	run_free(&run);
	room_free(&room);
}

/* A counter that moves in steps and is read late: the rate is found all the same. */
static void test_clock(void)
{
	static const double drifts[] = { 0, 12.5, -250, 900 };
	for (size_t d = 0; d < G_N_ELEMENTS(drifts); d++) {
		struct clock_fit fit;
		double rate = RATE * (1 + drifts[d] * 1e-6), after_10 = 0;
		clock_fit_reset(&fit);
		seed = 3;
		for (int i = 0; i < 3000; i++) {
			double late = noise() > 0.9 ? 20000 * fabs(noise()) : 10 + 10 * noise();
			double at = i * 0.01 + 0.0005 + 0.0005 * noise();
			clock_fit_add(&fit, floor(at * rate / 48) * 48, 5000000 + (int64_t)(at * 1e6 + late));
			if (i == 1100)
				after_10 = (clock_fit_rate(&fit) / RATE - 1) * 1e6;
		}
		double ppm = (clock_fit_rate(&fit) / RATE - 1) * 1e6;
		g_test_message("%.1f ppm: %.2f after 10 s, %.2f after 30 s", drifts[d], after_10, ppm);
		g_assert_cmpfloat(fabs(after_10 - drifts[d]), <, 6);
		g_assert_cmpfloat(fabs(ppm - drifts[d]), <, 1);
		double frames = clock_fit_frames(&fit, 5000000 + 20e6);
		g_assert_cmpfloat(fabs(frames - 20 * rate), <, 60);
		g_assert_cmpfloat(fabs(clock_fit_us(&fit, frames) - 25e6), <, 1);
	}
}

/* A counter that was set: the line is drawn anew, and not through both parts. */
static void test_clock_jump(void)
{
	struct clock_fit fit;
	clock_fit_reset(&fit);
	for (int i = 0; i < 3000; i++) {
		double seconds = i * 0.01, frames = seconds * RATE * 1.0001 + (i > 1500 ? 4800 : 0);
		clock_fit_add(&fit, frames, (int64_t)(seconds * 1e6));
	}
	g_assert_cmpfloat(fabs((clock_fit_rate(&fit) / RATE - 1) * 1e6 - 100), <, 1);
	g_assert_cmpfloat(fabs(clock_fit_frames(&fit, 30e6) - (30 * RATE * 1.0001 + 4800)), <, 5);
}

static double tone_out(struct gain *gain, double level, int blocks, bool frozen, int *ret_peak)
{
	double sum = 0;
	*ret_peak = 0;
	for (int b = 0; b < blocks; b++) {
		int16_t block[SOUND_BLOCK];
		bool quiet = b % 40 >= 30; /* pauses, as a speaker makes them */
		for (int i = 0; i < SOUND_BLOCK; i++)
			block[i] = (int16_t)lrint((quiet ? 8 : level) * sin(2 * G_PI * 500 * i / RATE));
		gain_run(gain, block, frozen);
		for (int i = 0; i < SOUND_BLOCK; i++)
			*ret_peak = MAX(*ret_peak, abs(block[i]));
		if (!quiet)
			sum = energy(block, SOUND_BLOCK);
	}
	return 10 * log10(sum / (32768.0 * 32768.0));
}

static void test_gain(void)
{
	struct gain gain;
	int peak;
	gain_init(&gain);
	double quiet = tone_out(&gain, 1000, 3000, false, &peak); /* -33 dBFS comes in */
	g_assert_cmpfloat(fabs(quiet + 22), <, 1);
	double still = gain.gain_db;
	tone_out(&gain, 100, 1000, true, &peak);
	g_assert_cmpfloat(gain.gain_db, ==, still);
	tone_out(&gain, 32000, 50, false, &peak);
	g_assert_cmpint(peak, <=, 29205);
	double loud = tone_out(&gain, 32000, 3000, false, &peak);
	g_assert_cmpfloat(loud, <, -12);
	g_assert_cmpint(peak, <=, 29205);
}

/* A card that starts says for a second that it is ahead, and then is not: that is no drift. */
static void test_clock_start(void)
{
	struct clock_fit fit;
	clock_fit_reset(&fit);
	for (int i = 0; i < 2000; i++) {
		double frames = i * 480.0 + (i < 90 ? 475 : -457);
		clock_fit_add(&fit, frames, 1000000 + (int64_t)i * 10000);
	}
	g_test_message("%.2f ppm", (clock_fit_rate(&fit) / RATE - 1) * 1e6);
	g_assert_cmpfloat(fabs(clock_fit_rate(&fit) / RATE - 1), <, 1e-6);
}

int main(int argc, char **argv)
{
	static const double drifts[] = { 0, 50, -120 };
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sound/clock", test_clock);
	g_test_add_func("/sound/clock-start", test_clock_start);
	g_test_add_func("/sound/clock-jump", test_clock_jump);
	g_test_add_func("/sound/gain", test_gain);
	for (size_t i = 0; i < G_N_ELEMENTS(drifts); i++) {
		g_autofree char *name = g_strdup_printf("/sound/echo/%+.0f-ppm", drifts[i]);
		g_test_add_data_func(name, &drifts[i], test_room);
	}
	return g_test_run();
}
