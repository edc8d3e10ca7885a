#include "proc/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/listener.h"
#include "net/server.h"
#include "obs/access.h"
#include "obs/counters.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "proc/crash.h"
#include "proc/ready.h"
#include "proc/signals.h"

enum {
    DRAIN_TICK_MS = 10,
    /* A connection may have been accepted whose request has not been read yet: this long nothing must have happened. */
    DRAIN_QUIET_MS = 100,
};

static bool open_listeners(struct listener *listeners, const struct settings *settings, size_t *ret_count)
{
    ngi_error err = { 0 };
    for (*ret_count = 0; *ret_count < settings->listen_count; ++*ret_count)
        if (listener_open(&listeners[*ret_count], settings->listen[*ret_count], (int)settings->backlog, &err) !=
            NGI_OK) {
            log_line(NGI_LOG_ERROR, "%s", err.text);
            return false;
        }
    return true;
}

/* A connection is a descriptor: as many as are allowed have to be possible. */
static void raise_descriptor_limit(const struct settings *settings)
{
    enum { OWN = 64 }; /* listeners, epoll, logs, plugin files, spooled bodies */
    struct rlimit limit;
    rlim_t wanted = (rlim_t)settings->connections * (rlim_t)settings->listen_count + OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
        log_line(NGI_LOG_WARNING, "connections = %lld, but only %llu files may be open: raise ulimit -n",
                 (long long)settings->connections, (unsigned long long)limit.rlim_cur);
}

static void announce(const struct registry *registry, const struct listener *listeners, size_t count,
                     const struct server *server)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = registry->plugins[i];
        bool may_block = false;
        for (size_t j = 0; j < plugin->route_count; j++)
            may_block |= (plugin->routes[j].flags & NGI_MAY_BLOCK) != 0;
        log_line(NGI_LOG_INFO, "plugin %s %s at %s: %zu route%s, pool%s", plugin->name,
                 plugin->module->self.version ? plugin->module->self.version : "-",
                 *plugin->mount ? plugin->mount : "/", plugin->route_count, plugin->route_count == 1 ? "" : "s",
                 may_block ? " (it may block: while it does, other connections of its pool thread wait)" : "");
    }
    for (size_t i = 0; i < count; i++)
        log_line(NGI_LOG_INFO, "listening on %s, %u pool thread%s", listeners[i].url, server_threads(server),
                 server_threads(server) == 1 ? "" : "s");
}

/* Handles signals until one says stop. */
static void wait_for_stop(void)
{
    for (;;) {
        ngi_error err = { 0 };
        int signal = signals_wait(-1);
        switch (signal) {
        case SIGTERM:
        case SIGINT: return;
        case SIGUSR1:
            if (access_reopen(&err) != NGI_OK)
                log_line(NGI_LOG_ERROR, "%s: still writing to the old file", err.text);
            break;
        default:
            log_line(NGI_LOG_WARNING, "signal %d (%s) is for a later release; restart to load a new configuration",
                     signal, sigdescr_np(signal));
        }
    }
}

/* Lets requests under way end, for the grace period at most or until a second signal. */
static void drain(struct server *server, double grace)
{
    int64_t now = clock_ms(), deadline = now + (int64_t)(grace * 1000), quiet_since = now;
    uint64_t begun = 0;
    server_quiesce(server);
    log_line(NGI_LOG_INFO, "stopping: %llu request%s under way", (unsigned long long)server_active(server),
             server_active(server) == 1 ? "" : "s");
    for (;; now = clock_ms()) {
        struct counters sum = counters_sum();
        if (sum.begun != begun || sum.begun != sum.ended) {
            begun = sum.begun;
            quiet_since = now;
        }
        if (sum.opened == sum.closed || now - quiet_since >= DRAIN_QUIET_MS)
            return;
        if (now >= deadline) {
            log_line(NGI_LOG_WARNING, "the grace period of %g s is over: %llu request(s) are cut", grace,
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
        int signal = signals_wait(DRAIN_TICK_MS);
        if (signal == SIGTERM || signal == SIGINT) {
            log_line(NGI_LOG_WARNING, "stopping at once: %llu request(s) are cut",
                     (unsigned long long)(sum.begun - sum.ended));
            return;
        }
    }
}

/* Everything between the sockets and the end of the plugins' fini. */
static int serve(const struct settings *settings, struct registry *registry, const struct listener *listeners,
                 size_t count, int ready_fd)
{
    const struct dispatch dispatch = { registry, settings->debug };
    struct report report = { 0 };
    struct server *server = NULL;
    ngi_error err = { 0 };
    int status = 1;
    host_set_run_flags(NGI_RUN_MULTITHREAD);
    if (!registry_start(registry, &report)) {
        report_log(&report);
        goto out;
    }
    if (access_open(settings->access_log, settings->access_log_format, &err) != NGI_OK ||
        server_start(&server, settings, &dispatch, listeners, count, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", err.text);
        goto out;
    }
    announce(registry, listeners, count, server);
    log_set_stamp(true);
    if (ready_tell(ready_fd, listeners, count, &err) != NGI_OK)
        log_line(NGI_LOG_WARNING, "%s", err.text);
    wait_for_stop();
    ready_stopping();
    drain(server, settings->grace);
    status = 0;
out:
    server_stop(server);
    call_thread_end();
    registry_stop(registry);
    access_close();
    report_free(&report);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int worker_run(const struct settings *settings, struct registry *registry, int ready_fd)
{
    size_t count = 0;
    struct listener *listeners = calloc(settings->listen_count, sizeof *listeners);
    if (!listeners) {
        log_line(NGI_LOG_ERROR, "out of memory");
        return 1;
    }
    signals_take();
    crash_watch();
    raise_descriptor_limit(settings);
    /* Ports before init: a second gateway on the same port must not touch the plugins' databases first. */
    int status =
        open_listeners(listeners, settings, &count) ? serve(settings, registry, listeners, count, ready_fd) : 1;
    while (count > 0)
        listener_close(&listeners[--count]);
    free(listeners);
    return status;
}
