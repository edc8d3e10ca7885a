#include "run/executor.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "sdk/ngi.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

enum { JOBS = 64, NEVER_MS = 3600 * 1000 };

/* A job that says when it begins and ends, and in between may wait to be let go. */
struct step {
    struct job job;
    sem_t begun, go, done;
    bool blocks;
    _Atomic unsigned runs;
};

static struct executor *executor;
static struct step steps[JOBS];
static _Atomic unsigned running, most_running;
static _Atomic unsigned destroyed;
static pthread_key_t key;

static void run_step(struct job *job)
{
    struct step *step = (struct step *)((char *)job - offsetof(struct step, job));
    unsigned now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);
    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    atomic_fetch_add(&step->runs, 1);
    sem_post(&step->begun);
    if (step->blocks)
        while (sem_wait(&step->go) < 0)
            ;
    atomic_fetch_sub(&running, 1);
    sem_post(&step->done);
}

static void step_init(struct step *step, bool blocks)
{
    step->job = (struct job){ .run = run_step };
    step->blocks = blocks;
    atomic_store(&step->runs, 0);
    sem_init(&step->begun, 0, 0);
    sem_init(&step->go, 0, 0);
    sem_init(&step->done, 0, 0);
}

/* The first `blocking` steps wait to be let go, the others do not. */
static void given(unsigned threads, unsigned queue, int idle_ms, unsigned blocking)
{
    const struct executor_limits limits = { .threads = threads, .queue = queue, .idle_ms = idle_ms, .name = "test" };
    executor = executor_new(&limits);
    ck_assert_ptr_nonnull(executor);
    atomic_store(&most_running, 0);
    for (unsigned i = 0; i < JOBS; i++)
        step_init(&steps[i], i < blocking);
}

static int submit(struct step *step)
{
    return executor_submit(executor, &step->job, false);
}

static void submit_begun(struct step *step)
{
    ck_assert_int_eq(submit(step), NGI_OK);
    wait_for(&step->begun);
}

static void finish(struct step *step)
{
    sem_post(&step->go);
    wait_for(&step->done);
}

static bool is_quiet(void *unused)
{
    (void)unused;
    struct executor_state state = executor_look(executor);
    return state.waiting == 0 && state.idle == state.threads;
}

static bool has_no_threads(void *unused)
{
    (void)unused;
    return executor_look(executor).threads == 0;
}

static void free_executor(void)
{
    wait_until(is_quiet, NULL);
    executor_free(executor);
}

/* Has every thread made, and teaches it that jobs are short: those waiting are then left to threads that are awake. */
static void teach_short(unsigned threads)
{
    static struct step all[16], shorts[200];
    for (unsigned i = 0; i < threads; i++) {
        step_init(&all[i], true);
        submit_begun(&all[i]);
    }
    for (unsigned i = 0; i < threads; i++)
        finish(&all[i]);
    for (unsigned i = 0; i < sizeof shorts / sizeof *shorts; i++) {
        step_init(&shorts[i], false);
        ck_assert_int_eq(executor_submit(executor, &shorts[i].job, true), NGI_OK);
        wait_for(&shorts[i].done);
    }
    wait_until(is_quiet, NULL);
    ck_assert_uint_eq(executor_look(executor).threads, threads);
}

/* ---------------------------------------------------------------------------------------------------------- */

START_TEST(every_job_runs_once)
{
    given(4, JOBS, NEVER_MS, 0);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
    for (unsigned i = 0; i < JOBS; i++)
        wait_for(&steps[i].done);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_uint_eq(atomic_load(&steps[i].runs), 1);
    free_executor();
}
END_TEST

START_TEST(it_makes_no_thread_before_there_is_a_job)
{
    given(4, 0, NEVER_MS, 0);
    ck_assert_uint_eq(executor_look(executor).threads, 0);
    executor_free(executor);
    executor_free(NULL);
}
END_TEST

