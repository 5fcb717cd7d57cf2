/* fsm: a call's transition table, loaded from call.fsm, checked, and looked up. The words (events, guards,
 * actions) belong to C and come in as lists; states, rows and times belong to the file.
 *
 * Pure; immutable after fsm_load(), so any thread may read it. Grammar: call.fsm(5). */
#ifndef CALLBOX_CALL_FSM_H
#define CALLBOX_CALL_FSM_H

#include <stdbool.h>
#include <stdio.h>

#define FSM_ROW_ACTIONS 8
#define FSM_STATE_TIMERS 4
#define FSM_STATES_MAX 32
#define FSM_TIMERS_MAX 24

/* API status of a state, as the user sees it. */
enum call_status { CALL_IDLE, CALL_CALLING, CALL_CALLED, CALL_IN_CALL };
const char *call_status_name(enum call_status status);

/* What C knows: NULL-terminated lists; an index into them is what a row holds. */
struct fsm_words {
	const char *const *events;  /* "peer:invite"; "timer:NAME" events are matched by timer name */
	const char *const *guards;
	const char *const *actions;
	const char *const *timers;  /* timers that C arms itself or that the file lists */
};

struct fsm_timer {
	bool listed;	/* stands in [timers] */
	bool automatic; /* "auto": its time is computed */
	int ms;
};

struct fsm_state {
	char *name;
	enum call_status status;
	int timers[FSM_STATE_TIMERS]; /* indices into words.timers; -1 ends */
	unsigned int line;
};

struct fsm_row {
	int from;			/* state */
	int event;			/* index into words.events, or -1 for a timer row */
	int timer;			/* index into words.timers, or -1 */
	int guard;			/* index into words.guards, -1: always */
	int to;				/* state; equal to from for "=" */
	bool stay;			/* "=": not a transition, deadlines go on */
	int actions[FSM_ROW_ACTIONS];	/* indices into words.actions, -1 ends */
	unsigned int line;
	int next;			/* the next row from the same state, -1: none */
};

struct fsm {
	const struct fsm_words *words;
	struct fsm_timer timers[FSM_TIMERS_MAX];
	struct fsm_state states[FSM_STATES_MAX];
	int state_count;
	int initial, final; /* the first state, and the one that no row leaves */
	struct fsm_row *rows;
	int row_count;
	/* By state: its first row, -1 without one; bits of the timers that it lists, and of those it has rows for. */
	int first_rows[FSM_STATES_MAX];
	unsigned int timers_listed[FSM_STATES_MAX], timers_taken[FSM_STATES_MAX];
};

/* Parses and checks text; file is for messages. 0, or -EINVAL with "FILE:LINE: why" (caller frees).
 * Refused: unknown words, a live state without deadline, a listed timer without a row, an unreachable row
 * or state, a live state that ignores user:hangup (ringing: user:reject) or the peer's end. */
int fsm_parse(const struct fsm_words *words, const char *file, const char *text, struct fsm **ret_fsm,
	      char **ret_error);
int fsm_load(const struct fsm_words *words, const char *file, struct fsm **ret_fsm, char **ret_error);
void fsm_free(struct fsm *fsm);

/* The first row whose guard holds; NULL when none: the event is ignored. timer >= 0 looks for its row. */
const struct fsm_row *fsm_find(const struct fsm *fsm, int state, int event, int timer,
			       bool (*guard_holds)(int guard, void *data), void *data);

/* "state | event | guard" of a row, as the file has it; caller frees (g_free). */
char *fsm_row_text(const struct fsm *fsm, int row);

bool fsm_is_live(const struct fsm *fsm, int state);
/* The machine as a graph in the language of dot(1). */
void fsm_draw(const struct fsm *fsm, FILE *out);
/* The table back in its own language. */
void fsm_print(const struct fsm *fsm, FILE *out);

#endif
