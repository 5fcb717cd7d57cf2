/* scout: a thread that goes ahead to do one slow thing (open hardware) while its owner works on. Owner: who sent
 * it, on one thread. */
#ifndef CALLBOX_VIDEO_SCOUT_H
#define CALLBOX_VIDEO_SCOUT_H

#include <stdbool.h>

struct scout;

struct scout *scout_send(int (*go)(void *data), void *data);
/* Whether it is back, after limit_ms at most. */
bool scout_wait(struct scout *scout, int limit_ms);
/* Waits to the end, frees; what go returned. */
int scout_end(struct scout *scout);

#endif
