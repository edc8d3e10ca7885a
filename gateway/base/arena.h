/* An arena: allocations that are freed together. A request has one; it is reset, not freed, between requests, so that a
 * warm request allocates nothing from the system. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    char *at, *end;            /* the free part of the newest chunk */
    struct arena_chunk *chunk; /* the newest; each knows the one before */
    size_t total;              /* bytes held from the system */
    size_t limit;              /* arena_alloc fails beyond this many; 0: none */
};

/* An empty arena holds nothing until its first allocation. */
void arena_init(struct arena *arena, size_t limit);

/* `n` bytes (0 is fine) aligned for any type, not zeroed; NULL if out of memory or over the limit. */
void *arena_alloc(struct arena *arena, size_t n);
void *arena_zalloc(struct arena *arena, size_t n);

/* NUL-terminated copies; NULL if out of memory. */
char *arena_copy(struct arena *arena, const char *s, size_t n);
char *arena_string(struct arena *arena, const char *s);
char *arena_format(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vformat(struct arena *arena, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Everything allocated becomes invalid; a chunk of up to 64 KiB is kept for the next round. */
void arena_reset(struct arena *arena);
/* The same, and gives everything back. The arena may be used again. */
void arena_free(struct arena *arena);

#endif
