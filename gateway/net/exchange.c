#include "net/exchange.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "http/problem.h"
#include "net/connection.h"
#include "net/proxy.h"
#include "net/send.h"
#include "obs/access.h"
#include "obs/counters.h"
#include "plugin/plugin.h"
#include "run/lane.h"
#include "run/stream.h"
#include "run/upload.h"

/* --- the connection as a task sees it ------------------------------------------------------------------------- */

static void suspend(void *arg)
{
    /* Until it is resumed nothing is read: what is waited for is not the client. */
    patience_rest(&((struct connection *)arg)->patience);
    MHD_suspend_connection(((struct connection *)arg)->raw);
}

static void resume(void *arg)
{
    MHD_resume_connection(((struct connection *)arg)->raw);
}

static const struct task_client client = { suspend, resume };

static void write_access(const struct exchange *exchange, bool sent)
{
    struct request *request = exchange->task->request;
    const struct timing timing = task_timing(exchange->task);
    if (exchange->stage >= EXCHANGE_ANSWER) {
        request_id(request);
        access_write(request, &timing, request->response.status, sent || exchange->stage == EXCHANGE_CUT);
    } else {
        access_write(request, &timing, ACCESS_HUNG_UP, false);
    }
}

/* The request is over. */
static void finish(struct connection *connection, bool sent)
{
    struct exchange *exchange = &connection->exchange;
    if (access_is_on() && (exchange->stage >= EXCHANGE_CALL || exchange->streams))
        write_access(exchange, sent);
    task_end(exchange->task);
    if (exchange->given)
        task_end(exchange->given);
    *exchange = (struct exchange){ .stage = EXCHANGE_NONE };
    patience_sends(&connection->patience, false);
    intake_over(&connection->intake);
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
static int look_at_head(struct connection *connection, const char *method, const char *version)
{
    const struct exchange *exchange = &connection->exchange;
    struct request *request = exchange->task->request;
    const char *why = NULL;
    const struct framing *framing = &connection->intake.framing;
    if (intake_refuses(&connection->intake))
        return problem_respond(request, framing->status, false, framing->why);
    if (!exchange->target || !*version) /* no memory for it; or HTTP/0.9 */
        return refuse(request, *version ? 503 : 400);
    int rc = request_begin(request, &connection->peer, method, exchange->target, version, &why);
    MHD_get_connection_values_n(connection->raw, MHD_HEADER_KIND, take_header, request);
    const char *host_mistake = request_check_host(request); /* of what came: a proxy's word does not repair it */
    int status = connection->trusted ? proxy_hear(connection, request) : 0;
    if (status)
        return status;
    if (!field_is_token(method, strlen(method)))
        return refuse(request, 400);
    if (rc != NGI_OK && request->method != 0) /* the target of a CONNECT is none of ours, and 405 says so */
        return problem_respond(request, rc == NGI_EINVAL ? 400 : 503, false, rc == NGI_EINVAL ? why : NULL);
    if (host_mistake && !request->headers_overflow) /* Host may be among those left out */
        return problem_respond(request, 400, false, host_mistake);
    status = dispatch_route(exchange->config->dispatch, request);
    if (status)
        return status;
    uint64_t length = announced_length(request);
    return length != UINT64_MAX && length > request->route->max_body ? refuse(request, 413) : 0;
}

/* --- the body ------------------------------------------------------------------------------------------------ */

/* A piece that nobody wants. libmicrohttpd takes no response in the middle of a body: read on, for a while, so that the
 * client sees the reason rather than a reset. False: the connection has to be cut. */
static bool drop_piece(struct exchange *exchange, size_t n)
{
    enum { PATIENCE = 16 * 1024 * 1024 };
    exchange->excess += n;
    return exchange->excess <= PATIENCE;
}

/* Keeps a piece for the handler. */
static bool keep_piece(struct exchange *exchange, const char *data, size_t n)
{
    struct request *request = exchange->task->request;
    struct body_limits limits = exchange->config->dispatch->body;
    limits.most = request->route->max_body;
    int rc = body_append(&request->body, &limits, data, n);
    if (rc == NGI_OK)
        return true;
    if (rc != NGI_ETOOBIG)
        log_line(NGI_LOG_ERROR, "%s [%s]: the request body could not be kept in %s: %s", request->plugin->name,
                 request_id(request), limits.spool, rc == NGI_EIO ? strerror(errno) : ngi_strerror(rc));
    exchange->refusal = refuse(request, rc == NGI_ETOOBIG ? 413 : 503);
    return drop_piece(exchange, n);
}

/* Hands a piece to the handler that waits for it; *ret_left: what it has no room for yet. */
static bool pass_piece(struct exchange *exchange, const char *data, size_t n, size_t *ret_left)
{
    struct task *task = exchange->task;
    if (exchange->received > task->request->route->max_body) {
        upload_refuse(task, NGI_ETOOBIG, 413);
        return drop_piece(exchange, n);
    }
    size_t taken = upload_put(task, data, n);
    if (taken == UPLOAD_UNWANTED)
        return drop_piece(exchange, n);
    *ret_left = n - taken;
    return true;
}

/* Takes a piece of the body; *size: what is left of it. False: the connection has to be cut. */
static bool take_piece(struct exchange *exchange, const char *data, size_t *size)
{
    size_t n = *size;
    *size = 0;
    exchange->received += n;
    if (exchange->refusal)
        return drop_piece(exchange, n);
    if (!exchange->streams)
        return keep_piece(exchange, data, n);
    bool good = pass_piece(exchange, data, n, size);
    exchange->received -= *size;
    return good;
}

/* --- the call ------------------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;
    exchange->stage = EXCHANGE_ANSWER;
    patience_sends(&connection->patience, true);
    /* Looked at now: the server may have begun to drain while the handler ran. */
    bool draining = atomic_load_explicit(&exchange->config->draining, memory_order_relaxed);
    /* What follows a CONNECT may be meant for its tunnel (RFC 9110 section 9.3.6), and chosen by somebody else. */
    bool ends = exchange->refusal == 400 || exchange->refusal == 431 ||
                (exchange->refusal && exchange->task->request->method == 0);
    return send_response(connection->raw, exchange->task, exchange->config->connection_memory,
                         draining || ends || intake_refuses(&connection->intake));
}

