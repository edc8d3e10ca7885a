/* A route's way through the gateway: where its calls run, on which threads, and what has been learnt about them.
 * [any thread], but for start and stop */
#ifndef RUN_LANE_H
#define RUN_LANE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "conf/settings.h"
#include "plugin/registry.h"
#include "run/executor.h"
#include "run/placement.h"

struct lane {
    const struct plugin_route *route;
    enum run_mode rule; /* RUN_AUTO: the placement says */
    const char *why;    /* the rule, for people; a constant */
    struct placement placement;
    struct executor *executor; /* shared by the routes of a plugin that is NGI_SERIAL */
    bool owns_executor;
    struct hosts *hosts;         /* under RUN_PROCESS: what runs its calls instead; the plugin's */
    _Atomic unsigned usual_us;   /* how long its calls there take; relaxed: a hint */
    _Atomic int quick;           /* how likely such a call is over at once; relaxed: a hint */
    struct executor *afterwards; /* what ngi_background asks for: it takes no thread from calls that wait */
    _Atomic bool streams;        /* a call has asked to stream, which takes a thread. Relaxed: a hint. */
    _Atomic unsigned background; /* functions of ngi_background that have not run yet. Relaxed: a count. */
    unsigned background_most;
};

/* Gives every route of the registry its lane. NGI_OK, NGI_ENOMEM. Before requests. */
int lanes_start(const struct registry *registry, const struct settings *settings, ngi_error *err);
/* Ends their threads: joins, so a handler that does not return holds it up. Nothing may be running or come. Safe to
 * call where lanes_start has failed or not been called. */
void lanes_stop(const struct registry *registry);

/* Whether no thread of any lane has anything to do. */
bool lanes_are_idle(const struct registry *registry);

/* Whether its handler runs while the body still arrives. */
bool lane_streams_body(const struct lane *lane);

/* Where the next call goes. */
enum lane_place {
    LANE_HERE,      /* on this pool thread */
    LANE_HERE_HELD, /* likewise; neighbours_release when it is over */
    LANE_AWAY,      /* to the executor */
};
enum lane_place lane_place(struct lane *lane);

/* A call streams, or would if it were not on the pool: the next ones get a thread. */
void lane_wants_streams(struct lane *lane, bool on_pool);

/* Whether a continuation may run on a pool thread. */
bool lane_goes_on_here(const struct lane *lane);

/* Whether a call in a host process is worth waiting for on a pool thread. */
bool lane_is_quick(const struct lane *lane);
/* How long its handler runs there, usually. */
int64_t lane_usual_us(const struct lane *lane);
/* Takes note of how long its handler has run there. */
void lane_note_hosted(struct lane *lane, int64_t took_us);

/* Seconds after which a call that was refused may find room. */
int64_t lane_wait_s(const struct lane *lane);

/* Begins and ends the measurement of a call, and draws the conclusion. `start_us`: now. */
void lane_measure(struct lane *lane, struct measure *measure, int64_t start_us, bool on_pool);
void lane_note(struct lane *lane, struct measure *measure, bool on_pool);

/* What is known of a route, for people who ask. */
struct lane_state {
    const char *rung;        /* what its next calls run on: "pool", "threads", "processes" */
    const char *why;         /* a constant */
    uint32_t probation;      /* fast calls in a row that bring it onto the pool; 0: nothing does */
    uint32_t fast, relapses; /* such calls so far; how often it has been sent back */
    struct executor_state calls, background;
};
struct lane_state lane_look(const struct lane *lane);

/* Says so in the log of every route, for debugging. */
void lanes_tell(const struct registry *registry);

#endif
