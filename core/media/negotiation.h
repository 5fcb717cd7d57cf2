/* negotiation: descriptions and candidates of one call, and the transports that they make.
 *
 * The anchor's offer begins, with one transport for all (an offer with one for each is more than some peers bear). When
 * the answer does not bundle, or wants RTCP apart, nothing of it is begun: transports as the answer wants them are made
 * and offered at once. Afterwards either side may offer, to restart ICE (RFC 8445 §9): when the machine's address
 * below the pair in use is gone, when a new one appears while nothing is heard, when nothing was heard for five seconds
 * (the anchor at once, the other side two seconds later, so that there is mostly one offer). A peer's offer with
 * another user name or password is its restart and is answered with one of ours; an offer without is answered as things
 * are.
 * Glare: of two offers under way the anchor's counts. The anchor does not answer the other's; the other drops its own
 * and answers the anchor's, which gathers anew on both sides and so serves both.
 * A fingerprint that changes in a call ends it.
 *
 * Candidates say which generation they are of ("ufrag"); those of one that is over are left out, those of one that is
 * still to come wait. An mDNS name is resolved where the host can, else left out; so is fe80::.
 *
 * Thread: the default main context, but negotiation_send(), _queue() and _flush(). Owner: the session. */
#ifndef CALLBOX_MEDIA_NEGOTIATION_H
#define CALLBOX_MEDIA_NEGOTIATION_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "core/media/sdp.h"

struct negotiation;

struct negotiation_ops {
	void (*description)(const char *type, const char *sdp, void *data);
	void (*candidates)(cJSON *candidates /* taken */, void *data);
	/* Both descriptions are there, or are new ones; streams say which transport is theirs. */
	void (*agreed)(const struct sdp *local, const struct sdp *remote, void *data);
	void (*ready)(void *data);   /* a transport has its keys */
	void (*broken)(void *data);  /* no pair of a transport works */
	void (*failed)(const char *why, void *data);
	void (*packet)(int transport, bool rtcp, const uint8_t *packet, size_t bytes, size_t wire_bytes, void *data);
};

struct negotiation_settings {
	bool anchor;	       /* offers first, controls ICE, wins a glare */
	bool video;	       /* offered */
	bool loopback;
	const char *interface; /* as in struct ice_settings */
	const cJSON *servers;
	const struct sdp *streams; /* ssrc of the streams, cname and codecs */
};

/* settings is copied. The anchor's offer is told before it returns. */
int negotiation_open(const struct negotiation_settings *settings, const struct negotiation_ops *ops, void *data,
		     struct negotiation **ret_negotiation);
void negotiation_close(struct negotiation *negotiation);

void negotiation_description(struct negotiation *negotiation, const char *type, const char *text);
void negotiation_candidates(struct negotiation *negotiation, const cJSON *candidates);
/* Now and then, a few times a second at least; also from within packet(). */
void negotiation_tick(struct negotiation *negotiation);
/* New ICE credentials and addresses, as soon as no offer of ours is under way. why: static, for the log. */
void negotiation_restart(struct negotiation *negotiation, const char *why);

/* Any thread, once agreed() has come: as transport_send(), _queue() and, for all transports, _flush() do. */
int negotiation_send(struct negotiation *negotiation, int transport, bool rtcp, uint8_t *packet, size_t *bytes);
int negotiation_queue(struct negotiation *negotiation, int transport, bool rtcp, uint8_t *packet, size_t *bytes);
void negotiation_flush(struct negotiation *negotiation);

bool negotiation_is_ready(const struct negotiation *negotiation);
bool negotiation_has_keys(const struct negotiation *negotiation, int transport);
/* The last packet that the peer's keys made; 0: never. */
int64_t negotiation_heard_us(const struct negotiation *negotiation);
void negotiation_stats(const struct negotiation *negotiation, cJSON *json);

#endif
