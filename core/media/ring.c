/* callbox-ring: plays one tone on the speaker: the ring of a call that comes in, what the caller hears meanwhile, the
 * tone of a refusal. It has no code that opens a microphone. Started by callboxd, which speaks to it over
 * descriptor 3; ends when the tone does. */
#include <glib.h>

#include "core/base/program.h"
#include "core/media/sound/speaker.h"

#define LOOK_MS 100
#define TAIL_MS 60 /* what the card still holds when the tone is over */

struct ring {
	struct program *program;
	struct speaker *speaker;
	guint look;
};

/* From the speaker's thread. */
static void on_device(const char *kind, const char *id, const char *state, const char *text, void *data)
{
	cJSON *message = message_new("device");
	cJSON_AddStringToObject(message, "kind", kind);
	cJSON_AddStringToObject(message, "id", id);
	cJSON_AddStringToObject(message, "state", state);
	cJSON_AddStringToObject(message, "message", text);
	program_post(((struct ring *)data)->program, message);
}

static gboolean on_tail(void *data)
{
	struct ring *ring = data;
	ring->look = 0;
	program_quit(ring->program);
	return G_SOURCE_REMOVE;
}

static gboolean on_look(void *data)
{
	struct ring *ring = data;
	if (speaker_has_tone(ring->speaker))
		return G_SOURCE_CONTINUE;
	ring->look = g_timeout_add(TAIL_MS, on_tail, ring);
	return G_SOURCE_REMOVE;
}

static void failed(struct ring *ring, const char *why)
{
	cJSON *message = message_new("failed");
	cJSON_AddStringToObject(message, "message", why);
	program_say(ring->program, message);
	program_quit(ring->program);
}

static void do_play(void *data, const cJSON *message, int fd)
{
	struct ring *ring = data;
	struct tone *tone;
	char why[512] = "";
	(void)fd;
	if (ring->speaker)
		return;
	if (tone_create(message_string(message, "tone", ""), message_int(message, "volume", 0), &tone, why,
			sizeof(why)) < 0) {
		failed(ring, why);
		return;
	}
	const struct port_tell tell = { on_device, ring };
	if (speaker_start(message_string(message, "speaker", "null:"), NULL, &tell, &ring->speaker) < 0) {
		tone_destroy(tone);
		failed(ring, "no memory for the speaker");
		return;
	}
	speaker_tone(ring->speaker, tone);
	ring->look = g_timeout_add(LOOK_MS, on_look, ring);
}

static void stop(void *data)
{
	struct ring *ring = data;
	if (ring->look)
		g_source_remove(ring->look);
	speaker_stop(ring->speaker);
}

static const struct message_field play_fields[] = {
	{ "speaker", M_STRING, true, 1, 1024 }, { "tone", M_STRING, true, 1, 1024 },
	{ "volume", M_NUMBER, true, 0, 100 },	{ NULL, M_STRING, false, 0, 0 },
};
static const struct program_word words[] = { { "play", play_fields, do_play }, { NULL, NULL, NULL } };

int main(void)
{
	static struct ring ring;
	return program_run("callbox-ring", SANDBOX_VIDEO, words, &ring, stop, &ring.program);
}
