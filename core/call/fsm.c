#include "core/call/fsm.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
	[CALL_IDLE] = "idle", [CALL_CALLING] = "calling", [CALL_CALLED] = "called",
	[CALL_IN_CALL] = "inCall",
};

const char *call_status_name(enum call_status status)
{
	return status_names[status];
}

struct parser {
	struct fsm *fsm;
	const char *file;
	unsigned int line;
	GArray *rows;
	char **ret_error;
};

static int fail_at(struct parser *p, unsigned int line, const char *format, ...) G_GNUC_PRINTF(3, 4);

static int fail_at(struct parser *p, unsigned int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	*p->ret_error = g_strdup_printf("%s:%u: %s", p->file, line, why);
	return -EINVAL;
}

#define fail(p, ...) fail_at(p, (p)->line, __VA_ARGS__)

static int word_find(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static int state_find(const struct fsm *fsm, const char *name)
{
	for (int i = 0; i < fsm->state_count; i++)
		if (strcmp(fsm->states[i].name, name) == 0)
			return i;
	return -1;
}

/* Splits at blanks, dropping empty words. */
static char **words_split(const char *text)
{
	char **all = g_strsplit_set(text, " \t", -1);
	int n = 0;
	for (int i = 0; all[i]; i++) {
		if (all[i][0])
			all[n++] = all[i];
		else
			g_free(all[i]);
	}
	all[n] = NULL;
	return all;
}

static int number_parse(const char *text, int *ret_number)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < 0 || value > 86400000)
		return -EINVAL;
	*ret_number = (int)value;
	return 0;
}

static int timer_line(struct parser *p, char *line)
{
	char *equals = strchr(line, '=');
	if (!equals)
		return fail(p, "a timer is NAME = MILLISECONDS or NAME = auto");
	*equals = '\0';
	const char *name = g_strstrip(line), *value = g_strstrip(equals + 1);
	int timer = word_find(p->fsm->words->timers, name);
	if (timer < 0)
		return fail(p, "unknown timer \"%s\"", name);
	struct fsm_timer *t = &p->fsm->timers[timer];
	if (t->listed)
		return fail(p, "timer %s is listed twice", name);
	t->listed = true;
	t->automatic = strcmp(value, "auto") == 0;
	if (!t->automatic && number_parse(value, &t->ms) < 0)
		return fail(p, "timer %s: \"%s\" is no time in milliseconds up to a day", name, value);
	return 0;
}

static int status_parse(const char *text, enum call_status *ret_status)
{
	for (size_t i = 0; i < G_N_ELEMENTS(status_names); i++)
		if (strcmp(status_names[i], text) == 0) {
			*ret_status = (enum call_status)i;
			return 0;
		}
	return -EINVAL;
}

static int state_timers(struct parser *p, struct fsm_state *state, const char *text)
{
	g_auto(GStrv) names = words_split(text);
	int n = 0;
	for (int i = 0; i < FSM_STATE_TIMERS; i++)
		state->timers[i] = -1;
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], "-") == 0)
			continue;
		int timer = word_find(p->fsm->words->timers, names[i]);
		if (timer < 0 || !p->fsm->timers[timer].listed)
			return fail(p, "state %s: timer \"%s\" is not in [timers]", state->name, names[i]);
		if (n == FSM_STATE_TIMERS)
			return fail(p, "state %s: more than %d timers", state->name, FSM_STATE_TIMERS);
		state->timers[n++] = timer;
	}
	return 0;
}

