/* What a plugin says it is. */
#include <string.h>

#include "tests/refusals/refusal.h"

#define NAMED(name) "NGI_PLUGIN(" name ", \"1.0\", NGI_ROUTE(NGI_GET, \"/\", answer))"
#define NAME_RULE " is no name for a plugin: 1 to 64 letters, digits, '-', '_', '.', not beginning with '.'"
#define NO_ROUTES ": it has no routes: give it one, NGI_ROUTE(NGI_GET, \"/\", handler)"

START_TEST(a_name_with_other_characters_is_refused)
{
    given("x.so", NAMED("\"my plugin\""));
    refused("DIR/x.so: \"my plugin\"" NAME_RULE);
}
END_TEST

START_TEST(a_plugin_without_name_is_refused)
{
    given("x.so", NAMED("NULL"));
    refused("DIR/x.so: \"\"" NAME_RULE);
}
END_TEST

START_TEST(a_name_that_begins_with_a_dot_is_refused)
{
    given("x.so", NAMED("\"..\""));
    refused("DIR/x.so: \"..\"" NAME_RULE);
}
END_TEST

START_TEST(line_ends_in_a_name_do_not_forge_a_line)
{
    given("x.so", NAMED("\"a\\npostern: all is well\""));
    struct command_result result;
    RUN(&result, "serve", "--plugins", "DIR", "--listen", "127.0.0.1:0");
    ck_assert_ptr_null(strstr(result.err, "\npostern: all is well"));
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}
END_TEST

START_TEST(a_plugin_without_route_table_is_refused)
{
    given("x.so", "NGI_PLUGIN_FULL(.name = \"x\")");
    refused("DIR/x.so" NO_ROUTES);
}
END_TEST

START_TEST(an_empty_route_table_is_refused)
{
    given("x.so", "static const ngi_route rows[] = { { 0 } };\nNGI_PLUGIN_FULL(.name = \"x\", .routes = rows)");
    refused("DIR/x.so" NO_ROUTES);
}
END_TEST

START_TEST(a_plugin_that_must_be_isolated_is_refused)
{
    given("x.so", "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
                  "NGI_PLUGIN_FULL(.name = \"x\", .flags = NGI_ISOLATE, .routes = rows)");
    refused("DIR/x.so: it wants to run in host processes (NGI_ISOLATE), which this release does not offer yet");
}
END_TEST

START_TEST(a_flag_that_must_not_be_ignored_is_refused)
{
    given("x.so", "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer, 0x40000), { 0 } };\n"
                  "NGI_PLUGIN_FULL(.name = \"x\", .routes = rows)");
    refused("DIR/x.so: it has flags that this gateway does not know and must not ignore (0x40000): it was built for a "
            "newer one");
}
END_TEST

Suite *descriptor_suite(void)
{
    Suite *suite = suite_create("descriptor");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_flag_that_must_not_be_ignored_is_refused);
    tcase_add_test(tests, a_name_with_other_characters_is_refused);
    tcase_add_test(tests, a_plugin_without_name_is_refused);
    tcase_add_test(tests, a_name_that_begins_with_a_dot_is_refused);
    tcase_add_test(tests, line_ends_in_a_name_do_not_forge_a_line);
    tcase_add_test(tests, a_plugin_without_route_table_is_refused);
    tcase_add_test(tests, an_empty_route_table_is_refused);
    tcase_add_test(tests, a_plugin_that_must_be_isolated_is_refused);
    return suite;
}
