/* sim: the real call core against everything at once, deterministically. Up to three accounts with up to three
 * devices each; a network that delays, doubles, reorders and loses; users who press anything; media that comes
 * up late or never; boxes that crash and come back with their journal; a stranger who forges messages about
 * live calls. Time is virtual. After each step the invariants hold, or the flow's seed and trace are printed.
 *
 * usage: sim [-n FLOWS] [-s SEED] [-j WORKERS] [-v] [-x]
 * -s alone: that one flow, with -v readably; with -n: that many from this seed on; -x: each flow's seed and a digest
 * of all that came out of it, to compare two builds. CALLBOX_FSM: another table */
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/message.h"
#include "core/call/call_core.h"
#include "tests/sim/dice.h"
#include "tests/sim/digest.h"
#include "tests/sim/schedule.h"

#define DEVICES_MAX 9
#define DIALS_MAX 15 /* two of the start, and what users press */
#define NO_CALL (-1)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOWS 20000
#else
#define FLOWS 1000000
#endif
#define FLOW_MS 400000 /* by then every timer has run out */

/* A call is known by its number, in the order of dialling. */
typedef uint32_t call_set; /* bit: number of a call */

struct dialled {
	char id[CALL_ID_CHARS + 1];
	struct device *anchor; /* NULL: the box did not let it be dialled */
	char outcome[12];      /* as first sent by the anchor, "" before */
	char winner[24];
};

/* A row of the journal, which survives a crash. */
struct entry {
	cJSON *json; /* NULL: none */
	unsigned int written; /* the real one gives its rows back in the order in which they were last written */
};

struct device {
	char account[12], party[24];
	int index, boot;
	struct call_policy policy;
	int64_t crashed_ms;
	GQueue kept;		/* struct event: letters that the network keeps while the box is away */
	struct call_core *core; /* NULL while crashed */
	struct entry journal[DIALS_MAX];
	unsigned int writes;	/* to the journal */
	char records[DIALS_MAX]; /* statuses, 0: none */
	call_set accepted;	/* this user took, or dialled into glare */
	call_set refused;	/* this user refused or hung up while it rang */
	call_set told;		/* the user knows of, of this boot: dialled, onInvited or onCallState */
	call_set invited;	/* of those, onInvited */
	call_set ended;		/* told as over, of this boot */
	call_set timed_out;	/* told as onCallingTimeout, of this boot */
	call_set replaced;	/* glare ate */
	call_set over;		/* verdict or record came here, of this boot */
	int media, on_hold, rings; /* or NO_CALL */
	int64_t tick_ms;
};

struct world {
	const struct fsm *fsm;
	struct dice dice;
	struct schedule schedule;
	int64_t now_ms;
	struct device devices[DEVICES_MAX];
	int count;
	struct dialled calls[DIALS_MAX];
	int dials;
	bool verbose, digests, lossless, crashed;
	uint64_t digest;
	bool calm;	     /* two people call each other, nothing fails and nobody presses anything more */
	unsigned int joined; /* media starts of a calm world */
	guint32 seed;
};

static uint64_t total_steps, total_connected, total_crashes, total_forged;

static void fail(const struct world *w, const char *what, const char *call_id, const struct device *d)
{
	printf("not ok 1 - %s (call %s, device %s, at %lld ms)\n# replay: sim -v -s %u\n1..1\n", what,
	       call_id ? call_id : "-", d ? d->party : "-", (long long)w->now_ms, w->seed);
	exit(1);
}

static const char *call_name(const struct world *w, int call)
{
	return call == NO_CALL ? NULL : w->calls[call].id;
}

static bool is_call(const struct world *w, int call, const char *id)
{
	return call != NO_CALL && id && memcmp(w->calls[call].id, id, sizeof(w->calls[call].id)) == 0;
}

/* The number of a call: the last digit of its id, from 1. Nobody but a user makes calls. */
static int call_number(const struct world *w, const char *id)
{
	if (!id)
		return NO_CALL;
	size_t length = strlen(id);
	int call = length == CALL_ID_CHARS ? g_ascii_xdigit_value(id[length - 1]) - 1 : NO_CALL;
	if (call < 0 || call >= w->dials || !is_call(w, call, id))
		fail(w, "a call that nobody dialled", id, NULL);
	return call;
}

static void put(call_set *set, int call)
{
	if (call != NO_CALL)
		*set |= 1U << call;
}

static bool has(call_set set, int call)
{
	return call != NO_CALL && (set & 1U << call);
}

static int chance(struct world *w, int percent)
{
	return dice_range(&w->dice, 0, 100) < percent;
}

/* An event in in_ms at a device, of its present boot. */
static void event_put(struct world *w, int device, int64_t in_ms, struct event event)
{
	event.at_ms = w->now_ms + in_ms;
	event.device = (unsigned char)device;
	event.boot = (unsigned char)w->devices[device].boot;
	schedule_put(&w->schedule, event);
}

