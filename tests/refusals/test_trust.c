/* Files and directories that others could change. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/refusals/refusal.h"

enum { STRANGER = 4242424 };

/* Whether a file could be given away. */
static bool give_away(const char *path)
{
    if (geteuid() == 0)
        return lchown(path, STRANGER, (gid_t)-1) == 0;
    skip("only root can give a file away");
    return false;
}

START_TEST(a_file_that_everyone_may_write_is_refused)
{
    given_good("x");
    ck_assert_int_eq(chmod(scratch_path(&dir, "x.so"), 0757), 0);
    refused("DIR/x.so: the file is writable by everyone (mode 0757): chmod o-w DIR/x.so");
}
END_TEST

START_TEST(a_directory_that_everyone_may_write_is_refused)
{
    given_good("x");
    ck_assert_int_eq(chmod(dir.path, 0703), 0);
    refused("DIR: the directory is writable by everyone (mode 0703): chmod o-w DIR");
}
END_TEST

START_TEST(a_directory_like_tmp_is_refused_too)
{
    ck_assert_int_eq(chmod(dir.path, 01777), 0);
    refused("DIR: the directory is for everyone's files (mode 1777): make one of your own");
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
    given_good("x");
    if (give_away(scratch_path(&dir, "x.so")))
        refused("DIR/x.so: the file belongs to nobody known (uid 4242424); only root and the user running postern, "
                "root (uid 0), may own it: chown root DIR/x.so");
}
END_TEST

START_TEST(a_directory_of_another_user_is_refused)
{
    given_good("x");
    if (give_away(dir.path))
        refused("DIR: the directory belongs to nobody known (uid 4242424); only root and the user running postern, "
                "root (uid 0), may own it: chown root DIR");
}
END_TEST

START_TEST(a_link_is_judged_by_the_file_it_leads_to)
{
    given_good("x");
    ck_assert_int_eq(rename(scratch_path(&dir, "x.so"), scratch_path(&dir, "real")), 0);
    ck_assert_int_eq(symlink("real", scratch_path(&dir, "x.so")), 0);
    ck_assert_int_eq(chmod(scratch_path(&dir, "real"), 0646), 0);
    refused("DIR/x.so: the file is writable by everyone (mode 0646): chmod o-w DIR/x.so");
}
END_TEST

Suite *trust_suite(void)
{
    Suite *suite = suite_create("trust");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_file_that_everyone_may_write_is_refused);
    tcase_add_test(tests, a_directory_that_everyone_may_write_is_refused);
    tcase_add_test(tests, a_directory_like_tmp_is_refused_too);
    tcase_add_test(tests, a_file_of_another_user_is_refused);
    tcase_add_test(tests, a_directory_of_another_user_is_refused);
    tcase_add_test(tests, a_link_is_judged_by_the_file_it_leads_to);
    return suite;
}
