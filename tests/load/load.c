/* load: many calls, kills, floods and slow clients on real boxes and a real hub. Short by default; CALLBOX_LONG=1 makes
 * each as long as a release wants. Times are printed and never judged. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/conformance/device.h"
#include "tests/pairs/client.h"
#include "tests/pairs/place.h"

#define NOISE_KIB 64 /* the allocator's, beside 1 KiB per 1000 calls */
#define LIMIT_US (60 * G_USEC_PER_SEC)

static struct place *place;
static struct box *alice_box, *bob_box;
static struct client *alice, *bob;
static bool is_long;

static void open_all(const char *bob_more)
{
	place = place_open(NULL);
	place_hub_start(place);
	const struct box_devices small = { .more = "width = 160\nheight = 96\nfps = 5\ninvites_a_minute = 0\n" };
	g_autofree char *more = g_strconcat(small.more, bob_more, NULL);
	alice_box = box_create(place, "alice", "room-a", NULL, &small);
	bob_box = box_create(place, "bob", "room-b", NULL, &(struct box_devices){ .more = more });
	box_start(alice_box);
	box_start(bob_box);
	alice = client_open(alice_box->socket);
	bob = client_open(bob_box->socket);
}

static void close_all(void)
{
	client_close(alice);
	client_close(bob);
	place_close(place);
}

static void verb(struct client *client, const char *name)
{
	cJSON_Delete(client_call(client, name, NULL, NULL));
}

static char *call_bob(struct client *from)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "userId", "bob");
	cJSON *result = client_call(from, "call", params, NULL);
	char *id = g_strdup(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "callId")));
	cJSON_Delete(result);
	return id;
}

static void expect(struct client *client, const char *event)
{
	cJSON_Delete(client_expect(client, event));
}

/* ---- what a process holds ---- */

static long rss_kib(GPid pid)
{
	g_autofree char *file = g_strdup_printf("/proc/%d/statm", pid), *text = NULL;
	long pages = 0;
	if (g_file_get_contents(file, &text, NULL, NULL))
		sscanf(text, "%*d %ld", &pages);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static unsigned int entries(GPid pid, const char *what)
{
	g_autofree char *folder = g_strdup_printf("/proc/%d/%s", pid, what);
	GDir *dir = g_dir_open(folder, 0, NULL);
	unsigned int n = 0;
	while (dir && g_dir_read_name(dir))
		n++;
	if (dir)
		g_dir_close(dir);
	return n;
}

/* Sockets of a process that could carry media: UDP of either family. */
static unsigned int udp_sockets(GPid pid)
{
	g_autofree char *folder = g_strdup_printf("/proc/%d/fd", pid), *udp = NULL, *udp6 = NULL;
	g_file_get_contents("/proc/net/udp", &udp, NULL, NULL);
	g_file_get_contents("/proc/net/udp6", &udp6, NULL, NULL);
	GDir *dir = g_dir_open(folder, 0, NULL);
	unsigned int n = 0;
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(folder, name, NULL);
		g_autofree char *target = g_file_read_link(file, NULL);
		if (!target || !g_str_has_prefix(target, "socket:["))
			continue;
		g_autofree char *inode = g_strdup_printf(" %.*s ", (int)strlen(target) - 9, target + 8);
		n += (udp && strstr(udp, inode)) || (udp6 && strstr(udp6, inode));
	}
	if (dir)
		g_dir_close(dir);
	return n;
}

/* UDP sockets of the media processes of one call, both sides'. */
static unsigned int media_sockets(const char *call_id)
{
	GDir *dir = g_dir_open("/proc", 0, NULL);
	unsigned int n = 0;
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename("/proc", name, "cmdline", NULL), *text = NULL;
		gsize bytes = 0;
		if (!g_ascii_isdigit(name[0]) || !g_file_get_contents(file, &text, &bytes, NULL))
			continue;
		if (memmem(text, bytes, call_id, strlen(call_id)) && strstr(text, "callbox-media"))
			n += udp_sockets((GPid)atoi(name));
	}
	g_dir_close(dir);
	return n;
}

struct held {
	const char *name;
	GPid pid;
	long rss;
	unsigned int fds, threads;
};

static void held_note(struct held *h, const char *name, GPid pid)
{
	*h = (struct held){ name, pid, rss_kib(pid), entries(pid, "fd"), entries(pid, "task") };
}

/* ---- soak (R5), and no media before the verdict (R16) ---- */

