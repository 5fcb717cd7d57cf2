#include "core/panel/link.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/panel/rules.h"

#define AUTHENTICATE_S 10
#define CONNECT_AGAIN_US (20 * LWS_US_PER_MS)
#define CONNECT_TRIES 250
#define TO_BOX_BYTES 65536

/* JSON-RPC 2.0 error codes, and the panel's own */
#define PARSE_ERROR (-32700)
#define INVALID_REQUEST (-32600)
#define NO_METHOD (-32601)
#define INVALID_PARAMS (-32602)
#define NOT_NOW (-32002)
#define NOT_AUTHENTICATED (-32001)

/* To the page. */
struct message {
	size_t length;
	unsigned char bytes[]; /* LWS_PRE, then the message */
};

struct link {
	struct panel *panel;
	struct lws *web, *box;
	int fd; /* of box */
	GString *in, *to_box, *from_box;
	GQueue out; /* struct message */
	size_t out_bytes;
	bool authenticated;
	unsigned int tries;
	const char *end; /* why it is to be closed; NULL: it is not */
	lws_sorted_usec_list_t connect_timer;
	bool watches[VIEWS];
	enum view next_view;
	struct shot *shots[VIEWS]; /* the newest that the page has not got yet */
	bool previews; /* the page has asked for the own picture without a call */
};

static void link_free(struct link *link)
{
	if (link->web || link->box)
		return;
	lws_sul_cancel(&link->connect_timer);
	g_queue_clear_full(&link->out, g_free);
	g_string_free(link->in, TRUE);
	g_string_free(link->to_box, TRUE);
	g_string_free(link->from_box, TRUE);
	g_free(link);
}

/* ---- to the page ---- */

static void end(struct link *link, const char *why)
{
	if (link->end)
		return;
	link->end = why;
	if (link->web)
		lws_callback_on_writable(link->web);
}

static void put(struct link *link, const void *bytes, size_t length)
{
	if (link->end || !link->web)
		return;
	if (link->out_bytes > LINK_UNSENT_BYTES) {
		log_warning("peer: a page does not read: disconnected");
		g_queue_clear_full(&link->out, g_free);
		link->out_bytes = 0;
		end(link, "reads too slowly");
		return;
	}
	struct message *message = g_malloc(sizeof(*message) + LWS_PRE + length);
	message->length = length;
	memcpy(message->bytes + LWS_PRE, bytes, length);
	g_queue_push_tail(&link->out, message);
	link->out_bytes += length;
	lws_callback_on_writable(link->web);
}

static void put_json(struct link *link, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	put(link, text, strlen(text));
	cJSON_free(text);
}

static cJSON *answer_new(const cJSON *id)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "jsonrpc", "2.0");
	cJSON_AddItemToObject(json, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	return json;
}

static void put_error(struct link *link, const cJSON *id, int code, const char *text)
{
	cJSON *json = answer_new(id), *error = cJSON_AddObjectToObject(json, "error");
	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", text);
	put_json(link, json);
}

static void put_result(struct link *link, const cJSON *id, cJSON *result)
{
	cJSON *json = answer_new(id);
	cJSON_AddItemToObject(json, "result", result);
	put_json(link, json);
}

static int write_message(struct link *link, struct message *message)
{
	link->out_bytes -= message->length;
	int n = lws_write(link->web, message->bytes + LWS_PRE, message->length, LWS_WRITE_TEXT);
	g_free(message);
	return n < 0 ? -1 : 0;
}

/* Of either view in turn, when no words wait. */
static int write_shot(struct link *link)
{
	enum view view = link->shots[link->next_view] ? link->next_view : VIEWS - 1 - link->next_view;
	struct shot *shot = link->shots[view];
	if (!shot)
		return 0;
	link->shots[view] = NULL;
	link->next_view = VIEWS - 1 - view;
	int n = lws_write(link->web, shot->bytes + LWS_PRE, shot->length, LWS_WRITE_BINARY);
	shot_release(shot);
	return n < 0 ? -1 : 0;
}

int link_write(struct link *link)
{
	struct message *message = g_queue_pop_head(&link->out);
	if ((message ? write_message(link, message) : link->end ? 0 : write_shot(link)) < 0)
		return -1;
	if (!g_queue_is_empty(&link->out) || (!link->end && (link->shots[VIEW_LOCAL] || link->shots[VIEW_REMOTE]))) {
		lws_callback_on_writable(link->web);
		return 0;
	}
	if (!link->end)
		return 0;
	lws_close_reason(link->web, LWS_CLOSE_STATUS_POLICY_VIOLATION, (unsigned char *)link->end, strlen(link->end));
	return -1;
}

/* ---- to callboxd ---- */

