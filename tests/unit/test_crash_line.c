/* The line for requests of crashes, the worker's side; real hosts are at its other end in tests/integration. */
#include "proc/crash_line.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/date.h"
#include "plugin/crash_file.h"
#include "proc/channel.h"
#include "tests/unit/suites.h"

static char place[64];
static struct crash_line line;

static void set_up(void)
{
    ngi_error err;
    strcpy(place, "/tmp/postern-line-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    ck_assert_int_eq(crash_file_start(place, 1000, 100, &err), NGI_OK);
    crash_line_init(&line);
    ck_assert_int_eq(crash_line_open(&line, "a"), 0);
    ck_assert_int_ge(line.theirs, 0);
}

static unsigned entries(const char *path)
{
    const struct dirent *entry;
    unsigned count = 0;
    DIR *directory = opendir(path);
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL)
        count += *entry->d_name != '.';
    closedir(directory);
    return count;
}

static void tear_down(void)
{
    char command[96];
    crash_line_close(&line);
    snprintf(command, sizeof command, "rm -r %s", place);
    ck_assert_int_eq(system(command), 0);
}

static void say(int kind, unsigned number, bool has_file)
{
    char name[64];
    int fd = has_file ? memfd_create("request", MFD_CLOEXEC) : -1;
    compact_date_format(time(NULL), name);
    snprintf(name + strlen(name), sizeof name - strlen(name), "-a-%016x.request", number);
    ck_assert_int_eq(channel_send(line.theirs, kind, name, fd), 0);
    if (fd >= 0)
        close(fd);
}

START_TEST(requests_are_kept)
{
    say('r', 1, true);
    say('r', 2, true);
    crash_line_take(&line);
    ck_assert_uint_eq(entries(place), 2);
}
END_TEST

START_TEST(what_cannot_be_is_passed_over)
{
    say('r', 1, false);
    say('x', 2, true);
    say('r', 3, true);
    crash_line_take(&line);
    ck_assert_uint_eq(entries(place), 1);
}
END_TEST

/* One that talks all the time takes no more than its share of a second. */
START_TEST(of_a_flood_only_some_are_taken_in_a_second)
{
    enum { ALL = 20, SOME = 16 };
    for (unsigned i = 0; i < ALL; i++)
        say('r', i, true);
    line.since_us = clock_us() + 3600 * 1000000LL; /* the second does not end */
    crash_line_take(&line);
    crash_line_take(&line);
    ck_assert_uint_eq(entries(place), SOME);
    line.since_us = 0; /* it has ended */
    crash_line_take(&line);
    ck_assert_uint_eq(entries(place), ALL);
}
END_TEST

/* The end that hosts share, which is therefore everybody's to shut down: an end that is for ever. And what is no
 * message. Neither is heard again, and no descriptor stays behind. */
START_TEST(a_line_that_is_broken_is_given_up)
{
    unsigned before = entries("/proc/self/fd");
    int fd = memfd_create("request", MFD_CLOEXEC);
    if (_i == 0)
        ck_assert_int_eq(shutdown(line.theirs, SHUT_WR), 0);
    else if (_i == 1)
        ck_assert_int_eq(send(line.theirs, "", 0, 0), 0);
    else
        ck_assert_int_eq(channel_send(line.theirs, 0, NULL, fd), 0);
    close(fd);
    crash_line_take(&line);
    ck_assert_int_eq(line.ours, -1);
    crash_line_take(&line);
    while (entries("/proc/self/fd") > before - 2) /* both ends are closed, one of them by another thread */
        usleep(1000);
}
END_TEST

START_TEST(without_a_directory_there_is_no_line)
{
    ngi_error err;
    struct crash_line other;
    ck_assert_int_ne(crash_file_start("/nowhere/at/all", 1, 0, &err), NGI_OK);
    crash_line_init(&other);
    ck_assert_int_eq(crash_line_open(&other, "a"), 0);
    ck_assert_int_eq(other.theirs, -1);
    crash_line_take(&other);
    crash_line_close(&other);
}
END_TEST

Suite *crash_line_suite(void)
{
    Suite *suite = suite_create("crash_line");
    TCase *tests = tcase_create("crash_line");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, requests_are_kept);
    tcase_add_test(tests, what_cannot_be_is_passed_over);
    tcase_add_test(tests, of_a_flood_only_some_are_taken_in_a_second);
    tcase_add_loop_test(tests, a_line_that_is_broken_is_given_up, 0, 3);
    tcase_add_test(tests, without_a_directory_there_is_no_line);
    suite_add_tcase(suite, tests);
    return suite;
}
