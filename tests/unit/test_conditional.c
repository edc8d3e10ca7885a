#include "http/conditional.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suites.h"

/* The moment of the RFC's examples, a second before and after. */
enum { MTIME = 784111777 };
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define EXACTLY "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct validators strong = { "\"a\"", MTIME }, weak = { "W/\"a\"", MTIME }, none = { NULL, -1 };

/* RFC 9110 section 8.8.3. */
START_TEST(entity_tags_are_told_from_other_text)
{
    static const char *const valid[] = { "\"\"", "\"xyzzy\"", "W/\"xyzzy\"", "W/\"\"", "\"a,b\"",
                                         "\"\xff\"", "\"!#~\"" };
    static const char *const invalid[] = {
        "", "xyzzy", "\"", "\"a", "a\"", "\"a\"b", "\"a\" ", "\"a b\"", "\"a\"b\"", "w/\"a\"", "W\"a\"", "W/a", "W/",
        "\"\t\"", "\"\x7f\"", "*", "\"a\",\"b\"",
    };
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++)
        ck_assert_msg(etag_is_valid(valid[i]), "%s", valid[i]);
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        ck_assert_msg(!etag_is_valid(invalid[i]), "%s", invalid[i]);
}
END_TEST

/* RFC 9110 section 13.1.1: the strong comparison. */
START_TEST(if_match_wants_the_same_strong_tag)
{
    static const struct {
        const char *header;
        const struct validators *what;
        int status;
    } cases[] = {
        { "\"a\"", &strong, 0 },
        { "\"b\", \"a\"", &strong, 0 },
        { "\"b\" ,,\t\"a\" ,", &strong, 0 },
        { "\"b,\", \"a\"", &strong, 0 },
        { "*", &strong, 0 },
        { " * ", &strong, 0 },
        { "*", &none, 0 }, /* there is a representation, if without a tag */
        { "\"b\"", &strong, 412 },
        { "\"b,\"a\"", &strong, 412 },
        { "\"x,\"a\",y\"", &strong, 412 },
        { "\"aa\"", &strong, 412 },
        { "\"\"", &strong, 412 },
        { "W/\"a\"", &strong, 412 },
        { "\"a\"", &weak, 412 },
        { "W/\"a\"", &weak, 412 },
        { "\"a\"", &none, 412 },
        { "a", &strong, 412 },
        { "\"a\"x", &strong, 412 },
        { "\"a\" \"b\"", &strong, 412 },
        { "*, \"b\"", &strong, 412 },
        { "", &strong, 412 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preconditions when = { .if_match = cases[i].header, .if_unmodified_since = BEFORE };
        ck_assert_msg(conditional_evaluate(&when, cases[i].what, true) == cases[i].status, "%s", cases[i].header);
        ck_assert_msg(conditional_evaluate(&when, cases[i].what, false) == cases[i].status, "%s", cases[i].header);
    }
}
END_TEST

/* RFC 9110 section 13.1.2: the weak comparison. */
START_TEST(if_none_match_wants_no_tag_that_is_the_same)
{
    static const struct {
        const char *header;
        const struct validators *what;
        bool matches;
    } cases[] = {
        { "\"a\"", &strong, true },
        { "W/\"a\"", &strong, true },
        { "\"a\"", &weak, true },
        { "W/\"a\"", &weak, true },
        { "W/\"b\", W/\"a\"", &strong, true },
        { "*", &strong, true },
        { "*", &none, true },
        { "garbage, \"a\"", &strong, true },
        { "\"b\"", &strong, false },
        { "W/\"b\"", &weak, false },
        { "\"W/a\"", &weak, false },
        { "\"a\"", &none, false },
        { "\"a", &strong, false },
        { "", &strong, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* the date would say 304: it must not be looked at (section 13.1.3) */
        struct preconditions when = { .if_none_match = cases[i].header, .if_modified_since = AFTER };
        int safe = conditional_evaluate(&when, cases[i].what, true);
        int unsafe = conditional_evaluate(&when, cases[i].what, false);
        ck_assert_msg(safe == (cases[i].matches ? 304 : 0), "%s", cases[i].header);
        ck_assert_msg(unsafe == (cases[i].matches ? 412 : 0), "%s", cases[i].header);
    }
}
END_TEST

/* RFC 9110 sections 13.1.3 and 13.1.4. */
START_TEST(dates_are_compared_with_the_modification_time)
{
    static const struct {
        const char *date;
        const struct validators *what;
        int modified_since, unmodified_since;
    } cases[] = {
        { BEFORE, &strong, 0, 412 },
        { EXACTLY, &strong, 304, 0 },
        { AFTER, &strong, 304, 0 },
        { "Sunday, 06-Nov-94 08:49:36 GMT", &strong, 0, 412 },
        { "Sun Nov  6 08:49:37 1994", &strong, 304, 0 },
        { "yesterday", &strong, 0, 0 },
        { "", &strong, 0, 0 },
        { BEFORE ", " BEFORE, &strong, 0, 0 },
        { BEFORE, &none, 0, 0 },
        { AFTER, &none, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preconditions modified = { .if_modified_since = cases[i].date };
        struct preconditions unmodified = { .if_unmodified_since = cases[i].date };
        ck_assert_int_eq(conditional_evaluate(&modified, cases[i].what, true), cases[i].modified_since);
        ck_assert_int_eq(conditional_evaluate(&modified, cases[i].what, false), 0); /* GET and HEAD only */
        ck_assert_int_eq(conditional_evaluate(&unmodified, cases[i].what, true), cases[i].unmodified_since);
        ck_assert_int_eq(conditional_evaluate(&unmodified, cases[i].what, false), cases[i].unmodified_since);
    }
}
END_TEST

/* RFC 9110 section 13.2.2. */
START_TEST(preconditions_are_evaluated_in_order)
{
    static const struct {
        struct preconditions when;
        int status;
    } cases[] = {
        { { .if_match = NULL }, 0 },
        { { .if_match = "\"b\"", .if_none_match = "\"a\"" }, 412 },
        { { .if_match = "\"a\"", .if_none_match = "\"a\"" }, 304 },
        { { .if_match = "\"a\"", .if_unmodified_since = BEFORE }, 0 },
        { { .if_unmodified_since = BEFORE, .if_none_match = "\"a\"" }, 412 },
        { { .if_unmodified_since = AFTER, .if_none_match = "\"a\"" }, 304 },
        { { .if_unmodified_since = AFTER, .if_modified_since = EXACTLY }, 304 },
        { { .if_none_match = "\"b\"", .if_modified_since = AFTER }, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_int_eq(conditional_evaluate(&cases[i].when, &strong, true), cases[i].status);
}
END_TEST

/* RFC 9110 sections 14.1.2, 14.2 and 15.5.17, for 1000 bytes. */
START_TEST(a_range_is_cut_out)
{
    static const struct {
        const char *range;
        int status;
        int64_t first, length;
    } cases[] = {
        { "bytes=0-499", 206, 0, 500 },
        { "bytes=500-", 206, 500, 500 },
        { "bytes=-300", 206, 700, 300 },
        { "bytes=0-0", 206, 0, 1 },
        { "bytes=-1", 206, 999, 1 },
        { "bytes=0-", 206, 0, 1000 },
        { "bytes=999-999", 206, 999, 1 },
        { "bytes=990-5000", 206, 990, 10 },
        { "bytes=-5000", 206, 0, 1000 },
        { "bytes=5-99999999999999999999999", 206, 5, 995 },
        { "bytes=-99999999999999999999999", 206, 0, 1000 },
        { "Bytes=0-1", 206, 0, 2 },
        { "bytes=,, 0-1 ,\t", 206, 0, 2 },
        /* several that become one (section 15.3.7.2) */
        { "bytes=0-99,100-199", 206, 0, 200 },
        { "bytes=100-199, 0-99", 206, 0, 200 },
        { "bytes=0-150,100-199,120-130", 206, 0, 200 },
        { "bytes=0-9,20-29,10-19", 206, 0, 30 },
        { "bytes=990-,-10", 206, 990, 10 },
        { "bytes=0-9,1000-1009", 206, 0, 10 }, /* what cannot be satisfied is left out */
        /* several that do not: everything, which is always allowed */
        { "bytes=0-9,11-19", 200, 0, 0 },
        { "bytes=0-0,-1", 200, 0, 0 },
        /* none that can be satisfied */
        { "bytes=1000-", 416, 0, 0 },
        { "bytes=1000-1001,2000-", 416, 0, 0 },
        { "bytes=-0", 416, 0, 0 },
        { "bytes=99999999999999999999999-", 416, 0, 0 },
        /* malformed: ignored */
        { "bytes=", 200, 0, 0 },
        { "bytes=,", 200, 0, 0 },
        { "bytes=-", 200, 0, 0 },
        { "bytes=5", 200, 0, 0 },
        { "bytes=5-4", 200, 0, 0 },
        { "bytes=0-1,5-4", 200, 0, 0 },
        { "bytes=0-1,x", 200, 0, 0 },
        { "bytes=0-1 2-3", 200, 0, 0 },
        { "bytes=0 -1", 200, 0, 0 },
        { "bytes=--1", 200, 0, 0 },
        { "bytes=+1-2", 200, 0, 0 },
        { "bytes=0x1-2", 200, 0, 0 },
        { "bytes 0-1", 200, 0, 0 },
        { "byte=0-1", 200, 0, 0 },
        { "items=0-1", 200, 0, 0 },
        { "", 200, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preconditions when = { .range = cases[i].range };
        int64_t first = 0, length = 0;
        int status = range_evaluate(&when, &strong, 1000, &first, &length);
        ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].range, status);
        ck_assert_msg(first == cases[i].first && length == cases[i].length, "%s", cases[i].range);
    }
}
END_TEST

START_TEST(no_range_and_no_bytes_are_everything)
{
    struct preconditions without = { .range = NULL }, with = { .range = "bytes=0-" };
    int64_t first = -1, length = -1;
    ck_assert_int_eq(range_evaluate(&without, &strong, 1000, &first, &length), 200);
    ck_assert_int_eq(range_evaluate(&with, &strong, 0, &first, &length), 200);
    ck_assert_int_eq(first, -1);
    ck_assert_int_eq(range_evaluate(&with, &strong, INT64_MAX, &first, &length), 206);
    ck_assert_int_eq(length, INT64_MAX);
}
END_TEST

/* RFC 9110 section 13.1.5. */
START_TEST(if_range_holds_for_the_same_strong_validator)
{
    static const struct {
        const char *if_range;
        const struct validators *what;
        int status;
    } cases[] = {
        { "\"a\"", &strong, 206 },
        { EXACTLY, &strong, 206 },
        { EXACTLY, &weak, 206 },
        { "\"b\"", &strong, 200 },
        { "W/\"a\"", &strong, 200 },
        { "W/\"a\"", &weak, 200 },
        { "\"a\"", &weak, 200 },
        { "\"a\"", &none, 200 },
        { "\"a\", \"a\"", &strong, 200 },
        { "\"b\", \"a\"", &strong, 200 },
        { "*", &strong, 200 },
        { BEFORE, &strong, 200 },
        { AFTER, &strong, 200 },
        { EXACTLY, &none, 200 },
        { "Wed, 31 Dec 1969 23:59:59 GMT", &none, 200 }, /* -1 is no date */
        { "", &strong, 200 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preconditions when = { .if_range = cases[i].if_range, .range = "bytes=0-1" };
        struct preconditions unsatisfiable = { .if_range = cases[i].if_range, .range = "bytes=1000-" };
        int64_t first, length;
        ck_assert_msg(range_evaluate(&when, cases[i].what, 1000, &first, &length) == cases[i].status, "%s",
                      cases[i].if_range);
        ck_assert_int_eq(range_evaluate(&unsatisfiable, cases[i].what, 1000, &first, &length),
                         cases[i].status == 206 ? 416 : 200);
    }
}
END_TEST

/* RFC 9110 section 17.15. */
START_TEST(thousands_of_ranges_take_linear_time)
{
    enum { RANGES = 200000 };
    char *range = malloc(8 + (size_t)RANGES * 4), *at = range;
    struct preconditions when = { .range = range };
    int64_t first, length;
    ck_assert_ptr_nonnull(range);
    at = stpcpy(at, "bytes=");
    for (int i = 0; i < RANGES; i++)
        at = stpcpy(at, i % 2 ? "1-1," : "0-0,");
    ck_assert_int_eq(range_evaluate(&when, &strong, 1000, &first, &length), 206);
    ck_assert_int_eq(length, 2);
    at = stpcpy(range, "bytes=");
    for (int i = 0; i < 40; i++)
        at += sprintf(at, "%d-%d,", i * 2, i * 2);
    ck_assert_int_eq(range_evaluate(&when, &strong, 1000, &first, &length), 200);
    free(range);
}
END_TEST

Suite *conditional_suite(void)
{
    Suite *suite = suite_create("conditional");
    TCase *tests = tcase_create("conditional");
    tcase_add_test(tests, entity_tags_are_told_from_other_text);
    tcase_add_test(tests, if_match_wants_the_same_strong_tag);
    tcase_add_test(tests, if_none_match_wants_no_tag_that_is_the_same);
    tcase_add_test(tests, dates_are_compared_with_the_modification_time);
    tcase_add_test(tests, preconditions_are_evaluated_in_order);
    tcase_add_test(tests, a_range_is_cut_out);
    tcase_add_test(tests, no_range_and_no_bytes_are_everything);
    tcase_add_test(tests, if_range_holds_for_the_same_strong_validator);
    tcase_add_test(tests, thousands_of_ranges_take_linear_time);
    suite_add_tcase(suite, tests);
    return suite;
}
