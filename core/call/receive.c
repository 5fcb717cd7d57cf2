/* A message of another device: what it means for which call. */
#include "core/call/call.h"

#include <string.h>

#include "core/base/message.h"

#define SEEN_MAX 4096
#define HELD_MAX 64
#define RECORD_MS_MAX (30.0 * 86400000) /* no call is longer, no record comes later */
#define RECORD_ACCOUNTS_MAX 8
#define RECORD_DETAIL_BYTES 512

static const struct { const char *kind; enum call_event event; } table_kinds[] = {
	{ "invite", PEER_INVITE }, { "ringing", PEER_RINGING }, { "accept", PEER_ACCEPT },
	{ "reject", PEER_REJECT }, { "decide", PEER_DECIDE }, { "bye", PEER_BYE }, { "query", PEER_QUERY },
	{ "state", PEER_STATE },
};

static int table_event(const char *kind)
{
	for (size_t i = 0; i < G_N_ELEMENTS(table_kinds); i++)
		if (strcmp(table_kinds[i].kind, kind) == 0)
			return (int)table_kinds[i].event;
	return -1;
}

/* The decimal digits before end, where a 0 ends them. */
static const char *digits_of(uint64_t number, char *end)
{
	*end = '\0';
	do
		*--end = (char)('0' + number % 10);
	while (number /= 10);
	return end;
}

/* At-least-once delivery: true when this very message was taken before. */
static bool is_repeated(struct call *call, const struct call_message *message)
{
	char seq[24];
	char *key = g_strconcat(message->kind, " ", message->from_party, " ",
				digits_of(message->seq, seq + sizeof(seq) - 1), NULL);
	if (g_hash_table_contains(call->seen, key)) {
		g_free(key);
		return true;
	}
	if (g_hash_table_size(call->seen) >= SEEN_MAX)
		g_hash_table_remove_all(call->seen);
	g_hash_table_add(call->seen, key);
	return false;
}

/* Description and candidates: to the media of the connected call; those that overtook the verdict wait. */
static void media_message(struct step *step, const struct call_message *message)
{
	struct call *call = step->call;
	if (g_strcmp0(message->from_party, call->peer_party) != 0 || !call_is_here(step->core, call))
		return;
	if (call->outcome == OUTCOME_ACCEPTED) {
		struct call_output *output = output_put_kind(step->core, OUT_MEDIA_MESSAGE, call, message->kind,
							     call->peer_party);
		output->json = cJSON_Duplicate(message->body, true);
		return;
	}
	if (!call->accept_sent)
		return;
	if (!call->held)
		call->held = cJSON_CreateArray();
	if (cJSON_GetArraySize(call->held) >= HELD_MAX)
		return;
	cJSON *held = cJSON_CreateObject();
	json_string(held, "kind", message->kind);
	json_item(held, "body", cJSON_Duplicate(message->body, true));
	cJSON_AddItemToArray(call->held, held);
}

static void flag_told(struct step *step, const char *event, bool value, bool *kept)
{
	if (*kept == value)
		return;
	*kept = value;
	cJSON *payload = payload_user(step->call);
	cJSON_AddBoolToObject(payload, g_str_has_suffix(event, "Muted") ? "muted" : "available", value);
	event_put(step->core, step->call, event, payload);
}

static void flags_message(struct step *step)
{
	struct call *call = step->call;
	int rev = message_int(step->body, "rev", 0);
	if (rev <= call->peer_flags_rev || !call_is_here(step->core, call))
		return;
	call->peer_flags_rev = rev;
	flag_told(step, "onAudioMuted", message_bool(step->body, "audio_muted", false), &call->peer_audio_muted);
	flag_told(step, "onVideoMuted", message_bool(step->body, "video_muted", false), &call->peer_video_muted);
	flag_told(step, "onAudioAvailable", message_bool(step->body, "audio_on", true),
		  &call->peer_audio_enabled);
	flag_told(step, "onCameraAvailable", message_bool(step->body, "video_on", true),
		  &call->peer_video_enabled);
}

/* A held call is told that nothing comes from here, whatever the switches say. */
void flags_send(struct step *step)
{
	struct call_core *core = step->core;
	const struct call *call = step->call;
	cJSON *body = cJSON_CreateObject();
	json_number(body, "rev", ++core->flags_rev);
	json_bool(body, "audio_muted", core->audio_muted);
	json_bool(body, "video_muted", core->video_muted);
	json_bool(body, "audio_on", core->audio_enabled && !call->on_hold);
	json_bool(body, "video_on", core->video_enabled && !call->on_hold);
	json_bool(body, "held", call->on_hold);
	send_to(step, "flags", call->peer_party, body);
}

