/* call: one call as the core sees it, and what the files of core/call share. Private to this folder.
 * Owner: struct call_core, from admission or the user's call to the end of its tombstone. */
#ifndef CALLBOX_CALL_CALL_H
#define CALLBOX_CALL_CALL_H

#include <glib.h>

#include "core/call/call_core.h"

enum call_timer {
	TIMER_SETUP, TIMER_RING, TIMER_GUARD, TIMER_SCREEN, TIMER_CONFIRM, TIMER_COLLECT, TIMER_MEDIA,
	TIMER_ALIVE, TIMER_RECONN, TIMER_MAXCALL, TIMER_AUTOANSWER,
	/* C's own, never in a row: they run through changes of state */
	TIMER_SWITCH, TIMER_HEARTBEAT, CALL_TIMERS,
};

enum call_event {
	USER_CALL, USER_ACCEPT, USER_REJECT, USER_HANGUP, SETUP_OK, SETUP_FAILED,
	PEER_INVITE, PEER_RINGING, PEER_ACCEPT, PEER_REJECT, PEER_DECIDE, PEER_BYE, PEER_QUERY, PEER_STATE,
	BOX_ADMIT, BOX_ADMIT_AUTO, BOX_REFUSE, BOX_SUPERSEDED, BOX_GLARE_LOST, BOX_ANSWERED_ELSEWHERE,
	SIGNALLING_SYNCED, MEDIA_EVENT_UP, MEDIA_EVENT_LOST,
};

/* Who or what ended a connected call. */
enum call_end {
	END_BY_ME, END_BY_PEER, END_BY_MY_MEDIA, END_BY_PEER_MEDIA, END_BY_PEER_LOST, END_BY_KICK, END_BY_LENGTH,
	END_SUPERSEDED, END_ELSEWHERE,
};

#define CALL_CODE_FAILED 7 /* reasonCode of a set-up that failed for no better known reason */

struct call {
	char id[CALL_ID_CHARS + 1];
	char *account, *peer_user;
	char *peer_party; /* callee: the anchor; anchor: the winner once there is one */
	bool anchor;
	int state;
	enum call_type type;
	cJSON *attachment, *group;
	int64_t timers[CALL_TIMERS]; /* due time, -1 off */
	int ring_ms;		     /* anchor: how long it rings; callee: what remained on arrival */
	int guard_ms;		     /* callee: how long it rings here at most */
	int fail_code;		     /* reasonCode of a failed set-up; 0: by the outcome */
	bool fresh;		     /* callee: the invite's age is known */
	enum call_outcome outcome;
	char *winner;		     /* party that the verdict names */
	char *refusal;		     /* callee: reason of my refusal; anchor: aggregate detail */
	const char *refusal_scope;
	enum call_end end;
	char *detail;		     /* words for the user about a failure */
	GHashTable *devices;	     /* anchor: party → "" ringing, or its refusal's reason; NULL before the first */
	GHashTable *seen;	     /* "kind party seq" of messages already taken */
	cJSON *held;		     /* media messages that came before the verdict */
	char *last_kind;	     /* my last message to the anchor, for a repeated invite */
	cJSON *last_body;
	int64_t started_ms, connected_ms, ended_ms; /* connected: -1 until media is up */
	bool refused_by_me, accept_sent, invited_told, media_asked, hung_up;
	bool asking;		     /* OUT_SCREEN is not answered */
	bool recorded;		     /* callee: the anchor's record has come, mine says nothing more */
	bool verified;		     /* meanwhile the caller said that the call is alive */
	bool ignored, on_hold, prompted;
	int type_rev, asked_type, asked_rev, asking_type;
	int peer_flags_rev;
	bool peer_audio_muted, peer_video_muted, peer_audio_enabled, peer_video_enabled;
};

