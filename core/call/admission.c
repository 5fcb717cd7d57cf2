/* An invite with an unknown call_id: what happens before the table sees it. Rules A1 to A6. */
#include "core/call/call.h"

#include <string.h>

#include "core/base/message.h"

#define LIFETIME_MIN_MS 3000
#define GUARD_MARGIN_MS 5000
#define FLOOD_WINDOW_MS 60000

struct flood {
	int64_t since_ms;
	int count;
	bool told; /* one missed call stands for the rest of the minute */
};

bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; at && (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
			return true;
	return false;
}

/* Somebody whom the administrator named. */
static bool is_known(const struct call_core *core, const char *user)
{
	return list_has(core->policy.contacts, user) || list_has(core->policy.allow, user);
}

/* Rings of all but the callers that the administrator named: a flood from many must not ring on and on. */
static bool rings_too_often(struct call_core *core, int64_t now_ms, const char *user)
{
	const struct call_policy *policy = &core->policy;
	if (policy->rings_a_minute == 0 || is_known(core, user))
		return false;
	if (now_ms - core->rings_since_ms >= FLOOD_WINDOW_MS || core->rings == 0) {
		core->rings_since_ms = now_ms;
		core->rings = 0;
	}
	return ++core->rings > policy->rings_a_minute;
}

static struct flood *flood_of(struct call_core *core, int64_t now_ms, const char *user)
{
	if (!core->floods)
		core->floods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	struct flood *flood = g_hash_table_lookup(core->floods, user);
	if (!flood) {
		if (g_hash_table_size(core->floods) > 1000)
			g_hash_table_remove_all(core->floods);
		flood = g_new0(struct flood, 1);
		flood->since_ms = now_ms;
		g_hash_table_insert(core->floods, g_strdup(user), flood);
	}
	if (now_ms - flood->since_ms >= FLOOD_WINDOW_MS)
		*flood = (struct flood){ .since_ms = now_ms };
	return flood;
}

/* Records of calls that never came here cost a place in the history: a stranger must not empty it. A backlog has been
 * limited by whoever kept it. */
bool admit_record(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	int most = core->policy.invites_a_minute;
	if (list_has(core->policy.block, message->from_user))
		return false;
	return message->replay || most == 0 || ++flood_of(core, now_ms, message->from_user)->count <= most;
}

/* Whether this invite is one too many. *ret_first: the first such of its caller in this minute. */
static bool floods(struct call_core *core, int64_t now_ms, const char *user, bool *ret_first)
{
	struct flood *flood = flood_of(core, now_ms, user);
	int most = core->policy.invites_a_minute;
	bool many = (most > 0 && ++flood->count > most) || (!core->live && rings_too_often(core, now_ms, user));
	*ret_first = many && !flood->told;
	flood->told |= many;
	return many;
}

static size_t device_length(const char *party)
{
	const char *colon = strrchr(party, ':');
	return colon ? (size_t)(colon - party) : strlen(party);
}

/* Another boot of the same device. */
static bool is_rebooted(const char *old, const char *now)
{
	size_t length = device_length(old);
	return length == device_length(now) && strncmp(old, now, length) == 0 && strcmp(old, now) != 0;
}

bool party_same_device(const char *one, const char *other)
{
	return strcmp(one, other) == 0 || is_rebooted(one, other);
}

static bool stands_in_ended(const cJSON *body, const char *id)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, message_member(body, "ended"))
		if (cJSON_IsString(one) && strcmp(one->valuestring, id) == 0)
			return true;
	return false;
}

/* What an invite says of a group: a list of names, nothing else. */
static cJSON *group_of(const cJSON *body)
{
	const cJSON *from = message_member(body, "group"), *one;
	const char *id = message_string(from, "group_id", "");
	if (!cJSON_IsObject(from))
		return NULL;
	cJSON *group = cJSON_CreateObject();
	json_string(group, "group_id", strlen(id) <= CALL_GROUP_BYTES_MAX ? id : "");
	cJSON *users = cJSON_AddArrayToObject(group, "user_ids");
	size_t bytes = 0;
	cJSON_ArrayForEach(one, message_member(from, "user_ids"))
		if (cJSON_IsString(one) && (bytes += strlen(one->valuestring) + 3) <= CALL_GROUP_BYTES_MAX)
			cJSON_AddItemToArray(users, cJSON_CreateString(one->valuestring));
	json_bool(group, "is_from_group", message_bool(from, "is_from_group", false));
	return group;
}

