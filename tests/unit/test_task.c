#include "run/task.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

static struct client client;
static sem_t begun, go, finished; /* of the handler */
static _Atomic unsigned calls, ends;
static _Atomic int seen; /* what the handler was told */

static void count_end(void *unused)
{
    (void)unused;
    atomic_fetch_add(&ends, 1);
    sem_post(&finished);
}

static void given(const struct serving *serving)
{
    sem_init(&begun, 0, 0);
    sem_init(&go, 0, 0);
    sem_init(&finished, 0, 0);
    atomic_store(&calls, 0);
    atomic_store(&ends, 0);
    serve(serving);
    client_begin(&client);
}

/* What has begun is over, and everything ended as often as it began. */
static void over(void)
{
    serve_idle();
    client_end(&client);
    serve_end();
    ck_assert_uint_eq(atomic_load(&ends), atomic_load(&calls));
}

static int hello(ngi_request *r)
{
    atomic_fetch_add(&calls, 1);
    ck_assert_int_eq(ngi_on_finish(r, count_end, NULL), NGI_OK);
    return ngi_textf(r, 200, "hello %s", r->query);
}

static int nothing(ngi_request *r)
{
    return ngi_text(r, 200, "ok");
}

/* Waits to be let go in the middle, whatever the gateway says. */
static int wait_here(ngi_request *r)
{
    atomic_fetch_add(&calls, 1);
    ck_assert_int_eq(ngi_on_finish(r, count_end, NULL), NGI_OK);
    sem_post(&begun);
    wait_for(&go);
    atomic_store(&seen, ngi_cancelled(r));
    return ngi_text(r, 200, "late");
}

/* --- served -------------------------------------------------------------------------------------------------- */

START_TEST(a_route_is_served_on_the_pool_or_on_its_threads)
{
    static const struct {
        enum run_mode run;
        const char *rung;
    } cases[] = { { RUN_POOL, "pool" }, { RUN_THREAD, "thread" }, { RUN_AUTO, "thread" } };
    given(&(struct serving){ .handler = hello, .run = cases[_i].run });
    client_ask(&client, "/?Ada");
    ck_assert_int_eq(client_wait(&client), TASK_RESPOND);
    ck_assert_int_eq(client_status(&client), 200);
    ck_assert_str_eq(client_text(&client), "hello Ada");
    ck_assert_str_eq(client.task->request->timing.rung, cases[_i].rung);
    ck_assert_uint_eq(atomic_load(&ends), 0); /* not before the client has it */
    client_leave(&client);
    wait_for(&finished);
    over();
}
END_TEST

START_TEST(a_fast_route_moves_to_the_pool)
{
    given(&(struct serving){ .handler = nothing });
    for (int i = 0; placement_choose(&serve_lane()->placement) != PLACE_POOL; i++) {
        ck_assert_int_lt(i, 100000); /* a machine that is busy beyond measure */
        ck_assert_int_eq(client_get(&client, "/"), 200);
    }
    unsigned suspends = atomic_load(&client.suspends);
    client_ask(&client, "/");
    ck_assert_str_eq(client.task->request->timing.rung, "pool");
    ck_assert_int_eq(client_wait(&client), TASK_RESPOND);
    client_leave(&client);
    ck_assert_uint_eq(atomic_load(&client.suspends), suspends);
    over();
}
END_TEST

START_TEST(a_full_queue_is_refused)
{
    static struct client second, third;
    client_begin(&second);
    client_begin(&third);
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD, .threads = 1, .queue = 1 });
    client_ask(&client, "/");
    wait_for(&begun);
    ck_assert_int_eq(client_ask(&second, "/"), TASK_WAIT);
    ck_assert_int_eq(client_ask(&third, "/"), TASK_RESPOND);
    client_wait(&third);
    ck_assert_int_eq(client_status(&third), 503);
    ck_assert_str_eq(response_get_header(&third.task->request->response, "Retry-After"), "1");
    client_leave(&third);
    sem_post(&go);
    sem_post(&go);
    client_wait(&client);
    client_leave(&client);
    client_wait(&second);
    ck_assert_int_eq(client_status(&second), 200);
    client_leave(&second);
    ck_assert_uint_eq(atomic_load(&calls), 2);
    client_end(&second);
    client_end(&third);
    over();
}
END_TEST

