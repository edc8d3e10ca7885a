/* SPDX-License-Identifier: MIT
 *
 * ngi.h - the Native Gateway Interface, version 1.0.
 *
 * The whole contract between a native HTTP handler and the program that hosts it (Postern, or any other host).
 * One header, nothing to link: every call below is a static inline over a table of functions which the host hands
 * in, so a plugin has no undefined host symbol. The specification, with reasons, is NGI.md beside this file.
 *
 *     #include <ngi.h>
 *
 *     static int hello(ngi_request *r)
 *     {
 *         return ngi_textf(r, 200, "Hello, %s!\n", ngi_query(r, "name", "world"));
 *     }
 *
 *     NGI_PLUGIN("hello", "1.0", NGI_ROUTE(NGI_GET, "/", hello))
 *
 *     cc -shared -fPIC $(pkg-config --cflags ngi) hello.c -o hello.so
 *
 * THE RULES
 *
 *  1. Pointers the host returns live until the handler (or the last function of ngi_later_run) returns; copy what you
 *     keep (ngi_strdup lives as long as the request, malloc as long as you like).
 *  2. A handler touches `r` only on the thread that runs it. Several calls of one handler run at the same time on
 *     several threads, unless the plugin or the route says NGI_SERIAL.
 *  3. Never call exit, never change signal dispositions, the working directory, the locale, the umask or ids: they
 *     belong to the whole process.
 *  4. Let no C++ exception and no longjmp cross the boundary to the host.
 *  5. Leave no thread behind after fini.
 *  6. A plugin inside a worker is fully trusted: only a host process is a boundary.
 *
 * READING THE COMMENTS
 *
 *  Each call says where it may be used:
 *    [load]                    in the entry function, init, after_fork, thread_init
 *    [call]                    in a handler or a function of ngi_later_run, on the thread that runs it
 *    [call, before first byte] the same, and only until the first byte of the response has left
 *    [any thread]              anywhere, from init on, any time while its argument lives
 *  Unless a comment says otherwise: strings are NUL-terminated bytes without a promised encoding, a function that
 *  returns int returns NGI_OK or a negative NGI_E code, arguments stay the caller's and are copied where the host
 *  needs them longer, and the call exists since 1.0.
 */
#ifndef NGI_H
#define NGI_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ version --- */

#define NGI_MAJOR 1
#define NGI_MINOR 0
#define NGI_ABI ((uint32_t)((NGI_MAJOR << 16) | NGI_MINOR))

#if defined(__GNUC__)
#define NGI_PRINTF_(fmt, first) __attribute__((format(printf, fmt, first)))
#define NGI_EXPORT_ __attribute__((visibility("default")))
#define NGI_SECTION_ __attribute__((section("ngi_plugin"), used))
#else
#define NGI_PRINTF_(fmt, first)
#define NGI_EXPORT_
#define NGI_SECTION_
#endif

/* -------------------------------------------------------------------------------------------- error codes --- */

/* Dense and negative, so that a table can name them and 0 stays success. */
enum {
    NGI_OK = 0,
    NGI_EINVAL = -1,    /* an argument the call does not accept */
    NGI_ENOMEM = -2,    /* out of memory */
    NGI_ESENT = -3,     /* too late: the first byte of the response has left */
    NGI_ENOSYS = -4,    /* this host, or this release of it, does not offer the call */
    NGI_ENOENT = -5,    /* no such thing: a file, an option, a form */
    NGI_EIO = -6,       /* reading or writing failed */
    NGI_ETOOBIG = -7,   /* over a limit of the host */
    NGI_ELENGTH = -8,   /* the body and the declared Content-Length differ */
    NGI_EPARSE = -9,    /* the client sent something malformed */
    NGI_ECANCELED = -10, /* the client has gone, or the server is stopping */
    NGI_ETIMEDOUT = -11, /* the deadline has passed */
    NGI_EBUSY = -12,    /* no room now; later perhaps */
    NGI_EPERM = -13,    /* not allowed */
    NGI_ETHREAD = -14,  /* called on a thread, or in a phase, where it may not be */
    NGI_EFAIL = -15,    /* the handler's own failure, in the words of ngi_fail */
    NGI_EABI = -16,     /* the two sides do not fit: size, version, missing symbol */
    NGI_ELAST_ = -16
};

/* What a handler returns for "the response comes later": see ngi_later_new. */
#define NGI_LATER 1

/* The text of an NGI_E code; never NULL. [any thread] */
static inline const char *ngi_strerror(int code)
{
    static const char *const text[] = {
        "success", "invalid argument", "out of memory", "the response has already begun", "not offered by this host",
        "not found", "input/output error", "too big", "the body does not match its Content-Length",
        "malformed request", "cancelled", "deadline passed", "busy", "not permitted", "called in the wrong place",
        "the handler failed", "the interfaces do not fit",
    };
    return code <= 0 && code >= NGI_ELAST_ ? text[-code] : "unknown error";
}

