#include "core/media/negotiation.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/message.h"
#include "core/media/addresses.h"
#include "core/media/mdns.h"
#include "core/media/transport.h"

#define CANDIDATE_WAIT_MS 10
#define EARLY_MAX 64
#define SILENT_US 5000000 /* nothing was heard: the path may be gone */
#define YIELD_US 2000000  /* so much later than the anchor */
#define QUIET_US 1000000  /* a new address is worth a restart */
#define AGAIN_US 8000000  /* between restarts that brought nothing */
#define ANSWER_US 15000000

/* A transport and what is told about it. */
struct leg {
	struct negotiation *negotiation;
	int index;
	struct transport *transport; /* NULL: not there */
	char former[257];	     /* the peer's user name before the present one */
	bool gathers;		     /* the newest generation was told to */
};

/* A remote candidate that cannot be placed yet. */
struct candidate {
	struct negotiation *negotiation;
	char mid[17], ufrag[257];
	int line;
	char *text;
};

struct negotiation {
	const struct negotiation_ops *ops;
	void *data;
	bool anchor, agreed, split;
	struct ice_settings ice;
	char *interface;
	cJSON *servers;
	struct certificate *certificate;
	struct addresses *addresses;
	struct mdns *mdns;
	struct sdp local, remote;
	uint64_t session;
	unsigned int version;
	struct leg legs[SDP_TRANSPORTS];
	cJSON *candidates; /* ours, not yet told */
	bool gathered;
	guint candidate_timer;
	GPtrArray *early; /* struct candidate */
	int64_t offered_us;   /* an offer of ours is under way; 0: none */
	int64_t restarted_us; /* the last one, whoever began it */
	const char *wanted;   /* a restart, and why */
	guint restart_source;
	unsigned int restarts;
	uint64_t refused;
};

static int64_t now_us(void)
{
	return g_get_monotonic_time();
}

/* ---- transports ---- */

static const struct sdp_stream *speaker(const struct sdp *sdp, int transport)
{
	return transport == SDP_OF_VIDEO || sdp->video_first || !sdp->audio.there ? &sdp->video : &sdp->audio;
}

static gboolean on_candidate_timer(void *data)
{
	struct negotiation *n = data;
	n->candidate_timer = 0;
	cJSON *candidates = n->candidates;
	n->candidates = cJSON_CreateArray();
	if (cJSON_GetArraySize(candidates) > 0)
		n->ops->candidates(candidates, n->data);
	else
		cJSON_Delete(candidates);
	if (n->gathered)
		n->ops->candidates(cJSON_CreateArray(), n->data);
	n->gathered = false;
	return G_SOURCE_REMOVE;
}

/* Candidates of a few milliseconds travel together. */
static void on_candidate(const char *text, void *data)
{
	struct leg *leg = data;
	struct negotiation *n = leg->negotiation;
	if (text && cJSON_GetArraySize(n->candidates) < EARLY_MAX) {
		const struct sdp_stream *stream = speaker(&n->local, leg->index);
		const char *ufrag = n->local.transports[leg->index].ufrag;
		cJSON *one = cJSON_CreateObject();
		g_autofree char *line = g_strdup_printf("%s ufrag %s", text, ufrag);
		cJSON_AddStringToObject(one, "mid", stream->mid);
		cJSON_AddNumberToObject(one, "index", stream->index);
		cJSON_AddStringToObject(one, "candidate", line);
		cJSON_AddItemToArray(n->candidates, one);
	} else if (!text) {
		n->gathered = true;
	}
	if (!n->candidate_timer)
		n->candidate_timer = g_timeout_add(CANDIDATE_WAIT_MS, on_candidate_timer, n);
}

static void on_ready(void *data)
{
	struct leg *leg = data;
	leg->negotiation->ops->ready(leg->negotiation->data);
}

static void on_broken(void *data)
{
	struct leg *leg = data;
	leg->negotiation->ops->broken(leg->negotiation->data);
}

static void on_failed(const char *why, void *data)
{
	struct leg *leg = data;
	leg->negotiation->ops->failed(why, leg->negotiation->data);
}

