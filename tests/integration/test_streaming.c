/* Responses that are sent while they are made: ngi_flush, and ngi_send_stream on threads. */
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOWS "tests/integration/plugins/flows.so"

enum { MEGA = 1000 * 1000 };

static const char *const rungs[] = { "thread", "auto", "pool" };
enum { THREADED = 2, RUNGS = 3 }; /* of them, those that can flush; all */

/* `rung`: of all routes. The FIFO `a` holds what is named so. */
#define FLOWS_ON(rung, ...) serve_gated(FLOWS, "flows", "a", rung, LIST(__VA_ARGS__))

static int begin_as(const char *method, const char *target, const char *rest)
{
    char request[512];
    int fd = raw_connect(gateway.port);
    snprintf(request, sizeof request, "%s %s %s\r\nHost: a\r\n\r\n", method, target, rest);
    raw_send(fd, request, strlen(request));
    return fd;
}

/* The rest of what comes on a connection that the gateway closes. */
static char *read_rest(int fd)
{
    char *rest = raw_read_all(fd, NULL);
    close(fd);
    return rest;
}

/* --- ngi_flush ------------------------------------------------------------------------------------------------ */

START_TEST(what_is_flushed_arrives_before_the_handler_ends)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin_as("GET", "/flows/halves?name=a", "HTTP/1.1\r\nConnection: close");
    char *head = read_until(fd, "first\n");
    EXPECT_HAS(head, "HTTP/1.1 200 OK\r\n");
    EXPECT_HAS(head, "Transfer-Encoding: chunked\r\n");
    release("a");
    char *rest = read_rest(fd);
    EXPECT_HAS(rest, "second\n");
    EXPECT_HAS(rest, "\r\n0\r\n\r\n");
    gateway_wait_log(&gateway, "a goes on: 0 0 -3"); /* too late for a status */
    free(head);
    free(rest);
    finish();
}
END_TEST

START_TEST(with_a_content_length_it_is_not_chunked_and_the_connection_goes_on)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin("/flows/halves?name=a&length=13");
    char *head = read_until(fd, "first\n");
    EXPECT_HAS(head, "Content-Length: 13\r\n");
    EXPECT_LACKS(head, "Transfer-Encoding");
    release("a");
    char *rest = read_until(fd, "second\n");
    say(fd, "/flows/fast");
    char *other = raw_read_response(fd, 0);
    EXPECT_HAS(other, "\r\n\r\nfast\n");
    free(head);
    free(rest);
    free(other);
    close(fd);
    finish();
}
END_TEST

START_TEST(the_connection_goes_on_after_chunks)
{
    FLOWS_ON(rungs[_i]);
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < 5; i++) {
        struct reply reply;
        fetch_on(session, &reply, "/flows/halves", "GET", NULL, NULL, 0);
        EXPECT(&reply, 200, "first\nsecond\n");
        reply_free(&reply);
    }
    ck_assert_int_eq(session_connections(session), 1);
    session_end(session);
    finish();
}
END_TEST

START_TEST(on_the_pool_nothing_is_flushed)
{
    FLOWS_ON("pool");
    EXPECT(GET("/flows/halves?name=b"), 201, "first\nsecond\n");
    EXPECT_HEADER(GET("/flows/halves?name=b"), "Content-Length", "13");
    gateway_wait_log(&gateway, "b has flushed: -4\n");
    finish();
}
END_TEST

