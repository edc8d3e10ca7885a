/* What ngi_later_new hands out. A plugin may run or drop it at any time, from any thread, long after the client has
 * left; it may even do so twice. So a handle is small, apart from its task, and its memory is never given back to the
 * system: one that has ended is used again only after thousands of others. */
#ifndef RUN_LATER_H
#define RUN_LATER_H

#include <stdbool.h>

#include "sdk/ngi.h"

struct task;
struct later;

/* For the call that runs now, which has none out. NULL if out of memory. The running side. */
ngi_later *later_new(struct task *task);

/* As ngi_later_run and ngi_later_drop. [any thread] */
int later_run(ngi_later *handle, int (*fn)(ngi_request *r, void *arg), void *arg);
void later_drop(ngi_later *handle);

/* The task is done with it, and has forgotten it. `told`: so is the plugin, by what its handler returned; else the
 * handle stays until the plugin runs or drops it. Not under the task's lock. */
void later_end(struct later *later, bool told);

#endif
