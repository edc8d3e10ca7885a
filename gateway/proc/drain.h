/* The end of a server: requests under way finish, for a while; then it stops, whatever handlers do. */
#ifndef PROC_DRAIN_H
#define PROC_DRAIN_H

#include "net/listener.h"
#include "net/server.h"
#include "plugin/registry.h"

/* Stops accepting and waits until no request and no background work is under way, for `grace` seconds at most or until
 * SIGTERM or SIGINT comes (again). */
void drain_requests(struct server *server, const struct registry *registry, double grace);

/* Cancels what is left and stops the server and the executors. Where a handler has not returned after a moment, it is
 * named, local sockets are removed, and the process exits with 1: without it, and without the plugins' fini. */
void drain_stop(struct server *server, const struct registry *registry, struct listeners *listeners);

#endif
