#include "tests/model/world.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum kind { INVITE, RINGING, ACCEPT, REJECT, DECIDE, BYE, QUERY, STATE, KINDS };
static const char *const kind_names[KINDS] = { "invite", "ringing", "accept", "reject", "decide", "bye", "query",
					       "state" };
enum reason { NO_REASON, DECLINE, BUSY, TIMEOUT, GLARE };
static const char *const reason_names[] = { "", "decline", "busy", "timeout", "glare" };
#define RANG 100 /* in devices[]: rings; below: the reason of its refusal plus one */

struct message {
	uint8_t kind, call, from, to_device, to_boot; /* to_boot 255: whichever */
	uint8_t outcome, winner, reason, all, ended;
};

/* The rules are the same for all worlds of one run. */
static const struct fsm *fsm;
static const struct scenario *scenario;
static struct message messages[MESSAGES_MAX];
static int message_count;
static bool rows_taken[512];
static int event_of[KINDS], ev_call, ev_accept, ev_reject, ev_hangup, ev_setup_ok, ev_setup_failed, ev_admit, ev_auto,
	ev_refuse, ev_superseded, ev_glare_lost, ev_elsewhere, ev_synced, ev_up, ev_lost;
static int t_collect, t_setup;

/* What happens now, to whom. */
struct now {
	struct world *w;
	int device, call;
	struct cell *cell;
	const struct message *message; /* NULL: no message */
	const char *wrong;
	bool known; /* the message's call, before it came */
};

static int party_of(const struct world *w, int device)
{
	return device * 2 + w->boot[device] + 1;
}

static int device_of(int party)
{
	return (party - 1) / 2;
}

static bool is_anchor(int device, int call)
{
	return scenario->calls[call].anchor == device;
}

bool world_cell_live(const struct cell *cell)
{
	return fsm_is_live(fsm, cell->state);
}

static int live_call(const struct world *w, int device)
{
	for (int c = 0; c < scenario->call_count; c++)
		if (world_cell_live(&w->cells[device][c]))
			return c;
	return -1;
}

/* ---- messages ---- */

static int message_index(const struct message *m)
{
	for (int i = 0; i < message_count; i++)
		if (memcmp(&messages[i], m, sizeof(*m)) == 0)
			return i;
	if (message_count == MESSAGES_MAX)
		g_error("more than %d different messages", MESSAGES_MAX);
	messages[message_count] = *m;
	return message_count++;
}

static void put(struct now *n, struct message m)
{
	int i = message_index(&m);
	n->w->sent[i / 64] |= 1ULL << (i % 64);
}

static void send_party(struct now *n, enum kind kind, int to, struct message m)
{
	if (to == NOBODY)
		return;
	m.kind = (uint8_t)kind;
	m.call = (uint8_t)n->call;
	m.from = (uint8_t)party_of(n->w, n->device);
	m.to_device = (uint8_t)device_of(to);
	m.to_boot = (uint8_t)(scenario->crashes ? (to - 1) % 2 : 255); /* the same as to the account, then */
	put(n, m);
}

static void send_account(struct now *n, enum kind kind, struct message m)
{
	m.kind = (uint8_t)kind;
	m.call = (uint8_t)n->call;
	m.from = (uint8_t)party_of(n->w, n->device);
	m.to_boot = 255;
	for (int d = 0; d < scenario->device_count; d++)
		if (scenario->account[d] == scenario->calls[n->call].callee) {
			m.to_device = (uint8_t)d;
			put(n, m);
		}
}

static void say(struct now *n, enum kind kind)
{
	send_party(n, kind, n->cell->peer, (struct message){ 0 });
	n->cell->last = (uint8_t)kind + 1;
}

/* ---- guards ---- */

static int ringing(const struct now *n, int but)
{
	int count = 0;
	for (int p = 0; p < PARTIES_MAX; p++)
		count += n->w->devices[n->call][p] == RANG && p != but;
	return count;
}

static bool guard_holds(int guard, void *data)
{
	const struct now *n = data;
	const char *word = call_words.guards[guard];
	if (strcmp(word, "scope_all") == 0)
		return n->message->all;
	if (strcmp(word, "last_device") == 0)
		return n->w->devices[n->call][n->message->from - 1] == RANG && ringing(n, n->message->from - 1) == 0;
	if (strcmp(word, "nobody_rings") == 0)
		return ringing(n, -1) == 0;
	if (strcmp(word, "age_trusted") == 0)
		return true;
	if (strcmp(word, "won") == 0)
		return n->message->outcome == OUTCOME_ACCEPTED && n->message->winner == party_of(n->w, n->device);
	if (strcmp(word, "from_peer") == 0)
		return n->cell->peer != NOBODY && device_of(n->cell->peer) == device_of(n->message->from);
	if (strcmp(word, "anchor") == 0)
		return is_anchor(n->device, n->call);
	g_error("guard %s", word);
}

