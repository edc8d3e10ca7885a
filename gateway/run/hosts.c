#include "run/hosts_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/circuit.h"
#include "run/task_parts.h"

enum {
    TOLD_US = 1000 * 1000,  /* so long after a process has ended, somebody will have told how */
    LEAVE_US = 1000 * 1000, /* a process gets this, beyond the grace, to end */
};

struct hosts {
    struct hosts_limits limits;
    const struct hosts_source *source;
    void *source_arg;
    struct reactor_errand grow; /* there may be too few processes, or it stops */
    struct reactor_timer later; /* when a process may be made again */
    uint64_t last_number;       /* the reactor's */

    pthread_mutex_t lock; /* of what follows; no other is taken under it, but it under a task's */
    pthread_cond_t none;  /* no process is left */
    struct remote *all, *idle;
    struct job *first, *last; /* tasks that wait */
    unsigned waiting, idle_count, busy, starting, leaving;
    struct circuit circuit;
    bool started, stopping;
    uint64_t calls, recycled, crashed;
    char last_crash[sizeof((struct hosts_state *)0)->last];
};

static void (*teller)(const char *text); /* before threads start */

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

static void set_stage(struct remote *remote, enum remote_stage stage)
{
    struct hosts *hosts = remote->hosts;
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

/* Processes that serve, or are about to. */
static unsigned working(const struct hosts *hosts)
{
    return hosts->starting + hosts->idle_count + hosts->busy;
}

/* Calls that need not wait for others to end, as there will be processes for them. */
static unsigned starting(const struct hosts *hosts)
{
    unsigned all = hosts->idle_count + hosts->busy;
    return hosts->limits.most > all ? hosts->limits.most - all : 0;
}

/* How many more there should be. */
static unsigned lacking(const struct hosts *hosts)
{
    unsigned wanted = hosts->busy + hosts->waiting + hosts->limits.spare;
    if (hosts->stopping || !hosts->started)
        return 0;
    if (hosts->circuit.open)
        wanted = hosts->busy + hosts->waiting; /* of which there is none but the one that probes */
    wanted = wanted < hosts->limits.most ? wanted : hosts->limits.most;
    return wanted > working(hosts) ? wanted - working(hosts) : 0;
}

/* An idle process, claimed for a call; NULL: there is none. */
static struct remote *take_idle(struct hosts *hosts)
{
    struct remote *remote = hosts->idle;
    if (!remote)
        return NULL;
    set_stage(remote, REMOTE_BUSY);
    remote->calls++;
    atomic_store_explicit(&remote->claimed, true, memory_order_relaxed);
    return remote;
}

/* --- giving out calls ----------------------------------------------------------------------------------------- */

/* Nothing will run it. */
static void refuse(struct task *task)
{
    if (task_take_up(task, NULL))
        task_refuse(task);
    task_release(task);
}

/* A call that no process has begun. The circuit may have opened since it was let in: then it is refused like those that
 * come now, or processes would be made for it, with no pause between them. */
static void put_back(struct hosts *hosts, struct task *task)
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

/* Gives what waits to what is idle. */
static void give_out(struct hosts *hosts)
{
    for (;;) {
        struct task *task = NULL;
        pthread_mutex_lock(&hosts->lock);
        struct remote *remote = hosts->first ? take_idle(hosts) : NULL;
        if (remote)
            task = pop_task(hosts);
        pthread_mutex_unlock(&hosts->lock);
        if (!remote)
            return;
        if (!remote_begin(remote, task))
            put_back(hosts, task);
    }
}

static void refuse_all(struct hosts *hosts)
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

/* --- making and ending processes; the reactor's thread -------------------------------------------------------- */

static struct remote *find(struct hosts *hosts, uint64_t number)
{
    struct remote *remote = hosts->all;
    while (remote && remote->number != number)
        remote = remote->next;
    return remote;
}

static void note_failure(struct hosts *hosts, const char *what);
static void tell_crash(struct hosts *hosts, const char *how);

static void note_unmade(struct hosts *hosts, const char *why)
{
    char how[sizeof((ngi_error *)0)->text + 64];
    snprintf(how, sizeof how, "no host process could be made: %s", why);
    tell_crash(hosts, how);
    note_failure(hosts, how);
}

/* One that cannot be made is a failure as one that crashes is: so there is a pause before the next, or no next. */
static void make(struct hosts *hosts)
{
    int ends[2];
    ngi_error err = { 0 };
    uint64_t number = ++hosts->last_number;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        ngi_error_set(&err, NGI_EIO, "socketpair: %s", strerror(errno));
        note_unmade(hosts, err.text);
        return;
    }
    struct remote *remote = remote_new(hosts, number, ends[0]);
    if (!remote) {
        close(ends[0]);
        close(ends[1]);
        note_unmade(hosts, "out of memory");
        return;
    }
    pthread_mutex_lock(&hosts->lock);
    remote->next = hosts->all;
    hosts->all = remote;
    remote->stage = REMOTE_STARTS;
    hosts->starting++;
    pthread_mutex_unlock(&hosts->lock);
    if (hosts->source->make(hosts->source_arg, number, ends[1], &err) != NGI_OK)
        hosts_ended(hosts, number, HOSTS_STATUS_UNKNOWN, err.text);
}

