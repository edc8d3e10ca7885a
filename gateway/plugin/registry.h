/* The plugins in service and where they are mounted. Filled and emptied by one thread; read by all in between. */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "base/report.h"
#include "conf/settings.h"
#include "plugin/bundle.h"
#include "plugin/claims.h"
#include "plugin/plugin.h"

struct registry {
    struct plugin **plugins;
    size_t count;
    struct claims claims;
    struct map mounts; /* mount point → plugin */
};

struct registry *registry_new(void);

/* Loads one plugin and mounts it (see plugin_load); its init has not run. False with the reasons in `report`. The
 * settings must outlive the registry. */
bool registry_add(struct registry *registry, const struct plugin_file *file, const char *mount,
                  const struct settings *settings, struct report *report);

/* Mounts a plugin that has been loaded, and is the registry's from the call on: where that cannot be, it is freed, with
 * the reason in `report`. False then. */
bool registry_take(struct registry *registry, struct plugin *plugin, struct report *report);

/* Runs every init; goes on after one that fails, so that all are named. */
bool registry_start(struct registry *registry, struct report *report);

/* Runs every fini, the last started first. No call may be running, no thread that has called may be left. */
void registry_stop(struct registry *registry);
void registry_free(struct registry *registry);

/* The plugin with the longest mount point that path[0..length) is at or below; NULL without one. [any thread] */
const struct plugin *registry_find(const struct registry *registry, const char *path, size_t length);

/* The shortest deadline of all routes, in milliseconds; 0: none has one. */
int64_t registry_least_timeout(const struct registry *registry);

#endif
