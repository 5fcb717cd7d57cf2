#include "plugins/hub/hub_store.h"

#include <errno.h>
#include <glib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/log.h"

#define SALT_BYTES 16
#define HASH_BYTES 32
/* Tokens are random, not words that people choose: a small cost is enough. */
#define SCRYPT_N 1024
#define SCRYPT_R 8
#define QUEUE_MAX 1000 /* messages that wait for one device */

enum statement { ADD_USER, GET_USER, ADD_DEVICE, SEEN_DEVICE, OLD_DEVICES, DROP_DEVICE, DROP_QUEUE, GET_DEVICES, PUT,
		 COUNT, ACKNOWLEDGE, WAITING, EXPIRE, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[ADD_USER] = "INSERT OR REPLACE INTO account(user, salt, hash) VALUES(?1, ?2, ?3)",
	[GET_USER] = "SELECT salt, hash FROM account WHERE user = ?1",
	[ADD_DEVICE] = "INSERT OR REPLACE INTO device(user, device, guest, seen) VALUES(?1, ?2, ?3, NULL)",
	[SEEN_DEVICE] = "UPDATE device SET seen = ?3 WHERE user = ?1 AND device = ?2",
	[OLD_DEVICES] = "SELECT user, device FROM device WHERE seen < CASE WHEN guest THEN ?2 ELSE ?1 END",
	[DROP_DEVICE] = "DELETE FROM device WHERE user = ?1 AND device = ?2",
	[DROP_QUEUE] = "DELETE FROM message WHERE user = ?1 AND device = ?2",
	[GET_DEVICES] = "SELECT device FROM device WHERE user = ?1",
	[PUT] = "INSERT INTO message(user, device, stored, expires, text) VALUES(?1, ?2, ?3, ?4, ?5)",
	[COUNT] = "SELECT count(*) FROM message WHERE user = ?1 AND device = ?2",
	[ACKNOWLEDGE] = "DELETE FROM message WHERE number = ?3 AND user = ?1 AND device = ?2",
	[WAITING] = ("SELECT number, stored, text FROM message WHERE user = ?1 AND device = ?2 "
		     "AND expires > ?3 ORDER BY number"),
	[EXPIRE] = "DELETE FROM message WHERE expires <= ?1",
};

static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	/* A crash of the hub loses nothing; a power cut may lose the last messages, which callers repeat. */
	"PRAGMA synchronous = OFF;"
	/* no file outside the database's folder */
	"PRAGMA temp_store = MEMORY;"
	"CREATE TABLE IF NOT EXISTS account(user TEXT PRIMARY KEY, salt BLOB NOT NULL, hash BLOB NOT NULL);"
	/* seen: milliseconds since the epoch of the logout; NULL while it is logged in */
	"CREATE TABLE IF NOT EXISTS device(user TEXT, device TEXT, guest INTEGER NOT NULL DEFAULT 0, seen INTEGER,"
	" PRIMARY KEY(user, device));"
	"CREATE TABLE IF NOT EXISTS message(number INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL,"
	" device TEXT NOT NULL, stored INTEGER NOT NULL, expires INTEGER NOT NULL, text TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS message_of ON message(user, device, number);";

struct hub_store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	GHashTable *verified; /* digests of logins that passed */
	GHashTable *known;    /* accounts that were found: none is ever removed */
	GHashTable *waiting;  /* "user\ndevice" → messages that wait for it, as far as it is known */
	bool open;	      /* a transaction is */
};

static int db_fail(struct hub_store *store, const char *what)
{
	log_error("database: %s: %s", what, sqlite3_errmsg(store->db));
	return -EIO;
}

/* What one turn of the loop writes is one transaction. */
static void transact(struct hub_store *store)
{
	if (store->open)
		return;
	store->open = sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
}

