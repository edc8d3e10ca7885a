/* The container: plugins loaded into this process, served on listeners until a signal says stop. */
#ifndef PROC_WORKER_H
#define PROC_WORKER_H

#include "conf/settings.h"
#include "plugin/registry.h"

/* Serves the plugins of `registry` (loaded, not yet started) as `settings` says, in the foreground. `ready_fd`: see
 * ready.h. Returns when a signal has ended it, everything stopped, the registry's plugins too: 0, or 1 if it could not
 * start, with the reasons logged. */
int worker_run(const struct settings *settings, struct registry *registry, int ready_fd);

#endif
