#include "core/box/session.h"

#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/box/drifts.h"
#include "core/box/line.h"
#include "core/devices/control.h"
#include "core/box/screen.h"
#include "core/box/watchers.h"

#define ANSWER_LIMIT_MS 2000
#define STOP_GRACE_MS 150
#define VIDEO_RESTARTS_MAX 10
#define WARM_MS 200

/* A question to the processes that a control client waits for. */
struct question {
	struct session *session;
	int id;
	struct control_request *request;
	cJSON *answer;
	unsigned int wanted; /* answers still to come */
	char *words;	     /* controls of the camera that are kept when it took them */
	guint timer;
};

struct session {
	struct box *box;
	char *call_id; /* NULL: preview */
	char *peer;
	struct child *media, *video;
	bool started, anchor, up, held, silenced;
	bool shown;    /* callbox-video has the other side's first picture */
	bool pictures; /* its views may use the screen */
	enum call_type type;
	int next_question;
	unsigned int video_restarts;
	guint warm_timer;
	GQueue questions;
};

static const struct message_field text_fields[] = { { "reason", M_STRING, false, 0, 0 },
						    { "message", M_STRING, false, 0, 0 },
						    { NULL, M_STRING, false, 0, 0 } };
static const struct message_field stats_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
						     { "stats", M_OBJECT, true, 0, 0 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct message_field description_fields[] = { { "type", M_STRING, true, 1, 16 },
							   { "sdp", M_STRING, true, 1, 16384 },
							   { NULL, M_STRING, false, 0, 0 } };
static const struct message_field candidates_fields[] = { { "candidates", M_ARRAY, true, 0, 64 },
							  { NULL, M_STRING, false, 0, 0 } };
static const struct message_field device_fields[] = { { "kind", M_STRING, true, 1, 32 },
						      { "id", M_STRING, true, 0, 256 },
						      { "state", M_STRING, true, 1, 32 },
						      { "message", M_STRING, true, 0, 1024 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_field quality_fields[] = { { "up", M_NUMBER, true, 0, 5 },
						       { "down", M_NUMBER, true, 0, 5 },
						       { NULL, M_STRING, false, 0, 0 } };
static const struct message_field drift_fields[] = { { "microphone", M_STRING, true, 1, 127 },
						     { "speaker", M_STRING, true, 1, 127 },
						     { "nanos", M_NUMBER, true, -1e6, 1e6 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape media_shapes[] = {
	{ "ready", NULL }, { "description", description_fields }, { "candidates", candidates_fields },
	{ "up", NULL }, { "lost", text_fields }, { "quality", quality_fields }, { "stats", stats_fields },
	{ "device", device_fields }, { "drift", drift_fields }, { "failed", text_fields }, { "stopped", NULL },
	{ NULL, NULL },
};

static const struct message_field camera_fields[] = { { "id", M_STRING, true, 0, 256 },
						      { "state", M_STRING, true, 1, 32 },
						      { "message", M_STRING, true, 0, 1024 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_field snapshot_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
							{ "error", M_STRING, false, 0, 1024 },
							{ NULL, M_STRING, false, 0, 0 } };
static const struct message_field coder_fields[] = { { "part", M_STRING, true, 1, 32 },
						     { "name", M_STRING, true, 1, 256 },
						     { "reason", M_STRING, true, 0, 512 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct message_field controls_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
							{ "controls", M_ARRAY, false, 0, 256 },
							{ "error", M_STRING, false, 0, 1024 },
							{ NULL, M_STRING, false, 0, 0 } };
static const struct message_shape video_shapes[] = {
	{ "ready", NULL }, { "coder", coder_fields }, { "camera", camera_fields }, { "shown", NULL },
	{ "snapshot", snapshot_fields }, { "controls", controls_fields }, { "stats", stats_fields },
	{ "failed", text_fields }, { "stopped", NULL }, { NULL, NULL },
};

static void core_fact(struct session *session, enum call_media_fact fact, const char *detail)
{
	if (session->call_id)
		call_core_media(session->box->core, box_now_ms(), session->call_id, fact, detail);
}

/* A message of a process as an event: without the name it had on its channel. */
static void forward(struct session *session, const char *event, const cJSON *message)
{
	cJSON *payload = cJSON_Duplicate(message, true);
	cJSON_DeleteItemFromObjectCaseSensitive(payload, "m");
	if (session->call_id)
		cJSON_AddStringToObject(payload, "callId", session->call_id);
	box_event(session->box, event, payload);
}

static void error_event(struct session *session, const char *device, const char *text)
{
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "device", device);
	cJSON_AddNumberToObject(payload, "code", 4);
	cJSON_AddStringToObject(payload, "message", text);
	if (session->call_id)
		cJSON_AddStringToObject(payload, "callId", session->call_id);
	log_warning("%s", text);
	box_event(session->box, "onError", payload);
}

/* ---- questions ---- */

static void question_answer(struct question *question)
{
	g_queue_remove(&question->session->questions, question);
	if (question->timer)
		g_source_remove(question->timer);
	const char *error = message_string(question->answer, "error", NULL);
	if (error)
		control_error(question->request, CONTROL_REFUSED, "%s", error);
	else
		control_result(question->request, cJSON_Duplicate(question->answer, true));
	if (!error && question->words && !question->wanted) {
		struct conf *conf = &question->session->box->conf;
		char *all = control_words_merge(conf->camera_controls, question->words);
		g_free(conf->camera_controls);
		conf->camera_controls = all;
	}
	g_free(question->words);
	cJSON_Delete(question->answer);
	g_free(question);
}

static gboolean on_question_limit(void *data)
{
	struct question *question = data;
	question->timer = 0;
	question_answer(question);
	return G_SOURCE_REMOVE;
}

static struct question *question_new(struct session *session, struct control_request *request,
				     unsigned int wanted)
{
	struct question *question = g_new0(struct question, 1);
	question->session = session;
	question->id = ++session->next_question;
	question->request = request;
	question->answer = cJSON_CreateObject();
	question->wanted = wanted;
	question->timer = g_timeout_add(ANSWER_LIMIT_MS, on_question_limit, question);
	g_queue_push_tail(&session->questions, question);
	return question;
}

/* The message's member becomes the answer's part, unless it has an error. NULL: nothing more than that is told. */
static void on_answer(struct session *session, const cJSON *message, const char *part, const char *member)
{
	int id = message_int(message, "id", 0);
	for (GList *l = session->questions.head; l; l = l->next) {
		struct question *question = l->data;
		if (question->id != id)
			continue;
		const char *error = message_string(message, "error", NULL);
		if (error)
			cJSON_AddStringToObject(question->answer, "error", error);
		else if (part && message_member(message, member))
			cJSON_AddItemToObject(question->answer, part,
					      cJSON_Duplicate(message_member(message, member), true));
		if (--question->wanted == 0)
			question_answer(question);
		return;
	}
}

/* ---- callbox-media ---- */

static void quality_told(struct session *session, const cJSON *message)
{
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "callId", session->call_id);
	cJSON_AddStringToObject(payload, "userId", session->peer ? session->peer : "");
	cJSON_AddNumberToObject(payload, "up", message_int(message, "up", 0));
	cJSON_AddNumberToObject(payload, "down", message_int(message, "down", 0));
	core_fact(session, CALL_MEDIA_ALIVE, NULL);
	box_event(session->box, "onUserNetworkQuality", payload);
}

static void device_told(struct session *session, const cJSON *message)
{
	const char *state = message_string(message, "state", "");
	if (g_str_equal(state, "failed") || g_str_equal(state, "lost"))
		error_event(session, message_string(message, "kind", ""), message_string(message, "message", ""));
	forward(session, "onDevice", message);
}

static void on_media(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct session *session = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "description") || g_str_equal(name, "candidates")) {
		cJSON *body = cJSON_Duplicate(message, true);
		cJSON_DeleteItemFromObjectCaseSensitive(body, "m");
		call_core_media_message(session->box->core, box_now_ms(), session->call_id, name, body);
		cJSON_Delete(body);
	} else if (g_str_equal(name, "up")) {
		session->up = true;
		core_fact(session, CALL_MEDIA_UP, NULL);
	} else if (g_str_equal(name, "lost")) {
		core_fact(session, CALL_MEDIA_LOST, message_string(message, "reason", ""));
	} else if (g_str_equal(name, "quality")) {
		quality_told(session, message);
	} else if (g_str_equal(name, "stats")) {
		on_answer(session, message, "media", "stats");
	} else if (g_str_equal(name, "device")) {
		device_told(session, message);
	} else if (g_str_equal(name, "drift")) {
		drifts_put(session->box->conf.state_dir, message_string(message, "microphone", ""),
			   message_string(message, "speaker", ""), message_int(message, "nanos", 0));
	} else if (g_str_equal(name, "failed")) {
		core_fact(session, CALL_MEDIA_FAILED, message_string(message, "message", "media failed"));
	}
	box_drain(session->box);
}

static void on_media_end(struct child *child, const char *how, bool clean, void *data)
{
	struct session *session = data;
	(void)child;
	(void)clean;
	session->media = NULL;
	g_autofree char *text = g_strdup_printf("callbox-media: %s", how);
	log_error("%s", text);
	core_fact(session, CALL_MEDIA_FAILED, text);
	box_drain(session->box);
}

/* ---- callbox-video ---- */

static void video_open(struct session *session);
static void video_start(struct session *session);
static void units_join(struct session *session);

static void on_video(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct session *session = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "camera")) {
		const char *state = message_string(message, "state", "");
		if (g_str_equal(state, "failed") || g_str_equal(state, "lost"))
			error_event(session, "camera", message_string(message, "message", ""));
		forward(session, "onCamera", message);
	} else if (g_str_equal(name, "coder")) {
		forward(session, "onCoder", message);
	} else if (g_str_equal(name, "shown")) {
		session->shown = true;
		forward(session, "onViewShown", message);
	} else if (g_str_equal(name, "stats")) {
		on_answer(session, message, "video", "stats");
	} else if (g_str_equal(name, "snapshot")) {
		on_answer(session, message, NULL, NULL);
	} else if (g_str_equal(name, "controls")) {
		on_answer(session, message, "controls", "controls");
	} else if (g_str_equal(name, "failed")) {
		error_event(session, "video", message_string(message, "message", "video failed"));
	}
	box_drain(session->box);
}

static void on_video_end(struct child *child, const char *how, bool clean, void *data)
{
	struct session *session = data;
	(void)child;
	(void)clean;
	session->video = NULL;
	session->shown = session->pictures = false;
	g_autofree char *text = g_strdup_printf("callbox-video: %s", how);
	error_event(session, "video", text);
	if (++session->video_restarts > VIDEO_RESTARTS_MAX)
		return;
	video_open(session);
	if (session->started && session->video) {
		video_start(session);
		units_join(session);
	}
}

static void tell(struct child *child, cJSON *message)
{
	if (child)
		child_send(child, message);
	else
		cJSON_Delete(message);
}

/* A fresh pair of sockets between the two processes. */
static void units_join(struct session *session)
{
	int fds[2];
	if (!session->media || !session->video || channel_pair(fds) < 0)
		return;
	child_send_fd(session->media, message_new("units"), fds[0]);
	child_send_fd(session->video, message_new("units"), fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static bool wants_camera(const struct session *session)
{
	return session->box->video_enabled && !session->held &&
	       (!session->call_id || session->type != CALL_AUDIO);
}

static void profile_add(const struct session *session, cJSON *message)
{
	const struct conf *conf = &session->box->conf;
	cJSON_AddNumberToObject(message, "width", conf->width);
	cJSON_AddNumberToObject(message, "height", conf->height);
	cJSON_AddNumberToObject(message, "fps", conf->fps);
	cJSON_AddNumberToObject(message, "bitrate_bps", conf->bitrate_kbps * 1000.0);
}

void session_profile(struct session *session)
{
	if (!session->started)
		return; /* what starts later starts with it */
	cJSON *message = message_new("profile");
	profile_add(session, message);
	tell(session->video, message);
	message = message_new("profile");
	profile_add(session, message);
	tell(session->media, message);
}

/* What callbox-video is to open for a view now. Caller frees. */
static char *view_now(const struct session *session, const char *view)
{
	bool waits = session->box->screen && g_str_has_prefix(view, "kms:") && !session->pictures;
	return waits ? g_strdup("null:") : screen_view(&session->box->conf, view, !session->call_id);
}

static void video_start(struct session *session)
{
	g_autofree char *local = view_now(session, session->box->conf.local_view);
	g_autofree char *remote = view_now(session, session->box->conf.remote_view);
	const struct conf *conf = &session->box->conf;
	cJSON *message = message_new("start");
	cJSON_AddStringToObject(message, "mode", session->call_id ? "call" : "preview");
	cJSON_AddStringToObject(message, "camera", conf->camera);
	cJSON_AddStringToObject(message, "encoder", conf->encoder);
	cJSON_AddStringToObject(message, "decoder", conf->decoder);
	cJSON_AddNumberToObject(message, "hardware_retry_ms", conf->hardware_retry_ms);
	/* A process that died may have died of its GPU's driver. */
	cJSON_AddNumberToObject(message, "hardware_after_ms",
				session->video_restarts > 0 ? conf->hardware_retry_ms : 0);
	cJSON_AddStringToObject(message, "quirks", conf->quirks ? conf->quirks : "");
	cJSON_AddStringToObject(message, "controls", conf->camera_controls ? conf->camera_controls : "");
	cJSON_AddBoolToObject(message, "camera_h264", conf->camera_h264);
	profile_add(session, message);
	cJSON_AddStringToObject(message, "local_view", local);
	cJSON_AddStringToObject(message, "remote_view", remote);
	child_send(session->video, message);
	message = message_new("enable");
	cJSON_AddBoolToObject(message, "on", wants_camera(session));
	child_send(session->video, message);
	message = message_new("mute");
	cJSON_AddBoolToObject(message, "on", session->box->video_muted);
	child_send(session->video, message);
	watchers_session(session->box, session);
}

static void video_open(struct session *session)
{
	const char *const arguments[] = { session->call_id ? session->call_id : "preview", NULL };
	int r = child_start("callbox-video", arguments, video_shapes, on_video, on_video_end, session,
			    &session->video);
	if (r < 0)
		error_event(session, "video", g_strerror(-r));
}

/* It rings for a while: what takes long is made ready while people decide. */
static gboolean on_warm_timer(void *data)
{
	struct session *session = data;
	session->warm_timer = 0;
	tell(session->media, message_new("warm"));
	tell(session->video, message_new("warm"));
	return G_SOURCE_REMOVE;
}

static void warm_end(struct session *session)
{
	if (session->warm_timer)
		g_source_remove(session->warm_timer);
	session->warm_timer = 0;
}

struct session *session_open(struct box *box, const char *call_id)
{
	struct session *session = g_new0(struct session, 1);
	session->box = box;
	session->call_id = g_strdup(call_id);
	const char *const arguments[] = { call_id, NULL };
	if (call_id && child_start("callbox-media", arguments, media_shapes, on_media, on_media_end, session,
				   &session->media) < 0)
		session->media = NULL;
	video_open(session);
	if (!call_id && session->video) {
		session->started = true;
		video_start(session);
	}
	if (call_id)
		session->warm_timer = g_timeout_add(WARM_MS, on_warm_timer, session);
	return session;
}

static void flags_tell(struct session *session)
{
	const struct box *box = session->box;
	cJSON *message = message_new("mute");
	cJSON_AddBoolToObject(message, "audio", box->audio_muted);
	cJSON_AddBoolToObject(message, "video", box->video_muted);
	tell(session->media, message);
	message = message_new("enable");
	cJSON_AddBoolToObject(message, "audio", box->audio_enabled && !session->held);
	cJSON_AddBoolToObject(message, "video", wants_camera(session));
	tell(session->media, message);
}

void session_start(struct session *session, const char *account, const char *peer, bool anchor,
		   enum call_type type)
{
	const struct conf *conf = &session->box->conf;
	if (!session->media || !session->video) {
		core_fact(session, CALL_MEDIA_FAILED, "callbox-media or callbox-video cannot be started");
		return;
	}
	warm_end(session);
	session->started = true;
	session->anchor = anchor;
	session->type = type;
	session->peer = g_strdup(peer);
	struct line *line = line_find(session->box, account);
	cJSON *message = message_new("start");
	cJSON_AddStringToObject(message, "call_id", session->call_id);
	cJSON_AddStringToObject(message, "role", anchor ? "offer" : "answer");
	cJSON_AddBoolToObject(message, "audio", true);
	cJSON_AddBoolToObject(message, "video", true);
	cJSON *servers = line ? cJSON_Duplicate(line_ice_servers(line), true) : cJSON_CreateArray();
	const cJSON *own;
	cJSON_ArrayForEach(own, token_servers(session->box->token))
		cJSON_AddItemToArray(servers, cJSON_Duplicate(own, true));
	cJSON_AddItemToObject(message, "ice_servers", servers);
	cJSON_AddStringToObject(message, "microphone", conf->microphone);
	cJSON_AddStringToObject(message, "speaker", conf->speaker);
	cJSON *settings = cJSON_AddObjectToObject(message, "settings");
	cJSON_AddBoolToObject(settings, "loopback", conf->ice_loopback);
	cJSON_AddStringToObject(settings, "interface", conf->network_interface ? conf->network_interface : "");
	cJSON_AddStringToObject(settings, "video_codecs", conf->video_codecs);
	cJSON_AddNumberToObject(settings, "video_bitrate_bps", conf->bitrate_kbps * 1000.0);
	cJSON_AddBoolToObject(settings, "echo_cancel", conf->echo_cancel);
	cJSON_AddBoolToObject(settings, "noise_suppress", conf->noise_suppress);
	cJSON_AddBoolToObject(settings, "gain_control", conf->gain_control);
	cJSON_AddItemToObject(settings, "drifts", drifts_load(conf->state_dir));
	child_send(session->media, message);
	flags_tell(session);
	video_start(session);
	units_join(session);
	/* session_start() is called on the anchor's verdict only: now our sound and picture may leave. */
	message = message_new("gate");
	cJSON_AddBoolToObject(message, "open", true);
	child_send(session->media, message);
}

void session_close(struct session *session)
{
	if (!session)
		return;
	warm_end(session);
	child_stop(session->media, STOP_GRACE_MS);
	child_stop(session->video, STOP_GRACE_MS);
	if (!session->held)
		watchers_blank(session->box);
	while (!g_queue_is_empty(&session->questions)) {
		struct question *question = g_queue_peek_head(&session->questions);
		if (cJSON_GetArraySize(question->answer) == 0)
			cJSON_AddStringToObject(question->answer, "error", "the call has ended");
		question_answer(question);
	}
	g_free(session->call_id);
	g_free(session->peer);
	g_free(session);
}

const char *session_peer(const struct session *session)
{
	return session->peer;
}

const char *session_call_id(const struct session *session)
{
	return session->call_id;
}

void session_peer_message(struct session *session, const char *kind, const cJSON *body)
{
	cJSON *message = message_new(kind);
	static const char *const copied[] = { "type", "sdp", "candidates" };
	for (size_t i = 0; i < G_N_ELEMENTS(copied); i++)
		if (message_member(body, copied[i]))
			cJSON_AddItemToObject(message, copied[i],
					      cJSON_Duplicate(message_member(body, copied[i]), true));
	tell(session->media, message);
}

void session_flags(struct session *session)
{
	cJSON *message = message_new("mute");
	cJSON_AddBoolToObject(message, "on", session->box->video_muted);
	tell(session->video, message);
	message = message_new("enable");
	cJSON_AddBoolToObject(message, "on", wants_camera(session));
	tell(session->video, message);
	flags_tell(session);
}

void session_type(struct session *session, enum call_type type)
{
	session->type = type;
	session_flags(session);
}

bool session_is_ready(const struct session *session)
{
	return session->media && session->video;
}

void session_hold(struct session *session, bool on)
{
	session->held = on;
	if (on) {
		session_pictures(session, false);
		tell(session->video, message_new("unwatch"));
		watchers_blank(session->box);
	}
	session_flags(session);
	if (!on)
		watchers_session(session->box, session);
	session_switch(session, "speaker", on ? "null:" : session->box->conf.speaker);
}

void session_tone(struct session *session, const char *tone, int volume)
{
	cJSON *message = message_new("tone");
	if (tone)
		cJSON_AddStringToObject(message, "tone", tone);
	cJSON_AddNumberToObject(message, "volume", volume);
	tell(session->media, message);
}

void session_gain(struct session *session, const char *kind, double gain)
{
	cJSON *message = message_new("gain");
	cJSON_AddStringToObject(message, "kind", kind);
	cJSON_AddNumberToObject(message, "millis", (int)(gain * 1000));
	tell(session->media, message);
}

void session_playout_mute(struct session *session, bool on)
{
	cJSON *message = message_new("playout_mute");
	cJSON_AddBoolToObject(message, "on", on);
	tell(session->media, message);
	session->silenced = on;
}

bool session_is_silenced(const struct session *session)
{
	return session && session->silenced;
}

void session_switch(struct session *session, const char *kind, const char *id)
{
	cJSON *message = message_new("switch");
	cJSON_AddStringToObject(message, "kind", kind);
	cJSON_AddStringToObject(message, "id", id);
	tell(g_str_equal(kind, "camera") ? session->video : session->media, message);
}

void session_view(struct session *session, const char *which)
{
	const struct conf *conf = &session->box->conf;
	g_autofree char *view = view_now(session, strcmp(which, "local") == 0 ? conf->local_view : conf->remote_view);
	cJSON *message = message_new("view");
	cJSON_AddStringToObject(message, "which", which);
	cJSON_AddStringToObject(message, "output", view);
	tell(session->video, message);
}

bool session_has_pictures(const struct session *session)
{
	const struct conf *conf = &session->box->conf;
	if (!session->started || session->held || !session->video)
		return false;
	if (session->call_id && g_str_has_prefix(conf->remote_view, "kms:"))
		return session->shown;
	return g_str_has_prefix(conf->local_view, "kms:");
}

void session_pictures(struct session *session, bool on)
{
	const struct conf *conf = &session->box->conf;
	if (session->pictures == on)
		return;
	session->pictures = on;
	if (g_str_has_prefix(conf->remote_view, "kms:"))
		session_view(session, "remote");
	if (g_str_has_prefix(conf->local_view, "kms:"))
		session_view(session, "local");
}

void session_stats(struct session *session, struct control_request *request)
{
	struct child *children[] = { session->media, session->video };
	unsigned int wanted = (session->media != NULL) + (session->video != NULL);
	if (!session->started || wanted == 0) {
		control_result(request, cJSON_CreateObject());
		return;
	}
	struct question *question = question_new(session, request, wanted);
	for (size_t i = 0; i < G_N_ELEMENTS(children); i++) {
		cJSON *message = message_new("stats");
		cJSON_AddNumberToObject(message, "id", question->id);
		tell(children[i], message);
	}
}

void session_controls(struct session *session, const char *words, struct control_request *request)
{
	if (!session->video) {
		control_error(request, CONTROL_REFUSED, "callbox-video does not run");
		return;
	}
	struct question *question = question_new(session, request, 1);
	question->words = g_strdup(words);
	cJSON *message = message_new("controls");
	cJSON_AddNumberToObject(message, "id", question->id);
	if (words)
		cJSON_AddStringToObject(message, "set", words);
	child_send(session->video, message);
}

void session_watch(struct session *session, cJSON *message, int fd)
{
	if (session->video && session->started && !session->held)
		child_send_fd(session->video, message, fd);
	else
		cJSON_Delete(message);
}

void session_snapshot(struct session *session, const char *which, const char *file,
		      struct control_request *request)
{
	if (!session->video) {
		control_error(request, CONTROL_REFUSED, "callbox-video does not run");
		return;
	}
	struct question *question = question_new(session, request, 1);
	cJSON *message = message_new("snapshot");
	cJSON_AddNumberToObject(message, "id", question->id);
	cJSON_AddStringToObject(message, "which", which);
	cJSON_AddStringToObject(message, "file", file);
	child_send(session->video, message);
}
