#include "proc/front.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passing.h"

enum { REPLIES_MOST = 4096 };

/* As recv(2); keeps a descriptor that comes along. */
static ssize_t receive(struct front *front)
{
    const struct iovec bytes = { front->in, sizeof front->in };
    int fd;
    ssize_t n = passing_receive(front->fd, &bytes, 1, &fd);
    if (fd >= 0) {
        front_drop_file(front);
        front->came = fd;
    }
    return n;
}

/* As send(2). */
static ssize_t send_with_file(const struct front *front, const uint8_t *data, size_t n)
{
    const struct iovec bytes = { (void *)data, n };
    return passing_send(front->fd, &bytes, 1, front->goes);
}

/* ---------------------------------------------------------------------------------------------------------- */

void front_open(struct front *front, int fd, bool files, struct responder_values values)
{
    int on = 1;
    front->fd = fd;
    front->files = files;
    front->came = front->goes = -1;
    front->ended = front->gone = front->closing = false;
    front->at = front->end = 0;
    responder_init(&front->responder, values);
    buffer_init(&front->replies, REPLIES_MOST);
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    /* A record is a piece that the web server can pass on; a local socket knows no such option. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void front_close(struct front *front)
{
    close(front->fd);
    front_drop_file(front);
    responder_free(&front->responder);
    buffer_free(&front->replies);
}

bool front_wants(const struct front *front)
{
    return !front->ended && !front->closing && front->at == front->end &&
           front->replies.length + RESPONDER_REPLY_MOST <= REPLIES_MOST;
}

void front_fill(struct front *front)
{
    ssize_t n = front->files ? receive(front) : recv(front->fd, front->in, sizeof front->in, MSG_DONTWAIT);
    front->at = 0;
    front->end = n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        front->ended = true;
    if (n < 0 && front->ended)
        front->gone = true;
}

void front_next(struct front *front, struct responder_event *ret)
{
    do {
        if (front->replies.length + RESPONDER_REPLY_MOST > REPLIES_MOST) { /* the peer takes none: later */
            *ret = (struct responder_event){ .kind = RESPONDER_NOTHING };
            return;
        }
        front->at += responder_take(&front->responder, front->in + front->at, front->end - front->at, ret);
        if (ret->kind != RESPONDER_REPLY && ret->kind != RESPONDER_HANG_UP)
            return;
        /* Without memory for it the peer waits for a reply; there is nothing to do then but to close. */
        if (buffer_append(&front->replies, ret->data, ret->length) != 0 || ret->kind == RESPONDER_HANG_UP)
            front->closing = true;
    } while (!front->closing);
    ret->kind = RESPONDER_NOTHING;
}

int front_take_file(struct front *front)
{
    int fd = front->came;
    front->came = -1;
    return fd;
}

void front_drop_file(struct front *front)
{
    if (front->came >= 0)
        close(front->came);
    front->came = -1;
}

void front_drop(struct front *front)
{
    front_drop_file(front);
    front->at = front->end = 0;
}

size_t front_send(struct front *front, const uint8_t *data, size_t n)
{
    ssize_t done = 0;
    if (!front->gone)
        done =
            front->goes >= 0 ? send_with_file(front, data, n) : send(front->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done > 0)
        front->goes = -1;
    if (done >= 0)
        return (size_t)done;
    if (errno != EAGAIN && errno != EINTR)
        front->gone = front->ended = true;
    return 0;
}
