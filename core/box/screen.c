#include "core/box/screen.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/box/line.h"
#include "core/box/session.h"
#include "core/box/standby.h"

#define RESTART_MIN_MS 100
#define RESTART_MAX_MS 5000
#define YIELD_LIMIT_MS 1000
#define LOOK_MS 5000 /* what no event tells: a camera's file, how long the network is away */

enum holder { HOLDER_SCREEN, HOLDER_NOBODY, HOLDER_VIDEO }; /* NOBODY: it was asked to yield */

struct screen {
	struct box *box;
	struct child *child; /* NULL: between two of them */
	enum holder holder;
	unsigned int restart_ms;
	guint restart, look, soon, blank_timer, yield_timer;
	bool is_dark, is_on; /* is_on: what the television was told last */
	char *page;	     /* as sent last, but for the duration */
	int64_t offline_since_ms; /* 0: an account is online */
	struct screen_facts facts;
};

static void child_open(struct screen *screen);
static void refresh(struct screen *screen);

static void say(struct screen *screen, cJSON *message)
{
	if (screen->child)
		child_send(screen->child, message);
	else
		cJSON_Delete(message);
}

static void say_on(struct screen *screen, const char *name, bool on)
{
	cJSON *message = message_new(name);
	cJSON_AddBoolToObject(message, "on", on);
	say(screen, message);
}

/* ---- who draws ---- */

/* The other side's camera may be off or covered, its media lost: then the page says more than a still picture. */
static bool pictures_are_there(const struct screen *screen, const cJSON *state)
{
	const cJSON *call = message_member(state, "call");
	const struct session *session = screen->box->session;
	bool shown = message_bool(call, "peerCameraAvailable", true) && !message_bool(call, "peerVideoMuted", false) &&
		     message_int(call, "type", CALL_VIDEO) != CALL_AUDIO &&
		     strcmp(message_string(call, "state", ""), "recovering") != 0;
	return session && session_has_pictures(session) && (shown || !session_call_id(session));
}

static void yield_timer_stop(struct screen *screen)
{
	if (screen->yield_timer)
		g_source_remove(screen->yield_timer);
	screen->yield_timer = 0;
}

/* One that hangs loses the screen with its life; its end is then told like any other. */
static gboolean on_yield_limit(void *data)
{
	struct screen *screen = data;
	screen->yield_timer = 0;
	if (screen->holder != HOLDER_NOBODY || !screen->child)
		return G_SOURCE_REMOVE;
	log_error("callbox-screen does not let go of the screen: killed");
	kill(child_pid(screen->child), SIGKILL);
	return G_SOURCE_REMOVE;
}

static void hand_over(struct screen *screen, bool to_video)
{
	struct session *session = screen->box->session;
	if (to_video && screen->holder == HOLDER_SCREEN && screen->child) {
		screen->holder = HOLDER_NOBODY;
		say(screen, message_new("yield"));
		yield_timer_stop(screen);
		screen->yield_timer = g_timeout_add(YIELD_LIMIT_MS, on_yield_limit, screen);
	} else if (to_video && (screen->holder != HOLDER_NOBODY || !screen->child)) {
		screen->holder = HOLDER_VIDEO;
		session_pictures(session, true);
	} else if (!to_video && screen->holder != HOLDER_SCREEN) {
		screen->holder = HOLDER_SCREEN;
		if (session)
			session_pictures(session, false);
		say(screen, message_new("take"));
	}
}

static void on_yielded(struct screen *screen)
{
	yield_timer_stop(screen);
	if (screen->holder != HOLDER_NOBODY)
		return; /* it was asked to take it back meanwhile */
	screen->holder = HOLDER_VIDEO;
	if (screen->box->session)
		session_pictures(screen->box->session, true);
	refresh(screen);
}

/* ---- what is to be seen ---- */

static void blank_stop(struct screen *screen)
{
	if (screen->blank_timer)
		g_source_remove(screen->blank_timer);
	screen->blank_timer = 0;
	if (screen->is_dark)
		say_on(screen, "blank", false);
	screen->is_dark = false;
}

static gboolean on_blank(void *data)
{
	struct screen *screen = data;
	screen->blank_timer = 0;
	screen->is_dark = true;
	say_on(screen, "blank", true);
	return G_SOURCE_REMOVE;
}

static void power(struct screen *screen, bool on)
{
	if (screen->is_on != on)
		say_on(screen, "power", on);
	screen->is_on = on;
}

static void offline_note(struct screen *screen)
{
	GPtrArray *lines = screen->box->lines;
	bool online = false;
	for (unsigned int i = 0; lines && i < lines->len && !online; i++) {
		cJSON *line = line_json(lines->pdata[i]);
		online = strcmp(message_string(line, "state", ""), "online") == 0;
		cJSON_Delete(line);
	}
	if (online)
		screen->offline_since_ms = 0;
	else if (screen->offline_since_ms == 0)
		screen->offline_since_ms = box_now_ms();
	screen->facts.offline_ms = online ? 0 : MAX(1, box_now_ms() - screen->offline_since_ms);
}

