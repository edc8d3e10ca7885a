/* A hash map from (scope, bytes) to a pointer; the scope lets one map serve all nodes of a tree. Filled once, then
 * read by any number of threads. Keys are copied. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot;

/* A look-up that finds reads a slot, which is small, and the item it leads to, which has key and value side by side:
 * two places in memory, however many keys there are. */
struct map {
    struct map_slot *slots; /* a power of two of them, at most half used */
    size_t capacity, used;
    char *items; /* one behind the other */
    size_t filled, room;
    size_t longest; /* of the keys */
};

/* A zeroed struct map is an empty map. */

/* NULL if absent. */
void *map_get(const struct map *map, uint32_t scope, const char *key, size_t length);
/* Sets or replaces; `value` is not NULL. NGI_OK, NGI_ENOMEM. */
int map_put(struct map *map, uint32_t scope, const char *key, size_t length, void *value);
void map_free(struct map *map);

#endif
