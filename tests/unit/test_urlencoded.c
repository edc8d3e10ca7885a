#include "http/urlencoded.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

static struct arena arena;
static struct pairs pairs;

static void set_up(void)
{
    arena_init(&arena, 0);
    pairs_init(&pairs, &arena, 10);
}

static void tear_down(void)
{
    arena_free(&arena);
}

/* Parses a copy of exactly `n` bytes, so that a sanitizer sees the first byte read beyond. */
static int parse(const char *s, size_t n)
{
    char *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, s, n);
    int rc = urlencoded_parse(copy, n, &pairs);
    free(copy);
    return rc;
}

static int append(void *arg, const char *name, const char *value)
{
    strcat(strcat(strcat(strcat(arg, name), "="), value), "|");
    return 0;
}

static int stop_at_second(void *arg, const char *name, const char *value)
{
    (void)name;
    (void)value;
    return ++*(int *)arg == 2 ? 7 : 0;
}

/* WHATWG URL section 5.1; percent-decoding, section 1.3. */
START_TEST(pairs_are_split_and_decoded)
{
    static const struct {
        const char *form, *pairs;
    } cases[] = {
        { "a=1&b=2", "a=1|b=2|" },
        { "a", "a=|" },
        { "a=", "a=|" },
        { "=a", "=a|" },
        { "=", "=|" },
        { "", "" },
        { "&&a=1&&", "a=1|" },
        { "a=b=c", "a=b=c|" },
        { "a+b=c+d", "a b=c d|" },
        { "a%20b=%26%3D%2B%25", "a b=&=+%|" },
        { "a=%c3%A9", "a=\xc3\xa9|" },
        { "a=\xff\xfe", "a=\xff\xfe|" },
        { "a=1;b=2", "a=1;b=2|" },
        { "a=%", "a=%|" },
        { "a=%4", "a=%4|" },
        { "a=%4&b=%", "a=%4|b=%|" },
        { "a=%zz%4g%%41", "a=%zz%4g%A|" },
        { "a=%252e", "a=%2e|" },
        { "x=1&x=2&x=3", "x=1|x=2|x=3|" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char found[100] = "";
        pairs_init(&pairs, &arena, 10);
        ck_assert_int_eq(parse(cases[i].form, strlen(cases[i].form)), NGI_OK);
        pairs_each(&pairs, append, found);
        ck_assert_str_eq(found, cases[i].pairs);
    }
}
END_TEST

START_TEST(a_pair_with_a_nul_is_left_out)
{
    static const char form[] = "a=1%00admin&b%00=2&c=3\0&d\0=4&e=5&f=%00";
    char found[100] = "";
    ck_assert_int_eq(parse(form, sizeof form - 1), NGI_OK);
    pairs_each(&pairs, append, found);
    ck_assert_str_eq(found, "e=5|");
}
END_TEST

START_TEST(more_pairs_than_the_limit_are_too_big)
{
    ck_assert_int_eq(parse("1&2&3&4&5&6&7&8&9&10", 20), NGI_OK);
    ck_assert_int_eq(parse("11", 2), NGI_ETOOBIG);
    ck_assert_uint_eq(pairs.count, 10);
}
END_TEST

START_TEST(out_of_memory_is_an_error)
{
    struct arena small;
    arena_init(&small, 64);
    pairs_init(&pairs, &small, 10);
    ck_assert_int_eq(parse("a=1&b=2&c=3", 11), NGI_ENOMEM);
    arena_free(&small);
}
END_TEST

START_TEST(the_first_pair_of_a_name_is_found)
{
    ck_assert_int_eq(parse("a=1&b=2&a=3&A=4", 15), NGI_OK);
    ck_assert_str_eq(pairs_get(&pairs, "a"), "1");
    ck_assert_str_eq(pairs_get(&pairs, "A"), "4");
    ck_assert_ptr_null(pairs_get(&pairs, "c"));
    ck_assert_ptr_null(pairs_get(&pairs, ""));
}
END_TEST

START_TEST(a_walk_ends_with_the_first_value_that_is_not_0)
{
    int calls = 0;
    ck_assert_int_eq(parse("a&b&c", 5), NGI_OK);
    ck_assert_int_eq(pairs_each(&pairs, stop_at_second, &calls), 7);
    ck_assert_int_eq(calls, 2);
}
END_TEST

Suite *urlencoded_suite(void)
{
    Suite *suite = suite_create("urlencoded and pairs");
    TCase *tests = tcase_create("urlencoded and pairs");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pairs_are_split_and_decoded);
    tcase_add_test(tests, a_pair_with_a_nul_is_left_out);
    tcase_add_test(tests, more_pairs_than_the_limit_are_too_big);
    tcase_add_test(tests, out_of_memory_is_an_error);
    tcase_add_test(tests, the_first_pair_of_a_name_is_found);
    tcase_add_test(tests, a_walk_ends_with_the_first_value_that_is_not_0);
    suite_add_tcase(suite, tests);
    return suite;
}
