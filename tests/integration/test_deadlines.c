/* The deadline: 504 for the client, while the handler goes on. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define CALLS "tests/integration/plugins/calls.so"

static const char *const rungs[] = { "auto", "thread" };
enum { RUNGS = 2 };

/* `rung`: of all routes. The FIFOs `a` and `b` hold calls that are named so. */
#define CALLS_ON(rung, ...) serve_gated(CALLS, "calls", "a b", rung, LIST(__VA_ARGS__))

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static const char still_running[] = "504: the deadline has passed; the handler is still running\n";

/* GETs what is still running when its deadline passes: a handler that logs "NAME begins", for ?name=NAME. Where the
 * machine stood still before it began, in the gateway or in its host process, it never will: then it is asked for
 * again. */
static const struct reply *get_late(const char *path, const char *const *headers)
{
    char begins[64];
    unsigned before = count_of(gateway_log(&gateway), still_running), begun;
    const struct reply *reply;
    snprintf(begins, sizeof begins, "%s begins", strstr(path, "name=") + strlen("name="));
    begun = count_of(gateway_log(&gateway), begins);
    do {
        reply = ask("GET", path, headers, NULL, 0);
        EXPECT_STATUS(reply, 504);
    } while (count_of(gateway_log(&gateway), still_running) == before ||
             count_of(gateway_log(&gateway), begins) == begun);
    return reply;
}
#define GET_LATE(path, ...) get_late(path, LIST(__VA_ARGS__))

/* GETs what is answered in time, if the machine lets it. */
static const struct reply *get_in_time(const char *path)
{
    const struct reply *reply;
    while ((reply = GET(path))->status == 504)
        continue;
    return reply;
}

/* The same on an open connection. */
static void expect_in_time(int fd, const char *path, const char *body)
{
    char *answer = NULL;
    do {
        free(answer);
        say(fd, path);
        answer = raw_read_response(fd, 0);
        ck_assert_ptr_nonnull(answer);
    } while (strncmp(answer, "HTTP/1.1 504 ", 13) == 0);
    EXPECT_HAS(answer, "200 OK");
    EXPECT_HAS(answer, body);
    free(answer);
}

START_TEST(at_the_deadline_it_is_504_and_the_connection_goes_on)
{
    NOT_IN_HOSTS("it counts calls side by side, in one process");
    CALLS_ON(rungs[_i], "--set", "timeout=0.5");
    int fd = raw_connect(gateway.port);
    do { /* until it has begun by then */
        double start = now_s();
        say(fd, "/calls/?name=a");
        expect_answer(fd, "HTTP/1.1 504 Gateway Timeout\r\n", "504 Gateway Timeout");
        ck_assert_double_ge(now_s() - start, 0.49);
    } while (!strstr(gateway_log(&gateway), still_running));
    EXPECT_HAS(gateway_log(&gateway), "(route \"/\"): 504: the deadline has passed; the handler is still running");
    EXPECT_LACKS(gateway_log(&gateway), "a goes on");
    expect_in_time(fd, "/calls/?name=c", "\r\n\r\nc beside 1\n");
    release("a");
    gateway_wait_log(&gateway, "a goes on: 2");
    expect_in_time(fd, "/calls/?name=d", "\r\n\r\nd beside 0\n"); /* what the late handler has answered went nowhere */
    close(fd);
    finish();
}
END_TEST

START_TEST(the_504_is_text_or_json_with_an_incident)
{
    CALLS_ON(rungs[_i], "--set", "timeout=0.2");
    const struct reply *reply = GET_LATE("/calls/?name=a");
    EXPECT_HAS(reply_header(reply, "Content-Type"), "text/plain");
    EXPECT_HAS(reply->body, "ncident");
    reply = GET_LATE("/calls/?name=a", "Accept: application/json");
    EXPECT_HEADER(reply, "Content-Type", "application/json");
    const char *id = strstr(reply->body, "\"incident\":");
    ck_assert_ptr_nonnull(id);
    char incident[17];
    snprintf(incident, sizeof incident, "%.16s", id + strcspn(id, ":") + strcspn(strchr(id, ':'), "\"") + 1);
    gateway_wait_log(&gateway, incident);
    while (count_of(gateway_log(&gateway), "a goes on") < 2)
        nudge("a");
    finish();
}
END_TEST