/* ---------------------------------------------------------------------------------------------- structures --- */

typedef struct ngi_host ngi_host;
typedef struct ngi_request ngi_request;
typedef struct ngi_plugin ngi_plugin;
typedef struct ngi_route ngi_route;
typedef struct ngi_option_spec ngi_option_spec;
typedef struct ngi_config ngi_config;
typedef struct ngi_error ngi_error;
typedef struct ngi_file ngi_file;
typedef struct ngi_later ngi_later;

/* Why something did not work, for people. The host passes one in; a plugin fills it with ngi_error_set. */
struct ngi_error {
    int32_t code;   /* an NGI_E code; 0 while unset */
    char text[508]; /* one line, NUL-terminated; say what was wrong and what to do about it */
};

/* Puts `code` and a formatted line into `err` (which may be NULL) and returns `code`, so that
 * `return ngi_error_set(err, NGI_ENOENT, "no such file: %s", path);` reads well. [load] */
NGI_PRINTF_(3, 4)
static inline int ngi_error_set(ngi_error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        err->code = code;
        va_start(ap, fmt);
        (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
    }
    return code;
}

/* A request under way. The fields are for reading; the strings live until the handler returns and are never NULL.
 * It does not grow within major version 1: new facts are new calls. What the host keeps for itself is behind it. */
struct ngi_request {
    const ngi_host *ngi;     /* the host's table; the calls below use it */
    const char *method;      /* REQUEST_METHOD: "GET", "HEAD", … as sent */
    const char *path;        /* the path below the mount point, decoded and normalised; always begins with '/' */
    const char *query;       /* QUERY_STRING: after the '?', still encoded; "" without one */
    const char *host;        /* the Host header (or the authority of an absolute-form target); "" without one */
    const char *remote_addr; /* REMOTE_ADDR: "192.0.2.7", "2001:db8::7", or "unix:" over a local socket */
    const char *scheme;      /* REQUEST_SCHEME: "http" or "https" */
};

/* A handler: answers the request and returns
 *     NGI_OK        send what was written; nothing set and nothing written is a 500
 *     200 … 599     send with that status; with a short default body if none was written
 *     NGI_LATER     the response comes later
 *     NGI_E…        (negative) a 500, with the text of ngi_fail in the log; once the first byte has left, the
 *                   connection is cut instead, so that the client can tell. */
typedef int (*ngi_handler)(ngi_request *r);

/* Called for each pair of a collection; a value other than 0 ends the walk and is returned by it. */
typedef int (*ngi_each_fn)(void *arg, const char *name, const char *value);

/* Methods, or-ed. A GET route also serves HEAD (the host drops the body). The host answers OPTIONS where no route asks
 * for it. NGI_ANY is every method, OPTIONS and extension methods included, but never TRACE or CONNECT, which the host
 * refuses. */
#define NGI_GET 0x01u
#define NGI_HEAD 0x02u
#define NGI_POST 0x04u
#define NGI_PUT 0x08u
#define NGI_PATCH 0x10u
#define NGI_DELETE 0x20u
#define NGI_OPTIONS 0x40u
#define NGI_ANY 0xffffffffu

/* Flags of a plugin (for all its routes) or of a route: those of both hold. NGI_NEVER_BLOCKS of a route takes the
 * plugin's NGI_MAY_BLOCK back. A host ignores low 16 bits that it does not know, and refuses a plugin with high
 * ones. */
#define NGI_MAY_BLOCK 0x01u    /* not for a pool thread: it is slow, or waits for disks, networks, locks */
#define NGI_NEVER_BLOCKS 0x02u /* may always run on a pool thread */
#define NGI_SERIAL 0x04u       /* one call at a time in a process, of the plugin or of the route */
#define NGI_ISOLATE 0x08u      /* run in host processes, unless the operator pins it to the gateway */
#define NGI_STREAM_BODY 0x10u  /* the handler may run while the body is still arriving, and reads it with ngi_read;
                                * not for a pool thread */

/* A row of the route table, which ends with { 0 }. */
struct ngi_route {
    uint32_t methods;    /* NGI_GET | …; 0 ends the table */
    const char *pattern; /* "/items/{id}", "/files/{path...}", or PCRE2 after a tilde: "~^/item/(\\d+)$". {id} takes one
                            segment, {path...} all that is left, also nothing. The most specific template wins. */
    ngi_handler handler;
    uint32_t flags;
};

/* Types of options. */
enum { NGI_STRING = 1, NGI_INT = 2, NGI_FLOAT = 3, NGI_BOOL = 4 };

/* A row of the option table, which ends with { 0 }. The operator writes `option { quality = 80 }`; the host checks
 * the value and gives it to ngi_option as text. */
struct ngi_option_spec {
    const char *name;          /* letters, digits and '_' */
    int32_t type;              /* NGI_STRING, NGI_INT, NGI_FLOAT, NGI_BOOL ("true" or "false") */
    const char *default_value; /* as text; NULL: the operator must set it */
    double min, max;           /* of the number, or of the string's length in bytes; both 0: no range */
    const char *help;          /* a sentence */
};

