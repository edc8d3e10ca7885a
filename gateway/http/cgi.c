#include "http/cgi.h"

#include <string.h>

#include "base/text.h"

static const char why_byte[] = "a variable with a control character";
static const char why_length[] = "CONTENT_LENGTH is no length";
static const char why_method[] = "no REQUEST_METHOD that is a token";
static const char why_path[] = "no REQUEST_URI, and no SCRIPT_NAME, PATH_INFO or DOCUMENT_URI";

static const char *const names[CGI_VARIABLES] = {
    [CGI_CONTENT_LENGTH] = "CONTENT_LENGTH",
    [CGI_CONTENT_TYPE] = "CONTENT_TYPE",
    [CGI_DOCUMENT_URI] = "DOCUMENT_URI",
    [CGI_HTTPS] = "HTTPS",
    [CGI_PATH_INFO] = "PATH_INFO",
    [CGI_QUERY_STRING] = "QUERY_STRING",
    [CGI_REMOTE_ADDR] = "REMOTE_ADDR",
    [CGI_REMOTE_PORT] = "REMOTE_PORT",
    [CGI_REQUEST_METHOD] = "REQUEST_METHOD",
    [CGI_REQUEST_SCHEME] = "REQUEST_SCHEME",
    [CGI_REQUEST_URI] = "REQUEST_URI",
    [CGI_SCRIPT_NAME] = "SCRIPT_NAME",
    [CGI_SERVER_ADDR] = "SERVER_ADDR",
    [CGI_SERVER_PORT] = "SERVER_PORT",
    [CGI_SERVER_PROTOCOL] = "SERVER_PROTOCOL",
};

/* Headers that have a variable of their own, which counts (nginx and lighttpd send both), or are about a transfer that
 * is over: what comes to us is the body itself. */
static const char *const told_elsewhere[] = { "CONTENT_LENGTH", "CONTENT_TYPE", "TRANSFER_ENCODING" };

static void fail(struct cgi *cgi, int status, const char *why)
{
    if (cgi->status)
        return;
    cgi->status = status;
    cgi->why = why;
}

static const char *get(const struct cgi *cgi, enum cgi_variable variable)
{
    const char *value = cgi->variables[variable];
    return value && *value ? value : NULL; /* a server that has nothing to say may send it empty (nginx) */
}

/* --- headers ------------------------------------------------------------------------------------------------- */

static bool is_header_name(const char *name, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
            return false;
    for (size_t i = 0; i < sizeof told_elsewhere / sizeof *told_elsewhere; i++)
        if (strlen(told_elsewhere[i]) == n && memcmp(told_elsewhere[i], name, n) == 0)
            return false;
    return n > 0;
}

/* ACCEPT_LANGUAGE as it is written by convention: Accept-Language. Which of '-' and '_' it was, nobody can tell. */
static char *header_name(struct arena *arena, const char *name, size_t n)
{
    char *own = arena_copy(arena, name, n);
    bool starts = true;
    for (size_t i = 0; own && i < n; i++) {
        own[i] = name[i] == '_' ? '-' : starts ? name[i] : (char)text_lower((unsigned char)name[i]);
        starts = name[i] == '_';
    }
    return own;
}

static void add_field(struct cgi *cgi, const char *name, size_t name_length, const char *value, size_t value_length)
{
    if (cgi->header_count < sizeof cgi->headers / sizeof *cgi->headers)
        cgi->headers[cgi->header_count++] =
            (struct field){ name, value, (uint32_t)name_length, (uint32_t)value_length };
}

static void put_header(struct cgi *cgi, struct request *request, const char *name, size_t name_length,
                       const char *value, size_t value_length)
{
    if (!is_header_name(name, name_length) ||
        (name_length == 5 &&
         memcmp(name, "PROXY", 5) == 0)) /* httpoxy: request_add_header would leave it out as well */
        return;
    char *own_name = header_name(&request->arena, name, name_length);
    char *own_value = arena_copy(&request->arena, value, value_length);
    if (!own_name || !own_value)
        fail(cgi, 503, NULL);
    else
        add_field(cgi, own_name, name_length, own_value, value_length);
}

/* --- the request line ---------------------------------------------------------------------------------------- */

/* A path that has been decoded, encoded again so that it can be taken apart like any other. */
static const char *encode(struct arena *arena, const char *first, const char *second)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = strlen(first) + strlen(second);
    char *out = arena_alloc(arena, 3 * length + 1), *at = out;
    if (!out)
        return NULL;
    for (size_t i = 0; i < 2; i++)
        for (const char *from = i == 0 ? first : second; *from; from++) {
            unsigned char c = (unsigned char)*from;
            if (c > ' ' && c != 0x7f && c != '%' && c != '?' && c != '#') {
                *at++ = *from;
            } else {
                *at++ = '%';
                *at++ = digits[c >> 4];
                *at++ = digits[c & 15];
            }
        }
    *at = '\0';
    return out;
}

/* NULL, with the failure said, if there is none. */
static const char *find_target(struct cgi *cgi, struct arena *arena)
{
    const char *target = get(cgi, CGI_REQUEST_URI);
    if (target)
        return target;
    const char *script = get(cgi, CGI_SCRIPT_NAME), *info = get(cgi, CGI_PATH_INFO);
    if (!script && !info)
        script = get(cgi, CGI_DOCUMENT_URI);
    if (!script && !info) {
        fail(cgi, 400, why_path);
        return NULL;
    }
    target = encode(arena, script ? script : "", info ? info : "");
    if (!target)
        fail(cgi, 503, NULL);
    return target;
}

