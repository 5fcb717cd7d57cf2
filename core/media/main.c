/* callbox-media: one call's transport and sound. UDP and the sound card; no camera, no account secret.
 * Started by callboxd, which speaks to it over descriptor 3. */
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/program.h"
#include "core/media/secure.h"
#include "core/media/session.h"
#include "core/media/sound/tones.h"

struct media {
	struct program *program;
	struct session *session;
};

static void say(struct media *media, cJSON *message)
{
	program_say(media->program, message);
}

static void on_description(const char *type, const char *sdp, void *data)
{
	cJSON *message = message_new("description");
	cJSON_AddStringToObject(message, "type", type);
	cJSON_AddStringToObject(message, "sdp", sdp);
	say(data, message);
}

static void on_candidates(cJSON *candidates, void *data)
{
	cJSON *message = message_new("candidates");
	cJSON_AddItemToObject(message, "candidates", candidates);
	say(data, message);
}

static void on_up(void *data)
{
	say(data, message_new("up"));
}

static void on_lost(const char *reason, void *data)
{
	cJSON *message = message_new("lost");
	cJSON_AddStringToObject(message, "reason", reason);
	say(data, message);
}

static void on_quality(int up, int down, void *data)
{
	cJSON *message = message_new("quality");
	cJSON_AddNumberToObject(message, "up", up);
	cJSON_AddNumberToObject(message, "down", down);
	say(data, message);
}

static void on_failed(const char *why, void *data)
{
	cJSON *message = message_new("failed");
	cJSON_AddNumberToObject(message, "code", 4);
	cJSON_AddStringToObject(message, "message", why);
	say(data, message);
}

/* From the sound's threads. */
static void on_device(const char *kind, const char *id, const char *state, const char *text, void *data)
{
	cJSON *message = message_new("device");
	cJSON_AddStringToObject(message, "kind", kind);
	cJSON_AddStringToObject(message, "id", id);
	cJSON_AddStringToObject(message, "state", state);
	cJSON_AddStringToObject(message, "message", text);
	program_post(((struct media *)data)->program, message);
}

static void on_drift(const char *microphone, const char *speaker, int nanos, void *data)
{
	cJSON *message = message_new("drift");
	cJSON_AddStringToObject(message, "microphone", microphone);
	cJSON_AddStringToObject(message, "speaker", speaker);
	cJSON_AddNumberToObject(message, "nanos", nanos);
	say(data, message);
}

static const struct session_ops ops = { on_description, on_candidates, on_up, on_lost, on_quality, on_device,
					on_failed, on_drift };

/* It rings: what a call needs first is made ready. */
static void do_warm(void *data, const cJSON *message, int fd)
{
	(void)data;
	(void)message;
	(void)fd;
	secure_warm();
}

static void do_start(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		return;
	secure_warm(); /* beside the sound's start */
	int r = session_open(message, &ops, media, &media->session);
	if (r < 0) {
		media->session = NULL;
		g_autofree char *why = g_strdup_printf("media cannot be started: %s", g_strerror(-r));
		on_failed(why, media);
	}
}

static void do_units(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)message;
	if (media->session && fd >= 0)
		session_units(media->session, dup(fd));
}

static void do_description(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_description(media->session, message_string(message, "type", ""),
				    message_string(message, "sdp", ""));
}

static void do_candidates(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_candidates(media->session, message_member(message, "candidates"));
}

static void do_gate(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_gate(media->session, message_bool(message, "open", false));
}

static void do_profile(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_video_rate(media->session, message_number(message, "bitrate_bps", 800000));
}

static void do_mute(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_mute(media->session, message_bool(message, "audio", false),
			     message_bool(message, "video", false));
}

static void do_enable(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_enable(media->session, message_bool(message, "audio", true),
			       message_bool(message, "video", true));
}

static void do_playout_mute(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_playout_mute(media->session, message_bool(message, "on", true));
}

static void do_tone(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	const char *what = message_string(message, "tone", NULL);
	struct tone *tone = NULL;
	char why[512] = "";
	(void)fd;
	if (!media->session)
		return;
	if (what && tone_create(what, message_int(message, "volume", 100), &tone, why, sizeof(why)) < 0)
		on_device("speaker", what, "failed", why, media);
	else
		session_tone(media->session, tone);
}

static void do_gain(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_gain(media->session, message_string(message, "kind", ""),
			     message_number(message, "millis", 1000) / 1000);
}

static void do_switch(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	if (media->session)
		session_switch(media->session, message_string(message, "kind", ""),
			       message_string(message, "id", "null:"));
}

static void do_stats(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)fd;
	cJSON *answer = message_new("stats");
	cJSON_AddNumberToObject(answer, "id", message_number(message, "id", 0));
	cJSON_AddItemToObject(answer, "stats", media->session ? session_stats(media->session)
							      : cJSON_CreateObject());
	say(media, answer);
}

static void do_stop(void *data, const cJSON *message, int fd)
{
	struct media *media = data;
	(void)message;
	(void)fd;
	program_quit(media->program);
}

static const struct message_field start_fields[] = {
	{ "call_id", M_STRING, true, 32, 32 },	   { "role", M_STRING, true, 5, 6 },
	{ "microphone", M_STRING, true, 1, 1024 }, { "speaker", M_STRING, true, 1, 1024 },
	{ "ice_servers", M_ARRAY, false, 0, 16 },  { "settings", M_OBJECT, false, 0, 0 },
	{ "video", M_BOOL, false, 0, 0 },	   { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field description_fields[] = {
	{ "type", M_STRING, true, 1, 16 }, { "sdp", M_STRING, true, 1, 16384 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field candidates_fields[] = { { "candidates", M_ARRAY, true, 0, 64 },
							  { NULL, M_STRING, false, 0, 0 } };
static const struct message_field switch_fields[] = {
	{ "kind", M_STRING, true, 1, 16 }, { "id", M_STRING, true, 1, 256 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field tone_fields[] = {
	{ "tone", M_STRING, false, 1, 1024 }, { "volume", M_NUMBER, true, 0, 100 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field gain_fields[] = {
	{ "kind", M_STRING, true, 1, 16 }, { "millis", M_NUMBER, true, 0, 1000 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field stats_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct program_word words[] = {
	{ "warm", NULL, do_warm },
	{ "start", start_fields, do_start },
	{ "units", NULL, do_units },
	{ "description", description_fields, do_description },
	{ "candidates", candidates_fields, do_candidates },
	{ "gate", NULL, do_gate },
	{ "profile", NULL, do_profile },
	{ "mute", NULL, do_mute },
	{ "enable", NULL, do_enable },
	{ "playout_mute", NULL, do_playout_mute },
	{ "tone", tone_fields, do_tone },
	{ "gain", gain_fields, do_gain },
	{ "switch", switch_fields, do_switch },
	{ "stats", stats_fields, do_stats },
	{ "stop", NULL, do_stop },
	{ NULL, NULL, NULL },
};

static void stop(void *data)
{
	struct media *media = data;
	session_close(media->session);
	secure_warm_end();
}

int main(void)
{
	static struct media media;
	return program_run("callbox-media", SANDBOX_MEDIA, words, &media, stop, &media.program);
}
