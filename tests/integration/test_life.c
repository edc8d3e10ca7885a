/* From the first signal to the end. Requests that are under way wait for the test, on a FIFO. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS "tests/integration/plugins/threads.so"
#define HELLO "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n"

static void serve_threads(void)
{
    prepare();
    ck_assert_int_eq(mkfifo(scratch_path(&scratch, "fifo"), 0600), 0);
    SERVE(THREADS " examples/hello.so examples/sleep.so examples/stream.so", "--set", "threads=2", "--set", "grace=60");
}

static void say(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

/* A request whose handler has begun and waits. */
static int begin_held(void)
{
    char request[256];
    int fd = raw_connect(gateway.port);
    snprintf(request, sizeof request, "GET /threads/hold?fifo=%s HTTP/1.1\r\nHost: a\r\n\r\n",
             scratch_path(&scratch, "fifo"));
    say(fd, request);
    gateway_wait_log(&gateway, "]: holding");
    return fd;
}

static void release_held(void)
{
    int fd = open(scratch_path(&scratch, "fifo"), O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* `connection`: the header of that name; NULL: whatever it says. */
static void expect_answer(int fd, const char *body, const char *connection)
{
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "HTTP/1.1 200 OK\r\n");
    EXPECT_HAS(answer, body);
    if (connection)
        ck_assert_pstr_eq(head_value(answer, "Connection"), connection);
    free(answer);
}

/* A kept-alive connection on the pool thread that is not held: it has been served meanwhile. */
static int begin_idle(void)
{
    int fd = raw_connect(gateway.port);
    say(fd, HELLO);
    expect_answer(fd, "Hello, world!\n", NULL);
    return fd;
}

START_TEST(sigterm_finishes_the_request_under_way)
{
    serve_threads();
    int fd = begin_held();
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    release_held();
    expect_answer(fd, "\r\n\r\nheld\n", "close");
    close(fd);
    gateway_wait(&gateway); /* with status 0 */
    finish();
}
END_TEST

START_TEST(a_sleeping_request_is_finished_too)
{
    serve_threads();
    int fd = raw_connect(gateway.port);
    say(fd, "GET /sleep/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    kill(gateway.pid, SIGTERM); /* maybe before it was even accepted: the kernel has it, so it counts */
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "Slept 1.0");
    free(answer);
    close(fd);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(sigint_is_sigterm)
{
    serve_threads();
    kill(gateway.pid, SIGINT);
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "stopping: 0 requests under way");
    finish();
}
END_TEST

START_TEST(new_connections_are_refused_while_draining)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)0), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    struct sockaddr_in there = address;
    serve_threads();
    int fd = begin_held(), late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping:");
    there.sin_port = htons((uint16_t)gateway.port);
    int rc = connect(late, (const struct sockaddr *)&there, sizeof there), error = errno;
    release_held();
    expect_answer(fd, "held\n", NULL);
    ck_assert_msg(rc < 0 && error == ECONNREFUSED, "a connection that comes too late is accepted");
    close(fd);
    close(late);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(a_kept_alive_connection_is_closed_after_its_next_response)
{
    serve_threads();
    int held = begin_held(), idle = begin_idle();
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping:");
    say(idle, HELLO);
    expect_answer(idle, "Hello, world!\n", "close");
    ck_assert_ptr_null(raw_read_response(idle, 0));
    release_held();
    expect_answer(held, "held\n", NULL);
    close(idle);
    close(held);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(idle_connections_do_not_hold_up_the_end)
{
    serve_threads();
    int idle = begin_idle(), fresh = raw_connect(gateway.port);
    gateway_stop(&gateway); /* far sooner than grace = 60 */
    EXPECT_LACKS(gateway_log(&gateway), "grace period");
    close(idle);
    close(fresh);
    finish();
}
END_TEST

START_TEST(a_second_sigterm_cuts_at_once)
{
    serve_threads();
    char first;
    int fd = raw_connect(gateway.port);
    say(fd, "GET /stream/1024G HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(read(fd, &first, 1), 1);
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    kill(gateway.pid, SIGTERM);
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "stopping at once: 1 request(s) are cut");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_client_that_stops_reading_does_not_hold_up_the_end)
{
    SERVE("examples/stream.so", "--set", "grace=0.2");
    char first;
    int fd = raw_connect(gateway.port);
    say(fd, "GET /stream/1G HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(read(fd, &first, 1), 1);
    gateway_stop(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "the grace period of 0.2 s is over");
    close(fd);
    finish();
}
END_TEST

/* The pool's only thread is held meanwhile, so that the pieces and the end behind them are seen at once. */
START_TEST(a_client_that_is_gone_within_its_body_does_not_hold_up_the_end)
{
    static const char part[] = "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345";
    prepare();
    ck_assert_int_eq(mkfifo(scratch_path(&scratch, "fifo"), 0600), 0);
    SERVE(THREADS " examples/echo.so", "--set", "threads=1", "--set", "grace=5");
    int held = begin_held(), gone = raw_connect(gateway.port);
    say(gone, part);
    close(gone);
    release_held();
    expect_answer(held, "held\n", NULL);
    gateway_stop(&gateway);
    EXPECT_LACKS(gateway_log(&gateway), "grace period");
    close(held);
    finish();
}
END_TEST

START_TEST(the_start_is_told_in_a_line_each)
{
    serve_threads();
    char wanted[128];
    const char *log = gateway_log(&gateway);
    snprintf(wanted, sizeof wanted, "postern: listening on %s, 2 pool threads\n", gateway.url);
    EXPECT_HAS(log, wanted);
    EXPECT_HAS(log, "postern: plugin hello 1.0 at /hello: 1 route, auto\n");
    EXPECT_HAS(log, "postern: plugin sleep 1.0 at /sleep: 1 route, threads\n");
    finish();
}
END_TEST

START_TEST(who_wants_to_be_isolated_and_is_not_is_told_of)
{
    SERVE("tests/integration/plugins/isolated.so", "--set", "plugin.isolated.run=thread");
    EXPECT_STATUS(GET("/isolated/danger"), 200);
    finish();
    EXPECT_HAS(gateway_log(&gateway), "plugin isolated: route \"/danger\" runs in the gateway itself, as configured, "
                                      "although it says NGI_ISOLATE: if it crashes, requests of others are lost\n");
    ck_assert_ptr_null(strstr(gateway_log(&gateway), "route \"/\" runs in the gateway itself"));
}
END_TEST

START_TEST(what_is_known_of_a_route_is_told_to_those_who_debug)
{
    SERVE("examples/hello.so", "--set", "log_level=debug");
    EXPECT_STATUS(GET("/hello/"), 200);
    finish();
    EXPECT_HAS(gateway_log(&gateway),
               "plugin hello: route \"/\": threads (not proven fast), 1 of 64 fast calls, 0 relapses, 1 threads\n");
}
END_TEST

Suite *life_suite(void)
{
    Suite *suite = suite_create("life");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, what_is_known_of_a_route_is_told_to_those_who_debug);
    tcase_add_test(own, sigterm_finishes_the_request_under_way);
    tcase_add_test(own, a_sleeping_request_is_finished_too);
    tcase_add_test(own, sigint_is_sigterm);
    tcase_add_test(own, new_connections_are_refused_while_draining);
    tcase_add_test(own, a_kept_alive_connection_is_closed_after_its_next_response);
    tcase_add_test(own, idle_connections_do_not_hold_up_the_end);
    tcase_add_test(own, a_second_sigterm_cuts_at_once);
    tcase_add_test(own, a_client_that_stops_reading_does_not_hold_up_the_end);
    tcase_add_test(own, a_client_that_is_gone_within_its_body_does_not_hold_up_the_end);
    tcase_add_test(own, the_start_is_told_in_a_line_each);
    tcase_add_test(own, who_wants_to_be_isolated_and_is_not_is_told_of);
    return suite;
}
