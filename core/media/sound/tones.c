#include "core/media/sound/tones.h"

#include <errno.h>
#include <glib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/devices/wav.h"

#define LEVEL 10000.0
#define EDGE (SOUND_RATE / 100) /* samples of swelling and fading: no clicks */

/* On for on_ms, off for off_ms, again and again. Two pitches alternate every turn_ms. */
static const struct cadence {
	const char *name;
	double hz[2];
	unsigned int turn_ms, on_ms, off_ms;
	unsigned int times; /* 0: without end */
} cadences[] = {
	{ "ring", { 784, 988 }, 50, 1000, 2000, 0 },
	{ "ringback", { 425, 425 }, 1000, 1000, 4000, 0 },
	{ "busy", { 425, 425 }, 1000, 500, 500, 5 },
	{ "beep", { 880, 880 }, 250, 250, 0, 1 },
};

struct tone {
	const struct cadence *cadence; /* NULL: samples */
	double gain, phase;
	int16_t *samples;
	size_t count, at;
};

static double edge(size_t at, size_t length)
{
	size_t near = MIN(at, length - at);
	return near >= EDGE ? 1 : (double)near / EDGE;
}

static double cadence_next(struct tone *tone)
{
	const struct cadence *c = tone->cadence;
	size_t on = (size_t)c->on_ms * SOUND_RATE / 1000, all = on + (size_t)c->off_ms * SOUND_RATE / 1000;
	size_t at = tone->at++ % all;
	if (at >= on)
		return 0;
	tone->phase += 2 * G_PI * c->hz[at / (c->turn_ms * SOUND_RATE / 1000) % 2] / SOUND_RATE;
	return LEVEL * edge(at, on) * sin(tone->phase);
}

static bool is_over(const struct tone *tone)
{
	const struct cadence *c = tone->cadence;
	return c && c->times > 0 && tone->at >= (size_t)(c->on_ms + c->off_ms) * c->times * SOUND_RATE / 1000;
}

bool tone_mix(struct tone *tone, int16_t block[SOUND_BLOCK])
{
	for (int i = 0; i < SOUND_BLOCK && !is_over(tone); i++) {
		double sample = tone->cadence ? cadence_next(tone) : tone->samples[tone->at++ % tone->count];
		block[i] = (int16_t)CLAMP(block[i] + tone->gain * sample, -32768, 32767);
	}
	return !is_over(tone);
}

int tone_create(const char *what, int volume, struct tone **ret_tone, char *why, size_t why_bytes)
{
	struct tone *tone = g_new0(struct tone, 1);
	tone->gain = volume <= 0 ? 0 : pow(10, (MIN(volume, 100) - 100) * 0.6 / 20);
	for (size_t i = 0; i < G_N_ELEMENTS(cadences); i++)
		if (strcmp(what, cadences[i].name) == 0)
			tone->cadence = &cadences[i];
	int r = tone->cadence ? 0 : wav_load(what, &tone->samples, &tone->count, why, why_bytes);
	if (r < 0) {
		g_free(tone);
		return r;
	}
	*ret_tone = tone;
	return 0;
}

void tone_destroy(struct tone *tone)
{
	if (!tone)
		return;
	free(tone->samples);
	g_free(tone);
}
