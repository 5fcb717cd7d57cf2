/* An invite with an unknown call_id: what happens before the table sees it. Rules A1 to A6. */
#include "core/call/call.h"

#include <string.h>

#include "core/base/message.h"

#define LIFETIME_MIN_MS 3000
#define FLOOD_WINDOW_MS 60000

struct flood {
	int64_t since_ms;
	int count;
};

static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; at && (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
			return true;
	return false;
}

static bool floods(struct call_core *core, int64_t now_ms, const char *user)
{
	if (core->policy.invites_a_minute == 0)
		return false;
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
	return ++flood->count > core->policy.invites_a_minute;
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

static struct call *call_from_invite(struct call_core *core, int64_t now_ms,
				     const struct call_message *message, int remaining_ms)
{
	struct call *call = call_new(core, message->call_id, message->account, message->from_user, false,
				     now_ms);
	call->peer_party = g_strdup(message->from_party);
	int type = message_int(message->body, "type", CALL_AUDIO);
	call->type = type >= CALL_AUDIO && type <= CALL_OTHER ? (enum call_type)type : CALL_OTHER;
	call->ring_ms = remaining_ms;
	call->fresh = message->age_ms >= 0;
	const cJSON *attachment = message_member(message->body, "attachment");
	const cJSON *group = message_member(message->body, "group");
	call->attachment = cJSON_IsObject(attachment) ? cJSON_Duplicate(attachment, true) : NULL;
	call->group = cJSON_IsObject(group) ? cJSON_Duplicate(group, true) : NULL;
	return call;
}

static struct step step_of(struct call_core *core, int64_t now_ms, struct call *call,
			   const struct call_message *message)
{
	return (struct step){ .core = core, .call = call, .now_ms = now_ms,
			      .from_party = message->from_party };
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
}

static void admit(struct call_core *core, int64_t now_ms, struct call *call,
		  const struct call_message *message, bool automatic)
{
	struct step step = step_of(core, now_ms, call, message);
	call_step(&step, automatic ? BOX_ADMIT_AUTO : BOX_ADMIT, -1);
	if (!automatic && !message->replay && g_hash_table_contains(core->synced, call->account))
		call_step(&step, SIGNALLING_SYNCED, -1);
}

static void end_live(struct call_core *core, int64_t now_ms, enum call_event event)
{
	struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
	step.call->end = END_BY_PEER;
	call_step(&step, (int)event, -1);
}

/* A4: we call each other. True: my call L loses, the incoming one is taken. */
static bool glare_loses(const struct call_core *core, const struct call_message *message)
{
	const struct call *live = core->live;
	return live->timers[TIMER_SETUP] >= 0 || stands_in_ended(message->body, live->id) ||
	       strcmp(message->call_id, live->id) < 0;
}

/* A5: the device that I am in a call with has forgotten that call. */
static bool is_superseding(const struct call_core *core, const struct call_message *message)
{
	const struct call *live = core->live;
	return live->peer_party && g_str_equal(live->peer_user, message->from_user) &&
	       g_str_equal(live->account, message->account) &&
	       party_same_device(live->peer_party, message->from_party) &&
	       (stands_in_ended(message->body, live->id) ||
		is_rebooted(live->peer_party, message->from_party));
}

static void admit_beside(struct call_core *core, int64_t now_ms, struct call *call,
			 const struct call_message *message)
{
	const struct call *live = core->live;
	bool calling = core->fsm->states[live->state].status == CALL_CALLING;
	if (calling && g_str_equal(live->peer_user, message->from_user) &&
	    g_str_equal(live->account, message->account)) {
		if (!glare_loses(core, message)) {
			refuse(core, now_ms, call, message, "glare", false);
			return;
		}
		end_live(core, now_ms, BOX_GLARE_LOST);
		admit(core, now_ms, call, message, true);
		return;
	}
	if (is_superseding(core, message)) {
		bool resume = g_strcmp0(message_string(message->body, "replaces", NULL), live->id) == 0;
		end_live(core, now_ms, BOX_SUPERSEDED);
		admit(core, now_ms, call, message, resume);
		return;
	}
	refuse(core, now_ms, call, message, "busy", false);
}

void admit_invite(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	const struct call_policy *policy = &core->policy;
	int lifetime = message_int(message->body, "lifetime_ms", 0);
	int64_t remaining = CLAMP(lifetime, 0, CALL_TIMEOUT_MAX_MS) - MAX(message->age_ms, 0);
	struct call *call = call_from_invite(core, now_ms, message, (int)MAX(remaining, 0));
	if (remaining < LIFETIME_MIN_MS)
		refuse(core, now_ms, call, message, "timeout", true);
	else if (policy->allow && !list_has(policy->allow, message->from_user))
		refuse(core, now_ms, call, message, NULL, false);
	else if (list_has(policy->block, message->from_user))
		refuse(core, now_ms, call, message, "blocked", true);
	else if (policy->dnd)
		refuse(core, now_ms, call, message, "dnd", true);
	else if (floods(core, now_ms, message->from_user))
		refuse(core, now_ms, call, message, "busy", false);
	else if (!core->live)
		admit(core, now_ms, call, message, false);
	else
		admit_beside(core, now_ms, call, message);
}