static void fact_put(struct world *w, const struct device *d, int64_t in_ms, enum event_kind kind, int call)
{
	event_put(w, d->index, in_ms, (struct event){ .kind = kind, .call = (signed char)call });
}

/* ---- what cores want ---- */

static int delay(struct world *w)
{
	int r = dice_range(&w->dice, 0, 100);
	if (w->calm)
		return dice_range(&w->dice, 1, 400);
	return r < 80 ? dice_range(&w->dice, 1, 60)
	       : r < 96 ? dice_range(&w->dice, 60, 3000) : dice_range(&w->dice, 3000, 25000);
}

/* The letter of what a core sends takes its body. */
static struct letter *letter_of(const struct device *from, struct call_output *o, int call)
{
	struct letter *l = g_new(struct letter, 1);
	*l = (struct letter){ .body = g_steal_pointer(&o->json), .call = call, .from_user = from->account,
			      .seq = o->seq };
	g_strlcpy(l->kind, o->kind, sizeof(l->kind));
	g_strlcpy(l->from_party, from->party, sizeof(l->from_party));
	return l;
}

static void post(struct world *w, int to, struct letter *l)
{
	int copies = !w->lossless && chance(w, 2) ? 0 : chance(w, 10) ? 2 : 1;
	for (int i = 0; i < copies; i++)
		event_put(w, to, delay(w), (struct event){ .kind = EVENT_LETTER, .letter = letter_hold(l) });
}

/* I3: one verdict a call, whatever happens to the anchor. */
static void note_verdict(struct world *w, const struct device *d, const struct call_output *o, int call)
{
	struct dialled *first = &w->calls[call];
	const char *outcome = message_string(o->json, "outcome", "?");
	const char *winner = message_string(o->json, "winner", "-");
	if (first->outcome[0] && (strcmp(first->outcome, outcome) != 0 || strcmp(first->winner, winner) != 0))
		fail(w, "two verdicts", o->call_id, d);
	if (strcmp(outcome, "accepted") == 0 && strcmp(winner, "-") == 0)
		fail(w, "accepted, but nobody won", o->call_id, d);
	g_strlcpy(first->outcome, outcome, sizeof(first->outcome));
	g_strlcpy(first->winner, winner, sizeof(first->winner));
}

static void do_send(struct world *w, const struct device *d, struct call_output *o, int call)
{
	if (strcmp(o->kind, "decide") == 0)
		note_verdict(w, d, o, call);
	if (strcmp(o->kind, "reject") == 0 && strcmp(message_string(o->json, "scope", ""), "all") == 0 &&
	    !has(d->refused, call))
		fail(w, "refused for the account, but not by its user", o->call_id, d);
	struct letter *l = letter_hold(letter_of(d, o, call));
	bool all = strcmp(o->to_party, "*") == 0;
	for (int i = 0; i < w->count; i++)
		if ((all || strcmp(o->to_party, w->devices[i].party) == 0) &&
		    strcmp(w->devices[i].account, o->to_user) == 0)
			post(w, i, l);
	letter_drop(l);
}

/* I1, I3: media only with the anchor's verdict and, at a callee, for the winner that its user made. */
static void do_media_start(struct world *w, struct device *d, const struct call_output *o, int call)
{
	const struct dialled *verdict = &w->calls[call];
	if (strcmp(verdict->outcome, "accepted") != 0)
		fail(w, "media without a verdict", o->call_id, d);
	if (!o->anchor && strcmp(verdict->winner, d->party) != 0)
		fail(w, "media at a device that did not win", o->call_id, d);
	if (!o->anchor && !has(d->accepted, call))
		fail(w, "media without a local accept", o->call_id, d);
	if (d->media != NO_CALL)
		fail(w, "media of two calls", o->call_id, d);
	if (d->on_hold == call)
		fail(w, "a held call starts its devices", o->call_id, d);
	d->media = call;
	total_connected += o->anchor;
	w->joined++;
	if (w->calm || !chance(w, 4))
		fact_put(w, d, dice_range(&w->dice, 20, 4000), EVENT_MEDIA, call);
}

/* The administrator's word, and what is known to be over. */
static void check_invited(struct world *w, struct device *d, const struct call_output *o, int call)
{
	const struct call_policy *p = &d->policy;
	put(&d->told, call);
	put(&d->invited, call);
	if (has(d->over, call))
		fail(w, "it rings for a call whose end came before", o->call_id, d);
	if (p->dnd)
		fail(w, "it rings in spite of do-not-disturb", o->call_id, d);
	if ((p->block && strstr(p->block, o->to_user)) || (p->allow && !strstr(p->allow, o->to_user)))
		fail(w, "it rings for a caller who may not call", o->call_id, d);
	if (!p->call_waiting && message_bool(o->json, "waiting", false))
		fail(w, "a second call rings where none may", o->call_id, d);
}

