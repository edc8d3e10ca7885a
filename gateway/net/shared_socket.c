#include "net/shared_socket.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/interpose.h"

/* Written before the first daemon starts, read by all. */
static int shared[SHARED_SOCKETS_MOST];
static size_t shared_count;

static _Atomic bool quiescing; /* relaxed: it is set before the race begins */

static bool is_shared(int fd)
{
    for (size_t i = 0; i < shared_count; i++)
        if (shared[i] == fd)
            return true;
    return false;
}

static int next_shutdown(int fd, int how)
{
    static _Atomic(void *) known;
    int (*call)(int fd, int how);
    *(void **)&call = interpose_next("shutdown", &known);
    return call(fd, how);
}

/* --- for the whole process, in place of libc's ------------------------------------------------------------------- */

/* MHD_quiesce_daemon takes the listening socket out of the epoll set of every pool thread, while those threads take it
 * out themselves as soon as they notice: without a lock, and who comes second aborts the process (0.9.75 and 1.0.1,
 * seen once in a thousand stops). That the socket is not in the set any more is what was wanted. */
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    static _Atomic(void *) known;
    int (*call)(int epoll, int op, int fd, struct epoll_event *event);
    *(void **)&call = interpose_next("epoll_ctl", &known);
    int rc = call(epoll, op, fd, event);
    bool late = rc < 0 && errno == ENOENT && op == EPOLL_CTL_DEL &&
                atomic_load_explicit(&quiescing, memory_order_relaxed) && is_shared(fd);
    return late ? 0 : rc;
}

/* A daemon that cannot start all of its threads, or is stopped without having been quiesced, shuts its listening socket
 * down. It is the other processes' too, who would serve a dead port. */
int shutdown(int fd, int how)
{
    return is_shared(fd) ? 0 : next_shutdown(fd, how);
}

/* ---------------------------------------------------------------------------------------------------------- */

int shared_sockets_name(const struct listeners *listeners, ngi_error *err)
{
    if (listeners->count > SHARED_SOCKETS_MOST)
        return ngi_error_set(err, NGI_EINVAL, "listen: %d listeners are the most", SHARED_SOCKETS_MOST);
    for (size_t i = 0; i < listeners->count; i++)
        shared[i] = listeners->all[i].fd;
    shared_count = listeners->count;
    return NGI_OK;
}

void shared_socket_quiesce(struct MHD_Daemon *daemon)
{
    atomic_store_explicit(&quiescing, true, memory_order_relaxed);
    MHD_quiesce_daemon(daemon);
}

void shared_socket_shut(const struct listener *listener)
{
    (void)next_shutdown(listener->fd, SHUT_RD);
}
