#include "plugin/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/call.h"
#include "plugin/host.h"
#include "plugin/rung.h"

static bool is_name(const char *s)
{
    size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") : 0;
    return n > 0 && n <= 64 && !s[n] && s[0] != '.';
}

enum { FLAGS_REFUSED = 0xffff0000u };

static bool check_descriptor(const struct plugin *plugin, struct report *report)
{
    const ngi_plugin *self = &plugin->module->self;
    const char *path = plugin->module->path;
    if (!is_name(self->name)) {
        report_add(report,
                   "%s: \"%s\" is no name for a plugin: 1 to 64 letters, digits, '-', '_', '.', not beginning with '.'",
                   path, self->name ? self->name : "");
        return false;
    }
    if (!self->routes || self->routes[0].methods == 0) {
        report_add(report, "%s: it has no routes: give it one, NGI_ROUTE(NGI_GET, \"/\", handler)", path);
        return false;
    }
    uint32_t all_flags = self->flags;
    for (const ngi_route *route = self->routes; route->methods; route++)
        all_flags |= route->flags;
    if (all_flags & FLAGS_REFUSED) {
        report_add(report,
                   "%s: it has flags that this gateway does not know and must not ignore (0x%x): it was built for a "
                   "newer one",
                   path, all_flags & FLAGS_REFUSED);
        return false;
    }
    return true;
}

/* No time is rounded to 0, which means none. */
static int64_t to_microseconds(double seconds)
{
    int64_t microseconds = (int64_t)(seconds * 1e6 + 0.5);
    return seconds > 0 && microseconds == 0 ? 1 : microseconds;
}

/* Fills in what the operator decides. */
static void settle_route(struct plugin_route *route, const struct settings *settings)
{
    const struct plugin_settings *block = route->plugin->settings;
    const struct route_settings *own = rung_route_settings(block, route->spec->pattern);
/* -1 is "not set here", in all of them. */
#define SETTLED(member, general)                                                                                       \
    (own && own->member >= 0 ? own->member : block && block->member >= 0 ? block->member : (general))
    route->run =
        (int)rung_choose(settings, block, route->spec->pattern, route->flags, route->plugin->quarantine, &route->why);
    route->threads = (unsigned)SETTLED(threads, settings->executor_threads);
    route->queue = (unsigned)SETTLED(queue, settings->queue);
    route->timeout_us = to_microseconds(SETTLED(timeout, settings->timeout));
    route->max_body = (uint64_t)SETTLED(max_body, settings->max_body);
    route->stream_body = SETTLED(stream_body, (route->flags & NGI_STREAM_BODY) != 0);
#undef SETTLED
}

/* One row of the plugin's route table. */
static bool add_route(struct plugin *plugin, struct plugin_route *route, const ngi_route *spec,
                      const struct settings *settings, struct report *report)
{
    ngi_error err = { 0 };
    const char *path = plugin->module->path;
    if (!spec->pattern || (!spec->handler && !plugin->hosted)) {
        report_add(report, "%s: route %zu has no %s", path, plugin->route_count + 1,
                   spec->pattern ? "handler" : "pattern");
        return false;
    }
    *route = (struct plugin_route){
        .plugin = plugin,
        .spec = spec,
        .index = (unsigned)plugin->route_count,
        .flags = rung_flags(plugin->module->self.flags, spec->flags),
    };
    settle_route(route, settings);
    pthread_mutex_init(&route->own, NULL);
    if (plugin->module->self.flags & NGI_SERIAL)
        route->serial = &plugin->serial;
    else if (spec->flags & NGI_SERIAL)
        route->serial = &route->own;
    if (router_add(plugin->router, spec->methods, spec->pattern, route, &err) != NGI_OK) {
        report_add(report, "%s: route \"%s\": %s", path, spec->pattern, err.text);
        return false;
    }
    return true;
}