/* ---- actions ---- */

static void wrong(struct now *n, const char *what)
{
	if (!n->wrong)
		n->wrong = what;
}

static void media(struct now *n)
{
	n->cell->flags |= CELL_MEDIA;
	if (!(n->cell->flags & CELL_CONSENT))
		wrong(n, "media without a local wish");
	if (n->w->verdict[n->call] != OUTCOME_ACCEPTED)
		wrong(n, "media without a verdict");
}

static void media_open(struct now *n, const char *argument)
{
	(void)argument;
	if (!is_anchor(n->device, n->call))
		media(n);
}

static void nothing(struct now *n, const char *argument)
{
	(void)n;
	(void)argument;
}

static void send_invite(struct now *n, const char *argument)
{
	struct message m = { 0 };
	(void)argument;
	for (int c = 0; c < scenario->call_count; c++)
		if (n->w->cells[n->device][c].state == fsm->final)
			m.ended |= (uint8_t)(1 << c);
	send_account(n, INVITE, m);
}

static void send_kind(struct now *n, const char *argument)
{
	for (int kind = 0; kind < KINDS; kind++)
		if (strcmp(kind_names[kind], argument) == 0)
			say(n, (enum kind)kind);
}

static void send_reject(struct now *n, const char *argument)
{
	struct message m = { .all = argument[0] == 'a', .reason = n->cell->refusal };
	if (m.all)
		m.reason = DECLINE;
	else if (strcmp(argument, "timeout") == 0)
		m.reason = TIMEOUT;
	n->cell->refusal = m.reason;
	send_party(n, REJECT, n->cell->peer, m);
	n->cell->last = (uint8_t)(REJECT + 1 + 8 * m.all);
}

static void send_bye(struct now *n, const char *argument)
{
	(void)argument;
	send_party(n, BYE, n->cell->peer, (struct message){ 0 });
}

static struct message verdict(const struct now *n)
{
	return (struct message){ .outcome = n->cell->outcome, .winner = n->cell->winner };
}

static void reply(struct now *n, const char *argument)
{
	int to = n->message->from;
	bool decided = n->cell->outcome != OUTCOME_NONE;
	if (strcmp(argument, "state") == 0)
		send_party(n, STATE, to, (struct message){ 0 });
	else if (strcmp(argument, "bye") == 0 || (strcmp(argument, "final") == 0 && !decided))
		send_party(n, BYE, to, (struct message){ 0 });
	else if (strcmp(argument, "final") == 0)
		send_party(n, DECIDE, to, verdict(n));
	else if (n->cell->last)
		send_party(n, (enum kind)((n->cell->last & 7) - 1), to,
			   (struct message){ .all = n->cell->last >= 8, .reason = (n->cell->last & 7) == REJECT + 1
										     ? n->cell->refusal : 0 });
}

static void decide_outcome(struct now *n, enum call_outcome outcome)
{
	struct world *w = n->w;
	n->cell->outcome = (uint8_t)outcome;
	if (outcome == OUTCOME_ACCEPTED && n->cell->winner == NOBODY)
		wrong(n, "accepted, but nobody won");
	if (w->verdict[n->call] &&
	    (w->verdict[n->call] != n->cell->outcome || w->verdict_winner[n->call] != n->cell->winner))
		wrong(n, "two verdicts");
	w->verdict[n->call] = n->cell->outcome;
	w->verdict_winner[n->call] = n->cell->winner;
	send_account(n, DECIDE, verdict(n));
	if (outcome == OUTCOME_ACCEPTED)
		media(n);
}

static const struct { const char *name; enum call_outcome outcome; } outcomes[] = {
	{ "accepted", OUTCOME_ACCEPTED }, { "canceled", OUTCOME_CANCELED }, { "rejected", OUTCOME_REJECTED },
	{ "timeout", OUTCOME_TIMEOUT },	  { "glare", OUTCOME_GLARE },	    { "failed", OUTCOME_FAILED },
	{ "missed", OUTCOME_TIMEOUT },	  { "declined", OUTCOME_REJECTED },
};

static enum call_outcome outcome_of(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++)
		if (strcmp(outcomes[i].name, name) == 0)
			return outcomes[i].outcome;
	g_error("outcome %s", name);
}

