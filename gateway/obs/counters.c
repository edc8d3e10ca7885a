#include "obs/counters.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

/* One thread's own. It alone writes, others read: plain loads and stores, no read-modify-write. Stores release and
 * readers acquire, so that who sees a request ended has seen it begin. Never freed: the counts of a thread that has
 * ended stay in the sum, and there are as many as there ever were pool threads. */
struct slot {
    alignas(CACHE_LINE) _Atomic uint64_t begun;
    _Atomic uint64_t ended, opened, closed;
    _Atomic(const struct plugin_route *) running;
    struct slot *next; /* written before the slot is published */
};

/* Pushed with release, read with acquire: whoever sees a slot sees its `next`. */
static _Atomic(struct slot *) slots;
static _Thread_local struct slot *mine;

static struct slot *my_slot(void)
{
    static struct slot spare; /* of threads without memory: what they count is lost, nothing else */
    if (mine)
        return mine;
    mine = aligned_alloc(alignof(struct slot), sizeof *mine);
    if (!mine)
        return mine = &spare;
    *mine = (struct slot){ .next = atomic_load_explicit(&slots, memory_order_relaxed) };
    while (
        !atomic_compare_exchange_weak_explicit(&slots, &mine->next, mine, memory_order_release, memory_order_relaxed))
        ;
    return mine;
}

static void add_one(_Atomic uint64_t *count)
{
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_release);
}

/* ---------------------------------------------------------------------------------------------------------- */

void counters_begun(void)
{
    add_one(&my_slot()->begun);
}

void counters_ended(void)
{
    add_one(&my_slot()->ended);
}

void counters_opened(void)
{
    add_one(&my_slot()->opened);
}

void counters_closed(void)
{
    add_one(&my_slot()->closed);
}

void counters_running(const struct plugin_route *route)
{
    atomic_store_explicit(&my_slot()->running, route, memory_order_relaxed);
}

void counters_each_running(void (*fn)(void *arg, const struct plugin_route *route), void *arg)
{
    for (struct slot *slot = atomic_load_explicit(&slots, memory_order_acquire); slot; slot = slot->next) {
        const struct plugin_route *route = atomic_load_explicit(&slot->running, memory_order_relaxed);
        if (route)
            fn(arg, route);
    }
}

struct counters counters_sum(void)
{
    struct counters sum = { 0 };
    struct slot *first = atomic_load_explicit(&slots, memory_order_acquire);
    for (struct slot *slot = first; slot; slot = slot->next) {
        sum.ended += atomic_load_explicit(&slot->ended, memory_order_acquire);
        sum.closed += atomic_load_explicit(&slot->closed, memory_order_acquire);
    }
    for (struct slot *slot = first; slot; slot = slot->next) {
        sum.begun += atomic_load_explicit(&slot->begun, memory_order_acquire);
        sum.opened += atomic_load_explicit(&slot->opened, memory_order_acquire);
    }
    return sum;
}
