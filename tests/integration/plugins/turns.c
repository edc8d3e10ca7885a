/* turns - a plugin that is NGI_SERIAL: two routes, of which one call at a time may be inside. */
#include <ngi.h>
#include <stdatomic.h>
#include <time.h>

static atomic_int inside;

static int turn(ngi_request *r)
{
    const struct timespec moment = { .tv_nsec = 1000000 };
    int others = atomic_fetch_add(&inside, 1);
    (void)nanosleep(&moment, NULL); /* room for another call to come in, if it may */
    atomic_fetch_sub(&inside, 1);
    return ngi_textf(r, 200, "beside %d\n", others);
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/a", turn),
    NGI_ROUTE(NGI_GET, "/b", turn),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "turns", .version = "1.0", .flags = NGI_SERIAL, .routes = routes)
