#include "core/box/history.h"

#include <errno.h>
#include <glib.h>
#include <sqlite3.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/call/call_core.h"

#define JOURNAL_KEPT_MS (24LL * 3600 * 1000)
/* Entries, counted from the newest: twice what the core remembers. That of a live call is written anew every minute and
 * so never among the oldest. By order of writing, not by time: somebody may set the clock. */
#define JOURNAL_KEPT (2 * CALL_TOMBSTONES_MAX)
#define JOURNAL_TRIM_WRITES 64

/* Frames of the write-ahead log before it begins anew. So much room it has from the first day, and keeps it: to write
 * where the file is grown already takes half as long to sync, and each call waits for it. */
#define LOG_PAGES "256"

enum statement {
	BEGIN, COMMIT, JOURNAL, JOURNAL_OLD, JOURNAL_TRIM, JOURNAL_ALL,
	RECORD, RECORD_OLD, RECORD_REMOVE, RECORD_TRIM, RECORDS, STATEMENTS,
};

static const char *const sql[STATEMENTS] = {
	[BEGIN] = "BEGIN", [COMMIT] = "COMMIT",
	[JOURNAL] = "INSERT OR REPLACE INTO journal(call_id, written, entry) VALUES(?1, ?2, ?3)",
	[JOURNAL_OLD] = "DELETE FROM journal WHERE written < ?1",
	[JOURNAL_TRIM] = "DELETE FROM journal WHERE rowid <= "
			 "(SELECT rowid FROM journal ORDER BY rowid DESC LIMIT 1 OFFSET ?1)",
	[JOURNAL_ALL] = "SELECT entry, written FROM journal ORDER BY rowid",
	[RECORD] = "INSERT OR REPLACE INTO record(call_id, started, peer, status, record) "
		   "VALUES(?1, ?2, ?3, ?4, ?5)",
	[RECORD_OLD] = "SELECT started, record FROM record WHERE call_id = ?1",
	[RECORD_REMOVE] = "DELETE FROM record WHERE call_id = ?1",
	[RECORD_TRIM] = "DELETE FROM record WHERE call_id NOT IN "
			"(SELECT call_id FROM record ORDER BY started DESC LIMIT ?1)",
	[RECORDS] = "SELECT record FROM record WHERE (?1 IS NULL OR peer = ?1) AND (?2 = 0 OR status = ?2) "
		    "AND started >= ?3 AND (?4 = 0 OR started <= ?4) ORDER BY started DESC LIMIT ?5",
};

static const char schema[] =
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -512;"
	"PRAGMA wal_autocheckpoint = " LOG_PAGES ";"
	"CREATE TABLE IF NOT EXISTS journal(call_id TEXT PRIMARY KEY, written INTEGER NOT NULL,"
	" entry TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS record(call_id TEXT PRIMARY KEY, started INTEGER NOT NULL,"
	" peer TEXT NOT NULL, status INTEGER NOT NULL, record TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS record_started ON record(started);";

/* The pages go through the log and are free then, for records to come. What was not synced on the way is at the end: a
 * checkpoint of what the last step wrote, by itself or by word, syncs the log and the whole file. */
static const char grow[] =
	"PRAGMA synchronous = OFF;"
	"CREATE TABLE room(page BLOB); INSERT INTO room VALUES(zeroblob(" LOG_PAGES " * 4096));"
	"PRAGMA synchronous = FULL;"
	"DROP TABLE room; PRAGMA wal_checkpoint(FULL);";

struct history {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	int records_max;
	unsigned int journal_writes;
};