/* What init is told beside its options. Grows at the end. */
struct ngi_config {
    uint32_t size;     /* bytes the host has filled in */
    uint32_t abi;      /* the host's */
    const char *name;  /* the plugin's name in this gateway */
    const char *mount; /* its mount point, "" for the root: SCRIPT_NAME */
    const char *file;  /* the .so it came from */
};

/* What a plugin is. Only name and routes are needed; leave the rest zero. Grows at the end. */
struct ngi_plugin {
    uint32_t size; /* sizeof(ngi_plugin) as the plugin was compiled */
    uint32_t abi;  /* NGI_ABI as the plugin was compiled */
    const char *name;    /* letters, digits, '-', '_', '.'; mounted at "/name" unless the operator says otherwise */
    const char *version;
    const char *summary; /* one sentence */
    uint32_t flags;
    const ngi_route *routes; /* ends with { 0 } */

    /* Once, before the first request; what it stores in *ret_state comes back from ngi_state. Failing keeps the
     * gateway from starting, with the words in `err`. `host` and `config` live until fini returns. */
    int (*init)(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err);
    /* In each host process after the fork, before anything else; what init built is shared until written to. Threads
     * that init has started are not there. Failing ends that process. */
    int (*after_fork)(void *state, ngi_error *err);
    /* Once, after the last request; no other call of the plugin is running. */
    void (*fini)(void *state);
    /* On each thread that calls handlers, before its first call: a database handle, say; comes back from
     * ngi_thread_state. Failing fails the request (500) and is tried again on the next. */
    int (*thread_init)(void *state, void **ret_thread_state, ngi_error *err);
    /* On the same thread, before it ends. */
    void (*thread_fini)(void *state, void *thread_state);

    const ngi_option_spec *options; /* ends with { 0 } */

    /* Optional interfaces by name; NULL for those the plugin does not have. */
    const void *(*extension)(const char *name);
};

/* A file uploaded in a multipart/form-data field. */
struct ngi_file {
    const char *filename; /* as the client named it, without any path; never use it as a path unchecked */
    const char *type;     /* its Content-Type, or "application/octet-stream" */
    const void *data;     /* mapped, if the body was large */
    size_t length;        /* bytes */
};

/* A response promised for later; what is behind the table is the host's. */
struct ngi_later {
    const ngi_host *ngi;
};

/* Severity of a log line. */
enum { NGI_LOG_ERROR = 0, NGI_LOG_WARNING = 1, NGI_LOG_INFO = 2, NGI_LOG_DEBUG = 3 };

/* What ngi_run_flags tells: wsgi.multithread, wsgi.multiprocess and wsgi.run_once of PEP 3333. */
#define NGI_RUN_MULTITHREAD 0x01u
#define NGI_RUN_MULTIPROCESS 0x02u
#define NGI_RUN_ONCE 0x04u

/* Why ngi_cancelled says to stop. */
enum { NGI_CANCEL_CLIENT = 1, NGI_CANCEL_DEADLINE = 2, NGI_CANCEL_SHUTDOWN = 3 };

/* The host's functions. Append-only: within major version 1 no member moves, changes or goes. Use the calls below
 * rather than the table, and NGI_HAS before a member younger than your oldest host. */
struct ngi_host {
    uint32_t size; /* bytes of this table that the host has filled in */
    uint32_t abi;  /* the host's */
    void *self;    /* the host's own */
    const char *software; /* SERVER_SOFTWARE: "Postern/0.1.0" */

    const char *(*option)(const ngi_host *host, const char *name);
    void (*host_log)(const ngi_host *host, int level, const char *fmt, va_list ap) NGI_PRINTF_(3, 0);

    const char *(*env)(ngi_request *r, const char *name);
    int (*env_each)(ngi_request *r, ngi_each_fn fn, void *arg);
    const char *(*get_header)(ngi_request *r, const char *name);
    const char *(*query)(ngi_request *r, const char *name, const char *default_value);
    int (*query_each)(ngi_request *r, ngi_each_fn fn, void *arg);
    int (*form_parse)(ngi_request *r);
    const char *(*form)(ngi_request *r, const char *name, const char *default_value);
    int (*form_each)(ngi_request *r, ngi_each_fn fn, void *arg);
    const ngi_file *(*form_file)(ngi_request *r, const char *name);
    const char *(*cookie)(ngi_request *r, const char *name);
    const char *(*param)(ngi_request *r, const char *name);
    int64_t (*read)(ngi_request *r, void *buf, size_t n);
    const void *(*body)(ngi_request *r, size_t *ret_length);

