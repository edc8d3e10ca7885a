#include "run/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "http/cgi_response.h"
#include "http/cgi_tell.h"
#include "http/problem.h"
#include "plugin/plugin.h"
#include "run/hosts_parts.h"
#include "run/task_parts.h"

enum {
    BLOCK = 64 * 1024,        /* read at a time */
    PIECE = 32 * 1024,        /* of a body, sent at a time */
    PIPE_SIZE = 256 * 1024,   /* of a response that is sent on as it comes */
    HELD_MOST = 256 * 1024,   /* of one that is held back until it is complete */
    HEAD_MOST = 128 * 1024,   /* of its head */
    KEPT = 4 * 1024,          /* of a buffer, from one call to the next */
    UNSPLIT_MOST = 16 * 1024, /* what the kernel hands to its reader in one piece, and so wholly or not at all */
};

static void set_events(struct remote *remote)
{
    uint32_t events = (remote->stalled ? 0 : EPOLLIN) | (remote->waits_for_room ? EPOLLOUT : 0);
    if (events != remote->events && !remote->hung_up)
        reactor_change(&remote->socket, events);
    remote->events = events;
}

/* --- sending, under the lock --------------------------------------------------------------------------------- */

static int put_pair(void *arg, const char *name, size_t name_length, const char *value, size_t value_length)
{
    return requester_put_pair(arg, name, name_length, value, value_length);
}

/* Bytes of the body, where they are known; -1. */
static int64_t body_length(const struct request *request)
{
    uint64_t length;
    if (!request->arrives)
        return request->content_length || request->chunked ? (int64_t)request->body.length : -1;
    return request->content_length && text_to_uint64(request->content_length, &length) ? (int64_t)length : -1;
}

static int put_text(struct buffer *pairs, const char *name, const char *value)
{
    return requester_put_pair(pairs, name, strlen(name), value, strlen(value));
}

static int put_number(struct buffer *pairs, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    return put_text(pairs, name, text);
}

static int put_head(struct remote *remote, struct task *task)
{
    struct request *request = task->request;
    struct buffer pairs;
    buffer_init(&pairs, SIZE_MAX);
    int rc = buffer_reserve(&pairs, 1024);
    if (rc == NGI_OK)
        rc = cgi_tell(request, body_length(request), put_pair, &pairs);
    if (rc == NGI_OK)
        rc = put_text(&pairs, "NGI_REQUEST_ID", request->id);
    if (rc == NGI_OK && task->deadline_us != INT64_MAX)
        rc = put_number(&pairs, "NGI_DEADLINE_US", task->deadline_us);
    /* What is in a file is not copied: the process gets the file. */
    remote->sends_file = !request->arrives && request->body.fd >= 0;
    request->body.position = 0; /* it may be its second try */
    if (rc == NGI_OK && request->arrives)
        rc = put_text(&pairs, "NGI_BODY_ARRIVES", "1");
    if (rc == NGI_OK && remote->sends_file)
        rc = put_number(&pairs, "NGI_BODY_FILE", (int64_t)request->body.length);
    if (rc == NGI_OK)
        rc = requester_put_begin(&remote->out);
    if (rc == NGI_OK)
        rc = requester_put_params(&remote->out, &pairs);
    buffer_free(&pairs);
    return rc;
}

/* The next bytes of the body; 0: its end, or with *ret_later there are none yet; or an error. */
static int64_t take_body(struct task *task, void *buf, size_t n, bool *ret_later)
{
    *ret_later = false;
    if (!task->in.data)
        return body_read(&task->request->body, buf, n);
    pthread_mutex_lock(&task->lock);
    int64_t got = (int64_t)pipe_take(&task->in, buf, n);
    if (got == 0 && (task->in_error != NGI_OK || (task->in.broken && !task->in.ended)))
        got = task->in_error == NGI_ETOOBIG ? NGI_ETOOBIG : NGI_ECANCELED;
    else if (got == 0)
        *ret_later = !task->in.ended;
    if (got > 0 && !task->in.ended && task->suspended && pipe_filled(&task->in) <= task->in.size / 2)
        task_unlock_and_wake(task);
    else
        pthread_mutex_unlock(&task->lock);
    return got;
}

static int put_abort(struct remote *remote, uint8_t why)
{
    if (remote->aborted)
        return NGI_OK;
    remote->aborted = remote->all_read = true;
    return requester_put_abort(&remote->out, why);
}

