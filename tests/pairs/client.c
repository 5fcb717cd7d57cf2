#include "tests/pairs/client.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define EXPECT_MS 20000

struct client {
	int fd;
	unsigned int next_id;
	GString *in;
	GQueue *events; /* cJSON notifications */
	double sequence; /* of the last event */
};

static int socket_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		g_assert_cmpint(fd, >=, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return fd;
		int r = errno;
		close(fd);
		if (g_get_monotonic_time() > end)
			g_error("%s: no box answers: %s", path, g_strerror(r));
		poll(NULL, 0, 10);
	}
}

struct client *client_open(const char *socket_path)
{
	struct client *client = g_new0(struct client, 1);
	client->fd = socket_connect(socket_path);
	client->in = g_string_new(NULL);
	client->events = g_queue_new();
	cJSON_Delete(client_call(client, "subscribe", NULL, NULL));
	return client;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	close(client->fd);
	g_string_free(client->in, TRUE);
	g_queue_free_full(client->events, (GDestroyNotify)cJSON_Delete);
	g_free(client);
}

/* The next whole line as JSON; NULL after end_us (monotonic). */
/* Of a box's events none is missing and none comes twice. */
static void check_sequence(struct client *client, const cJSON *json)
{
	const char *event = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "method"));
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(json, "params");
	if (!event)
		return;
	double sequence = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(params, "sequence"));
	if (strcmp(event, "state") != 0 && sequence != client->sequence + 1)
		g_error("%s has sequence %.0f after %.0f", event, sequence, client->sequence);
	client->sequence = sequence;
}

static cJSON *next_line(struct client *client, gint64 end_us)
{
	for (;;) {
		char *newline = memchr(client->in->str, '\n', client->in->len);
		if (newline) {
			cJSON *json = cJSON_ParseWithLength(client->in->str,
							    (size_t)(newline - client->in->str));
			if (!json)
				g_error("box wrote no JSON: %.*s",
					(int)(newline - client->in->str), client->in->str);
			g_string_erase(client->in, 0, newline - client->in->str + 1);
			check_sequence(client, json);
			return json;
		}
		gint64 left = end_us - g_get_monotonic_time();
		struct pollfd p = { .fd = client->fd, .events = POLLIN };
		if (poll(&p, 1, left > 0 ? (int)(left / 1000 + 1) : 0) <= 0)
			return NULL;
		char buffer[16384];
		ssize_t n = read(client->fd, buffer, sizeof(buffer));
		if (n <= 0)
			return NULL;
		g_string_append_len(client->in, buffer, n);
	}
}

static void send_line(struct client *client, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	GString *line = g_string_new(text);
	cJSON_free(text);
	cJSON_Delete(json);
	g_string_append_c(line, '\n');
	for (size_t at = 0; at < line->len;) {
		ssize_t n = send(client->fd, line->str + at, line->len - at, MSG_NOSIGNAL);
		if (n < 0)
			g_error("control socket: %s", g_strerror(errno));
		at += (size_t)n;
	}
	g_string_free(line, TRUE);
}

static const char *error_text(const cJSON *answer)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(answer, "error");
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
	return error ? (text ? text : "error without a message") : NULL;
}

cJSON *client_call(struct client *client, const char *method, cJSON *params, char **ret_error)
{
	unsigned int id = ++client->next_id;
	cJSON *request = cJSON_CreateObject();
	cJSON_AddStringToObject(request, "jsonrpc", "2.0");
	cJSON_AddNumberToObject(request, "id", id);
	cJSON_AddStringToObject(request, "method", method);
	if (params)
		cJSON_AddItemToObject(request, "params", params);
	send_line(client, request);
	gint64 end = g_get_monotonic_time() + EXPECT_MS * 1000;
	for (;;) {
		cJSON *json = next_line(client, end);
		if (!json)
			g_error("%s: no answer in %d ms", method, EXPECT_MS);
		const cJSON *answer_id = cJSON_GetObjectItemCaseSensitive(json, "id");
		if (!cJSON_IsNumber(answer_id) || answer_id->valuedouble != id) {
			g_queue_push_tail(client->events, json);
			continue;
		}
		const char *error = error_text(json);
		if (error && !ret_error)
			g_error("%s: %s", method, error);
		if (ret_error)
			*ret_error = g_strdup(error);
		cJSON *result = error ? NULL : cJSON_DetachItemFromObject(json, "result");
		cJSON_Delete(json);
		return result;
	}
}

static bool event_is(const cJSON *json, const char *event)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "method"));
	return name && strcmp(name, event) == 0;
}

static cJSON *take_kept(struct client *client, const char *event)
{
	for (GList *l = client->events->head; l; l = l->next) {
		cJSON *json = l->data;
		if (!event_is(json, event))
			continue;
		g_queue_delete_link(client->events, l);
		cJSON *params = cJSON_DetachItemFromObject(json, "params");
		cJSON_Delete(json);
		return params ? params : cJSON_CreateObject();
	}
	return NULL;
}

cJSON *client_take(struct client *client, const char *event, int limit_ms)
{
	gint64 end = g_get_monotonic_time() + (gint64)limit_ms * 1000;
	for (;;) {
		cJSON *params = take_kept(client, event);
		if (params)
			return params;
		cJSON *json = next_line(client, end);
		if (!json)
			return NULL;
		g_queue_push_tail(client->events, json);
	}
}

cJSON *client_expect(struct client *client, const char *event)
{
	cJSON *params = client_take(client, event, EXPECT_MS);
	if (params)
		return params;
	for (GList *l = client->events->head; l; l = l->next) {
		char *text = cJSON_PrintUnformatted(l->data);
		fprintf(stderr, "# kept: %s\n", text);
		cJSON_free(text);
	}
	g_error("no %s in %d ms", event, EXPECT_MS);
}

unsigned int client_count(struct client *client, const char *event)
{
	for (cJSON *json; (json = next_line(client, 0));)
		g_queue_push_tail(client->events, json);
	unsigned int n = 0;
	for (GList *l = client->events->head; l; l = l->next)
		n += event_is(l->data, event);
	return n;
}

void client_forget(struct client *client)
{
	client_count(client, "");
	g_queue_clear_full(client->events, (GDestroyNotify)cJSON_Delete);
}
