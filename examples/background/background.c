/* background - answers at once, and works on after it.
 *
 * Shows: ngi_background. The response goes out, then the function runs on a thread of the host's, which also waits for
 * it before it stops. The function has no request any more: what it needs it is given, and it says in the log how it
 * went.
 *
 *     GET /?seconds=    says "It works"; the ping goes on for so long: 0 to 60, 5 without it
 *     GET /pings        how many pings have come back
 *
 *     curl localhost:8080/background/    # and look at the log
 */
#include <ngi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { SECONDS_MAX = 60 };

struct ping {
    struct state *state;
    double seconds;
};

static struct state {
    const ngi_host *host;
    _Atomic unsigned back;
} state;

/* Stands for what takes its time: mail, a slow peer, a thumbnail. */
static void ping(void *arg)
{
    struct ping *ping = arg;
    struct timespec time = { .tv_sec = (time_t)ping->seconds };

    time.tv_nsec = (long)((ping->seconds - (double)time.tv_sec) * 1e9);
    ngi_host_log(ping->state->host, NGI_LOG_INFO, "ping");
    while (nanosleep(&time, &time) < 0) /* a signal; `time` is what is left */
        continue;
    ngi_host_log(ping->state->host, NGI_LOG_INFO, "pong after %.3f s", ping->seconds);
    atomic_fetch_add(&ping->state->back, 1);
    free(ping);
}

static int index_page(ngi_request *r)
{
    char *end;
    const char *text = ngi_query(r, "seconds", "5");
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 0 && seconds <= SECONDS_MAX)) /* not "nan" either */
        return ngi_textf(r, 400, "Seconds are a number from 0 to %d.\n", SECONDS_MAX);
    struct ping *job = malloc(sizeof *job); /* ngi_alloc's memory goes with the request */
    if (!job)
        return ngi_fail(r, NGI_ENOMEM, "no memory for a ping");
    *job = (struct ping){ ngi_state(r), seconds };
    int rc = ngi_background(r, ping, job);
    if (rc) {
        free(job); /* it will not run */
        return ngi_fail(r, rc == NGI_EBUSY ? 503 : rc, "no ping: %s", ngi_strerror(rc));
    }
    return ngi_text(r, 200, "It works\n");
}

static int pings(ngi_request *r)
{
    struct state *mine = ngi_state(r);

    return ngi_textf(r, 200, "%u\n", atomic_load(&mine->back));
}

static int start(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err;
    state.host = host;
    *ret_state = &state;
    return NGI_OK;
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/", index_page),
    NGI_ROUTE(NGI_GET, "/pings", pings),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "background", .version = "1.0", .summary = "Answers at once, and works on after it.",
                .routes = routes, .init = start)
