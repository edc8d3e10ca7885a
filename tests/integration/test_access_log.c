#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <jansson.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>

static void serve_logged(const char *format)
{
    char path[200], how[64];
    prepare();
    snprintf(path, sizeof path, "access_log=%s", scratch_path(&scratch, "access.log"));
    snprintf(how, sizeof how, "access_log_format=%s", format);
    SERVE("examples/hello.so examples/environ.so tests/integration/plugins/endings.so", "--set", path, "--set", how);
}

static void expect_match(const char *text, const char *pattern)
{
    regex_t regex;
    ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
    ck_assert_msg(regexec(&regex, text, 0, NULL, 0) == 0, "nothing matches %s in:\n%s", pattern, text);
    regfree(&regex);
}

#define TIME "\\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} \\+0000\\]"

START_TEST(combined_lines_parse)
{
    serve_logged("combined");
    EXPECT_STATUS(GET("/hello/?name=Ada", "User-Agent: a \"quoted\" one", "Referer: http://there/"), 200);
    EXPECT_STATUS(ASK("DELETE", "/hello/"), 405);
    EXPECT_STATUS(GET("/nowhere"), 404);
    /* Each when its own connection is through with it, in any order. */
    (void)wait_for_text("access.log", "?name=Ada");
    (void)wait_for_text("access.log", "DELETE");
    const char *log = wait_for_text("access.log", "/nowhere");
    char line[512];
    snprintf(line, sizeof line, "^127\\.0\\.0\\.1 - - " TIME " \"GET /hello/\\?name=Ada HTTP/1\\.1\" 200 12 \"http://there/\" "
                      "\"a \\\\\"quoted\\\\\" one\" [0-9a-f]{16} hello %s [0-9]+ [0-9]+ sent$",
             gateway_rung() ? gateway_rung() : "thread");
    expect_match(log, line);
    expect_match(log, "\"DELETE /hello/ HTTP/1\\.1\" 405 23 \"-\" \"-\" [0-9a-f]{16} hello pool [0-9]+ [0-9]+ sent$");
    expect_match(log, "\"GET /nowhere HTTP/1\\.1\" 404 14 \"-\" \"-\" [0-9a-f]{16} - pool [0-9]+ [0-9]+ sent$");
    finish();
}
END_TEST

START_TEST(the_id_in_the_log_is_the_one_the_handler_saw)
{
    serve_logged("combined");
    char *id = strdup(variable(GET("/environ/"), "NGI_REQUEST_ID"));
    (void)wait_for_text("access.log", id);
    free(id);
    finish();
}
END_TEST

START_TEST(json_lines_parse)
{
    serve_logged("json");
    EXPECT_STATUS(GET("/hello/?name=%22", "User-Agent: bytes \xff and \"quotes\"\\"), 200);
    const char *log = wait_for_text("access.log", "\n");
    json_t *line = json_loads(log, 0, NULL);
    ck_assert_msg(line != NULL, "no JSON:\n%s", log);
    ck_assert_str_eq(json_string_value(json_object_get(line, "method")), "GET");
    ck_assert_str_eq(json_string_value(json_object_get(line, "target")), "/hello/?name=%22");
    ck_assert_str_eq(json_string_value(json_object_get(line, "protocol")), "HTTP/1.1");
    ck_assert_str_eq(json_string_value(json_object_get(line, "remote_addr")), "127.0.0.1");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 200);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "bytes")), 10);
    ck_assert_str_eq(json_string_value(json_object_get(line, "plugin")), "hello");
    ck_assert_str_eq(json_string_value(json_object_get(line, "rung")), gateway_rung() ? gateway_rung() : "thread");
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(line, "id"))), 16);
    ck_assert(json_is_null(json_object_get(line, "referer")));
    ck_assert(json_is_true(json_object_get(line, "sent")));
    ck_assert_int_ge(json_integer_value(json_object_get(line, "run_us")), 0);
    json_decref(line);
    finish();
}
END_TEST

