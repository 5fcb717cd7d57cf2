/* The call core, driven in memory: cores of several devices joined by a network that the test delays, doubles
 * and reorders. What each device tells its user is checked, and that no two devices believe they won. */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "core/base/message.h"
#include "core/call/call_core.h"

#define DEVICES_MAX 4

struct letter {
	int to;
	char *account, *kind, *call_id, *from_user, *from_party;
	uint64_t seq;
	cJSON *body;
};

struct device {
	char account[16], party[32];
	struct call_core *core;
	GString *events; /* " onInvited onCallEnd:15" */
	int records, last_status, media_started, media_messages, journals;
	cJSON *record; /* the last */
	bool holds_media;
};

struct world {
	struct fsm *fsm;
	struct device devices[DEVICES_MAX];
	int count;
	GQueue network;
	int64_t now_ms;
	unsigned int next_id;
};

static void letter_free(struct letter *letter)
{
	g_free(letter->account);
	g_free(letter->kind);
	g_free(letter->call_id);
	g_free(letter->from_user);
	g_free(letter->from_party);
	cJSON_Delete(letter->body);
	g_free(letter);
}

static void post(struct world *w, int to, const struct device *from, const struct call_output *o)
{
	struct letter *letter = g_new0(struct letter, 1);
	letter->to = to;
	letter->account = g_strdup(w->devices[to].account);
	letter->kind = g_strdup(o->kind);
	letter->call_id = g_strdup(o->call_id);
	letter->from_user = g_strdup(from->account);
	letter->from_party = g_strdup(from->party);
	letter->seq = o->seq;
	letter->body = cJSON_Duplicate(o->json, true);
	g_queue_push_tail(&w->network, letter);
}

static void do_send(struct world *w, const struct device *from, const struct call_output *o)
{
	for (int i = 0; i < w->count; i++)
		if (strcmp(w->devices[i].account, o->to_user) == 0 &&
		    (strcmp(o->to_party, "*") == 0 || strcmp(o->to_party, w->devices[i].party) == 0))
			post(w, i, from, o);
}

static void do_event(struct device *device, const struct call_output *o)
{
	if (strcmp(o->kind, "onCallState") == 0)
		return;
	g_string_append_printf(device->events, " %s", o->kind);
	if (strcmp(o->kind, "onCallEnd") == 0)
		g_string_append_printf(device->events, ":%d", message_int(o->json, "reasonCode", -1));
}

static void drain(struct world *w, struct device *device)
{
	for (struct call_output *o; (o = call_core_take(device->core)); call_output_free(o)) {
		switch (o->type) {
		case OUT_SEND:
			if (strcmp(o->kind, "bye") != 0) /* written before anything is said */
				g_assert_cmpint(device->journals, >, 0);
			do_send(w, device, o);
			break;
		case OUT_EVENT:
			do_event(device, o);
			break;
		case OUT_RECORD:
			device->records++;
			device->last_status = message_int(o->json, "status", 0);
			cJSON_Delete(device->record);
			device->record = cJSON_Duplicate(o->json, true);
			break;
		case OUT_JOURNAL:
			device->journals++;
			break;
		case OUT_MEDIA_OPEN:
			call_core_setup(device->core, w->now_ms, o->call_id, 0, NULL);
			break;
		case OUT_MEDIA_START:
			device->media_started++;
			device->holds_media = true;
			break;
		case OUT_MEDIA_STOP:
			device->holds_media = false;
			break;
		case OUT_MEDIA_MESSAGE:
			device->media_messages++;
			break;
		case OUT_MEDIA_TYPE:
		case OUT_MEDIA_HOLD:
		case OUT_SCREEN:
		case OUT_RING:
			break;
		}
	}
}

static void deliver(struct world *w, struct letter *letter)
{
	struct device *device = &w->devices[letter->to];
	const struct call_message message = {
		.account = letter->account, .kind = letter->kind, .call_id = letter->call_id,
		.from_user = letter->from_user, .from_party = letter->from_party, .seq = letter->seq,
		.age_ms = 0, .body = letter->body,
	};
	call_core_message(device->core, w->now_ms, &message);
	drain(w, device);
}

