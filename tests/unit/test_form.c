#include "http/request.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

#define MULTIPART "multipart/form-data; boundary=b"
#define PART(name, data) "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n" data "\r\n"
#define FILE_PART(name, file, data) PART(name "; filename=" file, data)

static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
static const struct body_limits limits = { 64 << 20, 1 << 20, "/tmp" };
static struct request *request;

static void set_up(void)
{
    request = request_new(1 << 20);
}

static void tear_down(void)
{
    request_free(request);
}

/* A request with that type (NULL: none) and body. */
static void given(const char *type, const char *body, size_t n)
{
    const char *why;
    request_reset(request);
    ck_assert_int_eq(request_begin(request, &peer, "POST", "/", "HTTP/1.1", &why), NGI_OK);
    if (type)
        request_add_header(request, "Content-Type", 12, type, strlen(type));
    ck_assert_int_eq(body_append(&request->body, &limits, body, n), NGI_OK);
}

static int parse(const char *type, const char *body)
{
    given(type, body, strlen(body));
    return request_parse_form(request);
}

static void assert_field(const char *name, const char *value)
{
    const char *found = pairs_get(&request->form, name);
    ck_assert_msg(found && strcmp(found, value) == 0, "%s is %s", name, found ? found : "absent");
}

static void assert_empty(void)
{
    ck_assert_ptr_null(request->form.first);
    ck_assert_uint_eq(request->form.count, 0);
    ck_assert_ptr_null(request->uploads);
    ck_assert_ptr_eq(request->uploads_end, &request->uploads);
}

START_TEST(a_simple_form_is_decoded)
{
    ck_assert_int_eq(parse("application/x-www-form-urlencoded", "a=1&b=x+y%21&a=2&c"), NGI_OK);
    assert_field("a", "1");
    assert_field("b", "x y!");
    assert_field("c", "");
    ck_assert_uint_eq(request->form.count, 4);
    ck_assert_ptr_null(request->uploads);
}
END_TEST

