/* How long clients may take: for the head of a request, for each further piece of its body, and for taking each further
 * piece of a response. Who takes longer is cut; a client that is waited for costs a few words of memory and no thread.
 *
 * While a connection waits for more of a request, a time by which that is due stands here. Where a request comes at
 * once there is none, and nothing has to be done. The thread of run/watch goes through all connections about once a
 * second. One that is late it marks, and ends its receiving side, so that libmicrohttpd reads, and net/intake, on the
 * connection's own thread, sees the mark. Of responses that last, it asks the kernel what the client has taken. */
#ifndef NET_PATIENCE_H
#define NET_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"

enum { PATIENCE_PIECE = 16 * 1024 }; /* bytes */

enum patience_for { PATIENCE_HEAD, PATIENCE_BODY };

struct patience {
    _Atomic int64_t due_us; /* by clock_us; 0: nothing is waited for; PATIENCE_LATE. The connection's thread writes it;
                             * the watch puts the mark in place of a time. Release and acquire, for `what`. */
    enum patience_for what; /* written while due_us is 0 */
    _Atomic uint64_t sends; /* number of the response under way; 0: there is none. Relaxed */
    uint64_t responses;     /* so far. The connection's thread's */

    int fd;
    const char *peer; /* its address */
    /* The lock of its list. */
    struct patience *next, *previous;
    uint64_t seen;    /* the response that has been looked at */
    bool measured;    /* the next two are of this response */
    int64_t since_us; /* when it was seen, or the client had last taken a piece */
    uint64_t target; /* what it will have acknowledged when it has taken another; over a local socket: what there was */
};

/* The settings of that name. Before the first connection. */
void patience_start(const struct settings *settings);
/* After the last. */
void patience_stop(void);

/* A connection has been opened; it is about to be closed. `peer` as long as it is open. On its thread, as what follows.
 */
void patience_begin(struct patience *patience, int fd, const char *peer);
void patience_end(struct patience *patience);

/* From now on more of a request is waited for. */
void patience_await(struct patience *patience, enum patience_for what);
/* The same as it was before a patience_take that returned `due_us`. */
void patience_go_on(struct patience *patience, int64_t due_us);
/* Nothing is waited for. Returns by when it had been due; 0: nothing was. Negative: it is late, and stays so. */
int64_t patience_take(struct patience *patience);
/* The same, where what comes next will see whether it is late. */
void patience_rest(struct patience *patience);

/* A response is queued; it is over. */
void patience_sends(struct patience *patience, bool sends);

#endif
