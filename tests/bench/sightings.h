/* sighting: one line of text for each test picture that somebody shows, as sightings.mjs reads it:
 *
 *   MICROSECONDS NUMBER AGE      CLOCK_MONOTONIC; 0 and -1 where the picture bears no intact mark; age in milliseconds */
#ifndef CALLBOX_TESTS_BENCH_SIGHTINGS_H
#define CALLBOX_TESTS_BENCH_SIGHTINGS_H

#include <stdint.h>
#include <stdio.h>

#include "core/devices/picture.h"

/* Only the luma is looked at. */
void sighting_write(FILE *out, const struct picture *picture, int64_t now_us);

#endif
