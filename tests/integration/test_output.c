#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <unistd.h>

static void serve_answers(void)
{
    SERVE("tests/integration/plugins/answers.so tests/integration/plugins/endings.so "
          "examples/hello.so examples/stream.so");
}

START_TEST(a_text_has_length_type_date_and_server)
{
    const struct reply *reply = GET("/hello/");
    EXPECT(reply, 200, "Hello, world!\n");
    EXPECT_HEADER(reply, "Content-Length", "14");
    EXPECT_HEADER(reply, "Content-Type", "text/plain; charset=UTF-8");
    EXPECT_HEADER(reply, "Server", "Postern");
    ck_assert_ptr_nonnull(reply_header(reply, "Date"));
    EXPECT_LACKS(reply->head, "Transfer-Encoding");
}
END_TEST

START_TEST(a_status_alone_gets_a_default_body)
{
    static const struct {
        const char *path, *body;
        long status;
    } cases[] = {
        { "/answers/status/200", "200 OK\n", 200 },
        { "/answers/status/404", "404 Not Found\n", 404 },
        { "/answers/status/418", "418 ", 418 },
        { "/answers/status/599", "599 ", 599 },
        { "/answers/typed/404", "404 Not Found\n", 404 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = GET(cases[i].path);
        EXPECT_STATUS(reply, cases[i].status);
        ck_assert_int_eq(strncmp(reply->body, cases[i].body, strlen(cases[i].body)), 0);
        EXPECT_HEADER(reply, "Content-Type", "text/plain; charset=UTF-8");
    }
}
END_TEST

START_TEST(start_response_again_replaces_all_that_was_said)
{
    const struct reply *reply = GET("/answers/replace");
    EXPECT(reply, 404, "second\n");
    EXPECT_HAS(reply->head, "HTTP/1.1 404 Not Found\r\n"); /* the gateway's phrase */
    EXPECT_HEADER(reply, "Content-Type", "text/x-second");
    EXPECT_HEADER(reply, "X-First", NULL);
    EXPECT_HEADER(reply, "Content-Length", "7");
}
END_TEST

START_TEST(a_refused_start_response_changes_nothing)
{
    const struct reply *reply = GET("/answers/keep");
    EXPECT(reply, 201, "first invalid argument\n");
    EXPECT_HEADER(reply, "X-First", "1");
    EXPECT_HEADER(reply, "X-Second", NULL);
    EXPECT_HEADER(reply, "Content-Type", "text/html; charset=UTF-8");
}
END_TEST

START_TEST(headers_that_would_split_the_response_are_refused)
{
    static const char *const queries[] = {
        "name=X-A&value=a%0D%0AX-Evil:%201", "name=X-A&value=a%0Ab",    "name=X-A&value=a%0Db", "name=X-A&value=%01",
        "name=X-A%0D%0AX-Evil&value=1",      "name=X%20A&value=1",      "name=&value=1",        "name=X-A:&value=1",
        "name=Content-Length&value=-1",      "name=Content-Length&value=five",
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char path[128];
        snprintf(path, sizeof path, "/answers/header?%s", queries[i]);
        const struct reply *reply = GET(path);
        EXPECT(reply, 200, "invalid argument\n");
        EXPECT_LACKS(reply->head, "Evil");
        EXPECT_LACKS(reply->head, "X-A");
    }
}
END_TEST

START_TEST(hop_by_hop_headers_are_the_gateways)
{
    static const char *const names[] = { "Connection", "keep-alive", "Proxy-Connection", "TE", "Trailer",
                                         "Transfer-Encoding", "Upgrade" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "/answers/header?name=%s&value=close", names[i]);
        const struct reply *reply = GET(path);
        EXPECT(reply, 200, "not permitted\n");
        EXPECT_HEADER(reply, "Content-Length", "14");
    }
}
END_TEST

START_TEST(a_header_may_be_empty)
{
    const struct reply *reply = GET("/answers/header?name=X-Empty&value=");
    EXPECT(reply, 200, "success\n");
    EXPECT_HEADER(reply, "X-Empty", "");
}
END_TEST

START_TEST(a_handler_may_name_the_server_itself)
{
    const struct reply *reply = GET("/answers/header?name=server&value=mine");
    EXPECT_HEADER(reply, "Server", "mine");
    EXPECT_LACKS(reply->head, "Postern");
}
END_TEST

START_TEST(bodies_that_must_not_be_are_not_sent)
{
    static const char *const paths[] = { "/answers/empty/204", "/answers/empty/304", "/answers/status/204",
                                         "/answers/status/304" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct reply *reply = GET(paths[i]);
        EXPECT(reply, atol(paths[i] + strlen(paths[i]) - 3), "");
        EXPECT_HEADER(reply, "Content-Type", NULL);
        EXPECT_HEADER(reply, "Transfer-Encoding", NULL);
    }
    EXPECT_HEADER(GET("/answers/status/204"), "Content-Length", NULL); /* RFC 9110 section 8.6 */
}
END_TEST

START_TEST(a_connection_stays_in_step_after_responses_without_body)
{
    static const char requests[] = "GET /answers/empty/204 HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /answers/empty/304 HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = raw_connect(gateway.port);
    raw_send(fd, requests, strlen(requests));
    free(raw_read_response(fd, 0));
    free(raw_read_response(fd, 0));
    char *third = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(third);
    EXPECT_HAS(third, "HTTP/1.1 200 OK\r\n");
    free(third);
    close(fd);
}
END_TEST

