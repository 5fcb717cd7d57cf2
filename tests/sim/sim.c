/* sim: the real call core against everything at once, deterministically. Up to three accounts with up to three
 * devices each; a network that delays, doubles, reorders and loses; users who press anything; media that comes
 * up late or never; boxes that crash and come back with their journal; a stranger who forges messages about
 * live calls. Time is virtual. After each step the invariants hold, or the flow's seed and trace are printed.
 *
 * usage: sim [-n FLOWS] [-s SEED] [-v]      -s with -v replays one flow readably; CALLBOX_FSM: another table */
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/call/call_core.h"

#define DEVICES_MAX 9
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOWS 20000
#else
#define FLOWS 1000000
#endif
#define FLOW_MS 400000 /* by then every timer has run out */

struct letter {
	char account[12], kind[16], call_id[CALL_ID_CHARS + 1], from_user[12], from_party[24];
	uint64_t seq;
	cJSON *body;
};

enum event_kind { EVENT_LETTER, EVENT_TICK, EVENT_USER, EVENT_MEDIA, EVENT_CRASH, EVENT_RESTART, EVENT_STRANGER };

struct event {
	int64_t at_ms;
	uint64_t order;
	enum event_kind kind;
	int device, boot;
	struct letter *letter;
	char call_id[CALL_ID_CHARS + 1]; /* EVENT_MEDIA */
};

struct device {
	char account[12], party[24];
	int index, boot;
	struct call_core *core; /* NULL while crashed */
	GHashTable *journal;	/* call_id → cJSON; survives a crash */
	GHashTable *accepted;	/* call ids this user took, or dialled into glare */
	GHashTable *ended;	/* call ids told as over, of this boot */
	GHashTable *records;
	char media[CALL_ID_CHARS + 1]; /* "" without media */
	int64_t tick_ms;
};

struct world {
	const struct fsm *fsm;
	GRand *random;
	GPtrArray *heap; /* struct event */
	uint64_t order;
	int64_t now_ms;
	struct device devices[DEVICES_MAX];
	int count;
	GHashTable *verdicts; /* call_id → "outcome winner" as first sent by the anchor */
	GHashTable *dialled;  /* call_id → struct device of the anchor */
	unsigned int next_id;
	bool verbose, lossless;
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
	return g_rand_int_range(w->random, 0, 100) < percent;
}

/* ---- the heap of what happens next ---- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ms < b->at_ms || (a->at_ms == b->at_ms && a->order < b->order);
}

static void heap_swap(GPtrArray *heap, unsigned int a, unsigned int b)
{
	void *kept = heap->pdata[a];
	heap->pdata[a] = heap->pdata[b];
	heap->pdata[b] = kept;
}

static struct event *event_put(struct world *w, enum event_kind kind, int device, int64_t in_ms)
{
	struct event *e = g_new0(struct event, 1);
	e->kind = kind;
	e->device = device;
	e->boot = device >= 0 ? w->devices[device].boot : 0;
	e->at_ms = w->now_ms + in_ms;
	e->order = ++w->order;
	g_ptr_array_add(w->heap, e);
	for (unsigned int i = w->heap->len - 1; i > 0 && before(w->heap->pdata[i], w->heap->pdata[(i - 1) / 2]);
	     i = (i - 1) / 2)
		heap_swap(w->heap, i, (i - 1) / 2);
	return e;
}

static struct event *event_take(struct world *w)
{
	GPtrArray *heap = w->heap;
	if (heap->len == 0)
		return NULL;
	struct event *first = heap->pdata[0];
	heap_swap(heap, 0, heap->len - 1);
	g_ptr_array_set_size(heap, (int)heap->len - 1);
	for (unsigned int i = 0;;) {
		unsigned int least = i;
		for (unsigned int child = 2 * i + 1; child <= 2 * i + 2 && child < heap->len; child++)
			if (before(heap->pdata[child], heap->pdata[least]))
				least = child;
		if (least == i)
			return first;
		heap_swap(heap, i, least);
		i = least;
	}
}

static void letter_free(struct letter *letter)
{
	if (letter)
		cJSON_Delete(letter->body);
	g_free(letter);
}

static void event_free(struct event *e)
{
	letter_free(e->letter);
	g_free(e);
}

/* ---- what cores want ---- */

