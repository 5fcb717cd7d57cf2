/* The words of call.fsm that do something, and the questions its guards ask. */
#include "core/call/call.h"

#include <string.h>

#include "core/base/message.h"

static const char *const outcome_names[] = {
	[OUTCOME_NONE] = "none", [OUTCOME_ACCEPTED] = "accepted", [OUTCOME_CANCELED] = "canceled",
	[OUTCOME_REJECTED] = "rejected", [OUTCOME_TIMEOUT] = "timeout", [OUTCOME_BUSY] = "busy",
	[OUTCOME_GLARE] = "glare", [OUTCOME_FAILED] = "failed",
};

const char *call_outcome_name(enum call_outcome outcome)
{
	return outcome_names[outcome];
}

static enum call_outcome outcome_parse(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(outcome_names); i++)
		if (name && strcmp(outcome_names[i], name) == 0)
			return (enum call_outcome)i;
	return OUTCOME_NONE;
}

/* ---- guards ---- */

static bool scope_all(struct step *step)
{
	return g_str_equal(message_string(step->body, "scope", "device"), "all");
}

static unsigned int devices_ringing(const struct call *call, const char *but)
{
	GHashTableIter iter;
	void *party, *reason;
	unsigned int n = 0;
	if (!call->devices)
		return 0;
	g_hash_table_iter_init(&iter, call->devices);
	while (g_hash_table_iter_next(&iter, &party, &reason))
		n += *(char *)reason == '\0' && g_strcmp0(party, but) != 0;
	return n;
}

/* The refusing device had rung, and no other rings. */
static bool last_device(struct step *step)
{
	GHashTable *devices = step->call->devices;
	const char *mine = devices ? g_hash_table_lookup(devices, step->from_party) : NULL;
	if (step->core->policy.busy_first && g_str_equal(message_string(step->body, "reason", ""), "busy"))
		return true;
	return mine && !*mine && devices_ringing(step->call, step->from_party) == 0;
}

static bool nobody_rings(struct step *step)
{
	return devices_ringing(step->call, NULL) == 0;
}

static bool age_trusted(struct step *step)
{
	return step->call->fresh || step->core->policy.ring_unverified;
}

static bool won(struct step *step)
{
	return outcome_parse(message_string(step->body, "outcome", NULL)) == OUTCOME_ACCEPTED &&
	       g_strcmp0(message_string(step->body, "winner", NULL), step->core->party) == 0;
}

/* The peer's device, also after a reboot: what it then says about this call, its journal says. */
static bool from_peer(struct step *step)
{
	return step->from_party && step->call->peer_party &&
	       party_same_device(step->from_party, step->call->peer_party);
}

static bool anchor(struct step *step)
{
	return step->call->anchor;
}

static const struct { const char *word; bool (*holds)(struct step *step); } guards[] = {
	{ "scope_all", scope_all }, { "last_device", last_device }, { "nobody_rings", nobody_rings },
	{ "age_trusted", age_trusted }, { "won", won }, { "from_peer", from_peer }, { "anchor", anchor },
};

const char *const call_guard_words[] = {
	"scope_all", "last_device", "nobody_rings", "age_trusted", "won", "from_peer", "anchor", NULL,
};

bool guard_holds(int guard, void *data)
{
	return guards[guard].holds(data);
}

/* ---- actions ---- */

static const char *anchor_party(const struct call *call)
{
	return call->peer_party ? call->peer_party : "*";
}

static void media_open(struct step *step, const char *unused)
{
	struct call *call = step->call;
	(void)unused;
	call->media_asked = true;
	output_put(step->core, call->anchor ? OUT_MEDIA_OPEN : OUT_MEDIA_START, call);
	for (cJSON *held = call->held ? call->held->child : NULL; held; held = held->next) {
		struct call_output *output = output_put_kind(step->core, OUT_MEDIA_MESSAGE, call,
							     message_string(held, "kind", ""), call->peer_party);
		output->json = cJSON_Duplicate(message_member(held, "body"), true);
	}
	cJSON_Delete(call->held);
	call->held = NULL;
}

static cJSON *ended_ids(struct step *step)
{
	cJSON *ids = cJSON_CreateArray();
	for (GList *l = step->core->ended.head; l && cJSON_GetArraySize(ids) < 4; l = l->next) {
		const struct call *old = l->data;
		if (g_str_equal(old->peer_user, step->call->peer_user) &&
		    g_str_equal(old->account, step->call->account))
			cJSON_AddItemToArray(ids, cJSON_CreateString(old->id));
	}
	return ids;
}