START_TEST(set_cookie_is_never_joined)
{
    const struct reply *reply = GET("/answers/cookies");
    EXPECT(reply, 200, "two\n");
    EXPECT_HAS(reply->head, "\r\nSet-Cookie: a=1; Path=/\r\n");
    EXPECT_HAS(reply->head, "\r\nSet-Cookie: b=2; Path=/\r\n");
}
END_TEST

START_TEST(a_redirect_has_its_location)
{
    const struct reply *reply = GET("/answers/redirect");
    EXPECT_STATUS(reply, 303);
    EXPECT_HEADER(reply, "Location", "/elsewhere?a=b");
}
END_TEST

START_TEST(a_stream_of_known_length_says_it)
{
    const struct reply *reply = GET("/endings/stream?bytes=100000&declared=100000");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 100000);
    EXPECT_HEADER(reply, "Content-Length", "100000");
    EXPECT_HEADER(reply, "Transfer-Encoding", NULL);
}
END_TEST

START_TEST(a_stream_of_unknown_length_comes_in_chunks)
{
    const struct reply *reply = GET("/endings/stream?bytes=100000");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 100000);
    EXPECT_HEADER(reply, "Content-Length", NULL);
    EXPECT_HEADER(reply, "Transfer-Encoding", "chunked");
}
END_TEST

START_TEST(head_of_a_stream_has_no_body_and_ends_well)
{
    static const char *const paths[] = { "/endings/stream?bytes=10", "/endings/stream?bytes=10&declared=10" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char request[128];
        snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", paths[i]);
        int fd = raw_connect(gateway.port);
        raw_send(fd, request, strlen(request));
        char *answer = raw_read_all(fd, NULL), *end = strstr(answer, "\r\n\r\n");
        EXPECT_HAS(answer, "HTTP/1.1 200 OK\r\n");
        ck_assert_ptr_nonnull(end);
        ck_assert_str_eq(end, "\r\n\r\n");
        free(answer);
        close(fd);
    }
}
END_TEST

/* What is cut has to look cut: never a response that seems complete. */
START_TEST(a_stream_that_fails_midway_cuts_the_connection)
{
    static const char *const paths[] = {
        "/endings/stream?bytes=100000&result=-6",                 /* in chunks */
        "/endings/stream?bytes=100000&declared=200000&result=-6", /* with a length */
        "/endings/stream?bytes=100000&declared=200000",           /* ends before its length */
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct reply *reply = GET(paths[i]);
        ck_assert_int_eq(reply->status, 200);
        ck_assert_msg(reply->error != 0, "%s looks complete", paths[i]);
    }
    gateway_wait_log(&gateway, "stream cut after 100000 bytes: input/output error");
    gateway_wait_log(&gateway, "stream cut after 100000 bytes: it ended before the declared Content-Length");
}
END_TEST

START_TEST(a_stream_never_goes_beyond_its_declared_length)
{
    const struct reply *reply = GET("/endings/stream?bytes=100000&declared=50000");
    EXPECT_STATUS(reply, 200);
    ck_assert_uint_eq(reply->length, 50000);
}
END_TEST

START_TEST(http_1_0_gets_no_chunks_and_the_end_by_closing)
{
    const char *answer = talk("GET /stream/100?chunked=1 HTTP/1.0\r\n\r\n"), *body = strstr(answer, "\r\n\r\n");
    EXPECT_LACKS(answer, "Transfer-Encoding");
    ck_assert_ptr_nonnull(body);
    ck_assert_uint_eq(strlen(body + 4), 100);
}
END_TEST

START_TEST(http_1_0_keeps_a_connection_alive_if_asked)
{
    static const char request[] = "GET /hello/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    int fd = raw_connect(gateway.port);
    for (int i = 0; i < 3; i++) {
        raw_send(fd, request, strlen(request));
        char *answer = raw_read_response(fd, 0);
        ck_assert_ptr_nonnull(answer);
        EXPECT_HAS(answer, "\r\n\r\nHello, world!\n");
        free(answer);
    }
    close(fd);
}
END_TEST

Suite *output_suite(void)
{
    Suite *suite = suite_create("output");
    TCase *shared = test_case(suite, "one gateway", serve_answers);
    tcase_add_test(shared, a_text_has_length_type_date_and_server);
    tcase_add_test(shared, a_status_alone_gets_a_default_body);
    tcase_add_test(shared, start_response_again_replaces_all_that_was_said);
    tcase_add_test(shared, a_refused_start_response_changes_nothing);
    tcase_add_test(shared, headers_that_would_split_the_response_are_refused);
    tcase_add_test(shared, hop_by_hop_headers_are_the_gateways);
    tcase_add_test(shared, a_header_may_be_empty);
    tcase_add_test(shared, a_handler_may_name_the_server_itself);
    tcase_add_test(shared, bodies_that_must_not_be_are_not_sent);
    tcase_add_test(shared, a_connection_stays_in_step_after_responses_without_body);
    tcase_add_test(shared, set_cookie_is_never_joined);
    tcase_add_test(shared, a_redirect_has_its_location);
    tcase_add_test(shared, a_stream_of_known_length_says_it);
    tcase_add_test(shared, a_stream_of_unknown_length_comes_in_chunks);
    tcase_add_test(shared, head_of_a_stream_has_no_body_and_ends_well);
    tcase_add_test(shared, a_stream_that_fails_midway_cuts_the_connection);
    tcase_add_test(shared, a_stream_never_goes_beyond_its_declared_length);
    tcase_add_test(shared, http_1_0_gets_no_chunks_and_the_end_by_closing);
    tcase_add_test(shared, http_1_0_keeps_a_connection_alive_if_asked);
    return suite;
}
