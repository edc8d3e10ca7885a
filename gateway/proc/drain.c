#include "proc/drain.h"

#include <signal.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/access.h"
#include "obs/counters.h"
#include "proc/guard.h"
#include "proc/signals.h"
#include "run/lane.h"
#include "run/task.h"
#include "run/watch.h"

enum {
    TICK_MS = 10,
    /* A thread that has just accepted a connection needs a moment to say so. */
    SETTLE_MS = 20,
    /* A connection may have been accepted whose request has not been read yet: this long nothing must have happened. */
    QUIET_MS = 100,
    /* After the drain: for clients to get their 503. */
    ANSWER_MS = 200,
};

/* Gives the pool threads the moment it takes to send what the cancelled requests are answered. */
static void await_answers(void)
{
    int64_t until = clock_ms() + ANSWER_MS;
    struct counters sum = counters_sum();
    while (sum.begun != sum.ended && clock_ms() < until) {
        (void)signals_wait(1);
        sum = counters_sum();
    }
}

static void close_all(void *listeners)
{
    listeners_close(listeners);
}

/* ---------------------------------------------------------------------------------------------------------- */

void drain_requests(struct server *server, const struct registry *registry, double grace)
{
    int64_t now = clock_ms(), deadline = now + (int64_t)(grace * 1000), quiet_since = now;
    struct counters before = counters_sum();
    uint64_t begun = 0, under_way = before.begun - before.ended;
    uint64_t expected = before.opened + server_quiesce(server);
    log_line(NGI_LOG_INFO, "stopping: %llu request%s under way", (unsigned long long)under_way,
             under_way == 1 ? "" : "s");
    for (;; now = clock_ms()) {
        struct counters sum = counters_sum();
        if (sum.begun != begun || sum.begun != sum.ended) {
            begun = sum.begun;
            quiet_since = now;
        }
        bool empty = sum.opened == sum.closed && sum.opened >= expected;
        if (now - quiet_since >= (empty ? SETTLE_MS : QUIET_MS) && lanes_are_idle(registry))
            return;
        if (now >= deadline) {
            log_line(NGI_LOG_WARNING, "the grace period of %g s is over: %llu request(s) are cut", grace,
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
        int signal = signals_wait(TICK_MS);
        if (signal == SIGUSR1)
            access_reopen();
        if (signal == SIGTERM || signal == SIGINT) {
            log_line(NGI_LOG_WARNING, "stopping at once: %llu request(s) are cut",
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
    }
}

void drain_stop(struct server *server, const struct registry *registry, struct listeners *listeners)
{
    struct guard guard;
    guard_begin(&guard, close_all, listeners);
    /* No connection may be suspended when libmicrohttpd stops: all are answered, and from here on none is handed over.
     */
    watch_cancel_all(NGI_CANCEL_SHUTDOWN);
    await_answers();
    task_await_resumed();
    server_stop(server);
    lanes_stop(registry);
    watch_stop();
    guard_end(&guard);
}
