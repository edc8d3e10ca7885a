/* A host process: one plugin, served to whoever speaks FastCGI, one call at a time: to web servers (postern host), or
 * to our own gateway. One thread, besides the executors' and the watch's. */
#ifndef PROC_HOST_H
#define PROC_HOST_H

#include <stdbool.h>

#include "conf/settings.h"
#include "plugin/registry.h"

struct host_config {
    const struct settings *settings;
    unsigned processes; /* that serve the same, this one included */
    bool mounted;       /* the operator has said where the plugin is mounted: SCRIPT_NAME does not count */
    bool inner;         /* it is our gateway's: init has run, before the fork, and fini is for who has run it; a
                         * signal has no meaning */
};

struct host;

/* Of ngi_run_flags, in a host process; `others`: there may be more of them. */
uint32_t host_run_flags(bool others);

/* Starts the plugin of `registry` (loaded, and started under `inner` alone), and its threads. signals_block has been
 * called. NULL, with the reasons logged, if it cannot. */
struct host *host_start(struct registry *registry, const struct host_config *config);

/* Serves what it accepts at `listener`, non-blocking and perhaps shared with other processes, until a signal says stop
 * and what was under way is done, or given up. */
void host_accept(struct host *host, int listener);

/* Serves a connected socket, which it takes, until its other end is closed and what was under way is over. */
void host_serve(struct host *host, int fd);

/* Waits for background work, stops the threads and the plugin, and frees it. Where a handler has not returned after a
 * moment, it is named, and the process exits with 1. */
void host_end(struct host *host);

#endif
