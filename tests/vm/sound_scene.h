/* sound_scene: what the scenes of guest_sound_call share: a call between alice, whose sound cards are snd-aloop's, and
 * bob, who speaks with a voice of ours and hears into a file; and what was heard, judged by content. */
#ifndef CALLBOX_TESTS_VM_SOUND_SCENE_H
#define CALLBOX_TESTS_VM_SOUND_SCENE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define RATE 48000
#define WINDOW (RATE / 100) /* samples: 10 ms */
#define LIMIT_MS 20000
#define QUIET "echo_cancel = no\nnoise_suppress = no\ngain_control = no\n"
#define UNBIND "/sys/bus/platform/drivers/snd_aloop/unbind"
#define BIND "/sys/bus/platform/drivers/snd_aloop/bind"

GPid run(const char *const *argv);
void end(GPid pid); /* kills it */
/* Plays a minute of a tone, from a file: nothing has to be computed in time. */
GPid feed(const char *pcm, int hz);
/* The kernel lets a card go when nobody holds it any more: a child waits for that. */
GPid write_later(const char *file, const char *text);
/* Eleven seconds of noise in syllables, as a WAV file. */
void speech_write(const char *file);

const char *text_of(const cJSON *json, const char *name);
/* The next onDevice of this kind and state, whose id holds a text; milliseconds since from_us, -1: it did not come. */
double device_event(struct client *client, const char *kind, const char *state, const char *id, gint64 from_us);
double number_of(struct client *client, const char *part, const char *name); /* of stats */

struct heard {
	char *bytes; /* of the file */
	const int16_t *samples;
	size_t windows; /* of 10 ms */
};

/* Of a window's energy at that pitch. */
double share_of(const int16_t *samples, double hz);
struct heard heard_load(const char *file, size_t header);
/* The window at or after from where the tone begins, or ends, for at least five windows; -1: nowhere. */
long tone_change(const struct heard *heard, long from, double hz, bool there);
double tone_part(const struct heard *heard, long from, long to, double hz);

struct scene {
	struct place *place;
	struct box *alice_box, *bob_box;
	struct client *alice, *bob;
	char *heard; /* bob's speaker */
};

/* voice: bob's microphone. */
void scene_open(struct scene *s, const char *folder, const struct box_devices *devices, const char *voice);
void scene_call(struct scene *s);
void scene_hangup(struct scene *s);
void scene_close(struct scene *s);

#endif
