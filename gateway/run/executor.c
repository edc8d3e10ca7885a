#include "run/executor.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "plugin/call.h"
#include "sdk/ngi.h"

enum {
    /* Waking a thread costs more than a job shorter than this: such jobs wait for a thread that is awake. */
    SHORT_US = 50,
    /* But no more of them than this for each thread that is awake, */
    SHORT_WAITING = 8,
    /* and no longer than this: a thread that is awake may have met a long job. */
    SENTINEL_MS = 1,
    /* It dozes off when for so many of these nothing has happened. */
    SENTINEL_QUIET = 16,
    /* Jobs are taken to be short when most of the latest were: a long one outweighs so many short ones. Not by an
     * average, which one thread that was kept from its processor for a moment would spoil. */
    LONG_WEIGHS = 4,
    BREVITY_SHORT = 32,
    BREVITY_MOST = 64,
    /* A thread that finds nothing more lets others run this often before it sleeps: they may be about to bring a short
     * job, and a yield is cheaper than a sleep and a wake. */
    YIELDS = 2,
};

/* A thread and what it sleeps on. */
struct worker {
    struct worker *next; /* among the idle, or the ended */
    pthread_t thread;
    sem_t wake;
    bool called; /* taken out of the idle; its semaphore is posted, or about to be */
    struct executor *executor;
};

/* All under `lock`. */
struct executor {
    pthread_mutex_t lock;
    pthread_cond_t empty; /* the last thread is about to end */
    struct job *first, *last;
    struct worker *idle;     /* the latest first: its caches are warm, and the others can end */
    struct worker *sentinel; /* an idle one that looks at the queue every SENTINEL_MS; called when no other is left */
    bool dozing;             /* it has seen nothing happen for a while, and sleeps like the others */
    struct worker *ended;    /* to be joined */
    unsigned waiting, threads, idle_count;
    unsigned called;   /* threads that have been woken or made and have not looked at the queue yet */
    unsigned finished; /* jobs, counted round and round */
    bool stopping;
    int brevity;      /* from 0 to BREVITY_MOST; they are short from BREVITY_SHORT on */
    int64_t usual_us; /* a moving average of what jobs take */
    struct executor_limits limits;
    char name[16];
};

/* --- the queue, under the lock ------------------------------------------------------------------------------- */

static void push(struct executor *executor, struct job *job)
{
    job->next = NULL;
    job->previous = executor->last;
    job->queued = true;
    if (executor->last)
        executor->last->next = job;
    else
        executor->first = job;
    executor->last = job;
    executor->waiting++;
}

static void unlink_job(struct executor *executor, struct job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        executor->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        executor->last = job->previous;
    job->queued = false;
    executor->waiting--;
}

/* Whether those that are awake will soon have taken what waits. */
static bool is_soon_taken(const struct executor *executor)
{
    unsigned awake = executor->threads - executor->idle_count;
    if (executor->called >= executor->waiting)
        return true;
    /* Somebody has to be there who notices if they do not. */
    bool nobody_left = executor->idle_count == 0 && executor->threads == executor->limits.threads;
    bool watched = (executor->sentinel && !executor->dozing) || nobody_left;
    return executor->brevity >= BREVITY_SHORT && awake > 0 && watched && executor->waiting <= awake * SHORT_WAITING;
}

/* --- threads ------------------------------------------------------------------------------------------------- */

static void *work(void *arg);

/* Under the lock. Returns whether there is a new thread. */
static bool add_thread(struct executor *executor)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return false;
    worker->executor = executor;
    sem_init(&worker->wake, 0, 0);
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
        sem_destroy(&worker->wake);
        free(worker);
        return false;
    }
    executor->threads++;
    executor->called++;
    return true;
}

/* Calls one more thread, if there is one to call. Under the lock; returns the worker to post to after it. */
static struct worker *call_thread(struct executor *executor)
{
    /* A sentinel that dozes is needed at its post. */
    bool last = executor->dozing || !executor->idle;
    struct worker *worker = last && executor->sentinel ? executor->sentinel : executor->idle;
    if (!worker) {
        if (executor->threads < executor->limits.threads)
            (void)add_thread(executor); /* where that fails, the threads there are will come to it */
        return NULL;
    }
    if (worker == executor->sentinel)
        executor->sentinel = NULL, executor->dozing = false;
    else
        executor->idle = worker->next;
    worker->called = true;
    executor->idle_count--;
    executor->called++;
    return worker;
}

static void join_ended(struct worker *ended)
{
    while (ended) {
        struct worker *next = ended->next;
        pthread_join(ended->thread, NULL);
        sem_destroy(&ended->wake);
        free(ended);
        ended = next;
    }
}

static void join_idle(struct executor *executor, struct worker *worker)
{
    worker->called = false;
    executor->idle_count++;
    if (!executor->sentinel) {
        executor->sentinel = worker;
        executor->dozing = false;
    } else {
        worker->next = executor->idle;
        executor->idle = worker;
    }
}

static void leave_idle(struct executor *executor, const struct worker *worker)
{
    executor->idle_count--;
    if (executor->sentinel == worker) {
        executor->sentinel = NULL;
        executor->dozing = false;
        return;
    }
    struct worker **at = &executor->idle;
    while (*at != worker)
        at = &(*at)->next;
    *at = worker->next;
}

/* Sleeps until called, `ms` at most. */
static bool sleep_called(struct worker *worker, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int rc;
    while ((rc = sem_clockwait(&worker->wake, CLOCK_MONOTONIC, &until)) < 0 && errno == EINTR)
        ;
    return rc == 0;
}

