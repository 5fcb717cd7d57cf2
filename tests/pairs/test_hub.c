/* The hub as a server: TLS with a certificate that is checked, single login, and what an administrator gets
 * wrong. */
#include <arpa/inet.h>
#include <glib.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/pem.h"
#include "tests/pairs/place.h"

static void expect_status(struct client *client, const char *word)
{
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	for (;;) {
		cJSON *status = client_call(client, "status", NULL, NULL);
		char *text = cJSON_PrintUnformatted(status);
		bool found = strstr(text, word) != NULL;
		if (!found && g_get_monotonic_time() > end)
			g_error("status never said %s: %s", word, text);
		cJSON_free(text);
		cJSON_Delete(status);
		if (found)
			return;
		g_usleep(20000);
	}
}

static void test_tls(void)
{
	struct place *place = place_open(NULL);
	g_autofree char *certificate = g_build_filename(place->dir, "hub.pem", NULL);
	g_autofree char *key = g_build_filename(place->dir, "hub.key", NULL);
	g_autofree char *more = g_strdup_printf("certificate = %s\nprivate_key = %s\n", certificate, key);
	g_autofree char *trust = g_strdup_printf("ca_file = %s\n", certificate);
	pem_make("127.0.0.1", certificate, key);
	place->hub_more = more;
	place_hub_start(place);
	g_assert_true(g_str_has_prefix(place->hub_url, "wss://"));
	const struct box_devices trusting = { .account_more = trust };
	struct box *alice = box_create(place, "alice", "room-a", NULL, &trusting);
	struct box *bob = box_create(place, "bob", "room-b", NULL, &trusting);
	struct box *carol = box_create(place, "carol", "room-c", NULL, NULL); /* trusts nobody it knows */
	box_start(alice);
	box_start(bob);
	box_spawn(carol);
	struct client *a = client_open(alice->socket), *b = client_open(bob->socket), *c = client_open(carol->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(a, "call", params, NULL));
	cJSON_Delete(client_expect(b, "onInvited"));
	cJSON_Delete(client_call(b, "reject", NULL, NULL));
	cJSON_Delete(client_expect(a, "onUserReject"));
	expect_status(c, "\"connecting\"");
	expect_status(c, "wss://");
	client_close(a);
	client_close(b);
	client_close(c);
	place_close(place);
}

/* Single login: the older device is kicked, in the middle of ringing. */
static void test_kicked(void)
{
	struct place *place = place_open(NULL);
	place->hub_more = "login = single\n";
	place_hub_start(place);
	g_autofree char *token = place_add_user(place, "bob");
	struct box *alice = box_create(place, "alice", "room-a", NULL, NULL);
	struct box *bob1 = box_create(place, "bob", "room-b1", token, NULL);
	struct box *bob2 = box_create(place, "bob", "room-b2", token, NULL);
	box_start(alice);
	box_start(bob1);
	struct client *a = client_open(alice->socket), *b1 = client_open(bob1->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(a, "call", params, NULL));
	cJSON_Delete(client_expect(b1, "onInvited"));
	box_start(bob2);
	cJSON *end = client_expect(b1, "onCallEnd");
	g_assert_cmpint((int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(end, "reasonCode")), ==, 8);
	cJSON_Delete(end);
	expect_status(b1, "\"kicked\"");
	cJSON_Delete(client_call(a, "hangup", NULL, NULL));
	client_close(a);
	client_close(b1);
	place_close(place);
}

/* A name is seen on many a screen and in many a log. */
static void test_names(void)
{
	static const char *const bad[] = { "a b", "a:b", "a/b", "*", "a\nb", "a\033[31mb", "a\177", "a\302\233b",
					   "a\377" };
	struct place *place = place_open(NULL);
	place_hub_start(place);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		char *out = NULL;
		g_assert_cmpint(place_run(place, place->dir, &out, "callbox-hub", "adduser", "-f", place->hub_conf,
					  bad[i], NULL), !=, 0);
		g_assert_nonnull(strstr(out, "printable"));
		g_free(out);
	}
	g_free(place_add_user(place, "Zo\303\253"));
	place_close(place);
}

/* An account gets a new token while the hub runs, after a login with the old one: the old one is worth nothing. */
static void test_new_token(void)
{
	struct place *place = place_open(NULL);
	place_hub_start(place);
	g_autofree char *old = place_add_user(place, "alice");
	struct box *before = box_create(place, "alice", "room-a", old, NULL);
	box_start(before);
	box_stop(before, SIGTERM);
	g_autofree char *token = place_add_user(place, "alice");
	struct box *after = box_create(place, "alice", "room-b", token, NULL);
	box_start(after);
	box_spawn(before);
	struct client *client = client_open(before->socket);
	expect_status(client, "\"refused\"");
	client_close(client);
	place_close(place);
}

static int one_number(void *data, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	*(int *)data = (int)g_ascii_strtoll(values[0], NULL, 10);
	return 0;
}

