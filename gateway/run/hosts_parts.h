/* What the parts of a process executor need of each other: the calls and who gets them (hosts.c), the processes, how
 * they are made and how they end (hosts_processes.c); and what a remote tells it. */
#ifndef RUN_HOSTS_PARTS_H
#define RUN_HOSTS_PARTS_H

#include "run/circuit.h"
#include "run/hosts.h"
#include "run/remote.h"

enum {
    HOSTS_TICK_US = 1000,        /* so long a call may be in the way of those that have been given with it, or twice */
    HOSTS_BATCH_US = 250,        /* so much work is given to a process at once, as far as one can tell */
    HOSTS_AHEAD_MOST = 2 * 1024, /* bytes of body of a call that is given ahead */
    HOSTS_TOLD_US = 1000 * 1000, /* so long after its socket has been closed, a process has ended */
    HOSTS_BARRED_US = 10 * 1000 * 1000, /* no process is made so long after one that meant harm has ended */
    HOSTS_HOW_US = 5000 * 1000,         /* and so long after that, its zygote, which may stand still, has told how */
    HOSTS_LEAVE_US = 1000 * 1000,       /* a process gets this, beyond the grace, to end */
};

struct hosts {
    struct hosts_limits limits;
    const struct hosts_source *source;
    void *source_arg;
    int64_t not_before_us;      /* no process is made before, by clock_us; the reactor's */
    struct reactor_errand grow; /* there may be too few processes, or it stops */
    struct reactor_timer later; /* when a process may be made again */
    struct reactor_timer tick;  /* while calls are given ahead */
    bool gave_ahead;            /* since the last tick. The reactor's, as is the next. */
    uint64_t last_number;

    pthread_mutex_t lock; /* of what follows; taken under a task's and a remote's, none but the reactor's under it */
    pthread_cond_t none;  /* no process is left */
    struct remote *all, *idle;
    struct job *first, *last; /* tasks that wait */
    const struct job *waited; /* the first of them at the last tick; only to be compared */
    unsigned waiting, idle_count, busy, starting, leaving;
    struct circuit circuit;
    bool started, stopping;
    uint64_t ticks;
    unsigned awake[2]; /* processes that have been busy for no longer than this tick, or the one before; by ticks % 2 */
    bool attended;     /* the tick is set: quick calls may wait for a process that is awake */
    uint64_t calls, recycled, crashed;
    char last_crash[sizeof((struct hosts_state *)0)->last];
};

/* --- the calls */

/* Under the lock: counts and lists it there. */
void hosts_set_stage(struct remote *remote, enum remote_stage stage);
/* Likewise: how many more there should be. */
unsigned hosts_lacking(const struct hosts *hosts);

/* A task that is held for it waits again, before all others. */
void hosts_put_back(struct hosts *hosts, struct task *task);
/* Gives what waits to what is idle. `awake`: the latest that is has just become it. */
void hosts_give_out(struct hosts *hosts, bool awake);
/* Looks whether calls given ahead go on. The reactor's thread. */
void hosts_tick(struct reactor_timer *timer);
/* Nothing will run those that wait. */
void hosts_refuse_all(struct hosts *hosts);

/* --- the processes; the reactor's thread */

/* Makes those that lack, now or when it makes sense; where it stops, has all end. */
void hosts_grow(struct hosts *hosts);
void hosts_grow_now(struct reactor_errand *errand);
void hosts_grow_later(struct reactor_timer *timer);

/* --- what a remote tells; the reactor's thread, where nothing else is said */

/* The call is over, the task let go. `broken`: so is the process, as what it said made no sense. */
void hosts_call_over(struct remote *remote, const char *broken);
/* The same, of a call that nobody else knew of, on the thread that claimed the process; ends the claim. */
void hosts_answered(struct remote *remote);
/* The process has closed its end of the socket: it is about to end. */
void hosts_hung_up(struct remote *remote);
/* The process has ended. */
void hosts_died(struct remote *remote);
/* The time of remote->patience is up. */
void hosts_impatient(struct remote *remote);
/* How long it has from being given up. */
int64_t hosts_patience_us(const struct remote *remote, bool final);

#endif