static void box_put(struct link *link, const cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	g_string_append(link->to_box, text);
	g_string_append_c(link->to_box, '\n');
	cJSON_free(text);
	if (link->box)
		lws_callback_on_writable(link->box);
	if (link->to_box->len > TO_BOX_BYTES)
		lws_rx_flow_control(link->web, 0);
}

int link_box_writable(struct link *link)
{
	while (link->to_box->len > 0) {
		ssize_t n = send(link->fd, link->to_box->str, link->to_box->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			lws_callback_on_writable(link->box);
			break;
		}
		if (n < 0)
			return -1;
		g_string_erase(link->to_box, 0, n);
	}
	if (link->to_box->len <= TO_BOX_BYTES && link->web)
		lws_rx_flow_control(link->web, 1);
	return 0;
}

static void box_connect(lws_sorted_usec_list_t *timer);

/* A full backlog is a crowd, not an end. */
static void box_connect_failed(struct link *link, int error)
{
	if (error == EAGAIN && ++link->tries < CONNECT_TRIES) {
		lws_sul_schedule(link->panel->context, 0, &link->connect_timer, box_connect, CONNECT_AGAIN_US);
		return;
	}
	log_warning("%s: %s", link->panel->conf.control_socket, g_strerror(error));
	end(link, "callboxd does not answer");
}

