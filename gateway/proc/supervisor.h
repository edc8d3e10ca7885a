/* The process that holds the listening sockets, parses no HTTP and runs no plugin: it makes generations of workers,
 * replaces those that die, and ends them. Single-threaded. */
#ifndef PROC_SUPERVISOR_H
#define PROC_SUPERVISOR_H

#include <stdbool.h>

#include "conf/settings.h"
#include "plugin/bundle.h"

/* What a generation is made of; asked anew for each. */
struct recipe {
    /* The effective settings, the caller's to free. NULL, with the reasons in the report. */
    struct settings *(*settings)(void *arg, struct report *report);
    /* Collects the plugin files. False likewise. */
    bool (*collect)(void *arg, const struct settings *settings, struct bundle *bundle, struct report *report);
    void *arg;
    bool watches_directory; /* under `watch`, settings->plugins counts */
    const char *file;       /* and this file; NULL: none */
    const char *advice;     /* the last line of the log where nothing comes of the first; NULL: none */
};

/* Serves what the recipe makes until a signal or `postern stop` ends it; the exit status: 0, or 1 if the first
 * generation could not start, with the reasons logged, or if a worker had to be ended by force. `ready_fd`: see
 * ready.h. */
int supervisor_run(const struct recipe *recipe, int ready_fd);

#endif
