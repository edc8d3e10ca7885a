/* How long to wait before something that has failed is tried again. */
#ifndef PROC_BACKOFF_H
#define PROC_BACKOFF_H

#include <stdint.h>

/* In milliseconds, after so many failures in a row: 0, then 100, and twice as much each time, 10,000 at most. */
static inline int64_t backoff_ms(unsigned failures)
{
    enum { FIRST_MS = 100, MOST_MS = 10 * 1000 };
    int64_t delay = 0;
    for (unsigned i = 0; i < failures && delay < MOST_MS; i++)
        delay = delay ? 2 * delay : FIRST_MS;
    return delay < MOST_MS ? delay : MOST_MS;
}

#endif
