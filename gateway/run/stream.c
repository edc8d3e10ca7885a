#include "run/stream.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/outcome.h"
#include "http/status.h"
#include "plugin/call.h"
#include "plugin/plugin.h"
#include "run/remote.h"
#include "run/task.h"
#include "run/upload.h"

enum {
    PIPE_SIZE = 32 * 1024,
    /* What a handler writes after ngi_flush goes out in pieces of about this. */
    PIECE = 8 * 1024,
};

static void log_cut(const struct task *task, const char *why)
{
    struct request *request = task->request;
    log_line(NGI_LOG_ERROR, "%s [%s]: %s %s (route \"%s\"): stream cut after %llu bytes: %s", request->plugin->name,
             request_id(request), request->ngi.method, request->raw_target, request->route->spec->pattern,
             (unsigned long long)task->streamed, why);
}

/* Why the stream has to stop, where the connection's side or the watch says so. Under the lock. */
static int why_broken(const struct task *task)
{
    return atomic_load_explicit(&task->cancelled, memory_order_relaxed) == NGI_CANCEL_DEADLINE ? NGI_ETIMEDOUT
                                                                                               : NGI_ECANCELED;
}

static bool sends_no_body(const struct request *request)
{
    return request->method == NGI_HEAD || status_has_no_content(request->response.status);
}

/* --- pulling `next` ------------------------------------------------------------------------------------------ */

/* The next piece; a length that was declared is kept: a stream that ends before it, or yields more than it was given
 * room for, cuts the connection, so that the client can tell. */
static int64_t pull(struct task *task, void *buf, size_t n)
{
    struct request *request = task->request;
    struct response *response = &request->response;
    response->begun = true;
    if (response->declared >= 0 && n > (uint64_t)response->declared - task->streamed)
        n = (size_t)((uint64_t)response->declared - task->streamed);
    if (n == 0)
        return STREAM_END;
    int64_t got = call_stream_next(request, buf, n);
    if (got > 0 && (uint64_t)got <= n) {
        task->streamed += (uint64_t)got;
        return got;
    }
    if (got == 0 && response->declared < 0)
        return STREAM_END;
    log_cut(task, got == 0  ? "it ended before the declared Content-Length"
                  : got < 0 ? ngi_strerror(got < NGI_ELAST_ ? NGI_EINVAL : (int)got)
                            : "it claims more bytes than it had room for");
    return STREAM_CUT;
}

/* The same on the pool, where it is a call like any other: one that takes long belongs elsewhere. */
static int64_t pull_here(struct task *task, void *buf, size_t n)
{
    struct measure measure;
    if (task->lane->rule != RUN_AUTO)
        return pull(task, buf, n);
    lane_measure(task->lane, &measure, clock_us(), true);
    int64_t got = pull(task, buf, n);
    lane_note(task->lane, &measure, true);
    return got;
}

static void pump_job(struct job *job)
{
    struct task *task = task_of_job(job);
    stream_pump(task);
    task_release(task);
}

/* Has the executor fill the pipe again, if it does not and there is enough room. Under the lock; what it returns goes
 * to start_pump after it. */
static bool wants_pump(struct task *task)
{
    const struct pipe *out = &task->out;
    if (!task->request->response.next || task->pumping || out->ended || out->broken || pipe_filled(out) > out->size / 2)
        return false;
    task->pumping = true;
    return true;
}

static void start_pump(struct task *task)
{
    if (task_submit(task, pump_job, true) == NGI_OK)
        return;
    log_cut(task, "no thread could be made for it");
    pthread_mutex_lock(&task->lock);
    task->pumping = false;
    task->out.broken = true;
    task_unlock_and_wake(task);
}

/* A stream that began on the pool and turned out to be slow goes on by pipe. */
static bool moves_away(struct task *task)
{
    if (task->lane->rule != RUN_AUTO || placement_choose(&task->lane->placement) != PLACE_EXECUTOR)
        return false;
    task->deadline_us = INT64_MAX; /* it was the handler's */
    if (task_share(task) != NGI_OK)
        return false;
    return pipe_open(&task->out, PIPE_SIZE) == NGI_OK;
}

/* --- the handler's own stream -------------------------------------------------------------------------------- */

/* Puts bytes into the pipe, waiting while it is full. */
static int put_all(struct task *task, const char *data, size_t n)
{
    struct response *response = &task->request->response;
    if (response->failed != NGI_OK)
        return response->failed;
    if (response->declared >= 0 && n > (uint64_t)response->declared - task->streamed)
        return response->failed = NGI_ELENGTH;
    bool dropped = sends_no_body(task->request);
    task->streamed += dropped ? n : 0;
    while (n > 0) {
        pthread_mutex_lock(&task->lock);
        while (!dropped && !task->out.broken && pipe_filled(&task->out) == task->out.size)
            pthread_cond_wait(&task->changed, &task->lock);
        if (task->out.broken) {
            response->failed = why_broken(task);
            pthread_mutex_unlock(&task->lock);
            return response->failed;
        }
        if (dropped) {
            pthread_mutex_unlock(&task->lock);
            return NGI_OK;
        }
        size_t done = pipe_put(&task->out, data, n);
        task_unlock_and_wake(task);
        task->streamed += done;
        data += done;
        n -= done;
    }
    return NGI_OK;
}

static int push(struct task *task)
{
    struct buffer *text = &task->request->response.text;
    int rc = put_all(task, text->data, text->length);
    buffer_reset(text, 2 * PIECE);
    return rc;
}

