#include "net/quiesce.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* MHD_quiesce_daemon takes the listening socket out of the epoll set of every pool thread, while those threads take it
 * out themselves as soon as they notice: without a lock, and who comes second aborts the process (0.9.75 and 1.0.1,
 * seen once in a thousand stops). So epoll_ctl is ours, for the whole process: that the socket is not in the set any
 * more is what was wanted. ThreadSanitizer needs its own. */
static _Atomic int quiesced = -1; /* relaxed: it is set before the race begins */

#if !defined(__SANITIZE_THREAD__)
int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    int rc = (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
    if (rc < 0 && errno == ENOENT && op == EPOLL_CTL_DEL && fd == atomic_load_explicit(&quiesced, memory_order_relaxed))
        return 0;
    return rc;
}
#endif

/* ---------------------------------------------------------------------------------------------------------- */

void quiesce(struct MHD_Daemon *daemon, int fd)
{
    atomic_store_explicit(&quiesced, fd, memory_order_relaxed);
    MHD_quiesce_daemon(daemon);
}
