/* api: the verbs of the control socket. One row a verb; a verb's function reads its parameters, asks the
 * core or the session, and answers. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/box/box.h"
#include "core/box/line.h"
#include "core/box/session.h"

struct verb {
	struct box *box;
	struct control_request *request;
	const cJSON *params;
};

static const char *text(const struct verb *v, const char *name)
{
	return message_string(v->params, name, NULL);
}

/* Answers with what the core said. */
static void answer(struct verb *v, int r, char *error, cJSON *result)
{
	if (r < 0) {
		control_error(v->request, r == -EINVAL ? CONTROL_INVALID_PARAMS : CONTROL_REFUSED, "%s",
			      error ? error : g_strerror(-r));
		cJSON_Delete(result);
	} else {
		control_result(v->request, result);
	}
	g_free(error);
	box_drain(v->box);
}

static void call_id_make(char id[CALL_ID_CHARS + 1])
{
	unsigned char bytes[CALL_ID_CHARS / 2];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		g_error("no randomness");
	for (size_t i = 0; i < sizeof(bytes); i++)
		g_snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static cJSON *group_of(const struct verb *v)
{
	if (!message_member(v->params, "groupId") && !message_member(v->params, "userIds"))
		return NULL;
	cJSON *group = cJSON_CreateObject();
	const cJSON *users = message_member(v->params, "userIds");
	cJSON_AddStringToObject(group, "group_id", message_string(v->params, "groupId", ""));
	cJSON_AddItemToObject(group, "user_ids", users ? cJSON_Duplicate(users, true) : cJSON_CreateArray());
	cJSON_AddBoolToObject(group, "is_from_group", message_bool(v->params, "isFromGroup", false));
	return group;
}

static void verb_call(struct verb *v)
{
	char id[CALL_ID_CHARS + 1], *error = NULL;
	const struct line *line = line_find(v->box, text(v, "account"));
	if (!line) {
		control_error(v->request, CONTROL_REFUSED, "account: %s", text(v, "account")
			      ? "this box has no such account" : "this box has no account: add one under accounts/");
		return;
	}
	cJSON *state = line_json(line);
	bool online = g_str_equal(message_string(state, "state", ""), "online");
	g_autofree char *why = g_strdup_printf("account %s is %s: %s", line_account(line),
					       message_string(state, "state", ""),
					       message_string(state, "message", ""));
	cJSON_Delete(state);
	if (!online) {
		control_error(v->request, CONTROL_REFUSED, "%s", why);
		return;
	}
	call_id_make(id);
	cJSON *group = group_of(v);
	struct call_request request = {
		.call_id = id, .account = line_account(line), .user = text(v, "userId"),
		.type = (enum call_type)message_int(v->params, "type", CALL_VIDEO),
		.attachment = message_member(v->params, "attachment"), .group = group,
	};
	int r = call_core_call(v->box->core, box_now_ms(), &request, &error);
	cJSON_Delete(group);
	cJSON *result = cJSON_CreateObject();
	cJSON_AddStringToObject(result, "callId", id);
	answer(v, r, error, result);
}

static void verb_accept(struct verb *v)
{
	char *error = NULL;
	int r = call_core_accept(v->box->core, box_now_ms(), text(v, "callId"),
				 message_int(v->params, "type", 0), &error);
	answer(v, r, error, NULL);
}

static void verb_end(struct verb *v, int (*end)(struct call_core *, int64_t, const char *, char **))
{
	char *error = NULL;
	int r = end(v->box->core, box_now_ms(), text(v, "callId"), &error);
	answer(v, r, error, NULL);
}

static void verb_reject(struct verb *v)
{
	verb_end(v, call_core_reject);
}

static void verb_cancel(struct verb *v)
{
	verb_end(v, call_core_cancel);
}

static void verb_hangup(struct verb *v)
{
	verb_end(v, call_core_hangup);
}

static void verb_set_timeout(struct verb *v)
{
	char *error = NULL;
	const cJSON *ms = message_member(v->params, "ms");
	if (!cJSON_IsNumber(ms)) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "ms: a number of milliseconds is needed");
		return;
	}
	int r = call_core_set_timeout(v->box->core, message_int(v->params, "ms", -1), &error);
	answer(v, r, error, NULL);
}

