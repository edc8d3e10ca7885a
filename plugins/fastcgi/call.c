/* SPDX-License-Identifier: MIT
 *
 * call.c - see call.h.
 *
 * Two halves. The handler passes the request on, until the head of the answer is there and no more of the request's
 * body has to be waited for; what comes of the answer's body meanwhile is held, up to HELD. Then, unless that was all
 * of it, the host pulls the rest (ngi_send_stream): a slow client then takes no thread, and has no deadline.
 *
 * While its client sends, the host sends nothing (NGI.md, "Body"). Should the application not take the rest of the
 * body before it is rid of its answer, the host is asked for all of it (ngi_body), which it puts into a file.
 */
#include "call.h"

#include "cgi_head.h"
#include "environ.h"
#include "exchange.h"
#include "journal.h"
#include "params.h"
#include "wait.h"

#include <stdlib.h>

enum { HELD = 32 * 1024, DRAINED_MOST = 64 * 1024 };

struct call {
    const struct site *site;
    struct patience patience;
    struct journal journal;
    struct params params;
    struct exchange x;

    const void *body; /* of the request, where all of it is there; NULL: ngi_read has it */
    size_t body_length;
    bool consumed; /* some of it is gone, so that the request cannot be made again */

    bool has_head;
    bool is_whole;        /* the application has ended it: all of the answer is in `held` */
    size_t start, filled; /* of `held`: what has not been passed on yet */
    uint64_t passed;
    struct cgi_head head;
    uint8_t held[HELD];
    uint8_t input[EXCHANGE_BLOCK];
};

static void free_call(struct call *call)
{
    exchange_close(&call->x);
    params_free(&call->params);
    free(call);
}

/* --- failures, before the first byte --------------------------------------------------------------------------- */

/* Nobody waits any more, or the deadline has passed. */
static int gave_up(ngi_request *r)
{
    int why = ngi_cancelled(r);
    return why == NGI_CANCEL_CLIENT || why == NGI_CANCEL_SHUTDOWN ? NGI_ECANCELED : 504;
}

/* No room; another try may have more luck. */
static int refuse_busy(struct call *call, const char *why)
{
    journal_say(&call->journal, NGI_LOG_WARNING, "503: the application at %s: %s", call->site->address.text, why);
    (void)ngi_header(call->journal.r, "Retry-After", "1");
    return 503;
}

static int fail_link(struct call *call, int refusal, int error)
{
    ngi_request *r = call->journal.r;
    const char *socket = call->site->address.text;

    switch (refusal) {
    case LINK_FULL: return refuse_busy(call, "all its connections are in use (option connections)");
    case LINK_BUSY: return refuse_busy(call, "it accepts no connection, its backlog is full");
    case LINK_TIMEOUT: return ngi_fail(r, 504, "the application at %s does not answer (connect_timeout)", socket);
    case LINK_GIVEN_UP: return gave_up(r);
    default: return ngi_fail(r, 502, "the application at %s cannot be reached: %s", socket, strerror(error));
    }
}

static int fail_exchange(struct call *call, int code)
{
    ngi_request *r = call->journal.r;
    const char *socket = call->site->address.text;
    char words[200];
    const char *why = exchange_describe(&call->x, code, words, sizeof words);

    if (code == EXCHANGE_GIVEN_UP)
        return gave_up(r);
    if (code == EXCHANGE_END && call->x.end.protocol_status == FCGI_OVERLOADED)
        return refuse_busy(call, why);
    if (code == EXCHANGE_END && call->x.end.protocol_status == FCGI_REQUEST_COMPLETE)
        return ngi_fail(r, 502, "the application at %s: it has ended, with status %lu, before its header did", socket,
                        (unsigned long)call->x.end.app_status);
    return ngi_fail(r, code == EXCHANGE_SILENT ? 504 : 502, "the application at %s: %s", socket, why);
}

/* --- the request's body ---------------------------------------------------------------------------------------- */

static int fail_body(ngi_request *r, int rc)
{
    if (rc == NGI_ECANCELED || rc == NGI_ETIMEDOUT)
        return gave_up(r);
    return ngi_fail(r, rc == NGI_ETOOBIG ? 413 : rc, "the request's body: %s", ngi_strerror(rc));
}

/* Its length; -1: there is none. Where the client has not said it, as with chunks, all of it is received first: CGI
 * wants it told before (RFC 3875 section 4.1.2). */
static int open_body(struct call *call, ngi_request *r, int64_t *ret_length)
{
    const char *length = ngi_env(r, "CONTENT_LENGTH");

    if (length) {
        *ret_length = strtoll(length, NULL, 10);
        return NGI_OK;
    }
    call->body = ngi_body(r, &call->body_length);
    *ret_length = call->body_length || ngi_get_header(r, "Transfer-Encoding") ? (int64_t)call->body_length : -1;
    return call->body ? NGI_OK : fail_body(r, ngi_cancelled(r) > 0 ? NGI_ECANCELED : NGI_ETOOBIG);
}

