/* answers - responses of every kind, right and wrong. */
#include <fcntl.h>
#include <ngi.h>
#include <stdlib.h>
#include <unistd.h>

static int nothing(ngi_request *r)
{
    (void)r;
    return NGI_OK;
}

/* The number in the path, whatever it means. */
static int status(ngi_request *r)
{
    return atoi(ngi_param(r, "n"));
}

static int typed_status(ngi_request *r)
{
    int rc = ngi_header(r, "Content-Type", "image/png");
    return rc ? rc : atoi(ngi_param(r, "n"));
}

/* exc_info's meaning in PEP 3333: all that was said before goes. */
static int replace(ngi_request *r)
{
    static const char *const first[] = { "Content-Type", "text/x-first", "X-First", "1", "Content-Length", "5", NULL };
    static const char *const second[] = { "Content-Type", "text/x-second", NULL };
    int rc = ngi_start_response(r, "200 OK", first);
    if (!rc)
        rc = ngi_puts(r, "first");
    if (!rc)
        rc = ngi_start_response(r, "404 Whatever You Say", second);
    return rc ? rc : ngi_puts(r, "second\n");
}

/* A refused second call changes nothing. */
static int keep(ngi_request *r)
{
    static const char *const bad[] = { "X-Second", "1", "X-Bad", "a\r\nb", NULL };
    static const char *const first[] = { "X-First", "1", NULL };
    int rc = ngi_start_response(r, "201 Created", first);
    if (!rc)
        rc = ngi_puts(r, "first ");
    int refused = ngi_start_response(r, "404 Not Found", bad);
    return rc ? rc : ngi_printf(r, "%s\n", ngi_strerror(refused));
}

static int too_few(ngi_request *r)
{
    int rc = ngi_header(r, "Content-Length", "10");
    return rc ? rc : ngi_text(r, 200, "12345");
}

static int too_many(ngi_request *r)
{
    int rc = ngi_header(r, "Content-Length", "3");
    return rc ? rc : ngi_text(r, 200, "12345");
}

/* Tries ?name= and ?value= as a header, and says what came of it. */
static int set_header(ngi_request *r)
{
    int rc = ngi_header(r, ngi_query(r, "name", ""), ngi_query(r, "value", ""));
    return ngi_textf(r, 200, "%s\n", ngi_strerror(rc));
}

static int no_content(ngi_request *r)
{
    int rc = ngi_text(r, atoi(ngi_param(r, "n")), "a body that must not be sent");
    return rc;
}

static int cookies(ngi_request *r)
{
    int rc = ngi_add_header(r, "Set-Cookie", "a=1; Path=/");
    if (!rc)
        rc = ngi_add_header(r, "Set-Cookie", "b=2; Path=/");
    return rc ? rc : ngi_text(r, 200, "two\n");
}

static int redirect(ngi_request *r)
{
    return ngi_redirect(r, 303, "/elsewhere?a=b");
}

static int fails(ngi_request *r)
{
    return ngi_fail(r, NGI_EIO, "the disk <%s> is on fire", ngi_query(r, "disk", "sda"));
}

/* Fails after it has written: nothing of that may be seen. */
static int fails_late(ngi_request *r)
{
    int rc = ngi_header(r, "X-Early", "1");
    if (!rc)
        rc = ngi_text(r, 200, "all is well");
    return rc ? rc : NGI_EIO;
}

static int unavailable(ngi_request *r)
{
    return ngi_fail(r, 503, "the database is away");
}

/* --- files: 100 bytes, "0123456789" ten times ------------------------------------------------------------------ */

static int make_file(void)
{
    char path[] = "/tmp/postern-answers-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    (void)unlink(path);
    for (int i = 0; i < 10; i++)
        if (write(fd, "0123456789", 10) != 10)
            return -1;
    return fd;
}

static int file(ngi_request *r)
{
    int64_t offset = atoll(ngi_query(r, "offset", "0")), length = atoll(ngi_query(r, "length", "-1"));
    return ngi_send_file(r, make_file(), offset, length);
}

static int conditional_file(ngi_request *r)
{
    int rc = ngi_conditional(r, "\"v1\"", 1000000000);
    return rc ? rc : ngi_send_file(r, make_file(), 0, -1);
}

static int conditional_text(ngi_request *r)
{
    int rc = ngi_conditional(r, "W/\"v1\"", -1);
    return rc ? rc : ngi_text(r, 200, "conditional\n");
}

NGI_PLUGIN("answers", "1.0", NGI_ROUTE(NGI_ANY, "/nothing", nothing), NGI_ROUTE(NGI_ANY, "/status/{n}", status),
           NGI_ROUTE(NGI_GET, "/typed/{n}", typed_status), NGI_ROUTE(NGI_GET, "/replace", replace),
           NGI_ROUTE(NGI_GET, "/keep", keep), NGI_ROUTE(NGI_GET, "/too-few", too_few),
           NGI_ROUTE(NGI_GET, "/too-many", too_many), NGI_ROUTE(NGI_GET, "/header", set_header),
           NGI_ROUTE(NGI_GET, "/empty/{n}", no_content), NGI_ROUTE(NGI_GET, "/cookies", cookies),
           NGI_ROUTE(NGI_GET, "/redirect", redirect), NGI_ROUTE(NGI_GET, "/fails", fails),
           NGI_ROUTE(NGI_GET, "/fails-late", fails_late), NGI_ROUTE(NGI_GET, "/unavailable", unavailable),
           NGI_ROUTE(NGI_GET, "/file", file), NGI_ROUTE(NGI_GET | NGI_PUT, "/conditional", conditional_file),
           NGI_ROUTE(NGI_GET, "/conditional-text", conditional_text))
