#include "base/map.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static struct map map;
static int things[8];

static void set_up(void)
{
    map = (struct map){ 0 };
}

static void tear_down(void)
{
    map_free(&map);
}

START_TEST(an_empty_map_has_nothing)
{
    ck_assert_ptr_null(map_get(&map, 0, "", 0));
    ck_assert_ptr_null(map_get(&map, 0, "a", 1));
    ck_assert_ptr_null(map.slots);
}
END_TEST

START_TEST(a_key_is_its_bytes_and_its_length)
{
    ck_assert_int_eq(map_put(&map, 0, "ab\0c", 4, &things[0]), NGI_OK);
    ck_assert_int_eq(map_put(&map, 0, "ab\0d", 4, &things[1]), NGI_OK);
    ck_assert_int_eq(map_put(&map, 0, "ab", 2, &things[2]), NGI_OK);
    ck_assert_int_eq(map_put(&map, 0, "", 0, &things[3]), NGI_OK);
    ck_assert_ptr_eq(map_get(&map, 0, "ab\0c", 4), &things[0]);
    ck_assert_ptr_eq(map_get(&map, 0, "ab\0d", 4), &things[1]);
    ck_assert_ptr_eq(map_get(&map, 0, "abc", 2), &things[2]);
    ck_assert_ptr_eq(map_get(&map, 0, "x", 0), &things[3]);
    ck_assert_ptr_null(map_get(&map, 0, "ab", 3));
    ck_assert_ptr_null(map_get(&map, 0, "AB", 2));
}
END_TEST

START_TEST(the_same_key_in_another_scope_is_another_key)
{
    ck_assert_int_eq(map_put(&map, 1, "a", 1, &things[1]), NGI_OK);
    ck_assert_int_eq(map_put(&map, 2, "a", 1, &things[2]), NGI_OK);
    ck_assert_ptr_eq(map_get(&map, 1, "a", 1), &things[1]);
    ck_assert_ptr_eq(map_get(&map, 2, "a", 1), &things[2]);
    ck_assert_ptr_null(map_get(&map, 0, "a", 1));
    ck_assert_ptr_null(map_get(&map, UINT32_MAX, "a", 1));
}
END_TEST

START_TEST(a_second_put_replaces)
{
    ck_assert_int_eq(map_put(&map, 0, "key", 3, &things[0]), NGI_OK);
    ck_assert_int_eq(map_put(&map, 0, "key", 3, &things[1]), NGI_OK);
    ck_assert_ptr_eq(map_get(&map, 0, "key", 3), &things[1]);
    ck_assert_uint_eq(map.used, 1);
}
END_TEST

START_TEST(a_key_is_copied)
{
    char key[] = "key";
    ck_assert_int_eq(map_put(&map, 0, key, 3, &things[0]), NGI_OK);
    memset(key, 'x', 3);
    ck_assert_ptr_eq(map_get(&map, 0, "key", 3), &things[0]);
    ck_assert_ptr_null(map_get(&map, 0, key, 3));
}
END_TEST

/* The hash takes eight bytes at a step: every length, and each byte of it, must count. */
START_TEST(every_byte_counts_whatever_the_length)
{
    enum { LONGEST = 40 };
    static int values[LONGEST + 1];
    char key[LONGEST + 1];
    memset(key, 'k', sizeof key);
    for (size_t length = 0; length <= LONGEST; length++)
        ck_assert_int_eq(map_put(&map, 0, key, length, &values[length]), NGI_OK);
    for (size_t length = 0; length <= LONGEST; length++) {
        ck_assert_ptr_eq(map_get(&map, 0, key, length), &values[length]);
        for (size_t i = 0; i < length; i++) {
            key[i] = 'K';
            ck_assert_ptr_null(map_get(&map, 0, key, length));
            key[i] = 'k';
        }
    }
    ck_assert_ptr_null(map_get(&map, 0, key, LONGEST + 1));
}
END_TEST

START_TEST(ten_thousand_keys_are_all_found)
{
    enum { KEYS = 10000, SCOPES = 3 };
    static char keys[KEYS][16];
    static int values[SCOPES][KEYS];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "/key/%u", i);
        for (unsigned scope = 0; scope < SCOPES; scope++)
            ck_assert_int_eq(map_put(&map, scope, keys[i], strlen(keys[i]), &values[scope][i]), NGI_OK);
    }
    ck_assert_uint_eq(map.used, KEYS * SCOPES);
    for (unsigned i = 0; i < KEYS; i++) {
        for (unsigned scope = 0; scope < SCOPES; scope++)
            ck_assert_ptr_eq(map_get(&map, scope, keys[i], strlen(keys[i])), &values[scope][i]);
        ck_assert_ptr_null(map_get(&map, SCOPES, keys[i], strlen(keys[i])));
    }
}
END_TEST

/* A search ends at a free slot: there must always be some. */
START_TEST(half_of_the_map_stays_free)
{
    static char keys[1000][8];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(keys[i], sizeof keys[i], "%u", i);
        ck_assert_int_eq(map_put(&map, 0, keys[i], strlen(keys[i]), &things[0]), NGI_OK);
        ck_assert_uint_le(map.used * 2, map.capacity);
        ck_assert_uint_eq(map.capacity & (map.capacity - 1), 0);
    }
}
END_TEST

START_TEST(a_freed_map_is_empty_and_may_be_filled_again)
{
    ck_assert_int_eq(map_put(&map, 0, "a", 1, &things[0]), NGI_OK);
    map_free(&map);
    map_free(&map);
    ck_assert_ptr_null(map_get(&map, 0, "a", 1));
    ck_assert_int_eq(map_put(&map, 0, "a", 1, &things[1]), NGI_OK);
    ck_assert_ptr_eq(map_get(&map, 0, "a", 1), &things[1]);
}
END_TEST

Suite *map_suite(void)
{
    Suite *suite = suite_create("map");
    TCase *tests = tcase_create("map");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_empty_map_has_nothing);
    tcase_add_test(tests, a_key_is_its_bytes_and_its_length);
    tcase_add_test(tests, the_same_key_in_another_scope_is_another_key);
    tcase_add_test(tests, a_second_put_replaces);
    tcase_add_test(tests, a_key_is_copied);
    tcase_add_test(tests, every_byte_counts_whatever_the_length);
    tcase_add_test(tests, ten_thousand_keys_are_all_found);
    tcase_add_test(tests, half_of_the_map_stays_free);
    tcase_add_test(tests, a_freed_map_is_empty_and_may_be_filled_again);
    suite_add_tcase(suite, tests);
    return suite;
}
