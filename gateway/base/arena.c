#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 4096, KEEP = 64 * 1024, ALIGNMENT = alignof(max_align_t) };

struct arena_chunk {
    struct arena_chunk *before;
    size_t size; /* with this header */
    alignas(max_align_t) char bytes[];
};

static void use_chunk(struct arena *arena, struct arena_chunk *chunk)
{
    arena->chunk = chunk;
    arena->at = chunk->bytes;
    arena->end = (char *)chunk + chunk->size;
}

/* Chunks double, so that n bytes cost log n allocations; a large piece gets the chunk it needs. */
static int grow(struct arena *arena, size_t n)
{
    size_t size = arena->chunk ? arena->chunk->size * 2 : FIRST_CHUNK;
    if (n > SIZE_MAX / 2)
        return -1;
    while (size - sizeof(struct arena_chunk) < n)
        size *= 2;
    if (arena->limit && arena->total + size > arena->limit) {
        size = sizeof(struct arena_chunk) + n;
        if (arena->total + size > arena->limit)
            return -1;
    }
    struct arena_chunk *chunk = malloc(size);
    if (!chunk)
        return -1;
    chunk->before = arena->chunk;
    chunk->size = size;
    arena->total += size;
    use_chunk(arena, chunk);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){ .limit = limit };
}

void *arena_alloc(struct arena *arena, size_t n)
{
    if (n > SIZE_MAX / 4)
        return NULL;
    n = n ? (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1) : ALIGNMENT;
    if ((size_t)(arena->end - arena->at) < n && grow(arena, n) < 0)
        return NULL;
    void *p = arena->at;
    arena->at += n;
    return p;
}

void *arena_zalloc(struct arena *arena, size_t n)
{
    void *p = arena_alloc(arena, n);
    return p ? memset(p, 0, n) : NULL;
}

char *arena_copy(struct arena *arena, const char *s, size_t n)
{
    char *p = n < SIZE_MAX ? arena_alloc(arena, n + 1) : NULL;
    if (!p)
        return NULL;
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *arena_string(struct arena *arena, const char *s)
{
    return arena_copy(arena, s, strlen(s));
}

char *arena_vformat(struct arena *arena, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *arena_format(struct arena *arena, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vformat(arena, fmt, ap);
    va_end(ap);
    return p;
}

void arena_reset(struct arena *arena)
{
    /* The newest is the largest: a request like the last one will fit. One that was unlike the others does not make its
     * chunk stay. */
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *chunk = arena->chunk, *before; chunk; chunk = before) {
        before = chunk->before;
        if (!kept && chunk->size <= KEEP) {
            kept = chunk;
        } else {
            arena->total -= chunk->size;
            free(chunk);
        }
    }
    if (kept) {
        kept->before = NULL;
        use_chunk(arena, kept);
    } else {
        arena_init(arena, arena->limit);
    }
}

void arena_free(struct arena *arena)
{
    arena_reset(arena);
    free(arena->chunk);
    arena_init(arena, arena->limit);
}
