/* ice: one generation of ICE through libnice (RFC 8445, trickle RFC 8838): one user name and password, one gathering of
 * the addresses that the machine has now, one or two components. A restart is another generation beside it.
 * Datagrams in and out by their kind: DTLS or SRTP; STUN stays inside. Dropped is everything from an address that ICE has
 * not validated; SRTP by the fast path, from one that the peer neither named nor checked from.
 *
 * A component whose pair is selected and needs no relay has a fast path for SRTP (fast_path.h), where the kernel lets it;
 * it follows the pair.
 *
 * Thread: the default main context, but ice_send(), ice_queue() and ice_flush(), which any thread may call. */
#ifndef CALLBOX_MEDIA_ICE_H
#define CALLBOX_MEDIA_ICE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/media/fast_path.h"

struct ice;

struct ice_ops {
	/* "candidate:…"; NULL: that was the last */
	void (*candidate)(struct ice *ice, const char *candidate, void *data);
	void (*connected)(struct ice *ice, void *data); /* every component has a pair; once */
	void (*failed)(struct ice *ice, void *data);
	/* datagram: may be changed */
	void (*receive)(unsigned int component, uint8_t *datagram, size_t bytes, void *data);
};

struct ice_settings {
	bool controlling;
	bool loopback;		 /* use 127.0.0.1 only: two boxes on one machine */
	const char *interface;	 /* the only local address; NULL or "": all */
	const cJSON *servers;	 /* [{urls[], username, credential}] */
	unsigned int components; /* 1, or 2: RTP and RTCP apart (RFC 5761 not agreed on) */
};

/* The settings are copied, or not needed any more. */
int ice_open(const struct ice_settings *settings, const struct ice_ops *ops, void *data, struct ice **ret_ice);
void ice_close(struct ice *ice); /* not from one of its own callbacks */

/* Ours, for the description. Caller frees both (g_free). */
void ice_credentials(struct ice *ice, char **ret_ufrag, char **ret_password);
int ice_gather(struct ice *ice);
void ice_remote_credentials(struct ice *ice, const char *ufrag, const char *password);
/* The other side is ICE-lite (RFC 8445 §6.1.1): we control. */
void ice_control(struct ice *ice);
/* Anything that is no usable candidate (mDNS names, fe80::, another component) is skipped: -EINVAL. */
int ice_remote_candidate(struct ice *ice, const char *candidate);

/* component: 1 or 2. -EAGAIN: not sent. */
int ice_send(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes);
/* The same, but it may wait for the next flush, to leave with others by one system call. */
int ice_queue(struct ice *ice, unsigned int component, const uint8_t *datagram, size_t bytes);
void ice_flush(struct ice *ice);
/* "host 192.0.2.1:5000 - host 192.0.2.2:6000"; "" when there is none. */
void ice_pair(struct ice *ice, char *text, size_t text_bytes);
/* The machine's own address below the pair; "" when there is none or a relay stands between. */
void ice_base(struct ice *ice, char *text, size_t text_bytes);
/* Of all components; open: each has one. They begin anew with each pair. */
void ice_fast_path(struct ice *ice, struct fast_path_stats *ret_stats);

#endif
