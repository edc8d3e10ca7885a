/* What this product is for, a test a sentence: nobody waits for a handler but its own caller. Slow handlers stay until the
 * test opens their gate, so that it tells "before" from "after", whatever the machine does meanwhile. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SCENARIOS "tests/integration/plugins/scenarios.so"
#define NEIGHBOURS SCENARIOS " examples/hello.so"

enum { LIMIT_MS = 60 * 1000, WARM_CALLS = 200, CROWD_MOST = 5000 };

/* --- many at once: each on a connection of its own, all asked before any is read ------------------------------- */

struct crowd {
    int count;
    int fd[CROWD_MOST];
};

static struct crowd slow, quick;

static void say(int fd, const char *path)
{
    char text[200];
    int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    raw_send(fd, text, (size_t)length);
}

static void join(struct crowd *crowd, int count)
{
    crowd->count = count;
    for (int i = 0; i < count; i++)
        crowd->fd[i] = raw_connect(gateway.port);
}

static void say_all(const struct crowd *crowd, const char *path)
{
    for (int i = 0; i < crowd->count; i++)
        say(crowd->fd[i], path);
}

static void expect_response(int fd, const char *status, const char *body)
{
    char *response = raw_read_response(fd, 0);
    ck_assert_msg(response != NULL, "no whole response came");
    ck_assert_msg(strncmp(response + 9, status, 3) == 0, "not %s:\n%s", status, response);
    EXPECT_HAS(response, body);
    free(response);
}

static void expect_all(const struct crowd *crowd, const char *body)
{
    for (int i = 0; i < crowd->count; i++)
        expect_response(crowd->fd[i], "200", body);
}

static int has_answer(int fd, int limit_ms)
{
    struct pollfd readable = { fd, POLLIN, 0 };
    return poll(&readable, 1, limit_ms) > 0;
}

static void expect_none_yet(const struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        ck_assert_msg(!has_answer(crowd->fd[i], 0), "a slow one was answered before its gate was opened");
}

static void go(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        close(crowd->fd[i]);
    crowd->count = 0;
}

static void wait_until_in(int count)
{
    char text[32];
    snprintf(text, sizeof text, ": %d in\n", count);
    gateway_wait_log(&gateway, text);
}

/* Calls enough of a route that the gateway knows it, one after the other. */
static void warm_up(const char *path)
{
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < WARM_CALLS; i++) {
        struct reply reply;
        fetch_on(session, &reply, path, NULL, NULL, NULL, 0);
        ck_assert_int_eq(reply.status, 200);
        reply_free(&reply);
    }
    session_end(session);
}

/* How a neighbourhood can be: the gateway has just started or knows the routes; the connections are new or have served;
 * one pool thread for everybody or as many as processors. */
enum { WARM = 1, KEPT = 2, ONE_THREAD = 4, VARIANTS = 8 };

static void serve_neighbours(int variant)
{
    SERVE(NEIGHBOURS, "--set", variant & ONE_THREAD ? "threads=1" : "threads=0");
    if (variant & WARM) {
        warm_up("/scenarios/fast");
        warm_up("/hello/");
    }
}