/* Waits as an idle thread, under the lock, which is released meanwhile. False: it is time to end. */
static bool wait_idle(struct executor *executor, struct worker *worker)
{
    int slept_ms = 0;
    unsigned quiet = 0, finished = executor->finished;
    join_idle(executor, worker);
    for (;;) {
        bool ticks = executor->sentinel == worker && !executor->dozing;
        int ms = ticks ? SENTINEL_MS : executor->limits.idle_ms;
        pthread_mutex_unlock(&executor->lock);
        bool woken = sleep_called(worker, ms);
        pthread_mutex_lock(&executor->lock);
        if (worker->called && !woken) { /* just now: the post is on its way */
            pthread_mutex_unlock(&executor->lock);
            while (sem_wait(&worker->wake) < 0)
                ;
            pthread_mutex_lock(&executor->lock);
        }
        if (worker->called)
            return true;
        slept_ms = executor->finished == finished ? slept_ms + ms : ms;
        quiet = executor->finished == finished ? quiet + 1 : 0;
        finished = executor->finished;
        bool overlooked = executor->waiting > executor->called;
        if (overlooked) {
            leave_idle(executor, worker);
            executor->called++;
            return true;
        }
        if (ticks && quiet >= SENTINEL_QUIET)
            executor->dozing = true;
        if (!ticks || slept_ms >= executor->limits.idle_ms) {
            leave_idle(executor, worker);
            return false;
        }
    }
}

static void learn(struct executor *executor, int64_t took_us)
{
    executor->usual_us += (took_us - executor->usual_us) / 8;
    executor->brevity += took_us <= SHORT_US ? 1 : -LONG_WEIGHS;
    if (executor->brevity < 0)
        executor->brevity = 0;
    else if (executor->brevity > BREVITY_MOST)
        executor->brevity = BREVITY_MOST;
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct executor *executor = worker->executor;
    int yields = YIELDS;
    pthread_setname_np(pthread_self(), executor->name);
    pthread_mutex_lock(&executor->lock);
    executor->called--;
    for (;;) {
        struct job *job = executor->first;
        if (!job && yields > 0 && executor->brevity >= BREVITY_SHORT) {
            yields--;
            pthread_mutex_unlock(&executor->lock);
            sched_yield();
            pthread_mutex_lock(&executor->lock);
            continue;
        }
        if (!job) {
            if (executor->stopping || !wait_idle(executor, worker))
                break;
            yields = YIELDS;
            executor->called--;
            continue;
        }
        yields = YIELDS;
        unlink_job(executor, job);
        struct worker *other = NULL;
        if (executor->waiting > 0 && !is_soon_taken(executor))
            other = call_thread(executor);
        pthread_mutex_unlock(&executor->lock);
        if (other)
            sem_post(&other->wake);
        int64_t start = clock_us();
        job->run(job);
        int64_t took = clock_us() - start;
        pthread_mutex_lock(&executor->lock);
        learn(executor, took);
        executor->finished++;
    }
    executor->threads--;
    struct worker *ended = executor->ended;
    worker->next = NULL;
    executor->ended = worker;
    if (executor->threads == 0)
        pthread_cond_broadcast(&executor->empty);
    pthread_mutex_unlock(&executor->lock);
    call_thread_end();
    join_ended(ended);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct executor *executor_new(const struct executor_limits *limits)
{
    struct executor *executor = calloc(1, sizeof *executor);
    if (!executor)
        return NULL;
    pthread_mutex_init(&executor->lock, NULL);
    pthread_cond_init(&executor->empty, NULL);
    executor->limits = *limits;
    snprintf(executor->name, sizeof executor->name, "%s", limits->name);
    executor->limits.name = executor->name;
    return executor;
}

void executor_free(struct executor *executor)
{
    if (!executor)
        return;
    pthread_mutex_lock(&executor->lock);
    executor->stopping = true;
    while (executor->idle_count > 0)
        sem_post(&call_thread(executor)->wake);
    while (executor->threads > 0)
        pthread_cond_wait(&executor->empty, &executor->lock);
    struct worker *ended = executor->ended;
    pthread_mutex_unlock(&executor->lock);
    join_ended(ended);
    pthread_mutex_destroy(&executor->lock);
    pthread_cond_destroy(&executor->empty);
    free(executor);
}

int executor_submit(struct executor *executor, struct job *job, bool admitted)
{
    struct worker *other = NULL;
    int rc = NGI_OK;
    pthread_mutex_lock(&executor->lock);
    /* Those for whom there is a thread, or one on its way, or one that may be made, do not wait for one. */
    unsigned free_threads = executor->called + executor->idle_count + executor->limits.threads - executor->threads;
    if (!admitted && executor->waiting >= executor->limits.queue + free_threads) {
        rc = NGI_EBUSY;
    } else {
        push(executor, job);
        if (!is_soon_taken(executor))
            other = call_thread(executor);
        if (executor->threads == 0) {
            unlink_job(executor, job);
            rc = NGI_ENOMEM;
        }
    }
    pthread_mutex_unlock(&executor->lock);
    if (other)
        sem_post(&other->wake);
    return rc;
}

bool executor_withdraw(struct executor *executor, struct job *job)
{
    pthread_mutex_lock(&executor->lock);
    bool queued = job->queued;
    if (queued)
        unlink_job(executor, job);
    pthread_mutex_unlock(&executor->lock);
    return queued;
}

struct executor_state executor_look(struct executor *executor)
{
    pthread_mutex_lock(&executor->lock);
    struct executor_state state = { executor->threads, executor->idle_count, executor->waiting, executor->usual_us };
    pthread_mutex_unlock(&executor->lock);
    return state;
}

bool executor_is_idle(struct executor *executor)
{
    struct executor_state state = executor_look(executor);
    return state.waiting == 0 && state.idle == state.threads;
}
