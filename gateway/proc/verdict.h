/* What a supervisor concludes from a worker's last words: which build of which plugin is in quarantine, from when, and
 * until when. One thread. */
#ifndef PROC_VERDICT_H
#define PROC_VERDICT_H

#include "proc/succession.h"

/* The text of a MESSAGE_CRASHED, which is changed. It becomes an event. The plugin comes into quarantine if the worker
 * has served (a generation that does not come up fails, as ever), and, where it was about to end, if a request is lost
 * with it; not if the operator has pinned all of its routes. */
void verdict_hear(struct succession *succession, const struct generation *generation, struct worker *worker,
                  char *text);

/* A generation has come to serve: ends what another build, or the operator, has ended, and says what goes on. */
void verdict_settle(struct succession *succession, const struct generation *generation);

#endif