static void settle(struct world *w)
{
	for (struct letter *letter; (letter = g_queue_pop_head(&w->network));) {
		deliver(w, letter);
		letter_free(letter);
	}
}

/* Time passes; every timer that is due runs, messages arrive in between. */
static void pass(struct world *w, int64_t ms)
{
	int64_t end = w->now_ms + ms;
	while (w->now_ms < end) {
		w->now_ms += 50;
		for (int i = 0; i < w->count; i++) {
			call_core_tick(w->devices[i].core, w->now_ms);
			drain(w, &w->devices[i]);
		}
		settle(w);
	}
}

static void join(struct world *w, const char *account, const char *party)
{
	static const struct call_policy policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1,
						   .reject_account = true, .confirm_video = true };
	struct device *device = &w->devices[w->count++];
	g_strlcpy(device->account, account, sizeof(device->account));
	g_strlcpy(device->party, party, sizeof(device->party));
	device->core = call_core_create(w->fsm, party, &policy);
	device->events = g_string_new(NULL);
	call_core_synced(device->core, w->now_ms, account, true);
	drain(w, device);
}

static struct world *world_open(int bobs)
{
	struct world *w = g_new0(struct world, 1);
	char *error = NULL;
	g_autofree char *file = g_build_filename(g_getenv("CALLBOX_SRC"), "conf", "call.fsm", NULL);
	w->now_ms = 1000000;
	if (fsm_load(&call_words, file, &w->fsm, &error) < 0)
		g_error("%s", error);
	join(w, "alice", "a:1");
	for (int i = 0; i < bobs; i++) {
		char party[16];
		g_snprintf(party, sizeof(party), "b%d:1", i);
		join(w, "bob", party);
	}
	return w;
}

static void world_close(struct world *w)
{
	for (int i = 0; i < w->count; i++) {
		g_assert_cmpint(call_core_status(w->devices[i].core), ==, CALL_IDLE);
		g_assert_false(w->devices[i].holds_media);
		call_core_free(w->devices[i].core);
		g_string_free(w->devices[i].events, TRUE);
		cJSON_Delete(w->devices[i].record);
	}
	g_queue_clear_full(&w->network, (GDestroyNotify)letter_free);
	fsm_free(w->fsm);
	g_free(w);
}

static void call_user(struct world *w, int from, const char *user)
{
	char id[CALL_ID_CHARS + 1], *error = NULL;
	g_snprintf(id, sizeof(id), "%032x", ++w->next_id);
	const struct call_request request = { .call_id = id, .account = w->devices[from].account, .user = user,
					      .type = CALL_VIDEO };
	if (call_core_call(w->devices[from].core, w->now_ms, &request, &error) < 0)
		g_error("%s", error);
	drain(w, &w->devices[from]);
}

enum verb { ACCEPT, REJECT, HANGUP, CANCEL };

static int verb(struct world *w, int who, enum verb which)
{
	char *error = NULL;
	struct call_core *core = w->devices[who].core;
	int r = which == ACCEPT	  ? call_core_accept(core, w->now_ms, NULL, 0, &error)
		: which == REJECT ? call_core_reject(core, w->now_ms, NULL, &error)
		: which == HANGUP ? call_core_hangup(core, w->now_ms, NULL, &error)
				  : call_core_cancel(core, w->now_ms, NULL, &error);
	g_assert_true((r < 0) == (error != NULL));
	g_free(error);
	drain(w, &w->devices[who]);
	return r;
}

static void media_up(struct world *w, int who)
{
	const char *id = call_core_live_id(w->devices[who].core);
	g_assert_nonnull(id);
	g_assert_true(w->devices[who].holds_media);
	call_core_media(w->devices[who].core, w->now_ms, id, CALL_MEDIA_UP, NULL);
	drain(w, &w->devices[who]);
}

