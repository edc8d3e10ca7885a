#include "http/response.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

enum { MOST = 1000 };

static struct arena arena;
static struct response response;

static void set_up(void)
{
    arena_init(&arena, 0);
    response_init(&response, &arena, MOST);
}

static void tear_down(void)
{
    response_free(&response);
    arena_free(&arena);
}

#define HEADERS(...)                                                                                                   \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }

/* The list of headers as "Name=value|…". */
static void assert_headers(const char *expected)
{
    char text[512] = "";
    size_t size = 0;
    for (const struct response_header *header = response.headers; header; header = header->next) {
        const struct field *field = &header->field;
        ck_assert_uint_eq(field->name_length, strlen(field->name));
        ck_assert_uint_eq(field->value_length, strlen(field->value));
        size += field->name_length + field->value_length + 4; /* ": " and CR LF */
        strcat(strcat(strcat(strcat(text, field->name), "="), field->value), "|");
    }
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(response.head_size, size);
}

static void assert_text(const char *text)
{
    ck_assert_int_eq(response.kind, RESPONSE_TEXT);
    ck_assert_uint_eq(response.text.length, strlen(text));
    ck_assert(*text == '\0' || memcmp(response.text.data, text, strlen(text)) == 0);
    ck_assert_int_eq(response_length(&response), (int64_t)strlen(text));
}

__attribute__((format(printf, 1, 2))) static int print(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = response_vprintf(&response, fmt, ap);
    va_end(ap);
    return rc;
}

static int write_text(const char *text)
{
    return response_write(&response, text, strlen(text));
}

/* --- status and headers ------------------------------------------------------------------------------------- */

START_TEST(a_status_is_one_of_200_to_599)
{
    static const int bad[] = { -1, 0, 99, 100, 199, 600, 1000 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_int_eq(response_status(&response, bad[i]), NGI_EINVAL);
    ck_assert(!response.touched);
    ck_assert_int_eq(response_status(&response, 200), NGI_OK);
    ck_assert_int_eq(response_status(&response, 599), NGI_OK);
    ck_assert_int_eq(response.status, 599);
    ck_assert(response.touched);
}
END_TEST

START_TEST(headers_keep_their_order)
{
    ck_assert_int_eq(response_set_header(&response, "A", "1"), NGI_OK);
    ck_assert_int_eq(response_add_header(&response, "Set-Cookie", "x"), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "B", ""), NGI_OK);
    ck_assert_int_eq(response_add_header(&response, "set-cookie", "y"), NGI_OK);
    assert_headers("A=1|Set-Cookie=x|B=|set-cookie=y|"); /* RFC 9110 section 5.3: Set-Cookie is never joined */
    ck_assert_str_eq(response_get_header(&response, "SET-COOKIE"), "x");
    ck_assert_ptr_null(response_get_header(&response, "C"));
}
END_TEST

START_TEST(setting_replaces_every_header_of_that_name)
{
    static const char *const names[] = { "X", "A", "x", "B", "X" };
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(response_add_header(&response, names[i], "1"), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "x", "2"), NGI_OK);
    assert_headers("A=1|B=1|x=2|");
    ck_assert_int_eq(response_set_header(&response, "B", NULL), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "x", NULL), NGI_OK); /* the last: appending must still work */
    ck_assert_int_eq(response_set_header(&response, "x", NULL), NGI_OK);
    assert_headers("A=1|");
    ck_assert_int_eq(response_add_header(&response, "C", "3"), NGI_OK);
    assert_headers("A=1|C=3|");
}
END_TEST

