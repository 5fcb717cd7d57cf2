/* Two boxes in two network namespaces with two links between them: what is on the wire before the verdict; addresses
 * and links that go away in mid-call, at either side; a while without any network. Judged by the test camera's number in
 * the picture that the other side shows, by the call's state and by its record. */
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"
#include "tests/pairs/capture.h"
#include "tests/pairs/client.h"
#include "tests/pairs/network.h"
#include "tests/pairs/pem.h"
#include "tests/pairs/place.h"

#define LIMIT_US (30 * G_USEC_PER_SEC)
#define RING_US 1500000

static struct network *network;
static struct capture *capture;
static struct place *place;
static struct box *boxes[2]; /* alice here, bob there */
static struct client *clients[2];
static int records;

static const cJSON *find(const cJSON *json, const char *path)
{
	g_auto(GStrv) names = g_strsplit(path, ".", -1);
	for (char **name = names; *name; name++)
		json = cJSON_GetObjectItemCaseSensitive(json, *name);
	return json;
}

static double number_of(struct client *client, const char *method, const char *path)
{
	cJSON *answer = client_call(client, method, NULL, NULL);
	const cJSON *item = find(answer, path);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
	cJSON_Delete(answer);
	return value;
}

static char *text_of(struct client *client, const char *method, const char *path)
{
	cJSON *answer = client_call(client, method, NULL, NULL);
	const cJSON *item = find(answer, path);
	char *text = g_strdup(cJSON_IsString(item) ? item->valuestring : "");
	cJSON_Delete(answer);
	return text;
}

static bool is_state(int who, const char *state)
{
	g_autofree char *now = text_of(clients[who], "status", "call.state");
	return g_str_equal(now, state);
}

#define UNTIL(fact) \
	do { \
		gint64 limit_ = g_get_monotonic_time() + LIMIT_US; \
		while (!(fact)) { \
			if (g_get_monotonic_time() > limit_) \
				g_error("not within 30 s: %s; logs %s and %s", #fact, boxes[0]->log, boxes[1]->log); \
			g_usleep(30000); \
		} \
	} while (0)

/* The test camera's number in the picture that this side shows of the other; -1: none. */
static int number_seen(int who)
{
	g_autofree char *file = g_strdup_printf("%s/seen.png", boxes[who]->dir);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "which", "remote");
	cJSON_AddStringToObject(params, "file", file);
	g_autofree char *error = NULL;
	cJSON *answer = client_call(clients[who], "snapshot", params, &error);
	struct picture picture = { 0 };
	struct pattern_mark mark;
	int number = -1;
	if (answer && png_load(file, &picture) == 0 && pattern_read(&picture, &mark) == 0)
		number = (int)mark.number;
	picture_finish(&picture);
	cJSON_Delete(answer);
	g_unlink(file);
	return number;
}

/* Both pictures go on from here. Returns how long that took, in ms. */
static int pictures_go_on(void)
{
	gint64 start = g_get_monotonic_time();
	for (int i = 0; i < 2; i++) {
		int first = -1;
		UNTIL((first = number_seen(i)) > 0);
		UNTIL(number_seen(i) > first + 10);
	}
	return (int)((g_get_monotonic_time() - start) / 1000);
}

static void verb(int who, const char *name)
{
	cJSON_Delete(client_call(clients[who], name, NULL, NULL));
}

static void expect(int who, const char *event)
{
	cJSON_Delete(client_expect(clients[who], event));
}

static void ring(void)
{
	for (int i = 0; i < 2; i++)
		client_forget(clients[i]);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_AddNumberToObject(params, "type", 2);
	cJSON_Delete(client_call(clients[0], "call", params, NULL));
	expect(1, "onInvited");
}

static void connect_call(void)
{
	ring();
	verb(1, "accept");
	UNTIL(is_state(0, "active") && is_state(1, "active"));
}

