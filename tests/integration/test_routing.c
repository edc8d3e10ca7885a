#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>
#include <unistd.h>

#define ROUTES "tests/integration/plugins/routes.so"

static void serve_routes(void)
{
    SERVE("examples/hello.so examples/environ.so " ROUTES);
}

START_TEST(a_mount_point_answers_with_and_without_its_slash)
{
    EXPECT(GET("/hello"), 200, "Hello, world!\n");
    EXPECT(GET("/hello/"), 200, "Hello, world!\n");
    EXPECT(GET("/hello?name=Ada"), 200, "Hello, Ada!\n");
    EXPECT(GET("/hello/?name=Ada+%26+Co"), 200, "Hello, Ada & Co!\n");
}
END_TEST

START_TEST(what_no_route_takes_is_404)
{
    static const char *const paths[] = { "/", "/hell", "/hello2", "/hello/x", "/HELLO/", "/routes/users/",
                                         "/hello.so" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct reply *reply = GET(paths[i]);
        EXPECT(reply, 404, "404 Not Found\n");
        EXPECT_HEADER(reply, "Content-Type", "text/plain; charset=UTF-8");
        EXPECT_HEADER(reply, "X-Content-Type-Options", "nosniff");
    }
}
END_TEST

START_TEST(a_method_that_no_route_of_the_path_has_is_405_with_allow)
{
    static const struct {
        const char *path, *allow;
    } cases[] = {
        { "/hello/", "GET, HEAD, OPTIONS" },
        { "/routes/both", "POST, PUT, DELETE, OPTIONS" },
        { "/routes/users/me", "GET, HEAD, OPTIONS" },
        { "/routes/item/1", "GET, HEAD, OPTIONS" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reply *reply = ASK("PATCH", cases[i].path);
        EXPECT(reply, 405, "405 Method Not Allowed\n");
        EXPECT_HEADER(reply, "Allow", cases[i].allow);
    }
}
END_TEST

START_TEST(options_is_answered_by_the_gateway)
{
    const struct reply *reply = ASK("OPTIONS", "/routes/both");
    EXPECT(reply, 204, "");
    EXPECT_HEADER(reply, "Allow", "POST, PUT, DELETE, OPTIONS");
    EXPECT_HEADER(reply, "Content-Type", NULL);
    EXPECT_STATUS(ASK("OPTIONS", "/nowhere"), 404);
}
END_TEST

START_TEST(options_goes_to_a_route_that_asks_for_it)
{
    EXPECT(ASK("OPTIONS", "/routes/any"), 200, "any OPTIONS\n");
}
END_TEST

START_TEST(options_asterisk_tells_of_the_gateway)
{
    const char *answer = talk("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ck_assert_msg(strncmp(answer, "HTTP/1.1 204 ", 13) == 0, "%s", answer);
    ck_assert_pstr_eq(head_value(answer, "Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}
END_TEST

START_TEST(asterisk_is_no_target_for_other_methods)
{
    const char *answer = talk("GET * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    ck_assert_msg(strncmp(answer, "HTTP/1.1 400 ", 13) == 0, "%s", answer);
}
END_TEST

/* Everything but Date, which may tick in between. */
static void expect_same_headers(const struct reply *get, const struct reply *head)
{
    static const char *const names[] = { "Content-Type", "Content-Length", "Server", "ETag", "Allow", "X-Thing" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_pstr_eq(reply_header(get, names[i]), reply_header(head, names[i]));
}

START_TEST(head_is_get_without_the_body)
{
    static const char *const paths[] = { "/hello/?name=Ada", "/routes/users/me", "/nowhere", "/environ/" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct reply get, head;
        fetch(&get, gateway.url, paths[i], "GET", LIST("User-Agent: same"), NULL, 0);
        fetch(&head, gateway.url, paths[i], "HEAD", LIST("User-Agent: same", "X-Pad: 1"), NULL, 0);
        ck_assert_int_eq(head.error, 0);
        ck_assert_int_eq(head.status, get.status);
        ck_assert_uint_eq(head.length, 0);
        if (strcmp(paths[i], "/environ/") != 0) /* whose body tells the method */
            expect_same_headers(&get, &head);
        reply_free(&get);
        reply_free(&head);
    }
}
END_TEST

START_TEST(a_connection_stays_in_step_after_head)
{
    static const char requests[] = "HEAD /hello/ HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
                                   "GET /hello/?name=Next HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = raw_connect(gateway.port);
    raw_send(fd, requests, strlen(requests));
    char *first = raw_read_response(fd, 1), *second = raw_read_response(fd, 1), *third = raw_read_response(fd, 0);
    ck_assert_ptr_nonnull(third);
    EXPECT_HAS(first, "HTTP/1.1 200 OK");
    EXPECT_HAS(second, "HTTP/1.1 404 Not Found");
    EXPECT_HAS(third, "\r\n\r\nHello, Next!\n");
    free(first);
    free(second);
    free(third);
    close(fd);
}
END_TEST

START_TEST(any_takes_extension_methods)
{
    EXPECT(ASK("PURGE", "/routes/any"), 200, "any PURGE\n");
    EXPECT(ASK("M-SEARCH", "/routes/any"), 200, "any M-SEARCH\n");
    EXPECT(ASK("get", "/routes/any"), 200, "any get\n"); /* methods have case (RFC 9110 section 9.1) */
    EXPECT_STATUS(ASK("PURGE", "/hello/"), 405);
}
END_TEST

START_TEST(trace_and_connect_are_refused_even_of_any)
{
    EXPECT_STATUS(ASK("TRACE", "/routes/any"), 405);
    EXPECT_HAS(talk("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nConnection: close\r\n\r\n"), "HTTP/1.1 405 ");
}
END_TEST

START_TEST(methods_of_one_path_may_have_routes_of_their_own)
{
    EXPECT(ASK("PUT", "/routes/both"), 200, "both PUT\n");
    EXPECT(ASK("DELETE", "/routes/both"), 200, "both DELETE\n");
}
END_TEST

START_TEST(the_most_specific_template_wins)
{
    EXPECT(GET("/routes/users/me"), 200, "me\n");
    EXPECT(GET("/routes/users/you"), 200, "user you\n");
    EXPECT(GET("/routes/users/me/posts/7"), 200, "post 7 of me\n");
    EXPECT_STATUS(GET("/routes/users/you/"), 404);
    EXPECT_STATUS(GET("/routes/users/me/posts"), 404);
}
END_TEST

START_TEST(parameters_are_decoded)
{
    EXPECT(GET("/routes/users/a%20b"), 200, "user a b\n");
    EXPECT(GET("/routes/users/%C3%A9"), 200, "user \xC3\xA9\n");
    EXPECT(GET("/routes/users/a+b"), 200, "user a+b\n"); /* '+' is a space in queries only */
}
END_TEST

START_TEST(a_rest_takes_any_number_of_segments)
{
    EXPECT(GET("/routes/path/a/b/c"), 200, "a/b/c|/path/a/b/c|/routes|/path/a/b/c|/routes/path/a/b/c\n");
    EXPECT(GET("/routes/path/a/"), 200, "a/|/path/a/|/routes|/path/a/|/routes/path/a/\n");
    EXPECT(GET("/routes/path/"), 200, "|/path/|/routes|/path/|/routes/path/\n");
}
END_TEST

START_TEST(pcre2_groups_are_read_by_number_and_by_name)
{
    EXPECT(GET("/routes/item/42"), 200, "item 42\n");
    EXPECT_STATUS(GET("/routes/item/x"), 404);
    EXPECT(GET("/routes/date/2024-05"), 200, "year 2024 is 2024, month 05 is 05\n");
    EXPECT(GET("/routes/optional/ab"), 200, "a yes, b yes, c no\n");
    EXPECT(GET("/routes/optional/b"), 200, "a no, b yes, c no\n");
    EXPECT_STATUS(GET("/routes/item/42%0A"), 404); /* '$' is the end, not a line's end */
}
END_TEST

START_TEST(paths_are_normalised_and_request_uri_is_not)
{
    static const struct {
        const char *target, *rest;
    } cases[] = {
        { "/routes/path/a/../b", "b" },
        { "/routes/path/a/%2e%2e/b", "b" },
        { "/routes/path/a/%2E./b", "b" },
        { "/routes/./path/.//a", "a" },
        { "//routes///path//a", "a" },
        { "/x/../routes/path/a?q=/../", "a" },
        { "/routes/path/a%2fb", "a/b" },
        { "/routes/path/a/..", "" },
        { "/%72outes/path/a", "a" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "%s|/path/%s|/routes|/path/%s|%s\n", cases[i].rest, cases[i].rest,
                 cases[i].rest, cases[i].target);
        EXPECT(GET(cases[i].target), 200, expected);
    }
}
END_TEST

START_TEST(paths_that_cannot_be_normalised_are_400)
{
    static const char *const targets[] = { "/hello/%00",    "/hello%00.html",  "/..",       "/hello/../../hello/",
                                           "/%2e%2e/hello", "/hello/%2",       "/hello/%zz" };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        EXPECT_STATUS(GET(targets[i]), 400);
}
END_TEST

START_TEST(an_absolute_target_is_its_path_and_its_authority_is_the_host)
{
    const char *answer = talk("GET http://other.example:81/environ/a?b HTTP/1.1\r\nHost: a\r\n"
                              "Connection: close\r\n\r\n");
    EXPECT_HAS(answer, "\nPATH_INFO=/a\n");
    EXPECT_HAS(answer, "\nHTTP_HOST=other.example:81\n");
    EXPECT_HAS(answer, "\nSERVER_NAME=other.example\n");
    EXPECT_HAS(answer, "\nREQUEST_URI=http://other.example:81/environ/a?b\n");
}
END_TEST

START_TEST(the_operator_chooses_the_mount_point)
{
    SERVE(ROUTES " examples/hello.so", "--set", "plugin.routes.mount=/deep/down");
    EXPECT(GET("/deep/down"), 200, "root\n");
    EXPECT(GET("/deep/down/path/a"), 200, "a|/path/a|/deep/down|/path/a|/deep/down/path/a\n");
    EXPECT_STATUS(GET("/routes/"), 404);
    EXPECT_STATUS(GET("/deep"), 404);
    EXPECT_STATUS(GET("/deep/downpath/a"), 404);
    EXPECT_STATUS(GET("/hello/"), 200);
    finish();
}
END_TEST

START_TEST(a_plugin_at_the_root_takes_what_others_leave)
{
    SERVE(ROUTES " examples/hello.so", "--set", "plugin.routes.mount=/");
    EXPECT(GET("/"), 200, "root\n");
    EXPECT(GET("/path/a"), 200, "a|/path/a||/path/a|/path/a\n");
    EXPECT(GET("/hello"), 200, "Hello, world!\n");
    EXPECT_STATUS(GET("/hello/x"), 404); /* hello has it, and hello has no such route */
    finish();
}
END_TEST

Suite *routing_suite(void)
{
    Suite *suite = suite_create("routing");
    TCase *shared = test_case(suite, "one gateway", serve_routes);
    tcase_add_test(shared, a_mount_point_answers_with_and_without_its_slash);
    tcase_add_test(shared, what_no_route_takes_is_404);
    tcase_add_test(shared, a_method_that_no_route_of_the_path_has_is_405_with_allow);
    tcase_add_test(shared, options_is_answered_by_the_gateway);
    tcase_add_test(shared, options_goes_to_a_route_that_asks_for_it);
    tcase_add_test(shared, options_asterisk_tells_of_the_gateway);
    tcase_add_test(shared, asterisk_is_no_target_for_other_methods);
    tcase_add_test(shared, head_is_get_without_the_body);
    tcase_add_test(shared, a_connection_stays_in_step_after_head);
    tcase_add_test(shared, any_takes_extension_methods);
    tcase_add_test(shared, trace_and_connect_are_refused_even_of_any);
    tcase_add_test(shared, methods_of_one_path_may_have_routes_of_their_own);
    tcase_add_test(shared, the_most_specific_template_wins);
    tcase_add_test(shared, parameters_are_decoded);
    tcase_add_test(shared, a_rest_takes_any_number_of_segments);
    tcase_add_test(shared, pcre2_groups_are_read_by_number_and_by_name);
    tcase_add_test(shared, paths_are_normalised_and_request_uri_is_not);
    tcase_add_test(shared, paths_that_cannot_be_normalised_are_400);
    tcase_add_test(shared, an_absolute_target_is_its_path_and_its_authority_is_the_host);
    TCase *own = test_case(suite, "mounts", NULL);
    tcase_add_test(own, the_operator_chooses_the_mount_point);
    tcase_add_test(own, a_plugin_at_the_root_takes_what_others_leave);
    return suite;
}
