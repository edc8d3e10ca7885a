/* Clients that take their time: with the head of a request, its body, or the response. They hold no thread of an
 * executor, and are cut; but not where it is the gateway that takes its time. Where a test needs time to pass, it waits
 * until another client, which began later, has been cut. */
#include "sdk/ngi.h"
#include "tests/integration/gate.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <unistd.h>

#define CALLS "tests/integration/plugins/calls.so"
#define FLOWS "tests/integration/plugins/flows.so"
#define INTAKES "tests/integration/plugins/intakes.so"

#define SHORT_HEAD "--set", "head_timeout=0.3"
#define SHORT_BODY "--set", "body_timeout=0.3"
#define SHORT_SEND "--set", "send_timeout=0.3"
#define LONG "--set", "head_timeout=100", "--set", "body_timeout=100", "--set", "send_timeout=100"
#define ONE_THREAD "--set", "executor_threads=1"

#define POST_BEGINS "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhello"
enum { LARGE = 32 << 20 }; /* bytes; more than sockets buffer */

static void send_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

static int open_with(const char *text)
{
    int fd = raw_connect(gateway.port);
    send_text(fd, text);
    return fd;
}

/* The rest of what comes has this status and these words, and is the last on its connection. */
static void expect_end(int fd, int status, const char *words)
{
    char line[16];
    char *answer = raw_read_all(fd, NULL);
    snprintf(line, sizeof line, " %d ", status);
    ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0 && strstr(answer, line) == answer + 8, "not %d, but:\n%s", status,
                  answer);
    EXPECT_HAS(answer, "\r\nConnection: close\r\n");
    EXPECT_HAS(answer, words);
    free(answer);
    close(fd);
}

#define EXPECT_408_HEAD(fd) expect_end(fd, 408, "the head of the request has not come in time\n")
#define EXPECT_408_BODY(fd) expect_end(fd, 408, "the body of the request has not come in time\n")

/* Returns when a client that begins now has been cut. */
static void await_a_slow_head(void)
{
    EXPECT_408_HEAD(open_with("GET /hello/ HT"));
}

static void await_a_slow_body(void)
{
    EXPECT_408_BODY(open_with(POST_BEGINS));
}

/* --- the head ------------------------------------------------------------------------------------------------- */

static void serve_impatient(void)
{
    SERVE("examples/hello.so examples/echo.so", SHORT_HEAD, SHORT_BODY);
}

START_TEST(a_slow_head_is_408)
{
    static const char *const texts[] = {
        "G",
        "GET ",
        "GET /hello/",
        "GET /hello/ HTTP/1.",
        "GET /hello/ HTTP/1.0",
        "GET /hello/ HTTP/1.1\r",
        "GET /hello/ HTTP/1.0\r\n",
        "GET /hello/ HTTP/1.1\r\nHo",
        "GET /hello/ HTTP/1.1\r\nHost:",
        "GET /hello/ HTTP/1.1\r\nHost: a",
        "GET /hello/ HTTP/1.1\r\nHost: a\r\n",
        "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r",
        "GET /hello/ HTTP/1.0\r\nHost: a\r\n\r",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: ",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nA",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chu",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nA: b",
    };
    EXPECT_408_HEAD(open_with(texts[_i]));
}
END_TEST

/* Sends the text over and over, a byte at a time, until there is an answer. */
static void drip(int fd, const char *text)
{
    struct pollfd answer = { fd, POLLIN, 0 };
    for (size_t i = 0; poll(&answer, 1, 10) == 0; i++)
        if (send(fd, &text[i % strlen(text)], 1, MSG_NOSIGNAL) < 0)
            break;
}