/* Why the call is given up. */
static uint8_t why_aborted(struct task *task)
{
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    return why ? (uint8_t)why : NGI_CANCEL_CLIENT;
}

/* It may go on, but is told. */
static int put_warning(struct remote *remote)
{
    if (remote->aborted || remote->warned)
        return NGI_OK;
    remote->warned = true;
    return requester_put_abort(&remote->out, REMOTE_MAY_LISTEN);
}

/* Puts a piece of the body into `out`. False: there is none at the moment, or no more. */
static bool fill(struct remote *remote)
{
    struct buffer *out = &remote->out;
    bool later = false;
    if (remote->all_read || buffer_reserve(out, FCGI_HEADER_SIZE + PIECE) != NGI_OK)
        return false;
    size_t before = out->length;
    out->length += FCGI_HEADER_SIZE;
    int64_t n = remote->sends_file ? 0 : take_body(remote->task, out->data + out->length, PIECE, &later);
    out->length = before;
    if (later)
        return false;
    if (n < 0) { /* what has come is no whole body */
        (void)put_abort(remote, n == NGI_ETOOBIG ? REMOTE_BODY_TOO_BIG : why_aborted(remote->task));
        return true;
    }
    remote->all_read = n == 0;
    (void)requester_put_stdin(out, (size_t)n); /* there is room */
    out->length += (size_t)n;
    return true;
}

