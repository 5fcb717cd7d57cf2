/* demo: the main job, shown. A hub and two boxes of the accounts alice and bob, started from their own
 * conf and state folders; alice calls bob with video, bob rings and accepts, both watch and hear each
 * other, alice hangs up. Prints a summary, writes DIR/report.json and the remote pictures as PNG.
 * Exit 0 only when every promise in `checks` held. */
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define TALK_LIMIT_MS 30000
#define FRAMES_WANTED 150

struct side {
	const char *account, *device;
	struct box *box;
	struct client *client;
	cJSON *stats, *records;
	char *picture;
};

static double number(const cJSON *json, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	for (char **part = parts; *part && json; part++)
		json = cJSON_GetObjectItemCaseSensitive(json, *part);
	return cJSON_IsNumber(json) ? json->valuedouble : 0;
}

static const char *string(const cJSON *json, const char *path)
{
	g_auto(GStrv) parts = g_strsplit(path, ".", -1);
	for (char **part = parts; *part && json; part++)
		json = cJSON_GetObjectItemCaseSensitive(json, *part);
	const char *text = cJSON_GetStringValue(json);
	return text ? text : "?";
}

static void side_open(struct side *side, struct place *place)
{
	const struct box_devices devices = {
		.camera = "pattern:",
		.microphone = strcmp(side->account, "alice") == 0 ? "tone:440" : "tone:660",
		.speaker = "file:heard.wav",
		.local_view = "null:",
		.remote_view = "null:",
	};
	side->box = box_create(place, side->account, side->device, NULL, &devices);
	box_start(side->box);
	side->client = client_open(side->box->socket);
	printf("%-5s  box %s is online on %s\n", side->account, side->device, place->hub_url);
}

static cJSON *stats_take(struct side *side)
{
	char *error = NULL;
	cJSON *stats = client_call(side->client, "stats", NULL, &error);
	g_free(error);
	cJSON_Delete(side->stats);
	return side->stats = stats;
}

/* Both sides have shown the wanted frames and decoded sound; false after the limit. */
static bool talk(struct side sides[2])
{
	gint64 end = g_get_monotonic_time() + TALK_LIMIT_MS * 1000;
	for (;;) {
		bool enough = true;
		for (int i = 0; i < 2; i++) {
			const cJSON *stats = stats_take(&sides[i]);
			enough &= number(stats, "video.frames_shown") >= FRAMES_WANTED &&
				  number(stats, "media.sound.decoded") > 0;
		}
		if (enough)
			return true;
		if (g_get_monotonic_time() > end)
			return false;
		poll(NULL, 0, 100);
	}
}

static bool picture_save(struct side *side, const struct place *place)
{
	side->picture = g_strdup_printf("%s/%s-sees.png", place->dir, side->account);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "which", "remote");
	cJSON_AddStringToObject(params, "file", side->picture);
	char *error = NULL;
	cJSON *result = client_call(side->client, "snapshot", params, &error);
	if (error)
		printf("%-5s  no picture: %s\n", side->account, error);
	bool saved = result && g_file_test(side->picture, G_FILE_TEST_EXISTS);
	cJSON_Delete(result);
	g_free(error);
	return saved;
}

static unsigned int records_take(struct side *side)
{
	side->records = client_call(side->client, "getCallRecords", NULL, NULL);
	const cJSON *list = cJSON_IsArray(side->records)
				    ? side->records
				    : cJSON_GetObjectItemCaseSensitive(side->records, "records");
	return (unsigned int)cJSON_GetArraySize(list);
}

/* One line of the printed summary for a side. */
static void side_print(const struct side *side)
{
	const cJSON *s = side->stats;
	printf("%-5s  picture  %.0f frames shown, %s %s, %.0fx%.0f, camera %s, loss %.2f %%\n",
	       side->account, number(s, "video.frames_shown"), string(s, "media.video.codec"),
	       string(s, "video.encoder"), number(s, "video.width"), number(s, "video.height"),
	       string(s, "video.camera"), number(s, "media.video.loss_percent"));
	printf("%-5s  sound    %.0f packets decoded, %s, microphone %s, speaker %s, loss %.2f %%\n",
	       side->account, number(s, "media.sound.decoded"), string(s, "media.audio.codec"),
	       string(s, "media.sound.microphone"), string(s, "media.sound.speaker"),
	       number(s, "media.audio.loss_percent"));
	printf("%-5s  network  %.0f packets sent, %.0f received, %s, %s\n", side->account,
	       number(s, "media.packets_sent"), number(s, "media.packets_received"),
	       string(s, "media.candidate_pair"), string(s, "media.srtp_profile"));
}

