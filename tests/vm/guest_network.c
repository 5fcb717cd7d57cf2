/* guest_network: a call whose network narrows and widens again, inside a guest whose loopback netem shapes. The
 * picture gets smaller instead of standing still, and large again afterwards; the call is the same all along.
 *
 * usage: guest_network FOLDER   prints result lines of a leg. */
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

static unsigned int failed;

static void check(bool good, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void check(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	printf("%sok - network: %s\n", good ? "" : "not ", text);
	failed += !good;
}

static double video_stat(struct client *client, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *item =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(stats, "video"), name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	cJSON_Delete(stats);
	return value;
}

static double wait_stat(struct client *client, const char *name, double least, double most, int limit_s)
{
	gint64 start = g_get_monotonic_time(), limit = start + limit_s * G_USEC_PER_SEC;
	double value;
	while ((value = video_stat(client, name)) < least || value > most) {
		if (g_get_monotonic_time() > limit)
			break;
		poll(NULL, 0, 100);
	}
	check(value >= least && value <= most, "%s is %.0f after %.1f s", name, value,
	      (double)(g_get_monotonic_time() - start) / 1e6);
	return value;
}

static double uplink_stat(struct client *client, const char *name)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *media = cJSON_GetObjectItemCaseSensitive(stats, "media");
	const cJSON *item =
		cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(media, "uplink"), name);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	cJSON_Delete(stats);
	return value;
}

/* What congestion control grants in all. */
static void wait_rate(struct client *client, double least, double most, int limit_s)
{
	gint64 start = g_get_monotonic_time(), limit = start + limit_s * G_USEC_PER_SEC;
	double value;
	while (((value = uplink_stat(client, "rate_bps")) < least || value > most) && g_get_monotonic_time() < limit)
		poll(NULL, 0, 200);
	check(value >= least && value <= most, "the rate is %.0f kbit/s after %.1f s", value / 1000,
	      (double)(g_get_monotonic_time() - start) / 1e6);
}

/* For people: what congestion control saw. */
static void look(struct client *client, const char *who)
{
	cJSON *stats = client_call(client, "stats", NULL, NULL);
	const cJSON *media = cJSON_GetObjectItemCaseSensitive(stats, "media");
	g_autofree char *uplink = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(media, "uplink"));
	printf("# %s: %s, %.0f x %.0f at %.0f, %.0f key frames, %.0f bit/s\n", who, uplink, video_stat(client, "width"),
	       video_stat(client, "height"), video_stat(client, "fps"), video_stat(client, "keyframes"),
	       video_stat(client, "bitrate_bps"));
	cJSON_Delete(stats);
}

static void shape(const char *words)
{
	g_autofree char *command = g_strdup_printf("tc qdisc %s", words);
	int r = system(command);
	check(r == 0, "%s", command);
}

static double shown_in(struct client *client, int seconds)
{
	double before = video_stat(client, "frames_shown");
	poll(NULL, 0, seconds * 1000);
	return (video_stat(client, "frames_shown") - before) / seconds;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 64;
	struct place *place = place_open(argv[1]);
	const struct box_devices devices = { .more = "width = 960\nheight = 540\nfps = 6\nbitrate = 1200\n" };
	place_hub_start(place);
	struct box *alice = box_create(place, "alice", "room-a", NULL, &devices);
	struct box *bob = box_create(place, "bob", "room-b", NULL, &devices);
	box_start(alice);
	box_start(bob);
	struct client *a = client_open(alice->socket), *b = client_open(bob->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(a, "call", params, NULL));
	cJSON_Delete(client_expect(b, "onInvited"));
	cJSON_Delete(client_call(b, "accept", NULL, NULL));
	cJSON_Delete(client_expect(a, "onUserEnter"));
	wait_stat(b, "remote_height", 540, 540, 90);
	shape("add dev lo root netem rate 300kbit limit 40"); /* both directions and the signalling share it */
	double rate = 0;
	for (int tries = 0; tries < 6 && rate < 3; tries++)
		rate = shown_in(b, 5);
	check(rate >= 3, "%.1f pictures a second through 300 kbit/s", rate);
	look(a, "alice");
	look(b, "bob");
	shape("change dev lo root netem rate 150kbit limit 40");
	wait_rate(a, 0, 200000, 30);
	wait_stat(b, "remote_height", 90, 360, 60);
	rate = 0; /* the change itself costs some seconds */
	for (int tries = 0; tries < 6 && rate < 2; tries++)
		rate = shown_in(b, 6);
	look(a, "alice");
	look(b, "bob");
	check(rate >= 2, "%.1f pictures a second through 150 kbit/s", rate);
	shape("del dev lo root");
	wait_rate(a, 1000000, 2000000, 60);
	wait_stat(b, "remote_height", 540, 540, 90);
	look(a, "alice");
	rate = 0;
	for (int tries = 0; tries < 4 && rate < 3; tries++)
		rate = shown_in(b, 5);
	check(rate >= 3, "%.1f pictures a second when it is wide again", rate);
	cJSON_Delete(client_call(a, "hangup", NULL, NULL));
	cJSON *end = client_expect(b, "onCallEnd");
	const cJSON *reason = cJSON_GetObjectItemCaseSensitive(end, "reasonCode");
	check(cJSON_IsNumber(reason) && reason->valuedouble == 16, "the same call, to its end");
	cJSON_Delete(end);
	client_close(a);
	client_close(b);
	place_close(place);
	return failed ? 1 : 0;
}