/* As send(2); the first byte takes the body's file along. */
static ssize_t send_some(struct remote *remote)
{
    struct iovec bytes = { remote->out.data + remote->out_at, remote->out.length - remote->out_at };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = { 0 };
    if (!remote->sends_file || remote->sent > 0)
        return send(remote->socket.fd, bytes.iov_base, bytes.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &remote->task->request->body.fd, sizeof(int));
    return sendmsg(remote->socket.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends what there is. False: the peer is gone. */
static bool push(struct remote *remote)
{
    struct buffer *out = &remote->out;
    remote->waits_for_room = false;
    for (;;) {
        if (remote->out_at == out->length) {
            remote->out_at = out->length = 0;
            if (!fill(remote))
                return true;
        }
        ssize_t n = send_some(remote);
        if (n >= 0) {
            remote->out_at += (size_t)n;
            remote->sent += (uint64_t)n;
        } else if (errno == EAGAIN) {
            remote->waits_for_room = true;
            return true;
        } else if (errno != EINTR) {
            remote->refused |= errno == ECONNRESET;
            return false;
        }
    }
}

/* --- the response -------------------------------------------------------------------------------------------- */

static bool wants_no_body(const struct request *request)
{
    return request->method == NGI_HEAD || request->response.status == 204 || request->response.status == 304;
}

/* From here on what comes is sent on. */
static void begin_stream(struct task *task)
{
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
    buffer_reset(&response->text, KEPT);
}

/* What of the response came after its head. While it is sent on, no more is read than task->out has room for. */
static void take_content(struct remote *remote, const uint8_t *data, size_t n)
{
    struct task *task = remote->task;
    struct response *response = &task->request->response;
    if (!response->begun) {
        if (response->kind != RESPONSE_TEXT || buffer_append(&response->text, data, n) != NGI_OK)
            remote->broken = "its response has a body that there is no room for";
        else if (response->text.length > HELD_MOST - BLOCK)
            begin_stream(task);
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
    return fd >= 0 && response_send_file(response, fd, body->offset, body->length) == NGI_OK;
}

static void take_head(struct remote *remote)
{
    struct task *task = remote->task;
    struct buffer *head = &remote->head;
    struct cgi_body body;
    size_t length = cgi_response_head(head->data, head->length);
    if (length == 0)
        return;
    struct response *response = &task->request->response;
    remote->headed = true;
    if (cgi_response_read(response, &body, head->data, length) != NGI_OK)
        remote->broken = "its response has a head that no handler may send";
    else if (body.kind == CGI_BODY_FILE && !take_file(remote, &body))
        remote->broken = "its response is no file that came along";
    else if (head->length > length)
        take_content(remote, (const uint8_t *)head->data + length, head->length - length);
    if (!remote->broken && body.kind == CGI_BODY_STREAM && !response->begun)
        begin_stream(task);
    buffer_reset(head, KEPT);
}

static void take_stdout(struct remote *remote, const uint8_t *data, size_t n)
{
    if (remote->headed) {
        take_content(remote, data, n);
        return;
    }
    if (remote->head.length + n > HEAD_MOST || buffer_append(&remote->head, data, n) != NGI_OK)
        remote->broken = "its response has no end of a head";
    else
        take_head(remote);
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
    task->request->timing.run_us = clock_us() - remote->begun_us;
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

/* The handler will not answer any more. */
static void fail(struct remote *remote, int status, const char *why)
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

static void drop_file(struct remote *remote)
{
    if (remote->file >= 0)
        close(remote->file);
    remote->file = -1;
}

/* Forgets the call. */
static struct task *forget(struct remote *remote)
{
    struct task *task = remote->task;
    remote->task = NULL;
    drop_file(remote);
    buffer_reset(&remote->out, KEPT);
    buffer_reset(&remote->head, KEPT);
    remote->out_at = 0;
    remote->waits_for_room = remote->stalled = false;
    return task;
}

/* A HEAD whose length nobody knows: libmicrohttpd is to send none. */
static bool is_unknown(const struct request *request)
{
    return request->method == NGI_HEAD && request->response.declared < 0 && !request->response.begun;
}

/* The process has ended the call. */
static void end(struct remote *remote, const struct fcgi_end *how)
{
    struct task *task = remote->task;
    if (!remote->broken && !remote->headed && !remote->aborted)
        remote->broken = "it ended a call without a response";
    if (!remote->broken && remote->headed && how->app_status == 0)
        remote->broken = judge(task);
    if (remote->broken) {
        fail(remote, 502, remote->broken);
    } else if (how->app_status != 0 || !remote->headed) { /* it has told why; or it was aborted */
        fail(remote, 500, "the handler gave up");
    } else {
        if (is_unknown(task->request))
            begin_stream(task);
        settle(remote, false);
    }
}

/* --- receiving ----------------------------------------------------------------------------------------------- */

enum received { RECEIVED_SOME, RECEIVED_NOTHING, RECEIVED_END };

/* How much may be read: all of it has somewhere to go. */
static size_t room_for(struct remote *remote)
{
    struct task *task = remote->task;
    if (!task || !task->request->response.begun)
        return BLOCK;
    pthread_mutex_lock(&task->lock);
    size_t room = task->out.broken ? BLOCK : task->out.size - pipe_filled(&task->out);
    pthread_mutex_unlock(&task->lock);
    return room < BLOCK ? room : BLOCK;
}

/* Goes through what has come. True: that was the end of the call. */
static bool feed(struct remote *remote, const uint8_t *data, size_t n, struct fcgi_end *ret_end)
{
    while (n > 0 && !remote->broken) {
        struct requester_event event;
        size_t taken = requester_take(&remote->in, data, n, &event);
        data += taken;
        n -= taken;
        switch (event.kind) {
        case REQUESTER_NOTHING: break;
        case REQUESTER_STDOUT: take_stdout(remote, event.data, event.length); break;
        case REQUESTER_STDERR: log_stderr(remote, event.data, event.length); break;
        case REQUESTER_END:
            *ret_end = event.end;
            if (n > 0)
                remote->broken = "it said more after the end of a call";
            return true;
        case REQUESTER_BROKEN: remote->broken = event.why; break;
        }
    }
    return false;
}

/* As recv(2); keeps a file that comes along. */
static ssize_t receive_some(struct remote *remote, uint8_t *block, size_t room)
{
    struct iovec bytes = { block, room };
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = CMSG_LEN(sizeof(int)) /* no second one */
    };
    ssize_t n = recvmsg(remote->socket.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = n > 0 && message.msg_controllen > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int))) {
        drop_file(remote);
        memcpy(&remote->file, CMSG_DATA(header), sizeof(int));
    }
    return n;
}

/* Reads once. */
static enum received receive(struct remote *remote)
{
    static uint8_t block[BLOCK]; /* the reactor's */
    struct fcgi_end how;
    pthread_mutex_lock(&remote->lock);
    size_t room = room_for(remote);
    if (room == 0) {
        remote->stalled = true;
        set_events(remote);
        pthread_mutex_unlock(&remote->lock);
        return RECEIVED_NOTHING;
    }
    ssize_t n = receive_some(remote, block, room);
    if (n <= 0) {
        bool gone = n == 0 || (errno != EAGAIN && errno != EINTR);
        remote->refused |= n < 0 && errno == ECONNRESET;
        pthread_mutex_unlock(&remote->lock);
        return gone ? RECEIVED_END : RECEIVED_NOTHING;
    }
    if (!remote->task) {
        pthread_mutex_unlock(&remote->lock);
        hosts_call_over(remote, "it said something unasked");
        return RECEIVED_NOTHING;
    }
    remote->answers = true;
    struct task *task = remote->task;
    bool over = feed(remote, block, (size_t)n, &how);
    if (!over && !remote->broken) {
        pthread_mutex_unlock(&remote->lock);
        return RECEIVED_SOME;
    }
    if (over)
        end(remote, &how);
    else
        fail(remote, 502, remote->broken);
    const char *broken = remote->broken;
    reactor_unset(&remote->limit);
    forget(remote);
    set_events(remote);
    pthread_mutex_unlock(&remote->lock);
    task_release(task);
    hosts_call_over(remote, broken);
    return RECEIVED_NOTHING;
}

static void ready(struct reactor_source *source, uint32_t events)
{
    struct remote *remote = (struct remote *)((char *)source - offsetof(struct remote, socket));
    if (events & EPOLLOUT) {
        pthread_mutex_lock(&remote->lock);
        (void)push(remote); /* a peer that is gone will be read from */
        set_events(remote);
        pthread_mutex_unlock(&remote->lock);
    }
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    if (receive(remote) == RECEIVED_END)
        hosts_hung_up(remote);
}

static void die(struct reactor_source *source, uint32_t events)
{
    struct remote *remote = (struct remote *)((char *)source - offsetof(struct remote, death));
    (void)events;
    hosts_died(remote);
}

static void over_limit(struct reactor_timer *timer)
{
    struct remote *remote = (struct remote *)((char *)timer - offsetof(struct remote, limit));
    remote_kill(remote, "it had not ended in time a call that was given up");
}

static void impatient(struct reactor_timer *timer)
{
    hosts_impatient((struct remote *)((char *)timer - offsetof(struct remote, patience)));
}

/* Somebody has asked to look again. */
static void look(struct reactor_errand *errand)
{
    struct remote *remote = (struct remote *)((char *)errand - offsetof(struct remote, errand));
    pthread_mutex_lock(&remote->lock);
    if (remote->task) {
        if (atomic_load_explicit(&remote->given_up, memory_order_relaxed)) {
            bool final = atomic_load_explicit(&remote->final, memory_order_relaxed);
            int64_t at_us = clock_us() + hosts_patience_us(remote, final);
            if (!remote->limit.set || at_us < remote->limit.at_us)
                reactor_set(&remote->limit, at_us);
            /* What has come of the body goes first. Without memory for it, it is killed later. */
            if (!final)
                (void)push(remote);
            (void)(final ? put_abort(remote, why_aborted(remote->task)) : put_warning(remote));
        }
        remote->stalled = false;
        (void)push(remote);
        set_events(remote);
    }
    bool unbegun = remote->unbegun;
    remote->unbegun = false;
    pthread_mutex_unlock(&remote->lock);
    if (unbegun)
        hosts_call_over(remote, NULL);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct remote *remote_new(struct hosts *hosts, uint64_t number, int fd)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return NULL;
    remote->hosts = hosts;
    remote->number = number;
    remote->pidfd = remote->memory = remote->file = -1;
    remote->socket = (struct reactor_source){ .ready = ready, .fd = fd };
    remote->status = HOSTS_STATUS_UNKNOWN;
    remote->limit.fire = over_limit;
    remote->patience.fire = impatient;
    remote->errand.run = look;
    pthread_mutex_init(&remote->lock, NULL);
    buffer_init(&remote->out, SIZE_MAX);
    buffer_init(&remote->head, SIZE_MAX);
    return remote;
}

void remote_free(struct remote *remote)
{
    reactor_unset(&remote->limit);
    reactor_unset(&remote->patience);
    reactor_forget(&remote->errand);
    reactor_remove(&remote->socket);
    close(remote->socket.fd);
    if (remote->pidfd >= 0) {
        reactor_remove(&remote->death);
        close(remote->pidfd);
    }
    if (remote->memory >= 0)
        close(remote->memory);
    pthread_mutex_destroy(&remote->lock);
    buffer_free(&remote->out);
    buffer_free(&remote->head);
    free(remote);
}

int remote_came(struct remote *remote, pid_t pid, int pidfd)
{
    remote->pid = pid;
    remote->pidfd = pidfd;
    remote->death = (struct reactor_source){ .ready = die, .fd = pidfd };
    remote->events = EPOLLIN;
    int rc = reactor_add(&remote->death, EPOLLIN);
    return rc == NGI_OK ? reactor_add(&remote->socket, EPOLLIN) : rc;
}

bool remote_begin(struct remote *remote, struct task *task)
{
    pthread_mutex_lock(&remote->lock);
    remote->task = task;
    remote->begun_us = clock_us();
    remote->sent = 0;
    remote->all_read = remote->aborted = remote->warned = remote->refused = false;
    remote->answers = remote->headed = false;
    remote->in = (struct requester){ 0 };
    remote->broken = NULL;
    atomic_store_explicit(&remote->given_up, false, memory_order_relaxed);
    atomic_store_explicit(&remote->final, false, memory_order_relaxed);

    bool gone = false, begins = task_take_up(task, remote);
    int rc = begins ? put_head(remote, task) : NGI_OK;
    if (begins && rc == NGI_OK) {
        /* A small body goes along. */
        while (remote->out.length < UNSPLIT_MOST && fill(remote))
            ;
        gone = !push(remote);
    } else if (begins) {
        fail(remote, rc == NGI_ETOOBIG ? 431 : 503, ngi_strerror(rc));
        begins = false;
    }
    if (begins && !gone) {
        if (remote->waits_for_room)
            reactor_ask(&remote->errand);
        pthread_mutex_unlock(&remote->lock);
        atomic_store_explicit(&remote->claimed, false, memory_order_release);
        return true;
    }
    forget(remote);
    bool again = gone && task_put_back(task);
    /* A process that is gone is the reactor's to find; else the next call can have it. */
    remote->unbegun = !gone;
    if (!gone)
        reactor_ask(&remote->errand);
    pthread_mutex_unlock(&remote->lock);
    atomic_store_explicit(&remote->claimed, false, memory_order_release);
    if (!again)
        task_release(task);
    return !again;
}

bool remote_lose_call(struct remote *remote, const char *how, struct task **ret_task)
{
    pthread_mutex_lock(&remote->lock);
    struct task *task = remote->task;
    *ret_task = NULL;
    if (!task) {
        pthread_mutex_unlock(&remote->lock);
        return false;
    }
    /* A body that arrives has gone with the process. Where all of a call has been sent, the kernel says whether it was
     * read: closing a local socket with bytes in its queue resets it, and what has been sent in one piece is read as
     * one. */
    bool whole = remote->all_read && remote->out_at == remote->out.length;
    bool unread = !remote->answers && !task->in.data && !remote->aborted &&
                  (!whole || (remote->refused && remote->sent <= UNSPLIT_MOST));
    bool again = unread && task_put_back(task);
    if (again)
        *ret_task = task;
    else if (!unread)
        fail(remote, 502, how);
    forget(remote);
    pthread_mutex_unlock(&remote->lock);
    if (!again)
        task_release(task);
    return again;
}

void remote_dismiss(struct remote *remote)
{
    shutdown(remote->socket.fd, SHUT_WR);
}

void remote_kill(struct remote *remote, const char *why)
{
    if (!remote->killed)
        remote->killed = why;
    if (remote->pidfd >= 0 && pidfd_send_signal(remote->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        log_line(NGI_LOG_ERROR, "host process %d cannot be killed: %s", (int)remote->pid, strerror(errno));
}

void remote_drain(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    bool calls = remote->task != NULL;
    pthread_mutex_unlock(&remote->lock);
    while (calls && receive(remote) == RECEIVED_SOME)
        ;
}

uint64_t remote_rss(struct remote *remote)
{
    char path[64], text[128];
    if (remote->memory < 0) {
        snprintf(path, sizeof path, "/proc/%d/statm", (int)remote->pid);
        remote->memory = open(path, O_RDONLY | O_CLOEXEC);
    }
    ssize_t n = remote->memory < 0 ? -1 : pread(remote->memory, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void remote_cancel(struct remote *remote, bool final)
{
    if (final)
        atomic_store_explicit(&remote->final, true, memory_order_relaxed);
    atomic_store_explicit(&remote->given_up, true, memory_order_relaxed);
    reactor_ask(&remote->errand);
}

void remote_look(struct remote *remote)
{
    reactor_ask(&remote->errand);
}
