#include "run/placement.h"

#include <check.h>

#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

static struct placement placement;
static int64_t now_us; /* the clock of what is told */
static bool looked;    /* the last call was looked at closely */

static void set_up(void)
{
    placement = (struct placement){ 0 };
    now_us = 1000000;
}

/* --- calls --------------------------------------------------------------------------------------------------- */

/* What a call did, of which the rule learns more or less: */
struct call {
    int64_t took_us;
    int64_t cpu_us; /* of it */
    int64_t waits;
};

static const struct call fast = { 20, 20, 0 };
static const struct call blocking = { PLACEMENT_BUDGET_US + 1, 10, 1 };                          /* it slept */
static const struct call computing = { PLACEMENT_BUDGET_US + 100, PLACEMENT_BUDGET_US + 50, 0 }; /* and never waited */
static const struct call held_up = { 20000, 20, 0 }; /* others had its processor */

/* On the executor, where every call is looked at closely. */
static enum placement_change away(struct call call)
{
    const struct measure measure = { now_us, call.took_us, call.cpu_us, call.waits };
    looked = true;
    now_us += call.took_us;
    return placement_note(&placement, &measure, false);
}

/* On the pool, where it is looked at closely only if the rule asks for that. */
static enum placement_change here(struct call call)
{
    looked = placement_is_watched(&placement);
    const struct measure measure = { now_us, call.took_us, looked ? call.cpu_us : -1, looked ? call.waits : -1 };
    now_us += call.took_us;
    return placement_note(&placement, &measure, true);
}

/* Where the rule says, with neighbours. */
static enum placement_change anywhere(struct call call)
{
    return placement_choose(&placement) == PLACE_POOL ? here(call) : away(call);
}

static void prove(void)
{
    while (placement_choose(&placement) != PLACE_POOL)
        anywhere(fast);
}

static void demote(void)
{
    prove();
    while (placement_choose(&placement) == PLACE_POOL)
        here(blocking);
}

/* How many calls until the route is on the pool. */
static uint32_t calls_to_prove(void)
{
    uint32_t calls = 0;
    for (; placement_choose(&placement) != PLACE_POOL; calls++)
        anywhere(fast);
    return calls;
}

/* How many of the next calls are looked at closely. */
static uint32_t count_watched(void)
{
    uint32_t calls = 0;
    while (placement_is_watched(&placement))
        calls++;
    return calls;
}

/* --- unknown, tried, proven ---------------------------------------------------------------------------------- */

START_TEST(a_route_never_called_goes_to_the_executor)
{
    ck_assert_int_eq(placement_choose(&placement), PLACE_EXECUTOR);
    ck_assert(!placement_is_watched(&placement));
    ck_assert_uint_eq(placement_probation(&placement), PLACEMENT_PROVE);
}
END_TEST

START_TEST(a_route_is_placed_by_what_it_has_proven)
{
    for (uint32_t calls = 0; calls < PLACEMENT_PROVE; calls++) {
        ck_assert_int_eq(placement_choose(&placement), calls < PLACEMENT_TRY ? PLACE_EXECUTOR : PLACE_ALONE);
        ck_assert_int_eq(away(fast), calls + 1 < PLACEMENT_PROVE ? PLACEMENT_SAME : PLACEMENT_PROMOTED);
    }
    ck_assert_int_eq(placement_choose(&placement), PLACE_POOL);
}
END_TEST

START_TEST(a_slow_call_on_the_way_starts_it_over)
{
    const struct call slow[] = { blocking, computing };
    for (uint32_t calls = 0; calls + 1 < PLACEMENT_PROVE; calls++)
        away(fast);
    ck_assert_int_eq(away(slow[_i]), PLACEMENT_SAME);
    ck_assert_int_eq(placement_choose(&placement), PLACE_EXECUTOR);
    ck_assert_uint_eq(placement_probation(&placement), PLACEMENT_PROVE); /* it had not been on the pool */
    ck_assert_uint_eq(calls_to_prove(), PLACEMENT_PROVE);
}
END_TEST

/* --- slow ---------------------------------------------------------------------------------------------------- */

