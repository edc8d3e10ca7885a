/* postern host, spoken to in FastCGI by hand. */
#include "tests/integration/gate.h"
#include "tests/integration/hosting.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOSTED "tests/integration/plugins/hosted.so"
#define CALLS "tests/integration/plugins/calls.so"
#define INTAKES "tests/integration/plugins/intakes.so"
#define FLOWS "tests/integration/plugins/flows.so"

static const unsigned char *text(const char *s)
{
    return (const unsigned char *)s;
}

/* --- requests and answers ------------------------------------------------------------------------------------ */

START_TEST(a_request_is_answered_as_cgi)
{
    HOST("examples/hello.so");
    EXPECT_ANSWER(HOST_GET("/?name=Ada", "QUERY_STRING=name=Ada"),
                  "Status: 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\n", "Hello, Ada!\n");
    finish();
}
END_TEST

START_TEST(a_connection_is_kept_for_the_next_request)
{
    HOST("examples/hello.so");
    int fd = host_connect();
    for (int id = 1; id <= 3; id++) {
        host_say(fd, id, KEEP, "/");
        EXPECT_ANSWER(host_hear(fd, id), "Status: 200 OK", "Hello, world!\n");
    }
    host_say(fd, 4, CLOSE, "/");
    EXPECT_ANSWER(host_hear(fd, 4), "Status: 200 OK", "Hello, world!\n");
    ck_assert(fcgi_is_closed(fd));
    close(fd);
    finish();
}
END_TEST

START_TEST(an_idle_connection_holds_up_nobody)
{
    HOST("examples/hello.so");
    int fds[100];
    for (size_t i = 0; i < 100; i++) { /* more than are kept */
        fds[i] = host_connect();
        host_say(fds[i], 1, KEEP, "/");
        EXPECT_ANSWER(host_hear(fds[i], 1), "Status: 200 OK", "Hello, world!\n");
    }
    host_say(fds[99], 2, KEEP, "/");
    EXPECT_ANSWER(host_hear(fds[99], 2), "Status: 200 OK", "Hello, world!\n");
    for (size_t i = 0; i < 100; i++)
        close(fds[i]);
    finish();
}
END_TEST

START_TEST(a_connection_on_which_nothing_comes_holds_up_nobody)
{
    HOST("examples/hello.so");
    struct wire half = { 0 };
    int silent = host_connect(), slow = host_connect();
    wire_begin(&half, 1, 1, KEEP);
    fcgi_send(slow, &half);
    EXPECT_ANSWER(HOST_GET("/"), "Status: 200 OK", "Hello, world!\n");
    close(silent);
    close(slow);
    finish();
}
END_TEST

