/* callboxd: the daemon that decides. It holds the conf, the history and the control socket, and starts the
 * programs that hold devices and network. */
#include <errno.h>
#include <getopt.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/base/message.h"
#include "core/base/paths.h"
#include "core/box/box.h"
#include "core/box/events.h"
#include "core/box/hunt.h"
#include "core/box/knobs.h"
#include "core/box/line.h"
#include "core/box/policy.h"
#include "core/box/ringer.h"
#include "core/box/screen.h"
#include "core/box/session.h"
#include "core/box/standby.h"
#include "core/box/watchers.h"
#include "core/devices/quirks.h"

#define STOP_LIMIT_MS 3000

int64_t box_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Numbered as they go out: the core's and the box's own in one growing order. */
static void tell_all(struct box *box, const char *name, cJSON *payload)
{
	if (!box->control)
		return;
	cJSON_DeleteItemFromObjectCaseSensitive(payload, "sequence");
	cJSON_AddNumberToObject(payload, "sequence", (double)++box->sequence);
	control_notify(box->control, name, payload);
}

void box_event(struct box *box, const char *name, cJSON *payload)
{
	tell_all(box, name, payload);
	screen_note(box->screen, name, payload);
	cJSON_Delete(payload);
}

cJSON *box_state(struct box *box)
{
	cJSON *state = call_core_state(box->core, box_now_ms());
	cJSON_ReplaceItemInObjectCaseSensitive(state, "sequence", cJSON_CreateNumber((double)box->sequence));
	cJSON *lines = cJSON_AddArrayToObject(state, "accounts");
	for (unsigned int i = 0; i < box->lines->len; i++)
		cJSON_AddItemToArray(lines, line_json(box->lines->pdata[i]));
	hunt_describe(box, cJSON_GetObjectItemCaseSensitive(state, "call"));
	cJSON_AddBoolToObject(state, "audioMuted", box->audio_muted);
	cJSON_AddBoolToObject(state, "videoMuted", box->video_muted);
	cJSON_AddBoolToObject(state, "audioEnabled", box->audio_enabled);
	cJSON_AddBoolToObject(state, "videoEnabled", box->video_enabled);
	cJSON_AddBoolToObject(state, "peerSilenced", session_is_silenced(box->session));
	cJSON_AddBoolToObject(state, "preview", box->session && !session_call_id(box->session));
	cJSON_AddBoolToObject(state, "standby", box->standby && standby_is_on(box->standby));
	if (token_trouble(box->token))
		cJSON_AddStringToObject(state, "tokenService", token_trouble(box->token));
	cJSON_AddStringToObject(state, "version", CALLBOX_VERSION);
	return state;
}

/* ---- what the core wants ---- */

static void do_send(struct box *box, const struct call_output *output)
{
	struct line *line = line_find(box, output->account);
	if (line)
		line_send(line, output);
}

/* Nobody chose to speak: the room is not heard until somebody unmutes it, and hears that it was answered. */
static void auto_answered(struct box *box)
{
	if (box->conf.autoanswer_beep)
		box->beep = true;
	if (!box->conf.autoanswer_mute)
		return;
	box->audio_muted = box->video_muted = true;
	box_switches(box);
}

/* A switched off device is so for the call or the preview in which it was, and a mute does not outlast it either. */
void box_switches_restore(struct box *box)
{
	bool lift = box->conf.mic_unmute_on_disconnect && (box->audio_muted || box->video_muted);
	if (!lift && box->audio_enabled && box->video_enabled)
		return;
	if (lift)
		box->audio_muted = box->video_muted = false;
	box->audio_enabled = box->video_enabled = true;
	box_switches(box);
}

static void call_over(struct box *box)
{
	box->beep = false;
	if (!call_core_live_id(box->core))
		box_switches_restore(box);
}

