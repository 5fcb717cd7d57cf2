#include "core/call/call.h"

#include <string.h>

static const char *const timer_words[] = {
	[TIMER_SETUP] = "setup", [TIMER_RING] = "ring", [TIMER_GUARD] = "guard", [TIMER_SCREEN] = "screen",
	[TIMER_CONFIRM] = "confirm", [TIMER_COLLECT] = "collect", [TIMER_MEDIA] = "media",
	[TIMER_ALIVE] = "alive", [TIMER_RECONN] = "reconn", [TIMER_MAXCALL] = "maxcall",
	[TIMER_AUTOANSWER] = "autoanswer", [TIMER_SWITCH] = "switch", [TIMER_HEARTBEAT] = "heartbeat",
	[CALL_TIMERS] = NULL,
};

static const char *const event_words[] = {
	[USER_CALL] = "user:call", [USER_ACCEPT] = "user:accept", [USER_REJECT] = "user:reject",
	[USER_HANGUP] = "user:hangup", [SETUP_OK] = "setup:ok", [SETUP_FAILED] = "setup:failed",
	[PEER_INVITE] = "peer:invite", [PEER_RINGING] = "peer:ringing", [PEER_ACCEPT] = "peer:accept",
	[PEER_REJECT] = "peer:reject", [PEER_DECIDE] = "peer:decide", [PEER_BYE] = "peer:bye",
	[PEER_QUERY] = "peer:query", [PEER_STATE] = "peer:state", [BOX_ADMIT] = "box:admit",
	[BOX_ADMIT_AUTO] = "box:admit_auto", [BOX_REFUSE] = "box:refuse",
	[BOX_SUPERSEDED] = "box:superseded", [BOX_GLARE_LOST] = "box:glare_lost",
	[BOX_ANSWERED_ELSEWHERE] = "box:answered_elsewhere", [SIGNALLING_SYNCED] = "signalling:synced",
	[MEDIA_EVENT_UP] = "media:up", [MEDIA_EVENT_LOST] = "media:lost", [MEDIA_EVENT_LOST + 1] = NULL,
};

const struct fsm_words call_words = {
	.events = event_words,
	.guards = call_guard_words,
	.actions = call_action_words,
	.timers = timer_words,
};

static int timer_ms(const struct call_core *core, const struct call *call, int timer)
{
	switch (timer) {
	case TIMER_RING:
		return call->ring_ms;
	case TIMER_GUARD:
		return call->guard_ms;
	default:
		return core->fsm->timers[timer].ms;
	}
}

/* C's own, which run through changes of state. */
#define TIMERS_LASTING (1U << TIMER_MAXCALL | 1U << TIMER_SWITCH | 1U << TIMER_HEARTBEAT)

/* Deadlines that both states list go on; others start or stop. Timers armed by C stop where no row takes them. */
static void timers_change(struct step *step, int from, int to)
{
	const struct fsm *fsm = step->core->fsm;
	struct call *call = step->call;
	unsigned int start = fsm->timers_listed[to] & ~fsm->timers_listed[from];
	unsigned int keep = fsm->timers_listed[to] | fsm->timers_taken[to] | TIMERS_LASTING;
	for (int timer = 0; timer < CALL_TIMERS; timer++)
		if (start & 1U << timer)
			call->timers[timer] = step->now_ms + timer_ms(step->core, call, timer);
		else if (!(keep & 1U << timer))
			call->timers[timer] = -1;
}

void state_told(struct step *step)
{
	const struct fsm_state *state = &step->core->fsm->states[step->call->state];
	cJSON *payload = cJSON_CreateObject();
	json_string(payload, "state", state->name);
	json_string(payload, "status", call_status_name(state->status));
	json_string(payload, "userId", step->call->peer_user);
	event_put(step->core, step->call, "onCallState", payload);
}

/* Moves what was put since mark, the last output then, behind a journal entry: the state is written before anything
 * is sent. */
static void journal_first(struct step *step, struct call_output *mark)
{
	struct call_core *core = step->core;
	struct call_output *last = core->last_output;
	journal_put(step);
	struct call_output *entry = core->last_output;
	if (last == mark)
		return;
	last->next = NULL;
	core->last_output = last;
	struct call_output **place = mark ? &mark->next : &core->first_output;
	entry->next = *place;
	*place = entry;
}