static void on_packet(bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data)
{
	struct leg *leg = data;
	leg->negotiation->ops->packet(leg->index, rtcp, packet, bytes, wire_bytes, leg->negotiation->data);
}

static void on_refused(void *data)
{
	struct leg *leg = data;
	leg->negotiation->refused++;
}

static const struct transport_ops transport_ops = { on_candidate, on_ready, on_broken, on_failed, on_packet,
						    on_refused };

static int leg_open(struct negotiation *n, int index, bool mux)
{
	struct leg *leg = &n->legs[index];
	leg->negotiation = n;
	leg->index = index;
	leg->gathers = false;
	return transport_open(&n->ice, mux ? 1 : 2, n->certificate, &transport_ops, leg, &leg->transport);
}

static void leg_close(struct leg *leg)
{
	transport_close(leg->transport);
	leg->transport = NULL;
}

static void gather(struct negotiation *n)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		struct leg *leg = &n->legs[i];
		if (!leg->transport || leg->gathers)
			continue;
		leg->gathers = true;
		if (transport_gather(leg->transport) < 0)
			log_warning("media: no address to offer");
	}
	if (n->candidate_timer) { /* the addresses of the machine itself are known at once */
		g_source_remove(n->candidate_timer);
		on_candidate_timer(n);
	}
}

/* ---- remote candidates ---- */

static void candidate_free(void *data)
{
	struct candidate *candidate = data;
	g_free(candidate->text);
	g_free(candidate);
}

/* The leg of an m= line; the first there is for one that is not known. */
static struct leg *leg_of(struct negotiation *n, const struct candidate *candidate)
{
	const struct sdp_stream *streams[] = { &n->remote.audio, &n->remote.video };
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
		const struct sdp_stream *stream = streams[i];
		bool named = candidate->mid[0] ? strcmp(candidate->mid, stream->mid) == 0
					       : candidate->line == stream->index;
		if (stream->there && named)
			return &n->legs[stream->transport];
	}
	return &n->legs[n->legs[SDP_OF_AUDIO].transport ? SDP_OF_AUDIO : SDP_OF_VIDEO];
}

/* Whether it is done with: given to its transport, or of a generation that is over. */
static bool candidate_place(struct negotiation *n, const struct candidate *candidate)
{
	if (!n->remote.line_count)
		return false;
	if (!candidate->ufrag[0]) {
		struct leg *leg = leg_of(n, candidate);
		if (n->offered_us)
			return false; /* it may be of the answer that is to come */
		if (leg->transport)
			transport_candidate(leg->transport, candidate->text);
		return true;
	}
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		struct leg *leg = &n->legs[i];
		bool here = leg->transport && strcmp(candidate->ufrag, n->remote.transports[i].ufrag) == 0;
		if (here && !(n->offered_us && n->agreed)) {
			transport_candidate(leg->transport, candidate->text);
			return true;
		}
		if (here || (leg->former[0] && strcmp(candidate->ufrag, leg->former) == 0))
			return true;
	}
	return false;
}

/* Takes it. */
static void candidate_take(struct negotiation *n, struct candidate *candidate)
{
	if (candidate_place(n, candidate)) {
		candidate_free(candidate);
		return;
	}
	if (n->early->len >= EARLY_MAX)
		g_ptr_array_remove_index(n->early, 0);
	g_ptr_array_add(n->early, candidate);
}

static void on_name_known(const char *text, void *context, void *data)
{
	struct candidate *candidate = context;
	g_free(candidate->text);
	candidate->text = g_strdup(text);
	candidate_take(data, candidate);
}

static void candidate_put(struct negotiation *n, const char *text, const char *mid, int line, const char *ufrag)
{
	if (!g_str_has_prefix(text, "candidate:") || strlen(text) > 512)
		return;
	const char *said = strstr(text, " ufrag ");
	struct candidate *candidate = g_new0(struct candidate, 1);
	candidate->negotiation = n;
	candidate->text = g_strdup(text);
	candidate->line = line;
	g_strlcpy(candidate->mid, mid, sizeof(candidate->mid));
	g_strlcpy(candidate->ufrag, said ? said + 7 : ufrag, sizeof(candidate->ufrag));
	candidate->ufrag[strcspn(candidate->ufrag, " ")] = '\0';
	if (mdns_is_name(text))
		mdns_put(n->mdns, text, candidate);
	else
		candidate_take(n, candidate);
}

