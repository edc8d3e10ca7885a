#include "base/file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static char dir[] = "/tmp/postern-file-XXXXXX";
static char path[64];

static void set_up(void)
{
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x", dir);
}

static void tear_down(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(dir), 0); /* fails if something has been left behind */
}

static void put(const void *data, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_eq(file_write_all(fd, data, n), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void assert_close_on_exec(int fd)
{
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void *drain_slowly(void *arg)
{
    static char block[1 << 20];
    size_t total = 0;
    for (ssize_t n; (n = read(*(int *)arg, block, 777)) > 0;)
        total += (size_t)n;
    return (void *)total;
}

/* A pipe takes 64 KiB at a time: the rest needs further writes. */
START_TEST(all_is_written_however_little_fits)
{
    enum { SIZE = 1 << 20 };
    int ends[2];
    pthread_t reader;
    void *total;
    char *data = calloc(1, SIZE);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, drain_slowly, &ends[0]), 0);
    ck_assert_int_eq(file_write_all(ends[1], data, SIZE), 0);
    close(ends[1]);
    pthread_join(reader, &total);
    ck_assert_uint_eq((size_t)total, SIZE);
    close(ends[0]);
    free(data);
}
END_TEST

START_TEST(a_write_that_fails_says_why)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(file_write_all(full, "x", 1), -ENOSPC);
    ck_assert_int_eq(file_write_all(full, NULL, 0), 0);
    close(full);
    ck_assert_int_eq(file_write_all(-1, "x", 1), -EBADF);
}
END_TEST

