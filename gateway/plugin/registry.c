#include "plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plugin/trust.h"

static int is_plugin_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && text_has_suffix(entry->d_name, ".so");
}

/* As alphasort, whatever the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

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

bool registry_list(const char *directory, char ***ret_paths, size_t *ret_count, struct report *report)
{
    struct dirent **entries = NULL;
    ngi_error err = { 0 };
    bool good = false;
    int count = 0;
    DIR *dir = opendir(directory);
    if (!dir) {
        report_add(report, "%s: %s: name a directory of plugins with --plugins or the setting plugins", directory,
                   strerror(errno));
        return false;
    }
    if (trust_check(dirfd(dir), directory, &err) != NGI_OK) {
        report_add(report, "%s: %s", directory, err.text);
        goto out;
    }
    count = scandir(directory, &entries, is_plugin_file, by_bytes);
    if (count < 0) {
        report_add(report, "%s: %s", directory, strerror(errno));
        goto out;
    }
    char **paths = calloc((size_t)count + 1, sizeof *paths);
    good = paths != NULL;
    for (int i = 0; i < count && good; i++)
        good = asprintf(&paths[i], "%s/%s", directory, entries[i]->d_name) >= 0;
    if (good) {
        *ret_paths = paths;
        *ret_count = (size_t)count;
    } else {
        report_add(report, "%s: out of memory", directory);
        registry_free_list(paths, paths ? (size_t)count : 0);
    }
out:
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    closedir(dir);
    return good;
}

void registry_free_list(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

struct registry *registry_new(void)
{
    return calloc(1, sizeof(struct registry));
}

bool registry_add(struct registry *registry, const char *path, const char *mount, const struct settings *settings,
                  struct report *report)
{
    struct plugin *plugin = plugin_load(path, mount, settings, report);
    if (!plugin)
        return false;
    if (claims_add(&registry->claims, path, plugin->name, plugin->mount, report) && put(registry, plugin, report))
        return true;
    plugin_free(plugin);
    return false;
}

bool registry_load(struct registry *registry, const struct settings *settings, struct report *report)
{
    char **paths;
    size_t count;
    if (!registry_list(settings->plugins, &paths, &count, report))
        return false;
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good &= registry_add(registry, paths[i], NULL, settings, report);
    /* A block for a plugin that was refused above is not a second mistake. */
    if (good)
        good = claims_match(&registry->claims, settings, report);
    registry_free_list(paths, count);
    return good;
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
