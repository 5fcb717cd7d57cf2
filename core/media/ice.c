#include "core/media/ice.h"

#include <agent.h>
#include <errno.h>
#include <glib.h>
#include <interfaces.h>
#include <pthread.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/message.h"

#define COMPONENTS_MAX 2
#define PACING_MS 5 /* between checks: the least that RFC 8445 §14.2 allows */
#define IDLE_MS 200  /* that libnice goes on ticking at that pace when there is nothing left to check */

struct path {
	struct ice *ice;
	unsigned int component;
	int fd; /* libnice's, beside which the fast path is */
	struct fast_path *fast;
};

struct ice {
	NiceAgent *agent;
	guint stream;
	const struct ice_ops *ops;
	void *data;
	unsigned int components;
	bool up[COMPONENTS_MAX], connected;
	pthread_mutex_t lock; /* protects what is sent by the fast paths, and which ones there are */
	struct path paths[COMPONENTS_MAX];
};

static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, void *data)
{
	struct ice *ice = data;
	char *line = nice_agent_generate_local_candidate_sdp(agent, candidate);
	ice->ops->candidate(ice, g_str_has_prefix(line, "a=") ? line + 2 : line, ice->data);
	g_free(line);
}

static void on_gathered(NiceAgent *agent, guint stream, void *data)
{
	struct ice *ice = data;
	(void)agent;
	(void)stream;
	ice->ops->candidate(ice, NULL, ice->data);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, void *data)
{
	struct ice *ice = data;
	(void)agent;
	(void)stream;
	log_debug("ice: component %u: %s", component, nice_component_state_to_string(state));
	bool up = state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY;
	if (component < 1 || component > ice->components)
		return;
	if (up)
		ice->up[component - 1] = true;
	else if (state == NICE_COMPONENT_STATE_FAILED)
		ice->ops->failed(ice, ice->data);
	for (unsigned int i = 0; i < ice->components; i++)
		up &= ice->up[i];
	if (up && !ice->connected) {
		ice->connected = true;
		g_object_set(ice->agent, "idle-timeout", IDLE_MS, NULL);
		ice->ops->connected(ice, ice->data);
	}
}

static void on_receive(NiceAgent *agent, guint stream, guint component, guint length, gchar *bytes, void *data)
{
	struct ice *ice = data;
	(void)agent;
	(void)stream;
	if (length > 0)
		ice->ops->receive(component, (uint8_t *)bytes, length, ice->data);
}

/* ---- the fast paths ---- */

static bool on_path_knows(const struct sockaddr *from, void *data)
{
	const struct path *path = data;
	bool known = false;
	NiceAddress address;
	nice_address_init(&address);
	nice_address_set_from_sockaddr(&address, from);
	GSList *all = nice_agent_get_remote_candidates(path->ice->agent, path->ice->stream, path->component);
	for (GSList *l = all; l; l = l->next)
		known |= nice_address_equal(&address, &((NiceCandidate *)l->data)->addr);
	g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
	return known;
}

static void on_path_receive(uint8_t *datagram, size_t bytes, void *data)
{
	const struct path *path = data;
	path->ice->ops->receive(path->component, datagram, bytes, path->ice->data);
}

static const struct fast_path_ops fast_path_ops = { on_path_knows, on_path_receive };

static void path_set(struct path *path, struct fast_path *fast, int fd)
{
	pthread_mutex_lock(&path->ice->lock);
	struct fast_path *old = path->fast;
	if (old)
		fast_path_flush(old);
	path->fast = fast;
	path->fd = fd;
	pthread_mutex_unlock(&path->ice->lock);
	if (old)
		fast_path_drain(old);
	fast_path_close(old);
}

/* The socket below a pair, -1 when something stands between it and the other side. */
static int pair_socket(struct ice *ice, unsigned int component, const NiceCandidate *local)
{
	g_autoptr(GSocket) socket = nice_agent_get_selected_socket(ice->agent, ice->stream, component);
	struct sockaddr_storage bound = { 0 };
	socklen_t bytes = sizeof(bound);
	NiceAddress address;
	nice_address_init(&address);
	if (!socket || local->type == NICE_CANDIDATE_TYPE_RELAYED || local->transport != NICE_CANDIDATE_TRANSPORT_UDP ||
	    getsockname(g_socket_get_fd(socket), (struct sockaddr *)&bound, &bytes) < 0)
		return -1;
	nice_address_set_from_sockaddr(&address, (struct sockaddr *)&bound);
	return nice_address_equal(&address, &local->base_addr) ? g_socket_get_fd(socket) : -1;
}

