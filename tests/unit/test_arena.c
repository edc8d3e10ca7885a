#include "base/arena.h"

#include <check.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/suites.h"

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 0);
}

static void tear_down(void)
{
    arena_free(&arena);
}

START_TEST(an_empty_arena_holds_nothing)
{
    ck_assert_uint_eq(arena.total, 0);
    arena_reset(&arena);
    arena_free(&arena);
    ck_assert_uint_eq(arena.total, 0);
}
END_TEST

START_TEST(every_piece_is_aligned_for_any_type)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 15, 16, 17, 4000, 5000, 100000 };
    for (size_t i = 0; i < 200; i++) {
        size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];
        char *p = arena_alloc(&arena, n);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % alignof(max_align_t), 0);
        memset(p, 0x5a, n); /* a sanitizer sees a piece that is too short */
    }
}
END_TEST

/* Each piece keeps its own byte, whatever came after it. */
START_TEST(pieces_do_not_overlap)
{
    enum { PIECES = 2000 };
    static unsigned char *pieces[PIECES];
    static size_t sizes[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = i * 37 % 600;
        pieces[i] = arena_alloc(&arena, sizes[i]);
        memset(pieces[i], (int)(i & 0xff), sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        size_t same = 0;
        while (same < sizes[i] && pieces[i][same] == (i & 0xff))
            same++;
        ck_assert_uint_eq(same, sizes[i]);
    }
}
END_TEST

START_TEST(pieces_of_no_bytes_are_distinct)
{
    ck_assert_ptr_ne(arena_alloc(&arena, 0), arena_alloc(&arena, 0));
}
END_TEST

START_TEST(zalloc_zeroes_memory_that_was_used_before)
{
    memset(arena_alloc(&arena, 1000), 0xff, 1000);
    arena_reset(&arena);
    const char *p = arena_zalloc(&arena, 1000);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_int_eq(p[i], 0);
}
END_TEST

START_TEST(a_large_piece_gets_the_chunk_it_needs)
{
    ck_assert_ptr_nonnull(arena_alloc(&arena, 10));
    char *large = arena_alloc(&arena, 3 << 20);
    ck_assert_ptr_nonnull(large);
    memset(large, 1, 3 << 20);
    ck_assert_uint_ge(arena.total, 3 << 20);
    ck_assert_uint_lt(arena.total, 9 << 20);
}
END_TEST

START_TEST(small_pieces_cost_few_chunks)
{
    unsigned grown = 0;
    for (size_t i = 0, total = 0; i < 100000; i++) {
        ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
        grown += arena.total != total;
        total = arena.total;
    }
    ck_assert_uint_lt(grown, 16); /* doubling: log2(1.6 MB / 4 KiB) */
}
END_TEST

START_TEST(the_limit_holds_and_leaves_the_arena_in_use)
{
    arena_init(&arena, 10000);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 3000));
    ck_assert_ptr_null(arena_alloc(&arena, 10000));
    ck_assert_ptr_null(arena_zalloc(&arena, 10000));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 5000)); /* no room for a doubled chunk, but for an exact one */
    while (arena_alloc(&arena, 16))
        ck_assert_uint_le(arena.total, 10000);
    ck_assert_uint_le(arena.total, 10000);
    ck_assert_ptr_null(arena_string(&arena, "a string of more than sixteen bytes"));
    ck_assert_ptr_null(arena_format(&arena, "%d%0100d", 1, 2));
}
END_TEST

START_TEST(sizes_that_overflow_are_refused)
{
    static const size_t sizes[] = { SIZE_MAX,     SIZE_MAX - 1,     SIZE_MAX - 16,
                                    SIZE_MAX / 2, SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_assert_ptr_null(arena_alloc(&arena, sizes[i]));
        ck_assert_ptr_null(arena_zalloc(&arena, sizes[i]));
    }
    ck_assert_ptr_null(arena_copy(&arena, "x", SIZE_MAX));
}
END_TEST

START_TEST(reset_keeps_the_newest_chunk)
{
    for (int i = 0; i < 30; i++)
        arena_alloc(&arena, 1000);
    size_t most = arena.total;
    arena_reset(&arena);
    size_t kept = arena.total;
    ck_assert_uint_lt(kept, most);
    ck_assert_uint_ge(kept * 2, most);
    for (int i = 0; i < 15; i++)
        arena_alloc(&arena, 1000);
    ck_assert_uint_eq(arena.total, kept);
}
END_TEST

START_TEST(reset_gives_a_huge_chunk_back)
{
    ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 10 << 20));
    arena_reset(&arena);
    ck_assert_uint_eq(arena.total, 4096);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 10 << 20));
    arena_reset(&arena);
    arena_reset(&arena);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 100));
}
END_TEST

START_TEST(a_freed_arena_keeps_its_limit_and_may_be_used_again)
{
    arena_init(&arena, 8192);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1));
    arena_free(&arena);
    ck_assert_uint_eq(arena.total, 0);
    ck_assert_uint_eq(arena.limit, 8192);
    ck_assert_ptr_null(arena_alloc(&arena, 9000));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1000));
}
END_TEST

START_TEST(copies_end_in_a_nul)
{
    static const char bytes[] = "ab\0cd";
    const char *copy = arena_copy(&arena, bytes, 5);
    ck_assert_mem_eq(copy, "ab\0cd\0", 6);
    ck_assert_str_eq(arena_copy(&arena, bytes, 0), "");
    ck_assert_str_eq(arena_string(&arena, ""), "");
    const char *text = arena_string(&arena, bytes);
    ck_assert_str_eq(text, "ab");
    ck_assert_ptr_ne(text, bytes);
}
END_TEST

START_TEST(formatted_text_is_as_long_as_it_gets)
{
    const char *text = arena_format(&arena, "%s-%05d|%*s|", "x", 42, 9000, "y");
    ck_assert_uint_eq(strlen(text), 2 + 5 + 1 + 9000 + 1);
    ck_assert_int_eq(strncmp(text, "x-00042|  ", 10), 0);
    ck_assert_str_eq(text + 9000 + 7, "y|");
    ck_assert_str_eq(arena_format(&arena, "%s", ""), "");
}
END_TEST

Suite *arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, an_empty_arena_holds_nothing);
    tcase_add_test(tests, every_piece_is_aligned_for_any_type);
    tcase_add_test(tests, pieces_do_not_overlap);
    tcase_add_test(tests, pieces_of_no_bytes_are_distinct);
    tcase_add_test(tests, zalloc_zeroes_memory_that_was_used_before);
    tcase_add_test(tests, a_large_piece_gets_the_chunk_it_needs);
    tcase_add_test(tests, small_pieces_cost_few_chunks);
    tcase_add_test(tests, the_limit_holds_and_leaves_the_arena_in_use);
    tcase_add_test(tests, sizes_that_overflow_are_refused);
    tcase_add_test(tests, reset_keeps_the_newest_chunk);
    tcase_add_test(tests, reset_gives_a_huge_chunk_back);
    tcase_add_test(tests, a_freed_arena_keeps_its_limit_and_may_be_used_again);
    tcase_add_test(tests, copies_end_in_a_nul);
    tcase_add_test(tests, formatted_text_is_as_long_as_it_gets);
    suite_add_tcase(suite, tests);
    return suite;
}
