/* What may take as long as it likes, and when it is warned of: after ten seconds, and each time when it has taken twice as
 * long. Times by clock_ms. One thread's. */
#ifndef PROC_SLOW_H
#define PROC_SLOW_H

#include <stdint.h>

#include "base/clock.h"

struct slow {
    int64_t since_ms; /* it lasts */
    int64_t after_ms; /* the next warning is due */
};

static inline void slow_begin(struct slow *slow)
{
    enum { FIRST_MS = 10 * 1000 };
    *slow = (struct slow){ clock_ms(), FIRST_MS };
}

/* When it is to be warned of. */
static inline int64_t slow_at_ms(const struct slow *slow)
{
    return slow->since_ms + slow->after_ms;
}

/* It has been, when it had lasted so long. */
static inline void slow_warned(struct slow *slow, int64_t lasts_ms)
{
    while (slow->after_ms <= lasts_ms)
        slow->after_ms *= 2;
}

#endif