static bool is_new(sqlite3 *db)
{
	return sqlite3_table_column_metadata(db, NULL, "journal", NULL, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK;
}

static int set_up(sqlite3 *db)
{
	int keep = 1;
	bool fresh = is_new(db);
	sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	int r = sqlite3_exec(db, schema, NULL, NULL, NULL);
	if (r == SQLITE_OK && fresh)
		r = sqlite3_exec(db, grow, NULL, NULL, NULL);
	return r;
}

int history_open(const char *folder, int records_max, struct history **ret_history, char **ret_error)
{
	g_autofree char *file = g_build_filename(folder, "history.db", NULL);
	struct history *history = g_new0(struct history, 1);
	history->records_max = records_max;
	int r = g_mkdir_with_parents(folder, 0700) == 0 ? sqlite3_open(file, &history->db) : SQLITE_CANTOPEN;
	if (r == SQLITE_OK)
		r = set_up(history->db);
	for (int i = 0; r == SQLITE_OK && i < STATEMENTS; i++)
		r = sqlite3_prepare_v2(history->db, sql[i], -1, &history->statements[i], NULL);
	if (r == SQLITE_OK) {
		*ret_history = history;
		return 0;
	}
	*ret_error = g_strdup_printf("%s: %s", file,
				     history->db ? sqlite3_errmsg(history->db) : g_strerror(errno));
	history_close(history);
	return -EIO;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(history->statements[i]);
	sqlite3_close(history->db);
	g_free(history);
}

static sqlite3_stmt *begin(struct history *history, enum statement which)
{
	sqlite3_stmt *s = history->statements[which];
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

static void bind_json(sqlite3_stmt *s, int index, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	sqlite3_bind_text(s, index, text, -1, SQLITE_TRANSIENT);
	cJSON_free(text);
}

static void run(struct history *history, sqlite3_stmt *s, const char *what)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		log_error("history: %s was not written: %s", what, sqlite3_errmsg(history->db));
	sqlite3_reset(s);
}

void history_begin(struct history *history)
{
	run(history, begin(history, BEGIN), "transaction");
}

void history_commit(struct history *history)
{
	if (sqlite3_get_autocommit(history->db))
		return; /* SQLite gave it up already, and that was logged */
	run(history, begin(history, COMMIT), "transaction");
	if (!sqlite3_get_autocommit(history->db))
		sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
}

static void journal_trim(struct history *history)
{
	sqlite3_stmt *s = begin(history, JOURNAL_TRIM);
	sqlite3_bind_int(s, 1, JOURNAL_KEPT);
	run(history, s, "journal");
}

void history_journal(struct history *history, const char *call_id, const cJSON *entry)
{
	sqlite3_stmt *s = begin(history, JOURNAL);
	sqlite3_bind_text(s, 1, call_id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, g_get_real_time() / 1000);
	bind_json(s, 3, entry);
	run(history, s, "journal");
	if (++history->journal_writes % JOURNAL_TRIM_WRITES == 0)
		journal_trim(history);
}

void history_replay(struct history *history, void (*fn)(const cJSON *entry, void *data), void *data)
{
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	sqlite3_stmt *s = begin(history, JOURNAL_ALL);
	while (sqlite3_step(s) == SQLITE_ROW) {
		cJSON *entry = cJSON_Parse((const char *)sqlite3_column_text(s, 0));
		if (!entry)
			continue;
		double ago = (double)(g_get_real_time() / 1000 - sqlite3_column_int64(s, 1));
		cJSON_AddNumberToObject(entry, "agoMs", MAX(ago, 0));
		g_ptr_array_add(entries, entry);
	}
	sqlite3_reset(s);
	for (unsigned int i = 0; i < entries->len; i++)
		fn(entries->pdata[i], data);
	s = begin(history, JOURNAL_OLD); /* not before: who settles a call that lived then writes it anew */
	sqlite3_bind_int64(s, 1, g_get_real_time() / 1000 - JOURNAL_KEPT_MS);
	run(history, s, "journal");
	journal_trim(history);
}

/* What is written about the call already: when it began, and whether the anchor's own word stands there. */
static bool record_old(struct history *history, const char *call_id, sqlite3_int64 *ret_started, bool *ret_final)
{
	sqlite3_stmt *s = begin(history, RECORD_OLD);
	sqlite3_bind_text(s, 1, call_id, -1, SQLITE_TRANSIENT);
	bool there = sqlite3_step(s) == SQLITE_ROW;
	if (there) {
		cJSON *record = cJSON_Parse((const char *)sqlite3_column_text(s, 1));
		*ret_started = sqlite3_column_int64(s, 0);
		*ret_final = message_bool(record, "final", false);
		cJSON_Delete(record);
	}
	sqlite3_reset(s);
	return there;
}

static void record_remove(struct history *history, const char *call_id)
{
	sqlite3_stmt *s = begin(history, RECORD_REMOVE);
	sqlite3_bind_text(s, 1, call_id, -1, SQLITE_TRANSIENT);
	run(history, s, "removal of a call record");
}

static void record_write(struct history *history, const char *call_id, const cJSON *record, sqlite3_int64 started)
{
	sqlite3_stmt *s = begin(history, RECORD);
	sqlite3_bind_text(s, 1, call_id, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(s, 2, started);
	sqlite3_bind_text(s, 3, message_string(record, "peer", ""), -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(s, 4, message_int(record, "status", 0));
	bind_json(s, 5, record);
	run(history, s, "call record");
}

cJSON *history_record(struct history *history, const char *call_id, const cJSON *record)
{
	if (!record) {
		record_remove(history, call_id);
		return NULL;
	}
	sqlite3_int64 started = g_get_real_time() / 1000 - (sqlite3_int64)message_number(record, "agoMs", 0);
	bool final = false;
	record_old(history, call_id, &started, &final);
	if (final && !message_bool(record, "final", false))
		return NULL;
	cJSON *kept = cJSON_Duplicate(record, true);
	cJSON_DeleteItemFromObjectCaseSensitive(kept, "agoMs");
	cJSON_DeleteItemFromObjectCaseSensitive(kept, "startedAt");
	cJSON_AddNumberToObject(kept, "startedAt", (double)started);
	record_write(history, call_id, kept, started);
	sqlite3_stmt *s = begin(history, RECORD_TRIM);
	sqlite3_bind_int(s, 1, history->records_max);
	run(history, s, "call records");
	return kept;
}

cJSON *history_records(struct history *history, const struct history_filter *filter)
{
	cJSON *records = cJSON_CreateArray();
	sqlite3_stmt *s = begin(history, RECORDS);
	if (filter->peer)
		sqlite3_bind_text(s, 1, filter->peer, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int(s, 2, filter->status);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)filter->since_ms);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)filter->until_ms);
	sqlite3_bind_int(s, 5, filter->limit > 0 ? filter->limit : -1);
	while (sqlite3_step(s) == SQLITE_ROW) {
		cJSON *record = cJSON_Parse((const char *)sqlite3_column_text(s, 0));
		if (record)
			cJSON_AddItemToArray(records, record);
	}
	sqlite3_reset(s);
	return records;
}
