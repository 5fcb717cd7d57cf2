/* conformance: the scenarios that every provider must pass, through the plugin ABI alone.
 *
 * usage: conformance                                      the providers that come along: loopback, hub
 *        conformance --plugin FILE.so --server SERVER [--token ACCOUNT:TOKEN...]
 *                                                         any other; accounts alice, bob and carol must exist
 *
 * What a network cannot do, by the capabilities that it declares, is skipped with the reason. */
#include <dirent.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/device.h"
#include "tests/conformance/proxy.h"
#include "tests/pairs/place.h"

#define ID "0123456789abcdef0123456789abcdef"
#define LONG_MS 600000

/* The network under test. */
struct network {
	const char *name;
	char *plugin;			    /* file */
	void (*start)(struct network *n);   /* NULL: somebody else runs the server, or there is none */
	void (*stop)(struct network *n);
	void (*restart)(struct network *n); /* NULL: cannot be */
	const struct callbox_provider *provider;
	struct place *place;
	char *server;
	GHashTable *tokens;
	bool single; /* one login an account */
};

static struct network *net;

static const char *token_of(const char *account)
{
	char *token = g_hash_table_lookup(net->tokens, account);
	if (!token && net->place && net->start) {
		token = place_add_user(net->place, account);
		g_hash_table_insert(net->tokens, g_strdup(account), token);
	}
	return token ? token : "none";
}

static struct device *login_at(const char *account, const char *name, const char *boot, const char *server)
{
	return device_login(net->provider, account, name, boot, token_of(account), server);
}

static struct device *login(const char *account, const char *name, const char *boot)
{
	return login_at(account, name, boot, net->server);
}

static const char *member(const cJSON *json, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return value ? value : "";
}

static double number(const cJSON *json, const char *name)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static bool truth(const cJSON *json, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, name));
}

static void good_result(struct device *from, uint64_t id)
{
	cJSON *result = device_result(from, id);
	if (cJSON_GetObjectItemCaseSensitive(result, "error"))
		g_error("a command failed: %s: %s", member(result, "error"), member(result, "message"));
	cJSON_Delete(result);
}

/* The next event of a device, which must be this one of that sender. */
static cJSON *expect(struct device *to, const char *kind, const char *user, const struct device *from, double seq)
{
	cJSON *event = device_event(to);
	char *text = cJSON_PrintUnformatted(event);
	if (strcmp(member(event, "kind"), kind) != 0 || strcmp(member(event, "from_user"), user) != 0 ||
	    strcmp(member(event, "from_party"), device_party(from)) != 0 || number(event, "seq") != seq ||
	    strcmp(member(event, "call_id"), ID) != 0)
		g_error("wanted %s of %s, seq %.0f, not %s", kind, device_party(from), seq, text);
	cJSON_free(text);
	return event;
}

static void send_plain(struct device *from, const char *kind, const char *user, const char *party, uint64_t seq)
{
	good_result(from, device_send(from, kind, ID, user, party, seq, LONG_MS, NULL));
}

/* ---- scenarios ---- */

static void test_login(void)
{
	struct device *alice = login("alice", "a1", "1");
	g_assert_true(device_can(alice, "ring_all"));
	uint64_t id = device_send(alice, "ice_servers", NULL, NULL, NULL, 0, 10000, NULL);
	cJSON *result = device_result(alice, id);
	const cJSON *body = cJSON_GetObjectItemCaseSensitive(result, "body");
	g_assert_true(cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(body, "servers")));
	cJSON_Delete(result);
	device_close(alice);
}

/* What a peer may put into a body: 2 KiB of attachment, every kind of character. */
static cJSON *big_body(void)
{
	g_autofree char *filler = g_strnfill(1900, 'x');
	cJSON *body = cJSON_CreateObject(), *attachment = cJSON_AddObjectToObject(body, "attachment");
	cJSON_AddStringToObject(attachment, "text", "\"quoted\" \\ / \b\f\n\r\t \x01 ä 漢字 📞 </script> %s ");
	cJSON_AddStringToObject(attachment, "filler", filler);
	cJSON_AddNumberToObject(attachment, "number", 1234567890123.0);
	cJSON_AddNullToObject(attachment, "nothing");
	cJSON_AddBoolToObject(cJSON_AddArrayToObject(attachment, "list"), "unused", true);
	cJSON_AddNumberToObject(body, "type", 2);
	return body;
}