START_TEST(a_slow_call_demotes_at_once_and_doubles_the_probation)
{
    uint32_t probation = PLACEMENT_PROVE;
    for (int relapses = 0; relapses < 20; relapses++) {
        ck_assert_uint_eq(calls_to_prove(), probation);
        ck_assert_int_eq(away(blocking), PLACEMENT_DEMOTED); /* one that had begun before, say */
        ck_assert_int_eq(placement_choose(&placement), PLACE_EXECUTOR);
        ck_assert_int_eq(away(blocking), PLACEMENT_SAME);
        probation = probation < PLACEMENT_PROVE_MOST ? probation * 2 : PLACEMENT_PROVE_MOST;
        ck_assert_uint_eq(placement_probation(&placement), probation);
    }
    ck_assert_uint_eq(probation, PLACEMENT_PROVE_MOST);
}
END_TEST

START_TEST(a_call_that_no_noise_explains_demotes_unwatched)
{
    prove();
    const struct call hard = { PLACEMENT_HARD_US, 10, 0 };
    ck_assert_int_eq(here(hard), PLACEMENT_DEMOTED);
}
END_TEST

START_TEST(a_route_that_blocks_every_call_is_demoted_within_two)
{
    static const int64_t took_us[] = {
        PLACEMENT_BUDGET_US + 1, 2000, 10000, PLACEMENT_HARD_US - 1, PLACEMENT_HARD_US, INT64_C(3600) * 1000 * 1000
    };
    const struct call call = { took_us[_i], 10, 1 };
    prove();
    int calls = 1;
    while (here(call) != PLACEMENT_DEMOTED)
        ck_assert_int_lt(calls++, 2);
}
END_TEST

START_TEST(a_route_that_blocks_now_and_then_is_demoted_in_the_end)
{
    static const int every[] = { 100, 1000, 10000 };
    const struct call call = { 10000, 10, 1 };
    int blocked = 0;
    prove();
    for (int i = 1;; i++) {
        bool blocks = i % every[_i] == 0;
        blocked += blocks;
        if (here(blocks ? call : fast) == PLACEMENT_DEMOTED || blocked > 12)
            break;
    }
    ck_assert_int_le(blocked, 12);
}
END_TEST

START_TEST(relapses_are_forgotten_after_a_long_time_on_the_pool)
{
    static const int64_t proven_us[] = { PLACEMENT_FORGET_US - 1, PLACEMENT_FORGET_US };
    for (int i = 0; i < 5; i++)
        demote();
    ck_assert_uint_eq(placement_probation(&placement), PLACEMENT_PROVE << 5);
    prove();
    now_us += proven_us[_i] - blocking.took_us;
    ck_assert_int_eq(away(blocking), PLACEMENT_DEMOTED);
    ck_assert_uint_eq(placement_probation(&placement), _i ? PLACEMENT_PROVE << 1 : PLACEMENT_PROVE << 6);
}
END_TEST

/* --- noise --------------------------------------------------------------------------------------------------- */

START_TEST(a_call_that_was_held_up_by_others_is_fast)
{
    const struct call long_ago = { PLACEMENT_HARD_US * 40, PLACEMENT_BUDGET_US, 0 };
    for (int i = 0; i < PLACEMENT_PROVE; i++)
        away(i % 2 ? held_up : long_ago);
    ck_assert_int_eq(placement_choose(&placement), PLACE_POOL);
    here(held_up);
    ck_assert(placement_is_watched(&placement));
    ck_assert_int_eq(here(long_ago), PLACEMENT_SAME); /* looked at closely: it neither waited nor computed */
    ck_assert_int_eq(placement_choose(&placement), PLACE_POOL);
}
END_TEST

START_TEST(noise_never_demotes)
{
    unsigned seed = 1;
    int changes = 0;
    prove();
    for (int i = 0; i < 100000; i++)
        changes += here(random_below(&seed, 20) ? fast : held_up) != PLACEMENT_SAME;
    ck_assert_int_eq(changes, 0);
    ck_assert_int_eq(placement_choose(&placement), PLACE_POOL);
}
END_TEST

START_TEST(after_a_suspicious_call_twice_as_many_are_watched_each_time)
{
    uint32_t watched = PLACEMENT_WATCH;
    prove();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(here(held_up), PLACEMENT_SAME);
        ck_assert_uint_eq(count_watched(), watched);
        watched = watched < PLACEMENT_WATCH_MOST ? watched * 2 : PLACEMENT_WATCH_MOST;
    }
    ck_assert_uint_eq(watched, PLACEMENT_WATCH_MOST);
    here(fast);
    ck_assert_uint_eq(count_watched(), 0);
}
END_TEST

