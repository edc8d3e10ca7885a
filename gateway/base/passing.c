#include "base/passing.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/closer.h"
#include "base/file.h"

/* As many as the kernel lets through at a time (SCM_MAX_FD): it closes what there is no room for, and that may wait. */
enum { MOST = 253 };

union control {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(MOST * sizeof(int))];
};

static ssize_t send_all(int socket, const struct iovec *parts, size_t count, const int *fds, size_t fd_count)
{
    struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = count };
    union control control;
    if (fd_count > 0) {
        const size_t size = fd_count * sizeof *fds;
        memset(&control, 0, CMSG_SPACE(size));
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(size);
        control.header = (struct cmsghdr){ CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(&control.header), fds, size);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Closes descriptors that should not have come. So many may wait to be closed, each for ever, that there would be no
 * more to be had: so they are put on their way once more, to nobody, and end with the one at the end of that. */
static void drop_many(const int *fds, size_t count)
{
    char byte = 0;
    const struct iovec bytes = { &byte, 1 };
    int ends[2] = { -1, -1 };
    bool bundled = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
        bundled = send_all(ends[0], &bytes, 1, fds, count) == 1;
        close(ends[0]);
    }
    for (size_t i = 0; i < count; i++)
        if (bundled && file_is_socket(fds[i])) /* of a file any close may wait: its system is told of each */
            close(fds[i]);                     /* it is in the bundle, too, which is ours still */
        else
            closer_drop(fds[i]);
    closer_drop(ends[1]);
}

/* The only one; or PASSING_MANY, or -1. */
static int take_descriptors(struct msghdr *message)
{
    int fds[MOST];
    size_t count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header))
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            size_t size = header->cmsg_len - CMSG_LEN(0);
            memcpy(fds, CMSG_DATA(header), size); /* there is one such header at most, and room for no more */
            count = size / sizeof *fds;
        }
    if (count > 1)
        drop_many(fds, count);
    return count > 1 ? PASSING_MANY : count == 1 ? fds[0] : -1;
}

/* ---------------------------------------------------------------------------------------------------------- */

ssize_t passing_send(int socket, const struct iovec *parts, size_t count, int fd)
{
    return send_all(socket, parts, count, &fd, fd >= 0);
}

ssize_t passing_receive(int socket, const struct iovec *parts, size_t count, int *ret_fd)
{
    union control control; /* filled as far as something has come */
    struct msghdr message = { .msg_iov = (struct iovec *)parts,
                              .msg_iovlen = count,
                              .msg_control = control.room,
                              .msg_controllen = sizeof control.room };
    ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int fd = n >= 0 ? take_descriptors(&message) : -1;
    if (ret_fd)
        *ret_fd = fd;
    else
        closer_drop(fd);
    return n;
}

void passing_close(int socket)
{
    char byte;
    int type = 0;
    socklen_t length = sizeof type;
    (void)shutdown(socket, SHUT_RDWR); /* from here on nothing comes that is not there already */
    (void)getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &length);
    /* Of messages one without bytes looks like the end, and an error comes before them. */
    if (type == SOCK_STREAM && recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
        close(socket);
    else
        closer_drop(socket);
}
