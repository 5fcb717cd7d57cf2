/* A call to several accounts, on three real boxes: each is asked in turn until one answers. */
#include <glib.h>
#include <string.h>

#include "core/base/message.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

static struct place *place;
static struct box *alice_box;
static struct client *alice, *bob, *carol;

static cJSON *call_of(const char *users)
{
	cJSON *params = cJSON_CreateObject();
	g_auto(GStrv) list = g_strsplit(users, " ", -1);
	cJSON_AddItemToObject(params, "userIds", cJSON_CreateStringArray((const char *const *)list,
									(int)g_strv_length(list)));
	cJSON_AddStringToObject(params, "groupId", "team");
	cJSON_AddBoolToObject(params, "isFromGroup", true);
	cJSON_AddNumberToObject(params, "type", 1);
	return params;
}

static void verb(struct client *client, const char *name, cJSON *params)
{
	cJSON_Delete(client_call(client, name, params, NULL));
}

static char *text_of(cJSON *json, const char *name)
{
	char *text = g_strdup(message_string(json, name, ""));
	cJSON_Delete(json);
	return text;
}

static char *list_of(const cJSON *json, const char *name)
{
	GString *text = g_string_new(NULL);
	const cJSON *one;
	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(json, name))
		g_string_append_printf(text, "%s%s", text->len ? " " : "", cJSON_GetStringValue(one));
	return g_string_free(text, FALSE);
}

static void expect_end(struct client *client, int reason)
{
	cJSON *end = client_expect(client, "onCallEnd");
	g_assert_cmpint(message_int(end, "reasonCode", 0), ==, reason);
	cJSON_Delete(end);
}

static void expect_next(const char *previous, const char *user, const char *rest)
{
	cJSON *next = client_expect(alice, "onCallNext");
	g_autofree char *left = list_of(next, "next");
	g_assert_cmpstr(message_string(next, "userId", ""), ==, user);
	if (previous)
		g_assert_cmpstr(message_string(next, "previous", ""), ==, previous);
	g_assert_cmpstr(left, ==, rest);
	cJSON_Delete(next);
}

static void expect_invite(struct client *client)
{
	cJSON *invite = client_expect(client, "onInvited");
	g_autofree char *users = list_of(invite, "userIds");
	g_assert_cmpstr(users, ==, "bob carol");
	g_assert_cmpstr(message_string(invite, "groupId", ""), ==, "team");
	g_assert_true(message_bool(invite, "isFromGroup", false));
	cJSON_Delete(invite);
}

static void forget(void)
{
	client_forget(alice);
	client_forget(bob);
	client_forget(carol);
}

/* The first one rejects, the second is asked with a call of its own, and answers. */
static void test_second_answers(void)
{
	forget();
	g_autofree char *first = text_of(client_call(alice, "call", call_of("bob carol"), NULL), "callId");
	expect_invite(bob);
	cJSON *info = client_call(alice, "getCallInfo", NULL, NULL);
	g_autofree char *rest = list_of(info, "next");
	g_assert_cmpstr(rest, ==, "carol");
	cJSON_Delete(info);
	verb(bob, "reject", NULL);
	expect_next(first, "carol", "");
	expect_end(alice, 14);
	expect_invite(carol);
	verb(carol, "accept", NULL);
	g_autofree char *who = text_of(client_expect(alice, "onUserEnter"), "userId");
	g_assert_cmpstr(who, ==, "carol");
	verb(carol, "hangup", NULL);
	expect_end(alice, 16);
	g_assert_cmpuint(client_count(alice, "onCallNext"), ==, 0);
	g_assert_cmpuint(client_count(bob, "onInvited"), ==, 0);
}

/* Who answers first is in the call; nobody else is asked. */
static void test_first_answers(void)
{
	forget();
	verb(alice, "call", call_of("bob carol"));
	expect_invite(bob);
	verb(bob, "accept", NULL);
	cJSON_Delete(client_expect(alice, "onUserEnter"));
	verb(alice, "hangup", NULL);
	expect_end(alice, 15);
	g_assert_cmpuint(client_count(alice, "onCallNext"), ==, 0);
	g_assert_cmpuint(client_count(carol, "onInvited"), ==, 0);
}

