#include "obs/counters.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CACHE_LINE = 64 };

/* One thread's own. It alone writes, others read: plain loads and stores, no read-modify-write. Stores release and
 * readers acquire, so that who sees a request ended has seen it begin. Never freed: the counts of a thread that has
 * ended stay in the sum, and the next thread that begins goes on with its slot. */
struct slot {
    alignas(CACHE_LINE) _Atomic uint64_t begun;
    _Atomic uint64_t ended, opened, closed, refused, cut[COUNTERS_CUTS];
    _Atomic(const struct plugin_route *) running;
    _Atomic bool taken; /* by a thread; released when that ends, acquired by the next, which reads its counts */
    struct slot *next;  /* written before the slot is published */
};

/* Pushed with release, read with acquire: whoever sees a slot sees its `next`. */
static _Atomic(struct slot *) slots;
static _Thread_local struct slot *mine;
static pthread_key_t mine_key;
static pthread_once_t mine_once = PTHREAD_ONCE_INIT;

static void give_back(void *slot)
{
    mine = NULL;
    atomic_store_explicit(&((struct slot *)slot)->taken, false, memory_order_release);
}

static void make_key(void)
{
    /* Without a key a slot stays its thread's for ever, no more. */
    (void)pthread_key_create(&mine_key, give_back);
}

/* One whose thread has ended; NULL: there is none. */
static struct slot *take_used(void)
{
    for (struct slot *slot = atomic_load_explicit(&slots, memory_order_acquire); slot; slot = slot->next) {
        bool taken = false;
        if (!atomic_load_explicit(&slot->taken, memory_order_relaxed) &&
            atomic_compare_exchange_strong_explicit(&slot->taken, &taken, true, memory_order_acquire,
                                                    memory_order_relaxed))
            return slot;
    }
    return NULL;
}

static struct slot *make_slot(void)
{
    struct slot *slot = aligned_alloc(alignof(struct slot), sizeof *slot);
    if (!slot)
        return NULL;
    *slot = (struct slot){ .taken = true, .next = atomic_load_explicit(&slots, memory_order_relaxed) };
    while (
        !atomic_compare_exchange_weak_explicit(&slots, &slot->next, slot, memory_order_release, memory_order_relaxed))
        ;
    return slot;
}

static struct slot *my_slot(void)
{
    static struct slot spare; /* of threads without memory: what they count is lost, nothing else */
    if (mine)
        return mine;
    pthread_once(&mine_once, make_key);
    mine = take_used();
    if (!mine)
        mine = make_slot();
    if (!mine)
        return mine = &spare;
    (void)pthread_setspecific(mine_key, mine);
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

void counters_refused(void)
{
    add_one(&my_slot()->refused);
}

void counters_cut(enum counters_cut where)
{
    add_one(&my_slot()->cut[where]);
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
        sum.refused += atomic_load_explicit(&slot->refused, memory_order_acquire);
        for (size_t i = 0; i < COUNTERS_CUTS; i++)
            sum.cut[i] += atomic_load_explicit(&slot->cut[i], memory_order_acquire);
    }
    return sum;
}
