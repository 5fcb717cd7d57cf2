/* hub_provider: the default provider: this account's connection to a callbox-hub.
 *
 * Threads: run() is libwebsockets' loop and owns everything but `incoming`, the queue through which
 * command() hands work over; lws_cancel_service() wakes the loop. A command stays in the outbox until the
 * hub says `sent` or its deadline passes, and goes out again after a reconnect: at least once. */
#include <errno.h>
#include <glib.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <string.h>

#include "core/base/message.h"
#include "core/signalling/provider_abi.h"
#include "plugins/hub/hub_wire.h"

#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 30000
#define UNHEARD_MS 4000 /* what is said and not acknowledged for so long: the way to the hub is gone */
#define TICK_US (200 * LWS_US_PER_MS)

struct outgoing {
	uint64_t id;
	cJSON *message; /* {t:"send"…} or {t:"ice"…} */
	int64_t deadline_us;
	bool written; /* on the present connection */
};

struct hub_client {
	const struct callbox_host *host;
	struct lws_context *context;
	struct lws *wsi;
	char *account, *device, *boot, *secret;
	char *server, *address, *path, *host_name, *ca_file;
	int port;
	bool tls, online, stopped, refused;
	pthread_mutex_t lock;
	GQueue incoming; /* struct outgoing, from command() */
	GQueue outbox;	 /* struct outgoing, not yet confirmed */
	GQueue control;	 /* char *: login, ack */
	GString *in;
	lws_sorted_usec_list_t connect_timer, tick_timer;
	int backoff_ms;
};

static bool is_stopped(const struct hub_client *client)
{
	return __atomic_load_n(&client->stopped, __ATOMIC_ACQUIRE);
}

static void outgoing_free(struct outgoing *out)
{
	cJSON_Delete(out->message);
	g_free(out);
}

static void status(struct hub_client *client, const char *state, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void status(struct hub_client *client, const char *state, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	client->host->status(client->host->data, state, text, NULL);
}

static void control_put(struct hub_client *client, cJSON *json)
{
	g_queue_push_tail(&client->control, cJSON_PrintUnformatted(json));
	cJSON_Delete(json);
	if (client->wsi)
		lws_callback_on_writable(client->wsi);
}

static cJSON *said(const char *type)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "t", type);
	return json;
}

/* ---- connection ---- */

static void on_connect_timer(lws_sorted_usec_list_t *timer);

static void connect_later(struct hub_client *client)
{
	if (is_stopped(client) || client->refused)
		return;
	int jitter = g_random_int_range(0, client->backoff_ms / 2 + 1);
	lws_sul_schedule(client->context, 0, &client->connect_timer, on_connect_timer,
			 (lws_usec_t)(client->backoff_ms + jitter) * LWS_US_PER_MS);
	client->backoff_ms = MIN(client->backoff_ms * 2, BACKOFF_MAX_MS);
}

static void connection_lost(struct hub_client *client, const char *why)
{
	client->wsi = NULL;
	client->online = false;
	g_queue_clear_full(&client->control, cJSON_free);
	for (GList *l = client->outbox.head; l; l = l->next)
		((struct outgoing *)l->data)->written = false;
	if (!client->refused && !is_stopped(client))
		status(client, "connecting", "hub %s: %s", client->server, why);
	connect_later(client);
}

static const lws_retry_bo_t keepalive = { .secs_since_valid_ping = 20, .secs_since_valid_hangup = 30 };

static void connect_now(struct hub_client *client)
{
	struct lws_client_connect_info info = {
		.context = client->context, .address = client->address, .port = client->port,
		.path = client->path, .host = client->host_name, .origin = client->address,
		.protocol = HUB_PROTOCOL, .local_protocol_name = HUB_PROTOCOL, .alpn = "http/1.1",
		.ssl_connection = client->tls ? LCCSCF_USE_SSL : 0,
		.pwsi = &client->wsi, .retry_and_idle_policy = &keepalive, .opaque_user_data = client,
	};
	if (!lws_client_connect_via_info(&info) && !client->wsi)
		connect_later(client);
}

static void on_connect_timer(lws_sorted_usec_list_t *timer)
{
	struct hub_client *client = lws_container_of(timer, struct hub_client, connect_timer);
	if (!client->wsi && !is_stopped(client))
		connect_now(client);
}

/* An address that went takes its connections along, and nobody tells them (tcp(7)). A call that moves to another network
 * needs signalling there long before it is given up. */
