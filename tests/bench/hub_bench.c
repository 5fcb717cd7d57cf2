/* hub_bench: how many devices and call set-ups one callbox-hub carries. Logs in DEVICES devices, two an account, then
 * offers RATE call set-ups a second for SECONDS: invite, ringing, accept, decide, bye, each acknowledged. Beside it, in
 * the same run, the same clients on a bare relay: epoll, the same frames, no store, no tokens, no limits. Prints JSON.
 *
 * usage: hub_bench [-d DEVICES] [-r RATE] [-s SECONDS]       the hub is the staged one, see tests/pairs/place.h */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugins/hub/hub_store.h"
#include "tests/bench/relay.h"
#include "tests/bench/websocket.h"
#include "tests/pairs/place.h"

#define LIMIT_US (300 * G_USEC_PER_SEC)
#define TOKEN "bench"

struct peer {
	struct websocket *socket;
	int account, device;
	gint64 invited_us; /* caller: a set-up is under way since; 0: none */
	bool online;
};

struct load {
	int devices, rate, seconds, epoll;
	struct peer *peers;
	unsigned int online, started, finished;
	GArray *ringing_ms; /* double */
	uint64_t seq;
};

struct outcome {
	double kib_a_device, cpu_share, cpu_ms_a_setup, setups_s, p50_ms, p99_ms, login_s;
	unsigned int started, finished;
};

/* ---- clients ---- */

static void say(struct peer *p, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void say(struct peer *p, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (websocket_send(p->socket, true, text, (size_t)n) < 0)
		g_error("the server closed a connection");
}

static void send_kind(struct load *l, struct peer *p, const char *kind, const char *party, const char *call_id)
{
	say(p, "{\"t\":\"send\",\"id\":%" G_GUINT64_FORMAT ",\"env\":{\"kind\":\"%s\",\"call_id\":\"%.32s\",\"to_user\":"
	       "\"u%d\",\"to_party\":\"%s\",\"seq\":%" G_GUINT64_FORMAT ",\"deadline_ms\":30000,\"body\":{\"type\":2,"
	       "\"lifetime_ms\":30000,\"attachment\":{\"subject\":\"a call like any other\"}}}}",
	    l->seq + 1, kind, call_id, p->account ^ 1, party, l->seq + 1);
	l->seq++;
}

/* A value of a member of one of our own messages: they hold no escapes. */
static const char *value(const char *text, const char *member, char *out, size_t size)
{
	const char *at = strstr(text, member);
	out[0] = '\0';
	if (at) {
		at += strlen(member);
		at += *at == '"';
		g_strlcpy(out, at, MIN(size, strcspn(at, "\",}") + 1));
	}
	return out;
}

static void on_deliver(struct load *l, struct peer *p, const char *text)
{
	char kind[16], party[64], call_id[40], number[24];
	value(text, "\"kind\":", kind, sizeof(kind));
	value(text, "\"from_party\":", party, sizeof(party));
	value(text, "\"call_id\":", call_id, sizeof(call_id));
	say(p, "{\"t\":\"ack\",\"number\":%s}", value(text, "\"number\":", number, sizeof(number)));
	if (strcmp(kind, "invite") == 0) {
		send_kind(l, p, "ringing", party, call_id);
		if (p->device == 0) /* the first device answers */
			send_kind(l, p, "accept", party, call_id);
	} else if (strcmp(kind, "ringing") == 0 && p->invited_us) {
		double ms = (double)(g_get_monotonic_time() - p->invited_us) / 1000;
		g_array_append_val(l->ringing_ms, ms);
	} else if (strcmp(kind, "accept") == 0 && p->invited_us) {
		send_kind(l, p, "decide", "*", call_id);
		send_kind(l, p, "bye", party, call_id);
	} else if (strcmp(kind, "bye") == 0) {
		struct peer *caller = &l->peers[(p->account ^ 1) * 2 + atoi(strchr(party, 'd') + 1)];
		l->finished += caller->invited_us != 0;
		caller->invited_us = 0;
	}
}

static void on_text(char *text, size_t length, void *data)
{
	static struct load *const *load;
	struct peer *p = data;
	(void)length;
	load = websocket_owner(p->socket);
	if (strncmp(text, "{\"t\":\"deliver\"", 14) == 0) {
		on_deliver(*load, p, text);
	} else if (strncmp(text, "{\"t\":\"synced\"", 13) == 0 && !p->online) {
		p->online = true;
		(*load)->online++;
	} else if (strstr(text, "\"error\"") || strncmp(text, "{\"t\":\"refused\"", 14) == 0) {
		g_error("%s", text);
	}
}

static void serve(struct load *l, int timeout_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(l->epoll, events, G_N_ELEMENTS(events), timeout_ms);
	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;
		if (websocket_read(p->socket, on_text, p) < 0)
			g_error("the server closed a connection");
	}
}

