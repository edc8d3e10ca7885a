/* sleep - blocks, as a handler that waits for something slow does.
 *
 * Shows: a path parameter, checked strictly; and NGI_MAY_BLOCK, by which an author tells the host never to run a route
 * on a thread that other connections need. Nobody waits for this handler but its own caller.
 *
 *     GET /{seconds}    waits that long: decimal, 0 to 3600
 *
 *     time curl localhost:8080/sleep/1.5
 *
 * Two at once take no longer than one, and their lines in the log interleave.
 *
 * It does not look at ngi_cancelled, on purpose: a library call that hangs would not either. spin shows how to.
 */
#include <errno.h>
#include <ngi.h>
#include <stdlib.h>
#include <time.h>

enum { SECONDS_MAX = 3600 };

/* Digits, perhaps a point and more digits; strtod alone would take "inf", "0x1p4" and " 1". Returns -1 for others. */
static double parse_seconds(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    size_t length = whole;

    if (whole && text[whole] == '.')
        length += 1 + strspn(text + whole + 1, "0123456789");
    if (!whole || text[length] || text[length - 1] == '.')
        return -1;
    return strtod(text, NULL);
}

/* Waits for a point in time, not for a duration, so that a signal needs no sum of what is left. Returns an errno. */
static int sleep_seconds(double seconds)
{
    struct timespec until;
    int error;

    if (clock_gettime(CLOCK_MONOTONIC, &until))
        return errno;
    long long nanoseconds = until.tv_nsec + (long long)(seconds * 1e9);
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    do
        error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    while (error == EINTR);
    return error;
}

static int sleep_page(ngi_request *r)
{
    double seconds = parse_seconds(ngi_param(r, "seconds"));

    if (seconds < 0 || seconds > SECONDS_MAX)
        return ngi_textf(r, 400, "Seconds are a decimal number from 0 to %d.\n", SECONDS_MAX);
    ngi_log(r, NGI_LOG_INFO, "falls asleep for %.3f s", seconds);
    int error = sleep_seconds(seconds);
    if (error)
        return ngi_fail(r, NGI_EFAIL, "clock_nanosleep: %s", strerror(error));
    ngi_log(r, NGI_LOG_INFO, "wakes up");
    return ngi_textf(r, 200, "Slept %.3f s\n", seconds);
}

NGI_PLUGIN("sleep", "1.0", NGI_ROUTE(NGI_GET, "/{seconds}", sleep_page, NGI_MAY_BLOCK))
