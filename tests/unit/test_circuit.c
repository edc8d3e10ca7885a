#include "run/circuit.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suites.h"

enum { MS = 1000 };

static struct circuit circuit;
static int64_t now_us; /* the clock of what is told */

static void set_up(void)
{
    circuit = (struct circuit){ 0 };
    now_us = 1000000;
}

/* So many failures at this moment; whether the last one opened it, or kept it open for longer. */
static bool break_it(int times)
{
    bool opened = false;
    while (times-- > 0)
        opened = circuit_fail(&circuit, now_us);
    return opened;
}

static void open_it(void)
{
    ck_assert(!break_it(CIRCUIT_FAILURES - 1));
    ck_assert(break_it(1));
}

/* Lets it wait as long as it says, and be probed. */
static void probe(void)
{
    now_us += circuit_wait_us(&circuit, now_us);
    ck_assert(circuit_admits(&circuit, now_us));
    ck_assert_str_eq(circuit_name(&circuit), "probing");
}

START_TEST(a_new_one_is_closed)
{
    ck_assert_str_eq(circuit_name(&circuit), "closed");
    ck_assert(circuit_admits(&circuit, now_us));
    ck_assert(circuit_admits(&circuit, 0));
    ck_assert_int_eq(circuit_wait_us(&circuit, 0), 0);
    ck_assert(!circuit_succeed(&circuit));
}
END_TEST

START_TEST(failures_in_a_row_make_pauses_that_double)
{
    static const int64_t pauses_ms[CIRCUIT_FAILURES] = { 0, 0, CIRCUIT_AGAIN_MS, 2 * CIRCUIT_AGAIN_MS,
                                                         4 * CIRCUIT_AGAIN_MS };
    for (int failures = 1; failures < CIRCUIT_FAILURES; failures++) {
        ck_assert(!break_it(1));
        ck_assert_str_eq(circuit_name(&circuit), "closed");
        ck_assert(circuit_admits(&circuit, now_us)); /* the pause is for who makes processes */
        ck_assert_int_eq(circuit_wait_us(&circuit, now_us), pauses_ms[failures] * MS);
        now_us += 30 * MS;
        int64_t left = (pauses_ms[failures] - 30) * MS;
        ck_assert_int_eq(circuit_wait_us(&circuit, now_us), left < 0 ? 0 : left);
    }
}
END_TEST

START_TEST(a_success_in_between_starts_it_over)
{
    for (int i = 0; i < 3; i++) {
        ck_assert(!break_it(CIRCUIT_FAILURES - 1));
        ck_assert(!circuit_succeed(&circuit));
        ck_assert_int_eq(circuit_wait_us(&circuit, now_us), 0);
    }
    ck_assert_str_eq(circuit_name(&circuit), "closed");
}
END_TEST

START_TEST(enough_failures_in_a_row_open_it)
{
    open_it();
    ck_assert_str_eq(circuit_name(&circuit), "open");
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us), CIRCUIT_PAUSE_MS * MS);
    ck_assert(!circuit_admits(&circuit, now_us));
    ck_assert(!circuit_admits(&circuit, now_us + CIRCUIT_PAUSE_MS * MS - 1));
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us + CIRCUIT_PAUSE_MS * MS - 1), 1);
}
END_TEST

/* Five hosts, say, that had begun before it opened. */
START_TEST(the_rest_of_what_opened_it_counts_no_more)
{
    open_it();
    now_us += 100 * MS;
    ck_assert(!break_it(20));
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us), (CIRCUIT_PAUSE_MS - 100) * MS);
}
END_TEST

/* Whoever has tried without asking has found out as much as a probe would have. */
START_TEST(a_failure_after_the_pause_is_that_of_a_probe)
{
    open_it();
    now_us += CIRCUIT_PAUSE_MS * MS;
    ck_assert(break_it(1));
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us), 2 * CIRCUIT_PAUSE_MS * MS);
}
END_TEST

START_TEST(after_the_pause_one_call_probes_it)
{
    open_it();
    probe();
    ck_assert(!circuit_admits(&circuit, now_us));
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us), 0); /* what serves the probe has to be made */
}
END_TEST

