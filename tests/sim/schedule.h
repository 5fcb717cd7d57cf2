/* schedule: what happens next in a simulated world: events by time, those of one time in the order in which
 * they were put. Owner: struct world; one thread. */
#ifndef CALLBOX_TESTS_SIM_SCHEDULE_H
#define CALLBOX_TESTS_SIM_SCHEDULE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* A message on its way, perhaps to many. */
struct letter {
	char kind[16];
	cJSON *body;
	const char *from_user; /* of a device, which lives as long as the world */
	char from_party[8];
	uint64_t seq;
	int call;
	int holders;
};

struct letter *letter_hold(struct letter *letter);
/* The last one frees it. NULL: nothing. */
void letter_drop(struct letter *letter);

enum event_kind {
	EVENT_LETTER, EVENT_TICK, EVENT_USER, EVENT_MEDIA, EVENT_CRASH, EVENT_RESTART, EVENT_STRANGER, EVENT_SCREENED,
};

struct event {
	int64_t at_ms;
	uint32_t order; /* the schedule's own */
	enum event_kind kind;
	unsigned char device, boot;
	signed char call;      /* EVENT_MEDIA, EVENT_SCREENED */
	struct letter *letter; /* EVENT_LETTER: held */
};

/* All 0: empty. */
struct schedule {
	struct event *heap;
	unsigned int count, room;
	uint32_t order;
};

void schedule_put(struct schedule *schedule, struct event event);
/* The first one; its letter is the caller's. False when nothing waits. */
bool schedule_take(struct schedule *schedule, struct event *ret_event);
void schedule_free(struct schedule *schedule);

#endif
