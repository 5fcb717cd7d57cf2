#include "core/box/line.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/child.h"
#include "core/base/log.h"

#define RESTART_MIN_MS 200
#define RESTART_MAX_MS 30000
#define LEAVE_LIMIT_MS 1000
#define STABLE_MS 10000 /* a provider that lived this long starts again at once */

struct pending {
	double id;
	cJSON *command;
	int64_t deadline_ms;
	bool ice;
};

struct line {
	struct box *box;
	const struct account_conf *conf;
	struct account_conf *own; /* of a login by hand; NULL: from the conf files */
	struct child *child;
	guint restart_timer, leave_timer; /* leaving: until the last words are out */
	int restart_ms;
	int64_t started_ms;
	double next_id;
	GQueue pending;
	cJSON *ice_servers, *capabilities;
	char *state, *text;
};

static const struct message_field result_fields[] = {
	{ "id", M_NUMBER, true, 1, 9007199254740991.0 }, { "error", M_STRING, false, 0, 0 },
	{ "message", M_STRING, false, 0, 0 }, { "body", M_OBJECT, false, 0, 0 },
	{ NULL, M_STRING, false, 0, 0 },
};
static const struct message_field event_fields[] = {
	{ "kind", M_STRING, true, 1, 32 }, { "call_id", M_STRING, true, 32, 32 },
	{ "from_user", M_STRING, true, 1, 128 }, { "from_party", M_STRING, true, 1, 260 },
	{ "seq", M_NUMBER, true, 0, 9007199254740991.0 }, { "age_ms", M_NUMBER, false, -1, 1e12 },
	{ "replay", M_BOOL, false, 0, 0 }, { "copy", M_BOOL, false, 0, 0 },
	{ "body", M_OBJECT, true, 0, 0 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_field status_fields[] = {
	{ "state", M_STRING, true, 1, 16 }, { "message", M_STRING, true, 0, 4096 },
	{ "capabilities", M_ARRAY, false, 0, 64 }, { NULL, M_STRING, false, 0, 0 },
};
static const struct message_shape shapes[] = {
	{ "result", result_fields }, { "event", event_fields }, { "status", status_fields },
	{ "synced", NULL }, { "log", NULL }, { NULL, NULL },
};

static void pending_free(struct pending *pending)
{
	cJSON_Delete(pending->command);
	g_free(pending);
}

cJSON *line_json(const struct line *line)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "account", line->conf->account);
	cJSON_AddStringToObject(json, "device", line->conf->device);
	cJSON_AddStringToObject(json, "provider", line->conf->provider);
	cJSON_AddStringToObject(json, "server", line->conf->server ? line->conf->server : "");
	cJSON_AddStringToObject(json, "state", line->state);
	cJSON_AddStringToObject(json, "message", line->text);
	cJSON_AddItemToObject(json, "capabilities", line->capabilities
							    ? cJSON_Duplicate(line->capabilities, true)
							    : cJSON_CreateArray());
	return json;
}

static void state_set(struct line *line, const char *state, const char *text)
{
	if (g_str_equal(line->state, state) && g_str_equal(line->text, text))
		return;
	g_autofree char *old = line->state;
	g_free(line->text);
	line->state = g_strdup(state);
	line->text = g_strdup(text);
	bool bad = g_str_equal(state, "refused") || g_str_equal(state, "kicked");
	log_write(bad ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "line %s: %s -> %s: %s", line->conf->account, old,
		  state, text);
	if (!g_str_equal(state, "online"))
		call_core_synced(line->box->core, box_now_ms(), line->conf->account, false);
	box_event(line->box, "onLineState", line_json(line));
}

/* Queues and sends; message is taken. */
static void command_put(struct line *line, cJSON *command, int deadline_ms, bool ice)
{
	struct pending *pending = g_new0(struct pending, 1);
	pending->id = ++line->next_id;
	pending->deadline_ms = box_now_ms() + deadline_ms;
	pending->ice = ice;
	cJSON_AddNumberToObject(command, "id", pending->id);
	pending->command = command;
	g_queue_push_tail(&line->pending, pending);
	if (line->child)
		child_send(line->child, cJSON_Duplicate(command, true));
}

