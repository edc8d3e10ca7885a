/* ngi_later_new: responses that come later, and from elsewhere. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define PROMISES "tests/integration/plugins/promises.so"

static const char *const rungs[] = { "auto", "thread", "pool" };
enum { RUNGS = 3 };

/* `rung`: of all routes. */
#define PROMISES_ON(rung, ...) serve_gated(PROMISES, "promises", "", rung, LIST(__VA_ARGS__))

START_TEST(it_is_answered_when_it_is_run)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/park?name=a");
    gateway_wait_log(&gateway, "a is promised");
    EXPECT(GET("/promises/run?name=a"), 200, "success\n");
    expect_answer(fd, "HTTP/1.1 200 OK\r\n", "\r\n\r\na went on\n");
    say(fd, "/promises/park?name=b&early=run"); /* on the same connection */
    expect_answer(fd, "HTTP/1.1 200 OK\r\n", "\r\n\r\nb went on\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(it_may_be_run_before_the_handler_returns)
{
    PROMISES_ON(rungs[_i]);
    EXPECT(GET("/promises/park?name=a&early=run"), 200, "a went on\n");
    const char *log = gateway_log(&gateway);
    ck_assert(strstr(log, "a is promised") < strstr(log, "a goes on: 0"));
    finish();
}
END_TEST

START_TEST(no_thread_is_held)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i], "--set", "threads=1", "--set", "executor_threads=1");
    int fds[4];
    char target[64];
    for (int i = 0; i < 4; i++) {
        snprintf(target, sizeof target, "/promises/park?name=p%d", i);
        fds[i] = begin(target);
        snprintf(target, sizeof target, "p%d is promised", i);
        gateway_wait_log(&gateway, target);
    }
    EXPECT(GET("/promises/run-all"), 200, "4\n");
    for (int i = 0; i < 4; i++) {
        snprintf(target, sizeof target, "p%d went on\n", i);
        expect_answer(fds[i], "200 OK", target);
        close(fds[i]);
    }
    finish();
}
END_TEST

START_TEST(hundreds_at_once)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    enum { MANY = 300 };
    PROMISES_ON(rungs[_i]);
    int fds[MANY];
    char target[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(target, sizeof target, "/promises/park?name=p%d", i);
        fds[i] = begin(target);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(target, sizeof target, "p%d is promised", i);
        gateway_wait_log(&gateway, target);
    }
    EXPECT(GET("/promises/run-all"), 200, "300\n");
    for (int i = 0; i < MANY; i++) {
        snprintf(target, sizeof target, "\r\n\r\np%d went on\n", i);
        expect_answer(fds[i], "200 OK", target);
        close(fds[i]);
    }
    finish();
}
END_TEST

START_TEST(a_continuation_may_fail_and_return_a_status)
{
    PROMISES_ON(rungs[_i]);
    EXPECT_STATUS(GET("/promises/park?name=a&early=run&fails=-15"), 500);
    EXPECT(GET("/promises/park?name=a&early=run&fails=202"), 202, "a went on\n");
    finish();
}
END_TEST

START_TEST(a_continuation_may_promise_again)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/park?name=a&again=2");
    gateway_wait_log(&gateway, "a is promised");
    for (unsigned i = 1; i <= 2; i++) {
        EXPECT(GET("/promises/run?name=a"), 200, "success\n");
        while (count_of(gateway_log(&gateway), "a is promised again") < i)
            usleep(1000);
    }
    EXPECT(GET("/promises/run?name=a"), 200, "success\n");
    expect_answer(fd, "200 OK", "\r\n\r\na went on\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(dropped_is_500)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/park?name=a");
    gateway_wait_log(&gateway, "a is promised");
    EXPECT(GET("/promises/drop?name=a"), 200, "dropped\n");
    expect_answer(fd, "HTTP/1.1 500 Internal Server Error\r\n", "\r\n\r\n");
    gateway_wait_log(&gateway, "500: the response was promised for later, and dropped");
    EXPECT(GET("/promises/run?name=a"), 200, "invalid argument\n");
    close(fd);
    EXPECT_STATUS(GET("/promises/park?name=b&early=drop"), 500);
    finish();
}
END_TEST

START_TEST(run_twice_is_refused_and_does_no_harm)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    EXPECT(GET("/promises/park?name=a&early=run"), 200, "a went on\n");
    EXPECT(GET("/promises/run?name=a"), 200, "invalid argument\n");
    EXPECT(GET("/promises/drop?name=a"), 200, "dropped\n");
    EXPECT(GET("/promises/park?name=b&early=run"), 200, "b went on\n");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "a goes on"), 1);
    finish();
}
END_TEST

START_TEST(a_handler_that_returns_something_else_has_ended_it)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    EXPECT(GET("/promises/park?name=a&forget=1"), 200, "at once\n");
    EXPECT(GET("/promises/run?name=a"), 200, "invalid argument\n");
    EXPECT_LACKS(gateway_log(&gateway), "a goes on");
    finish();
}
END_TEST