static void send_invite(struct step *step, const char *unused)
{
	const struct call *call = step->call;
	(void)unused;
	cJSON *body = cJSON_CreateObject();
	json_number(body, "type", call->type);
	json_number(body, "lifetime_ms", call->ring_ms);
	json_string(body, "channel_name", call->id);
	if (call->attachment)
		json_item(body, "attachment", cJSON_Duplicate(call->attachment, true));
	if (call->group)
		json_item(body, "group", cJSON_Duplicate(call->group, true));
	json_item(body, "ended", ended_ids(step));
	send_to(step, "invite", "*", body);
}

static void send_plain(struct step *step, const char *kind)
{
	send_to(step, kind, anchor_party(step->call), NULL);
}

static void send_accept(struct step *step, const char *unused)
{
	(void)unused;
	cJSON *body = cJSON_CreateObject();
	json_number(body, "type", step->call->type);
	step->call->accept_sent = true;
	send_to(step, "accept", anchor_party(step->call), body);
}

static void send_reject(struct step *step, const char *scope, const char *reason)
{
	cJSON *body = cJSON_CreateObject();
	json_string(body, "scope", scope);
	json_string(body, "reason", reason);
	send_to(step, "reject", anchor_party(step->call), body);
}

static void send_refusal(struct step *step, const char *unused)
{
	(void)unused;
	if (step->call->refusal)
		send_reject(step, "device", step->call->refusal);
}

static void send_reject_all(struct step *step, const char *unused)
{
	(void)unused;
	struct call *call = step->call;
	call->refused_by_me = true;
	const char *scope = step->core->policy.reject_account ? "all" : "device";
	send_reject(step, call->refusal_scope ? call->refusal_scope : scope,
		    call->refusal ? call->refusal : "decline");
}

static void send_reject_timeout(struct step *step, const char *unused)
{
	(void)unused;
	send_reject(step, "device", "timeout");
}

static void send_bye(struct step *step, const char *unused)
{
	static const char *const reasons[] = {
		[END_BY_ME] = "hangup", [END_BY_PEER] = "hangup", [END_BY_MY_MEDIA] = "media",
		[END_BY_PEER_MEDIA] = "media", [END_BY_PEER_LOST] = "media", [END_BY_KICK] = "gone",
		[END_BY_LENGTH] = "maxcall", [END_SUPERSEDED] = "superseded",
		[END_ELSEWHERE] = "gone",
	};
	const struct call *call = step->call;
	(void)unused;
	cJSON *body = cJSON_CreateObject();
	json_string(body, "reason", call->outcome == OUTCOME_ACCEPTED ? reasons[call->end] : "noconfirm");
	json_number(body, "duration", call->connected_ms < 0 ? 0 : (double)(step->now_ms - call->connected_ms));
	send_to(step, "bye", anchor_party(call), body);
}

static cJSON *verdict_body(const struct call *call)
{
	cJSON *body = cJSON_CreateObject();
	json_string(body, "outcome", outcome_names[call->outcome]);
	if (call->winner)
		json_string(body, "winner", call->winner);
	if (call->refusal)
		json_string(body, "reason", call->refusal);
	return body;
}

static void decide(struct step *step, const char *name)
{
	struct call *call = step->call;
	call->outcome = outcome_parse(name);
	send_to(step, "decide", "*", verdict_body(call));
	if (call->outcome != OUTCOME_ACCEPTED)
		return;
	event_put(step->core, call, "onUserAccept", payload_user(call));
	type_answered(step);
	output_put(step->core, OUT_MEDIA_START, call);
}

/* A human's no weighs more than a busy device, that more than silence. */
static void decide_aggregate(struct step *step, const char *unused)
{
	static const struct { const char *reason, *outcome; } weights[] = {
		{ "decline", "rejected" }, { "blocked", "rejected" }, { "busy", "busy" }, { "dnd", "busy" },
		{ "timeout", "timeout" }, { "glare", "busy" }, { "unsupported", "rejected" },
	};
	(void)unused;
	for (size_t i = 0; step->call->devices && i < G_N_ELEMENTS(weights); i++) {
		GHashTableIter iter;
		void *reason;
		g_hash_table_iter_init(&iter, step->call->devices);
		while (g_hash_table_iter_next(&iter, NULL, &reason))
			if (g_str_equal(reason, weights[i].reason)) {
				g_free(step->call->refusal);
				step->call->refusal = g_strdup(reason);
				decide(step, weights[i].outcome);
				return;
			}
	}
	decide(step, "rejected");
}

static GHashTable *devices_of(struct call *call)
{
	if (!call->devices)
		call->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return call->devices;
}

static void note_ringing(struct step *step, const char *unused)
{
	GHashTable *devices = devices_of(step->call);
	(void)unused;
	if (!g_hash_table_contains(devices, step->from_party))
		g_hash_table_insert(devices, g_strdup(step->from_party), g_strdup(""));
}

