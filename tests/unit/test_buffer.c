#include "base/buffer.h"

#include <check.h>
#include <stdint.h>
#include <string.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static struct buffer buffer;

static void set_up(void)
{
    buffer_init(&buffer, 10000);
}

static void tear_down(void)
{
    buffer_free(&buffer);
}

static void assert_holds(const char *text)
{
    ck_assert_uint_eq(buffer.length, strlen(text));
    ck_assert_mem_eq(buffer.data, text, strlen(text));
    ck_assert_uint_le(buffer.length, buffer.capacity);
}

START_TEST(pieces_are_appended_in_order)
{
    ck_assert_ptr_null(buffer.data);
    ck_assert_int_eq(buffer_append(&buffer, "one", 3), NGI_OK);
    ck_assert_int_eq(buffer_append(&buffer, NULL, 0), NGI_OK);
    ck_assert_int_eq(buffer_printf(&buffer, " %s %d", "two", 3), NGI_OK);
    ck_assert_int_eq(buffer_append(&buffer, "!", 1), NGI_OK);
    assert_holds("one two 3!");
}
END_TEST

START_TEST(appending_nothing_allocates_nothing)
{
    ck_assert_int_eq(buffer_append(&buffer, "", 0), NGI_OK);
    ck_assert_ptr_null(buffer.data);
}
END_TEST

START_TEST(bytes_are_kept_whatever_they_are)
{
    ck_assert_int_eq(buffer_append(&buffer, "a\0\xff\n", 4), NGI_OK);
    ck_assert_uint_eq(buffer.length, 4);
    ck_assert_mem_eq(buffer.data, "a\0\xff\n", 4);
}
END_TEST

/* The limit is the most bytes it may hold: exactly as many are fine, one more is not. */
START_TEST(an_append_up_to_the_limit_fits)
{
    static const size_t limits[] = { 1, 5, 1023, 1024, 1025, 5000 };
    static const char bytes[5001];
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct buffer small;
        buffer_init(&small, limits[i]);
        ck_assert_int_eq(buffer_append(&small, bytes, limits[i] + 1), NGI_ETOOBIG);
        ck_assert_uint_eq(small.length, 0);
        ck_assert_int_eq(buffer_append(&small, bytes, limits[i]), NGI_OK);
        ck_assert_int_eq(buffer_append(&small, bytes, 1), NGI_ETOOBIG);
        ck_assert_uint_eq(small.length, limits[i]);
        buffer_free(&small);
    }
}
END_TEST

START_TEST(a_printf_up_to_the_limit_fits)
{
    static const size_t limits[] = { 1, 5, 1023, 1024, 1025, 5000 };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct buffer small;
        buffer_init(&small, limits[i]);
        ck_assert_int_eq(buffer_printf(&small, "%*s", (int)limits[i] + 1, "x"), NGI_ETOOBIG);
        ck_assert_uint_eq(small.length, 0);
        ck_assert_msg(buffer_printf(&small, "%*s", (int)limits[i], "x") == NGI_OK, "limit %zu", limits[i]);
        ck_assert_uint_eq(small.length, limits[i]);
        ck_assert_int_eq(small.data[limits[i] - 1], 'x');
        buffer_free(&small);
    }
}
END_TEST

START_TEST(room_is_never_reserved_beyond_the_limit)
{
    buffer_init(&buffer, 100);
    ck_assert_int_eq(buffer_append(&buffer, "0123456789", 10), NGI_OK);
    ck_assert_int_eq(buffer_reserve(&buffer, 90), NGI_OK);
    ck_assert_int_eq(buffer_reserve(&buffer, 91), NGI_ETOOBIG);
    ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX), NGI_ETOOBIG);
    ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX - 9), NGI_ETOOBIG); /* 10 + this is 0 */
    assert_holds("0123456789");
}
END_TEST

START_TEST(reserved_room_is_the_callers_to_fill)
{
    ck_assert_int_eq(buffer_append(&buffer, "a", 1), NGI_OK);
    ck_assert_int_eq(buffer_reserve(&buffer, 5000), NGI_OK);
    memset(buffer.data + buffer.length, 'b', 5000);
    buffer.length += 5000;
    ck_assert_int_eq(buffer.data[0], 'a');
    ck_assert_int_eq(buffer.data[5000], 'b');
}
END_TEST

START_TEST(what_printf_cannot_format_appends_nothing)
{
    ck_assert_int_eq(buffer_append(&buffer, "keep", 4), NGI_OK);
    ck_assert_int_eq(buffer_printf(&buffer, "%ls", L"\x110000"), NGI_EINVAL); /* no character in any locale */
    assert_holds("keep");
}
END_TEST

START_TEST(growing_keeps_what_was_there)
{
    buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 20000; i++)
        ck_assert_int_eq(buffer_printf(&buffer, "%05d,", i), NGI_OK);
    ck_assert_uint_eq(buffer.length, 120000);
    for (int i = 0; i < 20000; i++) {
        char text[8];
        snprintf(text, sizeof text, "%05d,", i);
        ck_assert_mem_eq(buffer.data + 6 * (size_t)i, text, 6);
    }
}
END_TEST

/* Capacity grows by steps up to the limit, so that many small pieces do not cost an allocation each. */
START_TEST(small_pieces_near_the_limit_cost_few_allocations)
{
    unsigned grown = 0;
    size_t capacity = 0;
    for (int i = 0; i < 10000; i++) {
        ck_assert_int_eq(buffer_append(&buffer, "x", 1), NGI_OK);
        grown += buffer.capacity != capacity;
        capacity = buffer.capacity;
    }
    ck_assert_uint_lt(grown, 10);
}
END_TEST

START_TEST(reset_keeps_little_memory)
{
    ck_assert_int_eq(buffer_append(&buffer, "abc", 3), NGI_OK);
    const char *data = buffer.data;
    buffer_reset(&buffer, 4096);
    ck_assert_uint_eq(buffer.length, 0);
    ck_assert_ptr_eq(buffer.data, data);
    ck_assert_int_eq(buffer_reserve(&buffer, 5000), NGI_OK);
    buffer_reset(&buffer, 4096);
    ck_assert_ptr_null(buffer.data);
    ck_assert_uint_eq(buffer.capacity, 0);
    ck_assert_uint_eq(buffer.limit, 10000);
}
END_TEST

Suite *buffer_suite(void)
{
    Suite *suite = suite_create("buffer");
    TCase *tests = tcase_create("buffer");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pieces_are_appended_in_order);
    tcase_add_test(tests, appending_nothing_allocates_nothing);
    tcase_add_test(tests, bytes_are_kept_whatever_they_are);
    tcase_add_test(tests, an_append_up_to_the_limit_fits);
    tcase_add_test(tests, a_printf_up_to_the_limit_fits);
    tcase_add_test(tests, room_is_never_reserved_beyond_the_limit);
    tcase_add_test(tests, reserved_room_is_the_callers_to_fill);
    tcase_add_test(tests, what_printf_cannot_format_appends_nothing);
    tcase_add_test(tests, growing_keeps_what_was_there);
    tcase_add_test(tests, small_pieces_near_the_limit_cost_few_allocations);
    tcase_add_test(tests, reset_keeps_little_memory);
    suite_add_tcase(suite, tests);
    return suite;
}
