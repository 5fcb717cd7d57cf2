/* secure: DTLS (RFC 6347) for the keys, SRTP (RFC 3711, 5764, 7714) with them. Verified only by the peer's
 * certificate fingerprint from signalling. AES-GCM is preferred. Never plaintext: until keys are there every
 * protect fails.
 *
 * Thread: the loop's, but for secure_protect*, which any thread may call. */
#ifndef CALLBOX_MEDIA_SECURE_H
#define CALLBOX_MEDIA_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/media/certificate.h"

struct secure;

struct secure_ops {
	void (*send)(const uint8_t *datagram, size_t bytes, void *data); /* DTLS out */
	void (*ready)(void *data);					  /* keys are there */
	void (*failed)(const char *why, void *data);
};

/* Begins what secure_create() does first and what takes 20 ms: libsrtp's and OpenSSL's own preparations, on a thread of
 * its own. The loop's thread; secure_warm_end() waits for it and is called before main() returns. */
void secure_warm(void);
void secure_warm_end(void);

/* certificate: borrowed for the call. */
int secure_create(const struct secure_ops *ops, void *data, const struct certificate *certificate,
		  struct secure **ret_secure);
void secure_destroy(struct secure *secure);

/* client: we begin. hash and fingerprint as in the peer's description. */
int secure_start(struct secure *secure, bool client, const char *hash, const char *fingerprint);
/* A datagram whose first byte is 20..63. */
void secure_receive(struct secure *secure, const uint8_t *datagram, size_t bytes);
/* Milliseconds until secure_tick() is due, -1: never. */
int secure_timeout_ms(struct secure *secure);
void secure_tick(struct secure *secure);

/* In place; *bytes grows by at most 40 when protecting and shrinks when unprotecting. -ENOTCONN without keys,
 * -EBADMSG for a forged, replayed or damaged packet. */
int secure_protect(struct secure *secure, bool rtcp, uint8_t *packet, size_t *bytes);
int secure_unprotect(struct secure *secure, bool rtcp, uint8_t *packet, size_t *bytes);
const char *secure_profile(const struct secure *secure); /* "" before keys */

#endif
