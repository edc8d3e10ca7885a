#include "proc/state.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "http/method.h"
#include "obs/counters.h"
#include "plugin/registry.h"
#include "run/hosts.h"
#include "run/lane.h"

static json_t *describe_executor(const struct executor_state *state)
{
    return json_pack("{s:i, s:i, s:i}", "threads", (int)state->threads, "idle", (int)state->idle, "waiting",
                     (int)state->waiting);
}

static json_t *describe_route(const struct plugin_route *route)
{
    char methods[METHOD_LIST_SIZE];
    method_names(route->spec->methods, methods);
    json_t *object = json_pack("{s:s, s:s}", "methods", methods, "pattern", route->spec->pattern);
    if (!object || !route->lane) /* not served yet */
        return object;
    struct lane_state state = lane_look(route->lane);
    json_object_set_new(object, "rung", json_string(state.rung));
    json_object_set_new(object, "why", json_string(state.why));
    json_object_set_new(object, "fast", json_integer(state.fast));
    json_object_set_new(object, "probation", json_integer(state.probation));
    json_object_set_new(object, "relapses", json_integer(state.relapses));
    json_object_set_new(object, "executor", describe_executor(&state.calls));
    json_object_set_new(object, "background", describe_executor(&state.background));
    return object;
}

static json_t *describe_hosts(const struct plugin *plugin)
{
    struct hosts_state state = { 0 };
    hosts_look(plugin->hosts, &state);
    json_t *object = json_pack("{s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:i, s:s}", "processes", (int)state.processes,
                               "most", (int)plugin->hosts_most, "busy", (int)state.busy, "waiting", (int)state.waiting,
                               "calls", (json_int_t)state.calls, "recycled", (json_int_t)state.recycled, "crashed",
                               (json_int_t)state.crashed, "failures", (int)state.failures, "circuit", state.circuit);
    if (state.retry_s > 0)
        json_object_set_new(object, "retry", json_integer(state.retry_s));
    if (state.last[0])
        json_object_set_new(object, "last", json_string(state.last));
    return object;
}

static json_t *describe_plugin(const struct plugin *plugin)
{
    const struct facts *facts = plugin->module->facts;
    json_t *routes = json_array();
    for (size_t i = 0; i < plugin->route_count; i++)
        json_array_append_new(routes, describe_route(&plugin->routes[i]));
    return json_pack("{s:s, s:s*, s:s, s:s, s:s*, s:o*, s:o}", "name", plugin->name, "version",
                     plugin->module->self.version, "mount", *plugin->mount ? plugin->mount : "/", "file",
                     plugin->module->path, "build_id", facts ? facts->build_id : NULL, "hosts",
                     plugin->hosts ? describe_hosts(plugin) : NULL, "routes", routes);
}

static json_t *describe_slow(const struct counters *sum)
{
    return json_pack("{s:I, s:I, s:I}", "head", (json_int_t)sum->cut[COUNTERS_CUT_HEAD], "body",
                     (json_int_t)sum->cut[COUNTERS_CUT_BODY], "send", (json_int_t)sum->cut[COUNTERS_CUT_SEND]);
}

/* ---------------------------------------------------------------------------------------------------------- */

void state_write(void *arg, int fd)
{
    const struct registry *registry = arg;
    const struct counters sum = counters_sum();
    json_t *plugins = json_array();
    for (size_t i = 0; registry && i < registry->count; i++)
        json_array_append_new(plugins, describe_plugin(registry->plugins[i]));
    json_t *object =
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "connections", (json_int_t)(sum.opened - sum.closed),
                  "requests_under_way", (json_int_t)(sum.begun - sum.ended), "requests_ended", (json_int_t)sum.ended,
                  "refused", (json_int_t)sum.refused, "slow", describe_slow(&sum), "plugins", plugins);
    if (!object || json_dumpfd(object, fd, JSON_COMPACT) < 0)
        log_line(NGI_LOG_ERROR, "the state could not be told: out of memory");
    json_decref(object);
}
