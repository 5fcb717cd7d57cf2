/* play: plays the scenarios of tests/calls on the real call core, with a network and a clock that the scenario
 * rules. One TAP line a file, and one that every row of call.fsm was taken by some file. The language: README there.
 *
 * usage: play [-v] [FILE...] */
#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/call/call_core.h"

#define BOXES_MAX 6
#define WORDS_MAX 16

struct letter {
	char *kind, *call_id, *from_user, *from_party, *account;
	int to;
	uint64_t seq;
	cJSON *body;
};

struct box {
	char *name, *account, *party;
	int boot;
	struct call_policy policy;
	struct call_core *core; /* NULL: crashed */
	GHashTable *journal;	/* call_id → cJSON */
	GHashTable *records;	/* call_id → status */
	GQueue events;		/* cJSON {event, …payload} */
	bool manual_setup, media, held;
	char rings[CALL_ID_CHARS + 1]; /* which call does, "": none */
};

struct play {
	const char *file;
	int line;
	const struct fsm *fsm;
	bool *rows; /* by row: taken */
	struct box boxes[BOXES_MAX];
	int count;
	GQueue network; /* struct letter, in flight */
	GQueue past;	/* struct letter, delivered or dropped: may come again */
	bool network_held, failed, verbose;
	int64_t now_ms;
	unsigned int next_id;
	uint64_t forged; /* sequence numbers of forged messages, far from the real ones */
	GPtrArray *calls; /* ids in the order of dialling */
};