static void event_print(const struct world *w, const struct device *d, const struct call_output *o)
{
	bool state = strcmp(o->kind, "onCallState") == 0;
	printf("%8lld %-8s %.4s%s %s\n", (long long)w->now_ms, d->party, o->call_id + 28, state ? " ->" : "",
	       state ? message_string(o->json, "state", "") : o->kind);
}

static void do_event(struct world *w, struct device *d, const struct call_output *o, int call)
{
	if (w->verbose)
		event_print(w, d, o);
	if (has(d->ended, call) && strcmp(o->kind, "onCallMissed") != 0 && strcmp(o->kind, "onCallRefused") != 0)
		fail(w, "an event of a call that was told as over", o->call_id, d);
	if (strcmp(o->kind, "onCallState") == 0) {
		put(strcmp(message_string(o->json, "status", ""), "idle") == 0 ? &d->ended : &d->told, call);
		return; /* the most frequent one, and none of those below */
	}
	if (strcmp(o->kind, "onCallEnd") == 0)
		put(&d->ended, call);
	if (strcmp(o->kind, "onCallingTimeout") == 0) {
		if (has(d->timed_out, call))
			fail(w, "onCallingTimeout twice", o->call_id, d);
		put(&d->timed_out, call);
	}
	if (strcmp(o->kind, "onCallReplaced") == 0) {
		put(&d->replaced, call_number(w, message_string(o->json, "replaced", "")));
		put(&d->told, call);
	}
	if (strcmp(o->kind, "onAutoAnswer") == 0)
		put(&d->accepted, call);
	if (strcmp(o->kind, "onInvited") == 0)
		check_invited(w, d, o, call);
}

/* One call rings at most; a call that is over does not. */
static void do_ring(struct world *w, struct device *d, const struct call_output *o, int call)
{
	if (!o->on && d->rings == call)
		d->rings = NO_CALL;
	if (!o->on)
		return;
	if (has(d->ended, call))
		fail(w, "an ended call rings", o->call_id, d);
	if (!o->anchor && !has(d->invited, call))
		fail(w, "a call rings of which nobody was told", o->call_id, d);
	d->rings = call;
}

static void do_hold(struct world *w, struct device *d, const struct call_output *o, int call)
{
	if (o->on && d->media != call)
		fail(w, "a call without media is held", o->call_id, d);
	if (!o->on && (d->media != NO_CALL || d->on_hold != call))
		fail(w, "a call comes back that was not held, or to no free devices", o->call_id, d);
	*(o->on ? &d->on_hold : &d->media) = call;
	*(o->on ? &d->media : &d->on_hold) = NO_CALL;
}

/* The box asks its hook: it answers at once, late or never. */
static void do_screen(struct world *w, struct device *d, int call)
{
	if (!chance(w, 20))
		fact_put(w, d, dice_range(&w->dice, 0, 2500), EVENT_SCREENED, call);
}

static void do_record(struct world *w, struct device *d, const struct call_output *o, int call)
{
	int status = message_int(o->json, "status", 0);
	if (o->json && (status < 1 || status > 5))
		fail(w, "a record without a status", o->call_id, d);
	d->records[call] = (char)status;
}

static void do_journal(struct device *d, struct call_output *o, int call)
{
	struct entry *entry = &d->journal[call];
	cJSON_Delete(entry->json);
	entry->json = g_steal_pointer(&o->json);
	entry->written = ++d->writes;
}

static void carry_out(struct world *w, struct device *d, struct call_output *o)
{
	int call = call_number(w, o->call_id);
	switch (o->type) {
	case OUT_SEND:
		do_send(w, d, o, call);
		break;
	case OUT_EVENT:
		do_event(w, d, o, call);
		break;
	case OUT_MEDIA_OPEN:
		call_core_setup(d->core, w->now_ms, o->call_id, !w->calm && chance(w, 2) ? 4 : 0, "no media");
		break;
	case OUT_MEDIA_START:
		do_media_start(w, d, o, call);
		break;
	case OUT_MEDIA_STOP:
		if (d->media == call)
			d->media = NO_CALL;
		if (d->on_hold == call)
			d->on_hold = NO_CALL;
		break;
	case OUT_MEDIA_HOLD:
		do_hold(w, d, o, call);
		break;
	case OUT_SCREEN:
		do_screen(w, d, call);
		break;
	case OUT_RING:
		do_ring(w, d, o, call);
		break;
	case OUT_JOURNAL:
		do_journal(d, o, call);
		break;
	case OUT_RECORD:
		do_record(w, d, o, call);
		break;
	case OUT_MEDIA_TYPE:
	case OUT_MEDIA_MESSAGE:
		break;
	}
}

