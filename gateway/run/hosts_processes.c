#include "run/hosts_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait_status.h"

static void (*teller)(const char *text); /* before threads start */

static struct remote *find(struct hosts *hosts, uint64_t number)
{
    struct remote *remote = hosts->all;
    while (remote && remote->number != number)
        remote = remote->next;
    return remote;
}

static void note_failure(struct hosts *hosts, const char *what);
static void tell_crash(struct hosts *hosts, const char *how);

/* In this order: whoever has read it in the log finds it among what went wrong as well. */
static void announce(int level, const char *text)
{
    if (teller)
        teller(text);
    log_line(level, "%s", text);
}

/* Under the lock. */
static void set_last_crash(struct hosts *hosts, const char *how)
{
    snprintf(hosts->last_crash, sizeof hosts->last_crash, "%.*s", (int)sizeof hosts->last_crash - 1, how);
}

static void note_unmade(struct hosts *hosts, const char *why)
{
    char how[sizeof((ngi_error *)0)->text + 64];
    snprintf(how, sizeof how, "no host process could be made: %s", why);
    pthread_mutex_lock(&hosts->lock);
    set_last_crash(hosts, how);
    pthread_mutex_unlock(&hosts->lock);
    tell_crash(hosts, how);
    note_failure(hosts, how);
}

/* One that cannot be made is a failure as one that crashes is: so there is a pause before the next, or no next. */
static void make(struct hosts *hosts)
{
    int ends[2];
    const int on = 1;
    ngi_error err = { 0 };
    uint64_t number = ++hosts->last_number;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        ngi_error_set(&err, NGI_EIO, "socketpair: %s", strerror(errno));
        note_unmade(hosts, err.text);
        return;
    }
    /* What is sent out of band is read like the rest, or it is lost in recvmsg(2), which closes what came along. */
    (void)setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
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
    hosts_set_stage(remote, REMOTE_LEAVES);
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
        int64_t told_us = clock_us() + HOSTS_TOLD_US;
        if (remote->ended && remote->patience.set && remote->patience.at_us > told_us)
            reactor_set(&remote->patience, told_us);
        if (remote->stage == REMOTE_LEAVES || remote->ended)
            continue;
        /* Calls have had their time. What ends without one may have background work. */
        dismiss(remote, remote->stage == REMOTE_BUSY ? HOSTS_LEAVE_US : hosts->limits.grace_us + HOSTS_LEAVE_US);
    }
}

void hosts_grow_now(struct reactor_errand *errand)
{
    struct hosts *hosts = (struct hosts *)((char *)errand - offsetof(struct hosts, grow));
    hosts_give_out(hosts, false);
    hosts_grow(hosts);
}

void hosts_grow_later(struct reactor_timer *timer)
{
    hosts_grow((struct hosts *)((char *)timer - offsetof(struct hosts, later)));
}

/* A process has ended that should not have, or could not be made. */
static void note_failure(struct hosts *hosts, const char *what)
{
    char text[512];
    pthread_mutex_lock(&hosts->lock);
    bool opens = circuit_fail(&hosts->circuit, clock_us());
    int64_t pause_us = hosts->circuit.pause_us;
    unsigned failures = hosts->circuit.failures;
    pthread_mutex_unlock(&hosts->lock);
    if (opens) {
        snprintf(text, sizeof text,
                 "plugin %s: its host processes keep failing, %u times in a row: its calls are answered 503, and one "
                 "is "
                 "tried after %.1f s; the latest: %s",
                 hosts->limits.plugin, failures, (double)pause_us / 1e6, what);
        announce(NGI_LOG_ERROR, text);
        hosts_refuse_all(hosts);
    }
}

/* How a process ended, in words. */
static void describe(const struct remote *remote, char *text, size_t size)
{
    int status = remote->status;
    char end[WAIT_STATUS_SIZE];
    if (remote->killed)
        snprintf(text, size, "its host process %d was killed: %s", (int)remote->pid, remote->killed);
    else if (status == HOSTS_STATUS_UNKNOWN)
        snprintf(text, size, "its host process %d ended, nobody knows how", (int)remote->pid);
    else if (WIFEXITED(status) && WEXITSTATUS(status) == HOSTS_EXIT_AFTER_FORK)
        snprintf(text, size, "its host process %d could not begin: after_fork failed, and the log has its words",
                 (int)remote->pid);
    else
        snprintf(text, size, "its host process %d %s%s", (int)remote->pid, wait_status_print(status, end),
                 WIFEXITED(status) ? ", which nobody had asked it to" : "");
}

static void tell_crash(struct hosts *hosts, const char *how)
{
    char text[sizeof((ngi_error *)0)->text + 256];
    snprintf(text, sizeof text, "plugin %s: %s", hosts->limits.plugin, how);
    announce(NGI_LOG_ERROR, text);
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
        hosts_set_stage(remote, REMOTE_LEAVES);
    pthread_mutex_unlock(&hosts->lock);
}