START_TEST(never_run_it_is_504_at_the_deadline)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i], "--set", "timeout=2.5");
    int fd = begin("/promises/park?name=a");
    expect_answer(fd, "HTTP/1.1 504 Gateway Timeout\r\n", "\r\n\r\n");
    gateway_wait_log(&gateway, "504: the deadline has passed");
    say(fd, "/promises/park?name=b&early=run");
    expect_answer(fd, "200 OK", "\r\n\r\nb went on\n");
    gateway_wait_log(&gateway, "promises: a is over"); /* nothing is kept for it */
    EXPECT(GET("/promises/run?name=a"), 200, "deadline passed\n");
    EXPECT(GET("/promises/run?name=a"), 200, "invalid argument\n");
    EXPECT_LACKS(gateway_log(&gateway), "a goes on");
    close(fd);
    finish();
}
END_TEST

START_TEST(run_after_its_client_has_left_it_is_cancelled)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/park?name=a");
    gateway_wait_log(&gateway, "a is promised");
    close(fd);
    gateway_wait_log(&gateway, "promises: a is over");
    EXPECT(GET("/promises/run?name=a"), 200, "cancelled\n");
    EXPECT_LACKS(gateway_log(&gateway), "a goes on");
    finish();
}
END_TEST

START_TEST(draining_waits_for_it)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(rungs[_i]);
    int fd = begin("/promises/park?name=a"), runs = begin("/promises/park?name=b&early=run");
    expect_answer(runs, "200 OK", "b went on\n");
    gateway_wait_log(&gateway, "a is promised");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: "); /* the request of b may be under way still, though it is answered */
    say(runs, "/promises/run?name=a"); /* a connection that was open may ask once more */
    expect_answer(runs, "200 OK", "success\n");
    expect_answer(fd, "200 OK", "\r\n\r\na went on\n");
    close(fd);
    close(runs);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(after_the_grace_period_it_is_503)
{
    PROMISES_ON(rungs[_i], "--set", "grace=0.2");
    int fd = begin("/promises/park?name=a"), other = begin("/promises/park?name=b");
    gateway_wait_log(&gateway, "a is promised");
    gateway_wait_log(&gateway, "b is promised");
    kill(gateway.pid, SIGTERM);
    expect_answer(fd, "HTTP/1.1 503 Service Unavailable\r\n", "Retry-After: ");
    expect_answer(other, "HTTP/1.1 503 Service Unavailable\r\n", "Connection: close\r\n");
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "promises: a is over");
    EXPECT_HAS(gateway_log(&gateway), "promises: b is over");
    close(fd);
    close(other);
    finish();
}
END_TEST

START_TEST(run_early_it_waits_for_the_handler_and_the_deadline_does_not)
{
    PROMISES_ON("thread", "--set", "timeout=2.5");
    make_gate("a");
    int fd = begin("/promises/park?name=a&early=run");
    expect_answer(fd, "HTTP/1.1 504 Gateway Timeout\r\n", "\r\n\r\n");
    gateway_wait_log(&gateway, "a early: 0");
    EXPECT_LACKS(gateway_log(&gateway), "a goes on");
    release("a");
    gateway_wait_log(&gateway, "a goes on: 2"); /* it has been promised to run, and is told the deadline */
    say(fd, "/promises/park?name=b&early=run");
    expect_answer(fd, "200 OK", "\r\n\r\nb went on\n");
    close(fd);
    finish();
}
END_TEST

/* Told while the handler ran, that a client has left is not told again. */
START_TEST(promised_after_its_client_has_left_it_is_over_at_once)
{
    PROMISES_ON("thread", "--set", "timeout=0");
    make_gate("a");
    int fd = begin("/promises/park?name=a");
    gateway_wait_log(&gateway, "a is promised");
    close(fd);
    usleep(200 * 1000); /* until the gateway has noticed; the handler does not say so */
    release("a");
    gateway_wait_log(&gateway, "promises: a is over");
    finish();
}
END_TEST

/* --- and ngi_flush -------------------------------------------------------------------------------------------- */

static const char *const threaded[] = { "auto", "thread" };
enum { THREADED = 2 };

START_TEST(a_response_that_has_begun_may_be_promised)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(threaded[_i]);
    int fd = begin("/promises/park?name=a&flush=1");
    free(read_until(fd, "promised\n"));
    EXPECT(GET("/promises/run?name=a"), 200, "success\n");
    free(read_until(fd, "a went on\n\r\n0\r\n\r\n"));
    close(fd);
    finish();
}
END_TEST

START_TEST(a_response_that_has_begun_and_is_never_run_is_cut_at_the_deadline)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON(threaded[_i], "--set", "timeout=2.5");
    int fd = begin("/promises/park?name=a&flush=1");
    free(read_until(fd, "promised\n"));
    char *rest = raw_read_all(fd, NULL);
    EXPECT_LACKS(rest, "0\r\n\r\n");
    gateway_wait_log(&gateway, "promises: a is over");
    EXPECT(GET("/promises/run?name=a"), 200, "deadline passed\n");
    free(rest);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_response_that_has_begun_is_over_when_its_client_leaves)
{
    PROMISES_ON(threaded[_i]);
    int fd = begin("/promises/park?name=a&flush=1");
    free(read_until(fd, "promised\n"));
    gateway_wait_log(&gateway, "a is promised");
    close(fd);
    gateway_wait_log(&gateway, "promises: a is over");
    finish();
}
END_TEST

