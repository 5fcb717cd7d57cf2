#include "core/box/events.h"

#include <string.h>

#include "core/base/message.h"

const struct event_row event_rows[] = {
	{ "state", "the answer of status", "first of all, to a client that has just subscribed" },
	{ "onInvited", "invitor, userIds, isFromGroup, groupId, attachment, type, waiting", "it rings here" },
	{ "onUserAccept", "userId", "my call was accepted; onCallTypeChange follows when with sound only" },
	{ "onUserReject", "userId", "my call was rejected" },
	{ "onUserBusy", "userId", "my call found nobody free" },
	{ "onUserCancel", "userId", "the caller gave up" },
	{ "onUserEnter", "userId", "sound and picture of the other side are there" },
	{ "onUserLeave", "userId", "the other side hung up" },
	{ "onUserDisconnect", "userId", "the other side's media was lost for good" },
	{ "onCallingTimeout", "userId, reason callTimeOut or beCallTimeOut",
	  "nobody answered in time; also known as onCallingTimeOut" },
	{ "onOtherClientAccept", "userId", "another device of this account took the call" },
	{ "onOtherClientReject", "userId", "another device of this account refused it" },
	{ "onCallTypeChange", "userId, type, state 1 asked, 2 agreed, 3 refused", "between sound and picture" },
	{ "onCameraAvailable", "userId, available", "the other side's camera went on or off" },
	{ "onAudioAvailable", "userId, available", "the other side's microphone went on or off" },
	{ "onVideoMuted", "userId, muted", "the other side covers its picture or shows it" },
	{ "onAudioMuted", "userId, muted", "the other side mutes or unmutes itself" },
	{ "onUserNetworkQuality", "userId, up, down: 0 unknown, 1 excellent to 5 unusable", "every 2 s in a call" },
	{ "onJoinChannel", "uid, cid, channelName, userId", "own media has joined" },
	{ "onCallEnd", "userId, reasonCode, message, durationMs", "exactly once a call, for every end" },
	{ "onDisconnect", "userId", "own media was lost, or the account logged in elsewhere" },
	{ "onMessageSent", "userId", "the call record reached the network" },
	{ "onError", "code, message, device", "something failed" },
	{ "onCallState", "state, status, userId", "the call's state changed" },
	{ "onCallReplaced", "userId, replaced",
	  "both called each other: this call goes on in place of my own" },
	{ "onCallNext", "userId, previous, next",
	  "of several accounts one did not answer: this call asks another; before the previous call's onCallEnd" },
	{ "onCallMissed", "userId", "a call was not answered here" },
	{ "onCallRefused", "userId, reason, detail", "a call was refused without ringing" },
	{ "onCallHeld", "userId, held", "a call is held, or goes on" },
	{ "onAutoAnswer", "userId", "a call is answered without a person" },
	{ "onMaxCall", "userId, remainingMs", "the longest call time is nearly over; prolong begins it anew" },
	{ "onCallRecord", "the record", "a call record was written" },
	{ "onRing", "on, soft", "ringing starts and stops" },
	{ "onMuteChange", "audioMuted, videoMuted, audioEnabled, videoEnabled", "a local switch was moved" },
	{ "onDndChange", "on, forMs", "do-not-disturb was switched" },
	{ "onStandby", "on", "nobody uses the box, or somebody does" },
	{ "onLineState", "account, device, provider, server, state, message, capabilities",
	  "an account's connection" },
	{ "onCamera", "id, state, message", "the camera was opened, lost, found" },
	{ "onCoder", "part encoder or decoder, name, reason", "another encoder or decoder is at work, and why" },
	{ "onDevice", "kind, id, state, message", "microphone, speaker or screen were opened, lost, found" },
	{ "onVolumeChange", "kind, percent, on, mixer, name", "somebody turned a volume knob, here or on the card" },
	{ "onViewShown", "which", "a view shows its first picture" },
	{ NULL, NULL, NULL },
};

static const struct { const char *alias, *name; } aliases[] = {
	{ "onCallingTimeOut", "onCallingTimeout" },
};

const char *event_name(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
		if (strcmp(aliases[i].alias, name) == 0)
			return aliases[i].name;
	for (const struct event_row *row = event_rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row->name;
	return NULL;
}

const char *event_alias(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].alias;
	return NULL;
}

