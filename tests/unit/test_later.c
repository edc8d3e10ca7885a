#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "run/task.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

static struct client client;
static ngi_later *later;
static int answer; /* what fn was given */
static _Atomic unsigned fn_runs, ends;
static _Atomic int seen;

static void count_end(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ends, 1);
}

static void given(ngi_handler handler, enum run_mode run)
{
    atomic_store(&fn_runs, 0);
    atomic_store(&ends, 0);
    atomic_store(&seen, -1);
    later = NULL;
    serve(&(struct serving){ .handler = handler, .run = run });
    client_begin(&client);
}

/* Everything is over, and fn has run so many times. */
static void over(unsigned runs)
{
    serve_idle();
    client_end(&client);
    serve_end();
    ck_assert_uint_eq(atomic_load(&ends), 1);
    ck_assert_uint_eq(atomic_load(&fn_runs), runs);
}

static int fn(ngi_request *r, void *arg)
{
    atomic_fetch_add(&fn_runs, 1);
    atomic_store(&seen, ngi_cancelled(r));
    return ngi_textf(r, 200, "fn %d", *(int *)arg);
}

static int promise(ngi_request *r)
{
    ck_assert_int_eq(ngi_on_finish(r, count_end, NULL), NGI_OK);
    later = ngi_later_new(r);
    ck_assert_ptr_nonnull(later);
    ck_assert_ptr_null(ngi_later_new(r)); /* one at a time */
    return NGI_LATER;
}

static int promise_and_run(ngi_request *r)
{
    promise(r);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    ck_assert_uint_eq(atomic_load(&fn_runs), 0); /* it waits for the return */
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    ck_assert_ptr_null(ngi_later_new(r));
    return NGI_LATER;
}

static int promise_and_run_and_return(ngi_request *r)
{
    promise_and_run(r);
    return 404;
}

static int promise_and_drop(ngi_request *r)
{
    promise(r);
    ngi_later_drop(later);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    return ngi_text(r, 201, "after all");
}

static int promise_and_drop_and_promise(ngi_request *r)
{
    ngi_later *first;
    promise(r);
    ngi_later_drop(later);
    first = later;
    later = ngi_later_new(r);
    ck_assert_ptr_nonnull(later);
    ck_assert_ptr_ne(later, first);
    ck_assert_int_eq(ngi_later_run(first, fn, &answer), NGI_EINVAL);
    return NGI_LATER;
}

static int promise_and_return(ngi_request *r)
{
    promise(r);
    return ngi_text(r, 202, "no promise");
}

static int promise_again(ngi_request *r, void *arg)
{
    (void)arg;
    atomic_fetch_add(&fn_runs, 1);
    later = ngi_later_new(r);
    ck_assert_ptr_nonnull(later);
    return NGI_LATER;
}

static void parked(ngi_handler handler, enum run_mode run)
{
    given(handler, run);
    ck_assert_int_eq(client_ask(&client, "/"), TASK_WAIT);
    client_wait_parked(&client);
}

static void assert_answer(int status, const char *text)
{
    ck_assert_int_eq(client_wait(&client), TASK_RESPOND);
    ck_assert_int_eq(client_status(&client), status);
    if (text)
        ck_assert_str_eq(client_text(&client), text);
    client_leave(&client);
}

static const enum run_mode modes[] = { RUN_THREAD, RUN_POOL };

/* --- before the handler has returned ------------------------------------------------------------------------- */

START_TEST(run_before_the_handler_returns_it_decides_whatever_that_returns)
{
    static const ngi_handler handlers[] = { promise_and_run, promise_and_run_and_return };
    answer = 7;
    given(handlers[_i / 2], modes[_i % 2]);
    client_ask(&client, "/");
    assert_answer(200, "fn 7");
    over(1);
}
END_TEST

START_TEST(dropped_before_the_handler_returns_that_decides)
{
    given(promise_and_drop, modes[_i]);
    client_ask(&client, "/");
    assert_answer(201, "after all");
    over(0);
}
END_TEST

START_TEST(after_a_drop_there_may_be_another)
{
    answer = 8;
    parked(promise_and_drop_and_promise, modes[_i]);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    assert_answer(200, "fn 8");
    over(1);
}
END_TEST

START_TEST(a_handler_that_returns_anything_else_has_ended_it)
{
    given(promise_and_return, modes[_i]);
    client_ask(&client, "/");
    ck_assert_int_eq(client_wait(&client), TASK_RESPOND);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    ngi_later_drop(later);
    assert_answer(202, "no promise");
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    over(0);
}
END_TEST

