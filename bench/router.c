/* How long a look-up takes, and whether that depends on how many routes or mounts there are.
 *
 * usage: router [ROUNDS]
 *
 * For each number of routes: a router of that many templates, half of them literal and half with two parameters, and a
 * registry of that many mounts; then random look-ups over all of them. The sizes take turns in every round, so that a
 * neighbour's noise falls on all of them; a figure is the median of ROUNDS rounds, in ns a look-up. Every look-up is
 * checked to find its own.
 *
 * In service a path has just been received when it is looked for: it is in the cache. So are these, which are written
 * a few at a time, and only their look-ups are timed. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/median.h"
#include "http/router.h"
#include "plugin/registry.h"

enum { BATCH = 64, BATCHES = 256, PATH_SIZE = 64, ROUNDS_MAX = 1000 };

/* All that is looked in: thing i's mark is marks[i], its plugin plugins[i]. */
struct place {
    unsigned count;
    struct router *router;
    struct registry *registry;
    char *marks;
    struct plugin *plugins;
    char (*mounts)[PATH_SIZE];
};

struct lookup {
    char path[PATH_SIZE];
    size_t length;
    const void *expected;
};

struct kind {
    void (*draw)(const struct place *place, struct lookup *ret);
    const void *(*find)(const struct place *place, const struct lookup *lookup);
};

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "router: %s\n", what);
        exit(1);
    }
}

/* The same numbers in every run (xorshift32). */
static unsigned draw(unsigned below)
{
    static unsigned state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % below;
}

/* --- what is looked for -------------------------------------------------------------------------------------- */

static void draw_literal(const struct place *place, struct lookup *ret)
{
    unsigned i = draw(place->count / 2) * 2;
    ret->length = (size_t)snprintf(ret->path, PATH_SIZE, "/api/v1/kind%u/list/all", i);
    ret->expected = &place->marks[i];
}

static void draw_parameters(const struct place *place, struct lookup *ret)
{
    unsigned i = draw(place->count / 2) * 2 + 1;
    ret->length = (size_t)snprintf(ret->path, PATH_SIZE, "/api/v1/kind%u/%u/parts/%u", i, draw(1000000), draw(100));
    ret->expected = &place->marks[i];
}

static void draw_mount(const struct place *place, struct lookup *ret)
{
    unsigned i = draw(place->count);
    ret->length = (size_t)snprintf(ret->path, PATH_SIZE, "/plugin%u/things/%u", i, draw(1000000));
    ret->expected = &place->plugins[i];
}

static const void *find_route(const struct place *place, const struct lookup *lookup)
{
    struct route_match match;
    int rc = router_find(place->router, NGI_GET, lookup->path, lookup->length, &match);
    return rc == NGI_OK ? match.data : NULL;
}

static const void *find_mount(const struct place *place, const struct lookup *lookup)
{
    return registry_find(place->registry, lookup->path, lookup->length);
}

static const struct kind kinds[] = {
    { draw_literal, find_route },
    { draw_parameters, find_route },
    { draw_mount, find_mount },
};

/* --- where it is looked for ---------------------------------------------------------------------------------- */

/* Even routes are literal, odd ones have parameters. The plugins are nothing but their mount points: all that a look-up
 * reads. */
static void place_make(struct place *place, unsigned count)
{
    ngi_error err = { 0 };
    *place = (struct place){ count,
                             router_new(),
                             registry_new(),
                             calloc(count, 1),
                             calloc(count, sizeof *place->plugins),
                             calloc(count, sizeof *place->mounts) };
    check(place->router && place->registry && place->marks && place->plugins && place->mounts, "out of memory");
    for (unsigned i = 0; i < count; i++) {
        char template[PATH_SIZE];
        snprintf(template, sizeof template, i % 2 ? "/api/v1/kind%u/{id}/parts/{part}" : "/api/v1/kind%u/list/all", i);
        check(router_add(place->router, NGI_GET, template, &place->marks[i], &err) == NGI_OK, err.text);
        size_t length = (size_t)snprintf(place->mounts[i], PATH_SIZE, "/plugin%u", i);
        check(map_put(&place->registry->mounts, 0, place->mounts[i], length, &place->plugins[i]) == NGI_OK, "out of "
                                                                                                            "memory");
    }
}

static void place_free(struct place *place)
{
    registry_free(place->registry);
    router_free(place->router);
    free(place->mounts);
    free(place->plugins);
    free(place->marks);
}

/* ------------------------------------------------------------------------------------------------------------- */

static double pass_ns(const struct kind *kind, const struct place *place)
{
    static struct lookup lookups[BATCH];
    static const void *found[BATCH];
    double total = 0;
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        struct timespec start, end;
        for (size_t i = 0; i < BATCH; i++)
            kind->draw(place, &lookups[i]);
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (size_t i = 0; i < BATCH; i++)
            found[i] = kind->find(place, &lookups[i]);
        clock_gettime(CLOCK_MONOTONIC, &end);
        total += (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
        for (size_t i = 0; i < BATCH; i++)
            check(found[i] == lookups[i].expected, "a look-up did not find its own");
    }
    return total / (BATCH * BATCHES);
}

int main(int argc, char **argv)
{
    enum { SIZES = 4, KINDS = sizeof kinds / sizeof *kinds };
    static const unsigned counts[SIZES] = { 10, 100, 1000, 10000 };
    static struct place places[SIZES];
    static double passes[SIZES][KINDS][ROUNDS_MAX];
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 101;
    check(rounds >= 1 && rounds <= ROUNDS_MAX, "ROUNDS is a number from 1 to 1000");

    for (unsigned size = 0; size < SIZES; size++)
        place_make(&places[size], counts[size]);
    for (unsigned round = 0; round < rounds; round++)
        for (unsigned size = 0; size < SIZES; size++)
            for (unsigned kind = 0; kind < KINDS; kind++) {
                pass_ns(&kinds[kind], &places[size]); /* the cache still holds the size before */
                passes[size][kind][round] = pass_ns(&kinds[kind], &places[size]);
            }

    printf("%8s %10s %12s %10s\n", "routes", "literal", "parameters", "mounts");
    for (unsigned size = 0; size < SIZES; size++) {
        printf("%8u %10.1f %12.1f %10.1f\n", counts[size], median(passes[size][0], rounds),
               median(passes[size][1], rounds), median(passes[size][2], rounds));
        place_free(&places[size]);
    }
    return 0;
}
