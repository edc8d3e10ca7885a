#include "run/remote_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "fcgi/inner.h"
#include "http/cgi_response.h"
#include "http/problem.h"
#include "plugin/plugin.h"
#include "run/task_parts.h"

enum {
    PIPE_SIZE = 256 * 1024, /* of a response that is sent on as it comes */
    HELD_MOST = 256 * 1024, /* of one that is held back until it is complete */
    HEAD_MOST = 128 * 1024, /* of its head */
};

static bool wants_no_body(const struct request *request)
{
    return request->method == NGI_HEAD || request->response.status == 204 || request->response.status == 304;
}

/* What of the response came after its head. While it is sent on, no more is read than task->out has room for. */
static void take_content(struct remote *remote, const uint8_t *data, size_t n)
{
    struct task *task = remote->task;
    struct response *response = &task->request->response;
    if (!response->begun) {
        if (response->kind != RESPONSE_TEXT || buffer_append(&response->text, data, n) != NGI_OK)
            remote->broken = "its response has a body that there is no room for";
        else if (response->text.length > HELD_MOST - REMOTE_BLOCK)
            remote_begin_stream(remote);
        return;
    }
    pthread_mutex_lock(&task->lock);
    if (!task->out.broken)
        (void)pipe_put(&task->out, data, n);
    task->streamed += n;
    task_unlock_and_wake(task);
}

/* Its body is the file that came along. */
static bool take_file(struct remote *remote, const struct cgi_body *body)
{
    struct response *response = &remote->task->request->response;
    int fd = remote->file;
    remote->file = -1;
    response->foreign = true;
    return fd >= 0 && response_send_file(response, fd, body->offset, body->length) == NGI_OK;
}

/* `before`: bytes of it that were there before. */
static void take_head(struct remote *remote, size_t before)
{
    struct task *task = remote->task;
    struct buffer *head = &remote->head;
    struct cgi_body body;
    size_t from = before > 3 ? before - 3 : 0; /* what has been searched is not searched again */
    size_t length = cgi_response_head(head->data + from, head->length - from);
    if (length == 0)
        return;
    length += from;
    struct response *response = &task->request->response;
    remote->headed = true;
    if (cgi_response_read(response, &body, head->data, length) != NGI_OK)
        remote->broken = "its response has a head that no handler may send";
    else if (body.kind == CGI_BODY_FILE && !take_file(remote, &body))
        remote->broken = "its response is no file that came along";
    else if (head->length > length)
        take_content(remote, (const uint8_t *)head->data + length, head->length - length);
    if (!remote->broken && body.kind == CGI_BODY_STREAM && !response->begun)
        remote_begin_stream(remote);
    buffer_reset(head, REMOTE_KEPT);
}

static void take_stdout(struct remote *remote, const uint8_t *data, size_t n)
{
    if (remote->headed) {
        take_content(remote, data, n);
        return;
    }
    size_t before = remote->head.length;
    if (before + n > HEAD_MOST || buffer_append(&remote->head, data, n) != NGI_OK)
        remote->broken = "its response has no end of a head";
    else
        take_head(remote, before);
}

static void log_stderr(const struct remote *remote, const uint8_t *data, size_t n)
{
    log_line(NGI_LOG_ERROR, "%s: host process %d: %.*s", remote->task->request->plugin->name, (int)remote->pid, (int)n,
             (const char *)data);
}

/* --- the end of a call --------------------------------------------------------------------------------------- */

/* Settles the task. `cut`: its response, if it has begun, lacks something. */
static void settle(struct remote *remote, bool cut)
{
    struct task *task = remote->task;
    struct response *response = &task->request->response;
    pthread_mutex_lock(&task->lock);
    task->remote = NULL;
    struct timing *timing = &task->request->timing;
    timing->run_us = remote->ran_us >= 0 ? remote->ran_us : clock_us() - remote->begun_us;
    if (remote->ran_us >= 0) /* nobody had seen it begin */
        timing->queue_us -= remote->ran_us < timing->queue_us ? remote->ran_us : timing->queue_us;
    task->deadline_us = INT64_MAX; /* it was the handler's */
    task->out.ended |= response->begun;
    task->out.broken |= response->begun && cut;
    task->stage = TASK_SETTLED;
    task_unlock_and_wake(task);
}

static void log_end(const struct task *task, int status, const char *why)
{
    const struct request *request = task->request;
    char text[8];
    snprintf(text, sizeof text, "%d", status);
    log_line(NGI_LOG_ERROR, "%s [%s]: %s %s (route \"%s\"): %s: %s", request->plugin->name, request->id,
             request->ngi.method, request->raw_target, request->route->spec->pattern,
             status ? text : "the response is cut", why);
}