static void wrong(struct play *p, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void wrong(struct play *p, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (!p->failed)
		printf("# %s:%d: %s\n", p->file, p->line + 1, text);
	p->failed = true;
}

/* ---- the network ---- */

static void letter_free(struct letter *l)
{
	g_free(l->kind);
	g_free(l->call_id);
	g_free(l->from_user);
	g_free(l->from_party);
	g_free(l->account);
	cJSON_Delete(l->body);
	g_free(l);
}

static void letter_put(struct play *p, const struct box *from, int to, const struct call_output *o)
{
	struct letter *l = g_new0(struct letter, 1);
	l->kind = g_strdup(o->kind);
	l->call_id = g_strdup(o->call_id);
	l->from_user = g_strdup(from->account);
	l->from_party = g_strdup(from->party);
	l->account = g_strdup(p->boxes[to].account);
	l->to = to;
	l->seq = o->seq;
	l->body = cJSON_Duplicate(o->json, true);
	g_queue_push_tail(&p->network, l);
}

static void post(struct play *p, const struct box *from, const struct call_output *o)
{
	for (int i = 0; i < p->count; i++) {
		const struct box *to = &p->boxes[i];
		if (strcmp(to->account, o->to_user) == 0 &&
		    (strcmp(o->to_party, "*") == 0 || strcmp(o->to_party, to->party) == 0))
			letter_put(p, from, i, o);
	}
}

/* ---- what a core wants ---- */

static void event_keep(struct play *p, struct box *b, const struct call_output *o)
{
	cJSON *event = o->json ? cJSON_Duplicate(o->json, true) : cJSON_CreateObject();
	cJSON_AddStringToObject(event, "event", o->kind);
	g_queue_push_tail(&b->events, event);
	if (p->verbose)
		printf("# %8lld %s: %s %s\n", (long long)p->now_ms, b->name, o->kind,
		       message_string(o->json, "state", ""));
}

static void carry_out(struct play *p, struct box *b, const struct call_output *o)
{
	switch (o->type) {
	case OUT_SEND:
		post(p, b, o);
		break;
	case OUT_EVENT:
		event_keep(p, b, o);
		break;
	case OUT_MEDIA_OPEN:
		if (!b->manual_setup)
			call_core_setup(b->core, p->now_ms, o->call_id, 0, NULL);
		break;
	case OUT_MEDIA_START:
		b->media = true;
		break;
	case OUT_MEDIA_STOP:
		b->media = b->held && b->media;
		break;
	case OUT_MEDIA_HOLD:
		b->held = o->on;
		break;
	case OUT_JOURNAL:
		g_hash_table_insert(b->journal, g_strdup(o->call_id), cJSON_Duplicate(o->json, true));
		break;
	case OUT_RECORD:
		if (o->json)
			g_hash_table_insert(b->records, g_strdup(o->call_id),
					    GINT_TO_POINTER(message_int(o->json, "status", 0)));
		else
			g_hash_table_remove(b->records, o->call_id);
		break;
	case OUT_SCREEN:
	case OUT_MEDIA_TYPE:
	case OUT_MEDIA_MESSAGE:
		break;
	case OUT_RING:
		if (o->on || g_str_equal(b->rings, o->call_id))
			g_strlcpy(b->rings, o->on ? o->call_id : "", sizeof(b->rings));
		break;
	}
}

static void drain(struct play *p, struct box *b)
{
	for (struct call_output *o; b->core && (o = call_core_take(b->core)); call_output_free(o))
		carry_out(p, b, o);
}

static void deliver(struct play *p, struct letter *l, int64_t age_ms, bool replay)
{
	struct box *b = &p->boxes[l->to];
	const struct call_message m = { .account = l->account, .kind = l->kind, .call_id = l->call_id,
					.from_user = l->from_user, .from_party = l->from_party, .seq = l->seq,
					.age_ms = age_ms, .replay = replay, .body = l->body };
	if (p->verbose)
		printf("# %8lld %s <- %s from %s\n", (long long)p->now_ms, b->name, l->kind, l->from_party);
	if (!b->core)
		return;
	call_core_message(b->core, p->now_ms, &m);
	drain(p, b);
}

static void settle(struct play *p)
{
	for (struct letter *l; !p->network_held && (l = g_queue_pop_head(&p->network));) {
		deliver(p, l, 0, false);
		g_queue_push_tail(&p->past, l);
	}
}

/* ---- boxes ---- */

static struct box *box_find(struct play *p, const char *name)
{
	for (int i = 0; i < p->count; i++)
		if (strcmp(p->boxes[i].name, name) == 0)
			return &p->boxes[i];
	return NULL;
}

static struct box *box_need(struct play *p, const char *name)
{
	struct box *b = name ? box_find(p, name) : NULL;
	if (!b)
		wrong(p, "no box is called \"%s\"", name ? name : "");
	return b;
}

static void rows_note(struct play *p, const struct box *b)
{
	for (int i = 0; b->core && i < p->fsm->row_count; i++)
		p->rows[i] |= call_core_row_taken(b->core, i) > 0;
}

/* ago_ms: how old the wall clock makes the journal; a clock that was set says anything. */
static void boot(struct play *p, struct box *b, int64_t ago_ms)
{
	GHashTableIter iter;
	void *entry;
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_free(b->party);
	b->party = g_strdup_printf("%s:%d", b->name, ++b->boot);
	b->core = call_core_create(p->fsm, b->party, &b->policy);
	g_hash_table_iter_init(&iter, b->journal);
	while (g_hash_table_iter_next(&iter, NULL, &entry))
		g_ptr_array_add(entries, cJSON_Duplicate(entry, true));
	for (unsigned int i = 0; i < entries->len; i++) {
		if (ago_ms)
			cJSON_AddNumberToObject(entries->pdata[i], "agoMs", (double)ago_ms);
		call_core_restore(b->core, p->now_ms, entries->pdata[i]);
	}
	call_core_synced(b->core, p->now_ms, b->account, true);
	drain(p, b);
}

static void crash(struct play *p, struct box *b)
{
	rows_note(p, b);
	call_core_free(b->core);
	b->core = NULL;
	b->media = b->held = false;
	b->rings[0] = '\0';
	g_queue_clear_full(&b->events, (GDestroyNotify)cJSON_Delete);
}

#define INT(key, member) { key, offsetof(struct call_policy, member), 'i' }
#define BOOL(key, member) { key, offsetof(struct call_policy, member), 'b' }
#define TEXT(key, member) { key, offsetof(struct call_policy, member), 't' }
static const struct { const char *key; size_t offset; char type; } policy_keys[] = {
	INT("call_timeout", call_timeout_ms), INT("autoanswer", autoanswer_ms),
	BOOL("contacts_only", autoanswer_contacts),
	TEXT("contacts", contacts), BOOL("dnd", dnd), BOOL("reject_account", reject_account),
	INT("invites_a_minute", invites_a_minute), INT("rings_a_minute", rings_a_minute),
	BOOL("call_waiting", call_waiting), BOOL("hold", accept_holds), BOOL("busy_first", busy_first),
	BOOL("ring_unverified", ring_unverified), BOOL("screen", screen_calls), TEXT("allow", allow),
	TEXT("block", block), BOOL("confirm_video", confirm_video), BOOL("confirm_audio", confirm_audio),
	INT("maxcall", maxcall_ms),
};

static void policy_set(struct play *p, struct box *b, const char *word)
{
	const char *equals = strchr(word, '=');
	for (size_t i = 0; equals && i < G_N_ELEMENTS(policy_keys); i++) {
		if (strncmp(word, policy_keys[i].key, (size_t)(equals - word)) != 0 ||
		    policy_keys[i].key[equals - word])
			continue;
		void *at = (char *)&b->policy + policy_keys[i].offset;
		if (policy_keys[i].type == 'i')
			*(int *)at = atoi(equals + 1);
		else if (policy_keys[i].type == 'b')
			*(bool *)at = equals[1] == 'y';
		else
			*(const char **)at = g_intern_string(equals + 1);
		return;
	}
	if (strcmp(word, "setup=manual") == 0)
		b->manual_setup = true;
	else
		wrong(p, "\"%s\" is no policy", word);
}

/* ---- statements ---- */

static const char *call_id(struct play *p, const char *number)
{
	unsigned int n = number ? (unsigned int)atoi(number) : p->calls->len;
	if (n >= 1 && n <= p->calls->len)
		return p->calls->pdata[n - 1];
	wrong(p, "there is no call %s", number ? number : "yet");
	return "";
}

static void do_box(struct play *p, char **words, int count)
{
	if (count < 3 || p->count == BOXES_MAX) {
		wrong(p, "box NAME ACCOUNT [POLICY=VALUE...]");
		return;
	}
	struct box *b = &p->boxes[p->count++];
	*b = (struct box){ .name = g_strdup(words[1]), .account = g_strdup(words[2]),
			   .policy = { .call_timeout_ms = 30000, .autoanswer_ms = -1, .reject_account = true,
				       .confirm_video = true } };
	b->journal = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)cJSON_Delete);
	b->records = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (int i = 3; i < count; i++)
		policy_set(p, b, words[i]);
	boot(p, b, 0);
}

