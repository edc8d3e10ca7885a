#include "run/task.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/problem.h"
#include "run/hosts.h"
#include "run/later.h"
#include "run/neighbours.h"
#include "run/remote.h"
#include "run/task_parts.h"

/* Seconds after which another try may find room. */
static void put_retry_after(struct task *task)
{
    enum { MOST_S = 60 };
    int64_t seconds = lane_wait_s(task->lane);
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)(seconds < MOST_S ? seconds : MOST_S));
    (void)response_set_header(&task->request->response, "Retry-After", text);
}

/* Why nothing runs it. */
static void log_refusal(struct task *task, int rc)
{
    struct request *request = task->request;
    if (rc != NGI_EBUSY && rc != NGI_ECANCELED)
        log_line(NGI_LOG_ERROR, "%s [%s]: %s %s (route \"%s\"): 503: no thread could be made for it: %s",
                 request->plugin->name, request_id(request), request->ngi.method, request->raw_target,
                 request->route->spec->pattern, ngi_strerror(rc));
}

static void arrive(struct task *task, const struct dispatch *dispatch)
{
    struct request *request = task->request;
    task->dispatch = dispatch;
    task->lane = request->route->lane;
    request->timing.arrived_us = clock_us();
    if (request->route->timeout_us > 0 && task->deadline_us == INT64_MAX)
        task->deadline_us = request->timing.arrived_us + request->route->timeout_us;
}

/* Hands it to the executor; false: it has been refused. */
static bool send_away(struct task *task)
{
    task->stage = TASK_WAITING;
    struct hosts *hosts = task->lane->hosts;
    task->request->timing.rung = hosts ? "process" : "thread";
    int rc = task_share(task);
    if (rc == NGI_OK)
        rc = hosts ? hosts_submit(hosts, task) : task_submit(task, task_run_job, false);
    if (rc == NGI_OK)
        return true;
    log_refusal(task, rc);
    task_refuse(task);
    return false;
}

/* ---------------------------------------------------------------------------------------------------------- */

void task_refuse(struct task *task)
{
    problem_respond(task->request, 503, false, NULL);
    put_retry_after(task);
    pthread_mutex_lock(&task->lock); /* the watch may know of it */
    task->stage = TASK_SETTLED;
    task_unlock_and_wake(task);
}

enum task_news task_begin(struct task *task, const struct dispatch *dispatch)
{
    arrive(task, dispatch);
    enum lane_place place = lane_place(task->lane);
    if (place == LANE_AWAY && lane_is_quick(task->lane) && neighbours_hold()) {
        task->request->timing.rung = "process";
        enum hosts_try how = hosts_try(task->lane->hosts, task);
        neighbours_release();
        if (how != HOSTS_NOT_TRIED)
            return how == HOSTS_GOES_ON ? task_look(task) : TASK_RESPOND;
    }
    if (place == LANE_AWAY)
        return send_away(task) ? task_look(task) : TASK_RESPOND;
    task->stage = TASK_RUNNING;
    task->on_pool = true;
    task_run(task, true);
    if (place == LANE_HERE_HELD)
        neighbours_release();
    return task->shared ? task_look(task) : TASK_RESPOND;
}

bool task_start(struct task *task, const struct dispatch *dispatch)
{
    arrive(task, dispatch);
    return send_away(task);
}

enum task_news task_continue(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    task->stage = TASK_RUNNING;
    task->on_pool = true;
    pthread_mutex_unlock(&task->lock);
    task_run(task, true);
    task_release(task); /* the hold of the ngi_later */
    return task_look(task);
}

enum task_news task_look(struct task *task)
{
    enum task_news news = TASK_WAIT;
    pthread_mutex_lock(&task->lock);
    if (task->stage == TASK_CONTINUES)
        news = TASK_CONTINUE;
    else if (task->status)
        news = task->status == TASK_STATUS_CUT ? TASK_CUT : TASK_REPLACE;
    else if (task->stage == TASK_SETTLED || task->begun)
        news = TASK_RESPOND;
    if (news == TASK_WAIT && watch_cancelled_all()) {
        task->status = 503; /* from here on no connection may be suspended */
        news = TASK_REPLACE;
    }
    if (news == TASK_WAIT) {
        task->suspended = true;
        task->client->suspend(task->client_arg);
    }
    pthread_mutex_unlock(&task->lock);
    return news;
}

