#include "tests/bench/sightings.h"

#include <inttypes.h>

#include "drivers-glue/pattern.h"

void sighting_write(FILE *out, const struct picture *picture, int64_t now_us)
{
	struct pattern_mark mark;
	if (pattern_read(picture, &mark) == 0)
		fprintf(out, "%" PRId64 " %" PRIu32 " %" PRIu32 "\n", now_us, mark.number,
			((uint32_t)(now_us / 1000) - mark.time_ms) & PATTERN_TIME_MASK);
	else
		fprintf(out, "%" PRId64 " 0 -1\n", now_us);
	fflush(out);
}