static void test_ring_all(void)
{
	struct device *alice = login("alice", "a1", "1"), *bobs[3];
	for (int i = 0; i < 3; i++) {
		g_autofree char *name = g_strdup_printf("b%d", i);
		bobs[i] = login("bob", name, "1");
	}
	cJSON *body = big_body();
	good_result(alice, device_send(alice, "invite", ID, "bob", "*", 1, LONG_MS, cJSON_Duplicate(body, true)));
	send_plain(alice, "decide", "bob", "*", 2);
	for (int i = 0; i < 3; i++) {
		cJSON *event = expect(bobs[i], "invite", "alice", alice, 1);
		g_assert_true(cJSON_Compare(body, cJSON_GetObjectItemCaseSensitive(event, "body"), true));
		g_assert_false(truth(event, "replay"));
		g_assert_cmpfloat(number(event, "age_ms"), >=, 0);
		g_assert_cmpfloat(number(event, "age_ms"), <, 60000);
		cJSON_Delete(event);
		cJSON_Delete(expect(bobs[i], "decide", "alice", alice, 2)); /* so the invite came once */
		g_assert_cmpuint(device_events(bobs[i]), ==, 0);
	}
	g_assert_cmpuint(device_events(alice), ==, 0);
	cJSON_Delete(body);
	for (int i = 0; i < 3; i++)
		device_close(bobs[i]);
	device_close(alice);
}

static void test_one_device(void)
{
	struct device *alice = login("alice", "a1", "1");
	struct device *b1 = login("bob", "b1", "1"), *b2 = login("bob", "b2", "1");
	send_plain(alice, "state", "bob", device_party(b2), 1);
	send_plain(alice, "invite", "bob", "*", 2);
	cJSON_Delete(expect(b1, "invite", "alice", alice, 2));
	cJSON_Delete(expect(b2, "state", "alice", alice, 1));
	cJSON_Delete(expect(b2, "invite", "alice", alice, 2));
	send_plain(b2, "accept", "alice", device_party(alice), 1);
	cJSON_Delete(expect(alice, "accept", "bob", b2, 1));
	device_close(b1);
	device_close(b2);
	device_close(alice);
}

/* What is meant for a party that has gone is nothing for its next boot. */
static void test_old_boot(void)
{
	struct device *alice = login("alice", "a1", "1");
	struct device *old = login("bob", "b1", "1");
	g_autofree char *party = g_strdup(device_party(old));
	device_close(old);
	struct device *bob = login("bob", "b1", "2");
	cJSON_Delete(device_result(alice, device_send(alice, "state", ID, "bob", party, 1, LONG_MS, NULL)));
	send_plain(alice, "invite", "bob", "*", 2);
	cJSON_Delete(expect(bob, "invite", "alice", alice, 2));
	g_assert_cmpuint(device_events(bob), ==, 0);
	device_close(bob);
	device_close(alice);
}

static void test_kinds(void)
{
	static const char *const kinds[] = { "invite", "ringing", "accept", "reject", "decide", "bye", "query", "state",
					     "description", "candidates", "update", "flags", "ping", "pong", "record" };
	struct device *alice = login("alice", "a1", "1"), *bob = login("bob", "b1", "1");
	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++)
		send_plain(alice, kinds[i], "bob", i % 2 ? device_party(bob) : "*", i + 1);
	for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++)
		cJSON_Delete(expect(bob, kinds[i], "alice", alice, i + 1));
	device_close(bob);
	device_close(alice);
}

static void test_order(void)
{
	enum { COUNT = 300 };
	struct device *alice = login("alice", "a1", "1"), *bob = login("bob", "b1", "1");
	uint64_t ids[COUNT];
	for (unsigned int i = 0; i < COUNT; i++) {
		ids[i] = device_send(alice, "candidates", ID, "bob", device_party(bob), i + 1, LONG_MS, NULL);
		if (i % 50 == 49) /* a call never has more under way */
			good_result(alice, ids[i]);
	}
	for (unsigned int i = 0; i < COUNT; i++) {
		cJSON_Delete(expect(bob, "candidates", "alice", alice, i + 1));
		good_result(alice, ids[i]);
		g_assert_cmpuint(device_result_count(alice, ids[i]), ==, 1);
	}
	device_close(bob);
	device_close(alice);
}

static void test_nobody(void)
{
	struct device *alice = login("alice", "a1", "1");
	uint64_t id = device_send(alice, "invite", ID, "nobody-of-that-name", "*", 1, 2000, NULL);
	cJSON *result = device_result(alice, id);
	g_assert_cmpstr(member(result, "error"), !=, "");
	g_assert_cmpstr(member(result, "message"), !=, "");
	cJSON_Delete(result);
	g_assert_cmpuint(device_result_count(alice, id), ==, 1);
	device_close(alice);
}