START_TEST(a_response_that_has_begun_is_cut_at_the_end)
{
    PROMISES_ON(threaded[_i], "--set", "grace=0.2");
    int fd = begin("/promises/park?name=a&flush=1");
    free(read_until(fd, "promised\n"));
    gateway_stop(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "promises: a is over");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_continuation_may_stream)
{
    PROMISES_ON(threaded[_i]);
    const struct reply *reply = GET("/promises/park?name=a&early=run&pours=1000000");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_ge(reply->length, 1000000);
    finish();
}
END_TEST

static void make_mixed_fast(void)
{
    struct session *session = session_begin(gateway.url);
    struct reply reply;
    for (int i = 0; i < 500 && !strstr(gateway_log(&gateway), "\"/mixed\" now runs on the pool"); i++) {
        fetch_on(session, &reply, "/promises/mixed", "GET", NULL, NULL, 0);
        EXPECT(&reply, 200, "fast\n");
        reply_free(&reply);
    }
    session_end(session);
    gateway_wait_log(&gateway, "\"/mixed\" now runs on the pool");
}

/* It began on a thread; meanwhile the pool has got the route. */
START_TEST(a_continuation_on_the_pool_may_stream)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON("auto");
    int fd = begin("/promises/mixed?name=a&pours=1000000");
    gateway_wait_log(&gateway, "a is promised");
    make_mixed_fast();
    EXPECT(GET("/promises/run?name=a"), 200, "success\n");
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "200 OK");
    free(answer);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_response_that_has_begun_goes_on_though_the_pool_has_its_route)
{
    NOT_IN_HOSTS("another call runs the promise, in another process");
    PROMISES_ON("auto");
    make_mixed_fast();
    EXPECT(GET("/promises/mixed?once=1"), 200, "flushed\n"); /* and from now on it has threads, because it streams */
    int fd = begin("/promises/mixed?name=a&flush=1");
    free(read_until(fd, "promised\n"));
    EXPECT(GET("/promises/run?name=a"), 200, "success\n");
    free(read_until(fd, "a went on\n\r\n0\r\n\r\n"));
    close(fd);
    finish();
}
END_TEST

Suite *later_suite(void)
{
    Suite *suite = suite_create("later");
    TCase *plain = test_case(suite, "ngi_later", NULL), *flush = test_case(suite, "ngi_later and ngi_flush", NULL);
    tcase_add_loop_test(plain, it_is_answered_when_it_is_run, 0, RUNGS);
    tcase_add_loop_test(plain, it_may_be_run_before_the_handler_returns, 0, RUNGS);
    tcase_add_loop_test(plain, no_thread_is_held, 0, RUNGS);
    tcase_add_loop_test(plain, hundreds_at_once, 0, RUNGS);
    tcase_add_loop_test(plain, a_continuation_may_fail_and_return_a_status, 0, RUNGS);
    tcase_add_loop_test(plain, a_continuation_may_promise_again, 0, RUNGS);
    tcase_add_loop_test(plain, dropped_is_500, 0, RUNGS);
    tcase_add_loop_test(plain, run_twice_is_refused_and_does_no_harm, 0, RUNGS);
    tcase_add_loop_test(plain, a_handler_that_returns_something_else_has_ended_it, 0, RUNGS);
    tcase_add_loop_test(plain, never_run_it_is_504_at_the_deadline, 0, RUNGS);
    tcase_add_loop_test(plain, run_after_its_client_has_left_it_is_cancelled, 0, RUNGS);
    tcase_add_loop_test(plain, draining_waits_for_it, 0, RUNGS);
    tcase_add_loop_test(plain, after_the_grace_period_it_is_503, 0, RUNGS);
    tcase_add_test(plain, run_early_it_waits_for_the_handler_and_the_deadline_does_not);
    tcase_add_test(plain, promised_after_its_client_has_left_it_is_over_at_once);
    tcase_add_loop_test(flush, a_response_that_has_begun_may_be_promised, 0, THREADED);
    tcase_add_loop_test(flush, a_response_that_has_begun_and_is_never_run_is_cut_at_the_deadline, 0, THREADED);
    tcase_add_loop_test(flush, a_response_that_has_begun_is_over_when_its_client_leaves, 0, THREADED);
    tcase_add_loop_test(flush, a_response_that_has_begun_is_cut_at_the_end, 0, THREADED);
    tcase_add_loop_test(flush, a_continuation_may_stream, 0, THREADED);
    tcase_add_test(flush, a_continuation_on_the_pool_may_stream);
    tcase_add_test(flush, a_response_that_has_begun_goes_on_though_the_pool_has_its_route);
    return suite;
}
