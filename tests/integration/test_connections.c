#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPELINED = 20, CLIENTS = 32, REQUESTS = 20 };

static void serve_some(void)
{
    SERVE("examples/hello.so examples/echo.so", "--set", "plugin.echo.max_body=1000");
}

/* Sends text on `fd` and expects a response that begins with `status_line` and has `part` in it. */
static void exchange(int fd, const char *text, const char *status_line, const char *part)
{
    raw_send(fd, text, strlen(text));
    char *answer = raw_read_response(fd, 0);
    ck_assert_msg(answer != NULL, "no whole response to:\n%s", text);
    ck_assert_msg(strncmp(answer, status_line, strlen(status_line)) == 0, "not %s:\n%s", status_line, answer);
    EXPECT_HAS(answer, part);
    free(answer);
}

/* The peer has closed the connection, or does now. */
static void expect_end(int fd)
{
    size_t length;
    free(raw_read_all(fd, &length));
    ck_assert_uint_eq(length, 0);
    close(fd);
}

START_TEST(a_connection_is_kept_alive)
{
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < 10; i++) {
        struct reply reply;
        fetch_on(session, &reply, i % 2 ? "/echo/" : "/hello/", i % 2 ? "POST" : "GET", NULL, i % 2 ? "body" : NULL, 4);
        EXPECT(&reply, 200, i % 2 ? "body" : "Hello, world!\n");
        reply_free(&reply);
    }
    ck_assert_int_eq(session_connections(session), 1);
    session_end(session);
}
END_TEST