static void dismiss(struct remote *remote, int64_t patience_us)
{
    pthread_mutex_lock(&remote->hosts->lock);
    set_stage(remote, REMOTE_LEAVES);
    pthread_mutex_unlock(&remote->hosts->lock);
    remote_dismiss(remote);
    reactor_set(&remote->patience, clock_us() + patience_us);
}

/* All that are not busy end now, those that are, with their call. */
static void dismiss_all(struct hosts *hosts)
{
    pthread_mutex_lock(&hosts->lock);
    struct remote *remote = hosts->all;
    if (!remote)
        pthread_cond_broadcast(&hosts->none);
    pthread_mutex_unlock(&hosts->lock);
    for (struct remote *next; remote; remote = next) {
        next = remote->next;
        if (remote->stage == REMOTE_LEAVES || remote->ended)
            continue;
        dismiss(remote, hosts->limits.grace_us + LEAVE_US);
    }
}

static void grow(struct hosts *hosts)
{
    for (;;) {
        pthread_mutex_lock(&hosts->lock);
        bool stopping = hosts->stopping;
        unsigned lacks = lacking(hosts);
        int64_t wait_us = circuit_wait_us(&hosts->circuit, clock_us());
        pthread_mutex_unlock(&hosts->lock);
        if (stopping) {
            reactor_unset(&hosts->later);
            dismiss_all(hosts);
        }
        if (lacks == 0)
            return;
        if (wait_us > 0) {
            reactor_set(&hosts->later, clock_us() + wait_us);
            return;
        }
        make(hosts);
    }
}

static void grow_now(struct reactor_errand *errand)
{
    struct hosts *hosts = (struct hosts *)((char *)errand - offsetof(struct hosts, grow));
    give_out(hosts);
    grow(hosts);
}

static void grow_later(struct reactor_timer *timer)
{
    grow((struct hosts *)((char *)timer - offsetof(struct hosts, later)));
}

/* A process has ended that should not have, or could not be made. */
static void note_failure(struct hosts *hosts, const char *what)
{
    char text[512];
    pthread_mutex_lock(&hosts->lock);
    snprintf(hosts->last_crash, sizeof hosts->last_crash, "%s", what);
    bool opens = circuit_fail(&hosts->circuit, clock_us());
    int64_t pause_us = hosts->circuit.pause_us;
    unsigned failures = hosts->circuit.failures;
    pthread_mutex_unlock(&hosts->lock);
    if (opens) {
        snprintf(text, sizeof text,
                 "plugin %s: its host processes keep failing, %u times in a row: its calls are answered 503, and one "
                 "is tried after %.1f s; the latest: %s",
                 hosts->limits.plugin, failures, (double)pause_us / 1e6, what);
        log_line(NGI_LOG_ERROR, "%s", text);
        if (teller)
            teller(text);
        refuse_all(hosts);
    }
}

/* How a process ended, in words. */
static void describe(const struct remote *remote, char *text, size_t size)
{
    int status = remote->status;
    if (remote->killed)
        snprintf(text, size, "its host process %d was killed: %s", (int)remote->pid, remote->killed);
    else if (status == HOSTS_STATUS_UNKNOWN)
        snprintf(text, size, "its host process %d ended, nobody knows how", (int)remote->pid);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "its host process %d died of SIG%s", (int)remote->pid, sigabbrev_np(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == HOSTS_EXIT_AFTER_FORK)
        snprintf(text, size, "its host process %d could not begin: after_fork failed, and the log has its words",
                 (int)remote->pid);
    else
        snprintf(text, size, "its host process %d ended with status %d, which nobody had asked it to", (int)remote->pid,
                 WEXITSTATUS(status));
}

static void tell_crash(struct hosts *hosts, const char *how)
{
    char text[512];
    snprintf(text, sizeof text, "plugin %s: %s", hosts->limits.plugin, how);
    log_line(NGI_LOG_ERROR, "%s", text);
    if (teller)
        teller(text);
}

