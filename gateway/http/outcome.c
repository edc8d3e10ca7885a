#include "http/outcome.h"

#include <stdio.h>
#include <string.h>

#include "http/problem.h"
#include "http/status.h"

/* Words that are always there, also when there is no memory for better ones. */
static const char *words(const char *text)
{
    return text ? text : "the handler failed, and there was no memory to say why";
}

/* An error that came without words: which call gave it, if it was the host's. */
static const char *describe(struct request *request, int rc)
{
    const char *call = request->refused_call;
    if (rc < NGI_ELAST_)
        return words(arena_format(&request->arena, "the handler returned %d, which is no error of ngi.h", rc));
    if (!call || request->refused_code != rc)
        return ngi_strerror(rc);
    return words(arena_format(&request->arena, "%s (from %s)", ngi_strerror(rc), call));
}

/* Why the return value itself is a failure; NULL if it is none. */
static const char *judge(struct request *request, int rc)
{
    if (rc < 0)
        return request->failure ? request->failure : describe(request, rc);
    if (rc == NGI_OK && !request->response.touched)
        return "the handler returned NGI_OK, but set and wrote nothing";
    if (rc == NGI_LATER)
        return "the handler returned 1, which is NGI_LATER, but no ngi_later is out; success is NGI_OK, 0";
    /* A handler that noticed and called ngi_fail has said it better, and chosen the status. */
    if (request->response.failed != NGI_OK && !(rc >= 400 && request->failure))
        return words(arena_format(&request->arena, "a piece of the response could not be written: %s",
                                  ngi_strerror(request->response.failed)));
    if (rc != NGI_OK && (rc < 200 || rc > 599))
        return words(
            arena_format(&request->arena, "the handler returned %d: neither NGI_OK, nor a status, nor an error", rc));
    return NULL;
}

/* Why the body does not fit the declared Content-Length; NULL if it does. A HEAD may declare what it does not write. */
static const char *judge_length(struct request *request)
{
    struct response *response = &request->response;
    int64_t length = response_length(response);
    if (response->declared < 0 || response->declared == length || status_has_no_content(response->status) ||
        (request->method == NGI_HEAD && response->kind == RESPONSE_TEXT && length == 0))
        return NULL;
    return words(arena_format(&request->arena, "the handler declared Content-Length %lld and wrote %lld bytes",
                              (long long)response->declared, (long long)length));
}

/* Cuts the range that was asked for out of a file, or says 416. */
static void cut_range(struct request *request)
{
    struct response *response = &request->response;
    struct preconditions when = request_preconditions(request);
    int64_t size = response->length, first, length;
    char value[72];
    int status = range_evaluate(&when, &response->validators, size, &first, &length);
    if (status == 416) {
        snprintf(value, sizeof value, "bytes */%lld", (long long)size);
        problem_respond(request, 416, false, NULL);
        (void)response_set_header(response, "Content-Range", value);
    } else if (status == 206) {
        snprintf(value, sizeof value, "bytes %lld-%lld/%lld", (long long)first, (long long)(first + length - 1),
                 (long long)size);
        if (response_set_header(response, "Content-Range", value) != NGI_OK)
            return; /* no memory: the whole file is an answer too */
        response->status = 206;
        response->offset += first;
        response->length = length;
        response->declared = -1;
    }
}

/* The host's part of a conditional request, for handlers that did not return what ngi_conditional told them. */
static void apply_conditions(struct request *request)
{
    struct response *response = &request->response;
    struct preconditions when = request_preconditions(request);
    int status = conditional_evaluate(&when, &response->validators, request->method & (NGI_GET | NGI_HEAD));
    if (status == 304) {
        response->declared = response_length(response); /* what a 200 would have had (RFC 9110 section 8.6) */
        response->status = 304;
    } else if (status == 412) {
        problem_respond(request, 412, false, NULL);
    } else if (request->method == NGI_GET && response->kind == RESPONSE_FILE) {
        cut_range(request);
    }
}

/* What a response has that says nothing else: the defaults of Tornado's WSGIContainer. */
static void default_head(struct response *response)
{
    if (status_has_no_content(response->status))
        response_set_own_type(response, NULL);
    else if (!response->type)
        response_set_own_type(response, "text/html; charset=UTF-8");
}

/* ---------------------------------------------------------------------------------------------------------- */

int outcome_begin(struct request *request)
{
    struct response *response = &request->response;
    if (response->kind != RESPONSE_TEXT)
        return NGI_EINVAL;
    if (response->failed != NGI_OK)
        return response->failed;
    if (response->status == 0)
        response->status = 200;
    response->touched = true;
    default_head(response);
    return NGI_OK;
}

const char *outcome_settle(struct request *request, int rc, bool tell)
{
    struct response *response = &request->response;
    const char *why = judge(request, rc);
    if (why) {
        problem_respond(request, 500, true, tell ? why : NULL);
        return why;
    }
    if (rc >= 400 && request->failure) {
        problem_respond(request, rc, true, tell ? request->failure : NULL);
        return request->failure;
    }

    if (rc != NGI_OK)
        response->status = rc;
    else if (response->status == 0)
        response->status = 200;
    if (response->conditional && response->status == 200)
        apply_conditions(request);

    why = judge_length(request);
    if (why) {
        problem_respond(request, 500, true, tell ? why : NULL);
        return why;
    }
    if (status_has_no_content(response->status)) {
        default_head(response);
        return NULL;
    }
    if (response->status == 205) /* must not have a body (RFC 9110 section 15.3.6) */
        response_drop_body(response);
    /* A 412 of apply_conditions has its body already. */
    bool written = response->kind != RESPONSE_TEXT || response->text.length > 0;
    if (rc != NGI_OK && !written && response->declared < 0 && response->status != 205) {
        /* The body is the gateway's, whatever type the handler had in mind for its own. */
        response_set_own_type(response, "text/plain; charset=UTF-8");
        (void)response_set_header(response, "X-Content-Type-Options", "nosniff");
        (void)buffer_printf(&response->text, "%d %s\n", response->status, status_phrase(response->status));
    }
    default_head(response);
    return NULL;
}
