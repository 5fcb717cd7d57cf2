/* mdns: candidates whose address is a browser's mDNS name ("UUID.local", draft-ietf-mmusic-mdns-ice-candidates). Such a
 * name is asked of the host's own resolver, and only where that one asks the link (nsswitch.conf names mdns or
 * systemd-resolved): it never reaches a name server. What is not known, or late, is left out; nothing waits for it.
 * Thread: the default main context. */
#ifndef CALLBOX_MEDIA_MDNS_H
#define CALLBOX_MEDIA_MDNS_H

#include <stdbool.h>

struct mdns;

/* known: the candidate with an address in place of the name; context as it was put. */
struct mdns *mdns_create(void (*known)(const char *candidate, void *context, void *data), void (*context_free)(void *),
			 void *data);
/* No known() comes any more. */
void mdns_destroy(struct mdns *mdns);

/* Whether the candidate's address is such a name. */
bool mdns_is_name(const char *candidate);
/* Takes context. */
void mdns_put(struct mdns *mdns, const char *candidate, void *context);

#endif
