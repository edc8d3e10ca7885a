#include "plugin/registry.h"

#include <stdlib.h>

static bool put(struct registry *registry, struct plugin *plugin, struct report *report)
{
    struct plugin **plugins = realloc(registry->plugins, (registry->count + 1) * sizeof *plugins);
    if (plugins)
        registry->plugins = plugins;
    if (!plugins || map_put(&registry->mounts, 0, plugin->mount, plugin->mount_length, plugin) != NGI_OK) {
        report_add(report, "%s: out of memory", plugin->module->path);
        return false;
    }
    plugin->index = (unsigned)registry->count;
    registry->plugins[registry->count++] = plugin;
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct registry *registry_new(void)
{
    return calloc(1, sizeof(struct registry));
}

bool registry_add(struct registry *registry, const struct plugin_file *file, const char *mount,
                  const struct settings *settings, struct report *report)
{
    struct plugin *plugin = plugin_load(file, mount, settings, report);
    return plugin && registry_take(registry, plugin, report);
}

bool registry_take(struct registry *registry, struct plugin *plugin, struct report *report)
{
    if (claims_add(&registry->claims, plugin->module->path, plugin->name, plugin->mount, report) &&
        put(registry, plugin, report))
        return true;
    plugin_free(plugin);
    return false;
}

bool registry_start(struct registry *registry, struct report *report)
{
    bool good = true;
    for (size_t i = 0; i < registry->count; i++)
        good &= plugin_start(registry->plugins[i], report);
    return good;
}

void registry_stop(struct registry *registry)
{
    for (size_t i = registry->count; i-- > 0;)
        plugin_stop(registry->plugins[i]);
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++)
        plugin_free(registry->plugins[i]);
    claims_free(&registry->claims);
    map_free(&registry->mounts);
    free(registry->plugins);
    free(registry);
}

const struct plugin *registry_find(const struct registry *registry, const char *path, size_t length)
{
    /* From the whole path up, a segment at a time: as many look-ups as the path has segments, however many plugins. */
    for (size_t end = length;;) {
        const struct plugin *plugin = map_get(&registry->mounts, 0, path, end);
        if (plugin || end == 0)
            return plugin;
        do
            end--;
        while (end > 0 && path[end] != '/');
    }
}

int64_t registry_least_timeout(const struct registry *registry)
{
    int64_t least_us = INT64_MAX;
    for (size_t i = 0; i < registry->count; i++)
        for (size_t j = 0; j < registry->plugins[i]->route_count; j++) {
            int64_t timeout_us = registry->plugins[i]->routes[j].timeout_us;
            if (timeout_us > 0 && timeout_us < least_us)
                least_us = timeout_us;
        }
    return least_us == INT64_MAX ? 0 : least_us / 1000;
}
