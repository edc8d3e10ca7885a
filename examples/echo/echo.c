/* echo - reads a request body and sends it back.
 *
 * Shows: ngi_body, the whole body as one block; ngi_respond, a whole response in one call; and why a server must not
 * let a client choose the type of what comes back.
 *
 *     ANY /    the body, as text/plain if it came as that, else as application/octet-stream
 *
 *     curl --data-binary 'some text' -H 'Content-Type: text/plain' localhost:8080/echo/
 *     head -c 1000000 /dev/urandom | curl -T - localhost:8080/echo/ | wc -c
 */
#include <ngi.h>
#include <strings.h>

/* A page elsewhere could post a script here and have it come back as text/html, in the name of this host. So only one
 * type is reflected. A comma is refused because browsers take the last of several types. */
static const char *safe_type(const char *type)
{
    static const char plain[] = "text/plain";
    size_t length = sizeof plain - 1;

    if (type && !strncasecmp(type, plain, length) && (!type[length] || type[length] == ';') && !strchr(type, ','))
        return type;
    return "application/octet-stream";
}

static int echo(ngi_request *r)
{
    size_t length;
    const void *body = ngi_body(r, &length);

    if (!body)
        return ngi_fail(r, NGI_EIO, "cannot map the request body");
    int rc = ngi_header(r, "X-Content-Type-Options", "nosniff");
    return rc ? rc : ngi_respond(r, 200, safe_type(ngi_env(r, "CONTENT_TYPE")), body, length);
}

NGI_PLUGIN("echo", "1.0", NGI_ROUTE(NGI_ANY, "/", echo))