static void log_in(struct load *l, int index, int port)
{
	struct peer *p = &l->peers[index];
	p->account = index / 2;
	p->device = index % 2;
	p->socket = websocket_connect(port, "callbox-hub", l);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = p };
	epoll_ctl(l->epoll, EPOLL_CTL_ADD, websocket_fd(p->socket), &event);
	say(p, "{\"t\":\"login\",\"account\":\"u%d\",\"device\":\"d%d\",\"boot\":\"1\",\"token\":\"" TOKEN "\"}",
	    p->account, p->device);
}

/* ---- the server's costs ---- */

static double cpu_seconds(pid_t pid)
{
	g_autofree char *file = g_strdup_printf("/proc/%d/stat", (int)pid), *text = NULL;
	unsigned long user = 0, system = 0;
	if (g_file_get_contents(file, &text, NULL, NULL) && strrchr(text, ')'))
		sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double rss_kib(pid_t pid)
{
	g_autofree char *file = g_strdup_printf("/proc/%d/statm", (int)pid), *text = NULL;
	long pages = 0;
	if (g_file_get_contents(file, &text, NULL, NULL))
		sscanf(text, "%*d %ld", &pages);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double percentile(GArray *values, double share)
{
	if (values->len == 0)
		return 0;
	return g_array_index(values, double, (unsigned int)(share * (values->len - 1)));
}

/* ---- one run ---- */

/* False: all that were looked at are in a call. */
static bool start_one(struct load *l)
{
	char call_id[33];
	for (int tries = 0; tries < 64; tries++) {
		struct peer *p = &l->peers[g_random_int_range(0, l->devices)];
		if (p->invited_us)
			continue;
		g_snprintf(call_id, sizeof(call_id), "%032x", ++l->started);
		p->invited_us = g_get_monotonic_time();
		send_kind(l, p, "invite", "*", call_id);
		return true;
	}
	return false;
}

static void offer(struct load *l)
{
	gint64 began = g_get_monotonic_time(), end = began + l->seconds * G_USEC_PER_SEC;
	for (gint64 now; (now = g_get_monotonic_time()) < end;) {
		unsigned int due = (unsigned int)((double)(now - began) / 1e6 * l->rate);
		while (l->started < due && start_one(l))
			;
		serve(l, 1);
	}
	for (gint64 limit = end + 10 * G_USEC_PER_SEC; l->finished < l->started && g_get_monotonic_time() < limit;)
		serve(l, 10);
}

static struct outcome measure(const struct load *wanted, int port, pid_t pid)
{
	struct load l = *wanted;
	struct outcome o = { 0 };
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	l.peers = g_new0(struct peer, l.devices);
	l.ringing_ms = g_array_new(FALSE, FALSE, sizeof(double));
	double empty = rss_kib(pid);
	gint64 began = g_get_monotonic_time();
	for (int i = 0; i < l.devices; i++) {
		log_in(&l, i, port);
		serve(&l, 0);
	}
	while (l.online < (unsigned int)l.devices && g_get_monotonic_time() < began + LIMIT_US)
		serve(&l, 100);
	if (l.online < (unsigned int)l.devices)
		g_error("%u of %d devices are online", l.online, l.devices);
	o.login_s = (double)(g_get_monotonic_time() - began) / 1e6;
	o.kib_a_device = (rss_kib(pid) - empty) / l.devices;
	double cpu = cpu_seconds(pid);
	began = g_get_monotonic_time();
	offer(&l);
	double seconds = (double)(g_get_monotonic_time() - began) / 1e6;
	o.cpu_share = (cpu_seconds(pid) - cpu) / seconds;
	o.cpu_ms_a_setup = (cpu_seconds(pid) - cpu) * 1000 / MAX(l.finished, 1);
	o.setups_s = l.finished / seconds;
	o.started = l.started;
	o.finished = l.finished;
	g_array_sort(l.ringing_ms, by_size);
	o.p50_ms = percentile(l.ringing_ms, 0.5);
	o.p99_ms = percentile(l.ringing_ms, 0.99);
	for (int i = 0; i < l.devices; i++)
		websocket_free(l.peers[i].socket);
	g_array_free(l.ringing_ms, TRUE);
	g_free(l.peers);
	close(l.epoll);
	return o;
}

static cJSON *outcome_json(const struct outcome *o)
{
	const struct { const char *name; double value; } values[] = {
		{ "kib_a_device", o->kib_a_device }, { "login_s", o->login_s }, { "offered", o->started },
		{ "finished", o->finished }, { "setups_a_second", o->setups_s }, { "cpu_share_of_a_core", o->cpu_share },
		{ "cpu_ms_a_setup", o->cpu_ms_a_setup }, { "invite_to_ringing_p50_ms", o->p50_ms },
		{ "invite_to_ringing_p99_ms", o->p99_ms },
	};
	cJSON *json = cJSON_CreateObject();
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autofree char *text = g_strdup_printf("%.3f", values[i].value);
		cJSON_AddRawToObject(json, values[i].name, text);
	}
	return json;
}

/* The accounts, straight into the hub's store: a process for each would take longer than the run. */
static void accounts_make(struct place *place, int count)
{
	g_autofree char *file = g_build_filename(place->dir, "hub", "hub.db", NULL);
	struct hub_store *store;
	char *error = NULL;
	if (hub_store_open(file, &store, &error) < 0)
		g_error("%s", error);
	for (int i = 0; i < count; i++) {
		g_autofree char *user = g_strdup_printf("u%d", i);
		if (hub_store_add_user(store, user, TOKEN) < 0)
			g_error("%s cannot be added", user);
	}
	hub_store_close(store);
}

static struct outcome measure_relay(const struct load *load)
{
	int port;
	pid_t pid = relay_start(&port);
	struct outcome o = measure(load, port, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return o;
}

int main(int argc, char **argv)
{
	struct load load = { .devices = 200, .rate = 100, .seconds = 2 };
	for (int c; (c = getopt(argc, argv, "d:r:s:")) != -1;)
		switch (c) {
		case 'd': load.devices = atoi(optarg) / 4 * 4; break;
		case 'r': load.rate = atoi(optarg); break;
		case 's': load.seconds = atoi(optarg); break;
		default: fputs("usage: hub_bench [-d DEVICES] [-r RATE] [-s SECONDS]\n", stderr); return 64;
		}
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	struct place *place = place_open(NULL);
	place_hub_start(place);
	accounts_make(place, load.devices / 2);
	struct outcome hub = measure(&load, atoi(strrchr(place->hub_url, ':') + 1), place->hub);
	struct outcome relay = measure_relay(&load);
	place_close(place);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddNumberToObject(json, "devices", load.devices);
	cJSON_AddItemToObject(json, "hub", outcome_json(&hub));
	cJSON_AddItemToObject(json, "bare_relay", outcome_json(&relay));
	g_autofree char *ratio = g_strdup_printf("%.2f", hub.cpu_ms_a_setup / MAX(relay.cpu_ms_a_setup, 1e-6));
	cJSON_AddRawToObject(json, "cpu_ratio_hub_to_relay", ratio);
	char *text = cJSON_Print(json);
	puts(text);
	cJSON_free(text);
	cJSON_Delete(json);
	return hub.finished == hub.started ? 0 : 1;
}
