#include "core/video/hardware.h"

#include <errno.h>

void hardware_init(struct hardware *hardware, const struct hardware_rules *rules, int64_t now_us)
{
	*hardware = (struct hardware){
		.retry_us = (rules->retry_ms > 0 ? rules->retry_ms : HARDWARE_RETRY_MS) * INT64_C(1000),
		.not_before_us = now_us + rules->after_ms * INT64_C(1000),
	};
}

bool hardware_may(const struct hardware *hardware, int64_t now_us)
{
	return now_us >= hardware->not_before_us;
}

void hardware_failed(struct hardware *hardware, int error, int64_t now_us)
{
	bool again = hardware->failed_us != 0 && now_us - hardware->failed_us < hardware->retry_us;
	hardware->failures++;
	hardware->failed_us = now_us;
	hardware->not_before_us = again || error == -ETIMEDOUT ? now_us + hardware->retry_us : now_us;
}

void hardware_refused(struct hardware *hardware, int64_t now_us)
{
	hardware->not_before_us = now_us + hardware->retry_us;
}
