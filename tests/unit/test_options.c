#include "plugin/options.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suites.h"

static const ngi_option_spec table[] = {
    { "quality", NGI_INT, "80", 1, 100, "JPEG quality" },
    { "share", NGI_FLOAT, "0.5", 0.25, 0.75, NULL },
    { "verbose", NGI_BOOL, "Off", 0, 0, NULL },
    { "title", NGI_STRING, "", 0, 10, NULL },
    { "database", NGI_STRING, NULL, 0, 0, "Path of the file" },
    { "any", NGI_INT, "-5", 0, 0, NULL },
    { 0 },
};

static struct options options;
static struct report report;

static void set_up(void)
{
    report = (struct report){ 0 };
}

static void tear_down(void)
{
    options_free(&options);
    report_free(&report);
}

/* Fills from "name=value" pairs, which stand in a.conf:1, a.conf:2 and so on. */
static int fill(const ngi_option_spec *specs, const char *const *pairs)
{
    static struct option_setting settings[8];
    static char names[8][32], places[8][16];
    struct plugin_settings set = { .options = settings };
    for (; *pairs; pairs++) {
        size_t i = set.option_count++, length = strcspn(*pairs, "=");
        snprintf(names[i], sizeof names[i], "%.*s", (int)length, *pairs);
        snprintf(places[i], sizeof places[i], "a.conf:%zu", i + 1);
        settings[i] = (struct option_setting){ names[i], (char *)*pairs + length + 1, places[i] };
    }
    options_free(&options);
    report_free(&report);
    return options_fill(&options, "p", specs, &set, &report);
}
#define FILL(specs, ...) fill(specs, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_value(const char *name, const char *value)
{
    ck_assert_ptr_nonnull(options_get(&options, name));
    ck_assert_str_eq(options_get(&options, name), value);
}

START_TEST(defaults_are_filled_in)
{
    ck_assert_int_eq(FILL(table, "database=/x"), NGI_OK);
    ck_assert_uint_eq(report.count, 0);
    assert_value("quality", "80");
    assert_value("share", "0.5");
    assert_value("verbose", "false"); /* in the spelling that ngi.h promises */
    assert_value("title", "");
    assert_value("database", "/x");
    ck_assert_ptr_null(options_get(&options, "Quality"));
    ck_assert_ptr_null(options_get(&options, ""));
}
END_TEST

START_TEST(a_plugin_without_options_takes_none)
{
    ck_assert_int_eq(options_fill(&options, "p", NULL, NULL, &report), NGI_OK);
    ck_assert_uint_eq(options.count, 0);
    ck_assert_int_eq(FILL(NULL, "x=1"), NGI_EINVAL);
    ck_assert_str_eq(report.lines[0], "a.conf:1: plugin p has no option \"x\": it takes none");
}
END_TEST

START_TEST(values_are_checked_by_type_and_range)
{
    static const struct {
        const char *set, *stored; /* NULL: refused */
        const char *why;
    } cases[] = {
        { "quality=1", "1", NULL },
        { "quality=100", "100", NULL },
        { "any=-9223372036854775808", "-9223372036854775808", NULL },
        { "quality=0", NULL, "0 is out of range: 1 to 100" },
        { "quality=101", NULL, "101 is out of range: 1 to 100" },
        { "quality=", NULL, "\"\" is no whole number" },
        { "quality=8.5", NULL, "\"8.5\" is no whole number" },
        { "quality= 8", NULL, "\" 8\" is no whole number" },
        { "any=9223372036854775808", NULL, "\"9223372036854775808\" is no whole number" },
        { "share=0.25", "0.25", NULL },
        { "share=.75", ".75", NULL },
        { "share=0.76", NULL, "0.76 is out of range: 0.25 to 0.75" },
        { "share=half", NULL, "\"half\" is no number" },
        { "share=nan", NULL, "\"nan\" is no number" },
        { "verbose=YES", "true", NULL },
        { "verbose=1", "true", NULL },
        { "verbose=no", "false", NULL },
        { "verbose=0", "false", NULL },
        { "verbose=2", NULL, "\"2\" is neither true nor false" },
        { "verbose=", NULL, "\"\" is neither true nor false" },
        { "title=0123456789", "0123456789", NULL },
        { "title=\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9x", NULL, "its length, 11 bytes, is out of range: 0 to 10" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32], line[160];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(cases[i].set, "="), cases[i].set);
        ck_assert_msg(FILL(table, cases[i].set, "database=x") == (cases[i].stored ? NGI_OK : NGI_EINVAL), "%s",
                      cases[i].set);
        if (cases[i].stored) {
            assert_value(name, cases[i].stored);
            continue;
        }
        snprintf(line, sizeof line, "a.conf:1: plugin p: option \"%s\": %s", name, cases[i].why);
        ck_assert_uint_eq(report.count, 1);
        ck_assert_str_eq(report.lines[0], line);
    }
}
END_TEST

