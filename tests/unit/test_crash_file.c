/* The directory of requests: which one is taken, what is removed. Real crashes fill it: tests/integration. */
#include "plugin/crash_file.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http/date.h"
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
        "notes.request",
        "20261121T103052Z-a.txt",
        "20261121-a-0000000000000001.request",
        "a-20261121T103052Z-.request",
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

/* --- what another process passes on ------------------------------------------------------------------------------- */

#define TAIL "-a-b-0123456789abcdef.request"

static int64_t size;

/* A crash of so many seconds ago. */
static const char *name_of(long seconds, const char *rest)
{
    static char name[128];
    compact_date_format(time(NULL) - seconds, name);
    snprintf(name + strlen(name), sizeof name - strlen(name), "%s", rest);
    return name;
}

static int in_memory(const char *text)
{
    int fd = memfd_create("request", MFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

START_TEST(what_is_passed_on_is_kept_as_it_is)
{
    char text[64] = "";
    struct stat file;
    int fd = in_memory("GET / HTTP/1.1");
    char name[128];
    snprintf(name, sizeof name, "%s", name_of(0, TAIL));
    ck_assert_int_eq(crash_file_start(place, 8, 100, &err), NGI_OK);
    ck_assert(crash_file_keeps());
    ck_assert_msg(crash_file_adopt("a-b", name, fd, &size, &err) == NGI_OK, "%s", err.text);
    ck_assert_int_eq(size, 14);
    int kept = open(path_of(name), O_RDONLY);
    ck_assert_int_eq(read(kept, text, sizeof text - 1), 14);
    ck_assert_str_eq(text, "GET / HTTP/1.1");
    ck_assert_int_eq(fstat(kept, &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0600);
    close(kept);
    ck_assert_int_eq(crash_file_adopt("a-b", name, fd, &size, &err), NGI_EIO); /* nothing is written over */
    close(fd);
}
END_TEST

START_TEST(what_is_passed_on_makes_room_for_itself)
{
    int fd = in_memory("x");
    ck_assert_int_eq(crash_file_start(place, 2, 100, &err), NGI_OK);
    for (long ago = 40; ago >= 10; ago -= 10) {
        const char *name = name_of(ago, TAIL);
        ck_assert_int_eq(crash_file_adopt("a-b", name, fd, &size, &err), NGI_OK);
        ck_assert(is_there(name));
    }
    unsigned count = 0;
    const struct dirent *entry;
    DIR *directory = opendir(place);
    while ((entry = readdir(directory)) != NULL)
        count += *entry->d_name != '.';
    closedir(directory);
    ck_assert_uint_eq(count, 2);
    close(fd);
}
END_TEST

START_TEST(only_a_crash_of_the_plugin_has_a_name)
{
    static const char *const rests[] = {
        "",
        "-a-0123456789abcdef.request",
        "-a-b",
        "-a-b-0123456789abcde.request",
        "-a-b-0123456789abcdef0.request",
        "-a-b-0123456789ABCDEF.request",
        "-a-b-0123456789abcdef.request.request",
        "-a-b-0123456789abcdef.txt",
        "-a-c-0123456789abcdef.request",
        "-a-b-../../x/89abcdef.request",
    };
    static const char *const names[] = {
        "",
        "a-b",
        "99999999T999999Z" TAIL,
        "20000101T000000Z" TAIL,
        "../20261121T103052Z" TAIL,
        "2026112T1103052Z" TAIL,
    };
    int fd = in_memory("x");
    ck_assert_int_eq(crash_file_start(place, 8, 100, &err), NGI_OK);
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++)
        ck_assert_msg(crash_file_adopt("a-b", name_of(0, rests[i]), fd, &size, &err) == NGI_EINVAL, "%s", rests[i]);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(3600, TAIL), fd, &size, &err), NGI_EINVAL);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(-3600, TAIL), fd, &size, &err), NGI_EINVAL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ck_assert_msg(crash_file_adopt("a-b", names[i], fd, &size, &err) == NGI_EINVAL, "%s", names[i]);
    close(fd);
}
END_TEST

START_TEST(only_a_file_in_memory_is_taken_and_only_of_some_size)
{
    int ends[2];
    ck_assert_int_eq(crash_file_start(place, 8, 100, &err), NGI_OK);
    ck_assert_int_eq(pipe(ends), 0); /* to read it would be to wait */
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), ends[0], &size, &err), NGI_EINVAL);
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), zero, &size, &err), NGI_EINVAL);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), -1, &size, &err), NGI_EINVAL);
    int fd = in_memory("x");
    ck_assert_int_eq(ftruncate(fd, 1L << 40), 0);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), fd, &size, &err), NGI_ETOOBIG);
    ck_assert_int_eq(ftruncate(fd, 2 << 20), 0);
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), fd, &size, &err), NGI_ETOOBIG);
    ck_assert_int_eq(ftruncate(fd, 1 << 19), 0); /* a hole is not to become blocks of a disk */
    ck_assert_int_eq(crash_file_adopt("a-b", name_of(0, TAIL), fd, &size, &err), NGI_EINVAL);
    ck_assert_int_eq(size, 0);
    ck_assert(!is_there(name_of(0, TAIL)));
    close(fd);
    close(zero);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static char passed_on[128];

static int pass_on(const char *name, int fd)
{
    struct stat file;
    snprintf(passed_on, sizeof passed_on, "%s", name);
    return fstat(fd, &file) == 0 && file.st_size > 0 ? 0 : -ENODATA;
}

START_TEST(who_keeps_nothing_itself_passes_it_on)
{
    static struct request request;
    struct crash_facts known = { .facts = { .when = "20261121T103052Z", .plugin = "a-b" }, .request = &request };
    const char *path = NULL;
    known.facts.incident = "0123456789abcdef";
    crash_file_entrust(place, 100, pass_on);
    ck_assert(!crash_file_keeps());
    int fd = crash_file_open(&known, &path);
    ck_assert_int_ge(fd, 0);
    ck_assert_str_eq(path, path_of("20261121T103052Z" TAIL)); /* where it will be */
    request.ngi.method = "GET";
    request.raw_target = "/";
    ck_assert_int_eq(crash_file_fill(fd, &known), 0);
    ck_assert_str_eq(passed_on, "20261121T103052Z" TAIL);
    ck_assert(!is_there("20261121T103052Z" TAIL));
    crash_file_entrust("/nowhere/at/all", 100, pass_on);
    ck_assert_int_eq(crash_file_open(&known, &path), CRASH_FILE_OFF);
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
    tcase_add_test(tests, what_is_passed_on_is_kept_as_it_is);
    tcase_add_test(tests, what_is_passed_on_makes_room_for_itself);
    tcase_add_test(tests, only_a_crash_of_the_plugin_has_a_name);
    tcase_add_test(tests, only_a_file_in_memory_is_taken_and_only_of_some_size);
    tcase_add_test(tests, who_keeps_nothing_itself_passes_it_on);
    suite_add_tcase(suite, tests);
    return suite;
}
