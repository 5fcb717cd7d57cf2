/* Verbs about sound and picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/message.h"
#include "core/base/sound_cards.h"
#include "core/box/api.h"
#include "core/box/events.h"
#include "core/box/knobs.h"
#include "core/box/screen.h"
#include "core/box/session.h"
#include "core/box/watchers.h"

static void switch_move(struct box *box, bool *which, bool on)
{
	bool changed = *which != on;
	*which = on;
	if (changed)
		box_switches(box);
}

static void set_switch(struct verb *v, bool *which)
{
	bool on;
	if (!api_flag(v, "on", &on))
		return;
	switch_move(v->box, which, on);
	api_answer(v, 0, NULL, NULL);
}

void api_mute_audio(struct box *box, bool on)
{
	switch_move(box, &box->audio_muted, on);
}

static void verb_mute_audio(struct verb *v)
{
	set_switch(v, &v->box->audio_muted);
}

static void verb_mute_video(struct verb *v)
{
	set_switch(v, &v->box->video_muted);
}

static void enable(struct verb *v, bool *which)
{
	if (v->box->session)
		set_switch(v, which);
	else
		api_wrong_state(v, "a call or a preview");
}

static void verb_enable_audio(struct verb *v)
{
	enable(v, &v->box->audio_enabled);
}

static void verb_enable_video(struct verb *v)
{
	enable(v, &v->box->video_enabled);
}

/* The session of a connected call; answers the request itself when there is none. */
static struct session *call_session(struct verb *v)
{
	struct session *session = v->box->session;
	if (session && session_peer(session))
		return session;
	api_wrong_state(v, "a connected call");
	return NULL;
}

static void verb_audio_mute(struct verb *v)
{
	struct session *session = call_session(v);
	const char *user = api_text(v, "userId");
	bool on;
	if (!session || !api_flag(v, "on", &on))
		return;
	if (user && strcmp(user, session_peer(session)) != 0) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "userId: %s is not in this call", user);
		return;
	}
	session_playout_mute(session, on);
	api_answer(v, 0, NULL, NULL);
}

static char **device_slot(struct conf *conf, const char *kind)
{
	if (g_strcmp0(kind, "camera") == 0 || g_strcmp0(kind, "cameraId") == 0)
		return &conf->camera;
	if (g_strcmp0(kind, "microphone") == 0 || g_strcmp0(kind, "microphoneId") == 0)
		return &conf->microphone;
	if (g_strcmp0(kind, "speaker") == 0 || g_strcmp0(kind, "speakerId") == 0)
		return &conf->speaker;
	return NULL;
}

static void verb_switch_device(struct verb *v)
{
	struct conf *conf = &v->box->conf;
	const char *kind = api_text(v, "kind"), *id = api_text(v, "id");
	char **slot = device_slot(conf, kind);
	if (!slot || !id || !strchr(id, ':')) {
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      !slot ? "kind: microphone, camera or speaker is needed"
				    : "id: DRIVER:ADDRESS is needed, for example v4l2:/dev/video0");
		return;
	}
	g_free(*slot);
	*slot = g_strdup(id);
	if (v->box->session)
		session_switch(v->box->session, slot == &conf->camera ? "camera"
						: slot == &conf->speaker ? "speaker" : "microphone", id);
	if (slot != &conf->camera)
		knobs_switched(v->box->knobs);
	api_answer(v, 0, NULL, NULL);
}

/* What switchDevice takes as id, and what a person calls it. */
static void device_add(cJSON *list, const char *id, const char *name)
{
	cJSON *one = cJSON_CreateObject();
	cJSON_AddStringToObject(one, "id", id);
	cJSON_AddStringToObject(one, "name", name);
	cJSON_AddItemToArray(list, one);
}