static void expect(struct world *w, int who, const char *events, int status)
{
	struct device *device = &w->devices[who];
	g_assert_cmpstr(device->events->str, ==, events);
	if (status == 0)
		g_assert_cmpint(device->records, ==, 0);
	else
		g_assert_cmpint(device->last_status, ==, status);
}

static void test_complete(void)
{
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	settle(w);
	g_assert_cmpint(call_core_status(w->devices[1].core), ==, CALL_CALLED);
	g_assert_false(w->devices[1].holds_media);
	verb(w, 1, ACCEPT);
	g_assert_false(w->devices[1].holds_media); /* an accept is a request */
	settle(w);
	media_up(w, 0);
	media_up(w, 1);
	verb(w, 0, HANGUP);
	settle(w);
	expect(w, 0, " onUserAccept onJoinChannel onUserEnter onCallEnd:15", 1);
	expect(w, 1, " onInvited onJoinChannel onUserEnter onUserLeave onCallEnd:16", 1);
	world_close(w);
}

static void test_endings(void)
{
	static const struct {
		int who;
		enum verb verb;
		const char *alice, *bob;
		int status;
	} rows[] = {
		{ 1, REJECT, " onUserReject onCallEnd:14", " onInvited onCallEnd:13", 3 },
		{ 0, CANCEL, " onCallEnd:11", " onInvited onUserCancel onCallMissed onCallEnd:12", 2 },
		{ 0, HANGUP, " onCallEnd:11", " onInvited onUserCancel onCallMissed onCallEnd:12", 2 },
		{ 1, HANGUP, " onUserReject onCallEnd:14", " onInvited onCallEnd:13", 3 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct world *w = world_open(1);
		call_user(w, 0, "bob");
		settle(w);
		g_assert_cmpint(verb(w, rows[i].who, rows[i].verb), ==, 0);
		settle(w);
		expect(w, 0, rows[i].alice, rows[i].status);
		expect(w, 1, rows[i].bob, rows[i].status);
		world_close(w);
	}
}

static void test_timeout(void)
{
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	settle(w);
	pass(w, 40000);
	expect(w, 0, " onCallingTimeout onCallEnd:2", 4);
	expect(w, 1, " onInvited onCallingTimeout onCallMissed onCallEnd:2", 4);
	world_close(w);
}

/* The decide is lost: the callee's guard silences it, once; the anchor's late word mends its record. */
static void test_guard(void)
{
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	settle(w);
	verb(w, 0, CANCEL);
	g_queue_clear_full(&w->network, (GDestroyNotify)letter_free);
	pass(w, 40000);
	expect(w, 1, " onInvited onCallingTimeout onCallMissed onCallEnd:2", 2);
	world_close(w);
}

static void test_two_devices(void)
{
	struct world *w = world_open(2);
	call_user(w, 0, "bob");
	settle(w);
	verb(w, 1, ACCEPT);
	verb(w, 2, ACCEPT); /* within one round trip */
	settle(w);
	g_assert_cmpint(w->devices[1].media_started + w->devices[2].media_started, ==, 1);
	media_up(w, 0);
	media_up(w, 1);
	verb(w, 1, HANGUP);
	settle(w);
	expect(w, 1, " onInvited onJoinChannel onUserEnter onCallEnd:15", 1);
	g_assert_cmpstr(w->devices[2].events->str, ==, " onInvited onOtherClientAccept onCallEnd:18");
	world_close(w);
}

static void test_reject_on_sibling(void)
{
	struct world *w = world_open(2);
	call_user(w, 0, "bob");
	settle(w);
	verb(w, 1, REJECT);
	settle(w);
	expect(w, 0, " onUserReject onCallEnd:14", 3);
	expect(w, 2, " onInvited onOtherClientReject onCallEnd:17", 3);
	world_close(w);
}

static void test_busy(void)
{
	struct world *w = world_open(1);
	join(w, "carol", "c:1");
	call_user(w, 0, "bob");
	settle(w);
	verb(w, 1, ACCEPT);
	settle(w);
	media_up(w, 0);
	media_up(w, 1);
	call_user(w, 2, "bob");
	settle(w);
	pass(w, 3000); /* the answers of all devices are collected */
	expect(w, 2, " onUserBusy onCallEnd:3", 5);
	g_assert_cmpint(call_core_status(w->devices[1].core), ==, CALL_IN_CALL);
	verb(w, 0, HANGUP);
	settle(w);
	world_close(w);
}

static void test_glare(void)
{
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	call_user(w, 1, "alice");
	settle(w);
	g_assert_cmpint(call_core_status(w->devices[0].core), ==, CALL_IN_CALL);
	g_assert_cmpint(call_core_status(w->devices[1].core), ==, CALL_IN_CALL);
	g_assert_cmpstr(call_core_live_id(w->devices[0].core), ==, call_core_live_id(w->devices[1].core));
	media_up(w, 0);
	media_up(w, 1);
	verb(w, 0, HANGUP);
	settle(w);
	world_close(w);
}

static void test_wrong_state(void)
{
	struct world *w = world_open(1);
	g_assert_cmpint(verb(w, 0, ACCEPT), <, 0);
	g_assert_cmpint(verb(w, 0, HANGUP), <, 0);
	call_user(w, 0, "bob");
	settle(w);
	g_assert_cmpint(verb(w, 0, ACCEPT), <, 0);
	g_assert_cmpint(verb(w, 1, CANCEL), <, 0);
	verb(w, 0, HANGUP);
	settle(w);
	world_close(w);
}

/* Messages doubled and shuffled, users that press anything: every call ends, at most one device connects. */
static void test_storm(void)
{
	GRand *random = g_rand_new_with_seed(20);
	for (int round = 0; round < 3000; round++) {
		struct world *w = world_open(1 + round % 2);
		call_user(w, 0, "bob");
		for (int i = 0; i < 60; i++) {
			struct letter *letter = g_queue_pop_nth(
				&w->network, (guint)g_rand_int_range(random, 0, 4));
			if (letter) {
				deliver(w, letter);
				if (g_rand_int_range(random, 0, 4) == 0)
					deliver(w, letter);
				letter_free(letter);
			}
			int who = g_rand_int_range(random, 0, w->count);
			if (g_rand_int_range(random, 0, 6) == 0)
				verb(w, who, (enum verb)g_rand_int_range(random, 0, 3));
			w->now_ms += g_rand_int_range(random, 0, 400);
			int connected = 0;
			for (int b = 1; b < w->count; b++)
				connected += w->devices[b].holds_media;
			g_assert_cmpint(connected, <=, 1);
		}
		pass(w, 120000);
		for (int i = 0; i < w->count; i++) {
			const char *ends = strstr(w->devices[i].events->str, "onCallEnd");
			g_assert_true(ends == NULL || strstr(ends + 1, "onCallEnd") == NULL);
		}
		world_close(w);
	}
	g_rand_free(random);
}

/* A box that died in a call tells the peer when it is back, and writes its one record. */
static void test_restart(void)
{
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	settle(w);
	verb(w, 1, ACCEPT);
	settle(w);
	media_up(w, 0);
	media_up(w, 1);
	struct device *alice = &w->devices[0];
	g_autofree char *id = g_strdup(call_core_live_id(alice->core));
	call_core_free(alice->core);
	alice->holds_media = false;
	g_strlcpy(alice->party, "a:2", sizeof(alice->party));
	static const struct call_policy policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1 };
	alice->core = call_core_create(w->fsm, alice->party, &policy);
	cJSON *journal = cJSON_CreateObject();
	cJSON_AddStringToObject(journal, "callId", id);
	cJSON_AddStringToObject(journal, "account", "alice");
	cJSON_AddStringToObject(journal, "peer", "bob");
	cJSON_AddStringToObject(journal, "peerParty", "b0:1");
	cJSON_AddBoolToObject(journal, "anchor", true);
	cJSON_AddBoolToObject(journal, "live", true);
	cJSON_AddBoolToObject(journal, "connected", true);
	cJSON_AddStringToObject(journal, "outcome", "accepted");
	call_core_restore(alice->core, w->now_ms, journal);
	cJSON_Delete(journal);
	drain(w, alice);
	settle(w);
	g_assert_cmpint(alice->records, ==, 1);
	g_assert_cmpint(alice->last_status, ==, 1);
	g_assert_nonnull(strstr(w->devices[1].events->str, "onCallEnd"));
	world_close(w);
}

