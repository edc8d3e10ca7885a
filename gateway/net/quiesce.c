#include "net/quiesce.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* MHD_quiesce_daemon takes the listening socket out of the epoll set of every pool thread, while those threads take it
 * out themselves as soon as they notice: without a lock, and who comes second aborts the process (0.9.75 and 1.0.1,
 * seen once in a thousand stops). So epoll_ctl is ours, for the whole process: that the socket is not in the set any
 * more is what was wanted. */
static _Atomic bool quiescing; /* relaxed: it is set before the race begins */

/* Or did, until another worker, whose socket it is too, has shut it down. */
static bool listens(int fd)
{
    struct sockaddr_storage peer;
    int on = 0;
    socklen_t length = sizeof on, peer_length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) < 0)
        return false;
    return on || (getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0 && errno == ENOTCONN);
}

typedef int (*epoll_ctl_fn)(int epoll, int op, int fd, struct epoll_event *event);

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    static _Atomic(epoll_ctl_fn) next; /* libc's, or a sanitizer's. Relaxed: every thread finds the same. */
    epoll_ctl_fn call = atomic_load_explicit(&next, memory_order_relaxed);
    if (!call) {
        *(void **)&call = dlsym(RTLD_NEXT, "epoll_ctl");
        atomic_store_explicit(&next, call, memory_order_relaxed);
    }
    int rc = call(epoll, op, fd, event);
    if (rc == 0 || errno != ENOENT || op != EPOLL_CTL_DEL || !atomic_load_explicit(&quiescing, memory_order_relaxed))
        return rc;
    if (listens(fd))
        return 0;
    errno = ENOENT;
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

void quiesce(struct MHD_Daemon *daemon)
{
    atomic_store_explicit(&quiescing, true, memory_order_relaxed);
    MHD_quiesce_daemon(daemon);
}
