/* callbox-hub: the server of the hub provider: accounts, devices, ring-all, store and forward. One thread: libwebsockets
 * on a libuv loop, because its own asks poll() about every connection at each turn. */
#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <libwebsockets.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/landlock.h"
#include "core/base/log.h"
#include "core/base/paths.h"
#include "core/base/sandbox.h"
#include "core/base/settings.h"
#include "plugins/hub/hub_store.h"
#include "plugins/hub/hub_wire.h"

#define EXPIRE_INTERVAL_US (30 * LWS_US_PER_SEC)
#define LOGIN_LIMIT_S 10
#define OUT_MAX 2000	     /* messages queued for one connection before it is closed */
#define NAME_FORBIDDEN " *:/"
#define RATE_MESSAGES_S 2000 /* of one connection */
#define RECEIVE_BYTES 1024   /* buffer of a connection; longer messages come in parts */

struct hub_conf {
	char *listen, *database, *certificate, *private_key, *turn_urls, *turn_secret;
	int login, turn_ttl_s, device_days, guest_expiry_ms;
};

enum login_mode { LOGIN_MULTI, LOGIN_SINGLE };
static const char *const login_names[] = { "multi", "single", NULL };

static const struct setting conf_table[] = {
	{ "listen", SETTING_STRING, offsetof(struct hub_conf, listen), "127.0.0.1:7800", 0, 0, NULL,
	  "Address and port; port 0 takes a free one. Without a certificate only a loopback address." },
	{ "database", SETTING_PATH, offsetof(struct hub_conf, database),
	  CALLBOX_STATE_DIR "-hub/hub.db", 0, 0, NULL, "SQLite file of accounts and waiting messages." },
	{ "certificate", SETTING_PATH, offsetof(struct hub_conf, certificate), NULL, 0, 0, NULL,
	  "PEM file; with it the hub speaks wss instead of ws." },
	{ "private_key", SETTING_PATH, offsetof(struct hub_conf, private_key), NULL, 0, 0, NULL,
	  "PEM file of the certificate's key." },
	{ "login", SETTING_ENUM, offsetof(struct hub_conf, login), "multi", 0, 0, login_names,
	  "Whether an account may be logged in on several devices; single: the older login is kicked." },
	{ "turn_urls", SETTING_LIST, offsetof(struct hub_conf, turn_urls), NULL, 0, 0, NULL,
	  "stun: and turn: URLs given to clients." },
	{ "turn_secret", SETTING_STRING, offsetof(struct hub_conf, turn_secret), NULL, 0, 0, NULL,
	  "Shared secret of the TURN server's REST credentials." },
	{ "turn_ttl", SETTING_INT, offsetof(struct hub_conf, turn_ttl_s), "86400", 60, 604800, NULL,
	  "Seconds that a TURN credential is good for." },
	{ "device_days", SETTING_INT, offsetof(struct hub_conf, device_days), "30", 0, 3650, NULL,
	  "Days after its logout that a device is forgotten, with what waits for it; 0: never." },
	{ "guest_expiry", SETTING_DURATION_MS, offsetof(struct hub_conf, guest_expiry_ms), "15min", 1000, 2000000000,
	  NULL, "The same of a tab of a browser, whose name was made for it alone." },
	{ NULL, SETTING_STRING, 0, NULL, 0, 0, NULL, NULL },
};

struct hub {
	struct hub_conf conf;
	struct hub_store *store;
	struct lws_context *context;
	char *www; /* folder of the guest page */
	GHashTable *users; /* account → GPtrArray of struct client, logged in */
	lws_sorted_usec_list_t expire_timer;
	uv_loop_t loop;
	uv_signal_t signals[2];
	bool serves, stop;
	uint64_t received, sent, refused, forgotten; /* messages, logins, devices; since the start */
	unsigned int connections, logins;
};

static struct hub hub;

/* One WebSocket connection; lws owns the memory. */
struct client {
	struct lws *wsi;
	GString *in;
	GQueue *out; /* char * */
	char *account, *device, *party; /* NULL before login */
	bool close;
	bool loose; /* told everything there is to tell: flush, then close */
	int64_t rate_since_ms;
	int rate_count;
};

static int64_t now_ms(void)
{
	return g_get_real_time() / 1000;
}

/* ---- what goes out ---- */