START_TEST(records_may_be_split_anywhere)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, CLOSE, "POST", "/", LIST("CONTENT_LENGTH=5", "CONTENT_TYPE=text/plain"));
    wire_record(&wire, R_STDIN, 1, "hel", 3, 250);
    wire_record(&wire, R_STDIN, 1, "lo", 2, 1);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    for (size_t i = 0; i < wire.length; i++)
        raw_send(fd, wire.data + i, 1);
    wire_free(&wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "hello");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_second_request_on_a_busy_connection_is_refused)
{
    HOST_GATED(CALLS, "a");
    struct wire wire = { 0 };
    unsigned char *content;
    int fd = host_connect(), id = 0;
    size_t n;
    host_say(fd, 1, KEEP, "/?name=a");
    gateway_wait_log(&gateway, "a begins");
    wire_request(&wire, 2, KEEP, "GET", "/", NULL, NULL, 0);
    fcgi_send(fd, &wire);
    ck_assert_int_eq(fcgi_read_record(fd, &id, &content, &n), R_END);
    ck_assert_int_eq(id, 2);
    ck_assert_mem_eq(content, text("\0\0\0\0\1\0\0\0"), 8); /* FCGI_CANT_MPX_CONN */
    free(content);
    release("a");
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "a beside 0\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(it_tells_its_values)
{
    HOST("examples/hello.so", "--processes", "3");
    struct wire wire = { 0 }, pairs = { 0 };
    unsigned char *content;
    int fd = host_connect(), id = -1;
    size_t n;
    wire_pair(&pairs, "FCGI_MAX_REQS", "");
    wire_pair(&pairs, "FCGI_MPXS_CONNS", "");
    wire_record(&wire, R_VALUES, 0, pairs.data, pairs.length, 0);
    fcgi_send(fd, &wire);
    ck_assert_int_eq(fcgi_read_record(fd, &id, &content, &n), R_VALUES_RESULT);
    ck_assert_int_eq(id, 0);
    ck_assert_str_eq((char *)content, "\r\1FCGI_MAX_REQS3\17\1FCGI_MPXS_CONNS0");
    free(content);
    wire_free(&pairs);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_head_has_a_length_and_no_body)
{
    HOST("examples/hello.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_request(&wire, 1, CLOSE, "HEAD", "/", NULL, NULL, 0);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Content-Length: 14\r\n", "");
    close(fd);
    finish();
}
END_TEST

START_TEST(files_have_conditions_and_ranges)
{
    HOST(HOSTED);
    EXPECT_ANSWER(HOST_GET("/file", "HTTP_RANGE=bytes=10-19"),
                  "Status: 206 Partial Content\r\n", "        1\n");
    EXPECT_HAS(HOST_GET("/file", "HTTP_RANGE=bytes=10-19")->out, "Content-Range: bytes 10-19/200000\r\n");
    EXPECT_ANSWER(HOST_GET("/file", "HTTP_IF_NONE_MATCH=\"v1\""), "Status: 304 Not Modified\r\n", "");
    const struct answer *whole = HOST_GET("/file");
    ck_assert_uint_eq(strlen(whole->body), 200000);
    EXPECT_HAS(whole->body + 199989, "    19999\n");
    finish();
}
END_TEST

START_TEST(large_answers_come_whole)
{
    HOST(HOSTED);
    const struct answer *got = HOST_GET("/large");
    EXPECT_HAS(got->out, "Content-Length: 3145728\r\n");
    ck_assert_uint_eq(strlen(got->body), 3 << 20);
    ck_assert_int_eq(got->body[0], 'a');
    ck_assert_int_eq(got->body[(3 << 20) - 1], 'c');
    ck_assert_int_eq(got->ended, 1);
    finish();
}
END_TEST

START_TEST(a_body_larger_than_memory_comes_whole)
{
    enum { SIZE = 3 << 20 };
    HOST("examples/echo.so", "--set", "body_memory=64K");
    char *body = noise(SIZE);
    const struct answer *got = host_post("/", LIST("CONTENT_TYPE=application/octet-stream"), body, SIZE);
    ck_assert_uint_eq(got->length - (size_t)(got->body - got->out), SIZE);
    ck_assert_mem_eq(got->body, body, SIZE);
    free(body);
    finish();
}
END_TEST

START_TEST(a_body_without_a_length_comes_whole)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, CLOSE, "POST", "/", LIST("CONTENT_LENGTH="));
    wire_record(&wire, R_STDIN, 1, "chunks", 6, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Content-Length: 6\r\n", "chunks");
    close(fd);
    finish();
}
END_TEST

