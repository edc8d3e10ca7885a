/* How long a look-up takes, and whether that depends on how many routes or mounts there are.
 *
 * usage: router [ROUNDS]
 *
 * For each number of routes: a router of that many templates, half of them literal and half with two parameters, and a
 * registry of that many mounts; then random look-ups over all of them. A row is the median of ROUNDS passes, in ns a
 * look-up. Every look-up is checked to find its own before anything is timed. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "http/router.h"
#include "plugin/registry.h"

enum { LOOKUPS = 16384, PATH_SIZE = 64, ROUNDS_MAX = 1000 };

struct lookup {
    char path[PATH_SIZE];
    size_t length;
    const void *expected;
};

typedef const void *(*find_fn)(const void *in, const struct lookup *lookup);

static struct lookup lookups[LOOKUPS];

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

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median_ns(find_fn find, const void *in, unsigned rounds)
{
    static double passes[ROUNDS_MAX];
    volatile const void *found; /* what is found is used: the call stays */
    for (size_t i = 0; i < LOOKUPS; i++)
        check(find(in, &lookups[i]) == lookups[i].expected, "a look-up did not find its own");
    for (unsigned round = 0; round < rounds; round++) {
        struct timespec start, end;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (size_t i = 0; i < LOOKUPS; i++)
            found = find(in, &lookups[i]);
        clock_gettime(CLOCK_MONOTONIC, &end);
        passes[round] = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / LOOKUPS;
    }
    (void)found;
    qsort(passes, rounds, sizeof *passes, by_value);
    return passes[rounds / 2];
}

/* --- templates ----------------------------------------------------------------------------------------------- */

static const void *find_route(const void *in, const struct lookup *lookup)
{
    struct route_match match;
    return router_find(in, NGI_GET, lookup->path, lookup->length, &match) == NGI_OK ? match.data : NULL;
}

/* Route i: even ones literal, odd ones with parameters. `data` is one byte of `marks` each. */
static struct router *make_router(unsigned count, char *marks)
{
    struct router *router = router_new();
    ngi_error err = { 0 };
    check(router != NULL, "out of memory");
    for (unsigned i = 0; i < count; i++) {
        char template[PATH_SIZE];
        snprintf(template, sizeof template, i % 2 ? "/api/v1/kind%u/{id}/parts/{part}" : "/api/v1/kind%u/list/all", i);
        check(router_add(router, NGI_GET, template, &marks[i], &err) == NGI_OK, err.text);
    }
    return router;
}

static void draw_routes(unsigned count, unsigned odd, const char *marks)
{
    for (struct lookup *lookup = lookups; lookup < lookups + LOOKUPS; lookup++) {
        unsigned i = draw(count / 2) * 2 + odd;
        int length = odd ? snprintf(lookup->path, PATH_SIZE, "/api/v1/kind%u/%u/parts/%u", i, draw(1000000), draw(100))
                         : snprintf(lookup->path, PATH_SIZE, "/api/v1/kind%u/list/all", i);
        lookup->length = (size_t)length;
        lookup->expected = &marks[i];
    }
}

/* --- mounts -------------------------------------------------------------------------------------------------- */

static const void *find_mount(const void *in, const struct lookup *lookup)
{
    return registry_find(in, lookup->path, lookup->length);
}

/* A registry of plugins that are nothing but a mount point: all that a look-up reads. */
static struct registry *make_registry(unsigned count, struct plugin *plugins, char (*mounts)[PATH_SIZE])
{
    struct registry *registry = registry_new();
    check(registry != NULL, "out of memory");
    for (unsigned i = 0; i < count; i++) {
        size_t length = (size_t)snprintf(mounts[i], PATH_SIZE, "/plugin%u", i);
        check(map_put(&registry->mounts, 0, mounts[i], length, &plugins[i]) == NGI_OK, "out of memory");
    }
    return registry;
}

static void draw_mounts(unsigned count, const struct plugin *plugins)
{
    for (struct lookup *lookup = lookups; lookup < lookups + LOOKUPS; lookup++) {
        unsigned i = draw(count);
        lookup->length = (size_t)snprintf(lookup->path, PATH_SIZE, "/plugin%u/things/%u", i, draw(1000000));
        lookup->expected = &plugins[i];
    }
}

/* ------------------------------------------------------------------------------------------------------------- */

static void measure(unsigned count, unsigned rounds)
{
    char *marks = calloc(count, 1);
    struct plugin *plugins = calloc(count, sizeof *plugins);
    char(*mounts)[PATH_SIZE] = calloc(count, sizeof *mounts);
    check(marks && plugins && mounts, "out of memory");
    struct router *router = make_router(count, marks);
    struct registry *registry = make_registry(count, plugins, mounts);

    draw_routes(count, 0, marks);
    double literal = median_ns(find_route, router, rounds);
    draw_routes(count, 1, marks);
    double parameters = median_ns(find_route, router, rounds);
    draw_mounts(count, plugins);
    double mount = median_ns(find_mount, registry, rounds);
    printf("%8u %10.1f %12.1f %10.1f\n", count, literal, parameters, mount);
    fflush(stdout);

    registry_free(registry);
    router_free(router);
    free(mounts);
    free(plugins);
    free(marks);
}

int main(int argc, char **argv)
{
    static const unsigned counts[] = { 10, 100, 1000, 10000 };
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 101;
    check(rounds >= 1 && rounds <= ROUNDS_MAX, "ROUNDS is a number from 1 to 1000");
    printf("%8s %10s %12s %10s\n", "routes", "literal", "parameters", "mounts");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        measure(counts[i], rounds);
    return 0;
}
