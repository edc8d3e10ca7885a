/* Telling whoever started us that we serve: a line to a descriptor, and the service manager. */
#ifndef PROC_READY_H
#define PROC_READY_H

#include <stddef.h>

#include "net/listener.h"
#include "sdk/ngi.h"

/* Writes "READY URL" for each listener to `fd` (-1: none) and closes it, unless it is a standard one; then READY=1 to
 * $NOTIFY_SOCKET (sd_notify(3)). NGI_OK, or NGI_EIO with the reason. */
int ready_tell(int fd, const struct listeners *listeners, ngi_error *err);

/* RELOADING=1 and READY=1 to the service manager: around a reload, whatever comes of it. */
void ready_reloading(void);
void ready_again(void);

/* STOPPING=1 to the service manager. */
void ready_stopping(void);

#endif