struct task *task_replace(struct task *task, size_t max_response)
{
    struct request *request = task->request;
    struct task *other = task_take(max_response);
    if (!other)
        return NULL;
    pthread_mutex_lock(&task->lock);
    int status = task->status;
    bool runs = task->stage == TASK_RUNNING;
    struct timing timing = request->timing;
    pthread_mutex_unlock(&task->lock);
    if (runs)
        timing.run_us = clock_us() - timing.arrived_us - timing.queue_us; /* so far */
    else if (timing.queue_us == 0)
        timing.queue_us = clock_us() - timing.arrived_us; /* it never left the queue */
    other->request->timing = timing;
    request_stand_in(other->request, request);
    problem_respond(other->request, status, status == 504, NULL);
    if (status == 503)
        (void)response_set_header(&other->request->response, "Retry-After", "1");
    log_line(NGI_LOG_WARNING, "%s [%s]: %s %s (route \"%s\"): %d: %s%s", request->plugin->name, request->id,
             request->ngi.method, request->raw_target, request->route->spec->pattern, status,
             status == 504   ? "the deadline has passed"
             : status == 413 ? "the body is larger than max_body"
             : status == 408 ? "the body has not come in time"
                             : "the gateway is stopping",
             runs ? "; the handler is still running" : "");
    return other;
}

bool task_is_over(struct task *task)
{
    pthread_mutex_lock(&task->lock);
    bool over = task->stage != TASK_RUNNING && task->stage != TASK_WAITING && !task->pumping;
    if (!over && !task->suspended) {
        task->suspended = true;
        task->client->suspend(task->client_arg);
    }
    pthread_mutex_unlock(&task->lock);
    return over;
}

struct timing task_timing(struct task *task)
{
    if (!task->shared)
        return task->request->timing;
    pthread_mutex_lock(&task->lock);
    const struct timing timing = task->request->timing;
    pthread_mutex_unlock(&task->lock);
    return timing;
}

void task_end(struct task *task)
{
    struct later *later = NULL;
    bool drops = false, runs = false; /* the hold of who would have run it; what nobody else can run */
    if (task->watched.shard)
        watch_remove(task);
    if (!task->shared) {
        task_release(task);
        return;
    }
    pthread_mutex_lock(&task->lock);
    task->abandoned = true;
    if (task->stage != TASK_SETTLED && !atomic_load_explicit(&task->cancelled, memory_order_relaxed))
        task_mark_cancelled(task, NGI_CANCEL_CLIENT);
    else if (task->remote)
        remote_cancel(task->remote, true);
    task->out.broken = task->in.broken = true;
    pthread_cond_broadcast(&task->changed);
    switch (task->stage) {
    case TASK_WAITING: drops = task_withdraw(task); break;
    case TASK_PARKED:
        later = task->later;
        task->later = NULL;
        drops = true;
        break;
    case TASK_CONTINUES:
        task->stage = TASK_WAITING;
        runs = true;
        break;
    case TASK_SETTLED: drops = task->pumping && executor_withdraw(task->lane->executor, &task->job); break;
    case TASK_NEW:
    case TASK_RUNNING: break;
    }
    if (drops) {
        task->stage = TASK_SETTLED;
        task->pumping = false;
    }
    pthread_mutex_unlock(&task->lock);
    if (later)
        later_end(later, false);
    if (runs)
        task_go_away(task);
    if (runs || drops)
        task_release(task);
    task_release(task);
}

int task_share(struct task *task)
{
    if (task->shared)
        return NGI_OK;
    if (watch_cancelled_all())
        return NGI_ECANCELED;
    request_id(task->request); /* from now on it is only read */
    int rc = request_own(task->request);
    if (rc != NGI_OK)
        return rc;
    task->shared = true;
    if (watch_add(task))
        return NGI_OK;
    task->shared = false; /* nobody has learnt of it */
    return watch_cancelled_all() ? NGI_ECANCELED : NGI_ENOMEM;
}