static void early_place(struct negotiation *n)
{
	for (unsigned int i = 0; i < n->early->len;) {
		if (candidate_place(n, n->early->pdata[i]))
			g_ptr_array_remove_index(n->early, i);
		else
			i++;
	}
}

static void on_line_candidate(int line, const char *candidate, void *data)
{
	struct negotiation *n = data;
	const char *ufrag = "";
	const struct sdp_stream *streams[] = { &n->remote.audio, &n->remote.video };
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++)
		if (streams[i]->there && streams[i]->index == line)
			ufrag = n->remote.transports[streams[i]->transport].ufrag;
	if (ufrag[0])
		candidate_put(n, candidate, "", line, ufrag);
}

void negotiation_candidates(struct negotiation *n, const cJSON *candidates)
{
	const cJSON *one;
	cJSON_ArrayForEach(one, candidates)
		candidate_put(n, message_string(one, "candidate", ""), message_string(one, "mid", ""),
			      message_int(one, "index", 0), message_string(one, "ufrag", ""));
}

/* ---- descriptions ---- */

static void local_credentials(struct negotiation *n)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		struct sdp_transport *local = &n->local.transports[i];
		if (!n->legs[i].transport)
			continue;
		transport_credentials(n->legs[i].transport, local);
		g_strlcpy(local->fingerprint_hash, "sha-256", sizeof(local->fingerprint_hash));
		g_strlcpy(local->fingerprint, n->certificate->fingerprint, sizeof(local->fingerprint));
	}
}

static void description_tell(struct negotiation *n, const char *type)
{
	char text[SDP_BYTES_MAX];
	if (sdp_write(&n->local, n->session, ++n->version, text, sizeof(text)) == 0)
		n->ops->description(type, text, n->data);
}

static void offer(struct negotiation *n)
{
	local_credentials(n);
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		n->local.transports[i].setup = SDP_ACTPASS;
	n->offered_us = now_us();
	description_tell(n, "offer");
	gather(n);
}

/* Both descriptions are there: the transports hear of the other side. */
static void agree(struct negotiation *n, const char *text)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		const struct sdp_transport *local = &n->local.transports[i], *remote = &n->remote.transports[i];
		if (n->legs[i].transport)
			transport_remote(n->legs[i].transport, remote,
					 local->setup == SDP_ACTIVE ||
					 (local->setup == SDP_ACTPASS && remote->setup == SDP_PASSIVE));
	}
	n->agreed = true;
	n->offered_us = 0;
	n->ops->agreed(&n->local, &n->remote, n->data);
	early_place(n);
	sdp_candidates(text, on_line_candidate, n);
}

static void remote_take(struct negotiation *n, const struct sdp *remote)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		if (strcmp(n->remote.transports[i].ufrag, remote->transports[i].ufrag) != 0)
			memcpy(n->legs[i].former, n->remote.transports[i].ufrag, sizeof(n->legs[i].former));
	n->remote = *remote;
}

/* In mid-call: the same transports, of the same peer. */
static bool is_same_peer(struct negotiation *n, const struct sdp *remote)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		const struct sdp_transport *t = &remote->transports[i];
		if (t->there != (n->legs[i].transport != NULL)) {
			log_warning("peer: another set of transports in mid-call is refused");
			return false;
		}
		if (t->there && (strcmp(t->fingerprint, n->remote.transports[i].fingerprint) != 0 ||
				 strcmp(t->fingerprint_hash, n->remote.transports[i].fingerprint_hash) != 0)) {
			n->ops->failed("peer: its certificate changed in mid-call", n->data);
			return false;
		}
	}
	return true;
}

