#include "run/dispatch.h"

#include "base/log.h"
#include "http/method.h"
#include "http/problem.h"

/* Answers with `status` and, for those that want it, Allow. */
static int refuse(struct request *request, int status, uint32_t allow)
{
    problem_respond(request, status, false, NULL);
    if (status == 405 || status == 204) {
        char methods[METHOD_LIST_SIZE];
        method_list(allow, methods);
        /* Out of memory: the status alone has to do. */
        (void)response_set_header(&request->response, "Allow", methods);
    }
    return status;
}

static int pattern_failed(struct request *request)
{
    const struct plugin_route *route = request->match.data;
    log_line(NGI_LOG_ERROR,
             "%s [%s]: route \"%s\": the pattern exceeds PCRE2's match limit on this path: make it simpler",
             request->plugin->name, request_id(request), route->spec->pattern);
    return problem_respond(request, 500, true, NULL);
}

/* Where the plugin is for the client: below what the server in front has taken off. NULL if out of memory. */
static const char *mount_point(struct request *request, const struct plugin *plugin)
{
    if (request->base_length == 0)
        return plugin->mount;
    return arena_format(&request->arena, "%.*s%s", (int)request->base_length, request->target.path, plugin->mount);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct dispatch dispatch_for(const struct registry *registry, const struct settings *settings)
{
    return (struct dispatch){
        .registry = registry,
        .debug = settings->debug,
        .body = { .memory = (size_t)settings->body_memory, .spool = settings->spool },
        .max_response = (size_t)settings->max_response,
    };
}

int dispatch_route(const struct dispatch *dispatch, struct request *request)
{
    const struct target *target = &request->target;
    if (request->headers_overflow)
        return refuse(request, 431, 0);
    if (request->method == 0) /* TRACE, CONNECT */
        return refuse(request, 405, NGI_ANY);
    if (target->asterisk)
        return refuse(request, request->method == NGI_OPTIONS ? 204 : 400, NGI_ANY);

    const char *path = target->path + request->base_length;
    size_t path_length = target->path_length - request->base_length;
    const struct plugin *plugin = registry_find(dispatch->registry, path, path_length);
    if (!plugin)
        return refuse(request, 404, 0);
    const char *below = path + plugin->mount_length;
    request->plugin = plugin;
    request->ngi.ngi = &plugin->host;
    request->script_name = mount_point(request, plugin);
    if (!request->script_name)
        return refuse(request, 503, 0);
    request->path_info = below;
    /* "/hello" and "/hello/" are both the plugin's "/". */
    request->ngi.path = *below ? below : "/";
    size_t length = *below ? path_length - plugin->mount_length : 1;

    switch (router_find(plugin->router, request->method, request->ngi.path, length, &request->match)) {
    case NGI_OK: request->route = request->match.data; return 0;
    case NGI_ENOENT: return refuse(request, 404, 0);
    case NGI_EPERM: return refuse(request, request->method == NGI_OPTIONS ? 204 : 405, request->match.allow);
    case NGI_EFAIL: return pattern_failed(request);
    default: return refuse(request, 500, 0);
    }
}