static void digest_step(struct world *w, const struct device *d, const struct call_output *o)
{
	w->digest = digest_number(w->digest, (uint64_t)w->now_ms);
	w->digest = digest_text(w->digest, d->party);
	w->digest = digest_text(w->digest, call_core_live_id(d->core));
	w->digest = digest_text(w->digest, call_core_waiting_id(d->core));
	w->digest = digest_output(w->digest, o);
}

static void drain(struct world *w, struct device *d)
{
	for (struct call_output *o; (o = call_core_take(d->core)); call_output_free(o)) {
		if (w->digests)
			digest_step(w, d, o);
		carry_out(w, d, o);
	}
	const char *live = call_core_live_id(d->core), *waiting = call_core_waiting_id(d->core);
	/* I2: media only while a call is live. */
	if (d->media != NO_CALL && !is_call(w, d->media, live))
		fail(w, "media outlives its call", call_name(w, d->media), d);
	if (d->on_hold != NO_CALL && !is_call(w, d->on_hold, waiting))
		fail(w, "a held call's media outlives it", call_name(w, d->on_hold), d);
	if (d->rings != NO_CALL && !is_call(w, d->rings, live) && !is_call(w, d->rings, waiting))
		fail(w, "it rings for no call", call_name(w, d->rings), d);
	if (!live && waiting)
		fail(w, "a call waits beside none", waiting, d);
	int64_t due = call_core_deadline(d->core);
	if (due >= 0 && due < w->now_ms + FLOW_MS && (d->tick_ms < w->now_ms || due < d->tick_ms)) {
		d->tick_ms = MAX(due, w->now_ms);
		event_put(w, d->index, d->tick_ms - w->now_ms, (struct event){ .kind = EVENT_TICK });
	}
	total_steps++;
}

/* ---- what happens ---- */

/* In glare the incoming call is taken without a press: dialling that account was consent. */
static void note_glare(struct world *w, struct device *d, const struct letter *l)
{
	if (strcmp(l->kind, "invite") != 0 || call_core_status(d->core) != CALL_CALLING)
		return;
	cJSON *state = call_core_state(d->core, w->now_ms);
	if (strcmp(message_string(message_member(state, "call"), "userId", ""), l->from_user) == 0)
		put(&d->accepted, l->call);
	cJSON_Delete(state);
}

/* Whether a letter is of the very party that the device's live call is with. */
static bool is_from_peer(struct world *w, struct device *d, const struct letter *l)
{
	if (!is_call(w, l->call, call_core_live_id(d->core)))
		return false;
	cJSON *state = call_core_state(d->core, w->now_ms);
	bool same = strcmp(message_string(message_member(state, "call"), "peerParty", ""), l->from_party) == 0;
	cJSON_Delete(state);
	return same;
}

static void take_letter(struct world *w, struct device *d, const struct letter *l, bool replay, int64_t age_ms)
{
	const struct call_message m = { .account = d->account, .kind = l->kind, .call_id = w->calls[l->call].id,
					.from_user = l->from_user, .from_party = l->from_party, .seq = l->seq,
					.age_ms = age_ms, .replay = replay, .body = l->body };
	if (w->verbose)
		printf("%8lld %-8s %.4s <- %s from %s\n", (long long)w->now_ms, d->party, m.call_id + 28, l->kind,
		       l->from_party);
	note_glare(w, d, l);
	bool ends = strcmp(l->kind, "bye") == 0 && is_from_peer(w, d, l);
	if (strcmp(l->kind, "decide") == 0 || strcmp(l->kind, "record") == 0)
		put(&d->over, l->call);
	call_core_message(d->core, w->now_ms, &m);
	if (ends && is_call(w, l->call, call_core_live_id(d->core)))
		fail(w, "the peer's bye did not end the call", m.call_id, d);
}

/* Somebody sets a clock: ages that were taken from it are wrong by up to a day. */
static int64_t jump(struct world *w)
{
	return chance(w, 10) ? dice_range(&w->dice, -86400000, 86400000) : 0;
}

static cJSON *aged(struct world *w, const struct device *d, const cJSON *entry)
{
	cJSON *copy = cJSON_Duplicate(entry, true);
	cJSON_AddNumberToObject(copy, "agoMs", (double)(w->now_ms - d->crashed_ms + jump(w)));
	return copy;
}

/* The next row that was written after that one; NULL: no more. */
static const struct entry *journal_next(const struct device *d, unsigned int written)
{
	const struct entry *next = NULL;
	for (int i = 0; i < DIALS_MAX; i++)
		if (d->journal[i].json && d->journal[i].written > written &&
		    (!next || d->journal[i].written < next->written))
			next = &d->journal[i];
	return next;
}

static void restore(struct world *w, struct device *d)
{
	cJSON *rows[DIALS_MAX];
	int count = 0;
	for (const struct entry *e = NULL; (e = journal_next(d, e ? e->written : 0));)
		rows[count++] = aged(w, d, e->json);
	for (int i = 0; i < count; i++) {
		call_core_restore(d->core, w->now_ms, rows[i]);
		cJSON_Delete(rows[i]);
	}
}

