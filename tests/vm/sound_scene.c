#include "tests/vm/sound_scene.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

GPid run(const char *const *argv)
{
	GPid pid;
	g_autoptr(GError) error = NULL;
	if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
			   G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, &error))
		g_error("%s", error->message);
	return pid;
}

void end(GPid pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

GPid feed(const char *pcm, int hz)
{
	g_autofree char *file = g_strdup_printf("/tmp/%d.raw", hz);
	g_autofree int16_t *samples = g_new(int16_t, 60 * RATE);
	for (int i = 0; i < 60 * RATE; i++)
		samples[i] = (int16_t)lrint(10000 * sin(2 * M_PI * hz * i / RATE));
	g_file_set_contents(file, (const char *)samples, 60 * RATE * 2, NULL);
	return run((const char *const[]){ "aplay", "-q", "-D", pcm, "-t", "raw", "-c", "1", "-r", "48000", "-f",
					  "S16_LE", "--buffer-time=500000", file, NULL });
}

GPid write_later(const char *file, const char *text)
{
	g_autofree char *command = g_strdup_printf("echo %s >%s", text, file);
	return run((const char *const[]){ "sh", "-c", command, NULL });
}

/* ---- events ---- */

const char *text_of(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return text ? text : "";
}

double device_event(struct client *client, const char *kind, const char *state, const char *id,
			   gint64 from_us)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_MS * 1000;
	while (g_get_monotonic_time() < limit) {
		cJSON *event = client_take(client, "onDevice", LIMIT_MS);
		if (!event)
			return -1;
		bool fits = strcmp(text_of(event, "kind"), kind) == 0 && strcmp(text_of(event, "state"), state) == 0 &&
			    strstr(text_of(event, "id"), id);
		cJSON_Delete(event);
		if (fits)
			return (double)(g_get_monotonic_time() - from_us) / 1000;
	}
	return -1;
}

double number_of(struct client *client, const char *part, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *media = cJSON_GetObjectItemCaseSensitive(stats, "media");
	double value = cJSON_GetNumberValue(
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(media, part), name));
	cJSON_Delete(stats);
	return value;
}

/* ---- what was heard ---- */

double share_of(const int16_t *samples, double hz)
{
	double w = 2 * M_PI * hz / RATE, s1 = 0, s2 = 0, energy = 0;
	for (int i = 0; i < WINDOW; i++) {
		double s = samples[i] + 2 * cos(w) * s1 - s2;
		s2 = s1;
		s1 = s;
		energy += (double)samples[i] * samples[i];
	}
	double power = s1 * s1 + s2 * s2 - 2 * cos(w) * s1 * s2;
	return energy > 1e7 ? power * 2 / (energy * WINDOW) : 0;
}

struct heard heard_load(const char *file, size_t header)
{
	struct heard heard = { 0 };
	gsize size = 0;
	if (g_file_get_contents(file, &heard.bytes, &size, NULL) && size > header) {
		heard.samples = (const int16_t *)(void *)(heard.bytes + header);
		heard.windows = (size - header) / 2 / WINDOW;
	}
	return heard;
}

long tone_change(const struct heard *heard, long from, double hz, bool there)
{
	int n = 0;
	for (long i = MAX(from, 0); i < (long)heard->windows; i++) {
		n = (share_of(heard->samples + i * WINDOW, hz) > 0.7) == there ? n + 1 : 0;
		if (n == 5)
			return i - 4;
	}
	return -1;
}

double tone_part(const struct heard *heard, long from, long to, double hz)
{
	long n = 0;
	for (long i = from; i < to; i++)
		n += share_of(heard->samples + i * WINDOW, hz) > 0.7;
	return to > from ? (double)n / (double)(to - from) : 0;
}

/* ---- a call ---- */

void speech_write(const char *file)
{
	enum { COUNT = 11 * RATE };
	uint8_t head[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0";
	const uint32_t words[] = { COUNT * 2 + 36, RATE, RATE * 2, COUNT * 2 };
	g_autofree char *bytes = g_malloc(44 + COUNT * 2);
	int16_t *samples = (int16_t *)(void *)(bytes + 44);
	uint32_t seed = 1;
	double low = 0;
	for (int i = 0; i < COUNT; i++) {
		seed = seed * 1664525 + 1013904223;
		low += ((double)seed / 2147483648.0 - 1 - low) * 0.3;
		samples[i] = (int16_t)(9000 * low * (0.5 + 0.5 * sin(2 * M_PI * 3.1 * i / RATE)));
	}
	for (int i = 0; i < 4; i++)
		memcpy(head + (const int[]){ 4, 24, 28, 40 }[i], &words[i], 4);
	head[32] = 2;
	head[34] = 16;
	memcpy(head + 36, "data", 4);
	memcpy(bytes, head, 44);
	g_file_set_contents(file, bytes, 44 + COUNT * 2, NULL);
}

void scene_open(struct scene *s, const char *folder, const struct box_devices *devices, const char *voice)
{
	s->place = place_open(folder);
	s->heard = g_build_filename(s->place->dir, "heard.wav", NULL);
	g_autofree char *speaker = g_strconcat("file:", s->heard, NULL);
	const struct box_devices made = { .microphone = voice, .speaker = speaker, .camera = "null:" };
	place_hub_start(s->place);
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, devices);
	s->bob_box = box_create(s->place, "bob", "room-b", NULL, &made);
	box_start(s->alice_box);
	box_start(s->bob_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob = client_open(s->bob_box->socket);
}

void scene_call(struct scene *s)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 1);
	cJSON_Delete(client_call(s->alice, "call", params, NULL));
	cJSON_Delete(client_expect(s->bob, "onInvited"));
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(s->alice, "onUserEnter"));
	cJSON_Delete(client_expect(s->bob, "onUserEnter"));
}

void scene_hangup(struct scene *s)
{
	cJSON_Delete(client_call(s->alice, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onCallEnd"));
}

void scene_close(struct scene *s)
{
	client_close(s->alice);
	client_close(s->bob);
	place_close(s->place);
	g_free(s->heard);
}
