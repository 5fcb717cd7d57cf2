#include "tests/bench/relay.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/websocket.h"

struct login {
	struct websocket *socket;
	char *account, *party;
};

static GHashTable *accounts; /* account → GPtrArray of struct login */
static double last_number;

static const char *text_of(const cJSON *json, const char *name)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return value ? value : "";
}

static void put(struct login *to, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);
	websocket_send(to->socket, false, text, strlen(text));
	cJSON_free(text);
	cJSON_Delete(json);
}

static cJSON *said(const char *type)
{
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "t", type);
	return json;
}

static void on_login(struct login *l, const cJSON *json)
{
	l->account = g_strdup(text_of(json, "account"));
	l->party = g_strdup_printf("%s:%s", text_of(json, "device"), text_of(json, "boot"));
	GPtrArray *list = g_hash_table_lookup(accounts, l->account);
	if (!list)
		g_hash_table_insert(accounts, l->account, list = g_ptr_array_new());
	g_ptr_array_add(list, l);
	put(l, said("welcome"));
	put(l, said("synced"));
}

static void on_send(struct login *l, cJSON *json)
{
	cJSON *env = cJSON_GetObjectItemCaseSensitive(json, "env");
	const char *party = text_of(env, "to_party");
	const GPtrArray *list = g_hash_table_lookup(accounts, text_of(env, "to_user"));
	cJSON_AddStringToObject(env, "from_user", l->account);
	cJSON_AddStringToObject(env, "from_party", l->party);
	for (unsigned int i = 0; list && i < list->len; i++) {
		struct login *to = list->pdata[i];
		if (strcmp(party, "*") != 0 && strcmp(party, to->party) != 0)
			continue;
		cJSON *deliver = said("deliver");
		cJSON_AddNumberToObject(deliver, "number", ++last_number);
		cJSON_AddItemToObject(deliver, "env", cJSON_Duplicate(env, true));
		put(to, deliver);
	}
	cJSON *sent = said("sent");
	cJSON_AddNumberToObject(sent, "id", cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "id")));
	put(l, sent);
}

static void on_text(char *text, size_t length, void *data)
{
	cJSON *json = cJSON_ParseWithLength(text, length);
	const char *type = text_of(json, "t");
	if (strcmp(type, "login") == 0)
		on_login(data, json);
	else if (strcmp(type, "send") == 0)
		on_send(data, json);
	cJSON_Delete(json);
}

static void take(int listener, int epoll)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	struct login *l = g_new0(struct login, 1);
	l->socket = websocket_accept(fd, "callbox-hub", NULL);
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = l };
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void relay(int listener)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[256], event = { .events = EPOLLIN };
	accounts = g_hash_table_new(g_str_hash, g_str_equal);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), -1);
		for (int i = 0; i < n; i++) {
			struct login *l = events[i].data.ptr;
			if (!l)
				take(listener, epoll);
			else if (websocket_read(l->socket, on_text, l) < 0)
				epoll_ctl(epoll, EPOLL_CTL_DEL, websocket_fd(l->socket), NULL);
		}
	}
}

pid_t relay_start(int *ret_port)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(own);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&own, sizeof(own)) < 0 || listen(listener, 1024) < 0 ||
	    getsockname(listener, (struct sockaddr *)&own, &length) < 0)
		g_error("the relay cannot listen");
	*ret_port = ntohs(own.sin_port);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		relay(listener);
	}
	close(listener);
	return pid;
}