static void notice_loss(struct lws *wsi)
{
	unsigned int ms = UNHEARD_MS;
	setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
}

static void log_in(struct hub_client *client)
{
	cJSON *json = said("login");
	cJSON_AddStringToObject(json, "account", client->account);
	cJSON_AddStringToObject(json, "device", client->device);
	cJSON_AddStringToObject(json, "boot", client->boot);
	cJSON_AddStringToObject(json, "token", client->secret);
	control_put(client, json);
}

/* ---- what comes in ---- */

static void on_welcome(struct hub_client *client, const cJSON *json)
{
	char *capabilities = cJSON_PrintUnformatted(message_member(json, "capabilities"));
	g_autofree char *text = g_strdup_printf("hub %s", client->server);
	client->online = true;
	client->backoff_ms = BACKOFF_MIN_MS;
	client->host->status(client->host->data, "online", text, capabilities);
	cJSON_free(capabilities);
	lws_callback_on_writable(client->wsi);
}

static void on_refused(struct hub_client *client, const cJSON *json)
{
	client->refused = true;
	status(client, "refused", "hub %s: %s", client->server, message_string(json, "message", "no reason"));
}

static void on_kicked(struct hub_client *client, const cJSON *json)
{
	(void)json;
	client->refused = true;
	status(client, "kicked", "hub %s: account %s logged in on another device", client->server,
	       client->account);
}

static void on_synced(struct hub_client *client, const cJSON *json)
{
	(void)json;
	client->host->synced(client->host->data);
}

static void on_deliver(struct hub_client *client, const cJSON *json)
{
	cJSON *event = cJSON_Duplicate(message_member(json, "env"), true);
	double number = message_number(json, "number", -1);
	if (!cJSON_IsObject(event)) {
		cJSON_Delete(event);
		return;
	}
	g_autofree char *event_id = g_strdup_printf("%.0f", number);
	cJSON_AddNumberToObject(event, "age_ms", message_number(json, "age_ms", 0));
	cJSON_AddBoolToObject(event, "replay", message_bool(json, "replay", false));
	cJSON_AddBoolToObject(event, "copy", false);
	cJSON_AddStringToObject(event, "event_id", event_id);
	char *text = cJSON_PrintUnformatted(event);
	client->host->event(client->host->data, text);
	cJSON_free(text);
	cJSON_Delete(event);
	cJSON *ack = said("ack");
	cJSON_AddNumberToObject(ack, "number", number);
	control_put(client, ack);
}

static struct outgoing *outbox_take(struct hub_client *client, uint64_t id)
{
	for (GList *l = client->outbox.head; l; l = l->next) {
		struct outgoing *out = l->data;
		if (out->id == id) {
			g_queue_delete_link(&client->outbox, l);
			return out;
		}
	}
	return NULL;
}

static void on_sent(struct hub_client *client, const cJSON *json)
{
	struct outgoing *out = outbox_take(client, (uint64_t)message_number(json, "id", 0));
	const char *error = message_string(json, "error", NULL);
	if (!out)
		return;
	client->host->result(client->host->data, out->id, error ? "refused" : NULL, error, NULL);
	outgoing_free(out);
}

static void on_ice(struct hub_client *client, const cJSON *json)
{
	struct outgoing *out = outbox_take(client, (uint64_t)message_number(json, "id", 0));
	if (!out)
		return;
	cJSON *body = cJSON_CreateObject();
	cJSON_AddItemToObject(body, "servers", cJSON_Duplicate(message_member(json, "servers"), true));
	char *text = cJSON_PrintUnformatted(body);
	client->host->result(client->host->data, out->id, NULL, NULL, text);
	cJSON_free(text);
	cJSON_Delete(body);
	outgoing_free(out);
}

static void on_text(struct hub_client *client, const char *text, size_t length)
{
	static const struct { const char *type; void (*run)(struct hub_client *, const cJSON *); } types[] = {
		{ "welcome", on_welcome }, { "refused", on_refused }, { "kicked", on_kicked },
		{ "synced", on_synced }, { "deliver", on_deliver }, { "sent", on_sent }, { "ice", on_ice },
	};
	const char *why = NULL;
	cJSON *json = message_parse(text, length, &why);
	if (!json)
		client->host->log(client->host->data, 1, why);
	const char *type = message_string(json, "t", "");
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_equal(type, types[i].type))
			types[i].run(client, json);
	cJSON_Delete(json);
}

/* ---- what goes out ---- */