    int (*status)(ngi_request *r, int status);
    int (*header)(ngi_request *r, const char *name, const char *value);
    int (*add_header)(ngi_request *r, const char *name, const char *value);
    int (*start_response)(ngi_request *r, const char *status_line, const char *const *headers);
    int (*write)(ngi_request *r, const void *data, size_t n);
    int (*vprintf)(ngi_request *r, const char *fmt, va_list ap) NGI_PRINTF_(2, 0);
    int (*flush)(ngi_request *r);
    int (*respond)(ngi_request *r, int status, const char *type, const void *data, size_t n);
    int (*vrespond)(ngi_request *r, int status, const char *type, const char *fmt, va_list ap) NGI_PRINTF_(4, 0);
    int (*redirect)(ngi_request *r, int status, const char *location);
    int (*conditional)(ngi_request *r, const char *etag, int64_t mtime);
    int (*send_file)(ngi_request *r, int fd, int64_t offset, int64_t length);
    int (*send_stream)(ngi_request *r, int64_t (*next)(void *arg, void *buf, size_t n), void (*close)(void *arg),
                       void *arg);
    const char *(*escape_html)(ngi_request *r, const char *s);

    void *(*alloc)(ngi_request *r, size_t n);
    char *(*dup_string)(ngi_request *r, const char *s);
    int (*on_finish)(ngi_request *r, void (*fn)(void *arg), void *arg);
    int (*vfail)(ngi_request *r, int code, const char *fmt, va_list ap) NGI_PRINTF_(3, 0);
    void (*vlog)(ngi_request *r, int level, const char *fmt, va_list ap) NGI_PRINTF_(3, 0);
    void *(*state)(ngi_request *r);
    void *(*thread_state)(ngi_request *r);
    uint32_t (*run_flags)(ngi_request *r);
    int (*cancelled)(ngi_request *r);
    int (*cancel_fd)(ngi_request *r);
    int64_t (*time_left_ms)(ngi_request *r);
    int (*background)(ngi_request *r, void (*fn)(void *arg), void *arg);
    ngi_later *(*later_new)(ngi_request *r);
    int (*later_run)(ngi_later *later, int (*fn)(ngi_request *r, void *arg), void *arg);
    void (*later_drop)(ngi_later *later);
};

/* Whether the host of request `r` offers table member `member`: NGI_HAS(r, later_new). */
#define NGI_HAS(r, member) \
    ((r)->ngi->size >= offsetof(ngi_host, member) + sizeof((r)->ngi->member) && (r)->ngi->member != NULL)

/* --------------------------------------------------------------------------------------------------- entry --- */

/* The one symbol a plugin exports; NGI_PLUGIN writes it. Returns what the plugin is (static storage), or NULL with
 * the reason in `err`. The major version is in the name, so a host finds only what it can speak with. */
NGI_EXPORT_ const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err);

/* A row of a route table: NGI_ROUTE(methods, pattern, handler[, flags]). */
#define NGI_ROUTE(methods, pattern, ...) NGI_ROUTE_(methods, pattern, __VA_ARGS__, 0, 0)
#define NGI_ROUTE_(methods, pattern, handler, flags, ...) { (methods), (pattern), (handler), (flags) }

/* A whole plugin in one line: NGI_PLUGIN(name, version, route[, route…]). The structure lies in an ELF section of its
 * own, where `postern inspect` reads it without running any code of the plugin. */
#define NGI_PLUGIN(name_, version_, ...)                                                                  \
    static const ngi_route ngi_routes_[] = { __VA_ARGS__, { 0, NULL, NULL, 0 } };                         \
    static const ngi_plugin ngi_self_ NGI_SECTION_ = { sizeof(ngi_plugin), NGI_ABI, (name_), (version_),  \
        NULL, 0, ngi_routes_, NULL, NULL, NULL, NULL, NULL, NULL, NULL };                                 \
    NGI_ENTRY_

/* The same with every member at hand:
 *     NGI_PLUGIN_FULL(.name = "items", .version = "1.0", .routes = routes, .init = init, .options = options) */
#define NGI_PLUGIN_FULL(...)                                                                              \
    static const ngi_plugin ngi_self_ NGI_SECTION_ = { .size = sizeof(ngi_plugin), .abi = NGI_ABI, __VA_ARGS__ }; \
    NGI_ENTRY_

#define NGI_ENTRY_                                                                                        \
    const ngi_plugin *ngi_plugin_v1(const ngi_host *host_, ngi_error *err_)                               \
    {                                                                                                     \
        (void)host_;                                                                                      \
        (void)err_;                                                                                       \
        return &ngi_self_;                                                                                \
    }

/* ---------------------------------------------------------------------------------------- options and load --- */

/* The value of option `name` as text, checked and with its default filled in; NULL if the table has no such option.
 * Lives until fini returns. In a handler: ngi_option(r->ngi, "quality"). [any thread] */
static inline const char *ngi_option(const ngi_host *host, const char *name)
{
    return host->option(host, name);
}

/* The same as a number or a truth, for options of type NGI_INT, NGI_FLOAT and NGI_BOOL; 0 if there is no such option.
 * [any thread] */
