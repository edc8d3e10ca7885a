#include "proc/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

union control {
    struct cmsghdr header; /* for its alignment */
    char room[CMSG_SPACE(sizeof(int))];
};

/* ---------------------------------------------------------------------------------------------------------- */

int channel_open(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0 ? -errno : 0;
}

int channel_send(int channel, int message, const char *text, int fd)
{
    char kind = (char)message;
    size_t length = text ? strnlen(text, CHANNEL_TEXT_MAX) : 0;
    struct iovec parts[] = { { &kind, 1 }, { (char *)text, length } };
    struct msghdr whole = { .msg_iov = parts, .msg_iovlen = length ? 2 : 1 };
    union control control = { .room = { 0 } };
    if (fd >= 0) {
        whole.msg_control = control.room;
        whole.msg_controllen = sizeof control.room;
        struct cmsghdr *header = CMSG_FIRSTHDR(&whole);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t n;
    do
        n = sendmsg(channel, &whole, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int channel_receive(int channel, char text[CHANNEL_TEXT_MAX + 1], int *ret_fd)
{
    char kind = 0;
    struct iovec parts[] = { { &kind, 1 }, { text, CHANNEL_TEXT_MAX } };
    union control control = { .room = { 0 } };
    struct msghdr whole = { .msg_iov = parts, .msg_iovlen = 2 };
    if (ret_fd) {
        whole.msg_control = control.room;
        whole.msg_controllen = CMSG_LEN(sizeof(int)); /* CMSG_SPACE would let a second one in, which nobody closes */
        *ret_fd = -1;
    }
    ssize_t n;
    do
        n = recvmsg(channel, &whole, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return MESSAGE_NONE;
    struct cmsghdr *header = n >= 0 && ret_fd ? CMSG_FIRSTHDR(&whole) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
    if (n == 0 && ret_fd && *ret_fd >= 0) { /* an empty message may bring one, too */
        close(*ret_fd);
        *ret_fd = -1;
    }
    if (n <= 0)
        return -1;
    text[n - 1] = '\0';
    return (unsigned char)kind;
}
