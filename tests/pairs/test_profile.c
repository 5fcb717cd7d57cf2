/* The picture's profile: changed in the middle of a call the other side sees the new size and the numbers go
 * on; what is refused changes nothing. */
#include <glib.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)

static struct client *alice, *bob;

static double video_stat(struct client *client, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *item =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(stats, "video"), name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	cJSON_Delete(stats);
	return value;
}

static void wait_stat(struct client *client, const char *name, double least, double most)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_US;
	double value;
	while ((value = video_stat(client, name)) < least || value > most) {
		if (g_get_monotonic_time() > limit)
			g_error("%s is %.0f, wanted %.0f..%.0f", name, value, least, most);
		g_usleep(50000);
	}
}

static char *profile(const char *resolution, int fps, const char *quality)
{
	char *error = NULL;
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "resolution", resolution);
	if (fps != 0)
		cJSON_AddNumberToObject(params, "frameRate", fps);
	if (quality)
		cJSON_AddStringToObject(params, "quality", quality);
	cJSON_Delete(client_call(alice, "setCallProfile", params, &error));
	return error;
}

static void check_profile(const char *resolution, int fps, int height)
{
	char *error = profile(resolution, fps, NULL);
	if (error)
		g_error("%s", error);
	wait_stat(bob, "remote_height", height, height);
	double number = video_stat(bob, "pattern_number"), shown = video_stat(bob, "frames_shown");
	wait_stat(bob, "frames_shown", shown + 10, 1e9);
	g_assert_cmpfloat(video_stat(bob, "pattern_number"), !=, number);
	g_assert_cmpfloat(video_stat(alice, "fps"), ==, fps ? fps : 30);
	g_test_message("%s: %.0f bit/s at most, encoded in %.1f ms", resolution, video_stat(alice, "bitrate_bps"),
		       video_stat(alice, "encode_ms"));
}

static void test_in_call(void)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(alice, "call", params, NULL));
	cJSON_Delete(client_expect(bob, "onInvited"));
	cJSON_Delete(client_call(bob, "accept", NULL, NULL));
	wait_stat(bob, "remote_height", 360, 360);
	check_profile("720p", 15, 720);
	check_profile("360p", 30, 360);
	check_profile("180p", 15, 180);
	check_profile("1080p", 5, 1080); /* a busy machine encodes few of these */
	check_profile("640x480", 15, 480);
}

static void test_refused(void)
{
	static const struct { const char *resolution; int fps; const char *quality, *word; } bad[] = {
		{ "720p", 1000, NULL, "frameRate" }, { "720p", 15, "best", "quality" },
		{ "nope", 15, NULL, "resolution" },  { "8x8", 15, NULL, "16..3840" },
	};
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		char *error = profile(bad[i].resolution, bad[i].fps, bad[i].quality);
		g_assert_nonnull(error);
		if (!strstr(error, bad[i].word))
			g_error("\"%s\" does not say %s", error, bad[i].word);
		g_free(error);
	}
	double shown = video_stat(bob, "frames_shown");
	wait_stat(bob, "frames_shown", shown + 5, 1e9);
	g_assert_cmpfloat(video_stat(bob, "remote_height"), ==, 480);
	cJSON_Delete(client_call(alice, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(bob, "onCallEnd"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	struct place *place = place_open(NULL);
	place_hub_start(place);
	struct box *a = box_create(place, "alice", "room-a", NULL, NULL);
	struct box *b = box_create(place, "bob", "room-b", NULL, NULL);
	box_start(a);
	box_start(b);
	alice = client_open(a->socket);
	bob = client_open(b->socket);
	g_test_add_func("/profile/in-call", test_in_call);
	g_test_add_func("/profile/refused", test_refused);
	int r = g_test_run();
	client_close(alice);
	client_close(bob);
	place_close(place);
	return r;
}
