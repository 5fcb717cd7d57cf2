/* Several devices of one account on a real hub: ring-all, answered and refused elsewhere, a device that was
 * away, a hub that is restarted while it rings, a login that kicks. */
#include <glib.h>
#include <signal.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

struct scene {
	struct place *place;
	struct box *alice_box, *bob1_box, *bob2_box;
	struct client *alice, *bob1, *bob2;
};

static void scene_open(struct scene *s, const void *unused)
{
	(void)unused;
	s->place = place_open(NULL);
	place_hub_start(s->place);
	g_autofree char *token = place_add_user(s->place, "bob");
	const struct box_devices talkative = { .more = "log_level = debug\n" };
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, &talkative);
	s->bob1_box = box_create(s->place, "bob", "room-b1", token, NULL);
	s->bob2_box = box_create(s->place, "bob", "room-b2", token, NULL);
	box_start(s->alice_box);
	box_start(s->bob1_box);
	box_start(s->bob2_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob1 = client_open(s->bob1_box->socket);
	s->bob2 = client_open(s->bob2_box->socket);
}

static void scene_close(struct scene *s, const void *unused)
{
	(void)unused;
	client_close(s->alice);
	client_close(s->bob1);
	client_close(s->bob2);
	place_close(s->place);
}

static void call_bob(struct scene *s)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 1);
	cJSON_Delete(client_call(s->alice, "call", params, NULL));
}

static void expect(struct client *client, const char *event)
{
	cJSON_Delete(client_expect(client, event));
}

static void expect_end(struct client *client, int reason)
{
	cJSON *end = client_expect(client, "onCallEnd");
	g_assert_cmpint((int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(end, "reasonCode")), ==, reason);
	cJSON_Delete(end);
}

static void verb(struct client *client, const char *name)
{
	cJSON_Delete(client_call(client, name, NULL, NULL));
}

static void test_answered_elsewhere(struct scene *s, const void *unused)
{
	(void)unused;
	call_bob(s);
	expect(s->bob1, "onInvited");
	expect(s->bob2, "onInvited");
	verb(s->bob2, "accept");
	expect(s->bob1, "onOtherClientAccept");
	expect_end(s->bob1, 18);
	expect(s->alice, "onUserEnter");
	expect(s->bob2, "onUserEnter");
	g_assert_cmpint(box_child(s->bob1_box, "callbox-media"), ==, -1);
	verb(s->alice, "hangup");
	expect_end(s->bob2, 16);
}

static void test_refused_elsewhere(struct scene *s, const void *unused)
{
	(void)unused;
	call_bob(s);
	expect(s->bob1, "onInvited");
	expect(s->bob2, "onInvited");
	verb(s->bob1, "reject");
	expect(s->bob2, "onOtherClientReject");
	expect_end(s->bob2, 17);
	expect_end(s->bob1, 13);
	expect_end(s->alice, 14);
}

/* alice has heard that this device rings. */
static void expect_ringing(struct scene *s, const char *device)
{
	g_autofree char *word = g_strdup_printf("ringing from bob/%s", device);
	for (int i = 0; i < 2000; i++) {
		g_autofree char *text = NULL;
		if (g_file_get_contents(s->alice_box->log, &text, NULL, NULL) && strstr(text, word))
			return;
		g_usleep(10000);
	}
	g_error("%s: no \"%s\"", s->alice_box->log, word);
}

/* A box that is stopped, or logged out, while it rings refuses for itself: its sibling rings on and answers. */
static void test_leaves_while_ringing(struct scene *s, const void *unused)
{
	(void)unused;
	call_bob(s);
	expect(s->bob1, "onInvited");
	expect(s->bob2, "onInvited");
	expect_ringing(s, "room-b1");
	expect_ringing(s, "room-b2");
	g_assert_cmpint(box_stop(s->bob1_box, SIGTERM), ==, 0);
	verb(s->bob2, "accept");
	expect(s->alice, "onUserEnter");
	expect(s->bob2, "onUserEnter");
	g_assert_cmpuint(client_count(s->alice, "onUserReject"), ==, 0);
	verb(s->alice, "hangup");
	expect_end(s->bob2, 16);
	expect_end(s->alice, 15);
	call_bob(s);
	expect(s->bob2, "onInvited");
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "account", "bob");
	cJSON_Delete(client_call(s->bob2, "logout", params, NULL));
	expect(s->bob2, "onCallingTimeout");
	expect_end(s->bob2, 2);
	expect_end(s->alice, 2); /* nobody else rings */
}

