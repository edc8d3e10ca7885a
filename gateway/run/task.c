#include "run/task.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/problem.h"
#include "obs/counters.h"
#include "plugin/call.h"
#include "run/background.h"
#include "run/later.h"
#include "run/neighbours.h"
#include "run/stream.h"

/* --- objects ------------------------------------------------------------------------------------------------- */

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

/* --- the end ------------------------------------------------------------------------------------------------- */

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

/* --- running ------------------------------------------------------------------------------------------------- */

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

/* The gateway's answer where a request is given up before anything has been sent. */
static const int status_of[] = {
    [NGI_CANCEL_CLIENT] = TASK_STATUS_CUT, [NGI_CANCEL_DEADLINE] = 504, [NGI_CANCEL_SHUTDOWN] = 503
};

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
        task->status = status_of[why];
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
    }
    if (!task->shared)
        request->timing.run_us += took_us;
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

/* Runs the handler, or what is to go on for it, on this thread. */
static void run_plugin(struct task *task, bool on_pool)
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

/* On a thread of the executor. */
static void run_job(struct job *job)
{
    struct task *task = task_of_job(job);
    pthread_mutex_lock(&task->lock);
    bool fresh = !task->continuation; /* a continuation has been promised to run, come what may */
    int64_t now_us = clock_us();
    if (fresh)
        task->request->timing.queue_us = now_us - task->request->timing.arrived_us;
    if (fresh && !task->status && now_us >= task->deadline_us) {
        task->status = 504;
        task_mark_cancelled(task, NGI_CANCEL_DEADLINE);
    }
    if (fresh && (task->status || task->abandoned)) {
        task->stage = TASK_SETTLED;
        task_unlock_and_wake(task);
    } else {
        task->stage = TASK_RUNNING;
        task->on_pool = false;
        pthread_mutex_unlock(&task->lock);
        run_plugin(task, false);
    }
    task_release(task);
}

/* Seconds after which another try may find room: what those that wait will take. */
static void put_retry_after(struct task *task)
{
    enum { MOST_S = 60 };
    struct executor_state state = executor_look(task->lane->executor);
    int64_t seconds = 1 + state.usual_us * state.waiting / (state.threads ? state.threads : 1) / 1000000;
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)(seconds < MOST_S ? seconds : MOST_S));
    (void)response_set_header(&task->request->response, "Retry-After", text);
}

static void refuse(struct task *task, int rc)
{
    struct request *request = task->request;
    pthread_mutex_lock(&task->lock); /* the watch may know of it */
    task->stage = TASK_SETTLED;
    pthread_mutex_unlock(&task->lock);
    problem_respond(request, 503, false, NULL);
    put_retry_after(task);
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
    if (request->route->timeout_us > 0)
        task->deadline_us = request->timing.arrived_us + request->route->timeout_us;
}

/* Hands it to the executor; false: it has been refused. */
static bool send_away(struct task *task)
{
    task->stage = TASK_WAITING;
    task->request->timing.rung = "thread";
    int rc = task_share(task);
    if (rc == NGI_OK)
        rc = task_submit(task, run_job, false);
    if (rc != NGI_OK)
        refuse(task, rc);
    return rc == NGI_OK;
}

/* Runs a continuation on a thread of the executor, or where there is none, because it has been promised, on this one.
 */
static void go_away(struct task *task)
{
    if (task_submit(task, run_job, true) == NGI_OK)
        return;
    task_hold(task);
    run_job(&task->job);
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

enum task_news task_begin(struct task *task, const struct dispatch *dispatch)
{
    arrive(task, dispatch);
    enum lane_place place = lane_place(task->lane);
    if (place == LANE_AWAY)
        return send_away(task) ? task_look(task) : TASK_RESPOND;
    task->stage = TASK_RUNNING;
    task->on_pool = true;
    run_plugin(task, true);
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
    run_plugin(task, true);
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
                             : "the gateway is stopping",
             runs ? "; the handler is still running" : "");
    return other;
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
    task->out.broken = task->in.broken = true;
    pthread_cond_broadcast(&task->changed);
    switch (task->stage) {
    case TASK_WAITING: drops = !task->continuation && executor_withdraw(task->lane->executor, &task->job); break;
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
        go_away(task);
    if (runs || drops)
        task_release(task);
    task_release(task);
}

/* --- for run/ ------------------------------------------------------------------------------------------------ */

void task_mark_cancelled(struct task *task, int why)
{
    const uint64_t one = 1;
    /* Seq_cst with runner_cancel_fd: one of the two sees what the other has stored. */
    atomic_store(&task->cancelled, why);
    int fd = atomic_load(&task->cancel_fd);
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        log_line(NGI_LOG_ERROR, "ngi_cancel_fd could not be told: %s", strerror(errno));
    pthread_cond_broadcast(&task->changed);
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
    int status = before == NGI_CANCEL_CLIENT ? TASK_STATUS_CUT : status_of[why];
    if (!before)
        task_mark_cancelled(task, why);
    task->in.broken = true;
    if (task->begun || task->stage == TASK_SETTLED) { /* what has begun can only be cut */
        cut = task->out.broken = true;
    } else if (task->stage == TASK_WAITING) {
        task->status = status;
        drops = !task->continuation && executor_withdraw(task->lane->executor, &task->job);
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

/* Threads inside client->resume, and a little before: it must not be running when the daemon is freed. Counted under
 * the lock of the task that is resumed, so that who has seen it no longer suspended sees the count. */
static _Atomic unsigned resuming;

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
    go_away(task);
    task_release_elsewhere(task); /* the hold of the ngi_later */
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
