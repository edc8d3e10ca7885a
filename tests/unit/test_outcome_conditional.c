/* The host's part of conditional and range requests, for a handler that has called ngi_conditional. */
#include "http/outcome.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/suites.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

enum { MTIME = 784111777 };

static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
static struct request *request;
static struct response *response;

static void set_up(void)
{
    request = request_new(1 << 20);
    response = &request->response;
}

static void tear_down(void)
{
    request_free(request);
}

static void given(const char *method, const char *name, const char *value)
{
    const char *why;
    request_reset(request);
    ck_assert_int_eq(request_begin(request, &peer, method, "/", "HTTP/1.1", &why), NGI_OK);
    if (name)
        request_add_header(request, name, strlen(name), value, strlen(value));
}

/* Bytes 5 to 14 of a file of twenty: ten in all. */
static void send_ten_bytes(void)
{
    int fd = memfd_create("twenty", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 20), 0);
    ck_assert_int_eq(response_send_file(response, fd, 5, 10), NGI_OK);
}

/* The handler asks for conditions, ignores what it is told, and sends its file. */
static void settle_file(int rc)
{
    (void)request_conditional(request, "\"v1\"", MTIME);
    send_ten_bytes();
    ck_assert_ptr_null(outcome_settle(request, rc, false));
}

static void assert_header(const char *name, const char *value)
{
    const char *found = response_get_header(response, name);
    ck_assert_msg((found == NULL) == (value == NULL), "%s is %s", name, found ? found : "absent");
    if (value)
        ck_assert_str_eq(found, value);
}

static void assert_body(const char *text)
{
    ck_assert_int_eq(response->kind, RESPONSE_TEXT);
    ck_assert_uint_eq(response->text.length, strlen(text));
    ck_assert_mem_eq(response->text.data, text, strlen(text));
}

