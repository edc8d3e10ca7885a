#include "run/neighbours.h"

#include <stdatomic.h>

static _Thread_local unsigned connections;
static unsigned threads;      /* set before there are any */
static _Atomic unsigned held; /* relaxed: a count, it guards nothing */

void neighbours_begin(unsigned count)
{
    threads = count;
}

void neighbours_connected(void)
{
    connections++;
}

void neighbours_left(void)
{
    /* Connections that are left when the server stops are closed by the thread that stops it. */
    if (connections > 0)
        connections--;
}

bool neighbours_hold(void)
{
    if (connections > 1)
        return false;
    /* The listening socket is shared: what one thread cannot accept, another does, as long as half of them can. */
    if (atomic_fetch_add_explicit(&held, 1, memory_order_relaxed) < threads / 2)
        return true;
    neighbours_release();
    return false;
}

void neighbours_release(void)
{
    atomic_fetch_sub_explicit(&held, 1, memory_order_relaxed);
}
