#include "drivers-glue/camera_stamp.h"

#define PAST_US 1000000 /* a picture is not older than that when it comes */
#define GAP_MAX 1000	/* more missing pictures are a new count, not a gap */

void camera_stamp_restart(struct camera_stamp *stamp)
{
	stamp->any = false;
}

void camera_stamp_sequence(struct camera_stamp *stamp, uint32_t sequence, struct camera_counts *counts)
{
	uint32_t gap = sequence - stamp->sequence - 1; /* wraps as the numbers do; a repeat is 2^32 - 1 */
	if (stamp->any && !stamp->ignore_sequence && gap <= GAP_MAX)
		counts->missing += gap;
	stamp->any = true;
	stamp->sequence = sequence;
}

int64_t camera_stamp_time(struct camera_stamp *stamp, int64_t us, bool monotonic, int64_t now_us,
			  struct camera_counts *counts)
{
	bool right = us <= now_us && us > now_us - PAST_US && us > stamp->last_us;
	if (stamp->ignore_time || !monotonic)
		us = now_us;
	else if (!right) {
		counts->wrong_time++;
		us = now_us;
	}
	if (us <= stamp->last_us) /* two within one tick of the clock */
		us = stamp->last_us + 1;
	stamp->last_us = us;
	return us;
}