START_TEST(jobs_begin_in_their_order)
{
    given(1, JOBS, NEVER_MS, JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
    for (unsigned i = 0; i < JOBS; i++) {
        wait_for(&steps[i].begun);
        ck_assert_uint_eq(executor_look(executor).waiting, JOBS - 1 - i);
        finish(&steps[i]);
    }
    free_executor();
}
END_TEST

START_TEST(there_are_never_more_threads_than_the_limit)
{
    given(3, JOBS, NEVER_MS, JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
    for (unsigned i = 0; i < 3; i++)
        wait_for(&steps[i].begun);
    for (unsigned i = 0; i < JOBS; i++) {
        ck_assert_uint_eq(executor_look(executor).threads, 3);
        finish(&steps[i]);
        if (i + 3 < JOBS)
            wait_for(&steps[i + 3].begun);
    }
    ck_assert_uint_eq(atomic_load(&most_running), 3);
    free_executor();
}
END_TEST

/* However the threads are: not made yet, idle, dozing, or busy. */
static void assert_takes(unsigned expected)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < JOBS; i++)
        step_init(&steps[i], true);
    while (taken < JOBS && submit(&steps[taken]) == NGI_OK)
        taken++;
    ck_assert_uint_eq(taken, expected);
    ck_assert_int_eq(submit(&steps[taken]), NGI_EBUSY);
    for (unsigned i = 0; i < taken; i++)
        sem_post(&steps[i].go);
    for (unsigned i = 0; i < taken; i++)
        wait_for(&steps[i].done);
    ck_assert_uint_eq(atomic_load(&steps[taken].runs), 0);
}

START_TEST(as_many_jobs_are_taken_as_there_may_be_threads_and_room)
{
    static const unsigned queues[] = { 0, 1, 5 };
    given(2, queues[_i], NEVER_MS, JOBS);
    assert_takes(2 + queues[_i]);
    wait_until(is_quiet, NULL);
    assert_takes(2 + queues[_i]); /* with idle threads */
    free_executor();
}
END_TEST

START_TEST(as_many_are_taken_where_some_threads_are_busy_and_some_idle)
{
    given(4, 3, NEVER_MS, JOBS);
    assert_takes(7);
    wait_until(is_quiet, NULL);
    struct step busy[2];
    for (unsigned i = 0; i < 2; i++) {
        step_init(&busy[i], true);
        submit_begun(&busy[i]);
    }
    assert_takes(5);
    for (unsigned i = 0; i < 2; i++)
        finish(&busy[i]);
    free_executor();
}
END_TEST

/* Once many of them were taken, each waiting for the only thread that had been called. */
START_TEST(no_more_are_taken_after_many_short_ones)
{
    static const int quiet_ms[] = { 0, 40 }; /* after the second nobody looks at the queue of his own accord */
    given(2, 0, NEVER_MS, JOBS);
    teach_short(2);
    let_pass(quiet_ms[_i]);
    assert_takes(2);
    free_executor();
}
END_TEST

START_TEST(what_is_admitted_passes_the_limit)
{
    given(1, 1, NEVER_MS, JOBS);
    submit_begun(&steps[0]);
    ck_assert_int_eq(submit(&steps[1]), NGI_OK);
    ck_assert_int_eq(submit(&steps[2]), NGI_EBUSY);
    ck_assert_int_eq(executor_submit(executor, &steps[2].job, true), NGI_OK);
    ck_assert_int_eq(executor_submit(executor, &steps[3].job, true), NGI_OK);
    ck_assert_int_eq(submit(&steps[4]), NGI_EBUSY);
    for (unsigned i = 0; i < 4; i++)
        finish(&steps[i]);
    free_executor();
}
END_TEST

START_TEST(a_job_can_be_withdrawn_until_it_begins)
{
    given(1, JOBS, NEVER_MS, 1);
    ck_assert(!executor_withdraw(executor, &steps[0].job)); /* never submitted */
    submit_begun(&steps[0]);
    for (unsigned i = 1; i < 5; i++)
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
    ck_assert(executor_withdraw(executor, &steps[2].job)); /* of the middle, the end, the beginning */
    ck_assert(executor_withdraw(executor, &steps[4].job));
    ck_assert(executor_withdraw(executor, &steps[1].job));
    ck_assert(!executor_withdraw(executor, &steps[1].job)); /* twice */
    ck_assert(!executor_withdraw(executor, &steps[0].job)); /* it runs */
    ck_assert_uint_eq(executor_look(executor).waiting, 1);
    finish(&steps[0]);
    wait_for(&steps[3].done);
    ck_assert(!executor_withdraw(executor, &steps[3].job)); /* it is over */
    free_executor();
    ck_assert_uint_eq(atomic_load(&steps[1].runs) + atomic_load(&steps[2].runs) + atomic_load(&steps[4].runs), 0);
}
END_TEST

START_TEST(what_was_withdrawn_makes_room_and_may_come_again)
{
    given(1, 1, NEVER_MS, 1);
    submit_begun(&steps[0]);
    ck_assert_int_eq(submit(&steps[1]), NGI_OK);
    ck_assert_int_eq(submit(&steps[2]), NGI_EBUSY);
    ck_assert(executor_withdraw(executor, &steps[1].job));
    ck_assert_int_eq(submit(&steps[2]), NGI_OK);
    ck_assert(executor_withdraw(executor, &steps[2].job));
    ck_assert_int_eq(submit(&steps[1]), NGI_OK);
    finish(&steps[0]);
    wait_for(&steps[1].done);
    free_executor();
    ck_assert_uint_eq(atomic_load(&steps[2].runs), 0);
}
END_TEST

