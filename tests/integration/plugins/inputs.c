/* inputs - says back what the calls of NGI read: query, cookies, headers, forms, bodies. */
#include <ngi.h>
#include <stdlib.h>

static int show_pair(void *arg, const char *name, const char *value)
{
    return ngi_printf(arg, "%s=%s\n", name, value);
}

static int query(ngi_request *r)
{
    int rc = ngi_textf(r, 200, "first a: %s\n", ngi_query(r, "a", "(none)"));
    return rc ? rc : ngi_query_each(r, show_pair, r);
}

static int cookie(ngi_request *r)
{
    const char *value = ngi_cookie(r, ngi_query(r, "name", ""));
    return ngi_textf(r, 200, "%s\n", value ? value : "(none)");
}

static int header(ngi_request *r)
{
    const char *value = ngi_get_header(r, ngi_query(r, "name", ""));
    return ngi_textf(r, 200, "%s\n", value ? value : "(none)");
}

static int form(ngi_request *r)
{
    int rc = ngi_form_parse(r);
    if (rc)
        return ngi_textf(r, 400, "%s\n", ngi_strerror(rc));
    rc = ngi_text(r, 200, "");
    if (!rc)
        rc = ngi_form_each(r, show_pair, r);
    const ngi_file *file = ngi_form_file(r, "file");
    if (!rc && file)
        rc = ngi_printf(r, "file \"%s\" %s %zu\n", file->filename, file->type, file->length);
    return !rc && file ? ngi_write(r, file->data, file->length) : rc;
}

/* The body, read `size` bytes at a time. */
static int read_in_pieces(ngi_request *r)
{
    size_t size = (size_t)atol(ngi_param(r, "size"));
    char *buf = ngi_alloc(r, size);
    int64_t n = 0;
    int rc = ngi_header(r, "Content-Type", "application/octet-stream");
    while (!rc && (n = ngi_read(r, buf, size)) > 0)
        rc = ngi_write(r, buf, (size_t)n);
    if (!rc && n == 0 && ngi_read(r, buf, size) != 0)
        return ngi_fail(r, NGI_EFAIL, "the end of the body is not its end");
    return n < 0 ? (int)n : rc;
}

/* The body once by ngi_read and once by ngi_body: the one does not use up the other. */
static int both_ways(ngi_request *r)
{
    char buf[100];
    size_t length;
    int64_t read = 0, n;
    while ((n = ngi_read(r, buf, sizeof buf)) > 0)
        read += n;
    const void *block = ngi_body(r, &length);
    return block ? ngi_textf(r, 200, "read %lld, block %zu\n", (long long)read, length) : NGI_EIO;
}

NGI_PLUGIN("inputs", "1.0", NGI_ROUTE(NGI_GET, "/query", query), NGI_ROUTE(NGI_GET, "/cookie", cookie),
           NGI_ROUTE(NGI_GET, "/header", header), NGI_ROUTE(NGI_POST, "/form", form),
           NGI_ROUTE(NGI_POST, "/read/{size}", read_in_pieces), NGI_ROUTE(NGI_POST, "/both", both_ways))