/* Whether the response that has ended is what its head said. */
static const char *judge(const struct task *task)
{
    const struct request *request = task->request;
    const struct response *response = &request->response;
    uint64_t length = response->begun                 ? task->streamed
                    : response->kind == RESPONSE_FILE ? (uint64_t)response->length
                                                      : response->text.length;
    if (wants_no_body(request))
        return length > 0 ? "its response has a body where there is none" : NULL;
    if (response->declared >= 0 && length != (uint64_t)response->declared)
        return "its response is not as long as its head said";
    return NULL;
}

/* A HEAD whose length nobody knows: libmicrohttpd is to send none. */
static bool is_unknown(const struct request *request)
{
    return request->method == NGI_HEAD && request->response.declared < 0 && !request->response.begun;
}

/* ---------------------------------------------------------------------------------------------------------- */

/* From here on what comes is sent on. */
void remote_begin_stream(struct remote *remote)
{
    struct task *task = remote->task;
    if (remote->waited_for) {
        remote->wants_stream = true;
        return;
    }
    struct response *response = &task->request->response;
    pthread_mutex_lock(&task->lock);
    bool good = !task->status && !task->abandoned && pipe_open(&task->out, PIPE_SIZE) == NGI_OK;
    if (good) {
        (void)pipe_put(&task->out, response->text.data, response->text.length);
        task->streamed = response->text.length;
        task->begun = true;
    }
    response->kind = RESPONSE_STREAM;
    response->begun = true;
    task->out.broken |= !good;
    task_unlock_and_wake(task);
    buffer_reset(&response->text, REMOTE_KEPT);
}

/* The handler will not answer any more. */
void remote_fail(struct remote *remote, int status, const char *why)
{
    struct task *task = remote->task;
    struct request *request = task->request;
    pthread_mutex_lock(&task->lock);
    bool waited_for = !task->status && !task->abandoned;
    pthread_mutex_unlock(&task->lock);
    if (!request->response.begun)
        problem_respond(request, status, true, NULL);
    if (waited_for)
        log_end(task, request->response.begun ? 0 : status, why);
    settle(remote, true);
}

/* The process has ended the call. */
void remote_end(struct remote *remote, const struct fcgi_end *how)
{
    struct task *task = remote->task;
    bool told = remote->aborted || remote->warned; /* then a promise may be given up, say */
    if (!remote->broken && !remote->headed && !told)
        remote->broken = "it ended a call without a response";
    bool cut = inner_is_cut(how->app_status);
    if (!remote->broken)
        lane_note_hosted(task->lane, inner_run_us(how->app_status));
    if (!remote->broken && remote->headed && !cut)
        remote->broken = judge(task);
    if (remote->broken) {
        remote_fail(remote, 502, remote->broken);
    } else if (cut || !remote->headed) { /* it has told why; or it was aborted */
        remote_fail(remote, 500, "the handler gave up");
    } else {
        if (is_unknown(task->request))
            remote_begin_stream(remote);
        settle(remote, false);
    }
}

void remote_finish(struct remote *remote, const struct fcgi_end *how)
{
    struct task *task = remote->task;
    if (task)
        remote_end(remote, how);
    if (remote->broken) { /* what comes next can be read all the same */
        remote->wrong = remote->broken;
        remote->broken = NULL;
    }
    reactor_unset(&remote->limit);
    remote_forget(remote);
    remote->orphan = false;
    remote->unasked = 0;
    remote->done++;
    remote->ran++;
    if (task)
        task_release(task);
}

bool remote_feed(struct remote *remote, struct requester *in, const uint8_t *data, size_t n, size_t *ret_used,
                 struct fcgi_end *ret_end)
{
    *ret_used = 0;
    while (*ret_used < n && !remote->broken) {
        struct requester_event event;
        *ret_used += requester_take(in, data + *ret_used, n - *ret_used, &event);
        if (event.kind == REQUESTER_BROKEN)
            remote->broken = event.why;
        if (event.kind == REQUESTER_BROKEN || event.kind == REQUESTER_NOTHING)
            continue;
        bool under_way = (remote->task || remote->orphan) && event.request == remote->request;
        if (!under_way && !remote_turn(remote, &event))
            continue;
        if (event.kind == REQUESTER_END) {
            *ret_end = event.end;
            return true;
        }
        if (!remote->task)
            continue;
        if (event.kind == REQUESTER_STDOUT)
            take_stdout(remote, event.data, event.length);
        else
            log_stderr(remote, event.data, event.length);
    }
    return false;
}
