#include "proc/guard.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "obs/counters.h"
#include "plugin/plugin.h"

enum { LAST_MOMENT_S = 1 }; /* for handlers that are about to return */

static void name_running(void *unused, const struct plugin_route *route)
{
    (void)unused;
    log_line(NGI_LOG_ERROR, "plugin %s: the handler of route \"%s\" has not returned", route->plugin->name,
             route->spec->pattern);
}

static void *watch(void *arg)
{
    struct guard *guard = arg;
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += LAST_MOMENT_S;
    int rc;
    while ((rc = sem_clockwait(&guard->ended, CLOCK_MONOTONIC, &deadline)) < 0 && errno == EINTR)
        ;
    if (rc == 0)
        return NULL;
    counters_each_running(name_running, NULL);
    log_line(NGI_LOG_ERROR, "ended without waiting any longer, and without the plugins' fini");
    _exit(1);
}

/* ---------------------------------------------------------------------------------------------------------- */

void guard_begin(struct guard *guard)
{
    sem_init(&guard->ended, 0, 0);
    int error = pthread_create(&guard->thread, NULL, watch, guard);
    guard->started = error == 0;
    if (!guard->started)
        log_line(NGI_LOG_WARNING, "no thread to watch over the end: %s", strerror(error));
}

void guard_end(struct guard *guard)
{
    sem_post(&guard->ended);
    if (guard->started)
        pthread_join(guard->thread, NULL);
    sem_destroy(&guard->ended);
}
