/* What the user and the box ask of the core. */
#include "core/call/call.h"

#include <errno.h>
#include <string.h>

#include "core/base/message.h"

static int wrong_state(const struct call_core *core, const char *verb, const char *needs, char **ret_error)
{
	const char *state = core->live ? core->fsm->states[core->live->state].name : "idle";
	*ret_error = g_strconcat("wrong state: ", state, "; ", verb, " needs ", needs, NULL);
	return -EBADE;
}

/* Also when the call that was named is not here: what is here says the same as without a name. */
static int no_such_call(const struct call_core *core, const char *call_id, const char *verb, const char *needs,
			char **ret_error)
{
	const struct call *here[] = { core->live, core->waiting };
	for (size_t i = 0; i < G_N_ELEMENTS(here); i++)
		if (!call_id || (here[i] && g_str_equal(here[i]->id, call_id)))
			return wrong_state(core, verb, needs, ret_error);
	*ret_error = g_strdup_printf("callId: no such call is live here; %s needs %s", verb, needs);
	return -EBADE;
}

enum call_status call_core_status(const struct call_core *core)
{
	return core->live ? core->fsm->states[core->live->state].status : CALL_IDLE;
}

const char *call_core_live_id(const struct call_core *core)
{
	return core->live ? core->live->id : NULL;
}

const char *call_core_waiting_id(const struct call_core *core)
{
	return core->waiting ? core->waiting->id : NULL;
}

static bool is_call_id(const char *id)
{
	return id && strlen(id) == CALL_ID_CHARS && strspn(id, "0123456789abcdef") == CALL_ID_CHARS;
}

static bool fits(const cJSON *json, size_t most, const char *what, char **ret_error)
{
	if (!json)
		return true;
	char *text = cJSON_PrintUnformatted(json);
	size_t bytes = strlen(text);
	cJSON_free(text);
	if (cJSON_IsObject(json) && bytes <= most)
		return true;
	*ret_error = g_strdup_printf("%s of at most %zu bytes is needed, this has %zu", what, most, bytes);
	return false;
}

static int check_users(const cJSON *users, char **ret_error)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, users)
		if (!cJSON_IsString(one) || !one->valuestring[0] || strlen(one->valuestring) > 128) {
			*ret_error = g_strdup("userIds: accounts of 1 to 128 bytes are needed");
			return -EINVAL;
		}
	return 0;
}

static int check_request(const struct call_core *core, const struct call_request *request, char **ret_error)
{
	if (core->live)
		return wrong_state(core, "call", "an idle box", ret_error);
	if (!request->user || !request->user[0] || strlen(request->user) > 128)
		*ret_error = g_strdup("userId: 1 to 128 bytes are needed");
	else if (g_str_equal(request->user, request->account))
		*ret_error = g_strdup("userId: that is this box's own account");
	else if (request->type < CALL_AUDIO || request->type > CALL_OTHER)
		*ret_error = g_strdup_printf("type: %d is outside 1..3", request->type);
	else if (!is_call_id(request->call_id) || g_hash_table_contains(core->calls, request->call_id))
		*ret_error = g_strdup("callId: 32 fresh hex digits are needed");
	if (*ret_error)
		return -EINVAL;
	if (!fits(request->attachment, CALL_ATTACHMENT_BYTES_MAX, "attachment: an object", ret_error) ||
	    !fits(request->group, CALL_GROUP_BYTES_MAX, "userIds, groupId: a group", ret_error))
		return -EINVAL;
	return check_users(message_member(request->group, "user_ids"), ret_error);
}

int call_core_call(struct call_core *core, int64_t now_ms, const struct call_request *request,
		   char **ret_error)
{
	*ret_error = NULL;
	int r = check_request(core, request, ret_error);
	if (r < 0)
		return r;
	struct call *call = call_new(core, request->call_id, request->account, request->user, true, now_ms);
	call->type = request->type;
	call->ring_ms = core->policy.call_timeout_ms;
	call->attachment = request->attachment ? cJSON_Duplicate(request->attachment, true) : NULL;
	call->group = request->group ? cJSON_Duplicate(request->group, true) : NULL;
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	call_step(&step, USER_CALL, -1);
	return 0;
}