static inline int64_t ngi_option_int(const ngi_host *host, const char *name)
{
    const char *text = host->option(host, name);
    return text ? strtoll(text, NULL, 10) : 0;
}

static inline double ngi_option_float(const ngi_host *host, const char *name)
{
    const char *text = host->option(host, name);
    return text ? strtod(text, NULL) : 0;
}

static inline int ngi_option_bool(const ngi_host *host, const char *name)
{
    const char *text = host->option(host, name);
    return text && strcmp(text, "true") == 0;
}

/* A log line outside a request; the host adds time and plugin. `level` is NGI_LOG_…. [any thread] */
NGI_PRINTF_(3, 4)
static inline void ngi_host_log(const ngi_host *host, int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    host->host_log(host, level, fmt, ap);
    va_end(ap);
}

/* ------------------------------------------------------------------------------------------------- request --- */

/* A CGI variable by its exact name (RFC 3875 section 4.1), or NULL if this request has none: REQUEST_METHOD,
 * SCRIPT_NAME, PATH_INFO, QUERY_STRING, CONTENT_TYPE, CONTENT_LENGTH, SERVER_NAME, SERVER_PORT, SERVER_PROTOCOL,
 * SERVER_SOFTWARE, GATEWAY_INTERFACE, REMOTE_ADDR, REMOTE_HOST, HTTP_* for each request header, and REQUEST_URI,
 * REQUEST_SCHEME, HTTPS, REMOTE_PORT, NGI_REQUEST_ID. Headers with an underscore in the name, and Proxy, are never
 * there (they could pass for others). [call] */
static inline const char *ngi_env(ngi_request *r, const char *name)
{
    return r->ngi->env(r, name);
}

/* Calls fn(arg, name, value) for every variable that ngi_env knows. Returns fn's first value other than 0, or 0.
 * [call] */
static inline int ngi_env_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    return r->ngi->env_each(r, fn, arg);
}

/* A request header by name, in any case; NULL without it. Repeated ones are joined by ", " (Cookie by "; ").
 * [call] */
static inline const char *ngi_get_header(ngi_request *r, const char *name)
{
    return r->ngi->get_header(r, name);
}

/* The first query parameter of that name, decoded ('+' and %XX); `default_value` without one. [call] */
static inline const char *ngi_query(ngi_request *r, const char *name, const char *default_value)
{
    return r->ngi->query(r, name, default_value);
}

/* Every query parameter, decoded, in order: see ngi_each_fn. [call] */
static inline int ngi_query_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    return r->ngi->query_each(r, fn, arg);
}

/* Parses the body as a form (application/x-www-form-urlencoded or multipart/form-data, RFC 7578), if that has not been
 * done. Returns NGI_OK; NGI_ENOENT if the body is no form; NGI_EPARSE if it is a malformed one (answer 400);
 * NGI_ETOOBIG; NGI_ENOMEM; NGI_EIO; with NGI_STREAM_BODY it waits for the whole body, and has the errors of ngi_read.
 * Optional: the three calls below do it themselves, and find nothing where it fails. [call] */
static inline int ngi_form_parse(ngi_request *r)
{
    return r->ngi->form_parse(r);
}

/* The first form field of that name, decoded; `default_value` without one. Not for file fields. [call] */
static inline const char *ngi_form(ngi_request *r, const char *name, const char *default_value)
{
    return r->ngi->form(r, name, default_value);
}

/* Every form field that is no file, decoded, in order: see ngi_each_fn. [call] */
static inline int ngi_form_each(ngi_request *r, ngi_each_fn fn, void *arg)
{
    return r->ngi->form_each(r, fn, arg);
}

/* The first uploaded file of field `name`; NULL without one. A field in which nobody chose a file has the filename "".
 * Lives as long as the request. [call] */
static inline const ngi_file *ngi_form_file(ngi_request *r, const char *name)
{
    return r->ngi->form_file(r, name);
}

/* The value of a cookie as sent, without surrounding quotes; NULL without it (RFC 6265 section 4.2). [call] */
static inline const char *ngi_cookie(ngi_request *r, const char *name)
{
    return r->ngi->cookie(r, name);
}

/* What the route's pattern matched: "seconds" of "/sleep/{seconds}", a named group of a PCRE2 pattern, or a group by
 * number as "1". NULL if the pattern has no such name or the group took no part. [call] */
static inline const char *ngi_param(ngi_request *r, const char *name)
{
    return r->ngi->param(r, name);
}

/* Reads the request body like read(2): up to `n` bytes into `buf`; returns their number, 0 at the end, or NGI_EIO. With
 * NGI_STREAM_BODY it waits for a body that is still arriving, and may end before its end with NGI_ECANCELED (the client
 * has gone, or the server is stopping), NGI_ETIMEDOUT (the deadline has passed, or the client has sent too little for
 * too long) or NGI_ETOOBIG (the body came without a length, and is over the host's limit). [call] */