static int state_line(struct parser *p, char *line)
{
	g_auto(GStrv) parts = g_strsplit(line, ":", -1);
	if (g_strv_length(parts) != 3)
		return fail(p, "a state is NAME : STATUS : TIMERS");
	struct fsm *fsm = p->fsm;
	if (fsm->state_count == FSM_STATES_MAX)
		return fail(p, "more than %d states", FSM_STATES_MAX);
	g_strstrip(parts[0]);
	if (!parts[0][0] || strpbrk(parts[0], " \t|"))
		return fail(p, "\"%s\" is no state name", parts[0]);
	if (state_find(fsm, parts[0]) >= 0)
		return fail(p, "state %s is listed twice", parts[0]);
	struct fsm_state *state = &fsm->states[fsm->state_count];
	if (status_parse(g_strstrip(parts[1]), &state->status) < 0)
		return fail(p, "state %s: unknown status \"%s\"", parts[0], parts[1]);
	state->name = g_strdup(parts[0]);
	state->line = p->line;
	fsm->state_count++;
	return state_timers(p, state, parts[2]);
}

static int row_event(struct parser *p, const char *word, struct fsm_row *row)
{
	row->event = row->timer = -1;
	if (g_str_has_prefix(word, "timer:"))
		row->timer = word_find(p->fsm->words->timers, word + strlen("timer:"));
	else
		row->event = word_find(p->fsm->words->events, word);
	if (row->event < 0 && row->timer < 0)
		return fail(p, "unknown event \"%s\"", word);
	return 0;
}

static int row_actions(struct parser *p, const char *text, struct fsm_row *row)
{
	g_auto(GStrv) names = words_split(text);
	int n = 0;
	for (int i = 0; i < FSM_ROW_ACTIONS; i++)
		row->actions[i] = -1;
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], "-") == 0)
			continue;
		int action = word_find(p->fsm->words->actions, names[i]);
		if (action < 0)
			return fail(p, "unknown action \"%s\"", names[i]);
		if (n == FSM_ROW_ACTIONS)
			return fail(p, "more than %d actions", FSM_ROW_ACTIONS);
		row->actions[n++] = action;
	}
	return 0;
}

/* A row with several states and events stands for each pair of them. */
static int rows_expand(struct parser *p, char **from, char **events, const struct fsm_row *common,
		       const char *to)
{
	for (int i = 0; from[i]; i++) {
		struct fsm_row row = *common;
		row.from = state_find(p->fsm, from[i]);
		if (row.from < 0)
			return fail(p, "unknown state \"%s\"", from[i]);
		row.stay = strcmp(to, "=") == 0;
		row.to = row.stay ? row.from : state_find(p->fsm, to);
		if (row.to < 0)
			return fail(p, "unknown state \"%s\"", to);
		for (int j = 0; events[j]; j++) {
			int r = row_event(p, events[j], &row);
			if (r < 0)
				return r;
			g_array_append_val(p->rows, row);
		}
	}
	return 0;
}

static int row_line(struct parser *p, char *line)
{
	g_auto(GStrv) parts = g_strsplit(line, "|", -1);
	if (g_strv_length(parts) != 5)
		return fail(p, "a row is FROM | EVENT | GUARD | TO | ACTIONS");
	for (int i = 0; i < 5; i++)
		g_strstrip(parts[i]);
	g_auto(GStrv) from = words_split(parts[0]);
	g_auto(GStrv) events = words_split(parts[1]);
	if (!from[0] || !events[0])
		return fail(p, "a row needs a state and an event");
	struct fsm_row row = { .line = p->line, .guard = -1 };
	if (strcmp(parts[2], "-") != 0) {
		row.guard = word_find(p->fsm->words->guards, parts[2]);
		if (row.guard < 0)
			return fail(p, "unknown guard \"%s\"", parts[2]);
	}
	int r = row_actions(p, parts[4], &row);
	return r < 0 ? r : rows_expand(p, from, events, &row, parts[3]);
}