struct call_core {
	const struct fsm *fsm;
	char *party;
	struct call_policy policy;
	char *allow, *block, *contacts;
	struct call_output *first_output, *last_output;
	GHashTable *calls; /* id → struct call */
	GQueue ended;	   /* struct call, newest first */
	struct call *live;
	struct call *waiting; /* beside live: rings softly, or is held */
	bool dnd;
	int64_t dnd_until_ms; /* -1: no end */
	int own_limit_ms;     /* how long a call may ring here, 0: as the caller says */
	int64_t rings_since_ms;
	int rings;
	GHashTable *synced; /* accounts */
	GHashTable *floods; /* user → struct flood; NULL before the first */
	uint64_t seq, event_seq;
	int flags_rev;
	bool audio_muted, video_muted, audio_enabled, video_enabled;
	uint64_t ignored;
	unsigned int *rows_taken; /* by row of the table */
};

/* What a step is about. */
struct step {
	struct call_core *core;
	struct call *call;
	int64_t now_ms;
	const char *from_party; /* messages */
	const cJSON *body;
};

extern const char *const call_action_words[];
extern const char *const call_guard_words[];

/* actions.c */
void action_run(struct step *step, int action);
bool guard_holds(int guard, void *step);

/* finish.c */
/* The call has come to its final state: events, record, media off. */
void call_finish(struct step *step);
void call_record(struct step *step);

/* output.c */
struct call_output *output_put(struct call_core *core, enum call_output_type type, const struct call *call);
/* About a call, which may be NULL, but of that kind and to that party. */
struct call_output *output_put_kind(struct call_core *core, enum call_output_type type, const struct call *call,
				    const char *kind, const char *to_party);
/* With copies of these words, some NULL. */
struct call_output *output_put_words(struct call_core *core, enum call_output_type type,
				     const struct call_output *words);
void send_to(struct step *step, const char *kind, const char *to_party, cJSON *body);
/* An API event about a call; payload is taken and gets callId and sequence. call may be NULL. */
void event_put(struct call_core *core, const struct call *call, const char *name, cJSON *payload);
void journal_put(struct step *step);

/* step.c */
/* onCallState: the state that the call is in now. */
void state_told(struct step *step);
/* Runs the row for an event (timer < 0) or a timer. False: no row, ignored and counted. */
bool call_step(struct step *step, int event, int timer);
struct call *call_new(struct call_core *core, const char *id, const char *account, const char *user,
		      bool anchor, int64_t now_ms);
void call_forget(struct call_core *core, struct call *call);
/* Live, or waiting beside the live one. */
bool call_is_here(const struct call_core *core, const struct call *call);
/* The call beside the live one takes its place when that has ended. */
void waiting_promote(struct step *step);
/* A call that never lived here, kept so that a late message finds its verdict. */
void call_bury(struct call_core *core, struct call *call, int64_t now_ms);

/* admission.c */
/* Whether two parties are one device, perhaps of different boots. */
bool party_same_device(const char *one, const char *other);
void admit_invite(struct call_core *core, int64_t now_ms, const struct call_message *message);
/* Whether the record of a call that is not known here may be kept. */
bool admit_record(struct call_core *core, int64_t now_ms, const struct call_message *message);
/* Whether a blank separated list names an account. */
bool list_has(const char *list, const char *word);
/* An answer about a call that is not kept here; body is taken. */
void answer_unknown(struct call_core *core, int64_t now_ms, const struct call_message *message, const char *kind,
		    cJSON *body);

/* media_type.c */
void type_message(struct step *step);
/* The callee took my call, perhaps with sound only. */
void type_answered(struct step *step);
void type_question_void(struct step *step);

/* receive.c */
void flags_send(struct step *step);

/* A member of an object; name is a literal, which is not copied. */
#define json_item(object, name, item) ((void)cJSON_AddItemToObjectCS(object, "" name, item))
#define json_string(object, name, string) json_item(object, name, cJSON_CreateString(string))
#define json_number(object, name, number) json_item(object, name, cJSON_CreateNumber(number))
#define json_bool(object, name, boolean) json_item(object, name, cJSON_CreateBool(boolean))

cJSON *payload_user(const struct call *call); /* {userId: peer} */

#endif
