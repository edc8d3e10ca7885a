/* Counts that every thread keeps for itself and anyone may add up: no lock, no shared cache line on the way of a
 * request. */
#ifndef OBS_COUNTERS_H
#define OBS_COUNTERS_H

#include <stdint.h>

/* Where a client was slow. */
enum counters_cut { COUNTERS_CUT_HEAD, COUNTERS_CUT_BODY, COUNTERS_CUT_SEND, COUNTERS_CUTS };

struct counters {
    uint64_t begun;  /* requests whose head has begun to arrive */
    uint64_t ended;  /* requests that are over: sent, refused or hung up */
    uint64_t opened; /* connections */
    uint64_t closed;
    uint64_t refused;            /* connections of an address that had too many */
    uint64_t cut[COUNTERS_CUTS]; /* connections of slow clients */
};

/* On the thread that does it. */
void counters_begun(void);
void counters_ended(void);
void counters_opened(void);
void counters_closed(void);
void counters_refused(void);
void counters_cut(enum counters_cut where);

/* The sums over all threads, those that have ended included. Each is a little behind at most; `ended` is read before
 * `begun`, so that begun - ended is never less than what is under way. [any thread] */
struct counters counters_sum(void);

struct plugin_route; /* plugin/plugin.h; here only a name */

/* The route whose handler this thread runs now, for who wants to know why it does not come back; NULL: none. */
void counters_running(const struct plugin_route *route);
/* Calls fn(arg, route) for each thread that runs something. [any thread] */
void counters_each_running(void (*fn)(void *arg, const struct plugin_route *route), void *arg);

#endif
