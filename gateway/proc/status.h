/* What `postern status` shows, put together from what the supervisor knows and what its workers say of themselves. */
#ifndef PROC_STATUS_H
#define PROC_STATUS_H

#include <stdbool.h>

#include "proc/succession.h"

/* Asks every worker that serves. */
void status_ask(struct succession *succession);
/* Whether all have answered. */
bool status_is_complete(const struct succession *succession);
/* The whole as JSON, malloc'ed, with what the workers have said by now. NULL if out of memory. */
char *status_compose(const struct succession *succession);

/* What became of a reload that has made generation `number`: NULL while that is not known. */
char *status_of_reload(const struct succession *succession, unsigned number);
/* What is answered to a reload that could not begin. */
char *status_refused(const struct succession *succession);

#endif
