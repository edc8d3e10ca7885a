#include "run/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "run/task.h"
#include "run/upload.h"

enum {
    ROUND_MS = 40,    /* two of them, and a hang-up is known: within 100 */
    ROUND_MIN_MS = 2, /* where deadlines are shorter than that */
    EVENTS = 64,
    WAKE = 0, /* the ticket of `wake_fd` */
};

/* The tasks of one thread's connections: that thread and the watch are the only ones to take its lock. */
struct watch_shard {
    pthread_mutex_t lock;
    struct task *first;
    struct watch_shard *next; /* written before the shard is published */
};

/* Freed when the watch stops. */
static _Atomic(struct watch_shard *) shards;
static _Thread_local struct watch_shard *mine;
static _Thread_local unsigned mine_of; /* the run of the watch that `mine` belongs to */

/* A socket in the epoll set. What epoll reports may be late: a ticket that was given up means nothing. */
struct ticket {
    struct task *task; /* NULL: free */
    uint32_t serial;   /* of its use */
    uint32_t next_free;
};

static pthread_mutex_t tickets_lock = PTHREAD_MUTEX_INITIALIZER; /* of the three; taken under a shard's lock */
static struct ticket *tickets;
static uint32_t ticket_count, free_ticket; /* 0: none free; tickets[0] is not used */

static unsigned run_number = 1; /* written while no other thread runs */
static int epoll_fd = -1, wake_fd = -1;
static pthread_t thread;
static bool started;
static int round_ms;
static _Atomic bool asleep;       /* nothing is watched, and no round is due; seq_cst with the shards' lists */
static _Atomic bool stopping;     /* release, acquire */
static _Atomic int all_cancelled; /* seq_cst with `shards`: see watch_add */

static pthread_mutex_t chore_lock = PTHREAD_MUTEX_INITIALIZER; /* of the two; held while it is done */
static int (*chore)(void *arg, int64_t now_us);
static void *chore_arg;
static _Atomic bool chore_rests = true; /* it is not due before a nudge; seq_cst with what is nudged for */

static void wake(void)
{
    const uint64_t one = 1;
    if (write(wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        log_line(NGI_LOG_ERROR, "the watch cannot be woken: %s", strerror(errno));
}

/* --- tickets ------------------------------------------------------------------------------------------------- */

/* Under the lock of the task's shard: its connection does not end meanwhile, and so its socket stays open. */
static void watch_socket(struct task *task)
{
    struct epoll_event event = { .events = EPOLLRDHUP | EPOLLONESHOT };
    pthread_mutex_lock(&tickets_lock);
    uint32_t number = free_ticket;
    if (!number && (ticket_count & (ticket_count - 1)) == 0) { /* a power of two: as many as there is room for */
        struct ticket *more = realloc(tickets, (ticket_count ? ticket_count * 2 : 2) * sizeof *more);
        if (more)
            tickets = more;
        else
            number = UINT32_MAX;
    }
    if (!number) {
        if (ticket_count == 0)
            tickets[ticket_count++] = (struct ticket){ 0 };
        number = ticket_count++;
        tickets[number] = (struct ticket){ 0 };
    } else if (number != UINT32_MAX) {
        free_ticket = tickets[number].next_free;
    }
    if (number != UINT32_MAX) {
        tickets[number].task = task;
        event.data.u64 = (uint64_t)tickets[number].serial << 32 | number;
    }
    pthread_mutex_unlock(&tickets_lock);
    if (number == UINT32_MAX)
        return; /* out of memory: the next round tries again */
    task->watched.ticket = number + 1;
    /* Where that fails the deadline has to do. */
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, task->fd, &event) < 0)
        log_line(NGI_LOG_WARNING, "a client that hangs up will not be noticed: %s", strerror(errno));
}

/* Under the lock of the task's shard. */
static void unwatch_socket(struct task *task)
{
    uint32_t number = task->watched.ticket - 1;
    (void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, task->fd, NULL);
    task->watched.ticket = 0;
    pthread_mutex_lock(&tickets_lock);
    tickets[number].task = NULL;
    tickets[number].serial++;
    tickets[number].next_free = free_ticket;
    free_ticket = number;
    pthread_mutex_unlock(&tickets_lock);
}

