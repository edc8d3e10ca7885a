/* edges - mounted at the root: what gets past the gateway gets here, and says what the gateway made of it. Each call is
 * counted; GET /count tells how many there were. */
#include <ngi.h>
#include <stdatomic.h>

static atomic_uint calls;

static int show(void *arg, const char *name, const char *value)
{
    return ngi_printf(arg, "%s=%s\n", name, value);
}

static int see(ngi_request *r)
{
    size_t length;
    atomic_fetch_add(&calls, 1);
    const char *body = ngi_body(r, &length);
    if (!body)
        return NGI_EIO;
    int rc = ngi_textf(r, 200, "seen\nPATH=%s\nHOST=%s\n", r->path, r->host);
    if (!rc)
        rc = ngi_env_each(r, show, r);
    if (!rc)
        rc = ngi_puts(r, "BODY=");
    return rc ? rc : ngi_write(r, body, length);
}

static int count(ngi_request *r)
{
    return ngi_textf(r, 200, "%u\n", atomic_load(&calls));
}

NGI_PLUGIN("edges", "1.0", NGI_ROUTE(NGI_ANY, "/{path...}", see), NGI_ROUTE(NGI_GET, "/count", count))
