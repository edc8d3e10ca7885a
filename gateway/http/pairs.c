#include "http/pairs.h"

#include <string.h>

void pairs_init(struct pairs *pairs, struct arena *arena, size_t limit)
{
    *pairs = (struct pairs){ .arena = arena, .end = &pairs->first, .limit = limit };
}

int pairs_add(struct pairs *pairs, const char *name, const char *value)
{
    if (pairs->count >= pairs->limit)
        return NGI_ETOOBIG;
    struct pair *pair = arena_alloc(pairs->arena, sizeof *pair);
    if (!pair)
        return NGI_ENOMEM;
    *pair = (struct pair){ NULL, name, value };
    *pairs->end = pair;
    pairs->end = &pair->next;
    pairs->count++;
    return NGI_OK;
}

const char *pairs_get(const struct pairs *pairs, const char *name)
{
    for (const struct pair *pair = pairs->first; pair; pair = pair->next)
        if (strcmp(pair->name, name) == 0)
            return pair->value;
    return NULL;
}

int pairs_each(const struct pairs *pairs, ngi_each_fn fn, void *arg)
{
    for (const struct pair *pair = pairs->first; pair; pair = pair->next) {
        int rc = fn(arg, pair->name, pair->value);
        if (rc != 0)
            return rc;
    }
    return 0;
}