static inline int64_t ngi_read(ngi_request *r, void *buf, size_t n)
{
    return r->ngi->read(r, buf, n);
}

/* The whole request body as one read-only block (mapped if it was spilled to a file) and its length in bytes; a body of
 * 0 bytes is not NULL. NULL if it cannot be mapped. Independent of ngi_read; but with NGI_STREAM_BODY it waits for the
 * rest, lacks what ngi_read has taken, and is NULL where ngi_read would fail. Lives as long as the request. [call] */
static inline const void *ngi_body(ngi_request *r, size_t *ret_length)
{
    return r->ngi->body(r, ret_length);
}

/* ------------------------------------------------------------------------------------------------ response --- */

/* Sets the status, 200 to 599. NGI_EINVAL, NGI_ESENT. [call, before first byte] */
static inline int ngi_status(ngi_request *r, int status)
{
    return r->ngi->status(r, status);
}

/* Sets a response header, replacing any of that name; a NULL value removes it. NGI_EINVAL for a name that is no token
 * or a value with CR, LF or another control character (RFC 9110 section 5.5); NGI_EPERM for the hop-by-hop ones, which
 * are the host's (RFC 9110 section 7.6.1): Connection, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding,
 * Upgrade; NGI_ETOOBIG; NGI_ENOMEM; NGI_ESENT. Content-Length may be set and is enforced: fewer or more bytes are an
 * error. [call, before first byte] */
static inline int ngi_header(ngi_request *r, const char *name, const char *value)
{
    return r->ngi->header(r, name, value);
}

/* The same, keeping those already there: for Set-Cookie, Link, Vary. [call, before first byte] */
static inline int ngi_add_header(ngi_request *r, const char *name, const char *value)
{
    return r->ngi->add_header(r, name, value);
}

/* WSGI's form: `status_line` is "404 Not Found" (the host sends its own phrase), `headers` a list name, value, name,
 * value, …, NULL (or NULL). Replaces status and all headers set so far and drops what was written: a second call
 * before the first byte is exc_info's meaning in PEP 3333. On an error nothing has changed.
 * [call, before first byte] */
static inline int ngi_start_response(ngi_request *r, const char *status_line, const char *const *headers)
{
    return r->ngi->start_response(r, status_line, headers);
}

/* Appends `n` bytes to the body. NGI_EINVAL after ngi_send_file or ngi_send_stream; NGI_ELENGTH beyond a declared
 * Content-Length; NGI_ETOOBIG; NGI_ENOMEM. The last three stick: a body that lacks a piece is never sent as a whole
 * one, the request becomes a 500 unless ngi_start_response begins anew. So a handler need not check every write.
 * [call] */
static inline int ngi_write(ngi_request *r, const void *data, size_t n)
{
    return r->ngi->write(r, data, n);
}

/* Appends a string to the body; errors as ngi_write. [call] */
static inline int ngi_puts(ngi_request *r, const char *s)
{
    return r->ngi->write(r, s, strlen(s));
}

/* Appends formatted text to the body; errors as ngi_write. [call] */
NGI_PRINTF_(2, 3)
static inline int ngi_printf(ngi_request *r, const char *fmt, ...)
{
    va_list ap;
    int rc;
    va_start(ap, fmt);
    rc = r->ngi->vprintf(r, fmt, ap);
    va_end(ap);
    return rc;
}

/* Sends the head and what was written so far, and streams from here on: what is written later leaves in pieces, and at
 * the next ngi_flush; both wait while the client does not drain. Status and headers are then settled (NGI_ESENT),
 * writes may fail with NGI_ECANCELED (the client has gone) or NGI_ETIMEDOUT (the deadline has passed), and a handler
 * that fails or writes less than it declared has the connection cut. NGI_OK does not say that a byte has left: a host
 * may keep the response until the handler returns, where it runs on a pool thread or the request body is still
 * arriving. NGI_ENOSYS: the host never streams from this handler; its body leaves when it returns. NGI_EINVAL after
 * ngi_send_file or ngi_send_stream; and errors as ngi_write. [call] */
static inline int ngi_flush(ngi_request *r)
{
    return r->ngi->flush(r);
}

/* A whole response in one call: sets status and Content-Type `type` (NULL: leaves it) and appends `n` bytes. Returns
 * NGI_OK or an error as ngi_write, so that a handler may return it. [call, before first byte] */
static inline int ngi_respond(ngi_request *r, int status, const char *type, const void *data, size_t n)
{
    return r->ngi->respond(r, status, type, data, n);
}

static inline int ngi_respond_string_(ngi_request *r, int status, const char *type, const char *s)
{
    return r->ngi->respond(r, status, type, s, strlen(s));
}

/* text/plain; charset=UTF-8, from a string. See ngi_respond. [call, before first byte] */
static inline int ngi_text(ngi_request *r, int status, const char *text)
{
    return ngi_respond_string_(r, status, "text/plain; charset=UTF-8", text);
}

