/* The rule that `run = auto` follows for a route; doc/PLACEMENT.md has it with its reasons and invariants. Nothing here
 * runs, waits or looks at a clock: it is told what calls took, and says where the next one goes. [any thread] */
#ifndef RUN_PLACEMENT_H
#define RUN_PLACEMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PLACEMENT_BUDGET_US = 1000,      /* what a call on a pool thread may take */
    PLACEMENT_HARD_US = 25000,       /* what no scheduler's noise explains */
    PLACEMENT_TRY = 8,               /* fast calls in a row, before one may run where it has no neighbour */
    PLACEMENT_PROVE = 64,            /* and before all may run on the pool; twice as many after each relapse, */
    PLACEMENT_PROVE_MOST = 64 << 10, /* up to this */
    PLACEMENT_WATCH = 64, /* calls looked at closely after one that was suspicious; twice as many after the */
    PLACEMENT_WATCH_MOST = 64 << 10, /* next, up to this: a call that is slow now and then is caught in the end */
};
#define PLACEMENT_FORGET_US                                                                                            \
    (INT64_C(600) * 1000 * 1000) /* on the pool without a relapse, after which old ones count no more */

enum placement_choice {
    PLACE_EXECUTOR,
    PLACE_ALONE, /* on a pool thread without neighbours, where there is one */
    PLACE_POOL,
};

/* One route's. A zeroed one is that of a route that has never been called. */
struct placement {
    /* Relaxed, all of them: each decides where a call runs, none guards other data. */
    _Atomic uint32_t fast;       /* fast calls in a row */
    _Atomic uint32_t relapses;   /* times it has been sent back */
    _Atomic uint32_t suspicions; /* suspicious calls since it was last sent back */
    _Atomic uint32_t watch;      /* calls still to be looked at closely */
    _Atomic bool proven;
    _Atomic int64_t since_us; /* it has been proven */
};

/* What a call took. */
struct measure {
    int64_t start_us, took_us;
    int64_t cpu_us; /* of it, on a processor; -1: nobody looked */
    int64_t waits;  /* times it gave its processor up of its own will: it slept, or waited for something; likewise */
};

enum placement_change { PLACEMENT_SAME, PLACEMENT_PROMOTED, PLACEMENT_DEMOTED };

enum placement_choice placement_choose(const struct placement *placement);

/* Whether the next call on the pool should be measured closely (measure.cpu_us and waits), which costs system calls. On
 * an executor every call should. */
bool placement_is_watched(struct placement *placement);

/* Takes note of a call that ran on the pool, or on the executor. */
enum placement_change placement_note(struct placement *placement, const struct measure *measure, bool on_pool);

/* Calls that have to be fast in a row before the route is on the pool. */
uint32_t placement_probation(const struct placement *placement);

#endif
