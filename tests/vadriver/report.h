/* report: what a program did wrong with the driver, and what it left behind. Lines go to the file of
 * CALLBOX_VA_REPORT the moment they are known, so that a crash loses none; without the file they are only counted.
 * The caller holds the driver's lock, or is the only one left. */
#ifndef TESTS_VADRIVER_REPORT_H
#define TESTS_VADRIVER_REPORT_H

enum { NOTES_MAX = 32 };

struct report {
	char *path; /* NULL: count only */
	char *noted[NOTES_MAX]; /* notes written so far */
	unsigned int noted_count;
	unsigned int violations, notes;
	unsigned int encoded, decoded, processed, failed, imports, exports;
};

/* What is still there at the end. */
struct report_left {
	unsigned int configs, contexts, surfaces, buffers, images;
};

void report_init(struct report *report);
/* Line "violation: ...": what no driver must be asked. The first hundred are written. */
void report_violation(struct report *report, const char *format, ...)
		__attribute__((format(printf, 2, 3)));
/* Line "note: ...": legal, but wise programs do otherwise. The same words are written once. */
void report_note(struct report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Line "summary: name=count ...". */
void report_finish(struct report *report, const struct report_left *left);

#endif
