/* proxy: a TCP forwarder on loopback between a provider and its server, whose connections can be cut. Its own thread;
 * the functions may be called from the test's. */
#ifndef CALLBOX_TESTS_CONFORMANCE_PROXY_H
#define CALLBOX_TESTS_CONFORMANCE_PROXY_H

#include <stdbool.h>

struct proxy;

/* Forwards 127.0.0.1:*ret_port to 127.0.0.1:port. */
struct proxy *proxy_open(int port, int *ret_port);
/* Cuts every connection; while off, new ones are refused as soon as they come. */
void proxy_cut(struct proxy *proxy, bool off);
void proxy_close(struct proxy *proxy);

#endif
