#include "run/placement.h"

enum verdict { FAST, SUSPICIOUS, SLOW };

/* A call that was looked at closely is slow if it kept its thread for itself: it waited, or it computed. One that was
 * only kept from running by others is not. */
static enum verdict judge(const struct measure *measure)
{
    if (measure->took_us <= PLACEMENT_BUDGET_US)
        return FAST;
    if (measure->cpu_us >= 0)
        return measure->waits > 0 || measure->cpu_us > PLACEMENT_BUDGET_US ? SLOW : FAST;
    return measure->took_us >= PLACEMENT_HARD_US ? SLOW : SUSPICIOUS;
}

static enum placement_change demote(struct placement *placement, int64_t now_us)
{
    atomic_store_explicit(&placement->fast, 0, memory_order_relaxed);
    atomic_store_explicit(&placement->suspicions, 0, memory_order_relaxed);
    if (!atomic_exchange_explicit(&placement->proven, false, memory_order_relaxed))
        return PLACEMENT_SAME;
    int64_t proven_for = now_us - atomic_load_explicit(&placement->since_us, memory_order_relaxed);
    if (proven_for >= PLACEMENT_FORGET_US)
        atomic_store_explicit(&placement->relapses, 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&placement->relapses, 1, memory_order_relaxed);
    return PLACEMENT_DEMOTED;
}

static void watch_closely(struct placement *placement)
{
    uint32_t suspicions = atomic_fetch_add_explicit(&placement->suspicions, 1, memory_order_relaxed);
    uint32_t calls = suspicions >= 10 ? PLACEMENT_WATCH_MOST : (uint32_t)PLACEMENT_WATCH << suspicions;
    atomic_store_explicit(&placement->watch, calls, memory_order_relaxed);
}

static enum placement_change count_fast(struct placement *placement, int64_t now_us)
{
    uint32_t fast = atomic_fetch_add_explicit(&placement->fast, 1, memory_order_relaxed) + 1;
    if (fast < placement_probation(placement))
        return PLACEMENT_SAME;
    atomic_store_explicit(&placement->since_us, now_us, memory_order_relaxed);
    return atomic_exchange_explicit(&placement->proven, true, memory_order_relaxed) ? PLACEMENT_SAME
                                                                                    : PLACEMENT_PROMOTED;
}

/* ---------------------------------------------------------------------------------------------------------- */

enum placement_choice placement_choose(const struct placement *placement)
{
    if (atomic_load_explicit(&placement->proven, memory_order_relaxed))
        return PLACE_POOL;
    return atomic_load_explicit(&placement->fast, memory_order_relaxed) >= PLACEMENT_TRY ? PLACE_ALONE : PLACE_EXECUTOR;
}

bool placement_is_watched(struct placement *placement)
{
    uint32_t left = atomic_load_explicit(&placement->watch, memory_order_relaxed);
    if (left == 0)
        return false;
    /* Two threads may count one call: it is a number of some calls. */
    atomic_store_explicit(&placement->watch, left - 1, memory_order_relaxed);
    return true;
}

enum placement_change placement_note(struct placement *placement, const struct measure *measure, bool on_pool)
{
    enum verdict verdict = judge(measure);
    int64_t now_us = measure->start_us + measure->took_us;
    if (verdict == SLOW)
        return demote(placement, now_us);
    if (verdict == SUSPICIOUS) {
        if (on_pool)
            watch_closely(placement);
        return PLACEMENT_SAME;
    }
    return atomic_load_explicit(&placement->proven, memory_order_relaxed) ? PLACEMENT_SAME
                                                                          : count_fast(placement, now_us);
}

uint32_t placement_probation(const struct placement *placement)
{
    uint32_t relapses = atomic_load_explicit(&placement->relapses, memory_order_relaxed);
    return relapses >= 10 ? PLACEMENT_PROVE_MOST : (uint32_t)PLACEMENT_PROVE << relapses;
}
