#include "base/passing.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/closer.h"

/* As many as the kernel lets through at a time (SCM_MAX_FD): it closes what there is no room for, and that may wait. */
enum { MOST = 253 };

union control {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(sizeof(int))];
};

union controls {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(MOST * sizeof(int))];
};

/* The only one; or PASSING_MANY, or -1. */
static int take_descriptors(struct msghdr *message)
{
    int taken = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            bool first = taken == -1;
            if (!first)
                closer_drop(fd);
            if (!first && taken >= 0)
                closer_drop(taken);
            taken = first ? fd : PASSING_MANY;
        }
    }
    return taken;
}

/* `ret_came`: whether anything has, be it without bytes. */
static ssize_t receive(int socket, const struct iovec *parts, size_t count, int *ret_fd, bool *ret_came)
{
    union controls controls; /* filled as far as something has come */
    struct msghdr message = { .msg_iov = (struct iovec *)parts,
                              .msg_iovlen = count,
                              .msg_control = controls.room,
                              .msg_controllen = sizeof controls.room };
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *ret_fd = n >= 0 ? take_descriptors(&message) : -1;
    *ret_came = n >= 0 && (n > 0 || message.msg_controllen > 0);
    return n;
}

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
    bool came;
    int fd;
    ssize_t n = receive(socket, parts, count, &fd, &came);
    if (ret_fd)
        *ret_fd = fd;
    else
        closer_drop(fd);
    return n;
}

void passing_close(int socket)
{
    char block[4096];
    const struct iovec bytes = { block, sizeof block };
    const int on = 1;
    int fd, type = SOCK_STREAM;
    socklen_t length = sizeof type;
    bool came;
    /* A message brings credentials then, and the end does not, for which one without bytes could be mistaken. (In a
     * stream, which has no such messages, the end does.) */
    if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type != SOCK_STREAM)
        (void)setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
    (void)shutdown(socket, SHUT_RDWR); /* from here on nothing comes that is not there already */
    do {
        (void)receive(socket, &bytes, 1, &fd, &came);
        closer_drop(fd);
    } while (came);
    close(socket);
}