START_TEST(a_byte_at_a_time_is_no_excuse)
{
    static const struct {
        const char *begins, *goes_on;
        int body;
    } cases[] = {
        { "GET /", "E", 0 },
        { "GET /hello/ HTTP/1.1\r\nHost: a\r\n", "X-Y: z\r\n", 0 },
        { "GET /hello/ HTTP/1.0\r\n", "X-Y: z\r\n", 0 },
        { "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n", "x", 1 },
        { "POST /echo/ HTTP/1.0\r\nContent-Length: 9000\r\n\r\n", "x", 1 },
        { "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 1 },
    };
    int fd = open_with(cases[_i].begins);
    drip(fd, cases[_i].goes_on);
    if (cases[_i].body)
        EXPECT_408_BODY(fd);
    else
        EXPECT_408_HEAD(fd);
}
END_TEST

START_TEST(what_came_before_a_slow_head_is_answered)
{
    int fd = open_with("GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\nGET /hello/");
    expect_answer(fd, "HTTP/1.1 200 ", "Hello");
    EXPECT_408_HEAD(fd);
}
END_TEST

START_TEST(a_kept_connection_may_rest)
{
    int fd = open_with("GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n"), fresh = raw_connect(gateway.port);
    expect_answer(fd, "HTTP/1.1 200 ", "Hello");
    await_a_slow_head();
    say(fd, "/hello/");
    expect_answer(fd, "HTTP/1.1 200 ", "Hello");
    say(fresh, "/hello/");
    expect_answer(fresh, "HTTP/1.1 200 ", "Hello");
    close(fd);
    close(fresh);
}
END_TEST

/* --- the body ------------------------------------------------------------------------------------------------- */

START_TEST(a_slow_body_is_408)
{
    static const char *const texts[] = {
        POST_BEGINS,
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
        "POST /echo/ HTTP/1.0\r\nContent-Length: 5\r\n\r\nhell",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n",
    };
    EXPECT_408_BODY(open_with(texts[_i]));
}
END_TEST

START_TEST(a_limit_of_zero_is_none)
{
    SERVE("examples/hello.so examples/echo.so", "--set", _i ? "body_timeout=0" : "head_timeout=0", "--set",
          _i ? "head_timeout=0.3" : "body_timeout=0.3");
    int fd = open_with(_i ? POST_BEGINS : "GET /hello/ HTTP/1.1\r\nHo");
    char rest[100];
    memset(rest, 'x', sizeof rest);
    if (_i)
        await_a_slow_head();
    else
        await_a_slow_body();
    raw_send(fd, _i ? rest : "st: a\r\n\r\n", _i ? 95 : 9);
    expect_answer(fd, "HTTP/1.1 200 ", _i ? "hello" : "Hello");
    close(fd);
    finish();
}
END_TEST

START_TEST(a_slow_client_within_the_limits_is_served)
{
    SERVE("examples/echo.so", LONG);
    static const char text[] =
        "POST /echo/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    int fd = raw_connect(gateway.port);
    struct pollfd answer = { fd, POLLIN, 0 };
    for (size_t i = 0; i < sizeof text - 1; i++) {
        ck_assert_int_eq(poll(&answer, 1, 5), 0);
        raw_send(fd, text + i, 1);
    }
    expect_answer(fd, "HTTP/1.1 200 ", "hello");
    close(fd);
    finish();
}
END_TEST

/* --- where it is not the client ------------------------------------------------------------------------------- */

START_TEST(a_head_behind_a_call_that_lasts_is_not_late)
{
    serve_gated(CALLS, "calls", "a", "thread", LIST(SHORT_HEAD));
    int fd = open_with("GET /calls/?name=a HTTP/1.1\r\nHost: a\r\n\r\nGET /calls/?name=b HT");
    gateway_wait_log(&gateway, "a begins");
    await_a_slow_head();
    send_text(fd, "TP/1.1\r\nHost: a\r\n\r\n");
    release("a");
    expect_answer(fd, "200 OK", "a beside 0");
    expect_answer(fd, "200 OK", "b beside 0");
    close(fd);
    finish();
}
END_TEST

/* Its pipe is full, and all that has been sent has been read. */
START_TEST(a_body_is_not_late_while_its_handler_does_not_read)
{
    NOT_IN_HOSTS("on its way to one it is read on");
    enum { FILLS = 68 * 1024, ALL = 100 * 1024 };
    char head[128], *body = noise(ALL);
    serve_gated(INTAKES " examples/echo.so", "intakes", "a", NULL,
                LIST("--set", "body_timeout=2.5")); /* between the head and the body, above all */
    int fd = raw_connect(gateway.port);
    snprintf(head, sizeof head, "POST /intakes/count?name=a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", ALL);
    send_text(fd, head);
    raw_send(fd, body, FILLS);
    gateway_wait_log(&gateway, "a has read");
    await_a_slow_body();
    raw_send(fd, body + FILLS, ALL - FILLS);
    release("a");
    expect_answer(fd, "200 OK", "102400 ");
    free(body);
    close(fd);
    finish();
}
END_TEST

/* --- threads -------------------------------------------------------------------------------------------------- */

START_TEST(a_slow_head_or_body_holds_no_thread)
{
    serve_gated(INTAKES, "intakes", "", "thread", LIST(LONG, ONE_THREAD, "--set", "queue=1"));
    int head = open_with("POST /intakes/plain HTTP/1.1\r\nHo");
    int body = open_with("POST /intakes/plain HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    EXPECT_STATUS(POST("/intakes/plain", "x"), 200);
    send_text(body, "67890");
    expect_answer(body, "200 OK", "10 ");
    send_text(head, "st: a\r\nContent-Length: 1\r\n\r\nx");
    expect_answer(head, "200 OK", "1 ");
    close(head);
    close(body);
    finish();
}
END_TEST

START_TEST(a_handler_that_reads_a_slow_body_is_told_and_its_thread_free)
{
    char told[64];
    serve_gated(INTAKES, "intakes", "", "thread", LIST("--set", "body_timeout=3", ONE_THREAD));
    int fd = open_with("POST /intakes/count?name=b HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    gateway_wait_log(&gateway, "b has read 12345");
    expect_end(fd, 408, "408 Request Timeout\n");
    snprintf(told, sizeof told, "b ends with %d after 5", gateway_rung() ? NGI_ECANCELED : NGI_ETIMEDOUT);
    gateway_wait_log(&gateway, told);
    EXPECT_STATUS(POST("/intakes/count?name=c", "x"), 200);
    finish();
}
END_TEST

/* --- the response --------------------------------------------------------------------------------------------- */

/* A client with room for little, at the first listener or at a local socket. */
static int connect_small(const char *path)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    struct sockaddr_in loopback = { .sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)gateway.port),
                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval limit = { .tv_sec = 60 };
    const int room = 4096;
    int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (path)
        snprintf(local.sun_path, sizeof local.sun_path, "%s", path);
    ck_assert_int_eq(path ? connect(fd, (struct sockaddr *)&local, sizeof local)
                          : connect(fd, (struct sockaddr *)&loopback, sizeof loopback),
                     0);
    return fd;
}

static void serve_flows(const char *const *more)
{
    char place[256];
    prepare();
    snprintf(place, sizeof place, "access_log=%s", scratch_path(&scratch, "access.log"));
    const char *arguments[24] = { ONE_THREAD, "--set", place };
    size_t n = 4;
    while (*more)
        arguments[n++] = *more++;
    serve_gated(FLOWS " examples/hello.so", "flows", "a", "thread", arguments);
}
#define SERVE_FLOWS(...) serve_flows(LIST(__VA_ARGS__))

/* Of the large response on it, only a part comes. */
static void expect_cut(int fd)
{
    size_t length;
    free(raw_read_all(fd, &length));
    ck_assert_uint_lt(length, LARGE);
    close(fd);
}

START_TEST(a_response_that_nobody_takes_is_cut)
{
    char where[256];
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE_FLOWS(SHORT_SEND, "--listen", where);
    int fd = connect_small(_i ? where + strlen("unix:") : NULL);
    say(fd, "/flows/whole?size=33554432");
    gateway_wait_log(&gateway, "1 that did not take a response (send_timeout); the last one was ");
    expect_cut(fd);
    const char *log = wait_for_text("access.log", "size=33554432");
    EXPECT_HAS(log, " cut\n");
    EXPECT_LACKS(log, " sent\n");
    finish();
}
END_TEST

/* A byte now and then is as good as nothing. */
START_TEST(a_response_that_is_taken_byte_by_byte_is_cut)
{
    SERVE_FLOWS(SHORT_SEND);
    char byte;
    int fd = connect_small(NULL);
    say(fd, "/flows/whole?size=33554432");
    for (int taken = 0; recv(fd, &byte, 1, 0) == 1 && !strstr(gateway_log(&gateway), "(send_timeout)"); taken++) {
        ck_assert_int_lt(taken, LARGE);
        poll(NULL, 0, 10);
    }
    expect_cut(fd);
    finish();
}
END_TEST

START_TEST(answers_of_a_pipeline_that_nobody_takes_are_cut)
{
    enum { MANY = 400 }; /* of 128 KiB */
    SERVE_FLOWS(SHORT_SEND);
    int fd = connect_small(NULL);
    static const char request[] = "GET /flows/whole?size=131072 HTTP/1.1\r\nHost: a\r\n\r\n";
    char requests[MANY * sizeof request] = "", *end = requests;
    for (int i = 0; i < MANY; i++)
        end = stpcpy(end, request);
    send_text(fd, requests); /* at once: who stands still within it would be cut */
    gateway_wait_log(&gateway, "1 that did not take a response (send_timeout)");
    expect_cut(fd);
    finish();
}
END_TEST

START_TEST(a_response_that_is_taken_slowly_holds_no_thread)
{
    SERVE_FLOWS(LONG, "--set", "queue=1");
    int fd = connect_small(NULL);
    say(fd, "/flows/whole?size=33554432");
    free(read_until(fd, "\r\n\r\n"));
    EXPECT_STATUS(GET("/flows/whole?size=10"), 200);
    size_t length = 0;
    char block[64 * 1024];
    while (length < LARGE) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        ck_assert_int_gt(n, 0);
        length += (size_t)n;
    }
    close(fd);
    finish();
}
END_TEST