/* Any message about a live call from another account changes nothing. */
static void test_forged(void)
{
	static const char *const kinds[] = { "accept", "reject", "decide", "bye", "ringing", "state", "query",
					     "invite", "flags", "update", "record" };
	struct world *w = world_open(1);
	call_user(w, 0, "bob");
	settle(w);
	g_autofree char *id = g_strdup(call_core_live_id(w->devices[0].core));
	cJSON *body = cJSON_Parse("{\"scope\":\"all\",\"outcome\":\"accepted\",\"winner\":\"a:1\",\"type\":1}");
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		for (int d = 0; d < 2; d++) {
			const struct call_message m = { .account = w->devices[d].account, .kind = kinds[i],
							.call_id = id, .from_user = "mallory",
							.from_party = "b0:1", .seq = 99 + i, .body = body };
			call_core_message(w->devices[d].core, w->now_ms, &m);
			drain(w, &w->devices[d]);
		}
	cJSON_Delete(body);
	settle(w);
	g_assert_cmpint(call_core_status(w->devices[0].core), ==, CALL_CALLING);
	g_assert_cmpint(call_core_status(w->devices[1].core), ==, CALL_CALLED);
	verb(w, 0, HANGUP);
	settle(w);
	world_close(w);
}

/* ---- admission, before the table ---- */