/* The call that a verb or a fact means, live or beside it; without an id the live one. */
static struct call *live_call(const struct call_core *core, const char *call_id)
{
	if (core->live && (!call_id || g_str_equal(call_id, core->live->id)))
		return core->live;
	return core->waiting && call_id && g_str_equal(call_id, core->waiting->id) ? core->waiting : NULL;
}

static bool rings(const struct call_core *core, const struct call *call)
{
	return call && core->fsm->states[call->state].status == CALL_CALLED;
}

/* Without an id the one that rings. */
static struct call *ringing_call(const struct call_core *core, const char *call_id)
{
	struct call *call = live_call(core, call_id);
	if (!call_id && !rings(core, call))
		call = core->waiting;
	return rings(core, call) ? call : NULL;
}

static int user_step(struct call_core *core, int64_t now_ms, const char *call_id, enum call_event event,
		     const char *verb, const char *needs, char **ret_error)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	if (!step.call)
		return no_such_call(core, call_id, verb, needs, ret_error);
	if (!call_step(&step, (int)event, -1))
		return wrong_state(core, verb, needs, ret_error);
	return 0;
}

static void hold_set(struct call_core *core, int64_t now_ms, struct call *call, bool on)
{
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	call->on_hold = on;
	output_put(core, OUT_MEDIA_HOLD, call)->on = on;
	if (call->outcome == OUTCOME_ACCEPTED)
		flags_send(&step);
	cJSON *payload = payload_user(call);
	json_bool(payload, "held", on);
	event_put(core, call, "onCallHeld", payload);
}

void waiting_promote(struct step *step)
{
	struct call_core *core = step->core;
	struct call *call = core->waiting;
	if (core->live || !call)
		return;
	core->live = call;
	core->waiting = NULL;
	if (call->on_hold)
		hold_set(core, step->now_ms, call, false);
	else if (rings(core, call) && call->invited_told && !call->ignored)
		output_put(core, OUT_RING, call)->on = true;
}

/* The call beside the live one takes its place. */
static void make_live(struct call_core *core, int64_t now_ms, struct call *call)
{
	struct call *first = core->live;
	if (first == call)
		return;
	if (core->policy.accept_holds && first->connected_ms >= 0) {
		core->live = call;
		core->waiting = first;
		hold_set(core, now_ms, first, true);
		return;
	}
	struct step step = { .core = core, .call = first, .now_ms = now_ms };
	first->hung_up = true;
	first->end = END_BY_ME;
	call_step(&step, USER_HANGUP, -1);
}

int call_core_accept(struct call_core *core, int64_t now_ms, const char *call_id, int type, char **ret_error)
{
	struct call *call = ringing_call(core, call_id);
	if (type != 0 && (type < CALL_AUDIO || type > CALL_OTHER)) {
		*ret_error = g_strdup_printf("type: %d is outside 1..3", type);
		return -EINVAL;
	}
	if (!call)
		return no_such_call(core, call_id, "accept", "a ringing call", ret_error);
	if (type != 0 && type != CALL_AUDIO && type != (int)call->type) {
		*ret_error = g_strdup_printf("type: %d cannot answer an invite of type %d; 1 (audio) can", type,
					     (int)call->type);
		return -EINVAL;
	}
	if (type == CALL_AUDIO)
		call->type = CALL_AUDIO;
	make_live(core, now_ms, call);
	return user_step(core, now_ms, call->id, USER_ACCEPT, "accept", "a ringing call", ret_error);
}

int call_core_reject(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = ringing_call(core, call_id);
	if (!call)
		return no_such_call(core, call_id, "reject", "a ringing call", ret_error);
	return user_step(core, now_ms, call->id, USER_REJECT, "reject", "a ringing call", ret_error);
}