void hub_store_commit(struct hub_store *store)
{
	if (!store->open)
		return;
	store->open = false;
	if (sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		db_fail(store, "commit");
}

/* A file of 0.1 knew no time of a device. */
static int device_columns(sqlite3 *db)
{
	if (sqlite3_table_column_metadata(db, NULL, "device", "seen", NULL, NULL, NULL, NULL, NULL) == SQLITE_OK)
		return SQLITE_OK;
	return sqlite3_exec(db, "ALTER TABLE device ADD COLUMN guest INTEGER NOT NULL DEFAULT 0;"
				"ALTER TABLE device ADD COLUMN seen INTEGER;", NULL, NULL, NULL);
}

int hub_store_open(const char *file, struct hub_store **ret_store, char **ret_error)
{
	struct hub_store *store = g_new0(struct hub_store, 1);
	mode_t mask = umask(0077);
	int r = sqlite3_open(file, &store->db);
	umask(mask);
	if (r == SQLITE_OK) {
		sqlite3_busy_timeout(store->db, 5000);
		r = sqlite3_exec(store->db, schema, NULL, NULL, NULL);
	}
	if (r == SQLITE_OK)
		r = device_columns(store->db);
	for (int i = 0; r == SQLITE_OK && i < STATEMENTS; i++)
		r = sqlite3_prepare_v2(store->db, sql[i], -1, &store->statements[i], NULL);
	store->verified = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	store->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	store->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (r != SQLITE_OK) {
		*ret_error = g_strdup_printf("%s: %s", file, sqlite3_errmsg(store->db));
		hub_store_close(store);
		return -EIO;
	}
	*ret_store = store;
	return 0;
}

void hub_store_close(struct hub_store *store)
{
	if (!store)
		return;
	hub_store_commit(store);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	g_hash_table_destroy(store->verified);
	g_hash_table_destroy(store->known);
	g_hash_table_destroy(store->waiting);
	g_free(store);
}

static sqlite3_stmt *begin(struct hub_store *store, enum statement which, const char *user, const char *device)
{
	sqlite3_stmt *s = store->statements[which];
	sqlite3_reset(s);
	if (user)
		sqlite3_bind_text(s, 1, user, -1, SQLITE_TRANSIENT);
	if (device)
		sqlite3_bind_text(s, 2, device, -1, SQLITE_TRANSIENT);
	return s;
}

static int hash_token(const char *token, const unsigned char *salt, unsigned char hash[HASH_BYTES])
{
	int ok = EVP_PBE_scrypt(token, strlen(token), salt, SALT_BYTES, SCRYPT_N, SCRYPT_R, 1, 0, hash,
				HASH_BYTES);
	return ok ? 0 : -ENOMEM;
}

int hub_store_add_user(struct hub_store *store, const char *user, const char *token)
{
	unsigned char salt[SALT_BYTES], hash[HASH_BYTES];
	if (RAND_bytes(salt, sizeof(salt)) != 1 || hash_token(token, salt, hash) < 0)
		return -EIO;
	sqlite3_stmt *s = begin(store, ADD_USER, user, NULL);
	sqlite3_bind_blob(s, 2, salt, sizeof(salt), SQLITE_TRANSIENT);
	sqlite3_bind_blob(s, 3, hash, sizeof(hash), SQLITE_TRANSIENT);
	int r = sqlite3_step(s) == SQLITE_DONE ? 0 : db_fail(store, "add account");
	sqlite3_reset(s);
	return r;
}

bool hub_store_has_user(struct hub_store *store, const char *user)
{
	if (g_hash_table_contains(store->known, user))
		return true;
	sqlite3_stmt *s = begin(store, GET_USER, user, NULL);
	bool has = sqlite3_step(s) == SQLITE_ROW;
	sqlite3_reset(s);
	if (has)
		g_hash_table_add(store->known, g_strdup(user));
	return has;
}

/* The salt is part of it: another process (adduser) may have given the account a new token, with a new salt. */
static char *login_digest(const char *user, const char *token, const unsigned char *salt)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, salt, SALT_BYTES);
	g_checksum_update(sum, (const guchar *)user, (gssize)strlen(user) + 1);
	g_checksum_update(sum, (const guchar *)token, -1);
	return g_strdup(g_checksum_get_string(sum));
}

int hub_store_check(struct hub_store *store, const char *user, const char *token)
{
	sqlite3_stmt *s = begin(store, GET_USER, user, NULL);
	int r = -ENOENT;
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == SALT_BYTES &&
	    sqlite3_column_bytes(s, 1) == HASH_BYTES) {
		unsigned char hash[HASH_BYTES];
		char *digest = login_digest(user, token, sqlite3_column_blob(s, 0));
		r = -EACCES;
		if (g_hash_table_contains(store->verified, digest) ||
		    (hash_token(token, sqlite3_column_blob(s, 0), hash) == 0 &&
		     CRYPTO_memcmp(hash, sqlite3_column_blob(s, 1), HASH_BYTES) == 0))
			r = 0;
		if (r == 0)
			g_hash_table_add(store->verified, digest);
		else
			g_free(digest);
	}
	sqlite3_reset(s);
	return r;
}

/* Runs a statement that answers nothing. */
static void finish(struct hub_store *store, sqlite3_stmt *s, const char *what)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		db_fail(store, what);
	sqlite3_reset(s);
}

void hub_store_device(struct hub_store *store, const char *user, const char *device, bool guest)
{
	sqlite3_stmt *s = begin(store, ADD_DEVICE, user, device);
	sqlite3_bind_int(s, 3, guest);
	finish(store, s, "add device");
}

void hub_store_device_gone(struct hub_store *store, const char *user, const char *device, int64_t now_ms)
{
	transact(store);
	sqlite3_stmt *s = begin(store, SEEN_DEVICE, user, device);
	sqlite3_bind_int64(s, 3, now_ms);
	finish(store, s, "device gone");
}

