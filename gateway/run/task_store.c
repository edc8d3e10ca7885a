#include "run/task.h"

#include <stdlib.h>
#include <unistd.h>

#include "plugin/call.h"
#include "run/background.h"

enum { IDLE_MOST = 64 }; /* what a burst leaves behind beyond this is freed */

/* Each thread keeps some of those that were given back on it: a warm request allocates nothing, and no two threads
 * meet.
 */
static _Thread_local unsigned idle_count;
static _Thread_local struct task *idle;
static _Thread_local bool keeps; /* this thread takes tasks; others that happen to end one free it */
static pthread_key_t idle_key;
static pthread_once_t idle_once = PTHREAD_ONCE_INIT;

static void free_idle(void *unused)
{
    (void)unused;
    task_thread_end();
}

static void make_key(void)
{
    /* Without a key the objects of a thread that ends are lost, no more. */
    (void)pthread_key_create(&idle_key, free_idle);
}

static void task_free(struct task *task)
{
    request_free(task->request);
    pthread_mutex_destroy(&task->lock);
    pthread_cond_destroy(&task->changed);
    free(task);
}

static void renew(struct task *task)
{
    task->dispatch = NULL;
    task->lane = NULL;
    task->client = NULL;
    task->client_arg = NULL;
    task->fd = -1;
    atomic_store_explicit(&task->refs, 1, memory_order_relaxed);
    task->shared = task->moved = task->on_pool = false;
    task->background = NULL;
    task->stage = TASK_NEW;
    task->suspended = task->begun = task->abandoned = task->pumping = false;
    task->status = 0;
    task->deadline_us = INT64_MAX;
    atomic_store_explicit(&task->cancelled, 0, memory_order_relaxed);
    atomic_store_explicit(&task->cancel_fd, -1, memory_order_relaxed);
    task->remote = NULL;
    task->ahead = NULL;
    task->later = NULL;
    task->continuation = NULL;
    task->streamed = 0;
    task->in_error = NGI_OK;
    task->received = false;
    task->receive_error = NGI_OK;
    task->watched = (struct watched){ 0 };
}

static void give_back(struct task *task)
{
    if (!keeps || idle_count == IDLE_MOST) {
        task_free(task);
        return;
    }
    renew(task);
    idle_count++;
    task->next_idle = idle;
    idle = task;
}

/* Runs what the plugin wants run at the end, and forgets the request. */
static void finish(struct task *task)
{
    int fd = atomic_load_explicit(&task->cancel_fd, memory_order_relaxed);
    background_start(task);
    call_finish(task->request);
    if (fd >= 0)
        close(fd);
    pipe_close(&task->out);
    pipe_close(&task->in);
    give_back(task);
}

static void finish_job(struct job *job)
{
    finish(task_of_job(job));
}

static bool has_plugin_end(const struct request *request)
{
    return request->finishers || request->response.kind == RESPONSE_STREAM;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct task *task_take(size_t max_response)
{
    struct task *task = idle;
    if (task) {
        idle = task->next_idle;
        idle_count--;
        return task;
    }
    task = calloc(1, sizeof *task);
    if (!task)
        return NULL;
    task->request = request_new(max_response);
    if (!task->request) {
        free(task);
        return NULL;
    }
    task->request->task = task;
    pthread_mutex_init(&task->lock, NULL);
    pthread_cond_init(&task->changed, NULL);
    renew(task);
    if (!keeps) {
        pthread_once(&idle_once, make_key);
        pthread_setspecific(idle_key, &keeps); /* any value but NULL has free_idle called */
        keeps = true;
    }
    return task;
}

void task_thread_end(void)
{
    keeps = false;
    idle_count = 0;
    while (idle) {
        struct task *task = idle;
        idle = task->next_idle;
        task_free(task);
    }
}

void task_release(struct task *task)
{
    if (atomic_fetch_sub_explicit(&task->refs, 1, memory_order_acq_rel) > 1)
        return;
    /* What has run on a thread of its own may block at its end too. */
    if (keeps && task->moved && has_plugin_end(task->request)) {
        task->job.run = finish_job;
        if (executor_submit(task->lane->executor, &task->job, true) == NGI_OK)
            return;
    }
    finish(task);
}

/* For threads that are not the gateway's, and may hold a lock of the plugin that its clean-ups want. */
void task_release_elsewhere(struct task *task)
{
    if (atomic_fetch_sub_explicit(&task->refs, 1, memory_order_acq_rel) > 1)
        return;
    if (has_plugin_end(task->request) || task->background) {
        task->job.run = finish_job;
        if (executor_submit(task->lane->executor, &task->job, true) == NGI_OK)
            return;
    }
    finish(task);
}
