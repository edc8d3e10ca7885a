#include "proc/worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/settings_warn.h"
#include "net/listener.h"
#include "net/server.h"
#include "plugin/crash.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "proc/drain.h"
#include "proc/keep_crashes.h"
#include "proc/nursery.h"
#include "proc/orders.h"
#include "proc/signals.h"
#include "proc/state.h"
#include "run/hosts.h"
#include "run/lane.h"
#include "run/service.h"

/* A connection is a descriptor, and a second one with a spilled body or a file that is sent: as many as are allowed
 * have to be possible. */
static void raise_descriptor_limit(const struct settings *settings, bool warns)
{
    enum { OWN = 256 }; /* listeners, epoll, logs, a copy of each plugin */
    struct rlimit limit;
    rlim_t least = (rlim_t)settings->connections * (rlim_t)settings->listen_count + OWN, wanted = 2 * least;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if ((setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < least) && warns)
        log_line(NGI_LOG_WARNING,
                 "connections = %lld at each listener want %llu files, but %llu may be open: raise "
                 "ulimit -n",
                 (long long)settings->connections, (unsigned long long)least, (unsigned long long)limit.rlim_cur);
}

/* What the author asks for, and does not get. */
static void warn_of_isolation(const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].flags & NGI_ISOLATE && plugin->routes[i].run != RUN_PROCESS)
            log_line(NGI_LOG_WARNING,
                     "plugin %s: route \"%s\" runs in the gateway itself, as configured, although it says NGI_ISOLATE: "
                     "if it crashes, requests of others are lost",
                     plugin->name, plugin->routes[i].spec->pattern);
}

/* "pool", "threads", "processes", "auto"; "pool/threads" where routes differ. */
static void announce_plugin(const struct plugin *plugin)
{
    static const char *const names[] = {
        [RUN_AUTO] = "auto", [RUN_POOL] = "pool", [RUN_THREAD] = "threads", [RUN_PROCESS] = "processes"
    };
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
    for (size_t i = 0; i < registry->count; i++) {
        announce_plugin(registry->plugins[i]);
        warn_of_isolation(registry->plugins[i]);
    }
    for (size_t i = 0; i < listeners->count; i++)
        log_line(NGI_LOG_INFO, "listening on %s, %u pool thread%s", listeners->all[i].url, threads,
                 threads == 1 ? "" : "s");
}

/* Tells why nothing comes of it: the log, which need not hear it from every worker, and the supervisor. */
static void refuse(const struct report *report, bool announces)
{
    char text[CHANNEL_TEXT_MAX];
    size_t length = 0;
    if (announces)
        report_log(report);
    text[0] = '\0';
    for (size_t i = 0; i < report->count && length < sizeof text - 1; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s\n", report->lines[i]);
    orders_say(MESSAGE_FAILED, text);
}

/* What became of host processes is for `postern status` too. */
static void tell_supervisor(const char *text)
{
    orders_say(MESSAGE_EVENT, text);
}

/* What may never return is for the supervisor to say. */
static void tell_what_runs(const char *what)
{
    orders_say(MESSAGE_RUNS, what);
}

/* Waits until all workers of the generation have come as far. */
static enum order await_start(void)
{
    enum order order;
    do
        order = orders_wait(-1);
    while (order == ORDER_NONE);
    return order;
}

/* While plugins are initialised or finished, which may hang, nobody reads the channel: then the worker is not to
 * outlive its supervisor, which would have killed it. While it serves it finds out itself, and ends in good order. */
static void bind_life(const struct worker_brief *brief, bool bound)
{
    enum { LAST_S = 5 };
    prctl(PR_SET_PDEATHSIG, bound ? SIGKILL : 0);
    if (bound && getppid() != brief->supervisor)
        alarm(LAST_S); /* it is gone already */
}

/* From the first connection to the last. */
static int serve(const struct worker_brief *brief, struct registry *registry, struct nursery *nursery,
                 struct report *report)
{
    const struct dispatch dispatch = dispatch_for(registry, brief->settings);
    struct server *server = NULL;
    ngi_error err = { 0 };
    if (server_start(&server, brief->settings, &dispatch, brief->listeners, &err) != NGI_OK) {
        report_add(report, "%s", err.text);
        return 1;
    }
    if (brief->announces)
        announce(registry, brief->listeners, server);
    log_set_stamp(true);
    orders_say(MESSAGE_ACCEPTS, NULL);
    enum order order = await_start();
    lanes_tell(registry);
    drain_requests(server, registry, nursery, brief->settings->grace, order);
    drain_stop(server, registry, nursery);
    return 0;
}

/* Everything between loading the plugins and their fini. */
static int start_and_serve(const struct worker_brief *brief, struct registry *registry, struct nursery *nursery,
                           struct report *report)
{
    const uint32_t run_flags = NGI_RUN_MULTITHREAD | (brief->settings->processes != 1 ? NGI_RUN_MULTIPROCESS : 0);
    int status = 1;
    nursery_begin_init(nursery);
    bool good = service_start(registry, brief->settings, run_flags, report);
    good = nursery_await_init(nursery, report) && good;
    if (good && nursery_serve(nursery, report)) {
        bind_life(brief, false);
        orders_say(MESSAGE_LOADED, NULL);
        status = await_start() == ORDER_ACCEPT ? serve(brief, registry, nursery, report) : 0;
        bind_life(brief, true);
    }
    nursery_stop(nursery);
    service_stop(registry);
    return status;
}

/* ---------------------------------------------------------------------------------------------------------- */

int worker_run(const struct worker_brief *brief)
{
    struct report report = { 0 };
    struct registry *registry = registry_new();
    struct nursery *nursery = nursery_new(brief->settings);
    int status = 1;
    bind_life(brief, true);
    signals_leave_children();
    orders_begin(brief->signals, brief->channel, state_write, registry);
    crash_tell(orders_crashed);
    hosts_set_teller(tell_supervisor);
    plugin_set_teller(tell_what_runs);
    crash_watch(autopsy_request); /* static constructors run while a plugin is loaded */
    raise_descriptor_limit(brief->settings, brief->announces);
    if (brief->announces)
        settings_warn(brief->settings);
    keep_crashes(brief->settings, brief->announces);
    if (!registry || !nursery)
        report_add(&report, "out of memory");
    else if (nursery_load(nursery, registry, brief->bundle, &report))
        status = start_and_serve(brief, registry, nursery, &report);
    if (report.count > 0)
        refuse(&report, brief->announces);
    nursery_free(nursery);
    registry_free(registry);
    report_free(&report);
    return status;
}
