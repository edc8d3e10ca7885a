#include "base/passing.h"

#include <string.h>
#include <sys/socket.h>

union control {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(sizeof(int))];
};

/* ---------------------------------------------------------------------------------------------------------- */

ssize_t passing_send(int socket, const struct iovec *parts, size_t count, int fd)
{
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };
    union control control = { .room = { 0 } };
    if (fd >= 0) {
        message.msg_control = control.room;
        message.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t passing_receive(int socket, const struct iovec *parts, size_t count, int *ret_fd)
{
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };
    union control control = { .room = { 0 } };
    if (ret_fd) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_LEN(sizeof *ret_fd); /* CMSG_SPACE would let a second one in */
        *ret_fd = -1;
    }
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = n >= 0 && ret_fd ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof *ret_fd))
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    return n;
}
