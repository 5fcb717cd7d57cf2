/* callbox-mixer: the volume knobs of the cards in use and the mute button. It opens control devices and input
 * devices, never a PCM: it hears nothing. Started by callboxd, which speaks to it over descriptor 3. */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/log.h"
#include "core/base/program.h"
#include "core/devices/mixer.h"
#include "core/devices/sound_device.h"
#include "core/mixer/keys.h"

#define LOOK_MS 500
#define FDS_MAX 4

/* One direction. */
struct knob {
	struct program **program;
	const char *kind;
	bool capture;
	char *wish;
	char open[SOUND_ID]; /* whose mixer it is */
	struct mixer *mixer; /* NULL: the card has none, or there is no card */
	struct mixer_state state;
	bool told;
	guint sources[FDS_MAX];
	bool *switch_mutes;
};

struct state {
	struct program *program;
	struct knob knobs[2]; /* speaker, microphone */
	struct keys *keys;
	bool switch_mutes; /* mute_button = mixer */
	struct timespec nodes;
	guint look;
};

static void tell(const struct knob *knob)
{
	cJSON *message = message_new("volume");
	cJSON_AddStringToObject(message, "kind", knob->kind);
	cJSON_AddBoolToObject(message, "mixer", knob->mixer != NULL);
	cJSON_AddNumberToObject(message, "percent", knob->mixer ? knob->state.percent : 100);
	cJSON_AddBoolToObject(message, "on", !knob->mixer || knob->state.on);
	cJSON_AddStringToObject(message, "name", knob->mixer ? mixer_name(knob->mixer) : "");
	program_say(*knob->program, message);
}

static void button(struct program *program, const char *what)
{
	cJSON *message = message_new("button");
	cJSON_AddStringToObject(message, "what", what);
	program_say(program, message);
}

static void knob_read(struct knob *knob, bool first)
{
	struct mixer_state before = knob->state;
	if (knob->mixer && mixer_get(knob->mixer, &knob->state) < 0)
		return;
	bool changed = before.percent != knob->state.percent || before.on != knob->state.on;
	if (first || changed)
		tell(knob);
	if (!first && knob->capture && *knob->switch_mutes && before.on != knob->state.on)
		button(*knob->program, knob->state.on ? "unmute" : "mute");
}

static void knob_close(struct knob *knob)
{
	for (size_t i = 0; i < FDS_MAX; i++)
		if (knob->sources[i])
			g_source_remove(knob->sources[i]);
	memset(knob->sources, 0, sizeof(knob->sources));
	mixer_close(knob->mixer);
	knob->mixer = NULL;
	knob->open[0] = '\0';
}

static gboolean on_mixer(int fd, GIOCondition condition, void *data)
{
	struct knob *knob = data;
	(void)fd;
	(void)condition;
	if (mixer_handle(knob->mixer) == 0) {
		knob_read(knob, false);
		return G_SOURCE_CONTINUE;
	}
	for (size_t i = 0; i < FDS_MAX; i++)
		if (knob->sources[i] == g_source_get_id(g_main_current_source()))
			knob->sources[i] = 0;
	knob_close(knob);
	knob_read(knob, true);
	return G_SOURCE_REMOVE;
}

/* The best device of the wish that has a card now; its mixer, if it has one. */
static void knob_find(struct knob *knob)
{
	char ids[SOUND_CHOICES][SOUND_ID];
	struct mixer *mixer = NULL;
	unsigned int count = sound_devices(knob->wish, knob->capture, ids), i = 0;
	int r = -ENODEV;
	for (; i < count; i++) {
		if (knob->mixer && strcmp(ids[i], knob->open) == 0)
			return;
		r = mixer_open(ids[i], knob->capture, &mixer);
		if (r == 0 || r == -ENOENT)
			break;
	}
	knob_close(knob);
	if (r == 0) {
		struct pollfd fds[FDS_MAX];
		int n = mixer_fds(mixer, fds, FDS_MAX);
		knob->mixer = mixer;
		g_strlcpy(knob->open, ids[i], sizeof(knob->open));
		for (int k = 0; k < MIN(n, FDS_MAX); k++)
			knob->sources[k] = g_unix_fd_add(fds[k].fd, G_IO_IN | G_IO_ERR | G_IO_HUP, on_mixer, knob);
		log_info("%s volume: %s", knob->kind, mixer_name(mixer));
	}
	knob_read(knob, true);
}

static gboolean on_look(void *data)
{
	struct state *state = data;
	struct stat st;
	if (stat("/dev/snd", &st) < 0)
		memset(&st, 0, sizeof(st));
	if (memcmp(&st.st_mtim, &state->nodes, sizeof(state->nodes)) == 0)
		return G_SOURCE_CONTINUE;
	state->nodes = st.st_mtim;
	for (size_t i = 0; i < G_N_ELEMENTS(state->knobs); i++)
		if (state->knobs[i].wish)
			knob_find(&state->knobs[i]);
	return G_SOURCE_CONTINUE;
}

static void on_pressed(void *data)
{
	button(((struct state *)data)->program, "toggle");
}

static void do_watch(void *data, const cJSON *message, int fd)
{
	struct state *state = data;
	const char *mute_button = message_string(message, "mute_button", "none");
	(void)fd;
	for (size_t i = 0; i < G_N_ELEMENTS(state->knobs); i++) {
		struct knob *knob = &state->knobs[i];
		knob->kind = i ? "microphone" : "speaker";
		knob->capture = i > 0;
		knob->program = &state->program;
		knob->switch_mutes = &state->switch_mutes;
		g_free(knob->wish);
		knob->wish = g_strdup(message_string(message, knob->kind, "null:"));
		knob_find(knob);
	}
	state->switch_mutes = g_str_equal(mute_button, "mixer");
	if (!state->keys && g_str_has_prefix(mute_button, "evdev:"))
		state->keys = keys_open(mute_button + 6, on_pressed, state);
	if (!state->look)
		state->look = g_timeout_add(LOOK_MS, on_look, state);
}

static void do_set(void *data, const cJSON *message, int fd)
{
	struct state *state = data;
	const char *kind = message_string(message, "kind", "");
	(void)fd;
	for (size_t i = 0; i < G_N_ELEMENTS(state->knobs); i++) {
		struct knob *knob = &state->knobs[i];
		if (!knob->mixer || strcmp(knob->kind, kind) != 0)
			continue;
		int r = mixer_set(knob->mixer, message_int(message, "percent", 100));
		if (r < 0)
			log_warning("%s: %s", mixer_name(knob->mixer), g_strerror(-r));
		knob_read(knob, false);
	}
}

static void stop(void *data)
{
	struct state *state = data;
	if (state->look)
		g_source_remove(state->look);
	keys_close(state->keys);
	for (size_t i = 0; i < G_N_ELEMENTS(state->knobs); i++) {
		knob_close(&state->knobs[i]);
		g_free(state->knobs[i].wish);
	}
}

static const struct message_field watch_fields[] = {
	{ "speaker", M_STRING, true, 1, 1024 },	   { "microphone", M_STRING, true, 1, 1024 },
	{ "mute_button", M_STRING, true, 1, 256 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field set_fields[] = {
	{ "kind", M_STRING, true, 1, 16 }, { "percent", M_NUMBER, true, 0, 100 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct program_word words[] = {
	{ "watch", watch_fields, do_watch }, { "set", set_fields, do_set }, { NULL, NULL, NULL },
};

int main(void)
{
	static struct state state;
	return program_run("callbox-mixer", SANDBOX_VIDEO, words, &state, stop, &state.program);
}
