#include "plugin/host.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "config.h"
#include "http/environ.h"
#include "plugin/call.h"
#include "plugin/runner.h"

/* Written before threads start, read by all. */
static uint32_t run_flags;
static const struct runner *runner;

/* --- thread tags -------------------------------------------------------------------------------------------- */

/* Developer builds check [call]: a handler uses its request only inside the handler, on the thread that runs it. */
#ifdef DEVELOPER
static bool is_in_call(ngi_request *r, const char *what)
{
    const struct call_site *site = call_site();
    if (site->request == request_of(r) && site->owns_request)
        return true;
    log_line(NGI_LOG_ERROR, "plugin %s called %s outside the handler that owns the request, or on another thread",
             request_of(r)->plugin ? request_of(r)->plugin->name : "?", what);
    return false;
}
#define CHECK_CALL(r, what, otherwise)                                                                                 \
    do {                                                                                                               \
        if (!is_in_call(r, what))                                                                                      \
            return otherwise;                                                                                          \
    } while (0)
#else
#define CHECK_CALL(r, what, otherwise) ((void)0)
#endif

/* --- load ---------------------------------------------------------------------------------------------------- */

static const char *host_option(const ngi_host *host, const char *name)
{
    const struct plugin *plugin = host->self;
    return options_get(&plugin->options, name);
}

__attribute__((format(printf, 3, 0))) static void host_log(const ngi_host *host, int level, const char *fmt, va_list ap)
{
    const struct plugin *plugin = host->self;
    char *text = NULL;
    if (level > log_level() || vasprintf(&text, fmt, ap) < 0)
        return;
    log_line(level, "%s: %s", plugin->name ? plugin->name : "plugin", text);
    free(text);
}

/* --- request ------------------------------------------------------------------------------------------------- */

static const char *host_env(ngi_request *r, const char *name)
{
    CHECK_CALL(r, "ngi_env", NULL);
    return environ_get(request_of(r), name);
}

static int host_env_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    CHECK_CALL(r, "ngi_env_each", NGI_ETHREAD);
    return environ_each(request_of(r), fn, arg);
}

static const char *host_get_header(ngi_request *r, const char *name)
{
    CHECK_CALL(r, "ngi_get_header", NULL);
    return request_header(request_of(r), name);
}

static const char *host_query(ngi_request *r, const char *name, const char *default_value)
{
    CHECK_CALL(r, "ngi_query", default_value);
    if (!*r->query)
        return default_value;
    const char *value = pairs_get(request_query(request_of(r)), name);
    return value ? value : default_value;
}

static int host_query_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    CHECK_CALL(r, "ngi_query_each", NGI_ETHREAD);
    return pairs_each(request_query(request_of(r)), fn, arg);
}

/* Whether the body is still on its way, and has to be waited for. */
static bool is_arriving(ngi_request *r)
{
    return runner && runner->arrives(request_of(r));
}

/* The first look parses. */
static int parse_form(ngi_request *r)
{
    int rc = NGI_OK;
    if (is_arriving(r) && request_of(r)->form_result == FORM_UNREAD)
        rc = runner->receive(request_of(r));
    return rc < 0 ? rc : request_parse_form(request_of(r));
}

static int host_form_parse(ngi_request *r)
{
    CHECK_CALL(r, "ngi_form_parse", NGI_ETHREAD);
    return parse_form(r);
}

static const char *host_form(ngi_request *r, const char *name, const char *default_value)
{
    CHECK_CALL(r, "ngi_form", default_value);
    (void)parse_form(r); /* where it fails the form is empty, as ngi.h says */
    const char *value = pairs_get(&request_of(r)->form, name);
    return value ? value : default_value;
}

static int host_form_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    CHECK_CALL(r, "ngi_form_each", NGI_ETHREAD);
    (void)parse_form(r);
    return pairs_each(&request_of(r)->form, fn, arg);
}

static const ngi_file *host_form_file(ngi_request *r, const char *name)
{
    CHECK_CALL(r, "ngi_form_file", NULL);
    (void)parse_form(r);
    for (const struct upload *upload = request_of(r)->uploads; upload; upload = upload->next)
        if (strcmp(upload->name, name) == 0)
            return &upload->file;
    return NULL;
}

