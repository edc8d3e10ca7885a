/* The router's rules for templates, told so simply that they are seen to be right: all routes are tried. A shape has a
 * byte for each segment of a template: '0' the empty one, '1' a parameter, '2' the rest, any other byte a word. A path
 * has the same, without '1' and '2'. */
#ifndef TESTS_HARNESS_ROUTE_SHAPES_H
#define TESTS_HARNESS_ROUTE_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHAPE_SEGMENTS = 24 };

struct shaped_route {
    char shape[SHAPE_SEGMENTS + 1];
    uint32_t methods;
};

/* The route that router_find has to find; NULL: none, and *ret_allow has the methods of those with this path. */
const struct shaped_route *shapes_find(const struct shaped_route *routes, size_t count, uint32_t method,
                                       const char *path, uint32_t *ret_allow);

/* Whether router_add has to refuse `route` as a duplicate of one of these. */
bool shapes_have(const struct shaped_route *routes, size_t count, const struct shaped_route *route);

#endif
