/* va_call: one call inside a guest with a render node (vgem) and the software VA-API driver: alice's camera is vivid,
 * she encodes and decodes by VA-API; bob has the pattern and software. Her driver fails in the middle of the call as
 * CALLBOX_VA_FAULT says; bob's picture must not stop.
 *
 * usage: va_call FOLDER none|hang|abort   prints TAP without a plan. CALLBOX_VA_REPORT names the driver's report. */
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_S 60
#define FREEZE_MAX_MS 1000
#define QUIET_MAX_MS 300
/* A new process with 130 libraries, at 60 us a page fault: on a host it takes a fifth (tests/pairs/test_hardware). */
#define RESTART_MAX_MS 5000

static unsigned int failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok - uml: %s\n", good ? "" : "not ", text);
	failed += !good;
}

static cJSON *video_stats(struct client *client, cJSON **ret_all)
{
	*ret_all = client_call(client, "stats", NULL, NULL);
	return cJSON_GetObjectItemCaseSensitive(*ret_all, "video");
}

static double stat_number(struct client *client, const char *name)
{
	cJSON *all, *item = cJSON_GetObjectItemCaseSensitive(video_stats(client, &all), name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
	cJSON_Delete(all);
	return value;
}

static char *stat_words(struct client *client, const char *name)
{
	cJSON *all, *item = cJSON_GetObjectItemCaseSensitive(video_stats(client, &all), name);
	char *words = g_strdup(cJSON_IsString(item) ? item->valuestring : "");
	cJSON_Delete(all);
	return words;
}

static double wait_frames(struct client *client, double more)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
	double from = stat_number(client, "frames_shown"), shown = from;
	while (shown < from + more && g_get_monotonic_time() < limit) {
		poll(NULL, 0, 50);
		shown = stat_number(client, "frames_shown");
	}
	return shown - from;
}

static bool speaks_of(const cJSON *event, const char *name, const char *words)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, name));
	return text && strstr(text, words);
}

/* The next event that says that this encoder is at work; NULL: it does not come. */
static cJSON *encoder_event(struct client *client, const char *words)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
	while (g_get_monotonic_time() < limit) {
		cJSON *event = client_take(client, "onCoder", 1000);
		if (event && speaks_of(event, "part", "encoder") && speaks_of(event, "name", words))
			return event;
		cJSON_Delete(event);
	}
	return NULL;
}

static void check_encoder(struct client *alice, const char *words, const char *reason)
{
	cJSON *event = encoder_event(alice, words);
	const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, "reason"));
	check(event && (!reason || speaks_of(event, "reason", reason)), "alice encodes by %s: %s", words,
	      why ? why : "she does not say so");
	cJSON_Delete(event);
}

static void wait_words(struct client *client, const char *name, const char *words)
{
	gint64 limit = g_get_monotonic_time() + LIMIT_S * G_USEC_PER_SEC;
	for (bool found = false; !found && g_get_monotonic_time() < limit; poll(NULL, 0, 100)) {
		g_autofree char *text = stat_words(client, name);
		found = strstr(text, words) != NULL;
	}
}

static void check_good(struct client *alice, struct client *bob)
{
	wait_words(alice, "encoder", "VA-API");
	wait_words(alice, "decoder", "vaapi");
	g_autofree char *encoder = stat_words(alice, "encoder"), *decoder = stat_words(alice, "decoder");
	g_autofree char *camera = stat_words(alice, "camera");
	check(strstr(encoder, "VA-API") && strcmp(decoder, "vaapi") == 0, "alice: %s, decoder %s, camera %s", encoder,
	      decoder, camera);
	check(wait_frames(bob, 60) >= 60 && wait_frames(alice, 30) >= 30, "both see each other");
	printf("# alice: %.1f ms an encoded picture, %.0f skipped, %.0f failed\n", stat_number(alice, "encode_ms"),
	       stat_number(alice, "frames_skipped"), stat_number(alice, "frames_failed"));
}

/* On a busy machine a guest's picture stands still without any fault: then nothing can be judged. */
static void check_freeze(struct client *bob, double before)
{
	double freeze = stat_number(bob, "longest_freeze_ms");
	if (freeze > FREEZE_MAX_MS && before > QUIET_MAX_MS)
		printf("ok - uml: how long bob's picture stood still # SKIP the machine is too busy: %.0f ms before the "
		       "fault, %.0f in all\n", before, freeze);
	else
		check(freeze > 0 && freeze <= FREEZE_MAX_MS,
		      "bob's picture stood still for %.0f ms at most, %.0f before the fault", freeze, before);
}

static void check_hang(struct client *alice, struct client *bob)
{
	check_encoder(alice, "VA-API", NULL);
	wait_frames(bob, 45);
	double before = stat_number(bob, "longest_freeze_ms");
	check_encoder(alice, "openh264", "vaapi hangs");
	check(wait_frames(bob, 30) >= 30, "bob's picture goes on");
	check_freeze(bob, before);
	check_encoder(alice, "VA-API", "tried again");
	check(wait_frames(bob, 30) >= 30, "bob's picture goes on with hardware");
	check_freeze(bob, before);
	check(stat_number(alice, "encoder_failures") >= 1 && stat_number(alice, "encoder_switches") >= 2,
	      "the stats count %.0f failures, %.0f switches", stat_number(alice, "encoder_failures"),
	      stat_number(alice, "encoder_switches"));
}

static void check_abort(struct client *alice, struct client *bob)
{
	check_encoder(alice, "VA-API", NULL);
	wait_frames(bob, 45);
	double before = stat_number(bob, "longest_freeze_ms");
	cJSON *event = client_take(alice, "onError", LIMIT_S * 1000);
	check(event != NULL, "alice's callbox-video is told dead");
	cJSON_Delete(event);
	check_encoder(alice, "openh264", "not there yet");
	check(wait_frames(bob, 30) >= 30, "bob's picture goes on");
	double freeze = stat_number(bob, "longest_freeze_ms");
	check(freeze <= RESTART_MAX_MS, "bob's picture stood still for %.0f ms at most, %.0f before the fault", freeze,
	      before);
}

static void call_begin(struct client *alice, struct client *bob)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(alice, "call", params, NULL));
	cJSON_Delete(client_expect(bob, "onInvited"));
	cJSON_Delete(client_call(bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(alice, "onUserEnter"));
	cJSON_Delete(client_expect(bob, "onUserEnter"));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3)
		return 64;
	struct place *place = place_open(argv[1]);
	const struct box_devices hard = {
		.camera = "v4l2:/dev/video0", .microphone = "tone:440", .speaker = "null:",
		.more = "fps = 15\nencoder = vaapi\ndecoder = vaapi\nhardware_retry = 2s\n",
	};
	const struct box_devices soft = { .microphone = "tone:660", .speaker = "null:",
					  .more = "fps = 15\nencoder = openh264\ndecoder = software\n" };
	place_hub_start(place);
	struct box *alice_box = box_create(place, "alice", "room-a", NULL, &hard);
	struct box *bob_box = box_create(place, "bob", "room-b", NULL, &soft);
	box_start(alice_box);
	box_start(bob_box);
	struct client *alice = client_open(alice_box->socket), *bob = client_open(bob_box->socket);
	call_begin(alice, bob);
	if (strcmp(argv[2], "none") == 0)
		check_good(alice, bob);
	else if (strcmp(argv[2], "hang") == 0)
		check_hang(alice, bob);
	else
		check_abort(alice, bob);
	cJSON_Delete(client_call(alice, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(bob, "onCallEnd"));
	client_close(alice);
	client_close(bob);
	place_close(place);
	return failed ? 1 : 0;
}
