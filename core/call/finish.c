/* The end of a call: which events, which reason code, which record. */
#include "core/call/call.h"

#include <string.h>

/* reasonCode of onCallEnd */
enum reason {
	REASON_NONE = 0, REASON_CREDENTIALS = 1, REASON_TIMEOUT = 2, REASON_BUSY = 3, REASON_MEDIA_ENGINE = 4,
	REASON_JOIN = 5, REASON_FAILED = 7, REASON_KICKED = 8,
	REASON_MY_MEDIA = 10, REASON_I_CANCELED = 11, REASON_PEER_CANCELED = 12, REASON_I_REJECTED = 13,
	REASON_PEER_REJECTED = 14, REASON_I_HUNG_UP = 15, REASON_PEER_HUNG_UP = 16,
	REASON_OTHER_CLIENT_REJECTED = 17, REASON_OTHER_CLIENT_ACCEPTED = 18, REASON_PEER_MEDIA = 19,
	REASON_PEER_LOST_MEDIA = 20, REASON_ACCEPT_FAILED = 21,
};

static const struct { enum reason reason; const char *message; } reason_messages[] = {
	{ REASON_CREDENTIALS, "no credentials for media" },
	{ REASON_MEDIA_ENGINE, "the media engine could not be started" },
	{ REASON_JOIN, "no media came about" },
	{ REASON_TIMEOUT, "nobody answered in time" },
	{ REASON_BUSY, "the other side is busy" },
	{ REASON_FAILED, "the call could not be set up" },
	{ REASON_KICKED, "the account logged in elsewhere" },
	{ REASON_MY_MEDIA, "own media was lost" },
	{ REASON_I_CANCELED, "canceled here" },
	{ REASON_PEER_CANCELED, "canceled by the caller" },
	{ REASON_I_REJECTED, "rejected here" },
	{ REASON_PEER_REJECTED, "rejected by the other side" },
	{ REASON_I_HUNG_UP, "hung up here" },
	{ REASON_PEER_HUNG_UP, "hung up by the other side" },
	{ REASON_OTHER_CLIENT_REJECTED, "rejected on another device" },
	{ REASON_OTHER_CLIENT_ACCEPTED, "answered on another device" },
	{ REASON_PEER_MEDIA, "the other side's media was lost" },
	{ REASON_PEER_LOST_MEDIA, "the other side lost its media" },
	{ REASON_ACCEPT_FAILED, "the accept was not confirmed" },
};

static const char *reason_message(enum reason reason)
{
	for (size_t i = 0; i < G_N_ELEMENTS(reason_messages); i++)
		if (reason_messages[i].reason == reason)
			return reason_messages[i].message;
	return "";
}

static bool answered_elsewhere(const struct step *step)
{
	const struct call *call = step->call;
	return !call->anchor && call->outcome == OUTCOME_ACCEPTED &&
	       g_strcmp0(call->winner, step->core->party) != 0;
}

/* Accepted, but sound and picture never came: a failed set-up, no call that was lost. */
static bool never_joined(const struct call *call)
{
	bool media = call->end == END_BY_MY_MEDIA || call->end == END_BY_PEER_MEDIA || call->end == END_BY_PEER_LOST;
	return call->outcome == OUTCOME_ACCEPTED && call->connected_ms < 0 && media;
}

static enum reason accepted_reason(const struct call *call)
{
	static const enum reason reasons[] = {
		[END_BY_ME] = REASON_I_HUNG_UP, [END_BY_PEER] = REASON_PEER_HUNG_UP,
		[END_BY_MY_MEDIA] = REASON_MY_MEDIA, [END_BY_PEER_MEDIA] = REASON_PEER_MEDIA,
		[END_BY_PEER_LOST] = REASON_PEER_LOST_MEDIA, [END_BY_KICK] = REASON_KICKED,
		[END_BY_LENGTH] = REASON_I_HUNG_UP, [END_SUPERSEDED] = REASON_PEER_HUNG_UP,
		[END_ELSEWHERE] = REASON_OTHER_CLIENT_ACCEPTED,
	};
	if (never_joined(call))
		return REASON_JOIN;
	return reasons[call->end];
}