static void on_selected(NiceAgent *agent, guint stream, guint component, NiceCandidate *local, NiceCandidate *remote,
			void *data)
{
	struct ice *ice = data;
	(void)agent;
	(void)stream;
	if (component < 1 || component > ice->components)
		return;
	struct path *path = &ice->paths[component - 1];
	struct fast_path *fast = NULL;
	struct sockaddr_storage to = { 0 };
	int fd = pair_socket(ice, component, local);
	nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)&to);
	if (path->fast && fd == path->fd) {
		pthread_mutex_lock(&ice->lock);
		fast_path_remote(path->fast, (struct sockaddr *)&to);
		pthread_mutex_unlock(&ice->lock);
		return;
	}
	path_set(path, NULL, -1);
	int r = fd < 0 ? -EOPNOTSUPP : fast_path_open(fd, (struct sockaddr *)&to, &fast_path_ops, path, &fast);
	if (r == 0)
		path_set(path, fast, fd);
	log_debug("ice: component %u: fast path: %s", component, r < 0 ? g_strerror(-r) : "open");
}

/* ---- life ---- */

static void add_address(struct ice *ice, const char *text)
{
	NiceAddress address;
	nice_address_init(&address);
	if (nice_address_set_from_string(&address, text))
		nice_agent_add_local_address(ice->agent, &address);
	else
		log_warning("conf: network_interface: \"%s\" is no address", text);
}

static void local_addresses(struct ice *ice, const struct ice_settings *settings)
{
	if (settings->interface && settings->interface[0]) {
		add_address(ice, settings->interface);
		return;
	}
	GList *all = settings->loopback ? NULL : nice_interfaces_get_local_ips(FALSE);
	if (!all)
		add_address(ice, "127.0.0.1"); /* asked for, or a machine without any network */
	for (GList *l = all; l; l = l->next)
		if (!g_str_has_prefix(l->data, "fe80"))
			add_address(ice, l->data);
	g_list_free_full(all, g_free);
}

/* "stun:host:port" or "turn:host:port?transport=udp". */
static void server_add(struct ice *ice, const char *url, const cJSON *server)
{
	g_auto(GStrv) query = g_strsplit(url, "?", 2);
	const char *rest = strchr(query[0], ':');
	if (!rest)
		return;
	const char *colon = strrchr(rest + 1, ':');
	g_autofree char *host = colon ? g_strndup(rest + 1, (gsize)(colon - rest - 1)) : g_strdup(rest + 1);
	guint port = colon ? (guint)strtoul(colon + 1, NULL, 10) : 3478;
	if (g_str_has_prefix(url, "stun:")) {
		g_object_set(ice->agent, "stun-server", host, "stun-server-port", port, NULL);
	} else if (g_str_has_prefix(url, "turn:") || g_str_has_prefix(url, "turns:")) {
		bool tcp = query[1] && strstr(query[1], "transport=tcp");
		NiceRelayType type = g_str_has_prefix(url, "turns:") ? NICE_RELAY_TYPE_TURN_TLS
				     : tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;
		for (unsigned int i = 1; i <= ice->components; i++)
			nice_agent_set_relay_info(ice->agent, ice->stream, i, host, port,
						  message_string(server, "username", ""),
						  message_string(server, "credential", ""), type);
	}
}

static void servers_add(struct ice *ice, const cJSON *servers)
{
	const cJSON *server, *url;
	cJSON_ArrayForEach(server, servers)
		cJSON_ArrayForEach(url, message_member(server, "urls"))
			if (cJSON_IsString(url))
				server_add(ice, url->valuestring, server);
}

int ice_open(const struct ice_settings *settings, const struct ice_ops *ops, void *data, struct ice **ret_ice)
{
	struct ice *ice = g_new0(struct ice, 1);
	ice->ops = ops;
	ice->data = data;
	ice->components = settings->components;
	pthread_mutex_init(&ice->lock, NULL);
	for (unsigned int i = 0; i < COMPONENTS_MAX; i++)
		ice->paths[i] = (struct path){ .ice = ice, .component = i + 1, .fd = -1 };
	ice->agent = nice_agent_new_full(g_main_context_default(), NICE_COMPATIBILITY_RFC5245,
					 NICE_AGENT_OPTION_ICE_TRICKLE); /* consent: see transport.c */
	g_object_set(ice->agent, "controlling-mode", settings->controlling, "upnp", FALSE, "ice-tcp", FALSE,
		     "keepalive-conncheck", TRUE, "stun-pacing-timer", PACING_MS, NULL);
	local_addresses(ice, settings);
	ice->stream = nice_agent_add_stream(ice->agent, ice->components);
	if (ice->stream == 0) {
		ice_close(ice);
		return -ENETUNREACH;
	}
	servers_add(ice, settings->servers);
	g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
	g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
	g_signal_connect(ice->agent, "new-selected-pair-full", G_CALLBACK(on_selected), ice);
	g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
	for (unsigned int i = 1; i <= ice->components; i++)
		nice_agent_attach_recv(ice->agent, ice->stream, i, g_main_context_default(), on_receive, ice);
	*ret_ice = ice;
	return 0;
}

