#include "http/cgi_tell.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/cgi.h"
#include "http/environ.h"
#include "tests/unit/suites.h"

static struct request *asked, *read_back; /* what is told; what is made of it */
static struct cgi cgi;
static struct peer peer;
static char told[8192]; /* the variables, a line each */

static void set_up(void)
{
    asked = request_new(1 << 20);
    read_back = request_new(1 << 20);
    ck_assert(asked && read_back);
    peer = (struct peer){ "192.0.2.7", "2001:db8::1", 50000, 8080, "http" };
    *told = '\0';
}

static void tear_down(void)
{
    request_free(asked);
    request_free(read_back);
}

/* "METHOD TARGET", then headers as "Name: value". */
static void ask(const char *method, const char *target, const char *const *headers)
{
    const char *why = NULL;
    ck_assert_msg(request_begin(asked, &peer, method, target, "HTTP/1.1", &why) == NGI_OK, "%s", why);
    for (; *headers; headers++) {
        const char *colon = strstr(*headers, ": ");
        size_t n = (size_t)(colon - *headers);
        const char *name = arena_copy(&asked->arena, *headers, n);
        request_add_header(asked, name, n, colon + 2, strlen(colon + 2));
    }
}
#define ASK(method, target, ...) ask(method, target, (const char *const[]){ "Host: here.example", ##__VA_ARGS__, NULL })

/* Into memory of their own: they live until it returns. */
static int put(void *arg, const char *name, size_t name_length, const char *value, size_t value_length)
{
    size_t length = strlen(told);
    (void)arg;
    cgi_put(&cgi, read_back, name, name_length, value, value_length);
    if (length + name_length + value_length + 3 < sizeof told)
        snprintf(told + length, sizeof told - length, "%.*s=%.*s\n", (int)name_length, name, (int)value_length, value);
    return NGI_OK;
}

static void tell(int64_t body_length)
{
    const char *why = NULL;
    cgi_begin(&cgi);
    ck_assert_int_eq(cgi_tell(asked, body_length, put, NULL), NGI_OK);
    ck_assert_int_eq(cgi_make(&cgi, read_back, true, &why), 0);
}

/* What a handler sees of both is the same, but for how the names of headers are written. */
static void expect_same(void)
{
    ck_assert_uint_eq(read_back->method, asked->method);
    ck_assert_str_eq(read_back->ngi.method, asked->ngi.method);
    ck_assert_str_eq(read_back->raw_target, asked->raw_target);
    ck_assert_str_eq(read_back->protocol, asked->protocol);
    ck_assert_str_eq(read_back->target.path, asked->target.path);
    ck_assert_int_eq(read_back->target.asterisk, asked->target.asterisk);
    ck_assert_pstr_eq(read_back->target.authority, asked->target.authority);
    ck_assert_str_eq(read_back->ngi.query, asked->ngi.query);
    ck_assert_str_eq(read_back->ngi.host, asked->ngi.host);
    ck_assert_str_eq(read_back->ngi.remote_addr, asked->ngi.remote_addr);
    ck_assert_str_eq(read_back->ngi.scheme, asked->ngi.scheme);
    ck_assert_str_eq(read_back->peer->local_addr, asked->peer->local_addr);
    ck_assert_uint_eq(read_back->peer->remote_port, asked->peer->remote_port);
    ck_assert_uint_eq(read_back->peer->local_port, asked->peer->local_port);
    ck_assert_uint_eq(read_back->header_count, asked->header_count);
    ck_assert(!read_back->headers_overflow);
    for (unsigned i = 0; i < asked->header_count; i++) {
        const char *name = asked->headers[i].name;
        ck_assert_pstr_eq(request_header(read_back, name), request_header(asked, name));
    }
}