/* Each card with what it has, and what keeps it from being used: "" nothing. */
static void sound_cards_tell(cJSON *result)
{
	struct sound_card cards[SOUND_CARDS_MAX];
	cJSON *list = cJSON_AddArrayToObject(result, "soundCards");
	cJSON *microphones = cJSON_AddArrayToObject(result, "microphones");
	cJSON *speakers = cJSON_AddArrayToObject(result, "speakers");
	unsigned int count = sound_cards_load(SOUND_CARDS_PROC, cards);
	for (unsigned int i = 0; i < count; i++) {
		char microphone[256], speaker[256];
		g_autofree char *id = g_strdup_printf("alsa:hw:CARD=%s", cards[i].id);
		sound_card_trouble(SOUND_CARDS_PROC, &cards[i], true, microphone, sizeof(microphone));
		sound_card_trouble(SOUND_CARDS_PROC, &cards[i], false, speaker, sizeof(speaker));
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "id", id);
		cJSON_AddStringToObject(one, "name", cards[i].name);
		cJSON_AddStringToObject(one, "longname", cards[i].longname);
		cJSON_AddBoolToObject(one, "hasMicrophone", cards[i].microphone >= 0);
		cJSON_AddBoolToObject(one, "hasSpeaker", cards[i].speaker >= 0);
		cJSON_AddStringToObject(one, "microphone", microphone);
		cJSON_AddStringToObject(one, "speaker", speaker);
		cJSON_AddItemToArray(list, one);
		if (cards[i].microphone >= 0)
			device_add(microphones, id, cards[i].name);
		if (cards[i].speaker >= 0)
			device_add(speakers, id, cards[i].name);
	}
}

static void verb_devices(struct verb *v)
{
	static const char *const kinds[] = { "microphone", "camera", "speaker" };
	cJSON *result = cJSON_CreateObject();
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		cJSON_AddStringToObject(result, kinds[i], *device_slot(&v->box->conf, kinds[i]));
	cJSON *found = cJSON_AddArrayToObject(result, "cameras");
	GDir *dir = g_dir_open("/sys/class/video4linux", 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_strdup_printf("/sys/class/video4linux/%s/name", name);
		g_autofree char *label = NULL, *id = g_strdup_printf("v4l2:/dev/%s", name);
		g_file_get_contents(file, &label, NULL, NULL);
		device_add(found, id, label ? g_strstrip(label) : name);
	}
	if (dir)
		g_dir_close(dir);
	sound_cards_tell(result);
	api_answer(v, 0, NULL, result);
}

static void verb_set_volume(struct verb *v)
{
	int percent = message_int(v->params, "percent", -1);
	const char *kind = api_text(v, "kind");
	if (percent < 0 || percent > 100)
		control_error(v->request, CONTROL_INVALID_PARAMS, "percent: 0 to 100 is needed");
	else if (knobs_set(v->box->knobs, kind, percent) < 0)
		control_error(v->request, CONTROL_INVALID_PARAMS, "kind: speaker or microphone is needed");
	else
		api_answer(v, 0, NULL, NULL);
}

static void verb_get_volume(struct verb *v)
{
	control_result(v->request, knobs_json(v->box->knobs));
}

static void set_view(struct verb *v, const char *which, char **slot)
{
	const char *view = api_text(v, "view");
	if (!view || !strchr(view, ':')) {
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "view: null:, png:FILE, raw:FILE, window:, kms: or kms:inset is needed");
		return;
	}
	g_free(*slot);
	*slot = g_strdup(view);
	if (v->box->session)
		session_view(v->box->session, which);
	screen_touch(v->box->screen);
	api_answer(v, 0, NULL, NULL);
}

static void verb_local_view(struct verb *v)
{
	set_view(v, "local", &v->box->conf.local_view);
}

/* There is one remote picture, so userId may only name whom it is of. */
static void verb_remote_view(struct verb *v)
{
	const char *user = api_text(v, "userId");
	const char *peer = v->box->session ? session_peer(v->box->session) : NULL;
	if (user && peer && strcmp(user, peer) != 0) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "userId: %s is not in this call", user);
		return;
	}
	set_view(v, "remote", &v->box->conf.remote_view);
}