void ice_close(struct ice *ice)
{
	if (!ice)
		return;
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	for (unsigned int i = 0; i < COMPONENTS_MAX; i++)
		fast_path_close(ice->paths[i].fast);
	if (ice->stream) {
		for (unsigned int i = 1; i <= ice->components; i++)
			nice_agent_attach_recv(ice->agent, ice->stream, i, NULL, NULL, NULL);
		nice_agent_remove_stream(ice->agent, ice->stream);
	}
	g_object_unref(ice->agent);
	pthread_mutex_destroy(&ice->lock);
	g_free(ice);
}

void ice_credentials(struct ice *ice, char **ret_ufrag, char **ret_password)
{
	nice_agent_get_local_credentials(ice->agent, ice->stream, ret_ufrag, ret_password);
}

int ice_gather(struct ice *ice)
{
	return nice_agent_gather_candidates(ice->agent, ice->stream) ? 0 : -ENETUNREACH;
}

void ice_remote_credentials(struct ice *ice, const char *ufrag, const char *password)
{
	nice_agent_set_remote_credentials(ice->agent, ice->stream, ufrag, password);
}

void ice_control(struct ice *ice)
{
	g_object_set(ice->agent, "controlling-mode", TRUE, NULL);
}

int ice_remote_candidate(struct ice *ice, const char *text)
{
	if (strlen(text) > 512 || strstr(text, ".local ") || strstr(text, " fe80:"))
		return -EINVAL;
	g_autofree char *line = g_strdup_printf("a=%s", text);
	NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
	if (!candidate)
		return -EINVAL;
	GSList list = { .data = candidate };
	guint component = candidate->component_id;
	int n = component >= 1 && component <= ice->components
			? nice_agent_set_remote_candidates(ice->agent, ice->stream, component, &list) : 0;
	nice_candidate_free(candidate);
	return n > 0 ? 0 : -EINVAL;
}

typedef int fast_send(struct fast_path *path, const uint8_t *datagram, size_t bytes);

static int by_path(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes, fast_send *send)
{
	pthread_mutex_lock(&ice->lock);
	struct fast_path *fast = ice->paths[component - 1].fast;
	int r = fast ? send(fast, datagram, bytes) : -ENOTCONN;
	pthread_mutex_unlock(&ice->lock);
	if (fast)
		return r;
	int n = nice_agent_send(ice->agent, ice->stream, component, (guint)bytes, (const gchar *)datagram);
	return n == (int)bytes ? 0 : -EAGAIN;
}

int ice_send(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes)
{
	return by_path(ice, component, datagram, bytes, fast_path_send);
}

int ice_queue(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes)
{
	return by_path(ice, component, datagram, bytes, fast_path_queue);
}

void ice_flush(struct ice *ice)
{
	pthread_mutex_lock(&ice->lock);
	for (unsigned int i = 0; i < ice->components; i++)
		if (ice->paths[i].fast)
			fast_path_flush(ice->paths[i].fast);
	pthread_mutex_unlock(&ice->lock);
}

void ice_fast_path(struct ice *ice, struct fast_path_stats *ret_stats)
{
	*ret_stats = (struct fast_path_stats){ .open = true };
	for (unsigned int i = 0; i < ice->components; i++) {
		struct fast_path_stats one;
		fast_path_stats(ice->paths[i].fast, &one);
		ret_stats->open &= one.open;
		ret_stats->sent += one.sent;
		ret_stats->received += one.received;
	}
}

static void address_text(const NiceCandidate *candidate, char *text, size_t text_bytes)
{
	static const char *const types[] = { "host", "srflx", "prflx", "relay" };
	char address[NICE_ADDRESS_STRING_LEN];
	nice_address_to_string(&candidate->addr, address);
	g_snprintf(text, text_bytes, "%s %s:%u", types[candidate->type], address,
		   nice_address_get_port(&candidate->addr));
}

void ice_pair(struct ice *ice, char *text, size_t text_bytes)
{
	NiceCandidate *local = NULL, *remote = NULL;
	char here[128], there[128];
	text[0] = '\0';
	if (!nice_agent_get_selected_pair(ice->agent, ice->stream, 1, &local, &remote))
		return;
	address_text(local, here, sizeof(here));
	address_text(remote, there, sizeof(there));
	g_snprintf(text, text_bytes, "%s - %s", here, there);
}

void ice_base(struct ice *ice, char *text, size_t text_bytes)
{
	NiceCandidate *local = NULL, *remote = NULL;
	char address[NICE_ADDRESS_STRING_LEN];
	text[0] = '\0';
	if (!nice_agent_get_selected_pair(ice->agent, ice->stream, 1, &local, &remote) ||
	    local->type == NICE_CANDIDATE_TYPE_RELAYED)
		return;
	nice_address_to_string(&local->base_addr, address);
	g_strlcpy(text, address, text_bytes);
}