/* A human's no weighs more than a busy device, that more than silence. */
static void decide(struct now *n, const char *argument)
{
	static const struct { enum reason reason; enum call_outcome outcome; } weights[] = {
		{ DECLINE, OUTCOME_REJECTED }, { BUSY, OUTCOME_BUSY }, { TIMEOUT, OUTCOME_TIMEOUT },
		{ GLARE, OUTCOME_BUSY },
	};
	if (strcmp(argument, "aggregate") != 0) {
		decide_outcome(n, outcome_of(argument));
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(weights); i++)
		for (int p = 0; p < PARTIES_MAX; p++)
			if (n->w->devices[n->call][p] == weights[i].reason + 1) {
				decide_outcome(n, weights[i].outcome);
				return;
			}
	decide_outcome(n, OUTCOME_REJECTED);
}

static void note(struct now *n, const char *argument)
{
	uint8_t *slot = &n->w->devices[n->call][n->message->from - 1];
	if (strcmp(argument, "refusal") == 0)
		*slot = (uint8_t)(n->message->reason + 1);
	else if (!*slot)
		*slot = RANG;
}

static void choose_winner(struct now *n, const char *argument)
{
	(void)argument;
	n->cell->winner = n->cell->peer = n->message->from;
}

static void collect(struct now *n, const char *argument)
{
	n->cell->timers = strcmp(argument, "start") == 0;
}

static void log_outcome(struct now *n, const char *argument)
{
	if (strcmp(argument, "decide") == 0) {
		if (n->message->outcome != OUTCOME_NONE)
			n->cell->outcome = n->message->outcome;
	} else if (n->cell->outcome == OUTCOME_NONE) {
		n->cell->outcome = (uint8_t)outcome_of(argument);
	}
}

static const struct action {
	const char *word;
	void (*run)(struct now *n, const char *argument);
	const char *argument;
} actions[] = {
	{ "media_open", media_open, "" }, { "notify:calling", nothing, "" }, { "notify:ringback", nothing, "" },
	{ "notify:ring", nothing, "" }, { "notify:connecting", nothing, "" }, { "notify:stop", nothing, "" },
	{ "notify:in_call", nothing, "" }, { "notify:reconnecting", nothing, "" }, { "wake_display", nothing, "" },
	{ "send:invite", send_invite, "" }, { "send:query", send_kind, "query" },
	{ "send:ringing", send_kind, "ringing" },
	{ "send:accept", send_kind, "accept" }, { "send:refusal", send_reject, "device" },
	{ "send:reject_all", send_reject, "all" }, { "send:reject_timeout", send_reject, "timeout" },
	{ "send:bye", send_bye, "" }, { "reply:state", reply, "state" }, { "reply:bye", reply, "bye" },
	{ "reply:final", reply, "final" }, { "reply:last", reply, "last" }, { "decide:accepted", decide, "accepted" },
	{ "decide:rejected", decide, "rejected" }, { "decide:timeout", decide, "timeout" },
	{ "decide:canceled", decide, "canceled" }, { "decide:glare", decide, "glare" },
	{ "decide:aggregate", decide, "aggregate" }, { "note_ringing", note, "ringing" },
	{ "note_refusal", note, "refusal" }, { "choose_winner", choose_winner, "" },
	{ "timer_start:collect", collect, "start" }, { "timer_stop:collect", collect, "stop" },
	{ "log:failed", log_outcome, "failed" }, { "log:canceled", log_outcome, "canceled" },
	{ "log:glare", log_outcome, "glare" }, { "log:missed", log_outcome, "missed" },
	{ "log:declined", log_outcome, "declined" }, { "log:decide", log_outcome, "decide" },
};
static const struct action *action_of[64]; /* by index into call_words.actions */

/* ---- one row ---- */

static bool row_run(struct now *n, int event, int timer)
{
	const struct fsm_row *row = fsm_find(fsm, n->cell->state, event, timer, guard_holds, n);
	if (!row)
		return false;
	int from = n->cell->state;
	rows_taken[row - fsm->rows] = true;
	n->cell->state = (uint8_t)row->to;
	if (from == fsm->final && row->to != fsm->final)
		wrong(n, "an ended call lives again");
	for (int i = 0; i < FSM_ROW_ACTIONS && row->actions[i] >= 0; i++)
		action_of[row->actions[i]]->run(n, action_of[row->actions[i]]->argument);
	if (row->to == fsm->final && from != fsm->final) {
		n->cell->timers = 0;
		n->cell->flags |= CELL_OVER;
		n->cell->flags &= (uint8_t)~CELL_MEDIA;
		/* A caller's bye before any verdict came is its cancel. */
		if (n->message && n->message->kind == BYE && !is_anchor(n->device, n->call) &&
		    n->cell->outcome == OUTCOME_TIMEOUT)
			n->cell->outcome = OUTCOME_CANCELED;
	}
	return true;
}

