#include "run/task_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "plugin/call.h"
#include "run/later.h"
#include "run/stream.h"

static void log_failure(struct request *request, int rc, const char *why)
{
    if (!why && request->failure)
        log_line(NGI_LOG_WARNING, "%s [%s]: ngi_fail was called (%s), but the handler returned %d, no failure",
                 request->plugin->name, request_id(request), request->failure, rc);
    if (why)
        log_line(NGI_LOG_ERROR, "%s [%s]: %s %s (route \"%s\"): %d: %s", request->plugin->name, request_id(request),
                 request->ngi.method, request->raw_target, request->route->spec->pattern, request->response.status,
                 why);
}

/* Under the lock, which it releases: nobody runs until ngi_later_run. */
static void park(struct task *task)
{
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    task->stage = TASK_PARKED;
    task_hold(task); /* for the ngi_later */
    /* It was given up while the handler ran, and nobody could be answered for that. */
    if (why && task->begun)
        task->out.broken = true;
    else if (why)
        task->status = task_status_for(why);
    task_unlock_and_wake(task);
}

/* A handler that gave up because its time was up has not failed: what it could not do in time is a 504, on the pool,
 * where nobody could say so before, and in the moment before the watch does. */
static int judge_late(const struct task *task, int rc)
{
    struct request *request = task->request;
    if (rc >= 0 || clock_us() < task->deadline_us)
        return rc;
    if (!request->failure)
        request->failure = arena_string(&request->arena, "the deadline has passed");
    return 504;
}

/* The handler, or a continuation, has returned `rc`. True: there is a continuation to run. */
static bool settle(struct task *task, int rc, int64_t took_us)
{
    struct request *request = task->request;
    bool dropped = false;
    struct later *later = NULL;
    if (task->shared) {
        pthread_mutex_lock(&task->lock);
        request->timing.run_us += took_us;
        dropped = task->status || task->abandoned;
        if (task->continuation) {
            pthread_mutex_unlock(&task->lock);
            return true;
        }
        if (rc == NGI_LATER && task->later && !dropped) {
            park(task);
            return false;
        }
        later = task->later;
        task->later = NULL;
        pthread_mutex_unlock(&task->lock);
    } else {
        request->timing.run_us += took_us;
    }
    if (later)
        later_end(later, rc != NGI_LATER);
    if (!request->response.begun)
        rc = judge_late(task, rc);
    if (request->response.begun)
        stream_end(task, rc);
    else if (!dropped)
        log_failure(request, rc, call_settle(request, rc, task->dispatch->debug));
    if (!task->shared) {
        task->stage = TASK_SETTLED;
        return false;
    }
    bool pulls = !dropped && !task->on_pool && stream_opens(task);
    pthread_mutex_lock(&task->lock);
    task->stage = TASK_SETTLED;
    task->pumping = pulls;
    task->deadline_us = INT64_MAX; /* it was the handler's; a pump sets its own */
    task_unlock_and_wake(task);
    if (pulls)
        stream_pump(task);
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

void task_run(struct task *task, bool on_pool)
{
    struct request *request = task->request;
    struct measure measure;
    int64_t now = clock_us();
    int rc;
    do {
        lane_measure(task->lane, &measure, now, on_pool);
        counters_running(request->route);
        if (task->continuation) {
            int (*fn)(ngi_request * r, void *arg) = task->continuation;
            task->continuation = NULL;
            rc = call_continuation(request, fn, task->continuation_arg);
        } else {
            rc = call_handler(request);
        }
        counters_running(NULL);
        lane_note(task->lane, &measure, on_pool);
        now = measure.start_us + measure.took_us;
    } while (settle(task, rc, measure.took_us));
}

bool task_take_up(struct task *task, struct remote *remote)
{
    pthread_mutex_lock(&task->lock);
    bool fresh = !task->continuation; /* a continuation has been promised to run, come what may */
    int64_t now_us = clock_us();
    if (fresh)
        task->request->timing.queue_us = now_us - task->request->timing.arrived_us;
    /* Whoever runs it may be here because what ran before it has been cancelled, a moment before this one is. */
    int why = watch_cancelled_all();
    if (!why && now_us >= task->deadline_us)
        why = NGI_CANCEL_DEADLINE;
    if (fresh && !task->status && why) {
        task->status = task_status_for(why);
        task_mark_cancelled(task, why);
    }
    if (fresh && (task->status || task->abandoned)) {
        task->stage = TASK_SETTLED;
        task_unlock_and_wake(task);
        return false;
    }
    task->stage = TASK_RUNNING;
    task->on_pool = false;
    task->remote = remote;
    pthread_mutex_unlock(&task->lock);
    return true;
}

bool task_put_back(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    bool waits = !task->status && !task->abandoned;
    task->remote = NULL;
    task->stage = waits ? TASK_WAITING : TASK_SETTLED;
    if (waits)
        pthread_mutex_unlock(&task->lock);
    else
        task_unlock_and_wake(task);
    return waits;
}

void task_run_job(struct job *job)
{
    struct task *task = task_of_job(job);
    if (task_take_up(task, NULL))
        task_run(task, false);
    task_release(task);
}

void task_go_away(struct task *task)
{
    if (task_submit(task, task_run_job, true) == NGI_OK)
        return;
    task_hold(task);
    task_run_job(&task->job);
}

int task_submit(struct task *task, void (*run)(struct job *job), bool admitted)
{
    task->moved = true;
    task->job.run = run;
    task_hold(task);
    int rc = executor_submit(task->lane->executor, &task->job, admitted);
    if (rc != NGI_OK)
        atomic_fetch_sub_explicit(&task->refs, 1, memory_order_relaxed); /* the caller's hold is another */
    return rc;
}

void task_go_on(struct task *task)
{
    /* On the pool, if that is where the route belongs: there it needs no thread of its own. Once the response has
     * begun, libmicrohttpd asks for no more than its bytes. */
    if (!task->begun && lane_goes_on_here(task->lane)) {
        task->stage = TASK_CONTINUES;
        task_unlock_and_wake(task);
        return;
    }
    task->stage = TASK_WAITING;
    pthread_mutex_unlock(&task->lock);
    task_go_away(task);
    task_release_elsewhere(task); /* the hold of the ngi_later */
}
