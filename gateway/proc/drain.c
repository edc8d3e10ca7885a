#include "proc/drain.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "proc/guard.h"
#include "run/lane.h"
#include "run/task.h"
#include "run/watch.h"

enum {
    TICK_MS = 10,
    /* A thread that has just accepted a connection needs a moment to say so. */
    SETTLE_MS = 20,
    /* A connection may have been accepted whose request has not been read yet: this long nothing must have happened. */
    QUIET_MS = 100,
    /* The same where others serve the port: a client whose connection is kept alive may be about to use it, and would
     * have to find out that it is closed. */
    HANDOVER_QUIET_MS = 3000,
    /* After the drain, for clients to get their 503: so many ticks, as a machine that stands still uses up one. */
    ANSWER_TICKS = 20,
};

/* Gives the pool threads the moment it takes to send what the cancelled requests are answered. */
static void await_answers(void)
{
    struct counters sum = counters_sum();
    for (int i = 0; i < ANSWER_TICKS && sum.begun != sum.ended; i++) {
        (void)orders_wait(TICK_MS);
        sum = counters_sum();
    }
}

/* Whether no other process accepts at a listener. */
static bool is_last(const void *handover, size_t listener)
{
    if (!*(const bool *)handover)
        return true;
    const char *listeners = orders_listeners();
    return listener < strlen(listeners) && listeners[listener] == LISTENER_GOES;
}

/* ---------------------------------------------------------------------------------------------------------- */

void drain_requests(struct server *server, const struct registry *registry, const struct nursery *nursery, double grace,
                    enum order order)
{
    bool handover = order == ORDER_DRAIN;
    int64_t now = clock_ms(), deadline = now + (int64_t)(grace * 1000), quiet_since = now;
    struct counters before = counters_sum();
    uint64_t begun = 0, under_way = before.begun - before.ended;
    uint64_t expected = before.opened + server_quiesce(server, is_last, &handover);
    orders_say(MESSAGE_QUIET, NULL);
    log_line(handover ? NGI_LOG_DEBUG : NGI_LOG_INFO, "%s: %llu request%s under way",
             handover ? "leaving the port to others" : "stopping", (unsigned long long)under_way,
             under_way == 1 ? "" : "s");
    for (;; now = clock_ms()) {
        struct counters sum = counters_sum();
        if (sum.begun != begun || sum.begun != sum.ended) {
            begun = sum.begun;
            quiet_since = now;
        }
        bool empty = sum.opened == sum.closed && sum.opened >= expected;
        if (now - quiet_since >= (empty      ? SETTLE_MS
                                  : handover ? HANDOVER_QUIET_MS
                                             : QUIET_MS) &&
            lanes_are_idle(registry) && nursery_is_idle(nursery))
            return;
        if (now >= deadline) {
            log_line(NGI_LOG_WARNING, "the grace period of %g s is over: %llu request(s) are cut", grace,
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
        if (order != ORDER_STOP_NOW)
            order = orders_wait(TICK_MS);
        if (order == ORDER_STOP && handover) {
            /* Nobody accepts any more: what waits in the queue is ours after all. */
            handover = false;
            expected = counters_sum().opened + server_quiesce(server, is_last, &handover);
            quiet_since = clock_ms();
            log_line(NGI_LOG_INFO, "stopping: %llu request%s under way", (unsigned long long)(sum.begun - sum.ended),
                     sum.begun - sum.ended == 1 ? "" : "s");
        }
        if (order == ORDER_STOP_NOW) {
            if (sum.begun != sum.ended)
                log_line(NGI_LOG_WARNING, "stopping at once: %llu request(s) are cut",
                         (unsigned long long)(sum.begun - sum.ended));
            return;
        }
    }
}

void drain_stop(struct server *server, const struct registry *registry, struct nursery *nursery)
{
    struct guard guard;
    guard_begin(&guard);
    /* No connection may be suspended when libmicrohttpd stops: all are answered, and from here on none is handed over.
     */
    watch_cancel_all(NGI_CANCEL_SHUTDOWN);
    await_answers();
    task_await_resumed();
    server_stop(server);
    guard_end(&guard);
    /* Host processes can be ended, whatever they do, so that nobody has to watch over that; and their calls belong to
     * lanes. */
    nursery_stop(nursery);
    guard_begin(&guard);
    lanes_stop(registry);
    watch_stop();
    guard_end(&guard);
}
