#include "proc/files_watch.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/suites.h"

static char dir[] = "/tmp/postern-watch-XXXXXX";
static char plugins[64], conf[64];
static struct files_watch watch;
static ngi_error err;

static const char *in(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static void put(const char *name)
{
    int fd = open(in(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
}

static void begin(void)
{
    ck_assert_msg(files_watch_begin(&watch, plugins, conf, &err) == NGI_OK, "%s", err.text);
}

static void set_up(void)
{
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    strcpy(plugins, in("plugins"));
    strcpy(conf, in("conf"));
    ck_assert_int_eq(mkdir(plugins, 0755), 0);
    put("conf");
    put("plugins/a.so");
    files_watch_init(&watch);
    begin();
}

static void tear_down(void)
{
    char command[128];
    files_watch_end(&watch);
    ck_assert_int_eq(watch.fd, -1);
    snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* Whether what has happened counts; forgets it. The kernel has queued it by the time the call that did it returns. */
static bool noticed(void)
{
    files_watch_read(&watch);
    bool changed = files_watch_next_ms(&watch) != INT64_MAX;
    watch.due_ms = INT64_MAX;
    return changed;
}

START_TEST(plugins_that_come_change_and_go_count)
{
    ck_assert(!noticed());
    put("plugins/b.so");
    ck_assert(noticed());
    put("plugins/b.so");
    ck_assert(noticed());
    ck_assert_int_eq(chmod(in("plugins/b.so"), 0600), 0);
    ck_assert(noticed());
    ck_assert_int_eq(rename(in("plugins/b.so"), in("plugins/c.so")), 0);
    ck_assert(noticed());
    ck_assert_int_eq(rename(in("plugins/c.so"), in("elsewhere")), 0);
    ck_assert(noticed());
    ck_assert_int_eq(unlink(in("plugins/a.so")), 0);
    ck_assert(noticed());
}
END_TEST

START_TEST(other_files_do_not)
{
    put("plugins/b.c");
    put("plugins/.hidden.so");
    put("plugins/b.so.new");
    put("other");
    put("conf.bak");
    close(open(in("plugins/a.so"), O_RDONLY | O_CLOEXEC)); /* looking changes nothing */
    close(open(conf, O_RDONLY | O_CLOEXEC));
    ck_assert(!noticed());
    ck_assert_int_eq(rename(in("plugins/b.so.new"), in("plugins/b.so")), 0);
    ck_assert(noticed());
}
END_TEST

START_TEST(the_file_counts_written_over_and_replaced)
{
    put("conf");
    ck_assert(noticed());
    put("new");
    ck_assert_int_eq(rename(in("new"), conf), 0);
    ck_assert(noticed());
    put("conf"); /* the new one, too */
    ck_assert(noticed());
}
END_TEST

START_TEST(each_change_puts_it_off_but_not_for_ever)
{
    int64_t before = clock_ms();
    put("conf");
    files_watch_read(&watch);
    int64_t first = files_watch_next_ms(&watch);
    ck_assert_int_ge(first, before + 300);
    ck_assert_int_le(first, clock_ms() + 300);
    watch.due_ms = watch.first_ms + 5; /* as if it had been longer ago */
    put("conf");
    files_watch_read(&watch);
    ck_assert_int_gt(files_watch_next_ms(&watch), watch.first_ms + 5);
    watch.first_ms -= 5000;
    put("conf");
    files_watch_read(&watch);
    ck_assert_int_eq(files_watch_next_ms(&watch), watch.first_ms + 5000);
    ck_assert(files_watch_is_due(&watch));
    ck_assert(!files_watch_is_due(&watch)); /* once */
    ck_assert_int_eq(files_watch_next_ms(&watch), INT64_MAX);
}
END_TEST

START_TEST(beginning_again_leaves_no_gap)
{
    int before = watch.fd;
    put("conf");
    begin();
    ck_assert_int_eq(watch.fd, before);
    ck_assert(noticed());
}
END_TEST

START_TEST(a_directory_that_is_replaced_is_found_again)
{
    ck_assert_int_eq(mkdir(in("next"), 0755), 0);
    ck_assert_int_eq(rename(plugins, in("last")), 0);
    ck_assert(noticed());
    ck_assert_int_eq(rename(in("next"), plugins), 0);
    begin();
    put("plugins/b.so");
    ck_assert(noticed());
    put("last/b.so");
    ck_assert(!noticed());
}
END_TEST

START_TEST(what_is_not_there_cannot_be_watched)
{
    ck_assert_int_eq(files_watch_begin(&watch, "/nowhere/at/all", NULL, &err), NGI_EIO);
    ck_assert_str_eq(err.text, "/nowhere/at/all: cannot be watched: No such file or directory");
    ck_assert_int_eq(watch.fd, -1);
    begin();
    put("conf");
    ck_assert(noticed());
}
END_TEST

START_TEST(a_name_without_a_directory_is_in_this_one)
{
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(files_watch_begin(&watch, NULL, "conf", &err), NGI_OK);
    put("conf");
    ck_assert(noticed());
    put("plugins/a.so");
    ck_assert(!noticed());
}
END_TEST

Suite *files_watch_suite(void)
{
    Suite *suite = suite_create("files_watch");
    TCase *tests = tcase_create("files_watch");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, plugins_that_come_change_and_go_count);
    tcase_add_test(tests, other_files_do_not);
    tcase_add_test(tests, the_file_counts_written_over_and_replaced);
    tcase_add_test(tests, each_change_puts_it_off_but_not_for_ever);
    tcase_add_test(tests, beginning_again_leaves_no_gap);
    tcase_add_test(tests, a_directory_that_is_replaced_is_found_again);
    tcase_add_test(tests, what_is_not_there_cannot_be_watched);
    tcase_add_test(tests, a_name_without_a_directory_is_in_this_one);
    suite_add_tcase(suite, tests);
    return suite;
}
