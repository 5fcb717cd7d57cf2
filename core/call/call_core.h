/* call_core: everything a box decides about calls, and nothing else. Verbs, messages, timer ticks and
 * media facts go in; what to send, tell, open, write comes out as a queue of outputs, in order.
 *
 * Pure: no file, socket, thread, clock or random source. Time is an argument: milliseconds of
 * CLOCK_BOOTTIME, never going back. Ids are an argument. One thread. JSON given in is copied unless the
 * text says taken. Memory exhaustion aborts the process (GLib); the journal settles the call at boot.
 *
 * Drive it so: call one function, then drain call_core_take() until NULL, then set one timer to
 * call_core_deadline(). The rules are those of call.fsm (states, rows) and, before the table, admission. */
#ifndef CALLBOX_CALL_CALL_CORE_H
#define CALLBOX_CALL_CALL_CORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/call/fsm.h"

#define CALL_ID_CHARS 32
#define CALL_TIMEOUT_MIN_MS 1000
#define CALL_TIMEOUT_MAX_MS 120000
#define CALL_ATTACHMENT_BYTES_MAX 2048
#define CALL_GROUP_BYTES_MAX 1024
#define CALL_TOMBSTONE_MS (24 * 3600 * 1000)
#define CALL_TOMBSTONES_MAX 4096
#define CALL_MESSAGE_BYTES_MAX 4096
#define CALL_PROMPT_MS 60000	   /* onMaxCall comes this long before the longest call ends */
#define CALL_SWITCH_ASK_MS 30000   /* an unanswered question about the type is void then */
#define CALL_HEARTBEAT_MS 60000	   /* a connected call's duration is in the journal at least so often */

enum call_type { CALL_AUDIO = 1, CALL_VIDEO = 2, CALL_OTHER = 3 };

/* The verdict of a call, as in decide{outcome}. */
enum call_outcome {
	OUTCOME_NONE, OUTCOME_ACCEPTED, OUTCOME_CANCELED, OUTCOME_REJECTED, OUTCOME_TIMEOUT, OUTCOME_BUSY,
	OUTCOME_GLARE, OUTCOME_FAILED,
};
const char *call_outcome_name(enum call_outcome outcome);

struct call_policy {
	int call_timeout_ms;   /* ring, CALL_TIMEOUT_MIN_MS..CALL_TIMEOUT_MAX_MS */
	int autoanswer_ms;     /* -1 off, else delay 0..50000; never beside a live call */
	bool autoanswer_contacts; /* only callers in contacts */
	const char *contacts;  /* accounts, blank separated: no ring limit, perhaps auto-answered */
	bool dnd;	       /* do not disturb, at the start; then call_core_dnd() */
	bool reject_account;   /* a local reject speaks for all devices of the account */
	int invites_a_minute;  /* admitted per caller; 0: no limit */
	int rings_a_minute;    /* of all callers outside contacts and allow together; 0: no limit */
	bool call_waiting;     /* a second call rings beside a connected one, else it is refused as busy */
	bool accept_holds;     /* taking it holds the first call instead of ending it */
	bool busy_first;       /* the first busy device decides for the account that I call */
	bool ring_unverified;  /* rings for an invite whose age nobody vouches for */
	bool screen_calls;     /* OUT_SCREEN asks the box before a call may ring */
	const char *allow;     /* accounts, blank separated; NULL: everybody */
	const char *block;
	bool confirm_video;    /* switching to video asks the user */
	bool confirm_audio;
	int maxcall_ms;	       /* 0: off */
};

enum call_output_type {
	/* a message to the peer: account, kind, call_id, to_user, to_party, seq, deadline_ms, json = body */
	OUT_SEND,
	OUT_EVENT,	 /* an API event: name, json = payload; call_id */
	OUT_MEDIA_OPEN,	 /* get media ready for the call: answer with call_core_setup() */
	OUT_MEDIA_START, /* the verdict allows media now: anchor makes the offer; type, peer in to_user/to_party */
	OUT_MEDIA_TYPE,	 /* the agreed type changed: type */
	OUT_MEDIA_HOLD,	 /* on: the call goes on without devices; off: it has them again */
	OUT_MEDIA_STOP,	 /* all of the call's media ends now */
	OUT_MEDIA_MESSAGE, /* description or candidates of the peer: kind, json = body */
	OUT_RING,	 /* start: on = true, stop: on = false; soft: beside a connected call */
	OUT_SCREEN,	 /* may this call ring? json = {userId, type}: answer with call_core_screened() */
	OUT_JOURNAL,	 /* write json under call_id, synced, before any later output is carried out */
	/* the call's record: write json by call_id, replacing an older one that is not final; NULL: remove it */
	OUT_RECORD,
};

/* The words live in the output's own block. */
struct call_output {
	enum call_output_type type;
	const char *account, *call_id, *kind, *to_user, *to_party;
	uint64_t seq;
	int deadline_ms; /* OUT_SEND: give up after this long */
	bool on;
	bool soft;
	bool anchor;
	enum call_type call_type;
	cJSON *json;
	struct call_output *next; /* the core's own */
};

struct call_core;

/* The words that call.fsm may use. */
extern const struct fsm_words call_words;

/* fsm is borrowed and must live as long; party ("device:boot") and policy strings are copied. */
struct call_core *call_core_create(const struct fsm *fsm, const char *party,
				   const struct call_policy *policy);
