/* What the user and the box ask of the core. */
#include "core/call/call.h"

#include <errno.h>
#include <string.h>

#include "core/base/message.h"

static int wrong_state(const struct call_core *core, const char *verb, const char *needs, char **ret_error)
{
	const char *state = core->live ? core->fsm->states[core->live->state].name : "idle";
	*ret_error = g_strdup_printf("wrong state: %s; %s needs %s", state, verb, needs);
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

static bool is_call_id(const char *id)
{
	return id && strlen(id) == CALL_ID_CHARS && strspn(id, "0123456789abcdef") == CALL_ID_CHARS;
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
	if (!request->attachment)
		return 0;
	char *text = cJSON_PrintUnformatted(request->attachment);
	size_t bytes = strlen(text);
	cJSON_free(text);
	if (cJSON_IsObject(request->attachment) && bytes <= CALL_ATTACHMENT_BYTES_MAX)
		return 0;
	*ret_error = g_strdup_printf("attachment: an object of at most %d bytes is needed, this has %zu",
				     CALL_ATTACHMENT_BYTES_MAX, bytes);
	return -EINVAL;
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

/* The live call that a verb means, or NULL. */
static struct call *live_call(const struct call_core *core, const char *call_id)
{
	return core->live && (!call_id || g_str_equal(call_id, core->live->id)) ? core->live : NULL;
}

static int user_step(struct call_core *core, int64_t now_ms, const char *call_id, enum call_event event,
		     const char *verb, const char *needs, char **ret_error)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	if (!step.call || !call_step(&step, (int)event, -1))
		return wrong_state(core, verb, needs, ret_error);
	return 0;
}

int call_core_accept(struct call_core *core, int64_t now_ms, const char *call_id, int type, char **ret_error)
{
	struct call *call = live_call(core, call_id);
	if (type != 0 && (type < CALL_AUDIO || type > CALL_OTHER)) {
		*ret_error = g_strdup_printf("type: %d is outside 1..3", type);
		return -EINVAL;
	}
	if (!call || call_core_status(core) != CALL_CALLED)
		return wrong_state(core, "accept", "a ringing call", ret_error);
	if (type == CALL_AUDIO)
		call->type = CALL_AUDIO;
	return user_step(core, now_ms, call_id, USER_ACCEPT, "accept", "a ringing call", ret_error);
}

int call_core_reject(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	if (call_core_status(core) != CALL_CALLED)
		return wrong_state(core, "reject", "a ringing call", ret_error);
	return user_step(core, now_ms, call_id, USER_REJECT, "reject", "a ringing call", ret_error);
}

int call_core_cancel(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = live_call(core, call_id);
	if (!call || !call->anchor)
		return wrong_state(core, "cancel", "a call of my own", ret_error);
	return call_core_hangup(core, now_ms, call_id, ret_error);
}

int call_core_hangup(struct call_core *core, int64_t now_ms, const char *call_id, char **ret_error)
{
	struct call *call = live_call(core, call_id);
	if (!call)
		return wrong_state(core, "hangup", "a live call", ret_error);
	call->hung_up = true;
	call->end = END_BY_ME;
	if (call_core_status(core) == CALL_CALLED)
		return call_core_reject(core, now_ms, call_id, ret_error);
	return user_step(core, now_ms, call_id, USER_HANGUP, "hangup", "a live call", ret_error);
}

int call_core_set_timeout(struct call_core *core, int ms, char **ret_error)
{
	if (ms < CALL_TIMEOUT_MIN_MS || ms > CALL_TIMEOUT_MAX_MS) {
		*ret_error = g_strdup_printf("ms: %d is outside %d..%d", ms, CALL_TIMEOUT_MIN_MS,
					     CALL_TIMEOUT_MAX_MS);
		return -EINVAL;
	}
	core->policy.call_timeout_ms = ms;
	return 0;
}

void call_core_setup(struct call_core *core, int64_t now_ms, const char *call_id, bool ok, const char *detail)
{
	struct step step = { .core = core, .call = live_call(core, call_id), .now_ms = now_ms };
	if (!step.call)
		return;
	if (!ok) {
		g_free(step.call->detail);
		step.call->detail = g_strdup(detail);
	}
	call_step(&step, ok ? SETUP_OK : SETUP_FAILED, -1);
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
	struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
	if (step.call && g_str_equal(step.call->account, account))
		call_step(&step, SIGNALLING_SYNCED, -1);
}

void call_core_kicked(struct call_core *core, int64_t now_ms, const char *account)
{
	struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
	if (!step.call || !g_str_equal(step.call->account, account))
		return;
	step.call->end = END_BY_KICK;
	if (!call_step(&step, USER_HANGUP, -1))
		call_step(&step, USER_REJECT, -1);
}

static cJSON *call_json(const struct call_core *core, const struct call *call, int64_t now_ms)
{
	cJSON *json = payload_user(call);
	cJSON_AddStringToObject(json, "callId", call->id);
	cJSON_AddStringToObject(json, "account", call->account);
	cJSON_AddStringToObject(json, "state", core->fsm->states[call->state].name);
	cJSON_AddStringToObject(json, "direction", call->anchor ? "out" : "in");
	cJSON_AddNumberToObject(json, "type", call->type);
	cJSON_AddNumberToObject(json, "ageMs", (double)(now_ms - call->started_ms));
	if (call->connected_ms >= 0)
		cJSON_AddNumberToObject(json, "durationMs", (double)(now_ms - call->connected_ms));
	if (call->peer_party)
		cJSON_AddStringToObject(json, "peerParty", call->peer_party);
	if (call->attachment)
		cJSON_AddItemToObject(json, "attachment", cJSON_Duplicate(call->attachment, true));
	cJSON_AddBoolToObject(json, "peerAudioMuted", call->peer_audio_muted);
	cJSON_AddBoolToObject(json, "peerVideoMuted", call->peer_video_muted);
	return json;
}

cJSON *call_core_state(const struct call_core *core, int64_t now_ms)
{
	cJSON *state = cJSON_CreateObject();
	cJSON_AddStringToObject(state, "status", call_status_name(call_core_status(core)));
	cJSON_AddStringToObject(state, "party", core->party);
	cJSON_AddNumberToObject(state, "callTimeoutMs", core->policy.call_timeout_ms);
	cJSON_AddNumberToObject(state, "sequence", (double)core->event_seq);
	cJSON_AddNumberToObject(state, "ignoredEvents", (double)core->ignored);
	if (core->live)
		cJSON_AddItemToObject(state, "call", call_json(core, core->live, now_ms));
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
static void settle(struct step *step, bool connected)
{
	struct call *call = step->call;
	g_free(call->detail);
	call->detail = g_strdup("the box was restarted");
	if (call->outcome == OUTCOME_NONE)
		call->outcome = call->anchor ? OUTCOME_CANCELED : OUTCOME_TIMEOUT;
	if (call->anchor && call->outcome != OUTCOME_ACCEPTED) {
		cJSON *body = cJSON_CreateObject();
		cJSON_AddStringToObject(body, "outcome", call_outcome_name(call->outcome));
		send_to(step, "decide", "*", body);
	} else {
		cJSON *body = cJSON_CreateObject();
		cJSON_AddStringToObject(body, "reason", "gone");
		send_to(step, "bye", call->peer_party ? call->peer_party : "*", body);
	}
	if (connected)
		call->connected_ms = call->started_ms;
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
	struct step step = { .core = core, .call = call, .now_ms = now_ms };
	if (message_bool(journal, "live", false))
		settle(&step, message_bool(journal, "connected", false));
}