int call_core_ignore(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = ringing_call(core, call_id);
	(void)now_ms;
	if (!call)
		return no_such_call(core, call_id, "ignore", "a ringing call", ret_error);
	call->ignored = true;
	call->timers[TIMER_AUTOANSWER] = -1;
	output_put(core, OUT_RING, call)->on = false;
	return 0;
}

int call_core_prolong(struct call_core *core, int64_t now_ms, char **ret_error)
{
	struct call *call = core->live;
	if (!call || !call->prompted)
		return wrong_state(core, "prolong", "a call that onMaxCall has warned of", ret_error);
	call->prompted = false;
	call->timers[TIMER_MAXCALL] = now_ms + MAX(core->policy.maxcall_ms - CALL_PROMPT_MS, 0);
	return 0;
}

bool call_core_has_dnd(const struct call_core *core, int64_t now_ms)
{
	return core->dnd && (core->dnd_until_ms < 0 || now_ms < core->dnd_until_ms);
}

void call_core_dnd(struct call_core *core, int64_t now_ms, bool on, int64_t for_ms)
{
	bool changed = core->dnd != on || for_ms > 0 || (on && core->dnd_until_ms >= 0);
	core->dnd = on;
	core->dnd_until_ms = on && for_ms > 0 ? now_ms + for_ms : -1;
	if (!changed)
		return;
	cJSON *payload = cJSON_CreateObject();
	json_bool(payload, "on", on);
	if (on && for_ms > 0)
		json_number(payload, "forMs", (double)for_ms);
	event_put(core, NULL, "onDndChange", payload);
}

int call_core_cancel(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = live_call(core, call_id);
	if (!call || !call->anchor)
		return no_such_call(core, call_id, "cancel", "a call of my own", ret_error);
	return call_core_hangup(core, now_ms, call_id, ret_error);
}

int call_core_hangup(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = live_call(core, call_id);
	if (!call)
		return no_such_call(core, call_id, "hangup", "a live call", ret_error);
	call->hung_up = true;
	call->end = END_BY_ME;
	if (rings(core, call))
		return call_core_reject(core, now_ms, call->id, ret_error);
	return user_step(core, now_ms, call->id, USER_HANGUP, "hangup", "a live call", ret_error);
}

int call_core_set_timeout(struct call_core *core, int ms, char **ret_error)
{
	if (ms < CALL_TIMEOUT_MIN_MS || ms > CALL_TIMEOUT_MAX_MS) {
		*ret_error = g_strdup_printf("ms: %d is outside %d..%d", ms, CALL_TIMEOUT_MIN_MS,
					     CALL_TIMEOUT_MAX_MS);
		return -EINVAL;
	}
	core->policy.call_timeout_ms = core->own_limit_ms = ms;
	return 0;
}

void call_core_setup(struct call_core *core, int64_t now_ms, const char *call_id, int code, const char *detail)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	if (!step.call)
		return;
	if (code != 0) {
		g_free(step.call->detail);
		step.call->detail = g_strdup(detail);
		step.call->fail_code = code;
	}
	call_step(&step, code == 0 ? SETUP_OK : SETUP_FAILED, -1);
}

void call_core_media(struct call_core *core, int64_t now_ms, const char *call_id, enum call_media_fact fact,
		     const char *detail)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	struct call *call = step.call;
	if (!call)
		return;
	switch (fact) {
	case CALL_MEDIA_UP:
		call_step(&step, MEDIA_EVENT_UP, -1);
		break;
	case CALL_MEDIA_LOST:
		call_step(&step, MEDIA_EVENT_LOST, -1);
		break;
	case CALL_MEDIA_ALIVE:
		if (call->timers[TIMER_ALIVE] >= 0)
			call->timers[TIMER_ALIVE] = now_ms + core->fsm->timers[TIMER_ALIVE].ms;
		break;
	case CALL_MEDIA_FAILED:
		g_free(call->detail);
		call->detail = g_strdup(detail);
		call->end = END_BY_MY_MEDIA;
		call->fail_code = call->outcome == OUTCOME_NONE ? CALL_CODE_FAILED : 0;
		if (!call_step(&step, SETUP_FAILED, -1))
			call_step(&step, USER_HANGUP, -1);
		break;
	}
}

