/* ctl: what the files of callboxctl share. */
#ifndef CALLBOX_CTL_CTL_H
#define CALLBOX_CTL_CTL_H

#include <cjson/cJSON.h>

enum exit_code {
	EXIT_REFUSED = 1, EXIT_NO_BOX = 2, EXIT_REJECTED = 3, EXIT_TIMED_OUT = 4, EXIT_BUSY = 5, EXIT_FAILED = 6,
	EXIT_USAGE = 64,
};

/* Prints one line a finding about camera, sound, GPU, screen, CEC and network; returns the number of things that are
 * wrong, as opposed to merely absent. */
int doctor_machine(void);
/* A line; 1 when the level is WRONG. Levels: ok, none, slow, note, WRONG. */
int doctor_found(const char *level, const char *part, const char *format, ...) __attribute__((format(printf, 3, 4)));
int doctor_cameras(void); /* doctor_camera.c: their part of doctor_machine() */

/* ---- say.c: what a peer could have written never steers the terminal: other characters become '?' ---- */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* On standard error, after the program's name. Returns code. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- records.c ---- */

/* As on the command line; NULL: not given. */
struct records_options {
	const char *peer, *limit, *since, *until, *status;
};
/* The parameters of getCallRecords, or NULL and why not (caller frees). */
cJSON *records_filter(const struct records_options *options, char **ret_why);
void records_print(const cJSON *records);
/* RFC 4180 with a header line; a field that a spreadsheet would take for a formula begins with an apostrophe. */
void records_print_csv(const cJSON *records);

/* "500ms", "90s", "30min", "2h", "7d"; a plain number is seconds. 0, or -EINVAL. */
int duration_parse(const char *text, double *ret_ms);

#endif