static void put_text(struct client *client, char *text)
{
	if (client->close) {
		cJSON_free(text);
		return;
	}
	if (g_queue_get_length(client->out) >= OUT_MAX) {
		log_warning("peer: %s/%s reads too slowly: disconnected",
			    client->account ? client->account : "?", client->device ? client->device : "?");
		client->close = true;
		cJSON_free(text);
	} else {
		g_queue_push_tail(client->out, text);
	}
	lws_callback_on_writable(client->wsi);
}

static void put(struct client *client, cJSON *json)
{
	put_text(client, cJSON_PrintUnformatted(json));
	cJSON_Delete(json);
}

static cJSON *said(const char *type)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "t", type);
	return json;
}

static void put_deliver(struct client *client, int64_t number, int64_t age_ms, bool replay, const cJSON *env)
{
	cJSON *json = said("deliver");
	cJSON_AddNumberToObject(json, "number", (double)number);
	cJSON_AddNumberToObject(json, "age_ms", (double)age_ms);
	cJSON_AddBoolToObject(json, "replay", replay);
	cJSON_AddItemToObject(json, "env", cJSON_Duplicate(env, true));
	put(client, json);
}

/* ---- accounts ---- */

static struct client *client_of(const char *account, const char *device)
{
	GPtrArray *clients = g_hash_table_lookup(hub.users, account);
	for (unsigned int i = 0; clients && i < clients->len; i++) {
		struct client *client = clients->pdata[i];
		if (strcmp(client->device, device) == 0)
			return client;
	}
	return NULL;
}

static void log_out(struct client *client)
{
	if (!client->account)
		return;
	GPtrArray *clients = g_hash_table_lookup(hub.users, client->account);
	if (clients)
		g_ptr_array_remove(clients, client);
	if (clients && clients->len == 0)
		g_hash_table_remove(hub.users, client->account);
	hub.logins--;
	hub_store_device_gone(hub.store, client->account, client->device, now_ms());
	log_info("%s/%s logged out", client->account, client->device);
	g_clear_pointer(&client->account, g_free);
}

static void kick(struct client *client)
{
	log_info("%s/%s kicked by another login", client->account, client->device);
	put(client, said("kicked"));
	client->loose = true;
	log_out(client);
}

/* The same device again takes the place of its old connection; in single mode every device does. */
static void make_room(const char *account, const char *device)
{
	GPtrArray *clients = g_hash_table_lookup(hub.users, account);
	for (unsigned int i = clients ? clients->len : 0; i-- > 0;) {
		struct client *old = clients->pdata[i];
		bool again = strcmp(old->device, device) == 0;
		bool last = clients->len == 1;
		if (again) {
			old->close = true;
			lws_callback_on_writable(old->wsi);
			log_out(old);
		} else if (hub.conf.login == LOGIN_SINGLE) {
			kick(old);
		} else {
			continue;
		}
		if (last)
			break; /* the array is gone */
	}
}

struct waiting {
	struct client *client;
	int64_t now_ms;
};

static void deliver_waiting(int64_t number, int64_t stored_ms, const char *text, void *data)
{
	struct waiting *waiting = data;
	cJSON *env = cJSON_Parse(text);
	if (env)
		put_deliver(waiting->client, number, MAX(waiting->now_ms - stored_ms, 0), true, env);
	cJSON_Delete(env);
}

static void put_welcome(struct client *client)
{
	static const char *const can[] = { "ring_all", "offline_store", "age", "ordered", "delivery_ack",
					   "scoped_reject", "attachment", "record", "ice_servers", "trickle",
					   "ttl" };
	cJSON *json = said("welcome");
	cJSON *list = cJSON_AddArrayToObject(json, "capabilities");
	for (size_t i = 0; i < G_N_ELEMENTS(can); i++)
		cJSON_AddItemToArray(list, cJSON_CreateString(can[i]));
	put(client, json);
}

