#include "conf/settings_tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings_value.h"
#include "sdk/ngi.h"

static void option_free(struct option_setting *option)
{
    free(option->name);
    free(option->value);
    free(option->where);
}

static void route_free(struct route_settings *route)
{
    section_free(SECTION_ROUTE, route);
    free(route->pattern);
    free(route->where);
}

static void plugin_free(struct plugin_settings *plugin)
{
    for (size_t i = 0; i < plugin->option_count; i++)
        option_free(&plugin->options[i]);
    for (size_t i = 0; i < plugin->route_count; i++)
        route_free(&plugin->routes[i]);
    free(plugin->options);
    free(plugin->routes);
    section_free(SECTION_PLUGIN, plugin);
    free(plugin->name);
    free(plugin->where);
}

static bool option_init(struct option_setting *option, const char *name, const char *value, const char *where)
{
    *option = (struct option_setting){ .name = strdup(name), .value = strdup(value), .where = strdup(where) };
    if (option->name && option->value && option->where)
        return true;
    option_free(option);
    return false;
}

/* ---------------------------------------------------------------------------------------------------------------- */

struct settings *settings_new(void)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (settings && section_set_defaults(SECTION_ROOT, settings) != NGI_OK) {
        settings_free(settings);
        settings = NULL;
    }
    return settings;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->plugin_count; i++)
        plugin_free(&settings->plugin[i]);
    free(settings->plugin);
    section_free(SECTION_ROOT, settings);
    free(settings);
}

const struct plugin_settings *settings_plugin(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->plugin_count; i++)
        if (strcmp(settings->plugin[i].name, name) == 0)
            return &settings->plugin[i];
    return NULL;
}

struct plugin_settings *settings_add_plugin(struct settings *settings, const char *name, const char *where)
{
    struct plugin_settings *plugin = realloc(settings->plugin, (settings->plugin_count + 1) * sizeof *plugin);
    if (!plugin)
        return NULL;
    settings->plugin = plugin;
    plugin += settings->plugin_count;
    *plugin = (struct plugin_settings){ .name = strdup(name), .where = strdup(where) };
    if (!plugin->name || !plugin->where || section_set_defaults(SECTION_PLUGIN, plugin) != NGI_OK) {
        plugin_free(plugin);
        return NULL;
    }
    settings->plugin_count++;
    return plugin;
}

struct route_settings *plugin_add_route(struct plugin_settings *plugin, const char *pattern, const char *where)
{
    struct route_settings *route = realloc(plugin->routes, (plugin->route_count + 1) * sizeof *route);
    if (!route)
        return NULL;
    plugin->routes = route;
    route += plugin->route_count;
    *route = (struct route_settings){ .pattern = strdup(pattern), .where = strdup(where) };
    if (!route->pattern || !route->where || section_set_defaults(SECTION_ROUTE, route) != NGI_OK) {
        route_free(route);
        return NULL;
    }
    plugin->route_count++;
    return route;
}

int plugin_set_option(struct plugin_settings *plugin, const char *name, const char *value, const char *where)
{
    struct option_setting option, *options;
    if (!option_init(&option, name, value, where))
        return NGI_ENOMEM;
    for (size_t i = 0; i < plugin->option_count; i++)
        if (strcmp(plugin->options[i].name, name) == 0) {
            option_free(&plugin->options[i]);
            plugin->options[i] = option;
            return NGI_OK;
        }
    options = realloc(plugin->options, (plugin->option_count + 1) * sizeof *options);
    if (!options) {
        option_free(&option);
        return NGI_ENOMEM;
    }
    options[plugin->option_count++] = option;
    plugin->options = options;
    return NGI_OK;
}
