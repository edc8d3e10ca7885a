#include "run/hosts_parts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/task_parts.h"

/* --- the queue and the idle, under the lock ------------------------------------------------------------------- */

static void push_task(struct hosts *hosts, struct task *task, bool in_front)
{
    struct job *job = &task->job;
    job->queued = true;
    job->previous = in_front ? NULL : hosts->last;
    job->next = in_front ? hosts->first : NULL;
    *(job->previous ? &job->previous->next : &hosts->first) = job;
    *(job->next ? &job->next->previous : &hosts->last) = job;
    hosts->waiting++;
}

static void unlink_task(struct hosts *hosts, struct job *job)
{
    *(job->previous ? &job->previous->next : &hosts->first) = job->next;
    *(job->next ? &job->next->previous : &hosts->last) = job->previous;
    job->queued = false;
    hosts->waiting--;
}

static struct task *pop_task(struct hosts *hosts)
{
    struct job *job = hosts->first;
    if (!job)
        return NULL;
    unlink_task(hosts, job);
    return task_of_job(job);
}

static unsigned *count_of(struct hosts *hosts, enum remote_stage stage)
{
    switch (stage) {
    case REMOTE_STARTS: return &hosts->starting;
    case REMOTE_IDLE: return &hosts->idle_count;
    case REMOTE_BUSY: return &hosts->busy;
    case REMOTE_LEAVES: break;
    }
    return &hosts->leaving;
}

/* Processes that serve, or are about to. */
static unsigned working(const struct hosts *hosts)
{
    return hosts->starting + hosts->idle_count + hosts->busy;
}

/* Calls that need not wait for others to end, as there will be processes for them. */
static unsigned may_still_begin(const struct hosts *hosts)
{
    unsigned all = hosts->idle_count + hosts->busy;
    return hosts->limits.most > all ? hosts->limits.most - all : 0;
}

/* An idle process, claimed for a call; NULL: there is none. */
static struct remote *take_idle(struct hosts *hosts)
{
    struct remote *remote = hosts->idle;
    if (!remote)
        return NULL;
    hosts_set_stage(remote, REMOTE_BUSY);
    remote->calls++;
    atomic_fetch_add_explicit(&remote->claims, 1, memory_order_relaxed);
    return remote;
}

/* --- giving out calls ----------------------------------------------------------------------------------------- */

/* Whether it may be given to a process together with others: all of it is there, and it is likely to be over soon. */
static bool may_go_ahead(const struct task *task)
{
    const struct request *request = task->request;
    return lane_is_quick(task->lane) && !request->arrives && request->body.fd < 0 &&
           request->body.length <= HOSTS_AHEAD_MOST;
}

/* Whether it is cheaper to have it wait for a process that is awake than to wake another: for the tick at most. */
static bool may_wait(const struct hosts *hosts, const struct task *task)
{
    return hosts->attended && hosts->awake[0] + hosts->awake[1] > 0 && may_go_ahead(task) &&
           lane_usual_us(task->lane) * hosts->waiting <= HOSTS_BATCH_US;
}

/* Several of those that wait, held once more, into remote->ahead; or one, which is none of these. Returns how many. */
static unsigned pop_tasks(struct hosts *hosts, struct remote *remote, struct task *tasks[SLOTS])
{
    uint64_t most = hosts->limits.max_requests ? hosts->limits.max_requests - remote->calls + 1 : SLOTS;
    bool several = remote->slots && hosts->circuit.failures == 0 && may_go_ahead(task_of_job(hosts->first));
    int64_t work_us = 0;
    unsigned count = 0;
    tasks[count++] = pop_task(hosts);
    while (several && count < SLOTS && count < most && hosts->first) {
        struct task *task = task_of_job(hosts->first);
        work_us += lane_usual_us(task->lane);
        if (!may_go_ahead(task) || work_us > HOSTS_BATCH_US)
            break;
        tasks[count++] = pop_task(hosts);
    }
    for (unsigned i = 0; count > 1 && i < count; i++) {
        struct ahead *ahead = &remote->ahead[i];
        *ahead = (struct ahead){ remote, &remote->slots->all[i], tasks[i], false };
        slot_offer(ahead->slot);
        tasks[i]->ahead = ahead;
        task_hold(tasks[i]);
    }
    remote->calls += count - 1;
    return count;
}

/* Gives one idle process what it may have of those that wait. False: there is no such process, or none waits. */
static bool give(struct hosts *hosts, bool hurries)
{
    struct task *tasks[SLOTS];
    pthread_mutex_lock(&hosts->lock);
    bool gives = hosts->first && (hurries || !may_wait(hosts, task_of_job(hosts->first)));
    struct remote *remote = gives ? take_idle(hosts) : NULL;
    unsigned count = remote ? pop_tasks(hosts, remote, tasks) : 0;
    hosts->attended |= count > 1;
    pthread_mutex_unlock(&hosts->lock);
    if (count == 1 && !remote_begin(remote, tasks[0]))
        hosts_put_back(hosts, tasks[0]);
    if (count <= 1)
        return remote;
    hosts->gave_ahead = true;
    if (!hosts->tick.set)
        reactor_set(&hosts->tick, clock_us() + HOSTS_TICK_US);
    remote_begin_ahead(remote, tasks, count);
    for (unsigned i = 0; i < count; i++)
        task_release(tasks[i]);
    return true;
}