void line_send(struct line *line, const struct call_output *output)
{
	cJSON *command = message_new("command");
	cJSON_AddStringToObject(command, "kind", output->kind);
	cJSON_AddStringToObject(command, "call_id", output->call_id);
	cJSON_AddStringToObject(command, "to_user", output->to_user);
	cJSON_AddStringToObject(command, "to_party", output->to_party ? output->to_party : "*");
	cJSON_AddNumberToObject(command, "seq", (double)output->seq);
	/* A record reaches an account that is away for days. */
	int deadline = g_str_equal(output->kind, "record") ? 6 * 24 * 3600 * 1000 : output->deadline_ms;
	cJSON_AddNumberToObject(command, "deadline_ms", deadline);
	cJSON_AddItemToObject(command, "body", cJSON_Duplicate(output->json, true));
	command_put(line, command, deadline, false);
}

static void ask_ice_servers(struct line *line)
{
	cJSON *command = message_new("command");
	cJSON_AddStringToObject(command, "kind", "ice_servers");
	cJSON_AddNumberToObject(command, "deadline_ms", 10000);
	command_put(line, command, 10000, true);
}

/* An invite that could not leave ends its call with the network's own words. */
static void command_failed(struct line *line, const struct pending *pending, const cJSON *message)
{
	const char *kind = message_string(pending->command, "kind", "");
	const char *call_id = message_string(pending->command, "call_id", NULL);
	g_autofree char *text = g_strdup_printf("%s to %s: %s", kind,
						message_string(pending->command, "to_user", "?"),
						message_string(message, "message", "not sent"));
	log_warning("line %s: %s", line->conf->account, text);
	if (g_str_equal(kind, "invite"))
		call_core_media(line->box->core, box_now_ms(), call_id, CALL_MEDIA_FAILED, text);
}

static gboolean leave_if_quiet(void *data);

static void record_sent(struct line *line, const struct pending *pending)
{
	cJSON *payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "userId", message_string(pending->command, "to_user", ""));
	cJSON_AddStringToObject(payload, "callId", message_string(pending->command, "call_id", ""));
	box_event(line->box, "onMessageSent", payload);
}

static void on_result(struct line *line, const cJSON *message)
{
	double id = message_number(message, "id", 0);
	for (GList *l = line->pending.head; l; l = l->next) {
		struct pending *pending = l->data;
		if (pending->id != id)
			continue;
		g_queue_delete_link(&line->pending, l);
		const cJSON *servers = message_member(message_member(message, "body"), "servers");
		if (pending->ice && cJSON_IsArray(servers)) {
			cJSON_Delete(line->ice_servers);
			line->ice_servers = cJSON_Duplicate(servers, true);
		} else if (message_string(message, "error", NULL) && !pending->ice) {
			command_failed(line, pending, message);
		} else if (g_str_equal(message_string(pending->command, "kind", ""), "record")) {
			record_sent(line, pending);
		}
		pending_free(pending);
		if (line->leave_timer)
			g_idle_add(leave_if_quiet, line);
		return;
	}
}

/* A record that waited on its way is of a call so much longer ago. NULL: it is as it was sent. */
static cJSON *record_aged(const cJSON *message)
{
	double age = message_number(message, "age_ms", -1);
	if (age <= 0 || !g_str_equal(message_string(message, "kind", ""), "record"))
		return NULL;
	cJSON *record = cJSON_Duplicate(message_member(message, "body"), true);
	double ago = message_number(record, "agoMs", 0);
	cJSON_DeleteItemFromObjectCaseSensitive(record, "agoMs");
	cJSON_AddNumberToObject(record, "agoMs", ago + age);
	return record;
}

static void on_event(struct line *line, const cJSON *message)
{
	if (message_bool(message, "copy", false))
		return;
	cJSON *aged = record_aged(message);
	struct call_message m = {
		.account = line->conf->account,
		.kind = message_string(message, "kind", ""),
		.call_id = message_string(message, "call_id", ""),
		.from_user = message_string(message, "from_user", ""),
		.from_party = message_string(message, "from_party", ""),
		.seq = (uint64_t)message_number(message, "seq", 0),
		.age_ms = (int64_t)message_number(message, "age_ms", -1),
		.replay = message_bool(message, "replay", false),
		.body = aged ? aged : message_member(message, "body"),
	};
	log_debug("line %s: %s from %s/%s", m.account, m.kind, m.from_user, m.from_party);
	call_core_message(line->box->core, box_now_ms(), &m);
	cJSON_Delete(aged);
}

