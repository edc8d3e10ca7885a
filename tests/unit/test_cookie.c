#include "http/cookie.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

/* The cookies of `header` as "name=value|name=value|", in order. */
static int append(void *arg, const char *name, const char *value)
{
    strcat(strcat(strcat(strcat(arg, name), "="), value), "|");
    return 0;
}

/* RFC 6265 section 4.2.1; what browsers send beyond that, section 5.4. */
START_TEST(cookies_are_split_and_trimmed_and_nothing_else)
{
    static const struct {
        const char *header, *cookies;
    } cases[] = {
        { "SID=31d4d96e407aad42; lang=en-US", "SID=31d4d96e407aad42|lang=en-US|" },
        { "a=1;b=2", "a=1|b=2|" },
        { "  a =\t1 ;; b= 2 ;", "a=1|b=2|" },
        { "a=b=c", "a=b=c|" },
        { "a=", "a=|" },
        { "a=\"quoted\"", "a=quoted|" },
        { "a=\" spaced \"", "a= spaced |" },
        { "a=\"\"twice\"\"", "a=\"twice\"|" },
        { "a=\"", "a=\"|" },
        { "a=\"\"", "a=|" },
        { "a=\"b", "a=\"b|" },
        { "a=\"b;c\"", "a=\"b|" },
        { "a=%41+b", "a=%41+b|" },
        { "a=1; a=2", "a=1|a=2|" },
        { "flag; a=1", "a=1|" },
        { "=nameless; a=1", "a=1|" },
        { "", "" },
        { ";;;", "" },
        { " ", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct pairs pairs;
        char found[100] = "", *header = strdup(cases[i].header);
        arena_init(&arena, 0);
        pairs_init(&pairs, &arena, 10);
        ck_assert_int_eq(cookie_parse(header, &pairs), NGI_OK);
        free(header); /* the pairs do not live in it */
        pairs_each(&pairs, append, found);
        ck_assert_str_eq(found, cases[i].cookies);
        arena_free(&arena);
    }
}
END_TEST

START_TEST(more_cookies_than_the_limit_are_too_big)
{
    struct arena arena;
    struct pairs pairs;
    arena_init(&arena, 0);
    pairs_init(&pairs, &arena, 2);
    ck_assert_int_eq(cookie_parse("a=1; b=2; c=3", &pairs), NGI_ETOOBIG);
    ck_assert_uint_eq(pairs.count, 2);
    arena_free(&arena);
}
END_TEST

Suite *cookie_suite(void)
{
    Suite *suite = suite_create("cookie");
    TCase *tests = tcase_create("cookie");
    tcase_add_test(tests, cookies_are_split_and_trimmed_and_nothing_else);
    tcase_add_test(tests, more_cookies_than_the_limit_are_too_big);
    suite_add_tcase(suite, tests);
    return suite;
}
