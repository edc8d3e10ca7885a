/* SPDX-License-Identifier: MIT
 *
 * wait.c - see wait.h.
 */
#include "wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t wait_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int wait_for(const struct patience *patience, int fd, short events, int64_t until_ms)
{
    int64_t end = until_ms < patience->deadline_ms ? until_ms : patience->deadline_ms;

    for (;;) {
        struct pollfd polled[] = { { fd, events, 0 },
                                   { patience->cancel_fd, POLLIN, 0 } }; /* a negative one is left out */
        int64_t left = end - wait_now_ms();
        int n = poll(polled, 2, left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX);

        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return WAIT_TIMEOUT; /* no memory for poll: there is nothing to wait with */
        if (n > 0 && polled[1].revents)
            return WAIT_CANCELLED;
        if (n > 0)
            return WAIT_READY;
        if (n == 0 && left <= 0)
            return end == until_ms ? WAIT_TIMEOUT : WAIT_DEADLINE;
    }
}