START_TEST(under_auto_a_route_on_the_pool_that_flushes_gets_threads)
{
    NOT_IN_HOSTS("its subject is the pool");
    FLOWS_ON("auto", "--set", "threads=2");
    struct session *session = session_begin(gateway.url);
    struct reply reply;
    for (int i = 0; i < 100; i++) { /* fast ones: the pool may have it */
        fetch_on(session, &reply, "/flows/halves", "GET", NULL, NULL, 0);
        ck_assert_str_eq(reply.body, "first\nsecond\n");
        reply_free(&reply);
    }
    session_end(session);
    int fd = begin("/flows/halves?name=a");
    char *head = read_until(fd, "first\n");
    release("a");
    free(head);
    head = read_until(fd, "second\n");
    free(head);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_failure_after_the_first_byte_cuts_the_connection)
{
    FLOWS_ON(rungs[_i]);
    char *all = read_rest(begin("/flows/halves?name=b&rc=-15"));
    EXPECT_HAS(all, "first\n");
    EXPECT_LACKS(all, "\r\n0\r\n\r\n");
    gateway_wait_log(&gateway, "(route \"/halves\"): stream cut after");
    free(all);
    finish();
}
END_TEST

START_TEST(too_few_bytes_cut_the_connection)
{
    FLOWS_ON(rungs[_i]);
    char *all = read_rest(begin("/flows/halves?length=100"));
    EXPECT_HAS(all, "Content-Length: 100\r\n");
    EXPECT_HAS(all, "\r\n\r\nfirst\nsecond\n");
    gateway_wait_log(&gateway, "stream cut after 13 bytes: it ended before the declared Content-Length");
    free(all);
    finish();
}
END_TEST

START_TEST(too_many_bytes_cut_the_connection)
{
    FLOWS_ON(rungs[_i]);
    char *all = read_rest(begin("/flows/halves?name=b&length=8"));
    EXPECT_HAS(all, "\r\n\r\nfirst\n");
    EXPECT_LACKS(all, "second");
    gateway_wait_log(&gateway, "b goes on: 0 -8 -3");
    gateway_wait_log(&gateway, "stream cut after 6 bytes: the body does not match its Content-Length");
    free(all);
    finish();
}
END_TEST

START_TEST(head_has_no_body_and_the_connection_goes_on)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin_as("HEAD", "/flows/halves?length=13", "HTTP/1.1");
    char *head = raw_read_response(fd, 1);
    EXPECT_HAS(head, "Content-Length: 13\r\n");
    say(fd, "/flows/fast");
    char *other = raw_read_response(fd, 0);
    EXPECT_HAS(other, "\r\n\r\nfast\n");
    free(head);
    free(other);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_handler_that_never_ends_is_told_when_a_head_is_over)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin_as("HEAD", "/flows/pour?name=b&size=1000000000000000", "HTTP/1.1");
    char *head = raw_read_response(fd, 1);
    ck_assert_ptr_nonnull(head);
    close(fd);
    gateway_wait_log(&gateway, "b has poured: -10 some");
    free(head);
    finish();
}
END_TEST

START_TEST(an_http_1_0_client_gets_no_chunks)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin_as("GET", "/flows/halves?name=a", "HTTP/1.0");
    char *head = read_until(fd, "first\n");
    EXPECT_LACKS(head, "Transfer-Encoding");
    EXPECT_HAS(head, "\r\n\r\nfirst\n");
    release("a");
    char *rest = read_rest(fd);
    ck_assert_str_eq(rest, "second\n");
    free(head);
    free(rest);
    finish();
}
END_TEST

START_TEST(a_client_that_reads_slowly_holds_the_handler_and_no_memory)
{
    enum { SIZE = 200 * MEGA, ROOM_KB = 24 * 1024 };
    FLOWS_ON(rungs[_i]);
    int fd = begin("/flows/pour?name=b&size=200000000&length=200000000");
    gateway_wait_log(&gateway, "b pours");
    static char block[MEGA];
    long before = resident_kb(), most = before;
    free(read_until(fd, "\r\n\r\n"));
    for (long done = 0; done < SIZE;) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        ck_assert_int_gt(n, 0);
        if (done / (10 * MEGA) != (done + n) / (10 * MEGA)) {
            long now = resident_kb();
            most = now > most ? now : most;
            if (done < SIZE / 2)
                EXPECT_LACKS(gateway_log(&gateway), "b has poured");
        }
        done += n;
    }
    ck_assert_msg(most - before < ROOM_KB, "from %ld kB resident memory grows to %ld", before, most);
    gateway_wait_log(&gateway, "b has poured: 0 all");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_client_that_leaves_ends_the_writing)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin("/flows/pour?name=b&size=1000000000000000");
    free(read_until(fd, "\r\n\r\n"));
    close(fd);
    gateway_wait_log(&gateway, "b has poured: -10 some");
    EXPECT_LACKS(gateway_log(&gateway), "stream cut"); /* that is no failure of the handler */
    finish();
}
END_TEST