/* Connections for what comes; kept ones have served a request before. */
static void join_as(struct crowd *crowd, int count, int variant)
{
    join(crowd, count);
    if (variant & KEPT) {
        say_all(crowd, "/hello/");
        expect_all(crowd, "Hello, world!\n");
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

START_TEST(two_sleepers_sleep_at_the_same_time)
{
    static const char asleep[] = ": falls asleep", awake[] = ": wakes up";
    SERVE("examples/sleep.so", "--set", "threads=1");
    join(&slow, 2);
    say_all(&slow, "/sleep/3");
    expect_all(&slow, "Slept 3.000 s\n");
    go(&slow);
    const char *log = gateway_log(&gateway), *first_awake = strstr(log, awake);
    ck_assert_uint_eq(count_of(log, awake), 2);
    const char *second_asleep = strstr(strstr(log, asleep) + 1, asleep);
    ck_assert_msg(second_asleep && second_asleep < first_awake, "one slept after the other:\n%s", log);
    finish();
}
END_TEST

static void meet_slow_ones(const char *path, int variant)
{
    enum { SLOW = 3, QUICK = 20 };
    serve_neighbours(variant);
    join_as(&slow, SLOW, variant);
    join_as(&quick, QUICK, variant);
    say_all(&slow, path);
    say_all(&quick, "/scenarios/fast");
    expect_all(&quick, "fast\n");
    wait_until_in(SLOW); /* all of them at the same time */
    say_all(&quick, "/hello/");
    expect_all(&quick, "Hello, world!\n");
    expect_none_yet(&slow);
    EXPECT_STATUS(GET("/scenarios/open"), 200);
    expect_all(&slow, "slow\n");
    go(&slow);
    go(&quick);
    finish();
}

START_TEST(the_fast_return_before_the_slow_who_run_in_parallel)
{
    meet_slow_ones("/scenarios/slow", _i);
}
END_TEST

START_TEST(nor_do_they_wait_for_those_who_declare_that_they_block)
{
    meet_slow_ones("/scenarios/blocks", _i);
}
END_TEST

static int64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The 99th of 100 of a thousand each to another plugin and to another route, in microseconds. */
static int64_t ask_the_fast(void)
{
    enum { COUNT = 2000, PER_CONNECTION = 50 };
    static int64_t took[COUNT];
    struct session *session = NULL;
    for (int i = 0; i < COUNT; i++) {
        struct reply reply;
        if (i % PER_CONNECTION == 0) {
            if (session)
                session_end(session);
            session = session_begin(gateway.url);
        }
        int64_t start = now_us();
        fetch_on(session, &reply, i % 2 ? "/hello/" : "/scenarios/fast", NULL, NULL, NULL, 0);
        took[i] = now_us() - start;
        ck_assert_int_eq(reply.status, 200);
        reply_free(&reply);
    }
    session_end(session);
    qsort(took, COUNT, sizeof *took, compare);
    return took[COUNT / 100 * 99];
}

START_TEST(a_full_executor_is_full_for_its_own_route_only)
{
    enum { THREADS = 16, SLOW = 200, GENEROUS_US = 500 * 1000 };
    SERVE(NEIGHBOURS, "--set", "executor_threads=16", "--set", "queue=184");
    int64_t alone = ask_the_fast();
    join(&slow, SLOW);
    say_all(&slow, "/scenarios/slow");
    wait_until_in(THREADS);
    /* One more than there is room for; which one of them comes last is for the pool threads to say. */
    int extra = raw_connect(gateway.port), refused = -1;
    say(extra, "/scenarios/slow");
    struct pollfd all[SLOW + 1];
    for (int i = 0; i < SLOW; i++)
        all[i] = (struct pollfd){ slow.fd[i], POLLIN, 0 };
    all[SLOW] = (struct pollfd){ extra, POLLIN, 0 };
    ck_assert_int_gt(poll(all, SLOW + 1, LIMIT_MS), 0);
    for (int i = 0; i <= SLOW; i++)
        if (all[i].revents) {
            ck_assert_int_eq(refused, -1);
            refused = i;
        }
    expect_response(all[refused].fd, "503", "Retry-After: ");
    if (refused < SLOW) { /* the slow ones are those who were let in */
        close(slow.fd[refused]);
        slow.fd[refused] = extra;
    } else {
        close(extra);
    }

    int64_t beside = ask_the_fast();
    expect_none_yet(&slow);
    ck_assert_msg(beside <= 20 * alone + GENEROUS_US, "p99 of the fast: %lld us alone, %lld us beside the slow",
                  (long long)alone, (long long)beside);
    EXPECT_STATUS(GET("/scenarios/open"), 200);
    expect_all(&slow, "slow\n");
    go(&slow);
    finish();
}
END_TEST

START_TEST(a_fast_route_answers_while_every_core_computes)
{
    enum { QUICK = 20 };
    int spinning = (int)sysconf(_SC_NPROCESSORS_ONLN) + 1;
    serve_neighbours(_i);
    join_as(&slow, spinning, _i);
    join_as(&quick, QUICK, _i);
    say_all(&slow, "/scenarios/spin");
    wait_until_in(spinning);
    for (int i = 0; i < 5; i++) {
        say_all(&quick, i % 2 ? "/hello/" : "/scenarios/fast");
        expect_all(&quick, i % 2 ? "Hello, world!\n" : "fast\n");
    }
    expect_none_yet(&slow);
    EXPECT_STATUS(GET("/scenarios/open"), 200);
    expect_all(&slow, "spun\n");
    go(&slow);
    go(&quick);
    finish();
}
END_TEST

/* --- a response later ---------------------------------------------------------------------------------------- */

/* How many threads the gateway has. */
static int threads_of_gateway(void)
{
    char path[64], line[256];
    int threads = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)gateway_worker(&gateway));
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    fclose(file);
    return threads;
}