/* Another block for the application, which waits for it. */
static int feed(struct call *call)
{
    ngi_request *r = call->journal.r;
    int64_t n = ngi_read(r, call->input, sizeof call->input);

    if (n < 0)
        return fail_body(r, (int)n);
    call->consumed = call->consumed || n > 0;
    exchange_feed(&call->x, call->input, (size_t)n, n == 0);
    return NGI_OK;
}

/* Has the host receive the rest. */
static int feed_rest(struct call *call)
{
    ngi_request *r = call->journal.r;

    call->consumed = true;
    call->body = ngi_body(r, &call->body_length);
    if (!call->body)
        return fail_body(r, ngi_cancelled(r) > 0 ? NGI_ECANCELED : NGI_ETOOBIG);
    exchange_feed(&call->x, call->body, call->body_length, true);
    return NGI_OK;
}

/* --- the answer ------------------------------------------------------------------------------------------------ */

/* Looks for the head in what is held. */
static int take_head(struct call *call)
{
    size_t used;
    enum cgi_head_state state = cgi_head_add(&call->head, call->held + call->start, call->filled - call->start, &used);

    if (state == CGI_HEAD_BAD)
        return ngi_fail(call->journal.r, 502, "the application at %s: %s", call->site->address.text, call->head.why);
    call->has_head = state == CGI_HEAD_DONE;
    call->start += used;
    if (call->start == call->filled)
        call->start = call->filled = 0;
    return NGI_OK;
}

/* Up to the point from which on nothing but output is missing. NGI_OK, what the handler is to return, or *ret_code with
 * an EXCHANGE_ one. */
static int advance(struct call *call, int *ret_code)
{
    struct exchange *x = &call->x;

    for (;;) {
        bool ready = call->has_head && x->body_last;
        size_t room = HELD - call->filled;
        if (!room && ready)
            return NGI_OK;
        if (!room) {
            int rc = feed_rest(call);
            if (rc)
                return rc;
            continue;
        }

        int64_t got = exchange_read(x, call->held + call->filled, room, !ready);
        int rc = NGI_OK;
        if (got > 0) {
            call->filled += (size_t)got;
            rc = call->has_head ? NGI_OK : take_head(call);
        } else if (got == EXCHANGE_HUNGRY) {
            rc = feed(call);
        } else if (got == EXCHANGE_PENDING) {
            return NGI_OK;
        } else {
            call->is_whole = got == EXCHANGE_END;
            *ret_code = (int)got;
            return NGI_OK;
        }
        if (rc)
            return rc;
    }
}

static bool is_complete(const struct call *call)
{
    return call->has_head && call->is_whole && call->x.end.protocol_status == FCGI_REQUEST_COMPLETE;
}

/* After the last byte that was declared the host asks for nothing more: the end of it may be there already. */
static void look_for_end(struct call *call)
{
    uint8_t byte;

    if (call->head.length >= 0 && call->passed == (uint64_t)call->head.length &&
        exchange_read(&call->x, &byte, sizeof byte, false) == EXCHANGE_END)
        exchange_close(&call->x);
}

/* The host's next piece of the answer. The connection is free again before the client can have the last of it. */
static int64_t next(void *arg, void *buf, size_t n)
{
    struct call *call = arg;
    size_t there = call->filled - call->start;
    int64_t got = (int64_t)(there < n ? there : n);
    char words[200];

    if (there) {
        memcpy(buf, call->held + call->start, (size_t)got);
        call->start += (size_t)got;
    } else {
        got = exchange_read(&call->x, buf, n, true);
    }
    if (got > 0) {
        call->passed += (uint64_t)got;
        look_for_end(call);
        return got;
    }
    if (got == EXCHANGE_END && call->x.end.protocol_status == FCGI_REQUEST_COMPLETE) {
        exchange_close(&call->x);
        return 0;
    }
    if (got == EXCHANGE_GIVEN_UP)
        return NGI_ECANCELED;
    journal_say(&call->journal, NGI_LOG_ERROR, "the application at %s, in the middle of its answer: %s",
                call->site->address.text, exchange_describe(&call->x, (int)got, words, sizeof words));
    return NGI_EIO;
}

static void end_stream(void *arg)
{
    free_call(arg);
}

static int set_head(struct call *call)
{
    ngi_request *r = call->journal.r;
    int rc = ngi_status(r, call->head.status);

    for (size_t i = 0; !rc && i < call->head.count; i++) {
        const struct cgi_field *field = &call->head.fields[i];
        rc = ngi_add_header(r, field->name, field->value);
        if (rc)
            return ngi_fail(r, 502, "the application at %s: its header %s: %s", call->site->address.text, field->name,
                            ngi_strerror(rc));
    }
    return rc;
}

