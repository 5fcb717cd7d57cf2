/* Whole boxes whose encoder or decoder is hardware that fails (the rehearsal drivers), and a callbox-video that dies as
 * of a GPU's driver: the other side's picture never stands still for a second, control clients are told why. */
#include <glib.h>
#include <signal.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_US (60 * G_USEC_PER_SEC)
#define FREEZE_MAX_MS 1000
#define BUSY_MS 300 /* a call without fault that stands still for so long: the machine is too busy to judge */

struct scene {
	struct place *place;
	struct box *alice_box, *bob_box;
	struct client *alice, *bob;
};

static void scene_open(struct scene *s, const char *more)
{
	const struct box_devices hard = { .microphone = "tone:440", .speaker = "null:", .more = more };
	const struct box_devices soft = { .microphone = "tone:660", .speaker = "null:",
					  .more = "encoder = openh264\ndecoder = software\n" };
	s->place = place_open(NULL);
	place_hub_start(s->place);
	s->alice_box = box_create(s->place, "alice", "room-a", NULL, &hard);
	s->bob_box = box_create(s->place, "bob", "room-b", NULL, &soft);
	box_start(s->alice_box);
	box_start(s->bob_box);
	s->alice = client_open(s->alice_box->socket);
	s->bob = client_open(s->bob_box->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(s->alice, "call", params, NULL));
	cJSON_Delete(client_expect(s->bob, "onInvited"));
	cJSON_Delete(client_call(s->bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onUserEnter"));
}

static void scene_close(struct scene *s)
{
	cJSON_Delete(client_call(s->alice, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(s->bob, "onCallEnd"));
	client_close(s->alice);
	client_close(s->bob);
	place_close(s->place);
}

static double stat_number(struct client *client, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *video = cJSON_GetObjectItemCaseSensitive(stats, "video");
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(video, name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
	cJSON_Delete(stats);
	return value;
}

static void wait_more(struct client *client, const char *name, double more)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	double from = stat_number(client, name);
	while (stat_number(client, name) < from + more) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(30000);
	}
}

/* Waits for the event that says that this one is at work; its reason must have these words. */
static void expect_coder(struct client *client, const char *part, const char *name, const char *reason)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	for (bool found = false; !found;) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		cJSON *event = client_take(client, "onCoder", 1000);
		found = event && g_str_equal(cJSON_GetObjectItem(event, "part")->valuestring, part) &&
			strstr(cJSON_GetObjectItem(event, "name")->valuestring, name) &&
			strstr(cJSON_GetObjectItem(event, "reason")->valuestring, reason);
		cJSON_Delete(event);
	}
}

static void check_freeze(struct client *client, double before)
{
	double freeze = stat_number(client, "longest_freeze_ms");
	g_test_message("stood still for %.0f ms at most, %.0f before the fault", freeze, before);
	if (freeze >= FREEZE_MAX_MS && before > BUSY_MS)
		g_test_skip("the machine is too busy to judge how long a picture stands still");
	else
		g_assert_cmpfloat(freeze, <, FREEZE_MAX_MS);
}

static void test_encoder(const void *data)
{
	struct scene s;
	bool hangs = strstr(data, "hang") != NULL;
	g_autofree char *more = g_strdup_printf("encoder = rehearsal:%s\nhardware_retry = 500ms\n", (const char *)data);
	scene_open(&s, more);
	expect_coder(s.alice, "encoder", "rehearsal", "hardware is there");
	wait_more(s.bob, "frames_shown", 30);
	double before = stat_number(s.bob, "longest_freeze_ms");
	expect_coder(s.alice, "encoder", "openh264", hangs ? "rehearsal hangs" : "rehearsal failed");
	wait_more(s.bob, "frames_shown", 30);
	check_freeze(s.bob, before);
	if (!hangs)
		expect_coder(s.alice, "encoder", "rehearsal", "tried again");
	g_assert_cmpfloat(stat_number(s.alice, "encoder_failures"), >=, 1);
	g_assert_cmpfloat(stat_number(s.alice, "encoder_switches"), >=, 1);
	scene_close(&s);
}

static void test_decoder(const void *data)
{
	struct scene s;
	bool hangs = strstr(data, "hang") != NULL;
	g_autofree char *more = g_strdup_printf("encoder = openh264\ndecoder = rehearsal:%s\n", (const char *)data);
	scene_open(&s, more);
	expect_coder(s.alice, "decoder", "rehearsal", "hardware is there");
	wait_more(s.alice, "frames_shown", 30);
	double before = stat_number(s.alice, "longest_freeze_ms");
	expect_coder(s.alice, "decoder", "libavcodec", hangs ? "rehearsal hangs" : "rehearsal failed");
	wait_more(s.alice, "frames_shown", 30);
	check_freeze(s.alice, before);
	g_assert_cmpfloat(stat_number(s.alice, "decoder_failures"), >=, 1);
	scene_close(&s);
}

/* The process is there again, and leaves the hardware alone for the retry time. */
static void test_abort(void)
{
	struct scene s;
	scene_open(&s, "encoder = rehearsal\nhardware_retry = 2s\n");
	expect_coder(s.alice, "encoder", "rehearsal", "hardware is there");
	wait_more(s.bob, "frames_shown", 30);
	double before = stat_number(s.bob, "longest_freeze_ms");
	kill(box_child(s.alice_box, "callbox-video"), SIGABRT);
	expect_coder(s.alice, "encoder", "openh264", "not there yet");
	wait_more(s.bob, "frames_shown", 30);
	check_freeze(s.bob, before);
	expect_coder(s.alice, "encoder", "rehearsal", "hardware is there");
	wait_more(s.bob, "frames_shown", 30);
	scene_close(&s);
}

/* A word that is none is refused with its place. */
static void test_conf(void)
{
	static const char *const lines[][2] = {
		{ "encoder = h264\n", "encoder: \"h264\": must be one of auto, openh264, vaapi, rehearsal" },
		{ "decoder = openh264\n", "decoder: \"openh264\": must be one of auto, software, vaapi, rehearsal" },
		{ "hardware_retry = 5h\n", "hardware_retry" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct place *place = place_open(NULL);
		const struct box_devices devices = { .more = lines[i][0] };
		place_hub_start(place);
		struct box *box = box_create(place, "alice", "room-a", NULL, &devices);
		g_autofree char *out = NULL;
		g_assert_cmpint(place_run(place, box->dir, &out, "callboxd", "-n", NULL), !=, 0);
		g_assert_nonnull(strstr(out, lines[i][1]));
		place_close(place);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hardware/conf", test_conf);
	g_test_add_data_func("/hardware/encoder-error", "error@90", test_encoder);
	g_test_add_data_func("/hardware/encoder-hang", "hang@90", test_encoder);
	g_test_add_data_func("/hardware/decoder-error", "error@90", test_decoder);
	g_test_add_data_func("/hardware/decoder-hang", "hang@90", test_decoder);
	g_test_add_func("/hardware/abort", test_abort);
	return g_test_run();
}