static void do_event(struct box *box, const struct call_output *output)
{
	log_info("call %.8s: %s", output->call_id ? output->call_id : "-", output->kind);
	if (g_str_equal(output->kind, "onCallEnd"))
		hunt_call_ended(box, output->call_id, message_int(output->json, "reasonCode", 0));
	tell_all(box, output->kind, output->json);
	screen_note(box->screen, output->kind, output->json);
	events_hook(box, output);
	ringer_event(box->ringer, output);
	if (g_str_equal(output->kind, "onAutoAnswer"))
		auto_answered(box);
	else if (g_str_equal(output->kind, "onCallEnd"))
		call_over(box);
	if (g_str_equal(output->kind, "onCallState") || g_str_equal(output->kind, "onCallEnd"))
		standby_call(box->standby);
	else if (g_str_equal(output->kind, "onInvited"))
		standby_ring(box->standby);
}

/* The hooks follow what is sent, whoever changed it: the user, an automatic answer, the end of a call. */
static void switches_hook(struct box *box)
{
	bool silent = box->audio_muted || !box->audio_enabled, dark = box->video_muted || !box->video_enabled;
	if (silent != box->silent)
		events_box_hook(box, HOOK_MUTE_CHANGE, silent);
	if (dark != box->dark)
		events_box_hook(box, HOOK_CAMERA_CHANGE, !dark);
	box->silent = silent;
	box->dark = dark;
}

void box_switches(struct box *box)
{
	switches_hook(box);
	if (box->session)
		session_flags(box->session);
	call_core_flags(box->core, box_now_ms(), box->audio_muted, box->video_muted, box->audio_enabled,
			box->video_enabled);
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddBoolToObject(payload, "audioMuted", box->audio_muted);
	cJSON_AddBoolToObject(payload, "videoMuted", box->video_muted);
	cJSON_AddBoolToObject(payload, "audioEnabled", box->audio_enabled);
	cJSON_AddBoolToObject(payload, "videoEnabled", box->video_enabled);
	box_event(box, "onMuteChange", payload);
}

/* A preview gives way to the call. */
static void need_session(struct box *box, const struct call_output *output)
{
	if (box->session && g_strcmp0(session_call_id(box->session), output->call_id) == 0)
		return;
	session_close(box->session);
	box->session = session_open(box, output->call_id);
}

static void do_media_open(struct box *box, const struct call_output *output)
{
	const char *trouble = box->conf.token_required ? token_trouble(box->token) : NULL;
	enum { CREDENTIALS = 1, MEDIA_ENGINE = 4 }; /* reasonCode */
	if (trouble) {
		g_autofree char *text = g_strdup_printf("token_service: %s", trouble);
		call_core_setup(box->core, box_now_ms(), output->call_id, CREDENTIALS, text);
		return;
	}
	need_session(box, output);
	bool ready = session_is_ready(box->session);
	call_core_setup(box->core, box_now_ms(), output->call_id, ready ? 0 : MEDIA_ENGINE,
			"callbox-media or callbox-video cannot be started");
}

static void ring_told(struct box *box, const char *call_id, bool on, bool soft)
{
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddBoolToObject(payload, "on", on);
	cJSON_AddBoolToObject(payload, "soft", soft);
	cJSON_AddStringToObject(payload, "callId", call_id);
	g_strlcpy(box->rings, on ? call_id : "", sizeof(box->rings));
	box_event(box, "onRing", payload);
}

static void do_media_start(struct box *box, const struct call_output *output)
{
	need_session(box, output);
	ringer_stop(box->ringer);
	if (g_str_equal(box->rings, output->call_id)) /* the tone that the caller waited with */
		ring_told(box, output->call_id, false, false);
	session_start(box->session, output->account, output->to_user, output->anchor, output->call_type);
	knobs_session(box->knobs);
	ringer_session(box->ringer);
	if (box->beep)
		session_tone(box->session, "beep", 100);
	box->beep = false;
}

