#include "core/media/transport.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/base/log.h"
#include "core/media/rtp.h"
#include "core/media/secure.h"

#define COMPONENTS_MAX 2
#define CONSENT_US 30000000
#define RETIRE_MS 3000
#define PACKET_MAX 2048

/* Keys of one component. */
struct channel {
	struct transport *transport;
	unsigned int component;
	struct secure *secure;
	guint timer;
};

struct transport {
	const struct transport_ops *ops;
	void *data;
	const struct ice_settings *settings;
	const struct certificate *certificate;
	struct channel channels[COMPONENTS_MAX];
	unsigned int components;
	pthread_mutex_t lock; /* protects which one ice is, while another thread sends */
	struct ice *ice;      /* packets leave by it */
	struct ice *next;     /* a restart: takes over when it is connected */
	struct ice *retired;
	guint retire_timer;
	struct sdp_transport remote;
	bool client, connected;
	_Atomic int64_t heard_us;
};

static struct ice *newest(const struct transport *t)
{
	return t->next ? t->next : t->ice;
}

/* ---- keys ---- */

static void dtls_arm(struct channel *channel);

static gboolean on_dtls_timer(void *data)
{
	struct channel *channel = data;
	channel->timer = 0;
	secure_tick(channel->secure);
	dtls_arm(channel);
	return G_SOURCE_REMOVE;
}

static void dtls_arm(struct channel *channel)
{
	if (channel->timer)
		g_source_remove(channel->timer);
	int ms = secure_timeout_ms(channel->secure);
	channel->timer = ms >= 0 ? g_timeout_add((guint)ms, on_dtls_timer, channel) : 0;
}

static void on_secure_send(const uint8_t *datagram, size_t bytes, void *data)
{
	struct channel *channel = data;
	ice_send(channel->transport->ice, channel->component, datagram, bytes);
}

static void on_secure_ready(void *data)
{
	struct channel *channel = data;
	struct transport *t = channel->transport;
	log_info("media: secured by %s", secure_profile(channel->secure));
	t->heard_us = g_get_monotonic_time();
	for (unsigned int i = 0; i < t->components; i++)
		if (!secure_profile(t->channels[i].secure)[0])
			return;
	t->ops->ready(t->data);
}

static void on_secure_failed(const char *why, void *data)
{
	struct channel *channel = data;
	channel->transport->ops->failed(why, channel->transport->data);
}

static const struct secure_ops secure_ops = { on_secure_send, on_secure_ready, on_secure_failed };

static int channel_open(struct transport *t, unsigned int component)
{
	struct channel *channel = &t->channels[component - 1];
	channel->transport = t;
	channel->component = component;
	return channel->secure ? 0 : secure_create(&secure_ops, channel, t->certificate, &channel->secure);
}

static void dtls_start(struct transport *t)
{
	if (!t->connected || !t->remote.ufrag[0])
		return;
	for (unsigned int i = 0; i < t->components; i++) {
		int r = secure_start(t->channels[i].secure, t->client, t->remote.fingerprint_hash,
				     t->remote.fingerprint);
		if (r < 0 && r != -EALREADY)
			t->ops->failed("peer: its fingerprint's hash is not known", t->data);
		dtls_arm(&t->channels[i]);
	}
}

/* ---- in ---- */

static void packet_receive(struct transport *t, unsigned int component, uint8_t *packet, size_t bytes)
{
	size_t plain = bytes;
	if (bytes > PACKET_MAX)
		return;
	bool rtcp = component == 2 || rtp_is_rtcp(packet, bytes);
	if (secure_unprotect(t->channels[component - 1].secure, rtcp, packet, &plain) < 0) {
		t->ops->refused(t->data);
		return;
	}
	atomic_store_explicit(&t->heard_us, g_get_monotonic_time(), memory_order_relaxed);
	t->ops->packet(rtcp, packet, plain, bytes, t->data);
}

/* RFC 7983: by the first byte. */
static void on_receive(unsigned int component, uint8_t *datagram, size_t bytes, void *data)
{
	struct transport *t = data;
	if (component < 1 || component > t->components)
		return;
	struct channel *channel = &t->channels[component - 1];
	if (datagram[0] >= 20 && datagram[0] <= 63) {
		secure_receive(channel->secure, datagram, bytes);
		dtls_arm(channel);
	} else if (datagram[0] >= 128 && datagram[0] <= 191) {
		packet_receive(t, component, datagram, bytes);
	}
}

/* ---- ICE ---- */

static void on_candidate(struct ice *ice, const char *candidate, void *data)
{
	struct transport *t = data;
	if (ice == newest(t))
		t->ops->candidate(candidate, t->data);
}

static gboolean on_retire(void *data)
{
	struct transport *t = data;
	t->retire_timer = 0;
	ice_close(t->retired);
	t->retired = NULL;
	return G_SOURCE_REMOVE;
}

static void take_over(struct transport *t)
{
	char pair[300];
	if (t->retire_timer) {
		g_source_remove(t->retire_timer);
		on_retire(t);
	}
	pthread_mutex_lock(&t->lock);
	ice_flush(t->ice);
	t->retired = t->ice;
	t->ice = t->next;
	t->next = NULL;
	pthread_mutex_unlock(&t->lock);
	t->retire_timer = g_timeout_add(RETIRE_MS, on_retire, t);
	ice_pair(t->ice, pair, sizeof(pair));
	log_info("media: goes on by %s", pair);
}

