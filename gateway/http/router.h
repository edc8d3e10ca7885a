/* A plugin's routes: templates in a tree, PCRE2 patterns behind it.
 *
 * Templates: "/", "/items/{id}", "/files/{path...}". A literal segment beats {name}, which beats {name...}, whatever
 * the order they were added in; a trailing slash counts. {name} takes one segment that is not empty, {name...} all that
 * is left, also nothing. Where the best template lacks the method, the next best is asked. Patterns: "~" and a PCRE2
 * expression, searched in the path below the mount point; tried in their order after every template has failed.
 *
 * Filled by one thread, then read by any number. */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#include "sdk/ngi.h"

enum { ROUTE_CAPTURES_MAX = 16 };

struct router;
struct route_names; /* what the captures of a route are called; the router's */

struct capture {
    const char *start; /* into the path that was matched; NULL: took no part */
    size_t length;
};

struct route_match {
    void *data;     /* as given to router_add */
    uint32_t allow; /* after NGI_EPERM: the methods that this path does serve */
    const struct route_names *names;
    unsigned count;
    struct capture captures[ROUTE_CAPTURES_MAX];
};

struct router *router_new(void); /* NULL if out of memory */
void router_free(struct router *router);

/* Adds a route. `data` is not NULL and stays the caller's; `pattern` is copied. NGI_EINVAL with the reason in `err` for
 * a pattern that is none; NGI_EBUSY if a route of the same shape already serves one of the methods; NGI_ENOMEM. */
int router_add(struct router *router, uint32_t methods, const char *pattern, void *data, ngi_error *err);

/* Finds the route for path[0..length) and a single method bit. NGI_OK fills *ret; NGI_ENOENT: no route has this path;
 * NGI_EPERM: some do, with other methods (ret->allow); NGI_EFAIL: a pattern ran into PCRE2's limits (ret->data is its
 * route). A GET route serves HEAD. [any thread] */
int router_find(const struct router *router, uint32_t method, const char *path, size_t length, struct route_match *ret);

/* The capture called `name`, or whose number is `name` ("1"); NULL if the route has none such. */
const struct capture *route_match_param(const struct route_match *match, const char *name);

#endif
