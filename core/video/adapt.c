#include "core/video/adapt.h"

#include <stddef.h>
#include <string.h>

#include "core/devices/h264_level.h"

/* Bits for each pixel of each picture: below LOW it is blocks, HIGH shows the next step well. The larger the
 * picture the fewer it needs; these are for 640x360. */
#define BITS_LOW 0.035
#define BITS_HIGH 0.055
#define WANT_US 1000000
#define PLENTY_US 4000000
#define BUDGET 0.7	 /* of a picture's time, for encoding it */
#define BUDGET_UP 0.5	 /* what the next step up may be expected to need */
#define SLOW_US 20000000 /* first; doubled up to SLOW_MAX_US */
#define SLOW_MAX_US 320000000

static void add(struct adapt *adapt, int width, int height, int fps)
{
	const struct adapt_step *last = adapt->count ? &adapt->steps[adapt->count - 1] : NULL;
	bool cheaper = !last || (double)width * height * fps < (double)last->width * last->height * last->fps;
	if (adapt->count < ADAPT_STEPS_MAX && cheaper && width >= 16 && height >= 16)
		adapt->steps[adapt->count++] = (struct adapt_step){ width, height, fps };
}

/* Faces stay smooth as long as possible: size goes first down to 360 lines, then the rate, then size again. */
static void steps_fill(struct adapt *adapt, int width, int height, int fps)
{
	static const struct {
		int lines, fps;
	} rungs[] = { { 1080, 60 }, { 1080, 30 }, { 720, 30 }, { 540, 30 }, { 360, 30 },
		      { 360, 15 },  { 270, 15 },  { 180, 15 }, { 180, 7 } };
	adapt->count = 0;
	add(adapt, width, height, fps);
	for (size_t i = 0; i < sizeof(rungs) / sizeof(rungs[0]); i++) {
		int lines = rungs[i].lines < height ? rungs[i].lines : height;
		int rate = rungs[i].fps < fps ? rungs[i].fps : fps;
		add(adapt, (int)((long long)width * lines / height) & ~1, lines & ~1, rate);
	}
}

static bool level_allows(const struct adapt *adapt, const struct adapt_step *step)
{
	int blocks = ((step->width + 15) / 16) * ((step->height + 15) / 16);
	if (adapt->level == 0)
		return true;
	const struct h264_level *level = h264_level_find(adapt->level);
	return blocks <= level->picture && blocks * step->fps <= level->second;
}

/* Bits for each pixel at a rate, as if the picture had 640x360: need falls with the fourth root of the area. */
static double bits_of(const struct adapt_step *step, int bitrate_bps)
{
	double area = (double)step->width * step->height, ratio = area / (640.0 * 360.0), root = 1;
	for (int i = 0; i < 20; i++) /* Newton: root^4 = ratio */
		root -= (root * root * root * root - ratio) / (4 * root * root * root);
	return bitrate_bps / (area * step->fps) * root;
}

void adapt_init(struct adapt *adapt, int width, int height, int fps, int bitrate_bps)
{
	int level = adapt->level;
	memset(adapt, 0, sizeof(*adapt));
	adapt->level = level;
	adapt->slow_wait_us = SLOW_US;
	steps_fill(adapt, width, height, fps > 0 ? fps : 1);
	while (adapt->now + 1 < adapt->count && (bits_of(adapt_now(adapt), bitrate_bps) < BITS_LOW ||
						 !level_allows(adapt, adapt_now(adapt))))
		adapt->now++;
}

void adapt_set_level(struct adapt *adapt, int level)
{
	adapt->level = level;
}

const struct adapt_step *adapt_now(const struct adapt *adapt)
{
	return &adapt->steps[adapt->now];
}

bool adapt_takes(struct adapt *adapt, int64_t capture_us)
{
	int64_t period = 1000000 / adapt_now(adapt)->fps;
	if (capture_us + period / 4 < adapt->due_us && adapt->due_us - capture_us < 2 * period)
		return false;
	/* A picture that comes early begins a new count, so that a camera a little faster than told loses none. */
	bool keeps = capture_us >= adapt->due_us && capture_us - adapt->due_us < period;
	adapt->due_us = (keeps ? adapt->due_us : capture_us) + period;
	return true;
}

void adapt_spent(struct adapt *adapt, int64_t us)
{
	adapt->cost_us += ((double)us - adapt->cost_us) / (adapt->cost_us > 0 ? 15 : 1);
}

static void go(struct adapt *adapt, int step)
{
	const struct adapt_step *from = adapt_now(adapt), *to = &adapt->steps[step];
	adapt->cost_us *= (double)to->width * to->height / ((double)from->width * from->height);
	adapt->now = step;
	adapt->want_us = adapt->plenty_us = 0;
}

static bool lasts(int64_t *since_us, bool so, int64_t now_us, int64_t long_us)
{
	if (!so)
		*since_us = 0;
	else if (*since_us == 0)
		*since_us = now_us;
	return so && now_us - *since_us >= long_us;
}

/* Whether the next step up would be carried by bits, time and level. */
static bool carries_more(const struct adapt *adapt, int64_t now_us, int bitrate_bps)
{
	const struct adapt_step *now = adapt_now(adapt), *up = now - 1;
	if (adapt->now == 0 || now_us < adapt->slow_until_us || !level_allows(adapt, up))
		return false;
	double grows = (double)up->width * up->height / ((double)now->width * now->height);
	return bits_of(up, bitrate_bps) >= BITS_HIGH &&
	       adapt->cost_us * grows < BUDGET_UP * 1000000 / up->fps;
}

bool adapt_look(struct adapt *adapt, int64_t now_us, int bitrate_bps)
{
	const struct adapt_step *now = adapt_now(adapt);
	bool last = adapt->now + 1 >= adapt->count;
	bool slow = adapt->cost_us > BUDGET * 1000000 / now->fps;
	bool poor = bits_of(now, bitrate_bps) < BITS_LOW;
	if (!last && !level_allows(adapt, now)) {
		go(adapt, adapt->now + 1);
		return true;
	}
	if (!last && lasts(&adapt->want_us, slow || poor, now_us, WANT_US)) {
		if (slow) {
			adapt->slow_until_us = now_us + adapt->slow_wait_us;
			adapt->slow_wait_us = adapt->slow_wait_us * 2 < SLOW_MAX_US ? adapt->slow_wait_us * 2
										    : SLOW_MAX_US;
		}
		go(adapt, adapt->now + 1);
		return true;
	}
	if (lasts(&adapt->plenty_us, carries_more(adapt, now_us, bitrate_bps), now_us, PLENTY_US)) {
		go(adapt, adapt->now - 1);
		return true;
	}
	return false;
}
