/* What the administrator decides, on three real boxes: call waiting, do-not-disturb, auto-answer, hooks, standby, the
 * longest call, a token service, logins by hand, and the verbs and events that belong to it. */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)

static struct place *place;
static struct box *alice_box, *bob_box, *carol_box;
static struct client *alice, *bob, *carol;

static cJSON *one_text(const char *name, const char *value)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, name, value);
	return params;
}

static cJSON *one_bool(const char *name, bool value)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, name, value);
	return params;
}

static void verb(struct client *client, const char *name, cJSON *params)
{
	cJSON_Delete(client_call(client, name, params, NULL));
}

static void refused(struct client *client, const char *name, cJSON *params, const char *word)
{
	char *error = NULL;
	g_assert_null(client_call(client, name, params, &error));
	if (!strstr(error, word))
		g_error("%s: \"%s\" does not say \"%s\"", name, error, word);
	g_free(error);
}

static void expect(struct client *client, const char *event)
{
	cJSON_Delete(client_expect(client, event));
}

static bool truth(const cJSON *json, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* The next such event that says so; what earlier cases left is passed over. */
static void expect_flag(struct client *client, const char *event, const char *name, bool value)
{
	for (bool said = !value; said != value;) {
		cJSON *params = client_expect(client, event);
		said = truth(params, name);
		cJSON_Delete(params);
	}
}

static void expect_end(struct client *client, int reason)
{
	cJSON *end = client_expect(client, "onCallEnd");
	g_assert_cmpint((int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(end, "reasonCode")), ==, reason);
	cJSON_Delete(end);
}

static void forget_all(void)
{
	client_forget(alice);
	client_forget(bob);
	client_forget(carol);
}

static void connect_to(struct client *caller, struct client *callee, const char *user)
{
	verb(caller, "call", one_text("userId", user));
	expect(callee, "onInvited");
	expect_flag(caller, "onRing", "on", true);
	verb(callee, "accept", NULL);
	expect_flag(caller, "onRing", "on", false);
	expect(caller, "onUserEnter");
	expect(callee, "onUserEnter");
}

static double number_of(struct client *client, const char *process, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *part = cJSON_GetObjectItemCaseSensitive(stats, process);
	double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(part, name));
	cJSON_Delete(stats);
	return value;
}

/* More pictures of the other side are shown than were a moment ago. */
static void flows(struct client *client)
{
	double before = number_of(client, "video", "frames_shown");
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (!(number_of(client, "video", "frames_shown") > before + 5)) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(20000);
	}
}

static char *ctl(const struct box *box, const char *first, const char *second, const char *third)
{
	char *out = NULL;
	g_autofree char *socket = g_strdup(box->socket);
	int code = place_run(place, box->dir, &out, "callboxctl", "-s", socket, first, second, third, NULL);
	if (code != 0)
		g_error("callboxctl %s: exit %d: %s", first, code, out);
	return out;
}

/* bob: the second call holds the first, which goes on when the second is over. */
static void test_hold(void)
{
	forget_all();
	connect_to(alice, bob, "bob");
	verb(carol, "call", one_text("userId", "bob"));
	expect_flag(bob, "onInvited", "waiting", true);
	verb(bob, "accept", NULL);
	expect_flag(bob, "onCallHeld", "held", true);
	expect_flag(alice, "onAudioAvailable", "available", false);
	expect_flag(alice, "onCameraAvailable", "available", false);
	expect(carol, "onUserEnter");
	expect(bob, "onUserEnter");
	cJSON *status = client_call(bob, "status", NULL, NULL);
	g_assert_true(truth(cJSON_GetObjectItemCaseSensitive(status, "waiting"), "held"));
	cJSON_Delete(status);
	verb(carol, "hangup", NULL);
	expect_end(bob, 16);
	expect_end(carol, 15);
	expect_flag(bob, "onCallHeld", "held", false);
	expect_flag(alice, "onAudioAvailable", "available", true);
	flows(alice);
	flows(bob);
	verb(bob, "hangup", NULL);
	expect_end(bob, 15);
	expect_end(alice, 16);
}

