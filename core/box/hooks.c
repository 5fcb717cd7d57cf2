#include "core/box/hooks.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/errand.h"
#include "core/base/log.h"

#define VALUE_BYTES 1024

struct hooks_conf {
	char *commands[HOOKS];
	int timeout_ms;
};

#define ROW(hook, key, help) { key, SETTING_STRING, offsetof(struct hooks_conf, commands[hook]), NULL, 0, 0, NULL, help }

const struct setting hooks_table[] = {
	ROW(HOOK_CALL_INCOMING, "call-incoming",
	    "Somebody calls and it does not ring yet. Prints allow, refuse or auto (ring; refuse on this box; answer at "
	    "once) within 500 ms; silence is an allow."),
	ROW(HOOK_CALL_OUTGOING, "call-outgoing", "This box calls somebody."),
	ROW(HOOK_CALL_RINGING, "call-ringing", "It rings here."),
	ROW(HOOK_CALL_CONNECTED, "call-connected", "Sound and picture of the other side are there."),
	ROW(HOOK_CALL_END, "call-end", "A call is over; CALL_REASON is the reasonCode of onCallEnd."),
	ROW(HOOK_CALL_REFUSED, "call-refused",
	    "A call was refused without ringing; CALL_REASON is busy, dnd, blocked, timeout, unsupported or glare "
	    "(both called each other)."),
	ROW(HOOK_CALL_MISSED, "call-missed", "A call was not answered here."),
	ROW(HOOK_TYPE_CHANGE, "type-change", "The call went from sound to picture or back."),
	ROW(HOOK_MUTE_CHANGE, "mute-change",
	    "No sound leaves this room any more (muted, or the microphone is off), or it does again; CALL_ON is yes when "
	    "none does."),
	ROW(HOOK_CAMERA_CHANGE, "camera-change",
	    "A picture leaves this room, or none does any more (camera off, or covered by a mute); CALL_ON is yes when "
	    "it does."),
	ROW(HOOK_MEDIA_LOST, "media-lost", "Nothing comes from the other side any more; the call waits for it."),
	ROW(HOOK_MEDIA_BACK, "media-back", "It comes again."),
	ROW(HOOK_STANDBY_ENTER, "standby-enter", "Nobody has used the box for a while: switch the screen off."),
	ROW(HOOK_STANDBY_LEAVE, "standby-leave", "Somebody uses the box, or it rings: switch the screen on."),
	ROW(HOOK_DND_CHANGE, "dnd-change", "Do-not-disturb was switched; CALL_ON is yes or no."),
	{ "timeout", SETTING_DURATION_MS, offsetof(struct hooks_conf, timeout_ms), "10s", 100, 600000, NULL,
	  "A hook that runs longer is killed with everything that it started." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

struct hooks {
	struct hooks_conf conf;
	GQueue waiting; /* struct job */
	struct job *running[HOOKS_AT_ONCE];
	GQueue asked; /* struct job that still owe an answer */
};

/* One run of a hook, from the event to its end. */
struct job {
	struct hooks *hooks;
	enum hook hook;
	char **environment;
	char *input, *call_id;
	hook_answer_fn answer; /* NULL: nobody asks, or it was given */
	void *data;
	guint answer_timer;
	struct errand *errand;
};

static void start_some(struct hooks *hooks);

static void job_free(struct job *job)
{
	if (job->answer_timer)
		g_source_remove(job->answer_timer);
	g_queue_remove(&job->hooks->asked, job);
	g_strfreev(job->environment);
	g_free(job->input);
	g_free(job->call_id);
	g_free(job);
}

/* ---- what a hook is told ---- */

static void add_variable(GPtrArray *list, cJSON *json, const char *name, const char *value)
{
	if (!value)
		return;
	char *clean = errand_printable(value, VALUE_BYTES);
	g_ptr_array_add(list, g_strdup_printf("%s=%s", name, clean));
	cJSON_AddStringToObject(json, name, clean);
	g_free(clean);
}

static void describe(struct job *job, const struct hook_facts *facts)
{
	static const char *const types[] = { NULL, "audio", "video", "other" };
	GPtrArray *list = g_ptr_array_new();
	cJSON *json = cJSON_CreateObject();
	g_autofree char *duration = facts->duration_ms >= 0 ? g_strdup_printf("%.0f", facts->duration_ms) : NULL;
	const struct { const char *name, *value; } variables[] = {
		{ "HOOK", hooks_table[job->hook].key }, { "CALL_ID", facts->call_id },
		{ "CALL_PEER", facts->peer }, { "CALL_FROM", facts->from }, { "CALL_TO", facts->to },
		{ "CALL_TYPE", facts->type >= 1 && facts->type <= 3 ? types[facts->type] : NULL },
		{ "CALL_REASON", facts->reason }, { "CALL_ON", facts->on }, { "CALL_DURATION_MS", duration },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
		add_variable(list, json, variables[i].name, variables[i].value);
	g_ptr_array_add(list, g_strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	g_ptr_array_add(list, g_strdup("LANG=C.UTF-8"));
	g_ptr_array_add(list, NULL);
	job->environment = (char **)g_ptr_array_free(list, FALSE);
	char *text = cJSON_PrintUnformatted(json);
	job->input = g_strconcat(text, "\n", NULL);
	cJSON_free(text);
	cJSON_Delete(json);
}

/* ---- running ---- */

static void answer_give(struct job *job, enum hook_answer answer)
{
	hook_answer_fn fn = job->answer;
	job->answer = NULL;
	if (fn)
		fn(answer, job->call_id, job->data);
}

static enum hook_answer answer_parse(const char *output)
{
	static const char *const words[] = { [HOOK_ALLOW] = "allow", [HOOK_REFUSE] = "refuse", [HOOK_AUTO] = "auto" };
	g_autofree char *word = g_strndup(output, strcspn(output, " \t\r\n"));
	for (int i = 0; i < (int)G_N_ELEMENTS(words); i++)
		if (g_str_equal(word, words[i]))
			return (enum hook_answer)i;
	if (*word) {
		g_autofree char *clean = errand_printable(word, 40);
		log_warning("conf: hook call-incoming: \"%s\" is none of allow, refuse, auto: allowed", clean);
	}
	return HOOK_ALLOW;
}

static void on_done(bool good, const char *how, const char *output, void *data)
{
	struct job *job = data;
	struct hooks *hooks = job->hooks;
	if (!good)
		log_warning("conf: hook %s: %s", hooks_table[job->hook].key, how);
	for (int i = 0; i < HOOKS_AT_ONCE; i++)
		if (hooks->running[i] == job)
			hooks->running[i] = NULL;
	answer_give(job, answer_parse(output));
	job_free(job);
	start_some(hooks);
}

static gboolean on_answer_limit(void *data)
{
	struct job *job = data;
	job->answer_timer = 0;
	log_warning("conf: hook call-incoming: no answer within %d ms: allowed", HOOK_ANSWER_MS);
	answer_give(job, HOOK_ALLOW);
	return G_SOURCE_REMOVE;
}

static int job_start(struct job *job)
{
	struct hooks *hooks = job->hooks;
	g_auto(GStrv) argv = errand_argv(hooks->conf.commands[job->hook]);
	unsigned int limit = (unsigned int)hooks->conf.timeout_ms;
	if (job->answer)
		limit = MIN(limit, HOOK_ANSWER_MS);
	log_debug("hook %s", hooks_table[job->hook].key);
	return errand_start((const char *const *)argv, (const char *const *)job->environment, job->input, limit,
			    on_done, job, &job->errand);
}

static void start_some(struct hooks *hooks)
{
	for (int i = 0; i < HOOKS_AT_ONCE; i++) {
		while (!hooks->running[i] && !g_queue_is_empty(&hooks->waiting)) {
			struct job *job = g_queue_pop_head(&hooks->waiting);
			int r = job_start(job);
			if (r == 0) {
				hooks->running[i] = job;
			} else {
				log_error("kernel: hook %s: %s", hooks_table[job->hook].key, g_strerror(-r));
				answer_give(job, HOOK_ALLOW);
				job_free(job);
			}
		}
	}
}

static struct job *job_new(struct hooks *hooks, enum hook hook, const struct hook_facts *facts)
{
	struct job *job = g_new0(struct job, 1);
	job->hooks = hooks;
	job->hook = hook;
	job->call_id = g_strdup(facts->call_id);
	describe(job, facts);
	return job;
}

bool hooks_has(const struct hooks *hooks, enum hook hook)
{
	return hooks->conf.commands[hook] != NULL;
}

static gboolean on_start(void *data)
{
	start_some(data);
	return G_SOURCE_REMOVE;
}

/* From the loop, so that a caller in the middle of something is never called back. */
static void start_soon(struct hooks *hooks)
{
	g_idle_add(on_start, hooks);
}

/* A question is never dropped: a crowd of other hooks must not let a caller in. It has a limit of its own. */
static void drop_oldest(struct hooks *hooks)
{
	GList *oldest = hooks->waiting.head;
	while (oldest && ((struct job *)oldest->data)->answer)
		oldest = oldest->next;
	if (!oldest)
		return;
	struct job *job = oldest->data;
	g_queue_delete_link(&hooks->waiting, oldest);
	log_warning("conf: hook %s: too many wait: one was dropped", hooks_table[job->hook].key);
	job_free(job);
}

void hooks_run(struct hooks *hooks, enum hook hook, const struct hook_facts *facts)
{
	if (!hooks_has(hooks, hook))
		return;
	if (g_queue_get_length(&hooks->waiting) >= HOOKS_QUEUED)
		drop_oldest(hooks);
	g_queue_push_tail(&hooks->waiting, job_new(hooks, hook, facts));
	start_soon(hooks);
}

void hooks_ask(struct hooks *hooks, const struct hook_facts *facts, hook_answer_fn answer, void *data)
{
	struct job *job = job_new(hooks, HOOK_CALL_INCOMING, facts);
	job->answer = answer;
	job->data = data;
	job->answer_timer = g_timeout_add(HOOK_ANSWER_MS, on_answer_limit, job);
	g_queue_push_tail(&hooks->asked, job);
	g_queue_push_head(&hooks->waiting, job);
	start_soon(hooks);
}

/* ---- life ---- */

static int check_commands(const struct hooks *hooks, const char *file, char **ret_error)
{
	for (int i = 0; i < HOOKS; i++) {
		char *why = NULL;
		if (!hooks->conf.commands[i] || errand_check(hooks->conf.commands[i], &why) == 0)
			continue;
		*ret_error = g_strdup_printf("%s: %s: %s", file, hooks_table[i].key, why);
		g_free(why);
		return -EINVAL;
	}
	return 0;
}

int hooks_load(const char *folder, struct hooks **ret_hooks, char **ret_error)
{
	g_autofree char *file = g_build_filename(folder, "hooks.conf", NULL);
	struct hooks *hooks = g_new0(struct hooks, 1);
	int r = 0;
	settings_defaults(hooks_table, &hooks->conf);
	if (g_file_test(file, G_FILE_TEST_EXISTS))
		r = settings_load(hooks_table, file, &hooks->conf, ret_error);
	if (r == 0)
		r = check_commands(hooks, file, ret_error);
	if (r < 0)
		hooks_free(hooks);
	else
		*ret_hooks = hooks;
	return r;
}

void hooks_print(const struct hooks *hooks)
{
	settings_print(hooks_table, &hooks->conf, true, stdout);
}

void hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return;
	g_idle_remove_by_data(hooks);
	for (int i = 0; i < HOOKS_AT_ONCE; i++)
		if (hooks->running[i]) {
			errand_cancel(hooks->running[i]->errand);
			job_free(hooks->running[i]);
		}
	g_queue_clear_full(&hooks->waiting, (GDestroyNotify)job_free);
	settings_clear(hooks_table, &hooks->conf);
	g_free(hooks);
}