void call_core_flags(struct call_core *core, int64_t now_ms, bool audio_muted, bool video_muted,
		     bool audio_enabled, bool video_enabled)
{
	core->audio_muted = audio_muted;
	core->video_muted = video_muted;
	core->audio_enabled = audio_enabled;
	core->video_enabled = video_enabled;
	struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
	if (step.call && step.call->outcome == OUTCOME_ACCEPTED)
		flags_send(&step);
}

static void copy_ms(cJSON *to, const cJSON *from, const char *name)
{
	double ms = message_number(from, name, 0);
	cJSON_AddNumberToObject(to, name, CLAMP(ms, 0, RECORD_MS_MAX));
}

static cJSON *copy_durations(const cJSON *from)
{
	cJSON *list = cJSON_CreateArray();
	const cJSON *one;
	cJSON_ArrayForEach(one, from) {
		const char *account = message_string(one, "accid", NULL);
		if (!account || strlen(account) > 128 || cJSON_GetArraySize(list) >= RECORD_ACCOUNTS_MAX)
			continue;
		cJSON *copy = cJSON_CreateObject();
		json_string(copy, "accid", account);
		copy_ms(copy, one, "duration");
		cJSON_AddItemToArray(list, copy);
	}
	return list;
}

/* The anchor's record of a call, seen from this side, replaces my own view of it. Nothing but the known fields of a
 * foreign record is kept, each within its bounds. */
static void record_message(struct call_core *core, const struct call_message *message)
{
	const struct call_output words = { .account = message->account, .call_id = message->call_id };
	struct call_output *output = output_put_words(core, OUT_RECORD, &words);
	const char *detail = message_string(message->body, "detail", NULL);
	cJSON *record = cJSON_CreateObject();
	output->json = record;
	json_number(record, "type", message_int(message->body, "type", 0));
	json_string(record, "channelId", message->call_id);
	json_number(record, "status", message_int(message->body, "status", 0));
	json_item(record, "durations", copy_durations(message_member(message->body, "durations")));
	json_string(record, "account", message->account);
	json_string(record, "peer", message->from_user);
	json_string(record, "direction", "in");
	copy_ms(record, message->body, "durationMs");
	copy_ms(record, message->body, "agoMs");
	if (detail && strlen(detail) <= RECORD_DETAIL_BYTES)
		json_string(record, "detail", detail);
	json_bool(record, "final", true);
}

static bool is_good_record(const struct call_message *message)
{
	int status = message_int(message->body, "status", 0), type = message_int(message->body, "type", 0);
	return status >= 1 && status <= 5 && type >= CALL_AUDIO && type <= CALL_OTHER;
}

/* The record overtook the verdict that it speaks of: while it only rings here, that is the verdict. */
static void record_ends(struct call_core *core, int64_t now_ms, struct call *call, const struct call_message *message)
{
	static const enum call_outcome outcomes[] = {
		[1] = OUTCOME_ACCEPTED, [2] = OUTCOME_CANCELED, [3] = OUTCOME_REJECTED, [4] = OUTCOME_TIMEOUT,
		[5] = OUTCOME_BUSY,
	};
	if (core->fsm->states[call->state].status != CALL_CALLED)
		return;
	cJSON *body = cJSON_CreateObject();
	enum call_outcome outcome = outcomes[message_int(message->body, "status", 2)];
	json_string(body, "outcome", call_outcome_name(outcome));
	struct step step = { .core = core, .call = call, .now_ms = now_ms, .from_party = message->from_party,
			     .body = body };
	call_step(&step, PEER_DECIDE, -1);
	cJSON_Delete(body);
}

/* A record says that the call is over: of one never heard of, a late invite must neither ring nor be written down,
 * not even where the record is one too many. */
static void take_record(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	struct call *call = g_hash_table_lookup(core->calls, message->call_id);
	if (!is_good_record(message) ||
	    (call && (call->anchor || !g_str_equal(call->peer_user, message->from_user) ||
		      !g_str_equal(call->account, message->account)))) {
		core->ignored++;
		return;
	}
	bool keeps = call || admit_record(core, now_ms, message);
	if (!call) {
		call = call_new(core, message->call_id, message->account, message->from_user, false, now_ms);
		call->peer_party = g_strdup(message->from_party);
		call_bury(core, call, now_ms);
	}
	if (!keeps) {
		core->ignored++;
		return;
	}
	call->recorded = true;
	record_message(core, message);
	record_ends(core, now_ms, call, message);
}

