/* websocket: text messages over RFC 6455 frames, the little of it that a load generator and a bare relay need: one
 * frame a message, mask key 0, no extensions, pings answered. Loopback only. One thread. */
#ifndef CALLBOX_TESTS_BENCH_WEBSOCKET_H
#define CALLBOX_TESTS_BENCH_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>

struct websocket;

/* Connects to 127.0.0.1:port and shakes hands; ends the program when that fails. */
struct websocket *websocket_connect(int port, const char *protocol, void *owner);
/* Takes over an accepted descriptor, whose client has not spoken yet. */
struct websocket *websocket_accept(int fd, const char *protocol, void *owner);
void websocket_free(struct websocket *socket);
int websocket_fd(const struct websocket *socket);
/* Where the owner pointer is kept. */
void *websocket_owner(struct websocket *socket);

/* masked: from a client. 0, or -1 when the connection is gone. Waits when the peer's buffer is full. */
int websocket_send(struct websocket *socket, bool masked, const char *text, size_t length);
/* Reads what is there and calls fn for each whole message, NUL-terminated. 0, or -1 at the end. */
int websocket_read(struct websocket *socket, void (*fn)(char *text, size_t length, void *data), void *data);

#endif