static void arrive(struct world *w, int who, const char *kind, unsigned int id, const char *from, const char *party,
		   int64_t age_ms, const char *body)
{
	char call_id[CALL_ID_CHARS + 1];
	static uint64_t seq = 1000;
	cJSON *json = cJSON_Parse(body);
	g_assert_nonnull(json);
	g_snprintf(call_id, sizeof(call_id), "%032x", id);
	const struct call_message message = { .account = w->devices[who].account, .kind = kind, .call_id = call_id,
					      .from_user = from, .from_party = party, .seq = ++seq,
					      .age_ms = age_ms, .body = json };
	call_core_message(w->devices[who].core, w->now_ms, &message);
	cJSON_Delete(json);
	drain(w, &w->devices[who]);
}

#define INVITE "{\"type\":2,\"lifetime_ms\":30000}"

/* The kind of the last letter in the network, or "" when there is none; the network is emptied. */
static char *said(struct world *w)
{
	struct letter *letter = g_queue_peek_tail(&w->network);
	char *kind = g_strdup(letter ? letter->kind : "");
	g_queue_clear_full(&w->network, (GDestroyNotify)letter_free);
	g_queue_init(&w->network);
	return kind;
}

static void expect_said(struct world *w, const char *kind)
{
	g_autofree char *was = said(w);
	g_assert_cmpstr(was, ==, kind);
}

static void set_policy(struct world *w, int who, struct call_policy policy)
{
	policy.call_timeout_ms = 30000;
	policy.autoanswer_ms = -1;
	call_core_policy(w->devices[who].core, &policy);
}