static void on_status(struct line *line, const cJSON *message)
{
	const char *state = message_string(message, "state", "");
	const cJSON *capabilities = message_member(message, "capabilities");
	if (capabilities) {
		cJSON_Delete(line->capabilities);
		line->capabilities = cJSON_Duplicate(capabilities, true);
	}
	state_set(line, state, message_string(message, "message", ""));
	if (g_str_equal(state, "online"))
		ask_ice_servers(line);
	else if (g_str_equal(state, "kicked"))
		call_core_kicked(line->box->core, box_now_ms(), line->conf->account);
}

static void on_message(struct channel *channel, const char *name, const cJSON *message, int fd, void *data)
{
	struct line *line = data;
	(void)channel;
	if (fd >= 0)
		close(fd);
	if (g_str_equal(name, "event"))
		on_event(line, message);
	else if (g_str_equal(name, "result"))
		on_result(line, message);
	else if (g_str_equal(name, "status"))
		on_status(line, message);
	else if (g_str_equal(name, "synced"))
		call_core_synced(line->box->core, box_now_ms(), line->conf->account, true);
	box_drain(line->box);
}

static gboolean on_restart(void *data)
{
	struct line *line = data;
	line->restart_timer = 0;
	line_start(line);
	return G_SOURCE_REMOVE;
}

static void on_end(struct child *child, const char *how, bool clean, void *data)
{
	struct line *line = data;
	(void)child;
	(void)clean;
	line->child = NULL;
	g_autofree char *text = g_strdup_printf("callbox-provider: %s", how);
	log_error("line %s: %s", line->conf->account, text);
	state_set(line, "offline", text);
	if (box_now_ms() - line->started_ms > STABLE_MS)
		line->restart_ms = RESTART_MIN_MS;
	line->restart_timer = g_timeout_add((guint)line->restart_ms, on_restart, line);
	line->restart_ms = MIN(line->restart_ms * 2, RESTART_MAX_MS);
	box_drain(line->box);
}

static cJSON *open_message(struct line *line)
{
	const struct account_conf *conf = line->conf;
	cJSON *message = message_new("open");
	cJSON_AddStringToObject(message, "account", conf->account);
	cJSON_AddStringToObject(message, "device", conf->device);
	cJSON_AddStringToObject(message, "boot", line->box->boot);
	cJSON_AddStringToObject(message, "plugin", conf->provider);
	cJSON_AddStringToObject(message, "secret", conf->secret ? conf->secret : "");
	cJSON_AddStringToObject(message, "state_dir", line->box->conf.state_dir);
	cJSON *config = cJSON_AddObjectToObject(message, "config");
	if (conf->server)
		cJSON_AddStringToObject(config, "server", conf->server);
	if (conf->ca_file)
		cJSON_AddStringToObject(config, "ca_file", conf->ca_file);
	return message;
}

/* What the last process had not confirmed goes out again, if its time is not over. */
static void resend(struct line *line)
{
	int64_t now = box_now_ms();
	for (GList *l = line->pending.head; l;) {
		struct pending *pending = l->data;
		GList *next = l->next;
		if (pending->deadline_ms <= now || pending->ice) {
			g_queue_delete_link(&line->pending, l);
			pending_free(pending);
		} else {
			child_send(line->child, cJSON_Duplicate(pending->command, true));
		}
		l = next;
	}
}

void line_start(struct line *line)
{
	const char *const arguments[] = { line->conf->account, NULL };
	line->started_ms = box_now_ms();
	int r = child_start("callbox-provider", arguments, shapes, on_message, on_end, line, &line->child);
	if (r < 0) {
		line->child = NULL;
		log_error("line %s: cannot start callbox-provider: %s", line->conf->account, g_strerror(-r));
		line->restart_timer = g_timeout_add(RESTART_MAX_MS, on_restart, line);
		return;
	}
	child_send(line->child, open_message(line));
	resend(line);
}