/* --- after it ------------------------------------------------------------------------------------------------ */

START_TEST(run_after_the_handler_has_returned)
{
    answer = 9;
    parked(promise, modes[_i]);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    assert_answer(200, "fn 9");
    ck_assert_uint_eq(client.continues, modes[_i] == RUN_POOL);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL); /* long after */
    ngi_later_drop(later);
    over(1);
}
END_TEST

START_TEST(dropped_after_the_handler_has_returned)
{
    parked(promise, modes[_i]);
    ngi_later_drop(later);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    assert_answer(500, NULL);
    over(0);
}
END_TEST

START_TEST(a_continuation_may_promise_again)
{
    answer = 10;
    parked(promise, modes[_i]);
    ngi_later *first = later;
    ck_assert_int_eq(ngi_later_run(first, promise_again, NULL), NGI_OK);
    if (modes[_i] == RUN_POOL) { /* this thread runs it */
        wait_for(&client.resumed);
        ck_assert_int_eq(task_look(client.task), TASK_CONTINUE);
        ck_assert_int_eq(task_continue(client.task), TASK_WAIT);
    }
    serve_idle();
    ck_assert_ptr_ne(later, first);
    ck_assert_int_eq(ngi_later_run(first, fn, &answer), NGI_EINVAL);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    assert_answer(200, "fn 10");
    over(2);
}
END_TEST

/* --- given up meanwhile -------------------------------------------------------------------------------------- */

static const struct {
    int why, rc, status;
    enum task_news news;
} given_up[] = {
    { NGI_CANCEL_CLIENT, NGI_ECANCELED, 0, TASK_CUT },
    { NGI_CANCEL_DEADLINE, NGI_ETIMEDOUT, 504, TASK_REPLACE },
    { NGI_CANCEL_SHUTDOWN, NGI_ECANCELED, 503, TASK_REPLACE },
};

START_TEST(run_after_the_request_was_given_up_it_never_runs)
{
    parked(promise, modes[_i % 2]);
    task_cancel(client.task, given_up[_i / 2].why);
    ck_assert_int_eq(client_wait(&client), given_up[_i / 2].news);
    ck_assert_int_eq(client_status(&client), given_up[_i / 2].status);
    client_leave(&client);
    serve_idle();
    ck_assert_uint_eq(atomic_load(&ends), 1); /* where a plugin takes it off its list */
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), given_up[_i / 2].rc);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    over(0);
}
END_TEST

START_TEST(run_between_giving_up_and_the_end)
{
    parked(promise, modes[_i % 2]);
    task_cancel(client.task, given_up[_i / 2].why);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), given_up[_i / 2].rc);
    ck_assert_int_eq(client_wait(&client), given_up[_i / 2].news);
    client_leave(&client);
    over(0);
}
END_TEST

START_TEST(dropped_after_the_request_was_given_up)
{
    parked(promise, modes[_i]);
    task_cancel(client.task, NGI_CANCEL_CLIENT);
    ck_assert_int_eq(client_wait(&client), TASK_CUT);
    client_leave(&client);
    ngi_later_drop(later);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_EINVAL);
    over(0);
}
END_TEST

/* It has been promised to run, and is told. */
START_TEST(what_was_run_in_time_runs_though_the_client_leaves_first)
{
    answer = 11;
    parked(promise, RUN_POOL);
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    wait_for(&client.resumed);
    if (_i) /* the connection's side has looked, or not even that */
        ck_assert_int_eq(task_look(client.task), TASK_CONTINUE);
    client_leave(&client);
    serve_idle();
    ck_assert_int_eq(atomic_load(&seen), NGI_CANCEL_CLIENT);
    over(1);
}
END_TEST

static sem_t block_begun, block_go;

static void block(struct job *job)
{
    (void)job;
    sem_post(&block_begun);
    wait_for(&block_go);
}