static struct now now_of(struct world *w, int device, int call, const struct message *m)
{
	return (struct now){ .w = w, .device = device, .call = call, .cell = &w->cells[device][call], .message = m };
}

static const char *box_event(struct world *w, int device, int call, int event)
{
	struct now n = now_of(w, device, call, NULL);
	row_run(&n, event, -1);
	return n.wrong;
}

/* ---- admission: rules A3 to A6 of core/call/admission.c ---- */

static void admit(struct now *n, int event)
{
	n->cell->flags |= CELL_MET;
	n->cell->peer = n->message->from;
	if (event == ev_auto)
		n->cell->flags |= CELL_CONSENT;
	row_run(n, event, -1);
}

static void refuse(struct now *n, enum reason reason)
{
	n->cell->refusal = (uint8_t)reason;
	admit(n, ev_refuse);
}

static bool supersedes(const struct now *n, const struct cell *live, int live_id)
{
	return live->peer != NOBODY && device_of(live->peer) == device_of(n->message->from) &&
	       ((n->message->ended & (1 << live_id)) || live->peer != n->message->from);
}

static void invite_new(struct now *n)
{
	struct world *w = n->w;
	int l = live_call(w, n->device);
	struct cell *live = l >= 0 ? &w->cells[n->device][l] : NULL;
	if (!live) {
		admit(n, ev_admit);
		return;
	}
	bool calling = fsm->states[live->state].status == CALL_CALLING;
	bool same = calling && scenario->calls[l].callee == scenario->account[device_of(n->message->from)];
	bool preparing = false;
	for (int i = 0; i < FSM_STATE_TIMERS && fsm->states[live->state].timers[i] >= 0; i++)
		preparing |= fsm->states[live->state].timers[i] == t_setup;
	if (same && (preparing || (n->message->ended & (1 << l)) || n->call < l)) {
		n->wrong = box_event(w, n->device, l, ev_glare_lost);
		admit(n, ev_auto);
	} else if (same) {
		refuse(n, GLARE);
	} else if (supersedes(n, live, l)) {
		n->wrong = box_event(w, n->device, l, ev_superseded);
		admit(n, ev_admit);
	} else {
		refuse(n, BUSY);
	}
}

/* Whom I am calling called my account, and another device of it answered. */
static void crossing_answer(struct now *n)
{
	int l = live_call(n->w, n->device);
	const struct message *m = n->message;
	if (n->known && n->cell->refusal != GLARE)
		return;
	if (m->kind != DECIDE || m->outcome != OUTCOME_ACCEPTED || l < 0 || l == n->call ||
	    !is_anchor(n->device, l) || n->w->cells[n->device][l].outcome != OUTCOME_NONE ||
	    scenario->calls[l].callee != scenario->account[device_of(m->from)] ||
	    m->winner == party_of(n->w, n->device))
		return;
	const char *what = box_event(n->w, n->device, l, ev_elsewhere);
	if (what)
		wrong(n, what);
}

static void unknown(struct now *n)
{
	switch (n->message->kind) {
	case INVITE:
		invite_new(n);
		break;
	case DECIDE:
	case BYE:
		n->cell->state = (uint8_t)fsm->final;
		n->cell->peer = n->message->from;
		break;
	case ACCEPT:
	case RINGING:
	case QUERY:
		send_party(n, BYE, n->message->from, (struct message){ 0 });
		break;
	default:
		break;
	}
}

static void receive(struct now *n)
{
	n->known = n->cell->state != fsm->initial;
	if (n->known)
		row_run(n, event_of[n->message->kind], -1);
	else
		unknown(n);
	crossing_answer(n);
}

/* ---- a crash: what core/call makes of the journal ---- */

static void settle(struct now *n)
{
	struct cell *cell = n->cell;
	bool anchor = is_anchor(n->device, n->call);
	if (cell->outcome == OUTCOME_NONE)
		cell->outcome = anchor ? OUTCOME_CANCELED : OUTCOME_TIMEOUT;
	if (anchor && cell->outcome != OUTCOME_ACCEPTED)
		decide_outcome(n, (enum call_outcome)cell->outcome);
	else
		send_bye(n, "");
}

static const char *reboot(struct world *w, int device)
{
	const char *what = NULL;
	w->boot[device] = 1;
	w->crashes++;
	for (int c = 0; c < scenario->call_count; c++) {
		struct now n = now_of(w, device, c, NULL);
		if (n.cell->state == fsm->initial)
			continue;
		if (world_cell_live(n.cell))
			settle(&n);
		n.cell->state = (uint8_t)fsm->final;
		n.cell->last = n.cell->timers = 0;
		n.cell->flags = (uint8_t)((n.cell->flags & (CELL_MET | CELL_CONSENT)) | CELL_OVER);
		if (is_anchor(device, c))
			memset(w->devices[c], 0, sizeof(w->devices[c]));
		what = what ? what : n.wrong;
	}
	return what;
}