/* While it rings neither side's media process has a socket at all: nothing can leave. */
static char *ring_and(const char *answer, struct client *who)
{
	char *id = call_bob(alice);
	expect(bob, "onInvited");
	g_assert_cmpuint(media_sockets(id), ==, 0);
	verb(who, answer);
	return id;
}

static void one_call(unsigned int i)
{
	if (i % 10 == 0) {
		g_autofree char *id = ring_and("accept", bob);
		expect(alice, "onUserEnter");
		expect(bob, "onUserEnter");
		g_assert_cmpuint(media_sockets(id), >=, 2);
		verb(i % 20 ? alice : bob, "hangup");
	} else if (i % 10 < 6) {
		g_free(ring_and("reject", bob));
	} else {
		g_free(ring_and("cancel", alice));
	}
	expect(alice, "onCallEnd");
	expect(bob, "onCallEnd");
	client_forget(alice);
	client_forget(bob);
}

static void devices_closed(struct box *box)
{
	gint64 end = g_get_monotonic_time() + LIMIT_US;
	while (box_child(box, "callbox-media") > 0 || box_child(box, "callbox-video") > 0 || box_zombies(box) > 0) {
		g_assert_cmpint(g_get_monotonic_time(), <, end);
		g_usleep(5000);
	}
}

/* Between the accept and the caller's verdict there is no socket either, however long that takes: the caller's box
 * stands still. Then the call comes about. */
static void test_verdict(void)
{
	open_all("");
	g_autofree char *id = call_bob(alice);
	expect(bob, "onInvited");
	kill(alice_box->pid, SIGSTOP);
	verb(bob, "accept");
	for (int i = 0; i < 50; i++) {
		g_assert_cmpuint(media_sockets(id), ==, 0);
		g_usleep(10000);
	}
	g_assert_cmpuint(client_count(bob, "onUserEnter"), ==, 0);
	kill(alice_box->pid, SIGCONT);
	expect(alice, "onUserEnter");
	expect(bob, "onUserEnter");
	g_assert_cmpuint(media_sockets(id), >=, 2);
	verb(alice, "hangup");
	expect(bob, "onCallEnd");
	devices_closed(alice_box);
	devices_closed(bob_box);
	close_all();
}

/* The calls from one to another, and every tenth part what each process holds. */
static void calls_from(unsigned int from, unsigned int to, const struct held processes[5])
{
	for (unsigned int i = from; i < to; i++) {
		one_call(i);
		if (!is_long || (i + 1) % 10000 != 0)
			continue;
		g_print("# %u calls, rss KiB:", i + 1);
		for (int p = 0; p < 5; p++)
			g_print(" %s %ld", processes[p].name, rss_kib(processes[p].pid));
		g_print("\n");
	}
}

/* Warm: until as many ended calls are kept as ever are (CALL_TOMBSTONES_MAX). From then on descriptors and threads stay;
 * memory still fills what is bounded (SQLite's cache, the allocator's own), and must not grow in the second half. */
static void test_soak(void)
{
	unsigned int warm = is_long ? 5000 : 20, count = is_long ? 100000 : 40;
	struct held before[5], half[5], after[5];
	open_all("history = 100\n");
	for (unsigned int i = 0; i < warm; i++)
		one_call(i);
	const struct { const char *name; GPid pid; } processes[] = {
		{ "callboxd alice", alice_box->pid }, { "callboxd bob", bob_box->pid },
		{ "provider alice", box_child(alice_box, "callbox-provider") },
		{ "provider bob", box_child(bob_box, "callbox-provider") }, { "hub", place->hub },
	};
	devices_closed(alice_box);
	devices_closed(bob_box);
	for (int i = 0; i < 5; i++)
		held_note(&before[i], processes[i].name, processes[i].pid);
	gint64 began = g_get_monotonic_time();
	calls_from(0, count / 2, before);
	for (int i = 0; i < 5; i++)
		held_note(&half[i], processes[i].name, processes[i].pid);
	calls_from(count / 2, count, before);
	double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
	devices_closed(alice_box);
	devices_closed(bob_box);
	for (int i = 0; i < 5; i++) {
		held_note(&after[i], processes[i].name, processes[i].pid);
		g_print("# %-15s rss %ld -> %ld -> %ld KiB (second half: %.1f KiB per 1000 calls), "
			"descriptors %u -> %u, threads %u -> %u\n",
			after[i].name, before[i].rss, half[i].rss, after[i].rss,
			(double)(after[i].rss - half[i].rss) * 2000 / count,
			before[i].fds, after[i].fds, before[i].threads, after[i].threads);
		g_assert_cmpuint(after[i].fds, ==, before[i].fds);
		g_assert_cmpuint(after[i].threads, ==, before[i].threads);
	}
	for (int i = 0; is_long && i < 5; i++)
		g_assert_cmpint(after[i].rss - half[i].rss, <=, NOISE_KIB + (long)count / 2000);
	g_print("# %u calls in %.1f s\n", count, seconds);
	close_all();
}

