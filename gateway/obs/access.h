/* The access log: one line a finished request, in Apache's combined form with our own columns behind, or JSON. */
#ifndef OBS_ACCESS_H
#define OBS_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"
#include "sdk/ngi.h"

/* Opens the log: a path, "-" (standard output) or "off". NGI_OK, or NGI_EIO with the reason. One thread, before
 * requests. */
int access_open(const char *path, int format, ngi_error *err);
/* Whether lines are wanted: times need not be taken otherwise. */
bool access_is_on(void);
/* Opens the path anew, after it has been rotated away; keeps the old file where that fails, and says so in the log.
 * [any thread] */
void access_reopen(void);
void access_close(void);

/* Writes the line of a request that is over. `sent`: whether the response went out whole; ACCESS_HUNG_UP in place of
 * its status: the client left before there was one. In that case, and of a stream, the handler may still be running:
 * only what no handler changes is looked at. [any thread] */
enum { ACCESS_HUNG_UP = 499 }; /* as nginx writes it */
void access_write(const struct request *request, const struct timing *timing, int status, bool sent);

#endif