/* text/plain; charset=UTF-8, formatted. See ngi_respond. [call, before first byte] */
NGI_PRINTF_(3, 4)
static inline int ngi_textf(ngi_request *r, int status, const char *fmt, ...)
{
    va_list ap;
    int rc;
    va_start(ap, fmt);
    rc = r->ngi->vrespond(r, status, "text/plain; charset=UTF-8", fmt, ap);
    va_end(ap);
    return rc;
}

/* text/html; charset=UTF-8. What comes from a request goes through ngi_escape_html first. See ngi_respond.
 * [call, before first byte] */
static inline int ngi_html(ngi_request *r, int status, const char *html)
{
    return ngi_respond_string_(r, status, "text/html; charset=UTF-8", html);
}

/* application/json, from a string that is JSON. See ngi_respond. [call, before first byte] */
static inline int ngi_json(ngi_request *r, int status, const char *json)
{
    return ngi_respond_string_(r, status, "application/json", json);
}

/* Sends the client elsewhere: `status` 301, 302, 303, 307 or 308, `location` a URI reference (RFC 9110 section 10.2.2).
 * NGI_EINVAL, and errors as ngi_header. [call, before first byte] */
static inline int ngi_redirect(ngi_request *r, int status, const char *location)
{
    return r->ngi->redirect(r, status, location);
}

/* Asks the host to answer conditional and range requests (RFC 9110 sections 13 and 14) for the representation about to
 * be sent. `etag` is the entity tag with its quotes, "\"abc\"" or "W/\"abc\"", or NULL; `mtime` the modification time
 * in seconds since 1970, or -1. Sets ETag, Last-Modified and Accept-Ranges; a Range is then cut out of what
 * ngi_send_file sends. Returns NGI_OK to go on; 304 or 412: return it at once, without a body; NGI_EINVAL for a
 * malformed `etag`, NGI_ESENT, NGI_ENOMEM, NGI_ETOOBIG. [call, before first byte] */
static inline int ngi_conditional(ngi_request *r, const char *etag, int64_t mtime)
{
    return r->ngi->conditional(r, etag, mtime);
}

/* The body is `length` bytes of file `fd` from `offset` (WSGI's file_wrapper; sendfile(2) where possible); `length` -1:
 * to the end of the file. The host owns `fd` from the call on, whatever it returns, and closes it. NGI_EINVAL if it is
 * no regular file or a body exists already; NGI_ELENGTH if the file is shorter than that; NGI_ESENT; NGI_EIO.
 * [call, before first byte] */
static inline int ngi_send_file(ngi_request *r, int fd, int64_t offset, int64_t length)
{
    return r->ngi->send_file(r, fd, offset, length);
}

/* The body is what `next` yields (WSGI's iterable): the host calls next(arg, buf, n) after the handler has returned, on
 * threads of its own choice (thread_init may not have run there), one call at a time, until it returns 0; a negative
 * value cuts the connection (NGI_EBUSY is reserved: it will mean "no data yet"). `next` fills up to `n` bytes and
 * returns their number; it may wait where the handler may. A deadline is then for each call of it, so that a slow
 * client may take its time. `close(arg)` (may be NULL) runs exactly once on every path, also when this call fails. Set
 * Content-Length before, if it is known. [call, before first byte] */
static inline int ngi_send_stream(ngi_request *r, int64_t (*next)(void *arg, void *buf, size_t n),
                                  void (*close)(void *arg), void *arg)
{
    return r->ngi->send_stream(r, next, close, arg);
}

/* `s` with & < > " ' replaced, for text and for quoted attribute values. Never NULL: out of memory, it is "" and the
 * request becomes a 500. Lives as long as the request. [call] */
static inline const char *ngi_escape_html(ngi_request *r, const char *s)
{
    return r->ngi->escape_html(r, s);
}

/* -------------------------------------------------------------------------------- lifetime and cancellation --- */

/* `n` bytes (zeroed, aligned for any type) that live as long as the request: until the stream of ngi_send_stream is
 * closed and the functions of ngi_on_finish have run. NULL if out of memory. [call] */
static inline void *ngi_alloc(ngi_request *r, size_t n)
{
    return r->ngi->alloc(r, n);
}

/* A copy of `s` that lives as long as the request; NULL if out of memory. [call] */
static inline char *ngi_strdup(ngi_request *r, const char *s)
{
    return r->ngi->dup_string(r, s);
}

/* Has fn(arg) run when the request is over (sent, failed, hung up, or given up while it waited for its ngi_later), the
 * latest registered first, on every path, on any thread of the host (thread_init may not have run there), after the
 * handler and every function of ngi_later_run have returned. It must not touch `r`. On NGI_ENOMEM it was not registered
 * and will not run. [call] */
static inline int ngi_on_finish(ngi_request *r, void (*fn)(void *arg), void *arg)
{
    return r->ngi->on_finish(r, fn, arg);
}