void events_print_man(FILE *out)
{
	fputs(".Sh EVENTS\nEvery event carries a growing sequence, those about a call its callId;\n"
	      "the state carries the last one's sequence.\n.Bl -tag -width Ds\n", out);
	for (const struct event_row *row = event_rows; row->name; row++)
		fprintf(out, ".It %s { %s }\n%s\n", row->name, row->payload, row->when);
	fputs(".El\n", out);
}

/* ---- hooks ---- */

static struct hook_facts facts_of(const struct call_output *event)
{
	return (struct hook_facts){
		.call_id = event->call_id, .peer = event->to_user,
		.from = event->anchor ? event->account : event->to_user,
		.to = event->anchor ? event->to_user : event->account,
		.type = event->call_id ? (int)event->call_type : 0, .duration_ms = -1,
	};
}

static void on_state(struct box *box, const struct call_output *event, const struct hook_facts *facts)
{
	const char *state = message_string(event->json, "state", "");
	bool was_lost = strcmp(event->call_id, box->lost) == 0, is_lost = strcmp(state, "recovering") == 0;
	if (strcmp(state, "preparing") == 0)
		hooks_run(box->hooks, HOOK_CALL_OUTGOING, facts);
	else if (is_lost)
		hooks_run(box->hooks, HOOK_MEDIA_LOST, facts);
	else if (was_lost && strcmp(state, "active") == 0)
		hooks_run(box->hooks, HOOK_MEDIA_BACK, facts);
	if (is_lost || was_lost)
		g_strlcpy(box->lost, is_lost ? event->call_id : "", sizeof(box->lost));
}

static void on_type(struct box *box, const struct call_output *event, struct hook_facts *facts)
{
	facts->type = message_int(event->json, "type", facts->type);
	if (message_int(event->json, "state", 0) == 2)
		hooks_run(box->hooks, HOOK_TYPE_CHANGE, facts);
}

void events_hook(struct box *box, const struct call_output *event)
{
	static const struct { const char *event; enum hook hook; } plain[] = {
		{ "onInvited", HOOK_CALL_RINGING },	  { "onUserEnter", HOOK_CALL_CONNECTED },
		{ "onCallEnd", HOOK_CALL_END },		  { "onCallRefused", HOOK_CALL_REFUSED },
		{ "onCallMissed", HOOK_CALL_MISSED },	  { "onDndChange", HOOK_DND_CHANGE },
	};
	struct hook_facts facts = facts_of(event);
	g_autofree char *code = g_strdup_printf("%d", message_int(event->json, "reasonCode", 0));
	facts.reason = message_string(event->json, "reason", NULL);
	if (strcmp(event->kind, "onCallEnd") == 0) {
		facts.reason = code;
		facts.duration_ms = message_number(event->json, "durationMs", 0);
	}
	if (strcmp(event->kind, "onDndChange") == 0)
		facts.on = message_bool(event->json, "on", false) ? "yes" : "no";
	if (strcmp(event->kind, "onCallState") == 0)
		on_state(box, event, &facts);
	else if (strcmp(event->kind, "onCallTypeChange") == 0)
		on_type(box, event, &facts);
	for (size_t i = 0; i < G_N_ELEMENTS(plain); i++)
		if (strcmp(event->kind, plain[i].event) == 0)
			hooks_run(box->hooks, plain[i].hook, &facts);
}

void events_box_hook(struct box *box, enum hook hook, bool on)
{
	if (!hooks_has(box->hooks, hook))
		return;
	cJSON *state = call_core_state(box->core, box_now_ms());
	const cJSON *call = message_member(state, "call");
	bool out = strcmp(message_string(call, "direction", ""), "out") == 0;
	const char *account = message_string(call, "account", NULL), *user = message_string(call, "userId", NULL);
	const struct hook_facts facts = {
		.call_id = message_string(call, "callId", NULL), .peer = user, .from = out ? account : user,
		.to = out ? user : account, .on = on ? "yes" : "no", .type = message_int(call, "type", 0),
		.duration_ms = -1,
	};
	hooks_run(box->hooks, hook, &facts);
	cJSON_Delete(state);
}