/* ---- steps ---- */

static bool has_row(const struct world *w, int device, int call, int event)
{
	const struct cell *cell = &w->cells[device][call];
	for (int i = 0; i < fsm->row_count; i++)
		if (fsm->rows[i].from == cell->state && fsm->rows[i].event == event && fsm->rows[i].timer < 0)
			return true;
	return false;
}

static bool may_dial(const struct world *w, int device, int call)
{
	int after = scenario->calls[call].after;
	return is_anchor(device, call) && w->cells[device][call].state == fsm->initial && w->boot[device] == 0 &&
	       live_call(w, device) < 0 && (after < 0 || w->cells[device][after].state == fsm->final);
}

/* The other side's device has media of this call too. */
static bool peer_has_media(const struct world *w, const struct cell *cell, int call)
{
	return cell->peer != NOBODY && (w->cells[device_of(cell->peer)][call].flags & CELL_MEDIA);
}

static int add(struct model_step *steps, int count, int max, enum step_kind kind, int device, int call, int arg)
{
	if (count < max)
		steps[count] = (struct model_step){ (uint8_t)kind, (uint8_t)device, (uint8_t)call, (uint8_t)arg };
	return count < max ? count + 1 : count;
}

static int cell_steps(const struct world *w, int d, int c, struct model_step *steps, int count, int max)
{
	static const struct { int *event; enum step_kind kind; } keys[] = {
		{ &ev_accept, STEP_ACCEPT }, { &ev_reject, STEP_REJECT }, { &ev_hangup, STEP_HANGUP },
		{ &ev_setup_ok, STEP_SETUP }, { &ev_setup_failed, STEP_SETUP_FAILED }, { &ev_synced, STEP_SYNCED },
		{ &ev_lost, STEP_MEDIA_LOST },
	};
	const struct cell *cell = &w->cells[d][c];
	const struct fsm_state *state = &fsm->states[cell->state];
	if (may_dial(w, d, c))
		count = add(steps, count, max, STEP_DIAL, d, c, 0);
	if (!world_cell_live(cell))
		return count;
	for (int i = 0; i < FSM_STATE_TIMERS && state->timers[i] >= 0; i++)
		count = add(steps, count, max, STEP_TIMER, d, c, state->timers[i]);
	if (cell->timers)
		count = add(steps, count, max, STEP_TIMER, d, c, t_collect);
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		if (has_row(w, d, c, *keys[i].event))
			count = add(steps, count, max, keys[i].kind, d, c, 0);
	if (has_row(w, d, c, ev_up) && peer_has_media(w, cell, c))
		count = add(steps, count, max, STEP_MEDIA_UP, d, c, 0);
	return count;
}

int world_steps(const struct world *w, struct model_step *steps, int max)
{
	int count = 0;
	for (int i = 0; i < message_count; i++) {
		const struct message *m = &messages[i];
		if ((w->sent[i / 64] >> (i % 64) & 1) && (m->to_boot == 255 || m->to_boot == w->boot[m->to_device]))
			count = add(steps, count, max, STEP_MESSAGE, m->to_device, m->call, i);
	}
	for (int d = 0; d < scenario->device_count; d++) {
		for (int c = 0; c < scenario->call_count; c++)
			count = cell_steps(w, d, c, steps, count, max);
		bool may_crash = scenario->crasher < 0 || scenario->crasher == d;
		if (may_crash && w->crashes < scenario->crashes && w->boot[d] == 0)
			count = add(steps, count, max, STEP_CRASH, d, 0, 0);
	}
	return count;
}

static const char *check(const struct world *w)
{
	for (int c = 0; c < scenario->call_count; c++) {
		int with_media = 0;
		for (int d = 0; d < scenario->device_count; d++) {
			const struct cell *cell = &w->cells[d][c];
			if (is_anchor(d, c) || !(cell->flags & CELL_MEDIA))
				continue;
			with_media++;
			if (w->verdict[c] != OUTCOME_ACCEPTED || w->verdict_winner[c] != party_of(w, d))
				return "a device is connected that the caller did not choose";
		}
		if (with_media > 1)
			return "two devices of an account are connected";
	}
	for (int d = 0; d < scenario->device_count; d++) {
		int live = 0;
		for (int c = 0; c < scenario->call_count; c++)
			live += world_cell_live(&w->cells[d][c]);
		if (live > 1)
			return "two live calls on one device";
	}
	return NULL;
}

