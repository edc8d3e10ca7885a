/* What every process that serves plugins starts before the first request, and stops after the last. Main thread. */
#ifndef RUN_SERVICE_H
#define RUN_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/report.h"
#include "conf/settings.h"
#include "plugin/registry.h"

/* Runs every init, and starts executors, watch and access log. `run_flags`: of ngi_run_flags. False with the reasons in
 * `report`; service_stop in either case. */
bool service_start(struct registry *registry, const struct settings *settings, uint32_t run_flags,
                   struct report *report);

/* Joins the threads, runs every fini. No request may be under way. */
void service_stop(struct registry *registry);

/* The two halves of it, for a process that initialises the plugins and others, forked from it, that serve them: the
 * first says what ngi_run_flags will in all of them, runs every init and makes no thread; the second does the rest.
 * service_close undoes the second alone: fini is for the process that has run init (registry_stop). */
bool service_init(struct registry *registry, uint32_t run_flags, struct report *report);
bool service_open(struct registry *registry, const struct settings *settings, struct report *report);
void service_close(struct registry *registry);

#endif
