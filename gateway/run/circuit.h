/* A circuit breaker (Nygard, Release It!): what keeps failing is left alone for a while, then tried once. Nothing here
 * waits or looks at a clock. One thread at a time. */
#ifndef RUN_CIRCUIT_H
#define RUN_CIRCUIT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CIRCUIT_FAILURES = 5,              /* in a row open it */
    CIRCUIT_AGAIN_MS = 50,             /* pause after the second failure in a row, then twice as long each time */
    CIRCUIT_PAUSE_MS = 1000,           /* while it is open; twice as long each time the probe fails, */
    CIRCUIT_PAUSE_MOST_MS = 60 * 1000, /* up to this */
};

/* A zeroed one is closed. */
struct circuit {
    unsigned failures; /* in a row */
    bool open;
    bool probing;     /* a call has been let through to find out */
    int64_t since_us; /* the last failure, or the probe */
    int64_t pause_us; /* of an open one */
};

/* True: that opens it, or keeps it open for longer. */
bool circuit_fail(struct circuit *circuit, int64_t now_us);
/* True: that closes it. */
bool circuit_succeed(struct circuit *circuit);
/* Whether a call may try; where that is the probe, no other one may until it has ended, or its time is up. */
bool circuit_admits(struct circuit *circuit, int64_t now_us);
/* Microseconds until a new try, of a call or to make what serves it, makes sense; 0: now. */
int64_t circuit_wait_us(const struct circuit *circuit, int64_t now_us);
/* "closed", "open", "probing" */
const char *circuit_name(const struct circuit *circuit);

#endif