static void report_write(const struct place *place, const struct side sides[2], double set_up_ms,
			 double first_frame_ms, bool connected, const unsigned int records[2], bool ok)
{
	cJSON *report = cJSON_CreateObject();
	cJSON_AddBoolToObject(report, "ok", ok);
	cJSON_AddBoolToObject(report, "connected", connected);
	cJSON_AddNumberToObject(report, "set_up_ms", set_up_ms);
	cJSON_AddNumberToObject(report, "first_frame_ms", first_frame_ms);
	for (int i = 0; i < 2; i++) {
		cJSON *side = cJSON_AddObjectToObject(report, sides[i].account);
		const cJSON *s = sides[i].stats;
		cJSON_AddNumberToObject(side, "video_frames_shown", number(s, "video.frames_shown"));
		cJSON_AddNumberToObject(side, "audio_packets_decoded", number(s, "media.sound.decoded"));
		cJSON_AddNumberToObject(side, "records", records[i]);
		cJSON_AddStringToObject(side, "remote_picture", sides[i].picture ? sides[i].picture : "");
		cJSON_AddItemToObject(side, "call_records", cJSON_Duplicate(sides[i].records, true));
		cJSON_AddItemToObject(side, "stats", cJSON_Duplicate(s, true));
	}
	char *text = cJSON_Print(report);
	g_autofree char *path = g_build_filename(place->dir, "report.json", NULL);
	g_autoptr(GError) error = NULL;
	if (!g_file_set_contents(path, text, -1, &error))
		g_error("%s", error->message);
	printf("       report   %s\n", path);
	cJSON_free(text);
	cJSON_Delete(report);
}

/* call, ring, accept; returns whether both are connected. Times are from the caller's `call`. */
static bool connect_call(struct side *alice, struct side *bob, double *ret_set_up_ms, double *ret_frame_ms)
{
	gint64 start = g_get_monotonic_time();
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 2);
	cJSON *call = client_call(alice->client, "call", params, NULL);
	printf("alice  calls bob: %s\n", string(call, "callId"));
	cJSON_Delete(call);
	cJSON *invited = client_expect(bob->client, "onInvited");
	printf("bob    rings: video call from %s; accepts\n", string(invited, "invitor"));
	cJSON_Delete(invited);
	cJSON_Delete(client_call(bob->client, "accept", NULL, NULL));
	bool connected = true;
	struct side *both[] = { alice, bob };
	for (int i = 0; i < 2; i++) {
		cJSON *entered = client_take(both[i]->client, "onUserEnter", TALK_LIMIT_MS);
		connected &= entered != NULL;
		cJSON_Delete(entered);
	}
	*ret_set_up_ms = (double)(g_get_monotonic_time() - start) / 1000;
	while (connected && number(stats_take(alice), "video.frames_shown") < 1 &&
	       g_get_monotonic_time() - start < TALK_LIMIT_MS * 1000)
		poll(NULL, 0, 2);
	*ret_frame_ms = (double)(g_get_monotonic_time() - start) / 1000;
	return connected;
}

static bool hang_up(struct side *alice, struct side *bob)
{
	cJSON_Delete(client_call(alice->client, "hangup", NULL, NULL));
	bool ended = true;
	struct side *both[] = { alice, bob };
	for (int i = 0; i < 2; i++) {
		cJSON *end = client_take(both[i]->client, "onCallEnd", TALK_LIMIT_MS);
		ended &= end != NULL;
		if (end)
			printf("%-5s  call ended: reason %.0f, %.1f s\n", both[i]->account,
			       number(end, "reasonCode"), number(end, "durationMs") / 1000);
		cJSON_Delete(end);
	}
	return ended;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct place *place = place_open(argc > 1 ? argv[1] : "demo-out");
	place_hub_start(place);
	printf("hub    listens on %s\n", place->hub_url);
	struct side sides[2] = { { .account = "alice", .device = "room-a" },
				 { .account = "bob", .device = "room-b" } };
	for (int i = 0; i < 2; i++)
		side_open(&sides[i], place);
	double set_up_ms = 0, frame_ms = 0;
	bool connected = connect_call(&sides[0], &sides[1], &set_up_ms, &frame_ms);
	bool talked = connected && talk(sides);
	bool pictures = talked;
	for (int i = 0; connected && i < 2; i++)
		pictures &= picture_save(&sides[i], place);
	bool ended = hang_up(&sides[0], &sides[1]);
	unsigned int records[2];
	for (int i = 0; i < 2; i++)
		records[i] = records_take(&sides[i]);
	bool ok = connected && talked && pictures && ended && records[0] == 1 && records[1] == 1;

	printf("\n       set-up   %.0f ms from call to connected, first picture after %.0f ms\n", set_up_ms,
	       frame_ms);
	for (int i = 0; i < 2; i++) {
		side_print(&sides[i]);
		printf("%-5s  records  %u, remote picture %s\n", sides[i].account, records[i],
		       sides[i].picture ? sides[i].picture : "none");
	}
	report_write(place, sides, set_up_ms, frame_ms, connected, records, ok);
	printf("       result   %s\n", ok ? "the call worked" : "THE CALL DID NOT WORK");
	for (int i = 0; i < 2; i++) {
		client_close(sides[i].client);
		cJSON_Delete(sides[i].stats);
		cJSON_Delete(sides[i].records);
		g_free(sides[i].picture);
	}
	place_close(place);
	return ok ? 0 : 1;
}
