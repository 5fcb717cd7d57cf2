/* child: a program of ours under PATH_LIBEXEC, started with one end of a channel on descriptor 3
 * (CHILD_CHANNEL_FD) and nothing else but standard input (empty), output and error. It dies with us.
 *
 * Owner: who started it; default main context only. The end of a child is told exactly once, after it was
 * reaped, so that no zombie stays; a child whose channel closes but which lives on is killed. */
#ifndef CALLBOX_BASE_CHILD_H
#define CALLBOX_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/channel.h"

struct child;

/* how: "exit code 1", "killed by SIGKILL"; clean: exit code 0. Last call; child is freed after it. */
typedef void (*child_exit_fn)(struct child *child, const char *how, bool clean, void *data);

/* arguments: NULL-terminated, for people who read ps; may be NULL. Nothing secret belongs there.
 * on_message gets what passes shapes. Returns -errno when the program cannot be started at all; a missing
 * program shows as "exit code 127". */
int child_start(const char *program, const char *const *arguments, const struct message_shape *shapes,
		channel_message_fn on_message, child_exit_fn on_exit, void *data, struct child **ret_child);

struct channel *child_channel(struct child *child); /* borrowed */
pid_t child_pid(const struct child *child);

/* Sends to it; takes the message. An overflow (-ENOBUFS: it hangs) kills it; its end is then told. */
int child_send(struct child *child, cJSON *message);
int child_send_fd(struct child *child, cJSON *message, int fd);

/* Closes the channel, which asks it to end; kills it after grace_ms. on_exit is not called any more.
 * The process is reaped and the memory freed by the loop. NULL is fine. */
void child_stop(struct child *child, unsigned int grace_ms);

/* Children not reaped yet; runs the default loop until there is none or limit_ms have passed. */
unsigned int child_count(void);
void child_wait_all(unsigned int limit_ms);

#endif