static struct call *call_from_invite(struct call_core *core, int64_t now_ms,
				     const struct call_message *message, int remaining_ms)
{
	struct call *call = call_new(core, message->call_id, message->account, message->from_user, false,
				     now_ms);
	call->peer_party = g_strdup(message->from_party);
	int type = message_int(message->body, "type", CALL_AUDIO);
	call->type = type >= CALL_AUDIO && type <= CALL_OTHER ? (enum call_type)type : CALL_OTHER;
	call->ring_ms = remaining_ms;
	call->guard_ms = remaining_ms + GUARD_MARGIN_MS;
	if (core->own_limit_ms > 0)
		call->guard_ms = MIN(call->guard_ms, core->own_limit_ms);
	call->fresh = message->age_ms >= 0;
	const cJSON *attachment = message_member(message->body, "attachment");
	call->attachment = cJSON_IsObject(attachment) ? cJSON_Duplicate(attachment, true) : NULL;
	call->group = group_of(message->body);
	return call;
}

static struct step step_of(struct call_core *core, int64_t now_ms, struct call *call,
			   const struct call_message *message)
{
	return (struct step){ .core = core, .call = call, .now_ms = now_ms,
			      .from_party = message->from_party };
}

static void refused_told(struct step *step, const char *reason, bool missed)
{
	cJSON *payload = payload_user(step->call);
	json_string(payload, "reason", reason);
	if (step->call->detail)
		json_string(payload, "detail", step->call->detail);
	event_put(step->core, step->call, "onCallRefused", payload);
	if (missed)
		event_put(step->core, step->call, "onCallMissed", payload_user(step->call));
}

/* reason NULL: says nothing to the caller. missed: a record tells the user that somebody called. */
static void refuse(struct call_core *core, int64_t now_ms, struct call *call,
		   const struct call_message *message, const char *reason, bool missed)
{
	call->refusal = g_strdup(reason);
	if (missed)
		call->outcome = OUTCOME_TIMEOUT;
	struct step step = step_of(core, now_ms, call, message);
	call_step(&step, BOX_REFUSE, -1);
	if (reason)
		refused_told(&step, reason, missed);
}

static void admit(struct call_core *core, int64_t now_ms, struct call *call,
		  const struct call_message *message, bool automatic)
{
	struct step step = step_of(core, now_ms, call, message);
	call_step(&step, automatic ? BOX_ADMIT_AUTO : BOX_ADMIT, -1);
	if (automatic)
		return;
	call->verified = !message->replay && g_hash_table_contains(core->synced, call->account);
	if (core->policy.screen_calls) {
		struct call_output *output = output_put(core, OUT_SCREEN, call);
		call->asking = true;
		output->json = payload_user(call);
		json_number(output->json, "type", call->type);
	} else if (call->verified) {
		call_step(&step, SIGNALLING_SYNCED, -1);
	}
}

void call_core_screened(struct call_core *core, int64_t now_ms, const char *call_id, enum call_screening answer)
{
	struct call *call = g_hash_table_lookup(core->calls, call_id);
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	if (!call || !call->asking)
		return;
	call->asking = false;
	switch (answer) {
	case SCREEN_ALLOW:
		if (call->verified)
			call_step(&step, SIGNALLING_SYNCED, -1);
		break;
	case SCREEN_REFUSE:
		call->refusal = g_strdup("blocked");
		call->refusal_scope = "device";
		call_step(&step, USER_REJECT, -1);
		refused_told(&step, "blocked", true);
		break;
	case SCREEN_ACCEPT:
		if (call == core->live)
			event_put(core, call, "onAutoAnswer", payload_user(call));
		call_step(&step, call == core->live ? USER_ACCEPT : SIGNALLING_SYNCED, -1);
		break;
	}
}

static void end_call(struct call_core *core, int64_t now_ms, struct call *call, enum call_event event)
{
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	call->end = END_SUPERSEDED;
	call_step(&step, (int)event, -1);
}

/* The call that I made is over without an end that the user saw: the other one goes on in its place. */
static void replaced_told(struct call_core *core, const char *lost, const struct call *call)
{
	cJSON *payload = payload_user(call);
	json_string(payload, "replaced", lost);
	event_put(core, call, "onCallReplaced", payload);
}

/* A4: we call each other. True: my call L loses, the incoming one is taken. */
static bool glare_loses(const struct call_core *core, const struct call_message *message)
{
	const struct call *live = core->live;
	return live->timers[TIMER_SETUP] >= 0 || stands_in_ended(message->body, live->id) ||
	       strcmp(message->call_id, live->id) < 0;
}

