#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <stdio.h>

static void serve_environ(void)
{
    SERVE("examples/environ.so tests/integration/plugins/inputs.so");
}

/* RFC 3875 section 4.1, variable by variable. */
START_TEST(every_cgi_variable_is_right)
{
    char port[8], host[32];
    snprintf(port, sizeof port, "%d", gateway.port);
    snprintf(host, sizeof host, "127.0.0.1:%d", gateway.port);
    const struct {
        const char *name, *value;
    } expected[] = {
        { "AUTH_TYPE", NULL },
        { "CONTENT_LENGTH", "5" },
        { "CONTENT_TYPE", "text/plain" },
        { "GATEWAY_INTERFACE", "CGI/1.1" },
        { "HTTPS", NULL },
        { "HTTP_CONTENT_LENGTH", NULL },
        { "HTTP_CONTENT_TYPE", NULL },
        { "HTTP_HOST", host },
        { "HTTP_X_COLOUR", "blue" },
        { "PATH_INFO", "/a b" },
        { "PATH_TRANSLATED", NULL },
        { "QUERY_STRING", "q=%41&r" },
        { "REMOTE_ADDR", "127.0.0.1" },
        { "REMOTE_HOST", "127.0.0.1" },
        { "REMOTE_USER", NULL },
        { "REQUEST_METHOD", "PUT" },
        { "REQUEST_SCHEME", "http" },
        { "REQUEST_URI", "/environ/a%20b?q=%41&r" },
        { "SCRIPT_NAME", "/environ" },
        { "SERVER_NAME", "127.0.0.1" },
        { "SERVER_PORT", port },
        { "SERVER_PROTOCOL", "HTTP/1.1" },
    };
    const struct reply *reply = ask("PUT", "/environ/a%20b?q=%41&r", LIST("Content-Type: text/plain", "X-Colour: blue"),
                                    "12345", 5);
    EXPECT_STATUS(reply, 200);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        ck_assert_msg(variable(reply, expected[i].name) == expected[i].value ||
                          (variable(reply, expected[i].name) && expected[i].value &&
                           strcmp(variable(reply, expected[i].name), expected[i].value) == 0),
                      "%s is %s, not %s", expected[i].name, variable(reply, expected[i].name), expected[i].value);
}
END_TEST

START_TEST(software_port_and_request_id_have_their_forms)
{
    const struct reply *reply = GET("/environ/");
    const char *software = variable(reply, "SERVER_SOFTWARE"), *id = variable(reply, "NGI_REQUEST_ID");
    ck_assert_ptr_nonnull(software);
    ck_assert_int_eq(strncmp(software, "Postern/", 8), 0);
    ck_assert_int_gt(atoi(variable(reply, "REMOTE_PORT")), 0);
    ck_assert_uint_eq(strlen(id), 16);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 16);
    char *first = strdup(id);
    ck_assert_str_ne(first, variable(GET("/environ/"), "NGI_REQUEST_ID"));
    free(first);
}
END_TEST

START_TEST(a_request_without_body_has_no_content_length)
{
    const struct reply *reply = GET("/environ");
    EXPECT_STATUS(reply, 200);
    ck_assert_pstr_eq(variable(reply, "CONTENT_LENGTH"), NULL);
    ck_assert_pstr_eq(variable(reply, "CONTENT_TYPE"), NULL);
    ck_assert_pstr_eq(variable(reply, "QUERY_STRING"), "");
    ck_assert_pstr_eq(variable(reply, "PATH_INFO"), "");
}
END_TEST

START_TEST(names_that_could_pass_for_others_never_arrive)
{
    const struct reply *reply = GET("/environ/", "X_Forwarded_For: 1.2.3.4", "Proxy: http://evil", "X-Fine: yes");
    ck_assert_pstr_eq(variable(reply, "HTTP_X_FORWARDED_FOR"), NULL);
    ck_assert_pstr_eq(variable(reply, "HTTP_PROXY"), NULL);
    ck_assert_pstr_eq(variable(reply, "HTTP_X_FINE"), "yes");
}
END_TEST

START_TEST(repeated_headers_are_joined_by_commas)
{
    const struct reply *reply = GET("/environ/", "X-Many: a", "X-Other: o", "x-many: b", "X-MANY: c, d");
    ck_assert_pstr_eq(variable(reply, "HTTP_X_MANY"), "a, b, c, d");
    ck_assert_uint_eq(count_of(reply->body, "HTTP_X_MANY"), 1);
    EXPECT(GET("/inputs/header?name=X-mAny", "X-Many: a", "X-Many: b"), 200, "a, b\n");
}
END_TEST

START_TEST(repeated_cookies_are_joined_by_semicolons)
{
    ck_assert_pstr_eq(variable(GET("/environ/", "Cookie: a=1", "Cookie: b=2"), "HTTP_COOKIE"), "a=1; b=2");
}
END_TEST

START_TEST(a_chunked_body_has_its_decoded_length)
{
    const char *answer = talk("POST /environ/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n"
                              "5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n");
    EXPECT_HAS(answer, "\nCONTENT_LENGTH=8\n");
    EXPECT_LACKS(answer, "HTTP_TRANSFER_ENCODING");
}
END_TEST

START_TEST(http_1_0_is_told_as_such)
{
    const char *answer = talk("GET /environ/ HTTP/1.0\r\n\r\n");
    EXPECT_HAS(answer, "\nSERVER_PROTOCOL=HTTP/1.0\n");
    EXPECT_HAS(answer, "\nSERVER_NAME=127.0.0.1\n"); /* no Host: the address it reached */
    EXPECT_LACKS(answer, "HTTP_HOST");
}
END_TEST

Suite *environ_suite(void)
{
    Suite *suite = suite_create("environ");
    TCase *shared = test_case(suite, "one gateway", serve_environ);
    tcase_add_test(shared, every_cgi_variable_is_right);
    tcase_add_test(shared, software_port_and_request_id_have_their_forms);
    tcase_add_test(shared, a_request_without_body_has_no_content_length);
    tcase_add_test(shared, names_that_could_pass_for_others_never_arrive);
    tcase_add_test(shared, repeated_headers_are_joined_by_commas);
    tcase_add_test(shared, repeated_cookies_are_joined_by_semicolons);
    tcase_add_test(shared, a_chunked_body_has_its_decoded_length);
    tcase_add_test(shared, http_1_0_is_told_as_such);
    return suite;
}
