/* driver: what stands behind one display from vaInitialize to vaTerminate. Every entry of the table takes the lock;
 * workers take it between jobs. changed is signalled whenever a job begins or ends. */
#ifndef TESTS_VADRIVER_DRIVER_H
#define TESTS_VADRIVER_DRIVER_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include <va/va.h>
#include <va/va_backend.h>

#include "tests/vadriver/object.h"
#include "tests/vadriver/personality.h"
#include "tests/vadriver/report.h"

struct driver {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* waits on CLOCK_MONOTONIC */
	struct object_table objects;
	struct personality personality;
	struct faults faults;
	struct report report;
	char *dump; /* file for reconstructions; NULL: none */
	unsigned int contexts_made[CONTEXT_KINDS];
	struct driver *next; /* of the drivers of this process */
};

struct driver *driver_of(VADriverContextP va);

/* An end of waiting on the monotonic clock. */
struct deadline {
	bool never;
	struct timespec at;
};
struct deadline deadline_in(uint64_t timeout_ns); /* VA_TIMEOUT_INFINITE: never */
/* Waits for changed with the lock held; false once the deadline is over. */
bool driver_wait(struct driver *driver, const struct deadline *deadline);

#endif
