#include "run/lane.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/hosts.h"
#include "run/neighbours.h"

static bool is_all_on_pool(const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].run != RUN_POOL)
            return false;
    return true;
}

/* Where `auto` has no choice, or none is left to it. */
static void settle_rule(struct lane *lane)
{
    const struct plugin_route *route = lane->route;
    static const struct {
        uint32_t flag;
        enum run_mode rule;
        const char *why;
    } said[] = {
        { NGI_SERIAL, RUN_THREAD, "NGI_SERIAL: a queue, one call at a time" },
        { NGI_MAY_BLOCK, RUN_THREAD, "NGI_MAY_BLOCK" },
        { NGI_NEVER_BLOCKS, RUN_POOL, "NGI_NEVER_BLOCKS" },
    };
    lane->rule = (enum run_mode)route->run;
    lane->why = route->why ? route->why : "as configured";
    /* A thread that holds the plugin's lock may wait for a client: no pool thread may wait for that thread. */
    if (lane->rule == RUN_POOL && route->serial == &route->plugin->serial && !is_all_on_pool(route->plugin))
        lane->rule = RUN_THREAD;
    if (lane->rule != RUN_AUTO)
        return;
    lane->why = "auto";
    if (route->stream_body) {
        lane->rule = RUN_THREAD;
        lane->why = "it reads its body as it arrives";
        return;
    }
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (route->flags & said[i].flag) {
            lane->rule = said[i].rule;
            lane->why = said[i].why;
            return;
        }
}

/* NGI_SERIAL of the plugin is one queue for all its routes. */
static struct executor *shared_executor(const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].lane && plugin->routes[i].serial == &plugin->serial)
            return plugin->routes[i].lane->executor;
    return NULL;
}

static void lane_free(struct lane *lane)
{
    if (!lane)
        return;
    if (lane->owns_executor)
        executor_free(lane->executor);
    executor_free(lane->afterwards);
    free(lane);
}

static struct lane *lane_new(const struct plugin *plugin, const struct plugin_route *route,
                             const struct settings *settings)
{
    struct lane *lane = calloc(1, sizeof *lane);
    char name[16];
    if (!lane)
        return NULL;
    lane->route = route;
    lane->background_most = route->queue > 0 ? route->queue : 1;
    settle_rule(lane);
    if (lane->rule == RUN_PROCESS)
        lane->hosts = plugin->hosts;
    snprintf(name, sizeof name, "%s", plugin->name);
    const struct executor_limits limits = {
        .threads = route->serial ? 1 : route->threads,
        .queue = route->queue,
        .idle_ms = (int)(settings->thread_idle * 1000),
        .name = name,
    };
    lane->afterwards = executor_new(&limits);
    if (route->serial == &plugin->serial)
        lane->executor = shared_executor(plugin);
    lane->owns_executor = !lane->executor;
    if (!lane->executor)
        lane->executor = executor_new(&limits);
    if (!lane->executor || !lane->afterwards) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

static void tell_change(const struct lane *lane, enum placement_change change, const struct measure *measure)
{
    const char *plugin = lane->route->plugin->name, *pattern = lane->route->spec->pattern;
    unsigned calls = placement_probation(&lane->placement);
    if (change == PLACEMENT_PROMOTED)
        log_line(NGI_LOG_INFO, "plugin %s: route \"%s\" now runs on the pool: its last %u calls took less than %g ms",
                 plugin, pattern, calls, PLACEMENT_BUDGET_US / 1e3);
    else
        log_line(NGI_LOG_INFO,
                 "plugin %s: route \"%s\" now runs on its own threads: a call took %.1f ms; back on the pool after %u "
                 "fast ones",
                 plugin, pattern, (double)measure->took_us / 1e3, calls);
}

/* ---------------------------------------------------------------------------------------------------------- */

int lanes_start(const struct registry *registry, const struct settings *settings, ngi_error *err)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = registry->plugins[i];
        for (size_t j = 0; j < plugin->route_count; j++) {
            plugin->routes[j].lane = lane_new(plugin, &plugin->routes[j], settings);
            if (!plugin->routes[j].lane)
                return ngi_error_set(err, NGI_ENOMEM, "out of memory");
        }
    }
    return NGI_OK;
}

void lanes_stop(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct plugin *plugin = registry->plugins[i];
        for (size_t j = 0; j < plugin->route_count; j++) {
            struct lane *lane = plugin->routes[j].lane;
            plugin->routes[j].lane = NULL;
            lane_free(lane);
        }
    }
}

bool lanes_are_idle(const struct registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i]->route_count; j++) {
            const struct lane *lane = registry->plugins[i]->routes[j].lane;
            if (!executor_is_idle(lane->executor) || !executor_is_idle(lane->afterwards) ||
                (lane->hosts && !hosts_are_idle(lane->hosts)))
                return false;
        }
    return true;
}

enum lane_place lane_place(struct lane *lane)
{
    if (lane->rule != RUN_AUTO)
        return lane->rule == RUN_POOL ? LANE_HERE : LANE_AWAY;
    if (atomic_load_explicit(&lane->streams, memory_order_relaxed))
        return LANE_AWAY;
    switch (placement_choose(&lane->placement)) {
    case PLACE_POOL: return LANE_HERE;
    case PLACE_ALONE: return neighbours_hold() ? LANE_HERE_HELD : LANE_AWAY;
    case PLACE_EXECUTOR: break;
    }
    return LANE_AWAY;
}