START_TEST(a_connection_is_kept_alive_after_errors)
{
    int fd = raw_connect(gateway.port);
    exchange(fd, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "404 Not Found");
    exchange(fd, "DELETE /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "405 Method");
    exchange(fd, "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "Hello");
    close(fd);
}
END_TEST

/* Whoever gave a proxy's client those bytes to send would have written a request in its name. */
START_TEST(what_follows_a_connect_is_no_request)
{
    static const char *const methods[] = { "CONNECT", "TRACE" };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char text[256];
        int n = snprintf(text, sizeof text, "%s /a HTTP/1.1\r\nHost: a\r\n\r\nGET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n",
                         methods[i]);
        int fd = raw_connect(gateway.port);
        size_t length;
        raw_send(fd, text, (size_t)n);
        char *answer = raw_read_all(fd, &length);
        EXPECT_HAS(answer, "HTTP/1.1 405 ");
        EXPECT_HAS(answer, "Connection: close\r\n");
        ck_assert_msg(!strstr(answer, "HTTP/1.1 200 "), "what follows is answered:\n%s", answer);
        free(answer);
        close(fd);
    }
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    char requests[PIPELINED * 128], *end = requests;
    for (int i = 0; i < PIPELINED; i++)
        end += i % 3 == 2 ? sprintf(end, "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nnumber %02d", i)
                          : sprintf(end, "GET /hello/?name=number+%02d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    int fd = raw_connect(gateway.port);
    raw_send(fd, requests, (size_t)(end - requests));
    for (int i = 0; i < PIPELINED; i++) {
        char wanted[16], *answer = raw_read_response(fd, 0);
        snprintf(wanted, sizeof wanted, "number %02d", i);
        ck_assert_ptr_nonnull(answer);
        EXPECT_HAS(answer, wanted);
        free(answer);
    }
    close(fd);
}
END_TEST

START_TEST(a_request_may_come_a_byte_at_a_time)
{
    static const char request[] = "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nbytes";
    int fd = raw_connect(gateway.port);
    for (size_t i = 0; i + 1 < sizeof request - 1; i++)
        raw_send(fd, request + i, 1);
    exchange(fd, "s", "HTTP/1.1 200 ", "\r\n\r\nbytes");
    close(fd);
}
END_TEST

START_TEST(a_client_that_expects_100_gets_it_before_its_body)
{
    int fd = raw_connect(gateway.port);
    exchange(fd, "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
             "HTTP/1.1 100 Continue\r\n", "\r\n\r\n");
    exchange(fd, "body", "HTTP/1.1 200 ", "\r\n\r\nbody");
    exchange(fd, "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "Hello");
    close(fd);
}
END_TEST

START_TEST(a_client_whose_body_nobody_wants_is_told_instead_of_100)
{
    int fd = raw_connect(gateway.port);
    exchange(fd, "POST /echo/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
             "HTTP/1.1 413 ", "\r\nConnection: close\r\n");
    expect_end(fd);
    fd = raw_connect(gateway.port);
    exchange(fd, "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
             "HTTP/1.1 404 ", "\r\nConnection: close\r\n");
    expect_end(fd);
}
END_TEST

START_TEST(connection_close_is_honoured)
{
    int fd = raw_connect(gateway.port);
    exchange(fd, "GET /hello/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 ",
             "\r\nConnection: close\r\n");
    expect_end(fd);
    fd = raw_connect(gateway.port);
    exchange(fd, "GET /hello/ HTTP/1.1\r\nHost: a\r\nConnection: x-thing, Close\r\n\r\n", "HTTP/1.1 200 ",
             "\r\nConnection: close\r\n");
    expect_end(fd);
}
END_TEST

START_TEST(a_client_that_has_ended_its_side_still_gets_its_answer)
{
    int fd = raw_connect(gateway.port);
    static const char request[] = "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_send(fd, request, strlen(request));
    shutdown(fd, SHUT_WR);
    char *answer = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "Hello, world!\n");
    free(answer);
    close(fd);
}
END_TEST

/* A request line or a header of `length` 'a'. */
static char *long_request(const char *before, size_t length, const char *after)
{
    char *text = malloc(strlen(before) + length + strlen(after) + 1), *end = stpcpy(text, before);
    memset(end, 'a', length);
    strcpy(end + length, after);
    return text;
}

START_TEST(a_target_that_is_too_long_is_414)
{
    char *request = long_request("GET /hello/?", 40000, " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(talk(request), "HTTP/1.1 414 ");
    free(request);
}
END_TEST

/* Short enough a line, but libmicrohttpd wants memory for each parameter; and what it gives up must not be left behind:
 * a leak or a request "under way" fails the end of the gateway. */
START_TEST(a_target_of_too_many_parameters_is_414)
{
    char request[2100], *end = stpcpy(request, "GET /hello/?");
    for (int i = 0; i < 1000; i++)
        end = stpcpy(end, "a&");
    strcpy(end, " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_HAS(talk(request), "HTTP/1.1 414 ");
}
END_TEST

START_TEST(a_head_that_is_too_large_is_431)
{
    char *request = long_request("GET /hello/ HTTP/1.1\r\nHost: a\r\nX-Long: ", 40000, "\r\n\r\n");
    EXPECT_HAS(talk(request), "HTTP/1.1 431 ");
    free(request);
}
END_TEST

/* Where the connection's memory, 16 KiB, holds the head but no response beside it. */
START_TEST(a_head_that_leaves_no_room_for_an_answer_is_431)
{
    for (size_t length = 15600; length <= 16400; length += 50) {
        char *request = long_request("GET /hello/ HTTP/1.1\r\nHost: a\r\nX-Long: ", length, "\r\n\r\n");
        EXPECT_HAS(talk(request), "HTTP/1.1 431 ");
        free(request);
    }
}
END_TEST

/* 1 … of `count` headers, Host among them, first or last. */
static const char *ask_with_headers(int count, bool host_first)
{
    char request[8192], *end = stpcpy(request, "GET /hello/ HTTP/1.1\r\nConnection: close\r\n");
    if (host_first)
        end = stpcpy(end, "Host: a\r\n");
    for (int i = 2; i < count; i++)
        end += sprintf(end, "X-%d: 1\r\n", i);
    strcpy(end, host_first ? "\r\n" : "Host: a\r\n\r\n");
    return talk(request);
}

START_TEST(a_hundred_headers_are_enough)
{
    for (int first = 0; first < 2; first++) {
        EXPECT_HAS(ask_with_headers(100, first), "HTTP/1.1 200 ");
        EXPECT_HAS(ask_with_headers(101, first), "HTTP/1.1 431 ");
    }
}
END_TEST

START_TEST(a_large_head_within_the_limit_is_served)
{
    char *request = long_request("GET /hello/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Long: ", 12000, "\r\n\r\n");
    EXPECT_HAS(talk(request), "HTTP/1.1 200 ");
    free(request);
}
END_TEST

/* --- many at a time ------------------------------------------------------------------------------------------ */

struct client {
    pthread_t thread;
    int number, right;
    long connections;
};

static void *be_client(void *arg)
{
    struct client *client = arg;
    struct session *session = session_begin(gateway.url);
    for (int i = 0; i < REQUESTS; i++) {
        char path[64], body[64], wanted[80];
        struct reply reply;
        int length = snprintf(body, sizeof body, "client %d request %d", client->number, i);
        snprintf(path, sizeof path, "/hello/?name=%d.%d", client->number, i);
        snprintf(wanted, sizeof wanted, "Hello, %d.%d!\n", client->number, i);
        fetch_on(session, &reply, path, "GET", NULL, NULL, 0);
        client->right += reply.status == 200 && strcmp(reply.body, wanted) == 0;
        reply_free(&reply);
        fetch_on(session, &reply, "/echo/", "POST", NULL, body, (size_t)length);
        client->right += reply.status == 200 && strcmp(reply.body, body) == 0;
        reply_free(&reply);
    }
    client->connections = session_connections(session);
    session_end(session);
    return NULL;
}

START_TEST(clients_in_parallel_get_each_their_own_answers)
{
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .number = i };
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(clients[i].thread, NULL);
        ck_assert_int_eq(clients[i].right, 2 * REQUESTS);
        ck_assert_int_eq(clients[i].connections, 1);
    }
}
END_TEST

/* --- limits with a gateway of their own ------------------------------------------------------------------------ */

START_TEST(an_idle_connection_is_closed_after_its_time)
{
    SERVE("examples/hello.so", "--set", "connection_timeout=4");
    int fresh = raw_connect(gateway.port), used = raw_connect(gateway.port), half = raw_connect(gateway.port);
    exchange(used, "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "Hello");
    raw_send(half, "GET /hel", 8);
    expect_end(fresh);
    expect_end(used);
    free(raw_read_all(half, NULL)); /* a 408 is allowed */
    close(half);
    finish();
}
END_TEST

START_TEST(connections_beyond_the_limit_wait_until_one_ends)
{
    SERVE("examples/hello.so", "--set", "connections=2", "--set", "threads=1");
    static const char request[] = "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n";
    char byte;
    int first = raw_connect(gateway.port), second = raw_connect(gateway.port);
    exchange(first, request, "HTTP/1.1 200 ", "Hello");
    exchange(second, request, "HTTP/1.1 200 ", "Hello");
    int third = raw_connect(gateway.port);
    raw_send(third, request, strlen(request));
    ck_assert_msg(recv(third, &byte, 1, MSG_DONTWAIT) < 0, "a third connection is served");
    exchange(second, request, "HTTP/1.1 200 ", "Hello");
    close(first);
    char *answer = raw_read_response(third, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "Hello");
    free(answer);
    close(second);
    close(third);
    finish();
}
END_TEST

Suite *connections_suite(void)
{
    Suite *suite = suite_create("connections");
    TCase *shared = test_case(suite, "one gateway", serve_some);
    tcase_add_test(shared, a_connection_is_kept_alive);
    tcase_add_test(shared, a_connection_is_kept_alive_after_errors);
    tcase_add_test(shared, what_follows_a_connect_is_no_request);
    tcase_add_test(shared, pipelined_requests_are_answered_in_order);
    tcase_add_test(shared, a_request_may_come_a_byte_at_a_time);
    tcase_add_test(shared, a_client_that_expects_100_gets_it_before_its_body);
    tcase_add_test(shared, a_client_whose_body_nobody_wants_is_told_instead_of_100);
    tcase_add_test(shared, connection_close_is_honoured);
    tcase_add_test(shared, a_client_that_has_ended_its_side_still_gets_its_answer);
    tcase_add_test(shared, a_target_that_is_too_long_is_414);
    tcase_add_test(shared, a_target_of_too_many_parameters_is_414);
    tcase_add_test(shared, a_head_that_is_too_large_is_431);
    tcase_add_test(shared, a_head_that_leaves_no_room_for_an_answer_is_431);
    tcase_add_test(shared, a_hundred_headers_are_enough);
    tcase_add_test(shared, a_large_head_within_the_limit_is_served);
    tcase_add_test(shared, clients_in_parallel_get_each_their_own_answers);
    TCase *own = test_case(suite, "limits", NULL);
    tcase_add_test(own, an_idle_connection_is_closed_after_its_time);
    tcase_add_test(own, connections_beyond_the_limit_wait_until_one_ends);
    return suite;
}
