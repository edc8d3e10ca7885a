#include "run/remote_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/passing.h"
#include "base/text.h"
#include "fcgi/inner.h"
#include "http/cgi_tell.h"
#include "run/task_parts.h"

enum { PIECE = 32 * 1024 }; /* of a body, sent at a time */

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

/* As send(2); the first byte takes the body's file along, or the slots. */
static ssize_t send_some(struct remote *remote)
{
    const struct iovec bytes = { remote->out.data + remote->out_at, remote->out.length - remote->out_at };
    if (remote->sends_file && remote->sent == 0)
        return passing_send(remote->socket.fd, &bytes, 1, remote->body_file);
    if (!remote->sends_slots)
        return send(remote->socket.fd, bytes.iov_base, bytes.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    ssize_t n = passing_send(remote->socket.fd, &bytes, 1, remote->slots_fd);
    if (n > 0) {
        close(remote->slots_fd);
        remote->slots_fd = -1;
        remote->sends_slots = false;
    }
    return n;
}

/* ---------------------------------------------------------------------------------------------------------- */

/* What it is handed it may keep: no more than to read. Without /proc the bytes are sent. */
static bool open_body(struct remote *remote)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", remote->task->request->body.fd);
    remote->body_file = open(path, O_RDONLY | O_CLOEXEC);
    return remote->body_file >= 0;
}

int remote_put_head(struct remote *remote, struct task *task)
{
    struct request *request = task->request;
    struct buffer *pairs = &remote->pairs;
    pairs->length = 0;
    int rc = cgi_tell(request, body_length(request), put_pair, pairs);
    if (rc == NGI_OK)
        rc = put_text(pairs, INNER_REQUEST_ID, request->id);
    if (rc == NGI_OK && task->deadline_us != INT64_MAX)
        rc = put_number(pairs, INNER_DEADLINE_US, task->deadline_us);
    /* What is in a file is not copied: the process gets the file. */
    remote->sends_file = !request->arrives && request->body.fd >= 0 && open_body(remote);
    request->body.position = 0; /* it may be its second try */
    if (rc == NGI_OK && request->arrives)
        rc = put_text(pairs, INNER_BODY_ARRIVES, "1");
    if (rc == NGI_OK && remote->sends_file)
        rc = put_number(pairs, INNER_BODY_FILE, (int64_t)request->body.length);
    remote->sends_slots = remote->slots_fd >= 0 && !remote->sends_file; /* one file goes along */
    if (rc == NGI_OK && remote->sends_slots)
        rc = put_text(pairs, INNER_SLOTS, "1");
    if (rc == NGI_OK)
        rc = requester_put_begin(&remote->out, remote->request);
    if (rc == NGI_OK)
        rc = requester_put_params(&remote->out, remote->request, pairs);
    return rc;
}

int remote_put_abort(struct remote *remote, uint8_t why)
{
    if (remote->aborted)
        return NGI_OK;
    remote->aborted = remote->all_read = true;
    return requester_put_abort(&remote->out, remote->request, why);
}

int remote_put_warning(struct remote *remote)
{
    if (remote->aborted || remote->warned)
        return NGI_OK;
    /* What has come of the body goes first: the process takes no more of it behind a warning. */
    remote->warns = !remote->all_read;
    if (remote->warns)
        return NGI_OK;
    remote->warned = true;
    return requester_put_abort(&remote->out, remote->request, INNER_MAY_LISTEN);
}

uint8_t remote_why_aborted(const struct remote *remote)
{
    struct task *task = remote->task;
    pthread_mutex_lock(&task->lock);
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    bool too_big = task->in_error == NGI_ETOOBIG; /* and then its client has gone with a 413 */
    pthread_mutex_unlock(&task->lock);
    return too_big ? INNER_BODY_TOO_BIG : why ? (uint8_t)why : NGI_CANCEL_CLIENT;
}

/* Puts a piece of the body into `out`. False: there is none at the moment, or no more. */
bool remote_fill(struct remote *remote)
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
        (void)remote_put_abort(remote, n == NGI_ETOOBIG ? INNER_BODY_TOO_BIG : remote_why_aborted(remote));
        return true;
    }
    remote->all_read = n == 0;
    (void)requester_put_stdin(out, remote->request, (size_t)n); /* there is room */
    out->length += (size_t)n;
    if (remote->all_read && remote->warns)
        (void)remote_put_warning(remote); /* without memory for it, it is killed later */
    return true;
}

/* Sends what there is. False: the peer is gone. */
bool remote_push(struct remote *remote)
{
    struct buffer *out = &remote->out;
    remote->waits_for_room = false;
    for (;;) {
        if (remote->out_at == out->length) {
            remote->out_at = out->length = 0;
            if (!remote_fill(remote))
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
            /* Out of memory, or of descriptors on their way: then nobody else would find out. */
            if (errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN)
                remote->doomed = "it cannot be sent to";
            return false;
        }
    }
}