/* Sends the page when anything but the running time is another than before. */
static void page_send(struct screen *screen, cJSON *page)
{
	cJSON *still = cJSON_Duplicate(page, true);
	if (message_member(still, "duration_ms"))
		cJSON_ReplaceItemInObject(still, "duration_ms", cJSON_CreateNumber(0));
	char *text = cJSON_PrintUnformatted(still);
	cJSON_Delete(still);
	if (g_strcmp0(text, screen->page) == 0) {
		cJSON_free(text);
		cJSON_Delete(page);
		return;
	}
	g_free(screen->page);
	screen->page = g_strdup(text);
	cJSON_free(text);
	say(screen, page);
}

static void refresh(struct screen *screen)
{
	cJSON *state = call_core_state(screen->box->core, box_now_ms());
	offline_note(screen);
	cJSON *page = screen_page(screen->box, state, &screen->facts);
	/* What only rings in standby, without wake_on_ring, lights nothing. */
	if (strcmp(message_string(page, "page", ""), "idle") != 0 && !standby_is_on(screen->box->standby)) {
		blank_stop(screen);
		power(screen, true);
	}
	page_send(screen, page);
	hand_over(screen, pictures_are_there(screen, state));
	cJSON_Delete(state);
}

static gboolean on_soon(void *data)
{
	struct screen *screen = data;
	screen->soon = 0;
	refresh(screen);
	return G_SOURCE_REMOVE;
}

void screen_touch(struct screen *screen)
{
	if (screen && !screen->soon)
		screen->soon = g_idle_add(on_soon, screen);
}

static gboolean on_look(void *data)
{
	refresh(data);
	return G_SOURCE_CONTINUE;
}

static void failure_note(struct screen *screen, const char *kind, const cJSON *payload)
{
	const struct { const char *kind; bool *failed; } flags[] = {
		{ "camera", &screen->facts.camera_failed }, { "microphone", &screen->facts.microphone_failed },
		{ "speaker", &screen->facts.speaker_failed },
	};
	const char *state = message_string(payload, "state", "");
	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
		if (strcmp(kind, flags[i].kind) == 0)
			*flags[i].failed = strcmp(state, "failed") == 0 || strcmp(state, "lost") == 0;
}

void screen_note(struct screen *screen, const char *event, const cJSON *payload)
{
	if (!screen)
		return;
	if (strcmp(event, "onCamera") == 0)
		failure_note(screen, "camera", payload);
	else if (strcmp(event, "onDevice") == 0)
		failure_note(screen, message_string(payload, "kind", ""), payload);
	else if (strcmp(event, "onError") == 0 && strcmp(message_string(payload, "device", ""), "video") == 0)
		screen->facts.video_failed = true;
	else if (strcmp(event, "onViewShown") == 0)
		screen->facts.video_failed = false;
	else if (strcmp(event, "onCallEnd") == 0)
		screen->facts = (struct screen_facts){ 0 };
	screen_touch(screen);
}

void screen_standby(struct screen *screen, bool on)
{
	if (!screen)
		return;
	blank_stop(screen);
	power(screen, !on);
	if (on && screen->box->conf.screen_blank_ms > 0)
		screen->blank_timer = g_timeout_add((guint)screen->box->conf.screen_blank_ms, on_blank, screen);
}

/* ---- callbox-screen ---- */

