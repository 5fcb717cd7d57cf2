/* echo: takes what the speaker plays out of what the microphone hears.
 *
 *   played ─► ring, by the speaker's frame counter ─► at the microphone's time and rate ─┬─► linear filter, 400 ms
 *   heard ───────────────────────────────────────────────────────────────────────────────┴─► │ ─► suppressor ─► left
 *
 * Two cards have two clocks: 10 millionths between them cost 18 dB. Each is fitted against the system's (clock_fit),
 * and the reference is read from the ring at the microphone's pace. Frames that an xrun cost are counted in both
 * positions, so that it moves nothing.
 *
 * echo_played: the speaker's thread; echo_cancel: the microphone's; the rest: any. */
#ifndef CALLBOX_MEDIA_SOUND_ECHO_H
#define CALLBOX_MEDIA_SOUND_ECHO_H

#include "core/devices/sound_device.h"

struct echo;

struct echo_stats {
	double erle_db;	  /* how much weaker the echo became, over the last second of it; linear stage and all */
	double linear_db; /* of that, by the linear stage */
	double drift_ppm; /* the speaker's clock against the microphone's */
	unsigned int drift_seconds; /* measured over so long; 0: not measured */
	bool converged;
};

int echo_create(struct echo **ret_echo);
void echo_destroy(struct echo *echo);

/* The block that was given to the speaker: state.moved is where it ends. serial: changes with the device. */
void echo_played(struct echo *echo, unsigned int serial, const struct sound_state *state,
		 const int16_t block[SOUND_BLOCK]);
/* The block that was heard; what is left of it comes back in place. True: the far end is heard in the room now. */
bool echo_cancel(struct echo *echo, unsigned int serial, const struct sound_state *state, int16_t block[SOUND_BLOCK]);

/* What was measured for these two devices an earlier time: until there is a better number. */
void echo_hint(struct echo *echo, double drift_ppm);
void echo_stats(struct echo *echo, struct echo_stats *ret_stats);

#endif
