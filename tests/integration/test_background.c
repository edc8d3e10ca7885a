/* ngi_background: work that goes on after the response has gone. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PROMISES "tests/integration/plugins/promises.so"

static const char *const rungs[] = { "auto", "thread", "pool" };
enum { RUNGS = 3 };

/* The FIFO `a` holds work that is named so, and `c-call` the call named c. */
#define PROMISES_ON(rung, ...) serve_gated(PROMISES, "promises", "a c-call", rung, LIST(__VA_ARGS__))

START_TEST(the_response_does_not_wait_for_it)
{
    PROMISES_ON(rungs[_i]);
    struct session *session = session_begin(gateway.url);
    struct reply reply;
    fetch_on(session, &reply, "/promises/background?name=a", "GET", NULL, NULL, 0);
    EXPECT(&reply, 200, "1 taken, success\n"); /* while the work is held */
    reply_free(&reply);
    gateway_wait_log(&gateway, "promises: a works on 0");
    EXPECT_LACKS(gateway_log(&gateway), "a has done");
    fetch_on(session, &reply, "/promises/background?name=b", "GET", NULL, NULL, 0);
    EXPECT(&reply, 200, "1 taken, success\n"); /* on the same connection */
    reply_free(&reply);
    ck_assert_int_eq(session_connections(session), 1);
    session_end(session);
    release("a");
    gateway_wait_log(&gateway, "promises: a has done 0");
    finish();
}
END_TEST

START_TEST(it_does_not_begin_before_the_response_has_gone)
{
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/background?name=c");
    gateway_wait_log(&gateway, "c answers");
    EXPECT_LACKS(gateway_log(&gateway), "c works");
    release("c-call");
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    gateway_wait_log(&gateway, "promises: c has done 0");
    free(answer);
    close(fd);
    finish();
}
END_TEST

START_TEST(one_thread_does_it_in_order)
{
    PROMISES_ON(rungs[_i], "--set", "executor_threads=1");
    EXPECT(GET("/promises/background?name=b&times=5"), 200, "5 taken, success\n");
    gateway_wait_log(&gateway, "promises: b has done 4");
    const char *at = gateway_log(&gateway);
    for (int i = 0; i < 5; i++) {
        char line[64];
        snprintf(line, sizeof line, "promises: b works on %d\n", i);
        const char *next = strstr(at, line);
        ck_assert_msg(next != NULL, "%s is not where it should be in\n%s", line, gateway_log(&gateway));
        at = next;
    }
    finish();
}
END_TEST

START_TEST(beyond_the_limit_it_is_refused)
{
    PROMISES_ON(rungs[_i], "--set", "queue=3");
    EXPECT(GET("/promises/background?name=a&times=5"), 200, "3 taken, busy\n");
    while (count_of(gateway_log(&gateway), "promises: a has done") < 3)
        nudge("a");
    EXPECT(GET("/promises/background?name=b&times=1"), 200, "1 taken, success\n");
    gateway_wait_log(&gateway, "promises: b has done 0");
    finish();
}
END_TEST

START_TEST(it_runs_also_where_the_handler_fails)
{
    PROMISES_ON(rungs[_i]);
    EXPECT_STATUS(GET("/promises/background?name=b&fails=1"), 500);
    gateway_wait_log(&gateway, "promises: b has done 0");
    finish();
}
END_TEST

START_TEST(it_runs_also_where_the_client_leaves)
{
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/background?name=c");
    gateway_wait_log(&gateway, "c answers");
    close(fd);
    release("c-call");
    gateway_wait_log(&gateway, "promises: c has done 0");
    finish();
}
END_TEST

START_TEST(it_is_waited_for_at_the_end)
{
    PROMISES_ON(rungs[_i], "--set", "grace=60");
    EXPECT_STATUS(GET("/promises/background?name=a"), 200);
    gateway_wait_log(&gateway, "promises: a works on 0");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: "); /* its own request may not be over for the gateway yet */
    release("a");
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "promises: a has done 0");
    finish();
}
END_TEST

START_TEST(what_has_not_begun_at_the_end_is_run_too)
{
    PROMISES_ON(rungs[_i], "--set", "executor_threads=1");
    EXPECT(GET("/promises/background?name=b&times=20"), 200, "20 taken, success\n");
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "promises: b has done"), 20);
    finish();
}
END_TEST

Suite *background_suite(void)
{
    Suite *suite = suite_create("background");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, the_response_does_not_wait_for_it, 0, RUNGS);
    tcase_add_loop_test(own, it_does_not_begin_before_the_response_has_gone, 0, RUNGS);
    tcase_add_loop_test(own, one_thread_does_it_in_order, 0, RUNGS);
    tcase_add_loop_test(own, beyond_the_limit_it_is_refused, 0, RUNGS);
    tcase_add_loop_test(own, it_runs_also_where_the_handler_fails, 0, RUNGS);
    tcase_add_loop_test(own, it_runs_also_where_the_client_leaves, 0, RUNGS);
    tcase_add_loop_test(own, it_is_waited_for_at_the_end, 0, RUNGS);
    tcase_add_loop_test(own, what_has_not_begun_at_the_end_is_run_too, 0, RUNGS);
    return suite;
}
