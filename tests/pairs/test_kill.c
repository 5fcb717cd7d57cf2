/* kill -9 of each process of a box in mid-call: a clear event, no zombie, no process left behind, one true
 * record on each side, and the box takes the next call. */
#include <glib.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define WAIT_US (30 * G_USEC_PER_SEC)
#define PAUSE_US (12 * G_USEC_PER_SEC)
#define LOST_US (6 * G_USEC_PER_SEC)

struct scene {
	struct place *place;
	struct box *alice_box, *bob_box;
	struct client *alice, *bob;
};

static void scene_open(struct scene *s, const void *unused)
{
	(void)unused;
	s->place = place_open(NULL);
	place_hub_start(s->place);
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, NULL);
	s->bob_box = box_create(s->place, "bob", "room-b", NULL, NULL);
	box_start(s->alice_box);
	box_start(s->bob_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob = client_open(s->bob_box->socket);
}

static void scene_close(struct scene *s, const void *unused)
{
	(void)unused;
	client_close(s->alice);
	client_close(s->bob);
	place_close(s->place);
}

static int number(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
	return cJSON_IsNumber(item) ? (int)item->valuedouble : -1;
}

static void expect(struct client *client, const char *event)
{
	cJSON_Delete(client_expect(client, event));
}

static void connect_call(struct scene *s)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 2);
	cJSON_Delete(client_call(s->alice, "call", params, NULL));
	expect(s->bob, "onInvited");
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	expect(s->alice, "onUserEnter");
	expect(s->bob, "onUserEnter");
}

static void hang_up(struct scene *s)
{
	cJSON_Delete(client_call(s->alice, "hangup", NULL, NULL));
	expect(s->alice, "onCallEnd");
	expect(s->bob, "onCallEnd");
}

static void kill_child(const struct box *box, const char *program)
{
	GPid pid = box_child(box, program);
	g_assert_cmpint(pid, >, 0);
	kill(pid, SIGKILL);
}

/* Waits until the box has no zombie and no child of this name. */
static void expect_gone(const struct box *box, const char *program)
{
	gint64 end = g_get_monotonic_time() + WAIT_US;
	while (box_zombies(box) > 0 || (program && box_child(box, program) > 0)) {
		if (g_get_monotonic_time() > end)
			g_error("%s: %u zombies, %s is process %d", box->device, box_zombies(box),
				program ? program : "-", program ? (int)box_child(box, program) : -1);
		g_usleep(10000);
	}
}

static void expect_one_record(struct client *client)
{
	gint64 end = g_get_monotonic_time() + WAIT_US;
	for (;;) {
		cJSON *all = client_call(client, "getCallRecords", NULL, NULL);
		const cJSON *list = cJSON_IsArray(all) ? all
						       : cJSON_GetObjectItemCaseSensitive(all, "records");
		int n = cJSON_GetArraySize(list);
		int status = n > 0 ? number(list->child, "status") : 0;
		cJSON_Delete(all);
		g_assert_cmpint(n, <=, 1);
		if (n == 1) {
			g_assert_cmpint(status, ==, 1);
			return;
		}
		if (g_get_monotonic_time() > end)
			g_error("no record");
		g_usleep(20000);
	}
}

/* The signalling process dies: the call goes on, it comes back, a hang-up still reaches the other side. */
static void test_provider(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	GPid before = box_child(s->alice_box, "callbox-provider");
	kill_child(s->alice_box, "callbox-provider");
	gint64 end = g_get_monotonic_time() + WAIT_US;
	GPid after;
	while ((after = box_child(s->alice_box, "callbox-provider")) <= 0 || after == before)
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	expect_gone(s->alice_box, NULL);
	g_assert_cmpuint(client_count(s->alice, "onCallEnd"), ==, 0);
	hang_up(s);
	expect_one_record(s->alice);
	expect_one_record(s->bob);
}

