#include "core/box/control.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/base/passed_fd.h"

struct client {
	struct control *control;
	int fd;
	guint in_source, out_source;
	GString *in, *out;
	int passed_fd; /* goes out with the byte of out at passed_at; -1: none does */
	size_t passed_at;
	bool subscribed, gone;
	GHashTable *listens; /* event → the name under which this client knows it; NULL: none */
	unsigned int holds; /* requests that still owe an answer, and callbacks on the stack */
};

struct control {
	char *path;
	int fd;
	guint source;
	GPtrArray *clients;
	control_method_fn on_method;
	control_state_fn state;
	void *data;
};

struct control_request {
	struct client *client;
	cJSON *id; /* NULL: a notification, nobody waits */
};

static void client_release(struct client *client)
{
	if (--client->holds > 0)
		return;
	g_string_free(client->in, TRUE);
	g_string_free(client->out, TRUE);
	g_clear_pointer(&client->listens, g_hash_table_destroy);
	g_free(client);
}

static void client_drop(struct client *client)
{
	if (client->gone)
		return;
	client->gone = true;
	if (client->in_source)
		g_source_remove(client->in_source);
	if (client->out_source)
		g_source_remove(client->out_source);
	client->in_source = client->out_source = 0;
	close(client->fd);
	if (client->passed_fd >= 0)
		close(client->passed_fd);
	client->passed_fd = -1;
	if (client->control)
		g_ptr_array_remove_fast(client->control->clients, client);
	client_release(client);
}

/* One byte with the descriptor, or all up to it, or all. */
static ssize_t send_once(struct client *client)
{
	if (client->passed_fd < 0)
		return send(client->fd, client->out->str, client->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (client->passed_at > 0) {
		ssize_t n = send(client->fd, client->out->str, client->passed_at, MSG_NOSIGNAL | MSG_DONTWAIT);
		client->passed_at -= n > 0 ? (size_t)n : 0;
		return n;
	}
	int r = passed_fd_send(client->fd, client->out->str, 1, client->passed_fd);
	if (r < 0) {
		errno = -r;
		return -1;
	}
	close(client->passed_fd);
	client->passed_fd = -1;
	return 1;
}

static bool send_some(struct client *client)
{
	while (client->out->len > 0) {
		ssize_t n = send_once(client);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		g_string_erase(client->out, 0, n);
	}
	return true;
}

static gboolean on_writable(int fd, GIOCondition condition, void *data)
{
	struct client *client = data;
	(void)fd;
	(void)condition;
	bool good = send_some(client);
	if (good && client->out->len > 0)
		return G_SOURCE_CONTINUE;
	client->out_source = 0;
	if (!good)
		client_drop(client);
	return G_SOURCE_REMOVE;
}

/* Takes json. Never drops the client inside: the loop does, so that callers may go on. */
static void client_put(struct client *client, cJSON *json)
{
	char *text = client->gone ? NULL : cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	if (!text)
		return;
	bool idle = client->out->len == 0;
	g_string_append(client->out, text);
	g_string_append_c(client->out, '\n');
	cJSON_free(text);
	if (client->out->len > CONTROL_UNSENT_BYTES) {
		log_warning("control: a client does not read: disconnected");
		shutdown(client->fd, SHUT_RDWR);
		return;
	}
	if (idle)
		send_some(client);
	if (client->out->len > 0 && !client->out_source)
		client->out_source = g_unix_fd_add(client->fd, G_IO_OUT, on_writable, client);
}

static cJSON *rpc_new(const cJSON *id)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "jsonrpc", "2.0");
	cJSON_AddItemToObject(json, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	return json;
}

static void put_error(struct client *client, const cJSON *id, int code, const char *text)
{
	cJSON *json = rpc_new(id);
	cJSON *error = cJSON_AddObjectToObject(json, "error");
	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", text);
	client_put(client, json);
}

static void request_free(struct control_request *request)
{
	client_release(request->client);
	cJSON_Delete(request->id);
	g_free(request);
}

void control_result(struct control_request *request, cJSON *result)
{
	if (request->id) {
		cJSON *json = rpc_new(request->id);
		cJSON_AddItemToObject(json, "result", result ? result : cJSON_CreateObject());
		client_put(request->client, json);
	} else {
		cJSON_Delete(result);
	}
	request_free(request);
}

void control_result_fd(struct control_request *request, cJSON *result, int fd)
{
	struct client *client = request->client;
	if (client->gone || !request->id || client->passed_fd >= 0) {
		close(fd); /* who does not wait for one answer before the next gets none */
	} else {
		client->passed_fd = fd;
		client->passed_at = client->out->len;
	}
	control_result(request, result);
}

void control_error(struct control_request *request, int code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	if (request->id)
		put_error(request->client, request->id, code, valid);
	request_free(request);
}

static cJSON *notification(const char *event, const cJSON *params)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "jsonrpc", "2.0");
	cJSON_AddStringToObject(json, "method", event);
	cJSON_AddItemToObject(json, "params", params ? cJSON_Duplicate(params, true) : cJSON_CreateObject());
	return json;
}

void control_subscribe(struct control_request *request)
{
	struct client *client = request->client;
	client->subscribed = true;
	if (client->control) {
		cJSON *state = client->control->state(client->control->data);
		client_put(client, notification("state", state));
		cJSON_Delete(state);
	}
	control_result(request, NULL);
}

