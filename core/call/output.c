#include "core/call/call.h"

#include "core/base/message.h"

#define INVITE_OTHER_DEADLINE_MS 30000

struct call_output *output_put(struct call_core *core, enum call_output_type type, const struct call *call)
{
	struct call_output *output = g_new0(struct call_output, 1);
	output->type = type;
	if (call) {
		output->account = g_strdup(call->account);
		output->call_id = g_strdup(call->id);
		output->to_user = g_strdup(call->peer_user);
		output->to_party = g_strdup(call->peer_party);
		output->call_type = call->type;
		output->anchor = call->anchor;
	}
	g_queue_push_tail(&core->outputs, output);
	return output;
}

void call_output_free(struct call_output *output)
{
	if (!output)
		return;
	g_free(output->account);
	g_free(output->call_id);
	g_free(output->kind);
	g_free(output->to_user);
	g_free(output->to_party);
	cJSON_Delete(output->json);
	g_free(output);
}

struct call_output *call_core_take(struct call_core *core)
{
	return g_queue_pop_head(&core->outputs);
}

void send_to(struct step *step, const char *kind, const char *to_party, cJSON *body)
{
	struct call *call = step->call;
	struct call_output *output = output_put(step->core, OUT_SEND, call);
	g_free(output->to_party);
	output->to_party = g_strdup(to_party);
	output->kind = g_strdup(kind);
	output->seq = ++step->core->seq;
	output->deadline_ms = call->anchor && g_str_equal(kind, "invite") ? call->ring_ms
									    : INVITE_OTHER_DEADLINE_MS;
	output->json = body ? body : cJSON_CreateObject();
	if (!call->anchor && (g_str_equal(kind, "accept") || g_str_equal(kind, "reject") ||
			      g_str_equal(kind, "ringing"))) {
		g_free(call->last_kind);
		cJSON_Delete(call->last_body);
		call->last_kind = g_strdup(kind);
		call->last_body = cJSON_Duplicate(output->json, true);
	}
}

void event_put(struct call_core *core, const struct call *call, const char *name, cJSON *payload)
{
	struct call_output *output = output_put(core, OUT_EVENT, call);
	output->kind = g_strdup(name);
	output->json = payload ? payload : cJSON_CreateObject();
	if (call)
		json_string(output->json, "callId", call->id);
	json_number(output->json, "sequence", (double)++core->event_seq);
}

cJSON *payload_user(const struct call *call)
{
	cJSON *payload = cJSON_CreateObject();
	json_string(payload, "userId", call->peer_user);
	return payload;
}

void journal_put(struct step *step)
{
	const struct call *call = step->call;
	struct call_output *output = output_put(step->core, OUT_JOURNAL, call);
	cJSON *json = cJSON_CreateObject();
	json_string(json, "callId", call->id);
	json_string(json, "account", call->account);
	json_string(json, "peer", call->peer_user);
	if (call->peer_party)
		json_string(json, "peerParty", call->peer_party);
	if (call->winner)
		json_string(json, "winner", call->winner);
	json_bool(json, "anchor", call->anchor);
	json_number(json, "type", call->type);
	json_bool(json, "live", fsm_is_live(step->core->fsm, call->state));
	json_bool(json, "connected", call->connected_ms >= 0);
	json_number(json, "ageMs", (double)(step->now_ms - call->started_ms));
	if (call->connected_ms >= 0)
		json_number(json, "durationMs", (double)(step->now_ms - call->connected_ms));
	json_string(json, "outcome", call_outcome_name(call->outcome));
	output->json = json;
}
