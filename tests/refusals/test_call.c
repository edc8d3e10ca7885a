/* postern call: one request without a socket. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/refusals/lifecycles.h"
#include "tests/refusals/refusal.h"

#define TEXT_HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: text/plain; charset=UTF-8\r\n"
#define OWN_BODY "X-Content-Type-Options: nosniff\r\n"

/* A plugin "x" that has these functions and routes. */
static void given_routes(const char *functions, const char *routes)
{
    char text[2048];
    snprintf(text, sizeof text, "%s\nNGI_PLUGIN(\"x\", \"1.0\", %s)", functions, routes);
    given("x.so", text);
}

/* A plugin that tells what came: method, path, a header and the body. */
static void given_echo(void)
{
    given_routes("static int echo(ngi_request *r)\n{\n    size_t n;\n    const void *body = ngi_body(r, &n);\n"
                 "    const char *colour = ngi_get_header(r, \"X-Colour\"), *mount = ngi_env(r, \"SCRIPT_NAME\");\n"
                 "    return ngi_textf(r, 200, \"%s %s%s %s [%.*s]\", r->method, mount, r->path,\n"
                 "                     colour ? colour : \"-\", (int)n, (const char *)body);\n}\n",
                 "NGI_ROUTE(NGI_ANY, \"/{path...}\", echo)");
}

START_TEST(get_prints_the_response_as_http)
{
    given_routes("", "NGI_ROUTE(NGI_GET, \"/\", answer)");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 4\r\n\r\nfine", "", "call", "DIR/x.so", "GET", "/");
}
END_TEST

START_TEST(head_prints_no_body)
{
    given_routes("", "NGI_ROUTE(NGI_GET, \"/\", answer)");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 4\r\n\r\n", "", "call", "DIR/x.so", "HEAD", "/");
}
END_TEST

START_TEST(headers_are_given_by_h)
{
    given_echo();
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 13\r\n\r\nGET /a red []", "", "call", "DIR/x.so", "GET", "/a", "-H",
         "X-Colour: red");
}
END_TEST

START_TEST(data_is_the_body)
{
    given_echo();
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 19\r\n\r\nPOST /a - [a=1&b=2]", "", "call", "DIR/x.so", "POST", "/a",
         "--data", "a=1&b=2");
}
END_TEST

START_TEST(data_comes_from_a_file_behind_an_at)
{
    given_echo();
    scratch_write(&dir, "body.txt", "from a file");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 22\r\n\r\nPUT /a - [from a file]", "", "call", "DIR/x.so", "PUT", "/a",
         "-d", "@DIR/body.txt");
}
END_TEST

START_TEST(a_data_file_that_is_not_there_is_named)
{
    given_echo();
    SAYS(1, "", "postern: --data @DIR/gone: No such file or directory\n", "call", "DIR/x.so", "PUT", "/a", "--data",
         "@DIR/gone");
}
END_TEST

START_TEST(a_path_below_the_name_is_that_of_serve)
{
    given_echo();
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 13\r\n\r\nGET /x/a - []", "", "call", "DIR/x.so", "GET", "/x/a");
}
END_TEST

START_TEST(a_path_that_only_begins_like_the_name_is_that_of_run)
{
    given_routes("", "NGI_ROUTE(NGI_GET, \"/xy\", answer)");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 4\r\n\r\nfine", "", "call", "DIR/x.so", "GET", "/xy");
}
END_TEST

START_TEST(a_path_without_route_is_404_and_a_failure)
{
    given_routes("", "NGI_ROUTE(NGI_GET, \"/\", answer)");
    SAYS(1, TEXT_HEAD("404 Not Found") OWN_BODY "Content-Length: 14\r\n\r\n404 Not Found\n", "", "call", "DIR/x.so",
         "GET", "/nowhere");
}
END_TEST

START_TEST(a_method_without_route_is_405_and_a_failure)
{
    given_routes("", "NGI_ROUTE(NGI_GET, \"/\", answer)");
    SAYS(1,
         TEXT_HEAD("405 Method Not Allowed") OWN_BODY "Allow: GET, HEAD, OPTIONS\r\nContent-Length: 23\r\n\r\n405 "
                                                      "Method Not Allowed\n",
         "", "call", "DIR/x.so", "POST", "/");
}
END_TEST

START_TEST(a_404_of_the_handler_is_an_answer)
{
    given_routes("static int none(ngi_request *r) { (void)r; return 404; }", "NGI_ROUTE(NGI_GET, \"/\", none)");
    SAYS(0, TEXT_HEAD("404 Not Found") OWN_BODY "Content-Length: 14\r\n\r\n404 Not Found\n", "", "call", "DIR/x.so",
         "GET", "/");
}
END_TEST

