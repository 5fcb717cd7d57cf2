#include "core/box/ringer.h"

#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"
#include "core/base/message.h"
#include "core/box/session.h"

#define STOP_GRACE_MS 150
#define SOFT 25 /* of 100 quieter */

enum { END_BUSY = 3, END_REJECTED = 14 }; /* reasonCode */

struct ringer {
	struct box *box;
	struct child *child;
	struct session *beside; /* rings softly there; only compared */
	bool waits;		/* it is to ring softly, beside the live call */
};

static const struct message_field device_fields[] = { { "kind", M_STRING, true, 1, 32 },
						      { "id", M_STRING, true, 0, 256 },
						      { "state", M_STRING, true, 1, 32 },
						      { "message", M_STRING, true, 0, 1024 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_field failed_fields[] = { { "message", M_STRING, true, 0, 1024 },
						      { NULL, M_STRING, false, 0, 0 } };
static const struct message_shape shapes[] = { { "ready", NULL },
					       { "device", device_fields },
					       { "failed", failed_fields },
					       { NULL, NULL } };

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct ringer *ringer = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	const char *state = message_string(message, "state", ""), *text = message_string(message, "message", "");
	bool failed = g_str_equal(name, "failed") || g_str_equal(state, "failed") || g_str_equal(state, "lost");
	if (!failed)
		return;
	log_warning("ring: %s", text);
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "device", "speaker");
	cJSON_AddNumberToObject(payload, "code", 4);
	cJSON_AddStringToObject(payload, "message", text);
	box_event(ringer->box, "onError", payload);
}

static void on_end(struct child *child, const char *how, bool clean, void *data)
{
	struct ringer *ringer = data;
	(void)child;
	ringer->child = NULL;
	if (!clean)
		log_error("callbox-ring: %s", how);
}

/* conf: what the setting says; built_in: what "default" stands for. */
static void play(struct ringer *ringer, const char *conf, const char *built_in, int volume)
{
	const struct conf *c = &ringer->box->conf;
	ringer_stop(ringer);
	if (g_str_equal(conf, "none") || volume <= 0 || g_str_equal(c->speaker, "null:"))
		return;
	if (child_start("callbox-ring", NULL, shapes, on_message, on_end, ringer, &ringer->child) < 0) {
		ringer->child = NULL;
		return;
	}
	cJSON *message = message_new("play");
	cJSON_AddStringToObject(message, "speaker", c->speaker);
	cJSON_AddStringToObject(message, "tone", g_str_equal(conf, "default") ? built_in : conf);
	cJSON_AddNumberToObject(message, "volume", volume);
	child_send(ringer->child, message);
}

static void play_beside(struct ringer *ringer, struct session *session)
{
	const struct conf *c = &ringer->box->conf;
	ringer_stop(ringer);
	if (g_str_equal(c->ring_tone, "none"))
		return;
	ringer->beside = session;
	session_tone(session, g_str_equal(c->ring_tone, "default") ? "ring" : c->ring_tone,
		     MAX(c->ring_volume - SOFT, 0));
}

void ringer_ring(struct ringer *ringer, const struct call_output *output)
{
	struct box *box = ringer->box;
	ringer->waits = output->on && output->soft;
	if (!output->on)
		ringer_stop(ringer);
	else if (output->soft && box->session && session_peer(box->session))
		play_beside(ringer, box->session);
	else if (output->anchor)
		play(ringer, box->conf.ringback_tone, "ringback", box->conf.ring_volume);
	else
		play(ringer, box->conf.ring_tone, "ring", box->conf.ring_volume);
}

void ringer_session(struct ringer *ringer)
{
	if (ringer->waits && ringer->box->session)
		play_beside(ringer, ringer->box->session);
}

void ringer_event(struct ringer *ringer, const struct call_output *event)
{
	if (!event->anchor || !g_str_equal(event->kind, "onCallEnd") || ringer->box->session)
		return;
	int reason = message_int(event->json, "reasonCode", 0);
	if (reason == END_BUSY || reason == END_REJECTED)
		play(ringer, ringer->box->conf.busy_tone, "busy", ringer->box->conf.ring_volume);
}

void ringer_stop(struct ringer *ringer)
{
	child_stop(ringer->child, STOP_GRACE_MS);
	ringer->child = NULL;
	if (ringer->beside && (ringer->beside == ringer->box->session || ringer->beside == ringer->box->held))
		session_tone(ringer->beside, NULL, 0);
	ringer->beside = NULL;
}

struct ringer *ringer_create(struct box *box)
{
	struct ringer *ringer = g_new0(struct ringer, 1);
	ringer->box = box;
	return ringer;
}

void ringer_destroy(struct ringer *ringer)
{
	if (!ringer)
		return;
	ringer->beside = NULL;
	ringer_stop(ringer);
	g_free(ringer);
}
