/* model: explores conf/call.fsm in small worlds, completely: every order of messages, losses, keys, timers, crashes.
 *
 * Of each world it proves
 *   safe        no two verdicts, no second device connected, no media without consent and verdict, one live call a device
 *   rest        from everywhere the world comes to rest by messages and timers alone, and then the logs agree
 *   bounded     with the network dead timers alone end everything
 *   clean-up    who is told that a call is over ends it: by messages alone, no timer needed
 *   connects    with nothing but accepts, messages and working devices, the call comes about
 *   folds       what is forgotten on the way (world_fold) hides nothing: the world explored without forgetting behaves,
 *               step by step, as the folded one does
 *
 * usage: model [-a] [-q] [-m NAME] [-l STATES]
 * -a: the large worlds too; -q: without "folds"; CALLBOX_FSM: another table */
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/space.h"

#define STEPS_MAX 320
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STATES_MAX 20000 /* there the memory is watched, not the table */
#else
#define STATES_MAX 40000000
#endif

#define FOLDS_MAX 200000 /* of the large worlds that many are looked at */

#define A 'a'
#define B 'b'
#define C 'c'

static const struct scenario scenarios[] = {
	{ "caller and one callee", true, 2, { A, B }, 1, { { 0, B, -1 } }, 0, -1, true },
	{ "caller and two callee devices", true, 3, { A, B, B }, 1, { { 0, B, -1 } }, 0, -1, true },
	{ "caller may crash", true, 2, { A, B }, 1, { { 0, B, -1 } }, 1, 0, false },
	{ "callee may crash", true, 2, { A, B }, 1, { { 0, B, -1 } }, 1, 1, false },
	{ "both may crash", true, 2, { A, B }, 1, { { 0, B, -1 } }, 2, -1, false },
	{ "glare", true, 2, { A, B }, 2, { { 0, B, -1 }, { 1, A, -1 } }, 0, -1, true },
	{ "glare, the other id order", true, 2, { A, B }, 2, { { 1, A, -1 }, { 0, B, -1 } }, 0, -1, true },
	{ "redial", true, 2, { A, B }, 2, { { 0, B, -1 }, { 0, B, 0 } }, 0, -1, false },
	{ "redial, the other id order", true, 2, { A, B }, 2, { { 0, B, 1 }, { 0, B, -1 } }, 0, -1, false },
	{ "a third party", true, 3, { A, B, C }, 2, { { 0, B, -1 }, { 2, B, -1 } }, 0, -1, false },
	{ "caller and two callee devices, caller may crash", false, 3, { A, B, B }, 1, { { 0, B, -1 } }, 1, 0, false },
	{ "caller and two callee devices, one may crash", false, 3, { A, B, B }, 1, { { 0, B, -1 } }, 1, 1, false },
	{ "glare with two devices", false, 3, { A, B, B }, 2, { { 0, B, -1 }, { 1, A, -1 } }, 0, -1, true },
	{ "glare with two devices, the other id order", false, 3, { A, B, B }, 2, { { 1, A, -1 }, { 0, B, -1 } }, 0, -1,
	  true },
	{ "glare, two devices each", false, 4, { A, A, B, B }, 2, { { 0, B, -1 }, { 2, A, -1 } }, 0, -1, true },
	{ "glare and a third party", false, 3, { A, B, C }, 3,
	  { { 0, B, -1 }, { 1, A, -1 }, { 2, B, -1 } }, 0, -1, false },
	{ "glare and a third party, other id order", false, 3, { A, B, C }, 3,
	  { { 2, B, -1 }, { 1, A, -1 }, { 0, B, -1 } }, 0, -1, false },
	{ "glare and a redial", false, 2, { A, B }, 3, { { 0, B, -1 }, { 1, A, -1 }, { 0, B, 0 } }, 0, -1, false },
	{ "three in a ring", false, 3, { A, B, C }, 3, { { 0, B, -1 }, { 1, C, -1 }, { 2, A, -1 } }, 0, -1, false },
	{ "glare, one may crash", false, 2, { A, B }, 2, { { 0, B, -1 }, { 1, A, -1 } }, 1, 0, false },
	{ "caller and three callee devices", false, 4, { A, B, B, B }, 1, { { 0, B, -1 } }, 0, -1, true },
};