static int call_type_of(const char *word)
{
	return g_strcmp0(word, "audio") == 0 ? CALL_AUDIO : g_strcmp0(word, "other") == 0 ? CALL_OTHER : CALL_VIDEO;
}

/* "first" and "last" bend the id, so that glare is won or lost as the scenario wants. */
static int do_call(struct play *p, struct box *b, char **words, char **ret_error)
{
	const char *order = words[0] && words[1] && words[2] ? words[2] : "";
	char *id = g_strdup_printf("%c%031u", strcmp(order, "first") == 0 ? '0' : strcmp(order, "last") == 0 ? 'f' : '8',
				   ++p->next_id);
	const struct call_request request = { .call_id = id, .account = b->account, .user = words[0] ? words[0] : "",
					      .type = (enum call_type)call_type_of(words[1]) };
	g_ptr_array_add(p->calls, id);
	return call_core_call(b->core, p->now_ms, &request, ret_error);
}

static int do_verb(struct play *p, struct box *b, const char *verb, char **w, char **ret_error)
{
	struct call_core *core = b->core;
	if (strcmp(verb, "call") == 0)
		return do_call(p, b, w, ret_error);
	if (strcmp(verb, "accept") == 0)
		return call_core_accept(core, p->now_ms, NULL, w[0] ? call_type_of(w[0]) : 0, ret_error);
	if (strcmp(verb, "reject") == 0)
		return call_core_reject(core, p->now_ms, NULL, ret_error);
	if (strcmp(verb, "hangup") == 0)
		return call_core_hangup(core, p->now_ms, NULL, ret_error);
	if (strcmp(verb, "cancel") == 0)
		return call_core_cancel(core, p->now_ms, NULL, ret_error);
	if (strcmp(verb, "ignore") == 0)
		return call_core_ignore(core, p->now_ms, NULL, ret_error);
	if (strcmp(verb, "prolong") == 0)
		return call_core_prolong(core, p->now_ms, ret_error);
	if (strcmp(verb, "timeout") == 0)
		return call_core_set_timeout(core, w[0] ? atoi(w[0]) : 0, ret_error);
	if (strcmp(verb, "switch") == 0) {
		static const char *const states[] = { "ask", "agree", "refuse" };
		int state = 1;
		for (int i = 0; w[0] && w[1] && i < 3; i++)
			state = strcmp(w[1], states[i]) == 0 ? i + 1 : state;
		return call_core_switch_type(core, p->now_ms, (enum call_type)call_type_of(w[0]), state, ret_error);
	}
	return -ENOSYS;
}