static int delay(struct world *w)
{
	int r = g_rand_int_range(w->random, 0, 100);
	return r < 80 ? g_rand_int_range(w->random, 1, 60)
	       : r < 96 ? g_rand_int_range(w->random, 60, 3000) : g_rand_int_range(w->random, 3000, 25000);
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
	g_strlcpy(d->media, o->call_id, sizeof(d->media));
	total_connected += o->anchor;
	if (!chance(w, 4)) {
		struct event *e = event_put(w, EVENT_MEDIA, d->index, g_rand_int_range(w->random, 20, 4000));
		g_strlcpy(e->call_id, o->call_id, sizeof(e->call_id));
	}
}

static void do_event(struct world *w, struct device *d, const struct call_output *o)
{
	if (w->verbose && strcmp(o->kind, "onCallState") == 0)
		printf("%8lld %-8s %.*s -> %s\n", (long long)w->now_ms, d->party, 4, o->call_id + 28,
		       message_string(o->json, "state", ""));
	else if (w->verbose)
		printf("%8lld %-8s %.*s %s\n", (long long)w->now_ms, d->party, 4, o->call_id + 28, o->kind);
	if (strcmp(o->kind, "onCallEnd") == 0 && !g_hash_table_add(d->ended, g_strdup(o->call_id)))
		fail(w, "onCallEnd twice", o->call_id, d);
	if (strcmp(o->kind, "onInvited") == 0 && g_hash_table_contains(d->ended, o->call_id))
		fail(w, "an ended call rings", o->call_id, d);
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
		call_core_setup(d->core, w->now_ms, o->call_id, !chance(w, 2), "no media");
		break;
	case OUT_MEDIA_START:
		do_media_start(w, d, o);
		break;
	case OUT_MEDIA_STOP:
		if (strcmp(d->media, o->call_id) == 0)
			d->media[0] = '\0';
		break;
	case OUT_JOURNAL:
		g_hash_table_insert(d->journal, g_strdup(o->call_id), cJSON_Duplicate(o->json, true));
		break;
	case OUT_RECORD:
		g_hash_table_add(d->records, g_strdup(o->call_id));
		break;
	case OUT_MEDIA_TYPE:
	case OUT_MEDIA_MESSAGE:
	case OUT_RING:
		break;
	}
}

static void drain(struct world *w, struct device *d)
{
	for (struct call_output *o; (o = call_core_take(d->core)); call_output_free(o))
		carry_out(w, d, o);
	/* I2: media only while a call is live. */
	if (d->media[0] && g_strcmp0(call_core_live_id(d->core), d->media) != 0)
		fail(w, "media outlives its call", d->media, d);
	int64_t due = call_core_deadline(d->core);
	if (due >= 0 && due < w->now_ms + FLOW_MS && (d->tick_ms < w->now_ms || due < d->tick_ms)) {
		d->tick_ms = MAX(due, w->now_ms);
		event_put(w, EVENT_TICK, d->index, d->tick_ms - w->now_ms);
	}
	total_steps++;
}

/* ---- what happens ---- */

static void boot(struct world *w, struct device *d)
{
	const struct call_policy policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1, .reject_account = true,
					    .confirm_video = true };
	d->boot++;
	d->tick_ms = -1;
	g_snprintf(d->party, sizeof(d->party), "d%d:%d", d->index, d->boot);
	d->core = call_core_create(w->fsm, d->party, &policy);
	GHashTableIter iter;
	void *entry;
	g_hash_table_iter_init(&iter, d->journal);
	g_autoptr(GPtrArray) entries = g_ptr_array_new();
	while (g_hash_table_iter_next(&iter, NULL, &entry))
		g_ptr_array_add(entries, cJSON_Duplicate(entry, true));
	for (unsigned int i = 0; i < entries->len; i++) {
		call_core_restore(d->core, w->now_ms, entries->pdata[i]);
		cJSON_Delete(entries->pdata[i]);
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
	d->media[0] = '\0';
	g_hash_table_remove_all(d->ended);
	total_crashes++;
	event_put(w, EVENT_RESTART, d->index, g_rand_int_range(w->random, 100, 40000));
}

