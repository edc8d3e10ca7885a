#include "http/router.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

static struct router *router;
static struct route_match match;
static ngi_error err;

static void set_up(void)
{
    router = router_new();
    ck_assert_ptr_nonnull(router);
    err = (ngi_error){ 0 };
}

static void tear_down(void)
{
    router_free(router);
    router = NULL;
}

static void add_as(uint32_t methods, const char *pattern, const char *data)
{
    ck_assert_msg(router_add(router, methods, pattern, (void *)data, &err) == NGI_OK, "%s: %s", pattern, err.text);
}

/* The pattern's own text is what a match gives back. */
static void add(uint32_t methods, const char *pattern)
{
    add_as(methods, pattern, pattern);
}

static int find(uint32_t method, const char *path)
{
    return router_find(router, method, path, strlen(path), &match);
}

/* NULL: no route has this path. */
static void assert_found(uint32_t method, const char *path, const char *pattern)
{
    int rc = find(method, path);
    ck_assert_msg(rc == (pattern ? NGI_OK : NGI_ENOENT), "%s: %d", path, rc);
    if (pattern)
        ck_assert_str_eq(match.data, pattern);
}

/* "-": there is no such parameter, or it took no part. */
static void assert_param(const char *name, const char *value)
{
    const struct capture *capture = route_match_param(&match, name);
    char text[64] = "-";
    if (capture)
        snprintf(text, sizeof text, "%.*s", (int)capture->length, capture->start);
    ck_assert_str_eq(text, value);
}

/* --- templates ---------------------------------------------------------------------------------------------- */

/* A literal beats {name}, which beats {name...}, segment by segment from the left; a trailing slash counts. */
static const char *const templates[] = {
    "/",      "/a",     "/a/",      "/{x}",         "/{x}/",    "/{all...}", "/a/b",
    "/a/{y}", "/{x}/b", "/{x}/{y}", "/a/{rest...}", "/a/{y}/c", "/{x}/b/d",  "/files/{path...}",
};

static const struct {
    const char *path, *pattern;
} best[] = {
    { "/", "/" },
    { "/a", "/a" },
    { "/a/", "/a/" },
    { "/b", "/{x}" },
    { "/b/", "/{x}/" },
    { "/a/b", "/a/b" },
    { "/a/z", "/a/{y}" },
    { "/z/b", "/{x}/b" },
    { "/z/z", "/{x}/{y}" },
    { "/a/z/c", "/a/{y}/c" },
    { "/a/b/c", "/a/{y}/c" },     /* back from /a/b, which has nothing below it */
    { "/a/b/d", "/a/{rest...}" }, /* not /{x}/b/d: its first segment is less specific */
    { "/z/b/d", "/{x}/b/d" },
    { "/z/b/e", "/{all...}" },
    { "/a/b/", "/a/{rest...}" },
    { "/files/", "/files/{path...}" }, /* {path...} takes nothing too */
    { "/files", "/{x}" },
    { "/files/a", "/files/{path...}" },
    { "/files/b", "/files/{path...}" }, /* not /{x}/b */
    { "/files/a/b/", "/files/{path...}" },
    { "/x/y/z", "/{all...}" },
    { "/A", "/{x}" },
};

START_TEST(the_most_specific_template_wins_whatever_the_order)
{
    enum { COUNT = sizeof templates / sizeof *templates };
    unsigned random = (unsigned)_i;
    const char *shuffled[COUNT];
    memcpy(shuffled, templates, sizeof shuffled);
    for (size_t i = COUNT - 1; i > 0; i--) {
        size_t other = (size_t)rand_r(&random) % (i + 1);
        const char *kept = shuffled[i];
        shuffled[i] = shuffled[other];
        shuffled[other] = kept;
    }
    for (size_t i = 0; i < COUNT; i++)
        add(NGI_GET, shuffled[i]);
    for (size_t i = 0; i < sizeof best / sizeof *best; i++)
        assert_found(NGI_GET, best[i].path, best[i].pattern);
}
END_TEST

