/* What the room hears around a call, by whole boxes whose speakers are files: the ring, alone and beside a call, the
 * waiting caller's tone, the tone of a refusal; no process that could listen is there while it rings. */
#include <glib.h>
#include <glib/gstdio.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define RATE 48000
#define WINDOW (RATE / 100)
#define LIMIT_US (20 * G_USEC_PER_SEC)

struct scene {
	struct place *place;
	struct box *alice_box, *bob_box;
	struct client *alice, *bob;
	char *alice_hears, *bob_hears;
};

static void scene_open(struct scene *s, const void *unused)
{
	(void)unused;
	s->place = place_open(NULL);
	place_hub_start(s->place);
	s->alice_hears = g_build_filename(s->place->dir, "alice.wav", NULL);
	s->bob_hears = g_build_filename(s->place->dir, "bob.wav", NULL);
	g_autofree char *a = g_strconcat("file:", s->alice_hears, NULL), *b = g_strconcat("file:", s->bob_hears, NULL);
	const struct box_devices of_alice = { .speaker = a, .camera = "null:" };
	const struct box_devices of_bob = { .speaker = b, .camera = "null:",
					    .more = "call_waiting = yes\naccept_second = hold\n" };
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, &of_alice);
	s->bob_box = box_create(s->place, "bob", "room-b", NULL, &of_bob);
	box_start(s->alice_box);
	box_start(s->bob_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob = client_open(s->bob_box->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(s->alice, "call", params, NULL));
	cJSON_Delete(client_expect(s->bob, "onInvited"));
}

static void scene_close(struct scene *s, const void *unused)
{
	(void)unused;
	client_close(s->alice);
	client_close(s->bob);
	place_close(s->place);
	g_free(s->alice_hears);
	g_free(s->bob_hears);
}

static double share_of(const int16_t *samples, double hz)
{
	double c = 0, s = 0, energy = 0;
	for (int i = 0; i < WINDOW; i++) {
		c += samples[i] * cos(2 * G_PI * hz * i / RATE);
		s += samples[i] * sin(2 * G_PI * hz * i / RATE);
		energy += (double)samples[i] * samples[i];
	}
	return energy > 1e7 ? 2 * (c * c + s * s) / (energy * WINDOW) : 0;
}

/* Windows of 10 ms in which one of two pitches is nearly everything. */
static unsigned int windows_of(const char *file, double hz1, double hz2)
{
	g_autofree char *bytes = NULL;
	gsize size = 0;
	unsigned int n = 0;
	if (!g_file_get_contents(file, &bytes, &size, NULL) || size < 44)
		return 0;
	const int16_t *samples = (const int16_t *)(void *)(bytes + 44);
	for (size_t at = 0; at + WINDOW <= (size - 44) / 2; at += WINDOW)
		n += share_of(samples + at, hz1) > 0.6 || share_of(samples + at, hz2) > 0.6;
	return n;
}

static void wait_heard(const char *file, double hz1, double hz2)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (windows_of(file, hz1, hz2) < 40) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		poll(NULL, 0, 20);
	}
}

static void wait_no_child(struct box *box, const char *program)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (box_child(box, program) >= 0) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		poll(NULL, 0, 20);
	}
}

static void test_accepted(struct scene *s, const void *unused)
{
	(void)unused;
	wait_heard(s->bob_hears, 784, 988);
	wait_heard(s->alice_hears, 425, 425);
	g_assert_cmpint(box_child(s->bob_box, "callbox-media"), ==, -1);
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(s->alice, "onUserEnter"));
	cJSON_Delete(client_expect(s->bob, "onUserEnter"));
	wait_no_child(s->alice_box, "callbox-ring");
	wait_no_child(s->bob_box, "callbox-ring");
	wait_heard(s->bob_hears, 440, 440); /* the file was begun anew: the call has the speaker now */
	g_assert_cmpuint(windows_of(s->bob_hears, 784, 988), <, 5);
}