START_TEST(an_unlinked_file_has_no_name_and_is_private)
{
    struct stat file;
    int fd = file_unlinked(dir);
    assert_close_on_exec(fd);
    ck_assert_int_eq(fstat(fd, &file), 0);
    ck_assert_uint_eq(file.st_nlink, 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    ck_assert_int_eq(file_write_all(fd, "abc", 3), 0);
    char back[4] = "";
    ck_assert_int_eq(pread(fd, back, 3, 0), 3);
    ck_assert_str_eq(back, "abc");
    close(fd);
}
END_TEST

START_TEST(an_unlinked_file_needs_a_directory)
{
    char missing[128], deep[5000];
    snprintf(missing, sizeof missing, "%s/missing", dir);
    ck_assert_int_eq(file_unlinked(missing), -ENOENT);
    put("", 0);
    ck_assert_int_eq(file_unlinked(path), -ENOTDIR);
    memset(deep, 'd', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    ck_assert_int_eq(file_unlinked(deep), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_file_is_read_whole)
{
    static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 8191, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *made = malloc(sizes[i] + 1), *data;
        size_t length;
        for (size_t k = 0; k < sizes[i]; k++)
            made[k] = (char)(k * 7);
        put(made, sizes[i]);
        ck_assert_int_eq(file_read(path, 1 << 20, &data, &length), 0);
        ck_assert_uint_eq(length, sizes[i]);
        ck_assert_int_eq(data[length], '\0');
        ck_assert_int_eq(memcmp(data, made, length), 0);
        free(data);
        free(made);
    }
}
END_TEST

START_TEST(a_file_over_the_limit_is_refused)
{
    char *data = dir;
    size_t length = 77;
    put("0123456789", 10);
    ck_assert_int_eq(file_read(path, 9, &data, &length), -EFBIG);
    ck_assert_ptr_eq(data, dir);
    ck_assert_uint_eq(length, 77);
    ck_assert_int_eq(file_read("/dev/zero", 100000, &data, &length), -EFBIG); /* one without end */
    ck_assert_int_eq(file_read(path, 10, &data, &length), 0);
    ck_assert_uint_eq(length, 10);
    free(data);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_says_why)
{
    char *data;
    size_t length;
    ck_assert_int_eq(file_read(path, 100, &data, &length), -ENOENT);
    ck_assert_int_eq(file_read(dir, 100, &data, &length), -EISDIR);
    ck_assert_int_eq(file_read_again(path, 100, &data, &length), -ENOENT);
    ck_assert_int_eq(file_read_again(dir, 100, &data, &length), -EISDIR);
}
END_TEST

/* Nobody writes to it, so one who waits waits for ever. */
START_TEST(a_pipe_is_not_waited_for)
{
    char *data;
    size_t length;
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(file_read_again(path, 100, &data, &length), -ESPIPE);
}
END_TEST

START_TEST(a_copy_in_memory_is_sealed)
{
    enum { SIZE = 200000 };
    char *made = malloc(SIZE), *back = malloc(SIZE);
    for (size_t k = 0; k < SIZE; k++)
        made[k] = (char)(k * 13);
    put(made, SIZE);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(lseek(from, 100, SEEK_SET), 100); /* a copy begins at the start all the same */
    int copy = file_copy_to_memory(from, "x");
    assert_close_on_exec(copy);
    ck_assert_int_eq(pread(copy, back, SIZE, 0), SIZE);
    ck_assert_int_eq(memcmp(made, back, SIZE), 0);
    ck_assert_int_eq(lseek(copy, 0, SEEK_END), SIZE);
    ck_assert_int_lt(pwrite(copy, "x", 1, 0), 0);
    ck_assert_int_ne(ftruncate(copy, 10), 0);
    ck_assert_int_ne(ftruncate(copy, SIZE + 1), 0);
    ck_assert_ptr_eq(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, copy, 0), MAP_FAILED);
    close(copy);
    close(from);
    free(made);
    free(back);
}
END_TEST

START_TEST(what_cannot_be_copied_says_why)
{
    char long_name[300];
    int directory = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(file_copy_to_memory(directory, "x"), -EISDIR);
    close(directory);
    ck_assert_int_eq(file_copy_to_memory(-1, "x"), -EBADF);
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    ck_assert_int_eq(file_copy_to_memory(0, long_name), -EINVAL);
}
END_TEST

static int copy_of(const char *text)
{
    put(text, strlen(text));
    int fd = open(path, O_RDONLY | O_CLOEXEC), copy = file_copy_to_memory(fd, "x");
    ck_assert_int_ge(copy, 0);
    close(fd);
    return copy;
}

START_TEST(files_are_compared_byte_for_byte)
{
    int one = copy_of("abc"), same = copy_of("abc"), other = copy_of("abd"), longer = copy_of("abcd");
    int none = copy_of(""), nothing = copy_of("");
    ck_assert_int_eq(file_same(one, same), 1);
    ck_assert_int_eq(file_same(one, one), 1);
    ck_assert_int_eq(file_same(one, other), 0);
    ck_assert_int_eq(file_same(one, longer), 0);
    ck_assert_int_eq(file_same(one, none), 0);
    ck_assert_int_eq(file_same(nothing, none), 1);
    ck_assert_int_eq(file_same(one, -1), -EBADF);
    const int all[] = { one, same, other, longer, none, nothing };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close(all[i]);
}
END_TEST

Suite *file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tests = tcase_create("file");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, all_is_written_however_little_fits);
    tcase_add_test(tests, a_write_that_fails_says_why);
    tcase_add_test(tests, an_unlinked_file_has_no_name_and_is_private);
    tcase_add_test(tests, an_unlinked_file_needs_a_directory);
    tcase_add_test(tests, a_file_is_read_whole);
    tcase_add_test(tests, a_file_over_the_limit_is_refused);
    tcase_add_test(tests, a_file_that_cannot_be_read_says_why);
    tcase_add_test(tests, a_pipe_is_not_waited_for);
    tcase_add_test(tests, a_copy_in_memory_is_sealed);
    tcase_add_test(tests, what_cannot_be_copied_says_why);
    tcase_add_test(tests, files_are_compared_byte_for_byte);
    suite_add_tcase(suite, tests);
    return suite;
}
