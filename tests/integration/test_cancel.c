/* Clients that hang up, and a gateway that stops: what handlers are told, and when. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CALLS "tests/integration/plugins/calls.so"

static const char *const rungs[] = { "auto", "thread", "pool" };
enum { THREADED = 2, RUNGS = 3 }; /* of them, those with threads; all */

/* `rung`: of all routes. The FIFOs `a` and `b` hold calls that are named so. */
#define CALLS_ON(rung, ...) serve_gated(CALLS, "calls", "a b", rung, LIST(__VA_ARGS__))

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* How long it took a handler to hear; on a machine with other things to do it may be more than the 100 ms promised. */
static void expect_soon(const char *what, const char *line, long long since)
{
    enum { SLACK_US = 10 * 1000 * 1000 };
    gateway_wait_log(&gateway, line);
    const char *at = strstr(strstr(gateway_log(&gateway), line), " at ");
    ck_assert_ptr_nonnull(at);
    long long took = atoll(at + 4) - since;
    printf("%s: %s after %lld.%lld ms\n", what, line, took / 1000, took / 100 % 10);
    ck_assert_int_lt(took, SLACK_US);
}

START_TEST(a_client_that_leaves_is_noticed_by_who_waits)
{
    CALLS_ON(rungs[_i]);
    int fd = begin("/calls/heed?name=c");
    gateway_wait_log(&gateway, "c begins with 0");
    long long left = now_us();
    close(fd);
    expect_soon(rungs[_i], "c is told 1 by 1", left);
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_is_noticed_by_who_asks)
{
    CALLS_ON(rungs[_i]);
    int fd = begin("/calls/ask?name=c");
    gateway_wait_log(&gateway, "c begins");
    long long left = now_us();
    close(fd);
    expect_soon(rungs[_i], "c hears 1", left);
    finish();
}
END_TEST

START_TEST(a_call_whose_client_leaves_while_it_waits_never_runs)
{
    CALLS_ON(rungs[_i], "--set", "executor_threads=1", "--set", "queue=1", "--set", "access_log=-");
    int running = begin("/calls/?name=a"), queued;
    gateway_wait_log(&gateway, "a begins");
    queued = begin("/calls/?name=queued");
    close(queued);
    gateway_wait_log(&gateway, "\"GET /calls/?name=queued HTTP/1.1\" 499 ");
    int next = begin("/calls/?name=next"); /* there is room again */
    release("a");
    expect_answer(running, "200 OK", "a beside 0\n");
    expect_answer(next, "200 OK", "next beside 0\n");
    EXPECT_LACKS(gateway_log(&gateway), "queued begins");
    close(running);
    close(next);
    finish();
}
END_TEST

START_TEST(a_client_that_has_only_said_all_gets_its_answer)
{
    CALLS_ON(rungs[_i]);
    int fd = begin("/calls/heed?name=a");
    gateway_wait_log(&gateway, "a begins");
    shutdown(fd, SHUT_WR);
    gateway_wait_log(&gateway, "a is told 1"); /* it looks like one that leaves */
    release("a");
    expect_answer(fd, "200 OK", "a heeded\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(after_the_grace_period_it_is_503)
{
    CALLS_ON(rungs[_i], "--set", "grace=0.2", "--set", "executor_threads=2");
    int heeding = begin("/calls/heed?name=c"), asking = begin("/calls/ask?name=d");
    gateway_wait_log(&gateway, "c begins");
    gateway_wait_log(&gateway, "d begins");
    kill(gateway.pid, SIGTERM);
    expect_answer(heeding, "HTTP/1.1 503 Service Unavailable\r\n", "Retry-After: ");
    expect_answer(asking, "HTTP/1.1 503 Service Unavailable\r\n", "Connection: close\r\n");
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "c is told 3 by 1");
    EXPECT_HAS(gateway_log(&gateway), "d hears 3");
    close(heeding);
    close(asking);
    finish();
}
END_TEST

START_TEST(what_waits_is_503_at_the_end_and_never_runs)
{
    CALLS_ON(rungs[_i], "--set", "grace=3", "--set", "executor_threads=1"); /* for `queued` to be read */
    int running = begin("/calls/heed?name=c"), queued = begin("/calls/heed?name=e");
    gateway_wait_log(&gateway, " begins with 0");
    kill(gateway.pid, SIGTERM);
    expect_answer(running, "HTTP/1.1 503 ", "");
    expect_answer(queued, "HTTP/1.1 503 ", "");
    gateway_wait(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), " begins with"), 1);
    close(running);
    close(queued);
    finish();
}
END_TEST

START_TEST(a_second_sigterm_tells_handlers_at_once)
{
    CALLS_ON(rungs[_i], "--set", "grace=60");
    int fd = begin("/calls/heed?name=c");
    gateway_wait_log(&gateway, "c begins");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    kill(gateway.pid, SIGTERM);
    expect_answer(fd, "HTTP/1.1 503 ", "");
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "c is told 3");
    close(fd);
    finish();
}
END_TEST

Suite *cancel_suite(void)
{
    Suite *suite = suite_create("cancel");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, a_client_that_leaves_is_noticed_by_who_waits, 0, RUNGS);
    tcase_add_loop_test(own, a_client_that_leaves_is_noticed_by_who_asks, 0, RUNGS);
    tcase_add_loop_test(own, a_call_whose_client_leaves_while_it_waits_never_runs, 0, THREADED);
    tcase_add_loop_test(own, a_client_that_has_only_said_all_gets_its_answer, 0, RUNGS);
    tcase_add_loop_test(own, after_the_grace_period_it_is_503, 0, THREADED);
    tcase_add_loop_test(own, what_waits_is_503_at_the_end_and_never_runs, 0, THREADED);
    tcase_add_loop_test(own, a_second_sigterm_tells_handlers_at_once, 0, THREADED);
    return suite;
}