/* What happens to a box, not by its user. */
static bool do_fact(struct play *p, struct box *b, const char *fact, char **w)
{
	static const struct { const char *word; enum call_media_fact fact; } facts[] = {
		{ "media-up", CALL_MEDIA_UP }, { "media-alive", CALL_MEDIA_ALIVE }, { "media-lost", CALL_MEDIA_LOST },
		{ "media-failed", CALL_MEDIA_FAILED },
	};
	static const char *const screenings[] = { "allow", "refuse", "auto" };
	for (size_t i = 0; i < G_N_ELEMENTS(facts); i++)
		if (strcmp(fact, facts[i].word) == 0) {
			call_core_media(b->core, p->now_ms, call_id(p, w[0]), facts[i].fact, "media");
			return true;
		}
	if (strcmp(fact, "setup-ok") == 0)
		call_core_setup(b->core, p->now_ms, call_id(p, w[0]), 0, NULL);
	else if (strcmp(fact, "setup-fails") == 0)
		call_core_setup(b->core, p->now_ms, call_id(p, NULL), w[0] ? atoi(w[0]) : 7, "no camera");
	else if (strcmp(fact, "kicked") == 0)
		call_core_kicked(b->core, p->now_ms, b->account);
	else if (strcmp(fact, "leaves") == 0)
		call_core_leave(b->core, p->now_ms, b->account);
	else if (strcmp(fact, "offline") == 0)
		call_core_synced(b->core, p->now_ms, b->account, false);
	else if (strcmp(fact, "synced") == 0)
		call_core_synced(b->core, p->now_ms, b->account, true);
	else if (strcmp(fact, "crashes") == 0)
		crash(p, b);
	else if (strcmp(fact, "dnd") == 0)
		call_core_dnd(b->core, p->now_ms, g_strcmp0(w[0], "off") != 0, w[0] && w[1] ? atoi(w[1]) : 0);
	else if (strcmp(fact, "mute") == 0)
		call_core_flags(b->core, p->now_ms, true, false, true, true);
	else if (strcmp(fact, "screened") == 0)
		for (int i = 0; i < 3; i++) {
			if (g_strcmp0(w[0], screenings[i]) == 0)
				call_core_screened(b->core, p->now_ms, call_id(p, NULL), (enum call_screening)i);
		}
	else
		return false;
	return true;
}

static cJSON *event_take(struct box *b, const char *name)
{
	for (GList *l = b->events.head; l; l = l->next)
		if (strcmp(message_string(l->data, "event", ""), name) == 0) {
			cJSON *event = l->data;
			g_queue_delete_link(&b->events, l);
			return event;
		}
	return NULL;
}

static bool value_is(const cJSON *json, const char *word)
{
	g_autofree char *key = g_strndup(word, strcspn(word, "="));
	const char *value = strchr(word, '=') + 1;
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
	if (cJSON_IsString(item))
		return strcmp(item->valuestring, value) == 0;
	if (cJSON_IsBool(item))
		return cJSON_IsTrue(item) == (strcmp(value, "yes") == 0);
	return cJSON_IsNumber(item) && item->valuedouble == g_ascii_strtod(value, NULL);
}

/* NAME gets EVENT [KEY=VALUE...]: the next one of that name, which must be there already. */
static void do_gets(struct play *p, struct box *b, char **w)
{
	cJSON *event = w[0] ? event_take(b, w[0]) : NULL;
	if (!event)
		wrong(p, "%s did not get %s", b->name, w[0] ? w[0] : "anything");
	for (int i = 1; event && w[i]; i++)
		if (!strchr(w[i], '=') || !value_is(event, w[i])) {
			char *text = cJSON_PrintUnformatted(event);
			wrong(p, "%s: %s is not in %s", b->name, w[i], text);
			cJSON_free(text);
		}
	cJSON_Delete(event);
}