START_TEST(parameters_have_names_and_numbers)
{
    add(NGI_GET, "/{a}/x/{b}/{rest...}");
    assert_found(NGI_GET, "/1/x/two words/3/4/", "/{a}/x/{b}/{rest...}");
    ck_assert_uint_eq(match.count, 3);
    assert_param("a", "1");
    assert_param("b", "two words");
    assert_param("rest", "3/4/");
    assert_param("1", "1");
    assert_param("2", "two words");
    assert_param("3", "3/4/");
    assert_param("0", "-");
    assert_param("4", "-");
    assert_param("c", "-");
    assert_param("", "-");
    assert_param("18446744073709551617", "-");
}
END_TEST

START_TEST(a_rest_of_nothing_is_empty_not_absent)
{
    add(NGI_GET, "/files/{path...}");
    assert_found(NGI_GET, "/files/", "/files/{path...}");
    ck_assert_ptr_nonnull(route_match_param(&match, "path"));
    assert_param("path", "");
    assert_found(NGI_GET, "/files", NULL);
    assert_found(NGI_GET, "/file", NULL);
}
END_TEST

START_TEST(a_parameter_is_not_empty)
{
    add(NGI_GET, "/{a}");
    add(NGI_GET, "/x/{b}/y");
    assert_found(NGI_GET, "/", NULL);
    assert_found(NGI_GET, "/x//y", NULL);
    assert_found(NGI_GET, "/x/y", NULL);
}
END_TEST

/* Captures of a branch that failed must not show in the one that succeeds. */
START_TEST(a_way_back_leaves_no_capture)
{
    add(NGI_GET, "/{a}/{b}/{c}/end");
    add(NGI_GET, "/{only...}");
    assert_found(NGI_GET, "/1/2/3/other", "/{only...}");
    ck_assert_uint_eq(match.count, 1);
    assert_param("only", "1/2/3/other");
    assert_param("a", "-");
    assert_param("2", "-");
}
END_TEST

START_TEST(the_path_ends_where_its_length_says)
{
    add(NGI_GET, "/a");
    ck_assert_int_eq(router_find(router, NGI_GET, "/abc", 2, &match), NGI_OK);
    ck_assert_int_eq(router_find(router, NGI_GET, "/abc", 3, &match), NGI_ENOENT);
    ck_assert_int_eq(router_find(router, NGI_GET, "", 0, &match), NGI_ENOENT);
    ck_assert_int_eq(router_find(router, NGI_GET, "a", 1, &match), NGI_ENOENT);
    ck_assert_int_eq(router_find(router, NGI_GET, "/a\0b", 4, &match), NGI_ENOENT);
}
END_TEST

/* --- methods ------------------------------------------------------------------------------------------------ */

/* RFC 9110 section 9.3.2: HEAD is GET without the content. */
START_TEST(a_get_route_serves_head)
{
    add(NGI_GET, "/a");
    add(NGI_GET, "/b");
    add_as(NGI_HEAD, "/b", "head of b");
    add(NGI_HEAD, "/{x}");
    assert_found(NGI_HEAD, "/a", "/a"); /* the more specific one, though another names HEAD */
    assert_found(NGI_HEAD, "/b", "head of b");
    assert_found(NGI_GET, "/b", "/b");
    assert_found(NGI_HEAD, "/c", "/{x}");
    ck_assert_int_eq(find(NGI_GET, "/c"), NGI_EPERM); /* and not the other way round */
}
END_TEST

START_TEST(where_the_best_lacks_the_method_the_next_best_is_asked)
{
    add(NGI_GET, "/a/b");
    add(NGI_POST, "/a/{x}");
    add(NGI_PUT, "/{all...}");
    add(NGI_DELETE, "~^/a/b$");
    assert_found(NGI_GET, "/a/b", "/a/b");
    assert_found(NGI_POST, "/a/b", "/a/{x}");
    assert_param("x", "b");
    assert_found(NGI_PUT, "/a/b", "/{all...}");
    assert_found(NGI_DELETE, "/a/b", "~^/a/b$");
}
END_TEST

