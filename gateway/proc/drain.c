#include "proc/drain.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "plugin/plugin.h"
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
    HANDOVER_QUIET_MS = 2000,
    /* After the drain: for handlers that are about to return. */
    LAST_MOMENT_S = 1,
    /* Of it, for clients to get their 503. */
    ANSWER_MS = 200,
};

/* --- the guard ----------------------------------------------------------------------------------------------- */

struct guard {
    sem_t stopped;
};

static void name_running(void *unused, const struct plugin_route *route)
{
    (void)unused;
    log_line(NGI_LOG_ERROR, "plugin %s: the handler of route \"%s\" has not returned", route->plugin->name,
             route->spec->pattern);
}

/* A thread that ends the process unless the server has stopped in time: joining a thread cannot be given up. */
static void *watch(void *arg)
{
    struct guard *guard = arg;
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += LAST_MOMENT_S;
    int rc;
    while ((rc = sem_clockwait(&guard->stopped, CLOCK_MONOTONIC, &deadline)) < 0 && errno == EINTR)
        ;
    if (rc == 0)
        return NULL;
    counters_each_running(name_running, NULL);
    log_line(NGI_LOG_ERROR, "ended without waiting any longer, and without the plugins' fini");
    _exit(1);
}

/* Gives the pool threads the moment it takes to send what the cancelled requests are answered. */
static void await_answers(void)
{
    int64_t until = clock_ms() + ANSWER_MS;
    struct counters sum = counters_sum();
    while (sum.begun != sum.ended && clock_ms() < until) {
        (void)orders_wait(1);
        sum = counters_sum();
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void drain_requests(struct server *server, const struct registry *registry, double grace, enum order order)
{
    bool handover = order == ORDER_DRAIN;
    int64_t now = clock_ms(), deadline = now + (int64_t)(grace * 1000), quiet_since = now;
    struct counters before = counters_sum();
    uint64_t begun = 0, under_way = before.begun - before.ended;
    uint64_t expected = before.opened + server_quiesce(server, !handover);
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
        if (now - quiet_since >= (empty ? SETTLE_MS : handover ? HANDOVER_QUIET_MS : QUIET_MS) &&
            lanes_are_idle(registry))
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
            expected = counters_sum().opened + server_quiesce(server, true);
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

void drain_stop(struct server *server, const struct registry *registry)
{
    struct guard guard;
    pthread_t thread;
    sem_init(&guard.stopped, 0, 0);
    int error = pthread_create(&thread, NULL, watch, &guard);
    bool guarded = error == 0;
    if (!guarded)
        log_line(NGI_LOG_WARNING, "no thread to watch over the end: %s", strerror(error));
    /* No connection may be suspended when libmicrohttpd stops: all are answered, and from here on none is handed over.
     */
    watch_cancel_all(NGI_CANCEL_SHUTDOWN);
    await_answers();
    task_await_resumed();
    server_stop(server);
    lanes_stop(registry);
    watch_stop();
    sem_post(&guard.stopped);
    if (guarded)
        pthread_join(thread, NULL);
    sem_destroy(&guard.stopped);
}
