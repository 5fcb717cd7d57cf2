#include "tests/pairs/pem.h"

#include <glib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

void pem_make(const char *address, const char *certificate, const char *key)
{
	g_autofree char *name = g_strdup_printf("IP:%s", address);
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *c = X509_new();
	X509_set_version(c, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 24 * 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
				   (const unsigned char *)address, -1, -1, 0);
	X509_set_issuer_name(c, X509_get_subject_name(c));
	X509_set_pubkey(c, pair);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, name);
	X509_add_ext(c, names, -1);
	X509_EXTENSION_free(names);
	g_assert_cmpint(X509_sign(c, pair, EVP_sha256()), >, 0);
	FILE *out = fopen(certificate, "we");
	PEM_write_X509(out, c);
	fclose(out);
	out = fopen(key, "we");
	PEM_write_PrivateKey(out, pair, NULL, NULL, 0, NULL, NULL);
	fclose(out);
	X509_free(c);
	EVP_PKEY_free(pair);
}
