/* certificate: the key and certificate of one call, ECDSA P-256, made when the call is; all its transports show the same
 * one. Immutable; any thread. Owner: the negotiation. */
#ifndef CALLBOX_MEDIA_CERTIFICATE_H
#define CALLBOX_MEDIA_CERTIFICATE_H

#include <openssl/x509.h>
#include <stddef.h>

struct certificate {
	EVP_PKEY *key;
	X509 *x509;
	char fingerprint[200]; /* "AB:CD:…" of its SHA-256 */
};

int certificate_create(struct certificate **ret_certificate);
void certificate_destroy(struct certificate *certificate);

/* "AB:CD:…" */
void certificate_hex(const unsigned char *digest, unsigned int length, char *text, size_t text_bytes);

#endif
