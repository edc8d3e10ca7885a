/* One directory with everything in it: check names all that is wrong, and nothing else, in one go. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/refusals/lifecycles.h"
#include "tests/refusals/refusal.h"

#define NO_ENTRY ": no entry symbol ngi_plugin_v1: write NGI_PLUGIN(…) in the source, or export that function"

START_TEST(check_names_all_that_is_wrong_at_once)
{
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    given_good("a-good");
    given("b-crash.so", CRASHING_CONSTRUCTOR);
    given("c-exit.so", EXITING_CONSTRUCTOR);
    given("d-init.so", FAILING_INIT);
    given("e-init-crash.so", CRASHING_INIT);
    given("f-init-exit.so", EXITING_INIT);
    given("g-none.so", "int no_plugin;");
    scratch_write(&dir, "h-text.so", "text");
    ck_assert_int_eq(mkdir(scratch_path(&dir, "i-directory.so"), 0755), 0);
    given_good("j-open");
    ck_assert_int_eq(chmod(scratch_path(&dir, "j-open.so"), 0777), 0);
    scratch_copy_as(&dir, "examples/hello.so", "k-hello.so");
    scratch_copy_as(&dir, "examples/hello.so", "l-hello.so");
    check_refuses(
        "DIR/b-crash.so: crashed" IN_CONSTRUCTOR ": Segmentation fault" SHOWS_WHERE(
            "DIR/b-crash.so") "\n"
                              "DIR/c-exit.so: called exit(0)" IN_CONSTRUCTOR ": a plugin must not end the process it "
                                                                             "runs in\n"
                              "DIR/d-init.so: plugin x: init failed: no model for x at /x; fetch it from  "
                              "models.example\n"
                              "DIR/e-init-crash.so: crashed in init: Segmentation fault" SHOWS_WHERE(
                                  "DIR/e-init-crash.so") "\n"
                                                         "DIR/f-init-exit.so: called exit(0) in init: a plugin must "
                                                         "not end the process it runs in\n"
                                                         "DIR/g-none.so" NO_ENTRY "\n"
                                                         "DIR/h-text.so: not an ELF file: it begins with \"text\" (a "
                                                         "plugin is a shared object: cc -shared -fPIC)\n"
                                                         "DIR/i-directory.so: a directory, not a regular file\n"
                                                         "DIR/j-open.so: the file is writable by everyone (mode 0777): "
                                                         "chmod o-w DIR/j-open.so\n"
                                                         "DIR/l-hello.so: duplicate name: DIR/k-hello.so is called "
                                                         "\"hello\" too; take one of them away",
        NULL);
}
END_TEST

START_TEST(serve_names_all_that_it_refuses_at_once)
{
    given_good("a-good");
    given("g-none.so", "int no_plugin;");
    scratch_write(&dir, "h-empty.so", "");
    ck_assert_int_eq(symlink("gone", scratch_path(&dir, "i-link.so")), 0);
    refused("DIR/g-none.so" NO_ENTRY "\n"
            "DIR/h-empty.so: an empty file (a plugin is a shared object: cc -shared -fPIC)\n"
            "DIR/i-link.so: a symbolic link to a file that does not exist");
}
END_TEST

START_TEST(serve_says_what_to_do_about_it)
{
    scratch_write(&dir, "x.so", "");
    SAYS(1, "",
         "postern: DIR/x.so: an empty file (a plugin is a shared object: cc -shared -fPIC)\n"
         "postern: nothing is served until that is mended (postern check tries configuration and plugins)\n",
         "serve", "--plugins", "DIR", "--listen", "127.0.0.1:0");
}
END_TEST

START_TEST(all_the_examples_are_good)
{
    static const char *const names[] = { "hello", "echo", "environ", "sleep", "spin", "form", "stream" };
    char path[64];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "examples/%s.so", names[i]);
        scratch_copy(&dir, path);
    }
    SAYS(0, "7 plugins in DIR: good\n", "", "check", "--plugins", "DIR");
}
END_TEST

Suite *together_suite(void)
{
    Suite *suite = suite_create("together");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, check_names_all_that_is_wrong_at_once);
    tcase_add_test(tests, serve_names_all_that_it_refuses_at_once);
    tcase_add_test(tests, serve_says_what_to_do_about_it);
    tcase_add_test(tests, all_the_examples_are_good);
    return suite;
}
