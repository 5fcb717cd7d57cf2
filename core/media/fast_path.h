/* fast_path: a socket of ours beside one of libnice's, at the same address and port, for SRTP and SRTCP alone.
 *
 *                     first byte (RFC 7983)
 *   the one port ─┬─ 128..191: ours ──► many a system call, opened in place
 *                 └─ all others: libnice's ──► STUN, DTLS
 *
 * The kernel tells them apart (SO_REUSEPORT with a filter). So packets come and go without libnice while ICE, consent
 * and the handshake stay with it. Only for a pair without a relay. Where the kernel refuses, there is no fast path;
 * when one is closed, libnice's socket gets everything again.
 *
 * Thread: the default main context. fast_path_send(), _queue(), _flush() and _remote(): any, one at a time: the owner's
 * lock. Owner: ice, which closes it before libnice closes its socket. */
#ifndef CALLBOX_MEDIA_FAST_PATH_H
#define CALLBOX_MEDIA_FAST_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct fast_path;

struct fast_path_ops {
	/* Whether a datagram from another address than the remote one is to be received. */
	bool (*knows)(const struct sockaddr *from, void *data);
	void (*receive)(uint8_t *datagram, size_t bytes, void *data); /* may be changed; ours again afterwards */
};

struct fast_path_stats {
	bool open;
	uint64_t sent, received; /* datagrams */
};

/* fd: libnice's, bound; borrowed for the call, and SO_REUSEPORT is set on it. Ours takes over its options. */
int fast_path_open(int fd, const struct sockaddr *remote, const struct fast_path_ops *ops, void *data,
		   struct fast_path **ret_path);
void fast_path_close(struct fast_path *path);
/* From now on libnice's socket gets everything; what came before that is received. */
void fast_path_drain(struct fast_path *path);

/* Whom packets go to from now on. What is queued has left before. */
void fast_path_remote(struct fast_path *path, const struct sockaddr *remote);
/* At once. -EAGAIN: not sent. */
int fast_path_send(struct fast_path *path, const uint8_t *datagram, size_t bytes);
/* Copied; leaves at the next flush, at the latest. What cannot be sent then is a lost packet. */
int fast_path_queue(struct fast_path *path, const uint8_t *datagram, size_t bytes);
void fast_path_flush(struct fast_path *path);

void fast_path_stats(const struct fast_path *path, struct fast_path_stats *ret_stats);

#endif
