#include "tests/sim/dice.h"

uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

int dice_range(struct dice *dice, int from, int below)
{
	return from + (int)(((dice_next(dice) >> 32) * (uint64_t)(below - from)) >> 32);
}
