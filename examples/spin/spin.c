/* spin - burns processor time, as a handler that computes does.
 *
 * Shows: a long loop that asks ngi_cancelled now and then, and stops when the client has gone or the deadline has
 * passed. The route declares nothing: the host finds out by itself where such a call belongs.
 *
 *     GET /{n}    n million iterations, 0 to 100000
 *
 *     curl localhost:8080/spin/100
 *     curl --max-time 1 localhost:8080/spin/100000    # stops soon after the client does
 */
#include <ngi.h>
#include <stdlib.h>
#include <time.h>

enum { MILLIONS_MAX = 100000 };

/* -1 for what is no number from 0 to MILLIONS_MAX. */
static long parse_millions(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 6 || text[digits])
        return -1;
    long millions = strtol(text, NULL, 10);
    return millions <= MILLIONS_MAX ? millions : -1;
}

static void burn_a_million(void)
{
    for (volatile int i = 0; i < 1000000; i++) /* volatile: or the compiler sees that nothing happens */
        continue;
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time); /* cannot fail for this clock */
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int spin(ngi_request *r)
{
    long millions = parse_millions(ngi_param(r, "n"));
    double start = now();

    if (millions < 0)
        return ngi_textf(r, 400, "Millions of iterations are a whole number from 0 to %d.\n", MILLIONS_MAX);
    for (long i = 0; i < millions; i++) {
        if (ngi_cancelled(r) > 0) /* negative: a host that cannot tell */
            return ngi_fail(r, NGI_ECANCELED, "stopped after %ld of %ld million", i, millions);
        burn_a_million();
    }
    return ngi_textf(r, 200, "%ld million iterations took %.3f s\n", millions, now() - start);
}

NGI_PLUGIN("spin", "1.0", NGI_ROUTE(NGI_GET, "/{n}", spin))