/* Descriptors for so many connections, as far as this machine gives them. */
static int affordable(int connections)
{
    enum { OTHERS = 100 };
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= (rlim_t)connections + OTHERS)
        return connections;
    fprintf(stderr, "only %ld descriptors a process: fewer than %d connections\n", (long)limit.rlim_cur, connections);
    return (int)limit.rlim_cur - OTHERS;
}

/* Sets the future until `count` waiters have got it. */
static void answer_waiters(int count)
{
    for (int answered = 0; answered < count;) {
        const struct reply *reply = GET("/future/index?value=tea");
        EXPECT_STATUS(reply, 200);
        answered += atoi(reply->body);
        ck_assert_int_le(answered, count);
    }
}

START_TEST(five_thousand_wait_for_one_event_without_a_thread_each)
{
    enum { THREADS_FEW = 40 }; /* the pool's, those of two routes, the watch, the main one */
    int waiters = affordable(5000);
    /* All at once, so that on a busy machine many queue for the threads that the route has until it is known. */
    SERVE("examples/future.so", "--set", "plugin.future.queue=5000", "--set", "connections_per_address=0");
    join(&slow, waiters);
    say_all(&slow, "/future/main");
    answer_waiters(waiters);
    ck_assert_int_le(threads_of_gateway(), THREADS_FEW);
    expect_all(&slow, "tea\n");
    go(&slow);
    EXPECT(GET("/future/index"), 200, "0 waited\n");
    finish();
}
END_TEST

START_TEST(waiters_who_leave_are_forgotten)
{
    enum { COUNT = 50 };
    SERVE("examples/future.so", "--set", "threads=1");
    join(&slow, COUNT);
    join(&quick, COUNT);
    say_all(&slow, "/future/main");
    say_all(&quick, "/future/main");
    go(&slow); /* which the gateway notices before, while or after they would be answered */
    for (int i = 0; i < COUNT; i++)
        while (!has_answer(quick.fd[i], 10))
            EXPECT_STATUS(GET("/future/index?value=tea"), 200);
    expect_all(&quick, "tea\n");
    go(&quick);
    finish(); /* a promise that nobody has ended is a leak, which AddressSanitizer reports */
}
END_TEST

START_TEST(a_future_that_nobody_sets_is_504_at_the_deadline)
{
    const struct reply *reply;
    SERVE("examples/future.so", "--set", "plugin.future.timeout=0.3");
    EXPECT_STATUS(GET("/future/main"), 504);
    while ((reply = GET("/future/index"))->status == 504) /* the deadline is this one's, too */
        continue;
    EXPECT(reply, 200, "0 waited\n");
    finish();
}
END_TEST

/* --- work after the response --------------------------------------------------------------------------------- */

START_TEST(it_works_returns_and_the_ping_runs_on)
{
    SERVE("examples/background.so");
    EXPECT(GET("/background/?seconds=3"), 200, "It works\n");
    EXPECT(GET("/background/pings"), 200, "0\n");
    EXPECT_LACKS(gateway_log(&gateway), "pong");
    gateway_wait_log(&gateway, "background: pong after 3.000 s\n");
    EXPECT_STATUS(GET("/background/?seconds=x"), 400);
    EXPECT_STATUS(GET("/background/?seconds=nan"), 400);
    finish();
}
END_TEST

START_TEST(it_works_does_not_wait_for_the_pings_of_others)
{
    SERVE("examples/background.so", "--set", "executor_threads=1");
    for (int i = 0; i < 5; i++)
        EXPECT(GET(i == 0 ? "/background/?seconds=3" : "/background/?seconds=0"), 200, "It works\n");
    EXPECT(GET("/background/pings"), 200, "0\n");
    finish();
    EXPECT_HAS(gateway_log(&gateway), "background: pong after 3.000 s\n");
}
END_TEST