/* It gets no more calls. */
static void retire(struct remote *remote)
{
    struct hosts *hosts = remote->hosts;
    if (remote->retired)
        return;
    remote->retired = true;
    pthread_mutex_lock(&hosts->lock);
    remote->planned = remote->stage == REMOTE_LEAVES || hosts->stopping;
    if (remote->stage != REMOTE_LEAVES)
        set_stage(remote, REMOTE_LEAVES);
    pthread_mutex_unlock(&hosts->lock);
}

/* Takes it off the list, and counts how it ended. */
static void unlink_remote(struct remote *remote, bool planned)
{
    struct hosts *hosts = remote->hosts;
    struct remote **at = &hosts->all;
    pthread_mutex_lock(&hosts->lock);
    while (*at != remote)
        at = &(*at)->next;
    *at = remote->next;
    hosts->leaving--;
    *(planned ? &hosts->recycled : &hosts->crashed) += 1;
    if (!hosts->all)
        pthread_cond_broadcast(&hosts->none);
    pthread_mutex_unlock(&hosts->lock);
}

/* It has ended, and all that will be known of it is. `why`: it never was. */
static void bury(struct remote *remote, const char *why)
{
    enum { SOON_US = 1000 };
    struct hosts *hosts = remote->hosts;
    struct task *task = NULL;
    char how[256];
    remote->ended = true;
    remote_hung_up(remote);
    retire(remote);
    /* A thread has found it idle a moment ago, and will find that nobody listens. */
    if (atomic_load_explicit(&remote->claimed, memory_order_acquire)) {
        reactor_set(&remote->patience, clock_us() + SOON_US);
        return;
    }
    remote_drain(remote); /* it may have answered before */
    if (why)
        snprintf(how, sizeof how, "no host process could be made: %s", why);
    else
        describe(remote, how, sizeof how);
    /* Whoever kills idle ones from outside says nothing of the plugin; but one that never served anything may. */
    bool tells = remote->calls == 0 || remote_has_call(remote) || remote->killed;
    bool again = remote_lose_call(remote, how, &task), planned = remote->planned && !remote->killed;
    unlink_remote(remote, planned);
    remote_free(remote);
    if (again)
        put_back(hosts, task);
    if (!planned) {
        tell_crash(hosts, how);
        if (tells)
            note_failure(hosts, how);
    }
    give_out(hosts);
    grow(hosts);
}

/* --- what remotes tell ---------------------------------------------------------------------------------------- */

void hosts_call_over(struct remote *remote, const char *broken)
{
    struct hosts *hosts = remote->hosts;
    const struct hosts_limits *limits = &hosts->limits;
    if (remote->retired)
        return; /* and will be buried */
    if (broken) {
        remote_kill(remote, broken);
        return; /* its end will be seen */
    }
    bool grown = limits->max_rss && remote_rss(remote) > limits->max_rss;
    pthread_mutex_lock(&hosts->lock);
    hosts->calls++;
    bool closes = circuit_succeed(&hosts->circuit);
    bool leaves = hosts->stopping || remote->stage == REMOTE_LEAVES || grown ||
                  (limits->max_requests && remote->calls >= limits->max_requests);
    bool lacks = leaves || lacking(hosts) > 0;
    if (!leaves)
        set_stage(remote, REMOTE_IDLE);
    pthread_mutex_unlock(&hosts->lock);
    if (closes) {
        char text[128];
        snprintf(text, sizeof text, "plugin %s: its host processes work again", limits->plugin);
        log_line(NGI_LOG_INFO, "%s", text);
        if (teller)
            teller(text);
    }
    if (leaves && remote->stage != REMOTE_LEAVES)
        dismiss(remote, limits->grace_us + LEAVE_US);
    give_out(hosts);
    if (lacks)
        grow(hosts);
}

void hosts_answered(struct remote *remote)
{
    struct hosts *hosts = remote->hosts;
    const struct hosts_limits *limits = &hosts->limits;
    pthread_mutex_lock(&hosts->lock);
    /* What is not plain is the reactor's. */
    bool plain = remote->stage == REMOTE_BUSY && !hosts->stopping && !hosts->first && hosts->circuit.failures == 0 &&
                 limits->max_rss == 0 && (limits->max_requests == 0 || remote->calls < limits->max_requests);
    if (plain) {
        hosts->calls++;
        set_stage(remote, REMOTE_IDLE);
    }
    if (plain) /* it may be claimed again from here on */
        atomic_store_explicit(&remote->claimed, false, memory_order_release);
    pthread_mutex_unlock(&hosts->lock);
    if (plain)
        return;
    remote_over(remote);
    atomic_store_explicit(&remote->claimed, false, memory_order_release);
}

void hosts_hung_up(struct remote *remote)
{
    remote_hung_up(remote);
    reactor_remove(&remote->socket);
    retire(remote);
    if (!remote->patience.set) /* it was not told to end */
        reactor_set(&remote->patience, clock_us() + TOLD_US);
}

