/* The threads of routes: how many, for what, how long; and their queues. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define CALLS "tests/integration/plugins/calls.so"
#define TURNS "tests/integration/plugins/turns.so"

static const char *const rungs[] = { "auto", "thread" };
enum { RUNGS = 2 };

/* `rung`: of all routes. The FIFOs `a` and `b` hold calls that are named so. */
#define CALLS_ON(rung, ...) serve_gated(CALLS " " TURNS, "calls", "a b", rung, LIST(__VA_ARGS__))

/* Threads of the gateway whose name is `name`. */
static unsigned threads_named(const char *name)
{
    char command[96], text[16];
    snprintf(command, sizeof command, "cat /proc/%d/task/*/comm 2>/dev/null | grep -cx %s", (int)gateway_worker(&gateway), name);
    FILE *out = popen(command, "r");
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, out));
    pclose(out);
    return (unsigned)atoi(text);
}

START_TEST(calls_of_one_route_run_in_parallel)
{
    CALLS_ON(rungs[_i]);
    int first = begin("/calls/?name=a"), second;
    gateway_wait_log(&gateway, "a begins beside 0");
    second = begin("/calls/?name=b");
    gateway_wait_log(&gateway, "b begins beside 1");
    release("b");
    expect_answer(second, "200 OK", "b beside 1\n");
    release("a");
    expect_answer(first, "200 OK", "a beside 0\n");
    close(first);
    close(second);
    finish();
}
END_TEST

START_TEST(there_are_no_more_threads_than_allowed)
{
    enum { MANY = 10 };
    CALLS_ON(rungs[_i], "--set", "executor_threads=3");
    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = begin("/calls/?name=a");
    while (count_of(gateway_log(&gateway), "a begins") < 3)
        usleep(1000);
    ck_assert_uint_eq(threads_named("calls"), 3);
    EXPECT_STATUS(GET("/calls/other"), 200); /* which has threads of its own */
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "a begins"), 3);
    while (count_of(gateway_log(&gateway), "a goes on") < MANY)
        nudge("a");
    for (int i = 0; i < MANY; i++) {
        expect_answer(fds[i], "200 OK", "a beside ");
        close(fds[i]);
    }
    EXPECT_LACKS(gateway_log(&gateway), "a begins beside 3");
    finish();
}
END_TEST

START_TEST(a_full_queue_is_503_with_retry_after_at_once)
{
    CALLS_ON(rungs[_i], "--set", "executor_threads=1", "--set", "queue=2");
    int running = begin("/calls/?name=a"), refused = 0;
    gateway_wait_log(&gateway, "a begins");
    struct pollfd more[3]; /* of which one is too many */
    for (int i = 0; i < 3; i++)
        more[i] = (struct pollfd){ begin("/calls/?name=queued"), POLLIN, 0 };
    ck_assert_int_eq(poll(more, 3, 30 * 1000), 1);
    while (!more[refused].revents)
        refused++;
    char *answer = raw_read_response(more[refused].fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "HTTP/1.1 503 Service Unavailable\r\n");
    ck_assert_int_ge(atoi(head_value(answer, "Retry-After")), 1);
    free(answer);
    EXPECT_LACKS(gateway_log(&gateway), "queued begins");
    release("a");
    expect_answer(running, "200 OK", "a beside 0\n");
    for (int i = 0; i < 3; i++) {
        if (i == refused)
            say(more[i].fd, "/calls/other"); /* its connection goes on */
        expect_answer(more[i].fd, "200 OK", " beside ");
        close(more[i].fd);
    }
    close(running);
    finish();
}
END_TEST

static void *be_client(void *target)
{
    long wrong = 0;
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < 20; i++) {
        struct reply reply;
        fetch_on(session, &reply, target, "GET", NULL, NULL, 0);
        wrong += reply.status != 200 || !strstr(reply.body, "beside 0\n");
        reply_free(&reply);
    }
    session_end(session);
    return (void *)wrong;
}