START_TEST(the_deadline_cuts_what_is_being_flushed)
{
    FLOWS_ON(rungs[_i], "--set", "timeout=2.5");
    int fd = begin("/flows/halves?name=a&late");
    free(read_until(fd, "first\n"));
    char *rest = read_rest(fd);
    EXPECT_LACKS(rest, "0\r\n\r\n");
    release("a");
    gateway_wait_log(&gateway, "the response is cut: the deadline has passed");
    gateway_wait_log(&gateway, "a goes on: 0 -11 -3");
    free(rest);
    finish();
}
END_TEST

/* Each flush is refused; none may leave anything behind (AddressSanitizer looks). */
START_TEST(a_late_handler_may_flush_as_often_as_it_likes)
{
    FLOWS_ON(rungs[_i], "--set", "timeout=2.5");
    EXPECT_STATUS(GET("/flows/late?name=a"), 504);
    release("a");
    gateway_wait_log(&gateway, "a flushes: -11");
    finish();
}
END_TEST

/* --- ngi_send_stream ------------------------------------------------------------------------------------------ */

START_TEST(a_stream_that_waits_holds_up_nobody)
{
    NOT_IN_HOSTS("a stream keeps its process until its end");
    FLOWS_ON("thread", "--set", "threads=1");
    int fd = begin("/flows/pull?name=a&size=9&waits=5");
    free(read_until(fd, "xxxxx"));
    gateway_wait_log(&gateway, "flows: a waits");
    EXPECT(GET("/flows/fast"), 200, "fast\n");
    EXPECT(GET("/flows/pull?size=3"), 200, "xxx");
    release("a");
    free(read_until(fd, "xxxx"));
    close(fd);
    finish();
}
END_TEST

START_TEST(a_client_that_reads_slowly_holds_no_thread)
{
    NOT_IN_HOSTS("a stream keeps its process until its end");
    FLOWS_ON("thread", "--set", "threads=1", "--set", "executor_threads=1");
    int fd = begin("/flows/pull?name=b&size=100000000");
    free(read_until(fd, "\r\n\r\n"));
    EXPECT(GET("/flows/pull?size=3"), 200, "xxx"); /* on the only thread of the route */
    static char block[MEGA];
    size_t chunks = 0;
    while (chunks < 100000000) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        ck_assert_int_gt(n, 0);
        chunks += (size_t)n;
    }
    close(fd);
    gateway_wait_log(&gateway, "b is closed, pulled");
    finish();
}
END_TEST

static const struct ending {
    const char *method, *target;
    const char *log; /* that comes before or with its end; NULL: nothing of interest */
} endings[] = {
    { "GET", "/flows/pull?name=b&size=100000", NULL },
    { "GET", "/flows/pull?name=b&size=100000&length=100000", NULL },
    { "HEAD", "/flows/pull?name=b&size=100000", "b is closed, never pulled" },
    { "GET", "/flows/pull?name=b&size=100000&regret=1", "b is closed, never pulled" },
    { "GET", "/flows/pull?name=b&size=100000&twice=1", "b is closed, never pulled" },
    { "GET", "/flows/pull?name=b&size=100000&fails=-6", "stream cut after 100000 bytes: input/output error" },
    { "GET", "/flows/pull?name=b&size=100000&length=100001", "it ended before the declared Content-Length" },
    { "GET", "/flows/pull?name=b&size=100000&length=99999", NULL },
    { "GET", "/flows/pull?name=b&size=0", NULL },
};

