#include "run/upload.h"

#include <pthread.h>

#include "plugin/plugin.h"
#include "run/task.h"

enum { PIPE_SIZE = 64 * 1024 };

/* ---------------------------------------------------------------------------------------------------------- */

int upload_open(struct task *task)
{
    return pipe_open(&task->in, PIPE_SIZE);
}

size_t upload_put(struct task *task, const void *data, size_t n)
{
    pthread_mutex_lock(&task->lock);
    /* Nobody reads any more: what comes is dropped. */
    bool wanted = !task->in.broken && task->stage != TASK_SETTLED;
    size_t taken = wanted ? pipe_put(&task->in, data, n) : n;
    if (taken > 0)
        pthread_cond_broadcast(&task->changed);
    if (taken < n) {
        task->suspended = true;
        task->client->suspend(task->client_arg);
    }
    pthread_mutex_unlock(&task->lock);
    return taken;
}

void upload_end(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    task->in.ended = true;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->lock);
}

void upload_refuse(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    task->in_error = NGI_ETOOBIG;
    task->in.ended = true;
    if (!task->begun && !task->status && task->stage != TASK_SETTLED)
        task->status = 413;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->lock);
}

int64_t upload_read(struct task *task, void *buf, size_t n)
{
    int64_t got;
    pthread_mutex_lock(&task->lock);
    while (pipe_filled(&task->in) == 0 && !task->in.ended && !task->in.broken && n > 0)
        pthread_cond_wait(&task->changed, &task->lock);
    got = (int64_t)pipe_take(&task->in, buf, n);
    if (got == 0 && task->in.broken && !task->in.ended)
        got = atomic_load_explicit(&task->cancelled, memory_order_relaxed) == NGI_CANCEL_DEADLINE ? NGI_ETIMEDOUT
                                                                                                  : NGI_ECANCELED;
    else if (got == 0 && n > 0)
        got = task->in_error;
    /* Waking the connection for a few bytes of room is not worth it. */
    if (pipe_filled(&task->in) <= PIPE_SIZE / 2 && !task->in.ended && task->suspended)
        task_unlock_and_wake(task);
    else
        pthread_mutex_unlock(&task->lock);
    return got;
}

int upload_receive(struct task *task)
{
    struct body_limits limits = task->dispatch->body;
    limits.most = UINT64_MAX; /* the connection's side keeps the route's limit */
    char block[16 * 1024];
    int64_t got;
    while ((got = upload_read(task, block, sizeof block)) > 0) {
        int rc = body_append(&task->request->body, &limits, block, (size_t)got);
        if (rc != NGI_OK)
            return rc;
    }
    task->received = got == 0;
    return (int)got;
}