/* One more record, of a whole call. */
static void hang_up(int seconds)
{
	g_assert_cmpuint(client_count(clients[0], "onCallEnd") + client_count(clients[1], "onCallEnd"), ==, 0);
	verb(0, "hangup");
	expect(0, "onCallEnd");
	expect(1, "onCallEnd");
	records++;
	for (int i = 0; i < 2; i++) {
		cJSON *all = NULL;
		const cJSON *list = NULL;
		UNTIL((cJSON_Delete(all), all = client_call(clients[i], "getCallRecords", NULL, NULL),
		       list = find(all, "records"), cJSON_GetArraySize(list)) == records);
		const cJSON *record = cJSON_GetArrayItem(list, 0);
		const cJSON *duration = find(cJSON_GetArrayItem(find(record, "durations"), 0), "duration");
		g_assert_cmpint((int)find(record, "status")->valuedouble, ==, 1);
		g_assert_true(cJSON_IsNumber(duration));
		g_assert_cmpfloat(duration->valuedouble / 1000, >=, seconds - 3);
		g_assert_cmpfloat(duration->valuedouble / 1000, <=, seconds + 3);
		cJSON_Delete(all);
	}
}

static unsigned int secured(int who)
{
	g_autofree char *text = NULL;
	unsigned int n = 0;
	g_assert_true(g_file_get_contents(boxes[who]->log, &text, NULL, NULL));
	for (const char *at = text; (at = strstr(at, "media: secured by")); at++)
		n++;
	return n;
}

/* ---- before the verdict ---- */

static struct capture_counts ringing_counts(void)
{
	capture_forget(capture);
	ring();
	g_usleep(RING_US); /* nothing is awaited here: it rings, and all that time nothing must flow */
	return capture_counts(capture);
}

static void test_refused(void)
{
	struct capture_counts c = ringing_counts();
	g_assert_cmpuint(c.first_invite, >, 0);
	g_assert_cmpuint(c.srtp + c.dtls, ==, 0);
	verb(1, "reject");
	expect(0, "onCallEnd");
	expect(1, "onCallEnd");
	records++;
	g_usleep(500000);
	c = capture_counts(capture);
	g_test_message("%u packets, %u SRTP, %u DTLS, %u STUN; verdict is packet %u", c.packets, c.srtp, c.dtls, c.stun,
		       c.first_verdict);
	g_assert_cmpuint(c.first_verdict, >, 0);
	g_assert_cmpuint(c.srtp + c.dtls + c.stun, ==, 0);
}

static void test_verdict(void)
{
	struct capture_counts c = ringing_counts();
	gint64 start = g_get_monotonic_time();
	g_assert_cmpuint(c.srtp + c.dtls, ==, 0);
	verb(1, "accept");
	UNTIL((c = capture_counts(capture)).srtp > 100);
	g_test_message("of %u packets: invite %u, accept %u, verdict %u, first DTLS %u, first SRTP %u", c.packets,
		       c.first_invite, c.first_accept, c.first_verdict, c.first_dtls, c.first_srtp);
	g_assert_cmpuint(c.first_invite, <, c.first_accept);
	g_assert_cmpuint(c.first_accept, <, c.first_verdict);
	g_assert_cmpuint(c.first_verdict, <, c.first_dtls);
	g_assert_cmpuint(c.first_dtls, <, c.first_srtp);
	UNTIL(is_state(0, "active") && is_state(1, "active"));
	hang_up((int)((g_get_monotonic_time() - start) / G_USEC_PER_SEC));
}

/* ---- paths ---- */

struct path {
	gint64 start;
	unsigned int secured[2];
};

static void path_open(struct path *path)
{
	connect_call();
	path->start = g_get_monotonic_time();
	pictures_go_on();
	for (int i = 0; i < 2; i++)
		path->secured[i] = secured(i);
}

/* The call was the same one all along, with the keys it began with. */
static void path_close(struct path *path)
{
	for (int i = 0; i < 2; i++) {
		g_assert_true(is_state(i, "active"));
		g_assert_cmpuint(secured(i), ==, path->secured[i]);
	}
	hang_up((int)((g_get_monotonic_time() - path->start) / G_USEC_PER_SEC));
}

