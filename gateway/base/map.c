#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"

struct map_slot {
    const char *key;
    void *value; /* NULL: free */
    size_t length;
    uint32_t scope, hash;
};

/* FNV-1a: keys are a few bytes long and come from the operator, never from a client, so that nothing can be flooded. */
static uint32_t hash_of(uint32_t scope, const char *key, size_t length)
{
    uint32_t hash = 2166136261u ^ (scope * 0x9e3779b1u);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)key[i]) * 16777619u;
    return hash ^ (hash >> 15);
}

/* The slot that holds the key, or the free one where it belongs. The map is never full, so the search ends. */
static struct map_slot *slot_of(struct map_slot *slots, size_t capacity, uint32_t hash, uint32_t scope, const char *key,
                                size_t length)
{
    for (size_t i = hash;; i++) {
        struct map_slot *slot = &slots[i & (capacity - 1)];
        if (!slot->value || (slot->hash == hash && slot->scope == scope && slot->length == length &&
                             memcmp(slot->key, key, length) == 0))
            return slot;
    }
}

static int grow(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 16;
    struct map_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return NGI_ENOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        const struct map_slot *old = &map->slots[i];
        if (old->value)
            *slot_of(slots, capacity, old->hash, old->scope, old->key, old->length) = *old;
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

void *map_get(const struct map *map, uint32_t scope, const char *key, size_t length)
{
    if (!map->used)
        return NULL;
    return slot_of(map->slots, map->capacity, hash_of(scope, key, length), scope, key, length)->value;
}

int map_put(struct map *map, uint32_t scope, const char *key, size_t length, void *value)
{
    if ((map->used + 1) * 2 > map->capacity) {
        int rc = grow(map);
        if (rc != NGI_OK)
            return rc;
    }
    uint32_t hash = hash_of(scope, key, length);
    struct map_slot *slot = slot_of(map->slots, map->capacity, hash, scope, key, length);
    if (!slot->value)
        map->used++;
    *slot = (struct map_slot){ key, value, length, scope, hash };
    return NGI_OK;
}

void map_free(struct map *map)
{
    free(map->slots);
    *map = (struct map){ 0 };
}
