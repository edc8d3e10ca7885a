/* What a worker knows of itself and its routes, as JSON. */
#ifndef PROC_STATE_H
#define PROC_STATE_H

/* Writes one object to `fd`. `registry`: a struct registry, of which the worker serves. [main thread of a worker] */
void state_write(void *registry, int fd);

#endif
