/* The operator's values against the plugin's table. */
#include <stdio.h>

#include "tests/refusals/refusal.h"

/* A plugin "quiz" with these rows in its option table. */
static void given_options(const char *rows)
{
    char text[2048];
    snprintf(text, sizeof text,
             "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
             "static const ngi_option_spec options[] = { %s { 0 } };\n"
             "NGI_PLUGIN_FULL(.name = \"quiz\", .routes = routes, .options = options)",
             rows);
    given("quiz.so", text);
}

#define QUALITY "{ \"quality\", NGI_INT, \"80\", 1, 100, \"Of the picture\" },"

START_TEST(an_option_within_its_range_is_fine)
{
    given_options(QUALITY);
    SAYS(0, "1 plugin in DIR: good\n", "", "check", "--plugins", "DIR", "--set", "plugin.quiz.option.quality=100");
}
END_TEST

START_TEST(an_unknown_option_gets_the_nearest_name)
{
    given_options(QUALITY);
    REFUSED_WITH("--set: plugin quiz has no option \"qualty\": did you mean \"quality\"?", "--set",
                 "plugin.quiz.option.qualty=7");
}
END_TEST

START_TEST(an_option_unlike_any_other_points_at_inspect)
{
    given_options(QUALITY);
    REFUSED_WITH("--set: plugin quiz has no option \"colour\": postern inspect lists those it has", "--set",
                 "plugin.quiz.option.colour=red");
}
END_TEST

START_TEST(a_plugin_without_options_takes_none)
{
    given_good("x");
    REFUSED_WITH("--set: plugin x has no option \"quality\": it takes none", "--set", "plugin.x.option.quality=7");
}
END_TEST

START_TEST(a_number_out_of_range_tells_the_range)
{
    given_options(QUALITY);
    REFUSED_WITH("--set: plugin quiz: option \"quality\": 101 is out of range: 1 to 100", "--set",
                 "plugin.quiz.option.quality=101");
}
END_TEST

START_TEST(a_word_is_no_whole_number)
{
    given_options(QUALITY);
    REFUSED_WITH("--set: plugin quiz: option \"quality\": \"high\" is no whole number", "--set",
                 "plugin.quiz.option.quality=high");
}
END_TEST

START_TEST(a_fraction_is_no_whole_number)
{
    given_options(QUALITY);
    REFUSED_WITH("--set: plugin quiz: option \"quality\": \"7.5\" is no whole number", "--set",
                 "plugin.quiz.option.quality=7.5");
}
END_TEST

START_TEST(a_word_is_no_number)
{
    given_options("{ \"share\", NGI_FLOAT, \"0.5\", 0, 1, NULL },");
    REFUSED_WITH("--set: plugin quiz: option \"share\": \"half\" is no number", "--set",
                 "plugin.quiz.option.share=half");
}
END_TEST

START_TEST(not_a_number_is_in_no_range)
{
    given_options("{ \"share\", NGI_FLOAT, \"0.5\", 0, 1, NULL },");
    REFUSED_WITH("--set: plugin quiz: option \"share\": \"nan\" is no number", "--set", "plugin.quiz.option.share=nan");
}
END_TEST

START_TEST(a_word_is_no_truth)
{
    given_options("{ \"loud\", NGI_BOOL, \"no\", 0, 0, NULL },");
    REFUSED_WITH("--set: plugin quiz: option \"loud\": \"maybe\" is neither true nor false", "--set",
                 "plugin.quiz.option.loud=maybe");
}
END_TEST

START_TEST(a_text_too_long_tells_its_length)
{
    given_options("{ \"title\", NGI_STRING, \"quiz\", 1, 8, NULL },");
    REFUSED_WITH("--set: plugin quiz: option \"title\": its length, 9 bytes, is out of range: 1 to 8", "--set",
                 "plugin.quiz.option.title=questions");
}
END_TEST

START_TEST(a_missing_option_is_asked_for_with_its_help)
{
    given_options("{ \"file\", NGI_STRING, NULL, 0, 0, \"Where the questions are\" },");
    refused("plugin quiz: its option \"file\" must be set: plugin quiz { option { file = … } }  # Where the questions "
            "are");
}
END_TEST

START_TEST(a_bad_default_is_the_plugins_fault)
{
    given_options("{ \"quality\", NGI_INT, \"800\", 1, 100, NULL },");
    refused("plugin quiz: the default of its option \"quality\": 800 is out of range: 1 to 100: a fault of the plugin");
}
END_TEST

START_TEST(an_unknown_type_is_the_plugins_fault)
{
    given_options("{ \"quality\", 9, \"800\", 0, 0, NULL },");
    refused("plugin quiz: the default of its option \"quality\": its type 9 in the plugin's table is unknown: "
            "NGI_STRING, "
            "NGI_INT, NGI_FLOAT, NGI_BOOL: a fault of the plugin");
}
END_TEST

START_TEST(every_bad_option_is_named_at_its_line)
{
    given_options(QUALITY "{ \"loud\", NGI_BOOL, \"no\", 0, 0, NULL },");
    scratch_write(&dir, "gateway.conf",
                  "plugin quiz {\n    option {\n        quality = 0\n        loud = aye\n"
                  "        lout = on\n    }\n}\n");
    REFUSED_WITH("DIR/gateway.conf:3: plugin quiz: option \"quality\": 0 is out of range: 1 to 100\n"
                 "DIR/gateway.conf:4: plugin quiz: option \"loud\": \"aye\" is neither true nor false\n"
                 "DIR/gateway.conf:5: plugin quiz has no option \"lout\": did you mean \"loud\"?",
                 "-c", "DIR/gateway.conf");
}
END_TEST

Suite *options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, an_option_within_its_range_is_fine);
    tcase_add_test(tests, an_unknown_option_gets_the_nearest_name);
    tcase_add_test(tests, an_option_unlike_any_other_points_at_inspect);
    tcase_add_test(tests, a_plugin_without_options_takes_none);
    tcase_add_test(tests, a_number_out_of_range_tells_the_range);
    tcase_add_test(tests, a_word_is_no_whole_number);
    tcase_add_test(tests, a_fraction_is_no_whole_number);
    tcase_add_test(tests, a_word_is_no_number);
    tcase_add_test(tests, not_a_number_is_in_no_range);
    tcase_add_test(tests, a_word_is_no_truth);
    tcase_add_test(tests, a_text_too_long_tells_its_length);
    tcase_add_test(tests, a_missing_option_is_asked_for_with_its_help);
    tcase_add_test(tests, a_bad_default_is_the_plugins_fault);
    tcase_add_test(tests, an_unknown_type_is_the_plugins_fault);
    tcase_add_test(tests, every_bad_option_is_named_at_its_line);
    return suite;
}
