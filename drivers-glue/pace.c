#include "drivers-glue/pace.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

int64_t pace_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void pace_sleep_until(int64_t us)
{
	const struct timespec until = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}