START_TEST(suspicions_end_with_the_time_on_the_pool)
{
    prove();
    for (int i = 0; i < 5; i++) {
        here(held_up);
        count_watched();
    }
    away(blocking);
    prove();
    here(held_up);
    ck_assert_uint_eq(count_watched(), PLACEMENT_WATCH);
}
END_TEST

/* --- at random ----------------------------------------------------------------------------------------------- */

/* One of all kinds; whether it is slow. */
static bool random_call(unsigned *seed, unsigned slow_each, struct call *ret)
{
    if (random_below(seed, slow_each) == 0) {
        *ret = (struct call){ PLACEMENT_BUDGET_US + 1 + random_below(seed, 2 * PLACEMENT_HARD_US), 5, 1 };
        return true;
    }
    if (random_below(seed, 50) == 0)
        *ret = (struct call){ random_below(seed, PLACEMENT_HARD_US), random_below(seed, PLACEMENT_BUDGET_US), 0 };
    else
        *ret = (struct call){ random_below(seed, PLACEMENT_BUDGET_US + 1), 5, random_below(seed, 2) };
    return false;
}

START_TEST(whatever_comes_the_invariants_hold)
{
    unsigned seed = (unsigned)_i + 1, slow_each = 2u << random_below(&seed, 12);
    uint32_t in_a_row = 0; /* calls not known to be slow */
    int overlooked = 0;    /* slow ones that nobody noticed, in a row */
    for (int i = 0; i < 5000; i++) {
        struct call call;
        bool slow = random_call(&seed, slow_each, &call);
        enum placement_choice before = placement_choose(&placement);
        uint32_t probation = placement_probation(&placement);
        bool on_pool = before == PLACE_POOL || (before == PLACE_ALONE && random_below(&seed, 2));
        enum placement_change change = on_pool ? here(call) : away(call);
        enum placement_choice after = placement_choose(&placement);
        bool known = slow && (looked || call.took_us >= PLACEMENT_HARD_US);

        in_a_row = known ? 0 : in_a_row + 1;
        overlooked = known ? 0 : overlooked + slow;
        ck_assert(!known || after == PLACE_EXECUTOR);
        ck_assert(after == PLACE_EXECUTOR || in_a_row >= PLACEMENT_TRY);
        ck_assert(after != PLACE_POOL || in_a_row >= probation);
        ck_assert((change == PLACEMENT_DEMOTED) == (before == PLACE_POOL && known));
        ck_assert((change == PLACEMENT_PROMOTED) == (before != PLACE_POOL && after == PLACE_POOL));
        uint32_t doubled = probation < PLACEMENT_PROVE_MOST ? probation * 2 : PLACEMENT_PROVE_MOST;
        ck_assert_uint_eq(placement_probation(&placement), change == PLACEMENT_DEMOTED ? doubled : probation);
        ck_assert_int_le(overlooked, 11); /* by then all are looked at */
        now_us += random_below(&seed, 1000);
    }
}
END_TEST

Suite *placement_suite(void)
{
    Suite *suite = suite_create("placement");
    TCase *tests = tcase_create("placement");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, a_route_never_called_goes_to_the_executor);
    tcase_add_test(tests, a_route_is_placed_by_what_it_has_proven);
    tcase_add_loop_test(tests, a_slow_call_on_the_way_starts_it_over, 0, 2);
    tcase_add_test(tests, a_slow_call_demotes_at_once_and_doubles_the_probation);
    tcase_add_test(tests, a_call_that_no_noise_explains_demotes_unwatched);
    tcase_add_loop_test(tests, a_route_that_blocks_every_call_is_demoted_within_two, 0, 6);
    tcase_add_loop_test(tests, a_route_that_blocks_now_and_then_is_demoted_in_the_end, 0, 3);
    tcase_add_loop_test(tests, relapses_are_forgotten_after_a_long_time_on_the_pool, 0, 2);
    tcase_add_test(tests, a_call_that_was_held_up_by_others_is_fast);
    tcase_add_test(tests, noise_never_demotes);
    tcase_add_test(tests, after_a_suspicious_call_twice_as_many_are_watched_each_time);
    tcase_add_test(tests, suspicions_end_with_the_time_on_the_pool);
    tcase_add_loop_test(tests, whatever_comes_the_invariants_hold, 0, 24);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return suite;
}
