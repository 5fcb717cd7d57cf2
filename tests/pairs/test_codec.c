/* Two boxes and the codec of their picture: VP8 alone, what both have when they differ, none in common. The numbers of
 * the test camera are read by the box that sees them, and from the PNG that it writes. */
#include <glib.h>
#include <signal.h>
#include <string.h>

#include "core/devices/picture.h"
#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)
#define FRAMES 60

static struct place *place;

struct side {
	struct box *box;
	struct client *client;
};

static struct side side_open(const char *account, const char *device, const char *more)
{
	const struct box_devices devices = { .more = more };
	struct side side = { .box = box_create(place, account, device, NULL, &devices) };
	box_start(side.box);
	side.client = client_open(side.box->socket);
	return side;
}

static void side_close(struct side *side)
{
	client_close(side->client);
	box_stop(side->box, SIGTERM);
}

static const cJSON *member(const cJSON *stats, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	for (char **part = parts; *part && stats; part++)
		stats = cJSON_GetObjectItemCaseSensitive(stats, *part);
	return stats;
}

static double number(struct side *side, const char *path)
{
	cJSON *stats = client_call(side->client, "stats", NULL, NULL);
	const cJSON *item = member(stats, path);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	cJSON_Delete(stats);
	return value;
}

static void check_word(struct side *side, const char *path, const char *wanted)
{
	cJSON *stats = client_call(side->client, "stats", NULL, NULL);
	const char *word = cJSON_GetStringValue(member(stats, path));
	g_assert_cmpstr(word, ==, wanted);
	cJSON_Delete(stats);
}

static void wait_number(struct side *side, const char *path, double least)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_US;
	while (number(side, path) < least) {
		if (g_get_monotonic_time() > limit)
			g_error("%s of %s is %.0f, wanted %.0f; see %s", path, side->box->account, number(side, path),
				least, side->box->log);
		g_usleep(50000);
	}
}

static void call(struct side *caller, struct side *callee)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", callee->box->account);
	cJSON_AddNumberToObject(params, "type", 2);
	cJSON_Delete(client_call(caller->client, "call", params, NULL));
	cJSON_Delete(client_expect(callee->client, "onInvited"));
	cJSON_Delete(client_call(callee->client, "accept", NULL, NULL));
	cJSON_Delete(client_expect(caller->client, "onUserEnter"));
}

static void hang_up(struct side *caller, struct side *callee)
{
	cJSON_Delete(client_call(caller->client, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(caller->client, "onCallEnd"));
	cJSON_Delete(client_expect(callee->client, "onCallEnd"));
}

/* The number in the PNG is one that the camera of the other side made lately. */
static void check_picture(struct side *side)
{
	g_autofree char *file = g_strdup_printf("%s/%s-sees.png", place->dir, side->box->account);
	struct picture picture = { 0 };
	struct pattern_mark mark;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "which", "remote");
	cJSON_AddStringToObject(params, "file", file);
	double before = number(side, "video.pattern_number");
	cJSON_Delete(client_call(side->client, "snapshot", params, NULL));
	double after = number(side, "video.pattern_number");
	g_assert_cmpint(png_load(file, &picture), ==, 0);
	g_assert_cmpint(pattern_read(&picture, &mark), ==, 0);
	g_test_message("%s sees number %u in %s, %dx%d", side->box->account, mark.number, file, picture.width,
		       picture.height);
	g_assert_cmpfloat(mark.number, >=, before);
	g_assert_cmpfloat(mark.number, <=, after);
	picture_finish(&picture);
}

static void check_side(struct side *side, const char *codec, const char *encoder)
{
	wait_number(side, "video.frames_shown", FRAMES);
	check_word(side, "media.video.codec", codec);
	check_word(side, "media.video.remote_codec", codec);
	check_word(side, "video.codec", codec);
	check_word(side, "video.remote_codec", codec);
	check_word(side, "video.encoder", encoder);
	g_assert_cmpfloat(number(side, "video.pattern_frames"), >=, FRAMES);
	g_assert_cmpfloat(number(side, "media.video.malformed_units"), ==, 0);
	g_assert_cmpfloat(number(side, "media.video.unsendable_units"), ==, 0);
	check_picture(side);
}

static const struct {
	const char *path, *alice, *bob, *codec, *encoder;
} cases[] = {
	{ "/codec/vp8-both", "video_codecs = vp8\n", "video_codecs = vp8\n", "VP8", "libvpx" },
	{ "/codec/vp8-of-the-caller", "video_codecs = vp8\n", NULL, "VP8", "libvpx" },
	{ "/codec/vp8-of-the-called", NULL, "video_codecs = vp8\n", "VP8", "libvpx" },
	{ "/codec/both-have-both", NULL, NULL, "H264", "openh264" },
};

static void test_pair(const void *data)
{
	size_t i = GPOINTER_TO_SIZE(data);
	g_autofree char *caller = g_strdup_printf("alice-%zu", i), *callee = g_strdup_printf("bob-%zu", i);
	struct side alice = side_open(caller, caller, cases[i].alice), bob = side_open(callee, callee, cases[i].bob);
	call(&alice, &bob);
	check_side(&alice, cases[i].codec, cases[i].encoder);
	check_side(&bob, cases[i].codec, cases[i].encoder);
	hang_up(&alice, &bob);
	side_close(&alice);
	side_close(&bob);
}

/* The size changes in the call: the stream goes on with a key frame of the new size, up and down. */
static void test_resize(void)
{
	static const struct { const char *resolution; double height; } sizes[] = { { "720p", 720 }, { "180p", 180 } };
	struct side alice = side_open("alice-s", "room-as", "video_codecs = vp8\n"),
		    bob = side_open("bob-s", "room-bs", NULL);
	call(&alice, &bob);
	wait_number(&bob, "video.frames_shown", 10);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		cJSON *params = cJSON_CreateObject();
		cJSON_AddStringToObject(params, "resolution", sizes[i].resolution);
		cJSON_AddNumberToObject(params, "frameRate", 15);
		cJSON_Delete(client_call(alice.client, "setCallProfile", params, NULL));
		gint64 limit = g_get_monotonic_time() + LIMIT_US;
		while (number(&bob, "video.remote_height") != sizes[i].height) {
			g_assert_cmpint(g_get_monotonic_time(), <, limit);
			g_usleep(50000);
		}
		wait_number(&bob, "video.frames_shown", number(&bob, "video.frames_shown") + 10);
		check_picture(&bob);
	}
	check_word(&bob, "video.remote_codec", "VP8");
	g_assert_cmpfloat(number(&bob, "video.decode_errors"), ==, 0);
	hang_up(&alice, &bob);
	side_close(&alice);
	side_close(&bob);
}

/* No codec in common: sound alone, and the call stands. */
static void test_none(void)
{
	struct side alice = side_open("alice", "room-a", "video_codecs = vp8\n"),
		    bob = side_open("bob", "room-b", "video_codecs = h264\n");
	call(&alice, &bob);
	wait_number(&alice, "media.sound.decoded", 50);
	wait_number(&bob, "media.sound.decoded", 50);
	check_word(&alice, "media.video.codec", "");
	check_word(&bob, "media.video.codec", "");
	hang_up(&alice, &bob);
	side_close(&alice);
	side_close(&bob);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		g_test_add_data_func(cases[i].path, GSIZE_TO_POINTER(i), test_pair);
	g_test_add_func("/codec/resize", test_resize);
	g_test_add_func("/codec/none-in-common", test_none);
	int r = g_test_run();
	place_close(place);
	return r;
}