void call_core_media_message(struct call_core *core, int64_t now_ms, const char *call_id, const char *kind,
			     const cJSON *body)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	if (step.call && step.call->outcome == OUTCOME_ACCEPTED && step.call->peer_party)
		send_to(&step, kind, step.call->peer_party, cJSON_Duplicate(body, true));
}

void call_core_synced(struct call_core *core, int64_t now_ms, const char *account, bool synced)
{
	if (!synced) {
		g_hash_table_remove(core->synced, account);
		return;
	}
	g_hash_table_add(core->synced, g_strdup(account));
	struct call *here[] = { core->live, core->waiting };
	for (size_t i = 0; i < G_N_ELEMENTS(here); i++) {
		struct step step = { .core = core, .call = here[i], .now_ms = now_ms };
		if (!step.call || !g_str_equal(step.call->account, account))
			continue;
		step.call->verified = true;
		if (!step.call->asking)
			call_step(&step, SIGNALLING_SYNCED, -1);
	}
}

static void calls_leave(struct call_core *core, int64_t now_ms, const char *account, enum call_end end)
{
	struct call *here[] = { core->waiting, core->live };
	for (size_t i = 0; i < G_N_ELEMENTS(here); i++) {
		struct step step = { .core = core, .call = here[i], .now_ms = now_ms };
		if (!step.call || !g_str_equal(step.call->account, account))
			continue;
		step.call->end = end;
		step.call->hung_up = end == END_BY_ME;
		call_step(&step, rings(core, step.call) ? BOX_SUPERSEDED : USER_HANGUP, -1);
	}
}

void call_core_kicked(struct call_core *core, int64_t now_ms, const char *account)
{
	calls_leave(core, now_ms, account, END_BY_KICK);
}

void call_core_leave(struct call_core *core, int64_t now_ms, const char *account)
{
	calls_leave(core, now_ms, account, END_BY_ME);
}

static cJSON *call_json(const struct call_core *core, const struct call *call, int64_t now_ms)
{
	cJSON *json = payload_user(call);
	json_string(json, "callId", call->id);
	json_string(json, "account", call->account);
	json_string(json, "state", core->fsm->states[call->state].name);
	json_string(json, "direction", call->anchor ? "out" : "in");
	json_number(json, "type", call->type);
	json_number(json, "ageMs", (double)(now_ms - call->started_ms));
	if (call->connected_ms >= 0)
		json_number(json, "durationMs", (double)(now_ms - call->connected_ms));
	if (call->peer_party)
		json_string(json, "peerParty", call->peer_party);
	if (call->attachment)
		json_item(json, "attachment", cJSON_Duplicate(call->attachment, true));
	if (call->group) {
		json_item(json, "userIds",
				      cJSON_Duplicate(message_member(call->group, "user_ids"), true));
		json_string(json, "groupId", message_string(call->group, "group_id", ""));
		json_bool(json, "isFromGroup", message_bool(call->group, "is_from_group", false));
	}
	if (call->asked_type)
		json_number(json, "askedType", call->asked_type);
	if (call->asking_type)
		json_number(json, "askingType", call->asking_type);
	if (call->prompted)
		json_number(json, "remainingMs", (double)MAX(call->timers[TIMER_MAXCALL] - now_ms, 0));
	json_bool(json, "held", call->on_hold);
	json_bool(json, "ignored", call->ignored);
	json_bool(json, "peerAudioMuted", call->peer_audio_muted);
	json_bool(json, "peerVideoMuted", call->peer_video_muted);
	json_bool(json, "peerAudioAvailable", call->peer_audio_enabled);
	json_bool(json, "peerCameraAvailable", call->peer_video_enabled);
	return json;
}

