/* The smallest provider carries a whole call: two boxes without any server. */
#include <glib.h>
#include <string.h>

#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

static struct box *loopback_box(struct place *place, const char *account, const char *device)
{
	struct box *box = box_create(place, account, device, "none", NULL);
	g_autofree char *file = g_strdup_printf("%s/conf/accounts/%s.conf", box->dir, account);
	g_autofree char *conf = g_strdup_printf("provider = loopback\naccount = %s\ndevice = %s\nserver = %s/net\n",
						account, device, place->dir);
	g_assert_true(g_file_set_contents(file, conf, -1, NULL));
	box_start(box);
	return box;
}

static void test_call(void)
{
	struct place *place = place_open(NULL);
	struct box *a = loopback_box(place, "alice", "room-a"), *b = loopback_box(place, "bob", "room-b");
	struct client *alice = client_open(a->socket), *bob = client_open(b->socket);
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON_Delete(client_call(alice, "call", params, NULL));
	cJSON_Delete(client_expect(bob, "onInvited"));
	cJSON_Delete(client_call(bob, "accept", NULL, NULL));
	cJSON_Delete(client_expect(alice, "onUserEnter"));
	cJSON_Delete(client_expect(bob, "onUserEnter"));
	cJSON_Delete(client_call(bob, "hangup", NULL, NULL));
	cJSON_Delete(client_expect(alice, "onCallEnd"));
	client_close(alice);
	client_close(bob);
	place_close(place);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/loopback/call", test_call);
	return g_test_run();
}