void line_stop(struct line *line)
{
	if (line->restart_timer)
		g_source_remove(line->restart_timer);
	if (line->leave_timer)
		g_source_remove(line->leave_timer);
	line->restart_timer = line->leave_timer = 0;
	child_stop(line->child, 1000);
	line->child = NULL;
}

struct line *line_create(struct box *box, const struct account_conf *conf)
{
	struct line *line = g_new0(struct line, 1);
	line->box = box;
	line->conf = conf;
	line->restart_ms = RESTART_MIN_MS;
	line->state = g_strdup("offline");
	line->text = g_strdup("");
	line->ice_servers = cJSON_CreateArray();
	return line;
}

void line_destroy(struct line *line)
{
	line_stop(line);
	g_idle_remove_by_data(line);
	g_queue_clear_full(&line->pending, (GDestroyNotify)pending_free);
	cJSON_Delete(line->ice_servers);
	cJSON_Delete(line->capabilities);
	account_conf_free(line->own);
	g_free(line->state);
	g_free(line->text);
	g_free(line);
}

static gboolean on_leave_limit(void *data)
{
	struct line *line = data;
	line->leave_timer = 0;
	line_stop(line);
	state_set(line, "offline", "logged out");
	return G_SOURCE_REMOVE;
}

/* What the end of the call had to say is out: now the connection may go. */
static gboolean leave_if_quiet(void *data)
{
	struct line *line = data;
	if (line->leave_timer && g_queue_is_empty(&line->pending)) {
		g_source_remove(line->leave_timer);
		on_leave_limit(line);
	}
	return G_SOURCE_REMOVE;
}

void line_logout(struct line *line)
{
	call_core_leave(line->box->core, box_now_ms(), line->conf->account);
	box_drain(line->box);
	if (!line->child || line->leave_timer) {
		if (!line->leave_timer)
			on_leave_limit(line);
		return;
	}
	line->leave_timer = g_timeout_add(LEAVE_LIMIT_MS, on_leave_limit, line);
	g_idle_add(leave_if_quiet, line);
}

/* The account's settings with another token. */
static void line_adopt(struct line *line, const char *token, const char *server)
{
	struct account_conf *own = account_conf_copy(line->conf, token);
	if (server) {
		g_free(own->server);
		own->server = g_strdup(server);
	}
	account_conf_free(line->own);
	line->conf = line->own = own;
}

static struct line *line_add(struct box *box, const char *account, const char *token, const char *server)
{
	const struct account_conf *first = box->accounts[0];
	struct account_conf *own = first ? account_conf_copy(first, token) : account_conf_new(token);
	g_free(own->account);
	own->account = g_strdup(account);
	if (server) {
		g_free(own->server);
		own->server = g_strdup(server);
	}
	struct line *line = line_create(box, own);
	line->own = own;
	g_ptr_array_add(box->lines, line);
	return line;
}

int lines_login(struct box *box, const char *account, const char *token, const char *server, char **ret_error)
{
	struct line *line = account ? line_find(box, account) : line_find(box, NULL);
	if (token && (!*token || strlen(token) > 1024))
		*ret_error = g_strdup("token: 1 to 1024 bytes are needed");
	else if (account && (!*account || strlen(account) > 128))
		*ret_error = g_strdup("account: 1 to 128 bytes are needed");
	else if (!line && (!account || !token))
		*ret_error = g_strdup("account: this box has no such account; account and token log in a new one");
	else if (!line && !server && !(box->accounts[0] && box->accounts[0]->server))
		*ret_error = g_strdup("server: this box has no account whose server could be taken");
	if (*ret_error)
		return -EINVAL;
	if (line)
		line_stop(line);
	if (line && (token || server))
		line_adopt(line, token ? token : line->conf->secret, server);
	if (!line)
		line = line_add(box, account, token, server);
	line_start(line);
	return 0;
}

const char *line_account(const struct line *line)
{
	return line->conf->account;
}

struct line *line_find(struct box *box, const char *account)
{
	for (unsigned int i = 0; i < box->lines->len; i++) {
		struct line *line = box->lines->pdata[i];
		if (!account || g_str_equal(line->conf->account, account))
			return line;
	}
	return NULL;
}

const cJSON *line_ice_servers(const struct line *line)
{
	return line->ice_servers;
}