/* An account whose devices are away: told, or kept with its age and given out before synced. */
static void test_away(void)
{
	struct device *alice = login("alice", "a1", "1"), *bob = login("bob", "b1", "1");
	device_close(bob);
	uint64_t kept = device_send(alice, "record", ID, "bob", "*", 1, LONG_MS, NULL);
	cJSON *result = device_result(alice, kept);
	bool error = cJSON_GetObjectItemCaseSensitive(result, "error") != NULL;
	cJSON_Delete(result);
	if (!device_can(alice, "offline_store")) {
		g_assert_true(error); /* the sender must know */
		device_close(alice);
		g_test_skip("keeps nothing for devices that are away: no offline_store");
		return;
	}
	g_assert_false(error);
	send_plain(alice, "record", "bob", "*", 2);
	good_result(alice, device_send(alice, "invite", ID, "bob", "*", 3, 1, NULL)); /* over before it is read */
	gint64 later = g_get_monotonic_time() + 50000;
	while (g_get_monotonic_time() < later)
		g_usleep(1000);
	bob = login("bob", "b1", "2");
	g_assert_cmpint(device_events_before_synced(bob), ==, 2);
	for (int i = 1; i <= 2; i++) {
		cJSON *event = expect(bob, "record", "alice", alice, i);
		g_assert_true(truth(event, "replay"));
		g_assert_cmpfloat(number(event, "age_ms"), >=, 40);
		g_assert_cmpfloat(number(event, "age_ms"), <, 60000);
		cJSON_Delete(event);
	}
	send_plain(bob, "record", "alice", "*", 4); /* whoever has this has been told what was taken */
	device_close(bob);
	bob = login("bob", "b1", "3"); /* what was taken does not come again */
	g_assert_cmpuint(device_events(bob), ==, 0);
	device_close(bob);
	device_close(alice);
}

/* Takes events until this number came; copies must be the very same message. */
static void expect_with_copies(struct device *to, const struct device *from, double seq)
{
	for (;;) {
		cJSON *event = device_event(to);
		double is = number(event, "seq");
		g_assert_cmpstr(member(event, "from_party"), ==, device_party(from));
		cJSON_Delete(event);
		g_assert_cmpfloat(is, <=, seq);
		if (is == seq)
			return;
	}
}

/* The server goes away while it rings, and comes back: what was said meanwhile arrives. */
static void test_server_restarted(void)
{
	if (!net->restart) {
		g_test_skip(net->start ? "has no server" : "its server is not ours to restart");
		return;
	}
	struct device *alice = login("alice", "a1", "1"), *bob = login("bob", "b1", "1");
	unsigned int synced = device_synced_count(bob);
	send_plain(alice, "invite", "bob", "*", 1);
	cJSON_Delete(expect(bob, "invite", "alice", alice, 1));
	net->stop(net);
	g_assert_cmpstr(device_wait_status(bob, "connecting"), !=, "");
	device_wait_status(alice, "connecting");
	uint64_t id = device_send(bob, "accept", ID, "alice", device_party(alice), 1, LONG_MS, NULL);
	uint64_t late = device_send(bob, "ringing", ID, "alice", device_party(alice), 2, 1, NULL);
	cJSON *result = device_result(bob, late); /* its time is over before there is a server */
	g_assert_cmpstr(member(result, "error"), !=, "");
	cJSON_Delete(result);
	net->restart(net);
	device_wait_status(alice, "online");
	device_wait_status(bob, "online");
	device_wait_synced(bob, synced + 1);
	good_result(bob, id);
	expect_with_copies(alice, bob, 1);
	g_assert_cmpuint(device_result_count(bob, id), ==, 1);
	send_plain(alice, "decide", "bob", "*", 2);
	expect_with_copies(bob, alice, 2);
	device_close(bob);
	device_close(alice);
}

