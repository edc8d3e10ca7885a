/* Bytes over a local socket, and at most one descriptor along with them (SCM_RIGHTS, unix(7)). Never waits, whatever
 * the other side sends, and raises no signal. */
#ifndef BASE_PASSING_H
#define BASE_PASSING_H

#include <sys/types.h>
#include <sys/uio.h>

/* As sendmsg(2). `fd` goes along with the first byte, and stays the caller's; -1: none. [also in a signal's handler] */
ssize_t passing_send(int socket, const struct iovec *parts, size_t count, int fd);

/* In the place of a descriptor: more than one has come, and none is left. Nobody sends that who means well. */
enum { PASSING_MANY = -2 };

/* As recvmsg(2). *ret_fd: the descriptor that has come, close-on-exec and the caller's (closer_drop, if the other side
 * is not to be trusted), also where nothing else has; -1: none; PASSING_MANY. `ret_fd` NULL: none is taken. */
ssize_t passing_receive(int socket, const struct iovec *parts, size_t count, int *ret_fd);

/* Ends `socket` as close(2) does, and tells the other side at once. Where descriptors may have come that nobody has
 * received, which close(2) would wait for, that is left to closer_drop. */
void passing_close(int socket);

#endif