/* Where the session of an output's call is kept: in use, or held; NULL: it has none. */
static struct session **slot_of(struct box *box, const struct call_output *output)
{
	struct session **slots[] = { &box->session, &box->held };
	for (size_t i = 0; i < G_N_ELEMENTS(slots); i++)
		if (*slots[i] && g_strcmp0(session_call_id(*slots[i]), output->call_id) == 0)
			return slots[i];
	return NULL;
}

static void do_media_type(struct box *box, const struct call_output *output)
{
	struct session **slot = slot_of(box, output);
	if (slot)
		session_type(*slot, output->call_type);
}

static void do_media_hold(struct box *box, const struct call_output *output)
{
	struct session **from = slot_of(box, output);
	struct session **to = output->on ? &box->held : &box->session;
	if (!from || from == to || *to)
		return;
	*to = *from;
	*from = NULL;
	session_hold(*to, output->on);
}

static void do_media_stop(struct box *box, const struct call_output *output)
{
	struct session **slot = slot_of(box, output);
	if (!slot)
		return;
	session_close(*slot);
	*slot = NULL;
	screen_touch(box->screen);
}

static void do_media_message(struct box *box, const struct call_output *output)
{
	struct session **slot = slot_of(box, output);
	if (slot)
		session_peer_message(*slot, output->kind, output->json);
}

static void on_screened(enum hook_answer answer, const char *call_id, void *data)
{
	static const enum call_screening answers[] = {
		[HOOK_ALLOW] = SCREEN_ALLOW, [HOOK_REFUSE] = SCREEN_REFUSE, [HOOK_AUTO] = SCREEN_ACCEPT,
	};
	struct box *box = data;
	call_core_screened(box->core, box_now_ms(), call_id, answers[answer]);
	box_drain(box);
}

static void do_screen(struct box *box, const struct call_output *output)
{
	const struct hook_facts facts = {
		.call_id = output->call_id, .peer = output->to_user, .from = output->to_user,
		.to = output->account, .type = (int)output->call_type, .duration_ms = -1,
	};
	hooks_ask(box->hooks, &facts, on_screened, box);
}

/* What ends without having rung, as somebody who found the room busy, stops nobody else's ring. */
static void do_ring(struct box *box, const struct call_output *output)
{
	if (!output->on && !g_str_equal(box->rings, output->call_id))
		return;
	ring_told(box, output->call_id, output->on, output->soft);
	ringer_ring(box->ringer, output);
}

/* What is to be on disk is so before anything else is carried out: synced once, and how a call ended never without its
 * record. */
static void write_down(struct box *box, const GQueue *outputs)
{
	bool any = false;
	for (GList *l = outputs->head; l; l = l->next) {
		struct call_output *output = l->data;
		if (output->type != OUT_JOURNAL && output->type != OUT_RECORD)
			continue;
		if (!any)
			history_begin(box->history);
		any = true;
		if (output->type == OUT_JOURNAL) {
			history_journal(box->history, output->call_id, output->json);
		} else {
			cJSON *written = history_record(box->history, output->call_id, output->json);
			cJSON_Delete(output->json);
			output->json = written;
		}
	}
	if (any)
		history_commit(box->history);
}

static void do_nothing(struct box *box, const struct call_output *output)
{
	(void)box;
	(void)output;
}

/* As it was written down. */
static void do_record(struct box *box, const struct call_output *output)
{
	if (!output->json)
		return;
	cJSON *written = cJSON_Duplicate(output->json, true);
	cJSON_AddStringToObject(written, "callId", output->call_id);
	box_event(box, "onCallRecord", written);
}

static void (*const doers[])(struct box *box, const struct call_output *output) = {
	[OUT_SEND] = do_send, [OUT_EVENT] = do_event, [OUT_MEDIA_OPEN] = do_media_open,
	[OUT_MEDIA_START] = do_media_start, [OUT_MEDIA_TYPE] = do_media_type,
	[OUT_MEDIA_HOLD] = do_media_hold, [OUT_SCREEN] = do_screen,
	[OUT_MEDIA_STOP] = do_media_stop, [OUT_MEDIA_MESSAGE] = do_media_message, [OUT_RING] = do_ring,
	[OUT_JOURNAL] = do_nothing, [OUT_RECORD] = do_record,
};

