/* From a request to its handler: which plugin, which route, which rung. */
#ifndef RUN_DISPATCH_H
#define RUN_DISPATCH_H

#include <stdbool.h>

#include "http/request.h"
#include "plugin/registry.h"

struct dispatch {
    const struct registry *registry;
    bool debug; /* a failing handler's words may go to the client */
};

/* Finds the route of a request whose head is complete. 0 if there is one: request->route and request->plugin are set.
 * Otherwise the status of the response that has been put together instead: 204 (OPTIONS), 400, 404, 405, 431, 500. */
int dispatch_route(const struct dispatch *dispatch, struct request *request);

/* Runs the handler of a routed request whose body is complete, here and now, and settles the response. Failures are
 * logged with plugin, route and request id. */
void dispatch_run(const struct dispatch *dispatch, struct request *request);

#endif