START_TEST(a_handler_whose_client_takes_nothing_goes_on_and_its_thread_is_free)
{
    SERVE_FLOWS(SHORT_SEND);
    int fd = connect_small(NULL);
    say(fd, "/flows/pour?name=p&size=1000000000000");
    gateway_wait_log(&gateway, "p pours");
    gateway_wait_log(&gateway, "1 that did not take a response (send_timeout)");
    gateway_wait_log(&gateway, "p has poured: -");
    EXPECT_STATUS(GET("/flows/pour?name=q&size=10"), 200);
    expect_cut(fd);
    finish();
}
END_TEST

/* The same where the gateway pulls. */
START_TEST(a_stream_that_nobody_takes_is_closed)
{
    SERVE_FLOWS(SHORT_SEND);
    int fd = connect_small(NULL);
    say(fd, "/flows/pull?name=p&size=1000000000000");
    gateway_wait_log(&gateway, "1 that did not take a response (send_timeout)");
    gateway_wait_log(&gateway, "p is closed, pulled");
    expect_cut(fd);
    finish();
}
END_TEST

START_TEST(a_stream_that_says_nothing_for_long_is_not_cut)
{
    SERVE_FLOWS(SHORT_SEND, "--set", "executor_threads=2");
    int fd = begin("/flows/halves?name=a");
    free(read_until(fd, "first\n"));
    int other = connect_small(NULL);
    say(other, "/flows/whole?size=33554432");
    gateway_wait_log(&gateway, "1 that did not take a response (send_timeout)");
    release("a");
    free(read_until(fd, "second\n"));
    close(fd);
    expect_cut(other);
    finish();
}
END_TEST

