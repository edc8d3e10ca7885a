/* A worker: plugins loaded into this process, served on listeners that the supervisor holds, until it says stop. */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/settings.h"
#include "net/listener.h"
#include "plugin/bundle.h"

/* What it is given. All of it outlives the worker. */
struct worker_brief {
    const struct settings *settings;
    const struct bundle *bundle;
    const struct listeners *listeners;
    pid_t supervisor;
    int signals;    /* of signals_open */
    int channel;    /* to the supervisor */
    bool announces; /* it is the one of its generation to say what is served */
};

/* Loads and starts the plugins, says so, serves when told to. Returns the exit status when an order has ended it: 0; 1
 * if it could not start, with the reasons logged and told to the supervisor. */
int worker_run(const struct worker_brief *brief);

#endif
