#include "base/text.h"

#include <check.h>
#include <string.h>

#include "tests/unit/suites.h"

START_TEST(case_is_that_of_ascii)
{
    for (int c = 0; c < 256; c++)
        ck_assert_int_eq(text_lower((unsigned char)c), c >= 'A' && c <= 'Z' ? c + 32 : c);
}
END_TEST

START_TEST(hexadecimal_digits_have_values)
{
    static const char digits[] = "0123456789abcdef", capitals[] = "0123456789ABCDEF";
    unsigned count = 0;
    for (int c = 0; c < 256; c++) {
        const char *at = c ? strchr(digits, c) : NULL;
        const char *capital = c ? strchr(capitals, c) : NULL;
        int value = at ? (int)(at - digits) : capital ? (int)(capital - capitals) : -1;
        ck_assert_int_eq(text_hex((unsigned char)c), value);
        count += value >= 0;
    }
    ck_assert_uint_eq(count, 22);
}
END_TEST

START_TEST(words_are_compared_in_any_case)
{
    ck_assert(text_equal_nocase("", ""));
    ck_assert(text_equal_nocase("Content-TYPE", "content-type"));
    ck_assert(!text_equal_nocase("a", ""));
    ck_assert(!text_equal_nocase("", "a"));
    ck_assert(!text_equal_nocase("abc", "abcd"));
    ck_assert(!text_equal_nocase("@[`{", "`{@[")); /* next to the letters, 0x20 apart */
    ck_assert(!text_equal_nocase("\xc4", "\xe4")); /* Latin-1 is no ASCII */
    ck_assert(text_equal_nocase_n("GETx", "gety", 3));
    ck_assert(!text_equal_nocase_n("GETx", "gety", 4));
    ck_assert(!text_equal_nocase_n("ge", "get", 3)); /* ends at the NUL of the shorter one */
    ck_assert(text_equal_nocase_n("a", "b", 0));
}
END_TEST

START_TEST(prefix_and_suffix)
{
    ck_assert(text_has_prefix("unix:/x", "unix:"));
    ck_assert(text_has_prefix("x", ""));
    ck_assert(!text_has_prefix("uni", "unix:"));
    ck_assert(!text_has_prefix("Unix:", "unix:"));
    ck_assert(text_has_suffix("a.so", ".so"));
    ck_assert(text_has_suffix(".so", ".so"));
    ck_assert(text_has_suffix("a", ""));
    ck_assert(!text_has_suffix("so", ".so"));
    ck_assert(!text_has_suffix("a.so.1", ".so"));
}
END_TEST

START_TEST(numbers_without_sign)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "7", true, 7 },
        { "00000000000000000000000042", true, 42 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "18446744073709551620", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "+1", false, 0 },
        { "-1", false, 0 },
        { "0x10", false, 0 },
        { "1e3", false, 0 },
        { "1.0", false, 0 },
        { "\xb2", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 12345;
        ck_assert_msg(text_to_uint64(cases[i].text, &value) == cases[i].good, "%s", cases[i].text);
        ck_assert_uint_eq(value, cases[i].good ? cases[i].value : 12345);
    }
}
END_TEST

START_TEST(numbers_with_sign)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "-7", true, -7 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "-18446744073709551616", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "--1", false, 0 },
        { "+1", false, 0 },
        { "- 1", false, 0 },
        { "1-", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 12345;
        ck_assert_msg(text_to_int64(cases[i].text, &value) == cases[i].good, "%s", cases[i].text);
        ck_assert_int_eq(value, cases[i].good ? cases[i].value : 12345);
    }
}
END_TEST

