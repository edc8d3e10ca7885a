/* Bytes over a local socket, and at most one descriptor along with them (SCM_RIGHTS, unix(7)). Never waits, raises no
 * signal, and takes no lock: it may be called in a signal's handler. */
#ifndef BASE_PASSING_H
#define BASE_PASSING_H

#include <sys/types.h>
#include <sys/uio.h>

/* As sendmsg(2). `fd` goes along with the first byte, and stays the caller's; -1: none. */
ssize_t passing_send(int socket, const struct iovec *parts, size_t count, int fd);

/* As recvmsg(2). *ret_fd: the descriptor that has come, close-on-exec and the caller's, also where nothing else has;
 * -1: none. The kernel closes what else is sent. `ret_fd` NULL: none is taken. */
ssize_t passing_receive(int socket, const struct iovec *parts, size_t count, int *ret_fd);

#endif