static int legs_restart(struct negotiation *n)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		struct leg *leg = &n->legs[i];
		int r = leg->transport ? transport_restart(leg->transport, n->local.transports[i].mux ? 1 : 2) : 0;
		if (r < 0) {
			log_warning("media: ICE is not restarted: %s", g_strerror(-r));
			return r;
		}
		leg->gathers = false;
	}
	n->restarts++;
	n->restarted_us = now_us();
	return 0;
}

static bool is_restart(const struct negotiation *n, const struct sdp *remote)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		if (strcmp(remote->transports[i].ufrag, n->remote.transports[i].ufrag) != 0 ||
		    strcmp(remote->transports[i].password, n->remote.transports[i].password) != 0)
			return true;
	return false;
}

static int answer_again(struct negotiation *n, const struct sdp *remote)
{
	bool dropped = n->offered_us != 0; /* with the credentials that it told */
	if (!is_same_peer(n, remote))
		return -EPROTO;
	if (!dropped && !is_restart(n, remote))
		return 0;
	log_info("media: the other side restarts ICE%s", dropped ? "; our own offer is dropped" : "");
	return legs_restart(n);
}

static int answer_first(struct negotiation *n, const struct sdp *remote)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		int r = remote->transports[i].there ? leg_open(n, i, remote->transports[i].mux) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static void take_offer(struct negotiation *n, const struct sdp *remote, const char *text)
{
	if (n->offered_us && n->anchor) {
		log_info("media: both offered: ours counts");
		return;
	}
	int r = n->agreed ? answer_again(n, remote) : answer_first(n, remote);
	if (r < 0) {
		if (!n->agreed)
			n->ops->failed("media: there is no transport", n->data);
		return;
	}
	sdp_answer(remote, &n->local);
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		bool client = n->agreed && n->legs[i].transport ? transport_is_client(n->legs[i].transport)
								: remote->transports[i].setup != SDP_ACTIVE;
		n->local.transports[i].setup = client ? SDP_ACTIVE : SDP_PASSIVE;
	}
	local_credentials(n);
	remote_take(n, remote);
	description_tell(n, "answer");
	gather(n);
	agree(n, text);
}

/* What the answer has left of our first offer. Whether the transports are what it wants. */
static bool offer_answered(struct negotiation *n, const struct sdp *remote)
{
	bool fits = true;
	n->local.bundle = remote->bundle;
	n->local.audio.there &= remote->audio.there;
	n->local.video.there &= remote->video.there;
	n->local.video.transport = remote->video.transport;
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		const struct sdp_transport *t = &remote->transports[i];
		n->local.transports[i].there = t->there;
		fits &= t->there == (n->legs[i].transport != NULL) && (!t->there || t->mux == n->local.transports[i].mux);
		n->local.transports[i].mux = t->mux;
	}
	return fits;
}

/* Transports as the answer wants them, offered anew; nothing of the first ones is used. */
static void split(struct negotiation *n, const struct sdp *remote)
{
	int r = n->split ? -EPROTO : 0;
	n->split = true;
	log_info("media: the other side does not bundle, or wants RTCP apart: offered again");
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		leg_close(&n->legs[i]);
		if (r == 0 && remote->transports[i].there)
			r = leg_open(n, i, remote->transports[i].mux);
		memcpy(n->legs[i].former, remote->transports[i].ufrag, sizeof(n->legs[i].former));
	}
	if (r < 0)
		n->ops->failed("peer: its answer does not fit what was offered", n->data);
	else
		offer(n);
}

static void take_answer(struct negotiation *n, const struct sdp *remote, const char *text)
{
	if (!n->offered_us)
		return; /* repeated, or to an offer that was dropped */
	if (n->agreed && !is_same_peer(n, remote))
		return;
	if (!n->agreed && !offer_answered(n, remote)) {
		split(n, remote);
		return;
	}
	remote_take(n, remote);
	agree(n, text);
}

void negotiation_description(struct negotiation *n, const char *type, const char *text)
{
	const char *why = NULL;
	struct sdp remote;
	int r = sdp_parse(text, &remote, &why);
	if (r == 0)
		sdp_choose(&remote, n->local.codecs, g_str_equal(type, "offer"));
	if (r == 0 && !remote.audio.there && !remote.video.there)
		why = "sdp: no codec in common";
	if (why) {
		g_autofree char *blame = g_strdup_printf("peer: %s", why);
		if (n->agreed)
			log_warning("%s", blame);
		else
			n->ops->failed(blame, n->data);
		return;
	}
	if (g_str_equal(type, "offer"))
		take_offer(n, &remote, text);
	else if (g_str_equal(type, "answer"))
		take_answer(n, &remote, text);
}

