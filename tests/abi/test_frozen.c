/* A plugin compiled against NGI 1.0 and never since: see frozen/README. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/abi/suites.h"
#include "tests/harness/command.h"
#include "tests/harness/scratch.h"

struct answer {
    const char *method, *path;
    const char *option, *value; /* further arguments of postern call */
    const char *status, *header, *body;
};

#define NONE "--set", "debug=on"

static const struct answer answers[] = {
    { "GET", "/frozen?q=1", NONE, "200", "Content-Length: 34", "GET|/|q=1|localhost|127.0.0.1|http" },
    { "GET", "/frozen/environment", "-H", "X-Colour: red", "200", NULL, "/frozen|/environment|GET|red|none|1" },
    { "GET", "/query?a=1+2&a=3&b=%C3%A4", NONE, "200", NULL, "1 2|none|0|3|\303\244" },
    { "GET", "/query?a=1&stop=2&b=3", NONE, "200", NULL, "1|none|7|2|2" },
    { "GET", "/headers", "-H", "X-Colour: red", "200", "X-One: 1", "red|none" },
    { "GET", "/headers", "-H", "Cookie: a=b; taste=sweet", "200", "X-Two: 2\r\nX-Two: 22", "none|sweet" },
    { "POST", "/form", "-H", "Content-Type: application/x-www-form-urlencoded", "200", NULL, "1|3|no file" },
    { "POST", "/form", "-H", "Content-Type: text/plain", "400", NULL, "not found" },
    { "PUT", "/body", NONE, "201", NULL, "9|a=1|3" },
    { "DELETE", "/items/a%20b", NONE, "200", NULL, "a b|-|a b" },
    { "GET", "/files/a/b", NONE, "200", NULL, "-|a/b|a/b" },
    { "GET", "/number/42", NONE, "200", NULL, "-|-|42" },
    { "BREW", "/any", NONE, "200", NULL, "BREW|/any||localhost|127.0.0.1|http" },
    { "GET", "/written", NONE, "202", "Content-Type: text/plain", "write puts printf 3" },
    { "HEAD", "/written", NONE, "202", "Content-Length: 19", "" },
    { "GET", "/started", NONE, "409", "X-Again: kept", "in conflict" },
    { "GET", "/html", NONE, "200", "Content-Type: text/html; charset=UTF-8",
      "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;" },
    { "GET", "/json", NONE, "200", "Content-Type: application/json", "{}" },
    { "GET", "/redirect", NONE, "303", "Location: /elsewhere", "" },
    { "GET", "/bare", NONE, "404", NULL, "404 Not Found\n" },
    { "GET", "/file", NONE, "200", "ETag: \"frozen\"", "ELF" },
    { "GET", "/file", "-H", "If-None-Match: \"frozen\"", "304", "ETag: \"frozen\"", "" },
    { "GET", "/file", "-H", "Range: bytes=1-1", "206", "Content-Range: bytes 1-1/3", "L" },
    { "GET", "/stream", NONE, "200", "Content-Type: text/plain", "321" },
    { "GET", "/life", NONE, "200", NULL, "copied|0|of the thread|1" },
    { "GET", "/options", NONE, "200", NULL, "hi|3|0.25|1|none" },
    { "GET", "/options", "--set", "plugin.frozen.option.loud=off", "200", NULL, "hi|3|0.25|0|none" },
    { "GET", "/perhaps", NONE, "200", NULL, "4" },
};

static struct scratch scratch;

/* The plugin as an operator would have it: his own, wherever the source tree belongs. */
static void begin(void)
{
    struct command_result result;
    scratch_make(&scratch);
    COMMAND(&result, "install", "-m", "755", source("tests/abi/frozen/frozen_1_0.so"), scratch.path);
    ck_assert_msg(result.status == 0, "%s", result.err);
    command_free(&result);
}

static void end(void)
{
    scratch_remove(&scratch);
}

static void call_it(struct command_result *result, const struct answer *answer)
{
    bool has_body = *answer->method == 'P';
    COMMAND(result, "postern", "call", scratch_path(&scratch, "frozen_1_0.so"), answer->method, answer->path,
            answer->option, answer->value, "--set", "log_level=error", has_body ? "--data" : "--set",
            has_body ? "a=1&b=2&c" : "debug=on");
    ck_assert_msg(result->signal == 0, "%s %s: signal %d\n%s", answer->method, answer->path, result->signal,
                  result->err);
}

/* Looped over the answers. */
START_TEST(the_frozen_plugin_answers_as_ever)
{
    const struct answer *answer = &answers[_i];
    struct command_result result;
    char header[128];
    call_it(&result, answer);
    snprintf(header, sizeof header, "\r\n%s\r\n",
             answer->header ? answer->header : "Content-Type: text/plain; charset=UTF-8");
    const char *body = strstr(result.out, "\r\n\r\n");
    ck_assert_msg(body && strncmp(result.out, "HTTP/1.1 ", 9) == 0 && strncmp(result.out + 9, answer->status, 3) == 0 &&
                      strstr(result.out, header) && strcmp(body + 4, answer->body) == 0,
                  "%s %s answered:\n%s%s\ninstead of %s, %s and:\n%s", answer->method, answer->path, result.out,
                  result.err, answer->status, header, answer->body);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
}
END_TEST

START_TEST(the_frozen_plugin_fails_in_its_own_words)
{
    static const struct answer answer = { "GET", "/fail", NONE, "500", NULL, NULL };
    struct command_result result;
    call_it(&result, &answer);
    ck_assert_ptr_nonnull(strstr(result.err, "]: GET /fail (route \"/fail\"): 500: failed as told\n"));
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}
END_TEST

START_TEST(the_frozen_plugin_is_read_without_running_it)
{
    struct command_result result;
    COMMAND(&result, "postern", "inspect", scratch_path(&scratch, "frozen_1_0.so"));
    ck_assert_ptr_nonnull(strstr(result.out, "\nsummary    All of NGI 1.0.\ninterface  NGI 1.0\n"));
    ck_assert_ptr_nonnull(strstr(result.out, "\n           PUT, PATCH         /body\n"));
    ck_assert_ptr_nonnull(strstr(result.out, "\n           share  float   default 0.25  0 to 1"));
    command_free(&result);
}
END_TEST

START_TEST(the_frozen_plugin_starts_and_ends_under_check)
{
    struct command_result result;
    COMMAND(&result, "postern", "check", "--plugins", scratch.path, "--set", "log_level=error");
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
}
END_TEST

Suite *frozen_suite(void)
{
    Suite *suite = suite_create("frozen");
    TCase *tests = tcase_create("frozen");
    suite_add_tcase(suite, tests);
#if defined(__x86_64__) && defined(__LP64__) && defined(__GLIBC__)
    const int count = sizeof answers / sizeof *answers;
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, the_frozen_plugin_answers_as_ever, 0, count);
    tcase_add_test(tests, the_frozen_plugin_fails_in_its_own_words);
    tcase_add_test(tests, the_frozen_plugin_is_read_without_running_it);
    tcase_add_test(tests, the_frozen_plugin_starts_and_ends_under_check);
#else
    (void)begin, (void)end, (void)the_frozen_plugin_answers_as_ever, (void)the_frozen_plugin_fails_in_its_own_words;
    (void)the_frozen_plugin_is_read_without_running_it, (void)the_frozen_plugin_starts_and_ends_under_check;
    fprintf(stderr, "skipped: the frozen plugin is one for x86-64 Linux with glibc\n");
#endif
    return suite;
}