static void dial(struct world *w, struct device *d)
{
	char id[CALL_ID_CHARS + 1], *error = NULL;
	static const char *const users[] = { "alice", "bob", "carol" };
	const char *user = users[g_rand_int_range(w->random, 0, 3)];
	g_snprintf(id, sizeof(id), "%08x%024x", g_rand_int(w->random), ++w->next_id);
	const struct call_request request = { .call_id = id, .account = d->account, .user = user, .type = CALL_VIDEO };
	if (call_core_call(d->core, w->now_ms, &request, &error) == 0) {
		g_hash_table_insert(w->dialled, g_strdup(id), d);
		if (w->verbose)
			printf("%8lld %-8s %.4s DIALS %s\n", (long long)w->now_ms, d->party, id + 28, user);
	}
	g_free(error);
}

static void press(struct world *w, struct device *d)
{
	char *error = NULL;
	const char *live = call_core_live_id(d->core);
	g_autofree char *id = g_strdup(live);
	switch (g_rand_int_range(w->random, 0, 12)) {
	case 0:
		dial(w, d);
		break;
	case 1: case 2: case 3: case 4: case 5: case 6: case 7:
		if (call_core_accept(d->core, w->now_ms, NULL, 0, &error) == 0)
			g_hash_table_add(d->accepted, g_strdup(id));
		break;
	case 8:
		call_core_reject(d->core, w->now_ms, NULL, &error);
		break;
	case 9:
		call_core_hangup(d->core, w->now_ms, NULL, &error);
		break;
	default:
		call_core_switch_type(d->core, w->now_ms, CALL_AUDIO, g_rand_int_range(w->random, 1, 4), &error);
	}
	g_free(error);
}

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

static void take_letter(struct world *w, struct device *d, const struct letter *l)
{
	const struct call_message m = { .account = l->account, .kind = l->kind, .call_id = l->call_id,
					.from_user = l->from_user, .from_party = l->from_party, .seq = l->seq,
					.age_ms = 0, .body = l->body };
	if (w->verbose)
		printf("%8lld %-8s %.4s <- %s from %s\n", (long long)w->now_ms, d->party, l->call_id + 28, l->kind,
		       l->from_party);
	note_glare(w, d, l);
	bool ends = strcmp(l->kind, "bye") == 0 && is_from_peer(w, d, l);
	call_core_message(d->core, w->now_ms, &m);
	if (ends && g_strcmp0(call_core_live_id(d->core), l->call_id) == 0)
		fail(w, "the peer's bye did not end the call", l->call_id, d);
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
					.kind = kinds[g_rand_int_range(w->random, 0, G_N_ELEMENTS(kinds))],
					.call_id = id, .from_user = "mallory", .from_party = "d0:1",
					.seq = g_rand_int(w->random), .age_ms = 0, .body = body };
	enum call_status status = call_core_status(d->core);
	call_core_message(d->core, w->now_ms, &m);
	cJSON_Delete(body);
	total_forged++;
	if (call_core_status(d->core) != status || g_strcmp0(call_core_live_id(d->core), id) != 0)
		fail(w, "a stranger changed a call", id, d);
}

static void happen(struct world *w, struct event *e)
{
	struct device *d = &w->devices[e->device];
	if (e->kind == EVENT_RESTART) {
		boot(w, d);
		return;
	}
	if (!d->core) /* off: the letter waits on no server here, it is lost */
		return;
	if (e->boot != d->boot && e->kind != EVENT_LETTER)
		return;
	switch (e->kind) {
	case EVENT_LETTER:
		take_letter(w, d, e->letter);
		break;
	case EVENT_TICK:
		d->tick_ms = -1;
		call_core_tick(d->core, w->now_ms);
		break;
	case EVENT_USER:
		press(w, d);
		break;
	case EVENT_MEDIA:
		if (strcmp(d->media, e->call_id) == 0)
			call_core_media(d->core, w->now_ms, e->call_id, chance(w, 95) ? CALL_MEDIA_UP : CALL_MEDIA_FAILED,
					"media broke");
		break;
	case EVENT_CRASH:
		crash(w, d);
		return;
	case EVENT_STRANGER:
		forge(w, d);
		break;
	case EVENT_RESTART:
		break;
	}
	drain(w, d);
}

