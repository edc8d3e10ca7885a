/* Where the requests of crashes go: crash_dir, for a worker. Its host processes hand theirs over: proc/crash_line. */
#ifndef PROC_KEEP_CRASHES_H
#define PROC_KEEP_CRASHES_H

#include <stdbool.h>

#include "conf/settings.h"

/* From now on they are kept, if they can be. `warns`: why they cannot is for the log; one process says it for all.
 * Before threads start. */
void keep_crashes(const struct settings *settings, bool warns);

#endif
