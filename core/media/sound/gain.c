#include "core/media/sound/gain.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

#define TARGET_DB (-22.0) /* root mean square of speech */
#define MOST_DB 18.0
#define LEAST_DB (-12.0)
#define UP_DB 0.02   /* a block: 2 dB a second */
#define DOWN_DB 0.06
#define FLOOR_UP_DB 0.02
#define SPEECH_DB 12.0 /* over the noise */
#define QUIET_DB (-55.0) /* nothing below it is speech */
#define PEAK 29204.0   /* -1 dBFS */
#define RELEASE 0.05   /* a block: 200 ms */
#define RAMP 48	       /* samples over which the gain changes */

void gain_init(struct gain *gain)
{
	*gain = (struct gain){ .floor_db = -60, .limit = 1, .applied = 1 };
}

static void follow(struct gain *gain, const int16_t block[SOUND_BLOCK])
{
	double sum = 0;
	for (int i = 0; i < SOUND_BLOCK; i++)
		sum += (double)block[i] * block[i];
	double db = 10 * log10(sum / SOUND_BLOCK / (32768.0 * 32768.0) + 1e-10);
	gain->floor_db = db < gain->floor_db ? db : MIN(gain->floor_db + FLOOR_UP_DB, -40);
	if (db < QUIET_DB || db < gain->floor_db + SPEECH_DB)
		return;
	double wished = CLAMP(TARGET_DB - db, LEAST_DB, MOST_DB);
	gain->gain_db = CLAMP(wished, gain->gain_db - DOWN_DB, gain->gain_db + UP_DB);
}

void gain_run(struct gain *gain, int16_t block[SOUND_BLOCK], bool frozen)
{
	int peak = 1;
	if (!frozen)
		follow(gain, block);
	for (int i = 0; i < SOUND_BLOCK; i++)
		peak = MAX(peak, abs(block[i]));
	double wished = pow(10, gain->gain_db / 20);
	double limit = MIN(1, PEAK / (peak * wished));
	gain->limit = limit < gain->limit ? limit : gain->limit + RELEASE * (limit - gain->limit);
	double now = wished * gain->limit, step = (now - gain->applied) / RAMP;
	for (int i = 0; i < SOUND_BLOCK; i++) {
		double g = i < RAMP ? gain->applied + step * (i + 1) : now;
		block[i] = (int16_t)CLAMP(block[i] * g, -PEAK, PEAK);
	}
	gain->applied = now;
}