/* RFC 9110 section 15.5.6: Allow names all methods that the path does serve, not those of the best route only. */
START_TEST(a_method_that_nobody_serves_tells_who_would)
{
    add(NGI_GET, "/a/b");
    add_as(NGI_POST, "/a/b", "post");
    add(NGI_PUT, "/a/{x}");
    add(NGI_DELETE, "~^/a/b$");
    add(NGI_PATCH, "/{x}");
    ck_assert_int_eq(find(NGI_OPTIONS, "/a/b"), NGI_EPERM);
    ck_assert_uint_eq(match.allow, NGI_GET | NGI_POST | NGI_PUT | NGI_DELETE);
    ck_assert_ptr_null(match.data);
    ck_assert_int_eq(find(NGI_GET, "/a/c"), NGI_EPERM);
    ck_assert_uint_eq(match.allow, NGI_PUT);
    ck_assert_int_eq(find(NGI_GET, "/c/c"), NGI_ENOENT);
    ck_assert_uint_eq(match.allow, 0);
}
END_TEST

START_TEST(any_takes_extension_methods)
{
    add(NGI_ANY, "/any");
    add(NGI_GET | NGI_POST, "/some");
    assert_found(0x80000000u, "/any", "/any");
    assert_found(NGI_OPTIONS, "/any", "/any");
    ck_assert_int_eq(find(0x80000000u, "/some"), NGI_EPERM);
}
END_TEST

/* --- literal templates among others -------------------------------------------------------------------------- */

/* Up to three segments; as a template with "{…}" only if `general`. The empty one is a trailing slash. */
static void make_text(unsigned *random, bool general, char *text)
{
    static const char *const segments[] = { "a", "b", "list", "", "{p}", "{q}", "{rest...}" };
    unsigned depth = 1 + (unsigned)rand_r(random) % 3;
    for (unsigned i = 0; i < depth; i++) {
        unsigned pick = (unsigned)rand_r(random) % (general && i + 1 == depth ? 7 : 4);
        if (pick == 3 && i + 1 < depth)
            pick = general ? 4 + i : 2;
        text += sprintf(text, "/%s", segments[pick]);
    }
}

static uint32_t any_method(unsigned *random)
{
    static const uint32_t methods[] = { NGI_GET, NGI_HEAD, NGI_POST, NGI_PUT };
    return methods[rand_r(random) % 4];
}

/* Literal templates are found by the whole path, the others in a tree. Together they must answer as the literal ones do
 * alone, and where those do not serve the method, as the others do, or with the methods of both. */
START_TEST(literal_templates_answer_first_and_the_others_as_without_them)
{
    enum { ROUTES = 30, PATHS = 200 };
    struct router *literals = router_new(), *others = router_new();
    unsigned random = (unsigned)_i;
    char texts[ROUTES][64], path[64];
    ck_assert(literals && others);
    for (unsigned i = 0; i < ROUTES; i++) {
        make_text(&random, i % 2, texts[i]);
        struct router *part = strchr(texts[i], '{') ? others : literals;
        uint32_t methods = any_method(&random) | any_method(&random);
        int rc = router_add(part, methods, texts[i], texts[i], &err);
        ck_assert_int_eq(router_add(router, methods, texts[i], texts[i], &err), rc);
    }
    for (unsigned i = 0; i < PATHS; i++) {
        struct route_match first, second;
        uint32_t method = any_method(&random);
        make_text(&random, false, path);
        int rc = router_find(literals, method, path, strlen(path), &first);
        int second_rc = router_find(others, method, path, strlen(path), &second);
        const struct route_match *expected = rc == NGI_OK ? &first : &second;
        uint32_t allow = first.allow | second.allow;
        rc = rc == NGI_OK || second_rc == NGI_OK ? NGI_OK : allow ? NGI_EPERM : NGI_ENOENT;
        ck_assert_msg(find(method, path) == rc, "%s: not %d", path, rc);
        ck_assert_ptr_eq(match.data, rc == NGI_OK ? expected->data : NULL);
        if (rc == NGI_EPERM)
            ck_assert_uint_eq(match.allow, allow);
        if (rc != NGI_OK)
            continue;
        ck_assert_uint_eq(match.count, expected->count);
        for (unsigned capture = 0; capture < match.count; capture++) {
            ck_assert_ptr_eq(match.captures[capture].start, expected->captures[capture].start);
            ck_assert_uint_eq(match.captures[capture].length, expected->captures[capture].length);
        }
    }
    router_free(literals);
    router_free(others);
}
END_TEST