static gboolean on_timer(void *data)
{
	struct box *box = data;
	box->timer = 0;
	call_core_tick(box->core, box_now_ms());
	box_drain(box);
	return G_SOURCE_REMOVE;
}

/* All that the core wants now; false: nothing. */
static bool drain_batch(struct box *box)
{
	GQueue outputs = G_QUEUE_INIT;
	for (struct call_output *output; (output = call_core_take(box->core));)
		g_queue_push_tail(&outputs, output);
	bool any = !g_queue_is_empty(&outputs);
	write_down(box, &outputs);
	for (struct call_output *output; (output = g_queue_pop_head(&outputs));) {
		doers[output->type](box, output);
		call_output_free(output);
	}
	return any;
}

void box_drain(struct box *box)
{
	static bool draining; /* an output may feed the core: its outputs follow in the next batch */
	if (draining)
		return;
	draining = true;
	while (drain_batch(box))
		;
	draining = false;
	if (box->timer)
		g_source_remove(box->timer);
	box->timer = 0;
	int64_t due = call_core_deadline(box->core);
	if (due >= 0)
		box->timer = g_timeout_add((guint)CLAMP(due - box_now_ms(), 0, 3600 * 1000), on_timer, box);
}

/* ---- parts, started in order, stopped in reverse ---- */

static int history_part(struct box *box, char **ret_error)
{
	return history_open(box->conf.state_dir, box->conf.history, &box->history, ret_error);
}

static void history_part_stop(struct box *box)
{
	history_close(box->history);
}

static void restore(const cJSON *entry, void *data)
{
	struct box *box = data;
	call_core_restore(box->core, box_now_ms(), entry);
}

static int core_part(struct box *box, char **ret_error)
{
	(void)ret_error;
	struct call_policy policy = policy_of(&box->conf, box->hooks);
	const char *device = box->accounts[0] ? box->accounts[0]->device : g_get_host_name();
	g_autofree char *party = g_strdup_printf("%s:%s", device, box->boot);
	box->core = call_core_create(box->fsm, party, &policy);
	history_replay(box->history, restore, box);
	box->standby = standby_create(box);
	box->ringer = ringer_create(box);
	box->knobs = knobs_create(box);
	return 0;
}

static void core_part_stop(struct box *box)
{
	knobs_destroy(box->knobs);
	box->knobs = NULL;
	ringer_destroy(box->ringer);
	box->ringer = NULL;
	standby_destroy(box->standby);
	box->standby = NULL;
	g_clear_pointer(&box->hunt, hunt_free);
	watchers_close(box);
	call_core_free(box->core);
}

static int token_part(struct box *box, char **ret_error)
{
	(void)ret_error;
	box->token = token_create(box->conf.token_service);
	return 0;
}

static void token_part_stop(struct box *box)
{
	token_destroy(box->token);
	box->token = NULL;
}

static int control_part(struct box *box, char **ret_error)
{
	return control_open(box->conf.control_socket, api_call, (control_state_fn)box_state, box,
			    &box->control, ret_error);
}

static void control_part_stop(struct box *box)
{
	control_close(box->control);
	box->control = NULL;
}

static int screen_part(struct box *box, char **ret_error)
{
	(void)ret_error;
	box->screen = screen_create(box);
	return 0;
}

static void screen_part_stop(struct box *box)
{
	screen_destroy(box->screen);
	box->screen = NULL;
	child_wait_all(STOP_LIMIT_MS);
}

