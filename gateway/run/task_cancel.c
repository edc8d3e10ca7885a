#include "run/task_parts.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "plugin/plugin.h"
#include "run/hosts.h"
#include "run/remote.h"

/* Threads inside client->resume, and a little before: it must not be running when the daemon is freed. Counted under
 * the lock of the task that is resumed, so that who has seen it no longer suspended sees the count. */
static _Atomic unsigned resuming;

/* ---------------------------------------------------------------------------------------------------------- */

int task_status_for(int why)
{
    static const int status_of[] = {
        [NGI_CANCEL_CLIENT] = TASK_STATUS_CUT, [NGI_CANCEL_DEADLINE] = 504, [NGI_CANCEL_SHUTDOWN] = 503
    };
    return status_of[why];
}

void task_mark_cancelled(struct task *task, int why)
{
    const uint64_t one = 1;
    /* Seq_cst with runner_cancel_fd: one of the two sees what the other has stored. */
    atomic_store(&task->cancelled, why);
    int fd = atomic_load(&task->cancel_fd);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        log_line(NGI_LOG_ERROR, "ngi_cancel_fd could not be told: %s", strerror(errno));
    pthread_cond_broadcast(&task->changed);
    /* Who has closed one end may still be listening for what runs already; not beyond the deadline. */
    if (task->remote)
        remote_cancel(task->remote, why != NGI_CANCEL_CLIENT || task->abandoned);
}

bool task_withdraw(struct task *task)
{
    if (task->continuation)
        return false;
    return task->lane->hosts ? hosts_withdraw(task->lane->hosts, task)
                             : executor_withdraw(task->lane->executor, &task->job);
}

void task_cancel(struct task *task, int why)
{
    bool drops = false, cut = false;
    pthread_mutex_lock(&task->lock);
    int before = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    /* A client that has closed its end may still be listening for what runs already; not beyond the deadline. */
    bool over = (task->stage == TASK_SETTLED && !task->pumping) || task->status || (before && before >= why);
    if (over) {
        /* After a 413 its handler still has to hear that it should stop. */
        if (task->status && !before && task->stage != TASK_SETTLED)
            task_mark_cancelled(task, why);
        pthread_mutex_unlock(&task->lock);
        return;
    }
    int status = before == NGI_CANCEL_CLIENT ? TASK_STATUS_CUT : task_status_for(why);
    if (!before)
        task_mark_cancelled(task, why);
    else if (task->remote)
        remote_cancel(task->remote, true);
    task->in.broken = true;
    if (task->begun || task->stage == TASK_SETTLED) { /* what has begun can only be cut */
        cut = task->out.broken = true;
    } else if (task->stage == TASK_WAITING) {
        task->status = status;
        drops = task_withdraw(task);
        if (drops)
            task->stage = TASK_SETTLED;
    } else if (task->stage == TASK_PARKED) {
        task->status = status;
    } else if (task->stage == TASK_RUNNING && !task->on_pool && (before || why != NGI_CANCEL_CLIENT)) {
        task->status = status;
    }
    if (task->status || cut || task->in.data)
        task_unlock_and_wake(task);
    else /* for the connection's side nothing has changed, and a client that is half closed would be cut */
        pthread_mutex_unlock(&task->lock);
    if (cut && why == NGI_CANCEL_DEADLINE)
        log_line(NGI_LOG_WARNING, "%s [%s]: %s %s (route \"%s\"): the response is cut: the deadline has passed",
                 task->request->plugin->name, task->request->id, task->request->ngi.method, task->request->raw_target,
                 task->request->route->spec->pattern);
    if (drops)
        task_release(task);
}

void task_unlock_and_wake(struct task *task)
{
    /* The connection stays suspended, and so alive, until it is resumed here; the task may be gone right after. */
    bool wakes = task->suspended;
    const struct task_client *client = task->client;
    void *arg = task->client_arg;
    task->suspended = false;
    if (wakes)
        atomic_fetch_add_explicit(&resuming, 1, memory_order_relaxed);
    pthread_mutex_unlock(&task->lock);
    if (!wakes)
        return;
    client->resume(arg);
    atomic_fetch_sub_explicit(&resuming, 1, memory_order_release);
}

void task_await_resumed(void)
{
    while (atomic_load_explicit(&resuming, memory_order_acquire) > 0)
        sched_yield();
}
