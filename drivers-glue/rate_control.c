#include "drivers-glue/rate_control.h"

#include <math.h>
#include <string.h>

#define IDR_SHARES 3.0	/* pictures' worth of bits that an IDR may take */
#define BUCKET_SHARES 1.0
#define AGAIN_SHARES 2.0	/* as many above what was meant: code it again */
#define UP_STEP 10	/* most change of the quantiser from picture to picture */
#define DOWN_STEP 2

/* First guess at bits × 2^(qp/6) a pixel, of a camera's picture. */
static const double cost_a_pixel[2] = { 2.0, 9.0 };

static double factor(int qp)
{
	return exp2(qp / 6.0);
}

static int clamp_qp(int qp)
{
	return qp < RATE_QP_MIN ? RATE_QP_MIN : qp > RATE_QP_MAX ? RATE_QP_MAX : qp;
}

/* The quantiser at which a picture should take that many bits. */
static int qp_for(const struct rate_control *control, bool idr, double bits)
{
	return clamp_qp((int)ceil(6 * log2(control->cost[idr] / bits)));
}

void rate_control_set(struct rate_control *control, int bitrate_bps, int fps)
{
	control->bits_a_picture = (double)bitrate_bps / (fps > 0 ? fps : 1);
}

void rate_control_init(struct rate_control *control, int width, int height, int bitrate_bps, int fps)
{
	memset(control, 0, sizeof(*control));
	control->pixels = width * height;
	for (int i = 0; i < 2; i++)
		control->cost[i] = cost_a_pixel[i] * control->pixels;
	rate_control_set(control, bitrate_bps, fps);
	control->qp = qp_for(control, false, control->bits_a_picture);
}

bool rate_control_next(struct rate_control *control, bool idr, int *ret_qp)
{
	double share = control->bits_a_picture;
	control->bucket = fmax(0, control->bucket - share);
	if (idr) {
		*ret_qp = qp_for(control, true, share * IDR_SHARES);
		return true;
	}
	if (control->bucket > share * BUCKET_SHARES)
		return false;
	int qp = qp_for(control, false, share * (1 - control->bucket / share / 2));
	if (control->has_cost[0]) {
		qp = qp > control->qp + UP_STEP ? control->qp + UP_STEP : qp;
		qp = qp < control->qp - DOWN_STEP ? control->qp - DOWN_STEP : qp;
	}
	*ret_qp = control->qp = clamp_qp(qp);
	return true;
}

/* Dearer is believed at once, cheaper slowly: too much hurts, too little only looks worse. */
static void cost_learn(struct rate_control *control, bool idr, double cost)
{
	double *mean = &control->cost[idr];
	double weight = !control->has_cost[idr] ? 1 : cost > *mean ? 0.7 : 0.25;
	*mean = fmax(*mean + (cost - *mean) * weight, control->pixels * 0.002);
	control->has_cost[idr] = true;
}

bool rate_control_accept(struct rate_control *control, bool idr, int *qp, size_t bytes)
{
	double bits = (double)bytes * 8, share = control->bits_a_picture;
	double target = share * (idr ? IDR_SHARES : 1);
	if (bits > target + share * AGAIN_SHARES && *qp < RATE_QP_MAX) {
		control->cost[idr] = bits * factor(*qp);
		*qp = qp_for(control, idr, target);
		if (!idr)
			control->qp = *qp;
		return false;
	}
	cost_learn(control, idr, bits * factor(*qp));
	control->bucket += bits;
	return true;
}