/* alice: the second call ends the first. Reject leaves it alone. */
static void test_second_ends_first(void)
{
	forget_all();
	connect_to(bob, alice, "alice");
	verb(carol, "call", one_text("userId", "alice"));
	expect_flag(alice, "onInvited", "waiting", true);
	verb(alice, "reject", NULL);
	expect_end(carol, 14);
	expect_end(alice, 13);
	g_assert_cmpuint(client_count(bob, "onCallEnd"), ==, 0);
	verb(carol, "call", one_text("userId", "alice"));
	expect_flag(alice, "onInvited", "waiting", true);
	verb(alice, "accept", NULL);
	expect_end(bob, 16);
	expect_end(alice, 15);
	expect(carol, "onUserEnter");
	verb(carol, "hangup", NULL);
	expect_end(carol, 15);
	expect_end(alice, 16);
}

/* Who finds the room busy does not stop its ring for another. */
static void test_busy_rings_on(void)
{
	forget_all();
	verb(alice, "call", one_text("userId", "bob"));
	expect_flag(bob, "onRing", "on", true);
	verb(carol, "call", one_text("userId", "bob"));
	expect(carol, "onCallEnd");
	expect(bob, "onCallRefused");
	cJSON *status = client_call(bob, "status", NULL, NULL);
	g_assert_cmpuint(client_count(bob, "onRing"), ==, 0);
	cJSON_Delete(status);
	verb(alice, "hangup", NULL);
	expect_flag(bob, "onRing", "on", false);
	expect_end(alice, 11);
	expect_end(bob, 12);
}

/* The caller hears it ring there, until it is answered. */
static void test_rings_until_answered(void)
{
	forget_all();
	verb(alice, "call", one_text("userId", "bob"));
	expect_flag(alice, "onRing", "on", true);
	expect(bob, "onInvited");
	verb(bob, "accept", NULL);
	expect_flag(alice, "onRing", "on", false);
	expect(alice, "onUserEnter");
	verb(alice, "hangup", NULL);
	expect_end(alice, 15);
	expect_end(bob, 16);
	cJSON *status = client_call(alice, "status", NULL, NULL);
	g_assert_cmpuint(client_count(alice, "onRing"), ==, 0);
	cJSON_Delete(status);
}

static void test_dnd(void)
{
	forget_all();
	g_free(ctl(alice_box, "dnd", "on", "2h"));
	expect_flag(alice, "onDndChange", "on", true);
	verb(bob, "call", one_text("userId", "alice"));
	expect(bob, "onUserBusy");
	expect_end(bob, 3);
	expect(alice, "onCallRefused");
	expect(alice, "onCallMissed");
	g_free(ctl(alice_box, "dnd", "off", NULL));
	expect_flag(alice, "onDndChange", "on", false);
	cJSON *params = one_bool("on", true);
	cJSON_AddNumberToObject(params, "forMs", 300);
	verb(alice, "setDnd", params);
	expect_flag(alice, "onDndChange", "on", true);
	expect_flag(alice, "onDndChange", "on", false); /* its time is over */
	params = one_bool("on", true);
	cJSON_AddNumberToObject(params, "forMs", -1);
	refused(alice, "setDnd", params, "0..604800000");
	refused(alice, "setDnd", NULL, "on");
}

/* carol answers her contact alice by herself, muted; the mute ends with the call. The longest call is 3 s. */
static void test_autoanswer_and_longest(void)
{
	forget_all();
	verb(alice, "call", one_text("userId", "carol"));
	expect(carol, "onAutoAnswer");
	expect_flag(carol, "onMuteChange", "audioMuted", true);
	expect(alice, "onUserEnter");
	expect_flag(alice, "onAudioMuted", "muted", true);
	expect(carol, "onMaxCall");
	verb(carol, "prolong", NULL);
	expect(carol, "onMaxCall");
	expect_end(carol, 15);
	expect_end(alice, 16);
	expect_flag(carol, "onMuteChange", "audioMuted", false);
	refused(carol, "prolong", NULL, "idle");
	client_forget(carol);
	/* bob is no contact of hers: it rings, is ignored, and can be accepted all the same */
	verb(bob, "call", one_text("userId", "carol"));
	expect_flag(carol, "onRing", "on", true);
	verb(carol, "ignore", NULL);
	expect_flag(carol, "onRing", "on", false);
	verb(carol, "accept", NULL);
	expect(bob, "onUserEnter");
	verb(bob, "hangup", NULL);
	expect_end(bob, 15);
	expect_end(carol, 16);
	refused(carol, "ignore", NULL, "idle");
}

static void expect_standby(struct client *client, bool on)
{
	cJSON *status = client_call(client, "status", NULL, NULL);
	g_assert_true(truth(status, "standby") == on);
	cJSON_Delete(status);
}