static void kept_free(struct event *event)
{
	letter_drop(event->letter);
	g_free(event);
}

static void boot(struct world *w, struct device *d)
{
	d->boot++;
	d->tick_ms = -1;
	d->media = d->on_hold = d->rings = NO_CALL;
	d->party[0] = 'd';
	d->party[1] = (char)('0' + d->index);
	d->party[2] = ':';
	d->party[3] = (char)('0' + d->boot);
	d->core = call_core_create(w->fsm, d->party, &d->policy);
	if (d->writes)
		restore(w, d);
	drain(w, d);
	/* What the network kept, in its order, then the word that this was all. */
	for (struct event *e; (e = g_queue_pop_head(&d->kept)); kept_free(e)) {
		take_letter(w, d, e->letter, true, MAX(w->now_ms - e->at_ms + jump(w), 0));
		drain(w, d);
	}
	call_core_synced(d->core, w->now_ms, d->account, true);
	drain(w, d);
}

static void crash(struct world *w, struct device *d)
{
	if (w->verbose)
		printf("%8lld %-8s CRASHES\n", (long long)w->now_ms, d->party);
	call_core_free(d->core);
	d->core = NULL;
	d->ended = d->told = d->invited = d->timed_out = d->over = 0;
	d->crashed_ms = w->now_ms;
	w->crashed = true;
	total_crashes++;
	event_put(w, d->index, dice_range(&w->dice, 100, 40000), (struct event){ .kind = EVENT_RESTART });
}

/* Random digits first, by which glare is decided; the number of the call last. */
static void call_id_write(char *id, uint32_t random, unsigned int number)
{
	static const char digits[] = "0123456789abcdef";
	for (int i = 0; i < 8; i++)
		id[i] = digits[random >> (28 - 4 * i) & 15];
	memset(id + 8, '0', CALL_ID_CHARS - 9);
	id[CALL_ID_CHARS - 1] = digits[number + 1];
	id[CALL_ID_CHARS] = '\0';
}

static void dial(struct world *w, struct device *d)
{
	static const char *const users[] = { "alice", "bob", "carol" };
	const char *user = users[w->calm ? d->index ^ 1 : dice_range(&w->dice, 0, 3)];
	char *error = NULL;
	g_assert(w->dials < DIALS_MAX);
	int number = w->dials++;
	struct dialled *call = &w->calls[number];
	call_id_write(call->id, (uint32_t)dice_next(&w->dice), (unsigned int)number);
	const struct call_request request = { .call_id = call->id, .account = d->account, .user = user,
					      .type = CALL_VIDEO };
	if (call_core_call(d->core, w->now_ms, &request, &error) == 0) {
		call->anchor = d;
		put(&d->told, number);
		if (w->verbose)
			printf("%8lld %-8s %.4s DIALS %s\n", (long long)w->now_ms, d->party, call->id + 28, user);
	}
	g_free(error);
}

static void reject(struct world *w, struct device *d)
{
	char *error = NULL;
	put(&d->refused, call_number(w, call_core_live_id(d->core)));
	put(&d->refused, call_number(w, call_core_waiting_id(d->core)));
	call_core_reject(d->core, w->now_ms, NULL, &error);
	g_free(error);
}

/* The account is logged out, by its user or by another login: nothing of it goes on here. */
static void log_out(struct world *w, struct device *d)
{
	(chance(w, 50) ? call_core_leave : call_core_kicked)(d->core, w->now_ms, d->account);
	if (call_core_live_id(d->core) || call_core_waiting_id(d->core))
		fail(w, "a call outlives its login", call_core_live_id(d->core), d);
}

/* I17: the user's wish ends the call in this very step, whatever state it is in. */
static void hang_up(struct world *w, struct device *d)
{
	char *error = NULL;
	int call = call_number(w, call_core_live_id(d->core));
	put(&d->refused, call);
	int r = call_core_hangup(d->core, w->now_ms, NULL, &error);
	if (call != NO_CALL && (r < 0 || is_call(w, call, call_core_live_id(d->core))))
		fail(w, "a hang-up did not end the call", call_name(w, call), d);
	g_free(error);
}

/* The user takes what rings: the live call, or the one that waits. Consent is to that one alone. */
static void accept(struct world *w, struct device *d)
{
	char *error = NULL;
	int live = call_number(w, call_core_live_id(d->core));
	int waiting = call_number(w, call_core_waiting_id(d->core));
	bool second = call_core_status(d->core) != CALL_CALLED && waiting != NO_CALL;
	if (call_core_accept(d->core, w->now_ms, NULL, chance(w, 10) ? CALL_AUDIO : 0, &error) == 0)
		put(&d->accepted, second ? waiting : live);
	g_free(error);
}

