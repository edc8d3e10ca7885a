/* What runs the calls of a route: as the operator says, else as the author's flags and the plugin's past say. That can
 * be told of a file before any of its code has run, as far as its metadata tells. */
#ifndef PLUGIN_RUNG_H
#define PLUGIN_RUNG_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "plugin/facts.h"

/* A route knows better than its plugin whether it blocks. */
uint32_t rung_flags(uint32_t plugin, uint32_t route);

/* The block of a route; NULL: it has none. `block`: of its plugin, or NULL; `pattern` may be NULL, as that of a bad row
 * is. */
const struct route_settings *rung_route_settings(const struct plugin_settings *block, const char *pattern);

/* Whether a block says "process" of its plugin, or of a route. */
bool rung_says_process(const struct plugin_settings *block);

/* `flags`: of rung_flags; `quarantine`: of struct plugin_file. *ret_why: what decided it, for people: a constant, or
 * `quarantine`; under RUN_AUTO there is more to come. */
enum run_mode rung_choose(const struct settings *settings, const struct plugin_settings *block, const char *pattern,
                          uint32_t flags, const char *quarantine, const char **ret_why);

/* Of which routes of a file's plugin the calls are to run in host processes. Of one that does not tell its name only
 * the settings are known: then it is some if it may be any. */
enum rung_expectation { HOSTS_FOR_NONE, HOSTS_FOR_SOME, HOSTS_FOR_ALL };
enum rung_expectation rung_expect_hosts(const struct settings *settings, const struct facts *facts,
                                        const char *quarantine);

#endif