static char *wait_for(const char *file, const char *text)
{
	for (gint64 end = g_get_monotonic_time() + LIMIT_US;;) {
		char *all = NULL;
		if (g_file_get_contents(file, &all, NULL, NULL) && strstr(all, text))
			return all;
		if (g_get_monotonic_time() > end)
			g_error("%s: no \"%s\" in:\n%s", file, text, all);
		g_free(all);
		g_usleep(10000);
	}
}

/* bob's hooks write down what they were told; call-incoming refuses carol. */
static void test_hooks(void)
{
	g_autofree char *file = g_build_filename(bob_box->dir, "hooks.log", NULL);
	g_unlink(file);
	forget_all();
	verb(bob, "standby", one_bool("on", true));
	verb(carol, "call", one_text("userId", "bob"));
	expect_end(carol, 14);
	expect_standby(bob, true); /* it did not ring */
	connect_to(alice, bob, "bob");
	expect_standby(bob, false);
	verb(bob, "muteLocalAudio", one_bool("on", true));
	verb(bob, "enableLocalVideo", one_bool("on", false));
	verb(bob, "enableLocalVideo", one_bool("on", true));
	verb(bob, "enableLocalAudio", one_bool("on", false)); /* is silent already: no news */
	verb(bob, "hangup", NULL);
	expect_end(bob, 15);
	expect_end(alice, 16);
	g_free(wait_for(file, "mute-change - no")); /* the end lifts it */
	verb(alice, "call", one_text("userId", "bob"));
	expect(bob, "onInvited");
	verb(alice, "cancel", NULL);
	expect_end(bob, 12);
	expect_end(alice, 11);
	g_autofree char *all = wait_for(file, "call-end alice bob video 12");
	g_assert_true(strstr(all, "mute-change") == strstr(all, "mute-change alice bob video - yes"));
	static const char *const lines[] = {
		"call-ringing alice bob video", "call-connected alice bob video", "mute-change alice bob video - yes",
		"camera-change alice bob video - no", "camera-change alice bob video - yes",
		"call-end alice bob video 15",
		"call-missed alice bob video", "call-end alice bob video 12",
	};
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		g_free(wait_for(file, lines[i]));
}

static void test_alias_and_errors(void)
{
	forget_all();
	struct client *old = client_open(alice_box->socket);
	verb(old, "on", one_text("event", "onCallingTimeOut"));
	verb(old, "addDelegate", one_text("event", "onCallEnd"));
	verb(old, "removeDelegate", one_text("event", "onCallEnd"));
	refused(old, "on", one_text("event", "onNothing"), "onNothing");
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "ms", 1000);
	verb(alice, "setCallTimeout", params);
	verb(alice, "call", one_text("userId", "bob"));
	expect(old, "onCallingTimeOut");
	expect(alice, "onCallingTimeout");
	expect_end(alice, 2);
	expect_end(bob, 2);
	client_close(old);
	refused(alice, "enableLocalVideo", one_bool("on", true), "idle");
	refused(alice, "setAudioMute", one_bool("on", true), "idle");
	refused(alice, "call", one_text("userId", "alice"), "this box");
	refused(alice, "setCallProfile", one_text("resolution", "huge"), "WIDTHxHEIGHT");
	refused(alice, "setCallProfile", one_text("quality", "best"), "medium");
	params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "status", 9);
	refused(alice, "getCallRecords", params, "0..5");
	params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "peer", 5);
	refused(alice, "getCallRecords", params, "peer: a text");
	params = one_text("userId", "bob");
	cJSON_AddStringToObject(params, "userIds", "bob");
	refused(alice, "call", params, "userIds: a list");
	refused(alice, "hangup", one_text("callId", "00000000000000000000000000000000"), "no such call");
	refused(alice, "setCallTimeout", one_text("ms", "soon"), "number");
	char *out = NULL;
	g_assert_cmpint(place_run(place, alice_box->dir, &out, "callboxctl", "-s", alice_box->socket, "call",
				  "a\033[31mb", "--wait", "end", NULL), ==, 6);
	g_assert_nonnull(strstr(out, "a?[31mb: no such account")); /* the terminal is not steered */
	g_free(out);
	expect_end(alice, 7);
	refused(alice, "setTokenService", one_text("url", "/bin/sh"), "callbox.conf");
	refused(alice, "setTokenService", one_text("url", "http://192.0.2.1/"), "TLS");
	params = one_text("resolution", "720p");
	cJSON_AddStringToObject(params, "quality", "low");
	verb(alice, "setCallProfile", params);
	verb(alice, "setCallProfile", one_text("resolution", "640x360"));
}