static void note_refusal(struct step *step, const char *unused)
{
	(void)unused;
	g_hash_table_insert(devices_of(step->call), g_strdup(step->from_party),
			    g_strdup(message_string(step->body, "reason", "decline")));
}

static void choose_winner(struct step *step, const char *unused)
{
	struct call *call = step->call;
	(void)unused;
	g_free(call->winner);
	g_free(call->peer_party);
	call->winner = g_strdup(step->from_party);
	call->peer_party = g_strdup(step->from_party);
}

static void reply_state(struct step *step, const char *unused)
{
	const struct call *call = step->call;
	(void)unused;
	cJSON *body = cJSON_CreateObject();
	json_string(body, "state", step->core->fsm->states[call->state].name);
	if (call->outcome != OUTCOME_NONE)
		json_item(body, "verdict", verdict_body(call));
	send_to(step, "state", step->from_party, body);
}

static void reply_bye(struct step *step, const char *unused)
{
	(void)unused;
	cJSON *body = cJSON_CreateObject();
	json_string(body, "reason", "gone");
	send_to(step, "bye", step->from_party, body);
}

static void reply_final(struct step *step, const char *unused)
{
	(void)unused;
	if (step->call->outcome == OUTCOME_NONE)
		reply_bye(step, NULL);
	else
		send_to(step, "decide", step->from_party, verdict_body(step->call));
}

static void reply_last(struct step *step, const char *unused)
{
	(void)unused;
	/* send_to() keeps what it sends as the new last message: the old one must not be lent to it. */
	g_autofree char *kind = g_strdup(step->call->last_kind);
	if (kind)
		send_to(step, kind, step->from_party, cJSON_Duplicate(step->call->last_body, true));
}

static void timer_start(struct step *step, const char *name)
{
	(void)name; /* collect is the only one a row starts */
	if (step->call->timers[TIMER_COLLECT] < 0)
		step->call->timers[TIMER_COLLECT] = step->now_ms + step->core->fsm->timers[TIMER_COLLECT].ms;
}

static void timer_stop(struct step *step, const char *name)
{
	(void)name;
	step->call->timers[TIMER_COLLECT] = -1;
}

static cJSON *invited_payload(const struct call *call)
{
	cJSON *payload = cJSON_CreateObject();
	const cJSON *users = message_member(call->group, "user_ids");
	json_string(payload, "invitor", call->peer_user);
	if (users)
		json_item(payload, "userIds", cJSON_Duplicate(users, true));
	else
		cJSON_AddItemToArray(cJSON_AddArrayToObject(payload, "userIds"),
				     cJSON_CreateString(call->account));
	json_bool(payload, "isFromGroup", message_bool(call->group, "is_from_group", false));
	json_string(payload, "groupId", message_string(call->group, "group_id", ""));
	json_item(payload, "attachment", call->attachment ? cJSON_Duplicate(call->attachment, true)
								      : cJSON_CreateObject());
	json_number(payload, "type", call->type);
	return payload;
}

static void notify_ring(struct step *step, const char *unused)
{
	struct call *call = step->call;
	(void)unused;
	const struct call_policy *policy = &step->core->policy;
	bool second = call != step->core->live;
	call->invited_told = true;
	cJSON *payload = invited_payload(call);
	json_bool(payload, "waiting", second);
	event_put(step->core, call, "onInvited", payload);
	struct call_output *ring = output_put(step->core, OUT_RING, call);
	ring->on = true;
	ring->soft = second;
	if (!second && policy->autoanswer_ms >= 0 &&
	    (!policy->autoanswer_contacts || list_has(policy->contacts, call->peer_user)))
		call->timers[TIMER_AUTOANSWER] = step->now_ms + policy->autoanswer_ms;
}

static void notify_stop(struct step *step, const char *unused)
{
	(void)unused;
	output_put(step->core, OUT_RING, step->call)->on = false;
}

static void notify_ringback(struct step *step, const char *unused)
{
	(void)unused;
	output_put(step->core, OUT_RING, step->call)->on = true;
}

/* Media is up, for the first time or again. */
static void notify_in_call(struct step *step, const char *unused)
{
	struct call *call = step->call;
	(void)unused;
	if (call->connected_ms >= 0)
		return;
	struct call_core *core = step->core;
	int maxcall = core->policy.maxcall_ms;
	call->connected_ms = step->now_ms;
	call->timers[TIMER_HEARTBEAT] = step->now_ms + CALL_HEARTBEAT_MS;
	journal_put(step);
	if (maxcall > 0)
		call->timers[TIMER_MAXCALL] = step->now_ms + MAX(maxcall - CALL_PROMPT_MS, 0);
	/* The peer takes everything for on and audible until it is told otherwise. */
	if (core->audio_muted || core->video_muted || !core->audio_enabled || !core->video_enabled)
		flags_send(step);
	cJSON *joined = payload_user(call);
	json_string(joined, "uid", step->core->party);
	json_string(joined, "cid", call->id);
	json_string(joined, "channelName", call->id);
	event_put(step->core, call, "onJoinChannel", joined);
	event_put(step->core, call, "onUserEnter", payload_user(call));
}

