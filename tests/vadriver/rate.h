/* rate: the encoder's own rate control for CBR and VBR: one QP a picture, from how many bits the last ones took at
 * theirs. A picture that misses by far is encoded again. Lives in one context, on its worker. */
#ifndef TESTS_VADRIVER_RATE_H
#define TESTS_VADRIVER_RATE_H

#include <stdbool.h>
#include <stddef.h>

struct rate_wish {
	double bits_per_second, frames_per_second;
	int initial_qp, min_qp, max_qp; /* 0: no wish */
	size_t max_frame_bits; /* 0: no wish */
};

struct rate {
	double complexity[2]; /* bits times quantizer step of the last P and I; 0: none yet */
	double debt; /* bits spent beyond the rate; may be negative */
	int last_qp;
};

int rate_qp(const struct rate *rate, const struct rate_wish *wish, bool intra);
/* The QP for another try, or qp itself when these bits will do. */
int rate_again(const struct rate *rate, const struct rate_wish *wish, bool intra, int qp, size_t bits);
void rate_spend(struct rate *rate, const struct rate_wish *wish, bool intra, int qp, size_t bits);

#endif