static int section_line(struct parser *p, char *line, int *section)
{
	static const char *const names[] = { "[timers]", "[states]", "[rows]" };
	static int (*const readers[])(struct parser *, char *) = { timer_line, state_line, row_line };
	if (line[0] == '[') {
		for (int i = 0; i < 3; i++)
			if (strcmp(line, names[i]) == 0) {
				if (i != *section + 1)
					return fail(p, "%s: the order is [timers] [states] [rows]", line);
				*section = i;
				return 0;
			}
		return fail(p, "unknown section %s", line);
	}
	if (*section < 0)
		return fail(p, "a line before [timers]");
	return readers[*section](p, line);
}

static bool row_matches(const struct fsm_row *row, int state, int event, int timer)
{
	return row->from == state && (timer >= 0 ? row->timer == timer : row->event == event && event >= 0);
}

/* ---- checks of the whole ---- */

static bool has_row(const struct fsm *fsm, int state, const char *word)
{
	int event = word_find(fsm->words->events, word);
	for (int i = 0; i < fsm->row_count; i++)
		if (row_matches(&fsm->rows[i], state, event, -1))
			return true;
	return false;
}

static bool has_timer_row(const struct fsm *fsm, int state, int timer)
{
	for (int i = 0; i < fsm->row_count; i++)
		if (row_matches(&fsm->rows[i], state, -1, timer))
			return true;
	return false;
}

static int check_rows(struct parser *p)
{
	const struct fsm *fsm = p->fsm;
	for (int i = 0; i < fsm->row_count; i++)
		for (int j = 0; j < i; j++) {
			const struct fsm_row *row = &fsm->rows[i], *above = &fsm->rows[j];
			if (row_matches(above, row->from, row->event, row->timer) &&
			    (above->guard < 0 || above->guard == row->guard))
				return fail_at(p, row->line, "state %s: this row is never reached: line %u "
					       "takes the event first", fsm->states[row->from].name,
					       above->line);
		}
	return 0;
}

static int check_reachable(struct parser *p)
{
	const struct fsm *fsm = p->fsm;
	bool reached[FSM_STATES_MAX] = { [0] = true };
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < fsm->row_count; i++)
			if (reached[fsm->rows[i].from] && !reached[fsm->rows[i].to])
				more = reached[fsm->rows[i].to] = true;
	}
	for (int i = 0; i < fsm->state_count; i++)
		if (!reached[i])
			return fail_at(p, fsm->states[i].line, "state %s is never reached",
				       fsm->states[i].name);
	return 0;
}

static int find_final(struct parser *p)
{
	struct fsm *fsm = p->fsm;
	fsm->initial = 0;
	fsm->final = -1;
	for (int s = 1; s < fsm->state_count; s++) {
		bool leaves = false;
		for (int i = 0; i < fsm->row_count; i++)
			leaves |= fsm->rows[i].from == s && fsm->rows[i].to != s;
		if (leaves)
			continue;
		if (fsm->final >= 0)
			return fail_at(p, fsm->states[s].line, "states %s and %s have no way out: one end is allowed",
				       fsm->states[fsm->final].name, fsm->states[s].name);
		fsm->final = s;
	}
	if (fsm->final < 0)
		return fail_at(p, 1, "no state ends the call");
	return 0;
}

static int check_deadlines(struct parser *p)
{
	const struct fsm *fsm = p->fsm;
	for (int s = 0; s < fsm->state_count; s++) {
		const struct fsm_state *state = &fsm->states[s];
		if (fsm_is_live(fsm, s) && state->timers[0] < 0)
			return fail_at(p, state->line, "state %s has no deadline", state->name);
		for (int i = 0; i < FSM_STATE_TIMERS && state->timers[i] >= 0; i++)
			if (!has_timer_row(fsm, s, state->timers[i]))
				return fail_at(p, state->line, "state %s: no row for timer:%s", state->name,
					       fsm->words->timers[state->timers[i]]);
	}
	return 0;
}