static void verb_preview(struct verb *v)
{
	struct box *box = v->box;
	bool on = message_bool(v->params, "on", true);
	if (call_core_status(box->core) != CALL_IDLE) {
		api_wrong_state(v, "an idle box");
		return;
	}
	session_close(box->session);
	box->session = on ? session_open(box, NULL) : NULL;
	if (!on)
		box_switches_restore(box);
	screen_touch(box->screen);
	api_answer(v, 0, NULL, NULL);
}

/* One conf key from a number; false: it was refused and the request is answered. */
static bool set_number(struct verb *v, const char *name, const char *key, int value)
{
	char *error = NULL;
	g_autofree char *number = g_strdup_printf("%d", value);
	if (settings_set(conf_table, key, number, &v->box->conf, &error) == 0)
		return true;
	control_error(v->request, CONTROL_INVALID_PARAMS, "%s: %s", name, error);
	g_free(error);
	return false;
}

/* "WIDTHxHEIGHT", or the usual names. */
static bool set_resolution(struct verb *v, const char *text)
{
	static const struct { const char *name; int width, height; } names[] = {
		{ "180p", 320, 180 }, { "360p", 640, 360 }, { "720p", 1280, 720 }, { "1080p", 1920, 1080 },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(text, names[i].name) == 0)
			return set_number(v, "resolution", "width", names[i].width) &&
			       set_number(v, "resolution", "height", names[i].height);
	char *end;
	long width = strtol(text, &end, 10), height = *end == 'x' ? strtol(end + 1, &end, 10) : 0;
	if (*end || width <= 0 || height <= 0 || width > 10000 || height > 10000) {
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "resolution: 180p, 360p, 720p, 1080p or WIDTHxHEIGHT is needed");
		return false;
	}
	return set_number(v, "resolution", "width", (int)width) && set_number(v, "resolution", "height", (int)height);
}

/* What people call quality: bits for each pixel and picture at 640x360. The larger the picture the fewer are
 * needed: with the fourth root of the area. */
static bool set_quality(struct verb *v, const char *text)
{
	static const struct { const char *name; double bits; } names[] = {
		{ "low", 0.06 }, { "medium", 0.12 }, { "high", 0.2 },
	};
	const struct conf *conf = &v->box->conf;
	const double area = (double)conf->width * conf->height;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(text, names[i].name) == 0)
			return set_number(v, "quality", "bitrate",
					  (int)CLAMP(names[i].bits * pow(640.0 * 360.0 / area, 0.25) * area *
							     conf->fps / 1000,
						     50, 20000));
	control_error(v->request, CONTROL_INVALID_PARAMS, "quality: low, medium or high is needed");
	return false;
}

static bool set_profile(struct verb *v)
{
	static const struct { const char *name, *key; } names[] = {
		{ "width", "width" }, { "height", "height" }, { "frameRate", "fps" }, { "bitrate", "bitrate" },
	};
	const char *resolution = api_text(v, "resolution"), *quality = api_text(v, "quality");
	bool own_rate = quality || message_member(v->params, "bitrate") != NULL;
	if (resolution && !set_resolution(v, resolution))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (message_member(v->params, names[i].name) &&
		    !set_number(v, names[i].name, names[i].key, message_int(v->params, names[i].name, -1)))
			return false;
	if (quality)
		return set_quality(v, quality);
	return own_rate || !resolution || set_quality(v, "medium");
}

/* All of it or nothing. */
static void verb_profile(struct verb *v)
{
	struct conf *conf = &v->box->conf;
	const int width = conf->width, height = conf->height, fps = conf->fps, bitrate_kbps = conf->bitrate_kbps;
	if (!set_profile(v)) {
		conf->width = width;
		conf->height = height;
		conf->fps = fps;
		conf->bitrate_kbps = bitrate_kbps;
		return;
	}
	if (v->box->session)
		session_profile(v->box->session);
	api_answer(v, 0, NULL, NULL);
}

