/* pem: a self-signed certificate for an IP address and its key, as PEM files, for a hub with TLS. */
#ifndef CALLBOX_TESTS_PAIRS_PEM_H
#define CALLBOX_TESTS_PAIRS_PEM_H

void pem_make(const char *address, const char *certificate, const char *key);

#endif