/* With all threads but one blocked, one by one, whatever else comes runs. */
static void assert_none_is_held_up(unsigned threads)
{
    unsigned next = threads;
    for (unsigned blocked = 0; blocked < threads; blocked++) {
        for (int i = 0; i < 3; i++, next++) {
            ck_assert_int_eq(submit(&steps[next]), NGI_OK);
            wait_for(&steps[next].done);
        }
        if (blocked + 1 < threads)
            ck_assert_int_eq(submit(&steps[blocked]), NGI_OK); /* it need not have begun when the next come */
    }
    for (unsigned i = 0; i + 1 < threads; i++)
        finish(&steps[i]);
}

START_TEST(blocked_jobs_hold_up_no_others)
{
    given(4, JOBS, NEVER_MS, 4);
    assert_none_is_held_up(4);
    free_executor();
}
END_TEST

/* Once a job waited for the blocked thread, because nobody looked any more whether one was overlooked. */
START_TEST(blocked_jobs_hold_up_no_others_after_many_short_ones)
{
    static const int quiet_ms[] = { 0, 3, 40 };
    given(4, JOBS, NEVER_MS, 4);
    teach_short(4);
    let_pass(quiet_ms[_i]);
    assert_none_is_held_up(4);
    free_executor();
}
END_TEST

START_TEST(a_job_finds_the_one_idle_thread_beside_a_blocked_one)
{
    static const int quiet_ms[] = { 0, 3, 40 };
    given(2, 10, NEVER_MS, 1);
    teach_short(2);
    let_pass(quiet_ms[_i]);
    submit_begun(&steps[0]);
    ck_assert_int_eq(submit(&steps[1]), NGI_OK);
    wait_for(&steps[1].done);
    finish(&steps[0]);
    free_executor();
}
END_TEST

/* Blocking ones first, all at once: one thread fewer than there may be, so that the others get through. */
START_TEST(a_burst_with_blocking_jobs_gets_through)
{
    given(4, JOBS, NEVER_MS, 3);
    if (_i)
        teach_short(4);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
    for (unsigned i = 3; i < JOBS; i++)
        wait_for(&steps[i].done);
    for (unsigned i = 0; i < 3; i++)
        finish(&steps[i]);
    free_executor();
}
END_TEST

START_TEST(idle_threads_end_and_come_back)
{
    given(3, JOBS, 20, 3);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++) {
            step_init(&steps[i], true);
            submit_begun(&steps[i]);
        }
        ck_assert_uint_eq(executor_look(executor).threads, 3);
        for (unsigned i = 0; i < 3; i++)
            finish(&steps[i]);
        wait_until(has_no_threads, NULL);
    }
    executor_free(executor);
}
END_TEST

START_TEST(idle_threads_end_after_many_short_jobs_too)
{
    given(3, JOBS, 20, 0);
    for (unsigned i = 0; i < JOBS; i++) {
        ck_assert_int_eq(submit(&steps[i]), NGI_OK);
        wait_for(&steps[i].done);
    }
    wait_until(has_no_threads, NULL);
    executor_free(executor);
}
END_TEST

static void count_destroyed(void *unused)
{
    (void)unused;
    atomic_fetch_add(&destroyed, 1);
}

static void run_keyed(struct job *job)
{
    pthread_setspecific(key, &key);
    run_step(job);
}

/* What a thread does at its end is over. */
START_TEST(freeing_joins_every_thread)
{
    ck_assert_int_eq(pthread_key_create(&key, count_destroyed), 0);
    atomic_store(&destroyed, 0);
    given(8, JOBS, NEVER_MS, 8);
    for (unsigned i = 0; i < 8; i++) {
        steps[i].job.run = run_keyed;
        submit_begun(&steps[i]);
    }
    for (unsigned i = 0; i < 8; i++)
        finish(&steps[i]);
    free_executor();
    ck_assert_uint_eq(atomic_load(&destroyed), 8);
    pthread_key_delete(key);
}
END_TEST

/* --- all at once --------------------------------------------------------------------------------------------- */

enum { SUBMITTERS = 4, EACH = 4000, STRESS_THREADS = 6, OPEN = 2 };

struct submitter {
    pthread_t thread;
    unsigned seed, refused, withdrawn, wrong;
    struct step *steps;
};

