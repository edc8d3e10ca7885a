#include "proc/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/log.h"
#include "net/listener.h"
#include "net/server.h"
#include "obs/access.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "proc/drain.h"
#include "proc/ready.h"
#include "proc/signals.h"
#include "run/lane.h"
#include "run/runner.h"
#include "run/watch.h"

/* A connection is a descriptor, and a second one with a spilled body or a file that is sent: as many as are allowed
 * have to be possible. */
static void raise_descriptor_limit(const struct settings *settings)
{
    enum { OWN = 256 }; /* listeners, epoll, logs, a copy of each plugin */
    struct rlimit limit;
    rlim_t least = (rlim_t)settings->connections * (rlim_t)settings->listen_count + OWN, wanted = 2 * least;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < least)
        log_line(NGI_LOG_WARNING,
                 "connections = %lld at each listener want %llu files, but %llu may be open: raise "
                 "ulimit -n",
                 (long long)settings->connections, (unsigned long long)least, (unsigned long long)limit.rlim_cur);
}

/* "pool", "threads", "auto"; "pool/threads" where routes differ. */
static void announce_plugin(const struct plugin *plugin)
{
    static const char *const names[] = { [RUN_AUTO] = "auto", [RUN_POOL] = "pool", [RUN_THREAD] = "threads" };
    bool used[sizeof names / sizeof *names] = { false }, held = false;
    char rungs[32] = "";
    for (size_t i = 0; i < plugin->route_count; i++) {
        used[plugin->routes[i].lane->rule] = true;
        held |= plugin->routes[i].lane->rule == RUN_POOL && plugin->routes[i].flags & NGI_MAY_BLOCK;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (used[i])
            snprintf(rungs + strlen(rungs), sizeof rungs - strlen(rungs), "%s%s", *rungs ? "/" : "", names[i]);
    log_line(NGI_LOG_INFO, "plugin %s %s at %s: %zu route%s, %s%s", plugin->name,
             plugin->module->self.version ? plugin->module->self.version : "-", *plugin->mount ? plugin->mount : "/",
             plugin->route_count, plugin->route_count == 1 ? "" : "s", rungs,
             held ? " (it may block: while it does, other connections of its pool thread wait)" : "");
}

static void announce(const struct registry *registry, const struct listeners *listeners, const struct server *server)
{
    unsigned threads = server_threads(server);
    for (size_t i = 0; i < registry->count; i++)
        announce_plugin(registry->plugins[i]);
    for (size_t i = 0; i < listeners->count; i++)
        log_line(NGI_LOG_INFO, "listening on %s, %u pool thread%s", listeners->all[i].url, threads,
                 threads == 1 ? "" : "s");
}

/* Handles signals until one says stop. */
static void wait_for_stop(void)
{
    for (;;) {
        int signal = signals_wait(-1);
        switch (signal) {
        case SIGTERM:
        case SIGINT: return;
        case SIGUSR1: access_reopen(); break;
        default:
            log_line(NGI_LOG_WARNING, "SIG%s is for a later release; restart to load a new configuration",
                     sigabbrev_np(signal));
        }
    }
}

/* Everything between the sockets and the end of the plugins' fini. */
static int serve(const struct settings *settings, struct registry *registry, struct listeners *listeners, int ready_fd)
{
    const struct dispatch dispatch = dispatch_for(registry, settings);
    struct report report = { 0 };
    struct server *server = NULL;
    ngi_error err = { 0 };
    int status = 1;
    host_set_run_flags(NGI_RUN_MULTITHREAD);
    if (!registry_start(registry, &report)) {
        report_log(&report);
        goto out;
    }
    host_set_runner(&task_runner);
    if (lanes_start(registry, settings, &err) != NGI_OK ||
        watch_start(registry_least_timeout(registry), &err) != NGI_OK ||
        access_open(settings->access_log, settings->access_log_format, &err) != NGI_OK ||
        server_start(&server, settings, &dispatch, listeners, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", err.text);
        goto out;
    }
    announce(registry, listeners, server);
    log_set_stamp(true);
    if (ready_tell(ready_fd, listeners, &err) != NGI_OK)
        log_line(NGI_LOG_WARNING, "%s", err.text);
    wait_for_stop();
    ready_stopping();
    lanes_tell(registry);
    drain_requests(server, registry, settings->grace);
    drain_stop(server, registry, listeners);
    status = 0;
out:
    lanes_stop(registry);
    watch_stop();
    call_thread_end();
    registry_stop(registry);
    access_close();
    report_free(&report);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int worker_run(const struct settings *settings, struct registry *registry, int ready_fd)
{
    struct listeners listeners;
    ngi_error err = { 0 };
    signals_take();
    raise_descriptor_limit(settings);
    /* Ports before init: a second gateway on the same port must not touch the plugins' databases first. */
    if (listeners_open(&listeners, settings->listen, settings->listen_count, (int)settings->backlog, &err) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "%s", err.text);
        return 1;
    }
    int status = serve(settings, registry, &listeners, ready_fd);
    listeners_close(&listeners);
    return status;
}
