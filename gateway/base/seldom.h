/* For what a client could have us say as often as it likes. */
#ifndef BASE_SELDOM_H
#define BASE_SELDOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* True once in `pause_us` at most, for whichever thread asks first; `due_us`, 0 at first, is by clock_us. Relaxed: it
 * guards nothing. */
static inline bool seldom(_Atomic int64_t *due_us, int64_t pause_us)
{
    int64_t now = clock_us(), due = atomic_load_explicit(due_us, memory_order_relaxed);
    return now >= due && atomic_compare_exchange_strong_explicit(due_us, &due, now + pause_us, memory_order_relaxed,
                                                                 memory_order_relaxed);
}

#endif