/* It takes longer than the limit, and takes all the time. */
START_TEST(a_response_that_is_taken_steadily_is_sent)
{
    enum { PIECES = 40, PIECE = LARGE / PIECES };
    SERVE_FLOWS("--set", "send_timeout=4"); /* longer than a machine may stand still */
    static char block[PIECE];
    int fd = connect_small(NULL);
    say(fd, "/flows/whole?size=33554432");
    free(read_until(fd, "\r\n\r\n"));
    for (int i = 0; i < PIECES; i++) {
        ck_assert_int_eq(recv(fd, block, sizeof block, MSG_WAITALL), sizeof block);
        poll(NULL, 0, 125);
    }
    close(fd);
    finish();
}
END_TEST

/* --- connections of an address ------------------------------------------------------------------------------- */

/* A new connection that has been served, and so is counted; -1: it has been closed. */
static int enter(void)
{
    static const char hello[] = "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = raw_connect(gateway.port);
    (void)!send(fd, hello, strlen(hello), MSG_NOSIGNAL);
    char *answer = raw_read_response(fd, 0);
    int served = answer != NULL;
    free(answer);
    if (!served)
        close(fd);
    return served ? fd : -1;
}

/* The same, when the gateway has seen that those that were closed have left. */
static int enter_at_last(void)
{
    int fd;
    while ((fd = enter()) < 0)
        poll(NULL, 0, 1);
    return fd;
}