/* ---- restart ---- */

void negotiation_restart(struct negotiation *n, const char *why)
{
	n->wanted = why;
}

static bool is_restarting(const struct negotiation *n)
{
	bool restarting = n->offered_us != 0;
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		restarting |= n->legs[i].transport && transport_is_restarting(n->legs[i].transport);
	return restarting;
}

/* How long ago the transport that was heard longest ago was heard; 0 before all have keys. */
static int64_t silence_us(const struct negotiation *n)
{
	int64_t longest = 0;
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		const struct transport *transport = n->legs[i].transport;
		if (transport && !transport_profile(transport)[0])
			return 0;
		if (transport)
			longest = MAX(longest, now_us() - transport_heard_us(transport));
	}
	return longest;
}

/* An address that carries a pair is not this machine's any more. */
static bool is_base_gone(const struct negotiation *n)
{
	char base[64];
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		if (!n->legs[i].transport)
			continue;
		transport_base(n->legs[i].transport, base, sizeof(base));
		if (base[0] && !addresses_has(n->addresses, base))
			return true;
	}
	return false;
}

static void on_addresses(bool gained, void *data)
{
	struct negotiation *n = data;
	bool any = n->interface[0] ? addresses_has(n->addresses, n->interface) : addresses_any(n->addresses);
	if (!n->agreed || !any || n->ice.loopback)
		return;
	bool gone = is_base_gone(n), quiet = !negotiation_is_ready(n) || silence_us(n) > QUIET_US;
	if (gone && (gained || !is_restarting(n)))
		n->wanted = "the address in use is gone";
	else if (gained && quiet)
		n->wanted = "there is a new address";
}

static gboolean on_restart(void *data)
{
	struct negotiation *n = data;
	const char *why = n->wanted;
	n->restart_source = 0;
	if (!why || n->offered_us)
		return G_SOURCE_REMOVE;
	n->wanted = NULL;
	log_info("media: ICE is restarted: %s", why);
	if (legs_restart(n) == 0)
		offer(n);
	return G_SOURCE_REMOVE;
}

/* The restart itself is a turn of the loop's own: it closes what an earlier one began, and the tick may have come with a
 * packet that is being received there. */
void negotiation_tick(struct negotiation *n)
{
	int64_t now = now_us(), silence = silence_us(n);
	if (!n->agreed)
		return;
	if (n->offered_us && now - n->offered_us > ANSWER_US) {
		log_warning("media: nobody answered our offer");
		n->offered_us = 0;
	}
	bool due = silence > SILENT_US + (n->anchor ? 0 : YIELD_US) && now - n->restarted_us > AGAIN_US;
	if (n->offered_us || !(n->wanted || due))
		return;
	if (!n->wanted)
		n->wanted = "nothing is heard";
	if (!n->restart_source)
		n->restart_source = g_idle_add_full(G_PRIORITY_DEFAULT, on_restart, n, NULL);
}

/* ---- life ---- */

static int parts_open(struct negotiation *n, bool video)
{
	int r = certificate_create(&n->certificate);
	if (r == 0 && n->anchor) {
		sdp_offer(&n->local, video);
		r = leg_open(n, SDP_OF_AUDIO, true);
	}
	if (r == 0)
		r = addresses_open(on_addresses, n, &n->addresses);
	return r;
}

