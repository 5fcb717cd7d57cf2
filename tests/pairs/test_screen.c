/* test_screen: the pages of a box whose screen is a file: idle, ringing, calling, in a call, dark in standby, and a
 * callbox-screen that dies. Judged by colour: a ringing page is green at the top, a dark one black. */
#include <glib.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "drivers-glue/png.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define LIMIT_US (20 * G_USEC_PER_SEC)

static struct place *place;
static struct box *alice, *bob;
static struct client *a, *b;
static char *file;

enum page { PAGE_DARK, PAGE_GREEN, PAGE_BLUE, PAGE_NONE };
static const char *const names[] = { "dark", "ringing", "not ringing", "none" };

/* By the colour of the upper left corner. */
static enum page page_now(void)
{
	struct picture p = { 0 };
	if (png_load(file, &p) < 0)
		return PAGE_NONE;
	size_t at = (size_t)(p.strides[2] * (p.height / 40) + 4);
	int luma = p.planes[0][p.strides[0] * (p.height / 20) + 8], u = p.planes[1][at], v = p.planes[2][at];
	picture_finish(&p);
	return luma <= 17 ? PAGE_DARK : v < 120 && u < 132 ? PAGE_GREEN : PAGE_BLUE;
}

static void expect(enum page page, const char *when)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	enum page seen = page_now();
	for (; seen != page && g_get_monotonic_time() < end; seen = page_now())
		poll(NULL, 0, 20);
	g_test_message("%s: %s", when, names[seen]);
	g_assert_cmpstr(names[seen], ==, names[page]);
}

static void verb(struct client *client, const char *name, const char *key, const char *value)
{
	cJSON *params = cJSON_CreateObject();
	if (key && strcmp(value, "on") == 0)
		cJSON_AddBoolToObject(params, key, true);
	else if (key)
		cJSON_AddStringToObject(params, key, value);
	cJSON_Delete(client_call(client, name, params, NULL));
}

static void test_pages(void)
{
	expect(PAGE_BLUE, "idle");
	verb(b, "call", "userId", "alice");
	cJSON_Delete(client_expect(a, "onInvited"));
	expect(PAGE_GREEN, "it rings");
	verb(a, "accept", NULL, NULL);
	cJSON_Delete(client_expect(a, "onUserEnter"));
	expect(PAGE_BLUE, "in the call");
	verb(b, "hangup", NULL, NULL);
	cJSON_Delete(client_expect(a, "onCallEnd"));
	cJSON_Delete(client_expect(b, "onCallEnd"));
	expect(PAGE_BLUE, "after it");
}

static void test_standby(void)
{
	verb(a, "standby", "on", "on");
	expect(PAGE_DARK, "in standby");
	verb(b, "call", "userId", "alice");
	expect(PAGE_GREEN, "a ring wakes it");
	verb(b, "cancel", NULL, NULL);
	cJSON_Delete(client_expect(a, "onCallEnd"));
	expect(PAGE_BLUE, "after it");
}

/* Without wake_on_ring a dark room is not lit by a ring, nor by its end; who answers lights it. */
static void test_sleeps_on(void)
{
	g_autofree char *conf = g_build_filename(alice->dir, "conf", "callbox.conf", NULL), *text = NULL;
	g_assert_true(g_file_get_contents(conf, &text, NULL, NULL));
	g_autofree char *more = g_strconcat(text, "wake_on_ring = no\n", NULL);
	g_assert_true(g_file_set_contents(conf, more, -1, NULL));
	client_close(a);
	box_stop(alice, SIGTERM);
	box_start(alice);
	a = client_open(alice->socket);
	expect(PAGE_BLUE, "idle");
	verb(a, "standby", "on", "on");
	expect(PAGE_DARK, "in standby");
	verb(b, "call", "userId", "alice");
	cJSON_Delete(client_expect(a, "onInvited"));
	g_assert_cmpint(page_now(), ==, PAGE_DARK);
	verb(b, "cancel", NULL, NULL);
	cJSON_Delete(client_expect(a, "onCallEnd"));
	g_assert_cmpint(page_now(), ==, PAGE_DARK);
	verb(b, "call", "userId", "alice");
	cJSON_Delete(client_expect(a, "onInvited"));
	verb(a, "accept", NULL, NULL);
	expect(PAGE_BLUE, "answered");
	verb(b, "hangup", NULL, NULL);
	cJSON_Delete(client_expect(a, "onCallEnd"));
}

static void test_death(void)
{
	GPid pid = box_child(alice, "callbox-screen");
	g_assert_cmpint(pid, >, 0);
	verb(b, "call", "userId", "alice");
	expect(PAGE_GREEN, "it rings");
	g_unlink(file);
	kill(pid, SIGKILL);
	expect(PAGE_GREEN, "killed while it rings");
	g_assert_cmpint(box_child(alice, "callbox-screen"), !=, pid);
	verb(a, "reject", NULL, NULL);
	cJSON_Delete(client_expect(b, "onUserReject"));
	expect(PAGE_BLUE, "after it");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	place = place_open(NULL);
	place_hub_start(place);
	file = g_build_filename(place->dir, "screen.png", NULL);
	g_autofree char *more = g_strdup_printf("screen = png:%s\nscreen_mode = 640x360\nscreen_blank = 50ms\n"
						"cec = off\n", file);
	const struct box_devices screen = { .more = more };
	alice = box_create(place, "alice", "room-a", NULL, &screen);
	bob = box_create(place, "bob", "room-b", NULL, NULL);
	box_start(alice);
	box_start(bob);
	a = client_open(alice->socket);
	b = client_open(bob->socket);
	g_test_add_func("/screen/pages", test_pages);
	g_test_add_func("/screen/standby", test_standby);
	g_test_add_func("/screen/death", test_death);
	g_test_add_func("/screen/sleeps-on", test_sleeps_on);
	int code = g_test_run();
	client_close(a);
	client_close(b);
	place_close(place);
	g_free(file);
	return code;
}