START_TEST(what_must_be_set_says_how)
{
    ck_assert_int_eq(FILL(table, "quality=5"), NGI_EINVAL);
    ck_assert_uint_eq(report.count, 1);
    ck_assert_str_eq(report.lines[0], "plugin p: its option \"database\" must be set: "
                                      "plugin p { option { database = … } }  # Path of the file");
}
END_TEST

START_TEST(an_unknown_option_is_compared_with_those_there_are)
{
    ck_assert_int_eq(FILL(table, "database=x", "qualty=1", "entirely_other=2"), NGI_EINVAL);
    ck_assert_uint_eq(report.count, 2);
    ck_assert_str_eq(report.lines[0], "a.conf:2: plugin p has no option \"qualty\": did you mean \"quality\"?");
    ck_assert_str_eq(report.lines[1], "a.conf:3: plugin p has no option \"entirely_other\": postern inspect lists "
                                      "those it has");
}
END_TEST

START_TEST(all_mistakes_are_named_at_once)
{
    ck_assert_int_eq(FILL(table, "quality=x", "share=x", "nothing=x"), NGI_EINVAL);
    ck_assert_uint_eq(report.count, 4);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "\"quality\""));
    ck_assert_ptr_nonnull(strstr(report.lines[1], "\"share\""));
    ck_assert_ptr_nonnull(strstr(report.lines[2], "\"database\""));
    ck_assert_ptr_nonnull(strstr(report.lines[3], "\"nothing\""));
}
END_TEST

START_TEST(a_table_that_is_wrong_is_the_plugins_fault)
{
    static const ngi_option_spec wrong[] = {
        { "a", NGI_INT, "many", 0, 0, NULL },
        { "b", NGI_INT, "5", 10, 20, NULL },
        { "c", 9, "x", 0, 0, NULL },
        { "d e", NGI_STRING, "x", 0, 0, NULL },
        { "", NGI_STRING, "x", 0, 0, NULL },
        { "f", NGI_STRING, "x", 0, 0, NULL },
        { "f", NGI_INT, "1", 0, 0, NULL },
        { 0 },
    };
    ck_assert_int_eq(options_fill(&options, "p", wrong, NULL, &report), NGI_EINVAL);
    ck_assert_uint_eq(report.count, 6);
    ck_assert_str_eq(report.lines[3], "plugin p: its option \"d e\" has a name that no configuration can set; right are "
                                      "letters, digits and '_': a fault of the plugin");
    ck_assert_ptr_nonnull(strstr(report.lines[4], "its option \"\" has a name that no configuration can set"));
    ck_assert_str_eq(report.lines[5], "plugin p: its option \"f\" is there twice: a fault of the plugin");
    ck_assert_str_eq(report.lines[0], "plugin p: the default of its option \"a\": \"many\" is no whole number: a fault "
                                      "of the plugin");
    ck_assert_str_eq(report.lines[1], "plugin p: the default of its option \"b\": 5 is out of range: 10 to 20: a fault "
                                      "of the plugin");
    ck_assert_ptr_nonnull(strstr(report.lines[2], "its type 9 in the plugin's table is unknown"));
}
END_TEST

START_TEST(a_long_value_is_refused_in_few_words)
{
    char value[2000] = "quality=";
    memset(value + 8, 'x', sizeof value - 9);
    value[sizeof value - 1] = '\0';
    ck_assert_int_eq(FILL(table, value, "database=x"), NGI_EINVAL);
    ck_assert_uint_lt(strlen(report.lines[0]), 400);
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = tcase_create("options");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, defaults_are_filled_in);
    tcase_add_test(tests, a_plugin_without_options_takes_none);
    tcase_add_test(tests, values_are_checked_by_type_and_range);
    tcase_add_test(tests, what_must_be_set_says_how);
    tcase_add_test(tests, an_unknown_option_is_compared_with_those_there_are);
    tcase_add_test(tests, all_mistakes_are_named_at_once);
    tcase_add_test(tests, a_table_that_is_wrong_is_the_plugins_fault);
    tcase_add_test(tests, a_long_value_is_refused_in_few_words);
    suite_add_tcase(suite, tests);
    return suite;
}