START_TEST(a_failing_handler_is_a_failure_in_its_own_words)
{
    struct command_result result;
    given_routes("static int fail(ngi_request *r) { return ngi_fail(r, NGI_EIO, \"the disk is on %s\", \"fire\"); }",
                 "NGI_ROUTE(NGI_GET, \"/\", fail)");
    RUN(&result, "call", "DIR/x.so", "GET", "/?q=1");
    ck_assert_int_eq(result.status, 1);
    ck_assert_int_eq(strncmp(result.out, "HTTP/1.1 500 Internal Server Error\r\n", 36), 0);
    ck_assert_ptr_nonnull(strstr(result.out, "\nthe disk is on fire\nIncident "));
    ck_assert_ptr_nonnull(strstr(result.err, "]: GET /?q=1 (route \"/\"): 500: the disk is on fire\n"));
    command_free(&result);
}
END_TEST

START_TEST(a_503_of_the_handler_is_a_failure)
{
    struct command_result result;
    given_routes("static int busy(ngi_request *r) { return ngi_text(r, 503, \"busy\"); }", "NGI_ROUTE(NGI_GET, \"/\", "
                                                                                           "busy)");
    RUN(&result, "call", "DIR/x.so", "GET", "/");
    ck_assert_int_eq(strncmp(result.out, "HTTP/1.1 503 ", 13), 0);
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}
END_TEST

static bool text_begins(const char *text, const char *words)
{
    if (strncmp(text, words, strlen(words)) == 0)
        return true;
    fprintf(stderr, "it says:\n%s\ninstead of:\n%s…\n", text, words);
    return false;
}

START_TEST(a_handler_that_crashes_is_named_with_plugin_phase_and_route)
{
    struct command_result result;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    given_routes("static int crash(ngi_request *r) { *(volatile int *)0 = 1; return ngi_text(r, 200, \"\"); }",
                 "NGI_ROUTE(NGI_GET, \"/item/{id}\", crash)");
    RUN(&result, "call", "DIR/x.so", "GET", "/item/7?q");
    ck_assert(text_begins(result.err, "postern: crashed: SIGSEGV (bad memory access) at address 0x0 in plugin x, file "
                                      "DIR/x.so, version 1.0, build-id "));
    ck_assert_ptr_nonnull(strstr(result.err, ", handler of route \"/item/{id}\", GET /item/7?q, incident "));
    ck_assert_int_eq(result.signal, SIGSEGV);
    command_free(&result);
}
END_TEST

START_TEST(a_constructor_that_crashes_is_named)
{
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    given("x.so", CRASHING_CONSTRUCTOR);
    struct command_result result;
    RUN(&result, "call", "DIR/x.so", "GET", "/");
    ck_assert(text_begins(result.err, "postern: crashed: SIGSEGV (bad memory access) at address 0x0 in DIR/x.so, "
                                      "static constructors\n"));
    ck_assert_int_eq(result.signal, SIGSEGV);
    command_free(&result);
}
END_TEST

START_TEST(a_handler_that_runs_out_of_stack_is_named)
{
    struct command_result result;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    given_routes("static int deeper(ngi_request *r)\n"
                 "{ volatile char block[4096]; block[0] = 1; return deeper(r) + block[0]; }",
                 "NGI_ROUTE(NGI_GET, \"/\", deeper)");
    RUN(&result, "call", "DIR/x.so", "GET", "/");
    ck_assert_ptr_nonnull(strstr(result.err, " in plugin x, file DIR/x.so, version 1.0, build-id "));
    ck_assert_ptr_nonnull(strstr(result.err, ", handler of route \"/\", GET /, incident "));
    ck_assert_int_eq(result.signal, SIGSEGV);
    command_free(&result);
}
END_TEST

#define KEPT_HEAD "# postern request 1\n# plugin: x\n"

/* A request that was kept, in DIR/kept. */
static void given_kept(const char *text)
{
    scratch_write(&dir, "kept", text);
}

START_TEST(replay_takes_all_of_the_request_from_the_file)
{
    given_echo();
    given_kept(KEPT_HEAD "# mount: /m\n# body: 3 of 3\nPUT /m/a?b HTTP/1.1\nHost: h\nX-Colour: red\n\nabc");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 18\r\n\r\nPUT /m/a red [abc]", "", "call", "--replay", "DIR/kept",
         "DIR/x.so");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 19\r\n\r\nPUT /m/a blue [abc]", "", "call", "DIR/x.so", "--replay",
         "DIR/kept", "-H", "x-colour: blue");
}
END_TEST

START_TEST(a_file_that_is_no_request_is_named_with_its_line)
{
    given_echo();
    given_kept(KEPT_HEAD "# body: 1 of 1\nGET / HTTP/1.1\nHost: h\n\n");
    SAYS(1, "", "postern: --replay DIR/kept: line 7: the body has 0 bytes, not the 1 that are announced: the file was cut\n",
         "call", "--replay", "DIR/kept", "DIR/x.so");
    given_kept(KEPT_HEAD "# mount: m\n# body: 0 of 0\nGET / HTTP/1.1\n\n");
    SAYS(1, "", "postern: --replay DIR/kept: its mount \"m\" does not begin with /\n", "call", "--replay", "DIR/kept",
         "DIR/x.so");
    SAYS(1, "", "postern: --replay DIR/none: No such file or directory\n", "call", "--replay", "DIR/none", "DIR/x.so");
    given_kept(KEPT_HEAD "# body: 0 of 0\nGET nowhere HTTP/1.1\n\n");
    struct command_result result;
    RUN(&result, "call", "--replay", "DIR/kept", "DIR/x.so");
    ck_assert(text_begins(result.err, "postern: --replay: GET nowhere: "));
    command_free(&result);
}
END_TEST