START_TEST(waiting_in_the_queue_counts_and_what_is_late_never_runs)
{
    CALLS_ON(rungs[_i], "--set", "timeout=0.5", "--set", "executor_threads=1");
    (void)GET_LATE("/calls/?name=a");
    /* The handler holds its only thread still. */
    EXPECT_STATUS(GET("/calls/?name=queued"), 504);
    gateway_wait_log(&gateway, "name=queued (route \"/\"): 504: the deadline has passed\n");
    release("a");
    gateway_wait_log(&gateway, "a goes on: 2");
    EXPECT(get_in_time("/calls/?name=last"), 200, "last beside 0\n");
    EXPECT_LACKS(gateway_log(&gateway), "queued begins");
    finish();
}
END_TEST

START_TEST(timeout_0_is_none)
{
    CALLS_ON(rungs[_i], "--set", "timeout=0");
    EXPECT(GET("/calls/left"), 200, "none\n");
    finish();
}
END_TEST

START_TEST(a_handler_is_told_how_long_it_has)
{
    CALLS_ON(rungs[_i], "--set", "timeout=1");
    long long first, second;
    const struct reply *reply = get_in_time("/calls/left");
    EXPECT_STATUS(reply, 200);
    ck_assert_int_eq(sscanf(reply->body, "%lld %lld", &first, &second), 2);
    ck_assert(first > 0 && first <= 1000 && second <= first);
    (void)GET_LATE("/calls/left?name=a");
    release("a");
    finish();
}
END_TEST

START_TEST(a_heeding_handler_is_woken_at_the_deadline)
{
    CALLS_ON(rungs[_i], "--set", "timeout=0.3");
    (void)GET_LATE("/calls/heed?name=c");
    gateway_wait_log(&gateway, "c is told 2 by 1");
    /* Who looks at the clock may be told, and answer, a moment before the gateway gives the call up. */
    do {
        long status = GET("/calls/ask?name=d")->status;
        ck_assert(status == 504 || status == 200);
    } while (!strstr(gateway_log(&gateway), "d begins"));
    gateway_wait_log(&gateway, "d hears 2");
    finish();
}
END_TEST

/* The thread that would send the 504 is the one that the handler holds. */
START_TEST(on_the_pool_a_handler_is_told_and_its_answer_is_sent)
{
    CALLS_ON("pool", "--set", "timeout=0.3");
    EXPECT(GET("/calls/heed?name=c"), 200, "c heeded\n");
    gateway_wait_log(&gateway, "c is told 2 by 1");
    EXPECT(GET("/calls/ask?name=d"), 200, "d heard\n");
    finish();
}
END_TEST

START_TEST(many_late_handlers_and_their_connections_go_on)
{
    NOT_IN_HOSTS("more calls at once than there are processes");
    enum { MANY = 12 };
    CALLS_ON(rungs[_i], "--set", "timeout=0.3");
    int fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = begin("/calls/?name=a");
    for (int i = 0; i < MANY; i++)
        expect_answer(fds[i], "HTTP/1.1 504 ", "");
    unsigned begun = count_of(gateway_log(&gateway), still_running); /* all, unless the machine has stood still */
    ck_assert_uint_gt(begun, 0);
    while (count_of(gateway_log(&gateway), "a goes on: 2") < begun)
        nudge("a");
    for (int i = 0; i < MANY; i++) {
        expect_in_time(fds[i], "/calls/other", " beside ");
        close(fds[i]);
    }
    finish();
}
END_TEST

Suite *deadlines_suite(void)
{
    Suite *suite = suite_create("deadlines");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, at_the_deadline_it_is_504_and_the_connection_goes_on, 0, RUNGS);
    tcase_add_loop_test(own, the_504_is_text_or_json_with_an_incident, 0, RUNGS);
    tcase_add_loop_test(own, waiting_in_the_queue_counts_and_what_is_late_never_runs, 0, RUNGS);
    tcase_add_loop_test(own, timeout_0_is_none, 0, RUNGS);
    tcase_add_loop_test(own, a_handler_is_told_how_long_it_has, 0, RUNGS);
    tcase_add_loop_test(own, a_heeding_handler_is_woken_at_the_deadline, 0, RUNGS);
    tcase_add_test(own, on_the_pool_a_handler_is_told_and_its_answer_is_sent);
    tcase_add_loop_test(own, many_late_handlers_and_their_connections_go_on, 0, RUNGS);
    return suite;
}