/* ---- what can no longer matter is forgotten: the space becomes smaller, and nothing is hidden ---- */

/* By state of a call: whether a row that reads what the devices said, or waits for the collect timer, can still come;
 * whether an invite can still be sent; whether, at a callee and at the anchor, messages of a kind can still do more than
 * repeat what was already said. All from the table. */
static bool gathers[FSM_STATES_MAX], invites[FSM_STATES_MAX], matters[2][KINDS][FSM_STATES_MAX];

static bool row_does(const struct fsm_row *row, const char *word)
{
	for (int i = 0; i < FSM_ROW_ACTIONS && row->actions[i] >= 0; i++)
		if (strcmp(call_words.actions[row->actions[i]], word) == 0)
			return true;
	return false;
}

static bool row_asks(const struct fsm_row *row, const char *word)
{
	return row->guard >= 0 && strcmp(call_words.guards[row->guard], word) == 0;
}

static bool row_gathers(const struct fsm_row *row)
{
	return row->timer == t_collect || row_asks(row, "last_device") || row_asks(row, "nobody_rings") ||
	       row_does(row, "decide:aggregate");
}

/* Whether the anchor, or a callee, can come to this row. */
static bool row_is_for(const struct fsm_row *row, bool anchor)
{
	if (row_asks(row, "anchor"))
		return anchor;
	for (const struct fsm_row *before = fsm->rows; anchor && before < row; before++)
		if (before->from == row->from && before->event == row->event && row_asks(before, "anchor"))
			return false;
	return true;
}

/* reply:last says again what was said; reply:final the verdict, which went to all devices of the account. */
static bool row_matters(const struct fsm_row *row)
{
	static const char *const repeats[] = { "reply:last", "reply:final", "reply:state", "note_ringing", NULL };
	for (int i = 0; i < FSM_ROW_ACTIONS && row->actions[i] >= 0; i++)
		if (!g_strv_contains(repeats, call_words.actions[row->actions[i]]))
			return true;
	return row->to != row->from;
}

/* True of a row, or of the state it leads to, makes it true of the state it starts in. */
static bool spread(bool *marks, const struct fsm_row *row, bool now)
{
	now = (now || marks[row->to]) && !marks[row->from];
	marks[row->from] |= now;
	return now;
}

static bool spread_kinds(const struct fsm_row *row)
{
	bool again = false;
	for (int role = 0; role < 2; role++)
		for (int k = 0; k < KINDS; k++)
			again |= spread(matters[role][k], row,
					row->event == event_of[k] && row_is_for(row, role) && row_matters(row));
	return again;
}

/* Backwards over the rows until nothing changes. */
static void bind_matters(void)
{
	memset(gathers, 0, sizeof(gathers));
	memset(invites, 0, sizeof(invites));
	memset(matters, 0, sizeof(matters));
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < fsm->row_count; i++) {
			const struct fsm_row *row = &fsm->rows[i];
			again |= spread(gathers, row, row_gathers(row));
			again |= spread(invites, row, row_does(row, "send:invite"));
			again |= spread_kinds(row);
		}
	}
}

static bool is_sent(const struct world *w, int message)
{
	return w->sent[message / 64] >> (message % 64) & 1;
}

/* Without crashes: a message that only makes its receiver repeat what was said. The answer to a query counts as long
 * as who asked waits for it. */
static bool is_idle(const struct world *w, const struct message *m)
{
	const struct cell *cell = &w->cells[m->to_device][m->call], *sender = &w->cells[device_of(m->from)][m->call];
	if (scenario->crashes > 0 || cell->state == fsm->initial ||
	    matters[is_anchor(m->to_device, m->call)][m->kind][cell->state])
		return false;
	if (m->kind == QUERY)
		return !matters[is_anchor(device_of(m->from), m->call)][STATE][sender->state];
	return m->kind != RINGING || !gathers[cell->state] || w->devices[m->call][m->from - 1];
}

#define SPENT_DEPTH 3

/* Whether a message that changes nothing now never will: its call is over there, or the caller has decided. What it
 * makes its receiver say may be spent itself. */