static const char *host_cookie(ngi_request *r, const char *name)
{
    CHECK_CALL(r, "ngi_cookie", NULL);
    return pairs_get(request_cookies(request_of(r)), name);
}

static const char *host_param(ngi_request *r, const char *name)
{
    CHECK_CALL(r, "ngi_param", NULL);
    struct request *request = request_of(r);
    const struct capture *capture = route_match_param(&request->match, name);
    return capture ? arena_copy(&request->arena, capture->start, capture->length) : NULL;
}

static int64_t host_read(ngi_request *r, void *buf, size_t n)
{
    CHECK_CALL(r, "ngi_read", NGI_ETHREAD);
    if (is_arriving(r))
        return runner->read(request_of(r), buf, n);
    return body_read(&request_of(r)->body, buf, n);
}

static const void *host_body(ngi_request *r, size_t *ret_length)
{
    CHECK_CALL(r, "ngi_body", NULL);
    if (is_arriving(r) && runner->receive(request_of(r)) != NGI_OK)
        return NULL;
    const void *block = body_block(&request_of(r)->body);
    if (ret_length)
        *ret_length = block ? (size_t)request_of(r)->body.length : 0;
    return block;
}

/* Notes which call a handler was refused, for the log line of a handler that just hands the code on. */
static int noted(ngi_request *r, const char *call, int rc)
{
    if (rc < 0) {
        request_of(r)->refused_call = call;
        request_of(r)->refused_code = rc;
    }
    return rc;
}

/* --- response ------------------------------------------------------------------------------------------------ */

static int host_status(ngi_request *r, int status)
{
    CHECK_CALL(r, "ngi_status", NGI_ETHREAD);
    return noted(r, "ngi_status", response_status(&request_of(r)->response, status));
}

static int host_header(ngi_request *r, const char *name, const char *value)
{
    CHECK_CALL(r, "ngi_header", NGI_ETHREAD);
    return noted(r, "ngi_header", response_set_header(&request_of(r)->response, name, value));
}

static int host_add_header(ngi_request *r, const char *name, const char *value)
{
    CHECK_CALL(r, "ngi_add_header", NGI_ETHREAD);
    return noted(r, "ngi_add_header", response_add_header(&request_of(r)->response, name, value));
}

static int host_start_response(ngi_request *r, const char *status_line, const char *const *headers)
{
    CHECK_CALL(r, "ngi_start_response", NGI_ETHREAD);
    return noted(r, "ngi_start_response", response_start(&request_of(r)->response, status_line, headers));
}

/* Whether ngi_flush has sent the head: what is written then goes the same way. */
static bool is_streaming(ngi_request *r)
{
    return request_of(r)->response.begun && runner && runner->streams(request_of(r));
}

static int host_write(ngi_request *r, const void *data, size_t n)
{
    CHECK_CALL(r, "ngi_write", NGI_ETHREAD);
    return noted(r, "ngi_write",
                 is_streaming(r) ? runner->write(request_of(r), data, n)
                                 : response_write(&request_of(r)->response, data, n));
}

__attribute__((format(printf, 2, 0))) static int host_vprintf(ngi_request *r, const char *fmt, va_list ap)
{
    CHECK_CALL(r, "ngi_printf", NGI_ETHREAD);
    return noted(r, "ngi_printf",
                 is_streaming(r) ? runner->vprintf(request_of(r), fmt, ap)
                                 : response_vprintf(&request_of(r)->response, fmt, ap));
}

/* Status and type of a whole response. */
static int begin_respond(ngi_request *r, int status, const char *type)
{
    struct response *response = &request_of(r)->response;
    int rc = response_status(response, status);
    return rc == NGI_OK && type ? response_set_type(response, type) : rc;
}

static int host_respond(ngi_request *r, int status, const char *type, const void *data, size_t n)
{
    CHECK_CALL(r, "ngi_respond", NGI_ETHREAD);
    int rc = begin_respond(r, status, type);
    return noted(r, "ngi_respond", rc == NGI_OK ? response_write(&request_of(r)->response, data, n) : rc);
}

