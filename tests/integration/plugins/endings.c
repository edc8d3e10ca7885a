/* endings - streams and clean-ups, which say in the log when they end; ?tag= tells the requests apart. */
#include <ngi.h>
#include <stdlib.h>

static const ngi_host *gateway;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)ret_state, (void)err;
    gateway = given;
    return NGI_OK;
}

/* --- clean-ups ------------------------------------------------------------------------------------------------ */

static void say(void *arg)
{
    ngi_host_log(gateway, NGI_LOG_INFO, "finish %s", (const char *)arg);
}

/* Registers "TAG 1" and "TAG 2", which have to run as 2, 1. */
static int watch(ngi_request *r)
{
    const char *tag = ngi_query(r, "tag", "untagged");
    int rc = NGI_OK;
    for (int i = 1; i <= 2 && !rc; i++) {
        char text[100];
        (void)snprintf(text, sizeof text, "%s %d", tag, i);
        rc = ngi_on_finish(r, say, ngi_strdup(r, text));
    }
    return rc;
}

static int ok(ngi_request *r)
{
    int rc = watch(r);
    return rc ? rc : ngi_text(r, 200, "ok\n");
}

static int status(ngi_request *r)
{
    int rc = watch(r);
    return rc ? rc : 404;
}

static int fails(ngi_request *r)
{
    int rc = watch(r);
    return rc ? rc : NGI_EIO;
}

static int nothing(ngi_request *r)
{
    return watch(r);
}

/* --- streams -------------------------------------------------------------------------------------------------- */

struct stream {
    int64_t left; /* bytes; negative: without end */
    int result;   /* what `next` returns after the last */
    char tag[100];
};

static int64_t next(void *arg, void *buf, size_t n)
{
    struct stream *stream = arg;
    if (stream->left == 0)
        return stream->result;
    if (stream->left > 0 && n > (size_t)stream->left)
        n = (size_t)stream->left;
    memset(buf, 's', n);
    if (stream->left > 0)
        stream->left -= (int64_t)n;
    return (int64_t)n;
}

static void close_stream(void *arg)
{
    struct stream *stream = arg;
    ngi_host_log(gateway, NGI_LOG_INFO, "close %s", stream->tag);
    free(stream);
}

static struct stream *make(ngi_request *r, const char *suffix, int64_t left, int result)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        abort();
    *stream = (struct stream){ .left = left, .result = result };
    (void)snprintf(stream->tag, sizeof stream->tag, "%s%s", ngi_query(r, "tag", "untagged"), suffix);
    return stream;
}

/* ?bytes= are yielded, ?declared= announced, ?result= returned after the last. */
static int stream(ngi_request *r)
{
    const char *declared = ngi_query(r, "declared", NULL);
    int rc = watch(r);
    if (!rc && declared)
        rc = ngi_header(r, "Content-Length", declared);
    return rc ? rc : ngi_send_stream(r, next, close_stream, make(r, "", atoll(ngi_query(r, "bytes", "10")),
                                                                 atoi(ngi_query(r, "result", "0"))));
}

/* Sets a stream and then changes its mind. */
static int stream_replaced(ngi_request *r)
{
    int rc = ngi_send_stream(r, next, close_stream, make(r, "", 10, 0));
    if (!rc)
        rc = ngi_start_response(r, "200 OK", NULL);
    return rc ? rc : ngi_puts(r, "text instead\n");
}

static int stream_then_fails(ngi_request *r)
{
    int rc = ngi_send_stream(r, next, close_stream, make(r, "", 10, 0));
    return rc ? rc : NGI_EIO;
}

/* The second is refused, and closed all the same. */
static int stream_twice(ngi_request *r)
{
    int rc = ngi_send_stream(r, next, close_stream, make(r, " first", 10, 0));
    if (!rc && ngi_send_stream(r, next, close_stream, make(r, " second", 10, 0)) != NGI_EINVAL)
        rc = NGI_EFAIL;
    return rc;
}

/* 304 and 204 have no body: the stream is never pulled. */
static int stream_without_body(ngi_request *r)
{
    int rc = ngi_send_stream(r, next, close_stream, make(r, "", -1, 0));
    return rc ? rc : 204;
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET | NGI_POST, "/ok", ok),
    NGI_ROUTE(NGI_GET, "/status", status),
    NGI_ROUTE(NGI_GET, "/fails", fails),
    NGI_ROUTE(NGI_GET, "/nothing", nothing),
    NGI_ROUTE(NGI_GET, "/stream", stream),
    NGI_ROUTE(NGI_GET, "/replaced", stream_replaced),
    NGI_ROUTE(NGI_GET, "/then-fails", stream_then_fails),
    NGI_ROUTE(NGI_GET, "/twice", stream_twice),
    NGI_ROUTE(NGI_GET, "/without-body", stream_without_body),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "endings", .version = "1.0", .routes = routes, .init = start)