START_TEST(a_stream_is_closed_once_however_it_ends)
{
    FLOWS_ON(rungs[_i]);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char request[256];
        snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", endings[i].method,
                 endings[i].target);
        (void)talk(request);
        if (endings[i].log)
            gateway_wait_log(&gateway, endings[i].log);
    }
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "flows: b is closed"), sizeof endings / sizeof *endings);
    finish();
}
END_TEST

START_TEST(a_stream_is_closed_once_when_its_client_leaves)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin("/flows/pull?name=b&size=1000000000000000");
    free(read_until(fd, "\r\n\r\n"));
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 1); /* of what has been pulled: the head goes before that */
    close(fd);
    gateway_wait_log(&gateway, "flows: b is closed, pulled");
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "flows: b is closed"), 1);
    finish();
}
END_TEST

START_TEST(a_stream_is_closed_when_its_client_leaves_while_it_waits)
{
    FLOWS_ON(rungs[_i]);
    int fd = begin("/flows/pull?name=a&size=9&waits=5");
    gateway_wait_log(&gateway, "flows: a waits");
    close(fd);
    release("a");
    gateway_wait_log(&gateway, "flows: a is closed, pulled");
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "flows: a is closed"), 1);
    finish();
}
END_TEST

START_TEST(a_piece_that_takes_longer_than_the_timeout_cuts_the_stream)
{
    FLOWS_ON("thread", "--set", "timeout=2.5");
    int fd = begin("/flows/pull?name=a&size=9&waits=5");
    char *all = read_rest(fd);
    EXPECT_HAS(all, "xxxxx");
    EXPECT_LACKS(all, "\r\n0\r\n\r\n");
    release("a");
    gateway_wait_log(&gateway, "flows: a is closed, pulled");
    free(all);
    finish();
}
END_TEST

START_TEST(a_stream_on_the_pool_that_turns_out_slow_goes_on_elsewhere)
{
    NOT_IN_HOSTS("its subject is the pool");
    FLOWS_ON("auto", "--set", "threads=2");
    struct session *session = session_begin(gateway.url);
    struct reply reply;
    for (int i = 0; i < 300 && !strstr(gateway_log(&gateway), "\"/pull\" now runs on the pool"); i++) {
        fetch_on(session, &reply, "/flows/pull?size=10", "GET", NULL, NULL, 0);
        EXPECT(&reply, 200, "xxxxxxxxxx");
        reply_free(&reply);
    }
    session_end(session);
    gateway_wait_log(&gateway, "\"/pull\" now runs on the pool");
    int fd = begin_as("GET", "/flows/pull?name=a&size=300000&waits=5", "HTTP/1.1\r\nConnection: close");
    gateway_wait_log(&gateway, "flows: a waits");
    usleep(50 * 1000); /* that is what makes it slow */
    release("a");
    char *all = read_rest(fd);
    EXPECT_HAS(all, "\r\n0\r\n\r\n");
    gateway_wait_log(&gateway, "\"/pull\" now runs on its own threads");
    free(all);
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "flows: a is closed"), 1);
    finish();
}
END_TEST

/* --- the end of the gateway ----------------------------------------------------------------------------------- */

START_TEST(a_stream_that_waits_is_cut_at_the_end)
{
    FLOWS_ON(rungs[_i], "--set", "grace=0.1");
    int fd = begin(_i == 0 ? "/flows/pull?name=a&size=9&waits=5" : "/flows/halves?name=a");
    free(read_until(fd, _i == 0 ? "xxxxx" : "first\n"));
    kill(gateway.pid, SIGTERM);
    char *rest = read_rest(fd);
    EXPECT_LACKS(rest, "0\r\n\r\n");
    nudge("a");
    (void)gateway_end(&gateway); /* perhaps with 1: a handler had to be left behind */
    free(rest);
    scratch_remove(&scratch);
}
END_TEST