/* A node with one literal child compares it, one with several looks it up. */
START_TEST(a_second_literal_segment_does_not_hide_the_first)
{
    static const char *const patterns[] = { "/x/a/{p}", "/x/b/{p}", "/x/ab/{p}", "/x/c/{p...}", "/{p}/a", "/{p}/b" };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        add(NGI_GET, patterns[i]);
        assert_found(NGI_GET, "/x/a/1", "/x/a/{p}");
        assert_found(NGI_GET, "/x/b/1", i >= 1 ? "/x/b/{p}" : NULL);
        assert_found(NGI_GET, "/x/ab/1", i >= 2 ? "/x/ab/{p}" : NULL);
        assert_found(NGI_GET, "/x/c/1", i >= 3 ? "/x/c/{p...}" : NULL);
        assert_found(NGI_GET, "/x/a", i >= 4 ? "/{p}/a" : NULL);
        assert_found(NGI_GET, "/z/b", i >= 5 ? "/{p}/b" : NULL);
        assert_found(NGI_GET, "/x/abc/1", NULL);
    }
}
END_TEST

/* --- what is refused ---------------------------------------------------------------------------------------- */

START_TEST(bad_patterns_are_refused_with_the_reason)
{
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        { "", "a pattern begins with '/' (template) or '~' (PCRE2)" },
        { "a", "a pattern begins with '/' (template) or '~' (PCRE2)" },
        { "/a{b}", "a parameter is a whole segment, \"a{b}\" is not: use a ~pattern" },
        { "/{a}b", "a parameter is a whole segment, \"{a}b\" is not: use a ~pattern" },
        { "/{", "a parameter is a whole segment, \"{\" is not: use a ~pattern" },
        { "/{}", "\"{}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/}a{", "a parameter is a whole segment, \"}a{\" is not: use a ~pattern" },
        { "/{1}", "\"{1}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{a-b}", "\"{a-b}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{a:int}", "\"{a:int}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{...}", "\"{...}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{a..}", "\"{a..}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{{a}}", "\"{{a}}\" is no parameter: write {name} or, at the end, {name...}" },
        { "/{a}/{a}", "the parameter {a} is there twice" },
        { "/{a}/{a...}", "the parameter {a} is there twice" },
        { "/{a...}/b", "{name...} takes all that is left: nothing may follow it" },
        { "/{a...}/", "{name...} takes all that is left: nothing may follow it" },
        { "/a?b=c", "a pattern is a path, without '?' or '#'" },
        { "/a#b", "a pattern is a path, without '?' or '#'" },
        { "//", "an empty segment (\"//\"): paths are normalised, it would never match" },
        { "/a//b", "an empty segment (\"//\"): paths are normalised, it would never match" },
        { "/.", "a \".\" segment: paths are normalised, it would never match" },
        { "/a/../b", "a \"..\" segment: paths are normalised, it would never match" },
        { "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}", "more than 16 parameters" },
        { "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q...}", "more than 16 parameters" },
        { "~(", "missing closing parenthesis, at offset 1 of the expression" },
        { "~()()()()()()()()()()()()()()()()()", "17 capture groups; 16 are allowed: write (?:…) for those nobody "
                                                 "reads" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(router_add(router, NGI_GET, cases[i].pattern, router, &err) == NGI_EINVAL, "%s",
                      cases[i].pattern);
        ck_assert_int_eq(err.code, NGI_EINVAL);
        ck_assert_str_eq(err.text, cases[i].text);
    }
    ck_assert_int_eq(router_add(router, 0, "/a", router, &err), NGI_EINVAL);
    ck_assert_str_eq(err.text, "a route without methods");
}
END_TEST