static void test_cancel(void)
{
	forget();
	verb(alice, "call", call_of("bob carol"));
	expect_invite(bob);
	verb(alice, "cancel", NULL);
	expect_end(alice, 11);
	cJSON_Delete(client_expect(bob, "onUserCancel"));
	g_autofree char *status = text_of(client_call(alice, "status", NULL, NULL), "status");
	g_assert_cmpstr(status, ==, "idle");
	g_assert_cmpuint(client_count(alice, "onCallNext"), ==, 0);
	g_assert_cmpuint(client_count(carol, "onInvited"), ==, 0);
}

/* An account that is not there, one that is busy, one that does not answer: the last one's end is the end. */
static void test_nobody(void)
{
	forget();
	cJSON *on = cJSON_CreateObject(), *ms = cJSON_CreateObject();
	cJSON_AddBoolToObject(on, "on", true);
	cJSON_AddNumberToObject(ms, "ms", 3000);
	verb(alice, "setCallTimeout", ms);
	verb(bob, "setDnd", on);
	verb(alice, "call", call_of("zoe bob carol"));
	expect_next(NULL, "bob", "carol");
	expect_end(alice, 7);
	expect_next(NULL, "carol", "");
	expect_end(alice, 3);
	expect_end(alice, 2);
	g_assert_cmpuint(client_count(alice, "onCallNext"), ==, 0);
	on = cJSON_CreateObject();
	cJSON_AddBoolToObject(on, "on", false);
	verb(bob, "setDnd", on);
}

static void test_refused(void)
{
	static const struct { const char *users, *says; } rows[] = {
		{ "bob alice", "alice is an account of this box" },
		{ "", "1 to 32 accounts" },
		{ "bob ", "1 to 128 bytes" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char *error = NULL;
		cJSON *params = call_of(rows[i].users);
		g_assert_null(client_call(alice, "call", params, &error));
		g_assert_nonnull(strstr(error, rows[i].says));
		g_free(error);
	}
	char *error = NULL;
	cJSON *none = cJSON_CreateObject();
	cJSON_AddArrayToObject(none, "userIds");
	g_assert_null(client_call(alice, "call", none, &error));
	g_assert_nonnull(strstr(error, "1 to 32 accounts"));
	g_free(error);
}

/* The command line follows from one call to the next. */
static void test_command(void)
{
	forget();
	cJSON *on = cJSON_CreateObject();
	cJSON_AddBoolToObject(on, "on", true);
	verb(bob, "setDnd", on);
	on = cJSON_CreateObject();
	cJSON_AddBoolToObject(on, "on", true);
	verb(carol, "setDnd", on);
	char *out = NULL;
	int code = place_run(place, place->dir, &out, "callboxctl", "-s", alice_box->socket, "call", "bob", "carol",
			     "--wait", "connected", NULL);
	g_assert_cmpint(code, ==, 5);
	g_assert_nonnull(strstr(out, "carol is asked"));
	g_free(out);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	const struct box_devices free_ = { .more = "rings_a_minute = 0\ninvites_a_minute = 0\n" };
	alice_box = box_create(place, "alice", "room-a", NULL, &free_);
	struct box *bob_box = box_create(place, "bob", "room-b", NULL, &free_);
	struct box *carol_box = box_create(place, "carol", "room-c", NULL, &free_);
	box_start(alice_box);
	box_start(bob_box);
	box_start(carol_box);
	alice = client_open(alice_box->socket);
	bob = client_open(bob_box->socket);
	carol = client_open(carol_box->socket);
	g_test_add_func("/hunt/second-answers", test_second_answers);
	g_test_add_func("/hunt/first-answers", test_first_answers);
	g_test_add_func("/hunt/cancel", test_cancel);
	g_test_add_func("/hunt/nobody", test_nobody);
	g_test_add_func("/hunt/refused", test_refused);
	g_test_add_func("/hunt/command", test_command);
	int r = g_test_run();
	client_close(alice);
	client_close(bob);
	client_close(carol);
	place_close(place);
	return r;
}
