#include "conf/settings_hosts.h"

#include <inttypes.h>

#include "conf/settings_table.h"
#include "conf/settings_value.h"

static void turn(int *run)
{
    if (*run == RUN_PROCESS)
        *run = RUN_AUTO;
}

/* The two keys, each with the block that it stands in: a plugin may have set one and inherited the other. */
static void compare_plugin(const struct settings *settings, const struct plugin_settings *plugin, struct report *report)
{
    const bool own_hosts = plugin->hosts >= 0, own_spare = plugin->spare_hosts >= 0;
    int64_t hosts = own_hosts ? plugin->hosts : settings->hosts;
    int64_t spare = own_spare ? plugin->spare_hosts : settings->spare_hosts;
    if ((!own_hosts && !own_spare) || spare <= hosts)
        return;
    report_add(report,
               "%s: plugin.%s: spare_hosts = %" PRId64 "%s is more than hosts = %" PRId64 "%s: set the one to %" PRId64
               " at most, or the other to %" PRId64,
               plugin->where, plugin->name, spare, own_spare ? "" : " (the gateway's)", hosts,
               own_hosts ? "" : " (the gateway's)", hosts, spare);
}

/* ---------------------------------------------------------------------------------------------------------------- */

void settings_compare_hosts(const struct settings *settings, struct report *report)
{
    if (settings->spare_hosts > settings->hosts)
        report_add(report,
                   "spare_hosts = %" PRId64 " is more than hosts = %" PRId64 ": set the one to %" PRId64
                   " at most, or the other to %" PRId64,
                   settings->spare_hosts, settings->hosts, settings->hosts, settings->spare_hosts);
    for (size_t i = 0; i < settings->plugin_count; i++)
        compare_plugin(settings, &settings->plugin[i], report);
}

void settings_run_here(struct settings *settings)
{
    settings->runs_here = true;
    turn(&settings->run);
    for (size_t i = 0; i < settings->plugin_count; i++) {
        turn(&settings->plugin[i].run);
        for (size_t j = 0; j < settings->plugin[i].route_count; j++)
            turn(&settings->plugin[i].routes[j].run);
    }
}

const char *settings_confines(const struct plugin_settings *plugin)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].hosts && setting_is_set(&settings_table[i], plugin))
            return settings_table[i].key;
    return NULL;
}

bool settings_check_hosts(const struct plugin_settings *plugin, const char *pattern, struct report *report)
{
    bool good = true;
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].hosts && setting_is_set(&settings_table[i], plugin)) {
            report_add(report,
                       "%s: plugin.%s.%s: is for host processes, and route \"%s\" runs in the gateway itself, where "
                       "nothing would obey it; right is run = process for all of the plugin, or a block without it",
                       plugin->where, plugin->name, settings_table[i].key, pattern);
            good = false;
        }
    return good;
}