static void test_admission(void)
{
	struct world *w = world_open(1);
	struct device *bob = &w->devices[1];
	/* A1: too old to ring; it is missed */
	arrive(w, 1, "invite", 1, "alice", "a:1", 28000, INVITE);
	g_assert_cmpstr(bob->events->str, ==, " onCallRefused onCallMissed");
	g_assert_cmpint(bob->last_status, ==, 4);
	expect_said(w, "reject");
	/* A2: do not disturb, blocked; off the allow-list the caller learns nothing */
	call_core_dnd(bob->core, w->now_ms, true, 0);
	arrive(w, 1, "invite", 2, "alice", "a:1", 0, INVITE);
	expect_said(w, "reject");
	call_core_dnd(bob->core, w->now_ms, false, 0);
	set_policy(w, 1, (struct call_policy){ .block = "mallory alice" });
	arrive(w, 1, "invite", 3, "alice", "a:1", 0, INVITE);
	expect_said(w, "reject");
	set_policy(w, 1, (struct call_policy){ .allow = "alic alices" });
	drain(w, bob);
	g_string_truncate(bob->events, 0);
	arrive(w, 1, "invite", 4, "alice", "a:1", 0, INVITE);
	expect_said(w, "");
	g_assert_cmpstr(bob->events->str, ==, "");
	/* A2: a flood rings as often as allowed */
	set_policy(w, 1, (struct call_policy){ .invites_a_minute = 3 });
	for (unsigned int i = 10; i < 30; i++) {
		arrive(w, 1, "invite", i, "alice", "a:1", 0, INVITE);
		arrive(w, 1, "bye", i, "alice", "a:1", 0, "{\"reason\":\"hangup\"}");
	}
	int rings = 0;
	for (const char *at = bob->events->str; (at = strstr(at, "onInvited")); at++)
		rings++;
	g_assert_cmpint(rings, ==, 3);
	world_close(w);
}

static void test_tombstones(void)
{
	struct world *w = world_open(1);
	struct device *bob = &w->devices[1];
	/* R9: the verdict overtakes the invite, which then never rings */
	arrive(w, 1, "decide", 50, "alice", "a:1", 0, "{\"outcome\":\"canceled\"}");
	arrive(w, 1, "invite", 50, "alice", "a:1", 0, INVITE);
	g_assert_cmpstr(bob->events->str, ==, "");
	/* a question about a call of another boot: it is gone */
	g_free(said(w));
	arrive(w, 1, "accept", 51, "alice", "a:1", 0, "{\"type\":2}");
	expect_said(w, "bye");
	/* A6: busy, and the call goes on */
	arrive(w, 1, "invite", 52, "alice", "a:1", 0, INVITE);
	g_assert_cmpint(call_core_status(bob->core), ==, CALL_CALLED);
	arrive(w, 1, "invite", 53, "carol", "c:1", 0, INVITE);
	g_assert_cmpint(call_core_status(bob->core), ==, CALL_CALLED);
	/* A5: the device that called was rebooted and calls again: the old call gives way */
	verb(w, 1, ACCEPT);
	arrive(w, 1, "decide", 52, "alice", "a:1", 0, "{\"outcome\":\"accepted\",\"winner\":\"b0:1\"}");
	media_up(w, 1);
	arrive(w, 1, "invite", 54, "alice", "a:2", 0, INVITE);
	g_assert_cmpint(call_core_status(bob->core), ==, CALL_CALLED);
	g_assert_cmpstr(call_core_live_id(bob->core) + 30, ==, "36");
	verb(w, 1, REJECT);
	g_free(said(w));
	/* after a day nothing is kept */
	w->now_ms += CALL_TOMBSTONE_MS + 1000;
	call_core_tick(bob->core, w->now_ms);
	g_assert_cmpint((int)call_core_deadline(bob->core), ==, -1);
	world_close(w);
}

