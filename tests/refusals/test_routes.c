/* Route tables: each bad row is named, all of them at once. */
#include <stdio.h>
#include <string.h>

#include "tests/refusals/refusal.h"

/* A plugin with these rows. */
static void given_rows(const char *rows)
{
    char text[4096];
    snprintf(text, sizeof text, "NGI_PLUGIN(\"x\", \"1.0\", %s)", rows);
    given("x.so", text);
}

/* A plugin with one route is refused for its pattern (as C writes it) with these words. */
static void pattern_refused(const char *pattern, const char *words)
{
    char rows[512], line[512], *out = line + sprintf(line, "DIR/x.so: route \"");
    snprintf(rows, sizeof rows, "NGI_ROUTE(NGI_GET, \"%s\", answer)", pattern);
    for (; *pattern; pattern++)
        if (*pattern != '\\')
            *out++ = *pattern;
    snprintf(out, 256, "\": %s", words);
    given_rows(rows);
    refused(line);
}

START_TEST(a_pattern_begins_with_slash_or_tilde)
{
    pattern_refused("items", "a pattern begins with '/' (template) or '~' (PCRE2)");
}
END_TEST

START_TEST(an_empty_pattern_is_refused)
{
    pattern_refused("", "a pattern begins with '/' (template) or '~' (PCRE2)");
}
END_TEST

START_TEST(a_parameter_has_a_name)
{
    pattern_refused("/{9}", "\"{9}\" is no parameter: write {name} or, at the end, {name...}");
}
END_TEST

START_TEST(empty_braces_are_no_parameter)
{
    pattern_refused("/{}", "\"{}\" is no parameter: write {name} or, at the end, {name...}");
}
END_TEST

START_TEST(a_parameter_is_there_once)
{
    pattern_refused("/{id}/{id}", "the parameter {id} is there twice");
}
END_TEST

START_TEST(a_parameter_is_a_whole_segment)
{
    pattern_refused("/item-{id}", "a parameter is a whole segment, \"item-{id}\" is not: use a ~pattern");
}
END_TEST

START_TEST(nothing_follows_a_parameter_that_takes_all)
{
    pattern_refused("/{path...}/edit", "{name...} takes all that is left: nothing may follow it");
}
END_TEST

START_TEST(a_pattern_has_no_query)
{
    pattern_refused("/search?q", "a pattern is a path, without '?' or '#'");
}
END_TEST

START_TEST(an_empty_segment_would_never_match)
{
    pattern_refused("/a//b", "an empty segment (\"//\"): paths are normalised, it would never match");
}
END_TEST

START_TEST(a_dot_segment_would_never_match)
{
    pattern_refused("/a/../b", "a \"..\" segment: paths are normalised, it would never match");
}
END_TEST

START_TEST(an_expression_gives_pcre2s_words_and_the_offset)
{
    pattern_refused("~^/item/(", "missing closing parenthesis, at offset 8 of the expression");
}
END_TEST

START_TEST(a_group_too_many_is_refused)
{
    pattern_refused("~(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)(m)(n)(o)(p)(q)", "17 capture groups; 16 are allowed: write "
                                                                            "(?:…) for those nobody reads");
}
END_TEST

START_TEST(a_route_without_handler_or_pattern_is_refused)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/\", answer), NGI_ROUTE(NGI_GET, \"/a\", NULL), NGI_ROUTE(NGI_GET, NULL, answer)");
    refused("DIR/x.so: route 2 has no handler\nDIR/x.so: route 3 has no pattern");
}
END_TEST

START_TEST(a_duplicate_route_names_the_first)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/a\", answer), NGI_ROUTE(NGI_GET | NGI_POST, \"/a\", answer)");
    refused("DIR/x.so: route \"/a\": duplicate route: \"/a\" already serves GET there");
}
END_TEST

START_TEST(other_parameter_names_do_not_make_another_route)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/items/{id}\", answer), NGI_ROUTE(NGI_GET, \"/items/{name}\", answer)");
    refused("DIR/x.so: route \"/items/{name}\": duplicate route: \"/items/{id}\" already serves GET there");
}
END_TEST

START_TEST(the_same_shape_with_other_methods_is_fine)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/items/{id}\", answer), NGI_ROUTE(NGI_PUT, \"/items/{name}\", answer)");
    accepted();
}
END_TEST

START_TEST(a_duplicate_expression_is_refused)
{
    given_rows("NGI_ROUTE(NGI_ANY, \"~^/a\", answer), NGI_ROUTE(NGI_PUT, \"~^/a\", answer)");
    refused("DIR/x.so: route \"~^/a\": duplicate route: \"~^/a\" already serves PUT there");
}
END_TEST

START_TEST(a_route_that_must_be_isolated_is_good)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/\", answer), NGI_ROUTE(NGI_GET, \"/danger\", answer, NGI_ISOLATE)");
    accepted();
}
END_TEST

START_TEST(all_bad_rows_are_named_at_once)
{
    given_rows("NGI_ROUTE(NGI_GET, \"/{a}{b}\", answer), NGI_ROUTE(NGI_GET, \"/good\", answer), "
               "NGI_ROUTE(NGI_GET, \"~[\", answer)");
    refused("DIR/x.so: route \"/{a}{b}\": \"{a}{b}\" is no parameter: write {name} or, at the end, {name...}\n"
            "DIR/x.so: route \"~[\": missing terminating ] for character class, at offset 1 of the expression");
}
END_TEST

Suite *routes_suite(void)
{
    Suite *suite = suite_create("routes");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_pattern_begins_with_slash_or_tilde);
    tcase_add_test(tests, an_empty_pattern_is_refused);
    tcase_add_test(tests, a_parameter_has_a_name);
    tcase_add_test(tests, empty_braces_are_no_parameter);
    tcase_add_test(tests, a_parameter_is_there_once);
    tcase_add_test(tests, a_parameter_is_a_whole_segment);
    tcase_add_test(tests, nothing_follows_a_parameter_that_takes_all);
    tcase_add_test(tests, a_pattern_has_no_query);
    tcase_add_test(tests, an_empty_segment_would_never_match);
    tcase_add_test(tests, a_dot_segment_would_never_match);
    tcase_add_test(tests, an_expression_gives_pcre2s_words_and_the_offset);
    tcase_add_test(tests, a_group_too_many_is_refused);
    tcase_add_test(tests, a_route_without_handler_or_pattern_is_refused);
    tcase_add_test(tests, a_duplicate_route_names_the_first);
    tcase_add_test(tests, other_parameter_names_do_not_make_another_route);
    tcase_add_test(tests, the_same_shape_with_other_methods_is_fine);
    tcase_add_test(tests, a_duplicate_expression_is_refused);
    tcase_add_test(tests, a_route_that_must_be_isolated_is_good);
    tcase_add_test(tests, all_bad_rows_are_named_at_once);
    return suite;
}