START_TEST(types_are_known_in_any_case_and_with_parameters)
{
    static const struct {
        const char *type;
        int rc;
    } cases[] = {
        { "application/x-www-form-urlencoded; charset=UTF-8", NGI_OK },
        { "APPLICATION/X-WWW-FORM-URLENCODED", NGI_OK },
        { "application/x-www-form-urlencoded ;a=b", NGI_OK },
        { "application/x-www-form-urlencodedx", NGI_ENOENT },
        { "application/x-www-form-urlencode", NGI_ENOENT },
        { "text/plain", NGI_ENOENT },
        { "application/json", NGI_ENOENT },
        { "", NGI_ENOENT },
        { NULL, NGI_ENOENT },
        { "multipart/mixed; boundary=b", NGI_ENOENT },
        { "multipart/form-data", NGI_EPARSE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(parse(cases[i].type, "a=1") == cases[i].rc, "%s", cases[i].type);
        if (cases[i].rc == NGI_OK)
            assert_field("a", "1");
        else
            assert_empty();
    }
}
END_TEST

START_TEST(an_empty_form_is_a_form)
{
    ck_assert_int_eq(parse("application/x-www-form-urlencoded", ""), NGI_OK);
    assert_empty();
    ck_assert_int_eq(parse(MULTIPART, "--b--\r\n"), NGI_OK);
    assert_empty();
}
END_TEST

/* RFC 7578 section 4.2; a part without a type is text/plain, a file without one is bytes. */
START_TEST(fields_and_files_are_kept_apart)
{
    ck_assert_int_eq(
        parse(MULTIPART, PART("a", "1") FILE_PART("f", "x.bin", "data") PART("b", "")
                             FILE_PART("g", "\"C:\\\\dir\\\\y.txt\"\r\nContent-Type: text/css", "body{}") "--b--\r\n"),
        NGI_OK);
    assert_field("a", "1");
    assert_field("b", "");
    ck_assert_uint_eq(request->form.count, 2);
    const struct upload *upload = request->uploads;
    ck_assert_str_eq(upload->name, "f");
    ck_assert_str_eq(upload->file.filename, "x.bin");
    ck_assert_str_eq(upload->file.type, "application/octet-stream");
    ck_assert_uint_eq(upload->file.length, 4);
    ck_assert_mem_eq(upload->file.data, "data", 4);
    upload = upload->next;
    ck_assert_str_eq(upload->name, "g");
    ck_assert_str_eq(upload->file.filename, "y.txt"); /* never a path: RFC 7578 section 4.2 */
    ck_assert_str_eq(upload->file.type, "text/css");
    ck_assert_ptr_null(upload->next);
}
END_TEST

START_TEST(a_file_may_hold_a_nul)
{
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\na\0b\r\n--b--\r\n";
    given(MULTIPART, body, sizeof body - 1);
    ck_assert_int_eq(request_parse_form(request), NGI_OK);
    ck_assert_uint_eq(request->uploads->file.length, 3);
    ck_assert_mem_eq(request->uploads->file.data, "a\0b", 3);
}
END_TEST

/* A field is a string: with a NUL it would read as a shorter one. */
START_TEST(a_field_with_a_nul_is_malformed)
{
    static const char body[] =
        PART("good", "1") "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\0y\r\n--b--\r\n";
    given(MULTIPART, body, sizeof body - 1);
    ck_assert_int_eq(request_parse_form(request), NGI_EPARSE);
    assert_empty();
}
END_TEST

START_TEST(half_a_form_is_no_form)
{
    static const char *const bodies[] = {
        PART("a", "1"),                                                         /* cut short */
        PART("a", "1") FILE_PART("f", "x", "y") "--b\r\n",                      /* behind a file */
        PART("a", "1") "--b\r\nContent-Type: text/plain\r\n\r\nz\r\n--b--\r\n", /* a part without a name */
        "",
        "a=1",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        ck_assert_msg(parse(MULTIPART, bodies[i]) == NGI_EPARSE, "%zu", i);
        assert_empty();
        ck_assert_int_eq(request_parse_form(request), NGI_EPARSE); /* and stays so */
    }
}
END_TEST

static int parse_simple(int count)
{
    char *body = malloc((size_t)count * 8 + 1), *at = body;
    for (int i = 0; i < count; i++)
        at += sprintf(at, "p%d=&", i);
    int rc = parse("application/x-www-form-urlencoded", body);
    free(body);
    return rc;
}

START_TEST(a_form_has_so_many_fields_and_no_more)
{
    ck_assert_int_eq(parse_simple(REQUEST_PAIRS_MAX), NGI_OK);
    ck_assert_uint_eq(request->form.count, REQUEST_PAIRS_MAX);
    ck_assert_int_eq(parse_simple(REQUEST_PAIRS_MAX + 1), NGI_ETOOBIG);
    assert_empty();
}
END_TEST

/* `count` parts of the same text, then the end. */
static int parse_parts(const char *part, int count)
{
    size_t n = strlen(part);
    char *body = malloc(n * (size_t)count + 8), *at = body;
    for (int i = 0; i < count; i++)
        at = stpcpy(at, part);
    strcpy(at, "--b--\r\n");
    int rc = parse(MULTIPART, body);
    free(body);
    return rc;
}

START_TEST(a_form_has_so_many_parts_and_no_more)
{
    ck_assert_int_eq(parse_parts(PART("a", "1"), REQUEST_PAIRS_MAX), NGI_OK);
    ck_assert_int_eq(parse_parts(PART("a", "1"), REQUEST_PAIRS_MAX + 1), NGI_ETOOBIG);
    assert_empty();
    ck_assert_int_eq(parse_parts(FILE_PART("a", "x", "1"), REQUEST_PAIRS_MAX), NGI_OK);
    ck_assert_int_eq(parse_parts(FILE_PART("a", "x", "1"), REQUEST_PAIRS_MAX + 1), NGI_ETOOBIG);
    assert_empty();
}
END_TEST

/* A body that was spilled to a file is mapped, and its files lie in the map. */
START_TEST(a_large_form_is_read_from_its_file)
{
    enum { SIZE = 3 << 20 };
    static const char head[] = "--b\r\nContent-Disposition: form-data; name=f; filename=x\r\n\r\n",
                      tail[] = "\r\n--b--\r\n";
    char *body = malloc(sizeof head + SIZE + sizeof tail), *at = mempcpy(body, head, sizeof head - 1);
    memset(at, 'x', SIZE);
    at = mempcpy(at + SIZE, tail, sizeof tail - 1);
    given(MULTIPART, body, (size_t)(at - body));
    free(body);
    ck_assert_int_ge(request->body.fd, 0);
    ck_assert_int_eq(request_parse_form(request), NGI_OK);
    ck_assert_uint_eq(request->uploads->file.length, SIZE);
    ck_assert_int_eq(((const char *)request->uploads->file.data)[SIZE - 1], 'x');
    ck_assert_uint_lt(request->arena.total, 1 << 16);
}
END_TEST

START_TEST(the_next_request_starts_without_a_form)
{
    ck_assert_int_eq(parse("application/x-www-form-urlencoded", "a=1"), NGI_OK);
    ck_assert_int_eq(parse(MULTIPART, FILE_PART("f", "x", "y") "--b--\r\n"), NGI_OK);
    ck_assert_uint_eq(request->form.count, 0);
    ck_assert_int_eq(parse("text/plain", "a=1"), NGI_ENOENT);
    assert_empty();
}
END_TEST

Suite *form_suite(void)
{
    Suite *suite = suite_create("form");
    TCase *tests = tcase_create("form");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_simple_form_is_decoded);
    tcase_add_test(tests, types_are_known_in_any_case_and_with_parameters);
    tcase_add_test(tests, an_empty_form_is_a_form);
    tcase_add_test(tests, fields_and_files_are_kept_apart);
    tcase_add_test(tests, a_file_may_hold_a_nul);
    tcase_add_test(tests, a_field_with_a_nul_is_malformed);
    tcase_add_test(tests, half_a_form_is_no_form);
    tcase_add_test(tests, a_form_has_so_many_fields_and_no_more);
    tcase_add_test(tests, a_form_has_so_many_parts_and_no_more);
    tcase_add_test(tests, a_large_form_is_read_from_its_file);
    tcase_add_test(tests, the_next_request_starts_without_a_form);
    suite_add_tcase(suite, tests);
    return suite;
}