static const struct message_field output_fields[] = { { "state", M_STRING, true, 1, 32 },
						      { "message", M_STRING, true, 0, 1024 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_field key_fields[] = { { "key", M_STRING, true, 1, 16 },
						   { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape shapes[] = {
	{ "ready", NULL }, { "yielded", NULL }, { "output", output_fields }, { "key", key_fields }, { NULL, NULL },
};

static void output_told(struct screen *screen, const cJSON *message)
{
	const char *state = message_string(message, "state", ""), *text = message_string(message, "message", "");
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "kind", "screen");
	cJSON_AddStringToObject(payload, "id", screen->box->conf.screen);
	cJSON_AddStringToObject(payload, "state", state);
	cJSON_AddStringToObject(payload, "message", text);
	log_write(strcmp(state, "opened") == 0 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "screen %s: %s: %s",
		  screen->box->conf.screen, state, text);
	box_event(screen->box, "onDevice", payload);
}

/* A key of the remote control is a person in the room. */
static void key_told(struct screen *screen, const char *key)
{
	struct box *box = screen->box;
	char *error = NULL;
	bool rings = call_core_status(box->core) == CALL_CALLED && box->rings[0];
	standby_touch(box->standby);
	if (strcmp(key, "select") == 0 && rings)
		call_core_accept(box->core, box_now_ms(), NULL, 0, &error);
	else if (strcmp(key, "exit") == 0 && call_core_live_id(box->core))
		call_core_hangup(box->core, box_now_ms(), NULL, &error);
	if (error)
		log_warning("remote control: %s: %s", key, error);
	g_free(error);
	box_drain(box);
}

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct screen *screen = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (strcmp(name, "ready") == 0)
		screen->restart_ms = RESTART_MIN_MS;
	else if (strcmp(name, "yielded") == 0)
		on_yielded(screen);
	else if (strcmp(name, "output") == 0)
		output_told(screen, message);
	else if (strcmp(name, "key") == 0)
		key_told(screen, message_string(message, "key", ""));
}

static gboolean on_restart(void *data)
{
	struct screen *screen = data;
	screen->restart = 0;
	child_open(screen);
	return G_SOURCE_REMOVE;
}

/* What waited for its yielding waits no longer. */
static void on_end(struct child *child, const char *how, bool clean, void *data)
{
	struct screen *screen = data;
	(void)child;
	(void)clean;
	screen->child = NULL;
	log_error("callbox-screen: %s", how);
	screen->restart = g_timeout_add(screen->restart_ms, on_restart, screen);
	screen->restart_ms = MIN(screen->restart_ms * 2, RESTART_MAX_MS);
	if (screen->holder == HOLDER_NOBODY)
		on_yielded(screen);
}

static void child_open(struct screen *screen)
{
	const struct conf *conf = &screen->box->conf;
	if (child_start("callbox-screen", NULL, shapes, on_message, on_end, screen, &screen->child) < 0) {
		log_error("callbox-screen cannot be started");
		screen->child = NULL;
		return;
	}
	cJSON *message = message_new("start");
	cJSON_AddStringToObject(message, "output", conf->screen);
	cJSON_AddStringToObject(message, "mode", conf->screen_mode);
	cJSON_AddStringToObject(message, "language", conf->language == LANGUAGE_ZH ? "zh" : "en");
	cJSON_AddBoolToObject(message, "mine", screen->holder == HOLDER_SCREEN);
	cJSON_AddStringToObject(message, "cec", conf->cec);
	say(screen, message);
	if (screen->is_dark)
		say_on(screen, "blank", true);
	g_free(screen->page);
	screen->page = NULL;
	screen_touch(screen);
}

struct screen *screen_create(struct box *box)
{
	if (strcmp(box->conf.screen, "none") == 0)
		return NULL;
	struct screen *screen = g_new0(struct screen, 1);
	screen->box = box;
	screen->restart_ms = RESTART_MIN_MS;
	screen->look = g_timeout_add(LOOK_MS, on_look, screen);
	child_open(screen);
	return screen;
}

void screen_destroy(struct screen *screen)
{
	if (!screen)
		return;
	guint sources[] = { screen->restart, screen->look, screen->soon, screen->blank_timer, screen->yield_timer };
	for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
		if (sources[i])
			g_source_remove(sources[i]);
	child_stop(screen->child, 500);
	g_free(screen->page);
	g_free(screen);
}

/* ---- settings ---- */

int screen_check(const struct conf *conf, char **ret_why)
{
	int width = 0, height = 0, hz = 0, end = 0;
	const char *s = conf->screen, *mode = conf->screen_mode;
	if (strcmp(s, "none") != 0 && !(g_str_has_prefix(s, "kms:") && s[4]) && !(g_str_has_prefix(s, "png:/") && s[5])) {
		*ret_why = g_strdup_printf("screen: \"%s\": none, kms:auto, kms:CARD, kms:CARD:CONNECTOR or png:/FILE is "
					   "needed", s);
		return -EINVAL;
	}
	int n = sscanf(mode, "%5dx%5d%n@%3d%n", &width, &height, &end, &hz, &end);
	if (strcmp(mode, "preferred") != 0 && (n < 2 || mode[end] || width < 320 || height < 180)) {
		*ret_why = g_strdup_printf("screen_mode: \"%s\": preferred, WIDTHxHEIGHT or WIDTHxHEIGHT@HERTZ is needed",
					   mode);
		return -EINVAL;
	}
	if (strcmp(conf->cec, "on") != 0 && strcmp(conf->cec, "off") != 0 && conf->cec[0] != '/') {
		*ret_why = g_strdup_printf("cec: \"%s\": on, off or a file like /dev/cec0 is needed", conf->cec);
		return -EINVAL;
	}
	return 0;
}

char *screen_view(const struct conf *conf, const char *view, bool alone)
{
	if (!g_str_has_prefix(view, "kms:"))
		return g_strdup(view);
	GString *text = g_string_new("kms:");
	g_auto(GStrv) words = g_strsplit(view + 4, ",", -1);
	bool inset = g_strv_contains((const char *const *)words, "inset"), own_output = false;
	for (char **word = words; *word; word++) {
		own_output |= g_str_has_prefix(*word, "output=");
		if (!alone || strcmp(*word, "inset") != 0)
			g_string_append_printf(text, "%s,", *word);
	}
	if (inset && !strstr(view, "size="))
		g_string_append_printf(text, "size=%d,", conf->inset_size);
	if (inset && conf->local_mirror)
		g_string_append(text, "mirror,");
	if (!own_output && g_str_has_prefix(conf->screen, "kms:"))
		g_string_append_printf(text, "output=%s,mode=%s", conf->screen + 4, conf->screen_mode);
	return g_string_free(text, FALSE);
}