/* FOLDS: explores without forgetting anything. CONNECTS: with accepts, messages and working devices only. */
enum proof { ENDS, FOLDS, CONNECTS };
static const char *const proof_names[] = { "", " (folds)", " (connects)" };

enum edge_kind { BY_KEY = 1, BY_TIMER = 2, BY_MESSAGE = 4 };

struct run {
	const struct scenario *scenario;
	struct space *space;
	enum proof proof;
	bool *quiet;	   /* by state: nothing fair changes it */
	uint32_t quiet_room, limit;
	char wrong[200];
	uint32_t wrong_state;
	bool capped;
};

static enum edge_kind kind_of(const struct model_step *step)
{
	switch (step->kind) {
	case STEP_MESSAGE:
		return BY_MESSAGE;
	case STEP_TIMER: case STEP_SETUP: case STEP_SYNCED: case STEP_MEDIA_UP:
		return BY_TIMER;
	default:
		return BY_KEY;
	}
}

static bool allowed(const struct run *run, const struct model_step *step)
{
	if (run->proof != CONNECTS)
		return true;
	return step->kind == STEP_MESSAGE || step->kind == STEP_SETUP || step->kind == STEP_SYNCED ||
	       step->kind == STEP_MEDIA_UP || step->kind == STEP_ACCEPT || step->kind == STEP_DIAL;
}

static void quiet_set(struct run *run, uint32_t state, bool quiet)
{
	if (state >= run->quiet_room) {
		run->quiet_room = MAX(run->quiet_room * 2, 65536);
		run->quiet = g_realloc_n(run->quiet, run->quiet_room, sizeof(bool));
	}
	run->quiet[state] = quiet;
}

static void wrong_at(struct run *run, uint32_t state, const char *what)
{
	g_strlcpy(run->wrong, what, sizeof(run->wrong));
	run->wrong_state = state;
}

/* All steps from one state. False: something is wrong. */
static bool expand(struct run *run, uint32_t state)
{
	struct model_step steps[STEPS_MAX];
	struct world from = *space_world(run->space, state), to;
	int count = world_steps(&from, steps, STEPS_MAX);
	bool quiet = true;
	for (int i = 0; i < count; i++) {
		bool fresh;
		if (!allowed(run, &steps[i]))
			continue;
		const char *wrong = world_step(&from, &steps[i], &to);
		if (!wrong && run->proof != FOLDS)
			world_fold(&to);
		uint32_t next = space_put(run->space, &to, state, &steps[i], &fresh);
		if (wrong) {
			wrong_at(run, next, wrong);
			return false;
		}
		enum edge_kind kind = kind_of(&steps[i]);
		if (next == state)
			continue;
		quiet = quiet && kind == BY_KEY && run->proof != CONNECTS;
		space_edge(run->space, state, next, (uint8_t)kind);
	}
	quiet_set(run, state, quiet);
	return true;
}

static bool explore(struct run *run)
{
	struct world world;
	bool fresh;
	const struct model_step none = { 0 };
	world_init(&world);
	space_put(run->space, &world, NO_STATE, &none, &fresh);
	for (uint32_t state = 0; state < space_count(run->space); state++) {
		if (state >= run->limit) {
			run->capped = true;
			return true;
		}
		if (!expand(run, state))
			return false;
	}
	return true;
}

static int step_find(const struct model_step *steps, int count, const struct model_step *step)
{
	for (int i = 0; i < count; i++)
		if (memcmp(&steps[i], step, sizeof(*step)) == 0)
			return i;
	return -1;
}

/* What is forgotten hides nothing: whatever can happen in a world, happens as well or changes nothing in the folded
 * one, and leads to the same folded world; and nothing else happens there. */
