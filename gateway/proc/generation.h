/* A generation: one configuration and one set of plugin files, and the workers that serve them. A reload makes a new
 * one beside the old; none is ever changed. The supervisor's, one thread. */
#ifndef PROC_GENERATION_H
#define PROC_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/settings.h"
#include "net/listener.h"
#include "plugin/bundle.h"
#include "proc/channel.h"
#include "proc/slow.h"

enum worker_stage {
    WORKER_LOADS,   /* its plugins */
    WORKER_LOADED,  /* and waits for the others of a new generation */
    WORKER_STARTS,  /* has been told to accept */
    WORKER_ACCEPTS, /* serves */
    WORKER_LEAVES,  /* has been told to end, or told us so */
};

struct worker {
    pid_t pid;
    int channel; /* -1: it has closed its end */
    enum worker_stage stage;
    int64_t since_ms; /* it was made, by clock_ms */
    char *runs;       /* what of a plugin runs while it loads: MESSAGE_RUNS; NULL: nothing that it has told of */
    struct slow slow; /* since when, and when that is warned of */
    int told;         /* a file with what it has last said of itself; -1: it has not been asked */
    bool asked;       /* and has not answered */
    int64_t kill_ms;  /* it leaves by itself; by then it must have; INT64_MAX: it does not */
    bool takes;       /* connections: it has been told to accept, and has not said that it has ceased to */
    bool excused;     /* it has said why it cannot start */
    bool served;      /* it has been told to accept */
    bool stale;       /* it was made before a plugin of its came into quarantine: another is to take its place */
    bool yields;      /* when that serves */
    bool crashed;     /* it has said so, and is about to be lost */
    struct worker *next;
};

enum generation_stage {
    GENERATION_LOADS,  /* its workers load their plugins */
    GENERATION_STARTS, /* and begin to accept */
    GENERATION_SERVES,
    GENERATION_ENDS, /* drains, stops, or has failed: it gets no new worker */
};

struct generation {
    unsigned number;
    enum generation_stage stage;
    struct settings *settings;
    struct bundle bundle;
    struct listeners listeners; /* borrowed descriptors: the supervisor's */
    struct worker *workers;
    unsigned want;         /* workers */
    unsigned deaths;       /* of workers that had lived for a moment only, in a row */
    int64_t next_start_ms; /* no worker is made before, by clock_ms */
    int64_t kill_ms;       /* when those that have not ended are killed; INT64_MAX: not */
    int64_t since_ms;      /* it was made, or began to serve */
    bool announced;        /* it serves, and those before it take no more connections */
    bool failed;           /* it has not, and will not, serve */
    char *why;             /* NULL: it has not failed */
    struct generation *next;
};

/* Takes settings and bundle over. NULL, and nothing taken, if out of memory. */
struct generation *generation_new(unsigned number, struct settings *settings, struct bundle *bundle);
/* No worker may be left. Accepts NULL. */
void generation_free(struct generation *generation);

/* In the child of fork: leaves what is the supervisor's, and runs the worker; its exit status. */
typedef int generation_child(void *arg, struct generation *generation, int channel, bool announces);

/* Makes the workers that it lacks, each by a fork that runs `child`. -errno if one could not be made; it is tried again
 * later. */
int generation_fill(struct generation *generation, generation_child *child, void *arg);

/* How many workers are at `stage`. */
unsigned generation_count(const struct generation *generation, enum worker_stage stage);

/* Whether a worker may take connections. */
bool generation_takes(const struct generation *generation);

/* Tells all its workers something. */
void generation_tell(struct generation *generation, enum message message);

/* Has it end: MESSAGE_DRAIN, MESSAGE_STOP or MESSAGE_STOP_NOW. A worker hears that when its plugins' init is over.
 * `heirs`: of MESSAGE_DRAIN, the listeners that others serve. */
void generation_end(struct generation *generation, enum message message, const struct listeners *heirs);
/* Kills those that have not ended in time. */
void generation_kill_late(struct generation *generation);

/* A worker says what of a plugin runs in it from now on; "": nothing. `what` is copied. */
void generation_note_run(struct worker *worker, const char *what);
/* Warns of what of a plugin runs for long while it is loaded: after 10 s, and each time when it has taken twice as
 * long. Of workers that are at the same, one is named. */
void generation_warn_slow(struct generation *generation);

/* Tells those that have loaded to accept. */
void generation_accept(struct generation *generation);

/* Where all its workers serve and some are stale: has one more made, then the stale one end, one after the other. So
 * the port is never without. */
void generation_renew(struct generation *generation);

/* The worker `pid`; NULL: it is none of this generation's. */
struct worker *generation_find(const struct generation *generation, pid_t pid);

/* A worker has said that it ends, because somebody has told it to: another may take its place. */
void generation_let_go(struct generation *generation, struct worker *worker);

/* A worker has said that it cannot start, and ends. Where it was to take another's place, the next one waits. */
void generation_excuse(struct generation *generation, struct worker *worker);

/* A worker has ended: forgets it. `status`: of waitpid. Writes what there is to say of it into `how`. */
enum worker_end {
    WORKER_UNKNOWN,     /* it is none of this generation's */
    WORKER_ENDED,       /* as it was told to, or it has said itself why it could not start */
    WORKER_ENDED_BADLY, /* as it was told to, but not well */
    WORKER_LOST,        /* nobody had told it to */
};
enum worker_end generation_reap(struct generation *generation, pid_t pid, int status, char *how, size_t size);

/* Notes why it has failed; the first reason stays. `why` is copied. */
void generation_fail(struct generation *generation, const char *why);

/* When generation_fill, generation_warn_slow or generation_kill_late have something to do, by clock_ms; INT64_MAX:
 * never. */
int64_t generation_next_ms(const struct generation *generation);

#endif
