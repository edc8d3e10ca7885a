#include "run/upload.h"

#include <pthread.h>

#include "plugin/plugin.h"
#include "run/remote.h"
#include "run/task.h"

enum { PIPE_SIZE = 64 * 1024 };

static int why_broken(const struct task *task)
{
    return atomic_load_explicit(&task->cancelled, memory_order_relaxed) == NGI_CANCEL_DEADLINE ? NGI_ETIMEDOUT
                                                                                               : NGI_ECANCELED;
}

/* There is something new for whoever reads the body. */
static void tell_reader(struct task *task)
{
    pthread_cond_broadcast(&task->changed);
    if (task->remote)
        remote_look(task->remote);
}

/* ---------------------------------------------------------------------------------------------------------- */

int upload_open(struct task *task)
{
    return pipe_open(&task->in, PIPE_SIZE);
}

size_t upload_put(struct task *task, const void *data, size_t n)
{
    pthread_mutex_lock(&task->lock);
    size_t taken = UPLOAD_UNWANTED;
    if (task->in.broken && task->in_error == NGI_OK)
        task->in_error = why_broken(task); /* what came before it is no whole body */
    /* While all is being cancelled no connection may be suspended. */
    if (!task->in.broken && !task->in.ended && task->stage != TASK_SETTLED && !watch_cancelled_all()) {
        taken = pipe_put(&task->in, data, n);
        if (taken > 0)
            tell_reader(task);
        if (taken < n) {
            task->suspended = true;
            task->client->suspend(task->client_arg);
        }
    }
    pthread_mutex_unlock(&task->lock);
    return taken;
}

void upload_end(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    task->in.ended = true;
    tell_reader(task);
    pthread_mutex_unlock(&task->lock);
}

bool upload_refuse(struct task *task, int error, int status)
{
    pthread_mutex_lock(&task->lock);
    bool answers = !task->begun && !task->status && task->stage != TASK_SETTLED;
    task->in_error = error;
    task->in.ended = true;
    if (answers)
        task->status = status;
    tell_reader(task);
    pthread_mutex_unlock(&task->lock);
    return answers;
}

bool upload_arrives(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    bool arrives = task->in.data && !task->in.ended;
    pthread_mutex_unlock(&task->lock);
    return arrives;
}

int64_t upload_read(struct task *task, void *buf, size_t n)
{
    int64_t got;
    pthread_mutex_lock(&task->lock);
    while (pipe_filled(&task->in) == 0 && !task->in.ended && !task->in.broken && n > 0)
        pthread_cond_wait(&task->changed, &task->lock);
    got = (int64_t)pipe_take(&task->in, buf, n);
    if (got == 0 && n > 0)
        got = task->in_error != NGI_OK ? task->in_error : task->in.ended ? 0 : why_broken(task);
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
    int64_t got = task->receive_error;
    while (got == NGI_OK && (got = upload_read(task, block, sizeof block)) > 0)
        got = body_append(&task->request->body, &limits, block, (size_t)got);
    task->receive_error = (int)got; /* a body with a hole in it is no body at the second look either */
    task->received = got == NGI_OK;
    return (int)got;
}
