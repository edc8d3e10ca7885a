#include "http/outcome.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };
static struct request *request;
static struct response *response;

/* A request as net/ makes one: method and one header (NULL: none). */
static void given(const char *method, const char *name, const char *value)
{
    const char *why;
    if (!request)
        request = request_new(1 << 20);
    request_reset(request);
    response = &request->response;
    ck_assert_int_eq(request_begin(request, &peer, method, "/", "HTTP/1.1", &why), NGI_OK);
    if (name)
        request_add_header(request, name, strlen(name), value, strlen(value));
}

static void set_up(void)
{
    request = NULL;
    given("GET", NULL, NULL);
}

static void tear_down(void)
{
    request_free(request);
}

static void write_text(const char *text)
{
    ck_assert_int_eq(response_write(response, text, strlen(text)), NGI_OK);
}

static void say_why(const char *words)
{
    request->failure = arena_string(&request->arena, words);
}

static void assert_header(const char *name, const char *value)
{
    const char *found = response_get_header(response, name);
    ck_assert_msg((found == NULL) == (value == NULL), "%s is %s", name, found ? found : "absent");
    if (value)
        ck_assert_str_eq(found, value);
}

/* The response as it will be sent; `type` NULL: without Content-Type. */
static void assert_response(int status, const char *type, const char *text)
{
    ck_assert_int_eq(response->status, status);
    ck_assert_int_eq(response->kind, RESPONSE_TEXT);
    ck_assert_msg((response->type == NULL) == (type == NULL), "%s", response->type);
    if (type)
        ck_assert_str_eq(response->type, type);
    ck_assert_uint_eq(response->text.length, strlen(text));
    ck_assert(!*text || memcmp(response->text.data, text, strlen(text)) == 0);
}

#define HTML "text/html; charset=UTF-8"
#define PLAIN "text/plain; charset=UTF-8"

/* The neutral 500: its words for the log, an incident for the client, nothing else of the handler's. */
static void assert_incident(int status, const char *why, const char *words)
{
    char text[128];
    snprintf(text, sizeof text, "%d %s\nIncident %s\n", status,
             status == 500 ? "Internal Server Error" : "Service Unavailable", request_id(request));
    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, words);
    assert_response(status, PLAIN, text);
    assert_header("X-Content-Type-Options", "nosniff");
    assert_header("X-Handler", NULL);
    ck_assert_int_eq(response->declared, -1);
}

/* --- what a handler returns (NGI.md) -------------------------------------------------------------------------- */

START_TEST(ok_sends_what_was_written)
{
    write_text("hello");
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(200, HTML, "hello"); /* Tornado's defaults */
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_status(response, 201), NGI_OK);
    ck_assert_int_eq(response_set_header(response, "Content-Type", "a/b"), NGI_OK);
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(201, "a/b", ""); /* a status that was set gets no default body */
    given("GET", NULL, NULL);
    write_text("");
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(200, HTML, "");
}
END_TEST

START_TEST(ok_with_nothing_set_and_nothing_written_is_an_error)
{
    assert_incident(500, outcome_settle(request, NGI_OK, false),
                    "the handler returned NGI_OK, but set and wrote nothing");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Bad Name", "x"), NGI_EINVAL); /* that set nothing */
    assert_incident(500, outcome_settle(request, NGI_OK, false),
                    "the handler returned NGI_OK, but set and wrote nothing");
}
END_TEST