static void notify_nothing(struct step *step, const char *unused)
{
	(void)step; /* the change of state is told as onCallState */
	(void)unused;
}

static void log_outcome(struct step *step, const char *name)
{
	if (step->call->outcome == OUTCOME_NONE)
		step->call->outcome = outcome_parse(name);
}

/* The anchor's word, which also mends what this device thought until now. */
static void log_decide(struct step *step, const char *unused)
{
	struct call *call = step->call;
	enum call_outcome outcome = outcome_parse(message_string(step->body, "outcome", NULL));
	const char *winner = message_string(step->body, "winner", NULL);
	(void)unused;
	if (outcome == OUTCOME_NONE || call->outcome == outcome)
		return;
	bool ended = call->state == step->core->fsm->final && call->ended_ms >= 0;
	call->outcome = outcome;
	g_free(call->winner);
	call->winner = g_strdup(winner);
	if (ended && outcome == OUTCOME_GLARE)
		output_put(step->core, OUT_RECORD, call); /* the call never was: takes back what was written */
	else if (ended && outcome != OUTCOME_ACCEPTED)
		call_record(step);
}

static const struct {
	const char *word;
	void (*run)(struct step *step, const char *argument);
	const char *argument;
} actions[] = {
	{ "media_open", media_open, NULL },
	{ "notify:calling", notify_nothing, NULL },
	{ "notify:ringback", notify_ringback, NULL },
	{ "notify:ring", notify_ring, NULL },
	{ "notify:connecting", notify_stop, NULL },
	{ "notify:stop", notify_stop, NULL },
	{ "notify:in_call", notify_in_call, NULL },
	{ "notify:reconnecting", notify_nothing, NULL },
	{ "wake_display", notify_nothing, NULL },
	{ "send:invite", send_invite, NULL },
	{ "send:query", send_plain, "query" },
	{ "send:ringing", send_plain, "ringing" },
	{ "send:accept", send_accept, NULL },
	{ "send:refusal", send_refusal, NULL },
	{ "send:reject_all", send_reject_all, NULL },
	{ "send:reject_timeout", send_reject_timeout, NULL },
	{ "send:bye", send_bye, NULL },
	{ "reply:state", reply_state, NULL },
	{ "reply:bye", reply_bye, NULL },
	{ "reply:final", reply_final, NULL },
	{ "reply:last", reply_last, NULL },
	{ "decide:accepted", decide, "accepted" },
	{ "decide:rejected", decide, "rejected" },
	{ "decide:timeout", decide, "timeout" },
	{ "decide:canceled", decide, "canceled" },
	{ "decide:glare", decide, "glare" },
	{ "decide:aggregate", decide_aggregate, NULL },
	{ "note_ringing", note_ringing, NULL },
	{ "note_refusal", note_refusal, NULL },
	{ "choose_winner", choose_winner, NULL },
	{ "timer_start:collect", timer_start, "collect" },
	{ "timer_stop:collect", timer_stop, "collect" },
	{ "log:failed", log_outcome, "failed" },
	{ "log:canceled", log_outcome, "canceled" },
	{ "log:glare", log_outcome, "glare" },
	{ "log:missed", log_outcome, "timeout" },
	{ "log:declined", log_outcome, "rejected" },
	{ "log:decide", log_decide, NULL },
};

const char *const call_action_words[] = {
	"media_open", "notify:calling", "notify:ringback", "notify:ring", "notify:connecting", "notify:stop",
	"notify:in_call", "notify:reconnecting", "wake_display", "send:invite", "send:query", "send:ringing",
	"send:accept", "send:refusal", "send:reject_all", "send:reject_timeout", "send:bye", "reply:state",
	"reply:bye", "reply:final", "reply:last", "decide:accepted", "decide:rejected", "decide:timeout",
	"decide:canceled", "decide:glare", "decide:aggregate", "note_ringing", "note_refusal",
	"choose_winner", "timer_start:collect", "timer_stop:collect", "log:failed", "log:canceled",
	"log:glare", "log:missed", "log:declined", "log:decide", NULL,
};

G_STATIC_ASSERT(G_N_ELEMENTS(actions) + 1 == G_N_ELEMENTS(call_action_words));
G_STATIC_ASSERT(G_N_ELEMENTS(guards) + 1 == G_N_ELEMENTS(call_guard_words));

void action_run(struct step *step, int action)
{
	g_assert(strcmp(actions[action].word, call_action_words[action]) == 0);
	actions[action].run(step, actions[action].argument);
}