__attribute__((format(printf, 4, 0))) static int host_vrespond(ngi_request *r, int status, const char *type,
                                                               const char *fmt, va_list ap)
{
    CHECK_CALL(r, "ngi_textf", NGI_ETHREAD);
    int rc = begin_respond(r, status, type);
    return noted(r, "ngi_textf", rc == NGI_OK ? response_vprintf(&request_of(r)->response, fmt, ap) : rc);
}

static int host_redirect(ngi_request *r, int status, const char *location)
{
    CHECK_CALL(r, "ngi_redirect", NGI_ETHREAD);
    struct response *response = &request_of(r)->response;
    if (!location || !(status == 301 || status == 302 || status == 303 || status == 307 || status == 308))
        return noted(r, "ngi_redirect", NGI_EINVAL);
    int rc = response_set_header(response, "Location", location);
    return noted(r, "ngi_redirect", rc == NGI_OK ? response_status(response, status) : rc);
}

static int host_conditional(ngi_request *r, const char *etag, int64_t mtime)
{
    CHECK_CALL(r, "ngi_conditional", NGI_ETHREAD);
    return noted(r, "ngi_conditional", request_conditional(request_of(r), etag, mtime));
}

static int host_send_file(ngi_request *r, int fd, int64_t offset, int64_t length)
{
    CHECK_CALL(r, "ngi_send_file", NGI_ETHREAD);
    return noted(r, "ngi_send_file", response_send_file(&request_of(r)->response, fd, offset, length));
}

static int host_send_stream(ngi_request *r, int64_t (*next)(void *arg, void *buf, size_t n), void (*close)(void *arg),
                            void *arg)
{
    CHECK_CALL(r, "ngi_send_stream", NGI_ETHREAD);
    return noted(r, "ngi_send_stream", response_send_stream(&request_of(r)->response, next, close, arg));
}

static const char *html_entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static const char *host_escape_html(ngi_request *r, const char *s)
{
    CHECK_CALL(r, "ngi_escape_html", "");
    size_t length = 0;
    for (const char *p = s; *p; p++) {
        const char *entity = html_entity(*p);
        length += entity ? strlen(entity) : 1;
    }
    char *out = arena_alloc(&request_of(r)->arena, length + 1), *at = out;
    if (!out) {
        request_of(r)->response.failed = NGI_ENOMEM;
        return "";
    }
    for (const char *p = s; *p; p++) {
        const char *entity = html_entity(*p);
        if (entity)
            at = stpcpy(at, entity);
        else
            *at++ = *p;
    }
    *at = '\0';
    return out;
}

/* --- lifetime and cancellation -------------------------------------------------------------------------------- */

static void *host_alloc(ngi_request *r, size_t n)
{
    CHECK_CALL(r, "ngi_alloc", NULL);
    return arena_zalloc(&request_of(r)->arena, n);
}

static char *host_dup_string(ngi_request *r, const char *s)
{
    CHECK_CALL(r, "ngi_strdup", NULL);
    return arena_string(&request_of(r)->arena, s);
}

static int host_on_finish(ngi_request *r, void (*fn)(void *arg), void *arg)
{
    CHECK_CALL(r, "ngi_on_finish", NGI_ETHREAD);
    return request_on_finish(request_of(r), fn, arg);
}

__attribute__((format(printf, 3, 0))) static int host_vfail(ngi_request *r, int code, const char *fmt, va_list ap)
{
    CHECK_CALL(r, "ngi_fail", NGI_ETHREAD);
    request_of(r)->failure = arena_vformat(&request_of(r)->arena, fmt, ap);
    /* A code that means success would send a failed request as a good one. */
    return code < 0 || (code >= 400 && code <= 599) ? code : NGI_EFAIL;
}

__attribute__((format(printf, 3, 0))) static void host_vlog(ngi_request *r, int level, const char *fmt, va_list ap)
{
    if (level > log_level())
        return;
    CHECK_CALL(r, "ngi_log", );
    struct request *request = request_of(r);
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        return;
    log_line(level, "%s [%s]: %s", request->plugin->name, request_id(request), text);
    free(text);
}