static bool folds_truly(struct run *run, uint32_t state)
{
	struct model_step steps[STEPS_MAX], folded_steps[STEPS_MAX];
	struct world from = *space_world(run->space, state), folded = from, to, folded_to;
	world_fold(&folded);
	int count = world_steps(&from, steps, STEPS_MAX), folded_count = world_steps(&folded, folded_steps, STEPS_MAX);
	for (int i = 0; i < count; i++) {
		int same = step_find(folded_steps, folded_count, &steps[i]);
		const char *wrong = world_step(&from, &steps[i], &to);
		world_fold(&to);
		if (same >= 0 && world_step(&folded, &steps[i], &folded_to) != wrong)
			wrong_at(run, state, "what is wrong here is not wrong in the folded world, or the other way");
		if (same >= 0)
			world_fold(&folded_to);
		if (memcmp(&to, same >= 0 ? &folded_to : &folded, sizeof(to)) != 0)
			wrong_at(run, state, "a step of this world leads elsewhere in the folded one");
	}
	for (int i = 0; i < folded_count && !run->wrong[0]; i++)
		if (step_find(steps, count, &folded_steps[i]) < 0)
			wrong_at(run, state, "only the folded world has this step");
	return !run->wrong[0];
}

static bool all_fold_truly(struct run *run)
{
	for (uint32_t s = 0; s < space_count(run->space); s++)
		if (!folds_truly(run, s))
			return false;
	return true;
}

/* From everywhere a quiet world at rest; there the logs agree. */
static bool comes_to_rest(struct run *run)
{
	uint32_t count = space_count(run->space);
	bool *marks = g_new0(bool, count);
	for (uint32_t s = 0; s < count; s++) {
		const struct world *world = space_world(run->space, s);
		marks[s] = run->quiet[s] && world_at_rest(world);
		const char *what = marks[s] ? world_disagreement(world) : NULL;
		if (what) {
			wrong_at(run, s, what);
			g_free(marks);
			return false;
		}
	}
	space_backward(run->space, BY_TIMER | BY_MESSAGE, marks);
	for (uint32_t s = 0; s < count && !run->wrong[0]; s++)
		if (!marks[s])
			wrong_at(run, s, "from here the world never comes to rest");
	g_free(marks);
	return !run->wrong[0];
}

/* The network dies: timers alone end everything. */
static bool times_out(struct run *run)
{
	uint32_t count = space_count(run->space);
	bool *marks = g_new(bool, count);
	for (uint32_t s = 0; s < count; s++)
		marks[s] = world_at_rest(space_world(run->space, s));
	space_backward(run->space, BY_TIMER, marks);
	for (uint32_t s = 0; s < count && !run->wrong[0]; s++)
		if (!marks[s])
			wrong_at(run, s, "without messages this never ends");
	g_free(marks);
	return !run->wrong[0];
}

static bool cleans_up(struct run *run)
{
	uint32_t count = space_count(run->space);
	bool *marks = g_new(bool, count);
	for (int c = 0; c < run->scenario->call_count && !run->wrong[0]; c++) {
		for (uint32_t s = 0; s < count; s++)
			marks[s] = !world_call_lives(space_world(run->space, s), c);
		space_backward(run->space, BY_MESSAGE, marks);
		for (uint32_t s = 0; s < count && !run->wrong[0]; s++)
			if (!marks[s] && world_dangles(space_world(run->space, s), c))
				wrong_at(run, s, "a call is over here and no message ends it there");
	}
	g_free(marks);
	return !run->wrong[0];
}

static int active_calls(const struct scenario *scenario, const struct world *world)
{
	int count = 0;
	for (int c = 0; c < scenario->call_count; c++) {
		const struct cell *anchor = &world->cells[scenario->calls[c].anchor][c];
		count += world_cell_active(anchor) && anchor->peer &&
			 world_cell_active(&world->cells[(anchor->peer - 1) / 2][c]);
	}
	return count;
}

static bool connects(struct run *run)
{
	uint32_t quiet = 0;
	for (uint32_t s = 0; s < space_count(run->space); s++) {
		quiet += run->quiet[s];
		if (run->quiet[s] && active_calls(run->scenario, space_world(run->space, s)) == 0) {
			wrong_at(run, s, "everybody wanted it and nobody is connected");
			return false;
		}
	}
	if (quiet == 0)
		wrong_at(run, 0, "it never comes to an end");
	return quiet > 0;
}

static void trace_print(const struct run *run, uint32_t state)
{
	struct model_step step;
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	for (uint32_t parent; (parent = space_parent(run->space, state, &step)) != NO_STATE; state = parent)
		g_ptr_array_add(lines, g_strdup(world_step_text(&step)));
	for (unsigned int i = lines->len; i-- > 0;)
		printf("#   %s\n", (char *)lines->pdata[i]);
}