/* The task of a report, with its shard locked; NULL: it is not watched any more. */
static struct task *find_reported(uint64_t report, struct watch_shard **ret_shard)
{
    uint32_t number = (uint32_t)report, serial = (uint32_t)(report >> 32);
    for (;;) {
        pthread_mutex_lock(&tickets_lock);
        bool valid = number < ticket_count && tickets[number].serial == serial && tickets[number].task;
        struct watch_shard *shard = valid ? tickets[number].task->watched.shard : NULL;
        pthread_mutex_unlock(&tickets_lock);
        if (!valid)
            return NULL;
        /* The shard's lock comes first; so what was found has to be looked at again. A shard lives as long as the
         * watch.
         */
        pthread_mutex_lock(&shard->lock);
        pthread_mutex_lock(&tickets_lock);
        struct task *task = tickets[number].serial == serial ? tickets[number].task : NULL;
        pthread_mutex_unlock(&tickets_lock);
        if (task) {
            *ret_shard = shard;
            return task;
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

/* --- rounds -------------------------------------------------------------------------------------------------- */

/* Looks at every task. Returns whether there is any; *ret_next_us: the next deadline. */
static bool go_round(int64_t now_us, int64_t *ret_next_us)
{
    bool any = false;
    *ret_next_us = INT64_MAX;
    for (struct watch_shard *shard = atomic_load_explicit(&shards, memory_order_acquire); shard; shard = shard->next) {
        pthread_mutex_lock(&shard->lock);
        for (struct task *task = shard->first, *next; task; task = next) {
            next = task->watched.next;
            any = true;
            pthread_mutex_lock(&task->lock);
            int64_t deadline_us = task->deadline_us;
            pthread_mutex_unlock(&task->lock);
            if (deadline_us <= now_us)
                task_cancel(task, NGI_CANCEL_DEADLINE);
            else if (deadline_us < *ret_next_us)
                *ret_next_us = deadline_us;
            /* What has been here for two rounds is worth a system call. */
            if (!task->watched.seen)
                task->watched.seen = true;
            else if (!task->watched.ticket && task->fd >= 0)
                watch_socket(task);
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return any;
}

/* Returns when it is due again. */
static int64_t do_chore(int64_t now_us)
{
    pthread_mutex_lock(&chore_lock);
    int next_ms = chore ? chore(chore_arg, now_us) : -1;
    if (next_ms < 0) {
        atomic_store(&chore_rests, true);
        next_ms = chore ? chore(chore_arg, now_us) : -1; /* what has come before that */
        if (next_ms >= 0)
            atomic_store(&chore_rests, false);
    }
    pthread_mutex_unlock(&chore_lock);
    return next_ms < 0 ? INT64_MAX : now_us + next_ms * INT64_C(1000);
}

static void *watch(void *unused)
{
    struct epoll_event events[EVENTS];
    int64_t due_us = 0, chore_us = 0;
    bool idle_before = false;
    (void)unused;
    pthread_setname_np(pthread_self(), "watch");
    while (!atomic_load_explicit(&stopping, memory_order_acquire)) {
        int64_t now_us = clock_us();
        int wait_ms = -1;
        if (now_us >= due_us) {
            int64_t next_us;
            bool any = go_round(now_us, &next_us);
            if (any || !idle_before) {
                due_us = now_us + round_ms * 1000;
                if (next_us < due_us)
                    due_us = next_us > now_us ? next_us : now_us;
            } else {
                /* Nothing for a whole round: sleep until something comes. Who adds looks at `asleep` after its task is
                 * in the list; we look at the lists once more after it is set. */
                atomic_store(&asleep, true);
                if (go_round(now_us, &next_us))
                    atomic_store(&asleep, false);
                due_us = 0;
            }
            idle_before = !any;
        }
        if (now_us >= chore_us)
            chore_us = do_chore(now_us);
        int64_t next_us = atomic_load(&asleep) || chore_us < due_us ? chore_us : due_us;
        if (next_us != INT64_MAX)
            wait_ms = next_us > now_us ? (int)((next_us - now_us + 999) / 1000) : 0;
        int n = epoll_wait(epoll_fd, events, EVENTS, wait_ms);
        for (int i = 0; i < n; i++) {
            struct watch_shard *shard;
            if (events[i].data.u64 == WAKE) {
                uint64_t count;
                (void)!read(wake_fd, &count, sizeof count);
                if (chore_us == INT64_MAX && !atomic_load(&chore_rests))
                    chore_us = 0;
                continue;
            }
            struct task *task = find_reported(events[i].data.u64, &shard);
            if (!task)
                continue;
            /* A client that has only closed its sending side may have sent a body before, and libmicrohttpd has not
             * read all of it yet. It is reported once; a round that finds it without a ticket has it reported again. */
            if (events[i].events & (EPOLLHUP | EPOLLERR) || !upload_arrives(task))
                task_cancel(task, NGI_CANCEL_CLIENT);
            else
                unwatch_socket(task);
            pthread_mutex_unlock(&shard->lock);
        }
        if (atomic_load(&asleep) && n > 0)
            atomic_store(&asleep, false), idle_before = false;
    }
    return NULL;
}

static struct watch_shard *my_shard(void)
{
    if (mine && mine_of == run_number)
        return mine;
    struct watch_shard *shard = calloc(1, sizeof *shard);
    if (!shard)
        return NULL;
    pthread_mutex_init(&shard->lock, NULL);
    shard->next = atomic_load_explicit(&shards, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&shards, &shard->next, shard))
        ;
    mine_of = run_number;
    return mine = shard;
}

/* ---------------------------------------------------------------------------------------------------------- */

int watch_start(int64_t least_timeout_ms, ngi_error *err)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = WAKE };
    round_ms = least_timeout_ms > 0 && least_timeout_ms / 4 < ROUND_MS ? (int)(least_timeout_ms / 4) : ROUND_MS;
    if (round_ms < ROUND_MIN_MS)
        round_ms = ROUND_MIN_MS;
    atomic_store(&stopping, false);
    atomic_store(&asleep, false);
    atomic_store(&chore_rests, true);
    atomic_store(&all_cancelled, 0);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_fd < 0 || wake_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) < 0)
        return ngi_error_set(err, NGI_EIO, "the watch over deadlines and hang-ups: %s", strerror(errno));
    int error = pthread_create(&thread, NULL, watch, NULL);
    if (error)
        return ngi_error_set(err, NGI_EIO, "the watch over deadlines and hang-ups: %s", strerror(error));
    started = true;
    return NGI_OK;
}

