#include "http/cgi.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/environ.h"
#include "tests/unit/suites.h"

static struct request *request;
static struct cgi cgi;
static const char *why;

static void set_up(void)
{
    request = request_new(1 << 20);
    ck_assert_ptr_nonnull(request);
    cgi_begin(&cgi);
}

static void tear_down(void)
{
    request_free(request);
}

static void put(const char *name, const char *value)
{
    cgi_put(&cgi, request, name, strlen(name), value, strlen(value));
}

/* Variables as "NAME=value", and the request they make. */
static int make(bool mounted, const char *const *variables)
{
    for (; *variables; variables++) {
        const char *equals = strchr(*variables, '=');
        cgi_put(&cgi, request, *variables, (size_t)(equals - *variables), equals + 1, strlen(equals + 1));
    }
    return cgi_make(&cgi, request, mounted, &why);
}
#define MAKE(...) make(false, (const char *const[]){ "REQUEST_METHOD=GET", ##__VA_ARGS__, NULL })
#define MAKE_MOUNTED(...) make(true, (const char *const[]){ "REQUEST_METHOD=GET", ##__VA_ARGS__, NULL })

#define EXPECT_PATH(wanted, asked, base)                         \
    do {                                                       \
        ck_assert_str_eq(request->target.path, wanted);         \
        ck_assert_str_eq(request->ngi.query, asked);          \
        ck_assert_uint_eq(request->base_length, strlen(base)); \
    } while (0)

START_TEST(a_request_is_made_of_its_variables)
{
    ck_assert_int_eq(MAKE("REQUEST_METHOD=PUT", "REQUEST_URI=/a/b%20c?d=e", "QUERY_STRING=d=e",
                          "SERVER_PROTOCOL=HTTP/2.0", "REMOTE_ADDR=192.0.2.7", "REMOTE_PORT=50000",
                          "SERVER_ADDR=2001:db8::1", "SERVER_PORT=443", "HTTPS=on", "CONTENT_TYPE=text/plain",
                          "CONTENT_LENGTH=12", "HTTP_HOST=front.example", "GATEWAY_INTERFACE=CGI/1.1"),
                     0);
    EXPECT_PATH("/a/b c", "d=e", "");
    ck_assert_uint_eq(request->method, NGI_PUT);
    ck_assert_str_eq(request->ngi.method, "PUT");
    ck_assert_str_eq(request->protocol, "HTTP/2.0");
    ck_assert_str_eq(request->ngi.remote_addr, "192.0.2.7");
    ck_assert_str_eq(request->ngi.host, "front.example");
    ck_assert_str_eq(request->ngi.scheme, "https");
    ck_assert_str_eq(environ_get(request, "REQUEST_URI"), "/a/b%20c?d=e");
    ck_assert_str_eq(environ_get(request, "REMOTE_PORT"), "50000");
    ck_assert_str_eq(environ_get(request, "SERVER_PORT"), "443");
    ck_assert_str_eq(environ_get(request, "CONTENT_TYPE"), "text/plain");
    ck_assert_str_eq(request->content_length, "12");
}
END_TEST

START_TEST(headers_get_their_names_back)
{
    ck_assert_int_eq(MAKE("REQUEST_URI=/", "HTTP_ACCEPT_LANGUAGE=de", "HTTP_X_9A=1", "HTTP_DNT=", "HTTP_X_9A=2"), 0);
    ck_assert_str_eq(request->headers[0].name, "Accept-Language");
    ck_assert_str_eq(request_header(request, "accept-language"), "de");
    ck_assert_str_eq(request->headers[1].name, "X-9a");
    ck_assert_str_eq(request_header(request, "X-9A"), "1, 2");
    ck_assert_str_eq(request_header(request, "DNT"), "");
}
END_TEST

/* httpoxy; what has a variable of its own; what is about a transfer that is over; what no server makes. */
START_TEST(some_headers_are_left_out)
{
    ck_assert_int_eq(MAKE("REQUEST_URI=/", "HTTP_PROXY=http://evil.example", "HTTP_CONTENT_LENGTH=9",
                          "HTTP_CONTENT_TYPE=a/b", "HTTP_TRANSFER_ENCODING=chunked", "HTTP_=x", "HTTP_x=y",
                          "HTTP_A-B=z"),
                     0);
    ck_assert_uint_eq(request->header_count, 0);
    ck_assert_ptr_null(request->content_length);
    ck_assert(!request->chunked);
}
END_TEST