void call_core_free(struct call_core *core);
/* Takes the place of call_core_set_timeout() too. */
void call_core_policy(struct call_core *core, const struct call_policy *policy);

/* NULL when there is none. Caller frees with call_output_free(). */
struct call_output *call_core_take(struct call_core *core);
void call_output_free(struct call_output *output);

/* Time of the next timer, -1 when none runs. */
int64_t call_core_deadline(const struct call_core *core);
void call_core_tick(struct call_core *core, int64_t now_ms);

/* ---- verbs: 0, or a negative errno with words for the user in *ret_error (caller frees) ---- */

struct call_request {
	const char *call_id;	/* CALL_ID_CHARS hex digits, fresh */
	const char *account;	/* mine */
	const char *user;	/* whom to call */
	enum call_type type;
	const cJSON *attachment; /* object, at most CALL_ATTACHMENT_BYTES_MAX printed; NULL */
	/* {group_id, user_ids, is_from_group}, at most CALL_GROUP_BYTES_MAX printed; NULL */
	const cJSON *group;
};
int call_core_call(struct call_core *core, int64_t now_ms, const struct call_request *request,
		   char **ret_error);
/* call_id NULL: the live call. type 0: as invited. */
int call_core_accept(struct call_core *core, int64_t now_ms, const char *call_id, int type, char **ret_error);
int call_core_reject(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error);
/* Rings no more here, refuses nothing: the call can still be accepted, elsewhere or here. */
int call_core_ignore(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error);
/* After onMaxCall: the longest call time begins anew. */
int call_core_prolong(struct call_core *core, int64_t now_ms, char **ret_error);
/* Do not disturb; for_ms 0: until it is switched off. */
void call_core_dnd(struct call_core *core, int64_t now_ms, bool on, int64_t for_ms);
/* Only for a call of my own. */
int call_core_cancel(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error);
/* Ends any live call: cancel, reject or bye by its state. */
int call_core_hangup(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error);
/* For the calls that begin from now on: how long mine ring there, and how long others' ring here at most. */
int call_core_set_timeout(struct call_core *core, int ms, char **ret_error);
/* state: 1 ask, 2 agree, 3 refuse */
int call_core_switch_type(struct call_core *core, int64_t now_ms, enum call_type type, int state,
			  char **ret_error);
/* What of mine the peer should show: sent in a call, kept for the next. */
void call_core_flags(struct call_core *core, int64_t now_ms, bool audio_muted, bool video_muted,
		     bool audio_enabled, bool video_enabled);

/* ---- facts ---- */

struct call_message {
	const char *account; /* mine, to which it was delivered */
	const char *kind, *call_id, *from_user, *from_party;
	uint64_t seq;
	int64_t age_ms; /* stamped by whoever stored it; -1: not known */
	bool replay;	/* from a backlog */
	const cJSON *body;
};
void call_core_message(struct call_core *core, int64_t now_ms, const struct call_message *message);
/* The account's backlog was delivered whole; synced = false when the connection is lost. */
void call_core_synced(struct call_core *core, int64_t now_ms, const char *account, bool synced);
/* The account's calls end here: it was logged out by another login (single-login accounts), or the user logs it out or
 * stops the box. What rings is refused for this device only: its siblings, or the new login, ring on. */
void call_core_kicked(struct call_core *core, int64_t now_ms, const char *account);
void call_core_leave(struct call_core *core, int64_t now_ms, const char *account);
/* Answer to OUT_MEDIA_OPEN. code 0: ready; else the reasonCode of the end: 1 credentials, 4 media engine,
 * 7 anything else. */
void call_core_setup(struct call_core *core, int64_t now_ms, const char *call_id, int code, const char *detail);

enum call_screening { SCREEN_ALLOW, SCREEN_REFUSE, SCREEN_ACCEPT };
/* Answer to OUT_SCREEN. Without one the call rings when its screen timer ends. */
void call_core_screened(struct call_core *core, int64_t now_ms, const char *call_id, enum call_screening answer);

enum call_media_fact {
	CALL_MEDIA_UP,	  /* authenticated media of the peer arrives */
	CALL_MEDIA_ALIVE, /* still does */
	CALL_MEDIA_LOST,  /* stopped; may come back */
	CALL_MEDIA_FAILED /* will not come back: the call ends */
};
void call_core_media(struct call_core *core, int64_t now_ms, const char *call_id, enum call_media_fact fact,
		     const char *detail);
/* A description or candidates of ours for the peer; body is copied. Dropped when the call is not connected. */
void call_core_media_message(struct call_core *core, int64_t now_ms, const char *call_id, const char *kind,
			     const cJSON *body);

/* ---- what is ---- */

/* {status, callId?, ...}: the whole present state for a client; caller deletes. */
cJSON *call_core_state(const struct call_core *core, int64_t now_ms);
enum call_status call_core_status(const struct call_core *core);
bool call_core_has_dnd(const struct call_core *core, int64_t now_ms);
/* Id of the live call, NULL when idle; borrowed until the next call in. */
const char *call_core_live_id(const struct call_core *core);
/* Id of the call beside it, that rings softly or is held; NULL: none. */
const char *call_core_waiting_id(const struct call_core *core);

/* How often a row of the table was taken; row: index into fsm->rows. */
unsigned int call_core_row_taken(const struct call_core *core, int row);

/* At boot, once per journal row: a live one is settled (the peer is told, the record is written), an ended
 * one becomes its tombstone. */
void call_core_restore(struct call_core *core, int64_t now_ms, const cJSON *journal);

#endif
