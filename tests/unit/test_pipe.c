#include "run/pipe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/ngi.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

static struct pipe pipe_of;

static void given(size_t size)
{
    ck_assert_int_eq(pipe_open(&pipe_of, size), NGI_OK);
}

static void tear_down(void)
{
    pipe_close(&pipe_of);
}

static void assert_put(const char *text, size_t taken)
{
    ck_assert_uint_eq(pipe_put(&pipe_of, text, strlen(text)), taken);
}

static void assert_take(size_t n, const char *text)
{
    char got[64] = "";
    ck_assert_uint_eq(pipe_take(&pipe_of, got, n), strlen(text));
    ck_assert_str_eq(got, text);
}

START_TEST(what_is_put_in_comes_out_in_order)
{
    given(16);
    assert_take(8, "");
    assert_put("hello, ", 7);
    assert_put("world", 5);
    ck_assert_uint_eq(pipe_filled(&pipe_of), 12);
    assert_take(3, "hel");
    assert_take(0, "");
    assert_take(60, "lo, world");
    ck_assert_uint_eq(pipe_filled(&pipe_of), 0);
}
END_TEST

START_TEST(it_takes_no_more_than_fits)
{
    given(4);
    assert_put("", 0);
    assert_put("abcdef", 4);
    assert_put("x", 0);
    assert_take(1, "a");
    assert_put("xyz", 1);
    assert_take(9, "bcdx");
}
END_TEST

START_TEST(it_wraps_around)
{
    given(5);
    for (int i = 0; i < 20; i++) { /* from every place */
        assert_put("abcd", 4);
        assert_put("ef", 1);
        assert_take(3, "abc");
        assert_put("gh", 2);
        assert_take(60, "degh");
        ck_assert_uint_eq(pipe_filled(&pipe_of), 0);
        pipe_of.put += (uint64_t)(i % 5), pipe_of.taken = pipe_of.put;
    }
}
END_TEST

START_TEST(a_piece_in_place_ends_where_the_memory_does)
{
    size_t n;
    given(8);
    char *space = pipe_space(&pipe_of, &n);
    ck_assert_ptr_eq(space, pipe_of.data);
    ck_assert_uint_eq(n, 8);
    memcpy(space, "abcdef", 6);
    ck_assert_uint_eq(pipe_filled(&pipe_of), 0); /* not before it is said */
    pipe_filled_in(&pipe_of, 6);
    assert_take(4, "abcd");
    space = pipe_space(&pipe_of, &n);
    ck_assert_ptr_eq(space, pipe_of.data + 6);
    ck_assert_uint_eq(n, 2);
    memcpy(space, "gh", 2);
    pipe_filled_in(&pipe_of, 2);
    space = pipe_space(&pipe_of, &n);
    ck_assert_ptr_eq(space, pipe_of.data);
    ck_assert_uint_eq(n, 4);
    memcpy(space, "ijkl", 4);
    pipe_filled_in(&pipe_of, 4);
    pipe_space(&pipe_of, &n);
    ck_assert_uint_eq(n, 0);
    assert_take(60, "efghijkl");
}
END_TEST

START_TEST(an_open_one_is_new_and_a_closed_one_as_never_opened)
{
    given(4);
    assert_put("abcd", 4);
    pipe_of.ended = pipe_of.broken = true;
    pipe_close(&pipe_of);
    ck_assert_ptr_null(pipe_of.data);
    pipe_close(&pipe_of);
    given(2);
    ck_assert(!pipe_of.ended && !pipe_of.broken);
    assert_take(1, "");
    assert_put("abcd", 2);
}
END_TEST

/* Bytes are numbered; each comes out once, in its place. */
START_TEST(at_random_no_byte_is_lost_or_doubled)
{
    unsigned seed = (unsigned)_i + 1;
    size_t size = 1 + random_below(&seed, 100);
    uint64_t put = 0, taken = 0;
    unsigned wrong = 0;
    given(size);
    for (int i = 0; i < 5000; i++) {
        unsigned char data[150];
        size_t n = random_below(&seed, sizeof data), done, room;
        switch (random_below(&seed, 3)) {
        case 0:
            for (size_t j = 0; j < n; j++)
                data[j] = (unsigned char)(put + j);
            done = pipe_put(&pipe_of, data, n);
            ck_assert_uint_eq(done, n < size - (put - taken) ? n : size - (put - taken));
            put += done;
            break;
        case 1: {
            char *space = pipe_space(&pipe_of, &room);
            ck_assert_uint_le(room, size - (put - taken));
            ck_assert((room == 0) == (put - taken == size));
            done = n < room ? n : room;
            for (size_t j = 0; j < done; j++)
                space[j] = (char)(put + j);
            pipe_filled_in(&pipe_of, done);
            put += done;
            break;
        }
        default:
            done = pipe_take(&pipe_of, data, n);
            ck_assert_uint_eq(done, n < put - taken ? n : put - taken);
            for (size_t j = 0; j < done; j++)
                wrong += data[j] != (unsigned char)(taken + j);
            taken += done;
        }
        ck_assert_uint_eq(pipe_filled(&pipe_of), put - taken);
    }
    ck_assert_uint_eq(wrong, 0);
}
END_TEST

Suite *pipe_suite(void)
{
    Suite *suite = suite_create("pipe");
    TCase *tests = tcase_create("pipe");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, what_is_put_in_comes_out_in_order);
    tcase_add_test(tests, it_takes_no_more_than_fits);
    tcase_add_test(tests, it_wraps_around);
    tcase_add_test(tests, a_piece_in_place_ends_where_the_memory_does);
    tcase_add_test(tests, an_open_one_is_new_and_a_closed_one_as_never_opened);
    tcase_add_loop_test(tests, at_random_no_byte_is_lost_or_doubled, 0, 10);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return suite;
}