static void on_connected(struct ice *ice, void *data)
{
	struct transport *t = data;
	if (ice == t->next)
		take_over(t);
	else if (ice != t->ice)
		return;
	t->connected = true;
	dtls_start(t);
}

static void on_failed(struct ice *ice, void *data)
{
	struct transport *t = data;
	if (ice == t->ice && !t->next)
		t->ops->broken(t->data);
	else if (ice == t->next)
		log_warning("media: no new network path to the other side yet");
}

static const struct ice_ops ice_ops = { on_candidate, on_connected, on_failed, on_receive };

static int generation_open(struct transport *t, struct ice **ret_ice)
{
	struct ice_settings settings = *t->settings;
	settings.components = t->components;
	return ice_open(&settings, &ice_ops, t, ret_ice);
}

/* ---- life ---- */

int transport_open(const struct ice_settings *settings, unsigned int components, const struct certificate *certificate,
		   const struct transport_ops *ops, void *data, struct transport **ret_transport)
{
	struct transport *t = g_new0(struct transport, 1);
	t->ops = ops;
	t->data = data;
	t->settings = settings;
	t->certificate = certificate;
	t->components = components;
	pthread_mutex_init(&t->lock, NULL);
	int r = 0;
	for (unsigned int i = 1; r == 0 && i <= components; i++)
		r = channel_open(t, i);
	if (r == 0)
		r = generation_open(t, &t->ice);
	if (r < 0) {
		transport_close(t);
		return r;
	}
	*ret_transport = t;
	return 0;
}

void transport_close(struct transport *t)
{
	if (!t)
		return;
	if (t->retire_timer)
		g_source_remove(t->retire_timer);
	for (unsigned int i = 0; i < COMPONENTS_MAX; i++) {
		if (t->channels[i].timer)
			g_source_remove(t->channels[i].timer);
		secure_destroy(t->channels[i].secure);
	}
	ice_close(t->retired);
	ice_close(t->next);
	ice_close(t->ice);
	pthread_mutex_destroy(&t->lock);
	g_free(t);
}

int transport_restart(struct transport *t, unsigned int components)
{
	struct ice *ice = NULL;
	unsigned int before = t->components;
	t->components = components;
	int r = channel_open(t, components);
	if (r == 0)
		r = generation_open(t, &ice);
	if (r < 0) {
		t->components = before;
		return r;
	}
	ice_close(t->next);
	t->next = ice;
	return 0;
}

/* ---- verbs ---- */

void transport_credentials(struct transport *t, struct sdp_transport *ret_local)
{
	char *ufrag = NULL, *password = NULL;
	ice_credentials(newest(t), &ufrag, &password);
	g_strlcpy(ret_local->ufrag, ufrag, sizeof(ret_local->ufrag));
	g_strlcpy(ret_local->password, password, sizeof(ret_local->password));
	g_free(ufrag);
	g_free(password);
}

int transport_gather(struct transport *t)
{
	return ice_gather(newest(t));
}

void transport_remote(struct transport *t, const struct sdp_transport *remote, bool client)
{
	bool first = !t->remote.ufrag[0];
	t->remote = *remote;
	if (first)
		t->client = client;
	if (remote->lite)
		ice_control(newest(t));
	ice_remote_credentials(newest(t), remote->ufrag, remote->password);
	dtls_start(t);
}

bool transport_is_client(const struct transport *t)
{
	return t->client;
}

int transport_candidate(struct transport *t, const char *candidate)
{
	return ice_remote_candidate(newest(t), candidate);
}

bool transport_is_restarting(const struct transport *t)
{
	return t->next != NULL;
}

static bool has_consent(const struct transport *t)
{
	return g_get_monotonic_time() - t->heard_us < CONSENT_US;
}

typedef int way_out(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes);

static int packet_send(struct transport *t, bool rtcp, uint8_t *packet, size_t *bytes, way_out *send)
{
	unsigned int component = rtcp ? t->components : 1;
	int r = secure_protect(t->channels[component - 1].secure, rtcp, packet, bytes);
	if (r < 0)
		return r;
	if (!has_consent(t))
		return -EAGAIN;
	pthread_mutex_lock(&t->lock);
	r = send(t->ice, component, packet, *bytes);
	pthread_mutex_unlock(&t->lock);
	return r;
}

int transport_send(struct transport *t, bool rtcp, uint8_t *packet, size_t *bytes)
{
	return packet_send(t, rtcp, packet, bytes, ice_send);
}

int transport_queue(struct transport *t, bool rtcp, uint8_t *packet, size_t *bytes)
{
	return packet_send(t, rtcp, packet, bytes, ice_queue);
}

void transport_flush(struct transport *t)
{
	pthread_mutex_lock(&t->lock);
	ice_flush(t->ice);
	pthread_mutex_unlock(&t->lock);
}

int64_t transport_heard_us(const struct transport *t)
{
	return t->heard_us;
}

const char *transport_profile(const struct transport *t)
{
	return secure_profile(t->channels[0].secure);
}

void transport_pair(struct transport *t, char *text, size_t text_bytes)
{
	ice_pair(t->ice, text, text_bytes);
}

void transport_base(struct transport *t, char *text, size_t text_bytes)
{
	ice_base(t->ice, text, text_bytes);
}

void transport_fast_path(struct transport *t, struct fast_path_stats *ret_stats)
{
	ice_fast_path(t->ice, ret_stats);
}