START_TEST(what_is_told)
{
    ASK("PUT", "/a%20b?c", "Accept-Language: de", "content-type: text/plain", "X-9a: ", "Content-Length: 3");
    tell(3);
    ck_assert_str_eq(told, "REQUEST_METHOD=PUT\n"
                           "REQUEST_URI=/a%20b?c\n"
                           "SERVER_PROTOCOL=HTTP/1.1\n"
                           "REMOTE_ADDR=192.0.2.7\n"
                           "SERVER_ADDR=2001:db8::1\n"
                           "REMOTE_PORT=50000\n"
                           "SERVER_PORT=8080\n"
                           "REQUEST_SCHEME=http\n"
                           "CONTENT_LENGTH=3\n"
                           "HTTP_HOST=here.example\n"
                           "HTTP_ACCEPT_LANGUAGE=de\n"
                           "CONTENT_TYPE=text/plain\n"
                           "HTTP_X_9A=\n");
    expect_same();
}
END_TEST

START_TEST(a_request_that_was_told_asks_the_same)
{
    static const struct {
        const char *method, *target;
    } rows[] = {
        { "GET", "/" },
        { "HEAD", "/a//b/../c%2Fd/%C3%A4?" },
        { "POST", "/?a=1&b=%20+&a=2?/" },
        { "OPTIONS", "*" },
        { "PROPFIND", "/x" },
        { "GET", "http://there.example:81/x?y" },
        { "DELETE", "http://there.example" },
    };
    ASK(rows[_i].method, rows[_i].target);
    tell(-1);
    expect_same();
}
END_TEST

START_TEST(a_peer_that_was_told_is_the_same)
{
    static const struct peer peers[] = {
        { "2001:db8::7", "192.0.2.1", 1, 65535, "https" },
        { "unix:", "unix:", 0, 0, "http" },
        { "", "", 0, 443, "https" },
        /* As long as one can be. */
        { "0123456789012345678901234567890123456789012345", "", 0, 0, "http" },
    };
    peer = peers[_i];
    ASK("GET", "/");
    tell(-1);
    expect_same();
    ck_assert_pstr_eq(environ_get(read_back, "HTTPS"), environ_get(asked, "HTTPS"));
}
END_TEST

START_TEST(protocol_1_0_needs_no_host)
{
    const char *why;
    ck_assert_int_eq(request_begin(asked, &peer, "GET", "/", "HTTP/1.0", &why), NGI_OK);
    tell(-1);
    expect_same();
    ck_assert_uint_eq(read_back->host_count, 0);
}
END_TEST

/* --- headers ------------------------------------------------------------------------------------------------- */

START_TEST(repeated_headers_stay_repeated)
{
    ASK("GET", "/", "X-A: 1", "Cookie: a=1", "x-a: 2", "Cookie: b=2", "X-A: ");
    tell(-1);
    expect_same();
    ck_assert_str_eq(request_header(read_back, "X-A"), "1, 2, ");
    ck_assert_str_eq(request_header(read_back, "Cookie"), "a=1; b=2");
}
END_TEST

START_TEST(values_may_be_long_and_of_any_text)
{
    static char value[100000];
    memset(value, 'v', sizeof value - 1);
    ASK("GET", "/", "X-Odd: \t=\\\"%00;\xff, ");
    request_add_header(asked, "X-Long", 6, value, sizeof value - 1);
    tell(-1);
    expect_same();
}
END_TEST

START_TEST(as_many_headers_as_a_request_may_have)
{
    ASK("POST", "/", "Content-Type: text/plain", "Content-Length: 1");
    while (asked->header_count < REQUEST_HEADERS_MAX) {
        char *name = arena_alloc(&asked->arena, 16);
        int n = snprintf(name, 16, "X-%u", asked->header_count);
        request_add_header(asked, name, (size_t)n, "x", 1);
    }
    tell(1);
    expect_same();
}
END_TEST

START_TEST(a_name_may_be_long_to_a_limit)
{
    static char name[258];
    memset(name, 'n', sizeof name - 1);
    size_t n = _i ? 257 : 256;
    ASK("GET", "/");
    request_add_header(asked, name + sizeof name - 1 - n, n, "x", 1);
    if (_i) {
        cgi_begin(&cgi);
        ck_assert_int_eq(cgi_tell(asked, -1, put, NULL), NGI_ETOOBIG);
    } else {
        tell(-1);
        expect_same();
    }
}
END_TEST

