#include "proc/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/wait_status.h"
#include "proc/backoff.h"
#include "proc/ready.h"
#include "proc/signals.h"

enum {
    YOUNG_MS = 1000,       /* who dies before it is so old may do so again */
    AFTER_GRACE_MS = 3000, /* for what comes after the grace period in a child, which ends by itself */
};

struct member {
    pid_t pid; /* 0: there is none */
    int pidfd;
    int ready;                 /* the parent's end of its pipe; -1: it works, or never will */
    int64_t since_ms, next_ms; /* when it was started; when it may be */
    unsigned failures;         /* to start, or soon after, in a row */
};

/* A crew at work. */
struct work {
    const struct crew *crew;
    struct member *members;
    struct pollfd *fds; /* two a member, and the signals */
    int signals;
    bool works; /* the first has been ready */
    bool told;  /* all have been */
    bool stopping;
    bool hurried;
    int64_t deadline_ms;
    int status;
};

/* --- members ------------------------------------------------------------------------------------------------- */

static void forget(struct member *member)
{
    if (member->pidfd >= 0)
        close(member->pidfd);
    if (member->ready >= 0)
        close(member->ready);
    member->pid = 0;
    member->pidfd = member->ready = -1;
}

static _Noreturn void be_child(const struct work *work, int ready_fd, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) /* it has died in between */
        _exit(1);
    close(work->signals);
    for (unsigned i = 0; i < work->crew->count; i++)
        forget(&work->members[i]);
    exit(work->crew->child(work->crew->arg, ready_fd, !work->works));
}

static void put_off(struct member *member)
{
    member->next_ms = clock_ms() + backoff_ms(++member->failures);
}

static bool start(struct work *work, struct member *member)
{
    int ends[2] = { -1, -1 };
    pid_t parent = getpid(), child = -1;
    if (pipe2(ends, O_CLOEXEC) == 0)
        child = fork();
    if (child == 0) {
        close(ends[0]);
        be_child(work, ends[1], parent);
    }
    if (child < 0) {
        log_line(NGI_LOG_ERROR, "no host process could be started: %s", strerror(errno));
        if (ends[0] >= 0)
            close(ends[0]), close(ends[1]);
        put_off(member);
        return false;
    }
    close(ends[1]);
    member->pid = child;
    member->ready = ends[0];
    member->pidfd = pidfd_open(child, 0);
    member->since_ms = clock_ms();
    if (member->pidfd >= 0)
        return true;
    log_line(NGI_LOG_ERROR, "pidfd_open: %s", strerror(errno));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    forget(member);
    put_off(member);
    return false;
}

static void tell_all(const struct work *work, int signal)
{
    for (unsigned i = 0; i < work->crew->count; i++)
        if (work->members[i].pid)
            kill(work->members[i].pid, signal);
}

static bool any_left(const struct work *work)
{
    for (unsigned i = 0; i < work->crew->count; i++)
        if (work->members[i].pid)
            return true;
    return false;
}

/* --- what happens -------------------------------------------------------------------------------------------- */

static void begin_stop(struct work *work)
{
    work->hurried = work->stopping;
    work->stopping = true;
    work->deadline_ms = clock_ms() + (work->hurried ? 0 : (int64_t)(work->crew->grace * 1000)) + AFTER_GRACE_MS;
    ready_stopping();
    tell_all(work, work->hurried ? SIGINT : SIGTERM); /* two of a kind may become one */
}

static void heed_signals(struct work *work)
{
    int signal;
    while ((signal = signals_next(work->signals)) != 0)
        switch (signal) {
        case SIGTERM:
        case SIGINT: begin_stop(work); break;
        case SIGUSR1: tell_all(work, signal); break;
        default: break; /* SIGCHLD: pidfds tell; the others have no meaning here */
        }
}

