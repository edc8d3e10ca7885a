#include "base/peek.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/scribe.h"
#include "tests/unit/suites.h"

enum { LINE = 40 };

static size_t page;
static char *memory; /* two pages that can be read, and one that cannot */
static char text[LINE];
static struct scribe scribe;

static void set_up(void)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    memory = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(memory, MAP_FAILED);
    memset(memory, 'x', 2 * page);
    ck_assert_int_eq(mprotect(memory + 2 * page, page, PROT_NONE), 0);
    scribe = (struct scribe){ text, sizeof text, 0 };
}

static void tear_down(void)
{
    munmap(memory, 3 * page);
}

static void expect_scribed(const char *wanted)
{
    ck_assert_uint_eq(scribe.length, strlen(wanted));
    ck_assert_mem_eq(text, wanted, scribe.length);
}

START_TEST(bytes_are_copied_up_to_where_memory_ends)
{
    static char copy[1 << 20];
    ck_assert_uint_eq(peek(copy, memory, 2 * page), 2 * page);
    ck_assert_mem_eq(copy, memory, 2 * page);
    ck_assert_uint_eq(peek(copy, memory + page + 1, 2 * page), page - 1);
    ck_assert_uint_eq(peek(copy, memory + 2 * page, 1), 0);
    ck_assert_uint_eq(peek(copy, NULL, 8), 0);
    ck_assert_uint_eq(peek(copy, (const void *)8, 8), 0);
    ck_assert_uint_eq(peek(copy, memory, 0), 0);
}
END_TEST

START_TEST(the_readable_length_is_told)
{
    ck_assert_uint_eq(peek_length(memory, page), page);
    ck_assert_uint_eq(peek_length(memory + 10, 3 * page), 2 * page - 10);
    ck_assert_uint_eq(peek_length(memory + 2 * page, 1), 0);
    ck_assert_uint_eq(peek_length(NULL, 1), 0);
    ck_assert_uint_eq(peek_length(memory, 0), 0);
}
END_TEST

START_TEST(strings_end_with_their_nul_their_room_or_their_memory)
{
    char copy[100];
    ck_assert_uint_eq(peek_string(copy, sizeof copy, "abc"), 3);
    ck_assert_str_eq(copy, "abc");
    ck_assert_uint_eq(peek_string(copy, 3, "abc"), 2);
    ck_assert_str_eq(copy, "ab");
    ck_assert_uint_eq(peek_string(copy, sizeof copy, memory + 2 * page - 7), 7);
    ck_assert_str_eq(copy, "xxxxxxx");
    ck_assert_uint_eq(peek_string(copy, sizeof copy, memory), sizeof copy - 1);
    ck_assert_uint_eq(peek_string(copy, sizeof copy, memory + 2 * page), 0);
    ck_assert_str_eq(copy, "");
    ck_assert_uint_eq(peek_string(copy, sizeof copy, NULL), 0);
}
END_TEST

START_TEST(a_scribe_writes_words_and_numbers)
{
    scribe_put(&scribe, "a ");
    scribe_hex(&scribe, 0xdeadbeef);
    scribe_put(&scribe, " ");
    scribe_number(&scribe, UINT64_MAX);
    expect_scribed("a 0xdeadbeef 18446744073709551615");
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
    memory[page] = '\0';
    scribe_suspect(&scribe, memory, 2 * page);
    ck_assert_uint_eq(scribe.length, LINE);
    scribe_put(&scribe, "more");
    ck_assert_uint_eq(scribe.length, LINE);
}
END_TEST

START_TEST(suspect_text_is_cut_cleaned_and_never_followed_too_far)
{
    scribe_suspect(&scribe, "a\nb\x7f", 10);
    scribe_suspect(&scribe, NULL, 10);
    scribe_suspect(&scribe, "123456", 5);
    scribe_suspect(&scribe, memory + 2 * page - 2, 10);
    scribe_suspect(&scribe, "12345", 5);
    expect_scribed("a?b?12345…xx12345");
}
END_TEST

Suite *peek_suite(void)
{
    Suite *suite = suite_create("peek");
    TCase *tests = tcase_create("peek and scribe");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, bytes_are_copied_up_to_where_memory_ends);
    tcase_add_test(tests, the_readable_length_is_told);
    tcase_add_test(tests, strings_end_with_their_nul_their_room_or_their_memory);
    tcase_add_test(tests, a_scribe_writes_words_and_numbers);
    tcase_add_test(tests, what_does_not_fit_is_left_out);
    tcase_add_test(tests, suspect_text_is_cut_cleaned_and_never_followed_too_far);
    suite_add_tcase(suite, tests);
    return suite;
}