START_TEST(what_was_run_in_time_runs_though_the_deadline_passes_in_the_queue)
{
    struct job blockers[4] = { { .run = block }, { .run = block }, { .run = block }, { .run = block } };
    sem_init(&block_begun, 0, 0);
    sem_init(&block_go, 0, 0);
    answer = 12;
    parked(promise, RUN_THREAD);
    serve_idle();
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(executor_submit(serve_lane()->executor, &blockers[i], true), NGI_OK);
        wait_for(&block_begun);
    }
    ck_assert_int_eq(ngi_later_run(later, fn, &answer), NGI_OK);
    task_cancel(client.task, NGI_CANCEL_DEADLINE);
    ck_assert_int_eq(client_wait(&client), TASK_REPLACE);
    ck_assert_int_eq(client_status(&client), 504);
    if (_i)
        client_leave(&client);
    for (int i = 0; i < 4; i++)
        sem_post(&block_go);
    serve_idle();
    ck_assert_int_eq(atomic_load(&seen), NGI_CANCEL_DEADLINE);
    if (!_i)
        client_leave(&client);
    over(1);
}
END_TEST

/* --- all at once --------------------------------------------------------------------------------------------- */

enum { CLIENTS = 4, KEEPERS = 2, ASKS = 1500, SHELVES = 64 };

/* A request, as all who have to do with it count. */
struct trip {
    _Atomic unsigned begins, ends;  /* of the request */
    _Atomic unsigned promised, ran; /* functions that ngi_later_run has promised to run, and those that have */
    _Atomic unsigned streaks;       /* how often it may still promise */
    unsigned seed;                  /* the running side's */
};

static struct trip *trips;
static _Atomic(ngi_later *) shelves[SHELVES]; /* with the handle and the trip apart, so that any keeper takes it */
static _Atomic(struct trip *) shelf_trips[SHELVES];
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool closing;

static void end_trip(void *arg)
{
    atomic_fetch_add(&((struct trip *)arg)->ends, 1);
}

static int go_on_trip(ngi_request *r, void *arg);

/* Runs or drops a handle, now and then twice. */
static void use_handle(ngi_later *handle, struct trip *trip, unsigned *seed)
{
    unsigned what = random_below(seed, 16);
    if (what == 0) {
        ngi_later_drop(handle);
        return;
    }
    /* Counted before: fn may have run, and looked, before ngi_later_run returns. */
    atomic_fetch_add(&trip->promised, 1);
    if (ngi_later_run(handle, go_on_trip, trip) != NGI_OK)
        atomic_fetch_sub(&trip->promised, 1);
    if (what == 1 && ngi_later_run(handle, go_on_trip, trip) != NGI_EINVAL)
        atomic_fetch_add(&trip->promised, 1000);
}

/* Puts it where a keeper finds it; what lay there is used instead. */
static void shelve(ngi_later *handle, struct trip *trip, unsigned *seed)
{
    unsigned i = random_below(seed, SHELVES);
    pthread_mutex_lock(&shelf_lock);
    ngi_later *other = atomic_exchange(&shelves[i], handle);
    struct trip *others = atomic_exchange(&shelf_trips[i], trip);
    pthread_mutex_unlock(&shelf_lock);
    if (other)
        use_handle(other, others, seed);
}

/* What handler and continuation do: answer, fail, or promise and have it run at once, by a keeper, or by nobody. */
static int travel(ngi_request *r, struct trip *trip)
{
    unsigned what = random_below(&trip->seed, 6);
    if (what == 0 || atomic_load(&trip->streaks) == 0)
        return ngi_text(r, 200, "ok");
    if (what == 1)
        return ngi_cancelled(r) ? NGI_ECANCELED : NGI_EFAIL;
    ngi_later *handle = ngi_later_new(r);
    if (!handle)
        return 503;
    atomic_fetch_sub(&trip->streaks, 1);
    if (what == 2)
        return ngi_text(r, 202, "no promise"); /* and it has ended */
    if (what == 3)
        use_handle(handle, trip, &trip->seed);
    else
        shelve(handle, trip, &(unsigned){ trip->seed });
    return NGI_LATER;
}

static int go_on_trip(ngi_request *r, void *arg)
{
    struct trip *trip = arg;
    atomic_fetch_add(&trip->ran, 1);
    return travel(r, trip);
}

static int begin_trip(ngi_request *r)
{
    struct trip *trip = &trips[strtoul(r->query, NULL, 10)];
    if (ngi_on_finish(r, end_trip, trip) == NGI_OK)
        atomic_fetch_add(&trip->begins, 1);
    return travel(r, trip);
}

static void *keep(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    bool last, found;
    do {
        last = atomic_load(&closing);
        found = false;
        for (unsigned i = 0; i < SHELVES; i++) {
            pthread_mutex_lock(&shelf_lock);
            ngi_later *handle = atomic_exchange(&shelves[i], NULL);
            struct trip *trip = atomic_load(&shelf_trips[i]);
            pthread_mutex_unlock(&shelf_lock);
            if (handle)
                use_handle(handle, trip, &seed);
            found |= handle != NULL;
        }
        if (!found)
            let_pass(1);
    } while (found || !last);
    return NULL;
}