void hosts_died(struct remote *remote)
{
    remote->ended = true;
    reactor_remove(&remote->death);
    if (remote->status != HOSTS_STATUS_UNKNOWN)
        bury(remote, NULL);
    else
        reactor_set(&remote->patience, clock_us() + TOLD_US);
}

void hosts_impatient(struct remote *remote)
{
    if (remote->ended)
        bury(remote, NULL); /* how it did, nobody has told */
    else
        remote_kill(remote, remote->hung_up && !remote->planned ? "it had closed its socket, and did not end"
                                                                : "it had not ended in time");
}

int64_t hosts_patience_us(const struct remote *remote, bool final)
{
    const struct hosts_limits *limits = &remote->hosts->limits;
    return final ? limits->kill_after_us : limits->grace_us;
}

/* ---------------------------------------------------------------------------------------------------------- */

void hosts_set_teller(void (*tell)(const char *text))
{
    teller = tell;
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
    hosts->grow.run = grow_now;
    hosts->later.fire = grow_later;
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

void hosts_stop(struct hosts *hosts)
{
    int64_t until_us = clock_us() + hosts->limits.grace_us + 2 * LEAVE_US + TOLD_US;
    const struct timespec until = { until_us / 1000000, until_us % 1000000 * 1000 };
    int rc = 0;
    pthread_mutex_lock(&hosts->lock);
    bool started = hosts->started;
    hosts->stopping = true;
    pthread_mutex_unlock(&hosts->lock);
    if (!started)
        return;
    reactor_ask(&hosts->grow);
    pthread_mutex_lock(&hosts->lock);
    while (hosts->all && rc == 0)
        rc = pthread_cond_timedwait(&hosts->none, &hosts->lock, &until);
    if (hosts->all)
        log_line(NGI_LOG_ERROR, "plugin %s: host processes have not ended", hosts->limits.plugin);
    pthread_mutex_unlock(&hosts->lock);
    reactor_flush(); /* where there was no process, what was asked for may not have been done: hosts_free may follow */
}

void hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    pthread_cond_destroy(&hosts->none);
    pthread_mutex_destroy(&hosts->lock);
    free(hosts);
}

void hosts_came(struct hosts *hosts, uint64_t number, pid_t pid, int pidfd)
{
    struct remote *remote = find(hosts, number);
    if (!remote || remote->pidfd >= 0) {
        close(pidfd);
        return;
    }
    if (remote_came(remote, pid, pidfd) != NGI_OK) {
        log_line(NGI_LOG_ERROR, "plugin %s: host process %d: epoll_ctl: %s", hosts->limits.plugin, (int)pid,
                 strerror(errno));
        remote_kill(remote, "the reactor cannot wait for it");
    }
    pthread_mutex_lock(&hosts->lock);
    if (remote->stage == REMOTE_STARTS && !remote->killed)
        set_stage(remote, REMOTE_IDLE);
    pthread_mutex_unlock(&hosts->lock);
    give_out(hosts);
}

void hosts_ended(struct hosts *hosts, uint64_t number, int status, const char *why)
{
    struct remote *remote = find(hosts, number);
    if (!remote)
        return;
    remote->status = status;
    bury(remote, why);
}

int hosts_submit(struct hosts *hosts, struct task *task)
{
    int rc = NGI_OK;
    bool begins = false;
    pthread_mutex_lock(&hosts->lock);
    struct remote *remote = NULL;
    if (hosts->stopping || !circuit_admits(&hosts->circuit, clock_us())) {
        rc = NGI_EBUSY;
    } else if (!hosts->first && (remote = take_idle(hosts)) != NULL) {
        begins = true;
    } else if (hosts->waiting >= hosts->limits.queue + starting(hosts)) {
        rc = NGI_EBUSY;
    }
    if (rc == NGI_OK)
        task_hold(task);
    if (rc == NGI_OK && !begins)
        push_task(hosts, task, false);
    bool lacks = rc == NGI_OK && lacking(hosts) > 0;
    pthread_mutex_unlock(&hosts->lock);
    if (begins && !remote_begin(remote, task))
        put_back(hosts, task);
    if (lacks)
        reactor_ask(&hosts->grow);
    return rc;
}

enum hosts_try hosts_try(struct hosts *hosts, struct task *task)
{
    pthread_mutex_lock(&hosts->lock);
    bool plain = !hosts->stopping && !hosts->first && !hosts->circuit.open;
    struct remote *remote = plain ? take_idle(hosts) : NULL;
    bool lacks = remote && lacking(hosts) > 0;
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
    if (queued)
        unlink_task(hosts, &task->job);
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