START_TEST(a_status_gets_a_default_body_if_none_was_written)
{
    static const struct {
        int rc;
        const char *text;
    } cases[] = {
        { 200, "200 OK\n" },        { 201, "201 Created\n" }, { 302, "302 Found\n" },
        { 404, "404 Not Found\n" }, { 599, "599 Unknown\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given("GET", NULL, NULL);
        ck_assert_int_eq(response_set_header(response, "Content-Type", "application/json"), NGI_OK);
        ck_assert_int_eq(response_set_header(response, "X-Handler", "1"), NGI_OK);
        ck_assert_ptr_null(outcome_settle(request, cases[i].rc, false));
        assert_response(cases[i].rc, PLAIN, cases[i].text); /* the body is ours, and so is its type */
        assert_header("X-Handler", "1");
    }
}
END_TEST

START_TEST(a_status_sends_what_was_written)
{
    ck_assert_int_eq(response_status(response, 200), NGI_OK);
    write_text("gone");
    ck_assert_ptr_null(outcome_settle(request, 410, false));
    assert_response(410, HTML, "gone");
}
END_TEST

START_TEST(a_value_that_means_nothing_is_an_error)
{
    static const struct {
        int rc;
        const char *words;
    } cases[] = {
        { NGI_LATER, "the handler returned 1, which is NGI_LATER, but no ngi_later is out; success is "
                     "NGI_OK, 0" },
        { 2, "the handler returned 2: neither NGI_OK, nor a status, nor an error" },
        { 199, "the handler returned 199: neither NGI_OK, nor a status, nor an error" },
        { 100, "the handler returned 100: neither NGI_OK, nor a status, nor an error" },
        { 600, "the handler returned 600: neither NGI_OK, nor a status, nor an error" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        given("GET", NULL, NULL);
        write_text("half a page");
        ck_assert_int_eq(response_set_header(response, "X-Handler", "secret"), NGI_OK);
        assert_incident(500, outcome_settle(request, cases[i].rc, false), cases[i].words);
    }
}
END_TEST

START_TEST(a_negative_value_is_a_500_in_the_words_of_ngi_fail)
{
    for (int rc = -1; rc >= NGI_ELAST_; rc--) {
        given("GET", NULL, NULL);
        write_text("half a page");
        assert_incident(500, outcome_settle(request, rc, false), ngi_strerror(rc));
    }
    given("GET", NULL, NULL);
    say_why("the database is gone");
    assert_incident(500, outcome_settle(request, NGI_EIO, false), "the database is gone");
    given("GET", NULL, NULL);
    assert_incident(500, outcome_settle(request, -1000, false),
                    "the handler returned -1000, which is no error of ngi.h");
}
END_TEST

START_TEST(a_failure_may_have_a_status_of_its_own)
{
    write_text("half a page");
    say_why("no room");
    assert_incident(503, outcome_settle(request, 503, false), "no room");
    given("GET", NULL, NULL);
    say_why("forgotten");
    write_text("fine");
    ck_assert_ptr_null(outcome_settle(request, 200, false)); /* the handler went on and succeeded */
    assert_response(200, HTML, "fine");
}
END_TEST

/* The client learns the words of a failure only if the operator has said so, and then not as HTML. */
START_TEST(words_are_told_in_debug_only)
{
    char text[160];
    say_why("<script>alert(1)</script>");
    ck_assert_ptr_nonnull(outcome_settle(request, NGI_EFAIL, true));
    snprintf(text, sizeof text, "500 Internal Server Error\n<script>alert(1)</script>\nIncident %s\n",
             request_id(request));
    assert_response(500, PLAIN, text);
    assert_header("X-Content-Type-Options", "nosniff");
    given("GET", "Accept", "application/json");
    say_why("a \"b\"\n");
    ck_assert_ptr_nonnull(outcome_settle(request, NGI_EFAIL, true));
    ck_assert_str_eq(response->type, "application/json");
    ck_assert_int_eq(buffer_append(&response->text, "", 1), NGI_OK);
    ck_assert_ptr_nonnull(strstr(response->text.data, "\"detail\": \"a \\\"b\\\"\\n\""));
}
END_TEST

/* --- a body that lacks a piece ---------------------------------------------------------------------------------- */

START_TEST(a_write_that_failed_is_never_sent_as_a_whole_body)
{
    char *block = calloc(1, (1 << 20) + 1);
    ck_assert_int_eq(response_write(response, block, (1 << 20) + 1), NGI_ETOOBIG);
    assert_incident(500, outcome_settle(request, 200, false), "a piece of the response could not be written: too big");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_write(response, block, (1 << 20) + 1), NGI_ETOOBIG);
    ck_assert_int_eq(response_start(response, "200 OK", NULL), NGI_OK); /* begins anew */
    write_text("short");
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(200, HTML, "short");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_write(response, block, (1 << 20) + 1), NGI_ETOOBIG);
    say_why("too long a list"); /* the handler noticed, and says so in its own words */
    assert_incident(503, outcome_settle(request, 503, false), "too long a list");
    free(block);
}
END_TEST