static void run_row(struct step *step, const struct fsm_row *row)
{
	struct call_core *core = step->core;
	struct call *call = step->call;
	int from = call->state;
	core->rows_taken[row - core->fsm->rows]++;
	enum call_outcome before = call->outcome;
	struct call_output *mark = core->last_output;
	if (!row->stay) {
		call->state = row->to;
		timers_change(step, from, row->to);
		if (from == core->fsm->initial && row->to != core->fsm->final)
			*(core->live ? &core->waiting : &core->live) = call;
	}
	for (int i = 0; i < FSM_ROW_ACTIONS && row->actions[i] >= 0; i++)
		action_run(step, row->actions[i]);
	if (row->to == core->fsm->final && from != core->fsm->final)
		call_finish(step);
	else if (!row->stay)
		state_told(step);
	if (from == core->fsm->initial || (row->to == core->fsm->final && !row->stay) ||
	    before != call->outcome)
		journal_first(step, mark);
}

bool call_step(struct step *step, int event, int timer)
{
	struct call *call = step->call;
	if (timer >= 0)
		call->timers[timer] = -1;
	const struct fsm_row *row = fsm_find(step->core->fsm, call->state, event, timer, guard_holds, step);
	if (!row) {
		step->core->ignored++;
		return false;
	}
	run_row(step, row);
	return true;
}

static void call_free(struct call *call)
{
	g_free(call->account);
	g_free(call->peer_user);
	g_free(call->peer_party);
	g_free(call->winner);
	g_free(call->refusal);
	g_free(call->detail);
	g_free(call->last_kind);
	cJSON_Delete(call->attachment);
	cJSON_Delete(call->group);
	cJSON_Delete(call->held);
	cJSON_Delete(call->last_body);
	g_clear_pointer(&call->devices, g_hash_table_destroy);
	g_clear_pointer(&call->seen, g_hash_table_destroy);
	g_free(call);
}

struct call *call_new(struct call_core *core, const char *id, const char *account, const char *user,
		      bool anchor, int64_t now_ms)
{
	struct call *call = g_new0(struct call, 1);
	g_strlcpy(call->id, id, sizeof(call->id));
	call->account = g_strdup(account);
	call->peer_user = g_strdup(user);
	call->anchor = anchor;
	call->state = core->fsm->initial;
	call->type = CALL_AUDIO;
	call->started_ms = now_ms;
	call->connected_ms = call->ended_ms = -1;
	call->peer_audio_enabled = call->peer_video_enabled = true;
	for (int i = 0; i < CALL_TIMERS; i++)
		call->timers[i] = -1;
	call->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_hash_table_insert(core->calls, call->id, call);
	return call;
}

void call_forget(struct call_core *core, struct call *call)
{
	g_queue_remove(&core->ended, call);
	g_hash_table_remove(core->calls, call->id);
	call_free(call);
}

void call_bury(struct call_core *core, struct call *call, int64_t now_ms)
{
	call->state = core->fsm->final;
	call->ended_ms = now_ms;
	for (int i = 0; i < CALL_TIMERS; i++)
		call->timers[i] = -1;
	if (core->live == call)
		core->live = NULL;
	if (core->waiting == call)
		core->waiting = NULL;
	g_queue_push_head(&core->ended, call);
	if (g_queue_get_length(&core->ended) > CALL_TOMBSTONES_MAX)
		call_forget(core, g_queue_peek_tail(&core->ended));
}

struct call_core *call_core_create(const struct fsm *fsm, const char *party, const struct call_policy *policy)
{
	struct call_core *core = g_new0(struct call_core, 1);
	core->fsm = fsm;
	core->rows_taken = g_new0(unsigned int, fsm->row_count);
	core->party = g_strdup(party);
	core->calls = g_hash_table_new(g_str_hash, g_str_equal);
	core->synced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	core->audio_enabled = core->video_enabled = true;
	core->dnd = policy->dnd;
	core->dnd_until_ms = -1;
	g_queue_init(&core->ended);
	call_core_policy(core, policy);
	return core;
}

unsigned int call_core_row_taken(const struct call_core *core, int row)
{
	return core->rows_taken[row];
}

void call_core_policy(struct call_core *core, const struct call_policy *policy)
{
	g_free(core->allow);
	g_free(core->block);
	g_free(core->contacts);
	core->policy = *policy;
	core->own_limit_ms = 0;
	core->policy.contacts = core->contacts = g_strdup(policy->contacts);
	core->policy.allow = core->allow = g_strdup(policy->allow);
	core->policy.block = core->block = g_strdup(policy->block);
}

