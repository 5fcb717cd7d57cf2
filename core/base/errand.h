/* errand: one run of an outside program (a hook, a token service): no shell, a fixed argv, values only in the
 * environment and on stdin, what it prints collected up to a limit, killed with its whole process group when
 * its time is over.
 *
 * Main loop only, in a process that ignores SIGPIPE. on_done is called exactly once, never from within
 * errand_start(), unless errand_cancel() came first; the errand is gone afterwards. */
#ifndef CALLBOX_BASE_ERRAND_H
#define CALLBOX_BASE_ERRAND_H

#include <stdbool.h>

#define ERRAND_OUTPUT_BYTES 16384

struct errand;

/* good: exit code 0 in time. how: words for people, as "exit code 3" or "killed after 500 ms". output: what was
 * printed, NUL-terminated, cut at ERRAND_OUTPUT_BYTES; borrowed. */
typedef void (*errand_done_fn)(bool good, const char *how, const char *output, void *data);

/* argv[0] is an absolute path. environment is the program's whole environment ("NAME=value", NULL-terminated).
 * input may be NULL. 0, or a negative errno: then nothing runs and on_done is not called. */
int errand_start(const char *const *argv, const char *const *environment, const char *input,
		 unsigned int limit_ms, errand_done_fn on_done, void *data, struct errand **ret_errand);
/* Kills it; on_done is not called. NULL is fine. */
void errand_cancel(struct errand *errand);

/* Blank separated words as argv; caller frees with g_strfreev(). NULL when there is none. */
char **errand_argv(const char *command);
/* 0 when the command's program can be run from here, else a negative errno and why (caller frees). */
int errand_check(const char *command, char **ret_why);

/* A copy (g_free) that holds printable UTF-8 only, at most max bytes: everything else has become '?'. */
char *errand_printable(const char *text, unsigned int max);

#endif
