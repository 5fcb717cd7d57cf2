/* schedule: what happens next in a simulated world: events by time, those of one time in the order in which
 * they were put. Owner: struct world; one thread. */
#ifndef CALLBOX_TESTS_SIM_SCHEDULE_H
#define CALLBOX_TESTS_SIM_SCHEDULE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "core/call/call_core.h"

/* A message on its way. */
struct letter {
	char account[12], kind[16], call_id[CALL_ID_CHARS + 1], from_user[12], from_party[24];
	uint64_t seq;
	cJSON *body;
};

enum event_kind {
	EVENT_LETTER, EVENT_TICK, EVENT_USER, EVENT_MEDIA, EVENT_CRASH, EVENT_RESTART, EVENT_STRANGER, EVENT_SCREENED,
};

struct event {
	int64_t at_ms;
	uint64_t order;
	enum event_kind kind;
	int device, boot;
	struct letter *letter;		 /* EVENT_LETTER */
	char call_id[CALL_ID_CHARS + 1]; /* EVENT_MEDIA, EVENT_SCREENED */
};

struct schedule;

struct schedule *schedule_create(void);
/* Frees what still waits. */
void schedule_free(struct schedule *schedule);

/* The event stays the schedule's; the caller may fill in letter or call_id. */
struct event *schedule_put(struct schedule *schedule, enum event_kind kind, int device, int boot, int64_t at_ms);
/* The first one, NULL when nothing waits; caller frees. */
struct event *schedule_take(struct schedule *schedule);
void event_free(struct event *event);

#endif