static bool add_routes(struct plugin *plugin, const struct settings *settings, struct report *report)
{
    const ngi_route *table = plugin->module->self.routes;
    bool good = true;
    size_t count = 0;
    while (table[count].methods)
        count++;
    plugin->router = router_new();
    plugin->routes = calloc(count, sizeof *plugin->routes);
    if (!plugin->router || !plugin->routes) {
        report_add(report, "%s: out of memory", plugin->module->path);
        return false;
    }
    for (; plugin->route_count < count; plugin->route_count++)
        good &= add_route(plugin, &plugin->routes[plugin->route_count], &table[plugin->route_count], settings, report);

    for (size_t i = 0; plugin->settings && i < plugin->settings->route_count; i++) {
        bool known = false;
        for (size_t j = 0; j < count; j++)
            known |= table[j].pattern && strcmp(table[j].pattern, plugin->settings->routes[i].pattern) == 0;
        if (!known) {
            report_add(report, "%s: plugin %s has no route \"%s\": postern inspect lists those it has",
                       plugin->settings->routes[i].where, plugin->name, plugin->settings->routes[i].pattern);
            good = false;
        }
    }
    return good;
}

/* Whether what is to run in host processes can do so. The process that makes them is started by what the file's
 * metadata says, and confines itself, before any code of the plugin runs. */
static bool check_hosts(const struct plugin *plugin, const struct settings *settings, struct report *report)
{
    const struct facts *facts = plugin->module->facts;
    const char *path = plugin->module->path;
    const struct plugin_route *here = NULL, *away = NULL;
    if (settings->runs_here)
        return true;
    for (size_t i = plugin->route_count; i-- > 0;)
        *(plugin->routes[i].run == RUN_PROCESS ? &away : &here) = &plugin->routes[i];
    /* Code in a sandbox that could take another name would have another block, and perhaps get out of it. */
    if ((away || plugin->hosted) && facts->name && strcmp(facts->name, plugin->name) != 0) {
        report_add(report,
                   "%s: its metadata says \"%s\", its code \"%s\": a plugin that runs in host processes needs one "
                   "name, by which its block is found before its code runs: build it with NGI_PLUGIN(…)",
                   path, facts->name, plugin->name);
        return false;
    }
    if (plugin->settings && here && !settings_check_hosts(plugin->settings, here->spec->pattern, report))
        return false;
    if (!away)
        return true;
    if (rung_expect_hosts(settings, facts, plugin->quarantine) == HOSTS_FOR_NONE) {
        report_add(report,
                   "%s: route \"%s\" wants to run in host processes (%s), which its metadata does not say: build it "
                   "with NGI_PLUGIN(…), or set plugin %s { run = process }",
                   path, away->spec->pattern, away->why, plugin->name);
        return false;
    }
    if (!facts->name && plugin->settings && settings_confines(plugin->settings)) {
        report_add(report,
                   "%s: plugin.%s.%s: it has no metadata, so that its block is found only when its code has run "
                   "already, outside of every sandbox: build it with NGI_PLUGIN(…)",
                   path, plugin->name, settings_confines(plugin->settings));
        return false;
    }
    return true;
}

/* Everything after the descriptor is known to be sound. */
static bool configure(struct plugin *plugin, const char *mount, const struct settings *settings, struct report *report)
{
    const ngi_plugin *self = &plugin->module->self;
    plugin->name = strdup(self->name);
    if (plugin->name)
        plugin->settings = settings_plugin(settings, plugin->name);
    if (!mount && plugin->settings)
        mount = plugin->settings->mount;
    if (mount)
        plugin->mount = strdup(mount);
    else if (asprintf(&plugin->mount, "/%s", self->name) < 0)
        plugin->mount = NULL;
    if (!plugin->name || !plugin->mount) {
        report_add(report, "%s: out of memory", plugin->module->path);
        return false;
    }
    const struct plugin_settings *block = plugin->settings;
    plugin->hosts_most = (unsigned)(block && block->hosts >= 0 ? block->hosts : settings->hosts);
    plugin->mount_length = strlen(plugin->mount);
    plugin->config = (ngi_config){ sizeof plugin->config, NGI_ABI, plugin->name, plugin->mount, plugin->module->path };
    bool good = plugin->hosted ||
                options_fill(&plugin->options, plugin->name, self->options, plugin->settings, report) == NGI_OK;
    return add_routes(plugin, settings, report) && check_hosts(plugin, settings, report) && good;
}

