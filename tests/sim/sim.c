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
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOWS 20000
#else
#define FLOWS 1000000
#endif
#define FLOW_MS 400000 /* by then every timer has run out */


/* A row of the journal. */
struct entry {
	char call_id[CALL_ID_CHARS + 1];
	cJSON *json;
};

struct device {
	char account[12], party[24];
	int index, boot;
	struct call_policy policy;
	int64_t crashed_ms;
	GQueue kept;		/* struct event: letters that the network keeps while the box is away */
	struct call_core *core; /* NULL while crashed */
	GQueue journal;		/* struct entry, as last written; survives a crash */
	GHashTable *accepted;	/* call ids this user took, or dialled into glare */
	GHashTable *refused;	/* call ids this user refused or hung up while it rang */
	GHashTable *told;	/* call ids that the user knows of, of this boot: dialled or onInvited */
	GHashTable *ended;	/* call ids told as over, of this boot */
	GHashTable *timed_out;	/* call ids told as onCallingTimeout, of this boot */
	GHashTable *replaced;	/* call ids that glare ate */
	GHashTable *over;	/* call ids whose verdict or record came here, of this boot */
	GHashTable *records;	/* call_id → status */
	char media[CALL_ID_CHARS + 1]; /* "" without media */
	char on_hold[CALL_ID_CHARS + 1];
	char rings[CALL_ID_CHARS + 1];
	int64_t tick_ms;
};