/* The connection is cut in the middle of talk, several times: nothing is lost, nothing new is invented. */
static void test_connection_cut(void)
{
	if (!net->restart) {
		g_test_skip("has no connection that could be cut");
		return;
	}
	enum { COUNT = 60 };
	int port;
	struct proxy *proxy = proxy_open(atoi(strrchr(net->server, ':') + 1), &port);
	g_autofree char *server = g_strdup_printf("ws://127.0.0.1:%d", port);
	struct device *alice = login_at("alice", "a1", "1", server), *bob = login_at("bob", "b1", "1", server);
	for (unsigned int i = 1; i <= COUNT; i++) {
		device_send(alice, "candidates", ID, "bob", device_party(bob), i, LONG_MS, NULL);
		if (i % 20 == 10)
			proxy_cut(proxy, true);
		if (i % 20 == 15)
			proxy_cut(proxy, false);
	}
	bool came[COUNT + 1] = { false };
	for (unsigned int n = 0; n < COUNT;) {
		cJSON *event = device_event(bob);
		unsigned int seq = (unsigned int)number(event, "seq");
		g_assert_cmpuint(seq, >=, 1);
		g_assert_cmpuint(seq, <=, COUNT);
		n += !came[seq];
		came[seq] = true;
		cJSON_Delete(event);
	}
	device_close(bob);
	device_close(alice);
	proxy_close(proxy);
}

static void test_wrong_token(void)
{
	if (!net->start || !net->restart) {
		g_test_skip("knows no tokens");
		return;
	}
	token_of("alice");
	struct device *alice = device_open(net->provider, "alice", "a1", "1", "SECRET wrong", net->server);
	const char *text = device_wait_status(alice, "refused");
	g_assert_nonnull(strstr(text, "alice"));
	g_assert_null(strstr(text, "SECRET"));
	uint64_t id = device_send(alice, "invite", ID, "bob", "*", 1, 100, NULL);
	cJSON *result = device_result(alice, id);
	g_assert_cmpstr(member(result, "error"), !=, "");
	cJSON_Delete(result);
	device_close(alice);
}

/* The same device logs in twice: the newer login has it, the older one is silent. */
static void test_same_device_again(void)
{
	if (!net->restart) {
		g_test_skip("has no server that could tell two logins apart");
		return;
	}
	struct device *alice = login("alice", "a1", "1"), *old = login("bob", "b1", "1");
	struct device *bob = login("bob", "b1", "2");
	send_plain(alice, "invite", "bob", "*", 1);
	expect_with_copies(bob, alice, 1);
	device_close(old);
	device_close(bob);
	device_close(alice);
}

static void test_kicked(void)
{
	if (!net->single) {
		g_test_skip("accounts may log in several times here");
		return;
	}
	struct device *first = login("bob", "b1", "1"), *second = login("bob", "b2", "1");
	g_assert_nonnull(strstr(device_wait_status(first, "kicked"), "bob"));
	device_wait_status(second, "online");
	uint64_t id = device_send(first, "bye", ID, "alice", "*", 1, 100, NULL);
	cJSON *result = device_result(first, id);
	g_assert_cmpstr(member(result, "error"), !=, "");
	cJSON_Delete(result);
	device_close(first);
	device_close(second);
}

static unsigned int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int n = 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Descriptors and threads come back, whatever state it was stopped in. */
static void test_nothing_left(void)
{
	device_close(login("alice", "a1", "1"));
	unsigned int fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
	for (int i = 0; i < 5; i++) {
		struct device *alice = login("alice", "a1", "1");
		device_send(alice, "invite", ID, "bob", "*", 1, LONG_MS, NULL); /* nobody waits for its result */
		device_close(alice);
		device_close(device_open(net->provider, "alice", "a1", "1", token_of("alice"), net->server));
		if (net->restart)
			device_close(device_open(net->provider, "alice", "a1", "1", "x", "ws://127.0.0.1:1"));
	}
	g_assert_cmpuint(entries("/proc/self/fd"), ==, fds);
	g_assert_cmpuint(entries("/proc/self/task"), ==, threads);
}

static const struct { const char *name; void (*run)(void); } scenarios[] = {
	{ "login", test_login }, { "ring-all", test_ring_all }, { "one-device", test_one_device },
	{ "old-boot", test_old_boot }, { "kinds", test_kinds }, { "order", test_order }, { "nobody", test_nobody },
	{ "away", test_away }, { "server-restarted", test_server_restarted },
	{ "connection-cut", test_connection_cut }, { "wrong-token", test_wrong_token },
	{ "same-device-again", test_same_device_again }, { "kicked", test_kicked }, { "nothing-left", test_nothing_left },
};

/* ---- networks ---- */

static void hub_start(struct network *n)
{
	n->place->hub_more = n->single ? "login = single\n" : NULL;
	place_hub_start(n->place);
	n->server = g_strdup(n->place->hub_url);
}