int negotiation_open(const struct negotiation_settings *settings, const struct negotiation_ops *ops, void *data,
		     struct negotiation **ret_negotiation)
{
	struct negotiation *n = g_new0(struct negotiation, 1);
	n->ops = ops;
	n->data = data;
	n->anchor = settings->anchor;
	n->local = *settings->streams;
	n->session = (uint64_t)g_random_int() << 31 | g_random_int();
	n->interface = g_strdup(settings->interface ? settings->interface : "");
	n->servers = cJSON_Duplicate(settings->servers, true);
	n->ice = (struct ice_settings){ .controlling = n->anchor, .loopback = settings->loopback,
					.interface = n->interface, .servers = n->servers };
	n->candidates = cJSON_CreateArray();
	n->early = g_ptr_array_new_with_free_func(candidate_free);
	n->mdns = mdns_create(on_name_known, candidate_free, n);
	int r = parts_open(n, settings->video);
	if (r < 0) {
		negotiation_close(n);
		return r;
	}
	*ret_negotiation = n;
	if (n->anchor)
		offer(n);
	return 0;
}

void negotiation_close(struct negotiation *n)
{
	if (!n)
		return;
	if (n->candidate_timer)
		g_source_remove(n->candidate_timer);
	if (n->restart_source)
		g_source_remove(n->restart_source);
	addresses_close(n->addresses);
	mdns_destroy(n->mdns);
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		leg_close(&n->legs[i]);
	certificate_destroy(n->certificate);
	g_ptr_array_free(n->early, TRUE);
	cJSON_Delete(n->candidates);
	cJSON_Delete(n->servers);
	g_free(n->interface);
	g_free(n);
}

/* ---- verbs ---- */

int negotiation_send(struct negotiation *n, int transport, bool rtcp, uint8_t *packet, size_t *bytes)
{
	struct leg *leg = &n->legs[transport];
	return leg->transport ? transport_send(leg->transport, rtcp, packet, bytes) : -ENOTCONN;
}

int negotiation_queue(struct negotiation *n, int transport, bool rtcp, uint8_t *packet, size_t *bytes)
{
	struct leg *leg = &n->legs[transport];
	return leg->transport ? transport_queue(leg->transport, rtcp, packet, bytes) : -ENOTCONN;
}

void negotiation_flush(struct negotiation *n)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		if (n->legs[i].transport)
			transport_flush(n->legs[i].transport);
}

bool negotiation_is_ready(const struct negotiation *n)
{
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		if (n->legs[i].transport && transport_profile(n->legs[i].transport)[0])
			return true;
	return false;
}

bool negotiation_has_keys(const struct negotiation *n, int transport)
{
	const struct leg *leg = &n->legs[transport];
	return leg->transport && transport_profile(leg->transport)[0];
}

int64_t negotiation_heard_us(const struct negotiation *n)
{
	int64_t last = 0;
	for (int i = 0; i < SDP_TRANSPORTS; i++)
		if (n->legs[i].transport)
			last = MAX(last, transport_heard_us(n->legs[i].transport));
	return last;
}

void negotiation_stats(const struct negotiation *n, cJSON *json)
{
	static const char *const pairs[] = { "candidate_pair", "candidate_pair_video" };
	const char *profile = "";
	struct fast_path_stats fast, all = { 0 };
	char pair[300];
	int transports = 0;
	cJSON_AddStringToObject(json, "candidate_pair", "");
	for (int i = 0; i < SDP_TRANSPORTS; i++) {
		struct transport *transport = n->legs[i].transport;
		if (!transport)
			continue;
		transport_pair(transport, pair, sizeof(pair));
		cJSON_DeleteItemFromObject(json, pairs[i]);
		cJSON_AddStringToObject(json, pairs[i], pair);
		profile = transport_profile(transport);
		transport_fast_path(transport, &fast);
		all.open = fast.open && (all.open || transports == 0);
		all.sent += fast.sent;
		all.received += fast.received;
		transports++;
	}
	cJSON_AddStringToObject(json, "srtp_profile", profile);
	cJSON_AddNumberToObject(json, "transports", transports);
	cJSON_AddBoolToObject(json, "fast_path", all.open);
	cJSON_AddNumberToObject(json, "fast_path_sent", (double)all.sent);
	cJSON_AddNumberToObject(json, "fast_path_received", (double)all.received);
	cJSON_AddNumberToObject(json, "ice_restarts", n->restarts);
	cJSON_AddNumberToObject(json, "packets_refused", (double)n->refused);
}
