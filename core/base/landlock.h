/* landlock: from now on this process reaches of the file system only what it names here, binds and connects no TCP socket
 * any more, and signals nobody outside: Linux' Landlock, as far as the kernel has it. What is open stays open; sockets of
 * AF_UNIX with a path are not files to it and can be connected to. Irreversible; called once, by main(), with one thread.
 * CALLBOX_SANDBOX=off leaves it out (debuggers, sanitizers). */
#ifndef CALLBOX_BASE_LANDLOCK_H
#define CALLBOX_BASE_LANDLOCK_H

#include <stdbool.h>

struct landlock_place {
	const char *path; /* file or folder with all below it; NULL ends the list */
	bool write;	  /* also written, made and removed there; else only read */
};

/* 0 or -errno; -EOPNOTSUPP: the kernel has no Landlock. A place that is not there is left out. */
int landlock_enter(const struct landlock_place *places);

#endif