/* Nothing will run it. */
static void refuse(struct task *task)
{
    if (task_take_up(task, NULL))
        task_refuse(task);
    task_release(task);
}

/* ---------------------------------------------------------------------------------------------------------- */

void hosts_set_stage(struct remote *remote, enum remote_stage stage)
{
    struct hosts *hosts = remote->hosts;
    if (remote->stage == REMOTE_BUSY && remote->busy_since + 1 >= hosts->ticks)
        hosts->awake[remote->busy_since % 2]--;
    if (stage == REMOTE_BUSY) {
        remote->busy_since = hosts->ticks;
        hosts->awake[hosts->ticks % 2]++;
    }
    --*count_of(hosts, remote->stage);
    ++*count_of(hosts, stage);
    if (remote->stage == REMOTE_IDLE) {
        struct remote **at = &hosts->idle;
        while (*at != remote)
            at = &(*at)->next_idle;
        *at = remote->next_idle;
    }
    if (stage == REMOTE_IDLE) { /* the latest first: its caches are warm */
        remote->next_idle = hosts->idle;
        hosts->idle = remote;
    }
    remote->stage = stage;
}

/* How many more there should be. */
unsigned hosts_lacking(const struct hosts *hosts)
{
    unsigned wanted = hosts->busy + hosts->waiting + hosts->limits.spare;
    if (hosts->stopping || !hosts->started)
        return 0;
    if (hosts->circuit.open)
        wanted = hosts->busy + hosts->waiting; /* of which there is none but the one that probes */
    wanted = wanted < hosts->limits.most ? wanted : hosts->limits.most;
    return wanted > working(hosts) ? wanted - working(hosts) : 0;
}

/* A call that no process has begun. The circuit may have opened since it was let in: then it is refused like those that
 * come now, or processes would be made for it, with no pause between them. */
void hosts_put_back(struct hosts *hosts, struct task *task)
{
    pthread_mutex_lock(&hosts->lock);
    bool waits = !hosts->circuit.open || hosts->circuit.probing;
    if (waits)
        push_task(hosts, task, true);
    pthread_mutex_unlock(&hosts->lock);
    if (waits)
        reactor_ask(&hosts->grow);
    else
        refuse(task);
}

void hosts_give_out(struct hosts *hosts, bool awake)
{
    while (give(hosts, awake))
        awake = false;
}

void hosts_tick(struct reactor_timer *timer)
{
    struct hosts *hosts = (struct hosts *)((char *)timer - offsetof(struct hosts, tick));
    bool goes_on = hosts->gave_ahead;
    hosts->gave_ahead = false;
    pthread_mutex_lock(&hosts->lock);
    bool hurries = hosts->first && hosts->first == hosts->waited; /* for a tick, and others are not faster */
    hosts->waited = hosts->first;
    bool others_idle = hosts->idle_count > 0;
    hosts->ticks++;
    hosts->awake[hosts->ticks % 2] = 0;
    pthread_mutex_unlock(&hosts->lock);
    for (struct remote *remote = hosts->all; remote; remote = remote->next)
        goes_on |= remote_tick(remote, others_idle);
    if (goes_on) {
        reactor_set(&hosts->tick, clock_us() + HOSTS_TICK_US);
    } else {
        pthread_mutex_lock(&hosts->lock);
        hosts->attended = false;
        pthread_mutex_unlock(&hosts->lock);
    }
    while (give(hosts, hurries))
        ;
}

/* Nothing will run those that wait. */
void hosts_refuse_all(struct hosts *hosts)
{
    for (;;) {
        pthread_mutex_lock(&hosts->lock);
        struct task *task = pop_task(hosts);
        pthread_mutex_unlock(&hosts->lock);
        if (!task)
            return;
        refuse(task);
    }
}