/* The jobs that this one holds open: never so many of all submitters that the executor has no thread left for long. */
static void *submit_many(void *arg)
{
    struct submitter *submitter = arg;
    struct step *open[OPEN] = { 0 };
    for (unsigned i = 0; i < EACH; i++) {
        struct step *step = &submitter->steps[i], **slot = &open[random_below(&submitter->seed, OPEN)];
        step_init(step, random_below(&submitter->seed, 8) == 0);
        bool admitted = random_below(&submitter->seed, 4) == 0;
        int rc = executor_submit(executor, &step->job, admitted);
        submitter->wrong += rc != NGI_OK && (rc != NGI_EBUSY || admitted);
        if (*slot)
            sem_post(&(*slot)->go);
        *slot = NULL;
        if (rc != NGI_OK) {
            submitter->refused++;
            sem_post(&step->done);
        } else if (random_below(&submitter->seed, 4) == 0 && executor_withdraw(executor, &step->job)) {
            submitter->withdrawn++;
            sem_post(&step->done);
        } else if (step->blocks) {
            *slot = step;
        } else if (random_below(&submitter->seed, 2) == 0) {
            for (int j = 0; j < OPEN; j++)
                if (open[j])
                    sem_post(&open[j]->go);
            open[0] = open[1] = NULL;
            wait_for(&step->done); /* so that the queue empties now and then */
            sem_post(&step->done);
        }
    }
    for (int i = 0; i < OPEN; i++)
        if (open[i])
            sem_post(&open[i]->go);
    return NULL;
}

START_TEST(under_stress_every_job_runs_or_is_withdrawn_exactly_once)
{
    static struct submitter submitters[SUBMITTERS];
    unsigned runs = 0, expected = 0;
    given(STRESS_THREADS, 16, _i ? 2 : NEVER_MS, 0);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        struct submitter *submitter = &submitters[i];
        *submitter = (struct submitter){ .seed = i + 1, .steps = calloc(EACH, sizeof *submitter->steps) };
        ck_assert_ptr_nonnull(submitter->steps);
        ck_assert_int_eq(pthread_create(&submitter->thread, NULL, submit_many, submitter), 0);
    }
    for (unsigned i = 0; i < SUBMITTERS; i++)
        pthread_join(submitters[i].thread, NULL);
    for (unsigned i = 0; i < SUBMITTERS; i++) {
        for (unsigned j = 0; j < EACH; j++) {
            wait_for(&submitters[i].steps[j].done);
            ck_assert_uint_le(atomic_load(&submitters[i].steps[j].runs), 1);
            runs += atomic_load(&submitters[i].steps[j].runs);
        }
        expected += EACH - submitters[i].refused - submitters[i].withdrawn;
        ck_assert_uint_eq(submitters[i].wrong, 0);
    }
    ck_assert_uint_eq(runs, expected);
    ck_assert_uint_le(atomic_load(&most_running), STRESS_THREADS);
    free_executor();
    for (unsigned i = 0; i < SUBMITTERS; i++)
        free(submitters[i].steps);
}
END_TEST

Suite *executor_suite(void)
{
    Suite *suite = suite_create("executor");
    TCase *tests = tcase_create("executor");
    tcase_add_test(tests, every_job_runs_once);
    tcase_add_test(tests, it_makes_no_thread_before_there_is_a_job);
    tcase_add_test(tests, jobs_begin_in_their_order);
    tcase_add_test(tests, there_are_never_more_threads_than_the_limit);
    tcase_add_loop_test(tests, as_many_jobs_are_taken_as_there_may_be_threads_and_room, 0, 3);
    tcase_add_test(tests, as_many_are_taken_where_some_threads_are_busy_and_some_idle);
    tcase_add_loop_test(tests, no_more_are_taken_after_many_short_ones, 0, 2);
    tcase_add_test(tests, what_is_admitted_passes_the_limit);
    tcase_add_test(tests, a_job_can_be_withdrawn_until_it_begins);
    tcase_add_test(tests, what_was_withdrawn_makes_room_and_may_come_again);
    tcase_add_test(tests, blocked_jobs_hold_up_no_others);
    tcase_add_loop_test(tests, blocked_jobs_hold_up_no_others_after_many_short_ones, 0, 3);
    tcase_add_loop_test(tests, a_job_finds_the_one_idle_thread_beside_a_blocked_one, 0, 3);
    tcase_add_loop_test(tests, a_burst_with_blocking_jobs_gets_through, 0, 2);
    tcase_add_test(tests, idle_threads_end_and_come_back);
    tcase_add_test(tests, idle_threads_end_after_many_short_jobs_too);
    tcase_add_test(tests, freeing_joins_every_thread);
    tcase_add_loop_test(tests, under_stress_every_job_runs_or_is_withdrawn_exactly_once, 0, 2);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return suite;
}