static int sql(const struct place *place, const char *text)
{
	g_autofree char *file = g_build_filename(place->dir, "hub", "hub.db", NULL);
	sqlite3 *db;
	int number = 0;
	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	g_assert_cmpint(sqlite3_exec(db, text, one_number, &number, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
	return number;
}

/* A hub with a box each of two accounts; bob's has been there and is away. */
static struct place *place_without_bob(struct box **ret_alice, struct box **ret_bob)
{
	struct place *place = place_open(NULL);
	place_hub_start(place);
	*ret_alice = box_create(place, "alice", "room-a", NULL, NULL);
	*ret_bob = box_create(place, "bob", "room-b", NULL, NULL);
	box_start(*ret_alice);
	box_start(*ret_bob);
	box_stop(*ret_bob, SIGTERM);
	return place;
}

/* A hub's file of before devices had a time: its devices are kept, and forgotten when they are away for long. */
static void test_devices_old(void)
{
	struct box *alice, *bob;
	struct place *place = place_without_bob(&alice, &bob);
	place_hub_stop(place);
	sql(place, "ALTER TABLE device DROP COLUMN seen; ALTER TABLE device DROP COLUMN guest");
	place_hub_start(place);
	g_assert_cmpint(sql(place, "SELECT count(*) FROM device"), ==, 2);
	place_hub_stop(place);
	sql(place, "UPDATE device SET seen = (unixepoch() - 31 * 86400) * 1000 WHERE device = 'room-b';"
		   "UPDATE device SET seen = (unixepoch() - 29 * 86400) * 1000 WHERE device = 'room-a'");
	place_hub_start(place);
	gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
	while (sql(place, "SELECT count(*) FROM device") != 1 && g_get_monotonic_time() < end)
		g_usleep(20000);
	g_assert_cmpint(sql(place, "SELECT count(*) FROM device WHERE device = 'room-a'"), ==, 1);
	place_close(place);
}

static double started_at(struct client *client)
{
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	for (double at = 0;; g_usleep(20000)) {
		cJSON *result = client_call(client, "getCallRecords", NULL, NULL);
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(result, "records");
		if (cJSON_GetArraySize(list) == 1)
			at = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(list->child, "startedAt"));
		cJSON_Delete(result);
		if (at > 0)
			return at;
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	}
}

/* The record of a call that a box missed because it was away is of when the call was, not of when the box is back. */
static void test_record_late(void)
{
	struct box *alice, *bob;
	struct place *place = place_without_bob(&alice, &bob);
	struct client *a = client_open(alice->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(a, "call", params, NULL));
	cJSON_Delete(client_call(a, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(a, "onMessageSent"));
	double began = started_at(a);
	client_close(a);
	place_hub_stop(place);
	sql(place, "UPDATE message SET stored = stored - 3600000, expires = expires - 3600000");
	place_hub_start(place);
	box_start(bob);
	struct client *b = client_open(bob->socket);
	g_assert_cmpfloat(ABS(began - 3600000 - started_at(b)), <, 60000);
	client_close(b);
	place_close(place);
}

static void test_conf(void)
{
	static const struct { const char *conf, *says[2]; } rows[] = {
		{ "listen = nowhere", { "listen", "HOST:PORT" } },
		{ "listen = 0.0.0.0:0", { "0.0.0.0", "certificate" } },
		{ "login = sometimes", { "hub.conf:1: login", "multi, single" } },
		{ "device_days = -1", { "hub.conf:1: device_days", "3650" } },
		{ "guest_expiry = 1", { "hub.conf:1: guest_expiry", "1" } },
		{ "colour = red", { "hub.conf:1: colour", "unknown key" } },
		{ "database = /nowhere/hub.db", { "database", "/nowhere/hub.db" } },
		{ "listen = 127.0.0.1:0\ncertificate = /nowhere.pem\nprivate_key = /nowhere.key",
		  { "certificate", "listen" } },
	};
	struct place *place = place_open(NULL);
	g_autofree char *file = g_build_filename(place->dir, "hub.conf", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strdup_printf("%s\n%s", rows[i].conf,
							strstr(rows[i].conf, "database") ? "" : "database = hub.db\n");
		g_assert_true(g_file_set_contents(file, text, -1, NULL));
		char *out = NULL;
		int code = place_run(place, place->dir, &out, "callbox-hub", "-f", file, NULL);
		g_assert_cmpint(code, ==, 1);
		for (int w = 0; w < 2; w++)
			if (!strstr(out, rows[i].says[w]))
				g_error("\"%s\" does not say \"%s\"", out, rows[i].says[w]);
		g_free(out);
	}
	place_close(place);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hub/tls", test_tls);
	g_test_add_func("/hub/kicked", test_kicked);
	g_test_add_func("/hub/names", test_names);
	g_test_add_func("/hub/new-token", test_new_token);
	g_test_add_func("/hub/devices-old", test_devices_old);
	g_test_add_func("/hub/record-late", test_record_late);
	g_test_add_func("/hub/conf", test_conf);
	return g_test_run();
}
