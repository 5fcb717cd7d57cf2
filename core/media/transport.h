/* transport: one road of a call: ICE below, DTLS-SRTP above it. A call has one when everything is bundled, else one for
 * sound and one for the picture; RTP and RTCP have a component (and a handshake) each where they are not multiplexed.
 *
 * A restart puts a new generation of ICE beside the one in use. Packets go on by the old pair until the new one has a
 * nominated pair; the keys stay what they are, there is no second handshake. The old generation is heard for RETIRE_MS
 * more.
 *
 * Consent to send (RFC 7675): whoever answers with our keys wants what we send. libnice's own consent ends after ten
 * seconds and for good; a network that comes back before a call is given up must find us still there.
 *
 * Thread: the default main context, but transport_send(), transport_queue() and transport_flush(), which any thread may
 * call. Owner: the negotiation. */
#ifndef CALLBOX_MEDIA_TRANSPORT_H
#define CALLBOX_MEDIA_TRANSPORT_H

#include "core/media/certificate.h"
#include "core/media/ice.h"
#include "core/media/sdp.h"

struct transport;

struct transport_ops {
	void (*candidate)(const char *candidate, void *data); /* of the newest generation; NULL: that was the last */
	void (*ready)(void *data);			      /* the keys are there */
	void (*broken)(void *data);			      /* no pair works */
	void (*failed)(const char *why, void *data);	      /* the peer is not who it said it is */
	/* Opened; wire_bytes: as it came. */
	void (*packet)(bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data);
	void (*refused)(void *data); /* a packet that the peer's keys did not make */
};

/* settings: borrowed, its components set aside. certificate: borrowed. */
int transport_open(const struct ice_settings *settings, unsigned int components, const struct certificate *certificate,
		   const struct transport_ops *ops, void *data, struct transport **ret_transport);
void transport_close(struct transport *transport);

/* Of the newest generation. */
void transport_credentials(struct transport *transport, struct sdp_transport *ret_local);
int transport_gather(struct transport *transport);
/* The other side's word on the newest generation; the first also starts DTLS. client: we begin it. */
void transport_remote(struct transport *transport, const struct sdp_transport *remote, bool client);
bool transport_is_client(const struct transport *transport);
int transport_candidate(struct transport *transport, const char *candidate);

/* A new generation, not gathered yet. components: as before, or 2 when RTCP turned out to go its own way. */
int transport_restart(struct transport *transport, unsigned int components);
/* A restart has not come to a pair yet. */
bool transport_is_restarting(const struct transport *transport);

/* In place; *bytes grows by at most 40. -ENOTCONN: no keys yet, nothing was used up; -EAGAIN: closed but not sent. */
int transport_send(struct transport *transport, bool rtcp, uint8_t *packet, size_t *bytes);
/* The same for packets that leave together: each may wait for transport_flush(), which whoever queues calls before
 * anything that may take time. 0: sent, or as good as sent: what the network refuses at the flush is a lost packet. */
int transport_queue(struct transport *transport, bool rtcp, uint8_t *packet, size_t *bytes);
void transport_flush(struct transport *transport);

/* When the last packet that the peer's keys made came; 0: never. */
int64_t transport_heard_us(const struct transport *transport);
const char *transport_profile(const struct transport *transport); /* "" before keys */
void transport_pair(struct transport *transport, char *text, size_t text_bytes);
void transport_base(struct transport *transport, char *text, size_t text_bytes);
/* Of the pair in use. */
void transport_fast_path(struct transport *transport, struct fast_path_stats *ret_stats);

#endif