static void verb_stats(struct verb *v)
{
	if (v->box->session)
		session_stats(v->box->session, v->request);
	else
		control_result(v->request, cJSON_CreateObject());
}

static void verb_snapshot(struct verb *v)
{
	const char *which = api_text(v, "which"), *file = api_text(v, "file");
	if (!which || (!g_str_equal(which, "local") && !g_str_equal(which, "remote")))
		control_error(v->request, CONTROL_INVALID_PARAMS, "which: local or remote is needed");
	else if (!file || !g_path_is_absolute(file))
		control_error(v->request, CONTROL_INVALID_PARAMS, "file: an absolute path is needed");
	else if (!v->box->session)
		control_error(v->request, CONTROL_REFUSED, "wrong state: idle; a call or a preview is needed");
	else
		session_snapshot(v->box->session, which, file, v->request);
}

static int number_within(const struct verb *v, const char *name, int otherwise, int least, int most)
{
	return CLAMP(message_int(v->params, name, otherwise), least, most);
}

static void verb_watch_view(struct verb *v)
{
	const char *which = api_text(v, "which");
	int fd;
	if (!which || (!g_str_equal(which, "local") && !g_str_equal(which, "remote"))) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "which: local or remote is needed");
		return;
	}
	int r = watchers_add(v->box, which, number_within(v, "width", 640, 16, 1920),
			     number_within(v, "height", 360, 16, 1080), number_within(v, "frameRate", 20, 1, 30), &fd);
	if (r < 0)
		control_error(v->request, CONTROL_REFUSED, "%s",
			      r == -EBUSY ? "as many watch already as may" : g_strerror(-r));
	else
		control_result_fd(v->request, NULL, fd);
}

const struct verb_row api_media_verbs[] = {
	{ "muteLocalAudio", verb_mute_audio, true, "on", "The microphone stays open, nothing of it is sent." },
	{ "muteLocalVideo", verb_mute_video, true, "on", "The camera stays open, nothing of it is sent." },
	{ "enableLocalAudio", verb_enable_audio, true, "on", "Opens or closes the microphone in a call." },
	{ "enableLocalVideo", verb_enable_video, true, "on", "Opens or closes the camera in a call or a preview." },
	{ "setAudioMute", verb_audio_mute, true, "on, userId", "Mutes the other side on the speaker here." },
	{ "getDevices", verb_devices, false, "",
	  "What is used (camera, microphone, speaker), what was found (cameras, microphones, speakers: lists of id and\n"
	  "name), and soundCards with what each has and what keeps it from being used." },
	{ "switchDevice", verb_switch_device, true, "kind microphoneId, cameraId or speakerId, id",
	  "Uses another device, in a call too." },
	{ "setVolume", verb_set_volume, true, "kind speaker or microphone, percent",
	  "Turns the card's own knob; where it has none, the sound itself is weighed." },
	{ "getVolume", verb_get_volume, false, "", "Of both: percent, the knob's switch, whether the card has a mixer." },
	{ "setupLocalView", verb_local_view, true, "view", "Where the own picture is shown." },
	{ "setupRemoteView", verb_remote_view, true, "view, userId", "Where the other side is shown." },
	{ "preview", verb_preview, true, "on", "The own picture without a call." },
	{ "setCallProfile", verb_profile, true, "resolution, frameRate, quality low medium high, width, height, bitrate",
	  "The picture that is sent, at most; in a call too; a resolution alone means medium quality." },
	{ "stats", verb_stats, false, "", "Numbers of the present call." },
	{ "snapshot", verb_snapshot, false, "which local or remote, file", "Saves a view's picture as PNG." },
	{ "watchView", verb_watch_view, false, "which local or remote, width, height, frameRate",
	  "With the answer comes a descriptor (SCM_RIGHTS), a SOCK_SEQPACKET socket: a view's pictures until it closes,\n"
	  "one JPEG a packet, no larger and no more a second than asked for; a packet of one byte: none now." },
	{ NULL, NULL, false, NULL, NULL },
};