/* Video is asked for and agreed to; a refusal changes nothing; crossing asks are consent. */
static void test_switch_type(void)
{
	struct world *w = world_open(1);
	char *error = NULL;
	call_user(w, 0, "bob");
	settle(w);
	call_core_accept(w->devices[1].core, w->now_ms, NULL, CALL_AUDIO, &error);
	drain(w, &w->devices[1]);
	settle(w);
	media_up(w, 0);
	media_up(w, 1);
	for (int asker = 0; asker < 2; asker++) {
		struct call_core *ask = w->devices[asker].core, *answer = w->devices[1 - asker].core;
		g_assert_cmpint(call_core_switch_type(ask, w->now_ms, CALL_VIDEO, 1, &error), ==, 0);
		drain(w, &w->devices[asker]);
		settle(w);
		g_assert_true(g_str_has_suffix(w->devices[1 - asker].events->str, " onCallTypeChange"));
		g_assert_cmpint(call_core_switch_type(answer, w->now_ms, CALL_VIDEO, 2, &error), ==, 0);
		drain(w, &w->devices[1 - asker]);
		settle(w);
		for (int i = 0; i < 2; i++) {
			cJSON *state = call_core_state(w->devices[i].core, w->now_ms);
			g_assert_cmpint(message_int(message_member(state, "call"), "type", 0), ==, CALL_VIDEO);
			cJSON_Delete(state);
		}
		/* back to sound needs nobody's consent */
		g_assert_cmpint(call_core_switch_type(ask, w->now_ms, CALL_AUDIO, 1, &error), ==, 0);
		drain(w, &w->devices[asker]);
		settle(w);
		cJSON *state = call_core_state(answer, w->now_ms);
		g_assert_cmpint(message_int(message_member(state, "call"), "type", 0), ==, CALL_AUDIO);
		cJSON_Delete(state);
	}
	g_assert_cmpint(call_core_switch_type(w->devices[0].core, w->now_ms, CALL_VIDEO, 2, &error), <, 0);
	g_free(error);
	verb(w, 1, HANGUP);
	settle(w);
	world_close(w);
}

/* Description and candidates overtake the verdict: all of them wait for it, none is lost. */
static void test_media_first(void)
{
	struct world *w = world_open(1);
	struct device *bob = &w->devices[1];
	arrive(w, 1, "invite", 70, "alice", "a:1", 0, INVITE);
	arrive(w, 1, "description", 70, "alice", "a:1", 0, "{\"sdp\":\"early\"}"); /* before an accept: not wanted */
	verb(w, 1, ACCEPT);
	arrive(w, 1, "description", 70, "alice", "a:1", 0, "{\"sdp\":\"v=0\"}");
	arrive(w, 1, "candidates", 70, "alice", "a:1", 0, "{\"candidates\":[]}");
	arrive(w, 1, "candidates", 70, "alice", "a:1", 0, "{\"candidates\":[]}");
	g_assert_cmpint(bob->media_messages, ==, 0);
	arrive(w, 1, "decide", 70, "alice", "a:1", 0, "{\"outcome\":\"accepted\",\"winner\":\"b0:1\"}");
	g_assert_cmpint(bob->media_messages, ==, 3);
	verb(w, 1, HANGUP);
	world_close(w);
}

/* What a peer writes into invite and record is cut down to what those fields may hold. */
static void test_foreign_fields(void)
{
	struct world *w = world_open(1);
	struct device *bob = &w->devices[1];
	arrive(w, 1, "invite", 71, "alice", "a:1", 0,
	       "{\"type\":2,\"lifetime_ms\":30000,\"group\":{\"group_id\":7,\"user_ids\":[1,null,\"bob\",{\"x\":[]}],"
	       "\"more\":[1,2,3]}}");
	cJSON *state = call_core_state(bob->core, w->now_ms);
	const cJSON *call = message_member(state, "call");
	char *users = cJSON_PrintUnformatted(message_member(call, "userIds"));
	g_assert_cmpstr(users, ==, "[\"bob\"]");
	g_assert_cmpstr(message_string(call, "groupId", NULL), ==, "");
	cJSON_free(users);
	cJSON_Delete(state);
	arrive(w, 1, "record", 71, "alice", "a:1", 0,
	       "{\"type\":2,\"status\":2,\"agoMs\":1e300,\"durationMs\":-5,\"more\":[[1]],\"direction\":\"out\","
	       "\"durations\":[{\"accid\":\"alice\",\"duration\":1e99},{\"accid\":3},7],\"detail\":9}");
	char *record = cJSON_PrintUnformatted(bob->record);
	g_assert_cmpstr(record, ==,
			"{\"type\":2,\"channelId\":\"00000000000000000000000000000047\",\"status\":2,\"durations\":"
			"[{\"accid\":\"alice\",\"duration\":2592000000}],\"account\":\"bob\",\"peer\":\"alice\","
			"\"direction\":\"in\",\"durationMs\":0,\"agoMs\":2592000000,\"final\":true}");
	cJSON_free(record);
	world_close(w);
}

