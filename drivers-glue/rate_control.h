/* rate_control: which quantiser each picture gets, for hardware that takes nothing but a constant one: a leaky
 * bucket that never holds more than about one picture's share (no picture blocks the sender), a model of what a
 * picture costs, steps of the quantiser; a picture that comes out far too large is coded again, one is skipped when
 * the bucket is over. Pure. */
#ifndef CALLBOX_DRIVERS_GLUE_RATE_CONTROL_H
#define CALLBOX_DRIVERS_GLUE_RATE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#define RATE_QP_MIN 14
#define RATE_QP_MAX 51

struct rate_control {
	double bits_a_picture;	/* its share of the rate */
	double bucket;		/* bits that are ahead of the rate */
	double cost[2];		/* bits × 2^(qp/6) of [0] a predicted picture, [1] an IDR; smoothed */
	int qp;			/* of the last predicted picture */
	bool has_cost[2];
	int pixels;
};

void rate_control_init(struct rate_control *control, int width, int height, int bitrate_bps, int fps);
void rate_control_set(struct rate_control *control, int bitrate_bps, int fps);
/* Once a picture. False: skip it (never an IDR). */
bool rate_control_next(struct rate_control *control, bool idr, int *ret_qp);
/* After each picture that was coded at *qp. True: send it; false: it came out so large that the pictures after it
 * would have to wait: code it again, in its own place, at the new *qp. */
bool rate_control_accept(struct rate_control *control, bool idr, int *qp, size_t bytes);

#endif