/* One device is in a call: its sibling rings and answers the next. */
static void test_busy_device(struct scene *s, const void *unused)
{
	(void)unused;
	struct box *carol_box = box_create(s->place, "carol", "room-c", NULL, NULL);
	box_start(carol_box);
	struct client *carol = client_open(carol_box->socket);
	call_bob(s);
	expect(s->bob1, "onInvited");
	expect(s->bob2, "onInvited");
	verb(s->bob1, "accept");
	expect(s->alice, "onUserEnter");
	expect_end(s->bob2, 18);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(carol, "call", params, NULL));
	expect(s->bob2, "onInvited");
	verb(s->bob2, "accept");
	expect(carol, "onUserEnter");
	g_assert_cmpuint(client_count(s->bob1, "onInvited"), ==, 0);
	g_assert_cmpuint(client_count(s->alice, "onCallEnd"), ==, 0);
	verb(carol, "hangup");
	verb(s->alice, "hangup");
	client_close(carol);
}

/* The hub dies and comes back while it rings: the call goes on, nothing rings twice. */
static void test_hub_restarted(struct scene *s, const void *unused)
{
	(void)unused;
	call_bob(s);
	expect(s->bob1, "onInvited");
	expect(s->bob2, "onInvited");
	kill(s->place->hub, SIGKILL);
	place_hub_stop(s->place);
	verb(s->bob1, "accept"); /* while there is no hub */
	place_hub_start(s->place);
	expect(s->alice, "onUserEnter");
	expect(s->bob1, "onUserEnter");
	expect_end(s->bob2, 18);
	g_assert_cmpuint(client_count(s->bob1, "onInvited"), ==, 0);
	g_assert_cmpuint(client_count(s->bob2, "onInvited"), ==, 0);
	verb(s->alice, "hangup");
	expect_end(s->bob1, 16);
}

/* A device that was away when it was called gets the record, and does not ring for a stale invite. */
static void test_away(struct scene *s, const void *unused)
{
	(void)unused;
	client_close(s->bob2);
	s->bob2 = NULL;
	box_stop(s->bob2_box, SIGTERM);
	call_bob(s);
	expect(s->bob1, "onInvited");
	verb(s->alice, "cancel");
	expect_end(s->alice, 11);
	expect_end(s->bob1, 12);
	box_start(s->bob2_box);
	s->bob2 = client_open(s->bob2_box->socket);
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	for (int n = 0; n != 1;) {
		cJSON *all = client_call(s->bob2, "getCallRecords", NULL, NULL);
		n = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(all, "records"));
		cJSON_Delete(all);
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(20000);
	}
	g_assert_cmpuint(client_count(s->bob2, "onInvited"), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/devices/answered-elsewhere", struct scene, NULL, scene_open, test_answered_elsewhere,
		   scene_close);
	g_test_add("/devices/refused-elsewhere", struct scene, NULL, scene_open, test_refused_elsewhere, scene_close);
	g_test_add("/devices/leaves-while-ringing", struct scene, NULL, scene_open, test_leaves_while_ringing,
		   scene_close);
	g_test_add("/devices/busy-device", struct scene, NULL, scene_open, test_busy_device, scene_close);
	g_test_add("/devices/hub-restarted", struct scene, NULL, scene_open, test_hub_restarted, scene_close);
	g_test_add("/devices/away", struct scene, NULL, scene_open, test_away, scene_close);
	return g_test_run();
}