START_TEST(a_gateway_that_stops_waits_for_the_ping)
{
    SERVE("examples/background.so");
    EXPECT(GET("/background/?seconds=1"), 200, "It works\n");
    gateway_stop(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "background: pong after 1.000 s\n");
    finish();
}
END_TEST

/* --- deadlines ----------------------------------------------------------------------------------------------- */

/* Serves with a deadline of 0.3 s for the two routes that need one, by configuration. */
static void serve_with_deadlines(void)
{
    char file[200];
    prepare();
    scratch_write(&scratch, "postern.conf",
                  "plugin scenarios {\n"
                  "    route \"/looks\" { timeout = 0.3 }\n"
                  "    route \"/never-looks\" { timeout = 0.3 }\n"
                  "}\n");
    snprintf(file, sizeof file, "%s", scratch_path(&scratch, "postern.conf"));
    SERVE(NEIGHBOURS, "--config", file);
}

START_TEST(a_handler_past_its_deadline_is_504_and_learns_of_it)
{
    serve_with_deadlines();
    do { /* one that had not begun before its deadline does not count */
        const struct reply *reply = GET("/scenarios/looks");
        EXPECT_STATUS(reply, 504);
        EXPECT_HAS(reply->body, "Incident ");
        EXPECT_LACKS(reply->body, "half-way");
    } while (!strstr(gateway_log(&gateway), "504: the deadline has passed; the handler is still running\n"));
    gateway_wait_log(&gateway, "stops: 2, 0 ms left\n"); /* NGI_CANCEL_DEADLINE */
    EXPECT(GET("/scenarios/sleep/20"), 200, "slept 20 ms\n"); /* another route's deadline is another */
    finish();
}
END_TEST

START_TEST(a_handler_that_gives_up_at_its_deadline_is_504)
{
    SERVE("examples/spin.so", "--set", "plugin.spin.timeout=0.2");
    for (int i = 0; i < 5; i++)
        EXPECT_STATUS(GET("/spin/100000"), 504);
    finish();
    SERVE("examples/spin.so", "--set", "plugin.spin.timeout=0.2", "--set", "run=pool");
    EXPECT_STATUS(GET("/spin/100000"), 504);
    finish();
}
END_TEST

START_TEST(a_gateway_works_on_after_a_hundred_deadlines)
{
    enum { HANDLERS = 100 };
    serve_with_deadlines();
    join(&slow, HANDLERS);
    say_all(&slow, "/scenarios/looks");
    for (int i = 0; i < HANDLERS; i++)
        expect_response(slow.fd[i], "504", "Incident ");
    say_all(&slow, "/hello/"); /* on the same connections */
    expect_all(&slow, "Hello, world!\n");
    go(&slow);
    EXPECT_STATUS(GET("/scenarios/looks"), 504);
    finish();
}
END_TEST

START_TEST(a_handler_that_never_looks_holds_up_nobody_but_its_route)
{
    enum { HANDLERS = 100, THREADS = 16 };
    serve_with_deadlines();
    join(&slow, HANDLERS);
    say_all(&slow, "/scenarios/never-looks");
    for (int i = 0; i < HANDLERS; i++)
        expect_response(slow.fd[i], "504", "Incident ");
    gateway_wait_log(&gateway, "504: the deadline has passed; the handler is still running\n");
    say_all(&slow, "/scenarios/fast");
    expect_all(&slow, "fast\n");
    EXPECT_STATUS(GET("/scenarios/never-looks"), 504); /* its threads are all taken */
    EXPECT_STATUS(GET("/scenarios/open"), 200);
    const struct reply *reply;
    while ((reply = GET("/scenarios/never-looks"))->status == 504) /* and free again, if not at once */
        continue;
    EXPECT(reply, 200, "slow\n");
    EXPECT_LACKS(gateway_log(&gateway), "17 in"); /* those whose deadline passed in the queue were not begun */
    go(&slow);
    finish();
}
END_TEST

/* --- failures ------------------------------------------------------------------------------------------------ */

START_TEST(a_hundred_failures_are_500_with_an_incident_and_their_own_words_in_the_log)
{
    SERVE(SCENARIOS);
    for (int i = 0; i < 100; i++) { /* on threads at first, on the pool later */
        char path[64], line[256];
        snprintf(path, sizeof path, "/scenarios/fails?n=%d", i);
        const struct reply *reply = GET(path);
        EXPECT_STATUS(reply, 500);
        EXPECT_LACKS(reply->body, "words");
        const char *incident = strstr(reply->body, "Incident ");
        ck_assert_ptr_nonnull(incident);
        snprintf(line, sizeof line, "scenarios [%.16s]: GET %s (route \"/fails\"): 500: the words of number %d\n",
                 incident + strlen("Incident "), path, i);
        gateway_wait_log(&gateway, line);
    }
    finish();
}
END_TEST