static bool is_spent(const struct world *w, const struct message *m, int depth)
{
	const struct cell *cell = &w->cells[m->to_device][m->call];
	bool decided = is_anchor(m->to_device, m->call) && cell->outcome == OUTCOME_ACCEPTED &&
		       (m->kind == RINGING || m->kind == ACCEPT);
	if (is_idle(w, m))
		return true;
	if (scenario->crashes > 0 || (cell->state != fsm->final && !decided) ||
	    (m->kind == DECIDE && cell->refusal == GLARE))
		return false;
	struct world after;
	memcpy(&after, w, sizeof(after));
	struct now n = now_of(&after, m->to_device, m->call, m);
	receive(&n);
	for (int i = 0; i < message_count; i++)
		if (is_sent(&after, i) && !is_sent(w, i)) {
			if (depth == SPENT_DEPTH || !is_spent(w, &messages[i], depth + 1))
				return false;
			after.sent[i / 64] &= ~(1ULL << (i % 64));
		}
	return memcmp(&after, w, sizeof(after)) == 0;
}

static bool invite_may_come(const struct world *w, int device, int call)
{
	if (invites[w->cells[scenario->calls[call].anchor][call].state])
		return true;
	for (int i = 0; i < message_count; i++)
		if (is_sent(w, i) && messages[i].kind == INVITE && messages[i].call == call &&
		    messages[i].to_device == device)
			return true;
	return false;
}

static void cell_fold(struct world *w, int device, int call)
{
	struct cell *cell = &w->cells[device][call];
	if (is_anchor(device, call) && !gathers[cell->state]) {
		memset(w->devices[call], 0, sizeof(w->devices[call]));
		cell->timers = 0;
	}
	if (cell->state == fsm->final) {
		cell->peer = NOBODY;
		cell->flags &= (uint8_t)~CELL_CONSENT;
	}
	if (cell->state != fsm->initial && !invite_may_come(w, device, call)) {
		cell->last = 0;
		cell->refusal = cell->refusal == GLARE ? GLARE : 0;
	}
}

static void messages_fold(struct world *w)
{
	for (int i = 0; i < message_count; i++)
		if (is_sent(w, i) && is_spent(w, &messages[i], 0))
			w->sent[i / 64] &= ~(1ULL << (i % 64));
}

/* Until nothing changes: what was spent itself may have kept another alive. */
void world_fold(struct world *w)
{
	struct world before;
	if (scenario->crashes > 0)
		return;
	do {
		memcpy(&before, w, sizeof(before));
		for (int d = 0; d < scenario->device_count; d++)
			for (int c = 0; c < scenario->call_count; c++)
				cell_fold(w, d, c);
		messages_fold(w);
	} while (memcmp(&before, w, sizeof(before)) != 0);
}

const char *world_step(const struct world *from, const struct model_step *step, struct world *to)
{
	static int *const events[] = {
		[STEP_DIAL] = &ev_call, [STEP_ACCEPT] = &ev_accept, [STEP_REJECT] = &ev_reject,
		[STEP_HANGUP] = &ev_hangup,
		[STEP_SETUP] = &ev_setup_ok, [STEP_SETUP_FAILED] = &ev_setup_failed, [STEP_SYNCED] = &ev_synced,
		[STEP_MEDIA_UP] = &ev_up, [STEP_MEDIA_LOST] = &ev_lost,
	};
	*to = *from;
	if (step->kind == STEP_CRASH)
		return reboot(to, step->device);
	struct now n = now_of(to, step->device, step->call, NULL);
	if (step->kind == STEP_MESSAGE) {
		n.message = &messages[step->arg];
		receive(&n);
	} else if (step->kind == STEP_TIMER) {
		if (step->arg == t_collect)
			n.cell->timers = 0;
		row_run(&n, -1, step->arg);
	} else {
		if (step->kind == STEP_ACCEPT || step->kind == STEP_DIAL)
			n.cell->flags |= CELL_CONSENT;
		if (step->kind == STEP_DIAL)
			n.cell->flags |= CELL_MET;
		row_run(&n, *events[step->kind], -1);
	}
	const char *what = n.wrong ? n.wrong : check(to);
	return what;
}

const char *world_step_text(const struct model_step *step)
{
	static const char *const names[] = {
		[STEP_MESSAGE] = "takes", [STEP_TIMER] = "timer", [STEP_DIAL] = "DIALS", [STEP_ACCEPT] = "ACCEPTS",
		[STEP_REJECT] = "REJECTS", [STEP_HANGUP] = "HANGS UP", [STEP_SETUP] = "set-up done",
		[STEP_SETUP_FAILED] = "set-up fails", [STEP_SYNCED] = "synced", [STEP_MEDIA_UP] = "media comes",
		[STEP_MEDIA_LOST] = "media stops", [STEP_CRASH] = "CRASHES and comes back",
	};
	static char text[160];
	int n = snprintf(text, sizeof(text), "device %d call %d: %s", step->device, step->call, names[step->kind]);
	if (step->kind == STEP_TIMER)
		snprintf(text + n, sizeof(text) - (size_t)n, " %s", call_words.timers[step->arg]);
	if (step->kind == STEP_MESSAGE) {
		const struct message *m = &messages[step->arg];
		snprintf(text + n, sizeof(text) - (size_t)n, " %s%s%s%s%s from %d:%d", kind_names[m->kind],
			 m->kind == DECIDE ? " " : "", m->kind == DECIDE ? call_outcome_name(m->outcome) : "",
			 m->reason ? " " : "", reason_names[m->reason], device_of(m->from), (m->from - 1) % 2);
	}
	return text;
}

