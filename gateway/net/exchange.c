#include "net/exchange.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "http/problem.h"
#include "net/connection.h"
#include "net/send.h"
#include "obs/access.h"
#include "obs/counters.h"
#include "plugin/call.h"
#include "plugin/plugin.h"

/* --- request objects ----------------------------------------------------------------------------------------- */

/* A request in libmicrohttpd's hands. */
struct exchange {
    struct request *request;
    const char *target; /* as it came; in the request's arena */
    bool routed;        /* the head has been looked at */
    bool sent;          /* the response has been queued */
    bool cut;           /* last words have been sent instead, and the connection goes */
    int refusal;        /* status of the response that takes the handler's place; 0: none */
    uint64_t received;  /* bytes of body */
    uint64_t excess;    /* bytes of a refused body read and dropped */
    int64_t run_us;
    struct exchange *next_idle;
};

/* Each thread keeps the objects it has used: a warm request allocates nothing, and no two threads meet. */
static _Thread_local struct exchange *idle;
static pthread_key_t idle_key;
static pthread_once_t idle_once = PTHREAD_ONCE_INIT;

static void free_idle(void *unused)
{
    (void)unused;
    exchange_thread_end();
}

static void make_key(void)
{
    /* Without a key the objects of a thread that ends are lost, no more. */
    (void)pthread_key_create(&idle_key, free_idle);
}

static struct exchange *take(const struct exchange_config *config)
{
    struct exchange *exchange = idle;
    if (exchange) {
        idle = exchange->next_idle;
        return exchange;
    }
    exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->request = request_new(config->max_response);
    if (!exchange->request) {
        free(exchange);
        return NULL;
    }
    pthread_once(&idle_once, make_key);
    pthread_setspecific(idle_key, exchange); /* any value but NULL has free_idle called */
    return exchange;
}

static void give_back(struct exchange *exchange)
{
    call_finish(exchange->request);
    *exchange = (struct exchange){ .request = exchange->request, .next_idle = idle };
    idle = exchange;
}

/* The request is over. */
static void finish(struct exchange *exchange, bool sent)
{
    if (access_is_on() && (exchange->sent || exchange->cut))
        access_write(exchange->request, 0, exchange->run_us, sent);
    give_back(exchange);
    counters_ended();
}

/* --- the head ------------------------------------------------------------------------------------------------ */

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_length,
                                   const char *value, size_t value_length)
{
    (void)kind;
    request_add_header(cls, name, name_length, value ? value : "", value_length);
    return MHD_YES;
}

/* Bytes of body that the head announces; UINT64_MAX: unknown, it comes in chunks. */
static uint64_t announced_length(const struct request *request)
{
    uint64_t length = 0;
    if (request->chunked)
        return UINT64_MAX;
    (void)(request->content_length &&
           text_to_uint64(request->content_length, &length)); /* libmicrohttpd has checked it */
    return length;
}

static int refuse(struct request *request, int status)
{
    return problem_respond(request, status, false, NULL);
}

/* Looks at a complete head. Returns 0 to go on, or the status of the refusal that has been put together. */
static int look_at_head(const struct exchange_config *config, struct MHD_Connection *connection,
                        struct exchange *exchange, const char *method, const char *version)
{
    struct request *request = exchange->request;
    const char *why = NULL;
    if (!exchange->target || !*version) /* no memory for it; or HTTP/0.9 */
        return refuse(request, *version ? 503 : 400);
    int rc = request_begin(request, &connection_of(connection)->peer, method, exchange->target, version, &why);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, take_header, request);
    if (!field_is_token(method, strlen(method)))
        return refuse(request, 400);
    if (rc != NGI_OK && request->method != 0) /* the target of a CONNECT is none of ours, and 405 says so */
        return problem_respond(request, rc == NGI_EINVAL ? 400 : 503, false, rc == NGI_EINVAL ? why : NULL);
    why = request_check_host(request);
    if (why)
        return problem_respond(request, 400, false, why);
    int status = dispatch_route(config->dispatch, request);
    if (status)
        return status;
    uint64_t length = announced_length(request);
    return length != UINT64_MAX && length > request->route->max_body ? refuse(request, 413) : 0;
}

/* --- the body ------------------------------------------------------------------------------------------------ */

