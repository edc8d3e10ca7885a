#include "run/later.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/log.h"
#include "run/task.h"

enum { LATER_REST = 4096 }; /* handles that rest before the first of them is used again */

enum later_state {
    LATER_FREE,   /* run, dropped or never used */
    LATER_OUT,    /* the plugin has it, and its task waits for it */
    LATER_TAKEN,  /* being run or dropped */
    LATER_ORPHAN, /* the plugin has it, but the request has been given up */
};

struct later {
    ngi_later handle; /* first: what the plugin has */
    enum later_state state;
    int why; /* of an orphan: NGI_ECANCELED, NGI_ETIMEDOUT */
    struct task *task;
    struct later *next_free;
};

/* Of all handles' state and task, and of the queue of the free. Held for a few instructions at a time; the lock of a
 * task is never taken under it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct later *first_free, *last_free;
static unsigned free_count;

static void put_free(struct later *later)
{
    later->state = LATER_FREE;
    later->task = NULL;
    later->next_free = NULL;
    if (last_free)
        last_free->next_free = later;
    else
        first_free = later;
    last_free = later;
    free_count++;
}

static struct later *take_free(void)
{
    struct later *later = first_free;
    if (!later || free_count < LATER_REST)
        return calloc(1, sizeof *later);
    first_free = later->next_free;
    if (!first_free)
        last_free = NULL;
    free_count--;
    return later;
}

/* Takes the handle for running or dropping, and holds its task. NULL: there is none any more; *ret_rc says why. */
static struct task *take(struct later *later, int *ret_rc)
{
    struct task *task = NULL;
    *ret_rc = NGI_EINVAL;
    pthread_mutex_lock(&lock);
    if (later->state == LATER_OUT) {
        task = later->task;
        task_hold(task);
        later->state = LATER_TAKEN;
    } else if (later->state == LATER_ORPHAN) {
        *ret_rc = later->why;
        put_free(later);
    }
    pthread_mutex_unlock(&lock);
    return task;
}

static void release(struct later *later)
{
    pthread_mutex_lock(&lock);
    put_free(later);
    pthread_mutex_unlock(&lock);
}

static int why_given_up(const struct task *task)
{
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    return why == NGI_CANCEL_DEADLINE ? NGI_ETIMEDOUT : NGI_ECANCELED;
}

static int give_up(ngi_request *r, void *unused)
{
    (void)unused;
    request_of(r)->failure = arena_string(&request_of(r)->arena, "the response was promised for later, and dropped");
    return NGI_EFAIL;
}

/* Runs or, with `fn` NULL, drops. */
static int use(ngi_later *handle, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    struct later *later = (struct later *)handle;
    int rc;
    struct task *task = take(later, &rc);
    if (!task)
        return rc;
    pthread_mutex_lock(&task->lock);
    bool parked = task->stage == TASK_PARKED;
    if (task->later != later || task->status || task->abandoned) {
        rc = task->status || task->abandoned ? why_given_up(task) : NGI_EINVAL;
        bool holds = task->later == later && parked;
        if (task->later == later)
            task->later = NULL;
        if (holds)
            task->stage = TASK_SETTLED;
        pthread_mutex_unlock(&task->lock);
        if (holds)
            task_release_elsewhere(task);
    } else if (!fn && !parked) {
        /* Before the handler has returned: then what it returns counts. */
        rc = NGI_OK;
        task->later = NULL;
        pthread_mutex_unlock(&task->lock);
    } else {
        rc = NGI_OK;
        task->later = NULL;
        task->continuation = fn ? fn : give_up;
        task->continuation_arg = arg;
        if (parked)
            task_go_on(task);
        else
            pthread_mutex_unlock(&task->lock); /* the handler has not returned yet, and will find it */
    }
    release(later);
    task_release_elsewhere(task);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

ngi_later *later_new(struct task *task)
{
    pthread_mutex_lock(&lock);
    struct later *later = take_free();
    if (later) {
        later->handle.ngi = task->request->ngi.ngi;
        later->state = LATER_OUT;
        later->task = task;
    }
    pthread_mutex_unlock(&lock);
    if (!later)
        return NULL;
    pthread_mutex_lock(&task->lock);
    task->later = later;
    pthread_mutex_unlock(&task->lock);
    return &later->handle;
}

int later_run(ngi_later *handle, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    return use(handle, fn, arg);
}

void later_drop(ngi_later *handle)
{
    /* Of one that has ended, or whose client has left, nothing is to be given up. */
    (void)use(handle, NULL, NULL);
}

void later_end(struct later *later, bool told)
{
    pthread_mutex_lock(&lock);
    if (later->state == LATER_OUT && told) {
        put_free(later);
    } else if (later->state == LATER_OUT) {
        later->why = why_given_up(later->task);
        later->state = LATER_ORPHAN;
        later->task = NULL;
    }
    pthread_mutex_unlock(&lock);
}
