/* relay: the baseline of hub_bench: passes the same messages on and does nothing else. */
#ifndef CALLBOX_TESTS_BENCH_RELAY_H
#define CALLBOX_TESTS_BENCH_RELAY_H

#include <sys/types.h>

/* A process of its own on a free loopback port; the caller ends and reaps it. */
pid_t relay_start(int *ret_port);

#endif