void watch_stop(void)
{
    if (started) {
        atomic_store_explicit(&stopping, true, memory_order_release);
        wake();
        pthread_join(thread, NULL);
        started = false;
    }
    if (epoll_fd >= 0)
        close(epoll_fd);
    if (wake_fd >= 0)
        close(wake_fd);
    epoll_fd = wake_fd = -1;
    struct watch_shard *shard = atomic_load_explicit(&shards, memory_order_acquire);
    atomic_store(&shards, NULL);
    while (shard) {
        struct watch_shard *next = shard->next;
        pthread_mutex_destroy(&shard->lock);
        free(shard);
        shard = next;
    }
    run_number++;
    free(tickets);
    tickets = NULL;
    ticket_count = free_ticket = 0;
}

bool watch_add(struct task *task)
{
    struct watched *watched = &task->watched;
    if (watched->shard || !started)
        return true;
    struct watch_shard *shard = my_shard();
    if (!shard)
        return false;
    pthread_mutex_lock(&shard->lock);
    /* Who cancels all says so before it takes this lock: either it finds the task, or the task finds that. */
    if (atomic_load(&all_cancelled)) {
        pthread_mutex_unlock(&shard->lock);
        return false;
    }
    watched->shard = shard;
    watched->seen = false;
    watched->previous = NULL;
    watched->next = shard->first;
    if (shard->first)
        shard->first->watched.previous = task;
    shard->first = task;
    pthread_mutex_unlock(&shard->lock);
    if (atomic_load(&asleep))
        wake();
    return true;
}

void watch_remove(struct task *task)
{
    struct watched *watched = &task->watched;
    struct watch_shard *shard = watched->shard;
    pthread_mutex_lock(&shard->lock);
    if (watched->ticket)
        unwatch_socket(task);
    if (watched->previous)
        watched->previous->watched.next = watched->next;
    else
        shard->first = watched->next;
    if (watched->next)
        watched->next->watched.previous = watched->previous;
    watched->shard = NULL;
    pthread_mutex_unlock(&shard->lock);
}

void watch_cancel_all(int why)
{
    atomic_store(&all_cancelled, why);
    for (struct watch_shard *shard = atomic_load(&shards); shard; shard = shard->next) {
        pthread_mutex_lock(&shard->lock);
        for (struct task *task = shard->first, *next; task; task = next) {
            next = task->watched.next;
            task_cancel(task, why);
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

int watch_cancelled_all(void)
{
    return atomic_load(&all_cancelled);
}

void watch_set_chore(int (*look)(void *arg, int64_t now_us), void *arg)
{
    pthread_mutex_lock(&chore_lock);
    chore = look;
    chore_arg = arg;
    pthread_mutex_unlock(&chore_lock);
}

void watch_nudge(void)
{
    bool rests = true;
    if (atomic_load(&chore_rests) && atomic_compare_exchange_strong(&chore_rests, &rests, false))
        wake();
}
