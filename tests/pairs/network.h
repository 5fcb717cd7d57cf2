/* network: a second network namespace beside the test's own, so that two boxes have real interfaces, addresses and links
 * between them. The test's process moves into a fresh namespace of its own; a thread makes the other one and carries
 * connections to a loopback port there to the same port here: signalling has a way that no veth is part of.
 *
 * Owner and thread: the test's main thread, before it has others. A failing ip command ends the test. */
#ifndef CALLBOX_TESTS_PAIRS_NETWORK_H
#define CALLBOX_TESTS_PAIRS_NETWORK_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

struct network;

/* NULL with why: this user, or this kernel, makes no namespaces. */
struct network *network_open(char *why, size_t why_bytes);
void network_close(struct network *network);

/* What the main thread starts from now on lives there, or here. */
void network_enter(struct network *network, bool there);
/* The arguments of one ip(8) command, in one of the two. */
void network_ip(struct network *network, bool there, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A pair of interfaces, NAME here and there, each up; the thread's half is moved. */
void network_join(struct network *network, const char *name);
/* 127.0.0.1:port there leads to 127.0.0.1:port here. */
void network_forward(struct network *network, unsigned int port);

#endif