struct traveller {
    struct client client;
    pthread_t thread;
    unsigned first, seed, cut;
};

static void *ask_many(void *arg)
{
    struct traveller *self = arg;
    for (unsigned i = self->first; i < self->first + ASKS; i++) {
        char target[32];
        snprintf(target, sizeof target, "/?%u", i);
        enum task_news news = client_ask(&self->client, target);
        if (random_below(&self->seed, 4) == 0)
            task_cancel(self->client.task, 1 + (int)random_below(&self->seed, 3));
        if (news == TASK_WAIT && random_below(&self->seed, 8) == 0) { /* it leaves as soon as it is looked at */
            wait_for(&self->client.resumed);
        } else {
            self->cut += client_wait(&self->client) == TASK_CUT;
        }
        client_leave(&self->client);
    }
    task_thread_end();
    return NULL;
}

START_TEST(under_stress_every_promise_is_kept_and_every_request_ends_once)
{
    static const enum run_mode runs[] = { RUN_THREAD, RUN_POOL, RUN_AUTO, RUN_AUTO };
    static struct traveller travellers[CLIENTS];
    pthread_t keepers[KEEPERS];
    unsigned seeds[KEEPERS];
    trips = calloc(CLIENTS * ASKS, sizeof *trips);
    ck_assert_ptr_nonnull(trips);
    for (unsigned i = 0; i < CLIENTS * ASKS; i++) {
        trips[i].seed = i + 1;
        atomic_store(&trips[i].streaks, 3);
    }
    atomic_store(&closing, false);
    serve(&(struct serving){
        .handler = begin_trip, .run = runs[_i], .threads = 3, .queue = 8, .timeout_ms = 2, .watched = _i != 3 });
    for (unsigned i = 0; i < KEEPERS; i++) {
        seeds[i] = 1000 + i;
        ck_assert_int_eq(pthread_create(&keepers[i], NULL, keep, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_begin(&travellers[i].client);
        travellers[i].first = i * ASKS;
        travellers[i].seed = 2000 + i;
        ck_assert_int_eq(pthread_create(&travellers[i].thread, NULL, ask_many, &travellers[i]), 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(travellers[i].thread, NULL);
    atomic_store(&closing, true);
    for (unsigned i = 0; i < KEEPERS; i++)
        pthread_join(keepers[i], NULL);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_end(&travellers[i].client);
    serve_end();
    unsigned wrong = 0;
    for (unsigned i = 0; i < CLIENTS * ASKS; i++)
        wrong += atomic_load(&trips[i].ran) != atomic_load(&trips[i].promised) ||
                 atomic_load(&trips[i].ends) != atomic_load(&trips[i].begins) || atomic_load(&trips[i].begins) > 1;
    ck_assert_uint_eq(wrong, 0);
    free(trips);
}
END_TEST

Suite *later_suite(void)
{
    Suite *suite = suite_create("later");
    TCase *tests = tcase_create("later");
    tcase_add_loop_test(tests, run_before_the_handler_returns_it_decides_whatever_that_returns, 0, 4);
    tcase_add_loop_test(tests, dropped_before_the_handler_returns_that_decides, 0, 2);
    tcase_add_loop_test(tests, after_a_drop_there_may_be_another, 0, 2);
    tcase_add_loop_test(tests, a_handler_that_returns_anything_else_has_ended_it, 0, 2);
    tcase_add_loop_test(tests, run_after_the_handler_has_returned, 0, 2);
    tcase_add_loop_test(tests, dropped_after_the_handler_has_returned, 0, 2);
    tcase_add_loop_test(tests, a_continuation_may_promise_again, 0, 2);
    tcase_add_loop_test(tests, run_after_the_request_was_given_up_it_never_runs, 0, 6);
    tcase_add_loop_test(tests, run_between_giving_up_and_the_end, 0, 6);
    tcase_add_loop_test(tests, dropped_after_the_request_was_given_up, 0, 2);
    tcase_add_loop_test(tests, what_was_run_in_time_runs_though_the_client_leaves_first, 0, 2);
    tcase_add_loop_test(tests, what_was_run_in_time_runs_though_the_deadline_passes_in_the_queue, 0, 2);
    tcase_add_loop_test(tests, under_stress_every_promise_is_kept_and_every_request_ends_once, 0, 4);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return suite;
}
