/* The host's side of the NGI table: what a plugin calls. */
#ifndef PLUGIN_HOST_H
#define PLUGIN_HOST_H

#include <stdint.h>

#include "sdk/ngi.h"

struct plugin;

/* Fills in the table for a plugin. */
void host_init(ngi_host *host, struct plugin *plugin);

/* Who runs the calls. Set before threads start; without one, what only a runner can do is NGI_ENOSYS. */
struct runner;
void host_set_runner(const struct runner *runner);

/* What ngi_run_flags tells. Set before threads start. */
void host_set_run_flags(uint32_t flags);

#endif
