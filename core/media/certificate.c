#include "core/media/certificate.h"

#include <errno.h>
#include <glib.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#define CERTIFICATE_DAYS 30

void certificate_hex(const unsigned char *digest, unsigned int length, char *text, size_t text_bytes)
{
	for (unsigned int i = 0; i < length && 3 * i + 3 < text_bytes; i++)
		g_snprintf(text + 3 * i, text_bytes - 3 * i, "%02X%s", digest[i], i + 1 < length ? ":" : "");
}

static int fill(struct certificate *certificate)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	certificate->key = EVP_EC_gen("P-256");
	certificate->x509 = X509_new();
	if (!certificate->key || !certificate->x509)
		return -ENOMEM;
	X509 *c = certificate->x509;
	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), (uint64_t)g_random_int());
	X509_gmtime_adj(X509_getm_notBefore(c), -24 * 3600);
	X509_gmtime_adj(X509_getm_notAfter(c), CERTIFICATE_DAYS * 24 * 3600L);
	X509_NAME *name = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"callbox", -1, -1, 0);
	X509_set_issuer_name(c, name);
	X509_set_pubkey(c, certificate->key);
	if (X509_sign(c, certificate->key, EVP_sha256()) <= 0 || X509_digest(c, EVP_sha256(), digest, &length) != 1)
		return -EIO;
	certificate_hex(digest, length, certificate->fingerprint, sizeof(certificate->fingerprint));
	return 0;
}

int certificate_create(struct certificate **ret_certificate)
{
	struct certificate *certificate = g_new0(struct certificate, 1);
	int r = fill(certificate);
	if (r < 0) {
		certificate_destroy(certificate);
		return r;
	}
	*ret_certificate = certificate;
	return 0;
}

void certificate_destroy(struct certificate *certificate)
{
	if (!certificate)
		return;
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	g_free(certificate);
}