static void test_refused(struct scene *s, const void *unused)
{
	(void)unused;
	wait_heard(s->alice_hears, 425, 425);
	cJSON_Delete(client_call(s->bob, "reject", NULL, NULL));
	cJSON_Delete(client_expect(s->alice, "onCallEnd"));
	wait_no_child(s->bob_box, "callbox-ring");
	g_assert_cmpint(box_child(s->alice_box, "callbox-ring"), >, 0);
	wait_no_child(s->alice_box, "callbox-ring"); /* five times, then it ends by itself */
	g_assert_cmpuint(windows_of(s->alice_hears, 425, 425), >, 200);
}

/* carol calls bob, who is with alice; of alice nothing is heard. */
static struct client *second_call(struct scene *s)
{
	const struct box_devices devices = { .camera = "null:" };
	struct box *box = box_create(s->place, "carol", "room-c", NULL, &devices);
	cJSON *params = cJSON_CreateObject();
	box_start(box);
	struct client *carol = client_open(box->socket);
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(carol, "call", params, NULL));
	cJSON_Delete(client_expect(s->bob, "onInvited"));
	return carol;
}

static void mute(struct client *client)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddBoolToObject(params, "on", true);
	cJSON_Delete(client_call(client, "muteLocalAudio", params, NULL));
}

/* That much is heard, counted in samples. */
static void wait_length(const char *file, long long samples)
{
	struct stat st = { 0 };
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (stat(file, &st) < 0 || st.st_size < 44 + 2 * samples) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		poll(NULL, 0, 20);
	}
}

/* The soft ring beside a call that is then held has ended when that call goes on. */
static void test_held(struct scene *s, const void *unused)
{
	(void)unused;
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	wait_heard(s->bob_hears, 440, 440);
	mute(s->alice);
	struct client *carol = second_call(s);
	wait_heard(s->bob_hears, 784, 988);
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onCallHeld"));
	cJSON_Delete(client_expect(carol, "onUserEnter"));
	g_assert_cmpint(g_unlink(s->bob_hears), ==, 0);
	cJSON_Delete(client_call(carol, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onCallHeld"));
	wait_length(s->bob_hears, 4 * RATE); /* the ring comes every three seconds */
	g_assert_cmpuint(windows_of(s->bob_hears, 784, 988), ==, 0);
	client_close(carol);
}

/* Who calls while the first call is only being made rings on, softly, when that call has the speaker. */
static void test_rings_on(struct scene *s, const void *unused)
{
	(void)unused;
	mute(s->alice);
	kill(s->alice_box->pid, SIGSTOP); /* its verdict has to wait */
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	struct client *carol = second_call(s);
	wait_heard(s->bob_hears, 784, 988);
	g_assert_cmpint(g_unlink(s->bob_hears), ==, 0);
	kill(s->alice_box->pid, SIGCONT);
	cJSON_Delete(client_expect(s->bob, "onUserEnter"));
	wait_no_child(s->bob_box, "callbox-ring");
	wait_heard(s->bob_hears, 784, 988);
	cJSON_Delete(client_call(carol, "hangup", NULL, NULL));
	client_close(carol);
}

static void test_conf(void)
{
	struct place *place = place_open(NULL);
	place_hub_start(place);
	const struct box_devices devices = { .more = "ring_tone = ding.wav\n" };
	struct box *box = box_create(place, "alice", "room-a", NULL, &devices);
	char *out = NULL;
	g_assert_cmpint(place_run(place, box->dir, &out, "callboxd", "-n", NULL), ==, 1);
	g_assert_nonnull(strstr(out, "callbox.conf: ring_tone: \"ding.wav\" is neither default, none nor"));
	g_free(out);
	place_close(place);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/sound/ring-accepted", struct scene, NULL, scene_open, test_accepted, scene_close);
	g_test_add("/sound/ring-refused", struct scene, NULL, scene_open, test_refused, scene_close);
	g_test_add("/sound/ring-held", struct scene, NULL, scene_open, test_held, scene_close);
	g_test_add("/sound/ring-goes-on", struct scene, NULL, scene_open, test_rings_on, scene_close);
	g_test_add_func("/sound/ring-conf", test_conf);
	return g_test_run();
}