static void expect_alone(const char *const *targets)
{
    enum { CLIENTS = 6 };
    pthread_t clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&clients[i], NULL, be_client, (void *)targets[i % 2]), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *wrong;
        pthread_join(clients[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
}

static const char *const all_rungs[] = { "auto", "thread", "pool" };

START_TEST(of_a_serial_plugin_one_call_runs_at_a_time)
{
    CALLS_ON(all_rungs[_i], "--set", "threads=3");
    expect_alone((const char *const[]){ "/turns/a", "/turns/b" });
    finish();
}
END_TEST

START_TEST(of_a_serial_route_one_call_runs_at_a_time)
{
    CALLS_ON(all_rungs[_i], "--set", "threads=3");
    expect_alone((const char *const[]){ "/calls/serial?moment=1", "/calls/serial?moment=1" });
    finish();
}
END_TEST

START_TEST(what_may_block_is_never_on_the_pool)
{
    CALLS_ON("auto", "--set", "access_log=-");
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < 200; i++) {
        struct reply reply;
        fetch_on(session, &reply, i % 2 ? "/calls/may" : "/calls/never", "GET", NULL, NULL, 0);
        EXPECT_STATUS(&reply, 200);
        reply_free(&reply);
    }
    session_end(session);
    gateway_stop(&gateway);
    char *log = strdup(gateway_log(&gateway)), *save = NULL;
    unsigned pool = 0, thread = 0;
    for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        bool may = strstr(line, "\"GET /calls/may ") != NULL, never = strstr(line, "\"GET /calls/never ") != NULL;
        thread += may && strstr(line, " calls thread ");
        pool += never && strstr(line, " calls pool 0 ");
    }
    ck_assert_uint_eq(thread, 100);
    ck_assert_uint_eq(pool, 100);
    free(log);
    finish();
}
END_TEST

START_TEST(idle_threads_end_and_their_states_with_them)
{
    CALLS_ON(rungs[_i], "--set", "thread_idle=1");
    int fds[4];
    for (int i = 0; i < 4; i++)
        fds[i] = begin("/calls/?name=a");
    while (count_of(gateway_log(&gateway), "a begins") < 4)
        usleep(1000);
    ck_assert_uint_eq(threads_named("calls"), 4);
    while (count_of(gateway_log(&gateway), "a goes on") < 4)
        nudge("a");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    gateway_wait_log(&gateway, "thread_fini, there are 0"); /* of themselves */
    while (threads_named("calls") > 0) /* the last has said so before it ended */
        usleep(1000);
    EXPECT(GET("/calls/?name=c"), 200, "c beside 0\n"); /* and there are new ones */
    gateway_stop(&gateway);
    const char *log = gateway_log(&gateway);
    ck_assert_uint_eq(count_of(log, "thread_init, "), 5);
    ck_assert_uint_eq(count_of(log, "thread_fini, "), 5);
    finish();
}
END_TEST

START_TEST(a_queue_of_0_serves_as_many_as_there_are_threads)
{
    CALLS_ON("thread", "--set", "executor_threads=2", "--set", "queue=0");
    int first = begin("/calls/?name=a"), second = begin("/calls/?name=b");
    gateway_wait_log(&gateway, "a begins");
    gateway_wait_log(&gateway, "b begins");
    EXPECT_STATUS(GET("/calls/?name=c"), 503);
    release("a");
    expect_answer(first, "200 OK", "a beside ");
    release("b");
    expect_answer(second, "200 OK", "b beside ");
    close(first);
    close(second);
    finish();
}
END_TEST

Suite *executor_suite(void)
{
    Suite *suite = suite_create("executor");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, calls_of_one_route_run_in_parallel, 0, RUNGS);
    tcase_add_loop_test(own, there_are_no_more_threads_than_allowed, 0, RUNGS);
    tcase_add_loop_test(own, a_full_queue_is_503_with_retry_after_at_once, 0, RUNGS);
    tcase_add_loop_test(own, of_a_serial_plugin_one_call_runs_at_a_time, 0, 3);
    tcase_add_loop_test(own, of_a_serial_route_one_call_runs_at_a_time, 0, 3);
    tcase_add_test(own, what_may_block_is_never_on_the_pool);
    tcase_add_loop_test(own, idle_threads_end_and_their_states_with_them, 0, RUNGS);
    tcase_add_test(own, a_queue_of_0_serves_as_many_as_there_are_threads);
    return suite;
}
