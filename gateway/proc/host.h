/* A host process: one plugin, served to web servers that speak FastCGI, one call at a time. One thread, besides the executors' and the watch's. */
#ifndef PROC_HOST_H
#define PROC_HOST_H

#include <stdbool.h>

#include "conf/settings.h"
#include "plugin/registry.h"

struct host_config {
    const struct settings *settings;
    unsigned processes; /* that serve the same, this one included */
    bool mounted;       /* the operator has said where the plugin is mounted: SCRIPT_NAME does not count */
};

struct host;

/* Starts the plugin of `registry` (loaded, not yet started), and its threads. signals_block has been called. NULL, with
 * the reasons logged, if it cannot. */
struct host *host_start(struct registry *registry, const struct host_config *config);

/* Serves what it accepts at `listener`, non-blocking and perhaps shared with other processes, until a signal says stop
 * and what was under way is done, or given up. */
void host_accept(struct host *host, int listener);

/* Waits for background work, stops the threads and the plugin, and frees it. Where a handler has not returned after a
 * moment, it is named, and the process exits with 1. */
void host_end(struct host *host);

#endif
