/* The directory of requests: which one is taken, what is removed. Real crashes fill it: tests/integration. */
#include "plugin/crash_file.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static char place[64];
static ngi_error err;

static void set_up(void)
{
    strcpy(place, "/tmp/postern-crashes-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", place, name);
    return path;
}

static void make(const char *name)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static bool is_there(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void tear_down(void)
{
    const struct dirent *entry;
    chmod(place, 0700);
    DIR *directory = opendir(place);
    while (directory && (entry = readdir(directory)) != NULL)
        unlink(path_of(entry->d_name));
    if (directory)
        closedir(directory);
    rmdir(place);
}

START_TEST(the_oldest_go_and_make_room_for_one)
{
    make("20261121T103052Z-b-0000000000000001.request");
    make("20251121T103052Z-z-0000000000000002.request");
    make("20261121T103053Z-a-0000000000000003.request");
    ck_assert_int_eq(crash_file_start(place, 3, 0, &err), NGI_OK);
    ck_assert(!is_there("20251121T103052Z-z-0000000000000002.request"));
    ck_assert(is_there("20261121T103052Z-b-0000000000000001.request"));
    ck_assert_int_eq(crash_file_start(place, 1, 0, &err), NGI_OK);
    ck_assert(!is_there("20261121T103053Z-a-0000000000000003.request"));
}
END_TEST

START_TEST(what_is_not_ours_stays)
{
    static const char *const names[] = {
        "notes.request", "20261121T103052Z-a.txt", "20261121-a-0000000000000001.request", "a-20261121T103052Z-.request",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        make(names[i]);
    ck_assert_int_eq(crash_file_start(place, 1, 0, &err), NGI_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert(is_there(names[i]));
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_told_apart)
{
    ck_assert_int_eq(crash_file_start("/nowhere/at/all", 1, 0, &err), NGI_ENOENT);
    ck_assert_str_eq(err.text, "No such file or directory");
}
END_TEST

START_TEST(a_directory_that_others_may_write_to_is_refused)
{
    ck_assert_int_eq(chmod(place, 0770), 0);
    ck_assert_int_eq(crash_file_start(place, 1, 0, &err), NGI_EPERM);
    ck_assert_str_eq(err.text, "others may write to it (mode 0770): chmod go-w it");
}
END_TEST

START_TEST(a_file_is_no_directory)
{
    make("file");
    ck_assert_int_eq(crash_file_start(path_of("file"), 1, 0, &err), NGI_EPERM);
    ck_assert_str_eq(err.text, "it is no directory");
}
END_TEST

START_TEST(a_directory_of_somebody_else_is_refused)
{
    const char *theirs = geteuid() == 0 ? place : "/";
    if (geteuid() == 0)
        ck_assert_int_eq(chown(place, 12345, 12345), 0);
    ck_assert_int_eq(crash_file_start(theirs, 1, 0, &err), NGI_EPERM);
    ck_assert_ptr_nonnull(strstr(err.text, "not to the user running postern"));
}
END_TEST

START_TEST(without_a_request_or_a_directory_there_is_no_file)
{
    static struct request request;
    struct crash_facts known = { .facts = { .when = "20261121T103052Z", .plugin = "a", .incident = "1" } };
    const char *path = NULL;
    ck_assert_int_eq(crash_file_start(place, 1, 0, &err), NGI_OK);
    ck_assert_int_eq(crash_file_open(&known, &path), CRASH_FILE_OFF);
    known.request = &request;
    int fd = crash_file_open(&known, &path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(crash_file_open(&known, &path), -EEXIST); /* nothing is written over */
    ck_assert_int_eq(crash_file_start("/nowhere/at/all", 1, 0, &err), NGI_ENOENT);
    ck_assert_int_eq(crash_file_open(&known, &path), CRASH_FILE_OFF);
}
END_TEST

START_TEST(a_name_cannot_lead_out_of_the_directory)
{
    static struct request request;
    const struct crash_facts known = { { .when = "20261121T103052Z", .plugin = "../../x", .incident = "1" }, &request };
    const char *path = NULL;
    struct stat file;
    ck_assert_int_eq(crash_file_start(place, 1, 0, &err), NGI_OK);
    int fd = crash_file_open(&known, &path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0600);
    close(fd);
    ck_assert_str_eq(path, path_of("20261121T103052Z-..?..?x-1.request"));
}
END_TEST

Suite *crash_file_suite(void)
{
    Suite *suite = suite_create("crash_file");
    TCase *tests = tcase_create("crash_file");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_oldest_go_and_make_room_for_one);
    tcase_add_test(tests, what_is_not_ours_stays);
    tcase_add_test(tests, a_directory_that_is_not_there_is_told_apart);
    tcase_add_test(tests, a_directory_that_others_may_write_to_is_refused);
    tcase_add_test(tests, a_file_is_no_directory);
    tcase_add_test(tests, a_directory_of_somebody_else_is_refused);
    tcase_add_test(tests, without_a_request_or_a_directory_there_is_no_file);
    tcase_add_test(tests, a_name_cannot_lead_out_of_the_directory);
    suite_add_tcase(suite, tests);
    return suite;
}