/* --- given up ------------------------------------------------------------------------------------------------ */

START_TEST(past_its_deadline_a_running_call_is_answered_for)
{
    static const struct {
        int why, status;
    } cases[] = { { NGI_CANCEL_DEADLINE, 504 }, { NGI_CANCEL_SHUTDOWN, 503 } };
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD });
    ck_assert_int_eq(client_ask(&client, "/"), TASK_WAIT);
    wait_for(&begun);
    task_cancel(client.task, cases[_i].why);
    ck_assert_int_eq(client_wait(&client), TASK_REPLACE);
    task_cancel(client.task, cases[_i].why); /* which changes nothing any more */
    sem_post(&go);
    serve_idle(); /* the handler has returned */
    ck_assert_int_eq(atomic_load(&seen), cases[_i].why);
    ck_assert_int_eq(client_status(&client), cases[_i].status);
    ck_assert_ptr_null(strstr(client_text(&client), "late"));
    ck_assert_uint_eq(atomic_load(&ends), 0);
    client_leave(&client);
    wait_for(&finished);
    ck_assert_uint_eq(atomic_load(&client.resumes), 1);
    over();
}
END_TEST

START_TEST(a_handler_may_go_on_after_its_client_has_left)
{
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD });
    client_ask(&client, "/");
    wait_for(&begun);
    task_cancel(client.task, NGI_CANCEL_DEADLINE);
    client_wait(&client);
    client_leave(&client);
    ck_assert_uint_eq(atomic_load(&ends), 0);
    sem_post(&go);
    wait_for(&finished);
    ck_assert_uint_eq(atomic_load(&client.resumes), 1);
    over();
}
END_TEST

/* It may have closed no more than its sending side. */
START_TEST(a_call_that_runs_may_still_answer_a_client_that_hung_up)
{
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD });
    client_ask(&client, "/");
    wait_for(&begun);
    task_cancel(client.task, NGI_CANCEL_CLIENT);
    sem_post(&go);
    ck_assert_int_eq(client_wait(&client), TASK_RESPOND);
    ck_assert_str_eq(client_text(&client), "late");
    ck_assert_int_eq(atomic_load(&seen), NGI_CANCEL_CLIENT);
    client_leave(&client);
    over();
}
END_TEST

START_TEST(but_not_beyond_the_deadline)
{
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD });
    client_ask(&client, "/");
    wait_for(&begun);
    task_cancel(client.task, NGI_CANCEL_CLIENT);
    task_cancel(client.task, NGI_CANCEL_DEADLINE);
    ck_assert_int_eq(client_wait(&client), TASK_CUT);
    client_leave(&client);
    sem_post(&go);
    over();
}
END_TEST

START_TEST(what_is_given_up_while_it_waits_never_runs)
{
    static struct client second;
    static const struct {
        int why;
        enum task_news news;
        int status;
    } cases[] = { { NGI_CANCEL_CLIENT, TASK_CUT, 0 },
                  { NGI_CANCEL_DEADLINE, TASK_REPLACE, 504 },
                  { NGI_CANCEL_SHUTDOWN, TASK_REPLACE, 503 } };
    client_begin(&second);
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD, .threads = 1 });
    client_ask(&client, "/");
    wait_for(&begun);
    client_ask(&second, "/");
    task_cancel(second.task, cases[_i].why);
    ck_assert_int_eq(client_wait(&second), cases[_i].news);
    ck_assert_int_eq(client_status(&second), cases[_i].status);
    client_leave(&second);
    sem_post(&go);
    client_wait(&client);
    client_leave(&client);
    client_end(&second);
    over();
    ck_assert_uint_eq(atomic_load(&calls), 1);
}
END_TEST

static void block(struct job *job)
{
    (void)job;
    wait_for(&go);
}