START_TEST(numbers_with_a_point)
{
    static const struct {
        const char *text;
        bool good;
        double value;
    } cases[] = {
        { "0", true, 0 },      { "1.5", true, 1.5 },   { "-2.25", true, -2.25 }, { ".5", true, .5 },
        { "5.", true, 5 },     { "1e3", true, 1000 },  { "1E-2", true, 0.01 },   { "1e308", true, 1e308 },
        { "1e309", false, 0 }, { "1e-400", false, 0 }, { "", false, 0 },         { ".", false, 0 },
        { "-", false, 0 },     { "e", false, 0 },      { "1e", false, 0 },       { "1.2.3", false, 0 },
        { " 1", false, 0 },    { "1 ", false, 0 },     { "0x1p3", false, 0 },    { "inf", false, 0 },
        { "nan", false, 0 },   { "1,5", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = 12345;
        ck_assert_msg(text_to_double(cases[i].text, &value) == cases[i].good, "%s", cases[i].text);
        ck_assert_double_eq(value, cases[i].good ? cases[i].value : 12345);
    }
}
END_TEST

START_TEST(sizes)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "512", true, 512 },
        { "64K", true, 65536 },
        { "64k", true, 65536 },
        { "10M", true, 10485760 },
        { "2g", true, UINT64_C(2) << 30 },
        { "0G", true, 0 },
        { "18446744073709551615", true, UINT64_MAX },
        { "18446744073709551616", false, 0 },
        { "18014398509481983K", true, UINT64_C(18014398509481983) << 10 },
        { "18014398509481984K", false, 0 },
        { "17179869183G", true, UINT64_C(17179869183) << 30 },
        { "17179869184G", false, 0 },
        { "", false, 0 },
        { "K", false, 0 },
        { "1KB", false, 0 },
        { "1KiB", false, 0 },
        { "1 K", false, 0 },
        { "1T", false, 0 },
        { "1.5M", false, 0 },
        { "-1", false, 0 },
        { "+1K", false, 0 },
        { "1K ", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 12345;
        ck_assert_msg(text_to_size(cases[i].text, &value) == cases[i].good, "%s", cases[i].text);
        ck_assert_uint_eq(value, cases[i].good ? cases[i].value : 12345);
    }
}
END_TEST

START_TEST(control_characters_are_escaped)
{
    static const char in[] = "a\n\r\t\0\x1b[31m\x7f\xc3\xa9 \\";
    static const char out[] = "a\\n\\r\\t\\x00\\x1b[31m\\x7f\xc3\xa9 \\";
    char text[64];
    bool cut = false;
    size_t n = text_escape_controls(text, sizeof text, in, sizeof in - 1, &cut);
    ck_assert_uint_eq(n, sizeof out - 1);
    ck_assert_mem_eq(text, out, n);
    ck_assert(!cut);
}
END_TEST

/* Not a byte beyond `room`, and no half of an escape. */
START_TEST(what_does_not_fit_is_cut)
{
    static const size_t used[] = { 0, 1, 1, 3, 3, 3, 3, 7, 8 };
    for (size_t room = 0; room < sizeof used / sizeof *used; room++) {
        char text[16];
        bool cut = false;
        memset(text, '#', sizeof text);
        ck_assert_uint_eq(text_escape_controls(text, room, "a\n\x01z", 4, &cut), used[room]);
        ck_assert_mem_eq(text, "a\\n\\x01z", used[room]);
        ck_assert_int_eq(text[used[room]], '#');
        ck_assert_int_eq(cut, room < 8);
    }
}
END_TEST

START_TEST(distance_of_words)
{
    static const struct {
        const char *a, *b;
        size_t limit, distance;
    } cases[] = {
        { "", "", 4, 0 },
        { "", "abc", 4, 3 },
        { "abc", "", 4, 3 },
        { "lisen", "listen", 4, 1 },
        { "kitten", "sitting", 9, 3 },
        { "kitten", "sitting", 2, 2 },
        { "ab", "ba", 4, 2 },
        { "same", "same", 1, 0 },
        { "Same", "same", 4, 1 },
        { "abcdefgh", "zyxwvuts", 4, 4 },
        { "0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789", 4, 0 },
        { "01234567890123456789012345678901234567890", "01234567890123456789012345678901234567890", 4, 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(text_distance(cases[i].a, cases[i].b, cases[i].limit) == cases[i].distance, "%s, %s", cases[i].a,
                      cases[i].b);
        ck_assert_uint_eq(text_distance(cases[i].b, cases[i].a, cases[i].limit), cases[i].distance);
    }
}
END_TEST

Suite *text_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_test(tests, case_is_that_of_ascii);
    tcase_add_test(tests, hexadecimal_digits_have_values);
    tcase_add_test(tests, words_are_compared_in_any_case);
    tcase_add_test(tests, prefix_and_suffix);
    tcase_add_test(tests, numbers_without_sign);
    tcase_add_test(tests, numbers_with_sign);
    tcase_add_test(tests, numbers_with_a_point);
    tcase_add_test(tests, sizes);
    tcase_add_test(tests, control_characters_are_escaped);
    tcase_add_test(tests, what_does_not_fit_is_cut);
    tcase_add_test(tests, distance_of_words);
    suite_add_tcase(suite, tests);
    return suite;
}