/* A pattern that was refused half-way leaves nothing that matches, and nothing that disturbs what comes later. */
START_TEST(a_refused_pattern_leaves_no_route)
{
    ck_assert_int_eq(router_add(router, NGI_GET, "/a/b/{c}/{c}", router, &err), NGI_EINVAL);
    ck_assert_int_eq(router_add(router, NGI_GET, "/a/b/{c...}/d", router, &err), NGI_EINVAL);
    ck_assert_int_eq(router_add(router, NGI_GET, "~^/(", router, &err), NGI_EINVAL);
    static const char *const paths[] = { "/", "/a", "/a/b", "/a/b/", "/a/b/x", "/a/b/x/y", "/a/b/x/d" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_found(NGI_GET, paths[i], NULL);
    add(NGI_GET, "/a/b/{x}");
    add(NGI_GET, "/{x...}");
    assert_found(NGI_GET, "/a/b/c", "/a/b/{x}");
    assert_found(NGI_GET, "/a/b/c/d", "/{x...}");
}
END_TEST

/* Two templates are the same where their parameters differ in name only. */
START_TEST(duplicates_are_known_by_their_shape)
{
    static const char *const pairs[][2] = {
        { "/", "/" },
        { "/a", "/a" },
        { "/{a}", "/{b}" },
        { "/x/{a}/y", "/x/{b}/y" },
        { "/z/{a...}", "/z/{b...}" },
        { "~^/p$", "~^/p$" },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[128];
        add(NGI_GET | NGI_POST, pairs[i][0]);
        ck_assert_int_eq(router_add(router, NGI_POST | NGI_PUT, pairs[i][1], router, &err), NGI_EBUSY);
        snprintf(text, sizeof text, "duplicate route: \"%s\" already serves POST there", pairs[i][0]);
        ck_assert_str_eq(err.text, text);
        ck_assert_int_eq(router_add(router, NGI_PUT, pairs[i][1], router, &err), NGI_OK);
        ck_assert_int_eq(router_add(router, NGI_PUT, pairs[i][0], router, &err), NGI_EBUSY);
    }
    add(NGI_GET, "/a/");
    add(NGI_GET, "/x/{a...}");
    add(NGI_GET, "~^/q$");
}
END_TEST

START_TEST(a_route_of_one_pattern_does_not_stand_in_the_way_of_another)
{
    add(NGI_GET, "~^/a$");
    add(NGI_POST, "~^/b$");
    add_as(NGI_POST, "~^/a$", "post");
    assert_found(NGI_POST, "/a", "post");
    assert_found(NGI_POST, "/b", "~^/b$");
}
END_TEST

START_TEST(each_template_has_its_own_names)
{
    add(NGI_GET, "/{id}");
    add(NGI_PUT, "/{name}");
    assert_found(NGI_GET, "/7", "/{id}");
    assert_param("id", "7");
    assert_param("name", "-");
    assert_found(NGI_PUT, "/7", "/{name}");
    assert_param("id", "-");
    assert_param("name", "7");
}
END_TEST

START_TEST(the_pattern_is_copied)
{
    char text[] = "/a/{b}";
    ck_assert_int_eq(router_add(router, NGI_GET, text, router, &err), NGI_OK);
    memset(text, 'x', sizeof text - 1);
    ck_assert_int_eq(find(NGI_GET, "/a/1"), NGI_OK);
    assert_param("b", "1");
    router_free(NULL);
}
END_TEST

Suite *router_suite(void)
{
    Suite *suite = suite_create("router");
    TCase *tests = tcase_create("router");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_loop_test(tests, the_most_specific_template_wins_whatever_the_order, 0, 30);
    tcase_add_test(tests, parameters_have_names_and_numbers);
    tcase_add_test(tests, a_rest_of_nothing_is_empty_not_absent);
    tcase_add_test(tests, a_parameter_is_not_empty);
    tcase_add_test(tests, a_way_back_leaves_no_capture);
    tcase_add_test(tests, the_path_ends_where_its_length_says);
    tcase_add_test(tests, a_get_route_serves_head);
    tcase_add_test(tests, where_the_best_lacks_the_method_the_next_best_is_asked);
    tcase_add_test(tests, a_method_that_nobody_serves_tells_who_would);
    tcase_add_test(tests, any_takes_extension_methods);
    tcase_add_loop_test(tests, literal_templates_answer_first_and_the_others_as_without_them, 0, 200);
    tcase_add_test(tests, a_second_literal_segment_does_not_hide_the_first);
    tcase_add_test(tests, bad_patterns_are_refused_with_the_reason);
    tcase_add_test(tests, a_refused_pattern_leaves_no_route);
    tcase_add_test(tests, duplicates_are_known_by_their_shape);
    tcase_add_test(tests, a_route_of_one_pattern_does_not_stand_in_the_way_of_another);
    tcase_add_test(tests, each_template_has_its_own_names);
    tcase_add_test(tests, the_pattern_is_copied);
    suite_add_tcase(suite, tests);
    return suite;
}