static void do_is(struct play *p, const struct box *b, const char *state)
{
	cJSON *now = call_core_state(b->core, p->now_ms);
	const char *is = message_string(message_member(now, "call"), "state", "idle");
	if (strcmp(is, state) != 0)
		wrong(p, "%s is %s, not %s", b->name, is, state);
	cJSON_Delete(now);
}

/* NAME records STATUS [CALL]; STATUS 0: nothing. */
static void do_records(struct play *p, const struct box *b, char **w)
{
	int is = GPOINTER_TO_INT(g_hash_table_lookup(b->records, call_id(p, w[0] ? w[1] : NULL)));
	if (!w[0] || is != atoi(w[0]))
		wrong(p, "%s recorded status %d, not %s", b->name, is, w[0] ? w[0] : "?");
}

static bool do_check(struct play *p, struct box *b, const char *check, char **w)
{
	cJSON *event;
	if (strcmp(check, "gets") == 0) {
		do_gets(p, b, w);
	} else if (strcmp(check, "never-gets") == 0) {
		if ((event = event_take(b, w[0] ? w[0] : "")))
			wrong(p, "%s got %s", b->name, w[0]);
		cJSON_Delete(event);
	} else if (strcmp(check, "is") == 0 && w[0]) {
		do_is(p, b, w[0]);
	} else if (strcmp(check, "records") == 0) {
		do_records(p, b, w);
	} else if (strcmp(check, "has-media") == 0) {
		if (!b->media)
			wrong(p, "%s has no media", b->name);
	} else if (strcmp(check, "has-no-media") == 0) {
		if (b->media)
			wrong(p, "%s has media", b->name);
	} else if (strcmp(check, "rings") == 0 || strcmp(check, "rings-not") == 0) {
		if ((b->rings[0] != '\0') != (strcmp(check, "rings") == 0))
			wrong(p, "%s %s", b->name, b->rings[0] ? "rings" : "does not ring");
	} else {
		return false;
	}
	return true;
}

/* refused NAME VERB... WORD: the box says no, and says this word. */
static void do_refused(struct play *p, char **words, int count)
{
	struct box *b = count > 3 ? box_need(p, words[1]) : NULL;
	char *error = NULL;
	if (!b)
		return;
	char *word = words[count - 1];
	words[count - 1] = NULL;
	int r = do_verb(p, b, words[2], words + 3, &error);
	words[count - 1] = word;
	if (r >= 0)
		wrong(p, "%s did as told", b->name);
	else if (!error || !strstr(error, word))
		wrong(p, "%s says \"%s\", not %s", b->name, error ? error : "", word);
	g_free(error);
	drain(p, b);
}

static bool letter_is(const struct play *p, const struct letter *l, const char *kind, const char *from, const char *to)
{
	g_autofree char *device = g_strndup(l->from_party, strcspn(l->from_party, ":"));
	return strcmp(l->kind, kind) == 0 && (!from || strcmp(device, from) == 0) &&
	       (!to || strcmp(p->boxes[l->to].name, to) == 0);
}

/* deliver|drop|repeat KIND [from NAME] [to NAME] [age MS] [replay] */
static void do_letter(struct play *p, char **words, int count)
{
	const char *from = NULL, *to = NULL;
	int64_t age = 0;
	bool replay = false, again = strcmp(words[0], "repeat") == 0;
	for (int i = 2; i < count; i++) {
		if (strcmp(words[i], "replay") == 0)
			replay = true;
		else if (i + 1 < count && strcmp(words[i], "from") == 0)
			from = words[++i];
		else if (i + 1 < count && strcmp(words[i], "to") == 0)
			to = words[++i];
		else if (i + 1 < count && strcmp(words[i], "age") == 0)
			age = strcmp(words[i + 1], "unknown") == 0 ? -1 : atoi(words[i + 1]), i++;
	}
	GQueue *queue = again ? &p->past : &p->network;
	for (GList *l = queue->head; l; l = l->next) {
		struct letter *letter = l->data;
		if (!letter_is(p, letter, words[1], from, to))
			continue;
		if (!again) {
			g_queue_delete_link(queue, l);
			g_queue_push_tail(&p->past, letter);
		}
		if (again)
			letter->seq += 1000000; /* another copy: the core must not lean on the number alone */
		if (strcmp(words[0], "drop") != 0)
			deliver(p, letter, age, replay);
		return;
	}
	wrong(p, "no such message: %s", words[1]);
}