/* ---- kill -9 at any instant (R6) ---- */

static void wait_idle(struct box *box, struct client *client)
{
	for (gint64 end = g_get_monotonic_time() + LIMIT_US;;) {
		cJSON *status = client_call(client, "status", NULL, NULL);
		char *text = cJSON_PrintUnformatted(status);
		bool ready = strstr(text, "\"status\":\"idle\"") && strstr(text, "\"state\":\"online\"");
		if (!ready && g_get_monotonic_time() > end)
			g_error("%s is stuck: %s", box->device, text);
		cJSON_free(text);
		cJSON_Delete(status);
		if (ready)
			return;
		g_usleep(10000);
	}
}

/* What systemd would do. */
static void box_again(struct box *box, struct client **client)
{
	client_close(*client);
	box_stop(box, SIGKILL);
	box_start(box);
	*client = client_open(box->socket);
}

static void hub_again(void)
{
	kill(place->hub, SIGKILL);
	place_hub_stop(place);
	place_hub_start(place);
}

static const char *kill_something(GRand *random)
{
	static const char *const programs[] = { "callbox-provider", "callbox-media", "callbox-video" };
	struct box *box = g_rand_boolean(random) ? alice_box : bob_box;
	int which = g_rand_int_range(random, 0, 6);
	if (which == 0) {
		hub_again();
		return "callbox-hub";
	}
	if (which <= 2) {
		box_again(box, box == alice_box ? &alice : &bob);
		return "callboxd";
	}
	GPid pid = box_child(box, programs[which - 3]);
	if (pid > 0)
		kill(pid, SIGKILL);
	return programs[which - 3];
}

static void try_accept(void)
{
	char *error = NULL;
	cJSON_Delete(client_call(bob, "accept", NULL, &error));
	g_free(error);
}

static int record_status(struct client *client, const char *call_id, unsigned int *ret_count)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddNumberToObject(params, "limit", 0);
	cJSON *all = client_call(client, "getCallRecords", params, NULL);
	const cJSON *one;
	int status = 0;
	*ret_count = 0;
	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(all, "records"))
		if (g_strcmp0(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "channelId")), call_id) == 0) {
			status = (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(one, "status"));
			++*ret_count;
		}
	cJSON_Delete(all);
	return status;
}

/* The caller has exactly one record, and the callee's, once it has come, says the same. */
static void check_records(const char *call_id, const char *killed)
{
	unsigned int mine, theirs;
	for (gint64 end = g_get_monotonic_time() + LIMIT_US;;) {
		int status = record_status(alice, call_id, &mine), other = record_status(bob, call_id, &theirs);
		if (mine == 1 && theirs <= 1 && (theirs == 0 || status == other))
			return;
		if (g_get_monotonic_time() > end)
			g_error("%s killed: call %s: %u records of status %d at the caller, %u of %d at the callee",
				killed, call_id, mine, status, theirs, other);
		g_usleep(20000);
	}
}

static void test_kill(void)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);
	double worst = 0;
	open_all("");
	for (int i = 0; i < (is_long ? 300 : 8); i++) {
		g_autofree char *id = call_bob(alice);
		gint64 at = g_get_monotonic_time() + g_rand_int_range(random, 0, 500000);
		bool accepted = g_rand_int_range(random, 0, 4) == 0;
		while (g_get_monotonic_time() < at) {
			if (!accepted && client_count(bob, "onInvited") > 0) {
				try_accept();
				accepted = true;
			}
			g_usleep(2000);
		}
		const char *killed = kill_something(random);
		gint64 began = g_get_monotonic_time();
		char *error = NULL;
		cJSON_Delete(client_call(alice, "hangup", NULL, &error));
		g_free(error);
		wait_idle(alice_box, alice);
		wait_idle(bob_box, bob);
		worst = MAX(worst, (double)(g_get_monotonic_time() - began) / 1000);
		check_records(id, killed);
		client_forget(alice);
		client_forget(bob);
	}
	g_print("# ready again after at most %.0f ms\n", worst);
	close_all();
}

/* ---- a flood of invites (R14) ---- */