/* Takes a piece of the body. False: the connection has to be cut. */
static bool take_body(const struct exchange_config *config, struct exchange *exchange, const char *data, size_t n)
{
    struct request *request = exchange->request;
    if (!exchange->refusal) {
        struct body_limits limits = config->body;
        limits.most = request->route->max_body;
        int rc = body_append(&request->body, &limits, data, n);
        if (rc == NGI_OK)
            return true;
        if (rc != NGI_ETOOBIG)
            log_line(NGI_LOG_ERROR, "%s [%s]: the request body could not be kept in %s: %s", request->plugin->name,
                     request_id(request), limits.spool, rc == NGI_EIO ? strerror(errno) : ngi_strerror(rc));
        exchange->refusal = refuse(request, rc == NGI_ETOOBIG ? 413 : 503);
    }
    /* libmicrohttpd takes no response in the middle of a body: read on, for a while, so that the client sees the reason
     * rather than a reset. */
    enum { PATIENCE = 16 * 1024 * 1024 };
    exchange->excess += n;
    return exchange->excess <= PATIENCE;
}

/* Whether the client has closed its end in the middle of the body. With epoll, libmicrohttpd 0.9.75 misses a FIN that
 * comes together with data, and would wait for the rest until the time-out. Of a chunked body only the parser knows the
 * end, so that a FIN behind it is no sign. */
static bool is_cut_short(struct MHD_Connection *connection, const struct exchange *exchange)
{
    char byte;
    uint64_t length = announced_length(exchange->request);
    if (length == UINT64_MAX || exchange->received >= length)
        return false;
    return recv(connection_fd(connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void *exchange_begin(void *cls, const char *target, struct MHD_Connection *raw)
{
    const struct exchange_config *config = cls;
    struct connection *connection = connection_of(raw);
    if (!connection)
        return NULL;
    exchange_abandon(connection);
    struct exchange *exchange = take(config);
    if (!exchange)
        return NULL;
    counters_begun();
    connection->open = exchange;
    /* libmicrohttpd is about to take the target apart in place. */
    struct request *request = exchange->request;
    exchange->target = arena_string(&request->arena, target ? target : "");
    if (!exchange->target)
        return exchange;
    /* It keeps a record for each query parameter, and where those do not fit it neither answers nor closes. */
    request->raw_target = exchange->target;
    if (!send_has_room(request, config->connection_memory)) {
        refuse(request, 414);
        exchange->cut = true;
        send_last_words(raw, request);
        shutdown(connection_fd(raw), SHUT_RDWR);
    }
    return exchange;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct exchange_config *config = cls;
    struct exchange *exchange = *context;
    (void)url;
    if (!exchange || exchange->cut)
        return MHD_NO; /* there was no memory for it, or it has been answered */
    struct request *request = exchange->request;

    if (!exchange->routed) {
        exchange->routed = true;
        exchange->refusal = look_at_head(config, connection, exchange, method, version);
        if (!send_has_room(request, config->connection_memory)) {
            refuse(request, 431);
            exchange->cut = true;
            send_last_words(connection, request);
            return MHD_NO;
        }
        /* A response to the first call ends the connection: right where a body would have to be read for nothing, and a
         * waste where there is none. */
        if (exchange->refusal && announced_length(request) > 0) {
            exchange->sent = true;
            return send_response(connection, request, true);
        }
        return MHD_YES;
    }
    if (*upload_size > 0) {
        size_t n = *upload_size;
        *upload_size = 0;
        exchange->received += n;
        if (!take_body(config, exchange, upload, n))
            return MHD_NO;
        return is_cut_short(connection, exchange) ? MHD_NO : MHD_YES;
    }
    if (exchange->sent)
        return MHD_YES;
    exchange->sent = true;
    if (!exchange->refusal) {
        int64_t start = access_is_on() ? clock_us() : 0;
        dispatch_run(config->dispatch, request);
        send_check_head(request, config->connection_memory);
        if (start)
            exchange->run_us = clock_us() - start;
    }
    /* Looked at now: the server may have begun to drain while the handler ran. */
    bool draining = atomic_load_explicit(&config->draining, memory_order_relaxed);
    return send_response(connection, request, draining || exchange->refusal == 400);
}

void exchange_end(void *cls, struct MHD_Connection *raw, void **context, enum MHD_RequestTerminationCode why)
{
    (void)cls;
    struct exchange *exchange = *context;
    *context = NULL;
    if (!exchange)
        return;
    connection_of(raw)->open = NULL;
    finish(exchange, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

void exchange_abandon(struct connection *connection)
{
    struct exchange *exchange = connection->open;
    connection->open = NULL;
    if (exchange)
        finish(exchange, false);
}

void exchange_thread_end(void)
{
    while (idle) {
        struct exchange *exchange = idle;
        idle = exchange->next_idle;
        request_free(exchange->request);
        free(exchange);
    }
}