/* Takes it off the list, and counts how it ended: who sees that one more has crashed sees the words for it. */
static void unlink_remote(struct remote *remote, bool planned, const char *how)
{
    struct hosts *hosts = remote->hosts;
    struct remote **at = &hosts->all;
    pthread_mutex_lock(&hosts->lock);
    while (*at != remote)
        at = &(*at)->next;
    *at = remote->next;
    hosts->leaving--;
    *(planned ? &hosts->recycled : &hosts->crashed) += 1;
    if (!planned)
        set_last_crash(hosts, how);
    bool last = !hosts->all;
    if (last)
        pthread_cond_broadcast(&hosts->none);
    hosts->attended &= !last;
    if (last) /* under the lock: who waits for that frees it */
        reactor_unset(&hosts->tick);
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
    reactor_remove(&remote->socket);
    retire(remote);
    /* A thread has found it idle a moment ago, and will find that nobody listens. */
    if (atomic_load_explicit(&remote->claims, memory_order_acquire) > 0) {
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
    bool again = remote_lose_call(remote, how, &task);
    remote_lose_ahead(remote, how);
    bool planned = remote->planned && !remote->killed;
    if (remote->hostile)
        hosts->not_before_us = clock_us() + HOSTS_BARRED_US;
    unlink_remote(remote, planned, how);
    remote_free(remote);
    if (again)
        hosts_put_back(hosts, task);
    if (!planned) {
        tell_crash(hosts, how);
        if (tells)
            note_failure(hosts, how);
    }
    hosts_give_out(hosts, false);
    hosts_grow(hosts);
}

/* ---------------------------------------------------------------------------------------------------------- */

void hosts_set_teller(void (*tell)(const char *text))
{
    teller = tell;
}

void hosts_grow(struct hosts *hosts)
{
    for (;;) {
        pthread_mutex_lock(&hosts->lock);
        bool stopping = hosts->stopping;
        unsigned lacks = hosts_lacking(hosts);
        int64_t wait_us = circuit_wait_us(&hosts->circuit, clock_us());
        int64_t barred_us = hosts->not_before_us - clock_us();
        wait_us = barred_us > wait_us ? barred_us : wait_us;
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

void hosts_call_over(struct remote *remote, const char *broken)
{
    struct hosts *hosts = remote->hosts;
    const struct hosts_limits *limits = &hosts->limits;
    if (remote->retired)
        return; /* and will be buried */
    if (broken) {
        remote_kill(remote, broken);
        hosts_hung_up(remote); /* nothing more of it is read, whoever goes on sending; its end will be seen */
        return;
    }
    bool grown = limits->max_rss && remote_rss(remote) > limits->max_rss;
    pthread_mutex_lock(&hosts->lock);
    hosts->calls += remote->done ? remote->ran : 1;
    remote->calls -= remote->done - remote->ran; /* some it has been given in vain */
    remote->done = remote->ran = 0;
    bool closes = circuit_succeed(&hosts->circuit);
    bool leaves = hosts->stopping || remote->stage == REMOTE_LEAVES || grown ||
                  (limits->max_requests && remote->calls >= limits->max_requests);
    bool lacks = leaves || hosts_lacking(hosts) > 0;
    if (!leaves)
        hosts_set_stage(remote, REMOTE_IDLE);
    pthread_mutex_unlock(&hosts->lock);
    if (closes) {
        char text[128];
        snprintf(text, sizeof text, "plugin %s: its host processes work again", limits->plugin);
        announce(NGI_LOG_INFO, text);
    }
    if (leaves && remote->stage != REMOTE_LEAVES)
        dismiss(remote, limits->grace_us + HOSTS_LEAVE_US);
    hosts_give_out(hosts, !leaves);
    if (lacks)
        hosts_grow(hosts);
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
        hosts_set_stage(remote, REMOTE_IDLE);
    }
    if (plain) /* it may be claimed again from here on */
        remote_unclaim(remote);
    pthread_mutex_unlock(&hosts->lock);
    if (plain)
        return;
    remote_over(remote);
    remote_unclaim(remote);
}

void hosts_hung_up(struct remote *remote)
{
    remote_hung_up(remote);
    reactor_remove(&remote->socket);
    retire(remote);
    if (!remote->patience.set) /* it was not told to end */
        reactor_set(&remote->patience, clock_us() + HOSTS_TOLD_US);
}

void hosts_died(struct remote *remote)
{
    struct hosts *hosts = remote->hosts;
    remote->ended = true;
    reactor_remove(&remote->death);
    if (remote->status != HOSTS_STATUS_UNKNOWN) {
        bury(remote, NULL);
        return;
    }
    pthread_mutex_lock(&hosts->lock);
    bool stopping = hosts->stopping;
    pthread_mutex_unlock(&hosts->lock);
    reactor_set(&remote->patience, clock_us() + (stopping ? HOSTS_TOLD_US : HOSTS_HOW_US));
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
        hosts_set_stage(remote, REMOTE_IDLE);
    pthread_mutex_unlock(&hosts->lock);
    hosts_give_out(hosts, false);
}

void hosts_ended(struct hosts *hosts, uint64_t number, int status, const char *why)
{
    struct remote *remote = find(hosts, number);
    if (!remote)
        return;
    remote->status = status;
    bury(remote, why);
}
