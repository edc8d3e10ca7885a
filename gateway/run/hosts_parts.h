/* What a remote tells its executor; the reactor's thread. */
#ifndef RUN_HOSTS_PARTS_H
#define RUN_HOSTS_PARTS_H

#include "run/hosts.h"
#include "run/remote.h"

/* The call is over, the task let go. `broken`: so is the process, as what it said made no sense. */
void hosts_call_over(struct remote *remote, const char *broken);
/* The same, of a call that nobody else knew of, on the thread that claimed the process; ends the claim. */
void hosts_answered(struct remote *remote);
/* The process has closed its end of the socket: it is about to end. */
void hosts_hung_up(struct remote *remote);
/* The process has ended. */
void hosts_died(struct remote *remote);
/* The time of remote->patience is up. */
void hosts_impatient(struct remote *remote);
/* How long it has from being given up. */
int64_t hosts_patience_us(const struct remote *remote, bool final);

#endif
