/* From a request to its handler: which plugin, which route, which rung. */
#ifndef RUN_DISPATCH_H
#define RUN_DISPATCH_H

#include <stdbool.h>

#include "http/body.h"
#include "http/request.h"
#include "plugin/registry.h"

/* Read-only while requests come. */
struct dispatch {
    const struct registry *registry;
    bool debug;              /* a failing handler's words may go to the client */
    struct body_limits body; /* `most` is the route's */
    size_t max_response;     /* bytes that a handler may write into memory */
};

struct dispatch dispatch_for(const struct registry *registry, const struct settings *settings);

/* Finds the route of a request whose head is complete. 0 if there is one: request->route and request->plugin are set.
 * Otherwise the status of the response that has been put together instead: 204 (OPTIONS), 400, 404, 405, 431, 500, 503.
 */
int dispatch_route(const struct dispatch *dispatch, struct request *request);

#endif
