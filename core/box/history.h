/* history: the journal of live and lately ended calls, and the call records. SQLite, WAL, synced at every
 * write or transaction: what was written before ringing is there after a power cut. Owner: struct box, main thread.
 * Failures are logged here: a full disk must not stop a call. */
#ifndef CALLBOX_BOX_HISTORY_H
#define CALLBOX_BOX_HISTORY_H

#include <cjson/cJSON.h>

struct history;

int history_open(const char *folder, int records_max, struct history **ret_history, char **ret_error);
void history_close(struct history *history);

/* What is written between them is synced once, at the end, and is there after a power cut as a whole or not at all. */
void history_begin(struct history *history);
void history_commit(struct history *history);

/* The journal keeps the newest entries, some more than the core remembers calls (CALL_TOMBSTONES_MAX). */
void history_journal(struct history *history, const char *call_id, const cJSON *entry);
/* Calls fn for each journal entry at boot, in the order of writing, with agoMs: how long ago it was written by the wall
 * clock. Those older than a day are dropped afterwards: a clock that was set costs no call its end. */
void history_replay(struct history *history, void (*fn)(const cJSON *entry, void *data), void *data);

/* One record a call: a later one replaces the earlier but keeps when the call began; one that is not final never
 * replaces a final one. agoMs of the record is turned into startedAt, milliseconds since the epoch. record NULL:
 * the call's record is removed. Returns what was written, NULL when nothing was; caller deletes. */
cJSON *history_record(struct history *history, const char *call_id, const cJSON *record);

struct history_filter {
	const char *peer; /* NULL: any */
	int status;	  /* 0: any */
	double since_ms, until_ms; /* 0: no bound */
	int limit;	  /* 0: all */
};
/* Newest first; caller deletes. */
cJSON *history_records(struct history *history, const struct history_filter *filter);

#endif
