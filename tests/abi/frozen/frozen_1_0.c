/* A plugin of NGI 1.0 that uses nearly all of it. Its binary beside it was built once and is never built again: every
 * later 1.y gateway has to load it and get the same answers. Calls that a host may or may not offer in 1.0 are judged
 * here, so that a host which learns to offer them passes as well. */
#include <fcntl.h>
#include <stdlib.h>

#include <ngi.h>

static int finished, thread_states;

struct count {
    int calls;
    const char *last;
};

static int count_one(void *arg, const char *name, const char *value)
{
    struct count *count = arg;
    count->calls++;
    count->last = value;
    return strcmp(name, "stop") == 0 ? 7 : 0;
}

static void finish(void *arg)
{
    ++*(int *)arg;
}

/* --- requests --- */

static int fields(ngi_request *r)
{
    return ngi_textf(r, 200, "%s|%s|%s|%s|%s|%s", r->method, r->path, r->query, r->host, r->remote_addr, r->scheme);
}

static int environment(ngi_request *r)
{
    struct count count = { 0, NULL };
    int rc = ngi_env_each(r, count_one, &count);
    const char *mount = ngi_env(r, "SCRIPT_NAME"), *none = ngi_env(r, "HTTP_PROXY");
    return ngi_textf(r, 200, "%s|%s|%s|%s|%s|%d", mount, ngi_env(r, "PATH_INFO"), ngi_env(r, "REQUEST_METHOD"),
                     ngi_env(r, "HTTP_X_COLOUR"), none ? none : "none", rc == 0 && count.calls > 8);
}

static int query(ngi_request *r)
{
    struct count count = { 0, "" };
    int rc = ngi_query_each(r, count_one, &count);
    return ngi_textf(r, 200, "%s|%s|%d|%d|%s", ngi_query(r, "a", "none"), ngi_query(r, "z", "none"), rc, count.calls,
                     count.last);
}

static int headers(ngi_request *r)
{
    const char *colour = ngi_get_header(r, "x-colour"), *cookie = ngi_cookie(r, "taste");
    ngi_header(r, "X-One", "replaced");
    ngi_header(r, "X-One", "1");
    ngi_add_header(r, "X-Two", "2");
    ngi_add_header(r, "X-Two", "22");
    if (ngi_header(r, "X-Bad", "a\r\nb") != NGI_EINVAL)
        return ngi_fail(r, NGI_EINVAL, "a line end got into a header");
    return ngi_textf(r, 200, "%s|%s", colour ? colour : "none", cookie ? cookie : "none");
}

static int form(ngi_request *r)
{
    struct count count = { 0, "" };
    int rc = ngi_form_parse(r);
    if (rc != NGI_OK)
        return ngi_textf(r, 400, "%s", ngi_strerror(rc));
    const ngi_file *file = ngi_form_file(r, "file");
    ngi_form_each(r, count_one, &count);
    return ngi_textf(r, 200, "%s|%d|%s", ngi_form(r, "a", "none"), count.calls, file ? file->filename : "no file");
}

static int body(ngi_request *r)
{
    char start[4] = "";
    size_t length;
    const void *all = ngi_body(r, &length);
    int64_t n = ngi_read(r, start, 3);
    return all ? ngi_textf(r, 201, "%d|%s|%d", (int)length, start, (int)n) : NGI_EIO;
}

static int param(ngi_request *r)
{
    const char *id = ngi_param(r, "id"), *rest = ngi_param(r, "rest"), *number = ngi_param(r, "1");
    return ngi_textf(r, 200, "%s|%s|%s", id ? id : "-", rest ? rest : "-", number ? number : "-");
}

/* --- responses --- */

static int written(ngi_request *r)
{
    int rc = ngi_status(r, 202);
    ngi_header(r, "Content-Type", "text/plain");
    if (rc == NGI_OK && ngi_write(r, "write ", 6) == NGI_OK && ngi_puts(r, "puts ") == NGI_OK)
        return ngi_printf(r, "%s %d", "printf", 3);
    return rc;
}

static int started(ngi_request *r)
{
    static const char *const first[] = { "X-First", "gone", NULL, NULL }, *const again[] = {
        "Content-Type", "text/plain", "X-Again", "kept", NULL, NULL
    };
    ngi_start_response(r, "200 OK", first);
    ngi_puts(r, "discarded");
    int rc = ngi_start_response(r, "409 Conflict", again);
    return rc == NGI_OK ? ngi_puts(r, "in conflict") : rc;
}

static int html(ngi_request *r)
{
    return ngi_html(r, 200, ngi_escape_html(r, "<a href=\"x\">'&'</a>"));
}

static int json(ngi_request *r)
{
    return ngi_json(r, 200, "{}");
}

static int redirect(ngi_request *r)
{
    return ngi_redirect(r, 303, "/elsewhere");
}

static int bare(ngi_request *r)
{
    (void)r;
    return 404;
}

static int fail(ngi_request *r)
{
    return ngi_fail(r, NGI_EFAIL, "failed as %s", "told");
}

static int file(ngi_request *r)
{
    const char *path = *(const char *const *)ngi_state(r);
    int rc = ngi_conditional(r, "\"frozen\"", -1);
    if (rc != NGI_OK)
        return rc;
    ngi_header(r, "Content-Type", "text/plain");
    return ngi_send_file(r, open(path, O_RDONLY), 1, 3);
}

static int64_t next(void *arg, void *buf, size_t n)
{
    int *left = arg;
    if (*left == 0 || n == 0)
        return 0;
    *(char *)buf = (char)('0' + (*left)--);
    return 1;
}

