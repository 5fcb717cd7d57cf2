/* world: a small world of boxes as the model check sees it: what each device thinks of each call, and every message
 * that was ever sent. A step makes one thing happen. The rows are those of call.fsm; what their words mean here, and
 * the rules of admission, stand in world.c, and are those of core/call.
 *
 * The network is the set of messages sent: each may arrive at any later time, again and again, or never. That is
 * loss, delay, reordering and duplication without any bound. Timers end at any time. A crash forgets everything but the
 * journal and comes back as another party. */
#ifndef CALLBOX_TESTS_MODEL_WORLD_H
#define CALLBOX_TESTS_MODEL_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call/call_core.h"

#define DEVICES_MAX 4
#define CALLS_MAX 3
#define PARTIES_MAX (2 * DEVICES_MAX) /* device * 2 + boot */
#define MESSAGES_MAX 256
#define NOBODY 0		      /* parties are kept plus one */

/* One device's view of one call. */
struct cell {
	uint8_t state, outcome, winner, peer, flags, last, refusal, timers;
};

enum cell_flag {
	CELL_MET = 1,	   /* its invite came here, or it was made here */
	CELL_CONSENT = 2,  /* a person here wanted it: dialled, accepted, or called the same account (glare) */
	CELL_MEDIA = 4,	   /* media was started */
	CELL_OVER = 8,	   /* has been ended */
};

struct world {
	struct cell cells[DEVICES_MAX][CALLS_MAX];
	uint8_t devices[CALLS_MAX][PARTIES_MAX]; /* anchor: what each party of the callee said */
	uint8_t verdict[CALLS_MAX], verdict_winner[CALLS_MAX];
	uint8_t boot[DEVICES_MAX];
	uint8_t crashes; /* so far */
	uint64_t sent[MESSAGES_MAX / 64];
};

struct scenario {
	const char *name;
	bool small; /* part of make check */
	int device_count;
	char account[DEVICES_MAX];
	int call_count;
	struct scenario_call {
		int anchor;    /* device */
		char callee;   /* account */
		int after;     /* this call of the same device must be over first; -1 */
	} calls[CALLS_MAX]; /* in the order of their ids */
	int crashes;	    /* at most */
	int crasher;	    /* the device that does, -1: any */
	bool must_connect;  /* with accepts only, calls come about */
};

enum step_kind {
	STEP_MESSAGE, STEP_TIMER, STEP_DIAL, STEP_ACCEPT, STEP_REJECT, STEP_HANGUP, STEP_SETUP, STEP_SETUP_FAILED,
	STEP_SYNCED, STEP_MEDIA_UP, STEP_MEDIA_LOST, STEP_CRASH,
};

struct model_step {
	uint8_t kind, device, call, arg; /* arg: message index, timer */
};

/* Binds the words of the table to what they mean here. 0, or -EINVAL and the word that is not known. */
int world_bind(const struct fsm *fsm, const struct scenario *scenario, const char **ret_word);
void world_init(struct world *world);
/* Every step that can happen, at most max; returns their number. */
int world_steps(const struct world *world, struct model_step *steps, int max);
/* The world after it; NULL, or what must never be and is now. */
const char *world_step(const struct world *from, const struct model_step *step, struct world *to);
/* Forgets what can no longer matter: messages that change nothing any more, what nobody will ask for again. Worlds that
 * are alike then behave alike. Does nothing where devices crash. */
void world_fold(struct world *world);
/* In words, for a trace; valid until the next call. */
const char *world_step_text(const struct model_step *step);

bool world_at_rest(const struct world *world);
/* NULL, or how the logs of a world in which nothing more happens disagree. */
const char *world_disagreement(const struct world *world);
/* Whether a device's call is live; whether it is connected and media has come. */
bool world_cell_live(const struct cell *cell);
bool world_cell_active(const struct cell *cell);
/* A call that is over at one side and lives at the other, so that the other must come to know. */
bool world_dangles(const struct world *world, int call);
bool world_call_lives(const struct world *world, int call);
int world_message_count(void);
/* Whether any world of this process took a row of the table. */
bool world_row_taken(int row);

#endif