static void expect_cut(const char *path, const char *head)
{
    int fd = raw_connect(gateway.port);
    say(fd, path);
    char *answer = raw_read_all(fd, NULL); /* ends, although the connection was to be kept */
    close(fd);
    EXPECT_HAS(answer, "HTTP/1.1 200 OK\r\n");
    EXPECT_HAS(answer, head);
    EXPECT_HAS(answer, "half\n");
    EXPECT_LACKS(answer, "\r\n0\r\n"); /* no end of chunks */
    EXPECT_LACKS(answer, "Incident");
    free(answer);
    const struct reply *reply = GET(path);
    ck_assert_msg(reply->error != 0, "libcurl takes half a response for a whole one");
    ck_assert_str_eq(reply->body, "half\n");
}

START_TEST(a_failure_after_half_the_response_cuts_the_connection)
{
    SERVE(SCENARIOS);
    for (int i = 0; i < 10; i++) {
        expect_cut("/scenarios/half?length=10", "Content-Length: 10\r\n");
        expect_cut("/scenarios/half", "Transfer-Encoding: chunked\r\n");
    }
    gateway_wait_log(&gateway, "stream cut after 5 bytes: the other half is lost\n");
    EXPECT(GET("/scenarios/fast"), 200, "fast\n");
    finish();
}
END_TEST

/* --- patterns ------------------------------------------------------------------------------------------------ */

START_TEST(a_pattern_gives_its_group_to_the_handler)
{
    SERVE(SCENARIOS);
    EXPECT(GET("/scenarios/sleep/20"), 200, "slept 20 ms\n");
    EXPECT_STATUS(GET("/scenarios/sleep/"), 404);
    EXPECT_STATUS(GET("/scenarios/sleep/1.5"), 404);
    EXPECT_STATUS(GET("/scenarios/sleep/1/2"), 404);
    finish();
}
END_TEST

Suite *scenarios_suite(void)
{
    Suite *suite = suite_create("scenarios");
    TCase *neighbours = test_case(suite, "neighbours", NULL);
    tcase_add_test(neighbours, two_sleepers_sleep_at_the_same_time);
    tcase_add_loop_test(neighbours, the_fast_return_before_the_slow_who_run_in_parallel, 0, VARIANTS);
    tcase_add_loop_test(neighbours, nor_do_they_wait_for_those_who_declare_that_they_block, 0, VARIANTS);
    tcase_add_test(neighbours, a_full_executor_is_full_for_its_own_route_only);
    tcase_add_loop_test(neighbours, a_fast_route_answers_while_every_core_computes, 0, VARIANTS);
    TCase *later = test_case(suite, "later", NULL);
    tcase_add_test(later, five_thousand_wait_for_one_event_without_a_thread_each);
    tcase_add_test(later, waiters_who_leave_are_forgotten);
    tcase_add_test(later, a_future_that_nobody_sets_is_504_at_the_deadline);
    tcase_add_test(later, it_works_returns_and_the_ping_runs_on);
    tcase_add_test(later, it_works_does_not_wait_for_the_pings_of_others);
    tcase_add_test(later, a_gateway_that_stops_waits_for_the_ping);
    TCase *ends = test_case(suite, "deadlines and failures", NULL);
    tcase_add_test(ends, a_handler_past_its_deadline_is_504_and_learns_of_it);
    tcase_add_test(ends, a_handler_that_gives_up_at_its_deadline_is_504);
    tcase_add_test(ends, a_gateway_works_on_after_a_hundred_deadlines);
    tcase_add_test(ends, a_handler_that_never_looks_holds_up_nobody_but_its_route);
    tcase_add_test(ends, a_hundred_failures_are_500_with_an_incident_and_their_own_words_in_the_log);
    tcase_add_test(ends, a_failure_after_half_the_response_cuts_the_connection);
    tcase_add_test(ends, a_pattern_gives_its_group_to_the_handler);
    return suite;
}
