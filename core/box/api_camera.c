/* Verbs about a camera's controls. */
#include <string.h>

#include "core/base/message.h"
#include "core/box/api.h"
#include "core/box/session.h"
#include "core/devices/control.h"

static void verb_controls(struct verb *v)
{
	if (v->box->session)
		session_controls(v->box->session, NULL, v->request);
	else
		control_error(v->request, CONTROL_REFUSED, "wrong state: idle; a call or a preview is needed");
}

/* What is set in a call or a preview is asked of the camera first; later cameras get it in any case. */
static void set(struct verb *v, const char *words)
{
	struct conf *conf = &v->box->conf;
	if (v->box->session) {
		session_controls(v->box->session, words, v->request);
		return;
	}
	char *all = control_words_merge(conf->camera_controls, words);
	g_free(conf->camera_controls);
	conf->camera_controls = all;
	api_answer(v, 0, NULL, NULL);
}

static void verb_control(struct verb *v)
{
	const char *name = api_text(v, "name"), *text = api_text(v, "value");
	int number = message_int(v->params, "value", 0);
	struct control_word word;
	g_autofree char *words = text ? g_strdup_printf("%s=%s", name ? name : "", text)
				      : g_strdup_printf("%s=%d", name ? name : "", number);
	if (!name || !message_member(v->params, "value") || strchr(words, ' ') || control_word_parse(words, &word) < 0)
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "name, value: a control such as brightness and a number or a menu's item are needed");
	else
		set(v, words);
}

static void verb_preset(struct verb *v)
{
	const char *name = api_text(v, "name"), *presets = v->box->conf.camera_presets;
	g_autofree char *words = control_preset_find(presets, name ? name : "");
	if (words)
		set(v, words);
	else
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "name: conf has no camera preset \"%s\"; camera_presets: %s",
			      name ? name : "", presets ? presets : "none");
}

const struct verb_row api_camera_verbs[] = {
	{ "getCameraControls", verb_controls, false, "", "The controls of the open camera with their ranges." },
	{ "setCameraControl", verb_control, true, "name, value", "Sets one, for this and later calls." },
	{ "setCameraPreset", verb_preset, true, "name", "Sets all that a preset of the conf names." },
	{ NULL, NULL, false, NULL, NULL },
};
