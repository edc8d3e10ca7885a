/* A list of names and values in arrival order: query parameters, form fields, cookies. Lives in an arena; not to be
 * copied, because an empty one points into itself. */
#ifndef HTTP_PAIRS_H
#define HTTP_PAIRS_H

#include <stddef.h>

#include "base/arena.h"
#include "sdk/ngi.h"

struct pair {
    struct pair *next;
    const char *name, *value;
};

struct pairs {
    struct arena *arena;
    struct pair *first, **end;
    size_t count, limit; /* no more than `limit` pairs: a request must not make long chains */
};

void pairs_init(struct pairs *pairs, struct arena *arena, size_t limit);
/* Takes strings that live as long as the arena. NGI_OK, NGI_ENOMEM, NGI_ETOOBIG. */
int pairs_add(struct pairs *pairs, const char *name, const char *value);
/* The first value of that name, compared byte by byte; NULL without one. */
const char *pairs_get(const struct pairs *pairs, const char *name);
/* Calls fn for each; fn's first value other than 0 ends it and is returned. */
int pairs_each(const struct pairs *pairs, ngi_each_fn fn, void *arg);

#endif
