#include "tests/harness/route_shapes.h"

#include <string.h>

#include "sdk/ngi.h"

static bool fits(const char *shape, const char *path)
{
    for (; *shape; shape++, path++) {
        if (*shape == '2')
            return *path != '\0';
        if (*shape == '1' ? *path == '0' || !*path : *shape != *path)
            return false;
    }
    return !*path;
}

/* Whether `a` is more specific than `b`: both fit the same path. */
static bool beats(const char *a, const char *b)
{
    for (; *a == *b; a++, b++)
        if (!*a)
            return false;
    return *b == '2' || (*b == '1' && *a != '2');
}

/* ---------------------------------------------------------------------------------------------------------- */

const struct shaped_route *shapes_find(const struct shaped_route *routes, size_t count, uint32_t method,
                                       const char *path, uint32_t *ret_allow)
{
    const struct shaped_route *found = NULL;
    *ret_allow = 0;
    for (const struct shaped_route *route = routes; route < routes + count; route++) {
        if (!fits(route->shape, path))
            continue;
        *ret_allow |= route->methods;
        bool through_get = method == NGI_HEAD && route->methods & NGI_GET;
        if (!(route->methods & method) && !through_get)
            continue;
        if (!found || beats(route->shape, found->shape) ||
            (strcmp(route->shape, found->shape) == 0 && route->methods & method))
            found = route;
    }
    return found;
}

bool shapes_have(const struct shaped_route *routes, size_t count, const struct shaped_route *route)
{
    for (size_t i = 0; i < count; i++)
        if (routes[i].methods & route->methods && strcmp(routes[i].shape, route->shape) == 0)
            return true;
    return false;
}
