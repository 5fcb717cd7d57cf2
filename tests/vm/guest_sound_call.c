/* guest_sound_call: calls inside a guest whose sound cards come and go. Alice has snd-aloop cards; bob has a tone
 * and a file. What bob heard is judged by content.
 *
 * usage: guest_sound_call SCENE FOLDER   prints TAP lines without numbers */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"
#include "tests/vm/steady.h"

#define RATE 48000
#define WINDOW (RATE / 100)
#define LIMIT_MS 20000
#define QUIET "echo_cancel = no\nnoise_suppress = no\ngain_control = no\n"

/* ---- the guest ---- */

static GPid run(const char *const *argv)
{
	GPid pid;
	g_autoptr(GError) error = NULL;
	if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
			   G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid, &error))
		g_error("%s", error->message);
	return pid;
}

static void end(GPid pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A minute of a tone, from a file: nothing has to be computed in time. */
static GPid feed(const char *pcm, int hz)
{
	g_autofree char *file = g_strdup_printf("/tmp/%d.raw", hz);
	g_autofree int16_t *samples = g_new(int16_t, 60 * RATE);
	for (int i = 0; i < 60 * RATE; i++)
		samples[i] = (int16_t)lrint(10000 * sin(2 * M_PI * hz * i / RATE));
	g_file_set_contents(file, (const char *)samples, 60 * RATE * 2, NULL);
	return run((const char *const[]){ "aplay", "-q", "-D", pcm, "-t", "raw", "-c", "1", "-r", "48000", "-f",
					  "S16_LE", "--buffer-time=500000", file, NULL });
}

/* The kernel lets a card go when nobody holds it any more: a child waits for that. */
static GPid write_later(const char *file, const char *text)
{
	g_autofree char *command = g_strdup_printf("echo %s >%s", text, file);
	return run((const char *const[]){ "sh", "-c", command, NULL });
}

#define UNBIND "/sys/bus/platform/drivers/snd_aloop/unbind"
#define BIND "/sys/bus/platform/drivers/snd_aloop/bind"

/* ---- events ---- */

static const char *text_of(const cJSON *json, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return text ? text : "";
}

/* The next onDevice of this kind and state, whose id holds a text; milliseconds since from_us, -1: it did not
 * come. */
static double device_event(struct client *client, const char *kind, const char *state, const char *id,
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

static double number_of(struct client *client, const char *part, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *media = cJSON_GetObjectItemCaseSensitive(stats, "media");
	double value = cJSON_GetNumberValue(
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(media, part), name));
	cJSON_Delete(stats);
	return value;
}

/* ---- what was heard ---- */

static double share_of(const int16_t *samples, double hz)
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

struct heard {
	char *bytes; /* of the file */
	const int16_t *samples;
	size_t windows; /* of 10 ms */
};

static struct heard heard_load(const char *file, size_t header)
{
	struct heard heard = { 0 };
	gsize size = 0;
	if (g_file_get_contents(file, &heard.bytes, &size, NULL) && size > header) {
		heard.samples = (const int16_t *)(void *)(heard.bytes + header);
		heard.windows = (size - header) / 2 / WINDOW;
	}
	return heard;
}

/* The window at or after from where the tone begins, or ends, for at least five windows; -1: nowhere. */
static long tone_change(const struct heard *heard, long from, double hz, bool there)
{
	int n = 0;
	for (long i = MAX(from, 0); i < (long)heard->windows; i++) {
		n = (share_of(heard->samples + i * WINDOW, hz) > 0.7) == there ? n + 1 : 0;
		if (n == 5)
			return i - 4;
	}
	return -1;
}

static double tone_part(const struct heard *heard, long from, long to, double hz)
{
	long n = 0;
	for (long i = from; i < to; i++)
		n += share_of(heard->samples + i * WINDOW, hz) > 0.7;
	return to > from ? (double)n / (double)(to - from) : 0;
}

/* ---- a call ---- */

struct scene {
	struct place *place;
	struct box *alice_box, *bob_box;
	struct client *alice, *bob;
	char *heard; /* bob's speaker */
};

static void scene_open(struct scene *s, const char *folder, const struct box_devices *devices)
{
	s->place = place_open(folder);
	s->heard = g_build_filename(s->place->dir, "heard.wav", NULL);
	g_autofree char *speaker = g_strconcat("file:", s->heard, NULL);
	const struct box_devices made = { .microphone = "tone:660", .speaker = speaker, .camera = "null:" };
	place_hub_start(s->place);
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, devices);
	s->bob_box = box_create(s->place, "bob", "room-b", NULL, &made);
	box_start(s->alice_box);
	box_start(s->bob_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob = client_open(s->bob_box->socket);
}

static void scene_call(struct scene *s)
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

static void scene_hangup(struct scene *s)
{
	cJSON_Delete(client_call(s->alice, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onCallEnd"));
}

static void scene_close(struct scene *s)
{
	client_close(s->alice);
	client_close(s->bob);
	place_close(s->place);
	g_free(s->heard);
}

/* ---- scenes ---- */

static const char two_cards[] = "alsa:match:first alsa:match:SECOND";

/* The card in use goes: the next one is used within 500 ms; then none is left; then the first comes back. */
static void scene_unplug(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = two_cards, .speaker = two_cards,
					     .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=1", 1000), second = feed("hw:CARD=Second,DEV=1", 1600);
	scene_open(&s, folder, &devices);
	scene_call(&s);
	GPid recorder = run((const char *const[]){ "arecord", "-q", "-D", "hw:CARD=Second,DEV=1", "-f", "S16_LE", "-c",
						   "1", "-r", "48000", "-t", "raw", "/tmp/second.raw", NULL });
	check(device_event(s.alice, "microphone", "opened", "CARD=First", 0) >= 0, "the first card is the microphone");
	poll(NULL, 0, 1500);
	gint64 now = g_get_monotonic_time();
	GPid unbind = write_later(UNBIND, "snd_aloop.0");
	double lost = device_event(s.alice, "microphone", "lost", "CARD=First", now);
	end(first);
	double back = device_event(s.alice, "microphone", "back", "CARD=Second", now);
	check(lost >= 0 && back >= 0 && back <= 500, "unplugged: told after %.0f ms, the second card after %.0f ms", lost,
	      back);
	waitpid(unbind, NULL, 0);
	poll(NULL, 0, 1500);
	end(recorder);
	now = g_get_monotonic_time();
	unbind = write_later(UNBIND, "snd_aloop.1");
	lost = device_event(s.alice, "microphone", "lost", "CARD=Second", now);
	end(second);
	waitpid(unbind, NULL, 0);
	double before = number_of(s.alice, "sound", "captured");
	poll(NULL, 0, 500);
	double silent = number_of(s.alice, "sound", "captured") - before;
	check(lost >= 0 && silent >= 30, "no card left: silence at the old pace, %.0f blocks in 500 ms", silent);
	now = g_get_monotonic_time();
	waitpid(write_later(BIND, "snd_aloop.1"), NULL, 0);
	waitpid(write_later(BIND, "snd_aloop.0"), NULL, 0);
	back = device_event(s.alice, "microphone", "back", "CARD=First", now);
	first = feed("hw:CARD=First,DEV=1", 1000);
	check(back >= 0 && back <= 2000, "plugged in again: back on the first card after %.0f ms", back);
	poll(NULL, 0, 1500);
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44), other = heard_load("/tmp/second.raw", 0);
	long a = tone_change(&heard, 0, 1000, true), b = tone_change(&heard, a + 5, 1600, true);
	long a_end = b < 0 ? -1 : b;
	while (a_end > a && a_end > 0 && share_of(heard.samples + (a_end - 1) * WINDOW, 1000) <= 0.7)
		a_end--;
	check(a >= 0 && b > a && b - a_end <= 50, "heard: 1000 Hz, %ld ms of nothing, 1600 Hz", (b - a_end) * 10);
	check(tone_part(&heard, a, a_end, 1000) > 0.9, "the tone before was whole: %.0f %%",
	      100 * tone_part(&heard, a, a_end, 1000));
	check(tone_change(&heard, b + 100, 1000, true) > b, "and 1000 Hz again at the end");
	check(tone_change(&other, 0, 660, true) >= 0, "the second card's speaker played the other side's 660 Hz");
	g_free(heard.bytes);
	g_free(other.bytes);
	scene_close(&s);
}

/* A cable whose clock runs 0.1 % fast: the tone is whole, at its pitch. */
static void scene_shift(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1",
					     .speaker = "null:", .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=0", 1000);
	end(run((const char *const[]){ "amixer", "-c", "First", "cset",
				       "iface=PCM,name='PCM Rate Shift 100000',device=1,subdevice=0", "100100", NULL }));
	scene_open(&s, folder, &devices);
	scene_call(&s);
	poll(NULL, 0, 6000);
	double xruns = number_of(s.alice, "sound", "microphone_xruns"), holes = number_of(s.bob, "sound", "concealed");
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44);
	long a = tone_change(&heard, 0, 1000, true);
	double part = a < 0 ? 0 : tone_part(&heard, a + 20, (long)heard.windows - 20, 1000);
	check(part > 0.97, "a clock 1000 ppm fast: the tone is there %.1f %% of the time (%.0f xruns, %.0f packets "
	      "concealed)", 100 * part, xruns, holes);
	g_free(heard.bytes);
	scene_close(&s);
}

/* callbox-media stands still for 100 ms in a call. */
static void scene_stall(const char *folder)
{
	struct scene s;
	const struct box_devices devices = { .camera = "null:", .microphone = "alsa:hw:CARD=First,DEV=1,SUBDEV=0",
					     .speaker = "alsa:hw:CARD=First,DEV=0,SUBDEV=1", .more = QUIET };
	GPid first = feed("hw:CARD=First,DEV=0,SUBDEV=0", 1000);
	scene_open(&s, folder, &devices);
	scene_call(&s);
	poll(NULL, 0, 2000);
	double before = number_of(s.alice, "sound", "delay_ms");
	GPid media = box_child(s.alice_box, "callbox-media");
	kill(media, SIGSTOP);
	poll(NULL, 0, 100);
	kill(media, SIGCONT);
	poll(NULL, 0, 2000);
	double microphone = number_of(s.alice, "sound", "microphone_missed");
	double speaker = number_of(s.alice, "sound", "speaker_missed");
	double delay = number_of(s.alice, "sound", "delay_ms"), captured = number_of(s.alice, "sound", "captured");
	scene_hangup(&s);
	end(first);
	struct heard heard = heard_load(s.heard, 44);
	long a = tone_change(&heard, 0, 1000, true);
	long hole = a < 0 ? -1 : tone_change(&heard, a, 1000, false);
	long again = hole < 0 ? -1 : tone_change(&heard, hole, 1000, true);
	check(microphone > 0 && microphone < 4800 * 1.5 && speaker > 2000 && speaker < 4800 * 2,
	      "a stall of 100 ms cost %.0f frames of the microphone, %.0f of the speaker", microphone, speaker);
	check(a >= 0 && (hole < 0 || (again > hole && again - hole <= 25)),
	      "the tone was away for %ld ms and is whole again", hole < 0 ? 0 : (again - hole) * 10);
	check(delay <= before + 60, "the other side's sound waited %.0f ms before it, %.0f ms after it (%.0f blocks "
	      "captured)", before, delay, captured);
	g_free(heard.bytes);
	scene_close(&s);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(const char *folder); } scenes[] = {
		{ "unplug", scene_unplug }, { "shift", scene_shift }, { "stall", scene_stall },
	};
	for (size_t i = 0; argc == 3 && i < G_N_ELEMENTS(scenes); i++)
		if (strcmp(argv[1], scenes[i].name) == 0) {
			steady_start();
			scenes[i].run(argv[2]);
			return steady_finish();
		}
	return 64;
}
