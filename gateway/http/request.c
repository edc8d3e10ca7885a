#include "http/request.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "http/cookie.h"
#include "http/date.h"
#include "http/method.h"
#include "http/urlencoded.h"

/* Most that one request may hold in its arena: heads are bounded, so only handlers and forms get near it. */
enum { ARENA_MOST = 256 * 1024 * 1024 };

static void run_finishers(struct request *request)
{
    while (request->finishers) {
        struct finisher *finisher = request->finishers;
        request->finishers = finisher->next;
        finisher->fn(finisher->arg);
    }
}

static bool is_spoofable(const char *name, size_t length)
{
    return memchr(name, '_', length) || (length == 5 && text_equal_nocase_n(name, "Proxy", 5));
}

/* White space behind a value is no part of it (RFC 9112 section 5.1); libmicrohttpd 0.9.75 leaves it there. */
static const char *strip(struct arena *arena, const char *value, size_t *length)
{
    size_t n = *length;
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    const char *copy = n < *length ? arena_copy(arena, value, n) : NULL;
    if (!copy)
        return value;
    *length = n;
    return copy;
}

/* The values of all headers of that name from `first` on, joined. */
static const char *join(struct request *request, unsigned first, const char *name, size_t length)
{
    bool cookie = length == 6 && text_equal_nocase_n(name, "Cookie", 6);
    size_t total = 0;
    for (unsigned i = first; i < request->header_count; i++)
        if (request->headers[i].name_length == length && text_equal_nocase_n(request->headers[i].name, name, length))
            total += request->headers[i].value_length + 2;
    char *joined = arena_alloc(&request->arena, total + 1), *at = joined;
    if (!joined)
        return NULL;
    for (unsigned i = first; i < request->header_count; i++) {
        const struct field *field = &request->headers[i];
        if (field->name_length != length || !text_equal_nocase_n(field->name, name, length))
            continue;
        if (at > joined)
            at = stpcpy(at, cookie ? "; " : ", ");
        memcpy(at, field->value, field->value_length);
        at += field->value_length;
    }
    *at = '\0';
    return joined;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct request *request_new(size_t max_response)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    arena_init(&request->arena, ARENA_MOST);
    body_init(&request->body);
    response_init(&request->response, &request->arena, max_response);
    request_reset(request);
    return request;
}

void request_free(struct request *request)
{
    if (!request)
        return;
    request_reset(request);
    response_free(&request->response);
    body_free(&request->body);
    arena_free(&request->arena);
    free(request);
}

void request_reset(struct request *request)
{
    /* The stream or file first: a function of ngi_on_finish may free what the stream reads from. */
    response_reset(&request->response);
    if (request->finishers) {
        run_finishers(request);
        response_reset(&request->response); /* whatever a function did to a request that it must not touch */
    }
    body_reset(&request->body);
    arena_reset(&request->arena);
    request->ngi = (ngi_request){ .method = "", .path = "/", .query = "", .host = "", .remote_addr = "", .scheme = "" };
    request->peer = NULL;
    request->raw_target = request->protocol = "";
    request->method = 0;
    request->target = (struct target){ .path = "/", .path_length = 1, .query = "" };
    request->header_count = 0;
    request->headers_overflow = false;
    request->head_size = 0;
    request->host_header = NULL;
    request->host_count = 0;
    request->content_length = NULL;
    request->chunked = false;
    request->base_length = 0;
    request->script_name = request->path_info = "";
    request->plugin = NULL;
    request->route = NULL;
    request->match.count = 0;
    request->arrives = false;
    request->query_read = request->cookies_read = false;
    request->form_result = FORM_UNREAD;
    request->uploads = NULL;
    request->uploads_end = &request->uploads;
    request->refused_call = NULL;
    request->failure = NULL;
    request->id[0] = '\0';
    request->timing = (struct timing){ .rung = "pool" };
}

int request_begin(struct request *request, const struct peer *peer, const char *method, const char *target,
                  const char *protocol, const char **ret_why)
{
    request->peer = peer;
    request->raw_target = target;
    request->protocol = protocol;
    request->method = method_bit(method);
    request->ngi.method = method;
    request->ngi.remote_addr = peer->remote_addr;
    request->ngi.scheme = peer->scheme;
    int rc = target_parse(&request->arena, target, &request->target, ret_why);
    if (rc != NGI_OK)
        return rc;
    request->ngi.query = request->target.query;
    if (request->target.authority)
        request->ngi.host = request->target.authority;
    return NGI_OK;
}