static void known_message(struct step *step, const struct call_message *message)
{
	int event = table_event(message->kind);
	bool from_peer = g_strcmp0(message->from_party, step->call->peer_party) == 0;
	if (event == PEER_STATE && step->call->asking)
		step->call->verified = true; /* the box's own question comes first */
	else if (event >= 0)
		call_step(step, event, -1);
	else if (g_str_equal(message->kind, "description") || g_str_equal(message->kind, "candidates"))
		media_message(step, message);
	else if (g_str_equal(message->kind, "flags") && from_peer)
		flags_message(step);
	else if (g_str_equal(message->kind, "update") && from_peer)
		type_message(step);
	else if (g_str_equal(message->kind, "ping") && from_peer)
		send_to(step, "pong", message->from_party, NULL);
	else if (g_str_equal(message->kind, "pong") && from_peer)
		call_core_media(step->core, step->now_ms, step->call->id, CALL_MEDIA_ALIVE, NULL);
}

/* Whom I am calling called my account meanwhile, and another device of it answered. Of a call that is known here
 * only the verdict counts that I refused for my own: a late one of an old call says nothing about the present. */
static void crossing_answer(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	struct call *live = core->live;
	if (!g_str_equal(message->kind, "decide") || !live || !live->anchor || live->outcome != OUTCOME_NONE ||
	    g_str_equal(live->id, message->call_id) || !g_str_equal(live->peer_user, message->from_user) ||
	    !g_str_equal(live->account, message->account) ||
	    !g_str_equal(message_string(message->body, "outcome", ""), "accepted") ||
	    g_str_equal(message_string(message->body, "winner", ""), core->party))
		return;
	const struct call *other = g_hash_table_lookup(core->calls, message->call_id);
	if (other && g_strcmp0(other->refusal, "glare") != 0)
		return;
	struct step step = { .core = core, .call = live, .now_ms = now_ms };
	live->end = END_ELSEWHERE;
	call_step(&step, BOX_ANSWERED_ELSEWHERE, -1);
}

static void unknown_end(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	struct call *call = call_new(core, message->call_id, message->account, message->from_user, false,
				     now_ms);
	call->peer_party = g_strdup(message->from_party);
	call_bury(core, call, now_ms);
}

void answer_unknown(struct call_core *core, int64_t now_ms, const struct call_message *message, const char *kind,
		    cJSON *body)
{
	struct call nobody = { .account = (char *)message->account, .peer_user = (char *)message->from_user };
	g_strlcpy(nobody.id, message->call_id, sizeof(nobody.id));
	struct step step = { .core = core, .call = &nobody, .now_ms = now_ms };
	nobody.anchor = true; /* nothing is remembered for a repeated invite */
	send_to(&step, kind, message->from_party, body);
}

/* Asked about a call that this boot never had: it is over. */
static void unknown_question(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	cJSON *body = cJSON_CreateObject();
	json_string(body, "reason", "gone");
	answer_unknown(core, now_ms, message, "bye", body);
}

static bool is_sane(const struct call_message *m)
{
	return m->account && m->kind && m->from_user && m->from_user[0] && m->from_party &&
	       m->from_party[0] && strlen(m->from_user) <= 128 && strlen(m->from_party) <= 128 &&
	       m->call_id && strlen(m->call_id) == CALL_ID_CHARS &&
	       strspn(m->call_id, "0123456789abcdef") == CALL_ID_CHARS && cJSON_IsObject(m->body);
}

void call_core_message(struct call_core *core, int64_t now_ms, const struct call_message *message)
{
	if (!is_sane(message)) {
		core->ignored++;
		return;
	}
	if (g_str_equal(message->kind, "record")) {
		take_record(core, now_ms, message);
		return;
	}
	struct call *call = g_hash_table_lookup(core->calls, message->call_id);
	if (call) {
		struct step step = { .core = core, .call = call, .now_ms = now_ms,
				     .from_party = message->from_party, .body = message->body };
		/* A live id from another account is forged: it changes nothing. */
		if (!g_str_equal(call->peer_user, message->from_user) ||
		    !g_str_equal(call->account, message->account) || is_repeated(call, message))
			core->ignored++;
		else {
			known_message(&step, message);
			crossing_answer(core, now_ms, message);
		}
		return;
	}
	crossing_answer(core, now_ms, message);
	switch (table_event(message->kind)) {
	case PEER_INVITE:
		admit_invite(core, now_ms, message);
		break;
	case PEER_DECIDE:
	case PEER_BYE:
		unknown_end(core, now_ms, message);
		break;
	case PEER_ACCEPT:
	case PEER_RINGING:
	case PEER_QUERY:
		unknown_question(core, now_ms, message);
		break;
	default:
		core->ignored++;
	}
}
