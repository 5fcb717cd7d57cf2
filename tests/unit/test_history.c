/* history: the journal does not grow with the calls, a live call's entry outlives thousands of others, and a wall clock
 * that was set takes none away before it was replayed. */
#include <glib.h>
#include <sqlite3.h>
#include <string.h>

#include "core/base/message.h"
#include "core/box/history.h"
#include "core/call/call_core.h"

#define CALLS (2 * CALL_TOMBSTONES_MAX + 2000)
#define MINUTE 3000u /* calls between two entries of the live one */

static char *folder;

static struct history *open_history(void)
{
	struct history *history;
	char *error = NULL;
	if (history_open(folder, 10, &history, &error) < 0)
		g_error("%s", error);
	return history;
}

static void write_entry(struct history *history, const char *id, bool live)
{
	cJSON *entry = cJSON_CreateObject();
	cJSON_AddStringToObject(entry, "callId", id);
	cJSON_AddBoolToObject(entry, "live", live);
	history_journal(history, id, entry);
	cJSON_Delete(entry);
}

struct seen {
	unsigned int count;
	bool live;
	double ago_ms;
	char last[40];
};

static void see(const cJSON *entry, void *data)
{
	struct seen *seen = data;
	seen->count++;
	seen->live |= message_bool(entry, "live", false);
	seen->ago_ms = MAX(seen->ago_ms, message_number(entry, "agoMs", 0));
	g_strlcpy(seen->last, message_string(entry, "callId", ""), sizeof(seen->last));
}

static struct seen replay(struct history *history)
{
	struct seen seen = { 0 };
	history_replay(history, see, &seen);
	return seen;
}

/* Behind its back. */
static void sql(const char *text)
{
	g_autofree char *file = g_build_filename(folder, "history.db", NULL);
	sqlite3 *db;
	char *error = NULL;
	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
		g_error("%s", error);
	sqlite3_close(db);
}

static void test_bounded(void)
{
	struct history *history = open_history();
	char id[40];
	for (unsigned int i = 0; i < CALLS; i++) {
		if (i % MINUTE == 0)
			write_entry(history, "lives", true);
		g_snprintf(id, sizeof(id), "%032u", i);
		write_entry(history, id, false);
	}
	struct seen seen = replay(history);
	g_assert_cmpuint(seen.count, >=, CALL_TOMBSTONES_MAX);
	g_assert_cmpuint(seen.count, <=, 2 * CALL_TOMBSTONES_MAX + 64);
	g_assert_true(seen.live);
	g_assert_cmpstr(seen.last, ==, id);
	history_close(history);
}

/* Between begin and commit: all of it or nothing. */
static void test_whole(void)
{
	struct history *history = open_history();
	history_begin(history);
	write_entry(history, "first", false);
	write_entry(history, "second", false);
	history_close(history); /* as a power cut would */
	history = open_history();
	struct seen before = replay(history);
	g_assert_cmpstr(before.last, !=, "second");
	history_begin(history);
	write_entry(history, "first", false);
	write_entry(history, "second", false);
	history_commit(history);
	history_close(history);
	history = open_history();
	struct seen after = replay(history);
	g_assert_cmpstr(after.last, ==, "second");
	history_close(history);
}

static void test_clock(void)
{
	struct history *history = open_history();
	replay(history);
	sql("UPDATE journal SET written = written - 90000000"); /* the clock went 25 hours forward */
	write_entry(history, "new", false);
	struct seen seen = replay(history);
	g_assert_true(seen.live);
	g_assert_cmpfloat(seen.ago_ms, >=, 90000000);
	g_assert_cmpstr(seen.last, ==, "new");
	g_assert_cmpuint(replay(history).count, ==, 1);
	sql("UPDATE journal SET written = written + 90000000"); /* and backwards */
	seen = replay(history);
	g_assert_cmpuint(seen.count, ==, 1);
	g_assert_cmpfloat(seen.ago_ms, ==, 0);
	history_close(history);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	folder = g_dir_make_tmp("callbox-history-XXXXXX", NULL);
	g_test_add_func("/history/bounded", test_bounded);
	g_test_add_func("/history/whole", test_whole);
	g_test_add_func("/history/clock", test_clock);
	int r = g_test_run();
	g_autofree char *command = g_strdup_printf("rm -r '%s'", folder);
	g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
	return r;
}
