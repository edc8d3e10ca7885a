#include "http/cgi_response.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/head.h"
#include "tests/unit/suites.h"

static struct request *made, *read_back; /* what is written; what is made of it */
static struct buffer head;

static void set_up(void)
{
    made = request_new(1 << 20);
    read_back = request_new(1 << 20);
    ck_assert(made && read_back);
    made->method = NGI_GET;
    buffer_init(&head, SIZE_MAX);
}

static void tear_down(void)
{
    request_free(made);
    request_free(read_back);
    buffer_free(&head);
}

static struct cgi_body body;

/* In memory of its own: a sanitizer sees who goes beyond. */
static int read_head(const char *text, size_t n)
{
    char *own = malloc(n);
    ck_assert_ptr_nonnull(own);
    memcpy(own, text, n);
    response_reset(&read_back->response);
    int rc = cgi_response_read(&read_back->response, &body, own, n);
    free(own);
    return rc;
}

/* --- there and back ------------------------------------------------------------------------------------------ */

static void round_trip(void)
{
    const struct response *there = &made->response, *back = &read_back->response;
    ck_assert_int_eq(head_write(&head, "Status:", made), NGI_OK);
    for (size_t n = 0; n < head.length; n++)
        ck_assert_uint_eq(cgi_response_head(head.data, n), 0);
    size_t length = head.length;
    ck_assert_int_eq(buffer_append(&head, "body\r\n\r\n", 8), NGI_OK);
    ck_assert_uint_eq(cgi_response_head(head.data, head.length), length);
    ck_assert_int_eq(read_head(head.data, length), NGI_OK);
    ck_assert_int_eq(back->status, there->status);
    ck_assert_pstr_eq(back->type, there->type);
    const struct response_header *a = there->headers, *b = back->headers;
    for (; a && b; a = a->next, b = b->next) {
        ck_assert_str_eq(b->field.name, a->field.name);
        ck_assert_str_eq(b->field.value, a->field.value);
    }
    ck_assert(!a && !b);
}

START_TEST(a_head_comes_back_as_it_was)
{
    struct response *response = &made->response;
    ck_assert_int_eq(response_status(response, 404), NGI_OK);
    ck_assert_int_eq(response_set_type(response, "text/html; charset=utf-8"), NGI_OK);
    ck_assert_int_eq(response_add_header(response, "Set-Cookie", "a=1; Path=/"), NGI_OK);
    ck_assert_int_eq(response_add_header(response, "set-cookie", "b=2"), NGI_OK);
    ck_assert_int_eq(response_add_header(response, "X-Empty", ""), NGI_OK);
    ck_assert_int_eq(response_add_header(response, "X-Odd", "a: b:\tc\xff "), NGI_OK);
    ck_assert_int_eq(response_add_header(response, "Location", "http://[::1]:80/"), NGI_OK);
    ck_assert_int_eq(response_write(response, "hello", 5), NGI_OK);
    round_trip();
    ck_assert_int_eq(read_back->response.declared, 5);
}
END_TEST

START_TEST(every_status_comes_back)
{
    for (int status = 200; status < 600; status++) {
        buffer_reset(&head, SIZE_MAX);
        response_reset(&made->response);
        ck_assert_int_eq(response_status(&made->response, status), NGI_OK);
        round_trip();
        ck_assert_int_eq(read_back->response.declared, status == 204 || status == 304 ? -1 : 0);
    }
}
END_TEST

static int64_t nothing(void *arg, void *buf, size_t n)
{
    (void)arg, (void)buf, (void)n;
    return 0;
}

START_TEST(a_length_comes_back_where_it_is_known)
{
    static const int64_t lengths[] = { -1, 0, INT64_MAX };
    ck_assert_int_eq(response_status(&made->response, 200), NGI_OK);
    ck_assert_int_eq(response_send_stream(&made->response, nothing, NULL, NULL), NGI_OK);
    made->response.declared = lengths[_i];
    round_trip();
    ck_assert_int_eq(read_back->response.declared, lengths[_i]);
}
END_TEST

START_TEST(a_head_alone_declares_what_does_not_follow)
{
    made->method = NGI_HEAD;
    ck_assert_int_eq(response_status(&made->response, 200), NGI_OK);
    ck_assert_int_eq(response_set_header(&made->response, "Content-Length", "1000"), NGI_OK);
    round_trip();
    ck_assert_int_eq(read_back->response.declared, 1000);
}
END_TEST