#define CALL_USAGE                                                                                                     \
    "usage: postern call PLUGIN.so METHOD PATH [-H 'Name: value']… [--data TEXT|@FILE] [--set KEY=VALUE]…\n"            \
    "       postern call --replay FILE PLUGIN.so [-H 'Name: value']… [--set KEY=VALUE]…\n"

START_TEST(a_request_is_given_once)
{
    SAYS(2, "", "postern: call: one argument too many: GET; the request is in the file of --replay\n" CALL_USAGE, "call",
         "--replay", "DIR/kept", "DIR/x.so", "GET", "/");
    SAYS(2, "", "postern: call: --data: the body is in the file of --replay\n" CALL_USAGE, "call", "--replay", "DIR/kept",
         "DIR/x.so", "-d", "x");
    SAYS(2, "", "postern: call: an argument is missing\n" CALL_USAGE, "call", "DIR/x.so", "GET");
}
END_TEST

START_TEST(options_come_from_set)
{
    given("x.so", "static int tell(ngi_request *r) { return ngi_text(r, 200, ngi_option(r->ngi, \"word\")); }\n"
                  "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", tell), { 0 } };\n"
                  "static const ngi_option_spec options[] = { { \"word\", NGI_STRING, \"none\", 0, 0, NULL }, { 0 } "
                  "};\n"
                  "NGI_PLUGIN_FULL(.name = \"x\", .routes = rows, .options = options)");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 4\r\n\r\nnone", "", "call", "DIR/x.so", "GET", "/");
    SAYS(0, TEXT_HEAD("200 OK") "Content-Length: 4\r\n\r\nfour", "", "call", "DIR/x.so", "GET", "/", "--set",
         "plugin.x.option.word=four");
}
END_TEST

START_TEST(a_plugin_that_is_refused_is_named)
{
    scratch_write(&dir, "x.so", "");
    SAYS(1, "", "postern: DIR/x.so: an empty file (a plugin is a shared object: cc -shared -fPIC)\n", "call",
         "DIR/x.so", "GET", "/");
}
END_TEST

START_TEST(a_header_without_colon_is_a_mistake_of_use)
{
    given_echo();
    SAYS(2, "", "postern: -H \"X-Colour red\": write 'Name: value'\n", "call", "DIR/x.so", "GET", "/", "-H",
         "X-Colour red");
}
END_TEST

START_TEST(a_path_without_slash_is_a_mistake_of_use)
{
    struct command_result result;
    given_echo();
    RUN(&result, "call", "DIR/x.so", "GET", "items");
    ck_assert_int_eq(strncmp(result.err, "postern: call: GET items: ", 26), 0);
    ck_assert_int_eq(result.status, 2);
    command_free(&result);
}
END_TEST

START_TEST(a_method_with_a_space_is_a_mistake_of_use)
{
    given_echo();
    SAYS(2, "", "postern: call: G T /: the method is no token\n", "call", "DIR/x.so", "G T", "/");
}
END_TEST

Suite *call_suite(void)
{
    Suite *suite = suite_create("call");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, get_prints_the_response_as_http);
    tcase_add_test(tests, head_prints_no_body);
    tcase_add_test(tests, headers_are_given_by_h);
    tcase_add_test(tests, data_is_the_body);
    tcase_add_test(tests, data_comes_from_a_file_behind_an_at);
    tcase_add_test(tests, a_data_file_that_is_not_there_is_named);
    tcase_add_test(tests, a_path_below_the_name_is_that_of_serve);
    tcase_add_test(tests, a_path_that_only_begins_like_the_name_is_that_of_run);
    tcase_add_test(tests, a_path_without_route_is_404_and_a_failure);
    tcase_add_test(tests, a_method_without_route_is_405_and_a_failure);
    tcase_add_test(tests, a_404_of_the_handler_is_an_answer);
    tcase_add_test(tests, a_failing_handler_is_a_failure_in_its_own_words);
    tcase_add_test(tests, a_503_of_the_handler_is_a_failure);
    tcase_add_test(tests, a_handler_that_crashes_is_named_with_plugin_phase_and_route);
    tcase_add_test(tests, replay_takes_all_of_the_request_from_the_file);
    tcase_add_test(tests, a_file_that_is_no_request_is_named_with_its_line);
    tcase_add_test(tests, a_request_is_given_once);
    tcase_add_test(tests, a_constructor_that_crashes_is_named);
    tcase_add_test(tests, a_handler_that_runs_out_of_stack_is_named);
    tcase_add_test(tests, options_come_from_set);
    tcase_add_test(tests, a_plugin_that_is_refused_is_named);
    tcase_add_test(tests, a_header_without_colon_is_a_mistake_of_use);
    tcase_add_test(tests, a_path_without_slash_is_a_mistake_of_use);
    tcase_add_test(tests, a_method_with_a_space_is_a_mistake_of_use);
    return suite;
}
