#include "http/environ.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suites.h"

static struct peer peer;
static struct request *request;

static void set_up(void)
{
    const char *why;
    peer = (struct peer){ "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
    request = request_new(1 << 20);
    ck_assert_int_eq(request_begin(request, &peer, "POST", "/app/a%20b?x=%20y", "HTTP/1.1", &why), NGI_OK);
    request->script_name = "/app";
    request->path_info = "/a b";
}

static void tear_down(void)
{
    request_free(request);
}

static void add(const char *name, const char *value)
{
    request_add_header(request, name, strlen(name), value, strlen(value));
}

/* NULL: the variable is unset. */
static void assert_env(const char *name, const char *value)
{
    const char *found = environ_get(request, name);
    ck_assert_msg((found == NULL) == (value == NULL), "%s is %s", name, found ? found : "unset");
    if (value)
        ck_assert_msg(strcmp(found, value) == 0, "%s is %s", name, found);
}

/* RFC 3875 section 4.1, in its order, then ours. */
START_TEST(every_variable_has_its_value)
{
    add("Host", "www.example.com:8080");
    add("Content-Type", "text/plain");
    add("Content-Length", "5");
    request->body.length = 5;
    assert_env("AUTH_TYPE", NULL);
    assert_env("CONTENT_LENGTH", "5");
    assert_env("CONTENT_TYPE", "text/plain");
    assert_env("GATEWAY_INTERFACE", "CGI/1.1");
    assert_env("PATH_INFO", "/a b"); /* decoded: section 4.1.5 */
    assert_env("PATH_TRANSLATED", NULL);
    assert_env("QUERY_STRING", "x=%20y"); /* not decoded: section 4.1.7 */
    assert_env("REMOTE_ADDR", "192.0.2.7");
    assert_env("REMOTE_HOST", "192.0.2.7");
    assert_env("REMOTE_IDENT", NULL);
    assert_env("REMOTE_USER", NULL);
    assert_env("REQUEST_METHOD", "POST");
    assert_env("SCRIPT_NAME", "/app");
    assert_env("SERVER_NAME", "www.example.com");
    assert_env("SERVER_PORT", "8080");
    assert_env("SERVER_PROTOCOL", "HTTP/1.1");
    assert_env("SERVER_SOFTWARE", environ_software);
    assert_env("REQUEST_URI", "/app/a%20b?x=%20y");
    assert_env("REQUEST_SCHEME", "http");
    assert_env("REMOTE_PORT", "50000");
    assert_env("HTTPS", NULL);
    assert_env("NGI_REQUEST_ID", request_id(request));
}
END_TEST

START_TEST(names_are_exact)
{
    add("Accept", "x");
    assert_env("request_method", NULL);
    assert_env("REQUEST_METHO", NULL);
    assert_env("REQUEST_METHODS", NULL);
    assert_env("", NULL);
    assert_env("HTTP_", NULL);
    assert_env("http_accept", NULL);
    assert_env("HTTP_accept", NULL);
    assert_env("HTTP_ACCEPT", "x");
}
END_TEST

START_TEST(a_body_of_unknown_length_is_told_by_what_arrived)
{
    assert_env("CONTENT_LENGTH", NULL); /* section 4.1.2: unset without a body */
    add("Transfer-Encoding", "chunked");
    request->body.length = 12345678901;
    assert_env("CONTENT_LENGTH", "12345678901");
    assert_env("HTTP_TRANSFER_ENCODING", NULL); /* the coding has been taken off */
}
END_TEST

START_TEST(an_empty_body_that_was_announced_has_length_0)
{
    add("Content-Length", "0");
    assert_env("CONTENT_LENGTH", "0");
}
END_TEST

/* Section 4.1.18. */
START_TEST(headers_are_told_once_and_under_their_own_name)
{
    add("Content-Type", "text/plain");
    add("content-length", "0");
    add("X-Forwarded-For", "192.0.2.1");
    add("Accept", "a");
    add("accept", "b");
    add("Cookie", "c=1");
    add("Cookie", "d=2");
    add("X.Odd!Name", "v");
    assert_env("HTTP_CONTENT_TYPE", NULL);
    assert_env("HTTP_CONTENT_LENGTH", NULL);
    assert_env("HTTP_X_FORWARDED_FOR", "192.0.2.1");
    assert_env("HTTP_X-FORWARDED-FOR", NULL);
    assert_env("HTTP_ACCEPT", "a, b");
    assert_env("HTTP_COOKIE", "c=1; d=2");
    assert_env("HTTP_X.ODD!NAME", "v");
    assert_env("HTTP_ABSENT", NULL);
}
END_TEST

START_TEST(a_header_cannot_set_what_is_not_its_own)
{
    add("Proxy", "http://evil.example/");
    add("X_Real_IP", "127.0.0.1");
    assert_env("HTTP_PROXY", NULL);
    assert_env("HTTP_X_REAL_IP", NULL);
    add("X-Real-IP", "192.0.2.9");
    assert_env("HTTP_X_REAL_IP", "192.0.2.9");
}
END_TEST

/* Section 4.1.14; an IPv6 address stands in brackets. */
START_TEST(the_server_is_named_as_the_client_named_it)
{
    static const char *const cases[][2] = {
        { "example.com", "example.com" },     { "example.com:81", "example.com" },     { "192.0.2.1:81", "192.0.2.1" },
        { "[2001:db8::7]", "[2001:db8::7]" }, { "[2001:db8::7]:81", "[2001:db8::7]" }, { "", "198.51.100.1" },
        { "example.com:", "example.com" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        request->ngi.host = cases[i][0];
        assert_env("SERVER_NAME", cases[i][1]);
    }
    strcpy(peer.local_addr, "2001:db8::1");
    request->ngi.host = "";
    assert_env("SERVER_NAME", "[2001:db8::1]");
}
END_TEST

START_TEST(a_local_socket_has_no_ports)
{
    peer = (struct peer){ "unix:", "unix:", 0, 0, "http" };
    request->ngi.remote_addr = peer.remote_addr;
    assert_env("REMOTE_ADDR", "unix:");
    assert_env("REMOTE_PORT", NULL);
    assert_env("SERVER_PORT", "80"); /* it must be set: section 4.1.15 */
    request->ngi.scheme = "https";
    assert_env("SERVER_PORT", "443");
    assert_env("HTTPS", "on");
    assert_env("REQUEST_SCHEME", "https");
}
END_TEST

/* --- each --------------------------------------------------------------------------------------------------- */

struct seen {
    char names[64][32];
    unsigned count, stop_at;
};

static int note(void *arg, const char *name, const char *value)
{
    struct seen *seen = arg;
    ck_assert_str_eq(environ_get(request, name), value);
    ck_assert_uint_lt(seen->count, 64);
    snprintf(seen->names[seen->count++], 32, "%s", name);
    return seen->count == seen->stop_at ? 7 : 0;
}

START_TEST(each_tells_all_that_is_set_and_nothing_twice)
{
    struct seen seen = { .count = 0 };
    add("Accept", "a");
    add("Content-Type", "t");
    add("ACCEPT", "b");
    add("X-Last", "");
    ck_assert_int_eq(environ_each(request, note, &seen), 0);
    for (unsigned i = 0; i < seen.count; i++)
        for (unsigned j = 0; j < i; j++)
            ck_assert_str_ne(seen.names[i], seen.names[j]);
    /* 18 variables of ours, without CONTENT_LENGTH and HTTPS, and two headers. */
    ck_assert_uint_eq(seen.count, 18 - 2 + 2);
    ck_assert_str_eq(seen.names[seen.count - 2], "HTTP_ACCEPT");
    ck_assert_str_eq(seen.names[seen.count - 1], "HTTP_X_LAST");
}
END_TEST

START_TEST(each_ends_at_the_first_value_other_than_0)
{
    struct seen seen = { .stop_at = 3 };
    add("X-Last", "v");
    ck_assert_int_eq(environ_each(request, note, &seen), 7);
    ck_assert_uint_eq(seen.count, 3);
    seen = (struct seen){ .stop_at = 16 };
    ck_assert_int_eq(environ_each(request, note, &seen), 7);
    ck_assert_str_eq(seen.names[15], "HTTP_X_LAST");
}
END_TEST

/* RFC 9112 section 3.2.2: Host, or the authority that replaces it, has one value wherever one looks. */
START_TEST(host_reads_the_same_everywhere)
{
    const char *why;
    request_reset(request);
    ck_assert_int_eq(request_begin(request, &peer, "GET", "http://target.example:81/", "HTTP/1.1", &why), NGI_OK);
    add("Host", "header.example");
    assert_env("HTTP_HOST", "target.example:81");
    assert_env("SERVER_NAME", "target.example");
    ck_assert_str_eq(request->ngi.host, "target.example:81");
    ck_assert_str_eq(request_header(request, "Host"), "target.example:81");

    struct seen seen = { 0 };
    request_reset(request);
    ck_assert_int_eq(request_begin(request, &peer, "GET", "http://target.example/", "HTTP/1.0", &why), NGI_OK);
    assert_env("HTTP_HOST", "target.example");
    ck_assert_int_eq(environ_each(request, note, &seen), 0);
    unsigned told = 0;
    for (unsigned i = 0; i < seen.count; i++)
        told += strcmp(seen.names[i], "HTTP_HOST") == 0;
    ck_assert_uint_eq(told, 1);
}
END_TEST

Suite *environ_suite(void)
{
    Suite *suite = suite_create("environ");
    TCase *tests = tcase_create("environ");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_variable_has_its_value);
    tcase_add_test(tests, names_are_exact);
    tcase_add_test(tests, a_body_of_unknown_length_is_told_by_what_arrived);
    tcase_add_test(tests, an_empty_body_that_was_announced_has_length_0);
    tcase_add_test(tests, headers_are_told_once_and_under_their_own_name);
    tcase_add_test(tests, a_header_cannot_set_what_is_not_its_own);
    tcase_add_test(tests, the_server_is_named_as_the_client_named_it);
    tcase_add_test(tests, a_local_socket_has_no_ports);
    tcase_add_test(tests, each_tells_all_that_is_set_and_nothing_twice);
    tcase_add_test(tests, each_ends_at_the_first_value_other_than_0);
    tcase_add_test(tests, host_reads_the_same_everywhere);
    suite_add_tcase(suite, tests);
    return suite;
}