/* ---- what is ---- */

bool world_at_rest(const struct world *w)
{
	for (int d = 0; d < scenario->device_count; d++)
		if (live_call(w, d) >= 0)
			return false;
	return true;
}

bool world_call_lives(const struct world *w, int call)
{
	for (int d = 0; d < scenario->device_count; d++)
		if (world_cell_live(&w->cells[d][call]))
			return true;
	return false;
}

bool world_cell_active(const struct cell *cell)
{
	return strcmp(fsm->states[cell->state].name, "active") == 0;
}

bool world_dangles(const struct world *w, int call)
{
	const struct cell *anchor = &w->cells[scenario->calls[call].anchor][call];
	if (!world_call_lives(w, call))
		return false;
	if (anchor->state == fsm->final)
		return true;
	return (anchor->flags & CELL_MEDIA) && anchor->peer != NOBODY &&
	       w->cells[device_of(anchor->peer)][call].state == fsm->final;
}

/* What both sides wrote down about a call, once all messages came. A device that never met it says nothing. */
const char *world_disagreement(const struct world *w)
{
	static char text[120];
	for (int c = 0; c < scenario->call_count; c++) {
		const struct cell *anchor = &w->cells[scenario->calls[c].anchor][c];
		if (anchor->state == fsm->final && anchor->outcome == OUTCOME_NONE)
			return "the caller wrote nothing about a call that is over";
		for (int d = 0; d < scenario->device_count; d++) {
			const struct cell *cell = &w->cells[d][c];
			if (is_anchor(d, c) || !(cell->flags & CELL_MET) || cell->outcome == anchor->outcome)
				continue;
			snprintf(text, sizeof(text), "call %d: the caller wrote %s, device %d wrote %s", c,
				 call_outcome_name(anchor->outcome), d, call_outcome_name(cell->outcome));
			return text;
		}
	}
	return NULL;
}

bool world_row_taken(int row)
{
	return rows_taken[row];
}

int world_message_count(void)
{
	return message_count;
}

void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	for (int d = 0; d < DEVICES_MAX; d++)
		for (int c = 0; c < CALLS_MAX; c++)
			w->cells[d][c].state = (uint8_t)fsm->initial;
}

/* ---- words ---- */

static int word_index(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	g_error("no word %s", word);
}

int world_bind(const struct fsm *table, const struct scenario *which, const char **ret_word)
{
	static const struct { int *event; const char *word; } events[] = {
		{ &ev_call, "user:call" }, { &ev_accept, "user:accept" }, { &ev_reject, "user:reject" },
		{ &ev_hangup, "user:hangup" }, { &ev_setup_ok, "setup:ok" }, { &ev_setup_failed, "setup:failed" },
		{ &ev_admit, "box:admit" }, { &ev_auto, "box:admit_auto" }, { &ev_refuse, "box:refuse" },
		{ &ev_superseded, "box:superseded" }, { &ev_glare_lost, "box:glare_lost" },
		{ &ev_elsewhere, "box:answered_elsewhere" }, { &ev_synced, "signalling:synced" },
		{ &ev_up, "media:up" }, { &ev_lost, "media:lost" },
	};
	if (table->row_count > (int)G_N_ELEMENTS(rows_taken))
		g_error("more than %zu rows", G_N_ELEMENTS(rows_taken));
	fsm = table;
	scenario = which;
	message_count = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(events); i++)
		*events[i].event = word_index(call_words.events, events[i].word);
	for (int k = 0; k < KINDS; k++) {
		g_autofree char *word = g_strconcat("peer:", kind_names[k], NULL);
		event_of[k] = word_index(call_words.events, word);
	}
	t_collect = word_index(call_words.timers, "collect");
	t_setup = word_index(call_words.timers, "setup");
	bind_matters();
	for (int i = 0; call_words.actions[i]; i++) {
		action_of[i] = NULL;
		for (size_t k = 0; k < G_N_ELEMENTS(actions); k++)
			if (strcmp(actions[k].word, call_words.actions[i]) == 0)
				action_of[i] = &actions[k];
		if (!action_of[i]) {
			*ret_word = call_words.actions[i];
			return -EINVAL;
		}
	}
	return 0;
}
