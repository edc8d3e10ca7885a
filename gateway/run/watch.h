/* One thread that watches over the calls under way: their deadlines, and clients that hang up, which libmicrohttpd does
 * not notice while a connection is suspended. It looks at all of them some twenty times a second, and hears of hang-ups
 * at once after it has seen a call for the first time; so a fast call costs it nothing. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "sdk/ngi.h"

struct task;
struct watch_shard;

/* A task's place among those watched; the lock of `shard`. */
struct watched {
    struct watch_shard *shard; /* NULL: it is not watched. Written by the connection's side only. */
    struct task *next, *previous;
    uint32_t ticket; /* of its socket in the epoll set, + 1; 0: it is not in it */
    bool seen;       /* by one round */
};

/* Starts the thread. `least_timeout_ms`: of all routes; 0: there is none. NGI_OK, NGI_EIO with the reason. */
int watch_start(int64_t least_timeout_ms, ngi_error *err);
/* Joins it. No task may be watched any more. Safe where watch_start has failed or not been called. */
void watch_stop(void);

/* On the connection's side of the task. Adding twice is once. Without memory it is not watched, and says so: false. */
bool watch_add(struct task *task);
void watch_remove(struct task *task);

/* Cancels every task that is watched, and every later one. [any thread] */
void watch_cancel_all(int why);
/* The reason given to watch_cancel_all; 0 before. [any thread] */
int watch_cancelled_all(void);

/* Something else that the thread looks at, once in a while: `look` returns in how many milliseconds again; negative:
 * not before watch_nudge. NULL ends it; nobody is in it any more then. Main thread. */
void watch_set_chore(int (*look)(void *arg, int64_t now_us), void *arg);
/* There is something to look at where there was nothing before. Costs nothing if it is going to be looked at anyway.
 * What there is has to be stored with seq_cst. [any thread] */
void watch_nudge(void);

#endif