static void *host_state(ngi_request *r)
{
    return request_of(r)->plugin->state;
}

static void *host_thread_state(ngi_request *r)
{
    CHECK_CALL(r, "ngi_thread_state", NULL);
    return call_thread_state(request_of(r)->plugin);
}

static uint32_t host_run_flags(ngi_request *r)
{
    const struct plugin_route *route = request_of(r)->route;
    uint32_t flags = run_flags | (route->plugin->hosts ? NGI_RUN_MULTIPROCESS : 0); /* it is in those, too */
    return route->serial ? flags & ~NGI_RUN_MULTITHREAD : flags;
}

/* --- what only the runner can do ------------------------------------------------------------------------------- */

static int host_flush(ngi_request *r)
{
    CHECK_CALL(r, "ngi_flush", NGI_ETHREAD);
    return runner ? noted(r, "ngi_flush", runner->flush(request_of(r))) : NGI_ENOSYS;
}

static int host_cancelled(ngi_request *r)
{
    CHECK_CALL(r, "ngi_cancelled", NGI_ETHREAD);
    return runner ? runner->cancelled(request_of(r)) : 0;
}

static int host_cancel_fd(ngi_request *r)
{
    CHECK_CALL(r, "ngi_cancel_fd", NGI_ETHREAD);
    return runner ? runner->cancel_fd(request_of(r)) : NGI_ENOSYS;
}

static int64_t host_time_left_ms(ngi_request *r)
{
    CHECK_CALL(r, "ngi_time_left_ms", NGI_ETHREAD);
    return runner ? runner->time_left_ms(request_of(r)) : INT64_MAX;
}

static int host_background(ngi_request *r, void (*fn)(void *arg), void *arg)
{
    CHECK_CALL(r, "ngi_background", NGI_ETHREAD);
    return runner ? runner->background(request_of(r), fn, arg) : NGI_ENOSYS;
}

static ngi_later *host_later_new(ngi_request *r)
{
    CHECK_CALL(r, "ngi_later_new", NULL);
    return runner ? runner->later_new(request_of(r)) : NULL;
}

/* Only a runner makes one of these. */
static int host_later_run(ngi_later *later, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    return later && fn ? runner->later_run(later, fn, arg) : NGI_EINVAL;
}

static void host_later_drop(ngi_later *later)
{
    if (later)
        runner->later_drop(later);
}

/* ---------------------------------------------------------------------------------------------------------- */

void host_init(ngi_host *host, struct plugin *plugin)
{
    *host = (ngi_host){
        .size = sizeof *host,
        .abi = NGI_ABI,
        .self = plugin,
        .software = environ_software,
        .option = host_option,
        .host_log = host_log,
        .env = host_env,
        .env_each = host_env_each,
        .get_header = host_get_header,
        .query = host_query,
        .query_each = host_query_each,
        .form_parse = host_form_parse,
        .form = host_form,
        .form_each = host_form_each,
        .form_file = host_form_file,
        .cookie = host_cookie,
        .param = host_param,
        .read = host_read,
        .body = host_body,
        .status = host_status,
        .header = host_header,
        .add_header = host_add_header,
        .start_response = host_start_response,
        .write = host_write,
        .vprintf = host_vprintf,
        .flush = host_flush,
        .respond = host_respond,
        .vrespond = host_vrespond,
        .redirect = host_redirect,
        .conditional = host_conditional,
        .send_file = host_send_file,
        .send_stream = host_send_stream,
        .escape_html = host_escape_html,
        .alloc = host_alloc,
        .dup_string = host_dup_string,
        .on_finish = host_on_finish,
        .vfail = host_vfail,
        .vlog = host_vlog,
        .state = host_state,
        .thread_state = host_thread_state,
        .run_flags = host_run_flags,
        .cancelled = host_cancelled,
        .cancel_fd = host_cancel_fd,
        .time_left_ms = host_time_left_ms,
        .background = host_background,
        .later_new = host_later_new,
        .later_run = host_later_run,
        .later_drop = host_later_drop,
    };
}

void host_set_runner(const struct runner *that)
{
    runner = that;
}

void host_set_run_flags(uint32_t flags)
{
    run_flags = flags;
}