void call_core_free(struct call_core *core)
{
	if (!core)
		return;
	GHashTableIter iter;
	void *call;
	g_hash_table_iter_init(&iter, core->calls);
	while (g_hash_table_iter_next(&iter, NULL, &call))
		call_free(call);
	g_queue_clear(&core->ended);
	for (struct call_output *output; (output = call_core_take(core));)
		call_output_free(output);
	g_hash_table_destroy(core->calls);
	g_hash_table_destroy(core->synced);
	g_clear_pointer(&core->floods, g_hash_table_destroy);
	g_free(core->party);
	g_free(core->allow);
	g_free(core->block);
	g_free(core->contacts);
	g_free(core->rows_taken);
	g_free(core);
}

bool call_is_here(const struct call_core *core, const struct call *call)
{
	return call && (core->live == call || core->waiting == call);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

int64_t call_core_deadline(const struct call_core *core)
{
	int64_t first = core->dnd ? core->dnd_until_ms : -1;
	for (int i = 0; core->live && i < CALL_TIMERS; i++)
		first = earlier(first, core->live->timers[i]);
	for (int i = 0; core->waiting && i < CALL_TIMERS; i++)
		first = earlier(first, core->waiting->timers[i]);
	const struct call *oldest = g_queue_peek_tail((GQueue *)&core->ended);
	return oldest ? earlier(first, oldest->ended_ms + CALL_TOMBSTONE_MS) : first;
}

static int due_timer(const struct call *call, int64_t now_ms)
{
	int first = -1;
	for (int i = 0; call && i < CALL_TIMERS; i++)
		if (call->timers[i] >= 0 && call->timers[i] <= now_ms &&
		    (first < 0 || call->timers[i] < call->timers[first]))
			first = i;
	return first;
}

/* First the warning, then the end. */
static void maxcall_due(struct step *step)
{
	struct call *call = step->call;
	int rest = MIN(CALL_PROMPT_MS, step->core->policy.maxcall_ms);
	if (!call->prompted) {
		call->prompted = true;
		call->timers[TIMER_MAXCALL] = step->now_ms + rest;
		cJSON *payload = payload_user(call);
		json_number(payload, "remainingMs", rest);
		event_put(step->core, call, "onMaxCall", payload);
		return;
	}
	call->end = END_BY_LENGTH;
	call_step(step, USER_HANGUP, -1);
}

static void heartbeat(struct step *step)
{
	step->call->timers[TIMER_HEARTBEAT] = step->now_ms + CALL_HEARTBEAT_MS;
	journal_put(step);
}

static void timer_due(struct step *step, int timer)
{
	struct call *call = step->call;
	call->timers[timer] = -1;
	switch (timer) {
	case TIMER_MAXCALL:
		maxcall_due(step);
		return;
	case TIMER_HEARTBEAT:
		heartbeat(step);
		return;
	case TIMER_SWITCH:
		type_question_void(step);
		return;
	case TIMER_AUTOANSWER:
		if (call != step->core->live)
			return; /* never beside another call */
		event_put(step->core, call, "onAutoAnswer", payload_user(call));
		break;
	case TIMER_RECONN:
	case TIMER_MEDIA:
		call->end = END_BY_PEER_MEDIA;
		break;
	default:
		break;
	}
	call_step(step, -1, timer);
}

static void dnd_due(struct call_core *core, int64_t now_ms)
{
	if (core->dnd && core->dnd_until_ms >= 0 && core->dnd_until_ms <= now_ms)
		call_core_dnd(core, now_ms, false, 0);
}

void call_core_tick(struct call_core *core, int64_t now_ms)
{
	for (;;) {
		struct step step = { .core = core, .call = core->live, .now_ms = now_ms };
		int timer = due_timer(core->live, now_ms);
		if (timer < 0) {
			step.call = core->waiting;
			timer = due_timer(core->waiting, now_ms);
		}
		if (timer < 0)
			break;
		timer_due(&step, timer);
	}
	dnd_due(core, now_ms);
	for (struct call *old; (old = g_queue_peek_tail(&core->ended)) &&
			       old->ended_ms + CALL_TOMBSTONE_MS <= now_ms;)
		call_forget(core, old);
}
