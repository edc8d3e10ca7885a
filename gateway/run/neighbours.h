/* Who else depends on a pool thread: the connections it owns, and how many pool threads are held by calls that may take
 * long. */
#ifndef RUN_NEIGHBOURS_H
#define RUN_NEIGHBOURS_H

#include <stdbool.h>

/* Before the pool threads start: how many there will be for each listener. */
void neighbours_begin(unsigned threads);

/* On the pool thread that owns the connection. */
void neighbours_connected(void);
void neighbours_left(void);

/* Whether this pool thread may be held by a call: it has no other connection, and enough other threads would go on
 * accepting. If so it counts as held until neighbours_release. */
bool neighbours_hold(void);
void neighbours_release(void);

#endif