static void press(struct world *w, struct device *d)
{
	char *error = NULL;
	bool enabled;
	switch (dice_range(&w->dice, 0, 14)) {
	case 0:
		dial(w, d);
		break;
	case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		accept(w, d);
		break;
	case 8:
		reject(w, d);
		break;
	case 9:
		hang_up(w, d);
		break;
	case 10:
		call_core_ignore(d->core, w->now_ms, NULL, &error);
		break;
	case 11:
		enabled = chance(w, 50);
		call_core_flags(d->core, w->now_ms, chance(w, 50), false, true, enabled);
		break;
	case 12:
		if (chance(w, 30))
			log_out(w, d);
		break;
	default:
		call_core_switch_type(d->core, w->now_ms, CALL_AUDIO, dice_range(&w->dice, 1, 4), &error);
	}
	g_free(error);
}

/* I5, I15: a stranger knows a live id and says anything about it: no state changes. */
static void forge(struct world *w, struct device *d)
{
	static const char *const kinds[] = { "invite", "ringing", "accept", "reject", "decide", "bye", "query",
					     "state", "update", "flags", "record", "description", "nonsense" };
	int live = call_number(w, call_core_live_id(d->core));
	if (live == NO_CALL)
		return;
	static cJSON *body;
	if (!body)
		body = cJSON_Parse("{\"scope\":\"all\",\"reason\":\"hangup\",\"outcome\":\"canceled\",\"type\":1,"
				   "\"what\":\"set\",\"rev\":99,\"status\":1}");
	const struct call_message m = { .account = d->account,
					.kind = kinds[dice_range(&w->dice, 0, G_N_ELEMENTS(kinds))],
					.call_id = call_name(w, live), .from_user = "mallory", .from_party = "d0:1",
					.seq = (uint32_t)dice_next(&w->dice), .age_ms = 0, .body = body };
	enum call_status status = call_core_status(d->core);
	call_core_message(d->core, w->now_ms, &m);
	total_forged++;
	if (call_core_status(d->core) != status || !is_call(w, live, call_core_live_id(d->core)))
		fail(w, "a stranger changed a call", call_name(w, live), d);
}

/* It comes up, goes on, stops, comes back, or breaks: a few minutes at most. */
static void media_goes_on(struct world *w, const struct device *d, int call)
{
	static const enum call_media_fact facts[] = { CALL_MEDIA_UP, CALL_MEDIA_ALIVE, CALL_MEDIA_LOST,
						      CALL_MEDIA_FAILED };
	int r = dice_range(&w->dice, 0, 100);
	enum call_media_fact fact = facts[w->calm || r < 40 ? 0 : r < 90 ? 1 : r < 96 ? 2 : 3];
	call_core_media(d->core, w->now_ms, call_name(w, call), fact, "media broke");
	if (fact != CALL_MEDIA_FAILED && w->now_ms <= 1000000 + FLOW_MS / 2)
		fact_put(w, d, dice_range(&w->dice, 1000, 29000), EVENT_MEDIA, call);
}

/* A late word of the media of a call that is over: the call that is live now hears nothing of it. */
static void stale_fact(struct world *w, const struct device *d, int call)
{
	int live = call_number(w, call_core_live_id(d->core));
	if (live == call || is_call(w, call, call_core_waiting_id(d->core)))
		return;
	call_core_media(d->core, w->now_ms, call_name(w, call), CALL_MEDIA_FAILED, "late");
	call_core_setup(d->core, w->now_ms, call_name(w, call), 7, "late");
	if (call_number(w, call_core_live_id(d->core)) != live)
		fail(w, "a word about another call ended this one", call_name(w, live), d);
}

static void happen(struct world *w, struct event *e)
{
	struct device *d = &w->devices[e->device];
	if (e->kind == EVENT_RESTART) {
		boot(w, d);
		return;
	}
	if (!d->core) {
		/* Away: the network keeps what was said, until the box is back. */
		if (e->kind == EVENT_LETTER) {
			g_queue_push_tail(&d->kept, g_memdup2(e, sizeof(*e)));
			e->letter = NULL;
		}
		return;
	}
	if (e->boot != d->boot && e->kind != EVENT_LETTER)
		return;
	switch (e->kind) {
	case EVENT_LETTER:
		take_letter(w, d, e->letter, false, 0);
		break;
	case EVENT_TICK:
		d->tick_ms = -1;
		call_core_tick(d->core, w->now_ms);
		break;
	case EVENT_USER:
		press(w, d);
		break;
	case EVENT_MEDIA:
		if (d->media == e->call || d->on_hold == e->call)
			media_goes_on(w, d, e->call);
		else
			stale_fact(w, d, e->call);
		break;
	case EVENT_CRASH:
		crash(w, d);
		return;
	case EVENT_STRANGER:
		forge(w, d);
		break;
	case EVENT_SCREENED:
		call_core_screened(d->core, w->now_ms, call_name(w, e->call),
				   (enum call_screening)dice_range(&w->dice, SCREEN_ALLOW, SCREEN_ACCEPT + 1));
		break;
	case EVENT_RESTART:
		break;
	}
	drain(w, d);
}