/* RFC 9110 section 13.2.2. */
START_TEST(what_the_handler_ignored_is_done_for_it)
{
    static const struct {
        const char *method, *name, *value;
        int status;
    } cases[] = {
        { "GET", NULL, NULL, 200 },
        { "GET", "If-None-Match", "\"v1\"", 304 },
        { "HEAD", "If-None-Match", "*", 304 },
        { "GET", "If-None-Match", "\"v2\"", 200 },
        { "PUT", "If-None-Match", "\"v1\"", 412 },
        { "GET", "If-Modified-Since", DATE, 304 },
        { "POST", "If-Modified-Since", DATE, 200 },
        { "GET", "If-Match", "\"v2\"", 412 },
        { "GET", "If-Match", "\"v1\"", 200 },
        { "GET", "If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", 412 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given(cases[i].method, cases[i].name, cases[i].value);
        settle_file(i % 2 ? 200 : NGI_OK);
        ck_assert_msg(response->status == cases[i].status, "%s %s: %d", cases[i].method, cases[i].name,
                      response->status);
        if (cases[i].status != 412) /* section 15.4.5: a 304 has them too */
            assert_header("ETag", "\"v1\"");
        if (cases[i].status == 304)
            ck_assert_ptr_null(response->type);
    }
}
END_TEST

/* Section 13.1: preconditions are for what would have been a 200. */
START_TEST(other_statuses_are_left_alone)
{
    given("GET", "If-None-Match", "\"v1\"");
    settle_file(404);
    ck_assert_int_eq(response->status, 404);
    given("GET", "If-None-Match", "\"v1\"");
    ck_assert_int_eq(response_status(response, 203), NGI_OK);
    settle_file(NGI_OK);
    ck_assert_int_eq(response->status, 203);
}
END_TEST

START_TEST(what_the_handler_returned_stands)
{
    given("GET", "If-None-Match", "\"v1\"");
    ck_assert_int_eq(request_conditional(request, "\"v1\"", MTIME), 304);
    ck_assert_ptr_null(outcome_settle(request, 304, false));
    ck_assert_int_eq(response->status, 304);
    assert_header("ETag", "\"v1\"");
    assert_header("Last-Modified", DATE);
    given("PUT", "If-Match", "\"v2\"");
    ck_assert_int_eq(request_conditional(request, "\"v1\"", -1), 412);
    ck_assert_ptr_null(outcome_settle(request, 412, false));
    ck_assert_int_eq(response->status, 412);
    assert_body("412 Precondition Failed\n");
}
END_TEST

START_TEST(a_failed_condition_has_one_body)
{
    given("GET", "If-Match", "\"v2\"");
    ck_assert_int_eq(request_conditional(request, "\"v1\"", -1), 412);
    ck_assert_ptr_null(outcome_settle(request, 200, false)); /* ignored, and nothing written */
    ck_assert_int_eq(response->status, 412);
    assert_body("412 Precondition Failed\n");
    given("GET", "If-Match", "\"v2\"");
    request_add_header(request, "Accept", 6, "application/json", 16);
    (void)request_conditional(request, "\"v1\"", -1);
    ck_assert_ptr_null(outcome_settle(request, 200, false));
    ck_assert_str_eq(response->type, "application/json");
    assert_body("{\"status\": 412, \"error\": \"Precondition Failed\"}\n");
}
END_TEST

/* Section 14: of the ten bytes that the handler sends, not of the file. */
START_TEST(a_range_is_cut_out_of_what_is_sent)
{
    static const struct {
        const char *range, *content_range;
        int64_t offset, length;
    } cases[] = {
        { "bytes=0-3", "bytes 0-3/10", 5, 4 },  { "bytes=4-", "bytes 4-9/10", 9, 6 },
        { "bytes=-3", "bytes 7-9/10", 12, 3 },  { "bytes=0-99", "bytes 0-9/10", 5, 10 },
        { "bytes=9-9", "bytes 9-9/10", 14, 1 }, { "bytes=0-1,2-3", "bytes 0-3/10", 5, 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given("GET", "Range", cases[i].range);
        ck_assert_int_eq(response_set_header(response, "Content-Length", "10"), NGI_OK);
        settle_file(NGI_OK);
        ck_assert_int_eq(response->status, 206);
        assert_header("Content-Range", cases[i].content_range);
        assert_header("ETag", "\"v1\"");
        ck_assert_int_eq(response->offset, cases[i].offset);
        ck_assert_int_eq(response->length, cases[i].length);
        ck_assert_int_eq(response_length(response), cases[i].length);
        ck_assert_int_eq(response->declared, -1); /* the handler's was of the whole */
        ck_assert_str_eq(response->type, "text/html; charset=UTF-8");
    }
}
END_TEST

START_TEST(a_range_outside_is_not_satisfiable)
{
    given("GET", "Range", "bytes=10-");
    settle_file(NGI_OK);
    ck_assert_int_eq(response->status, 416);
    assert_header("Content-Range", "bytes */10");
    ck_assert_int_eq(response->fd, -1);
    assert_body("416 Range Not Satisfiable\n");
}
END_TEST

START_TEST(everything_is_sent_where_a_range_does_not_apply)
{
    static const struct {
        const char *method, *range, *if_range;
    } cases[] = {
        { "HEAD", "bytes=0-3", NULL }, /* section 14.2: for GET */
        { "POST", "bytes=0-3", NULL },
        { "GET", "lines=0-3", NULL },
        { "GET", "bytes=3-0", NULL },
        { "GET", "bytes=0-1,8-9", NULL }, /* multipart/byteranges is not offered */
        { "GET", "bytes=0-3", "\"v2\"" },
        { "GET", "bytes=0-3", "W/\"v1\"" },
        { "GET", "bytes=0-3", "Sun, 06 Nov 1994 08:49:36 GMT" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given(cases[i].method, "Range", cases[i].range);
        if (cases[i].if_range)
            request_add_header(request, "If-Range", 8, cases[i].if_range, strlen(cases[i].if_range));
        settle_file(NGI_OK);
        ck_assert_msg(response->status == 200, "%s", cases[i].range);
        ck_assert_int_eq(response->length, 10);
        assert_header("Content-Range", NULL);
    }
}
END_TEST

START_TEST(without_conditional_nothing_is_done)
{
    given("GET", "Range", "bytes=0-3");
    request_add_header(request, "If-None-Match", 13, "*", 1);
    send_ten_bytes();
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    ck_assert_int_eq(response->status, 200);
    ck_assert_int_eq(response->length, 10);
}
END_TEST

START_TEST(a_file_keeps_to_its_declared_length)
{
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "11"), NGI_OK);
    send_ten_bytes();
    const char *why = outcome_settle(request, NGI_OK, false);
    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, "the handler declared Content-Length 11 and wrote 10 bytes");
    ck_assert_int_eq(response->status, 500);
    ck_assert_int_eq(response->fd, -1);
}
END_TEST

Suite *outcome_conditional_suite(void)
{
    Suite *suite = suite_create("outcome_conditional");
    TCase *tests = tcase_create("outcome_conditional");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_the_handler_ignored_is_done_for_it);
    tcase_add_test(tests, other_statuses_are_left_alone);
    tcase_add_test(tests, what_the_handler_returned_stands);
    tcase_add_test(tests, a_failed_condition_has_one_body);
    tcase_add_test(tests, a_range_is_cut_out_of_what_is_sent);
    tcase_add_test(tests, a_range_outside_is_not_satisfiable);
    tcase_add_test(tests, everything_is_sent_where_a_range_does_not_apply);
    tcase_add_test(tests, without_conditional_nothing_is_done);
    tcase_add_test(tests, a_file_keeps_to_its_declared_length);
    suite_add_tcase(suite, tests);
    return suite;
}
