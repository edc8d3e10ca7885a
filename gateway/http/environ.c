#include "http/environ.h"

#include <string.h>

#include "base/text.h"
#include "config.h"

const char *const environ_software = "Postern/" PACKAGE_VERSION;

/* AUTH_TYPE, REMOTE_USER and REMOTE_IDENT are not here because the gateway authenticates nobody, PATH_TRANSLATED
 * because it has no document root: RFC 3875 leaves a variable unset where it does not apply. */

static const char *port(struct request *request, uint16_t number)
{
    return number ? arena_format(&request->arena, "%u", number) : NULL;
}

static const char *content_length(struct request *request)
{
    /* The length of what can be read, also when it came in chunks; unset without a body (section 4.1.2). Of a body that
     * has not come yet, nobody knows it unless the client has said so. */
    if (request->arrives)
        return request->content_length;
    return request->content_length || request->chunked
             ? arena_format(&request->arena, "%llu", (unsigned long long)request->body.length)
             : NULL;
}

static const char *content_type(struct request *request)
{
    return request_header(request, "Content-Type");
}

static const char *gateway_interface(struct request *request)
{
    (void)request;
    return "CGI/1.1";
}

static const char *https(struct request *request)
{
    return strcmp(request->ngi.scheme, "https") == 0 ? "on" : NULL;
}

/* HTTP/1.0 may do without a Host: then no header tells what the target named. */
static const char *http_host(struct request *request)
{
    return request->host_count == 0 ? request->target.authority : NULL;
}

static const char *path_info(struct request *request)
{
    return request->path_info;
}

static const char *query_string(struct request *request)
{
    return request->ngi.query;
}

static const char *remote_addr(struct request *request)
{
    return request->ngi.remote_addr;
}

static const char *remote_port(struct request *request)
{
    return port(request, request->peer->remote_port);
}

static const char *request_method(struct request *request)
{
    return request->ngi.method;
}

static const char *request_scheme(struct request *request)
{
    return request->ngi.scheme;
}

static const char *request_uri(struct request *request)
{
    return request->raw_target;
}

static const char *script_name(struct request *request)
{
    return request->script_name;
}

/* The host part of Host, as the client named us; else the address that it reached (section 4.1.14). */
static const char *server_name(struct request *request)
{
    const char *host = request->ngi.host;
    const char *end = *host == '[' ? strchr(host, ']') : NULL;
    size_t length = end ? (size_t)(end + 1 - host) : strcspn(host, ":");
    if (length)
        return arena_copy(&request->arena, host, length);
    const char *address = request->peer->local_addr;
    bool bare = strchr(address, ':') && !text_has_prefix(address, "unix:"); /* IPv6 goes in brackets (RFC 3875) */
    return bare ? arena_format(&request->arena, "[%s]", address) : address;
}

/* Over a local socket there is no port: the scheme's default, because the variable must be set (section 4.1.15). */
static const char *server_port(struct request *request)
{
    const char *number = port(request, request->peer->local_port);
    return number ? number : https(request) ? "443" : "80";
}

static const char *server_protocol(struct request *request)
{
    return request->protocol;
}

static const char *server_software(struct request *request)
{
    (void)request;
    return environ_software;
}

static const struct variable {
    const char *name;
    const char *(*get)(struct request *request); /* NULL: unset */
} variables[] = {
    { "CONTENT_LENGTH", content_length },
    { "CONTENT_TYPE", content_type },
    { "GATEWAY_INTERFACE", gateway_interface },
    { "HTTPS", https },
    { "HTTP_HOST", http_host },
    { "NGI_REQUEST_ID", request_id },
    { "PATH_INFO", path_info },
    { "QUERY_STRING", query_string },
    { "REMOTE_ADDR", remote_addr },
    { "REMOTE_HOST", remote_addr }, /* section 4.1.9: the address where the name is not known */
    { "REMOTE_PORT", remote_port },
    { "REQUEST_METHOD", request_method },
    { "REQUEST_SCHEME", request_scheme },
    { "REQUEST_URI", request_uri },
    { "SCRIPT_NAME", script_name },
    { "SERVER_NAME", server_name },
    { "SERVER_PORT", server_port },
    { "SERVER_PROTOCOL", server_protocol },
    { "SERVER_SOFTWARE", server_software },
};

/* Headers that are not told as HTTP_*: the first two have variables of their own (section 4.1.18), the body's transfer
 * coding has been taken off. */
static bool is_told_elsewhere(const struct field *field)
{
    static const char *const names[] = { "Content-Length", "Content-Type", "Transfer-Encoding" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (field->name_length == strlen(names[i]) && text_equal_nocase_n(field->name, names[i], field->name_length))
            return true;
    return false;
}

static char to_environ(char c)
{
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

/* Whether a header's name reads as `name` (without HTTP_) in the environ. */
static bool is_named(const struct field *field, const char *name, size_t length)
{
    if (field->name_length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (to_environ(field->name[i]) != name[i])
            return false;
    return true;
}

static const char *environ_name(struct request *request, const struct field *field)
{
    char *name = arena_alloc(&request->arena, field->name_length + sizeof "HTTP_");
    if (!name)
        return NULL;
    memcpy(name, "HTTP_", 5);
    for (size_t i = 0; i < field->name_length; i++)
        name[5 + i] = to_environ(field->name[i]);
    name[5 + field->name_length] = '\0';
    return name;
}

/* Whether an earlier header has the same name, and so has told this one's value too. */
static bool is_repeated(const struct request *request, unsigned index)
{
    const struct field *field = &request->headers[index];
    for (unsigned i = 0; i < index; i++)
        if (request->headers[i].name_length == field->name_length &&
            text_equal_nocase_n(request->headers[i].name, field->name, field->name_length))
            return true;
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

const char *environ_get(struct request *request, const char *name)
{
    if (text_has_prefix(name, "HTTP_")) {
        const char *rest = name + 5;
        size_t length = strlen(rest);
        for (unsigned i = 0; i < request->header_count; i++)
            if (is_named(&request->headers[i], rest, length))
                return is_told_elsewhere(&request->headers[i]) ? NULL
                                                               : request_header(request, request->headers[i].name);
    }
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        if (strcmp(variables[i].name, name) == 0)
            return variables[i].get(request);
    return NULL;
}

int environ_each(struct request *request, ngi_each_fn fn, void *arg)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = variables[i].get(request);
        int rc = value ? fn(arg, variables[i].name, value) : 0;
        if (rc)
            return rc;
    }
    for (unsigned i = 0; i < request->header_count; i++) {
        const struct field *field = &request->headers[i];
        if (is_told_elsewhere(field) || is_repeated(request, i))
            continue;
        const char *name = environ_name(request, field);
        const char *value = request_header(request, field->name);
        int rc = name && value ? fn(arg, name, value) : 0;
        if (rc)
            return rc;
    }
    return 0;
}
