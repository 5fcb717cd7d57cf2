#include "core/call/call.h"

#include <string.h>

#include "core/base/message.h"

#define INVITE_OTHER_DEADLINE_MS 30000

static size_t room_of(const char *word)
{
	return word ? strlen(word) + 1 : 0;
}

/* Copies a word of so many bytes to where the next one goes. */
static const char *word_put(char **at, const char *word, size_t bytes)
{
	if (bytes == 0)
		return NULL;
	char *put = memcpy(*at, word, bytes);
	*at += bytes;
	return put;
}

struct call_output *output_put_words(struct call_core *core, enum call_output_type type, const struct call_output *words)
{
	size_t account = room_of(words->account), call_id = room_of(words->call_id), kind = room_of(words->kind),
	       to_user = room_of(words->to_user), to_party = room_of(words->to_party);
	struct call_output *output = g_malloc(sizeof(*output) + account + call_id + kind + to_user + to_party);
	char *at = (char *)(output + 1);
	*output = (struct call_output){
		.type = type,
		.account = word_put(&at, words->account, account),
		.call_id = word_put(&at, words->call_id, call_id),
		.kind = word_put(&at, words->kind, kind),
		.to_user = word_put(&at, words->to_user, to_user),
		.to_party = word_put(&at, words->to_party, to_party),
	};
	*(core->last_output ? &core->last_output->next : &core->first_output) = output;
	core->last_output = output;
	return output;
}

struct call_output *output_put_kind(struct call_core *core, enum call_output_type type, const struct call *call,
				    const char *kind, const char *to_party)
{
	struct call_output words = { .kind = kind };
	if (!call)
		return output_put_words(core, type, &words);
	words.account = call->account;
	words.call_id = call->id;
	words.to_user = call->peer_user;
	words.to_party = to_party;
	struct call_output *output = output_put_words(core, type, &words);
	output->call_type = call->type;
	output->anchor = call->anchor;
	return output;
}

struct call_output *output_put(struct call_core *core, enum call_output_type type, const struct call *call)
{
	return output_put_kind(core, type, call, NULL, call->peer_party);
}

void call_output_free(struct call_output *output)
{
	if (!output)
		return;
	cJSON_Delete(output->json);
	g_free(output);
}

struct call_output *call_core_take(struct call_core *core)
{
	struct call_output *output = core->first_output;
	if (!output)
		return NULL;
	core->first_output = output->next;
	if (!core->first_output)
		core->last_output = NULL;
	output->next = NULL;
	return output;
}

void send_to(struct step *step, const char *kind, const char *to_party, cJSON *body)
{
	struct call *call = step->call;
	struct call_output *output = output_put_kind(step->core, OUT_SEND, call, kind, to_party);
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
	struct call_output *output = output_put_kind(core, OUT_EVENT, call, name, call ? call->peer_party : NULL);
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
