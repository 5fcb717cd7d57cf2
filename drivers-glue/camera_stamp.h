/* camera_stamp: what of a camera's times and numbers is believed. Drivers stamp the future, repeat themselves,
 * wrap and start again; what leaves here is CLOCK_MONOTONIC, never in the future and always later than the one
 * before. No system calls: now is given. Owner: the capture thread. */
#ifndef CALLBOX_GLUE_CAMERA_STAMP_H
#define CALLBOX_GLUE_CAMERA_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/devices/camera.h"

struct camera_stamp {
	bool ignore_time, ignore_sequence; /* of the quirk */
	bool any;			   /* a picture came before */
	uint32_t sequence;
	int64_t last_us;
};

/* A new stream numbers from anywhere; times go on. */
void camera_stamp_restart(struct camera_stamp *stamp);
/* Of each buffer, in order: counts what is missing before it. */
void camera_stamp_sequence(struct camera_stamp *stamp, uint32_t sequence, struct camera_counts *counts);
/* The capture time of a picture that goes out. us: the driver's; monotonic: it says it is of that clock. */
int64_t camera_stamp_time(struct camera_stamp *stamp, int64_t us, bool monotonic, int64_t now_us,
			  struct camera_counts *counts);

#endif
