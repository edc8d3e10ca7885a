#include "plugin/rung.h"

#include <string.h>

/* What the operator has said of a route; RUN_AUTO where nobody has said more. */
static enum run_mode said(const struct settings *settings, const struct plugin_settings *block, const char *pattern)
{
    const struct route_settings *own = rung_route_settings(block, pattern);
    if (own && own->run >= 0)
        return (enum run_mode)own->run;
    return (enum run_mode)(block && block->run >= 0 ? block->run : settings->run);
}

/* Whether somebody has said "process" of anything. */
static bool is_said_anywhere(const struct settings *settings)
{
    bool is = settings->run == RUN_PROCESS;
    for (size_t i = 0; i < settings->plugin_count; i++)
        is |= rung_says_process(&settings->plugin[i]);
    return is;
}

/* ---------------------------------------------------------------------------------------------------------------- */

uint32_t rung_flags(uint32_t plugin, uint32_t route)
{
    return (route & NGI_NEVER_BLOCKS ? plugin & ~NGI_MAY_BLOCK : plugin) | route;
}

const struct route_settings *rung_route_settings(const struct plugin_settings *block, const char *pattern)
{
    for (size_t i = 0; block && pattern && i < block->route_count; i++)
        if (strcmp(block->routes[i].pattern, pattern) == 0)
            return &block->routes[i];
    return NULL;
}

bool rung_says_process(const struct plugin_settings *block)
{
    bool says = block->run == RUN_PROCESS;
    for (size_t i = 0; i < block->route_count; i++)
        says |= block->routes[i].run == RUN_PROCESS;
    return says;
}

enum run_mode rung_choose(const struct settings *settings, const struct plugin_settings *block, const char *pattern,
                          uint32_t flags, const char *quarantine, const char **ret_why)
{
    enum run_mode run = said(settings, block, pattern);
    *ret_why = run == RUN_AUTO ? "auto" : "as configured";
    if (run != RUN_AUTO || settings->runs_here)
        return run;
    if (flags & NGI_ISOLATE) {
        *ret_why = "NGI_ISOLATE";
        return RUN_PROCESS;
    }
    if (quarantine) {
        *ret_why = quarantine;
        return RUN_PROCESS;
    }
    return run;
}

enum rung_expectation rung_expect_hosts(const struct settings *settings, const struct facts *facts,
                                        const char *quarantine)
{
    const char *why;
    size_t count = 0;
    if (settings->runs_here)
        return HOSTS_FOR_NONE;
    if (!facts->name)
        return quarantine || is_said_anywhere(settings) ? HOSTS_FOR_SOME : HOSTS_FOR_NONE;
    const struct plugin_settings *block = settings_plugin(settings, facts->name);
    for (size_t i = 0; i < facts->route_count; i++)
        if (rung_choose(settings, block, facts->routes[i].pattern, rung_flags(facts->flags, facts->routes[i].flags),
                        quarantine, &why) == RUN_PROCESS)
            count++;
    return count == 0 ? HOSTS_FOR_NONE : count == facts->route_count ? HOSTS_FOR_ALL : HOSTS_FOR_SOME;
}