/* Between NGI_* of the gateway's own, and what a client may call a header, is HTTP_. */
START_TEST(no_header_passes_for_a_variable)
{
    ASK("GET", "/", "NGI-Deadline-Us: 1", "Https: on", "Remote-Addr: evil", "Content-Length: 9",
        "Transfer-Encoding: chunked", "Proxy: evil", "Request_Uri: /evil");
    tell(-1);
    ck_assert_ptr_nonnull(strstr(told, "\nHTTP_NGI_DEADLINE_US=1\n"));
    ck_assert_ptr_null(strstr(told, "\nNGI_"));
    ck_assert_ptr_null(strstr(told, "CONTENT_LENGTH"));
    ck_assert_ptr_null(strstr(told, "TRANSFER_ENCODING"));
    ck_assert_ptr_null(strstr(told, "evil\nHTTPS"));
    ck_assert_str_eq(read_back->ngi.remote_addr, "192.0.2.7");
    ck_assert_str_eq(read_back->ngi.scheme, "http");
    ck_assert_ptr_null(request_header(read_back, "Proxy"));
    ck_assert(!read_back->chunked);
}
END_TEST

/* No variable can say them, as in a CGI environ. */
START_TEST(names_of_other_letters_are_lost)
{
    ASK("GET", "/", "X.Y: 1", "X!: 2", "X-Y: 3");
    tell(-1);
    ck_assert_uint_eq(read_back->header_count, 2);
    ck_assert_str_eq(request_header(read_back, "X-Y"), "3");
}
END_TEST

/* --- the body's length --------------------------------------------------------------------------------------- */

START_TEST(the_length_is_the_bodys)
{
    static const struct {
        int64_t length;
        const char *told;
    } rows[] = { { -1, NULL }, { 0, "0" }, { 1, "1" }, { INT64_MAX, "9223372036854775807" } };
    ASK("POST", "/", "Content-Length: 5", "Transfer-Encoding: chunked");
    tell(rows[_i].length);
    ck_assert_pstr_eq(read_back->content_length, rows[_i].told);
    ck_assert_pstr_eq(request_header(read_back, "Content-Length"), rows[_i].told);
    ck_assert(!read_back->chunked);
}
END_TEST

/* --- refusals ------------------------------------------------------------------------------------------------ */

static int put_some(void *arg, const char *name, size_t name_length, const char *value, size_t value_length)
{
    int *left = arg;
    (void)name, (void)name_length, (void)value, (void)value_length;
    return (*left)-- == 0 ? NGI_ENOMEM : NGI_OK;
}

START_TEST(an_error_of_put_ends_it)
{
    ASK("GET", "/", "Content-Type: a/b", "X-A: 1", "X-B: 2");
    for (int most = 0; most < 12; most++) {
        int left = most;
        ck_assert_int_eq(cgi_tell(asked, 5, put_some, &left), NGI_ENOMEM);
        ck_assert_int_eq(left, -1); /* and put is not called again */
    }
    int left = 13;
    ck_assert_int_eq(cgi_tell(asked, 5, put_some, &left), NGI_OK);
    ck_assert_int_eq(left, 0);
}
END_TEST

Suite *cgi_tell_suite(void)
{
    Suite *suite = suite_create("cgi_tell");
    TCase *tcase = tcase_create("cgi_tell");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_told);
    tcase_add_loop_test(tcase, a_request_that_was_told_asks_the_same, 0, 7);
    tcase_add_loop_test(tcase, a_peer_that_was_told_is_the_same, 0, 4);
    tcase_add_test(tcase, protocol_1_0_needs_no_host);
    tcase_add_test(tcase, repeated_headers_stay_repeated);
    tcase_add_test(tcase, values_may_be_long_and_of_any_text);
    tcase_add_test(tcase, as_many_headers_as_a_request_may_have);
    tcase_add_loop_test(tcase, a_name_may_be_long_to_a_limit, 0, 2);
    tcase_add_test(tcase, no_header_passes_for_a_variable);
    tcase_add_test(tcase, names_of_other_letters_are_lost);
    tcase_add_loop_test(tcase, the_length_is_the_bodys, 0, 4);
    tcase_add_test(tcase, an_error_of_put_ends_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