void control_listen(struct control_request *request, const char *event, const char *as)
{
	struct client *client = request->client;
	if (!client->listens)
		client->listens = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (as)
		g_hash_table_insert(client->listens, g_strdup(event), g_strdup(as));
	else
		g_hash_table_remove(client->listens, event);
	control_result(request, NULL);
}

void control_notify(struct control *control, const char *event, const cJSON *params)
{
	for (unsigned int i = 0; i < control->clients->len; i++) {
		struct client *client = control->clients->pdata[i];
		const char *as = client->listens ? g_hash_table_lookup(client->listens, event) : NULL;
		if (as || client->subscribed)
			client_put(client, notification(as ? as : event, params));
	}
}

static void request_start(struct client *client, const cJSON *json)
{
	const cJSON *id = message_member(json, "id"), *params = message_member(json, "params");
	const char *method = message_string(json, "method", NULL);
	bool good_id = !id || cJSON_IsString(id) || cJSON_IsNumber(id) || cJSON_IsNull(id);
	if (!method || !good_id || (params && !cJSON_IsObject(params)) ||
	    !g_str_equal(message_string(json, "jsonrpc", ""), "2.0")) {
		put_error(client, good_id ? id : NULL, CONTROL_INVALID_REQUEST,
			  "not a JSON-RPC 2.0 request: jsonrpc, method and an object as params are needed");
		return;
	}
	struct control_request *request = g_new0(struct control_request, 1);
	request->client = client;
	request->id = id ? cJSON_Duplicate(id, true) : NULL;
	client->holds++;
	client->control->on_method(request, method, params, client->control->data);
}

static void on_line(struct client *client, const char *line, size_t length)
{
	const char *why = NULL;
	if (length == 0)
		return;
	cJSON *json = message_parse(line, length, &why);
	if (!json) {
		g_autofree char *text = g_strdup_printf("line: %s", why);
		put_error(client, NULL, CONTROL_PARSE_ERROR, text);
		return;
	}
	request_start(client, json);
	cJSON_Delete(json);
}

/* False when the client is to be dropped. */
static bool take_lines(struct client *client)
{
	size_t start = 0;
	for (char *newline; !client->gone && client->control &&
			    (newline = memchr(client->in->str + start, '\n', client->in->len - start));) {
		size_t length = (size_t)(newline - client->in->str) - start;
		on_line(client, client->in->str + start, length);
		start += length + 1;
	}
	g_string_erase(client->in, 0, (gssize)start);
	if (client->in->len <= CONTROL_LINE_BYTES)
		return true;
	put_error(client, NULL, CONTROL_PARSE_ERROR, "line: longer than 65536 bytes");
	return false;
}

static gboolean on_readable(int fd, GIOCondition condition, void *data)
{
	struct client *client = data;
	char buffer[16384];
	(void)condition;
	ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	client->holds++;
	bool keep = false;
	if (n > 0) {
		g_string_append_len(client->in, buffer, n);
		keep = take_lines(client);
	}
	if (!keep && !client->gone) {
		client->in_source = 0;
		client_drop(client);
	}
	keep = keep && !client->gone;
	client_release(client);
	return keep;
}

static gboolean on_connection(int fd, GIOCondition condition, void *data)
{
	struct control *control = data;
	(void)condition;
	int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client_fd < 0)
		return G_SOURCE_CONTINUE;
	if (control->clients->len >= CONTROL_CLIENTS_MAX) {
		log_warning("control: more than %d clients: one was turned away", CONTROL_CLIENTS_MAX);
		close(client_fd);
		return G_SOURCE_CONTINUE;
	}
	struct client *client = g_new0(struct client, 1);
	client->control = control;
	client->fd = client_fd;
	client->passed_fd = -1;
	client->holds = 1;
	client->in = g_string_new(NULL);
	client->out = g_string_new(NULL);
	client->in_source = g_unix_fd_add(client_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, client);
	g_ptr_array_add(control->clients, client);
	return G_SOURCE_CONTINUE;
}

/* A socket file that nobody answers on is left over from a crash. */
static int remove_stale(const char *path, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	close(fd);
	if (r == 0)
		return -EADDRINUSE;
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	return 0;
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	g_autofree char *folder = g_path_get_dirname(path);
	g_mkdir_with_parents(folder, 0755);
	int r = remove_stale(path, &address);
	if (r < 0)
		return r;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0117);
	r = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 128) < 0
		    ? -errno : fd;
	umask(mask);
	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

int control_open(const char *path, control_method_fn on_method, control_state_fn state, void *data,
		 struct control **ret_control, char **ret_error)
{
	int fd = listen_on(path);
	if (fd < 0) {
		*ret_error = g_strdup_printf("control_socket: %s: %s", path,
					     fd == -EADDRINUSE ? "another callboxd answers there"
							       : g_strerror(-fd));
		return fd;
	}
	struct control *control = g_new0(struct control, 1);
	control->path = g_strdup(path);
	control->fd = fd;
	control->clients = g_ptr_array_new();
	control->on_method = on_method;
	control->state = state;
	control->data = data;
	control->source = g_unix_fd_add(fd, G_IO_IN, on_connection, control);
	*ret_control = control;
	return 0;
}

void control_close(struct control *control)
{
	if (!control)
		return;
	g_source_remove(control->source);
	close(control->fd);
	unlink(control->path);
	while (control->clients->len > 0)
		client_drop(control->clients->pdata[0]);
	g_ptr_array_free(control->clients, TRUE);
	g_free(control->path);
	g_free(control);
}