START_TEST(a_response_that_was_cut_says_so)
{
    serve_logged("combined");
    ck_assert_int_ne(GET("/endings/stream?bytes=1000&result=-6")->error, 0);
    expect_match(wait_for_text("access.log", "result=-6"), "result=-6 HTTP/1\\.1\" 200 .* cut$");
    finish();
}
END_TEST

/* A field that ends in a backslash would take its closing quote along. */
START_TEST(a_client_cannot_leave_its_field)
{
    serve_logged("combined");
    EXPECT_STATUS(GET("/hello/", "User-Agent: x\\\" 200 1 end"), 200);
    EXPECT_HAS(wait_for_text("access.log", "end"), "\"x\\\\\\\" 200 1 end\"");
    finish();
}
END_TEST

START_TEST(a_line_of_nothing_but_quotes_is_whole)
{
    char quotes[2100], target[2200], agent[2200], referer[2200];
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    snprintf(target, sizeof target, "/hello/?%s", quotes);
    snprintf(agent, sizeof agent, "User-Agent: %s", quotes);
    snprintf(referer, sizeof referer, "Referer: %s", quotes);
    serve_logged("combined");
    EXPECT_STATUS(GET(target, agent, referer), 200);
    const char *log = wait_for_text("access.log", " sent\n");
    ck_assert_uint_eq(count_of(log, "\n"), 1);
    finish();
}
END_TEST

START_TEST(a_client_cannot_forge_a_line)
{
    serve_logged("combined");
    EXPECT_STATUS(GET("/hello/", "User-Agent: x\" 200 1 \"-\" \"-\tend"), 200);
    const char *log = wait_for_text("access.log", "end");
    ck_assert_uint_eq(count_of(log, "\n"), 1);
    EXPECT_HAS(log, "\"x\\\" 200 1 \\\"-\\\" \\\"-\\x09end\"");
    finish();
}
END_TEST

START_TEST(sigusr1_reopens_the_log)
{
    serve_logged("combined");
    EXPECT_STATUS(GET("/hello/?name=before"), 200);
    (void)wait_for_text("access.log", "name=before");
    ck_assert_int_eq(rename(scratch_path(&scratch, "access.log"), scratch_path(&scratch, "access.log.1")), 0);
    kill(gateway.pid, SIGUSR1);
    (void)wait_for_text("access.log", ""); /* the new file is there, and what is written goes to it a moment later */
    do
        EXPECT_STATUS(GET("/hello/?name=probe"), 200);
    while (strstr(wait_for_text("access.log", ""), "name=probe") == NULL);
    EXPECT_STATUS(GET("/hello/?name=after"), 200);
    EXPECT_LACKS(wait_for_text("access.log", "name=after"), "name=before");
    EXPECT_LACKS(wait_for_text("access.log.1", "name=before"), "name=after");
    finish();
}
END_TEST

START_TEST(a_log_that_cannot_be_opened_refuses_the_start)
{
    struct command_result result;
    prepare();
    COMMAND(&result, "postern", "serve", "--plugins", scratch_path(&scratch, "plugins"), "--listen", "127.0.0.1:0",
            "--set", "access_log=/nonexistent/access.log");
    ck_assert_int_eq(result.status, 1);
    EXPECT_HAS(result.err, "access_log /nonexistent/access.log: No such file or directory");
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

Suite *access_log_suite(void)
{
    Suite *suite = suite_create("access_log");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, combined_lines_parse);
    tcase_add_test(own, the_id_in_the_log_is_the_one_the_handler_saw);
    tcase_add_test(own, json_lines_parse);
    tcase_add_test(own, a_response_that_was_cut_says_so);
    tcase_add_test(own, a_client_cannot_forge_a_line);
    tcase_add_test(own, a_client_cannot_leave_its_field);
    tcase_add_test(own, a_line_of_nothing_but_quotes_is_whole);
    tcase_add_test(own, sigusr1_reopens_the_log);
    tcase_add_test(own, a_log_that_cannot_be_opened_refuses_the_start);
    return suite;
}