static void refuse(struct client *client, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void refuse(struct client *client, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	log_warning("peer: refused: %s", text);
	hub.refused++;
	cJSON *json = said("refused");
	cJSON_AddStringToObject(json, "message", text);
	put(client, json);
	client->loose = true;
}

static bool is_name(const char *text)
{
	if (!text || !text[0] || strlen(text) > HUB_NAME_BYTES || strpbrk(text, NAME_FORBIDDEN))
		return false;
	if (!g_utf8_validate(text, -1, NULL))
		return false;
	for (const char *at = text; *at; at = g_utf8_next_char(at))
		if (!g_unichar_isprint(g_utf8_get_char(at)))
			return false; /* nobody's screen is to be steered by a name */
	return true;
}

static void on_login(struct client *client, const cJSON *json)
{
	const char *account = message_string(json, "account", ""), *token = message_string(json, "token", "");
	const char *device = message_string(json, "device", ""), *boot = message_string(json, "boot", "");
	if (client->account) {
		refuse(client, "already logged in");
		return;
	}
	if (!is_name(account) || !is_name(device) || !is_name(boot)) {
		refuse(client, "account, device and boot must be names of 1 to %d printable bytes, no blank, *, : or /",
		       HUB_NAME_BYTES);
		return;
	}
	int r = strlen(token) > 1024 ? -EACCES : hub_store_check(hub.store, account, token);
	if (r < 0) {
		refuse(client, r == -ENOENT ? "no account \"%s\" on this hub"
					    : "wrong token for account \"%s\"", account);
		return;
	}
	make_room(account, device);
	client->account = g_strdup(account);
	client->device = g_strdup(device);
	client->party = g_strdup_printf("%s:%s", device, boot);
	GPtrArray *clients = g_hash_table_lookup(hub.users, account);
	if (!clients) {
		clients = g_ptr_array_new();
		g_hash_table_insert(hub.users, g_strdup(account), clients);
	}
	g_ptr_array_add(clients, client);
	hub.logins++;
	hub_store_device(hub.store, account, device, message_bool(json, "guest", false));
	log_info("%s/%s logged in", account, device);
	put_welcome(client);
	struct waiting waiting = { .client = client, .now_ms = now_ms() };
	hub_store_waiting(hub.store, account, device, waiting.now_ms, deliver_waiting, &waiting);
	put(client, said("synced"));
}

/* ---- messages ---- */

struct delivery {
	const char *to_user, *to_party;
	const cJSON *env;
	char *text;
	int64_t now_ms, expires_ms;
	unsigned int devices;
};

static void deliver_to(const char *device, void *data)
{
	struct delivery *d = data;
	struct client *client = client_of(d->to_user, device);
	int64_t number = hub_store_put(hub.store, d->to_user, device, d->now_ms, d->expires_ms, d->text);
	if (number < 0)
		return;
	d->devices++;
	if (client)
		put_deliver(client, number, 0, false, d->env);
}

/* One device by its party: another boot of it is another party, which must not get the message. */
static void deliver_to_party(struct delivery *d)
{
	g_autofree char *device = g_strndup(d->to_party, strcspn(d->to_party, ":"));
	const struct client *client = client_of(d->to_user, device);
	if (!client || strcmp(client->party, d->to_party) == 0)
		deliver_to(device, d);
}

static const char *env_fault(const cJSON *env)
{
	static const struct message_field fields[] = {
		{ "kind", M_STRING, true, 1, 32 },
		{ "call_id", M_STRING, true, 32, 32 },
		{ "to_user", M_STRING, true, 1, HUB_NAME_BYTES },
		{ "to_party", M_STRING, true, 1, 2 * HUB_NAME_BYTES + 1 },
		{ "seq", M_NUMBER, true, 1, 9007199254740991.0 },
		{ "deadline_ms", M_NUMBER, true, 1, 7.0 * 86400000 },
		{ "body", M_OBJECT, true, 0, 0 },
		{ NULL, M_STRING, false, 0, 0 },
	};
	static const struct message_shape shapes[] = { { "env", fields }, { NULL, NULL } };
	static char why[160];
	if (!cJSON_IsObject(env))
		return "env must be an object";
	cJSON *named = cJSON_Duplicate(env, true);
	cJSON_DeleteItemFromObjectCaseSensitive(named, "m");
	cJSON_AddStringToObject(named, "m", "env");
	int r = message_check(shapes, named, why, sizeof(why));
	cJSON_Delete(named);
	return r < 0 ? why : NULL;
}

static cJSON *env_stamp(const struct client *client, const cJSON *env)
{
	static const char *const kept[] = { "kind", "call_id", "to_party", "seq", "body" };
	cJSON *stamped = cJSON_CreateObject();
	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++)
		cJSON_AddItemToObject(stamped, kept[i], cJSON_Duplicate(message_member(env, kept[i]), true));
	cJSON_AddStringToObject(stamped, "from_user", client->account);
	cJSON_AddStringToObject(stamped, "from_party", client->party);
	return stamped;
}