void request_add_header(struct request *request, const char *name, size_t name_length, const char *value,
                        size_t value_length)
{
    request->head_size += name_length + value_length + 4;
    if (is_spoofable(name, name_length))
        return;
    if (request->header_count == REQUEST_HEADERS_MAX) {
        request->headers_overflow = true;
        return;
    }
    value = strip(&request->arena, value, &value_length);
    request->headers[request->header_count++] =
        (struct field){ name, value, (uint32_t)name_length, (uint32_t)value_length };
    switch (name_length) {
    case 4:
        if (!text_equal_nocase_n(name, "Host", 4))
            break;
        request->host_count++;
        request->host_header = value;
        /* The authority of an absolute-form target replaces Host (RFC 9112 section 3.2.2). */
        if (!request->target.authority)
            request->ngi.host = value;
        break;
    case 14:
        if (!request->content_length && text_equal_nocase_n(name, "Content-Length", 14))
            request->content_length = value;
        break;
    case 17:
        if (text_equal_nocase_n(name, "Transfer-Encoding", 17))
            request->chunked = true;
        break;
    }
}

/* The port of host[:port]; 0 without. */
static uint16_t port_of(const char *host)
{
    const char *bracket = strchr(host, ']'), *colon = strchr(bracket ? bracket : host, ':');
    uint64_t port = 0;
    return colon && text_to_uint64(colon + 1, &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/* An absolute-form target as the origin form: what was its authority is none any more. */
static int drop_authority(struct request *request)
{
    const char *rest = strstr(request->raw_target, "://") + 3;
    rest += strcspn(rest, "/?");
    request->target.authority = NULL;
    request->raw_target = *rest == '/' ? rest : arena_format(&request->arena, "/%s", rest);
    return request->raw_target ? NGI_OK : NGI_ENOMEM;
}

static int replace_host(struct request *request, const char *host)
{
    const size_t length = strlen(host);
    unsigned i = 0;
    if (request->target.authority && drop_authority(request) != NGI_OK)
        return NGI_ENOMEM;
    while (i < request->header_count &&
           (request->headers[i].name_length != 4 || !text_equal_nocase_n(request->headers[i].name, "Host", 4)))
        i++;
    if (i == request->header_count) {
        request_add_header(request, "Host", 4, host, length);
        return NGI_OK;
    }
    request->headers[i].value = request->host_header = request->ngi.host = host;
    request->headers[i].value_length = (uint32_t)length;
    return NGI_OK;
}

int request_take_forwarded(struct request *request, const struct forwarded *told)
{
    if (!told->has_client && !told->scheme && !told->host)
        return NGI_OK;
    struct peer *peer = arena_alloc(&request->arena, sizeof *peer);
    if (!peer || (told->host && replace_host(request, told->host) != NGI_OK))
        return NGI_ENOMEM;
    *peer = *request->peer;
    if (told->has_client) {
        address_print(&told->client, peer->remote_addr);
        peer->remote_port = told->port;
    }
    if (told->scheme)
        peer->scheme = told->scheme;
    if (told->scheme || told->host) {
        uint16_t port = port_of(request->ngi.host);
        peer->local_port = port ? port : strcmp(peer->scheme, "https") == 0 ? 443 : 80;
    }
    request->peer = peer;
    request->ngi.remote_addr = peer->remote_addr;
    request->ngi.scheme = peer->scheme;
    return NGI_OK;
}

static char *put(char **at, const char *s, size_t length)
{
    char *own = *at;
    memcpy(own, s, length + 1);
    *at += length + 1;
    return own;
}

int request_own(struct request *request)
{
    size_t method = strlen(request->ngi.method), protocol = strlen(request->protocol);
    size_t size = sizeof *request->peer + method + protocol + 2;
    for (unsigned i = 0; i < request->header_count; i++)
        size += request->headers[i].name_length + request->headers[i].value_length + 2;
    struct peer *peer = arena_alloc(&request->arena, size);
    if (!peer)
        return NGI_ENOMEM;
    *peer = *request->peer;
    request->peer = peer;
    request->ngi.remote_addr = peer->remote_addr;
    char *at = (char *)(peer + 1);
    request->ngi.method = put(&at, request->ngi.method, method);
    request->protocol = put(&at, request->protocol, protocol);
    for (unsigned i = 0; i < request->header_count; i++) {
        struct field *field = &request->headers[i];
        const char *value = field->value;
        field->name = put(&at, field->name, field->name_length);
        field->value = put(&at, value, field->value_length);
        const char **const also[] = { &request->ngi.host, &request->host_header, &request->content_length };
        for (size_t j = 0; j < sizeof also / sizeof *also; j++)
            if (*also[j] == value)
                *also[j] = field->value;
    }
    return NGI_OK;
}

void request_stand_in(struct request *request, const struct request *other)
{
    request->ngi = other->ngi;
    request->peer = other->peer;
    request->raw_target = other->raw_target;
    request->protocol = other->protocol;
    request->method = other->method;
    request->target = other->target;
    memcpy(request->headers, other->headers, other->header_count * sizeof *other->headers);
    request->header_count = other->header_count;
    request->head_size = other->head_size;
    request->script_name = other->script_name;
    request->path_info = other->path_info;
    request->plugin = other->plugin;
    request->route = other->route;
    memcpy(request->id, other->id, sizeof request->id);
}

const char *request_check_host(const struct request *request)
{
    if (request->host_count > 1)
        return "more than one Host header";
    if (request->host_count == 0)
        return strcmp(request->protocol, "HTTP/1.0") == 0 ? NULL : "no Host header";
    /* It may be empty, where the target has no authority. */
    const char *host = request->host_header;
    return !*host || target_is_authority(host, strlen(host)) ? NULL : "the Host header is no host[:port]";
}

const char *request_header(struct request *request, const char *name)
{
    size_t length = strlen(name);
    const struct field *found = NULL;
    unsigned first = 0;
    if (request->target.authority && text_equal_nocase(name, "Host"))
        return request->target.authority;
    for (unsigned i = 0; i < request->header_count; i++) {
        const struct field *field = &request->headers[i];
        if (field->name_length != length || !text_equal_nocase_n(field->name, name, length))
            continue;
        if (found)
            return join(request, first, name, length);
        found = field;
        first = i;
    }
    return found ? found->value : NULL;
}

const char *request_id(struct request *request)
{
    /* A random start keeps processes apart, a counter keeps requests apart. Relaxed: only uniqueness matters. */
    static _Atomic uint64_t next;
    if (request->id[0])
        return request->id;
    uint64_t serial = atomic_load_explicit(&next, memory_order_relaxed);
    if (serial == 0) {
        uint64_t start = 0;
        if (getrandom(&start, sizeof start, GRND_NONBLOCK) != sizeof start)
            start = (uint64_t)time(NULL) << 32 ^ (uint64_t)getpid();
        uint64_t expected = 0;
        atomic_compare_exchange_strong_explicit(&next, &expected, start | 1, memory_order_relaxed,
                                                memory_order_relaxed);
    }
    serial = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    for (int i = REQUEST_ID_SIZE - 1; i-- > 0; serial >>= 4)
        request->id[i] = "0123456789abcdef"[serial & 15];
    request->id[REQUEST_ID_SIZE - 1] = '\0';
    return request->id;
}

const struct pairs *request_query(struct request *request)
{
    if (!request->query_read) {
        request->query_read = true;
        pairs_init(&request->query, &request->arena, REQUEST_PAIRS_MAX);
        /* Out of memory or over the limit, what was read so far stands: a query has no error to answer with. */
        (void)urlencoded_parse(request->target.query, strlen(request->target.query), &request->query);
    }
    return &request->query;
}

const struct pairs *request_cookies(struct request *request)
{
    if (!request->cookies_read) {
        request->cookies_read = true;
        pairs_init(&request->cookies, &request->arena, REQUEST_PAIRS_MAX);
        const char *header = request_header(request, "Cookie");
        if (header)
            (void)cookie_parse(header, &request->cookies);
    }
    return &request->cookies;
}

int request_on_finish(struct request *request, void (*fn)(void *arg), void *arg)
{
    struct finisher *finisher = fn ? arena_alloc(&request->arena, sizeof *finisher) : NULL;
    if (!finisher)
        return fn ? NGI_ENOMEM : NGI_EINVAL;
    *finisher = (struct finisher){ request->finishers, fn, arg };
    request->finishers = finisher;
    return NGI_OK;
}

struct preconditions request_preconditions(struct request *request)
{
    return (struct preconditions){
        .if_match = request_header(request, "If-Match"),
        .if_none_match = request_header(request, "If-None-Match"),
        .if_modified_since = request_header(request, "If-Modified-Since"),
        .if_unmodified_since = request_header(request, "If-Unmodified-Since"),
        .if_range = request_header(request, "If-Range"),
        .range = request_header(request, "Range"),
    };
}

int request_conditional(struct request *request, const char *etag, int64_t mtime)
{
    struct response *response = &request->response;
    char date[HTTP_DATE_SIZE];
    if (response->begun)
        return NGI_ESENT;
    if (etag && !etag_is_valid(etag))
        return NGI_EINVAL;
    int rc = etag ? response_set_header(response, "ETag", etag) : NGI_OK;
    int64_t now = time(NULL);
    if (mtime > now) /* a date to come is not sent (RFC 9110 section 8.8.2.1) */
        mtime = now;
    if (rc == NGI_OK && mtime >= 0) {
        http_date_format(mtime, date);
        rc = response_set_header(response, "Last-Modified", date);
    }
    if (rc == NGI_OK)
        rc = response_set_header(response, "Accept-Ranges", "bytes");
    if (rc != NGI_OK)
        return rc;
    response->conditional = true;
    response->validators = (struct validators){ etag ? response_get_header(response, "ETag") : NULL, mtime };
    struct preconditions when = request_preconditions(request);
    return conditional_evaluate(&when, &response->validators, request->method & (NGI_GET | NGI_HEAD));
}