/* What a page or a program can choose from is what the cards have. */
static void test_sound_devices(void)
{
	static const char *const lists[][2] = { { "microphones", "hasMicrophone" }, { "speakers", "hasSpeaker" } };
	cJSON *devices = client_call(alice, "getDevices", NULL, NULL);
	const cJSON *cards = cJSON_GetObjectItemCaseSensitive(devices, "soundCards"), *card;
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(devices, lists[i][0]);
		int wanted = 0;
		cJSON_ArrayForEach(card, cards)
			wanted += truth(card, lists[i][1]);
		g_assert_true(cJSON_IsArray(list));
		g_assert_cmpint(cJSON_GetArraySize(list), ==, wanted);
		cJSON_ArrayForEach(card, list)
			g_assert_true(cJSON_HasObjectItem(card, "id") && cJSON_HasObjectItem(card, "name"));
	}
	cJSON_Delete(devices);
}

/* What is switched off in a preview is on again after it; the verbs that only ask and say. */
static void test_preview_and_questions(void)
{
	forget_all();
	verb(alice, "preview", one_bool("on", true));
	cJSON *status = client_call(alice, "status", NULL, NULL);
	g_assert_true(truth(status, "preview"));
	cJSON_Delete(status);
	verb(alice, "enableLocalVideo", one_bool("on", false));
	verb(alice, "preview", one_bool("on", false));
	status = client_call(alice, "status", NULL, NULL);
	g_assert_false(truth(status, "preview"));
	g_assert_true(truth(status, "videoEnabled"));
	cJSON_Delete(status);
	connect_to(alice, bob, "bob");
	verb(bob, "enableLocalVideo", one_bool("on", false));
	expect_flag(alice, "onCameraAvailable", "available", false);
	g_autofree char *info = ctl(alice_box, "info", NULL, NULL);
	g_assert_nonnull(strstr(info, "\"bob\""));
	g_autofree char *room = ctl(alice_box, "room", NULL, NULL);
	g_assert_nonnull(strstr(room, "[\"alice\",\"bob\"]"));
	g_free(ctl(alice_box, "silence", "on", "bob"));
	status = client_call(alice, "status", NULL, NULL);
	g_assert_true(truth(status, "peerSilenced"));
	cJSON_Delete(status);
	cJSON *params = one_text("userId", "carol");
	cJSON_AddStringToObject(params, "view", "null:");
	refused(alice, "setupRemoteView", params, "carol is not in this call");
	verb(alice, "hangup", NULL);
	expect_end(alice, 15);
	expect_end(bob, 16);
	status = client_call(bob, "status", NULL, NULL);
	g_assert_true(truth(status, "videoEnabled"));
	cJSON_Delete(status);
	cJSON *record = client_expect(bob, "onCallRecord");
	g_assert_nonnull(cJSON_GetObjectItemCaseSensitive(record, "startedAt"));
	cJSON_Delete(record);
}

/* An account that stands in no file; a wrong token; logged out again. */
static void test_login(void)
{
	forget_all();
	g_autofree char *token = place_add_user(place, "dora");
	refused(carol, "login", one_text("account", "dora"), "token");
	cJSON *params = one_text("account", "dora");
	cJSON_AddStringToObject(params, "token", token);
	verb(carol, "login", params);
	for (bool online = false; !online;) {
		cJSON *line = client_expect(carol, "onLineState");
		char *text = cJSON_PrintUnformatted(line);
		online = strstr(text, "dora") && strstr(text, "online");
		cJSON_free(text);
		cJSON_Delete(line);
	}
	connect_to(bob, carol, "dora");
	verb(carol, "logout", one_text("account", "dora"));
	expect_end(carol, 15);
	expect_end(bob, 16);
	refused(carol, "call", one_text("userId", "dora"), "itself");
}