/* Records of calls that never were here: a stranger's fill no history, a backlog's are all taken. */
static void test_record_flood(void)
{
	struct world *w = world_open(1);
	const struct call_policy policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1, .invites_a_minute = 30,
					    .block = "mallory" };
	call_core_policy(w->devices[1].core, &policy);
	for (unsigned int i = 0; i < 100; i++) {
		arrive(w, 1, "record", 1000 + i, "carol", "c:1", 0, "{\"type\":2,\"status\":1}");
		arrive(w, 1, "record", 2000 + i, "mallory", "m:1", 0, "{\"type\":2,\"status\":1}");
	}
	g_assert_cmpint(w->devices[1].records, ==, 30);
	cJSON *body = cJSON_Parse("{\"type\":2,\"status\":1}");
	for (unsigned int i = 0; i < 100; i++) {
		char id[CALL_ID_CHARS + 1];
		g_snprintf(id, sizeof(id), "%032x", 3000 + i);
		const struct call_message m = { .account = "bob", .kind = "record", .call_id = id, .from_user = "carol",
						.from_party = "c:1", .seq = i + 1, .replay = true, .body = body };
		call_core_message(w->devices[1].core, w->now_ms, &m);
		drain(w, &w->devices[1]);
	}
	cJSON_Delete(body);
	g_assert_cmpint(w->devices[1].records, ==, 130);
	world_close(w);
}

/* The user's own words about a group are checked, not carried. */
static void test_group(void)
{
	static const struct { const char *group, *error; } rows[] = {
		{ "{\"group_id\":\"g\",\"user_ids\":[\"bob\",7]}", "userIds" },
		{ "{\"group_id\":\"g\",\"user_ids\":[\"\"]}", "userIds" },
		{ "{\"group_id\":\"g\",\"user_ids\":[\"bob\",\"carol\"],\"is_from_group\":true}", NULL },
	};
	struct world *w = world_open(1);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char id[CALL_ID_CHARS + 1], *error = NULL;
		cJSON *group = cJSON_Parse(rows[i].group);
		g_snprintf(id, sizeof(id), "%032zx", i + 1);
		const struct call_request request = {
			.call_id = id, .account = "alice", .user = "bob", .type = CALL_VIDEO, .group = group,
		};
		int r = call_core_call(w->devices[0].core, w->now_ms, &request, &error);
		g_assert_cmpint(r == 0, ==, rows[i].error == NULL);
		if (rows[i].error)
			g_assert_nonnull(strstr(error, rows[i].error));
		g_free(error);
		cJSON_Delete(group);
	}
	drain(w, &w->devices[0]);
	verb(w, 0, HANGUP);
	settle(w);
	world_close(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/call/complete", test_complete);
	g_test_add_func("/call/endings", test_endings);
	g_test_add_func("/call/timeout", test_timeout);
	g_test_add_func("/call/guard", test_guard);
	g_test_add_func("/call/two-devices", test_two_devices);
	g_test_add_func("/call/reject-on-sibling", test_reject_on_sibling);
	g_test_add_func("/call/busy", test_busy);
	g_test_add_func("/call/glare", test_glare);
	g_test_add_func("/call/wrong-state", test_wrong_state);
	g_test_add_func("/call/storm", test_storm);
	g_test_add_func("/call/restart", test_restart);
	g_test_add_func("/call/forged", test_forged);
	g_test_add_func("/call/admission", test_admission);
	g_test_add_func("/call/tombstones", test_tombstones);
	g_test_add_func("/call/switch-type", test_switch_type);
	g_test_add_func("/call/media-first", test_media_first);
	g_test_add_func("/call/foreign-fields", test_foreign_fields);
	g_test_add_func("/call/group", test_group);
	g_test_add_func("/call/record-flood", test_record_flood);
	return g_test_run();
}
