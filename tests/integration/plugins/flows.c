/* flows - responses that are sent while they are made. A stream named ?name=a waits while there is a FIFO `a` in the
 * directory `place`, until the test opens that for writing. */
#include "gate.h"

#include <ngi.h>
#include <poll.h>

enum { LIMIT_MS = 60 * 1000 };

static const ngi_host *gateway;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err, (void)ret_state;
    gateway = given;
    return NGI_OK;
}

static long long number(ngi_request *r, const char *name)
{
    return atoll(ngi_query(r, name, "0"));
}

static void declare(ngi_request *r)
{
    const char *length = ngi_query(r, "length", NULL);
    if (length)
        (void)ngi_header(r, "Content-Length", length);
}

/* Until it is told that its call is cancelled: the client may know that before. */
static void await_cancel(ngi_request *r)
{
    struct pollfd told = { ngi_cancel_fd(r), POLLIN, 0 };
    (void)poll(&told, 1, LIMIT_MS);
}

/* Sends "first", waits, with ?late for its cancellation as well, sends "second" and returns ?rc=. */
static int halves(ngi_request *r)
{
    const char *name = ngi_query(r, "name", "");
    declare(r);
    (void)ngi_puts(r, "first\n");
    int first = ngi_flush(r);
    ngi_log(r, NGI_LOG_INFO, "%s has flushed: %d", name, first);
    (void)wait_for_test(gateway, name);
    if (ngi_query(r, "late", NULL))
        await_cancel(r);
    int second = ngi_puts(r, "second\n");
    int third = ngi_flush(r);
    ngi_log(r, NGI_LOG_INFO, "%s goes on: %d %d %d", name, second, third, ngi_status(r, 201));
    return (int)number(r, "rc");
}

/* Waits first, also for its cancellation, and flushes often, whatever comes of it. */
static int late(ngi_request *r)
{
    const char *name = ngi_query(r, "name", "");
    int rc = NGI_OK;
    ngi_log(r, NGI_LOG_INFO, "%s begins", name);
    (void)wait_for_test(gateway, name);
    await_cancel(r);
    for (int i = 0; i < 10; i++) {
        (void)ngi_puts(r, "late\n");
        rc = ngi_flush(r);
    }
    ngi_log(r, NGI_LOG_INFO, "%s flushes: %d", name, rc);
    return NGI_OK;
}

/* ?size= bytes, in pieces of ?piece=, until the host takes no more. */
static int pour(ngi_request *r)
{
    static const char zeros[64 * 1024];
    const char *name = ngi_query(r, "name", "");
    long long size = number(r, "size"), done = 0;
    size_t piece = (size_t)number(r, "piece");
    int rc = NGI_OK;
    piece = piece == 0 || piece > sizeof zeros ? sizeof zeros : piece;
    declare(r);
    (void)ngi_flush(r);
    ngi_log(r, NGI_LOG_INFO, "%s pours", name);
    while (rc == NGI_OK && done < size) {
        size_t n = size - done < (long long)piece ? (size_t)(size - done) : piece;
        rc = ngi_write(r, zeros, n);
        done += (long long)n;
    }
    ngi_log(r, NGI_LOG_INFO, "%s has poured: %d %s", name, rc, done >= size ? "all" : "some");
    return rc;
}

/* --- ngi_send_stream ------------------------------------------------------------------------------------------ */

struct source {
    char name[32];
    long long size, done, waits_at; /* -1: nowhere */
    int fails;                      /* what `next` returns instead of an end; 0: an end */
    int calls;
};

static int64_t next(void *arg, void *buf, size_t n)
{
    struct source *source = arg;
    source->calls++;
    if (source->waits_at >= 0 && source->done >= source->waits_at) {
        ngi_host_log(gateway, NGI_LOG_INFO, "%s waits", source->name);
        (void)wait_for_test(gateway, source->name);
        source->waits_at = -1;
    }
    long long left = source->size - source->done;
    if (left == 0)
        return source->fails;
    if (source->waits_at >= 0 && left > source->waits_at - source->done)
        left = source->waits_at - source->done;
    if (left > (long long)n)
        left = (long long)n;
    memset(buf, 'x', (size_t)left);
    source->done += left;
    return left;
}

static void end(void *arg)
{
    struct source *source = arg;
    ngi_host_log(gateway, NGI_LOG_INFO, "%s is closed, %s", source->name, source->calls ? "pulled" : "never pulled");
    free(source);
}

static int pull(ngi_request *r)
{
    struct source *source = calloc(1, sizeof *source);
    if (!source)
        return NGI_ENOMEM;
    (void)snprintf(source->name, sizeof source->name, "%s", ngi_query(r, "name", ""));
    source->size = number(r, "size");
    source->waits_at = atoll(ngi_query(r, "waits", "-1"));
    source->fails = (int)number(r, "fails");
    declare(r);
    int rc = ngi_send_stream(r, next, end, source);
    if (*ngi_query(r, "regret", ""))
        return ngi_fail(r, NGI_EFAIL, "no stream after all");
    if (*ngi_query(r, "twice", ""))
        return ngi_send_stream(r, next, NULL, NULL);
    return rc;
}

/* ?size= bytes, of which none leaves before the handler has returned. */
static int whole(ngi_request *r)
{
    static const char zeros[64 * 1024];
    (void)ngi_header(r, "Content-Type", "application/octet-stream");
    for (long long left = number(r, "size"); left > 0; left -= (long long)sizeof zeros)
        (void)ngi_write(r, zeros, left < (long long)sizeof zeros ? (size_t)left : sizeof zeros);
    return NGI_OK;
}

static int fast(ngi_request *r)
{
    return ngi_text(r, 200, "fast\n");
}

static const ngi_option_spec options[] = {
    GATE_OPTION,
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/halves", halves),
    NGI_ROUTE(NGI_GET, "/late", late),
    NGI_ROUTE(NGI_GET, "/pour", pour),
    NGI_ROUTE(NGI_GET, "/pull", pull),
    NGI_ROUTE(NGI_GET, "/fast", fast),
    NGI_ROUTE(NGI_GET, "/whole", whole),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "flows", .version = "1.0", .routes = routes, .options = options, .init = start)