START_TEST(connections_beyond_those_of_an_address_are_closed)
{
    char where[256];
    struct reply reply;
    prepare();
    snprintf(where, sizeof where, "unix:%s", scratch_path(&scratch, "http.sock"));
    SERVE("examples/hello.so", "--listen", where, "--set", "connections_per_address=2");
    for (int turn = 0; turn < 5; turn++) {
        int first = enter_at_last(), second = enter_at_last();
        ck_assert_int_lt(enter(), 0);
        close(first);
        first = enter_at_last();
        ck_assert_int_lt(enter(), 0);
        fetch(&reply, where, "/hello/", NULL, NULL, NULL, 0);
        ck_assert_int_eq(reply.status, 200);
        reply_free(&reply);
        close(first);
        close(second);
    }
    gateway_wait_log(&gateway, "connections of 127.0.0.1 are refused: it has 2 (connections_per_address)");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "are refused"), 1); /* in ten seconds */
    finish();
}
END_TEST

START_TEST(a_trusted_proxy_may_have_more)
{
    SERVE("examples/hello.so", "--set", "connections_per_address=1", "--set", "trusted=127.0.0.0/8");
    int first = enter(), second = enter();
    ck_assert_int_ge(second, 0);
    close(first);
    close(second);
    finish();
}
END_TEST

START_TEST(the_status_counts_who_was_cut_and_refused)
{
    char control[256];
    struct command_result result;
    prepare();
    snprintf(control, sizeof control, "%s", scratch_path(&scratch, "control"));
    SERVE("examples/hello.so", SHORT_HEAD, "--set", "connections_per_address=1", "--control", control);
    await_a_slow_head();
    int fd = enter_at_last();
    ck_assert_int_lt(enter(), 0);
    COMMAND(&result, "postern", "status", "--control", control);
    EXPECT_HAS(result.out, "    slow clients cut: 1 in a head, 0 in a body, 0 that did not take a response\n");
    EXPECT_HAS(result.out, "    connections refused, as their address had too many: ");
    command_free(&result);
    close(fd);
    finish();
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *slow_suite(void)
{
    Suite *suite = suite_create("slow");
    TCase *shared = test_case(suite, "one gateway", serve_impatient);
    tcase_add_loop_test(shared, a_slow_head_is_408, 0, 17);
    tcase_add_loop_test(shared, a_byte_at_a_time_is_no_excuse, 0, 6);
    tcase_add_test(shared, what_came_before_a_slow_head_is_answered);
    tcase_add_test(shared, a_kept_connection_may_rest);
    tcase_add_loop_test(shared, a_slow_body_is_408, 0, 6);
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, a_limit_of_zero_is_none, 0, 2);
    tcase_add_test(own, a_slow_client_within_the_limits_is_served);
    tcase_add_test(own, a_head_behind_a_call_that_lasts_is_not_late);
    tcase_add_test(own, a_body_is_not_late_while_its_handler_does_not_read);
    tcase_add_test(own, a_slow_head_or_body_holds_no_thread);
    tcase_add_test(own, a_handler_that_reads_a_slow_body_is_told_and_its_thread_free);
    tcase_add_loop_test(own, a_response_that_nobody_takes_is_cut, 0, 2);
    tcase_add_test(own, a_response_that_is_taken_byte_by_byte_is_cut);
    tcase_add_test(own, answers_of_a_pipeline_that_nobody_takes_are_cut);
    tcase_add_test(own, a_response_that_is_taken_slowly_holds_no_thread);
    tcase_add_test(own, a_handler_whose_client_takes_nothing_goes_on_and_its_thread_is_free);
    tcase_add_test(own, a_stream_that_nobody_takes_is_closed);
    tcase_add_test(own, a_stream_that_says_nothing_for_long_is_not_cut);
    tcase_add_test(own, a_response_that_is_taken_steadily_is_sent);
    tcase_add_test(own, connections_beyond_those_of_an_address_are_closed);
    tcase_add_test(own, a_trusted_proxy_may_have_more);
    tcase_add_test(own, the_status_counts_who_was_cut_and_refused);
    return suite;
}