/* Sound and transport die: both sides hear that the call was lost. */
static void test_media(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	kill_child(s->alice_box, "callbox-media");
	expect(s->alice, "onDisconnect");
	expect(s->alice, "onCallEnd");
	expect(s->bob, "onCallEnd");
	expect_gone(s->alice_box, "callbox-video");
	expect_gone(s->alice_box, "callbox-media");
	expect_one_record(s->alice);
	expect_one_record(s->bob);
}

static int frames_shown(struct client *client)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	int n = number(cJSON_GetObjectItemCaseSensitive(stats, "video"), "frames_shown");
	cJSON_Delete(stats);
	return n;
}

/* The picture process dies: the call goes on and the picture comes back, on both sides. */
static void test_video(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	GPid before = box_child(s->alice_box, "callbox-video");
	kill_child(s->alice_box, "callbox-video");
	gint64 end = g_get_monotonic_time() + WAIT_US;
	GPid after;
	while ((after = box_child(s->alice_box, "callbox-video")) <= 0 || after == before)
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	while (frames_shown(s->alice) < 10) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(50000);
	}
	int seen = frames_shown(s->bob);
	while (frames_shown(s->bob) < seen + 10) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(50000);
	}
	expect_gone(s->alice_box, NULL);
	g_assert_cmpuint(client_count(s->alice, "onCallEnd"), ==, 0);
	hang_up(s);
	expect_one_record(s->alice);
	expect_one_record(s->bob);
}

/* Bob's media stand still for longer than libnice's own consent lasts: both sides come back, the call is the same. */
static void test_pause(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	GPid media = box_child(s->bob_box, "callbox-media");
	kill(media, SIGSTOP);
	g_usleep(PAUSE_US);
	kill(media, SIGCONT);
	int there = frames_shown(s->alice), here = frames_shown(s->bob);
	gint64 end = g_get_monotonic_time() + WAIT_US;
	while (frames_shown(s->alice) < there + 20 || frames_shown(s->bob) < here + 20) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(50000);
	}
	g_usleep(LOST_US); /* what is lost for good shows by then */
	there = frames_shown(s->alice);
	here = frames_shown(s->bob);
	while (frames_shown(s->alice) < there + 20 || frames_shown(s->bob) < here + 20) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(50000);
	}
	g_assert_cmpuint(client_count(s->alice, "onCallEnd"), ==, 0);
	hang_up(s);
	expect_one_record(s->alice);
	expect_one_record(s->bob);
}

static bool alive(GPid pid)
{
	return pid > 0 && kill(pid, 0) == 0;
}

/* The box itself dies: its children go with it, the other side's call ends, a restart settles the record. */
static void test_box(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	static const char *const programs[] = { "callbox-provider", "callbox-media", "callbox-video" };
	GPid pids[G_N_ELEMENTS(programs)];
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++)
		pids[i] = box_child(s->alice_box, programs[i]);
	box_stop(s->alice_box, SIGKILL);
	client_close(s->alice);
	s->alice = NULL;
	gint64 end = g_get_monotonic_time() + WAIT_US;
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++)
		while (alive(pids[i]))
			g_assert_cmpint(g_get_monotonic_time(), <, end);
	box_start(s->alice_box);
	s->alice = client_open(s->alice_box->socket);
	expect(s->bob, "onCallEnd");
	expect_one_record(s->alice);
	expect_one_record(s->bob);
}

/* After each death the box takes the next call. */
static void test_again(struct scene *s, const void *unused)
{
	(void)unused;
	connect_call(s);
	kill_child(s->bob_box, "callbox-media");
	expect(s->bob, "onCallEnd");
	expect(s->alice, "onCallEnd");
	connect_call(s);
	hang_up(s);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add("/kill/provider", struct scene, NULL, scene_open, test_provider, scene_close);
	g_test_add("/kill/media", struct scene, NULL, scene_open, test_media, scene_close);
	g_test_add("/kill/video", struct scene, NULL, scene_open, test_video, scene_close);
	g_test_add("/kill/pause", struct scene, NULL, scene_open, test_pause, scene_close);
	g_test_add("/kill/box", struct scene, NULL, scene_open, test_box, scene_close);
	g_test_add("/kill/again", struct scene, NULL, scene_open, test_again, scene_close);
	return g_test_run();
}
