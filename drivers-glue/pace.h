/* pace: CLOCK_MONOTONIC in microseconds, and waiting for it, for devices that make their own time. Any thread. */
#ifndef CALLBOX_DRIVERS_GLUE_PACE_H
#define CALLBOX_DRIVERS_GLUE_PACE_H

#include <stdint.h>

int64_t pace_now_us(void);
void pace_sleep_until(int64_t us); /* at once when that is over */

#endif
