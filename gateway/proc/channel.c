#include "proc/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/closer.h"
#include "base/passing.h"

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
    ssize_t n;
    do
        n = passing_send(channel, parts, length ? 2 : 1, fd);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int channel_receive(int channel, char text[CHANNEL_TEXT_MAX + 1], int *ret_fd)
{
    char kind = 0;
    struct iovec parts[] = { { &kind, 1 }, { text, CHANNEL_TEXT_MAX } };
    ssize_t n;
    do
        n = passing_receive(channel, parts, 2, ret_fd);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return MESSAGE_NONE;
    bool message = n > 0 && kind != MESSAGE_NONE && (!ret_fd || *ret_fd != PASSING_MANY);
    if (!message && ret_fd) { /* what is no message may bring one, too */
        closer_drop(*ret_fd);
        *ret_fd = -1;
    }
    if (!message)
        return -1;
    text[n - 1] = '\0';
    return (unsigned char)kind;
}
