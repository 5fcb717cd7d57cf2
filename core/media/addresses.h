/* addresses: this machine's own IP addresses that are in use (link up and running; no fe80::), and a word when they
 * change, from the kernel (rtnetlink(7)). Thread: the default main context. */
#ifndef CALLBOX_MEDIA_ADDRESSES_H
#define CALLBOX_MEDIA_ADDRESSES_H

#include <stdbool.h>

struct addresses;

/* changed: some went or came; gained: some came. Several changes of a moment are one. */
int addresses_open(void (*changed)(bool gained, void *data), void *data, struct addresses **ret_addresses);
void addresses_close(struct addresses *addresses);

bool addresses_has(const struct addresses *addresses, const char *address);
/* Any but those of the loopback. */
bool addresses_any(const struct addresses *addresses);

#endif