/* Which link a side's own end of the pair belongs to now. */
static int link_in_use(int who)
{
	int link = 0;
	g_autofree char *pair = text_of(clients[who], "stats", "media.candidate_pair");
	g_assert_cmpint(sscanf(pair, "%*s 10.%d.0.", &link), ==, 1);
	return link;
}

/* What went away is told by who and how; the call must come to the other link within a few seconds. */
static void expect_other_link(const char *what, int who, int before)
{
	gint64 start = g_get_monotonic_time();
	UNTIL(link_in_use(who) != before);
	int moved = (int)((g_get_monotonic_time() - start) / 1000);
	int shown = pictures_go_on();
	g_autofree char *pair = text_of(clients[who], "stats", "media.candidate_pair");
	g_test_message("%s: %s after %d ms, both pictures went on %d ms later; restarts %.0f and %.0f", what,
		       pair, moved, shown, number_of(clients[0], "stats", "media.ice_restarts"),
		       number_of(clients[1], "stats", "media.ice_restarts"));
	g_assert_cmpint(moved, <, 10000);
}

static void address(bool there, int link, const char *verb_word)
{
	network_ip(network, there, "addr %s 10.%d.0.%d/24 dev link%d", verb_word, link, there ? 2 : 1, link);
}

static void test_address_gone(void)
{
	struct path path;
	path_open(&path);
	for (int there = 0; there < 2; there++) {
		int link = link_in_use(there);
		address(there, link, "del");
		expect_other_link(there ? "the callee's address is gone" : "the caller's address is gone", there, link);
		address(there, link, "add");
	}
	path_close(&path);
}

static void test_cable(void)
{
	struct path path;
	path_open(&path);
	int link = link_in_use(0);
	network_ip(network, false, "link set link%d down", link);
	expect_other_link("the cable is pulled", 0, link);
	network_ip(network, false, "link set link%d up", link);
	path_close(&path);
}

/* Another lease: the old address goes, the link stays, a new one comes two seconds later. */
static void test_lease(void)
{
	struct path path;
	path_open(&path);
	int link = link_in_use(0), other = 3 - link;
	network_ip(network, false, "addr del 10.%d.0.1/24 dev link%d", other, other);
	network_ip(network, false, "addr del 10.%d.0.1/24 dev link%d", link, link);
	g_usleep(2 * G_USEC_PER_SEC);
	network_ip(network, false, "addr add 10.%d.0.77/24 dev link%d", link, link);
	gint64 start = g_get_monotonic_time();
	g_autofree char *pair = NULL;
	UNTIL((g_free(pair), pair = text_of(clients[0], "stats", "media.candidate_pair"), strstr(pair, ".0.77:")));
	int moved = (int)((g_get_monotonic_time() - start) / 1000);
	pictures_go_on();
	g_test_message("another lease: %s after %d ms", pair, moved);
	network_ip(network, false, "addr del 10.%d.0.77/24 dev link%d", link, link);
	address(false, link, "add");
	address(false, other, "add");
	pictures_go_on();
	path_close(&path);
}

/* Both links are dead for ten seconds: the call says so, and is back on its own when the other one comes. */
static void test_no_network(void)
{
	struct path path;
	path_open(&path);
	int used = link_in_use(0), other = 3 - used;
	for (int link = 1; link <= 2; link++)
		network_ip(network, true, "link set link%d down", link);
	UNTIL(is_state(0, "recovering") && is_state(1, "recovering"));
	g_autofree char *status = text_of(clients[0], "status", "status");
	g_assert_cmpstr(status, ==, "inCall");
	g_usleep(5 * G_USEC_PER_SEC);
	network_ip(network, true, "link set link%d up", other);
	gint64 start = g_get_monotonic_time();
	UNTIL(is_state(0, "active") && is_state(1, "active"));
	g_test_message("without a network, and active again %d ms after it came back",
		       (int)((g_get_monotonic_time() - start) / 1000));
	pictures_go_on();
	network_ip(network, true, "link set link%d up", used);
	path_close(&path);
}