static const char *route(struct client *client, const cJSON *env)
{
	const char *fault = env_fault(env);
	if (fault)
		return fault;
	struct delivery d = { .to_user = message_string(env, "to_user", ""),
			      .to_party = message_string(env, "to_party", ""), .now_ms = now_ms() };
	if (!hub_store_has_user(hub.store, d.to_user))
		return "no such account";
	d.expires_ms = d.now_ms + (int64_t)message_number(env, "deadline_ms", 0);
	cJSON *stamped = env_stamp(client, env);
	d.env = stamped;
	d.text = cJSON_PrintUnformatted(stamped);
	if (g_str_equal(d.to_party, "*"))
		hub_store_devices(hub.store, d.to_user, deliver_to, &d);
	else
		deliver_to_party(&d);
	cJSON_free(d.text);
	cJSON_Delete(stamped);
	return NULL;
}

static void on_send(struct client *client, const cJSON *json)
{
	const char *fault = route(client, message_member(json, "env"));
	cJSON *sent = said("sent");
	cJSON_AddNumberToObject(sent, "id", message_number(json, "id", 0));
	if (fault)
		cJSON_AddStringToObject(sent, "error", fault);
	put(client, sent);
}

static void on_ack(struct client *client, const cJSON *json)
{
	hub_store_acknowledge(hub.store, client->account, client->device,
			      (int64_t)message_number(json, "number", -1));
}

/* TURN REST credentials: user name "expiry:account", password HMAC-SHA1 of it. */
static void add_credentials(cJSON *server, const char *account)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	g_autofree char *name = g_strdup_printf("%lld:%s", (long long)time(NULL) + hub.conf.turn_ttl_s, account);
	HMAC(EVP_sha1(), hub.conf.turn_secret, (int)strlen(hub.conf.turn_secret),
	     (const unsigned char *)name, strlen(name), mac, &length);
	g_autofree char *password = g_base64_encode(mac, length);
	cJSON_AddStringToObject(server, "username", name);
	cJSON_AddStringToObject(server, "credential", password);
	cJSON_AddNumberToObject(server, "ttl_s", hub.conf.turn_ttl_s);
}

static void on_ice(struct client *client, const cJSON *json)
{
	cJSON *answer = said("ice");
	cJSON_AddNumberToObject(answer, "id", message_number(json, "id", 0));
	cJSON *servers = cJSON_AddArrayToObject(answer, "servers");
	if (hub.conf.turn_urls) {
		g_auto(GStrv) urls = g_strsplit_set(hub.conf.turn_urls, " \t", -1);
		cJSON *server = cJSON_CreateObject();
		cJSON_AddItemToObject(server, "urls", cJSON_CreateStringArray((const char *const *)urls,
									      (int)g_strv_length(urls)));
		if (hub.conf.turn_secret)
			add_credentials(server, client->account);
		cJSON_AddItemToArray(servers, server);
	}
	put(client, answer);
}

static bool is_flooding(struct client *client)
{
	int64_t now = now_ms();
	if (now - client->rate_since_ms >= 1000 || now < client->rate_since_ms) {
		client->rate_since_ms = now;
		client->rate_count = 0;
	}
	return ++client->rate_count > RATE_MESSAGES_S;
}

static void on_text(struct client *client, const char *text, size_t length)
{
	static const struct { const char *type; void (*run)(struct client *, const cJSON *); } types[] = {
		{ "send", on_send }, { "ack", on_ack }, { "ice", on_ice },
	};
	const char *why = NULL;
	if (client->loose || client->close)
		return;
	if (is_flooding(client)) {
		refuse(client, "more than %d messages a second", RATE_MESSAGES_S);
		return;
	}
	hub.received++;
	cJSON *json = message_parse(text, length, &why);
	const char *type = message_string(json, "t", "");
	if (!json)
		refuse(client, "message: %s", why);
	else if (g_str_equal(type, "login"))
		on_login(client, json);
	else if (!client->account)
		refuse(client, "log in first");
	else
		for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
			if (g_str_equal(type, types[i].type))
				types[i].run(client, json);
	cJSON_Delete(json);
}

/* ---- libwebsockets ---- */