static int write_text(struct hub_client *client, const char *text)
{
	size_t length = strlen(text);
	unsigned char *buffer = g_malloc(LWS_PRE + length);
	memcpy(buffer + LWS_PRE, text, length);
	int n = lws_write(client->wsi, buffer + LWS_PRE, length, LWS_WRITE_TEXT);
	g_free(buffer);
	return n < 0 ? -1 : 0;
}

static struct outgoing *next_unwritten(struct hub_client *client)
{
	for (GList *l = client->outbox.head; l && client->online; l = l->next)
		if (!((struct outgoing *)l->data)->written)
			return l->data;
	return NULL;
}

static int write_next(struct hub_client *client)
{
	char *text = g_queue_pop_head(&client->control);
	struct outgoing *out = text ? NULL : next_unwritten(client);
	if (out) {
		out->written = true;
		text = cJSON_PrintUnformatted(out->message);
	}
	if (!text)
		return 0;
	int r = write_text(client, text);
	cJSON_free(text);
	lws_callback_on_writable(client->wsi);
	return r;
}

static void take_incoming(struct hub_client *client)
{
	for (;;) {
		pthread_mutex_lock(&client->lock);
		struct outgoing *out = g_queue_pop_head(&client->incoming);
		pthread_mutex_unlock(&client->lock);
		if (!out)
			break;
		g_queue_push_tail(&client->outbox, out);
	}
	if (client->wsi && client->online)
		lws_callback_on_writable(client->wsi);
}

/* Commands whose time is over get their result. */
static void on_tick(lws_sorted_usec_list_t *timer)
{
	struct hub_client *client = lws_container_of(timer, struct hub_client, tick_timer);
	int64_t now = g_get_monotonic_time();
	for (GList *l = client->outbox.head; l;) {
		struct outgoing *out = l->data;
		GList *next = l->next;
		if (out->deadline_us <= now) {
			g_queue_delete_link(&client->outbox, l);
			client->host->result(client->host->data, out->id, "deadline", "the hub did not confirm it",
					     NULL);
			outgoing_free(out);
		}
		l = next;
	}
	lws_usec_t next_us = g_queue_is_empty(&client->outbox) ? 5 * LWS_US_PER_SEC : TICK_US;
	lws_sul_schedule(client->context, 0, timer, on_tick, next_us);
}

static void receive(struct hub_client *client, struct lws *wsi, const char *bytes, size_t length)
{
	if (lws_is_first_fragment(wsi))
		g_string_truncate(client->in, 0);
	if (client->in->len + length <= 2 * MESSAGE_BYTES_MAX)
		g_string_append_len(client->in, bytes, (gssize)length);
	if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0)
		on_text(client, client->in->str, client->in->len);
}