static int check_exits(struct parser *p)
{
	const struct fsm *fsm = p->fsm;
	for (int s = 0; s < fsm->state_count; s++) {
		const struct fsm_state *state = &fsm->states[s];
		if (!fsm_is_live(fsm, s))
			continue;
		if (!has_row(fsm, s, state->status == CALL_CALLED ? "user:reject" : "user:hangup"))
			return fail_at(p, state->line, "state %s ignores the user's hang-up", state->name);
		bool alone = state->timers[0] >= 0 && has_row(fsm, s, "setup:failed");
		if (!alone && !has_row(fsm, s, "peer:bye") && !has_row(fsm, s, "peer:decide"))
			return fail_at(p, state->line, "state %s ignores the peer's end", state->name);
	}
	return 0;
}

static int check_all(struct parser *p)
{
	static int (*const checks[])(struct parser *) = {
		find_final, check_reachable, check_rows, check_deadlines, check_exits,
	};
	if (p->fsm->state_count == 0 || p->fsm->row_count == 0)
		return fail_at(p, 1, "no states or no rows");
	for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
		int r = checks[i](p);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What a step asks for, so that it need not search all rows. */
static void index_rows(struct fsm *fsm)
{
	for (int s = 0; s < fsm->state_count; s++) {
		fsm->first_rows[s] = -1;
		for (int i = 0; i < FSM_STATE_TIMERS && fsm->states[s].timers[i] >= 0; i++)
			fsm->timers_listed[s] |= 1U << fsm->states[s].timers[i];
	}
	for (int i = fsm->row_count - 1; i >= 0; i--) {
		struct fsm_row *row = &fsm->rows[i];
		row->next = fsm->first_rows[row->from];
		fsm->first_rows[row->from] = i;
		if (row->timer >= 0)
			fsm->timers_taken[row->from] |= 1U << row->timer;
	}
}

static int parse_lines(struct parser *p, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	int section = -1;
	for (int i = 0; lines[i]; i++) {
		p->line = (unsigned int)i + 1;
		char *comment = strchr(lines[i], '#');
		if (comment)
			*comment = '\0';
		g_strstrip(lines[i]);
		int r = lines[i][0] ? section_line(p, lines[i], &section) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int fsm_parse(const struct fsm_words *words, const char *file, const char *text, struct fsm **ret_fsm,
	      char **ret_error)
{
	struct fsm *fsm = g_new0(struct fsm, 1);
	fsm->words = words;
	struct parser p = { .fsm = fsm, .file = file, .line = 1, .ret_error = ret_error,
			    .rows = g_array_new(FALSE, FALSE, sizeof(struct fsm_row)) };
	int r = g_utf8_validate(text, -1, NULL) ? parse_lines(&p, text) : fail(&p, "not UTF-8 text");
	fsm->row_count = (int)p.rows->len;
	fsm->rows = (struct fsm_row *)(void *)g_array_free(p.rows, FALSE);
	if (r == 0)
		r = check_all(&p);
	if (r < 0) {
		fsm_free(fsm);
		return r;
	}
	index_rows(fsm);
	*ret_fsm = fsm;
	return 0;
}

int fsm_load(const struct fsm_words *words, const char *file, struct fsm **ret_fsm, char **ret_error)
{
	g_autofree char *text = NULL;
	errno = 0;
	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		int r = errno ? -errno : -EIO;
		*ret_error = g_strdup_printf("%s: %s", file, g_strerror(-r));
		return r;
	}
	return fsm_parse(words, file, text, ret_fsm, ret_error);
}

void fsm_free(struct fsm *fsm)
{
	if (!fsm)
		return;
	for (int i = 0; i < fsm->state_count; i++)
		g_free(fsm->states[i].name);
	g_free(fsm->rows);
	g_free(fsm);
}

const struct fsm_row *fsm_find(const struct fsm *fsm, int state, int event, int timer,
			       bool (*guard_holds)(int guard, void *data), void *data)
{
	for (int i = fsm->first_rows[state]; i >= 0; i = fsm->rows[i].next) {
		const struct fsm_row *row = &fsm->rows[i];
		if (row_matches(row, state, event, timer) &&
		    (row->guard < 0 || guard_holds(row->guard, data)))
			return row;
	}
	return NULL;
}

char *fsm_row_text(const struct fsm *fsm, int row)
{
	const struct fsm_row *r = &fsm->rows[row];
	return g_strdup_printf("%s | %s%s | %s", fsm->states[r->from].name, r->timer >= 0 ? "timer:" : "",
			       r->timer >= 0 ? fsm->words->timers[r->timer] : fsm->words->events[r->event],
			       r->guard >= 0 ? fsm->words->guards[r->guard] : "-");
}

bool fsm_is_live(const struct fsm *fsm, int state)
{
	return state != fsm->initial && state != fsm->final;
}

static void row_event_print(const struct fsm *fsm, const struct fsm_row *row, FILE *out)
{
	if (row->timer >= 0)
		fprintf(out, "timer:%s", fsm->words->timers[row->timer]);
	else
		fputs(fsm->words->events[row->event], out);
}

static void row_actions_print(const struct fsm *fsm, const struct fsm_row *row, FILE *out)
{
	if (row->actions[0] < 0)
		fputs(" -", out);
	for (int i = 0; i < FSM_ROW_ACTIONS && row->actions[i] >= 0; i++)
		fprintf(out, " %s", fsm->words->actions[row->actions[i]]);
}

void fsm_draw(const struct fsm *fsm, FILE *out)
{
	fputs("digraph call {\n\trankdir=LR;\n\tnode [shape=box, style=rounded];\n", out);
	for (int i = 0; i < fsm->state_count; i++)
		fprintf(out, "\t\"%s\" [label=\"%s\\n%s\"];\n", fsm->states[i].name, fsm->states[i].name,
			call_status_name(fsm->states[i].status));
	for (int i = 0; i < fsm->row_count; i++) {
		const struct fsm_row *row = &fsm->rows[i];
		if (row->stay)
			continue;
		fprintf(out, "\t\"%s\" -> \"%s\" [label=\"", fsm->states[row->from].name,
			fsm->states[row->to].name);
		row_event_print(fsm, row, out);
		if (row->guard >= 0)
			fprintf(out, " [%s]", fsm->words->guards[row->guard]);
		fputs("\\n", out);
		row_actions_print(fsm, row, out);
		fputs("\"];\n", out);
	}
	fputs("}\n", out);
}

void fsm_print(const struct fsm *fsm, FILE *out)
{
	fputs("[timers]\n", out);
	for (int i = 0; fsm->words->timers[i]; i++) {
		const struct fsm_timer *t = &fsm->timers[i];
		if (t->listed && t->automatic)
			fprintf(out, "%s = auto\n", fsm->words->timers[i]);
		else if (t->listed)
			fprintf(out, "%s = %d\n", fsm->words->timers[i], t->ms);
	}
	fputs("[states]\n", out);
	for (int i = 0; i < fsm->state_count; i++) {
		const struct fsm_state *s = &fsm->states[i];
		fprintf(out, "%s : %s :%s", s->name, call_status_name(s->status), s->timers[0] < 0 ? " -" : "");
		for (int j = 0; j < FSM_STATE_TIMERS && s->timers[j] >= 0; j++)
			fprintf(out, " %s", fsm->words->timers[s->timers[j]]);
		fputc('\n', out);
	}
	fputs("[rows]\n", out);
	for (int i = 0; i < fsm->row_count; i++) {
		const struct fsm_row *row = &fsm->rows[i];
		fprintf(out, "%s | ", fsm->states[row->from].name);
		row_event_print(fsm, row, out);
		fprintf(out, " | %s | %s |", row->guard < 0 ? "-" : fsm->words->guards[row->guard],
			row->stay ? "=" : fsm->states[row->to].name);
		row_actions_print(fsm, row, out);
		fputc('\n', out);
	}
}