/* GET /health and /metrics, for whoever watches the hub. */
static char *page_make(const char *path)
{
	if (strcmp(path, "/health") == 0)
		return g_strdup("ok\n");
	if (strcmp(path, "/metrics") != 0)
		return NULL;
	const struct { const char *name, *type; uint64_t value; } values[] = {
		{ "connections", "gauge", hub.connections },	 { "devices", "gauge", hub.logins },
		{ "accounts_online", "gauge", g_hash_table_size(hub.users) },
		{ "received_total", "counter", hub.received },	 { "sent_total", "counter", hub.sent },
		{ "refused_total", "counter", hub.refused },	 { "forgotten_total", "counter", hub.forgotten },
	};
	GString *page = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
		g_string_append_printf(page, "# TYPE callbox_hub_%s %s\ncallbox_hub_%s %" G_GUINT64_FORMAT "\n",
				       values[i].name, values[i].type, values[i].name, values[i].value);
	return g_string_free(page, FALSE);
}

static int page_send(struct lws *wsi, const char *path)
{
	g_autofree char *page = page_make(path);
	const char *text = page ? page : "no such page\n";
	size_t length = strlen(text);
	unsigned char buffer[LWS_PRE + 4096], *at = buffer + LWS_PRE, *end = buffer + sizeof(buffer) - 1;
	if (lws_add_http_common_headers(wsi, page ? HTTP_STATUS_OK : HTTP_STATUS_NOT_FOUND, "text/plain", length, &at,
					end) ||
	    lws_finalize_write_http_header(wsi, buffer + LWS_PRE, &at, end))
		return -1;
	at = buffer + LWS_PRE;
	memcpy(at, text, length);
	if (lws_write(wsi, at, length, LWS_WRITE_HTTP_FINAL) < 0)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static void client_open(struct client *client, struct lws *wsi)
{
	hub.connections++;
	*client = (struct client){ .wsi = wsi, .in = g_string_new(NULL), .out = g_queue_new() };
	lws_set_timeout(wsi, PENDING_TIMEOUT_AWAITING_CLIENT_HS_SEND, LOGIN_LIMIT_S);
}

static void client_closed(struct client *client)
{
	if (!client->in)
		return;
	hub.connections--;
	log_out(client);
	g_string_free(client->in, TRUE);
	g_queue_free_full(client->out, cJSON_free);
	g_free(client->device);
	g_free(client->party);
	client->in = NULL;
}

static int receive(struct client *client, const char *bytes, size_t length)
{
	if (lws_is_first_fragment(client->wsi))
		g_string_truncate(client->in, 0);
	if (client->in->len + length > HUB_MESSAGE_BYTES) {
		log_warning("peer: a message above %d bytes: disconnected", HUB_MESSAGE_BYTES);
		return -1;
	}
	g_string_append_len(client->in, bytes, (gssize)length);
	if (!lws_is_final_fragment(client->wsi) || lws_remaining_packet_payload(client->wsi) > 0)
		return 0;
	on_text(client, client->in->str, client->in->len);
	if (client->account)
		lws_set_timeout(client->wsi, NO_PENDING_TIMEOUT, 0);
	return 0;
}

/* Nothing is answered or passed on that a crash of the hub could forget. */
static int write_one(struct client *client)
{
	hub_store_commit(hub.store);
	if (client->close)
		return -1;
	char *text = g_queue_pop_head(client->out);
	if (text) {
		size_t length = strlen(text);
		unsigned char *buffer = g_malloc(LWS_PRE + length);
		memcpy(buffer + LWS_PRE, text, length);
		cJSON_free(text);
		int n = lws_write(client->wsi, buffer + LWS_PRE, length, LWS_WRITE_TEXT);
		g_free(buffer);
		if (n < 0)
			return -1;
		hub.sent++;
	}
	if (!g_queue_is_empty(client->out))
		lws_callback_on_writable(client->wsi);
	else if (client->loose)
		return -1;
	return 0;
}

static int on_socket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct client *client = user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		client_open(client, wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return receive(client, in, length);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return write_one(client);
	case LWS_CALLBACK_CLOSED:
		client_closed(client);
		return 0;
	case LWS_CALLBACK_HTTP:
		return page_send(wsi, in);
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, length);
	}
}

