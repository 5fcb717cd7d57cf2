/* guard: a thread for calls that may never return: a GPU driver's. Whoever asks waits for a limited time only;
 * a call that overstays it costs this thread and what was given to it, nothing else.
 *
 * Limits are counted in the waiter's own ticks: a machine that stands still as a whole (a guest, a laptop's lid, too
 * much to do) is not taken for a driver that hangs.
 *
 * Counted: the thread ends after the last release, when what was posted has run. Any thread may call. */
#ifndef CALLBOX_DRIVERS_GLUE_GUARD_H
#define CALLBOX_DRIVERS_GLUE_GUARD_H

#include <stdbool.h>

/* How long a device may take. */
#define GUARD_TICK_MS 20
#define GUARD_OPEN_MS 2000
#define GUARD_FIRST_MS 500 /* the first picture: much is set up then */
#define GUARD_WORK_MS 200  /* every other */
#define GUARD_CLOSE_MS 100

struct guard;

struct guard *guard_new(const char *name); /* NULL: no thread */
struct guard *guard_hold(struct guard *guard);
void guard_release(struct guard *guard);

/* Runs run(data) on the thread; returns what it returned, or -ETIMEDOUT after limit_ms: then the guard is
 * lost, further calls fail so at once until that one has come back, and data must stay: it is still used. */
int guard_call(struct guard *guard, int (*run)(void *data), void *data, int limit_ms);
/* The same without waiting: run when the thread comes to it, never if it stays stuck. 0 or -ENOMEM. */
int guard_post(struct guard *guard, int (*run)(void *data), void *data);

/* The last job, which frees data, and a release: waits for a short while only. */
void guard_finish(struct guard *guard, int (*run)(void *data), void *data);

/* For machines much slower than any box: every limit of this process is so many times as long. At first it is what
 * CALLBOX_PATIENCE says, or 1. */
void guard_set_patience(int factor);
int guard_patience(void);

/* Guards of this process whose thread sits in a call that overstayed its limit. */
int guard_stuck(void);

#endif
