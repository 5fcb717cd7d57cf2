/* Verbs about calls. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/base/message.h"
#include "core/box/api.h"
#include "core/box/hunt.h"
#include "core/box/line.h"

static cJSON *group_of(const struct verb *v)
{
	const cJSON *users = message_member(v->params, "userIds");
	if (!api_text(v, "groupId") && !cJSON_IsArray(users))
		return NULL;
	cJSON *group = cJSON_CreateObject();
	cJSON_AddStringToObject(group, "group_id", message_string(v->params, "groupId", ""));
	cJSON_AddItemToObject(group, "user_ids",
			      cJSON_IsArray(users) ? cJSON_Duplicate(users, true) : cJSON_CreateArray());
	cJSON_AddBoolToObject(group, "is_from_group", message_bool(v->params, "isFromGroup", false));
	return group;
}

static void verb_call(struct verb *v)
{
	char id[CALL_ID_CHARS + 1], *error = NULL;
	const struct line *line = line_find(v->box, api_text(v, "account"));
	if (!line) {
		control_error(v->request, CONTROL_REFUSED, "account: %s", api_text(v, "account")
			      ? "this box has no such account" : "this box has no account: add one under accounts/");
		return;
	}
	cJSON *state = line_json(line);
	bool online = g_str_equal(message_string(state, "state", ""), "online");
	g_autofree char *why = g_strdup_printf("account %s is %s: %s", line_account(line),
					       message_string(state, "state", ""),
					       message_string(state, "message", ""));
	cJSON_Delete(state);
	if (!online) {
		control_error(v->request, CONTROL_REFUSED, "%s", why);
		return;
	}
	if (api_text(v, "userId") && line_find(v->box, api_text(v, "userId"))) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "userId: that is an account of this box itself");
		return;
	}
	const cJSON *attachment = message_member(v->params, "attachment");
	cJSON *group = group_of(v);
	struct call_request request = {
		.account = line_account(line), .user = api_text(v, "userId"),
		.type = (enum call_type)message_int(v->params, "type", CALL_VIDEO),
		.attachment = cJSON_IsNull(attachment) ? NULL : attachment, .group = group,
	};
	int r = hunt_call(v->box, &request, request.user ? NULL : message_member(v->params, "userIds"), id, &error);
	cJSON_Delete(group);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "callId", id);
	api_answer(v, r, error, result);
}

static void verb_accept(struct verb *v)
{
	char *error = NULL;
	int r = call_core_accept(v->box->core, box_now_ms(), api_text(v, "callId"),
				 message_int(v->params, "type", 0), &error);
	api_answer(v, r, error, NULL);
}

static void verb_end(struct verb *v, int (*end)(struct call_core *, int64_t, const char *, char **))
{
	char *error = NULL;
	int r = end(v->box->core, box_now_ms(), api_text(v, "callId"), &error);
	api_answer(v, r, error, NULL);
}

static void verb_reject(struct verb *v)
{
	verb_end(v, call_core_reject);
}

static void verb_cancel(struct verb *v)
{
	verb_end(v, call_core_cancel);
}

static void verb_hangup(struct verb *v)
{
	verb_end(v, call_core_hangup);
}

static void verb_set_timeout(struct verb *v)
{
	char *error = NULL;
	const cJSON *ms = message_member(v->params, "ms");
	if (!cJSON_IsNumber(ms)) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "ms: a number from %d to %d is needed",
			      CALL_TIMEOUT_MIN_MS, CALL_TIMEOUT_MAX_MS);
		return;
	}
	int r = call_core_set_timeout(v->box->core, (int)CLAMP(ms->valuedouble, INT_MIN, INT_MAX), &error);
	api_answer(v, r, error, NULL);
}

static void verb_switch_type(struct verb *v)
{
	char *error = NULL;
	int r = call_core_switch_type(v->box->core, box_now_ms(),
				      (enum call_type)message_int(v->params, "type", 0),
				      message_int(v->params, "state", 1), &error);
	api_answer(v, r, error, NULL);
}

static void verb_ignore(struct verb *v)
{
	verb_end(v, call_core_ignore);
}

static void verb_prolong(struct verb *v)
{
	char *error = NULL;
	int r = call_core_prolong(v->box->core, box_now_ms(), &error);
	api_answer(v, r, error, NULL);
}

static void verb_call_info(struct verb *v)
{
	cJSON *state = box_state(v->box);
	cJSON *call = cJSON_DetachItemFromObject(state, "call");
	cJSON_Delete(state);
	api_answer(v, 0, NULL, call);
}

static void verb_room_info(struct verb *v)
{
	cJSON *state = box_state(v->box), *room = cJSON_CreateObject();
	const cJSON *call = message_member(state, "call");
	if (call) {
		cJSON_AddStringToObject(room, "channelId", message_string(call, "callId", ""));
		cJSON_AddStringToObject(room, "channelName", message_string(call, "callId", ""));
		cJSON *members = cJSON_AddArrayToObject(room, "members");
		cJSON_AddItemToArray(members, cJSON_CreateString(message_string(call, "account", "")));
		cJSON_AddItemToArray(members, cJSON_CreateString(message_string(call, "userId", "")));
	}
	cJSON_Delete(state);
	api_answer(v, 0, NULL, room);
}

const struct verb_row api_call_verbs[] = {
	{ "call", verb_call, true,
	  "userId, type 1 audio 2 video 3 other, attachment, account, userIds, groupId, isFromGroup",
	  "Calls somebody; answers {callId}. The attachment is an object of at most 2048 bytes; a group takes 1024.\n"
	  "With userIds and no userId each of these is asked in turn until one answers, onCallNext says whom;\n"
	  "with both userIds is only told." },
	{ "cancel", verb_cancel, true, "callId", "Gives up a call of my own, whatever state it is in." },
	{ "accept", verb_accept, true, "type, callId",
	  "Takes the ringing call; type 1 answers a video call with sound only." },
	{ "reject", verb_reject, true, "callId", "Refuses the ringing call." },
	{ "ignore", verb_ignore, true, "callId", "Stops ringing here and refuses nothing." },
	{ "hangup", verb_hangup, true, "callId", "Ends the call: cancels, rejects or hangs up by its state." },
	{ "setCallTimeout", verb_set_timeout, true, "ms",
	  "1000 to 120000: for the calls that begin from now on, how long mine ring there and others' ring here." },
	{ "switchCallType", verb_switch_type, true, "type 1 audio 2 video, state 1 ask 2 agree 3 refuse",
	  "Between sound and picture in a connected call." },
	{ "prolong", verb_prolong, true, "", "After onMaxCall: the longest call time begins anew." },
	{ "getCallInfo", verb_call_info, false, "", "The live call, an empty object when idle." },
	{ "getRoomInfo", verb_room_info, false, "", "The media room: channelId, channelName, members." },
	{ NULL, NULL, false, NULL, NULL },
};
