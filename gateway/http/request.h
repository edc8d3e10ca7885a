/* A request and all that belongs to it. It is filled by net/ (or by `postern call`), routed by run/, and handed to the
 * handler through its first member. Objects are recycled: a warm request allocates nothing. One thread at a time. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/body.h"
#include "http/field.h"
#include "http/forwarded.h"
#include "http/pairs.h"
#include "http/peer.h"
#include "http/response.h"
#include "http/router.h"
#include "http/target.h"
#include "sdk/ngi.h"

enum { REQUEST_HEADERS_MAX = 100, REQUEST_PAIRS_MAX = 1000, REQUEST_ID_SIZE = 17 };

struct plugin;       /* plugin/plugin.h; here only a name */
struct plugin_route; /* likewise */
struct task;         /* run/task.h, likewise */

/* When things happened to a request, for the access log. */
struct timing {
    int64_t arrived_us; /* when it was complete, by clock_us */
    int64_t queue_us;   /* how long its handler waited for a thread */
    int64_t run_us;     /* how long it ran */
    const char *rung;   /* on what: a constant */
};

struct finisher {
    struct finisher *next;
    void (*fn)(void *arg);
    void *arg;
};

struct upload {
    struct upload *next;
    const char *name; /* of the field */
    ngi_file file;
};

enum form_state { FORM_UNREAD = 1 }; /* request.form_result before the first look; else the NGI code of the parse */

struct request {
    ngi_request ngi; /* first: what the handler sees; plugin/host.c gets the whole from it */
    struct arena arena;

    const struct peer *peer;
    const char *raw_target; /* REQUEST_URI */
    const char *protocol;   /* "HTTP/1.1" */
    uint32_t method;        /* a bit of ngi.h, or METHOD_EXTENSION */
    struct target target;
    struct field headers[REQUEST_HEADERS_MAX];
    unsigned header_count;
    bool headers_overflow;      /* there were more */
    size_t head_size;           /* bytes of the header lines, those left out included */
    const char *host_header;    /* the last Host header; NULL: there is none */
    unsigned host_count;        /* Host headers */
    const char *content_length; /* the first of these headers; NULL: not there */
    bool chunked;               /* there is a Transfer-Encoding */

    size_t base_length;      /* bytes of target.path that the server in front has taken off: SCRIPT_NAME of its own */
    const char *script_name; /* the mount point: "" or "/thumb" */
    const char *path_info;   /* below it: "" or "/…" */
    const struct plugin *plugin;
    const struct plugin_route *route;
    struct route_match match;

    struct pairs query, form, cookies;
    bool query_read, cookies_read;
    int form_result;
    struct upload *uploads, **uploads_end;
    unsigned upload_count; /* REQUEST_PAIRS_MAX at most: looking one up goes through them all */
    struct body body;
    bool arrives; /* the handler runs while the body is still on its way: its length is what the head says */

    struct response response;
    struct finisher *finishers; /* the latest first */
    const char *refused_call;   /* the last call for the response that gave an error, a constant; NULL: none */
    int refused_code;           /* that error */
    char *failure;              /* the handler's words from ngi_fail; NULL: none */
    char id[REQUEST_ID_SIZE];   /* "" until asked for */
    struct timing timing;
    struct task *task; /* what runs it; NULL: nothing does yet */
};

/* The whole of what a handler was given. */
static inline struct request *request_of(ngi_request *r)
{
    return (struct request *)r;
}

/* `max_response`: bytes that a handler may write into memory. NULL if out of memory. */
struct request *request_new(size_t max_response);
void request_free(struct request *request);

/* Runs the finishers, closes what is open and forgets everything; ready for the next request. */
void request_reset(struct request *request);

/* Sets method, target and protocol. The strings live until request_reset. NGI_OK; NGI_EINVAL for a target that no
 * server accepts (*ret_why: a constant); NGI_ENOMEM. */
int request_begin(struct request *request, const struct peer *peer, const char *method, const char *target,
                  const char *protocol, const char **ret_why);

/* Takes one header, strings as above. Names with an underscore, and Proxy, are left out: in a CGI environ they could
 * pass for others (httpoxy; `X_Auth_User` for `X-Auth-User`). White space behind the value is taken off. */
void request_add_header(struct request *request, const char *name, size_t name_length, const char *value,
                        size_t value_length);

/* Why the Host header makes this a bad request (RFC 9112 section 3.2), a constant; NULL: it does not. */
const char *request_check_host(const struct request *request);

/* Has what a trusted proxy tells take the place of what its connection says: the client's address, the scheme, the Host
 * header. Where scheme or host are told, the server's port is the one that the host has, or else the scheme's. A target
 * in absolute form loses its authority to the host that is told. NGI_OK, NGI_ENOMEM. */
int request_take_forwarded(struct request *request, const struct forwarded *told);

/* Has it own every string that request_begin and request_add_header took, and `peer`: from then on it may outlive them,
 * and may be used on another thread than theirs. NGI_OK, NGI_ENOMEM. */
int request_own(struct request *request);

/* Makes an empty request one that asks what `other` asks, for an answer in its place: its handler may still be running,
 * so that only what no handler changes is looked at. `other` must stay until this one is reset. */
void request_stand_in(struct request *request, const struct request *other);

/* A header by name; repeated ones joined by ", " (Cookie by "; "); NULL without it or out of memory. */
const char *request_header(struct request *request, const char *name);

/* Sixteen hexadecimal digits, unlike any other request's of this and, in all likelihood, any other process. */
const char *request_id(struct request *request);

/* As ngi_query and friends; the first look parses. */
const struct pairs *request_query(struct request *request);
const struct pairs *request_cookies(struct request *request);
/* NGI_OK, NGI_ENOENT, NGI_EPARSE, NGI_ETOOBIG, NGI_EIO, NGI_ENOMEM: see ngi_form_parse. */
int request_parse_form(struct request *request);

/* As ngi_on_finish. */
int request_on_finish(struct request *request, void (*fn)(void *arg), void *arg);

/* As ngi_conditional. */
int request_conditional(struct request *request, const char *etag, int64_t mtime);
/* The request headers that conditions and ranges are made of. */
struct preconditions request_preconditions(struct request *request);

#endif