static int lines_part(struct box *box, char **ret_error)
{
	(void)ret_error;
	box->lines = g_ptr_array_new();
	for (struct account_conf **a = box->accounts; *a; a++)
		g_ptr_array_add(box->lines, line_create(box, *a));
	for (unsigned int i = 0; i < box->lines->len; i++)
		line_start(box->lines->pdata[i]);
	box_drain(box);
	return 0;
}

/* A live call is ended as a hang-up, so that the other side does not wait; what rings goes on on other devices. */
static gboolean on_farewell_limit(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

static void say_farewell(struct box *box)
{
	bool over = false;
	if (!call_core_live_id(box->core))
		return;
	for (unsigned int i = 0; i < box->lines->len; i++)
		call_core_leave(box->core, box_now_ms(), line_account(box->lines->pdata[i]));
	box_drain(box);
	g_timeout_add(300, on_farewell_limit, &over);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static void lines_part_stop(struct box *box)
{
	say_farewell(box);
	session_close(box->session);
	session_close(box->held);
	box->session = box->held = NULL;
	for (unsigned int i = 0; i < box->lines->len; i++)
		line_destroy(box->lines->pdata[i]);
	g_ptr_array_set_size(box->lines, 0); /* clients may still ask for the state */
}

static const struct {
	const char *name;
	int (*start)(struct box *box, char **ret_error);
	void (*stop)(struct box *box);
} parts[] = {
	{ "history", history_part, history_part_stop },
	{ "call core", core_part, core_part_stop },
	{ "token service", token_part, token_part_stop },
	{ "control socket", control_part, control_part_stop },
	{ "screen", screen_part, screen_part_stop },
	{ "lines", lines_part, lines_part_stop },
};

static gboolean on_signal(void *data)
{
	struct box *box = data;
	g_main_loop_quit(box->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean on_hangup_signal(void *data)
{
	policy_reload(data);
	return G_SOURCE_CONTINUE;
}

static int run(struct box *box)
{
	char *error = NULL;
	size_t started = 0;
	int r = 0;
	while (started < G_N_ELEMENTS(parts) && (r = parts[started].start(box, &error)) == 0)
		started++;
	if (r < 0)
		log_error("%s: %s", parts[started].name, error ? error : g_strerror(-r));
	g_free(error);
	if (r == 0) {
		box->loop = g_main_loop_new(NULL, FALSE);
		g_unix_signal_add(SIGTERM, on_signal, box);
		g_unix_signal_add(SIGINT, on_signal, box);
		g_unix_signal_add(SIGHUP, on_hangup_signal, box);
		log_info("callboxd %s: %u accounts, control socket %s", CALLBOX_VERSION, box->lines->len,
			 box->conf.control_socket);
		sd_notify(0, "READY=1");
		g_main_loop_run(box->loop);
		sd_notify(0, "STOPPING=1");
		g_main_loop_unref(box->loop);
	}
	while (started > 0)
		parts[--started].stop(box);
	if (box->timer)
		g_source_remove(box->timer);
	return r < 0 ? 1 : 0;
}

/* ---- command line ---- */

static int usage(FILE *out)
{
	fputs("usage: callboxd [-c FOLDER] [-n [-v]] [--draw] [--man PAGE]\n"
	      "  -c, --conf FOLDER  conf folder (callbox.conf, hooks.conf, accounts/*.conf)\n"
	      "  -n, --check        check every conf file and stop\n"
	      "  -v, --verbose      with -n: print the configuration back; else log more\n"
	      "      --draw         print the call's states as a graph for dot(1)\n"
	      "      --man PAGE     print what callbox.conf(5), hooks.conf(5), quirks.conf(5) or callboxd(8) says\n"
	      "                     of tables: PAGE is conf, hooks, quirks or api\n"
	      "  -h, --help         this text\n",
	      out);
	return out == stderr ? 64 : 0;
}

/* The picture needs the table alone, and nobody's secrets. */
static int load(struct box *box, const char *folder, bool only_table, char **ret_error)
{
	int r = conf_load(folder, &box->conf, ret_error);
	if (r == 0)
		r = fsm_load(&call_words, box->conf.call_fsm, &box->fsm, ret_error);
	if (only_table)
		return r;
	if (r == 0)
		r = hooks_load(folder, &box->hooks, ret_error);
	if (r == 0)
		r = accounts_load(folder, &box->accounts, ret_error);
	return r;
}

static void print_conf(const struct box *box)
{
	settings_print(conf_table, &box->conf, true, stdout);
	for (struct account_conf **a = box->accounts; *a; a++) {
		printf("\n# %s\n", (*a)->file);
		settings_print(account_table, *a, false, stdout);
	}
	puts("\n# hooks.conf");
	hooks_print(box->hooks);
	printf("\n# %s\n", box->conf.call_fsm);
	fsm_print(box->fsm, stdout);
}

static int print_man(const char *page)
{
	if (g_str_equal(page, "hooks")) {
		puts(".Sh HOOKS\n.Bl -tag -width Ds");
		settings_print_man(hooks_table, stdout);
		puts(".El");
		return 0;
	}
	if (g_str_equal(page, "quirks")) {
		puts(".Sh KEYS\n.Bl -tag -width Ds");
		settings_print_man(quirk_table, stdout);
		puts(".El");
		return 0;
	}
	if (g_str_equal(page, "api")) {
		api_print_man(stdout);
		events_print_man(stdout);
		return 0;
	}
	if (!g_str_equal(page, "conf")) {
		fprintf(stderr, "callboxd: --man: \"%s\" is none of conf, hooks, quirks, api\n", page);
		return 64;
	}
	puts(".Sh CALLBOX.CONF\n.Bl -tag -width Ds");
	settings_print_man(conf_table, stdout);
	puts(".El\n.Sh ACCOUNT FILES\n.Bl -tag -width Ds");
	settings_print_man(account_table, stdout);
	puts(".El");
	return 0;
}

static char *boot_make(void)
{
	unsigned char bytes[4];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		g_error("no randomness");
	return g_strdup_printf("%02x%02x%02x%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
}

int main(int argc, char **argv)
{
	enum { DRAW = 256, MAN };
	static const struct option options[] = {
		{ "conf", required_argument, NULL, 'c' }, { "check", no_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },	  { "draw", no_argument, NULL, DRAW },
		{ "man", required_argument, NULL, MAN },	  { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct box box = { .audio_enabled = true, .video_enabled = true };
	bool check = false, verbose = false, draw = false;
	paths_init();
	const char *folder = path_folder(PATH_CONF);
	for (int c; (c = getopt_long(argc, argv, "c:nvh", options, NULL)) != -1;)
		switch (c) {
		case 'c': folder = optarg; break;
		case 'n': check = true; break;
		case 'v': verbose = true; break;
		case DRAW: draw = true; break;
		case MAN: return print_man(optarg);
		case 'h': return usage(stdout);
		default: return usage(stderr);
		}
	if (optind != argc)
		return usage(stderr);
	box.folder = folder;
	char *error = NULL;
	int r = load(&box, folder, draw, &error);
	if (r < 0) {
		fprintf(stderr, "callboxd: %s\n", error);
		g_free(error);
	} else if (draw) {
		fsm_draw(box.fsm, stdout);
	} else if (check) {
		if (verbose)
			print_conf(&box);
	} else {
		log_init("callboxd", verbose ? LOG_LEVEL_DEBUG : (enum log_level)box.conf.log_level);
		signal(SIGPIPE, SIG_IGN);
		box.boot = boot_make();
		r = run(&box) ? -EIO : 0;
	}
	if (box.lines)
		g_ptr_array_free(box.lines, TRUE);
	g_free(box.boot);
	accounts_free(box.accounts);
	hooks_free(box.hooks);
	fsm_free(box.fsm);
	conf_clear(&box.conf);
	return r < 0 ? 1 : 0;
}
