/* Files that are no plugin of this machine. */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/refusals/refusal.h"

#if defined(__aarch64__)
#define THIS_MACHINE "aarch64"
#define OTHER_MACHINE "x86-64"
enum { OTHER_NUMBER = EM_X86_64 };
#elif defined(__x86_64__)
#define THIS_MACHINE "x86-64"
#define OTHER_MACHINE "aarch64"
enum { OTHER_NUMBER = EM_AARCH64 };
#endif

#define REMEDY "(a plugin is a shared object: cc -shared -fPIC)"

START_TEST(a_script_is_no_elf_file)
{
    scratch_write(&dir, "x.so", "#!/bin/sh\nexit 0\n");
    refused("DIR/x.so: not an ELF file: it begins with \"#!/bin/sh\" " REMEDY);
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
    scratch_write(&dir, "x.so", "");
    refused("DIR/x.so: an empty file " REMEDY);
}
END_TEST

#ifdef THIS_MACHINE
START_TEST(a_plugin_of_another_machine_names_both)
{
    uint16_t machine = OTHER_NUMBER;
    scratch_copy_as(&dir, "examples/hello.so", "x.so");
    int fd = open(scratch_path(&dir, "x.so"), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, &machine, sizeof machine, offsetof(Elf64_Ehdr, e_machine)), sizeof machine);
    close(fd);
    refused("DIR/x.so: built for " OTHER_MACHINE ", this gateway is " THIS_MACHINE ": build it on or for this machine");
}
END_TEST
#endif

START_TEST(an_object_file_is_refused_with_the_remedy)
{
    struct command_result result;
    COMMAND(&result, "sh", "-c", "exec ${CC:-cc} -c -x c -o \"$0\" /dev/null", scratch_path(&dir, "x.so"));
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    refused("DIR/x.so: a relocatable object file (.o): link it with cc -shared");
}
END_TEST

START_TEST(half_a_plugin_says_that_it_is_cut_short)
{
    struct stat file;
    char words[160];
    scratch_copy_as(&dir, "examples/hello.so", "x.so");
    ck_assert_int_eq(stat(scratch_path(&dir, "x.so"), &file), 0);
    ck_assert_int_eq(truncate(scratch_path(&dir, "x.so"), file.st_size - 1), 0);
    /* The section table is what a linker writes last. */
    snprintf(words, sizeof words,
             "DIR/x.so: cut short: its section table ends at byte %lld, the file has %lld; copy it again",
             (long long)file.st_size, (long long)file.st_size - 1);
    refused(words);
}
END_TEST

START_TEST(a_directory_called_so_is_refused)
{
    ck_assert_int_eq(mkdir(scratch_path(&dir, "x.so"), 0755), 0);
    refused("DIR/x.so: a directory, not a regular file");
}
END_TEST

START_TEST(a_fifo_neither_hangs_nor_loads)
{
    ck_assert_int_eq(mkfifo(scratch_path(&dir, "x.so"), 0644), 0);
    refused("DIR/x.so: a pipe, socket or device, not a regular file");
}
END_TEST

START_TEST(a_link_to_nowhere_is_called_that)
{
    ck_assert_int_eq(symlink("gone.so", scratch_path(&dir, "x.so")), 0);
    refused("DIR/x.so: a symbolic link to a file that does not exist");
}
END_TEST

START_TEST(a_link_to_a_plugin_is_fine)
{
    ck_assert_int_eq(symlink(built("examples/hello.so"), scratch_path(&dir, "x.so")), 0);
    accepted();
}
END_TEST

/* root reads everything: then the commands run as somebody else. */
START_TEST(a_file_that_may_not_be_read_says_so)
{
    enum { NOBODY = 65534 };
    uid_t us = geteuid();
    given_good("x");
    ck_assert_int_eq(chmod(scratch_path(&dir, "x.so"), 0), 0);
    ck_assert_int_eq(chmod(dir.path, 0755), 0);
    ck_assert_int_eq(us == 0 ? setresuid(NOBODY, NOBODY, us) : 0, 0);
    if (access(built("postern"), X_OK) == 0)
        refused("DIR/x.so: cannot be opened: Permission denied");
    else
        skip("the build directory is closed to others");
    ck_assert_int_eq(setresuid(us, us, us), 0);
}
END_TEST

START_TEST(names_that_are_no_plugins_are_left_alone)
{
    scratch_write(&dir, "README", "not a plugin");
    scratch_write(&dir, ".hidden.so", "not a plugin");
    scratch_write(&dir, "x.so.bak", "not a plugin");
    SAYS(0, "0 plugins in DIR: good\n",
         "postern: warning: DIR holds no plugin (*.so): every request will be a 404\n", "check", "--plugins", "DIR");
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_refused)
{
    REFUSED_WITH("DIR/gone: No such file or directory: name a directory of plugins with --plugins or the setting "
                 "plugins",
                 "--plugins", "DIR/gone");
}
END_TEST

Suite *file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_script_is_no_elf_file);
    tcase_add_test(tests, an_empty_file_is_refused);
#ifdef THIS_MACHINE
    tcase_add_test(tests, a_plugin_of_another_machine_names_both);
#endif
    tcase_add_test(tests, an_object_file_is_refused_with_the_remedy);
    tcase_add_test(tests, half_a_plugin_says_that_it_is_cut_short);
    tcase_add_test(tests, a_directory_called_so_is_refused);
    tcase_add_test(tests, a_fifo_neither_hangs_nor_loads);
    tcase_add_test(tests, a_link_to_nowhere_is_called_that);
    tcase_add_test(tests, a_link_to_a_plugin_is_fine);
    tcase_add_test(tests, a_file_that_may_not_be_read_says_so);
    tcase_add_test(tests, names_that_are_no_plugins_are_left_alone);
    tcase_add_test(tests, a_directory_that_is_not_there_is_refused);
    return suite;
}