/* What the user of a box that did not crash was told of has an end that he was told of. */
static void check_told(struct world *w, const struct device *d)
{
	call_set open = d->told & ~d->ended & ~d->replaced;
	if (open)
		fail(w, "a call without an end", call_name(w, g_bit_nth_lsf(open, -1)), d);
}

/* I10: every call that was dialled has its record, unless glare ate it; where nothing was lost the callee's
 * records say the same. */
static void check_record(struct world *w, int call)
{
	const char *id = call_name(w, call);
	const struct device *d = w->calls[call].anchor;
	const cJSON *entry = d->journal[call].json;
	if (!entry)
		fail(w, "a call without a journal", id, d);
	int status = d->records[call];
	bool glare = strcmp(message_string(entry, "outcome", "none"), "glare") == 0;
	if (!status && !glare && (d->core || !message_bool(entry, "live", false)))
		fail(w, "a call without a record", id, d);
	if (!w->lossless || w->crashed)
		return;
	for (int i = 0; i < w->count; i++) {
		int other = w->devices[i].records[call];
		if (other && other != status && &w->devices[i] != d)
			fail(w, "the records of a call differ", id, &w->devices[i]);
	}
}

/* I14: two people who call each other talk, in one call. */
static void check_calm(const struct world *w)
{
	if (w->joined != 2)
		fail(w, "glare did not end in exactly one call", NULL, NULL);
}

static void check_rest(struct world *w)
{
	for (int i = 0; i < w->count; i++) {
		struct device *d = &w->devices[i];
		if (!d->core)
			continue;
		if (call_core_status(d->core) != CALL_IDLE)
			fail(w, "not idle at rest", call_core_live_id(d->core), d);
		check_told(w, d);
	}
	for (int call = 0; call < w->dials; call++)
		if (w->calls[call].anchor)
			check_record(w, call);
	if (w->calm)
		check_calm(w);
}

/* What the administrator of this box decided: mostly little. */
static struct call_policy policy_of(struct world *w)
{
	struct call_policy policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1, .reject_account = true,
				      .confirm_video = true };
	if (w->calm || chance(w, 60))
		return policy;
	policy.call_timeout_ms = dice_range(&w->dice, 1000, 120001);
	policy.autoanswer_ms = chance(w, 20) ? dice_range(&w->dice, 0, 5000) : -1;
	policy.autoanswer_contacts = chance(w, 30);
	policy.contacts = chance(w, 50) ? "alice carol" : NULL;
	policy.dnd = chance(w, 5);
	policy.reject_account = chance(w, 50);
	policy.invites_a_minute = chance(w, 10) ? 2 : 0;
	policy.rings_a_minute = chance(w, 10) ? 2 : 0;
	policy.call_waiting = chance(w, 60);
	policy.accept_holds = chance(w, 50);
	policy.busy_first = chance(w, 30);
	policy.ring_unverified = chance(w, 30);
	policy.screen_calls = chance(w, 30);
	policy.allow = chance(w, 5) ? "alice bob" : NULL;
	policy.block = chance(w, 5) ? "bob" : NULL;
	policy.confirm_audio = chance(w, 30);
	policy.maxcall_ms = chance(w, 20) ? dice_range(&w->dice, 1000, 90000) : 0;
	return policy;
}

static void join(struct world *w, const char *account)
{
	struct device *d = &w->devices[w->count];
	d->index = w->count++;
	g_strlcpy(d->account, account, sizeof(d->account));
	d->policy = policy_of(w);
	boot(w, d);
}

static void leave(struct device *d)
{
	call_core_free(d->core);
	for (int i = 0; i < DIALS_MAX; i++)
		cJSON_Delete(d->journal[i].json);
	g_queue_clear_full(&d->kept, (GDestroyNotify)kept_free);
}

static void put_anywhere(struct world *w, enum event_kind kind)
{
	int in_ms = dice_range(&w->dice, 0, 60000);
	event_put(w, dice_range(&w->dice, 0, w->count), in_ms, (struct event){ .kind = kind });
}

static void plan(struct world *w)
{
	int presses = dice_range(&w->dice, 2, 14);
	for (int i = 0; i < presses; i++)
		put_anywhere(w, EVENT_USER);
	if (chance(w, 10))
		put_anywhere(w, EVENT_CRASH);
	for (int i = chance(w, 30) ? 5 : 0; i > 0; i--)
		put_anywhere(w, EVENT_STRANGER);
}