static void box_connect(lws_sorted_usec_list_t *timer)
{
	struct link *link = lws_container_of(timer, struct link, connect_timer);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	g_strlcpy(address.sun_path, link->panel->conf.control_socket, sizeof(address.sun_path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		box_connect_failed(link, error);
		return;
	}
	lws_sock_file_fd_type descriptor = { .filefd = fd };
	link->fd = fd;
	link->box = lws_adopt_descriptor_vhost(link->panel->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "box", NULL);
	if (!link->box) {
		close(fd);
		end(link, "out of memory");
		return;
	}
	lws_set_opaque_user_data(link->box, link);
	lws_callback_on_writable(link->box);
}

/* ---- what the panel answers itself ---- */

static void on_authenticate(struct link *link, const cJSON *id, const cJSON *params)
{
	const char *token = message_string(params, "token", ""), *wanted = link->panel->conf.token;
	size_t length = wanted ? strlen(wanted) : 0;
	bool good = !wanted || (strlen(token) == length && lws_timingsafe_bcmp(token, wanted, (uint32_t)length) == 0);
	if (!good) {
		put_error(link, id, NOT_AUTHENTICATED, "token: wrong");
		end(link, "wrong token");
		return;
	}
	if (!link->authenticated) {
		link->authenticated = true;
		lws_set_timeout(link->web, NO_PENDING_TIMEOUT, 0);
		box_connect(&link->connect_timer);
	}
	put_result(link, id, cJSON_CreateObject());
}

static void on_info(struct link *link, const cJSON *id, const cJSON *params)
{
	const struct panel_conf *conf = &link->panel->conf;
	(void)params;
	cJSON *result = cJSON_CreateObject();
	cJSON_AddItemToObject(result, "settings", rules_groups_json(conf->groups));
	cJSON_AddStringToObject(result, "language", panel_language_names[conf->language]);
	put_result(link, id, result);
}

static void watch(struct link *link, enum view view, bool on)
{
	if (link->watches[view] == on)
		return;
	link->watches[view] = on;
	pictures_watch(link->panel->pictures, view, on);
	shot_release(link->shots[view]);
	link->shots[view] = NULL;
	struct shot *newest = on ? pictures_newest(link->panel->pictures, view) : NULL;
	if (newest)
		link_picture(link, view, newest);
}

static void on_watch(struct link *link, const cJSON *id, const cJSON *params)
{
	const char *which = message_string(params, "which", "");
	const cJSON *on = message_member(params, "on");
	for (int i = 0; i < VIEWS; i++)
		if (strcmp(which, view_names[i]) == 0 && cJSON_IsBool(on)) {
			watch(link, (enum view)i, cJSON_IsTrue(on) && link->panel->conf.pictures_a_second > 0);
			put_result(link, id, cJSON_CreateObject());
			return;
		}
	put_error(link, id, INVALID_PARAMS, "which: local or remote is needed; on: true or false");
}

void link_picture(struct link *link, enum view view, struct shot *shot)
{
	if (!link->watches[view] || link->end || !link->web)
		return;
	shot_release(link->shots[view]);
	link->shots[view] = shot_hold(shot);
	lws_callback_on_writable(link->web);
}

/* ---- the own picture without a call ---- */

static bool others_preview(const struct link *link)
{
	const GPtrArray *links = link->panel->links;
	for (unsigned int i = 0; i < links->len; i++) {
		const struct link *other = links->pdata[i];
		if (other != link && other->previews)
			return true;
	}
	return false;
}

/* false: another page still looks, so the box is not asked. */
static bool preview_asked(struct link *link, const cJSON *id, const cJSON *params)
{
	link->previews = message_bool(params, "on", true);
	if (link->previews || !others_preview(link))
		return true;
	put_result(link, id, cJSON_CreateObject());
	return false;
}

/* A page that is gone looks at nothing: the camera is closed again. */
static void preview_end(struct link *link)
{
	if (!link->previews || others_preview(link) || !link->box)
		return;
	cJSON *json = answer_new(NULL), *params = cJSON_AddObjectToObject(json, "params");
	cJSON_AddStringToObject(json, "method", "preview");
	cJSON_AddFalseToObject(params, "on");
	box_put(link, json);
	cJSON_Delete(json);
	(void)link_box_writable(link);
}

/* ---- from the page ---- */

static const struct {
	const char *method;
	void (*run)(struct link *link, const cJSON *id, const cJSON *params);
} own[] = {
	{ "authenticate", on_authenticate }, { "panelInfo", on_info }, { "watch", on_watch },
};

static void on_request(struct link *link, const cJSON *json)
{
	const cJSON *id = message_member(json, "id"), *params = message_member(json, "params");
	const char *method = message_string(json, "method", NULL);
	if (!method || (id && !cJSON_IsNumber(id) && !cJSON_IsString(id)) || (params && !cJSON_IsObject(params))) {
		put_error(link, NULL, INVALID_REQUEST, "not a JSON-RPC 2.0 request");
		return;
	}
	if (!link->authenticated && strcmp(method, "authenticate") != 0) {
		put_error(link, id, NOT_AUTHENTICATED, "authenticate first");
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++)
		if (strcmp(method, own[i].method) == 0) {
			own[i].run(link, id, params);
			return;
		}
	const char *why = rules_refuse(method, params, link->panel->conf.groups);
	if (why)
		put_error(link, id, NO_METHOD, why);
	else if (strcmp(method, "preview") != 0 || preview_asked(link, id, params))
		box_put(link, json);
}

static void on_message(struct link *link)
{
	const char *why = NULL;
	cJSON *json = message_parse(link->in->str, link->in->len, &why);
	if (json)
		on_request(link, json);
	else
		put_error(link, NULL, PARSE_ERROR, why);
	cJSON_Delete(json);
}

int link_receive(struct link *link, const char *bytes, size_t length)
{
	if (lws_is_first_fragment(link->web))
		g_string_truncate(link->in, 0);
	if (link->in->len + length > LINK_MESSAGE_BYTES || lws_frame_is_binary(link->web)) {
		log_warning("peer: a page's message is no text of at most %d bytes: disconnected", LINK_MESSAGE_BYTES);
		return -1;
	}
	g_string_append_len(link->in, bytes, (gssize)length);
	if (lws_is_final_fragment(link->web) && lws_remaining_packet_payload(link->web) == 0 && !link->end)
		on_message(link);
	return 0;
}

/* ---- from callboxd ---- */

static void take_lines(struct link *link)
{
	size_t start = 0;
	GString *from = link->from_box;
	for (char *newline; (newline = memchr(from->str + start, '\n', from->len - start));) {
		size_t length = (size_t)(newline - from->str) - start;
		*newline = '\0';
		put(link, from->str + start, length);
		start += length + 1;
	}
	g_string_erase(from, 0, (gssize)start);
}

int link_box_readable(struct link *link)
{
	char buffer[16384];
	ssize_t n = recv(link->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || link->end)
		return -1;
	g_string_append_len(link->from_box, buffer, n);
	take_lines(link);
	return link->from_box->len > LINK_LINE_BYTES ? -1 : 0;
}

void link_box_closed(struct link *link)
{
	link->box = NULL;
	end(link, "callboxd has closed the connection");
	link_free(link);
}

/* ---- the page comes and goes ---- */

struct link *link_open(struct panel *panel, struct lws *web)
{
	struct link *link = g_new0(struct link, 1);
	link->panel = panel;
	link->web = web;
	link->in = g_string_new(NULL);
	link->to_box = g_string_new(NULL);
	link->from_box = g_string_new(NULL);
	g_ptr_array_add(panel->links, link);
	if (panel->conf.token) {
		lws_set_timeout(web, PENDING_TIMEOUT_AWAITING_CLIENT_HS_SEND, AUTHENTICATE_S);
	} else {
		link->authenticated = true;
		box_connect(&link->connect_timer);
	}
	return link;
}

void link_web_closed(struct link *link)
{
	for (int i = 0; i < VIEWS; i++)
		watch(link, (enum view)i, false);
	g_ptr_array_remove_fast(link->panel->links, link);
	link->web = NULL;
	preview_end(link);
	lws_sul_cancel(&link->connect_timer);
	if (link->box)
		lws_set_timeout(link->box, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
	else
		link_free(link);
}