/* A5: the device that I am in a call with has forgotten that call. */
static bool is_superseding(const struct call *live, const struct call_message *message)
{
	return live && live->peer_party && g_str_equal(live->peer_user, message->from_user) &&
	       g_str_equal(live->account, message->account) &&
	       party_same_device(live->peer_party, message->from_party) &&
	       (stands_in_ended(message->body, live->id) ||
		is_rebooted(live->peer_party, message->from_party));
}

static void admit_glare(struct call_core *core, int64_t now_ms, struct call *call,
			const struct call_message *message)
{
	if (!glare_loses(core, message)) {
		refuse(core, now_ms, call, message, "glare", false);
		return;
	}
	g_autofree char *lost = g_strdup(core->live->id);
	end_call(core, now_ms, core->live, BOX_GLARE_LOST);
	admit(core, now_ms, call, message, true);
	replaced_told(core, lost, call);
}

/* A5: the new call takes the old one's place. */
static void supersede(struct call_core *core, int64_t now_ms, struct call *old, struct call *call,
		      const struct call_message *message)
{
	bool resume = g_strcmp0(message_string(message->body, "replaces", NULL), old->id) == 0;
	end_call(core, now_ms, old, BOX_SUPERSEDED);
	admit(core, now_ms, call, message, resume && !core->live);
}

static void admit_beside(struct call_core *core, int64_t now_ms, struct call *call,
			 const struct call_message *message)
{
	const struct call *live = core->live;
	enum call_status status = core->fsm->states[live->state].status;
	bool same_peer = g_str_equal(live->peer_user, message->from_user) &&
			 g_str_equal(live->account, message->account);
	if (status == CALL_CALLING && same_peer)
		admit_glare(core, now_ms, call, message);
	else if (is_superseding(live, message))
		supersede(core, now_ms, core->live, call, message);
	else if (is_superseding(core->waiting, message))
		supersede(core, now_ms, core->waiting, call, message);
	else if (status == CALL_CALLED && is_known(core, message->from_user) && !is_known(core, live->peer_user))
		supersede(core, now_ms, core->live, call, message); /* strangers must not keep contacts out */
	else if (core->policy.call_waiting && status == CALL_IN_CALL && !core->waiting)
		admit(core, now_ms, call, message, false);
	else
		refuse(core, now_ms, call, message, "busy", false);
}

/* No state is kept and nothing is written: a flood costs an answer each. */
static void refuse_flood(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	cJSON *body = cJSON_CreateObject();
	json_string(body, "scope", "device");
	json_string(body, "reason", "busy");
	answer_unknown(core, now_ms, message, "reject", body);
}

/* A1, A2: why this call does not ring, whatever else goes on here; NULL: it may. */
static const char *refusal(const struct call_core *core, int64_t now_ms, const struct call *call,
			   const struct call_message *message)
{
	int type = message_int(message->body, "type", 0);
	int lifetime = MAX(message_int(message->body, "lifetime_ms", 0), 0);
	if (call->ring_ms < MIN(LIFETIME_MIN_MS, MAX(lifetime / 2, 1)))
		return "timeout";
	if (list_has(core->policy.block, message->from_user))
		return "blocked";
	if (type < CALL_AUDIO || type > CALL_OTHER)
		return "unsupported";
	return call_core_has_dnd(core, now_ms) ? "dnd" : NULL;
}

void admit_invite(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	const struct call_policy *policy = &core->policy;
	bool allowed = !policy->allow || list_has(policy->allow, message->from_user), first;
	bool many = allowed && floods(core, now_ms, message->from_user, &first);
	if (many && !first) {
		refuse_flood(core, now_ms, message);
		return;
	}
	int lifetime = message_int(message->body, "lifetime_ms", 0);
	int64_t remaining = CLAMP(lifetime, 0, CALL_TIMEOUT_MAX_MS) - MAX(message->age_ms, 0);
	struct call *call = call_from_invite(core, now_ms, message, (int)MAX(remaining, 0));
	const char *why = refusal(core, now_ms, call, message);
	if (many && !why)
		call->detail = g_strdup("more calls within a minute than callbox.conf allows");
	if (!allowed)
		refuse(core, now_ms, call, message, NULL, false);
	else if (why || many)
		refuse(core, now_ms, call, message, why ? why : "busy", true);
	else if (!core->live)
		admit(core, now_ms, call, message, false);
	else
		admit_beside(core, now_ms, call, message);
}