/* For CGI it is the status; for us, and for a handler on a thread, it is a header like any other. */
START_TEST(a_header_called_status_is_no_status)
{
    ck_assert_int_eq(response_status(&made->response, 200), NGI_OK);
    ck_assert_int_eq(response_add_header(&made->response, "Status", "404 Not Found"), NGI_OK);
    round_trip();
    ck_assert_int_eq(read_back->response.status, 200);
}
END_TEST

/* --- what is no head ----------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    size_t length;
    int rc;
} refused[] = {
#define ROW(text, rc) { text, sizeof(text) - 1, rc }
    /* no status, or none that may be sent */
    ROW("\r\n\r\n", NGI_EPARSE),
    ROW("X: y\r\n\r\n", NGI_EPARSE),
    ROW("X: y\r\nStatus: 200 OK\r\n\r\n", NGI_EPARSE),
    ROW("status: 200 OK\r\n\r\n", NGI_EPARSE),
    ROW("HTTP/1.1 200 OK\r\n\r\n", NGI_EPARSE),
    ROW("Status:\r\n\r\n", NGI_EPARSE),
    ROW("Status: \r\n\r\n", NGI_EPARSE),
    ROW("Status: 20\r\n\r\n", NGI_EPARSE),
    ROW("Status: 20x\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200x\r\n\r\n", NGI_EPARSE),
    ROW("Status: +20\r\n\r\n", NGI_EPARSE),
    ROW("Status: 1000\r\n\r\n", NGI_EPARSE),
    ROW("Status: 99\r\n\r\n", NGI_EPARSE),
    ROW("Status: 099 Low\r\n\r\n", NGI_EINVAL),
    ROW("Status: 100 Continue\r\n\r\n", NGI_EINVAL),
    ROW("Status: 101 Switching Protocols\r\n\r\n", NGI_EINVAL),
    ROW("Status: 600 High\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200 O\nK\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200 O\rK\r\n\r\n", NGI_EPARSE),
    /* bytes that would end a line, or a string, for somebody else */
    ROW("Status: 200\r\nX: a\nInjected: b\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nX: a\rInjected: b\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\nX: a\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200\r\nX: a\0b\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200\0\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200\r\nX: \x7f\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nContent-Type: a\nb\r\n\r\n", NGI_EINVAL),
    /* no header */
    ROW("Status: 200\r\nno colon\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200\r\n: nameless\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nX : y\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nX: y\r\n folded: z\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nX: y\r\n folded\r\n\r\n", NGI_EPARSE),
    ROW("Status: 200\r\nX(: y\r\n\r\n", NGI_EINVAL),
    /* the gateway's own */
    ROW("Status: 200\r\nConnection: close\r\n\r\n", NGI_EPERM),
    ROW("Status: 200\r\nkeep-alive: 1\r\n\r\n", NGI_EPERM),
    ROW("Status: 200\r\nTransfer-Encoding: chunked\r\n\r\n", NGI_EPERM),
    ROW("Status: 200\r\nTRAILER: x\r\n\r\n", NGI_EPERM),
    ROW("Status: 200\r\nUpgrade: x\r\n\r\n", NGI_EPERM),
    /* no length */
    ROW("Status: 200\r\nContent-Length: \r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nContent-Length: -1\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nContent-Length: 1x\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nContent-Length: 9223372036854775808\r\n\r\n", NGI_EINVAL),
    ROW("Status: 200\r\nContent-Length: 99999999999999999999\r\n\r\n", NGI_EINVAL),
#undef ROW
};
enum { REFUSED = sizeof refused / sizeof *refused };

START_TEST(what_no_handler_may_send_is_refused)
{
    ck_assert_uint_eq(cgi_response_head(refused[_i].text, refused[_i].length), refused[_i].length);
    ck_assert_int_eq(read_head(refused[_i].text, refused[_i].length), refused[_i].rc);
}
END_TEST

START_TEST(the_shortest_head_is_enough)
{
    ck_assert_int_eq(read_head("Status: 200\r\n\r\n", 15), NGI_OK);
    ck_assert_int_eq(read_back->response.status, 200);
    ck_assert_ptr_null(read_back->response.headers);
    ck_assert_ptr_null(read_back->response.type);
    ck_assert_int_eq(read_back->response.declared, -1);
}
END_TEST

