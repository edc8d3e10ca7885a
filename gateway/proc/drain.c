#include "proc/drain.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "plugin/plugin.h"
#include "proc/signals.h"

enum {
    TICK_MS = 10,
    /* A thread that has just accepted a connection needs a moment to say so. */
    SETTLE_MS = 20,
    /* A connection may have been accepted whose request has not been read yet: this long nothing must have happened. */
    QUIET_MS = 100,
    /* After the drain: for handlers that are about to return. */
    LAST_MOMENT_S = 1,
};

/* --- the guard ----------------------------------------------------------------------------------------------- */

struct guard {
    sem_t stopped;
    struct listeners *listeners;
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
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += LAST_MOMENT_S;
    int rc;
    while ((rc = sem_timedwait(&guard->stopped, &deadline)) < 0 && errno == EINTR)
        ;
    if (rc == 0)
        return NULL;
    counters_each_running(name_running, NULL);
    log_line(NGI_LOG_ERROR, "ended without waiting any longer, and without the plugins' fini");
    listeners_close(guard->listeners);
    _exit(1);
}

/* ---------------------------------------------------------------------------------------------------------- */

void drain_requests(struct server *server, double grace)
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
        if (now - quiet_since >= (empty ? SETTLE_MS : QUIET_MS))
            return;
        if (now >= deadline) {
            log_line(NGI_LOG_WARNING, "the grace period of %g s is over: %llu request(s) are cut", grace,
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
        int signal = signals_wait(TICK_MS);
        if (signal == SIGTERM || signal == SIGINT) {
            log_line(NGI_LOG_WARNING, "stopping at once: %llu request(s) are cut",
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
    }
}

void drain_stop(struct server *server, struct listeners *listeners)
{
    struct guard guard = { .listeners = listeners };
    pthread_t thread;
    sem_init(&guard.stopped, 0, 0);
    bool guarded = pthread_create(&thread, NULL, watch, &guard) == 0;
    server_stop(server);
    sem_post(&guard.stopped);
    if (guarded)
        pthread_join(thread, NULL);
    sem_destroy(&guard.stopped);
}