static const struct lws_protocols protocols[] = {
	{ HUB_PROTOCOL, on_socket, sizeof(struct client), RECEIVE_BYTES, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

static void on_expire(lws_sorted_usec_list_t *timer)
{
	int64_t now = now_ms(), days_ms = hub.conf.device_days * INT64_C(86400000);
	hub_store_expire(hub.store, now);
	hub.forgotten += hub_store_forget(hub.store, days_ms ? now - days_ms : INT64_MIN,
					  now - hub.conf.guest_expiry_ms);
	lws_sul_schedule(hub.context, 0, timer, on_expire,
			 MIN(EXPIRE_INTERVAL_US, hub.conf.guest_expiry_ms * LWS_US_PER_MS));
}

static bool is_loopback(const char *host)
{
	return g_str_has_prefix(host, "127.") || g_str_equal(host, "::1") || g_str_equal(host, "localhost");
}

/* "HOST:PORT" or "[V6]:PORT". */
static int listen_parse(const char *text, char **ret_host, int *ret_port)
{
	const char *colon = strrchr(text, ':');
	char *end;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;
	if (!colon || colon == text || end == colon + 1 || *end || port < 0 || port > 65535)
		return -EINVAL;
	*ret_host = text[0] == '[' ? g_strndup(text + 1, (gsize)(colon - text - 2))
				   : g_strndup(text, (gsize)(colon - text));
	*ret_port = (int)port;
	return 0;
}

/* One descriptor a device: as many as the administrator allows. */
static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The guest page, for browsers that are devices of an account. */
static const struct lws_http_mount *guest_page(void)
{
	static const struct lws_protocol_vhost_options types = { NULL, NULL, ".js", "text/javascript" };
	static struct lws_http_mount mount = {
		.mountpoint = "/call", .mountpoint_len = 5, .def = "guest.html", .origin_protocol = LWSMPRO_FILE,
		.cache_revalidate = 1, .extra_mimetypes = &types,
	};
	hub.www = path_join(PATH_DATA, "www");
	mount.origin = hub.www;
	return &mount;
}

/* Certificate and key have been read, the port listens: what is left are the database, beside which SQLite makes files,
 * and the pages. */
static void lock(void)
{
	g_autofree char *folder = g_path_get_dirname(hub.conf.database);
	const struct landlock_place places[] = { { folder, true }, { hub.www, false }, { NULL, false } };
	int r = landlock_enter(places);
	if (r < 0)
		log_warning("kernel: no Landlock: %s", g_strerror(-r));
	r = sandbox_enter(SANDBOX_HUB);
	if (r < 0)
		log_warning("kernel: no system call filter: %s", g_strerror(-r));
}

static int serve(void)
{
	raise_limit();
	g_autofree char *host = NULL;
	int port;
	if (listen_parse(hub.conf.listen, &host, &port) < 0) {
		log_error("conf: listen: \"%s\" is not HOST:PORT", hub.conf.listen);
		return 1;
	}
	if (!hub.conf.certificate && !is_loopback(host)) {
		log_error("conf: listen: %s is no loopback address: a certificate is needed there", host);
		return 1;
	}
	struct lws_context_creation_info info = {
		.port = port, .iface = host, .protocols = protocols, .gid = -1, .uid = -1,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6 * !strchr(host, ':'),
		.ssl_cert_filepath = hub.conf.certificate, .ssl_private_key_filepath = hub.conf.private_key,
		.alpn = "http/1.1", .ka_time = 60, .ka_interval = 10, .ka_probes = 3,
		.timeout_secs = 20, .mounts = guest_page(),
	};
	info.options |= LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE;
	if (hub.conf.certificate)
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
	void *loops[] = { &hub.loop };
	info.options |= LWS_SERVER_OPTION_LIBUV;
	info.foreign_loops = loops;
	/* No timer a connection: libwebsockets keeps them in one sorted list, which thousands make slow. TCP's own
	 * keepalive finds the dead, and clients ping. */
	static const lws_retry_bo_t keepalive = { .secs_since_valid_ping = 0, .secs_since_valid_hangup = 0 };
	info.retry_and_idle_policy = &keepalive;
	hub.context = lws_create_context(&info);
	struct lws_vhost *vhost = hub.context ? lws_get_vhost_by_name(hub.context, "default") : NULL;
	if (!vhost || lws_get_vhost_listen_port(vhost) <= 0) {
		log_error("conf: listen: cannot listen on %s%s", hub.conf.listen,
			  hub.conf.certificate ? " with that certificate" : "");
		return 1;
	}
	hub.serves = true;
	lock();
	log_info("listening on %s:%d", host, lws_get_vhost_listen_port(vhost));
	hub_store_devices_restart(hub.store, now_ms());
	on_expire(&hub.expire_timer);
	while (!hub.stop) {
		uv_run(&hub.loop, UV_RUN_ONCE);
		hub_store_commit(hub.store);
	}
	lws_sul_cancel(&hub.expire_timer);
	return 0;
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)signal;
	(void)number;
	hub.stop = true;
}

static void loop_open(void)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	uv_loop_init(&hub.loop);
	for (int i = 0; i < 2; i++) {
		uv_signal_init(&hub.loop, &hub.signals[i]);
		uv_signal_start(&hub.signals[i], on_signal, numbers[i]);
	}
}

