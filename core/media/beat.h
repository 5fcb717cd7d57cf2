/* beat: something that is to happen at least every so often, and costs nobody a wake-up of its own where something else
 * happens anyway: who is awake calls beat_early(). Unlike a timeout that is moved, it never wakes its context itself.
 *
 * Thread: the default main context. */
#ifndef CALLBOX_MEDIA_BEAT_H
#define CALLBOX_MEDIA_BEAT_H

#include <stdint.h>

struct beat;

/* Calls function once most_us are over since it was last called. It must not stop the beat. */
struct beat *beat_start(int64_t most_us, void (*function)(void *data), void *data);
void beat_stop(struct beat *beat); /* NULL is fine */
/* Calls it now, when that is least_us ago. */
void beat_early(struct beat *beat, int64_t least_us);

#endif