static void verb_switch_type(struct verb *v)
{
	char *error = NULL;
	int r = call_core_switch_type(v->box->core, box_now_ms(),
				      (enum call_type)message_int(v->params, "type", 0),
				      message_int(v->params, "state", 1), &error);
	answer(v, r, error, NULL);
}

static void flag(struct verb *v, bool *which)
{
	struct box *box = v->box;
	const cJSON *on = message_member(v->params, "on");
	if (!cJSON_IsBool(on)) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "on: true or false is needed");
		return;
	}
	*which = cJSON_IsTrue(on);
	if (box->session)
		session_flags(box->session);
	call_core_flags(box->core, box_now_ms(), box->audio_muted, box->video_muted, box->audio_enabled,
			box->video_enabled);
	answer(v, 0, NULL, NULL);
}

static void verb_mute_audio(struct verb *v)
{
	flag(v, &v->box->audio_muted);
}

static void verb_mute_video(struct verb *v)
{
	flag(v, &v->box->video_muted);
}

static void verb_enable_audio(struct verb *v)
{
	flag(v, &v->box->audio_enabled);
}

static void verb_enable_video(struct verb *v)
{
	flag(v, &v->box->video_enabled);
}

/* The session of a connected call; answers the request itself when there is none. */
static struct session *call_session(struct verb *v)
{
	struct session *session = v->box->session;
	if (session && session_call_id(session))
		return session;
	control_error(v->request, CONTROL_REFUSED, "wrong state: %s; a connected call is needed",
		      call_status_name(call_core_status(v->box->core)));
	return NULL;
}

static void verb_audio_mute(struct verb *v)
{
	const cJSON *on = message_member(v->params, "on");
	struct session *session = call_session(v);
	if (!session)
		return;
	if (!cJSON_IsBool(on)) {
		control_error(v->request, CONTROL_INVALID_PARAMS, "on: true or false is needed");
		return;
	}
	session_playout_mute(session, cJSON_IsTrue(on));
	answer(v, 0, NULL, NULL);
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
	const char *kind = text(v, "kind"), *id = text(v, "id");
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
	answer(v, 0, NULL, NULL);
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
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "id", id);
		cJSON_AddStringToObject(one, "name", label ? g_strstrip(label) : name);
		cJSON_AddItemToArray(found, one);
	}
	if (dir)
		g_dir_close(dir);
	answer(v, 0, NULL, result);
}

static void set_view(struct verb *v, const char *which, char **slot)
{
	const char *view = text(v, "view");
	if (!view || !strchr(view, ':')) {
		control_error(v->request, CONTROL_INVALID_PARAMS,
			      "view: null:, png:FILE, raw:FILE or window: is needed");
		return;
	}
	g_free(*slot);
	*slot = g_strdup(view);
	if (v->box->session)
		session_view(v->box->session, which, view);
	answer(v, 0, NULL, NULL);
}

static void verb_local_view(struct verb *v)
{
	set_view(v, "local", &v->box->conf.local_view);
}

static void verb_remote_view(struct verb *v)
{
	set_view(v, "remote", &v->box->conf.remote_view);
}

static void verb_preview(struct verb *v)
{
	struct box *box = v->box;
	bool on = message_bool(v->params, "on", true);
	if (call_core_status(box->core) != CALL_IDLE) {
		control_error(v->request, CONTROL_REFUSED, "wrong state: %s; preview needs an idle box",
			      call_status_name(call_core_status(box->core)));
		return;
	}
	session_close(box->session);
	box->session = on ? session_open(box, NULL) : NULL;
	answer(v, 0, NULL, NULL);
}

