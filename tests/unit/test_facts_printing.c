/* The facts as text and as JSON. */
#include "plugin/facts.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/flags.h"
#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

static char *printed(int (*print)(const struct facts *facts, const char *path, FILE *out))
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    ck_assert_int_eq(print(facts, "/facts_dir/x.so", out), NGI_OK);
    fclose(out);
    return text;
}

START_TEST(facts_print_as_a_table)
{
    build(full_plugin, TINY "=0xabcdef01");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_str_eq(text, "file       /facts_dir/x.so\n"
                           "name       full\n"
                           "version    2.1\n"
                           "summary    All of it\n"
                           "interface  NGI 1.0\n"
                           "build-id   abcdef01\n"
                           "flags      NGI_ISOLATE\n"
                           "routes     ANY  /\n"
                           "           PUT  /{x}\n"
                           "options    quality  int     default 80   1 to 100      JPEG quality\n"
                           "           file     string  required\n"
                           "           share    float   default 0.5  0.25 to 0.75\n"
                           "needs      none\n"
                           "unresolved none\n");
    free(text);
}
END_TEST

START_TEST(facts_print_as_json)
{
    const char *name, *pattern, *method, *flag, *type, *value, *abi;
    double least;
    int most, entry;
    json_t *absent;
    build(full_plugin, TINY);
    inspect_good();
    char *text = printed(facts_print_json);
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_int_eq(json_unpack(object,
                                 "{s:s, s:s, s:[s], s:[{s:[s], s:s, s:[]}, {}], s:b,"
                                 " s:[{s:s, s:s, s:i}, {s:o}, {s:f}], s:[], s:[]}",
                                 "name", &name, "abi", &abi, "flags", &flag, "routes", "methods", &method, "pattern",
                                 &pattern, "flags", "entry", &entry, "options", "type", &type, "default", &value, "max",
                                 &most, "default", &absent, "min", &least, "needs", "unresolved"),
                     0);
    ck_assert_str_eq(name, "full");
    ck_assert_str_eq(abi, "1.0");
    ck_assert_str_eq(flag, "NGI_ISOLATE");
    ck_assert_str_eq(method, "ANY");
    ck_assert_str_eq(pattern, "/");
    ck_assert_str_eq(type, "int");
    ck_assert_str_eq(value, "80");
    ck_assert_int_eq(most, 100);
    ck_assert(json_is_null(absent));
    ck_assert_double_eq(least, 0.25);
    ck_assert(entry);
    json_decref(object);
    free(text);
}
END_TEST

START_TEST(bytes_from_the_file_reach_neither_terminal_nor_json_unescaped)
{
    build("#include <ngi.h>\nNGI_PLUGIN_FULL(.name = \"a\\033[31m\\n\\177b\", .version = \"\\377\\302\\233\\303\\274\","
          " .summary = \"\\355\\240\\200\")\n",
          "");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_ptr_nonnull(strstr(text, "name       a\\x1b[31m\\n\\x7fb\n"));
    ck_assert_ptr_nonnull(strstr(text, "version    \\xff\\xc2\\x9b\303\274\n"));
    ck_assert_ptr_nonnull(strstr(text, "summary    \\xed\\xa0\\x80\n"));
    free(text);
    text = printed(facts_print_json);
    json_t *object = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_string_value(json_object_get(object, "name")), "a\033[31m\n\177b");
    ck_assert_str_eq(json_string_value(json_object_get(object, "version")), "\357\277\275\302\233\303\274");
    for (const char *c = text; *c; c++)
        ck_assert((*c >= ' ' && *c < 0x7f) || *c == '\n');
    json_decref(object);
    free(text);
}
END_TEST

START_TEST(numbers_that_are_none_print)
{
    build("#include <ngi.h>\nstatic const ngi_option_spec rows[] = {\n"
          "    { \"a\", 77, \"\", __builtin_nan(\"\"), __builtin_inf(), \"\" }, { 0 } };\n"
          "NGI_PLUGIN_FULL(.name = \"x\", .options = rows)\n",
          "");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_ptr_nonnull(strstr(text, "options    a  type 77  default   nan to inf\n"));
    free(text);
    text = printed(facts_print_json);
    ck_assert_ptr_nonnull(strstr(text, "\"min\": null"));
    free(text);
}
END_TEST

START_TEST(a_plugin_without_entry_or_metadata_says_so)
{
    build("int nothing(void); int nothing(void) { return 0; }\n", "-Wl,--build-id=none -nostdlib");
    inspect_good();
    char *text = printed(facts_print);
    ck_assert_str_eq(text, "file       /facts_dir/x.so\n"
                           "interface  not described in the file (no section ngi_plugin): known once it is loaded\n"
                           "entry      none: it exports no function ngi_plugin_v1\n"
                           "needs      none\n"
                           "unresolved none\n");
    free(text);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    build(full_plugin, TINY);
    inspect_good();
    FILE *full = fopen("/dev/full", "w");
    ck_assert_int_eq(facts_print(facts, "x", full), NGI_EIO);
    fclose(full);
    full = fopen("/dev/full", "w");
    ck_assert_int_eq(facts_print_json(facts, "x", full), NGI_EIO);
    fclose(full);
}
END_TEST

START_TEST(flags_have_names)
{
    char text[FLAGS_TEXT_SIZE];
    flags_list(0, text);
    ck_assert_str_eq(text, "");
    flags_list(NGI_MAY_BLOCK | NGI_SERIAL, text);
    ck_assert_str_eq(text, "NGI_MAY_BLOCK, NGI_SERIAL");
    flags_list(0x40, text);
    ck_assert_str_eq(text, "0x40");
    flags_list(0xffffffff, text);
    ck_assert_str_eq(text, "NGI_MAY_BLOCK, NGI_NEVER_BLOCKS, NGI_SERIAL, NGI_ISOLATE, NGI_STREAM_BODY, 0xffffffe0");
}
END_TEST

Suite *facts_printing_suite(void)
{
    Suite *suite = suite_create("facts_printing");
    TCase *tests = facts_case(suite, "printing", 60);
    tcase_add_test(tests, facts_print_as_a_table);
    tcase_add_test(tests, facts_print_as_json);
    tcase_add_test(tests, bytes_from_the_file_reach_neither_terminal_nor_json_unescaped);
    tcase_add_test(tests, numbers_that_are_none_print);
    tcase_add_test(tests, a_plugin_without_entry_or_metadata_says_so);
    tcase_add_test(tests, a_full_disk_is_an_error);
    tcase_add_test(tests, flags_have_names);
    return suite;
}