static void flood(struct device **devices, int count, int invites)
{
	static unsigned int serial;
	for (int i = 0; i < invites; i++) {
		char id[33];
		g_snprintf(id, sizeof(id), "%032x", ++serial);
		cJSON *body = cJSON_CreateObject();
		cJSON_AddNumberToObject(body, "type", 2);
		cJSON_AddNumberToObject(body, "lifetime_ms", 60000);
		device_send(devices[i % count], "invite", id, "bob", "*", serial, 60000, body);
		if (i % 20 == 19) {
			g_usleep(20000); /* 1 000 a second */
			client_count(bob, "onInvited"); /* who does not read is disconnected */
		}
	}
}

static void test_flood(void)
{
	int peers = is_long ? 100 : 10, invites = is_long ? 60000 : 2000;
	open_all("invites_a_minute = 30\nrings_a_minute = 6\ncontacts = alice\n");
	g_autofree char *plugin = g_strdup_printf("%s%s/hub.so", place->stage, CALLBOX_PLUGIN_DIR);
	const struct callbox_provider *provider = provider_load(plugin);
	struct device **devices = g_new0(struct device *, peers);
	for (int i = 0; i < peers; i++) {
		g_autofree char *user = g_strdup_printf("flood%d", i), *token = place_add_user(place, user);
		devices[i] = device_login(provider, user, "f", "1", token, place->hub_url);
	}
	long before = rss_kib(bob_box->pid);
	gint64 flood_began = g_get_monotonic_time();
	flood(devices, peers, invites);
	gint64 began = g_get_monotonic_time();
	g_free(call_bob(alice));
	unsigned int rang = 0;
	for (bool rings = false; !rings; rang += !rings) { /* alice's own, not a flooder's */
		cJSON *invited = client_expect(bob, "onInvited");
		const cJSON *invitor = cJSON_GetObjectItemCaseSensitive(invited, "invitor");
		rings = g_strcmp0(cJSON_GetStringValue(invitor), "alice") == 0;
		cJSON_Delete(invited);
	}
	double ms = (double)(g_get_monotonic_time() - began) / 1000;
	g_assert_cmpuint(client_count(bob, "onInvited"), ==, 0);
	g_assert_cmpuint(rang, >=, 1);
	g_assert_cmpuint(rang, <=, 6 * (unsigned int)(1 + (began - flood_began) / (60 * G_USEC_PER_SEC)));
	g_print("# %d invites of %d peers: %u rang; rss of callboxd %ld -> %ld KiB; "
		"a contact's call rang after %.0f ms\n",
		invites, peers, rang, before, rss_kib(bob_box->pid), ms);
	verb(alice, "hangup");
	for (int i = 0; i < peers; i++)
		device_close(devices[i]);
	g_free(devices);
	close_all();
}

/* ---- clients that do not read (R15) ---- */

static int raw_client(const char *path, const char *text)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		g_error("%s: %s", path, g_strerror(errno));
	return fd;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void test_slow_clients(void)
{
	enum { CLIENTS = 500, COMMANDS = 300 };
	static const char *const texts[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\"}\n", /* and never reads */
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"meth",			     /* half a line */
		"no JSON at all\n", "",
	};
	double ms[COMMANDS];
	int fds[CLIENTS];
	open_all("");
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = raw_client(bob_box->socket, texts[i % (int)G_N_ELEMENTS(texts)]);
	for (int i = 0; i < COMMANDS; i++) {
		gint64 began = g_get_monotonic_time();
		cJSON *params = cJSON_CreateObject();
		cJSON_AddBoolToObject(params, "on", i % 2 == 0); /* an event for everybody who listens */
		cJSON_Delete(client_call(bob, "muteLocalAudio", params, NULL));
		ms[i] = (double)(g_get_monotonic_time() - began) / 1000;
	}
	client_forget(bob);
	g_free(call_bob(alice));
	expect(bob, "onInvited");
	verb(bob, "reject");
	expect(alice, "onUserReject");
	qsort(ms, COMMANDS, sizeof(ms[0]), by_size);
	g_print("# %d slow clients: a command answers after %.2f ms (p50), %.2f ms (p99)\n", CLIENTS, ms[COMMANDS / 2],
		ms[COMMANDS * 99 / 100]);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	close_all();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	is_long = g_getenv("CALLBOX_LONG") != NULL;
	g_test_add_func("/load/soak", test_soak);
	g_test_add_func("/load/verdict", test_verdict);
	g_test_add_func("/load/kill", test_kill);
	g_test_add_func("/load/flood", test_flood);
	g_test_add_func("/load/slow-clients", test_slow_clients);
	return g_test_run();
}