/* Lets the application end what nobody reads, so that its connection can be used again. For a HEAD that is only what
 * has come already: what it leaves out may be a stream without end. */
static void drain(struct call *call, bool wait)
{
    size_t drained = 0;
    int64_t got = 1;

    while (got > 0 && drained < DRAINED_MOST && !call->x.ended) {
        got = exchange_read(&call->x, call->held, sizeof call->held, wait);
        drained += got > 0 ? (size_t)got : 0;
    }
}

/* All of it is there. Frees `call`, as the two below. */
static int respond_whole(struct call *call)
{
    ngi_request *r = call->journal.r;
    size_t length = call->filled - call->start;
    int rc;

    if (call->head.length >= 0 && length < (uint64_t)call->head.length) {
        rc = ngi_fail(r, 502, "the application at %s: it declares %lld bytes, and ends after %zu",
                      call->site->address.text, (long long)call->head.length, length);
    } else {
        if (call->head.length >= 0 && length > (uint64_t)call->head.length) {
            journal_say(&call->journal, NGI_LOG_WARNING, "the application sends more than the %lld bytes it declares",
                        (long long)call->head.length);
            length = (size_t)call->head.length;
        }
        rc = ngi_write(r, call->held + call->start, length);
    }
    free_call(call);
    return rc;
}

static int respond_stream(struct call *call)
{
    ngi_request *r = call->journal.r;

    call->journal.r = NULL;
    call->patience.deadline_ms = INT64_MAX; /* the host has one for each piece, and cancels */
    return ngi_send_stream(r, next, end_stream, call);
}

static int respond(struct call *call)
{
    ngi_request *r = call->journal.r;
    bool is_head = strcmp(r->method, "HEAD") == 0;
    int rc = set_head(call);

    if (rc) {
        free_call(call);
        return rc;
    }
    if (is_head || call->head.status == 204 || call->head.status == 304) {
        drain(call, !is_head);
        if (is_head && call->head.length < 0) /* a stream says that the length is not known; it is never read */
            return respond_stream(call);
        free_call(call);
        return NGI_OK;
    }
    return call->is_whole ? respond_whole(call) : respond_stream(call);
}

/* --- asking ---------------------------------------------------------------------------------------------------- */

/* Methods that may be repeated unasked (RFC 9110 section 9.2.2). */
static bool is_idempotent(const char *method)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE" };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

/* A kept connection that the application closed before it can have acted on the request. */
static bool was_stale(const struct call *call, int code)
{
    const struct exchange *x = &call->x;
    bool unacted = is_idempotent(call->journal.r->method) || !x->body_ended; /* half a request is none */
    return code == EXCHANGE_CLOSED && x->link->reused && !x->answered && !call->consumed && unacted;
}

/* On a connection, and once more on a fresh one where it was stale. NGI_OK: there is an answer to respond with. */
static int ask(struct call *call)
{
    for (bool again = false;; again = true) {
        struct link *link;
        int code = EXCHANGE_PENDING, error = 0;
        int rc = link_take(call->site->links, &call->patience, again, &link, &error);
        if (rc)
            return fail_link(call, rc, error);
        exchange_init(&call->x, call->site->links, link, &call->params);
        if (call->body)
            exchange_feed(&call->x, call->body, call->body_length, true);
        rc = advance(call, &code);
        if (rc || code == EXCHANGE_PENDING || is_complete(call))
            return rc;
        if (again || !was_stale(call, code))
            return fail_exchange(call, code);
        exchange_close(&call->x);
    }
}

static void be_patient(struct call *call, ngi_request *r)
{
    int64_t left = ngi_time_left_ms(r);

    call->patience.cancel_fd = ngi_cancel_fd(r);
    call->patience.deadline_ms = left >= 0 && left < INT64_MAX / 2 ? wait_now_ms() + left : INT64_MAX;
}

/* ---------------------------------------------------------------------------------------------------------- */

int call_answer(ngi_request *r, const struct site *site, const struct script *script, const char *filename)
{
    int64_t length;
    struct call *call = malloc(sizeof *call); /* most of it is buffers */
    if (!call)
        return ngi_fail(r, NGI_ENOMEM, "no memory for a call");

    memset(call, 0, offsetof(struct call, head));
    call->site = site;
    call->x.journal = &call->journal;
    call->x.patience = &call->patience;
    call->x.read_ms = site->read_ms;
    call->x.link = NULL;
    cgi_head_init(&call->head);
    journal_init(&call->journal, r);
    be_patient(call, r);
    params_init(&call->params, site->keep);

    int rc = open_body(call, r, &length);
    if (!rc && !environ_add(&call->params, r, site, script, filename, length))
        rc = ngi_fail(r, NGI_ENOMEM, "no memory for the environ");
    if (!rc)
        rc = ask(call);
    if (!rc)
        return respond(call);
    free_call(call);
    return rc;
}