/* At rest: everybody is idle, and every call that was dialled has its record, unless glare ate it. */
static void check_rest(struct world *w)
{
	GHashTableIter iter;
	void *id, *anchor;
	for (int i = 0; i < w->count; i++)
		if (w->devices[i].core && call_core_status(w->devices[i].core) != CALL_IDLE)
			fail(w, "not idle at rest", call_core_live_id(w->devices[i].core), &w->devices[i]);
	g_hash_table_iter_init(&iter, w->dialled);
	while (g_hash_table_iter_next(&iter, &id, &anchor)) {
		const struct device *d = anchor;
		const cJSON *entry = g_hash_table_lookup(d->journal, id);
		const char *outcome = message_string(entry, "outcome", "none");
		if (!entry)
			fail(w, "a call without a journal", id, d);
		if (!g_hash_table_contains(d->records, id) && strcmp(outcome, "glare") != 0 &&
		    (d->core || !message_bool(entry, "live", false)))
			fail(w, "a call without a record", id, d);
	}
}

static void join(struct world *w, const char *account)
{
	struct device *d = &w->devices[w->count];
	d->index = w->count++;
	g_strlcpy(d->account, account, sizeof(d->account));
	d->journal = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)cJSON_Delete);
	d->accepted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->records = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	d->tick_ms = -1;
	boot(w, d);
}

static void plan(struct world *w)
{
	int presses = g_rand_int_range(w->random, 2, 14);
	for (int i = 0; i < presses; i++)
		event_put(w, EVENT_USER, g_rand_int_range(w->random, 0, w->count), g_rand_int_range(w->random, 0, 60000));
	if (chance(w, 10))
		event_put(w, EVENT_CRASH, g_rand_int_range(w->random, 0, w->count),
			  g_rand_int_range(w->random, 0, 60000));
	for (int i = chance(w, 30) ? 5 : 0; i > 0; i--)
		event_put(w, EVENT_STRANGER, g_rand_int_range(w->random, 0, w->count),
			  g_rand_int_range(w->random, 0, 60000));
}

static void flow(const struct fsm *fsm, guint32 seed, bool verbose)
{
	struct world w = { .fsm = fsm, .seed = seed, .verbose = verbose, .now_ms = 1000000,
			   .random = g_rand_new_with_seed(seed), .heap = g_ptr_array_new() };
	w.verdicts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	w.dialled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	w.lossless = chance(&w, 50);
	static const char *const accounts[] = { "alice", "bob", "carol" };
	for (int a = 0; a < (chance(&w, 40) ? 3 : 2); a++)
		for (int n = g_rand_int_range(w.random, 1, a == 1 ? 4 : 3); n > 0; n--)
			join(&w, accounts[a]);
	dial(&w, &w.devices[0]);
	drain(&w, &w.devices[0]);
	plan(&w);
	int64_t end = w.now_ms + FLOW_MS;
	for (struct event *e; (e = event_take(&w)); event_free(e)) {
		if (e->at_ms > end)
			fail(&w, "never comes to rest", NULL, NULL);
		w.now_ms = e->at_ms;
		happen(&w, e);
	}
	check_rest(&w);
	for (int i = 0; i < w.count; i++) {
		struct device *d = &w.devices[i];
		call_core_free(d->core);
		g_hash_table_destroy(d->journal);
		g_hash_table_destroy(d->accepted);
		g_hash_table_destroy(d->ended);
		g_hash_table_destroy(d->records);
	}
	g_hash_table_destroy(w.verdicts);
	g_hash_table_destroy(w.dialled);
	g_ptr_array_free(w.heap, TRUE);
	g_rand_free(w.random);
}

int main(int argc, char **argv)
{
	long flows = FLOWS, seed = 1;
	bool verbose = false, one = false;
	for (int c; (c = getopt(argc, argv, "n:s:v")) != -1;)
		switch (c) {
		case 'n': flows = atol(optarg); break;
		case 's': seed = atol(optarg); one = true; break;
		case 'v': verbose = true; break;
		default: fputs("usage: sim [-n FLOWS] [-s SEED] [-v]\n", stderr); return 64;
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
	if (one)
		flows = 1;
	for (long i = 0; i < flows; i++)
		flow(fsm, (guint32)(seed + i), verbose);
	printf("ok 1 - %ld flows, %llu steps, %llu connected, %llu crashes, %llu forged messages, no violation\n1..1\n",
	       flows, (unsigned long long)total_steps, (unsigned long long)total_connected,
	       (unsigned long long)total_crashes, (unsigned long long)total_forged);
	fsm_free(fsm);
	return 0;
}
