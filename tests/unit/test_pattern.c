#include "http/pattern.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/unit/suites.h"

static struct pattern *pattern;
static struct capture captures[ROUTE_CAPTURES_MAX];
static ngi_error err;

static void tear_down(void)
{
    pattern_free(pattern);
    pattern = NULL;
}

static void compile(const char *expression)
{
    pattern_free(pattern);
    pattern = NULL;
    ck_assert_msg(pattern_new(expression, &pattern, &err) == NGI_OK, "%s: %s", expression, err.text);
}

static int try(const char *subject)
{
    return pattern_match(pattern, subject, strlen(subject), captures);
}

static void assert_group(unsigned i, const char *value)
{
    ck_assert_uint_eq(captures[i].length, strlen(value));
    ck_assert_ptr_nonnull(captures[i].start);
    ck_assert_mem_eq(captures[i].start, value, strlen(value));
}

/* A router with these routes for GET; each gives back its own text. */
static struct router *route(const char *const *routes)
{
    struct router *router = router_new();
    for (; *routes; routes++)
        ck_assert_msg(router_add(router, NGI_GET, *routes, (void *)*routes, &err) == NGI_OK, "%s", err.text);
    return router;
}
#define ROUTE(...) route((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(an_expression_is_searched)
{
    static const struct {
        const char *expression, *subject;
        int rc;
    } cases[] = {
        { "b", "/abc", NGI_OK },
        { "^b", "/abc", NGI_ENOENT },
        { "^/item/\\d+$", "/item/42", NGI_OK },
        { "^/item/\\d+$", "/item/", NGI_ENOENT },
        { "^/item/\\d+$", "/item/4x", NGI_ENOENT },
        { "", "/", NGI_OK },
        { "(?i)^/A$", "/a", NGI_OK },
        { "^/A$", "/a", NGI_ENOENT },
        { "^/a$", "/a\n", NGI_ENOENT },      /* '$' is the end: %0A must not pass for it */
        { "^/a\\Z", "/a\n", NGI_OK },        /* who writes \Z asks for it */
        { "^/.$", "/\xc3\xa9", NGI_ENOENT }, /* paths are bytes: one 'é' is two */
        { "^/..$", "/\xc3\xa9", NGI_OK },
        { "^/\\xff$", "/\xff", NGI_OK },
        { "^/[^/]+$", "/a/b", NGI_ENOENT },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        compile(cases[i].expression);
        ck_assert_msg(try(cases[i].subject) == cases[i].rc, "%s", cases[i].expression);
    }
}
END_TEST

START_TEST(groups_have_numbers_and_names)
{
    compile("^/(?<year>\\d{4})/(\\d\\d)/(?<slug>.*)$");
    ck_assert_uint_eq(pattern_groups(pattern), 3);
    ck_assert_str_eq(pattern_group_name(pattern, 0), "year");
    ck_assert_ptr_null(pattern_group_name(pattern, 1));
    ck_assert_str_eq(pattern_group_name(pattern, 2), "slug");
    ck_assert_ptr_null(pattern_group_name(pattern, 3));
    ck_assert_int_eq(try("/2026/07/"), NGI_OK);
    assert_group(0, "2026");
    assert_group(1, "07");
    assert_group(2, "");
}
END_TEST

