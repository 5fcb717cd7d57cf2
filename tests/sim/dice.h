/* dice: the simulator's random numbers: splitmix64, which a flow seeds for nothing. Not for secrets. */
#ifndef CALLBOX_TESTS_SIM_DICE_H
#define CALLBOX_TESTS_SIM_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state; /* the seed at first */
};

static inline uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* from..below - 1 */
static inline int dice_range(struct dice *dice, int from, int below)
{
	return from + (int)(((dice_next(dice) >> 32) * (uint64_t)(below - from)) >> 32);
}

#endif
