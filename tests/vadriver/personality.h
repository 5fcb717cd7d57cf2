/* personality: which driver this one pretends to be, and where it fails. Both are read once, at vaInitialize, from
 * CALLBOX_VA_PERSONALITY and CALLBOX_VA_FAULT; the words stand in README.md. Immutable afterwards. */
#ifndef TESTS_VADRIVER_PERSONALITY_H
#define TESTS_VADRIVER_PERSONALITY_H

#include <stdbool.h>

struct personality {
	unsigned int packed; /* VA_ENC_PACKED_HEADER_... */
	unsigned int import_pitch; /* an imported pitch is a multiple of this many bytes */
	bool cqp_only, lp_only, no_derive, odd_pitch, no_import, no_proc, no_sync_buffer, no_decode;
	bool no_encode, strict_order, segments;
};

enum fault_kind {
	FAULT_ERROR,
	FAULT_SILENT_ERROR,
	FAULT_HANG,
	FAULT_STUCK,
	FAULT_LATENCY,
	FAULT_CORRUPT,
	FAULT_ABORT,
	FAULT_REFUSE,
};

enum context_kind { CONTEXT_DECODE, CONTEXT_ENCODE, CONTEXT_PROC, CONTEXT_KINDS };

struct fault {
	enum fault_kind kind;
	int context_kind; /* -1: every */
	unsigned int frame; /* from 1; 0: every */
	bool onwards; /* this frame and all after it */
	unsigned int context; /* from 1 in the order of creation of its kind; 0: every */
	unsigned int value; /* milliseconds of FAULT_LATENCY */
};

struct faults {
	struct fault list[16];
	unsigned int count;
};

/* 0, or -EINVAL with the wrong word in ret_word (freed by the caller). words may be NULL. */
int personality_load(struct personality *personality, const char *words, char **ret_word);
int faults_load(struct faults *faults, const char *words, char **ret_word);
/* The first fault of this kind that meets the frame (0: the context itself); NULL: none. */
const struct fault *fault_find(const struct faults *faults, enum fault_kind kind,
		enum context_kind context_kind, unsigned int context, unsigned int frame);

#endif