struct hosts *hosts_new(const struct hosts_limits *limits, const struct hosts_source *source, void *arg)
{
    struct hosts *hosts = calloc(1, sizeof *hosts);
    pthread_condattr_t monotonic;
    if (!hosts)
        return NULL;
    hosts->limits = *limits;
    hosts->source = source;
    hosts->source_arg = arg;
    hosts->grow.run = hosts_grow_now;
    hosts->later.fire = hosts_grow_later;
    hosts->tick.fire = hosts_tick;
    pthread_mutex_init(&hosts->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&hosts->none, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return hosts;
}

void hosts_start(struct hosts *hosts)
{
    pthread_mutex_lock(&hosts->lock);
    hosts->started = true;
    pthread_mutex_unlock(&hosts->lock);
    reactor_ask(&hosts->grow);
}

void hosts_begin_stop(struct hosts *hosts)
{
    pthread_mutex_lock(&hosts->lock);
    bool started = hosts->started;
    hosts->stopping = true;
    pthread_mutex_unlock(&hosts->lock);
    if (started)
        reactor_ask(&hosts->grow);
}

void hosts_stop(struct hosts *hosts)
{
    const struct timespec until = clock_after(hosts->limits.grace_us + 2 * HOSTS_LEAVE_US + HOSTS_TOLD_US);
    int rc = 0;
    hosts_begin_stop(hosts);
    pthread_mutex_lock(&hosts->lock);
    while (hosts->started && hosts->all && rc == 0)
        rc = pthread_cond_timedwait(&hosts->none, &hosts->lock, &until);
    bool started = hosts->started;
    if (started && hosts->all)
        log_line(NGI_LOG_ERROR, "plugin %s: host processes have not ended", hosts->limits.plugin);
    pthread_mutex_unlock(&hosts->lock);
    if (started)
        reactor_flush(); /* what it does for them now, it has done then */
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    pthread_cond_destroy(&hosts->none);
    pthread_mutex_destroy(&hosts->lock);
    free(hosts);
}

int hosts_submit(struct hosts *hosts, struct task *task)
{
    int rc = NGI_OK;
    bool begins = false;
    pthread_mutex_lock(&hosts->lock);
    struct remote *remote = NULL;
    if (hosts->stopping || !circuit_admits(&hosts->circuit, clock_us())) {
        rc = NGI_EBUSY;
    } else if (!hosts->first && !may_wait(hosts, task) && (remote = take_idle(hosts)) != NULL) {
        begins = true;
    } else if (hosts->waiting >= hosts->limits.queue + may_still_begin(hosts)) {
        rc = NGI_EBUSY;
    }
    if (rc == NGI_OK)
        task_hold(task);
    if (rc == NGI_OK && !begins)
        push_task(hosts, task, false);
    bool lacks = rc == NGI_OK && hosts_lacking(hosts) > 0;
    pthread_mutex_unlock(&hosts->lock);
    if (begins && !remote_begin(remote, task))
        hosts_put_back(hosts, task);
    if (lacks)
        reactor_ask(&hosts->grow);
    return rc;
}

enum hosts_try hosts_try(struct hosts *hosts, struct task *task)
{
    pthread_mutex_lock(&hosts->lock);
    bool plain = !hosts->stopping && !hosts->first && !hosts->circuit.open;
    struct remote *remote = plain ? take_idle(hosts) : NULL;
    bool lacks = remote && hosts_lacking(hosts) > 0;
    pthread_mutex_unlock(&hosts->lock);
    if (lacks)
        reactor_ask(&hosts->grow);
    if (!remote)
        return HOSTS_NOT_TRIED;
    switch (remote_try(remote, task, HOSTS_QUICK_US)) {
    case REMOTE_ANSWERED: return HOSTS_ANSWERED;
    case REMOTE_GOES_ON: return HOSTS_GOES_ON;
    case REMOTE_UNREACHED: break;
    }
    return HOSTS_NOT_TRIED;
}

bool hosts_withdraw(struct hosts *hosts, struct task *task)
{
    pthread_mutex_lock(&hosts->lock);
    bool queued = task->job.queued;
    struct ahead *ahead = task->ahead;
    if (queued) {
        unlink_task(hosts, &task->job);
    } else if (ahead && slot_withdraw(ahead->slot)) {
        ahead->task = NULL;
        task->ahead = NULL;
        queued = true;
    }
    if (ahead) /* where it has begun, it is to hear that it should stop; else it may be the last that was out */
        reactor_ask(&ahead->remote->errand);
    pthread_mutex_unlock(&hosts->lock);
    return queued;
}

void hosts_look(struct hosts *hosts, struct hosts_state *ret)
{
    int64_t now = clock_us();
    pthread_mutex_lock(&hosts->lock);
    *ret = (struct hosts_state){
        .processes = working(hosts),
        .busy = hosts->busy,
        .waiting = hosts->waiting,
        .calls = hosts->calls,
        .recycled = hosts->recycled,
        .crashed = hosts->crashed,
        .failures = hosts->circuit.failures,
        .circuit = circuit_name(&hosts->circuit),
        .retry_s = (circuit_wait_us(&hosts->circuit, now) + 999999) / 1000000,
    };
    memcpy(ret->last, hosts->last_crash, sizeof ret->last);
    pthread_mutex_unlock(&hosts->lock);
}

int64_t hosts_wait_s(struct hosts *hosts)
{
    struct hosts_state state;
    hosts_look(hosts, &state);
    return 1 + state.retry_s;
}

bool hosts_are_idle(struct hosts *hosts)
{
    pthread_mutex_lock(&hosts->lock);
    bool idle = hosts->busy == 0 && hosts->waiting == 0;
    pthread_mutex_unlock(&hosts->lock);
    return idle;
}