START_TEST(no_more_than_content_length_is_read)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, CLOSE, "POST", "/", LIST("CONTENT_LENGTH=3"));
    wire_record(&wire, R_STDIN, 1, "abcdef", 6, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "abc");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_body_that_is_too_short_is_400)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, KEEP, "POST", "/", LIST("CONTENT_LENGTH=9"));
    wire_record(&wire, R_STDIN, 1, "abc", 3, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 400 Bad Request",
                  "400 Bad Request\nthe body is shorter than CONTENT_LENGTH\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_body_over_the_limit_is_413)
{
    HOST("examples/echo.so", "--set", "max_body=1K");
    static char body[4000];
    EXPECT_HAS(host_post("/", LIST(NULL), body, sizeof body)->out, "Status: 413 ");
    finish();
}
END_TEST

START_TEST(huge_parameters_are_431)
{
    HOST("examples/hello.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    char *junk = noise(65535);
    wire_begin(&wire, 1, 1, KEEP);
    for (int i = 0; i < 100; i++)
        wire_record(&wire, R_PARAMS, 1, junk, 65535, 0);
    wire_record(&wire, R_PARAMS, 1, NULL, 0, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    EXPECT_HAS(host_hear(fd, 1)->out, "Status: 431 ");
    host_say(fd, 2, KEEP, "/");
    EXPECT_ANSWER(host_hear(fd, 2), "Status: 200 OK", "Hello, world!\n");
    free(junk);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_control_character_in_a_variable_is_400)
{
    HOST("examples/hello.so");
    EXPECT_HAS(HOST_GET("/", "HTTP_X=a\r\nb")->out, "Status: 400 ");
    EXPECT_HAS(HOST_GET("/\n")->out, "Status: 400 ");
    finish();
}
END_TEST

/* --- the path -------------------------------------------------------------------------------------------------- */

START_TEST(script_name_says_where_it_is_mounted)
{
    HOST("examples/environ.so");
    const struct answer *got = HOST_GET("/app/x%20y?q", "SCRIPT_NAME=/app", "PATH_INFO=/x y", "QUERY_STRING=q");
    EXPECT_HAS(got->body, "SCRIPT_NAME=/app\n");
    EXPECT_HAS(got->body, "PATH_INFO=/x y\n");
    got = HOST_GET("/app/x", "SCRIPT_NAME=/app/x");
    EXPECT_HAS(got->body, "SCRIPT_NAME=\n");
    EXPECT_HAS(got->body, "PATH_INFO=/app/x\n");
    finish();
}
END_TEST

START_TEST(the_operators_mount_counts_more)
{
    static const char *const ways[][2] = { { "--mount", "/app/" }, { "--set", "plugin.environ.mount=/app" } };
    HOST("examples/environ.so", ways[_i][0], ways[_i][1]);
    const struct answer *got = HOST_GET("/app/x/y", "SCRIPT_NAME=/app/x", "PATH_INFO=/y");
    EXPECT_HAS(got->body, "SCRIPT_NAME=/app\n");
    EXPECT_HAS(got->body, "PATH_INFO=/x/y\n");
    EXPECT_HAS(HOST_GET("/other")->out, "Status: 404 ");
    finish();
}
END_TEST

/* --- failures -------------------------------------------------------------------------------------------------- */

START_TEST(a_failing_handler_is_500_and_its_words_go_to_the_servers_log)
{
    HOST(HOSTED);
    const struct answer *got = HOST_GET("/fails?name=Ada", "QUERY_STRING=name=Ada");
    EXPECT_HAS(got->out, "Status: 500 Internal Server Error\r\n");
    EXPECT_LACKS(got->out, "the disk");
    EXPECT_HAS(got->err, "500: the disk of Ada\n");
    ck_assert_int_eq(got->ended, 1);
    gateway_wait_log(&gateway, "GET /fails?name=Ada (route \"/fails\"): 500: the disk of Ada");
    finish();
}
END_TEST

START_TEST(half_a_response_is_not_ended)
{
    HOST(HOSTED);
    const struct answer *got = HOST_GET("/half");
    EXPECT_HAS(got->out, "Status: 200 OK\r\n");
    ck_assert_str_eq(got->body, "half of it");
    ck_assert_int_eq(got->out_ended, 0);
    ck_assert_int_eq(got->ended, 0);
    gateway_wait_log(&gateway, "stream cut after 10 bytes: no other half");
    finish();
}
END_TEST

START_TEST(a_process_that_crashes_is_replaced)
{
    HOST(HOSTED);
    int before = atoi(HOST_GET("/pid")->body);
    const struct answer *got = HOST_GET("/crash");
    ck_assert_int_eq(got->ended, 0);
    ck_assert_str_eq(got->out, "");
    gateway_wait_log(&gateway, "died of SIGKILL: another takes its place");
    int after = atoi(HOST_GET("/pid")->body);
    ck_assert_int_gt(after, 0);
    ck_assert_int_ne(before, after);
    finish();
}
END_TEST

START_TEST(a_plugin_that_is_refused_is_an_error)
{
    struct command_result result;
    prepare();
    scratch_write(&scratch, "no.so", "no plugin");
    COMMAND(&result, "postern", "host", "--fastcgi", "127.0.0.1:0", "--processes", "4",
            scratch_path(&scratch, "no.so"));
    ck_assert_int_eq(result.status, 1);
    ck_assert_uint_eq(count_of(result.err, "no.so: "), 1); /* once, not by each */
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

START_TEST(garbage_is_cut_off_and_hurts_nobody)
{
    HOST("examples/hello.so");
    for (int i = 0; i < 30; i++) {
        int fd = host_connect();
        char *junk = noise(20000);
        if (i % 3)
            junk[0] = 1; /* a version */
        if (i % 3 == 2)
            junk[1] = 4, junk[2] = 0, junk[3] = 1;
        (void)!send(fd, junk + (i % 3 ? 0 : i), 10000, MSG_NOSIGNAL);
        free(junk);
        shutdown(fd, SHUT_WR);
        unsigned char *content;
        int id;
        size_t n;
        while (fcgi_read_record(fd, &id, &content, &n))
            free(content);
        close(fd);
    }
    gateway_wait_log(&gateway, "a connection is closed: what came is no FastCGI: ");
    EXPECT_ANSWER(HOST_GET("/"), "Status: 200 OK", "Hello, world!\n");
    finish();
}
END_TEST

START_TEST(a_peer_that_leaves_at_any_byte_hurts_nobody)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    wire_request(&wire, 1, KEEP, "POST", "/", NULL, "hello", 5);
    for (size_t n = 0; n <= wire.length; n += 3) {
        int fd = host_connect();
        raw_send(fd, wire.data, n);
        close(fd);
    }
    wire_free(&wire);
    EXPECT_HAS(host_post("/", LIST(NULL), "hello", 5)->out, "Status: 200 OK");
    finish();
}
END_TEST

START_TEST(a_peer_that_asks_and_does_not_read_is_held_up)
{
    HOST("examples/hello.so", "--set", "connection_timeout=1");
    struct wire wire = { 0 };
    int fd = host_connect(), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (int i = 0; i < 1000; i++)
        wire_record(&wire, 99, 0, NULL, 0, 0);
    for (int i = 0; i < 10000; i++)
        if (send(fd, wire.data, wire.length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
    wire_free(&wire);
    EXPECT_ANSWER(HOST_GET("/"), "Status: 200 OK", "Hello, world!\n");
    close(fd);
    finish();
}
END_TEST

/* --- streams --------------------------------------------------------------------------------------------------- */

START_TEST(what_is_flushed_goes_out_at_once)
{
    HOST_GATED(FLOWS, "a");
    struct answer answer = { 0 };
    int fd = host_connect();
    host_say(fd, 1, CLOSE, "/halves?name=a");
    fcgi_read_until(fd, 1, &answer, "first\n");
    EXPECT_LACKS(answer.out, "second");
    release("a");
    fcgi_read_until(fd, 1, &answer, "second\n");
    answer_free(&answer);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_stream_is_pulled)
{
    HOST_GATED(FLOWS, "a");
    const struct answer *got = HOST_GET("/pull?size=300000", "QUERY_STRING=size=300000");
    ck_assert_uint_eq(strlen(got->body), 300000);
    ck_assert_int_eq(got->ended, 1);
    finish();
}
END_TEST

START_TEST(a_body_is_read_while_it_comes)
{
    HOST_GATED(INTAKES, "a");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, CLOSE, "POST", "/count?name=b", LIST("CONTENT_LENGTH=10"));
    wire_record(&wire, R_STDIN, 1, "hello", 5, 0);
    fcgi_send(fd, &wire);
    gateway_wait_log(&gateway, "b has read hello");
    wire_record(&wire, R_STDIN, 1, "world", 5, 0);
    wire_record(&wire, R_STDIN, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    EXPECT_HAS(host_hear(fd, 1)->body, "10 ");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_body_that_nobody_reads_yet_waits)
{
    enum { SIZE = 4 << 20 };
    HOST_GATED(INTAKES, "a", "--set", "max_body=8M");
    struct wire wire = { 0 };
    char expected[32], *body = noise(SIZE);
    int fd = host_connect();
    wire_request(&wire, 1, CLOSE, "POST", "/count?name=a", NULL, body, SIZE);
    snprintf(expected, sizeof expected, "%d ", SIZE);
    size_t sent = 0;
    while (sent < wire.length) { /* as much as there is room for */
        ssize_t n = send(fd, wire.data + sent, wire.length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            break;
        sent += (size_t)n;
    }
    gateway_wait_log(&gateway, "a has read ");
    release("a");
    raw_send(fd, wire.data + sent, wire.length - sent);
    wire_free(&wire);
    EXPECT_HAS(host_hear(fd, 1)->body, expected);
    free(body);
    close(fd);
    finish();
}
END_TEST

START_TEST(a_handler_may_answer_before_its_body_has_come)
{
    HOST_GATED(INTAKES, "a");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, KEEP, "POST", "/ignore", LIST("CONTENT_LENGTH=1000"));
    wire_record(&wire, R_STDIN, 1, "hello", 5, 0);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "not read\n");
    wire_record(&wire, R_STDIN, 1, "world", 5, 0); /* which is ignored */
    wire_request(&wire, 2, CLOSE, "POST", "/ignore", NULL, "x", 1);
    fcgi_send(fd, &wire);
    EXPECT_ANSWER(host_hear(fd, 2), "Status: 200 OK", "not read\n");
    ck_assert(fcgi_is_closed(fd));
    close(fd);
    finish();
}
END_TEST

START_TEST(a_body_that_is_cut_off_is_no_body)
{
    HOST_GATED(INTAKES, "a");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, CLOSE, "POST", "/count?name=b", LIST("CONTENT_LENGTH=10"));
    wire_record(&wire, R_STDIN, 1, "hello", 5, 0);
    fcgi_send(fd, &wire);
    gateway_wait_log(&gateway, "b has read hello");
    close(fd);
    gateway_wait_log(&gateway, "b ends with -10 after 5");
    finish();
}
END_TEST

/* --- giving up ------------------------------------------------------------------------------------------------- */

START_TEST(abort_is_told_and_answered)
{
    HOST_GATED(CALLS, "a");
    struct wire wire = { 0 };
    int fd = host_connect();
    host_say(fd, 1, KEEP, "/heed?name=b");
    gateway_wait_log(&gateway, "b begins with 0");
    wire_record(&wire, R_ABORT, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    const struct answer *got = host_hear(fd, 1);
    ck_assert_int_eq(got->ended, 1);
    ck_assert_str_eq(got->out, "");
    gateway_wait_log(&gateway, "b is told 1 by 1");
    host_say(fd, 2, KEEP, "/");
    EXPECT_ANSWER(host_hear(fd, 2), "Status: 200 OK", " beside 0\n");
    close(fd);
    finish();
}
END_TEST

START_TEST(abort_before_the_body_is_complete_is_answered)
{
    HOST("examples/echo.so");
    struct wire wire = { 0 };
    int fd = host_connect();
    wire_head(&wire, 1, KEEP, "POST", "/", LIST("CONTENT_LENGTH=10"));
    wire_record(&wire, R_ABORT, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    const struct answer *got = host_hear(fd, 1);
    ck_assert_int_eq(got->ended, 1);
    ck_assert_str_eq(got->out, "");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_peer_that_closes_is_noticed)
{
    HOST_GATED(CALLS, "a");
    int fd = host_connect();
    host_say(fd, 1, KEEP, _i ? "/ask?name=b" : "/heed?name=b");
    gateway_wait_log(&gateway, "b begins");
    close(fd);
    gateway_wait_log(&gateway, _i ? "b hears 1" : "b is told 1 by 1");
    EXPECT_HAS(HOST_GET("/")->out, "Status: 200 OK");
    finish();
}
END_TEST

START_TEST(a_deadline_is_504)
{
    HOST_GATED(CALLS, "a", "--set", "timeout=2.5");
    const struct answer *got = HOST_GET("/heed?name=b", "QUERY_STRING=name=b");
    EXPECT_HAS(got->out, "Status: 504 Gateway Timeout\r\n");
    gateway_wait_log(&gateway, "b is told 2 by 1");
    finish();
}
END_TEST

START_TEST(sigterm_lets_a_call_finish)
{
    HOST_GATED(CALLS, "a");
    int fd = host_connect();
    host_say(fd, 1, KEEP, "/?name=a");
    gateway_wait_log(&gateway, "a begins");
    kill(gateway.pid, SIGTERM);
    release("a");
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "a beside 0\n");
    ck_assert(fcgi_is_closed(fd));
    close(fd);
    gateway_wait(&gateway);
    finish();
}
END_TEST

START_TEST(after_the_grace_period_it_is_503)
{
    HOST_GATED(CALLS, "a", "--set", "grace=0.2");
    int fd = host_connect();
    host_say(fd, 1, KEEP, "/heed?name=b");
    gateway_wait_log(&gateway, "b begins");
    kill(gateway.pid, SIGTERM);
    EXPECT_HAS(host_hear(fd, 1)->out, "Status: 503 Service Unavailable\r\n");
    gateway_wait(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "b is told 3 by 1");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_second_sigterm_is_at_once)
{
    HOST_GATED(CALLS, "a", "--set", "grace=60");
    int fd = host_connect();
    host_say(fd, 1, KEEP, "/heed?name=b");
    gateway_wait_log(&gateway, "b begins");
    kill(gateway.pid, SIGTERM);
    kill(gateway.pid, SIGINT); /* another, so that they do not become one */
    EXPECT_HAS(host_hear(fd, 1)->out, "Status: 503 ");
    gateway_wait(&gateway);
    close(fd);
    finish();
}
END_TEST

/* --- the rest of the interface --------------------------------------------------------------------------------- */

START_TEST(a_promise_is_kept)
{
    HOST(HOSTED);
    for (int i = 0; i < 10; i++)
        EXPECT_ANSWER(HOST_GET("/promise"), "Status: 200 OK", "kept\n");
    finish();
}
END_TEST

START_TEST(background_work_is_done_before_the_end)
{
    HOST(HOSTED);
    EXPECT_ANSWER(HOST_GET("/background"), "Status: 200 OK", "soon\n");
    gateway_stop(&gateway);
    EXPECT_HAS(gateway_log(&gateway), "worked in the background");
    EXPECT_HAS(gateway_log(&gateway), "fini");
    finish();
}
END_TEST

START_TEST(calls_run_at_once_in_several_processes)
{
    HOST_GATED(CALLS, "a b", "--processes", "2");
    int first = host_connect(), second = host_connect();
    host_say(first, 1, CLOSE, "/?name=a");
    gateway_wait_log(&gateway, "a begins beside 0");
    host_say(second, 1, CLOSE, "/?name=b");
    gateway_wait_log(&gateway, "b begins beside 0"); /* in a process of its own */
    release("a");
    release("b");
    EXPECT_ANSWER(host_hear(first, 1), "Status: 200 OK", "a beside 0\n");
    EXPECT_ANSWER(host_hear(second, 1), "Status: 200 OK", "b beside 0\n");
    close(first);
    close(second);
    finish();
}
END_TEST

START_TEST(a_plugin_is_told_of_other_processes)
{
    HOST(HOSTED, "--processes", _i ? "2" : "1");
    int flags = atoi(strchr(HOST_GET("/pid")->body, ' '));
    ck_assert_int_eq(flags, _i ? 3 : 1); /* NGI_RUN_MULTITHREAD, NGI_RUN_MULTIPROCESS */
    finish();
}
END_TEST

START_TEST(the_access_log_is_written)
{
    HOST("examples/hello.so", "--set", "access_log=-");
    EXPECT_HAS(HOST_GET("/?a", "REMOTE_ADDR=192.0.2.7")->out, "Status: 200 OK");
    gateway_wait_log(&gateway, "192.0.2.7 - - [");
    gateway_wait_log(&gateway, "\"GET /?a HTTP/1.1\" 200 14 ");
    finish();
}
END_TEST

/* --- sockets --------------------------------------------------------------------------------------------------- */

START_TEST(a_path_is_a_local_socket)
{
    char where[256];
    prepare();
    snprintf(where, sizeof where, "%s%s", _i ? "unix:" : "", scratch_path(&scratch, "socket"));
    HOST("examples/hello.so", "--fastcgi", where);
    EXPECT_HAS(gateway.urls[0], "unix:/");
    EXPECT_ANSWER(HOST_GET("/"), "Status: 200 OK", "Hello, world!\n");
    gateway_stop(&gateway);
    ck_assert_int_ne(access(scratch_path(&scratch, "socket"), F_OK), 0);
    finish();
}
END_TEST

START_TEST(only_named_addresses_may_connect)
{
    setenv("FCGI_WEB_SERVER_ADDRS", _i ? "192.0.2.1,127.0.0.1" : "192.0.2.1,127.0.0.11", 1);
    HOST("examples/hello.so");
    int fd = host_connect();
    struct wire wire = { 0 };
    wire_request(&wire, 1, CLOSE, "GET", "/", NULL, NULL, 0);
    (void)!send(fd, wire.data, wire.length, MSG_NOSIGNAL);
    wire_free(&wire);
    ck_assert_str_eq(host_hear(fd, 1)->body, _i ? "Hello, world!\n" : "");
    close(fd);
    finish();
}
END_TEST

/* Starts postern as spawn-fcgi does, with a listening socket as its standard input. */
/* Looped: the options of the plugin's block, one by one. */
START_TEST(its_processes_may_do_what_the_block_leaves_them)
{
    static const struct {
        const char *setting, *what, *wanted;
    } rows[] = {
        { "debug=off", "socket", "yes\n" },
        { "plugin.hosted.network=off", "socket", "no: " },
        { "debug=off", "write", "yes\n" },
        { "plugin.hosted.filesystem=readonly", "write", "no: " },
    };
    char target[512];
    prepare();
#if defined(__SANITIZE_ADDRESS__)
    /* It looks for leaks by ptrace(2) from a thread of its own, which network = off does not let it do. */
    const char *options = getenv("ASAN_OPTIONS");
    char without[512];
    snprintf(without, sizeof without, "%s%sdetect_leaks=0", options ? options : "", options ? ":" : "");
    setenv("ASAN_OPTIONS", without, 1);
#endif
    snprintf(target, sizeof target, "/may?what=%s&path=%s", rows[_i].what, scratch_path(&scratch, "made"));
    HOST(HOSTED, "--set", rows[_i].setting);
    EXPECT_HAS(HOST_GET(target)->body, rows[_i].wanted);
    gateway_wait_log(&gateway, "postern: its processes: user ");
    finish();
}
END_TEST

START_TEST(a_sandbox_that_cannot_be_had_is_refused)
{
    struct command_result result;
    COMMAND(&result, "postern", "host", "--fastcgi", "127.0.0.1:0", "--set", "plugin.hosted.user=nobody-of-that-name",
            built(HOSTED));
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, "plugin.hosted.user: ");
    EXPECT_HAS(result.err, "nobody-of-that-name");
    command_free(&result);
}
END_TEST

START_TEST(descriptor_0_is_a_listening_socket)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char url[256];
    prepare();
    snprintf(address.sun_path, sizeof address.sun_path, "%s", scratch_path(&scratch, "socket"));
    snprintf(url, sizeof url, "unix:%s", address.sun_path);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    scratch_copy(&scratch, "examples/hello.so");
    char plugin[256];
    snprintf(plugin, sizeof plugin, "%s", scratch_path(&scratch, "hello.so"));
    pid_t child = fork();
    if (child == 0) {
        dup2(listener, 0);
        execl(built("postern"), "postern", "host", "--fastcgi", "-", plugin, (char *)NULL);
        _exit(126);
    }
    close(listener);
    int fd = fcgi_connect(url);
    host_say(fd, 1, CLOSE, "/");
    EXPECT_ANSWER(host_hear(fd, 1), "Status: 200 OK", "Hello, world!\n");
    close(fd);
    kill(child, SIGTERM);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    scratch_remove(&scratch);
}
END_TEST

START_TEST(mistakes_are_named)
{
    static const struct {
        const char *option, *value, *words;
        int status;
    } rows[] = {
        { "--fastcgi", "-", "--fastcgi -: standard input is no listening socket", 1 },
        { "--fastcgi", "1.2.3.4:x", "listen 1.2.3.4:x: write ADDR:PORT, [ADDR6]:PORT or unix:PATH", 1 },
        { "--processes", "0", "--processes 0: write a number from 1 to 1024", 2 },
        { "--mount", "app", "--mount app: write a path that begins with '/', as /app", 2 },
        { "--set", "grace=1", "host: --fastcgi SOCKET is missing: ADDR:PORT, a path, or - for descriptor 0", 2 },
    };
    struct command_result result;
    COMMAND(&result, "postern", "host", rows[_i].option, rows[_i].value,
            strstr(rows[_i].words, "is missing") || _i < 2 ? "--set" : "--fastcgi",
            strstr(rows[_i].words, "is missing") || _i < 2 ? "grace=1" : "127.0.0.1:0", "x.so");
    ck_assert_int_eq(result.status, rows[_i].status);
    EXPECT_HAS(result.err, rows[_i].words);
    command_free(&result);
}
END_TEST

Suite *host_suite(void)
{
    Suite *suite = suite_create("host");
    TCase *tcase = test_case(suite, "host", NULL);
    tcase_add_test(tcase, a_request_is_answered_as_cgi);
    tcase_add_test(tcase, a_connection_is_kept_for_the_next_request);
    tcase_add_test(tcase, an_idle_connection_holds_up_nobody);
    tcase_add_test(tcase, a_connection_on_which_nothing_comes_holds_up_nobody);
    tcase_add_test(tcase, records_may_be_split_anywhere);
    tcase_add_test(tcase, a_second_request_on_a_busy_connection_is_refused);
    tcase_add_test(tcase, it_tells_its_values);
    tcase_add_test(tcase, a_head_has_a_length_and_no_body);
    tcase_add_test(tcase, files_have_conditions_and_ranges);
    tcase_add_test(tcase, large_answers_come_whole);
    tcase_add_test(tcase, a_body_larger_than_memory_comes_whole);
    tcase_add_test(tcase, a_body_without_a_length_comes_whole);
    tcase_add_test(tcase, no_more_than_content_length_is_read);
    tcase_add_test(tcase, a_body_that_is_too_short_is_400);
    tcase_add_test(tcase, a_body_over_the_limit_is_413);
    tcase_add_test(tcase, huge_parameters_are_431);
    tcase_add_test(tcase, a_control_character_in_a_variable_is_400);
    tcase_add_test(tcase, script_name_says_where_it_is_mounted);
    tcase_add_loop_test(tcase, the_operators_mount_counts_more, 0, 2);
    tcase_add_test(tcase, a_failing_handler_is_500_and_its_words_go_to_the_servers_log);
    tcase_add_test(tcase, half_a_response_is_not_ended);
    tcase_add_test(tcase, a_process_that_crashes_is_replaced);
    tcase_add_test(tcase, a_plugin_that_is_refused_is_an_error);
    tcase_add_test(tcase, garbage_is_cut_off_and_hurts_nobody);
    tcase_add_test(tcase, a_peer_that_leaves_at_any_byte_hurts_nobody);
    tcase_add_test(tcase, a_peer_that_asks_and_does_not_read_is_held_up);
    tcase_add_test(tcase, what_is_flushed_goes_out_at_once);
    tcase_add_test(tcase, a_stream_is_pulled);
    tcase_add_test(tcase, a_body_is_read_while_it_comes);
    tcase_add_test(tcase, a_body_that_nobody_reads_yet_waits);
    tcase_add_test(tcase, a_handler_may_answer_before_its_body_has_come);
    tcase_add_test(tcase, a_body_that_is_cut_off_is_no_body);
    tcase_add_test(tcase, abort_is_told_and_answered);
    tcase_add_test(tcase, abort_before_the_body_is_complete_is_answered);
    tcase_add_loop_test(tcase, a_peer_that_closes_is_noticed, 0, 2);
    tcase_add_test(tcase, a_deadline_is_504);
    tcase_add_test(tcase, sigterm_lets_a_call_finish);
    tcase_add_test(tcase, after_the_grace_period_it_is_503);
    tcase_add_test(tcase, a_second_sigterm_is_at_once);
    tcase_add_test(tcase, a_promise_is_kept);
    tcase_add_test(tcase, background_work_is_done_before_the_end);
    tcase_add_test(tcase, calls_run_at_once_in_several_processes);
    tcase_add_loop_test(tcase, a_plugin_is_told_of_other_processes, 0, 2);
    tcase_add_test(tcase, the_access_log_is_written);
    tcase_add_loop_test(tcase, a_path_is_a_local_socket, 0, 2);
    tcase_add_loop_test(tcase, only_named_addresses_may_connect, 0, 2);
    tcase_add_loop_test(tcase, its_processes_may_do_what_the_block_leaves_them, 0, 4);
    tcase_add_test(tcase, a_sandbox_that_cannot_be_had_is_refused);
    tcase_add_test(tcase, descriptor_0_is_a_listening_socket);
    tcase_add_loop_test(tcase, mistakes_are_named, 0, 5);
    return suite;
}
