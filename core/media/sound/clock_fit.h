/* clock_fit: how fast a sound card's clock really runs: its frame counter against CLOCK_MONOTONIC.
 *
 * A counter is read late, never early: of each second the point that is furthest ahead is nearest the truth, and a
 * line through those of the last minute is good to a millionth after half a minute. A counter that jumps is measured
 * anew. Pure; one thread at a time. */
#ifndef CALLBOX_MEDIA_SOUND_CLOCK_FIT_H
#define CALLBOX_MEDIA_SOUND_CLOCK_FIT_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_FIT_SECONDS 60

struct clock_fit {
	bool started;
	int64_t first_us;
	double first_frames; /* everything below is relative to these */
	struct clock_point { double seconds, frames; } points[CLOCK_FIT_SECONDS], best;
	unsigned int count; /* of all finished seconds */
	int64_t second;	    /* which one best is of */
	double rate, offset; /* frames = offset + rate * seconds */
};

void clock_fit_reset(struct clock_fit *fit);
/* frames: 48 kHz, growing; us: when the counter stood there. */
void clock_fit_add(struct clock_fit *fit, double frames, int64_t us);
/* Finished seconds that the line stands on; below four the nominal rate is taken. */
unsigned int clock_fit_seconds(const struct clock_fit *fit);
double clock_fit_rate(const struct clock_fit *fit); /* frames a second */
double clock_fit_frames(const struct clock_fit *fit, double us);
double clock_fit_us(const struct clock_fit *fit, double frames);

#endif
