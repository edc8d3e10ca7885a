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

#define WITH_ENTRY(flags, name)                                                                                        \
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"                                  \
    "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err);\n"                                         \
    "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n{\n"                                       \
    "    static const ngi_plugin self = { .size = sizeof self, .abi = NGI_ABI, .name = \"" name "\", .flags = " flags  \
    ", .routes = rows };\n"                                                                                            \
    "    (void)host, (void)err;\n    return &self;\n}\n"

START_TEST(a_plugin_that_must_be_isolated_is_good)
{
    given("x.so", "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
                  "NGI_PLUGIN_FULL(.name = \"x\", .flags = NGI_ISOLATE, .routes = rows)");
    accepted();
}
END_TEST

START_TEST(a_plugin_that_must_be_isolated_has_to_say_so_without_being_run)
{
    given("x.so", WITH_ENTRY("NGI_ISOLATE", "x"));
    refused("DIR/x.so: route \"/\" wants to run in host processes (NGI_ISOLATE), which its metadata does not say: "
            "build "
            "it with NGI_PLUGIN(…), or set plugin x { run = process }");
}
END_TEST

START_TEST(a_sandbox_wants_metadata)
{
    given("x.so", WITH_ENTRY("0", "x"));
    check_refuses("DIR/x.so: plugin.x.network: it has no metadata, so that its block is found only when its code has "
                  "run already, outside of every sandbox: build it with NGI_PLUGIN(…)",
                  (const char *const[]){ "--set", "plugin.x.run=process", "--set", "plugin.x.network=off", NULL });
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
    tcase_add_test(tests, a_plugin_that_must_be_isolated_is_good);
    tcase_add_test(tests, a_plugin_that_must_be_isolated_has_to_say_so_without_being_run);
    tcase_add_test(tests, a_sandbox_wants_metadata);
    return suite;
}