bool lane_streams_body(const struct lane *lane)
{
    /* Waiting for a client is nothing for a pool thread: there the body comes whole, as ever. */
    return lane->route->stream_body && lane->rule != RUN_POOL;
}

bool lane_goes_on_here(const struct lane *lane)
{
    return lane->rule == RUN_POOL ||
           (lane->rule == RUN_AUTO && !atomic_load_explicit(&lane->streams, memory_order_relaxed) &&
            placement_choose(&lane->placement) == PLACE_POOL);
}

void lane_wants_streams(struct lane *lane, bool on_pool)
{
    if (atomic_load_explicit(&lane->streams, memory_order_relaxed))
        return;
    if (!atomic_exchange_explicit(&lane->streams, true, memory_order_relaxed) && on_pool)
        log_line(NGI_LOG_INFO, "plugin %s: route \"%s\" now runs on its own threads: it calls ngi_flush",
                 lane->route->plugin->name, lane->route->spec->pattern);
}

/* One that is not quick outweighs so many that are. */
enum { QUICK_FROM = 32, QUICK_MOST = 64, LONG_WEIGHS = 8 };

bool lane_is_quick(const struct lane *lane)
{
    return lane->hosts && atomic_load_explicit(&lane->quick, memory_order_relaxed) >= QUICK_FROM;
}

int64_t lane_usual_us(const struct lane *lane)
{
    return atomic_load_explicit(&lane->usual_us, memory_order_relaxed);
}

/* Near the median of the last hundred or so: what took very long once says little. */
static void note_usual(struct lane *lane, int64_t took_us)
{
    unsigned usual = atomic_load_explicit(&lane->usual_us, memory_order_relaxed);
    unsigned step = usual / 16 + 1;
    unsigned next = took_us > usual ? usual + step : usual > step ? usual - step : 0;
    atomic_store_explicit(&lane->usual_us, next < HOSTS_QUICK_US ? next : HOSTS_QUICK_US, memory_order_relaxed);
}

void lane_note_hosted(struct lane *lane, int64_t took_us)
{
    int quick = atomic_load_explicit(&lane->quick, memory_order_relaxed);
    note_usual(lane, took_us);
    int next = took_us <= HOSTS_QUICK_US ? quick + 1 : quick - LONG_WEIGHS;
    next = next < 0 ? 0 : next > QUICK_MOST ? QUICK_MOST : next;
    if (next != quick) /* two threads may count one call: it is a number of some calls */
        atomic_store_explicit(&lane->quick, next, memory_order_relaxed);
}

int64_t lane_wait_s(const struct lane *lane)
{
    if (lane->hosts)
        return hosts_wait_s(lane->hosts);
    struct executor_state state = executor_look(lane->executor);
    return 1 + state.usual_us * state.waiting / (state.threads ? state.threads : 1) / 1000000;
}

void lane_measure(struct lane *lane, struct measure *measure, int64_t start_us, bool on_pool)
{
    measure->start_us = start_us;
    measure->cpu_us = measure->waits = -1;
    if (lane->rule != RUN_AUTO || (on_pool && !placement_is_watched(&lane->placement)))
        return;
    const struct thread_usage usage = clock_thread_usage();
    measure->cpu_us = usage.cpu_us;
    measure->waits = usage.waits;
}

void lane_note(struct lane *lane, struct measure *measure, bool on_pool)
{
    measure->took_us = clock_us() - measure->start_us;
    if (lane->rule != RUN_AUTO)
        return;
    if (measure->cpu_us >= 0 && measure->took_us > PLACEMENT_BUDGET_US) {
        const struct thread_usage usage = clock_thread_usage();
        measure->cpu_us = usage.cpu_us - measure->cpu_us;
        measure->waits = usage.waits - measure->waits;
    }
    enum placement_change change = placement_note(&lane->placement, measure, on_pool);
    if (change != PLACEMENT_SAME)
        tell_change(lane, change, measure);
}

struct lane_state lane_look(const struct lane *lane)
{
    const struct placement *placement = &lane->placement;
    bool streams = atomic_load_explicit(&lane->streams, memory_order_relaxed);
    bool on_pool = lane_goes_on_here(lane), auto_rule = lane->rule == RUN_AUTO;
    return (struct lane_state){
        .rung = lane->hosts ? "processes"
              : on_pool     ? "pool"
                            : "threads",
        .why = !auto_rule ? lane->why
             : streams    ? "it calls ngi_flush"
             : on_pool    ? "its calls are fast"
                          : "not proven fast",
        .probation = auto_rule && !streams ? placement_probation(placement) : 0,
        .fast = atomic_load_explicit(&placement->fast, memory_order_relaxed),
        .relapses = atomic_load_explicit(&placement->relapses, memory_order_relaxed),
        .calls = executor_look(lane->executor),
        .background = executor_look(lane->afterwards),
    };
}

void lanes_tell(const struct registry *registry)
{
    for (size_t i = 0; log_level() >= NGI_LOG_DEBUG && i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i]->route_count; j++) {
            const struct plugin_route *route = &registry->plugins[i]->routes[j];
            struct lane_state state = lane_look(route->lane);
            log_line(NGI_LOG_DEBUG, "plugin %s: route \"%s\": %s (%s), %u of %u fast calls, %u relapses, %u threads",
                     route->plugin->name, route->spec->pattern, state.rung, state.why, state.fast, state.probation,
                     state.relapses, state.calls.threads);
        }
}