static uint16_t port(const char *text)
{
    uint64_t number = 0;
    return text && text_to_uint64(text, &number) && number <= UINT16_MAX ? (uint16_t)number : 0;
}

/* What does not fit is no address. */
static void copy_address(char out[48], const char *address)
{
    if (address && strlen(address) < 48)
        strcpy(out, address);
}

static bool is_https(const struct cgi *cgi)
{
    const char *https = get(cgi, CGI_HTTPS), *scheme = get(cgi, CGI_REQUEST_SCHEME);
    if (https)
        return !text_equal_nocase(https, "off"); /* IIS, and who does as it does */
    return scheme && text_equal_nocase(scheme, "https");
}

static struct peer *make_peer(const struct cgi *cgi, struct arena *arena)
{
    struct peer *peer = arena_zalloc(arena, sizeof *peer);
    if (!peer)
        return NULL;
    copy_address(peer->remote_addr, get(cgi, CGI_REMOTE_ADDR));
    copy_address(peer->local_addr, get(cgi, CGI_SERVER_ADDR));
    peer->remote_port = port(get(cgi, CGI_REMOTE_PORT));
    peer->local_port = port(get(cgi, CGI_SERVER_PORT));
    peer->scheme = is_https(cgi) ? "https" : "http";
    return peer;
}

/* --- the head ------------------------------------------------------------------------------------------------ */

static void take_off_script_name(const struct cgi *cgi, struct request *request)
{
    const char *script = get(cgi, CGI_SCRIPT_NAME), *info = get(cgi, CGI_PATH_INFO);
    const char *path = request->target.path;
    if (!script || !info || *script != '/' || *info != '/')
        return;
    size_t n = strlen(script);
    if (n > 1 && strncmp(path, script, n) == 0 && strcmp(path + n, info) == 0)
        request->base_length = n;
}

static const char *check_host(const struct request *request)
{
    /* Without one it was HTTP/1.0, or the server in front has not passed it on. */
    return request->host_count > 0 ? request_check_host(request) : NULL;
}

static int begin(struct cgi *cgi, struct request *request, const char **ret_why)
{
    const char *method = get(cgi, CGI_REQUEST_METHOD), *protocol = get(cgi, CGI_SERVER_PROTOCOL);
    struct peer *peer = make_peer(cgi, &request->arena);
    const char *target = find_target(cgi, &request->arena);
    if (!peer)
        fail(cgi, 503, NULL);
    if (!method || !field_is_token(method, strlen(method)))
        fail(cgi, 400, why_method);
    if (cgi->status) {
        *ret_why = cgi->why;
        return cgi->status;
    }
    int rc = request_begin(request, peer, method, target, protocol ? protocol : "HTTP/1.1", ret_why);
    if (rc != NGI_OK && request->method != 0) /* the target of a CONNECT is none of ours, and 405 says so */
        return rc == NGI_EINVAL ? 400 : 503;
    if (cgi->variables[CGI_QUERY_STRING])
        request->ngi.query = request->target.query = cgi->variables[CGI_QUERY_STRING];
    return 0;
}

static bool add_headers(const struct cgi *cgi, struct request *request)
{
    const char *type = get(cgi, CGI_CONTENT_TYPE), *length = get(cgi, CGI_CONTENT_LENGTH);
    uint64_t number;
    if (length && !text_to_uint64(length, &number))
        return false;
    if (type)
        request_add_header(request, "Content-Type", 12, type, strlen(type));
    if (length)
        request_add_header(request, "Content-Length", 14, length, strlen(length));
    for (unsigned i = 0; i < cgi->header_count; i++) {
        const struct field *field = &cgi->headers[i];
        request_add_header(request, field->name, field->name_length, field->value, field->value_length);
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

void cgi_begin(struct cgi *cgi)
{
    memset(cgi->variables, 0, sizeof cgi->variables);
    cgi->header_count = 0;
    cgi->status = 0;
    cgi->why = NULL;
}

void cgi_put(struct cgi *cgi, struct request *request, const char *name, size_t name_length, const char *value,
             size_t value_length)
{
    if (cgi->status)
        return;
    if (!field_is_value(name, name_length) || !field_is_value(value, value_length)) {
        fail(cgi, 400, why_byte);
        return;
    }
    if (name_length >= 5 && memcmp(name, "HTTP_", 5) == 0) {
        put_header(cgi, request, name + 5, name_length - 5, value, value_length);
        return;
    }
    for (size_t i = 0; i < CGI_VARIABLES; i++)
        if (strlen(names[i]) == name_length && memcmp(names[i], name, name_length) == 0) {
            cgi->variables[i] = arena_copy(&request->arena, value, value_length);
            if (!cgi->variables[i])
                fail(cgi, 503, NULL);
            return;
        }
}

int cgi_make(struct cgi *cgi, struct request *request, bool mounted, const char **ret_why)
{
    *ret_why = NULL;
    int status = begin(cgi, request, ret_why);
    if (status)
        return status;
    if (!add_headers(cgi, request)) {
        *ret_why = why_length;
        return 400;
    }
    *ret_why = check_host(request);
    if (*ret_why)
        return 400;
    if (!mounted)
        take_off_script_name(cgi, request);
    return 0;
}
