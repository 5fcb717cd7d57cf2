/* passed_fd: one file descriptor with a datagram on a Unix socket, unix(7) SCM_RIGHTS. Any thread. */
#ifndef CALLBOX_BASE_PASSED_FD_H
#define CALLBOX_BASE_PASSED_FD_H

#include <stddef.h>
#include <sys/socket.h>

/* Space for what a hostile peer may send: more descriptors than one. */
#define PASSED_FDS_MAX 8
union passed_fd_space {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PASSED_FDS_MAX * sizeof(int))];
};

/* One datagram out, fd -1: without one. 0 or -errno. */
int passed_fd_send(int socket, const void *bytes, size_t length, int fd);
/* After recvmsg(): the first descriptor, which the caller now owns, or -1; all others are closed. */
int passed_fd_take(struct msghdr *header);

#endif
