#include "proc/mapped_file.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/suites.h"

/* What plugin/module links a plugin from. */
START_TEST(a_copy_in_memory_is_found_by_where_it_is_mapped)
{
    enum { COUNT = 3 };
    void *maps[COUNT];
    for (int i = 0; i < COUNT; i++) {
        int fd = memfd_create("thumb.so", MFD_CLOEXEC); /* the same name, as two directories may have it */
        ck_assert_int_eq(file_write_all(fd, &(char){ (char)('a' + i) }, 1), 0);
        maps[i] = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
        ck_assert_ptr_ne(maps[i], MAP_FAILED);
    }
    for (int i = 0; i < COUNT; i++) {
        char byte = 0;
        int fd = mapped_file_open(getpid(), (uintptr_t)maps[i]);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pread(fd, &byte, 1, 0), 1);
        ck_assert_int_eq(byte, 'a' + i);
        close(fd);
    }
}
END_TEST

START_TEST(what_is_not_mapped_or_has_no_descriptor_is_not_found)
{
    int fd = memfd_create("thumb.so", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(fd, 1), 0);
    void *map = mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    ck_assert_int_eq(mapped_file_open(getpid(), (uintptr_t)map), -1);
    ck_assert_int_eq(mapped_file_open(getpid(), 16), -1);
    ck_assert_int_eq(mapped_file_open(0, (uintptr_t)map), -1);
}
END_TEST

START_TEST(names_are_for_people)
{
    static const char *const cases[][2] = {
        { "/memfd:thumb.so (deleted)", "thumb.so" },
        { "/usr/lib/x/thumb.so", "thumb.so" },
        { "/usr/lib/libc.so.6 (deleted)", "libc.so.6" },
        { "[vdso: 17]", "[vdso: 17]" },
        { "", "" },
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mapped_file_name(cases[i][0], out, sizeof out);
        ck_assert_str_eq(out, cases[i][1]);
    }
    mapped_file_name("/usr/lib/libc.so.6", out, 5);
    ck_assert_str_eq(out, "libc");
    ck_assert(mapped_file_is_copy("/memfd:a (deleted)"));
    ck_assert(!mapped_file_is_copy("/tmp/memfd:a"));
}
END_TEST

Suite *mapped_file_suite(void)
{
    Suite *suite = suite_create("mapped_file");
    TCase *tests = tcase_create("mapped_file");
    tcase_add_test(tests, a_copy_in_memory_is_found_by_where_it_is_mapped);
    tcase_add_test(tests, what_is_not_mapped_or_has_no_descriptor_is_not_found);
    tcase_add_test(tests, names_are_for_people);
    suite_add_tcase(suite, tests);
    return suite;
}
