/* library: a shared library that is loaded when it is first needed. For those that pull in a hundred others: a process
 * that rings and is refused never pays for them, and one that talks does so beside the way to its peer.
 *
 * Symbols are declared by the library's own headers; a table of pointers of the same types stands in for linking:
 *
 *   static struct { LIBRARY_FUNCTION(av_frame_alloc); } av;
 *   static const struct library_symbol symbols[] = { LIBRARY_SYMBOL(av, av_frame_alloc), { NULL, NULL } };
 *   static struct library library = LIBRARY("libavutil.so.57", symbols);
 *
 * Any thread, more than one at once. Never unloaded. */
#ifndef CALLBOX_DRIVERS_GLUE_LIBRARY_H
#define CALLBOX_DRIVERS_GLUE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct library_symbol {
	const char *name;
	void **at;
};

struct library {
	const char *file; /* its soname: the version whose headers we were built with */
	const struct library_symbol *symbols; /* those of what it is linked with count too; NULL name ends */
	pthread_mutex_t lock; /* protects loaded */
	bool loaded;
};

#define LIBRARY(file, symbols) { file, symbols, PTHREAD_MUTEX_INITIALIZER, false }
#define LIBRARY_FUNCTION(name) __typeof__(name) *name
#define LIBRARY_SYMBOL(table, name) { #name, (void **)&(table).name }

/* 0, or -ENOENT with words for people in why; the next call tries again. */
int library_load(struct library *library, char *why, size_t why_bytes);

#endif