/* RFC 9110 sections 5.1, 5.5 and 7.6.1: what would split a response, and what is the connection's. */
static const struct {
    const char *name, *value;
    int rc;
} headers[] = {
    { "X", "a\tb \x80\xff", NGI_OK },
    { "!#$%&'*+-.^_`|~09", "", NGI_OK },
    { "X", "a\r\nSet-Cookie: b", NGI_EINVAL },
    { "X", "a\n", NGI_EINVAL },
    { "X", "\r", NGI_EINVAL },
    { "X", "\x1b", NGI_EINVAL },
    { "X", "\x7f", NGI_EINVAL },
    { "Content-Type", "a\nb", NGI_EINVAL },
    { "", "a", NGI_EINVAL },
    { "X Y", "a", NGI_EINVAL },
    { "X:", "a", NGI_EINVAL },
    { "X\r\n", "a", NGI_EINVAL },
    { "\xc3\xa9", "a", NGI_EINVAL },
    { NULL, "a", NGI_EINVAL },
    { "Connection", "close", NGI_EPERM },
    { "keep-alive", "a", NGI_EPERM },
    { "Proxy-Connection", "a", NGI_EPERM },
    { "TE", "a", NGI_EPERM },
    { "Trailer", "a", NGI_EPERM },
    { "TRANSFER-ENCODING", "chunked", NGI_EPERM },
    { "Upgrade", "a", NGI_EPERM },
};

START_TEST(what_is_no_header_or_not_the_handlers_is_refused)
{
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        bool good = headers[i].rc == NGI_OK;
        response_reset(&response);
        ck_assert_msg(response_set_header(&response, headers[i].name, headers[i].value) == headers[i].rc, "%zu", i);
        ck_assert_int_eq(response.headers != NULL, good);
        ck_assert_msg(response.touched == good, "%zu: a call that failed has set nothing", i);
        response_reset(&response);
        ck_assert_int_eq(response_add_header(&response, headers[i].name, headers[i].value), headers[i].rc);
        ck_assert_int_eq(response.headers != NULL, good);
        ck_assert_ptr_null(response.type);
    }
    ck_assert_int_eq(response_add_header(&response, "X", NULL), NGI_EINVAL);
}
END_TEST

START_TEST(a_content_type_is_one)
{
    ck_assert_int_eq(response_set_header(&response, "content-TYPE", "text/css"), NGI_OK);
    ck_assert_int_eq(response_add_header(&response, "Content-Type", "text/plain"), NGI_OK);
    ck_assert_str_eq(response.type, "text/plain");
    assert_headers("");
    ck_assert_int_eq(response_set_header(&response, "Content-Type", NULL), NGI_OK);
    ck_assert_ptr_null(response.type);
}
END_TEST

START_TEST(too_large_a_head_is_refused_and_what_was_there_stays)
{
    size_t size = 300 * 1024;
    char *value = malloc(size + 1);
    memset(value, 'v', size);
    value[size] = '\0';
    ck_assert_int_eq(response_set_header(&response, "X", "old"), NGI_OK);
    ck_assert_int_eq(response_add_header(&response, "X", value), NGI_ETOOBIG);
    ck_assert_int_eq(response_set_header(&response, "Content-Type", value), NGI_ETOOBIG);
    ck_assert_int_eq(response_set_header(&response, "X", value), NGI_ETOOBIG);
    assert_headers("X=old|");
    value[10000] = '\0';
    int rc = NGI_OK;
    for (int i = 0; i < 100 && rc == NGI_OK; i++)
        rc = response_add_header(&response, "Y", value);
    ck_assert_int_eq(rc, NGI_ETOOBIG);
    ck_assert_int_eq(response_set_header(&response, "Y", NULL), NGI_OK); /* room again */
    ck_assert_int_eq(response_add_header(&response, "Y", value), NGI_OK);
    free(value);
}
END_TEST

/* --- Content-Length ------------------------------------------------------------------------------------------ */