void hub_store_devices_restart(struct hub_store *store, int64_t now_ms)
{
	g_autofree char *text = g_strdup_printf("UPDATE device SET seen = %" G_GINT64_FORMAT
						" WHERE seen IS NULL OR guest", now_ms);
	if (sqlite3_exec(store->db, text, NULL, NULL, NULL) != SQLITE_OK)
		db_fail(store, "devices");
}

unsigned int hub_store_forget(struct hub_store *store, int64_t before_ms, int64_t guests_before_ms)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *s = begin(store, OLD_DEVICES, NULL, NULL);
	sqlite3_bind_int64(s, 1, before_ms);
	sqlite3_bind_int64(s, 2, guests_before_ms);
	for (; sqlite3_step(s) == SQLITE_ROW;)
		for (int column = 0; column < 2; column++)
			g_ptr_array_add(names, g_strdup((const char *)sqlite3_column_text(s, column)));
	sqlite3_reset(s);
	for (unsigned int i = 0; i < names->len; i += 2) {
		const char *user = names->pdata[i], *device = names->pdata[i + 1];
		transact(store);
		finish(store, begin(store, DROP_DEVICE, user, device), "forget device");
		finish(store, begin(store, DROP_QUEUE, user, device), "forget queue");
		log_info("%s/%s forgotten: it has not been seen for long", user, device);
	}
	if (names->len)
		g_hash_table_remove_all(store->waiting); /* counted anew */
	return names->len / 2;
}

void hub_store_devices(struct hub_store *store, const char *user,
		       void (*fn)(const char *device, void *data), void *data)
{
	sqlite3_stmt *s = begin(store, GET_DEVICES, user, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	while (sqlite3_step(s) == SQLITE_ROW)
		g_ptr_array_add(names, g_strdup((const char *)sqlite3_column_text(s, 0)));
	sqlite3_reset(s);
	for (unsigned int i = 0; i < names->len; i++)
		fn(names->pdata[i], data);
}

/* Counted once, then kept count of. */
static int waiting_count(struct hub_store *store, const char *user, const char *device, int change)
{
	g_autofree char *key = g_strconcat(user, "\n", device, NULL);
	void *known;
	int count = 0;
	if (g_hash_table_lookup_extended(store->waiting, key, NULL, &known)) {
		count = GPOINTER_TO_INT(known);
	} else {
		sqlite3_stmt *s = begin(store, COUNT, user, device);
		count = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
		sqlite3_reset(s);
		change = 0; /* what was written is counted already */
	}
	count = MAX(count + change, 0);
	g_hash_table_insert(store->waiting, g_steal_pointer(&key), GINT_TO_POINTER(count));
	return count;
}

int64_t hub_store_put(struct hub_store *store, const char *user, const char *device, int64_t now_ms,
		      int64_t expires_ms, const char *text)
{
	if (waiting_count(store, user, device, 0) >= QUEUE_MAX)
		return -1;
	transact(store);
	sqlite3_stmt *s = begin(store, PUT, user, device);
	sqlite3_bind_int64(s, 3, now_ms);
	sqlite3_bind_int64(s, 4, expires_ms);
	sqlite3_bind_text(s, 5, text, -1, SQLITE_TRANSIENT);
	int r = sqlite3_step(s);
	sqlite3_reset(s);
	if (r != SQLITE_DONE) {
		db_fail(store, "keep message");
		return -1;
	}
	waiting_count(store, user, device, 1);
	return sqlite3_last_insert_rowid(store->db);
}

void hub_store_acknowledge(struct hub_store *store, const char *user, const char *device, int64_t number)
{
	transact(store);
	sqlite3_stmt *s = begin(store, ACKNOWLEDGE, user, device);
	sqlite3_bind_int64(s, 3, number);
	if (sqlite3_step(s) != SQLITE_DONE)
		db_fail(store, "acknowledge");
	else if (sqlite3_changes(store->db) > 0)
		waiting_count(store, user, device, -1);
	sqlite3_reset(s);
}

void hub_store_waiting(struct hub_store *store, const char *user, const char *device, int64_t now_ms,
		       void (*fn)(int64_t number, int64_t stored_ms, const char *text, void *data), void *data)
{
	sqlite3_stmt *s = begin(store, WAITING, user, device);
	sqlite3_bind_int64(s, 3, now_ms);
	while (sqlite3_step(s) == SQLITE_ROW)
		fn(sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
		   (const char *)sqlite3_column_text(s, 2), data);
	sqlite3_reset(s);
}

void hub_store_expire(struct hub_store *store, int64_t now_ms)
{
	g_hash_table_remove_all(store->waiting); /* counted anew */
	sqlite3_stmt *s = begin(store, EXPIRE, NULL, NULL);
	sqlite3_bind_int64(s, 1, now_ms);
	finish(store, s, "expire");
}