/* When requests are cut nobody pulls, because the client is slow; then it reads on, and `next` waits. */
START_TEST(a_slow_client_that_reads_on_at_the_end_does_no_harm)
{
    const int small = 128 * 1024, large = 1024 * 1024;
    FLOWS_ON("thread", "--set", "grace=0.1");
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in there = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)gateway.port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&there, sizeof there), 0);
    static const char request[] = "GET /flows/pull?name=a&size=9000000&waits=6000000 HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_send(fd, request, sizeof request - 1);
    free(read_until(fd, "\r\n\r\n"));
    usleep(100 * 1000); /* until the way to the client is full; there is no event for that */
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "the grace period of 0.1 s is over");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    free(read_rest(fd));
    nudge("a"); /* if it has come to that */
    gateway_wait(&gateway);
    finish();
}
END_TEST

Suite *streaming_suite(void)
{
    Suite *suite = suite_create("streaming");
    TCase *flush = test_case(suite, "ngi_flush", NULL), *stream = test_case(suite, "ngi_send_stream", NULL);
    TCase *end = test_case(suite, "streams at the end", NULL);
    tcase_add_loop_test(flush, what_is_flushed_arrives_before_the_handler_ends, 0, THREADED);
    tcase_add_loop_test(flush, with_a_content_length_it_is_not_chunked_and_the_connection_goes_on, 0, THREADED);
    tcase_add_loop_test(flush, the_connection_goes_on_after_chunks, 0, THREADED);
    tcase_add_test(flush, on_the_pool_nothing_is_flushed);
    tcase_add_test(flush, under_auto_a_route_on_the_pool_that_flushes_gets_threads);
    tcase_add_loop_test(flush, a_failure_after_the_first_byte_cuts_the_connection, 0, THREADED);
    tcase_add_loop_test(flush, too_few_bytes_cut_the_connection, 0, THREADED);
    tcase_add_loop_test(flush, too_many_bytes_cut_the_connection, 0, THREADED);
    tcase_add_loop_test(flush, head_has_no_body_and_the_connection_goes_on, 0, THREADED);
    tcase_add_loop_test(flush, a_handler_that_never_ends_is_told_when_a_head_is_over, 0, THREADED);
    tcase_add_loop_test(flush, an_http_1_0_client_gets_no_chunks, 0, THREADED);
    tcase_add_loop_test(flush, a_client_that_reads_slowly_holds_the_handler_and_no_memory, 0, THREADED);
    tcase_add_loop_test(flush, a_client_that_leaves_ends_the_writing, 0, THREADED);
    tcase_add_loop_test(flush, the_deadline_cuts_what_is_being_flushed, 0, THREADED);
    tcase_add_loop_test(flush, a_late_handler_may_flush_as_often_as_it_likes, 0, THREADED);
    tcase_add_test(stream, a_stream_that_waits_holds_up_nobody);
    tcase_add_test(stream, a_client_that_reads_slowly_holds_no_thread);
    tcase_add_loop_test(stream, a_stream_is_closed_once_however_it_ends, 0, RUNGS);
    tcase_add_loop_test(stream, a_stream_is_closed_once_when_its_client_leaves, 0, RUNGS);
    tcase_add_loop_test(stream, a_stream_is_closed_when_its_client_leaves_while_it_waits, 0, RUNGS);
    tcase_add_test(stream, a_piece_that_takes_longer_than_the_timeout_cuts_the_stream);
    tcase_add_test(stream, a_stream_on_the_pool_that_turns_out_slow_goes_on_elsewhere);
    tcase_add_loop_test(end, a_stream_that_waits_is_cut_at_the_end, 0, THREADED);
    tcase_add_test(end, a_slow_client_that_reads_on_at_the_end_does_no_harm);
    return suite;
}