START_TEST(a_declared_length_is_kept)
{
    ck_assert_int_eq(response_set_header(response, "Content-Length", "5"), NGI_OK);
    ck_assert_int_eq(response_set_header(response, "X-Handler", "1"), NGI_OK);
    write_text("four");
    assert_incident(500, outcome_settle(request, NGI_OK, false),
                    "the handler declared Content-Length 5 and wrote 4 bytes");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "4"), NGI_OK);
    write_text("four");
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(200, HTML, "four");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "4"), NGI_OK);
    assert_incident(500, outcome_settle(request, 200, false),
                    "the handler declared Content-Length 4 and wrote 0 bytes");
    given("GET", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "0"), NGI_OK);
    ck_assert_ptr_null(outcome_settle(request, 200, false));
    assert_response(200, HTML, ""); /* 0 was promised: no default body */
}
END_TEST

/* RFC 9110 section 9.3.2: the head of a HEAD is that of the GET, whether the handler wrote the body or not. */
START_TEST(a_head_may_declare_what_it_does_not_write)
{
    given("HEAD", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "12345"), NGI_OK);
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    ck_assert_int_eq(response->status, 200);
    ck_assert_int_eq(response->declared, 12345);
    given("HEAD", NULL, NULL);
    ck_assert_int_eq(response_set_header(response, "Content-Length", "5"), NGI_OK);
    write_text("four");
    assert_incident(500, outcome_settle(request, NGI_OK, false),
                    "the handler declared Content-Length 5 and wrote 4 bytes");
    given("HEAD", NULL, NULL);
    write_text("four");
    ck_assert_ptr_null(outcome_settle(request, NGI_OK, false));
    assert_response(200, HTML, "four"); /* net/ keeps it back, and its length is told */
}
END_TEST

/* RFC 9110 sections 15.3.5 and 15.4.5: no content, and so no type. */
START_TEST(no_content_has_no_type)
{
    static const int statuses[] = { 204, 304 };
    for (size_t i = 0; i < 2; i++) {
        given("GET", NULL, NULL);
        ck_assert_int_eq(response_set_header(response, "Content-Type", "a/b"), NGI_OK);
        ck_assert_int_eq(response_set_header(response, "Content-Length", "7"), NGI_OK);
        ck_assert_int_eq(response_set_header(response, "X-Handler", "1"), NGI_OK);
        ck_assert_ptr_null(outcome_settle(request, statuses[i], false));
        assert_response(statuses[i], NULL, "");
        assert_header("X-Handler", "1");
    }
}
END_TEST

/* RFC 9110 section 15.3.6: a 205 says that there is nothing, with a Content-Length of 0. */
START_TEST(reset_content_has_no_default_body)
{
    ck_assert_ptr_null(outcome_settle(request, 205, false));
    ck_assert_int_eq(response->status, 205);
    ck_assert_int_eq(response_length(response), 0);
}
END_TEST

Suite *outcome_suite(void)
{
    Suite *suite = suite_create("outcome");
    TCase *tests = tcase_create("outcome");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, ok_sends_what_was_written);
    tcase_add_test(tests, ok_with_nothing_set_and_nothing_written_is_an_error);
    tcase_add_test(tests, a_status_gets_a_default_body_if_none_was_written);
    tcase_add_test(tests, a_status_sends_what_was_written);
    tcase_add_test(tests, a_value_that_means_nothing_is_an_error);
    tcase_add_test(tests, a_negative_value_is_a_500_in_the_words_of_ngi_fail);
    tcase_add_test(tests, a_failure_may_have_a_status_of_its_own);
    tcase_add_test(tests, words_are_told_in_debug_only);
    tcase_add_test(tests, a_write_that_failed_is_never_sent_as_a_whole_body);
    tcase_add_test(tests, a_declared_length_is_kept);
    tcase_add_test(tests, a_head_may_declare_what_it_does_not_write);
    tcase_add_test(tests, no_content_has_no_type);
    tcase_add_test(tests, reset_content_has_no_default_body);
    suite_add_tcase(suite, tests);
    return suite;
}
