#include "base/report.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static struct report report;

static void set_up(void)
{
    report = (struct report){ 0 };
}

static void tear_down(void)
{
    report_free(&report);
}

START_TEST(lines_keep_their_order)
{
    report_add(&report, "a.conf:%d: %s", 1, "first");
    report_add(&report, "%s", "");
    report_add(&report, "%s", "100%s"); /* text is no format */
    ck_assert_uint_eq(report.count, 3);
    ck_assert_str_eq(report.lines[0], "a.conf:1: first");
    ck_assert_str_eq(report.lines[1], "");
    ck_assert_str_eq(report.lines[2], "100%s");
}
END_TEST

START_TEST(a_line_may_be_long_and_lines_many)
{
    report_add(&report, "%*s", 100000, "x");
    for (int i = 0; i < 1000; i++)
        report_add(&report, "%d", i);
    ck_assert_uint_eq(report.count, 1001);
    ck_assert_uint_eq(strlen(report.lines[0]), 100000);
    ck_assert_str_eq(report.lines[1000], "999");
}
END_TEST

START_TEST(every_line_goes_to_the_log)
{
    char text[128] = "";
    int caught = memfd_create("log", MFD_CLOEXEC), terminal = dup(STDERR_FILENO);
    report_add(&report, "one");
    report_add(&report, "%s", "%d two");
    dup2(caught, STDERR_FILENO);
    report_log(&report);
    dup2(terminal, STDERR_FILENO);
    ck_assert_int_gt(pread(caught, text, sizeof text - 1, 0), 0);
    ck_assert_str_eq(text, "postern: one\npostern: %d two\n");
    ck_assert_uint_eq(report.count, 2);
    close(caught);
    close(terminal);
}
END_TEST

START_TEST(a_freed_report_is_empty_and_may_be_used_again)
{
    report_add(&report, "x");
    report_free(&report);
    report_free(&report);
    ck_assert_uint_eq(report.count, 0);
    report_add(&report, "y");
    ck_assert_str_eq(report.lines[0], "y");
}
END_TEST

Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, lines_keep_their_order);
    tcase_add_test(tests, a_line_may_be_long_and_lines_many);
    tcase_add_test(tests, every_line_goes_to_the_log);
    tcase_add_test(tests, a_freed_report_is_empty_and_may_be_used_again);
    suite_add_tcase(suite, tests);
    return suite;
}