/* bob's token service is a program; alice has none; carol's never works and she must have it. */
static void test_token(void)
{
	forget_all();
	cJSON *status = client_call(bob, "status", NULL, NULL);
	g_assert_null(cJSON_GetObjectItemCaseSensitive(status, "tokenService"));
	cJSON_Delete(status);
	status = client_call(carol, "status", NULL, NULL);
	g_assert_nonnull(cJSON_GetObjectItemCaseSensitive(status, "tokenService"));
	cJSON_Delete(status);
	verb(carol, "call", one_text("userId", "alice"));
	expect(carol, "onError");
	expect_end(carol, 1);
	verb(carol, "setTokenService", one_text("url", ""));
}

/* alice's box rings in standby, without wake_on_ring: it is woken by who answers, not by a ring or its end. */
static void sleeps_through_a_ring(void)
{
	verb(alice, "standby", one_bool("on", true));
	verb(bob, "call", one_text("userId", "alice"));
	expect(alice, "onInvited");
	expect_standby(alice, true);
	verb(bob, "cancel", NULL);
	expect_end(bob, 11);
	expect_end(alice, 12);
	expect_standby(alice, true);
	connect_to(bob, alice, "alice");
	expect_standby(alice, false);
	verb(bob, "hangup", NULL);
	expect_end(bob, 15);
	expect_end(alice, 16);
}

/* carol's box sleeps after a second; a touch and a ring wake it, a call keeps it awake. */
static void test_standby(void)
{
	forget_all();
	verb(carol, "standby", one_bool("on", true));
	verb(bob, "call", one_text("userId", "carol"));
	expect(carol, "onInvited");
	expect_flag(carol, "onStandby", "on", false);
	refused(carol, "standby", one_bool("on", true), "called");
	verb(carol, "reject", NULL);
	expect_end(carol, 13);
	expect_end(bob, 14);
	expect_flag(carol, "onStandby", "on", true);
	refused(carol, "hangup", NULL, "idle"); /* a touch, all the same */
	expect_flag(carol, "onStandby", "on", false);
	sleeps_through_a_ring();
}

/* callboxctl's filters and its CSV. */
static void test_records(void)
{
	g_autofree char *csv = ctl(alice_box, "records", "--csv", NULL);
	g_assert_true(g_str_has_prefix(csv, "started_at,direction,type,account,peer,status"));
	g_assert_nonnull(strstr(csv, ",video,alice,bob,complete,"));
	g_assert_nonnull(strstr(csv, ",timeout,0.0,"));
	g_autofree char *timeouts = ctl(alice_box, "records", "--status", "timeout");
	g_assert_nonnull(strstr(timeouts, "timeout"));
	g_assert_null(strstr(timeouts, "complete"));
	g_autofree char *recent = ctl(alice_box, "records", "--since", "1h");
	g_assert_nonnull(strstr(recent, "bob"));
	g_autofree char *old = ctl(alice_box, "records", "--until", "1h");
	g_assert_cmpstr(old, ==, "");
	char *out = NULL;
	g_assert_cmpint(place_run(place, alice_box->dir, &out, "callboxctl", "-s", alice_box->socket, "records",
				  "--since", "yesterday", NULL), ==, 64);
	g_assert_nonnull(strstr(out, "--since: \"yesterday\""));
	g_free(out);
}

