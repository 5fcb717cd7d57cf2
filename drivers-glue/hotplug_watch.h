/* hotplug_watch: notice of cameras that are plugged in, as the kernel tells it (no udevd needed), or of new nodes
 * in /dev where that is refused. Owner: the capture thread. */
#ifndef CALLBOX_GLUE_HOTPLUG_WATCH_H
#define CALLBOX_GLUE_HOTPLUG_WATCH_H

#include <stdbool.h>

/* A descriptor to poll; the caller closes it. -errno. */
int hotplug_open(void);
/* Empties the descriptor; true: a camera was added or changed since the last call. */
bool hotplug_came(int watch);

#endif
