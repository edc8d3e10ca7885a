/* The plugins of a worker whose calls run in host processes: which they are, their zygotes, and the order in which both
 * begin and end beside the plugins that run in the worker itself. Main thread of a worker. */
#ifndef PROC_NURSERY_H
#define PROC_NURSERY_H

#include <stdbool.h>

#include "base/report.h"
#include "conf/settings.h"
#include "plugin/bundle.h"
#include "plugin/registry.h"

struct nursery;

/* NULL if out of memory. The settings outlive it. */
struct nursery *nursery_new(const struct settings *settings);

/* Loads every plugin of the bundle, each where its routes run: in a zygote, in this process, or in both; mounts them,
 * and compares with the configuration. The zygotes load side by side. False with every mistake of all of them in
 * `report`. Bundle and registry outlive the nursery. */
bool nursery_load(struct nursery *nursery, struct registry *registry, const struct bundle *bundle,
                  struct report *report);

/* Has all zygotes run init at once; in between, the worker runs that of its own plugins. */
void nursery_begin_init(struct nursery *nursery);
bool nursery_await_init(struct nursery *nursery, struct report *report);

/* Makes the processes that are kept ready; from here on calls may come. False with the reason in `report`. */
bool nursery_serve(struct nursery *nursery, struct report *report);

/* Whether no call waits or runs in a host process. */
bool nursery_is_idle(const struct nursery *nursery);

/* Ends the processes: when no call can come any more, and before the lanes of the routes go. Does nothing a second
 * time, or where nothing serves. */
void nursery_stop(struct nursery *nursery);

/* Has the zygotes run fini and end; nursery_stop comes before, and no plugin of the registry may be called any more.
 * At whatever stage; accepts NULL. */
void nursery_free(struct nursery *nursery);

#endif