/* What Debian's nginx sends with `include fastcgi_params`: SCRIPT_NAME is all of the path. */
START_TEST(nginx_as_it_comes)
{
    ck_assert_int_eq(MAKE("SCRIPT_NAME=/app/x y", "REQUEST_URI=/app/x%20y?q", "DOCUMENT_URI=/app/x y",
                          "QUERY_STRING=q", "CONTENT_LENGTH=", "CONTENT_TYPE="),
                     0);
    EXPECT_PATH("/app/x y", "q", "");
    ck_assert_ptr_null(request->content_length);
}
END_TEST

START_TEST(script_name_is_a_mount_point_where_path_info_is_the_rest)
{
    ck_assert_int_eq(MAKE("SCRIPT_NAME=/app", "PATH_INFO=/x/y", "REQUEST_URI=/app//x/./y?q"), 0);
    EXPECT_PATH("/app/x/y", "q", "/app");
}
END_TEST

START_TEST(script_name_is_no_mount_point_where)
{
    static const struct {
        const char *script, *info, *uri;
    } rows[] = {
        { "SCRIPT_NAME=/app/x", "PATH_INFO=", "REQUEST_URI=/app/x" },    /* it says nothing */
        { "SCRIPT_NAME=/ap", "PATH_INFO=p/x", "REQUEST_URI=/app/x" },    /* no whole segment */
        { "SCRIPT_NAME=/", "PATH_INFO=/app/x", "REQUEST_URI=/app/x" },   /* the root */
        { "SCRIPT_NAME=", "PATH_INFO=/app/x", "REQUEST_URI=/app/x" },
        { "SCRIPT_NAME=/new", "PATH_INFO=/x", "REQUEST_URI=/app/x" },    /* rewritten */
        { "SCRIPT_NAME=/app", "PATH_INFO=/x", "REQUEST_URI=/app/x/y" },
    };
    ck_assert_int_eq(MAKE(rows[_i].script, rows[_i].info, rows[_i].uri), 0);
    ck_assert_uint_eq(request->base_length, 0);
}
END_TEST

START_TEST(a_mount_point_of_the_operators_counts)
{
    ck_assert_int_eq(MAKE_MOUNTED("SCRIPT_NAME=/app", "PATH_INFO=/x", "REQUEST_URI=/app/x"), 0);
    EXPECT_PATH("/app/x", "", "");
}
END_TEST

START_TEST(without_a_uri_the_path_is_put_together)
{
    ck_assert_int_eq(MAKE("SCRIPT_NAME=/app", "PATH_INFO=/100%?#", "QUERY_STRING=q=1"), 0);
    EXPECT_PATH("/app/100%?#", "q=1", "/app");
    ck_assert_str_eq(request->raw_target, "/app/100%25%3F%23");
}
END_TEST

START_TEST(without_anything_else_the_path_is_document_uri)
{
    ck_assert_int_eq(MAKE("DOCUMENT_URI=/d"), 0);
    EXPECT_PATH("/d", "", "");
}
END_TEST

START_TEST(the_query_is_the_servers)
{
    ck_assert_int_eq(MAKE("REQUEST_URI=/?old=1", "QUERY_STRING=new=2"), 0);
    ck_assert_str_eq(request->ngi.query, "new=2");
}
END_TEST

START_TEST(a_scheme_is_http_unless_it_is_said)
{
    static const struct {
        const char *variable, *scheme;
    } rows[] = {
        { "HTTPS=on", "https" },   { "HTTPS=1", "https" },           { "HTTPS=off", "http" },
        { "HTTPS=", "http" },      { "REQUEST_SCHEME=https", "https" }, { "REQUEST_SCHEME=http", "http" },
        { "REQUEST_SCHEME=gopher", "http" },
    };
    ck_assert_int_eq(MAKE("REQUEST_URI=/", rows[_i].variable), 0);
    ck_assert_str_eq(request->ngi.scheme, rows[_i].scheme);
}
END_TEST

