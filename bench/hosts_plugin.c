/* What bench/hosts measures host processes with.
 *
 *     GET  /             "hello"
 *     GET  /bytes/{n}    n bytes
 *     POST /take         reads the body, and tells its length
 *     GET  /hold/{ms}    takes so long
 *
 * Its option `data` is how many MiB init fills before the first host is forked. */
#include <ngi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int hello(ngi_request *r)
{
    return ngi_text(r, 200, "hello");
}

static int bytes(ngi_request *r)
{
    static const char block[4096];
    unsigned long left = strtoul(ngi_param(r, "n"), NULL, 10);
    ngi_header(r, "Content-Type", "application/octet-stream");
    while (left > 0) {
        unsigned long n = left < sizeof block ? left : sizeof block;
        ngi_write(r, block, n);
        left -= n;
    }
    return 200;
}

static int take(ngi_request *r)
{
    size_t n = 0;
    return ngi_body(r, &n) ? ngi_textf(r, 200, "%zu\n", n) : ngi_fail(r, NGI_EIO, "no body");
}

static int hold(ngi_request *r)
{
    long ms = strtol(ngi_param(r, "ms"), NULL, 10);
    struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
    return ngi_text(r, 200, "held");
}

static int init(const ngi_host *host, const ngi_config *config, void **state, ngi_error *err)
{
    (void)config;
    size_t size = (size_t)strtoul(ngi_option(host, "data"), NULL, 10) << 20;
    if (size == 0)
        return NGI_OK;
    *state = malloc(size);
    if (!*state)
        return ngi_error_set(err, NGI_ENOMEM, "no memory");
    memset(*state, 1, size);
    return NGI_OK;
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/", hello),
    NGI_ROUTE(NGI_GET, "/bytes/{n}", bytes),
    NGI_ROUTE(NGI_POST, "/take", take),
    NGI_ROUTE(NGI_GET, "/hold/{ms}", hold, NGI_MAY_BLOCK),
    { 0 },
};

static const ngi_option_spec options[] = {
    { "data", NGI_INT, "0", 0, 4096, "MiB that init fills" },
    { 0 },
};

NGI_PLUGIN_FULL(.name = "hosts", .version = "1.0", .routes = routes, .options = options, .init = init)