static char *script(const char *dir, const char *name, const char *text)
{
	char *file = g_build_filename(dir, name, NULL);
	g_assert_true(g_file_set_contents_full(file, text, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
	return file;
}

static void bob_hooks(void)
{
	static const char *const hooks[] = { "call-ringing", "call-connected", "call-end", "call-missed",
					     "mute-change", "camera-change" };
	g_autofree char *log = g_strdup_printf("#!/bin/sh\necho \"$HOOK ${CALL_FROM:+$CALL_FROM $CALL_TO $CALL_TYPE }"
					       "${CALL_REASON:--} $CALL_ON\" >>%s/hooks.log\n", bob_box->dir);
	g_autofree char *writer = script(bob_box->dir, "writer", log);
	g_autofree char *judge = script(bob_box->dir, "judge",
					"#!/bin/sh\n[ \"$CALL_PEER\" != carol ] || echo refuse\n");
	g_autofree char *conf = g_build_filename(bob_box->dir, "conf", "hooks.conf", NULL);
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(hooks); i++)
		g_string_append_printf(text, "%s = %s\n", hooks[i], writer);
	g_string_append_printf(text, "call-incoming = %s\n", judge);
	g_assert_true(g_file_set_contents(conf, text->str, -1, NULL));
	g_string_free(text, TRUE);
}

/* Boxes with the conf that the cases above are about. */
static void boxes_start(void)
{
	g_autofree char *program = script(place->dir, "token",
		"#!/bin/sh\necho '{\"servers\":[{\"urls\":[\"stun:127.0.0.1:1\"],\"ttl_s\":600}]}'\n");
	g_autofree char *bobs = g_strdup_printf("call_waiting = yes\naccept_second = hold\ntoken_service = %s\n",
						program);
	alice_box = box_create(place, "alice", "room-a", NULL, &(struct box_devices){
		.more = "call_waiting = yes\nwake_on_ring = no\n" });
	bob_box = box_create(place, "bob", "room-b", NULL, &(struct box_devices){ .more = bobs });
	carol_box = box_create(place, "carol", "room-c", NULL, &(struct box_devices){
		.more = "autoanswer = contacts\ncontacts = alice\nautoanswer_delay = 100ms\nmaxcall = 3s\n"
			"token_service = /bin/false\ntoken_required = yes\nstandby_delay = 1s\n" });
	box_start(alice_box);
	box_start(bob_box);
	box_start(carol_box);
	alice = client_open(alice_box->socket);
	bob = client_open(bob_box->socket);
	carol = client_open(carol_box->socket);
}

static void test_hooks_restarted(void)
{
	client_close(bob);
	g_assert_cmpint(box_stop(bob_box, SIGTERM), ==, 0);
	bob_hooks();
	box_start(bob_box);
	bob = client_open(bob_box->socket);
	test_hooks();
}

/* SIGHUP: the number of log lines that hold the word grows. */
static void reload(const char *word)
{
	unsigned int before = 0, now = 0;
	for (int i = 0; now <= before; i++) {
		g_autofree char *text = NULL;
		g_assert_true(g_file_get_contents(alice_box->log, &text, NULL, NULL));
		now = 0;
		for (const char *at = text; (at = strstr(at, word)); at++)
			now++;
		if (i == 0) {
			before = now;
			kill(alice_box->pid, SIGHUP);
		}
		g_assert_cmpint(i, <, 2000);
		g_usleep(10000);
	}
}

/* alice blocks bob while the box runs; a mistake in the file changes nothing. */
static void test_reload(void)
{
	forget_all();
	g_autofree char *file = g_build_filename(alice_box->dir, "conf", "callbox.conf", NULL);
	g_autofree char *first = NULL;
	g_assert_true(g_file_get_contents(file, &first, NULL, NULL));
	g_autofree char *blocks = g_strconcat(first, "block = bob\n", NULL);
	g_autofree char *wrong = g_strconcat(first, "colour = red\n", NULL);
	g_assert_true(g_file_set_contents(file, blocks, -1, NULL));
	reload("conf: read again");
	verb(bob, "call", one_text("userId", "alice"));
	expect_end(bob, 14);
	g_assert_true(g_file_set_contents(file, wrong, -1, NULL));
	reload("colour: unknown key");
	verb(bob, "call", one_text("userId", "alice"));
	expect_end(bob, 14);
	g_assert_true(g_file_set_contents(file, first, -1, NULL));
	reload("conf: read again");
	connect_to(bob, alice, "alice");
	reload("conf: read again"); /* a call goes on */
	flows(alice);
	verb(bob, "hangup", NULL);
	expect_end(bob, 15);
	expect_end(alice, 16);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	boxes_start();
	g_test_add_func("/policy/token", test_token);
	g_test_add_func("/policy/hold", test_hold);
	g_test_add_func("/policy/second-ends-first", test_second_ends_first);
	g_test_add_func("/policy/busy-rings-on", test_busy_rings_on);
	g_test_add_func("/policy/rings-until-answered", test_rings_until_answered);
	g_test_add_func("/policy/dnd", test_dnd);
	g_test_add_func("/policy/autoanswer-and-longest", test_autoanswer_and_longest);
	g_test_add_func("/policy/standby", test_standby);
	g_test_add_func("/policy/login", test_login);
	g_test_add_func("/policy/alias-and-errors", test_alias_and_errors);
	g_test_add_func("/policy/preview-and-questions", test_preview_and_questions);
	g_test_add_func("/policy/sound-devices", test_sound_devices);
	g_test_add_func("/policy/records", test_records);
	g_test_add_func("/policy/hooks", test_hooks_restarted);
	g_test_add_func("/policy/reload", test_reload);
	int r = g_test_run();
	client_close(alice);
	client_close(bob);
	client_close(carol);
	place_close(place);
	return r;
}