static enum reason reason_of(const struct step *step)
{
	const struct call *call = step->call;
	if (call->end == END_BY_KICK)
		return REASON_KICKED;
	if (call->end == END_ELSEWHERE)
		return REASON_OTHER_CLIENT_ACCEPTED;
	switch (call->outcome) {
	case OUTCOME_ACCEPTED:
		return answered_elsewhere(step) ? REASON_OTHER_CLIENT_ACCEPTED : accepted_reason(call);
	case OUTCOME_CANCELED:
		if (call->fail_code)
			return (enum reason)call->fail_code;
		return call->anchor ? REASON_I_CANCELED : REASON_PEER_CANCELED;
	case OUTCOME_REJECTED:
		if (call->anchor)
			return REASON_PEER_REJECTED;
		return call->refused_by_me ? REASON_I_REJECTED : REASON_OTHER_CLIENT_REJECTED;
	case OUTCOME_TIMEOUT:
		return REASON_TIMEOUT;
	case OUTCOME_BUSY:
		return REASON_BUSY;
	case OUTCOME_FAILED:
		if (call->hung_up)
			return REASON_I_HUNG_UP;
		if (call->fail_code)
			return (enum reason)call->fail_code;
		return call->anchor ? REASON_FAILED : REASON_ACCEPT_FAILED;
	case OUTCOME_GLARE:
		/* It rang here, or took the place of a call made here, while another device of this account called
		 * that caller: the two talk now. */
		return call->invited_told || (!call->anchor && call->accept_sent) ? REASON_OTHER_CLIENT_ACCEPTED
										  : REASON_NONE;
	case OUTCOME_NONE:
		break;
	}
	return REASON_NONE;
}

static cJSON *timeout_payload(const struct call *call)
{
	cJSON *payload = payload_user(call);
	json_string(payload, "reason", call->anchor ? "callTimeOut" : "beCallTimeOut");
	return payload;
}

static bool is_failure(enum reason reason)
{
	return reason == REASON_CREDENTIALS || reason == REASON_MEDIA_ENGINE || reason == REASON_JOIN ||
	       reason == REASON_FAILED || reason == REASON_ACCEPT_FAILED;
}

/* The event that tells how it ended, before onCallEnd tells that it did. */
static void outcome_event(const struct step *step, enum reason reason)
{
	static const struct { enum reason reason; const char *event; } events[] = {
		{ REASON_BUSY, "onUserBusy" },
		{ REASON_PEER_REJECTED, "onUserReject" },
		{ REASON_PEER_CANCELED, "onUserCancel" },
		{ REASON_OTHER_CLIENT_REJECTED, "onOtherClientReject" },
		{ REASON_OTHER_CLIENT_ACCEPTED, "onOtherClientAccept" },
		{ REASON_PEER_HUNG_UP, "onUserLeave" },
		{ REASON_PEER_MEDIA, "onUserDisconnect" },
		{ REASON_PEER_LOST_MEDIA, "onUserDisconnect" },
		{ REASON_MY_MEDIA, "onDisconnect" },
		{ REASON_KICKED, "onDisconnect" },
	};
	struct call *call = step->call;
	if (reason == REASON_TIMEOUT)
		event_put(step->core, call, "onCallingTimeout", timeout_payload(call));
	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		if (events[i].reason == reason)
			event_put(step->core, call, events[i].event, payload_user(call));
	if (is_failure(reason)) {
		cJSON *payload = payload_user(call);
		json_number(payload, "code", reason);
		json_string(payload, "message", call->detail ? call->detail : reason_message(reason));
		event_put(step->core, call, "onError", payload);
	}
}

static int record_status(const struct step *step)
{
	static const int statuses[] = {
		[OUTCOME_NONE] = 0, [OUTCOME_ACCEPTED] = 1, [OUTCOME_CANCELED] = 2, [OUTCOME_REJECTED] = 3,
		[OUTCOME_TIMEOUT] = 4, [OUTCOME_BUSY] = 5, [OUTCOME_GLARE] = 0, [OUTCOME_FAILED] = 2,
	};
	if (never_joined(step->call))
		return statuses[OUTCOME_FAILED];
	return answered_elsewhere(step) ? 0 : statuses[step->call->outcome];
}