START_TEST(headers_that_are_too_long_are_refused)
{
    ck_assert_int_eq(buffer_printf(&head, "Status: 200 OK\r\n"), NGI_OK);
    while (head.length < 300 * 1024)
        ck_assert_int_eq(buffer_printf(&head, "X: %01000d\r\n", 0), NGI_OK);
    ck_assert_int_eq(buffer_printf(&head, "\r\n"), NGI_OK);
    ck_assert_int_eq(read_head(head.data, head.length), NGI_ETOOBIG);
}
END_TEST

/* Only an empty line ends it, and that is not two bare line feeds, nor a mixture. */
START_TEST(other_ends_are_none)
{
    static const char *const texts[] = { "", "\r\n", "Status: 200\n\n", "Status: 200\r\n\n", "Status: 200\n\r\n",
                                         "Status: 200\r\r\n\n", "Status: 200\r\n\r" };
    ck_assert_uint_eq(cgi_response_head(texts[_i], strlen(texts[_i])), 0);
}
END_TEST

START_TEST(a_body_may_be_told_of_before_the_status)
{
    static const struct {
        const char *line;
        int rc;
        struct cgi_body body;
    } cases[] = {
        { "", NGI_OK, { CGI_BODY_FOLLOWS, 0, 0 } },
        { "Body: stream\r\n", NGI_OK, { CGI_BODY_STREAM, 0, 0 } },
        { "Body: file 0 0\r\n", NGI_OK, { CGI_BODY_FILE, 0, 0 } },
        { "Body: file 12 345678901234\r\n", NGI_OK, { CGI_BODY_FILE, 12, 345678901234 } },
        { "Body: file\r\n", NGI_EPARSE, { 0 } },
        { "Body: file 1\r\n", NGI_EPARSE, { 0 } },
        { "Body: file -1 2\r\n", NGI_EPARSE, { 0 } },
        { "Body: file 1 -2\r\n", NGI_EPARSE, { 0 } },
        { "Body: file 1 2 3\r\n", NGI_EPARSE, { 0 } },
        { "Body: file 99999999999999999999 2\r\n", NGI_EPARSE, { 0 } },
        { "Body: streams\r\n", NGI_EPARSE, { 0 } },
        { "Body: \r\n", NGI_EPARSE, { 0 } },
        { "Body: stream\r\nBody: stream\r\n", NGI_EPARSE, { 0 } },
        { "X: y\r\n", NGI_EPARSE, { 0 } },
    };
    char text[256];
    snprintf(text, sizeof text, "%sStatus: 200 OK\r\n\r\n", cases[_i].line);
    ck_assert_int_eq(read_head(text, strlen(text)), cases[_i].rc);
    if (cases[_i].rc != NGI_OK)
        return;
    ck_assert_int_eq(body.kind, cases[_i].body.kind);
    ck_assert_int_eq(body.offset, cases[_i].body.offset);
    ck_assert_int_eq(body.length, cases[_i].body.length);
}
END_TEST

START_TEST(after_the_status_it_is_a_header)
{
    static const char text[] = "Status: 200 OK\r\nBody: stream\r\n\r\n";
    ck_assert_int_eq(read_head(text, strlen(text)), NGI_OK);
    ck_assert_int_eq(body.kind, CGI_BODY_FOLLOWS);
    ck_assert_str_eq(response_get_header(&read_back->response, "Body"), "stream");
}
END_TEST

Suite *cgi_response_suite(void)
{
    Suite *suite = suite_create("cgi_response");
    TCase *tcase = tcase_create("cgi_response");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_head_comes_back_as_it_was);
    tcase_add_test(tcase, every_status_comes_back);
    tcase_add_loop_test(tcase, a_length_comes_back_where_it_is_known, 0, 3);
    tcase_add_test(tcase, a_head_alone_declares_what_does_not_follow);
    tcase_add_test(tcase, a_header_called_status_is_no_status);
    tcase_add_loop_test(tcase, what_no_handler_may_send_is_refused, 0, REFUSED);
    tcase_add_test(tcase, the_shortest_head_is_enough);
    tcase_add_test(tcase, headers_that_are_too_long_are_refused);
    tcase_add_loop_test(tcase, other_ends_are_none, 0, 7);
    tcase_add_loop_test(tcase, a_body_may_be_told_of_before_the_status, 0, 14);
    tcase_add_test(tcase, after_the_status_it_is_a_header);
    suite_add_tcase(suite, tcase);
    return suite;
}