static int on_socket(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct hub_client *client = lws_context_user(lws_get_context(wsi));
	(void)user;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		notice_loss(wsi);
		log_in(client);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		receive(client, wsi, in, length);
		return client->refused ? -1 : 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_next(client);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		connection_lost(client, in ? in : "cannot connect");
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		connection_lost(client, "connection closed");
		return 0;
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		take_incoming(client);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ HUB_PROTOCOL, on_socket, 0, HUB_MESSAGE_BYTES, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* ---- the ABI ---- */

static void hub_close(void *state)
{
	struct hub_client *client = state;
	if (client->context)
		lws_context_destroy(client->context);
	g_queue_clear_full(&client->incoming, (GDestroyNotify)outgoing_free);
	g_queue_clear_full(&client->outbox, (GDestroyNotify)outgoing_free);
	g_queue_clear_full(&client->control, cJSON_free);
	g_string_free(client->in, TRUE);
	if (client->secret)
		explicit_bzero(client->secret, strlen(client->secret));
	char *texts[] = { client->account, client->device, client->boot, client->secret, client->server,
			  client->address, client->path, client->host_name, client->ca_file };
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	pthread_mutex_destroy(&client->lock);
	g_free(client);
}

static int parse_server(struct hub_client *client, const char *server)
{
	g_autofree char *copy = g_strdup(server);
	const char *scheme = NULL, *address = NULL, *path = NULL;
	int port = 0;
	if (lws_parse_uri(copy, &scheme, &address, &port, &path) != 0 ||
	    (!g_str_equal(scheme, "ws") && !g_str_equal(scheme, "wss")) || !address[0])
		return -EINVAL;
	client->tls = g_str_equal(scheme, "wss");
	client->address = g_strdup(address);
	client->port = port;
	client->path = g_strconcat("/", path, NULL);
	client->host_name = g_strdup_printf("%s:%d", address, port);
	bool loopback = g_str_has_prefix(address, "127.") || g_str_equal(address, "localhost") ||
			g_str_equal(address, "::1");
	return client->tls || loopback ? 0 : -EPERM;
}

static int configure(struct hub_client *client, const cJSON *json)
{
	const cJSON *config = message_member(json, "config");
	const char *server = message_string(config, "server", "");
	client->account = g_strdup(message_string(json, "account", ""));
	client->device = g_strdup(message_string(json, "device", ""));
	client->boot = g_strdup(message_string(json, "boot", ""));
	client->secret = g_strdup(message_string(json, "secret", ""));
	client->server = g_strdup(server);
	client->ca_file = g_strdup(message_string(config, "ca_file", NULL));
	int r = parse_server(client, server);
	if (r < 0) {
		g_autofree char *text = g_strdup_printf(
			r == -EPERM ? "conf: server: %s: without TLS only a loopback hub is spoken to (wss://)"
				    : "conf: server: \"%s\" is no ws:// or wss:// address", server);
		client->host->log(client->host->data, 0, text);
	}
	return r;
}

static int hub_open(const struct callbox_host *host, const char *config, void **ret_state)
{
	struct hub_client *client = g_new0(struct hub_client, 1);
	client->host = host;
	client->in = g_string_new(NULL);
	client->backoff_ms = BACKOFF_MIN_MS;
	pthread_mutex_init(&client->lock, NULL);
	cJSON *json = cJSON_Parse(config);
	int r = configure(client, json);
	cJSON_Delete(json);
	lws_set_log_level(0, NULL);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols, .gid = -1, .uid = -1, .user = client,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT * client->tls,
		.client_ssl_ca_filepath = client->ca_file, .alpn = "http/1.1",
	};
	if (r == 0 && !(client->context = lws_create_context(&info)))
		r = -ENOMEM;
	if (r < 0) {
		hub_close(client);
		return r;
	}
	*ret_state = client;
	return 0;
}

static void hub_run(void *state)
{
	struct hub_client *client = state;
	status(client, "connecting", "hub %s", client->server);
	connect_now(client);
	on_tick(&client->tick_timer);
	while (!is_stopped(client) && lws_service(client->context, 0) >= 0)
		;
	lws_sul_cancel(&client->tick_timer);
	lws_sul_cancel(&client->connect_timer);
}

static cJSON *command_message(const cJSON *json, uint64_t id)
{
	static const char *const copied[] = { "kind", "call_id", "to_user", "to_party", "seq", "deadline_ms",
					      "body" };
	bool ice = g_str_equal(message_string(json, "kind", ""), "ice_servers");
	cJSON *message = said(ice ? "ice" : "send");
	cJSON_AddNumberToObject(message, "id", (double)id);
	if (ice)
		return message;
	cJSON *env = cJSON_AddObjectToObject(message, "env");
	for (size_t i = 0; i < G_N_ELEMENTS(copied); i++)
		cJSON_AddItemToObject(env, copied[i], cJSON_Duplicate(message_member(json, copied[i]), true));
	return message;
}

static void hub_command(void *state, const char *command)
{
	struct hub_client *client = state;
	cJSON *json = cJSON_Parse(command);
	struct outgoing *out = g_new0(struct outgoing, 1);
	out->id = (uint64_t)message_number(json, "id", 0);
	out->deadline_us = g_get_monotonic_time() +
			   (int64_t)message_number(json, "deadline_ms", 10000) * 1000;
	out->message = command_message(json, out->id);
	cJSON_Delete(json);
	pthread_mutex_lock(&client->lock);
	g_queue_push_tail(&client->incoming, out);
	pthread_mutex_unlock(&client->lock);
	lws_cancel_service(client->context);
}

static void hub_stop(void *state)
{
	struct hub_client *client = state;
	__atomic_store_n(&client->stopped, true, __ATOMIC_RELEASE);
	lws_cancel_service(client->context);
}

__attribute__((visibility("default"))) extern const struct callbox_provider callbox_provider;
const struct callbox_provider callbox_provider = {
	.abi = CALLBOX_PROVIDER_ABI,
	.size = sizeof(struct callbox_provider),
	.name = "hub",
	.open = hub_open,
	.run = hub_run,
	.command = hub_command,
	.stop = hub_stop,
	.close = hub_close,
};