cJSON *call_core_state(const struct call_core *core, int64_t now_ms)
{
	cJSON *state = cJSON_CreateObject();
	json_string(state, "status", call_status_name(call_core_status(core)));
	json_string(state, "party", core->party);
	json_number(state, "callTimeoutMs", core->policy.call_timeout_ms);
	json_number(state, "sequence", (double)core->event_seq);
	json_number(state, "ignoredEvents", (double)core->ignored);
	json_bool(state, "dnd", call_core_has_dnd(core, now_ms));
	if (core->dnd && core->dnd_until_ms >= 0)
		json_number(state, "dndForMs", (double)MAX(core->dnd_until_ms - now_ms, 0));
	if (core->live)
		json_item(state, "call", call_json(core, core->live, now_ms));
	if (core->waiting)
		json_item(state, "waiting", call_json(core, core->waiting, now_ms));
	return state;
}

static enum call_outcome outcome_of(const cJSON *journal)
{
	const char *name = message_string(journal, "outcome", "none");
	for (int i = OUTCOME_NONE; i <= OUTCOME_FAILED; i++)
		if (g_str_equal(call_outcome_name((enum call_outcome)i), name))
			return (enum call_outcome)i;
	return OUTCOME_NONE;
}

/* A call that was live when the box died: the peer is told, the record written. */
static void settle(struct step *step)
{
	struct call *call = step->call;
	g_free(call->detail);
	call->detail = g_strdup("the box was restarted");
	if (call->outcome == OUTCOME_NONE)
		call->outcome = call->anchor ? OUTCOME_CANCELED : OUTCOME_TIMEOUT;
	if (call->anchor && call->outcome != OUTCOME_ACCEPTED) {
		cJSON *body = cJSON_CreateObject();
		json_string(body, "outcome", call_outcome_name(call->outcome));
		send_to(step, "decide", "*", body);
	} else {
		cJSON *body = cJSON_CreateObject();
		json_string(body, "reason", "gone");
		send_to(step, "bye", call->peer_party ? call->peer_party : "*", body);
	}
	call_record(step);
	journal_put(step);
}

void call_core_restore(struct call_core *core, int64_t now_ms, const cJSON *journal)
{
	const char *id = message_string(journal, "callId", NULL);
	const char *account = message_string(journal, "account", NULL);
	const char *peer = message_string(journal, "peer", NULL);
	if (!is_call_id(id) || !account || !peer || g_hash_table_contains(core->calls, id))
		return;
	struct call *call = call_new(core, id, account, peer, message_bool(journal, "anchor", false), now_ms);
	call->peer_party = g_strdup(message_string(journal, "peerParty", NULL));
	call->winner = g_strdup(message_string(journal, "winner", NULL));
	call->type = (enum call_type)CLAMP(message_int(journal, "type", CALL_AUDIO), CALL_AUDIO, CALL_OTHER);
	call->outcome = outcome_of(journal);
	call_bury(core, call, now_ms);
	/* My own winner's party had the old boot: what I won then is mine still. */
	if (!call->anchor && call->outcome == OUTCOME_ACCEPTED) {
		g_free(call->winner);
		call->winner = g_strdup(core->party);
	}
	/* The entry was written agoMs before now; how long the call went on after it, nobody knows. */
	int64_t written_ms = now_ms - (int64_t)CLAMP(message_number(journal, "agoMs", 0), 0, CALL_TOMBSTONE_MS);
	call->ended_ms = written_ms;
	call->started_ms = written_ms - (int64_t)MAX(message_number(journal, "ageMs", 0), 0);
	if (message_bool(journal, "connected", false))
		call->connected_ms = written_ms - (int64_t)MAX(message_number(journal, "durationMs", 0), 0);
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	if (message_bool(journal, "live", false))
		settle(&step);
}