/* Has an answer of the gateway's own take the place of the handler's. */
static bool replace(struct exchange *exchange)
{
    struct task *other = task_replace(exchange->task, exchange->config->dispatch->max_response);
    if (!other)
        return false;
    exchange->given = exchange->task;
    exchange->task = other;
    return true;
}

/* Does what there is to do, until the connection is suspended or answered. */
static enum MHD_Result go_on(struct connection *connection, enum task_news news)
{
    struct exchange *exchange = &connection->exchange;
    for (;;)
        switch (news) {
        case TASK_WAIT: return MHD_YES;
        case TASK_CONTINUE: news = task_continue(exchange->task); break;
        case TASK_REPLACE: return replace(exchange) ? answer(connection) : MHD_NO;
        case TASK_RESPOND: return answer(connection);
        case TASK_CUT: return MHD_NO;
        }
}

static enum MHD_Result call(struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;
    bool begun = exchange->stage == EXCHANGE_CALL || exchange->streams;
    exchange->stage = EXCHANGE_CALL;
    return go_on(connection,
                 begun ? task_look(exchange->task) : task_begin(exchange->task, exchange->config->dispatch));
}

/* Starts a handler that reads its body as it arrives. */
static void begin_stream(struct exchange *exchange)
{
    struct task *task = exchange->task;
    task->request->arrives = true;
    if (upload_open(task) != NGI_OK)
        exchange->refusal = refuse(task->request, 503);
    else if (task_start(task, exchange->config->dispatch))
        exchange->streams = true;
    else
        exchange->refusal = task->request->response.status;
}

/* ---------------------------------------------------------------------------------------------------------- */