/* forge KIND as ACCOUNT/PARTY to NAME [BODY] */
static void do_forge(struct play *p, char **words, int count)
{
	struct box *b = count >= 6 ? box_need(p, words[5]) : NULL;
	if (!b)
		return;
	g_auto(GStrv) who = g_strsplit(words[3], "/", 2);
	cJSON *body = count > 6 ? cJSON_Parse(words[6]) : cJSON_CreateObject();
	const struct call_message m = { .account = b->account, .kind = words[1], .call_id = call_id(p, NULL),
					.from_user = who[0], .from_party = who[1] ? who[1] : "x:1", .seq = ++p->forged,
					.body = body };
	call_core_message(b->core, p->now_ms, &m);
	cJSON_Delete(body);
	drain(p, b);
}

/* Timers run in their order, messages in between. */
static void do_wait(struct play *p, int ms)
{
	int64_t end = p->now_ms + ms;
	for (;;) {
		int64_t next = end;
		for (int i = 0; i < p->count; i++) {
			int64_t due = p->boxes[i].core ? call_core_deadline(p->boxes[i].core) : -1;
			if (due >= 0 && due < next)
				next = due;
		}
		p->now_ms = MAX(next, p->now_ms);
		for (int i = 0; i < p->count; i++)
			if (p->boxes[i].core) {
				call_core_tick(p->boxes[i].core, p->now_ms);
				drain(p, &p->boxes[i]);
			}
		settle(p);
		if (next >= end)
			return;
	}
}

static void do_box_statement(struct play *p, char **words)
{
	struct box *b = box_need(p, words[0]);
	const char *what = words[1] ? words[1] : "";
	char *error = NULL;
	if (!b)
		return;
	if (strcmp(what, "boots") == 0) {
		if (b->core)
			crash(p, b);
		boot(p, b, words[2] && words[3] ? g_ascii_strtoll(words[3], NULL, 10) : 0);
		return;
	}
	if (!b->core) {
		wrong(p, "%s has crashed", b->name);
		return;
	}
	if (do_check(p, b, what, words + 2))
		return;
	if (!do_fact(p, b, what, words + 2)) {
		int r = do_verb(p, b, what, words + 2, &error);
		if (r == -ENOSYS)
			wrong(p, "\"%s\" means nothing", what);
		else if (r < 0)
			wrong(p, "%s: %s: %s", b->name, what, error);
		g_free(error);
	}
	drain(p, b);
}

static void do_statement(struct play *p, char **words, int count)
{
	const char *first = words[0];
	if (strcmp(first, "box") == 0)
		do_box(p, words, count);
	else if (strcmp(first, "network") == 0 && count == 2)
		p->network_held = strcmp(words[1], "held") == 0;
	else if (strcmp(first, "wait") == 0 && count == 2)
		do_wait(p, atoi(words[1]));
	else if (strcmp(first, "refused") == 0)
		do_refused(p, words, count);
	else if (strcmp(first, "forge") == 0)
		do_forge(p, words, count);
	else if (count > 1 && g_strv_contains((const char *const[]){ "deliver", "drop", "repeat", NULL }, first))
		do_letter(p, words, count);
	else
		do_box_statement(p, words);
	settle(p);
}