static int stream(ngi_request *r)
{
    int *left = ngi_alloc(r, sizeof *left);
    if (!left || *left != 0)
        return NGI_ENOMEM;
    *left = 3;
    ngi_header(r, "Content-Type", "text/plain");
    return ngi_send_stream(r, next, NULL, left);
}

/* --- the rest --- */

static int life(ngi_request *r)
{
    char *copy = ngi_strdup(r, "copied");
    ngi_log(r, NGI_LOG_WARNING, "logged %d", 1);
    if (!copy || ngi_on_finish(r, finish, &finished) != NGI_OK)
        return NGI_ENOMEM;
    return ngi_textf(r, 200, "%s|%d|%s|%d", copy, finished, (const char *)ngi_thread_state(r), thread_states);
}

static int options(ngi_request *r)
{
    return ngi_textf(r, 200, "%s|%d|%.2f|%d|%s", ngi_option(r->ngi, "word"), (int)ngi_option_int(r->ngi, "count"),
                     ngi_option_float(r->ngi, "share"), ngi_option_bool(r->ngi, "loud"),
                     ngi_option(r->ngi, "unknown") ? "there" : "none");
}

static int is_offered_or_not(int rc)
{
    return rc >= 0 || rc == NGI_ENOSYS;
}

static int perhaps(ngi_request *r)
{
    ngi_later *later = NGI_HAS(r, later_new) ? ngi_later_new(r) : NULL;
    int cancelled = ngi_cancelled(r);
    int64_t left = ngi_time_left_ms(r);
    if (later)
        ngi_later_drop(later);
    if (cancelled != 0 && cancelled != NGI_ENOSYS)
        return ngi_fail(r, NGI_EFAIL, "cancelled: %d", cancelled);
    if (left < 0 && left != NGI_ENOSYS)
        return ngi_fail(r, NGI_EFAIL, "%lld ms left", (long long)left);
    if (!is_offered_or_not(ngi_cancel_fd(r)) || !is_offered_or_not(ngi_background(r, finish, &finished)))
        return ngi_fail(r, NGI_EFAIL, "cancel_fd or background: neither offered nor refused");
    return ngi_textf(r, 200, "%u", ngi_run_flags(r) & NGI_RUN_ONCE);
}

/* --- the plugin --- */

static int init(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    if (config->size < sizeof *config || config->abi >> 16 != 1 || host->abi >> 16 != 1)
        return ngi_error_set(err, NGI_EABI, "another major version: %x", (unsigned)host->abi);
    const char **state = malloc(sizeof *state);
    if (!state)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    *state = config->file;
    *ret_state = state;
    ngi_host_log(host, NGI_LOG_INFO, "frozen: %s at %s", config->name, config->mount);
    return NGI_OK;
}

static int after_fork(void *state, ngi_error *err)
{
    (void)err;
    return state ? NGI_OK : NGI_EINVAL;
}

static void fini(void *state)
{
    free(state);
}

static int thread_init(void *state, void **ret_thread_state, ngi_error *err)
{
    static char text[] = "of the thread";
    (void)state;
    (void)err;
    thread_states++;
    *ret_thread_state = text;
    return NGI_OK;
}

static void thread_fini(void *state, void *thread_state)
{
    (void)state;
    (void)thread_state;
    thread_states--;
}

static const void *extension(const char *name)
{
    (void)name;
    return NULL;
}

static const ngi_route rows[] = {
    NGI_ROUTE(NGI_GET, "/", fields),
    NGI_ROUTE(NGI_GET, "/environment", environment),
    NGI_ROUTE(NGI_GET, "/query", query),
    NGI_ROUTE(NGI_GET, "/headers", headers),
    NGI_ROUTE(NGI_POST, "/form", form),
    NGI_ROUTE(NGI_PUT | NGI_PATCH, "/body", body),
    NGI_ROUTE(NGI_GET | NGI_DELETE, "/items/{id}", param),
    NGI_ROUTE(NGI_GET, "/files/{rest...}", param),
    NGI_ROUTE(NGI_GET, "~^/number/(\\d+)$", param),
    NGI_ROUTE(NGI_ANY, "/any", fields, NGI_SERIAL),
    NGI_ROUTE(NGI_GET, "/written", written),
    NGI_ROUTE(NGI_GET, "/started", started),
    NGI_ROUTE(NGI_GET, "/html", html),
    NGI_ROUTE(NGI_GET, "/json", json),
    NGI_ROUTE(NGI_GET, "/redirect", redirect),
    NGI_ROUTE(NGI_GET, "/bare", bare),
    NGI_ROUTE(NGI_GET, "/fail", fail),
    NGI_ROUTE(NGI_GET, "/file", file, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/stream", stream),
    NGI_ROUTE(NGI_GET, "/life", life),
    NGI_ROUTE(NGI_GET, "/options", options),
    NGI_ROUTE(NGI_GET, "/perhaps", perhaps),
    { 0, NULL, NULL, 0 },
};

static const ngi_option_spec option_rows[] = {
    { "word", NGI_STRING, "hi", 1, 8, "A word." },
    { "count", NGI_INT, "3", 0, 10, "A number." },
    { "share", NGI_FLOAT, "0.25", 0, 1, "A share." },
    { "loud", NGI_BOOL, "true", 0, 0, "A truth." },
    { NULL, 0, NULL, 0, 0, NULL },
};

NGI_PLUGIN_FULL(.name = "frozen", .version = "1.0", .summary = "All of NGI 1.0.", .flags = NGI_MAY_BLOCK,
                .routes = rows, .init = init, .after_fork = after_fork, .fini = fini, .thread_init = thread_init,
                .thread_fini = thread_fini, .options = option_rows, .extension = extension)