static bool prove(struct run *run)
{
	if (!explore(run))
		return false;
	if (run->proof == FOLDS)
		return all_fold_truly(run);
	if (run->capped)
		return true;
	return run->proof == CONNECTS ? connects(run) : comes_to_rest(run) && times_out(run) && cleans_up(run);
}

static bool run_once(const struct fsm *fsm, const struct scenario *scenario, enum proof proof, uint32_t limit,
		     int number)
{
	struct run run = { .scenario = scenario, .space = space_create(), .proof = proof, .limit = limit };
	const char *word = NULL;
	gint64 began = g_get_monotonic_time();
	bool good = world_bind(fsm, scenario, &word) == 0;
	if (good)
		good = prove(&run);
	else
		g_snprintf(run.wrong, sizeof(run.wrong), "the model does not know the word %s", word);
	printf("%s %d - %s%s: %s%s%u states, %zu steps, %d messages, %.1f s\n", good ? "ok" : "not ok", number,
	       scenario->name, proof_names[proof], run.wrong[0] ? run.wrong : "",
	       run.wrong[0] ? ", " : run.capped ? "only the first " : "", space_count(run.space), space_edges(run.space),
	       world_message_count(), (double)(g_get_monotonic_time() - began) / 1e6);
	if (!good)
		trace_print(&run, run.wrong_state);
	fflush(stdout);
	space_free(run.space);
	g_free(run.quiet);
	return good;
}

/* The rows that the scenarios leave out as unreachable were reached in none of these worlds. */
static bool unreachable_are(const struct fsm *fsm, const char *source, int number)
{
	g_autofree char *file = g_build_filename(source, "tests", "calls", "unreachable", NULL), *text = NULL;
	int listed = 0, reached = 0;
	g_file_get_contents(file, &text, NULL, NULL);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	for (int i = 0; i < fsm->row_count; i++) {
		g_autofree char *row = fsm_row_text(fsm, i);
		if (!g_strv_contains((const char *const *)lines, row))
			continue;
		listed++;
		reached += world_row_taken(i);
		if (world_row_taken(i))
			printf("# call.fsm:%u: %s is reached\n", fsm->rows[i].line, row);
	}
	printf("%s %d - %d rows are reached in none of these worlds\n", reached ? "not ok" : "ok", number, listed);
	return !reached;
}

static int run_all(const struct fsm *fsm, bool all, bool quick, const char *name, uint32_t limit,
		   const char *source)
{
	int number = 0, failed = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++) {
		if (name ? strcmp(name, scenarios[i].name) != 0 : !all && !scenarios[i].small)
			continue;
		failed += !run_once(fsm, &scenarios[i], ENDS, limit, ++number);
		if (scenarios[i].crashes == 0 && !quick)
			failed += !run_once(fsm, &scenarios[i], FOLDS,
					    scenarios[i].small ? limit : MIN(limit, FOLDS_MAX), ++number);
		if (scenarios[i].must_connect)
			failed += !run_once(fsm, &scenarios[i], CONNECTS, limit, ++number);
	}
	if (!name)
		failed += !unreachable_are(fsm, source, ++number);
	printf("1..%d\n", number);
	return failed || number == 0;
}

int main(int argc, char **argv)
{
	bool all = false, quick = false;
	const char *name = NULL;
	uint32_t limit = STATES_MAX;
	for (int c; (c = getopt(argc, argv, "aqm:l:")) != -1;)
		switch (c) {
		case 'a': all = true; break;
		case 'q': quick = true; break;
		case 'm': name = optarg; break;
		case 'l': limit = (uint32_t)atol(optarg); break;
		default: fputs("usage: model [-a] [-q] [-m NAME] [-l STATES]\n", stderr); return 64;
		}
	const char *source = g_getenv("CALLBOX_SRC"), *table = g_getenv("CALLBOX_FSM");
	g_autofree char *file = table ? g_strdup(table)
				      : g_build_filename(source ? source : ".", "conf", "call.fsm", NULL);
	struct fsm *fsm;
	char *error = NULL;
	if (fsm_load(&call_words, file, &fsm, &error) < 0) {
		fprintf(stderr, "model: %s\n", error);
		return 1;
	}
	int r = run_all(fsm, all, quick, name, limit, source ? source : ".");
	fsm_free(fsm);
	return r;
}
