/* Audio to video and back. The anchor owns (type, rev); only its `set` changes the callee; the highest rev wins. */
#include "core/call/call.h"

#include <errno.h>

#include "core/base/message.h"

enum switch_state { SWITCH_ASK = 1, SWITCH_AGREE = 2, SWITCH_REFUSE = 3 };

static void type_told(struct step *step, int type, enum switch_state state)
{
	cJSON *payload = payload_user(step->call);
	json_number(payload, "type", type);
	json_number(payload, "state", state);
	event_put(step->core, step->call, "onCallTypeChange", payload);
}

static void update_rev_send(struct step *step, const char *what, int type, int rev)
{
	cJSON *body = cJSON_CreateObject();
	json_string(body, "what", what);
	json_number(body, "type", type);
	json_number(body, "rev", rev);
	send_to(step, "update", step->call->peer_party, body);
}

static void update_send(struct step *step, const char *what, int type)
{
	update_rev_send(step, what, type, step->call->type_rev);
}

static void type_apply(struct step *step, int type)
{
	struct call *call = step->call;
	bool asking = call->asking_type != 0, changes = type != (int)call->type;
	call->asked_type = call->asking_type = 0;
	call->timers[TIMER_SWITCH] = -1;
	call->type = (enum call_type)type;
	if (changes)
		output_put(step->core, OUT_MEDIA_TYPE, call);
	if (changes || asking)
		type_told(step, type, SWITCH_AGREE); /* every question is answered, also one for what is */
}

void type_answered(struct step *step)
{
	struct call *call = step->call;
	if (message_int(step->body, "type", 0) != CALL_AUDIO || call->type == CALL_AUDIO)
		return;
	call->type = CALL_AUDIO;
	type_told(step, CALL_AUDIO, SWITCH_AGREE);
}

/* Only the anchor. */
static void type_set(struct step *step, int type)
{
	step->call->type_rev++;
	update_send(step, "set", type);
	type_apply(step, type);
}

static bool asks_user(const struct call_core *core, int type)
{
	return type == CALL_VIDEO ? core->policy.confirm_video : core->policy.confirm_audio;
}

static void agree(struct step *step, int type)
{
	if (step->call->anchor)
		type_set(step, type);
	else
		update_rev_send(step, "yes", type, step->call->asked_rev);
}

/* Nobody answered: a later yes means nothing. */
void type_question_void(struct step *step)
{
	struct call *call = step->call;
	int asking = call->asking_type;
	call->asked_type = call->asking_type = 0;
	if (call->anchor)
		call->type_rev++;
	if (asking)
		type_told(step, asking, SWITCH_REFUSE);
}

/* Who asks for what is, or for what I ask for myself, has my consent. */
static void asked(struct step *step, int type, int rev)
{
	struct call *call = step->call;
	call->asked_rev = rev;
	if (type == (int)call->type || call->asking_type == type || !asks_user(step->core, type)) {
		agree(step, type);
		return;
	}
	call->asked_type = type;
	call->timers[TIMER_SWITCH] = step->now_ms + CALL_SWITCH_ASK_MS;
	type_told(step, type, SWITCH_ASK);
}

void type_message(struct step *step)
{
	struct call *call = step->call;
	const char *what = message_string(step->body, "what", "");
	int type = message_int(step->body, "type", 0), rev = message_int(step->body, "rev", -1);
	if (call->outcome != OUTCOME_ACCEPTED || !call_is_here(step->core, call))
		return;
	if (type != CALL_AUDIO && type != CALL_VIDEO)
		return;
	if (g_str_equal(what, "ask")) {
		asked(step, type, rev);
	} else if (g_str_equal(what, "yes") && call->anchor && call->asking_type == type &&
		   rev == call->type_rev) {
		type_set(step, type);
	} else if (g_str_equal(what, "no") && call->asking_type == type) {
		call->asking_type = 0;
		call->timers[TIMER_SWITCH] = -1;
		type_told(step, type, SWITCH_REFUSE);
	} else if (g_str_equal(what, "set") && !call->anchor && rev > call->type_rev) {
		call->type_rev = rev;
		type_apply(step, type);
	}
}

int call_core_switch_type(struct call_core *core, int64_t now_ms, enum call_type type, int state,
			  char **ret_error)
{
	struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
	struct call *call = step.call;
	if (!call || call->outcome != OUTCOME_ACCEPTED) {
		*ret_error = g_strdup_printf("wrong state: %s; switchCallType needs a connected call",
					     call ? core->fsm->states[call->state].name : "idle");
		return -EBADE;
	}
	if (type != CALL_AUDIO && type != CALL_VIDEO) {
		*ret_error = g_strdup_printf("type: %d is outside 1..2", (int)type);
		return -EINVAL;
	}
	if (state < SWITCH_ASK || state > SWITCH_REFUSE) {
		*ret_error = g_strdup_printf("state: %d is outside 1..3", state);
		return -EINVAL;
	}
	if (state != SWITCH_ASK && call->asked_type != (int)type) {
		*ret_error = g_strdup("the other side has not asked for that type");
		return -EBADE;
	}
	call->asked_type = 0;
	call->timers[TIMER_SWITCH] = -1;
	if (state == SWITCH_REFUSE) {
		update_send(&step, "no", type);
	} else if (state == SWITCH_AGREE) {
		agree(&step, type);
	} else {
		call->asking_type = type;
		call->timers[TIMER_SWITCH] = now_ms + CALL_SWITCH_ASK_MS;
		update_send(&step, "ask", type);
	}
	return 0;
}