static void hub_stop(struct network *n)
{
	place_hub_stop(n->place);
}

static void hub_restart(struct network *n)
{
	place_hub_start(n->place);
}

static void folder_start(struct network *n)
{
	n->server = g_build_filename(n->place->dir, "net", NULL);
}

static struct network networks[] = {
	{ .name = "loopback", .start = folder_start },
	{ .name = "hub", .start = hub_start, .stop = hub_stop, .restart = hub_restart },
	{ .name = "hub", .start = hub_start, .stop = hub_stop, .restart = hub_restart, .single = true },
};

static void network_up(const void *data)
{
	net = (struct network *)data;
	net->tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	net->place = place_open(NULL);
	if (!net->plugin)
		net->plugin = g_strdup_printf("%s%s/%s.so", net->place->stage, CALLBOX_PLUGIN_DIR, net->name);
	net->provider = provider_load(net->plugin);
	net->start(net);
}

static void network_down(void)
{
	place_close(net->place);
	g_hash_table_destroy(net->tokens);
	g_clear_pointer(&net->server, g_free);
}

struct job {
	struct network *network;
	void (*run)(void);
};

/* Each scenario has a network of its own, so that nothing of another one is left in it. */
static void run_job(const void *data)
{
	const struct job *job = data;
	network_up(job->network);
	job->run();
	network_down();
}

static void add_network(struct network *network)
{
	for (size_t i = 0; i < G_N_ELEMENTS(scenarios); i++) {
		bool kicked = strcmp(scenarios[i].name, "kicked") == 0;
		if (network->single && !kicked)
			continue; /* of the single-login hub only what is special about it */
		struct job *job = g_new0(struct job, 1);
		*job = (struct job){ network, scenarios[i].run };
		g_autofree char *path = g_strdup_printf("/%s%s/%s", network->name, network->single ? "-single" : "",
							scenarios[i].name);
		g_test_add_data_func_full(path, job, run_job, g_free);
	}
}

/* ---- somebody else's provider ---- */

static struct network other;
static GHashTable *other_tokens;

static void other_start(struct network *n)
{
	GHashTableIter iter;
	void *account, *token;
	n->server = g_strdup(g_getenv("CONFORMANCE_SERVER"));
	g_hash_table_iter_init(&iter, other_tokens);
	while (g_hash_table_iter_next(&iter, &account, &token))
		g_hash_table_insert(n->tokens, g_strdup(account), g_strdup(token));
	n->start = NULL; /* its accounts are not ours to make */
}

static void other_job(const void *data)
{
	other.start = other_start;
	run_job(data);
}

static int usage(void)
{
	fputs("usage: conformance [--plugin FILE.so --server SERVER [--token ACCOUNT:TOKEN...]]\n", stderr);
	return 64;
}

/* Takes this program's own options out of argv. 0, or the exit code. */
static int parse(int *argc, char **argv)
{
	int left = 1;
	other_tokens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	for (int i = 1; i < *argc; i++) {
		bool has = i + 1 < *argc;
		char *colon = has ? strchr(argv[i + 1], ':') : NULL;
		if (strcmp(argv[i], "--plugin") == 0 && has)
			other.plugin = g_canonicalize_filename(argv[++i], NULL);
		else if (strcmp(argv[i], "--server") == 0 && has)
			g_setenv("CONFORMANCE_SERVER", argv[++i], TRUE);
		else if (strcmp(argv[i], "--token") == 0 && colon)
			g_hash_table_insert(other_tokens, g_strndup(argv[i + 1], (gsize)(colon - argv[i + 1])),
					    g_strdup(colon + 1)), i++;
		else
			argv[left++] = argv[i];
	}
	*argc = left;
	return !other.plugin == !g_getenv("CONFORMANCE_SERVER") ? 0 : usage();
}

int main(int argc, char **argv)
{
	int r = parse(&argc, argv);
	if (r)
		return r;
	g_test_init(&argc, &argv, NULL);
	for (size_t i = 0; !other.plugin && i < G_N_ELEMENTS(networks); i++)
		add_network(&networks[i]);
	for (size_t i = 0; other.plugin && i < G_N_ELEMENTS(scenarios); i++) {
		struct job *job = g_new0(struct job, 1);
		*job = (struct job){ &other, scenarios[i].run };
		g_autofree char *path = g_strdup_printf("/plugin/%s", scenarios[i].name);
		g_test_add_data_func_full(path, job, other_job, g_free);
	}
	return g_test_run();
}