/* libwebsockets closes its handles in turns of the loop. When it could not be set up it has unloaded the code that its
 * handles call: the loop must not turn again. */
static void loop_close(void)
{
	if (!hub.serves)
		return;
	lws_context_destroy(hub.context);
	for (int i = 0; i < 2; i++)
		uv_close((uv_handle_t *)&hub.signals[i], NULL);
	for (int turns = 0; turns < 1000 && uv_run(&hub.loop, UV_RUN_NOWAIT); turns++)
		;
	uv_loop_close(&hub.loop);
}

/* ---- command line ---- */

static int usage(FILE *out)
{
	fputs("usage: callbox-hub [-nv] [-f FILE]             serve; -n checks the conf file, -nv prints it\n"
	      "       callbox-hub adduser [-f FILE] USER      make an account or give it a new token, which is\n"
	      "                                               read from standard input or made and printed\n",
	      out);
	return out == stderr ? 64 : 0;
}

static char *token_make(void)
{
	unsigned char bytes[24];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		g_error("no randomness");
	return g_base64_encode(bytes, sizeof(bytes));
}

static int add_user(const char *user)
{
	char line[1026] = "";
	if (!is_name(user)) {
		fprintf(stderr, "callbox-hub: \"%s\" is no account name: 1 to %d printable bytes, no blank, *, : or /\n",
			user, HUB_NAME_BYTES);
		return 1;
	}
	if (!isatty(STDIN_FILENO) && fgets(line, sizeof(line), stdin))
		g_strstrip(line);
	g_autofree char *token = line[0] ? g_strdup(line) : token_make();
	if (hub_store_add_user(hub.store, user, token) < 0)
		return 1;
	if (!line[0])
		puts(token);
	return 0;
}

static int conf_load(const char *file)
{
	char *error = NULL;
	settings_defaults(conf_table, &hub.conf);
	if (settings_load(conf_table, file, &hub.conf, &error) == 0)
		return 0;
	fprintf(stderr, "callbox-hub: %s\n", error);
	g_free(error);
	return -EINVAL;
}

static int run(bool adding, const char *user)
{
	char *error = NULL;
	if (hub_store_open(hub.conf.database, &hub.store, &error) < 0) {
		fprintf(stderr, "callbox-hub: conf: database: %s\n", error);
		g_free(error);
		return 1;
	}
	hub.users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					  (GDestroyNotify)g_ptr_array_unref);
	if (!adding)
		loop_open();
	int r = adding ? add_user(user) : serve();
	if (!adding)
		loop_close();
	g_hash_table_destroy(hub.users);
	g_free(hub.www);
	hub_store_close(hub.store);
	return r;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	const char *file = CALLBOX_CONF_DIR "/hub.conf";
	bool check = false, verbose = false;
	bool adding = argc > 1 && strcmp(argv[1], "adduser") == 0;
	log_init("callbox-hub", LOG_LEVEL_INFO);
	lws_set_log_level(LLL_ERR, NULL);
	optind = adding ? 2 : 1;
	for (int c; (c = getopt_long(argc, argv, "f:nvh", options, NULL)) != -1;)
		switch (c) {
		case 'f': file = optarg; break;
		case 'n': check = true; break;
		case 'v': verbose = true; break;
		case 'h': return usage(stdout);
		default: return usage(stderr);
		}
	if (argc - optind != (adding ? 1 : 0))
		return usage(stderr);
	if (conf_load(file) < 0)
		return 1;
	if (check) {
		if (verbose)
			settings_print(conf_table, &hub.conf, true, stdout);
		settings_clear(conf_table, &hub.conf);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	g_setenv("UV_USE_IO_URING", "0", TRUE); /* the filter kills for it */
	int r = run(adding, adding ? argv[optind] : NULL);
	settings_clear(conf_table, &hub.conf);
	return r;
}
