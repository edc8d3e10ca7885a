/* The end of a server: requests under way finish, for a while; then it stops, whatever handlers do. */
#ifndef PROC_DRAIN_H
#define PROC_DRAIN_H

#include "net/server.h"
#include "plugin/registry.h"
#include "proc/nursery.h"
#include "proc/orders.h"

/* Stops accepting and waits until no request and no background work is under way, for `grace` seconds at most or until
 * there is an order to stop at once. `order`: ORDER_DRAIN leaves the listening sockets to others; ORDER_STOP takes what
 * waits in their queues and closes them to clients; ORDER_STOP_NOW does not wait. */
void drain_requests(struct server *server, const struct registry *registry, const struct nursery *nursery, double grace,
                    enum order order);

/* Cancels what is left and stops the server and the executors. Where a handler has not returned after a moment, it is
 * named, and the process exits with 1: without it, and without the plugins' fini. */
void drain_stop(struct server *server, const struct registry *registry, struct nursery *nursery);

#endif
