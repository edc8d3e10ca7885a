#include "proc/guard.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "plugin/plugin.h"

/* For handlers that are about to return: a second, in pieces, of which a machine that stands still uses up one. */
enum { PIECES = 20, PIECE_MS = 50 };

static void name_running(void *unused, const struct plugin_route *route)
{
    (void)unused;
    log_line(NGI_LOG_ERROR, "plugin %s: the handler of route \"%s\" has not returned", route->plugin->name,
             route->spec->pattern);
}

/* Whether the end has come within a piece. */
static bool ends_now(struct guard *guard)
{
    const struct timespec until = clock_after(PIECE_MS * 1000);
    int rc;
    while ((rc = sem_clockwait(&guard->ended, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
        ;
    return rc == 0;
}

static void *watch(void *arg)
{
    for (int i = 0; i < PIECES; i++)
        if (ends_now(arg))
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