struct world {
	const struct fsm *fsm;
	struct dice dice;
	struct schedule *schedule;
	int64_t now_ms;
	struct device devices[DEVICES_MAX];
	int count;
	GHashTable *verdicts; /* call_id → "outcome winner" as first sent by the anchor */
	GHashTable *dialled;  /* call_id → struct device of the anchor */
	unsigned int next_id;
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

static int chance(struct world *w, int percent)
{
	return dice_range(&w->dice, 0, 100) < percent;
}

/* An event in in_ms; device -1: nobody's. */
static struct event *event_put(struct world *w, enum event_kind kind, int device, int64_t in_ms)
{
	int boot = device >= 0 ? w->devices[device].boot : 0;
	return schedule_put(w->schedule, kind, device, boot, w->now_ms + in_ms);
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

static void post(struct world *w, int to, const struct device *from, const struct call_output *o)
{
	int copies = !w->lossless && chance(w, 2) ? 0 : chance(w, 10) ? 2 : 1;
	for (int i = 0; i < copies; i++) {
		struct letter *l = g_new0(struct letter, 1);
		g_strlcpy(l->account, w->devices[to].account, sizeof(l->account));
		g_strlcpy(l->kind, o->kind, sizeof(l->kind));
		g_strlcpy(l->call_id, o->call_id, sizeof(l->call_id));
		g_strlcpy(l->from_user, from->account, sizeof(l->from_user));
		g_strlcpy(l->from_party, from->party, sizeof(l->from_party));
		l->seq = o->seq;
		l->body = cJSON_Duplicate(o->json, true);
		event_put(w, EVENT_LETTER, to, delay(w))->letter = l;
	}
}

/* I3: one verdict a call, whatever happens to the anchor. */
static void note_verdict(struct world *w, const struct device *d, const struct call_output *o)
{
	char *now = g_strdup_printf("%s %s", message_string(o->json, "outcome", "?"),
				    message_string(o->json, "winner", "-"));
	const char *first = g_hash_table_lookup(w->verdicts, o->call_id);
	if (first && strcmp(first, now) != 0)
		fail(w, "two verdicts", o->call_id, d);
	if (strcmp(now, "accepted -") == 0)
		fail(w, "accepted, but nobody won", o->call_id, d);
	if (!first)
		g_hash_table_insert(w->verdicts, g_strdup(o->call_id), now);
	else
		g_free(now);
}

static void do_send(struct world *w, const struct device *d, const struct call_output *o)
{
	if (strcmp(o->kind, "decide") == 0)
		note_verdict(w, d, o);
	if (strcmp(o->kind, "reject") == 0 && strcmp(message_string(o->json, "scope", ""), "all") == 0 &&
	    !g_hash_table_contains(d->refused, o->call_id))
		fail(w, "refused for the account, but not by its user", o->call_id, d);
	for (int i = 0; i < w->count; i++)
		if (strcmp(w->devices[i].account, o->to_user) == 0 &&
		    (strcmp(o->to_party, "*") == 0 || strcmp(o->to_party, w->devices[i].party) == 0))
			post(w, i, d, o);
}

/* I1, I3: media only with the anchor's verdict and, at a callee, for the winner that its user made. */
static void do_media_start(struct world *w, struct device *d, const struct call_output *o)
{
	const char *verdict = g_hash_table_lookup(w->verdicts, o->call_id);
	if (!verdict || !g_str_has_prefix(verdict, "accepted "))
		fail(w, "media without a verdict", o->call_id, d);
	if (!o->anchor && strcmp(verdict + strlen("accepted "), d->party) != 0)
		fail(w, "media at a device that did not win", o->call_id, d);
	if (!o->anchor && !g_hash_table_contains(d->accepted, o->call_id))
		fail(w, "media without a local accept", o->call_id, d);
	if (d->media[0])
		fail(w, "media of two calls", o->call_id, d);
	if (strcmp(d->on_hold, o->call_id) == 0)
		fail(w, "a held call starts its devices", o->call_id, d);
	g_strlcpy(d->media, o->call_id, sizeof(d->media));
	total_connected += o->anchor;
	w->joined++;
	if (w->calm || !chance(w, 4)) {
		struct event *e = event_put(w, EVENT_MEDIA, d->index, dice_range(&w->dice, 20, 4000));
		g_strlcpy(e->call_id, o->call_id, sizeof(e->call_id));
	}
}

/* The administrator's word, and what is known to be over. */
static void check_invited(struct world *w, struct device *d, const struct call_output *o)
{
	const struct call_policy *p = &d->policy;
	g_hash_table_add(d->told, g_strdup(o->call_id));
	if (g_hash_table_contains(d->over, o->call_id))
		fail(w, "it rings for a call whose end came before", o->call_id, d);
	if (p->dnd)
		fail(w, "it rings in spite of do-not-disturb", o->call_id, d);
	if ((p->block && strstr(p->block, o->to_user)) || (p->allow && !strstr(p->allow, o->to_user)))
		fail(w, "it rings for a caller who may not call", o->call_id, d);
	if (!p->call_waiting && message_bool(o->json, "waiting", false))
		fail(w, "a second call rings where none may", o->call_id, d);
}

static void do_event(struct world *w, struct device *d, const struct call_output *o)
{
	if (w->verbose && strcmp(o->kind, "onCallState") == 0)
		printf("%8lld %-8s %.*s -> %s\n", (long long)w->now_ms, d->party, 4, o->call_id + 28,
		       message_string(o->json, "state", ""));
	else if (w->verbose)
		printf("%8lld %-8s %.*s %s\n", (long long)w->now_ms, d->party, 4, o->call_id + 28, o->kind);
	bool over = o->call_id && g_hash_table_contains(d->ended, o->call_id);
	if (over && strcmp(o->kind, "onCallMissed") != 0 && strcmp(o->kind, "onCallRefused") != 0)
		fail(w, "an event of a call that was told as over", o->call_id, d);
	if (strcmp(o->kind, "onCallEnd") == 0)
		g_hash_table_add(d->ended, g_strdup(o->call_id));
	if (strcmp(o->kind, "onCallingTimeout") == 0 && !g_hash_table_add(d->timed_out, g_strdup(o->call_id)))
		fail(w, "onCallingTimeout twice", o->call_id, d);
	if (strcmp(o->kind, "onCallReplaced") == 0) {
		g_hash_table_add(d->replaced, g_strdup(message_string(o->json, "replaced", "")));
		g_hash_table_add(d->told, g_strdup(o->call_id));
	}
	if (strcmp(o->kind, "onAutoAnswer") == 0)
		g_hash_table_add(d->accepted, g_strdup(o->call_id));
	if (strcmp(o->kind, "onInvited") == 0)
		check_invited(w, d, o);
}

/* One call rings at most; a call that is over does not. */
static void do_ring(struct world *w, struct device *d, const struct call_output *o)
{
	if (!o->on && strcmp(d->rings, o->call_id) == 0)
		d->rings[0] = '\0';
	if (!o->on)
		return;
	if (g_hash_table_contains(d->ended, o->call_id))
		fail(w, "an ended call rings", o->call_id, d);
	g_strlcpy(d->rings, o->call_id, sizeof(d->rings));
}

static void do_hold(struct world *w, struct device *d, const struct call_output *o)
{
	if (o->on && strcmp(d->media, o->call_id) != 0)
		fail(w, "a call without media is held", o->call_id, d);
	if (!o->on && (d->media[0] || strcmp(d->on_hold, o->call_id) != 0))
		fail(w, "a call comes back that was not held, or to no free devices", o->call_id, d);
	g_strlcpy(o->on ? d->on_hold : d->media, o->call_id, sizeof(d->media));
	(o->on ? d->media : d->on_hold)[0] = '\0';
}

/* The box asks its hook: it answers at once, late or never. */
static void do_screen(struct world *w, struct device *d, const struct call_output *o)
{
	if (chance(w, 20))
		return;
	struct event *e = event_put(w, EVENT_SCREENED, d->index, dice_range(&w->dice, 0, 2500));
	g_strlcpy(e->call_id, o->call_id, sizeof(e->call_id));
}

static void do_record(struct world *w, struct device *d, const struct call_output *o)
{
	int status = message_int(o->json, "status", 0);
	if (!o->json) {
		g_hash_table_remove(d->records, o->call_id);
		return;
	}
	if (status < 1 || status > 5)
		fail(w, "a record without a status", o->call_id, d);
	g_hash_table_insert(d->records, g_strdup(o->call_id), GINT_TO_POINTER(status));
}

static struct entry *journal_entry(const struct device *d, const char *call_id)
{
	for (GList *l = d->journal.head; l; l = l->next)
		if (strcmp(((struct entry *)l->data)->call_id, call_id) == 0)
			return l->data;
	return NULL;
}

static void entry_free(struct entry *entry)
{
	cJSON_Delete(entry->json);
	g_free(entry);
}

/* The real one gives its rows back in the order in which they were last written. */
static void do_journal(struct device *d, const struct call_output *o)
{
	struct entry *old = journal_entry(d, o->call_id), *entry = g_new0(struct entry, 1);
	if (old) {
		g_queue_remove(&d->journal, old);
		entry_free(old);
	}
	g_strlcpy(entry->call_id, o->call_id, sizeof(entry->call_id));
	entry->json = cJSON_Duplicate(o->json, true);
	g_queue_push_tail(&d->journal, entry);
}

static void carry_out(struct world *w, struct device *d, const struct call_output *o)
{
	switch (o->type) {
	case OUT_SEND:
		do_send(w, d, o);
		break;
	case OUT_EVENT:
		do_event(w, d, o);
		break;
	case OUT_MEDIA_OPEN:
		call_core_setup(d->core, w->now_ms, o->call_id, !w->calm && chance(w, 2) ? 4 : 0, "no media");
		break;
	case OUT_MEDIA_START:
		do_media_start(w, d, o);
		break;
	case OUT_MEDIA_STOP:
		if (strcmp(d->media, o->call_id) == 0)
			d->media[0] = '\0';
		if (strcmp(d->on_hold, o->call_id) == 0)
			d->on_hold[0] = '\0';
		break;
	case OUT_MEDIA_HOLD:
		do_hold(w, d, o);
		break;
	case OUT_SCREEN:
		do_screen(w, d, o);
		break;
	case OUT_RING:
		do_ring(w, d, o);
		break;
	case OUT_JOURNAL:
		do_journal(d, o);
		break;
	case OUT_RECORD:
		do_record(w, d, o);
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
	/* I2: media only while a call is live. */
	if (d->media[0] && g_strcmp0(call_core_live_id(d->core), d->media) != 0)
		fail(w, "media outlives its call", d->media, d);
	if (d->on_hold[0] && g_strcmp0(call_core_waiting_id(d->core), d->on_hold) != 0)
		fail(w, "a held call's media outlives it", d->on_hold, d);
	if (d->rings[0] && g_strcmp0(call_core_live_id(d->core), d->rings) != 0 &&
	    g_strcmp0(call_core_waiting_id(d->core), d->rings) != 0)
		fail(w, "it rings for no call", d->rings, d);
	if (!call_core_live_id(d->core) && call_core_waiting_id(d->core))
		fail(w, "a call waits beside none", call_core_waiting_id(d->core), d);
	int64_t due = call_core_deadline(d->core);
	if (due >= 0 && due < w->now_ms + FLOW_MS && (d->tick_ms < w->now_ms || due < d->tick_ms)) {
		d->tick_ms = MAX(due, w->now_ms);
		event_put(w, EVENT_TICK, d->index, d->tick_ms - w->now_ms);
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
		g_hash_table_add(d->accepted, g_strdup(l->call_id));
	cJSON_Delete(state);
}

/* Whether a letter is of the very party that the device's live call is with. */
static bool is_from_peer(struct world *w, struct device *d, const struct letter *l)
{
	if (g_strcmp0(call_core_live_id(d->core), l->call_id) != 0)
		return false;
	cJSON *state = call_core_state(d->core, w->now_ms);
	bool same = strcmp(message_string(message_member(state, "call"), "peerParty", ""), l->from_party) == 0;
	cJSON_Delete(state);
	return same;
}

static void take_letter(struct world *w, struct device *d, const struct letter *l, bool replay, int64_t age_ms)
{
	const struct call_message m = { .account = l->account, .kind = l->kind, .call_id = l->call_id,
					.from_user = l->from_user, .from_party = l->from_party, .seq = l->seq,
					.age_ms = age_ms, .replay = replay, .body = l->body };
	if (w->verbose)
		printf("%8lld %-8s %.4s <- %s from %s\n", (long long)w->now_ms, d->party, l->call_id + 28, l->kind,
		       l->from_party);
	note_glare(w, d, l);
	bool ends = strcmp(l->kind, "bye") == 0 && is_from_peer(w, d, l);
	if (strcmp(l->kind, "decide") == 0 || strcmp(l->kind, "record") == 0)
		g_hash_table_add(d->over, g_strdup(l->call_id));
	call_core_message(d->core, w->now_ms, &m);
	if (ends && g_strcmp0(call_core_live_id(d->core), l->call_id) == 0)
		fail(w, "the peer's bye did not end the call", l->call_id, d);
	drain(w, d);
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

static void boot(struct world *w, struct device *d)
{
	d->boot++;
	d->tick_ms = -1;
	g_snprintf(d->party, sizeof(d->party), "d%d:%d", d->index, d->boot);
	d->core = call_core_create(w->fsm, d->party, &d->policy);
	g_autoptr(GPtrArray) entries = g_ptr_array_new();
	for (GList *l = d->journal.head; l; l = l->next)
		g_ptr_array_add(entries, aged(w, d, ((struct entry *)l->data)->json));
	for (unsigned int i = 0; i < entries->len; i++) {
		call_core_restore(d->core, w->now_ms, entries->pdata[i]);
		cJSON_Delete(entries->pdata[i]);
	}
	drain(w, d);
	/* What the network kept, in its order, then the word that this was all. */
	for (struct event *e; (e = g_queue_pop_head(&d->kept)); event_free(e))
		take_letter(w, d, e->letter, true, MAX(w->now_ms - e->at_ms + jump(w), 0));
	call_core_synced(d->core, w->now_ms, d->account, true);
	drain(w, d);
}

static void crash(struct world *w, struct device *d)
{
	if (w->verbose)
		printf("%8lld %-8s CRASHES\n", (long long)w->now_ms, d->party);
	call_core_free(d->core);
	d->core = NULL;
	d->media[0] = d->on_hold[0] = d->rings[0] = '\0';
	g_hash_table_remove_all(d->ended);
	g_hash_table_remove_all(d->told);
	g_hash_table_remove_all(d->timed_out);
	g_hash_table_remove_all(d->over);
	d->crashed_ms = w->now_ms;
	w->crashed = true;
	total_crashes++;
	event_put(w, EVENT_RESTART, d->index, dice_range(&w->dice, 100, 40000));
}

static void dial(struct world *w, struct device *d)
{
	char id[CALL_ID_CHARS + 1], *error = NULL;
	static const char *const users[] = { "alice", "bob", "carol" };
	const char *user = users[w->calm ? d->index ^ 1 : dice_range(&w->dice, 0, 3)];
	g_snprintf(id, sizeof(id), "%08x%024x", (uint32_t)dice_next(&w->dice), ++w->next_id);
	const struct call_request request = { .call_id = id, .account = d->account, .user = user, .type = CALL_VIDEO };
	if (call_core_call(d->core, w->now_ms, &request, &error) == 0) {
		g_hash_table_insert(w->dialled, g_strdup(id), d);
		g_hash_table_add(d->told, g_strdup(id));
		if (w->verbose)
			printf("%8lld %-8s %.4s DIALS %s\n", (long long)w->now_ms, d->party, id + 28, user);
	}
	g_free(error);
}

static void refused_note(struct device *d, const char *id)
{
	if (id)
		g_hash_table_add(d->refused, g_strdup(id));
}

static void reject(struct world *w, struct device *d)
{
	char *error = NULL;
	refused_note(d, call_core_live_id(d->core));
	refused_note(d, call_core_waiting_id(d->core));
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
	g_autofree char *id = g_strdup(call_core_live_id(d->core));
	refused_note(d, id);
	int r = call_core_hangup(d->core, w->now_ms, NULL, &error);
	if (id && (r < 0 || g_strcmp0(call_core_live_id(d->core), id) == 0))
		fail(w, "a hang-up did not end the call", id, d);
	g_free(error);
}

/* The user takes what rings: the live call, or the one that waits. Consent is to that one alone. */
static void accept(struct world *w, struct device *d)
{
	char *error = NULL;
	g_autofree char *live = g_strdup(call_core_live_id(d->core));
	g_autofree char *waiting = g_strdup(call_core_waiting_id(d->core));
	bool second = call_core_status(d->core) != CALL_CALLED && waiting;
	if (call_core_accept(d->core, w->now_ms, NULL, chance(w, 10) ? CALL_AUDIO : 0, &error) == 0)
		g_hash_table_add(d->accepted, g_strdup(second ? waiting : live));
	g_free(error);
}

static void press(struct world *w, struct device *d)
{
	char *error = NULL;
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
		call_core_flags(d->core, w->now_ms, chance(w, 50), false, true, chance(w, 50));
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
	const char *live = call_core_live_id(d->core);
	if (!live)
		return;
	cJSON *body = cJSON_Parse("{\"scope\":\"all\",\"reason\":\"hangup\",\"outcome\":\"canceled\",\"type\":1,"
				  "\"what\":\"set\",\"rev\":99,\"status\":1}");
	g_autofree char *id = g_strdup(live);
	const struct call_message m = { .account = d->account,
					.kind = kinds[dice_range(&w->dice, 0, G_N_ELEMENTS(kinds))],
					.call_id = id, .from_user = "mallory", .from_party = "d0:1",
					.seq = (uint32_t)dice_next(&w->dice), .age_ms = 0, .body = body };
	enum call_status status = call_core_status(d->core);
	call_core_message(d->core, w->now_ms, &m);
	cJSON_Delete(body);
	total_forged++;
	if (call_core_status(d->core) != status || g_strcmp0(call_core_live_id(d->core), id) != 0)
		fail(w, "a stranger changed a call", id, d);
}

/* It comes up, goes on, stops, comes back, or breaks: a few minutes at most. */
static void media_goes_on(struct world *w, const struct device *d, const struct event *e)
{
	static const enum call_media_fact facts[] = { CALL_MEDIA_UP, CALL_MEDIA_ALIVE, CALL_MEDIA_LOST,
						      CALL_MEDIA_FAILED };
	int r = dice_range(&w->dice, 0, 100);
	enum call_media_fact fact = facts[w->calm || r < 40 ? 0 : r < 90 ? 1 : r < 96 ? 2 : 3];
	call_core_media(d->core, w->now_ms, e->call_id, fact, "media broke");
	if (fact == CALL_MEDIA_FAILED || w->now_ms > 1000000 + FLOW_MS / 2)
		return;
	struct event *next = event_put(w, EVENT_MEDIA, d->index, dice_range(&w->dice, 1000, 29000));
	g_strlcpy(next->call_id, e->call_id, sizeof(next->call_id));
}

/* A late word of the media of a call that is over: the call that is live now hears nothing of it. */
static void stale_fact(struct world *w, const struct device *d, const char *call_id)
{
	g_autofree char *live = g_strdup(call_core_live_id(d->core));
	if (g_strcmp0(live, call_id) == 0 || g_strcmp0(call_core_waiting_id(d->core), call_id) == 0)
		return;
	call_core_media(d->core, w->now_ms, call_id, CALL_MEDIA_FAILED, "late");
	call_core_setup(d->core, w->now_ms, call_id, 7, "late");
	if (g_strcmp0(call_core_live_id(d->core), live) != 0)
		fail(w, "a word about another call ended this one", live, d);
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
			struct event *kept = g_new0(struct event, 1);
			kept->at_ms = w->now_ms;
			kept->letter = g_steal_pointer(&e->letter);
			g_queue_push_tail(&d->kept, kept);
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
		if (strcmp(d->media, e->call_id) == 0 || strcmp(d->on_hold, e->call_id) == 0)
			media_goes_on(w, d, e);
		else
			stale_fact(w, d, e->call_id);
		break;
	case EVENT_CRASH:
		crash(w, d);
		return;
	case EVENT_STRANGER:
		forge(w, d);
		break;
	case EVENT_SCREENED:
		call_core_screened(d->core, w->now_ms, e->call_id,
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
	GHashTableIter iter;
	void *id;
	g_hash_table_iter_init(&iter, d->told);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		if (!g_hash_table_contains(d->ended, id) && !g_hash_table_contains(d->replaced, id))
			fail(w, "a call without an end", id, d);
}

/* I10: every call that was dialled has its record, unless glare ate it; where nothing was lost the callee's
 * records say the same. */
static void check_record(struct world *w, const char *id, const struct device *d)
{
	const struct entry *entry = journal_entry(d, id);
	if (!entry)
		fail(w, "a call without a journal", id, d);
	int status = GPOINTER_TO_INT(g_hash_table_lookup(d->records, id));
	bool glare = strcmp(message_string(entry->json, "outcome", "none"), "glare") == 0;
	if (!status && !glare && (d->core || !message_bool(entry->json, "live", false)))
		fail(w, "a call without a record", id, d);
	if (!w->lossless || w->crashed)
		return;
	for (int i = 0; i < w->count; i++) {
		int other = GPOINTER_TO_INT(g_hash_table_lookup(w->devices[i].records, id));
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
	GHashTableIter iter;
	void *id, *anchor;
	for (int i = 0; i < w->count; i++) {
		struct device *d = &w->devices[i];
		if (!d->core)
			continue;
		if (call_core_status(d->core) != CALL_IDLE)
			fail(w, "not idle at rest", call_core_live_id(d->core), d);
		check_told(w, d);
	}
	g_hash_table_iter_init(&iter, w->dialled);
	while (g_hash_table_iter_next(&iter, &id, &anchor))
		check_record(w, id, anchor);
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

static GHashTable *id_set(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void join(struct world *w, const char *account)
{
	struct device *d = &w->devices[w->count];
	d->index = w->count++;
	g_strlcpy(d->account, account, sizeof(d->account));
	d->policy = policy_of(w);
	d->accepted = id_set();
	d->refused = id_set();
	d->told = id_set();
	d->ended = id_set();
	d->timed_out = id_set();
	d->replaced = id_set();
	d->over = id_set();
	d->records = id_set();
	d->tick_ms = -1;
	boot(w, d);
}

static void leave(struct device *d)
{
	GHashTable *sets[] = { d->accepted, d->refused, d->told, d->ended, d->timed_out, d->replaced,
			       d->over, d->records };
	call_core_free(d->core);
	for (size_t i = 0; i < G_N_ELEMENTS(sets); i++)
		g_hash_table_destroy(sets[i]);
	g_queue_clear_full(&d->journal, (GDestroyNotify)entry_free);
	g_queue_clear_full(&d->kept, (GDestroyNotify)event_free);
}

static void plan(struct world *w)
{
	int presses = dice_range(&w->dice, 2, 14);
	for (int i = 0; i < presses; i++)
		event_put(w, EVENT_USER, dice_range(&w->dice, 0, w->count), dice_range(&w->dice, 0, 60000));
	if (chance(w, 10))
		event_put(w, EVENT_CRASH, dice_range(&w->dice, 0, w->count),
			  dice_range(&w->dice, 0, 60000));
	for (int i = chance(w, 30) ? 5 : 0; i > 0; i--)
		event_put(w, EVENT_STRANGER, dice_range(&w->dice, 0, w->count),
			  dice_range(&w->dice, 0, 60000));
}

static void flow(const struct fsm *fsm, guint32 seed, bool verbose, bool digests)
{
	struct world w = { .fsm = fsm, .seed = seed, .verbose = verbose, .digests = digests, .now_ms = 1000000,
			   .dice = { seed }, .schedule = schedule_create() };
	w.verdicts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	w.dialled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
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
	for (struct event *e; (e = schedule_take(w.schedule)); event_free(e)) {
		/* A late tick forgets a tombstone. */
		if (e->at_ms > end && (e->kind != EVENT_TICK || call_core_live_id(w.devices[e->device].core)))
			fail(&w, "never comes to rest", NULL, NULL);
		w.now_ms = e->at_ms;
		happen(&w, e);
	}
	check_rest(&w);
	if (digests)
		printf("%u %016llx\n", seed, (unsigned long long)digest_number(w.digest, w.dice.state));
	for (int i = 0; i < w.count; i++)
		leave(&w.devices[i]);
	g_hash_table_destroy(w.verdicts);
	g_hash_table_destroy(w.dialled);
	schedule_free(w.schedule);
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