static void boxes_start(const struct box_devices *devices)
{
	static const char *const accounts[] = { "alice", "bob" };
	for (int i = 0; i < 2; i++) {
		g_autofree char *device = g_strdup_printf("room-%s", accounts[i]);
		boxes[i] = box_create(place, accounts[i], device, NULL, devices);
		network_enter(network, i == 1);
		box_start(boxes[i]);
		network_enter(network, false);
		clients[i] = client_open(boxes[i]->socket);
	}
	records = 0;
}

/* Signalling goes by the loopback of each. */
static void scene_open(void)
{
	const struct box_devices devices = { .more = "ice_loopback = no\n" };
	place = place_open(NULL);
	place_hub_start(place);
	network_forward(network, (unsigned int)strtoul(strrchr(place->hub_url, ':') + 1, NULL, 10));
	boxes_start(&devices);
}

static void scene_close(void)
{
	for (int i = 0; i < 2; i++)
		client_close(clients[i]);
	place_close(place);
}

static void links_open(void)
{
	for (int link = 1; link <= 2; link++) {
		g_autofree char *name = g_strdup_printf("link%d", link);
		network_join(network, name);
		address(false, link, "add");
		address(true, link, "add");
	}
}

/* From the cable to the other network, and signalling with it: the hub is reached by the same links, the better one
 * first. */
static void test_signalling_too(void)
{
	g_autofree char *certificate = NULL, *key = NULL, *more = NULL, *trust = NULL;
	struct path path;
	scene_close();
	place = place_open(NULL);
	certificate = g_build_filename(place->dir, "hub.pem", NULL);
	key = g_build_filename(place->dir, "hub.key", NULL);
	pem_make("10.9.0.1", certificate, key);
	network_ip(network, false, "addr add 10.9.0.1/32 dev lo");
	network_ip(network, true, "route add 10.9.0.1/32 via 10.1.0.1 metric 10");
	more = g_strdup_printf("certificate = %s\nprivate_key = %s\n", certificate, key);
	trust = g_strdup_printf("ca_file = %s\n", certificate);
	place->hub_more = more;
	place->hub_url = g_strdup("wss://10.9.0.1:7801");
	place_hub_start(place);
	g_free(place->hub_url);
	place->hub_url = g_strdup("wss://10.9.0.1:7801");
	const struct box_devices devices = { .more = "ice_loopback = no\n", .account_more = trust };
	boxes_start(&devices);
	address(true, 2, "del"); /* the call begins on the first */
	path_open(&path);
	address(true, 2, "add");
	network_ip(network, true, "route add 10.9.0.1/32 via 10.2.0.1 metric 20");
	g_assert_cmpint(link_in_use(1), ==, 1);
	network_ip(network, true, "link set link1 down");
	address(true, 1, "del");
	gint64 start = g_get_monotonic_time();
	UNTIL(link_in_use(1) == 2 && is_state(0, "active") && is_state(1, "active"));
	int moved = (int)((g_get_monotonic_time() - start) / 1000), shown = pictures_go_on();
	g_test_message("with the signalling's own way gone: the other link after %d ms, pictures %d ms later", moved,
		       shown);
	path_close(&path);
	network_ip(network, true, "link set link1 up");
}

int main(int argc, char **argv)
{
	char why[256] = "";
	network = network_open(why, sizeof(why));
	capture = network ? capture_start(why, sizeof(why)) : NULL;
	if (!capture) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/transport/refused", test_refused);
	g_test_add_func("/transport/verdict", test_verdict);
	g_test_add_func("/transport/address-gone", test_address_gone);
	g_test_add_func("/transport/cable", test_cable);
	g_test_add_func("/transport/lease", test_lease);
	g_test_add_func("/transport/no-network", test_no_network);
	g_test_add_func("/transport/signalling-too", test_signalling_too);
	links_open();
	scene_open();
	int r = g_test_run();
	scene_close();
	capture_stop(capture);
	network_close(network);
	return r;
}
