/* environ - prints the CGI environment of the request, sorted, one NAME=value a line.
 *
 * Shows: ngi_env_each, a callback with an argument, and memory that lives as long as the request (no free anywhere).
 *
 *     ANY /{path...}    the environment; any path, so that PATH_INFO can be seen
 *
 *     curl -H 'X-Colour: blue' 'localhost:8080/environ/some/path?q=1'
 *
 * The page shows the client's own cookies and credentials, also to scripts that may not read them: keep it off the
 * public net.
 */
#include <ngi.h>
#include <stdlib.h>

enum { LINES_MAX = 500 };

struct lines {
    ngi_request *r;
    size_t count;
    const char *line[LINES_MAX];
};

static int collect(void *arg, const char *name, const char *value)
{
    struct lines *lines = arg;
    size_t size = strlen(name) + strlen(value) + sizeof "=\n";
    char *line = ngi_alloc(lines->r, size);

    if (!line)
        return NGI_ENOMEM;
    if (lines->count == LINES_MAX)
        return NGI_ETOOBIG;
    (void)snprintf(line, size, "%s=%s\n", name, value);
    lines->line[lines->count++] = line;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int environ_page(ngi_request *r)
{
    struct lines lines = { .r = r };
    int rc = ngi_env_each(r, collect, &lines);

    if (rc)
        return ngi_fail(r, rc, "collecting the environment: %s", ngi_strerror(rc));
    qsort(lines.line, lines.count, sizeof *lines.line, by_text);

    rc = ngi_header(r, "Content-Type", "text/plain; charset=UTF-8");
    if (!rc)
        rc = ngi_header(r, "X-Content-Type-Options", "nosniff");
    if (!rc)
        rc = ngi_header(r, "Cache-Control", "no-store");
    for (size_t i = 0; i < lines.count && !rc; i++)
        rc = ngi_puts(r, lines.line[i]);
    return rc;
}

NGI_PLUGIN("environ", "1.0", NGI_ROUTE(NGI_ANY, "/{path...}", environ_page))