START_TEST(a_deadline_that_passes_in_the_queue_is_kept_without_a_watch)
{
    struct job blocker = { .run = block };
    given(&(struct serving){ .handler = hello, .run = RUN_THREAD, .threads = 1, .timeout_ms = 1 });
    ck_assert_int_eq(executor_submit(serve_lane()->executor, &blocker, true), NGI_OK);
    ck_assert_int_eq(client_ask(&client, "/"), TASK_WAIT);
    let_pass(2);
    sem_post(&go);
    ck_assert_int_eq(client_wait(&client), TASK_REPLACE);
    ck_assert_int_eq(client_status(&client), 504);
    client_leave(&client);
    over();
    ck_assert_uint_eq(atomic_load(&calls), 0);
}
END_TEST

START_TEST(the_watch_keeps_a_deadline)
{
    given(&(struct serving){ .handler = wait_here, .run = RUN_THREAD, .timeout_ms = 20, .watched = true });
    client_ask(&client, "/");
    ck_assert_int_eq(client_wait(&client), TASK_REPLACE);
    ck_assert_int_eq(client_status(&client), 504);
    client_leave(&client);
    sem_post(&go);
    over();
}
END_TEST

static int wait_for_cancel_fd(ngi_request *r)
{
    struct pollfd fd = { .fd = ngi_cancel_fd(r), .events = POLLIN };
    sem_post(&begun);
    return poll(&fd, 1, 60000) == 1 ? ngi_textf(r, 200, "told %d", ngi_cancelled(r)) : 500;
}

START_TEST(a_handler_that_waits_for_it_is_told)
{
    given(&(struct serving){ .handler = wait_for_cancel_fd, .run = RUN_THREAD });
    client_ask(&client, "/");
    wait_for(&begun);
    task_cancel(client.task, NGI_CANCEL_CLIENT);
    client_wait(&client);
    ck_assert_str_eq(client_text(&client), "told 1");
    client_leave(&client);
    over();
}
END_TEST

/* --- background ---------------------------------------------------------------------------------------------- */

static void work(void *arg)
{
    *(unsigned *)arg = atomic_fetch_add(&seen, 1);
    sem_post(&finished);
}

static unsigned order[2];

static int start_work(ngi_request *r)
{
    atomic_store(&seen, 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ngi_background(r, work, &order[i]), NGI_OK);
    ck_assert_int_eq(ngi_background(r, work, NULL), NGI_EBUSY);
    return 200;
}

START_TEST(background_work_begins_in_order_when_the_response_has_gone)
{
    given(&(struct serving){ .handler = start_work, .run = RUN_THREAD, .threads = 1, .queue = 2 });
    client_ask(&client, "/");
    client_wait(&client);
    ck_assert_int_eq(atomic_load(&seen), 0);
    client_leave(&client);
    wait_for(&finished);
    wait_for(&finished);
    ck_assert_uint_eq(order[0], 0);
    ck_assert_uint_eq(order[1], 1);
    over();
}
END_TEST

Suite *task_suite(void)
{
    Suite *suite = suite_create("task");
    TCase *tests = tcase_create("task");
    tcase_add_loop_test(tests, a_route_is_served_on_the_pool_or_on_its_threads, 0, 3);
    tcase_add_test(tests, a_fast_route_moves_to_the_pool);
    tcase_add_test(tests, a_full_queue_is_refused);
    tcase_add_loop_test(tests, past_its_deadline_a_running_call_is_answered_for, 0, 2);
    tcase_add_test(tests, a_handler_may_go_on_after_its_client_has_left);
    tcase_add_test(tests, a_call_that_runs_may_still_answer_a_client_that_hung_up);
    tcase_add_test(tests, but_not_beyond_the_deadline);
    tcase_add_loop_test(tests, what_is_given_up_while_it_waits_never_runs, 0, 3);
    tcase_add_test(tests, a_deadline_that_passes_in_the_queue_is_kept_without_a_watch);
    tcase_add_test(tests, the_watch_keeps_a_deadline);
    tcase_add_test(tests, a_handler_that_waits_for_it_is_told);
    tcase_add_test(tests, background_work_begins_in_order_when_the_response_has_gone);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return suite;
}