START_TEST(content_length_is_a_number)
{
    static const struct {
        const char *value;
        int64_t declared;
    } cases[] = {
        { "0", 0 },
        { "5", 5 },
        { "9223372036854775807", INT64_MAX },
        { "9223372036854775808", -1 },
        { "-1", -1 },
        { "", -1 },
        { "5 ", -1 },
        { "+5", -1 },
        { "5, 5", -1 },
        { "0x5", -1 },
        { "-0", -1 }, /* RFC 9110 section 8.6: digits */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        response_reset(&response);
        int rc = response_set_header(&response, "content-length", cases[i].value);
        ck_assert_msg(rc == (cases[i].declared < 0 ? NGI_EINVAL : NGI_OK), "%s", cases[i].value);
        ck_assert_msg(response.declared == cases[i].declared, "%s", cases[i].value);
        assert_headers(""); /* it is never in the list: one more would be two */
    }
}
END_TEST

START_TEST(a_body_keeps_to_its_declared_length)
{
    ck_assert_int_eq(response_add_header(&response, "Content-Length", "5"), NGI_OK);
    ck_assert_int_eq(write_text("123"), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "Content-Length", "2"), NGI_ELENGTH);
    ck_assert_int_eq(response.declared, 5);
    ck_assert_int_eq(write_text("456"), NGI_ELENGTH);
    assert_text("123");
    ck_assert_int_eq(print("%s", "4567"), NGI_ELENGTH);
    assert_text("123");
    ck_assert_int_eq(print("%d", 45), NGI_OK);
    assert_text("12345");
    ck_assert_int_eq(response.failed, NGI_ELENGTH); /* it sticks */
    ck_assert_int_eq(response_set_header(&response, "Content-Length", NULL), NGI_OK);
    ck_assert_int_eq(response.declared, -1);
    ck_assert_int_eq(write_text("6"), NGI_OK);
}
END_TEST

/* --- body ---------------------------------------------------------------------------------------------------- */

START_TEST(pieces_add_up)
{
    ck_assert_int_eq(response_write(&response, NULL, 0), NGI_OK);
    ck_assert(response.touched);
    ck_assert_int_eq(response_write(&response, NULL, 1), NGI_EINVAL);
    ck_assert_int_eq(write_text("a"), NGI_OK);
    ck_assert_int_eq(print("%s%d", "b", 1), NGI_OK);
    assert_text("ab1");
    ck_assert_int_eq(response.failed, NGI_OK);
}
END_TEST

/* --- start_response ------------------------------------------------------------------------------------------- */

START_TEST(a_status_line_is_a_status_and_a_phrase)
{
    static const struct {
        const char *line;
        int status;
    } cases[] = {
        { "200 OK", 200 },
        { "404 Not Found", 404 },
        { "599 ", 599 },
        { "204", 204 },
        { "299 \xc3\xa9t\xc3\xa9", 299 },
        { "", 0 },
        { "20", 0 },
        { "2000", 0 },
        { "200OK", 0 },
        { "200\tOK", 0 },
        { " 200 OK", 0 },
        { "OK", 0 },
        { "199 x", 0 },
        { "600 x", 0 },
        { "100 Continue", 0 },
        { "-20 x", 0 },
        { "200 O\r\nK", 0 },
        { "200 \n", 0 },
        { NULL, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        response_reset(&response);
        int rc = response_start(&response, cases[i].line, NULL);
        ck_assert_msg(rc == (cases[i].status ? NGI_OK : NGI_EINVAL), "%s", cases[i].line);
        ck_assert_int_eq(response.status, cases[i].status);
        ck_assert_int_eq(response.touched, cases[i].status != 0);
    }
}
END_TEST

/* PEP 3333: a second call before the first byte takes the place of the first. */
START_TEST(start_replaces_everything)
{
    ck_assert_int_eq(response_start(&response, "200 OK", HEADERS("A", "1", "Content-Length", "3")), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "Content-Type", "a/b"), NGI_OK);
    ck_assert_int_eq(write_text("abc"), NGI_OK);
    response.conditional = true;
    ck_assert_int_eq(response_start(&response, "404 Gone", HEADERS("B", "2", "B", "3")), NGI_OK);
    ck_assert_int_eq(response.status, 404);
    assert_headers("B=2|B=3|");
    assert_text("");
    ck_assert_int_eq(response.declared, -1);
    ck_assert_ptr_null(response.type);
    ck_assert(!response.conditional);
    ck_assert_int_eq(response_start(&response, "200 OK", HEADERS("Content-Length", "1")), NGI_OK);
    assert_headers("");
    ck_assert_int_eq(response.declared, 1);
}
END_TEST