/* A plugin of which nothing is known yet but its file. */
static struct plugin *plugin_new(const struct plugin_file *file, struct report *report)
{
    struct plugin *plugin = calloc(1, sizeof *plugin);
    char *quarantine = file->quarantine ? strdup(file->quarantine) : NULL;
    if (!plugin || (file->quarantine && !quarantine)) {
        report_add(report, "%s: out of memory", file->path);
        free(plugin);
        free(quarantine);
        return NULL;
    }
    plugin->quarantine = quarantine;
    pthread_mutex_init(&plugin->serial, NULL);
    host_init(&plugin->host, plugin);
    return plugin;
}

static struct plugin *finish(struct plugin *plugin, const char *mount, const struct settings *settings,
                             struct report *report)
{
    if (check_descriptor(plugin, report) && configure(plugin, mount, settings, report))
        return plugin;
    plugin_free(plugin);
    return NULL;
}

static plugin_teller *teller;

static void tell(const char *kind, const char *whose, const char *what)
{
    char text[512];
    if (!teller)
        return;
    snprintf(text, sizeof text, "%s%s: its %s", kind, whose, what);
    teller(text);
}

static void tell_end(void)
{
    if (teller)
        teller(NULL);
}

/* ---------------------------------------------------------------------------------------------------------- */

void plugin_set_teller(plugin_teller *wanted)
{
    teller = wanted;
}

struct plugin *plugin_load(const struct plugin_file *file, const char *mount, const struct settings *settings,
                           struct report *report)
{
    ngi_error err = { 0 };
    struct plugin *plugin = plugin_new(file, report);
    if (!plugin)
        return NULL;
    tell("", file->path, "code that runs when it is loaded");
    int rc = call_open(plugin, file, &err);
    tell_end();
    if (rc == NGI_OK)
        return finish(plugin, mount, settings, report);
    report_add(report, "%s: %s", file->path, err.text);
    plugin_free(plugin);
    return NULL;
}

struct plugin *plugin_load_described(const struct plugin_file *file, const struct description *description,
                                     const char *mount, const struct settings *settings, struct report *report)
{
    ngi_error err = { 0 };
    struct plugin *plugin = plugin_new(file, report);
    if (!plugin)
        return NULL;
    plugin->hosted = true;
    if (module_describe(file, description, &plugin->module, &err) == NGI_OK)
        return finish(plugin, mount, settings, report);
    report_add(report, "%s: %s", file->path, err.text);
    plugin_free(plugin);
    return NULL;
}

bool plugin_wants_hosts(const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].run == RUN_PROCESS)
            return true;
    return false;
}

bool plugin_is_hosts_only(const struct plugin *plugin)
{
    for (size_t i = 0; i < plugin->route_count; i++)
        if (plugin->routes[i].run != RUN_PROCESS)
            return false;
    return true;
}

bool plugin_start(struct plugin *plugin, struct report *report)
{
    ngi_error err = { 0 };
    if (plugin->hosted)
        return true;
    tell("plugin ", plugin->name, "init");
    int rc = call_init(plugin, &err);
    tell_end();
    if (rc < 0) {
        report_add(report, "%s: plugin %s: init failed: %s", plugin->module->path, plugin->name,
                   err.text[0] ? err.text : ngi_strerror(rc));
        return false;
    }
    plugin->initialised = true;
    return true;
}

void plugin_stop(struct plugin *plugin)
{
    if (plugin->initialised)
        call_fini(plugin);
    plugin->initialised = false;
}

void plugin_free(struct plugin *plugin)
{
    if (!plugin)
        return;
    for (size_t i = 0; i < plugin->route_count; i++)
        pthread_mutex_destroy(&plugin->routes[i].own);
    pthread_mutex_destroy(&plugin->serial);
    router_free(plugin->router);
    options_free(&plugin->options);
    module_free(plugin->module);
    free(plugin->routes);
    free(plugin->name);
    free(plugin->mount);
    free(plugin->quarantine);
    free(plugin);
}