static void flow(const struct fsm *fsm, guint32 seed, bool verbose, bool digests)
{
	struct world w = { .fsm = fsm, .seed = seed, .verbose = verbose, .digests = digests, .now_ms = 1000000,
			   .dice = { seed } };
	w.calm = chance(&w, 3);
	w.lossless = w.calm || chance(&w, 50);
	static const char *const accounts[] = { "alice", "bob", "carol" };
	for (int a = 0; a < (!w.calm && chance(&w, 40) ? 3 : 2); a++)
		for (int n = w.calm ? 1 : dice_range(&w.dice, 1, a == 1 ? 4 : 3); n > 0; n--)
			join(&w, accounts[a]);
	dial(&w, &w.devices[0]);
	drain(&w, &w.devices[0]);
	if (w.calm) {
		dial(&w, &w.devices[1]);
		drain(&w, &w.devices[1]);
	} else {
		plan(&w);
	}
	int64_t end = w.now_ms + FLOW_MS;
	for (struct event e; schedule_take(&w.schedule, &e); letter_drop(e.letter)) {
		/* A late tick forgets a tombstone. */
		if (e.at_ms > end && (e.kind != EVENT_TICK || call_core_live_id(w.devices[e.device].core)))
			fail(&w, "never comes to rest", NULL, NULL);
		w.now_ms = e.at_ms;
		happen(&w, &e);
	}
	check_rest(&w);
	if (digests)
		printf("%u %016llx\n", seed, (unsigned long long)digest_number(w.digest, w.dice.state));
	for (int i = 0; i < w.count; i++)
		leave(&w.devices[i]);
	schedule_free(&w.schedule);
}

/* What there is to do. */
struct job {
	const struct fsm *fsm;
	long seed, flows, workers;
	bool digests;
};

/* What a worker tells of its share. */
struct share {
	uint64_t steps, connected, crashes, forged;
};

/* Flows seed, seed + workers, …; its own process, so that both cores work. */
static pid_t worker_start(const struct job *job, int number, int out)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	for (long i = number; i < job->flows; i += job->workers)
		flow(job->fsm, (guint32)(job->seed + i), false, job->digests);
	fflush(stdout);
	const struct share share = { total_steps, total_connected, total_crashes, total_forged };
	_exit(write(out, &share, sizeof(share)) == (ssize_t)sizeof(share) ? 0 : 1);
}

/* 0 when every worker found nothing. A worker that found something has printed it. */
static int run_workers(const struct job *job)
{
	int fds[2], failed = 0, status;
	if (pipe(fds) < 0)
		return 1;
	fflush(stdout);
	for (int i = 0; i < job->workers; i++)
		if (worker_start(job, i, fds[1]) < 0)
			return 1;
	close(fds[1]);
	for (struct share share; read(fds[0], &share, sizeof(share)) == (ssize_t)sizeof(share);) {
		total_steps += share.steps;
		total_connected += share.connected;
		total_crashes += share.crashes;
		total_forged += share.forged;
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	close(fds[0]);
	return failed;
}

static int report(long flows, double seconds)
{
	printf("ok 1 - %ld flows, %llu steps, %llu connected, %llu crashes, %llu forged messages, no violation "
	       "(%.0f flows/s)\n1..1\n",
	       flows, (unsigned long long)total_steps, (unsigned long long)total_connected,
	       (unsigned long long)total_crashes, (unsigned long long)total_forged, (double)flows / seconds);
	return 0;
}

int main(int argc, char **argv)
{
	long flows = 0, seed = 0, workers = g_get_num_processors();
	bool verbose = false, digests = false;
	for (int c; (c = getopt(argc, argv, "n:s:j:vx")) != -1;)
		switch (c) {
		case 'n': flows = atol(optarg); break;
		case 's': seed = atol(optarg); break;
		case 'j': workers = CLAMP(atol(optarg), 1, 64); break;
		case 'v': verbose = true; break;
		case 'x': digests = true; break;
		default: fputs("usage: sim [-n FLOWS] [-s SEED] [-j WORKERS] [-v] [-x]\n", stderr); return 64;
		}
	const char *source = g_getenv("CALLBOX_SRC"), *table = g_getenv("CALLBOX_FSM");
	g_autofree char *file = table ? g_strdup(table)
				      : g_build_filename(source ? source : ".", "conf", "call.fsm", NULL);
	struct fsm *fsm;
	char *error = NULL;
	if (fsm_load(&call_words, file, &fsm, &error) < 0) {
		fprintf(stderr, "sim: %s\n", error);
		return 1;
	}
	gint64 began = g_get_monotonic_time();
	int r = 0;
	if (seed && !flows)
		flow(fsm, (guint32)seed, verbose, digests);
	else
		r = run_workers(&(struct job){ fsm, seed ? seed : 1, flows ? flows : FLOWS, workers, digests });
	double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
	fsm_free(fsm);
	return r ? 1 : report(flows ? flows : seed ? 1 : FLOWS, seconds);
}