static void verb_profile(struct verb *v)
{
	static const struct { const char *name, *key; } names[] = {
		{ "width", "width" }, { "height", "height" }, { "frameRate", "fps" }, { "bitrate", "bitrate" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const cJSON *value = message_member(v->params, names[i].name);
		if (!value)
			continue;
		char *error = NULL;
		g_autofree char *number = g_strdup_printf("%d", message_int(v->params, names[i].name, -1));
		if (settings_set(conf_table, names[i].key, number, &v->box->conf, &error) < 0) {
			control_error(v->request, CONTROL_INVALID_PARAMS, "%s", error);
			g_free(error);
			return;
		}
	}
	answer(v, 0, NULL, NULL);
}

static void verb_records(struct verb *v)
{
	struct history_filter filter = {
		.peer = text(v, "peer"),
		.status = message_int(v->params, "status", 0),
		.since_ms = message_number(v->params, "since", 0),
		.until_ms = message_number(v->params, "until", 0),
		.limit = message_int(v->params, "limit", 100),
	};
	cJSON *result = cJSON_CreateObject();
	cJSON_AddItemToObject(result, "records", history_records(v->box->history, &filter));
	answer(v, 0, NULL, result);
}

static void verb_status(struct verb *v)
{
	answer(v, 0, NULL, box_state(v->box));
}

static void verb_call_info(struct verb *v)
{
	cJSON *state = box_state(v->box);
	cJSON *call = cJSON_DetachItemFromObject(state, "call");
	cJSON_Delete(state);
	answer(v, 0, NULL, call);
}

static void verb_room_info(struct verb *v)
{
	cJSON *state = box_state(v->box), *room = cJSON_CreateObject();
	const cJSON *call = message_member(state, "call");
	if (call) {
		cJSON_AddStringToObject(room, "channelId", message_string(call, "callId", ""));
		cJSON_AddStringToObject(room, "channelName", message_string(call, "callId", ""));
		cJSON *members = cJSON_AddArrayToObject(room, "members");
		cJSON_AddItemToArray(members, cJSON_CreateString(message_string(call, "account", "")));
		cJSON_AddItemToArray(members, cJSON_CreateString(message_string(call, "userId", "")));
	}
	cJSON_Delete(state);
	answer(v, 0, NULL, room);
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
	const char *which = text(v, "which"), *file = text(v, "file");
	if (!which || (!g_str_equal(which, "local") && !g_str_equal(which, "remote")))
		control_error(v->request, CONTROL_INVALID_PARAMS, "which: local or remote is needed");
	else if (!file || !g_path_is_absolute(file))
		control_error(v->request, CONTROL_INVALID_PARAMS, "file: an absolute path is needed");
	else if (!v->box->session)
		control_error(v->request, CONTROL_REFUSED, "wrong state: idle; a call or a preview is needed");
	else
		session_snapshot(v->box->session, which, file, v->request);
}

static void verb_subscribe(struct verb *v)
{
	control_subscribe(v->request);
}

static void log_in_or_out(struct verb *v, void (*act)(struct line *))
{
	struct line *line = line_find(v->box, text(v, "account"));
	if (!line) {
		control_error(v->request, CONTROL_REFUSED, "account: this box has no such account");
		return;
	}
	line_stop(line);
	act(line);
	answer(v, 0, NULL, NULL);
}

static void verb_login(struct verb *v)
{
	log_in_or_out(v, line_start);
}

static void verb_logout(struct verb *v)
{
	log_in_or_out(v, line_stop);
}

static const struct {
	const char *name;
	void (*run)(struct verb *v);
} verbs[] = {
	{ "call", verb_call },
	{ "accept", verb_accept },
	{ "reject", verb_reject },
	{ "cancel", verb_cancel },
	{ "hangup", verb_hangup },
	{ "setCallTimeout", verb_set_timeout },
	{ "switchCallType", verb_switch_type },
	{ "muteLocalAudio", verb_mute_audio },
	{ "muteLocalVideo", verb_mute_video },
	{ "enableLocalAudio", verb_enable_audio },
	{ "enableLocalVideo", verb_enable_video },
	{ "setAudioMute", verb_audio_mute },
	{ "getDevices", verb_devices },
	{ "switchDevice", verb_switch_device },
	{ "setupLocalView", verb_local_view },
	{ "setupRemoteView", verb_remote_view },
	{ "preview", verb_preview },
	{ "setCallProfile", verb_profile },
	{ "getCallRecords", verb_records },
	{ "getCallInfo", verb_call_info },
	{ "getRoomInfo", verb_room_info },
	{ "status", verb_status },
	{ "stats", verb_stats },
	{ "snapshot", verb_snapshot },
	{ "subscribe", verb_subscribe },
	{ "login", verb_login },
	{ "logout", verb_logout },
};

void api_call(struct control_request *request, const char *method, const cJSON *params, void *data)
{
	struct verb v = { .box = data, .request = request, .params = params };
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, method) == 0) {
			verbs[i].run(&v);
			return;
		}
	control_error(request, CONTROL_NO_METHOD, "unknown method \"%.40s\"", method);
}
