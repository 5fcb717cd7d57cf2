/* dice: the simulator's random numbers: splitmix64, which a flow seeds for nothing. Not for secrets. */
#ifndef CALLBOX_TESTS_SIM_DICE_H
#define CALLBOX_TESTS_SIM_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state; /* the seed at first */
};

uint64_t dice_next(struct dice *dice);
int dice_range(struct dice *dice, int from, int below); /* from..below - 1 */

#endif