/* A member has died. */
static void bury(struct work *work, struct member *member)
{
    int status = 0;
    char end[WAIT_STATUS_SIZE];
    pid_t pid = member->pid;
    bool young = clock_ms() - member->since_ms < YOUNG_MS, was_ready = member->ready < 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    forget(member);
    if (work->stopping) {
        work->status |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
        return;
    }
    if (!work->works) { /* it has said why; the others would say the same */
        work->stopping = true;
        work->status = 1;
        return;
    }
    if (young || !was_ready)
        put_off(member);
    else
        member->next_ms = member->failures = 0;
    log_line(NGI_LOG_ERROR, "host process %d %s: another takes its place%s", (int)pid, wait_status_print(status, end),
             member->next_ms ? ", a little later" : "");
}

/* A member has said that it works, or has closed its end. */
static void take_ready(struct work *work, struct member *member)
{
    char byte;
    if (read(member->ready, &byte, 1) != 1)
        return; /* it dies, and that will be seen */
    close(member->ready);
    member->ready = -1;
    work->works = true;
    bool all = !work->told;
    for (unsigned i = 0; i < work->crew->count; i++)
        all &= work->members[i].pid && work->members[i].ready < 0;
    if (!all)
        return;
    work->told = true;
    work->crew->ready(work->crew->arg);
}

/* Starts those that are due. Returns the milliseconds until the next is; -1: none is. */
static int start_due(struct work *work)
{
    int64_t now = clock_ms(), next = INT64_MAX;
    for (unsigned i = 0; i < work->crew->count; i++) {
        struct member *member = &work->members[i];
        if (member->pid || work->stopping)
            continue;
        if (i > 0 && !work->works) /* one finds out what all would */
            break;
        if (member->next_ms > now || !start(work, member))
            next = member->next_ms < next ? member->next_ms : next;
    }
    now = clock_ms();
    if (work->stopping && work->deadline_ms)
        next = work->deadline_ms;
    return next == INT64_MAX ? -1 : next <= now ? 0 : next - now < INT_MAX ? (int)(next - now) : INT_MAX;
}

static void wait_and_heed(struct work *work, int timeout)
{
    unsigned count = work->crew->count;
    for (unsigned i = 0; i < count; i++) {
        work->fds[2 * i] = (struct pollfd){ work->members[i].ready, POLLIN, 0 };
        work->fds[2 * i + 1] = (struct pollfd){ work->members[i].pidfd, POLLIN, 0 };
    }
    work->fds[2 * count] = (struct pollfd){ work->signals, POLLIN, 0 };
    if (poll(work->fds, 2 * count + 1, timeout) <= 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        bool ended = work->fds[2 * i + 1].revents;
        if (work->fds[2 * i].revents)
            take_ready(work, &work->members[i]);
        if (ended)
            bury(work, &work->members[i]);
    }
    heed_signals(work);
}

/* ---------------------------------------------------------------------------------------------------------- */

int crew_run(const struct crew *crew)
{
    struct work work = { .crew = crew, .signals = signals_open() };
    work.members = calloc(crew->count, sizeof *work.members);
    work.fds = calloc(2 * (size_t)crew->count + 1, sizeof *work.fds);
    if (!work.members || !work.fds || work.signals < 0) {
        log_line(NGI_LOG_ERROR, "host processes: %s", strerror(errno));
        work.stopping = true;
        work.status = 1;
    }
    for (unsigned i = 0; i < crew->count && work.members; i++)
        work.members[i].pidfd = work.members[i].ready = -1;
    while (!work.stopping || (work.members && any_left(&work))) {
        int timeout = start_due(&work);
        if (work.stopping && work.deadline_ms && timeout == 0) {
            log_line(NGI_LOG_ERROR, "host processes that have not ended are killed");
            tell_all(&work, SIGKILL);
            work.deadline_ms = 0;
            continue;
        }
        wait_and_heed(&work, timeout);
    }
    if (work.signals >= 0)
        close(work.signals);
    free(work.members);
    free(work.fds);
    return work.status ? 1 : 0;
}