/* Says why the handler fails, for the log, and returns `code`, so that `return ngi_fail(r, NGI_EIO, "…")` reads well.
 * A negative code becomes a 500, 400 to 599 that status; the client sees a neutral text and an incident id. Everything
 * that was set or written until then is dropped. [call] */
NGI_PRINTF_(3, 4)
static inline int ngi_fail(ngi_request *r, int code, const char *fmt, ...)
{
    va_list ap;
    int rc;
    va_start(ap, fmt);
    rc = r->ngi->vfail(r, code, fmt, ap);
    va_end(ap);
    return rc;
}

/* A log line; the host adds time, plugin and request id. `level` is NGI_LOG_…. Control characters are escaped.
 * [call] */
NGI_PRINTF_(3, 4)
static inline void ngi_log(ngi_request *r, int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    r->ngi->vlog(r, level, fmt, ap);
    va_end(ap);
}

/* What init stored; NULL without one. [call] */
static inline void *ngi_state(ngi_request *r)
{
    return r->ngi->state(r);
}

/* What thread_init stored on this thread; NULL without one. [call] */
static inline void *ngi_thread_state(ngi_request *r)
{
    return r->ngi->thread_state(r);
}

/* How this call runs: NGI_RUN_MULTITHREAD | NGI_RUN_MULTIPROCESS | NGI_RUN_ONCE. [call] */
static inline uint32_t ngi_run_flags(ngi_request *r)
{
    return r->ngi->run_flags(r);
}

/* Why to stop working on this request: NGI_CANCEL_CLIENT (it has hung up, or closed its sending side),
 * NGI_CANCEL_DEADLINE (it has passed), NGI_CANCEL_SHUTDOWN (the server waits no longer); 0 to go on. A host that cannot
 * tell returns 0 or NGI_ENOSYS, so test `ngi_cancelled(r) > 0`. Cheap enough for a loop. What the handler returns then
 * is sent if somebody still waits for it. [call] */
static inline int ngi_cancelled(ngi_request *r)
{
    return r->ngi->cancelled(r);
}

/* A descriptor that becomes readable when ngi_cancelled has something to say, for poll(2); the host's, never close or
 * read it; valid until the functions of ngi_on_finish have run. Negative: NGI_ENOSYS (leave it out of poll), NGI_EIO.
 * [call] */
static inline int ngi_cancel_fd(ngi_request *r)
{
    return r->ngi->cancel_fd(r);
}

/* Milliseconds to the deadline (0: passed, INT64_MAX: this request has none); a host without deadlines returns
 * INT64_MAX or NGI_ENOSYS. [call] */
static inline int64_t ngi_time_left_ms(ngi_request *r)
{
    return r->ngi->time_left_ms(r);
}

/* Has fn(arg) run on an executor after the response has gone, also if the handler fails or the client leaves; a
 * shutdown waits for it as for a request. Those of one request run one after the other, in the order in which they
 * were added. It must not touch `r`; thread_init may not have run where it does. NGI_OK: it will run exactly once.
 * NGI_EBUSY (too many are outstanding), NGI_ENOMEM, NGI_EINVAL, NGI_ENOSYS: never, and `arg` stays the caller's.
 * [call] */
static inline int ngi_background(ngi_request *r, void (*fn)(void *arg), void *arg)
{
    return r->ngi->background(r, fn, arg);
}

/* Promises a response for later: keep what is returned, return NGI_LATER, and no thread is held. NULL if this request
 * has one out already, or the host is out of memory, is stopping, or has no such thing: answer at once then. Deadline
 * and hang-up still apply: the request is given up, and the functions of ngi_on_finish run, which is where to take the
 * handle out of one's own lists, and drop it. It stays valid until run or drop, whatever becomes of the client; a
 * handler that made one and returns anything but NGI_LATER has ended it. [call] */
static inline ngi_later *ngi_later_new(ngi_request *r)
{
    return r->ngi->later_new(r);
}

/* Has fn(r, arg) run as the continuation of the handler, on a thread of the host; what it returns means the same, and
 * it may promise again. It may be called before the handler has returned: fn then waits for that, and decides, whatever
 * the handler returns. NGI_OK: fn runs exactly once, also if the request is cancelled by then (ngi_cancelled says so).
 * NGI_ECANCELED: the client has gone, or the server is stopping; NGI_ETIMEDOUT: the deadline has passed; NGI_EINVAL: it
 * has ended already (run, dropped, or the handler returned something else): fn never runs, and `arg` stays the
 * caller's. Ends `later` either way. Hold no lock that fn takes: where the host can get no thread, fn runs in here.
 * [any thread] */
static inline int ngi_later_run(ngi_later *later, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    return later->ngi->later_run(later, fn, arg);
}

/* Gives up on a response; the client gets a 500. Before the handler has returned: what that returns counts. Ends
 * `later`. [any thread] */
static inline void ngi_later_drop(ngi_later *later)
{
    later->ngi->later_drop(later);
}

#ifdef __cplusplus
}
#endif

#endif /* NGI_H */
