/* callbox-media: one call's transport and sound. UDP and the sound card; no camera, no account secret.
 * Started by callboxd, which speaks to it over descriptor 3. */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/base/sandbox.h"
#include "core/media/session.h"

struct media {
	GMainLoop *loop;
	struct channel *channel;
	struct session *session;
};

static void say(struct media *media, cJSON *message)
{
	channel_send(media->channel, message);
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

/* Device news come from the sound's threads and leave on the main one. */
struct posted {
	struct media *media;
	cJSON *message;
};

static gboolean post_run(void *data)
{
	struct posted *posted = data;
	say(posted->media, posted->message);
	g_free(posted);
	return G_SOURCE_REMOVE;
}

static void on_device(const char *kind, const char *id, const char *state, const char *text, void *data)
{
	cJSON *message = message_new("device");
	cJSON_AddStringToObject(message, "kind", kind);
	cJSON_AddStringToObject(message, "id", id);
	cJSON_AddStringToObject(message, "state", state);
	cJSON_AddStringToObject(message, "message", text);
	struct posted *posted = g_new(struct posted, 1);
	*posted = (struct posted){ data, message };
	g_idle_add_full(G_PRIORITY_DEFAULT, post_run, posted, NULL);
}

static const struct session_ops ops = { on_description, on_candidates, on_up, on_lost, on_quality, on_device,
					on_failed };

static void do_start(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		return;
	int r = session_open(message, &ops, media, &media->session);
	if (r < 0) {
		media->session = NULL;
		g_autofree char *why = g_strdup_printf("media cannot be started: %s", g_strerror(-r));
		on_failed(why, media);
	}
}

static void do_units(struct media *media, const cJSON *message, int fd)
{
	(void)message;
	if (media->session && fd >= 0)
		session_units(media->session, dup(fd));
}

static void do_description(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_description(media->session, message_string(message, "type", ""),
				    message_string(message, "sdp", ""));
}

static void do_candidates(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_candidates(media->session, message_member(message, "candidates"));
}

static void do_gate(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_gate(media->session, message_bool(message, "open", false));
}

static void do_mute(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_mute(media->session, message_bool(message, "audio", false),
			     message_bool(message, "video", false));
}

static void do_enable(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_enable(media->session, message_bool(message, "audio", true),
			       message_bool(message, "video", true));
}

static void do_playout_mute(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_playout_mute(media->session, message_bool(message, "on", true));
}

static void do_switch(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	if (media->session)
		session_switch(media->session, message_string(message, "kind", ""),
			       message_string(message, "id", "null:"));
}

static void do_stats(struct media *media, const cJSON *message, int fd)
{
	(void)fd;
	cJSON *answer = message_new("stats");
	cJSON_AddNumberToObject(answer, "id", message_number(message, "id", 0));
	cJSON_AddItemToObject(answer, "stats", media->session ? session_stats(media->session)
							      : cJSON_CreateObject());
	say(media, answer);
}

static void do_stop(struct media *media, const cJSON *message, int fd)
{
	(void)message;
	(void)fd;
	g_main_loop_quit(media->loop);
}

static const struct message_field start_fields[] = {
	{ "call_id", M_STRING, true, 32, 32 },	   { "role", M_STRING, true, 5, 6 },
	{ "microphone", M_STRING, true, 1, 256 },  { "speaker", M_STRING, true, 1, 256 },
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
static const struct message_field stats_fields[] = { { "id", M_NUMBER, true, 1, 1e9 },
						     { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape shapes[] = {
	{ "start", start_fields }, { "units", NULL }, { "description", description_fields },
	{ "candidates", candidates_fields }, { "gate", NULL }, { "mute", NULL }, { "enable", NULL },
	{ "playout_mute", NULL }, { "switch", switch_fields }, { "stats", stats_fields }, { "stop", NULL },
	{ NULL, NULL },
};
static void (*const doers[])(struct media *media, const cJSON *message, int fd) = {
	do_start, do_units, do_description, do_candidates, do_gate, do_mute, do_enable, do_playout_mute,
	do_switch, do_stats, do_stop,
};
G_STATIC_ASSERT(G_N_ELEMENTS(doers) + 1 == G_N_ELEMENTS(shapes));

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	(void)channel;
	for (size_t i = 0; i < G_N_ELEMENTS(doers); i++)
		if (g_str_equal(shapes[i].name, name))
			doers[i](data, message, fd);
	if (fd >= 0)
		close(fd);
}

static void on_closed(struct channel *channel, void *data)
{
	struct media *media = data;
	(void)channel;
	g_main_loop_quit(media->loop);
}

int main(void)
{
	static struct media media;
	log_init("callbox-media", LOG_LEVEL_INFO);
	signal(SIGPIPE, SIG_IGN);
	media.loop = g_main_loop_new(NULL, FALSE);
	if (channel_open(CHILD_CHANNEL_FD, shapes, NULL, on_message, on_closed, &media, &media.channel) < 0) {
		log_error("callbox-media is started by callboxd, not by hand");
		return 64;
	}
	int r = sandbox_enter(SANDBOX_MEDIA);
	if (r < 0)
		log_warning("kernel: no system call filter: %s", g_strerror(-r));
	say(&media, message_new("ready"));
	g_main_loop_run(media.loop);
	session_close(media.session);
	channel_close(media.channel);
	g_main_loop_unref(media.loop);
	return 0;
}
