/* channel: how two of our processes talk: a SOCK_SEQPACKET pair, one JSON object (see message.h) a
 * datagram, at most one file descriptor with it. Every datagram is checked at the door; one that is too
 * long, no JSON, of an unknown name or a wrong shape is counted, logged once a second and dropped, and the
 * descriptor that came with it is closed: a broken or hostile peer changes nothing.
 *
 * Owner and thread: who opened it, on the thread that runs the given GMainContext; no other thread
 * touches a channel. Callbacks come from that loop, never from inside channel_send(). */
#ifndef CALLBOX_BASE_CHANNEL_H
#define CALLBOX_BASE_CHANNEL_H

#include <glib.h>
#include <stdint.h>

#include "core/base/message.h"

/* Descriptor of the channel in a program that child.h started. */
#define CHILD_CHANNEL_FD 3
/* Most messages that wait for a peer that does not read. */
#define CHANNEL_QUEUE_MAX 256

struct channel;

/* fd: -1, or a received descriptor, which the callee now owns. message is borrowed for the call. */
typedef void (*channel_message_fn)(struct channel *channel, const char *name, const cJSON *message,
				   int fd, void *data);
/* The peer is gone. Called once, last; channel_close() is allowed inside and must follow some time. */
typedef void (*channel_closed_fn)(struct channel *channel, void *data);

struct channel_counts {
	uint64_t received, sent, refused;
};

/* A connected pair, close-on-exec and non-blocking. */
int channel_pair(int ret_fds[2]);

/* Takes fd, also on failure. shapes: what may come in. context NULL: the default one. on_closed may be NULL. */
int channel_open(int fd, const struct message_shape *shapes, GMainContext *context,
		 channel_message_fn on_message, channel_closed_fn on_closed, void *data,
		 struct channel **ret_channel);

/* Both take the message. Sent at once, or queued when the peer is slow: -ENOBUFS when CHANNEL_QUEUE_MAX
 * wait already, -EMSGSIZE above MESSAGE_BYTES_MAX, -EPIPE when the peer is gone. fd is duplicated. */
int channel_send(struct channel *channel, cJSON *message);
int channel_send_fd(struct channel *channel, cJSON *message, int fd);

void channel_counts(const struct channel *channel, struct channel_counts *ret_counts);

/* Closes and frees; allowed inside its own callbacks; NULL is fine. What is still queued is lost. */
void channel_close(struct channel *channel);

#endif
