#include "core/box/knobs.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/base/message.h"
#include "core/box/api.h"
#include "core/box/session.h"
#include "core/box/standby.h"

#define STOP_GRACE_MS 150
#define AGAIN_MS 1000

struct knob {
	int percent;
	bool on, mixer;
	char name[128];
};

static const char *const kinds[] = { "speaker", "microphone" };

struct knobs {
	struct box *box;
	struct child *child;
	guint again;
	struct knob knobs[G_N_ELEMENTS(kinds)];
};

static const struct message_field volume_fields[] = { { "kind", M_STRING, true, 1, 16 },
						      { "percent", M_NUMBER, true, 0, 100 },
						      { "name", M_STRING, true, 0, 127 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_field button_fields[] = { { "what", M_STRING, true, 1, 16 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape shapes[] = { { "ready", NULL },
					       { "volume", volume_fields },
					       { "button", button_fields },
					       { NULL, NULL } };

static int index_of(const char *kind)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_strcmp0(kind, kinds[i]) == 0)
			return (int)i;
	return -EINVAL;
}

static cJSON *knob_json(const struct knob *knob)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "percent", knob->percent);
	cJSON_AddBoolToObject(json, "on", knob->on);
	cJSON_AddBoolToObject(json, "mixer", knob->mixer);
	cJSON_AddStringToObject(json, "name", knob->name);
	return json;
}

static void tell(struct knobs *knobs, int i)
{
	cJSON *payload = knob_json(&knobs->knobs[i]);
	cJSON_AddStringToObject(payload, "kind", kinds[i]);
	box_event(knobs->box, "onVolumeChange", payload);
}

/* Half is a third as loud, about what a knob that is bent does; 0 is silence. */
static double gain_of(const struct knob *knob)
{
	return knob->mixer || knob->percent >= 100 ? 1 : knob->percent <= 0 ? 0 : pow(knob->percent / 100.0, 3);
}

static void weigh(struct knobs *knobs, int i)
{
	if (knobs->box->session)
		session_gain(knobs->box->session, kinds[i], gain_of(&knobs->knobs[i]));
}

static void volume_told(struct knobs *knobs, const cJSON *message)
{
	int i = index_of(message_string(message, "kind", ""));
	if (i < 0)
		return;
	struct knob *knob = &knobs->knobs[i], before = *knob;
	knob->mixer = message_bool(message, "mixer", false);
	g_strlcpy(knob->name, message_string(message, "name", ""), sizeof(knob->name));
	knob->on = message_bool(message, "on", true);
	if (knob->mixer)
		knob->percent = message_int(message, "percent", knob->percent);
	else if (before.mixer)
		knob->percent = 100;
	if (before.mixer != knob->mixer)
		weigh(knobs, i);
	if (before.percent != knob->percent || before.on != knob->on || before.mixer != knob->mixer)
		tell(knobs, i);
}

static void button_pressed(struct knobs *knobs, const char *what)
{
	struct box *box = knobs->box;
	bool mute = g_str_equal(what, "toggle") ? !box->audio_muted : g_str_equal(what, "mute");
	log_info("mute button: %s", mute ? "mute" : "unmute");
	standby_touch(box->standby);
	api_mute_audio(box, mute);
	box_drain(box);
}

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "volume"))
		volume_told(data, message);
	else if (g_str_equal(name, "button"))
		button_pressed(data, message_string(message, "what", ""));
}

static void start(struct knobs *knobs);

static gboolean on_again(void *data)
{
	struct knobs *knobs = data;
	knobs->again = 0;
	start(knobs);
	return G_SOURCE_REMOVE;
}

static void on_end(struct child *child, const char *how, bool clean, void *data)
{
	struct knobs *knobs = data;
	(void)child;
	(void)clean;
	knobs->child = NULL;
	log_once(LOG_LEVEL_ERROR, "callbox-mixer: %s", how);
	knobs->again = g_timeout_add(AGAIN_MS, on_again, knobs);
}

/* There is something to turn or to press. */
static bool is_needed(const struct conf *conf)
{
	return strstr(conf->speaker, "alsa:") || strstr(conf->microphone, "alsa:") ||
	       g_str_has_prefix(conf->mute_button, "evdev:");
}

static void watch(struct knobs *knobs)
{
	const struct conf *conf = &knobs->box->conf;
	cJSON *message = message_new("watch");
	cJSON_AddStringToObject(message, "speaker", conf->speaker);
	cJSON_AddStringToObject(message, "microphone", conf->microphone);
	cJSON_AddStringToObject(message, "mute_button", conf->mute_button);
	child_send(knobs->child, message);
}

static void start(struct knobs *knobs)
{
	if (knobs->child || knobs->again || !is_needed(&knobs->box->conf))
		return;
	if (child_start("callbox-mixer", NULL, shapes, on_message, on_end, knobs, &knobs->child) < 0) {
		knobs->child = NULL;
		return;
	}
	watch(knobs);
}

struct knobs *knobs_create(struct box *box)
{
	struct knobs *knobs = g_new0(struct knobs, 1);
	knobs->box = box;
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		knobs->knobs[i] = (struct knob){ .percent = 100, .on = true };
	start(knobs);
	return knobs;
}

void knobs_destroy(struct knobs *knobs)
{
	if (!knobs)
		return;
	if (knobs->again)
		g_source_remove(knobs->again);
	child_stop(knobs->child, STOP_GRACE_MS);
	g_free(knobs);
}

int knobs_set(struct knobs *knobs, const char *kind, int percent)
{
	int i = index_of(kind);
	if (i < 0)
		return i;
	struct knob *knob = &knobs->knobs[i];
	if (knob->mixer && knobs->child) {
		cJSON *message = message_new("set");
		cJSON_AddStringToObject(message, "kind", kind);
		cJSON_AddNumberToObject(message, "percent", percent);
		child_send(knobs->child, message);
		return 0;
	}
	bool changed = knob->percent != percent;
	knob->percent = percent;
	weigh(knobs, i);
	if (changed)
		tell(knobs, i);
	return 0;
}

cJSON *knobs_json(const struct knobs *knobs)
{
	cJSON *json = cJSON_CreateObject();
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		cJSON_AddItemToObject(json, kinds[i], knob_json(&knobs->knobs[i]));
	return json;
}

void knobs_switched(struct knobs *knobs)
{
	if (knobs->child)
		watch(knobs);
	else
		start(knobs);
}

void knobs_session(struct knobs *knobs)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		weigh(knobs, (int)i);
}