static const char *const bad_lists[][8] = {
    { "A", "1", "Bad Name", "2", NULL },
    { "A", "1\n", NULL },
    { "A", "1", "Connection", "close", NULL },
    { "B", "2", "A", NULL, NULL },
    { "Content-Type", "x/y", "Content-Length", "one", NULL },
};

START_TEST(on_an_error_nothing_has_changed)
{
    ck_assert_int_eq(response_start(&response, "201 Created", HEADERS("Old", "1", "Content-Type", "a/b")), NGI_OK);
    ck_assert_int_eq(response_add_header(&response, "Old", "2"), NGI_OK);
    ck_assert_int_eq(response_set_header(&response, "Content-Length", "9"), NGI_OK);
    ck_assert_int_eq(write_text("body"), NGI_OK);
    for (size_t i = 0; i < sizeof bad_lists / sizeof *bad_lists; i++) {
        ck_assert_int_eq(response_start(&response, "500 No", bad_lists[i]), i == 2 ? NGI_EPERM : NGI_EINVAL);
        ck_assert_int_eq(response.status, 201);
        ck_assert_int_eq(response.declared, 9);
        ck_assert_str_eq(response.type, "a/b");
        assert_headers("Old=1|Old=2|");
        assert_text("body");
    }
    ck_assert_int_eq(response_start(&response, "oops", HEADERS("B", "2")), NGI_EINVAL);
    assert_text("body");
    ck_assert_int_eq(response_add_header(&response, "New", "3"), NGI_OK); /* the list is whole */
    assert_headers("Old=1|Old=2|New=3|");
    ck_assert_int_eq(write_text(" goes"), NGI_OK);
    assert_text("body goes");
}
END_TEST

START_TEST(out_of_memory_nothing_has_changed)
{
    struct arena small;
    arena_init(&small, 4096);
    response_init(&response, &small, MOST);
    ck_assert_int_eq(response_set_header(&response, "Old", "1"), NGI_OK);
    while (arena_alloc(&small, 64))
        ;
    ck_assert_int_eq(response_start(&response, "500 No", HEADERS("A", "a value of more than sixteen bytes")),
                     NGI_ENOMEM);
    assert_headers("Old=1|");
    ck_assert_int_eq(response_set_header(&response, "Old", "a value of more than sixteen bytes"), NGI_ENOMEM);
    assert_headers("Old=1|");
    response_free(&response);
    arena_free(&small);
    response_init(&response, &arena, MOST);
}
END_TEST

Suite *response_suite(void)
{
    Suite *suite = suite_create("response");
    TCase *tests = tcase_create("response");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_status_is_one_of_200_to_599);
    tcase_add_test(tests, headers_keep_their_order);
    tcase_add_test(tests, setting_replaces_every_header_of_that_name);
    tcase_add_test(tests, what_is_no_header_or_not_the_handlers_is_refused);
    tcase_add_test(tests, a_content_type_is_one);
    tcase_add_test(tests, too_large_a_head_is_refused_and_what_was_there_stays);
    tcase_add_test(tests, content_length_is_a_number);
    tcase_add_test(tests, a_body_keeps_to_its_declared_length);
    tcase_add_test(tests, pieces_add_up);
    tcase_add_test(tests, a_status_line_is_a_status_and_a_phrase);
    tcase_add_test(tests, start_replaces_everything);
    tcase_add_test(tests, on_an_error_nothing_has_changed);
    tcase_add_test(tests, out_of_memory_nothing_has_changed);
    suite_add_tcase(suite, tests);
    return suite;
}