static void do_line(struct play *p, char *line)
{
	char *words[WORDS_MAX + 1] = { NULL };
	int count = 0;
	line[strcspn(line, "#")] = '\0';
	for (char *rest = NULL, *word = strtok_r(line, " \t", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	if (count > 0)
		do_statement(p, words, count);
}

/* ---- files ---- */

static void play_close(struct play *p)
{
	for (int i = 0; i < p->count; i++) {
		struct box *b = &p->boxes[i];
		rows_note(p, b);
		call_core_free(b->core);
		g_queue_clear_full(&b->events, (GDestroyNotify)cJSON_Delete);
		g_hash_table_destroy(b->journal);
		g_hash_table_destroy(b->records);
		g_free(b->name);
		g_free(b->account);
		g_free(b->party);
	}
	g_queue_clear_full(&p->network, (GDestroyNotify)letter_free);
	g_queue_clear_full(&p->past, (GDestroyNotify)letter_free);
	g_ptr_array_free(p->calls, TRUE);
}

/* "again N M": the M lines before this one, N times more. False: it is no such line. */
static bool do_again(struct play *p, char **lines, int at)
{
	int times, count;
	if (sscanf(lines[at], "again %d %d", &times, &count) != 2)
		return false;
	if (count < 1 || count > at)
		wrong(p, "again: there are no %d lines before", count);
	for (int i = 0; i < times * count && !p->failed; i++) {
		g_autofree char *line = g_strdup(lines[at - count + i % count]);
		do_line(p, line);
	}
	return true;
}

static bool play_file(const struct fsm *fsm, bool *rows, const char *file, bool verbose)
{
	struct play p = { .file = file, .fsm = fsm, .rows = rows, .verbose = verbose, .now_ms = 1000000,
			  .forged = 1000000000,
			  .calls = g_ptr_array_new_with_free_func(g_free) };
	g_autofree char *text = NULL;
	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		printf("# %s: cannot be read\n", file);
		p.failed = true;
	}
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	for (; lines[p.line] && !p.failed; p.line++) {
		g_autofree char *line = g_strdup(lines[p.line]);
		if (!do_again(&p, lines, p.line))
			do_line(&p, line);
	}
	play_close(&p);
	return !p.failed;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *files_of(const char *folder)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
	GDir *dir = g_dir_open(folder, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));)
		if (g_str_has_suffix(name, ".call"))
			g_ptr_array_add(files, g_build_filename(folder, name, NULL));
	if (dir)
		g_dir_close(dir);
	g_ptr_array_sort(files, by_name);
	return files;
}

/* Each row is taken, or stands in the list of those that nothing reaches, and then is not. */
static bool all_rows_taken(const struct fsm *fsm, const bool *rows, const char *folder)
{
	g_autofree char *file = g_build_filename(folder, "unreachable", NULL);
	g_autofree char *text = NULL;
	bool all = true;
	g_file_get_contents(file, &text, NULL, NULL);
	g_auto(GStrv) listed = g_strsplit(text ? text : "", "\n", -1);
	for (int i = 0; i < fsm->row_count; i++) {
		g_autofree char *row = fsm_row_text(fsm, i);
		if (rows[i] != g_strv_contains((const char *const *)listed, row))
			continue;
		printf("# call.fsm:%u: %s: %s\n", fsm->rows[i].line, row,
		       rows[i] ? "listed as unreachable, but taken" : "no scenario takes it");
		all = false;
	}
	return all;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	const char *source = g_getenv("CALLBOX_SRC");
	g_autofree char *folder = g_build_filename(source ? source : ".", "tests", "calls", NULL);
	g_autofree char *table = g_build_filename(source ? source : ".", "conf", "call.fsm", NULL);
	g_autoptr(GPtrArray) files = files_of(folder);
	struct fsm *fsm;
	char *error = NULL;
	int failed = 0;
	if (fsm_load(&call_words, table, &fsm, &error) < 0) {
		fprintf(stderr, "play: %s\n", error);
		return 1;
	}
	bool *rows = g_new0(bool, fsm->row_count);
	bool some = argc > 1 + verbose;
	for (int i = 1 + verbose; i < argc; i++)
		failed += !play_file(fsm, rows, argv[i], verbose);
	for (unsigned int i = 0; !some && i < files->len; i++) {
		g_autofree char *name = g_path_get_basename(files->pdata[i]);
		bool good = play_file(fsm, rows, files->pdata[i], verbose);
		printf("%s %u - %s\n", good ? "ok" : "not ok", i + 1, name);
		failed += !good;
	}
	if (!some) {
		bool all = all_rows_taken(fsm, rows, folder);
		printf("%s %u - every row of call.fsm is taken\n", all ? "ok" : "not ok", files->len + 1);
		printf("1..%u\n", files->len + 1);
		failed += !all;
	}
	g_free(rows);
	fsm_free(fsm);
	return failed > 0;
}
