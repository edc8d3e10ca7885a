/* calls - calls that last as long as the test wants: one named ?name=a waits while there is a FIFO `a` in the directory
 * `place`, until the test opens that for writing. What happens to it stands in the log. */
#include "gate.h"

#include <ngi.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>

enum { LIMIT_MS = 60 * 1000 };

static const ngi_host *gateway;
static atomic_int threads, inside;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err, (void)ret_state;
    gateway = given;
    return NGI_OK;
}

static int thread_start(void *state, void **ret_thread_state, ngi_error *err)
{
    (void)state, (void)err, (void)ret_thread_state;
    ngi_host_log(gateway, NGI_LOG_INFO, "thread_init, there are %d", ++threads);
    return NGI_OK;
}

static void thread_finish(void *state, void *thread_state)
{
    (void)state, (void)thread_state;
    ngi_host_log(gateway, NGI_LOG_INFO, "thread_fini, there are %d", --threads);
}

static long long now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int work(ngi_request *r)
{
    const char *name = ngi_query(r, "name", "");
    int others = atomic_fetch_add(&inside, 1);
    if (*name)
        ngi_log(r, NGI_LOG_INFO, "%s begins beside %d", name, others);
    if (!wait_for_test(r->ngi, name)) {
        const struct timespec moment = { .tv_nsec = 1000000 };
        if (*ngi_query(r, "moment", ""))
            (void)nanosleep(&moment, NULL); /* room for another call to come in, if it may */
    }
    atomic_fetch_sub(&inside, 1); /* before the test is told so */
    if (*name)
        ngi_log(r, NGI_LOG_INFO, "%s goes on: %d", name, ngi_cancelled(r));
    return ngi_textf(r, 200, "%s beside %d\n", name, others);
}

/* Waits for its cancellation, and tells when it came. */
static int heed(ngi_request *r)
{
    const char *name = ngi_query(r, "name", "");
    struct pollfd told = { ngi_cancel_fd(r), POLLIN, 0 };
    ngi_log(r, NGI_LOG_INFO, "%s begins with %d", name, ngi_cancelled(r));
    int n = poll(&told, 1, LIMIT_MS);
    long long when = now_us();
    ngi_log(r, NGI_LOG_INFO, "%s is told %d by %d at %lld", name, ngi_cancelled(r), n, when);
    (void)wait_for_test(r->ngi, name);
    return ngi_textf(r, 200, "%s heeded\n", name);
}

/* The same without the descriptor. */
static int ask(ngi_request *r)
{
    const char *name = ngi_query(r, "name", "");
    const struct timespec moment = { .tv_nsec = 1000000 };
    long long until = now_us() + LIMIT_MS * 1000LL;
    ngi_log(r, NGI_LOG_INFO, "%s begins", name);
    while (ngi_cancelled(r) == 0 && now_us() < until)
        (void)nanosleep(&moment, NULL);
    ngi_log(r, NGI_LOG_INFO, "%s hears %d at %lld", name, ngi_cancelled(r), now_us());
    return ngi_textf(r, 200, "%s heard\n", name);
}

static int left(ngi_request *r)
{
    int64_t ms = ngi_time_left_ms(r);
    const char *name = ngi_query(r, "name", "");
    if (*name)
        ngi_log(r, NGI_LOG_INFO, "%s begins", name);
    (void)wait_for_test(r->ngi, name);
    return ms == INT64_MAX ? ngi_text(r, 200, "none\n")
                           : ngi_textf(r, 200, "%lld %lld\n", (long long)ms, (long long)ngi_time_left_ms(r));
}

static const ngi_option_spec options[] = {
    GATE_OPTION,
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/", work),
    NGI_ROUTE(NGI_GET, "/other", work),
    NGI_ROUTE(NGI_GET, "/may", work, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/never", work, NGI_NEVER_BLOCKS),
    NGI_ROUTE(NGI_GET, "/serial", work, NGI_SERIAL),
    NGI_ROUTE(NGI_GET, "/heed", heed),
    NGI_ROUTE(NGI_GET, "/ask", ask),
    NGI_ROUTE(NGI_GET, "/left", left),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "calls", .version = "1.0", .routes = routes, .options = options, .init = start,
                .thread_init = thread_start, .thread_fini = thread_finish)
