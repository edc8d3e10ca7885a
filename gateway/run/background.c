#include "run/background.h"

#include <stdlib.h>

#include "obs/counters.h"
#include "plugin/call.h"
#include "run/task.h"

/* On its own, because it outlives the request. */
struct background {
    struct job job;
    struct background *next;
    struct lane *lane;
    void (*fn)(void *arg);
    void *arg;
};

/* Runs all that one request has added, in order. */
static void run(struct background *background)
{
    while (background) {
        struct background *next = background->next;
        struct lane *lane = background->lane;
        counters_running(lane->route);
        call_background(lane->route, background->fn, background->arg);
        counters_running(NULL);
        atomic_fetch_sub_explicit(&lane->background, 1, memory_order_relaxed);
        free(background);
        background = next;
    }
}

static void run_job(struct job *job)
{
    run((struct background *)((char *)job - offsetof(struct background, job)));
}

/* ---------------------------------------------------------------------------------------------------------- */

int background_add(struct task *task, void (*fn)(void *arg), void *arg)
{
    struct lane *lane = task->lane;
    if (!fn)
        return NGI_EINVAL;
    if (atomic_fetch_add_explicit(&lane->background, 1, memory_order_relaxed) >= lane->background_most) {
        atomic_fetch_sub_explicit(&lane->background, 1, memory_order_relaxed);
        return NGI_EBUSY;
    }
    struct background *background = calloc(1, sizeof *background);
    if (!background) {
        atomic_fetch_sub_explicit(&lane->background, 1, memory_order_relaxed);
        return NGI_ENOMEM;
    }
    *background = (struct background){ .job = { .run = run_job }, .lane = lane, .fn = fn, .arg = arg };
    struct background **at = &task->background;
    while (*at)
        at = &(*at)->next;
    *at = background;
    return NGI_OK;
}

void background_start(struct task *task)
{
    struct background *first = task->background;
    task->background = NULL;
    /* It has been promised to run: where no thread can be had, it is this one that does. */
    if (first && executor_submit(first->lane->afterwards, &first->job, true) != NGI_OK)
        run(first);
}
