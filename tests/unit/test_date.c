#include "http/date.h"

#include <check.h>
#include <stdio.h>
#include <time.h>

#include "sdk/ngi.h"
#include "tests/unit/suites.h"

/* RFC 9110 section 5.6.7, IMF-fixdate. */
START_TEST(dates_are_written_as_the_rfc_wants)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
        { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
        { -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
        { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
        { 2147483648, "Tue, 19 Jan 2038 03:14:08 GMT" },
        { 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT" },
        { -62135596800, "Mon, 01 Jan 0001 00:00:00 GMT" },
        { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
        { INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT" },
        { INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
    };
    char text[HTTP_DATE_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        http_date_format(cases[i].seconds, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

/* Some 50,000 moments over all the years, against the C library (in the C locale of this program). */
START_TEST(the_calendar_agrees_with_the_c_library)
{
    for (int64_t seconds = -62135596800; seconds < 253402300800; seconds += 6311433) {
        char text[HTTP_DATE_SIZE], expected[80];
        time_t moment = (time_t)seconds;
        int64_t parsed = 0;
        struct tm tm;
        gmtime_r(&moment, &tm);
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (tm.tm_year + 1900 < 1000) { /* %Y does not pad */
            size_t n = strftime(expected, sizeof expected, "%a, %d %b ", &tm);
            snprintf(expected + n, sizeof expected - n, "%04d %02d:%02d:%02d GMT", tm.tm_year + 1900, tm.tm_hour,
                     tm.tm_min, tm.tm_sec);
        }
        http_date_format(seconds, text);
        ck_assert_str_eq(text, expected);
        ck_assert_int_eq(http_date_parse(text, &parsed), NGI_OK);
        ck_assert_int_eq(parsed, seconds);
    }
}
END_TEST

/* RFC 9110 section 5.6.7: a recipient must accept all three. */
START_TEST(a_compact_date_sorts_as_its_moment)
{
    char out[COMPACT_DATE_SIZE];
    compact_date_format(784111777, out);
    ck_assert_str_eq(out, "19941106T084937Z");
    compact_date_format(INT64_MAX, out);
    ck_assert_str_eq(out, "99991231T235959Z");
    compact_date_format(0, out);
    ck_assert_str_eq(out, "19700101T000000Z");
}
END_TEST

START_TEST(all_three_forms_are_read)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 16 08:49:37 1994", 784975777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
        { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 }, /* a leap second */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = -7;
        ck_assert_msg(http_date_parse(cases[i].text, &seconds) == NGI_OK, "%s", cases[i].text);
        ck_assert_int_eq(seconds, cases[i].seconds);
    }
}
END_TEST

START_TEST(anything_else_is_no_date)
{
    static const char *const cases[] = {
        "", " ", "0", "784111777", "Sun", "Sun, ",
        "sun, 06 Nov 1994 08:49:37 GMT",     /* case matters */
        "Sun, 06 NOV 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 UTC",     /* GMT only */
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06  Nov 1994 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 1995 08:49:37 GMT",
        "Mon, 29 Feb 2100 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = -7;
        ck_assert_msg(http_date_parse(cases[i], &seconds) == NGI_EPARSE, "%s", cases[i]);
        ck_assert_int_eq(seconds, -7);
    }
}
END_TEST

/* RFC 9110 section 5.6.7: "more than 50 years in the future" is the most recent past year with these digits. */
START_TEST(a_two_digit_year_over_50_years_ahead_is_past)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    for (int ahead = -49; ahead <= 50; ahead++) {
        char short_form[40], long_form[40];
        int year = tm.tm_year + 1900 + ahead;
        int64_t from_short = 0, from_long = 1;
        snprintf(short_form, sizeof short_form, "Sunday, 01-Jul-%02d 12:00:00 GMT", year % 100);
        snprintf(long_form, sizeof long_form, "Sun, 01 Jul %04d 12:00:00 GMT", year);
        ck_assert_int_eq(http_date_parse(short_form, &from_short), NGI_OK);
        ck_assert_int_eq(http_date_parse(long_form, &from_long), NGI_OK);
        ck_assert_int_eq(from_short, from_long);
    }
}
END_TEST

Suite *date_suite(void)
{
    Suite *suite = suite_create("date");
    TCase *tests = tcase_create("date");
    tcase_add_test(tests, dates_are_written_as_the_rfc_wants);
    tcase_add_test(tests, the_calendar_agrees_with_the_c_library);
    tcase_add_test(tests, a_compact_date_sorts_as_its_moment);
    tcase_add_test(tests, all_three_forms_are_read);
    tcase_add_test(tests, anything_else_is_no_date);
    tcase_add_test(tests, a_two_digit_year_over_50_years_ahead_is_past);
    suite_add_tcase(suite, tests);
    return suite;
}