START_TEST(a_group_that_took_no_part_is_absent)
{
    compile("^/(a)?(b)?(c)?$");
    ck_assert_int_eq(try("/b"), NGI_OK);
    ck_assert_ptr_null(captures[0].start);
    assert_group(1, "b");
    ck_assert_ptr_null(captures[2].start); /* behind the last that took part */
    ck_assert_int_eq(try("/"), NGI_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_null(captures[i].start);
}
END_TEST

/* Groups under one name, as (?J) and (?| allow. */
START_TEST(the_one_that_took_part_answers_to_a_shared_name)
{
    struct route_match match;
    struct router *router = ROUTE("~(?J)^/(?:(?<id>\\d+)|n-(?<id>\\w+))$");
    ck_assert_int_eq(router_find(router, NGI_GET, "/42", 3, &match), NGI_OK);
    ck_assert_ptr_nonnull(route_match_param(&match, "id"));
    ck_assert_int_eq(router_find(router, NGI_GET, "/n-ab", 5, &match), NGI_OK);
    const struct capture *capture = route_match_param(&match, "id");
    ck_assert_ptr_nonnull(capture);
    ck_assert_mem_eq(capture->start, "ab", 2);
    router_free(router);
}
END_TEST

START_TEST(bad_expressions_are_refused_in_pcre2s_words)
{
    static const struct {
        const char *expression, *text;
    } cases[] = {
        { "(", "missing closing parenthesis, at offset 1 of the expression" },
        { "a[", "missing terminating ] for character class, at offset 2 of the expression" },
        { "*", "quantifier does not follow a repeatable item, at offset 0 of the expression" },
        { "(*UTF)a", "using UTF is disabled by the application, at offset 6 of the expression" },
        { "()()()()()()()()()()()()()()()()()", "17 capture groups; 16 are allowed: write (?:…) for those nobody "
                                                "reads" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(pattern_new(cases[i].expression, &pattern, &err), NGI_EINVAL);
        ck_assert_ptr_null(pattern);
        ck_assert_str_eq(err.text, cases[i].text);
    }
    ck_assert_int_eq(pattern_new("\\C", &pattern, &err), NGI_EINVAL);
    compile("()()()()()()()()()()()()()()()()");
    ck_assert_uint_eq(pattern_groups(pattern), ROUTE_CAPTURES_MAX);
    ck_assert_int_eq(try("/"), NGI_OK);
}
END_TEST

/* An expression that backtracks without end fails, and soon. */
START_TEST(catastrophic_backtracking_fails)
{
    static const char *const expressions[] = { "^/(a+)+$", "^/(a|aa)+$", "^/(.*)*x$", "^(([a-z/])+.)+[A-Z]$" };
    char subject[4096] = "/";
    memset(subject + 1, 'a', sizeof subject - 3);
    subject[sizeof subject - 2] = '!';
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        compile(expressions[i]);
        int64_t start = clock_ms();
        int rc = try(subject);
        ck_assert_msg(rc == NGI_EFAIL || rc == NGI_ENOENT, "%s: %d", expressions[i], rc);
        ck_assert_msg(clock_ms() - start < 20000, "%s: %lld ms", expressions[i], (long long)(clock_ms() - start));
    }
    compile(expressions[0]);
    ck_assert_int_eq(try(subject), NGI_EFAIL);
    ck_assert_int_eq(try("/aa"), NGI_OK); /* and the next one is none the worse */
}
END_TEST

START_TEST(the_router_names_the_route_that_ran_into_the_limit)
{
    struct route_match match;
    char path[64] = "/";
    struct router *router = ROUTE("~^/(a+)+$");
    memset(path + 1, 'a', 50);
    ck_assert_int_eq(router_find(router, NGI_GET, path, 51, &match), NGI_OK);
    path[51] = '!';
    ck_assert_int_eq(router_find(router, NGI_GET, path, 52, &match), NGI_EFAIL);
    ck_assert_str_eq(match.data, "~^/(a+)+$");
    router_free(router);
}
END_TEST

START_TEST(patterns_are_tried_in_their_order_after_every_template)
{
    struct route_match match;
    struct router *router = ROUTE("~^/(?<a>[ab])$", "~^/(?<b>.)$", "/{t}/x", "/b");
    ck_assert_int_eq(router_find(router, NGI_GET, "/a", 2, &match), NGI_OK);
    ck_assert_str_eq(match.data, "~^/(?<a>[ab])$");
    ck_assert_mem_eq(route_match_param(&match, "a")->start, "a", 1);
    ck_assert_ptr_null(route_match_param(&match, "b"));
    ck_assert_int_eq(router_find(router, NGI_HEAD, "/c", 2, &match), NGI_OK);
    ck_assert_str_eq(match.data, "~^/(?<b>.)$");
    ck_assert_int_eq(router_find(router, NGI_GET, "/b", 2, &match), NGI_OK);
    ck_assert_str_eq(match.data, "/b");
    ck_assert_int_eq(router_find(router, NGI_PUT, "/b", 2, &match), NGI_EPERM);
    ck_assert_uint_eq(match.allow, NGI_GET);
    router_free(router);
}
END_TEST

static void *match_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 2000; i++) {
        struct capture found[ROUTE_CAPTURES_MAX];
        char subject[16];
        int length = snprintf(subject, sizeof subject, "/item/%d", i);
        if (pattern_match(pattern, subject, (size_t)length, found) != NGI_OK || found[0].start != subject + 6 ||
            found[0].length != (size_t)length - 6)
            return pattern;
    }
    return NULL;
}

START_TEST(threads_match_at_the_same_time)
{
    pthread_t threads[4];
    void *failed;
    compile("^/item/(\\d+)$");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, match_many, NULL), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

Suite *pattern_suite(void)
{
    Suite *suite = suite_create("pattern");
    TCase *tests = tcase_create("pattern");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, an_expression_is_searched);
    tcase_add_test(tests, groups_have_numbers_and_names);
    tcase_add_test(tests, a_group_that_took_no_part_is_absent);
    tcase_add_test(tests, the_one_that_took_part_answers_to_a_shared_name);
    tcase_add_test(tests, bad_expressions_are_refused_in_pcre2s_words);
    tcase_add_test(tests, catastrophic_backtracking_fails);
    tcase_add_test(tests, the_router_names_the_route_that_ran_into_the_limit);
    tcase_add_test(tests, patterns_are_tried_in_their_order_after_every_template);
    tcase_add_test(tests, threads_match_at_the_same_time);
    suite_add_tcase(suite, tests);
    return suite;
}