START_TEST(what_is_missing_or_odd_is_400)
{
    static const struct {
        const char *one, *two, *why;
    } rows[] = {
        { "REQUEST_METHOD=", "REQUEST_URI=/", "no REQUEST_METHOD that is a token" },
        { "REQUEST_METHOD=G T", "REQUEST_URI=/", "no REQUEST_METHOD that is a token" },
        { "X=", "Y=", "no REQUEST_URI, and no SCRIPT_NAME, PATH_INFO or DOCUMENT_URI" },
        { "REQUEST_URI=/../x", "X=", "the path climbs above the root" },
        { "REQUEST_URI=/%zz", "X=", "the path has a '%' without two hexadecimal digits" },
        { "REQUEST_URI=x", "X=", "the request target is neither a path, nor an http URI, nor *" },
        { "SCRIPT_NAME=x", "X=", "the request target is neither a path, nor an http URI, nor *" },
        { "REQUEST_URI=/", "CONTENT_LENGTH=-1", "CONTENT_LENGTH is no length" },
        { "REQUEST_URI=/", "CONTENT_LENGTH=99999999999999999999", "CONTENT_LENGTH is no length" },
        { "REQUEST_URI=/", "HTTP_HOST=a b", "the Host header is no host[:port]" },
        { "REQUEST_URI=/a\nb", "X=", "a variable with a control character" },
        { "REQUEST_URI=/", "HTTP_X=a\rb", "a variable with a control character" },
        { "REQUEST_URI=/", "WHATEVER=\n", "a variable with a control character" },
    };
    ck_assert_int_eq(MAKE(rows[_i].one, rows[_i].two), 400);
    ck_assert_str_eq(why, rows[_i].why);
}
END_TEST

START_TEST(a_nul_is_400)
{
    put("REQUEST_METHOD", "GET");
    cgi_put(&cgi, request, "REQUEST_URI", 11, "/a\0b", 4);
    ck_assert_int_eq(cgi_make(&cgi, request, false, &why), 400);
    ck_assert_str_eq(why, "a variable with a control character");
}
END_TEST

START_TEST(trace_and_connect_are_left_to_routing)
{
    ck_assert_int_eq(MAKE("REQUEST_METHOD=CONNECT", "REQUEST_URI=a:1"), 0);
    ck_assert_uint_eq(request->method, 0);
}
END_TEST

START_TEST(addresses_that_do_not_fit_are_none)
{
    ck_assert_int_eq(MAKE("REQUEST_URI=/", "REMOTE_ADDR=0123456789012345678901234567890123456789012345678901234567890",
                          "REMOTE_PORT=65536", "SERVER_PORT=x"),
                     0);
    ck_assert_str_eq(request->ngi.remote_addr, "");
    ck_assert_uint_eq(request->peer->remote_port, 0);
    ck_assert_uint_eq(request->peer->local_port, 0);
}
END_TEST

START_TEST(too_many_headers_are_for_the_request_to_refuse)
{
    char name[32];
    put("REQUEST_METHOD", "GET");
    put("REQUEST_URI", "/");
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "HTTP_H%d", i);
        put(name, "x");
    }
    ck_assert_int_eq(cgi_make(&cgi, request, false, &why), 0);
    ck_assert(request->headers_overflow);
}
END_TEST

Suite *cgi_suite(void)
{
    Suite *suite = suite_create("cgi");
    TCase *tcase = tcase_create("cgi");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_request_is_made_of_its_variables);
    tcase_add_test(tcase, headers_get_their_names_back);
    tcase_add_test(tcase, some_headers_are_left_out);
    tcase_add_test(tcase, nginx_as_it_comes);
    tcase_add_test(tcase, script_name_is_a_mount_point_where_path_info_is_the_rest);
    tcase_add_loop_test(tcase, script_name_is_no_mount_point_where, 0, 6);
    tcase_add_test(tcase, a_mount_point_of_the_operators_counts);
    tcase_add_test(tcase, without_a_uri_the_path_is_put_together);
    tcase_add_test(tcase, without_anything_else_the_path_is_document_uri);
    tcase_add_test(tcase, the_query_is_the_servers);
    tcase_add_loop_test(tcase, a_scheme_is_http_unless_it_is_said, 0, 7);
    tcase_add_loop_test(tcase, what_is_missing_or_odd_is_400, 0, 13);
    tcase_add_test(tcase, a_nul_is_400);
    tcase_add_test(tcase, trace_and_connect_are_left_to_routing);
    tcase_add_test(tcase, addresses_that_do_not_fit_are_none);
    tcase_add_test(tcase, too_many_headers_are_for_the_request_to_refuse);
    suite_add_tcase(suite, tcase);
    return suite;
}
