/* What a handler's failure looks like to the client, and to who reads the log. */
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <jansson.h>

#define ANSWERS "tests/integration/plugins/answers.so"

static void serve_answers(void)
{
    SERVE(ANSWERS);
}

/* The incident id in a text body; the log has to know it. */
static void expect_incident(const struct reply *reply)
{
    const char *id = strstr(reply->body, "Incident ");
    ck_assert_msg(id != NULL, "no incident in:\n%s", reply->body);
    char wanted[32];
    snprintf(wanted, sizeof wanted, "[%.16s]", id + strlen("Incident "));
    gateway_wait_log(&gateway, wanted);
}

START_TEST(a_handler_that_says_nothing_is_500)
{
    const struct reply *reply = GET("/answers/nothing");
    EXPECT_STATUS(reply, 500);
    EXPECT_HAS(reply->body, "500 Internal Server Error\n");
    EXPECT_HEADER(reply, "X-Content-Type-Options", "nosniff");
    expect_incident(reply);
    EXPECT_HAS(gateway_log(&gateway), "GET /answers/nothing (route \"/nothing\"): 500: the handler returned NGI_OK, "
                                      "but set and wrote nothing");
}
END_TEST

START_TEST(a_return_value_that_means_nothing_is_500)
{
    static const char *const paths[] = { "/answers/status/100", "/answers/status/600", "/answers/status/2",
                                         "/answers/status/-999" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct reply *reply = GET(paths[i]);
        EXPECT_STATUS(reply, 500);
        expect_incident(reply);
    }
    gateway_wait_log(&gateway, "the handler returned 600: neither NGI_OK, nor a status, nor an error");
}
END_TEST

START_TEST(later_without_one_out_is_500)
{
    EXPECT_STATUS(GET("/answers/status/1"), 500);
    gateway_wait_log(&gateway, "NGI_LATER, but no ngi_later is out");
}
END_TEST

START_TEST(the_words_of_a_failure_go_to_the_log_only)
{
    const struct reply *reply = GET("/answers/fails");
    EXPECT_STATUS(reply, 500);
    EXPECT_LACKS(reply->body, "fire");
    EXPECT_LACKS(reply->body, "answers");
    expect_incident(reply);
    gateway_wait_log(&gateway, "500: the disk <sda> is on fire\n");
}
END_TEST

START_TEST(control_characters_of_a_client_do_not_forge_log_lines)
{
    EXPECT_STATUS(GET("/answers/fails?disk=a%0Apostern:%20forged"), 500);
    EXPECT_LACKS(gateway_log(&gateway), "\npostern: forged");
}
END_TEST

START_TEST(a_late_failure_takes_back_what_was_written)
{
    const struct reply *reply = GET("/answers/fails-late");
    EXPECT_STATUS(reply, 500);
    EXPECT_LACKS(reply->body, "all is well");
    EXPECT_HEADER(reply, "X-Early", NULL);
    gateway_wait_log(&gateway, "500: input/output error\n");
}
END_TEST

START_TEST(a_failure_may_choose_its_status)
{
    const struct reply *reply = GET("/answers/unavailable");
    EXPECT_STATUS(reply, 503);
    EXPECT_HAS(reply->body, "503 Service Unavailable\n");
    EXPECT_LACKS(reply->body, "database");
    expect_incident(reply);
    gateway_wait_log(&gateway, "503: the database is away\n");
}
END_TEST

START_TEST(a_content_length_that_does_not_fit_is_500)
{
    EXPECT_STATUS(GET("/answers/too-few"), 500);
    gateway_wait_log(&gateway, "the handler declared Content-Length 10 and wrote 5 bytes");
    EXPECT_STATUS(GET("/answers/too-many"), 500);
    gateway_wait_log(&gateway, "the body does not match its Content-Length");
}
END_TEST

START_TEST(a_file_that_is_shorter_than_asked_for_is_500)
{
    EXPECT_STATUS(GET("/answers/file?offset=101"), 500);
    EXPECT_STATUS(GET("/answers/file?offset=50&length=51"), 500);
}
END_TEST

START_TEST(head_of_a_failure_is_its_head)
{
    const struct reply *reply = ASK("HEAD", "/answers/fails");
    EXPECT(reply, 500, "");
    EXPECT_HEADER(reply, "Content-Type", "text/plain; charset=UTF-8");
}
END_TEST

START_TEST(a_client_that_asks_for_json_gets_it)
{
    const struct reply *reply = GET("/answers/fails", "Accept: application/json");
    json_t *body = json_loads(reply->body, 0, NULL);
    EXPECT_STATUS(reply, 500);
    EXPECT_HEADER(reply, "Content-Type", "application/json");
    ck_assert_ptr_nonnull(body);
    ck_assert_int_eq(json_integer_value(json_object_get(body, "status")), 500);
    ck_assert_str_eq(json_string_value(json_object_get(body, "error")), "Internal Server Error");
    gateway_wait_log(&gateway, json_string_value(json_object_get(body, "incident")));
    ck_assert_ptr_null(json_object_get(body, "detail"));
    json_decref(body);
}
END_TEST

START_TEST(refusals_of_the_gateway_come_as_json_too)
{
    const struct reply *reply = GET("/nowhere", "Accept: application/json");
    EXPECT_STATUS(reply, 404);
    EXPECT_HEADER(reply, "Content-Type", "application/json");
    EXPECT_HAS(reply->body, "\"Not Found\"");
    EXPECT_LACKS(reply->body, "incident");
    EXPECT_HEADER(GET("/nowhere", "Accept: text/html,application/json;q=0.9"), "Content-Type",
                  "text/plain; charset=UTF-8");
}
END_TEST

START_TEST(with_debug_the_client_reads_the_words_too)
{
    SERVE(ANSWERS, "--set", "debug=on");
    const struct reply *reply = GET("/answers/fails");
    EXPECT_STATUS(reply, 500);
    EXPECT_HAS(reply->body, "the disk <sda> is on fire\n");
    EXPECT_HEADER(reply, "Content-Type", "text/plain; charset=UTF-8"); /* or the words would be markup */
    EXPECT_HEADER(reply, "X-Content-Type-Options", "nosniff");
    EXPECT_HAS(GET("/answers/nothing")->body, "the handler returned NGI_OK, but set and wrote nothing");
    EXPECT_HAS(GET("/answers/unavailable")->body, "the database is away");
    finish();
}
END_TEST

Suite *failures_suite(void)
{
    Suite *suite = suite_create("failures");
    TCase *shared = test_case(suite, "one gateway", serve_answers);
    tcase_add_test(shared, a_handler_that_says_nothing_is_500);
    tcase_add_test(shared, a_return_value_that_means_nothing_is_500);
    tcase_add_test(shared, later_without_one_out_is_500);
    tcase_add_test(shared, the_words_of_a_failure_go_to_the_log_only);
    tcase_add_test(shared, control_characters_of_a_client_do_not_forge_log_lines);
    tcase_add_test(shared, a_late_failure_takes_back_what_was_written);
    tcase_add_test(shared, a_failure_may_choose_its_status);
    tcase_add_test(shared, a_content_length_that_does_not_fit_is_500);
    tcase_add_test(shared, a_file_that_is_shorter_than_asked_for_is_500);
    tcase_add_test(shared, head_of_a_failure_is_its_head);
    tcase_add_test(shared, a_client_that_asks_for_json_gets_it);
    tcase_add_test(shared, refusals_of_the_gateway_come_as_json_too);
    TCase *own = test_case(suite, "debug", NULL);
    tcase_add_test(own, with_debug_the_client_reads_the_words_too);
    return suite;
}
