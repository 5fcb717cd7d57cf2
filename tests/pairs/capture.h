/* capture: every datagram of this network namespace, read from the kernel (packet(7)) while it runs and told apart by its
 * first byte as RFC 7983 does; and the order of what came: media after the verdict, or before. IPv4. A thread of its
 * own; the numbers may be read at any time. */
#ifndef CALLBOX_TESTS_PAIRS_CAPTURE_H
#define CALLBOX_TESTS_PAIRS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

struct capture_counts {
	unsigned int packets, stun, dtls, srtp, other_udp;
	/* Of all packets, which one was the first of its kind; 0: none yet. */
	unsigned int first_invite, first_accept, first_verdict, first_dtls, first_srtp;
};

struct capture;

/* NULL with why: not permitted. */
struct capture *capture_start(char *why, size_t why_bytes);
void capture_stop(struct capture *capture);
/* From zero again. */
void capture_forget(struct capture *capture);
struct capture_counts capture_counts(struct capture *capture);

#endif