void *exchange_begin(void *cls, const char *target, struct MHD_Connection *raw)
{
    const struct exchange_config *config = cls;
    struct connection *connection = connection_of(raw);
    if (!connection)
        return NULL;
    exchange_abandon(connection);
    struct task *task = task_take(config->dispatch->max_response);
    if (!task)
        return NULL;
    counters_begun();
    task->client = &client;
    task->client_arg = connection;
    task->fd = connection_fd(raw);
    struct exchange *exchange = &connection->exchange;
    exchange->stage = EXCHANGE_HEAD;
    exchange->config = config;
    exchange->task = task;
    /* libmicrohttpd is about to take the target apart in place. */
    struct request *request = task->request;
    exchange->target = arena_string(&request->arena, target ? target : "");
    if (!intake_count(&connection->intake)) {
        log_line(NGI_LOG_ERROR, "%s: libmicrohttpd sees a request where there is none: the connection is cut",
                 connection->peer.remote_addr);
        exchange->stage = EXCHANGE_CUT;
        shutdown(connection_fd(raw), SHUT_RDWR);
        return connection;
    }
    if (!exchange->target)
        return connection;
    /* It keeps a record for each query parameter, and where those do not fit it neither answers nor closes. */
    request->raw_target = exchange->target;
    if (!send_has_room(request, config->connection_memory)) {
        refuse(request, 414);
        exchange->stage = EXCHANGE_CUT;
        send_last_words(raw, request);
        shutdown(connection_fd(raw), SHUT_RDWR);
    }
    return connection;
}

enum MHD_Result exchange_handle(void *cls, struct MHD_Connection *raw, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context)
{
    const struct exchange_config *config = cls;
    struct connection *connection = *context;
    (void)url;
    if (!connection || connection->exchange.stage == EXCHANGE_CUT)
        return MHD_NO; /* there was no memory for it, or it has been answered */
    struct exchange *exchange = &connection->exchange;
    struct request *request = exchange->task->request;

    if (exchange->stage == EXCHANGE_HEAD) {
        exchange->stage = EXCHANGE_BODY;
        exchange->refusal = look_at_head(connection, method, version);
        if (!send_has_room(request, config->connection_memory)) {
            refuse(request, 431);
            exchange->stage = EXCHANGE_CUT;
            send_last_words(raw, request);
            return MHD_NO;
        }
        if (!exchange->refusal && announced_length(request) > 0 && lane_streams_body(request->route->lane))
            begin_stream(exchange);
        /* A response to the first call ends the connection: right where a body would have to be read for nothing, and a
         * waste where there is none. */
        bool ends = announced_length(request) > 0 || intake_refuses(&connection->intake);
        return exchange->refusal && ends ? answer(connection) : MHD_YES;
    }
    if (*upload_size > 0) {
        if (!take_piece(exchange, upload, upload_size))
            return MHD_NO;
        return MHD_YES; /* with some of it left the connection is suspended */
    }
    if (exchange->stage == EXCHANGE_ANSWER)
        return MHD_YES;
    if (exchange->streams && exchange->stage == EXCHANGE_BODY)
        upload_end(exchange->task);
    return exchange->refusal ? answer(connection) : call(connection);
}

void exchange_end(void *cls, struct MHD_Connection *raw, void **context, enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)raw;
    struct connection *connection = *context;
    *context = NULL;
    if (connection && connection->exchange.stage != EXCHANGE_NONE)
        finish(connection, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

void exchange_abandon(struct connection *connection)
{
    if (connection->exchange.stage != EXCHANGE_NONE)
        finish(connection, false);
}

bool exchange_refuse_body(struct intake *intake)
{
    struct connection *connection = (struct connection *)((char *)intake - offsetof(struct connection, intake));
    struct exchange *exchange = &connection->exchange;
    if (intake->begun < intake->framing.begun || exchange->stage == EXCHANGE_HEAD)
        return true;
    if (exchange->stage != EXCHANGE_BODY)
        return false;
    if (exchange->streams) {
        /* The request is its handler's: what can be said, another one says. */
        if (intake->framing.status != 408 || !upload_refuse(exchange->task, NGI_ETIMEDOUT, 408) || !replace(exchange))
            return false;
    } else if (!exchange->refusal) {
        problem_respond(exchange->task->request, intake->framing.status, false, intake->framing.why);
    }
    send_last_words(connection->raw, exchange->task->request);
    exchange->stage = EXCHANGE_CUT;
    return false;
}
