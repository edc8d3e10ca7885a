/* The process executor: the calls of a plugin, in host processes that run one at a time each. The gateway's end of
 * their sockets is here, and who does what; how processes are made and ended is their source's (proc/). */
#ifndef RUN_HOSTS_H
#define RUN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sdk/ngi.h"

struct hosts;
struct task;

struct hosts_limits {
    const char *plugin;    /* its name; outlives the executor */
    unsigned most;         /* processes */
    unsigned spare;        /* of them, kept ready while they have nothing to do */
    unsigned queue;        /* calls that may wait for one */
    uint64_t max_requests; /* of one; 0: any number */
    uint64_t max_rss;      /* bytes; 0: any number */
    int64_t kill_after_us; /* a call has been given up */
    int64_t grace_us;      /* that what is under way gets when all ends */
};

/* Where processes come from. */
struct hosts_source {
    /* Asks for a process that serves `fd`, a connected stream socket, which is the source's from the call on, and goes
     * by `number`. Returns at once; hosts_came or hosts_ended follows, on the reactor's thread, but never from within.
     * NGI_OK; or the reason in `err`, and nothing follows. On the reactor's thread, or before hosts_start. */
    int (*make)(void *arg, uint64_t number, int fd, ngi_error *err);
};

/* Who is to be told, besides the log, how a process crashed; on the reactor's thread. Before any hosts_start. */
void hosts_set_teller(void (*tell)(const char *text));

/* NULL if out of memory. `source` and `arg` outlive it. Makes no process yet. */
struct hosts *hosts_new(const struct hosts_limits *limits, const struct hosts_source *source, void *arg);
/* From here on processes are made and calls are taken. The reactor runs. */
void hosts_start(struct hosts *hosts);
/* Has every process end (its socket is closed to it); those that have not within `grace_us` and a second are killed.
 * Waits until all have ended and been told of, two seconds more at most. No new call may come. */
void hosts_stop(struct hosts *hosts);
/* The first half of that, without waiting: so that several stop side by side. */
void hosts_begin_stop(struct hosts *hosts);
/* After the source has ended too: nothing of it may be told any more. */
void hosts_free(struct hosts *hosts);

/* --- the source, on the reactor's thread */

/* There is a process. `pidfd` is taken over. */
void hosts_came(struct hosts *hosts, uint64_t number, pid_t pid, int pidfd);
/* There is none, or no longer. `status`: of waitpid; HOSTS_STATUS_UNKNOWN: nobody could tell. `why`: in place of a
 * status, why it never was; NULL. */
enum { HOSTS_STATUS_UNKNOWN = -1 };
/* What a process exits with whose plugin's after_fork has failed: the log has the words. */
enum { HOSTS_EXIT_AFTER_FORK = 125 };
void hosts_ended(struct hosts *hosts, uint64_t number, int status, const char *why);

/* --- run/'s own: tasks */

/* Has the task's handler called in a process, or wait for one; it is held for that. NGI_OK; NGI_EBUSY: the queue is
 * full, or the circuit is open. */
int hosts_submit(struct hosts *hosts, struct task *task);
/* The same for a task that nobody else knows of, where a process is idle and nothing waits: and waits for the answer on
 * this thread, for a moment (HOSTS_QUICK_US). */
enum { HOSTS_QUICK_US = 1000 };
enum hosts_try {
    HOSTS_ANSWERED,  /* the task is settled */
    HOSTS_GOES_ON,   /* it takes longer, and is as after hosts_submit */
    HOSTS_NOT_TRIED, /* the task is as new */
};
enum hosts_try hosts_try(struct hosts *hosts, struct task *task);
/* Takes a task back that no process has got. False: one has. Under the task's lock. */
bool hosts_withdraw(struct hosts *hosts, struct task *task);

/* --- for people */

struct hosts_state {
    unsigned processes, busy, waiting;
    uint64_t calls;      /* ended */
    uint64_t recycled;   /* processes that have made room as planned */
    uint64_t crashed;    /* processes that have ended without being told */
    unsigned failures;   /* in a row */
    const char *circuit; /* "closed", "open", "probing" */
    int64_t retry_s;     /* under "open": seconds until it is probed */
    char last[256];      /* how the last one crashed; "" */
};
void hosts_look(struct hosts *hosts, struct hosts_state *ret);
/* Seconds after which a call that was refused may find room. [any thread] */
int64_t hosts_wait_s(struct hosts *hosts);
/* Whether no call waits or runs. */
bool hosts_are_idle(struct hosts *hosts);

#endif