/* From here on what the handler writes is sent. */
static int begin(struct task *task)
{
    struct response *response = &task->request->response;
    int rc = outcome_begin(task->request);
    if (rc != NGI_OK)
        return rc;
    pthread_mutex_lock(&task->lock);
    if (task->status || task->abandoned)
        rc = why_broken(task);
    else
        rc = pipe_open(&task->out, PIPE_SIZE);
    if (rc != NGI_OK) {
        pthread_mutex_unlock(&task->lock);
        return rc;
    }
    response->kind = RESPONSE_STREAM; /* of which the text is what has not been pushed yet */
    response->begun = true;
    task->begun = true;
    task_unlock_and_wake(task);
    return NGI_OK;
}

/* ---------------------------------------------------------------------------------------------------------- */

int64_t stream_take(struct task *task, void *buf, size_t n)
{
    if (!task->out.data && !moves_away(task))
        return pull_here(task, buf, n);
    int64_t got = STREAM_LATER;
    pthread_mutex_lock(&task->lock);
    struct pipe *out = &task->out;
    size_t filled = pipe_filled(out), taken = pipe_take(out, buf, n);
    if (task->remote && filled > out->size / 2 && filled - taken <= out->size / 2)
        remote_look(task->remote); /* it may have stopped reading for want of room */
    if (taken == 0 && !out->ended && watch_cancelled_all())
        out->broken = true; /* from here on no connection may be suspended */
    bool pumps = wants_pump(task);
    if (taken > 0)
        got = (int64_t)taken;
    else if (out->broken)
        got = STREAM_CUT;
    else if (out->ended)
        got = STREAM_END;
    else
        task->suspended = true;
    if (got > 0)
        pthread_cond_broadcast(&task->changed);
    if (got == STREAM_LATER)
        task->client->suspend(task->client_arg);
    pthread_mutex_unlock(&task->lock);
    if (pumps)
        start_pump(task);
    return got;
}

int stream_flush(struct task *task)
{
    struct request *request = task->request;
    if (request->response.begun)
        return push(task);
    if (task->on_pool) {
        if (task->lane->rule == RUN_POOL)
            return NGI_ENOSYS;
        /* This time the response leaves when the handler returns; the next call gets a thread. */
        lane_wants_streams(task->lane, true);
        return NGI_OK;
    }
    lane_wants_streams(task->lane, false);
    /* libmicrohttpd sends nothing before it has received the whole body: until then, all stays in memory. */
    if (upload_arrives(task))
        return NGI_OK;
    int rc = begin(task);
    return rc == NGI_OK ? push(task) : rc;
}

int stream_write(struct task *task, const void *data, size_t n)
{
    struct buffer *text = &task->request->response.text;
    if (text->length + n <= PIECE && task->request->response.failed == NGI_OK)
        return buffer_append(text, data, n);
    int rc = push(task);
    return rc == NGI_OK ? put_all(task, data, n) : rc;
}

int stream_vprintf(struct task *task, const char *fmt, va_list ap)
{
    struct buffer *text = &task->request->response.text;
    int rc = buffer_vprintf(text, fmt, ap);
    if (rc != NGI_OK)
        return task->request->response.failed = rc;
    return text->length <= PIECE ? NGI_OK : push(task);
}

void stream_end(struct task *task, int rc)
{
    struct request *request = task->request;
    struct response *response = &request->response;
    const char *why = NULL;
    if (rc < 0 || rc >= 400)
        why = request->failure ? request->failure : rc < 0 ? ngi_strerror(rc) : "the handler failed after it had begun";
    else if (push(task) < 0)
        why = ngi_strerror(response->failed);
    else if (response->declared >= 0 && task->streamed < (uint64_t)response->declared && !sends_no_body(request))
        why = "it ended before the declared Content-Length";
    pthread_mutex_lock(&task->lock);
    bool gone = task->abandoned || atomic_load_explicit(&task->cancelled, memory_order_relaxed) == NGI_CANCEL_CLIENT;
    task->out.ended = true;
    task->out.broken |= why != NULL;
    pthread_mutex_unlock(&task->lock);
    /* That a client left is no failure of the handler. */
    if (why && !gone)
        log_cut(task, why);
}

bool stream_opens(struct task *task)
{
    const struct response *response = &task->request->response;
    if (response->kind != RESPONSE_STREAM || !response->next || sends_no_body(task->request))
        return false;
    /* Without memory for the pipe it is pulled on the pool. */
    return pipe_open(&task->out, PIPE_SIZE) == NGI_OK;
}

void stream_pump(struct task *task)
{
    int64_t limit = task->request->route->timeout_us;
    for (;;) {
        size_t room;
        pthread_mutex_lock(&task->lock);
        char *space = pipe_space(&task->out, &room);
        if (room == 0 || task->out.broken || task->out.ended) {
            task->pumping = false;
            task->deadline_us = INT64_MAX;
            task_unlock_and_wake(task); /* who waits only for this to be over */
            return;
        }
        /* A client may take its time; a call of `next` has as much as a call of the handler. */
        task->deadline_us = limit > 0 ? clock_us() + limit : INT64_MAX;
        pthread_mutex_unlock(&task->lock);

        int64_t got = pull(task, space, room);

        pthread_mutex_lock(&task->lock);
        if (got > 0)
            pipe_filled_in(&task->out, (size_t)got);
        else
            task->out.ended = true;
        task->out.broken |= got == STREAM_CUT;
        task_unlock_and_wake(task);
    }
}