START_TEST(a_probe_that_succeeds_closes_it)
{
    open_it();
    probe();
    ck_assert(circuit_succeed(&circuit));
    ck_assert_str_eq(circuit_name(&circuit), "closed");
    ck_assert(circuit_admits(&circuit, now_us) && circuit_admits(&circuit, now_us));
    open_it(); /* which takes as many failures as ever, */
    ck_assert_int_eq(circuit_wait_us(&circuit, now_us), CIRCUIT_PAUSE_MS * MS); /* and has forgotten */
}
END_TEST

START_TEST(a_probe_that_fails_doubles_the_pause_up_to_a_limit)
{
    int64_t pause_ms = CIRCUIT_PAUSE_MS;
    open_it();
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(circuit_wait_us(&circuit, now_us), pause_ms * MS);
        probe();
        now_us += 7 * MS;
        ck_assert(break_it(1));
        ck_assert_str_eq(circuit_name(&circuit), "open");
        pause_ms = 2 * pause_ms < CIRCUIT_PAUSE_MOST_MS ? 2 * pause_ms : CIRCUIT_PAUSE_MOST_MS;
    }
    ck_assert_int_eq(pause_ms, CIRCUIT_PAUSE_MOST_MS);
}
END_TEST

START_TEST(a_probe_that_never_ends_is_followed_by_another)
{
    open_it();
    probe();
    ck_assert(!circuit_admits(&circuit, now_us + CIRCUIT_PAUSE_MS * MS - 1));
    now_us += CIRCUIT_PAUSE_MS * MS;
    ck_assert(circuit_admits(&circuit, now_us));
    ck_assert(!circuit_admits(&circuit, now_us));
}
END_TEST

START_TEST(a_call_from_before_that_succeeds_closes_it_too)
{
    open_it();
    ck_assert(circuit_succeed(&circuit));
    ck_assert(circuit_admits(&circuit, now_us));
}
END_TEST

/* Whatever happens, waiting as long as it says is enough. */
START_TEST(what_it_says_to_wait_is_enough)
{
    unsigned seed = (unsigned)_i + 1;
    for (int i = 0; i < 2000; i++) {
        switch (rand_r(&seed) % 4) {
        case 0: break_it(1); break;
        case 1: (void)circuit_admits(&circuit, now_us); break;
        case 2: now_us += rand_r(&seed) % (2 * CIRCUIT_PAUSE_MS * MS); break;
        default: if (rand_r(&seed) % 16 == 0) circuit_succeed(&circuit); break;
        }
        struct circuit copy = circuit;
        bool probing = circuit.probing;
        int64_t wait_us = circuit_wait_us(&circuit, now_us);
        ck_assert(wait_us >= 0 && wait_us <= CIRCUIT_PAUSE_MOST_MS * (int64_t)MS);
        ck_assert(probing || circuit_admits(&copy, now_us + wait_us));
        ck_assert(!circuit.open || wait_us == 0 || !circuit_admits(&circuit, now_us));
    }
}
END_TEST

Suite *circuit_suite(void)
{
    Suite *suite = suite_create("circuit");
    TCase *tests = tcase_create("circuit");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, a_new_one_is_closed);
    tcase_add_test(tests, failures_in_a_row_make_pauses_that_double);
    tcase_add_test(tests, a_success_in_between_starts_it_over);
    tcase_add_test(tests, enough_failures_in_a_row_open_it);
    tcase_add_test(tests, the_rest_of_what_opened_it_counts_no_more);
    tcase_add_test(tests, a_failure_after_the_pause_is_that_of_a_probe);
    tcase_add_test(tests, after_the_pause_one_call_probes_it);
    tcase_add_test(tests, a_probe_that_succeeds_closes_it);
    tcase_add_test(tests, a_probe_that_fails_doubles_the_pause_up_to_a_limit);
    tcase_add_test(tests, a_probe_that_never_ends_is_followed_by_another);
    tcase_add_test(tests, a_call_from_before_that_succeeds_closes_it_too);
    tcase_add_loop_test(tests, what_it_says_to_wait_is_enough, 0, 16);
    suite_add_tcase(suite, tests);
    return suite;
}
