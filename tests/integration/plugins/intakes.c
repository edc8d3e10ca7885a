/* intakes - handlers that run while their body is still arriving. One named ?name=a waits while there is a FIFO `a` in
 * the directory `place`, until the test opens that for writing. */
#include "gate.h"

#include <ngi.h>

/* Reads a little, waits, and reads the rest. */
static int count(ngi_request *r)
{
    static _Thread_local char block[64 * 1024];
    const char *name = ngi_query(r, "name", "");
    size_t first = strtoul(ngi_query(r, "first", "5"), NULL, 10);
    uint32_t sum = 0;
    int64_t n, total = 0;
    n = ngi_read(r, block, first < sizeof block ? first : sizeof block);
    ngi_log(r, NGI_LOG_INFO, "%s has read %.*s", name, n > 0 ? (int)(n < 5 ? n : 5) : 0, block);
    for (int64_t i = 0; i < n; i++)
        sum = sum * 31 + (unsigned char)block[i];
    total += n > 0 ? n : 0;
    (void)wait_for_test(r->ngi, ngi_query(r, "name", ""));
    while (n > 0 && (n = ngi_read(r, block, sizeof block)) > 0) {
        for (int64_t i = 0; i < n; i++)
            sum = sum * 31 + (unsigned char)block[i];
        total += n;
    }
    ngi_log(r, NGI_LOG_INFO, "%s ends with %d after %lld", name, (int)n, (long long)total);
    if (n < 0)
        return ngi_fail(r, (int)n, "the body: %s", ngi_strerror((int)n));
    return ngi_textf(r, 200, "%lld %u\n", (long long)total, sum);
}

static int ignore(ngi_request *r)
{
    ngi_log(r, NGI_LOG_INFO, "%s answers", ngi_query(r, "name", ""));
    (void)wait_for_test(r->ngi, ngi_query(r, "name", ""));
    return ngi_text(r, 200, "not read\n");
}

static int whole(ngi_request *r)
{
    size_t n;
    ngi_log(r, NGI_LOG_INFO, "%s begins", ngi_query(r, "name", ""));
    const char *body = ngi_body(r, &n);
    return body ? ngi_respond(r, 200, "text/plain", body, n) : ngi_text(r, 400, "no body\n");
}

static int form(ngi_request *r)
{
    ngi_log(r, NGI_LOG_INFO, "%s begins", ngi_query(r, "name", ""));
    return ngi_textf(r, 200, "%s and %s\n", ngi_form(r, "a", "none"), ngi_form(r, "b", "none"));
}

/* Answers while it reads: what it flushes may leave only when the body is there. */
static int echo(ngi_request *r)
{
    char block[4096];
    int64_t n;
    while ((n = ngi_read(r, block, sizeof block)) > 0) {
        (void)ngi_write(r, block, (size_t)n);
        (void)ngi_flush(r);
    }
    return (int)n;
}

static const ngi_option_spec options[] = {
    GATE_OPTION,
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_POST, "/count", count, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_POST, "/plain", count),
    NGI_ROUTE(NGI_POST, "/ignore", ignore, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_POST, "/whole", whole, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_POST, "/form", form, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_POST, "/echo", echo, NGI_STREAM_BODY),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "intakes", .version = "1.0", .routes = routes, .options = options)
