/* Two boxes on a real hub, driven as a user would through the control socket: every way a call ends, with
 * the events and the records that calls promise. The boxes live through all cases: nothing may stay behind. */
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

static struct place *place;
static struct box *alice_box, *bob_box;
static struct client *alice, *bob;

static int number(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(item) ? (int)item->valuedouble : -1;
}

static void call_bob(int type)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", type);
	cJSON_Delete(client_call(alice, "call", params, NULL));
}

static void verb(struct client *client, const char *name)
{
	cJSON_Delete(client_call(client, name, NULL, NULL));
}

static void expect(struct client *client, const char *event)
{
	cJSON_Delete(client_expect(client, event));
}

static void expect_end(struct client *client, int reason)
{
	cJSON *end = client_expect(client, "onCallEnd");
	g_assert_cmpint(number(end, "reasonCode"), ==, reason);
	cJSON_Delete(end);
	g_assert_cmpuint(client_count(client, "onCallEnd"), ==, 0);
}

static cJSON *records(struct client *client)
{
	cJSON *all = client_call(client, "getCallRecords", NULL, NULL);
	g_assert_nonnull(all);
	return all;
}

static cJSON *record_list(cJSON *all)
{
	return cJSON_IsArray(all) ? all : cJSON_GetObjectItemCaseSensitive(all, "records");
}

/* Both sides come to hold `count` records, the newest with this status. */
static void expect_records(int count, int status)
{
	struct client *both[] = { alice, bob };
	for (int i = 0; i < 2; i++) {
		gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
		for (;;) {
			cJSON *all = records(both[i]);
			cJSON *list = record_list(all);
			int n = cJSON_GetArraySize(list), found = 0;
			for (const cJSON *r = list ? list->child : NULL; r; r = r->next)
				found += number(r, "status") == status;
			cJSON_Delete(all);
			if (n == count && found > 0)
				break;
			if (g_get_monotonic_time() > end)
				g_error("side %d: %d records, %d of status %d; wanted %d", i, n, found,
					status, count);
			g_usleep(20000);
		}
	}
}

static void test_hangup_by_caller(void)
{
	call_bob(2);
	expect(bob, "onInvited");
	verb(bob, "accept");
	expect(alice, "onUserAccept");
	expect(alice, "onUserEnter");
	expect(bob, "onUserEnter");
	verb(alice, "hangup");
	expect_end(alice, 15);
	expect_end(bob, 16);
	expect_records(1, 1);
}

static void test_hangup_by_callee(void)
{
	call_bob(1);
	expect(bob, "onInvited");
	verb(bob, "accept");
	expect(alice, "onUserEnter");
	expect(bob, "onUserEnter");
	verb(bob, "hangup");
	expect_end(bob, 15);
	expect_end(alice, 16);
	expect_records(2, 1);
}

static void test_reject(void)
{
	call_bob(2);
	expect(bob, "onInvited");
	verb(bob, "reject");
	expect(alice, "onUserReject");
	expect_end(alice, 14);
	expect_end(bob, 13);
	expect_records(3, 3);
}

static void test_cancel(void)
{
	call_bob(2);
	expect(bob, "onInvited");
	verb(alice, "cancel");
	expect(bob, "onUserCancel");
	expect_end(alice, 11);
	expect_end(bob, 12);
	expect_records(4, 2);
}

static void test_timeout(void)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "ms", 4000);
	cJSON_Delete(client_call(alice, "setCallTimeout", params, NULL));
	call_bob(2);
	expect(bob, "onInvited");
	expect(alice, "onCallingTimeout");
	expect(bob, "onCallingTimeout");
	expect_end(alice, 2);
	expect_end(bob, 2);
	g_assert_cmpuint(client_count(alice, "onCallingTimeout"), ==, 0);
	expect_records(5, 4);
}

static void test_errors(void)
{
	char *error = NULL;
	g_assert_null(client_call(alice, "accept", NULL, &error));
	g_assert_nonnull(strstr(error, "idle"));
	g_free(error);
	static const int bad[] = { 0, 999, 120001, -5 };
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		cJSON *params = cJSON_CreateObject();
		cJSON_AddNumberToObject(params, "ms", bad[i]);
		g_assert_null(client_call(alice, "setCallTimeout", params, &error));
		if (!strstr(error, "1000..120000"))
			g_error("%d: \"%s\" does not name the range", bad[i], error);
		g_free(error);
	}
	call_bob(1);
	expect(bob, "onInvited");
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 1);
	g_assert_null(client_call(alice, "call", params, &error));
	g_assert_nonnull(error);
	g_free(error);
	verb(alice, "hangup");
	expect_end(alice, 11);
	expect_end(bob, 12);
	expect_records(6, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	alice_box = box_create(place, "alice", "room-a", NULL, NULL);
	bob_box = box_create(place, "bob", "room-b", NULL, NULL);
	box_start(alice_box);
	box_start(bob_box);
	alice = client_open(alice_box->socket);
	bob = client_open(bob_box->socket);
	g_test_add_func("/pairs/hangup-by-caller", test_hangup_by_caller);
	g_test_add_func("/pairs/hangup-by-callee", test_hangup_by_callee);
	g_test_add_func("/pairs/reject", test_reject);
	g_test_add_func("/pairs/cancel", test_cancel);
	g_test_add_func("/pairs/timeout", test_timeout);
	g_test_add_func("/pairs/errors", test_errors);
	int r = g_test_run();
	client_close(alice);
	client_close(bob);
	place_close(place);
	return r;
}
