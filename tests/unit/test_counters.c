#include "obs/counters.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "tests/unit/suites.h"

enum { THREADS = 8, ROUNDS = 20000 };

static atomic_bool done;

START_TEST(every_count_has_its_own_sum)
{
    struct counters before = counters_sum();
    counters_begun();
    counters_begun();
    counters_begun();
    counters_ended();
    counters_ended();
    counters_opened();
    counters_refused();
    counters_cut(COUNTERS_CUT_BODY);
    struct counters after = counters_sum();
    ck_assert_uint_eq(after.begun - before.begun, 3);
    ck_assert_uint_eq(after.ended - before.ended, 2);
    ck_assert_uint_eq(after.opened - before.opened, 1);
    ck_assert_uint_eq(after.closed - before.closed, 0);
    ck_assert_uint_eq(after.refused - before.refused, 1);
    ck_assert_uint_eq(after.cut[COUNTERS_CUT_BODY] - before.cut[COUNTERS_CUT_BODY], 1);
    ck_assert_uint_eq(after.cut[COUNTERS_CUT_SEND] - before.cut[COUNTERS_CUT_SEND], 0);
    counters_ended();
    counters_closed();
    ck_assert_uint_eq(counters_sum().closed - before.closed, 1);
}
END_TEST

static void *count(void *arg)
{
    (void)arg;
    counters_opened();
    for (int i = 0; i < ROUNDS; i++) {
        counters_begun();
        counters_ended();
    }
    counters_closed();
    return NULL;
}

/* What is under way is never negative, nor more than there are threads, however often one looks. */
static void *look(void *arg)
{
    unsigned *bad = arg;
    while (!atomic_load(&done)) {
        struct counters sum = counters_sum();
        *bad += sum.ended > sum.begun || sum.closed > sum.opened;
    }
    return NULL;
}

START_TEST(threads_count_without_losing_any)
{
    pthread_t threads[THREADS], looker;
    unsigned bad = 0;
    struct counters before = counters_sum();
    atomic_store(&done, false);
    ck_assert_int_eq(pthread_create(&looker, NULL, look, &bad), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&done, true);
    pthread_join(looker, NULL);
    struct counters after = counters_sum(); /* those who have ended included */
    ck_assert_uint_eq(after.begun - before.begun, THREADS * ROUNDS);
    ck_assert_uint_eq(after.ended - before.ended, THREADS * ROUNDS);
    ck_assert_uint_eq(after.opened - before.opened, THREADS);
    ck_assert_uint_eq(after.closed - before.closed, THREADS);
    ck_assert_uint_eq(bad, 0);
}
END_TEST

Suite *counters_suite(void)
{
    Suite *suite = suite_create("counters");
    TCase *tests = tcase_create("counters");
    tcase_add_test(tests, every_count_has_its_own_sum);
    tcase_add_test(tests, threads_count_without_losing_any);
    suite_add_tcase(suite, tests);
    return suite;
}
