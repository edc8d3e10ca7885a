#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"

struct map_slot {
    uint32_t hash;
    uint32_t item; /* where in map->items, in units of ITEM_UNIT bytes, from 1; 0: a free slot */
};

struct item {
    void *value;
    uint32_t scope, length;
    char key[];
};

enum { ITEM_UNIT = sizeof(void *) };

/* Every bit of the word reaches the upper half of the product, which is folded on the lower one. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

/* Eight bytes at a step: byte by byte it would take longer than all the rest. Keys come from the operator, never from a
 * client, so that nothing can be flooded. */
static uint32_t hash_of(uint32_t scope, const char *key, size_t length)
{
    uint64_t hash = mix(scope, length), word = 0;
    for (; length > sizeof word; key += sizeof word, length -= sizeof word) {
        memcpy(&word, key, sizeof word);
        hash = mix(hash, word);
    }
    if (length >= 4) { /* two halves, which may overlap */
        uint32_t low, high;
        memcpy(&low, key, sizeof low);
        memcpy(&high, key + length - sizeof high, sizeof high);
        word = (uint64_t)high << 32 | low;
    } else {
        word = 0;
        for (size_t i = 0; i < length; i++)
            word = word << 8 | (unsigned char)key[i];
    }
    return (uint32_t)(mix(mix(hash, word), 0) >> 16);
}

static struct item *item_at(const struct map *map, uint32_t item)
{
    return (struct item *)(map->items + (size_t)(item - 1) * ITEM_UNIT);
}

/* The slot that holds the key, or the free one where it belongs. The map is never full, so the search ends. */
static struct map_slot *slot_of(const struct map *map, uint32_t hash, uint32_t scope, const char *key, size_t length)
{
    for (size_t i = hash;; i++) {
        struct map_slot *slot = &map->slots[i & (map->capacity - 1)];
        if (!slot->item)
            return slot;
        if (slot->hash != hash)
            continue;
        const struct item *item = item_at(map, slot->item);
        if (item->scope == scope && item->length == length && memcmp(item->key, key, length) == 0)
            return slot;
    }
}

static int grow_slots(struct map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 16;
    struct map_slot *slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return NGI_ENOMEM;
    for (size_t i = 0; i < map->capacity; i++) {
        if (!map->slots[i].item)
            continue;
        size_t to = map->slots[i].hash;
        while (slots[to & (capacity - 1)].item)
            to++;
        slots[to & (capacity - 1)] = map->slots[i];
    }
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return NGI_OK;
}

/* Behind the last item; NGI_OK fills *ret. */
static int add_item(struct map *map, uint32_t scope, const char *key, size_t length, void *value, uint32_t *ret)
{
    if (length > UINT32_MAX || map->filled / ITEM_UNIT >= UINT32_MAX)
        return NGI_ENOMEM;
    size_t size = (sizeof(struct item) + length + ITEM_UNIT - 1) / ITEM_UNIT * ITEM_UNIT;
    if (map->room - map->filled < size) {
        size_t room = map->room * 2 + size;
        char *items = realloc(map->items, room);
        if (!items)
            return NGI_ENOMEM;
        map->items = items;
        map->room = room;
    }
    struct item *item = (struct item *)(map->items + map->filled);
    *item = (struct item){ value, scope, (uint32_t)length };
    memcpy(item->key, key, length);
    *ret = (uint32_t)(map->filled / ITEM_UNIT) + 1;
    map->filled += size;
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

void *map_get(const struct map *map, uint32_t scope, const char *key, size_t length)
{
    if (!map->used || length > map->longest)
        return NULL;
    const struct map_slot *slot = slot_of(map, hash_of(scope, key, length), scope, key, length);
    return slot->item ? item_at(map, slot->item)->value : NULL;
}

int map_put(struct map *map, uint32_t scope, const char *key, size_t length, void *value)
{
    int rc;
    if ((map->used + 1) * 2 > map->capacity && (rc = grow_slots(map)) != NGI_OK)
        return rc;
    uint32_t hash = hash_of(scope, key, length);
    struct map_slot *slot = slot_of(map, hash, scope, key, length);
    if (slot->item) {
        item_at(map, slot->item)->value = value;
        return NGI_OK;
    }
    rc = add_item(map, scope, key, length, value, &slot->item);
    if (rc != NGI_OK)
        return rc;
    slot->hash = hash;
    map->used++;
    if (length > map->longest)
        map->longest = length;
    return NGI_OK;
}

void map_free(struct map *map)
{
    free(map->slots);
    free(map->items);
    *map = (struct map){ 0 };
}