static cJSON *durations(const struct call *call, double ms)
{
	cJSON *list = cJSON_CreateArray();
	const char *accounts[] = { call->account, call->peer_user };
	for (int i = 0; i < 2; i++) {
		cJSON *one = cJSON_CreateObject();
		json_string(one, "accid", accounts[i]);
		json_number(one, "duration", ms);
		cJSON_AddItemToArray(list, one);
	}
	return list;
}

static cJSON *record_json(const struct step *step, int status)
{
	const struct call *call = step->call;
	int64_t end_ms = call->ended_ms >= 0 ? call->ended_ms : step->now_ms;
	double duration = call->connected_ms < 0 ? 0 : (double)(end_ms - call->connected_ms);
	cJSON *record = cJSON_CreateObject();
	json_number(record, "type", call->type);
	json_string(record, "channelId", call->id);
	json_number(record, "status", status);
	json_item(record, "durations", durations(call, duration));
	json_string(record, "account", call->account);
	json_string(record, "peer", call->peer_user);
	json_string(record, "direction", call->anchor ? "out" : "in");
	json_number(record, "durationMs", duration);
	json_number(record, "agoMs", (double)(step->now_ms - call->started_ms));
	if (call->detail || call->refusal)
		json_string(record, "detail", call->detail ? call->detail : call->refusal);
	return record;
}

/* The callee's own view is written too: the anchor's record replaces it when it comes. */
void call_record(struct step *step)
{
	int status = record_status(step);
	if (status == 0 || step->call->recorded)
		return;
	struct call_output *output = output_put(step->core, OUT_RECORD, step->call);
	output->json = record_json(step, status);
	json_bool(output->json, "final", step->call->anchor);
	if (!step->call->anchor)
		return;
	send_to(step, "record", "*", cJSON_Duplicate(output->json, true));
}

static void end_event(const struct step *step, enum reason reason)
{
	const struct call *call = step->call;
	cJSON *payload = payload_user(call);
	json_number(payload, "reasonCode", reason);
	json_string(payload, "message", call->detail ? call->detail : reason_message(reason));
	json_number(payload, "durationMs", call->connected_ms < 0 ? 0 : (double)(step->now_ms - call->connected_ms));
	event_put(step->core, call, "onCallEnd", payload);
}

/* What the peer's last message adds to the outcome. */
static void end_by_peer(const struct step *step)
{
	struct call *call = step->call;
	const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(step->body, "reason"));
	/* A caller's bye before any verdict reached this device is its cancel. */
	if (!call->anchor && call->outcome == OUTCOME_TIMEOUT && !cJSON_HasObjectItem(step->body, "outcome"))
		call->outcome = OUTCOME_CANCELED;
	if (call->outcome == OUTCOME_ACCEPTED && !answered_elsewhere(step))
		call->end = g_strcmp0(reason, "media") == 0 ? END_BY_PEER_LOST : END_BY_PEER;
}

/* Somebody called, it rang or could not, and nobody here said a word about it. */
static bool is_missed(const struct step *step)
{
	const struct call *call = step->call;
	return !call->anchor && !call->refused_by_me && !call->accept_sent &&
	       (call->outcome == OUTCOME_TIMEOUT || call->outcome == OUTCOME_CANCELED);
}

void call_finish(struct step *step)
{
	struct call *call = step->call;
	struct call_core *core = step->core;
	bool lived = call_is_here(core, call);
	if (step->body)
		end_by_peer(step);
	call_bury(core, call, step->now_ms);
	if (call->media_asked)
		output_put(core, OUT_MEDIA_STOP, call);
	output_put(core, OUT_RING, call)->on = false;
	enum reason reason = reason_of(step);
	bool told = lived && reason != REASON_NONE && (call->anchor || call->invited_told || call->accept_sent);
	if (told)
		outcome_event(step, reason);
	if (lived && is_missed(step))
		event_put(core, call, "onCallMissed", payload_user(call));
	if (told)
		end_event(step, reason);
	else if (lived && !call->anchor)
		state_told(step); /* it was being looked at, and did not ring */
	call_record(step);
	if (lived)
		waiting_promote(step);
}
