/* postern new, and what it makes: it builds, its test passes, postern run serves it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/harness/client.h"
#include "tests/harness/gateway.h"
#include "tests/refusals/refusal.h"

#define NAME_RULE " is no name: letters, digits, '_' and '-', at most 40, beginning with a letter or '_'\n"

static void given_scaffold(void)
{
    SAYS(0, NULL, "", "new", "greet");
}

/* Runs make in the new folder as its author would: without the variables of the make that runs the tests. */
static void make(const char *target)
{
    struct command_result result;
    char postern[600];
    snprintf(postern, sizeof postern, "POSTERN=%s", built("postern"));
    COMMAND_IN(&result, scratch_path(&dir, "greet"), "env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "-u", "CFLAGS",
               "make", target, postern);
    ck_assert_msg(result.status == 0, "make %s failed:\n%s%s", target, result.out, result.err);
    command_free(&result);
}

START_TEST(new_says_what_to_do_next)
{
    SAYS(0,
         "greet/ is there. Next:\n  cd greet\n  make              # builds greet.so\n"
         "  make test         # calls it\n  postern run greet.so # serves it at http://127.0.0.1:8080/\n",
         "", "new", "greet");
}
END_TEST

START_TEST(the_scaffold_builds_and_its_test_passes)
{
    given_scaffold();
    make("greet.so");
    make("test");
    SAYS(0, NULL, "", "call", "DIR/greet/greet.so", "GET", "/greet/?name=you");
}
END_TEST

START_TEST(the_scaffold_compiles_without_a_warning)
{
    given_scaffold();
    make("CFLAGS=-Wall -Wextra -Werror");
}
END_TEST

START_TEST(a_bad_name_is_refused)
{
    SAYS(2, "", "postern: new: \"my.plugin\"" NAME_RULE, "new", "my.plugin");
    SAYS(2, "", "postern: new: \"../greet\"" NAME_RULE, "new", "../greet");
    SAYS(2, "", "postern: new: \"9greet\"" NAME_RULE, "new", "9greet");
    SAYS(2, "", "postern: new: \"\"" NAME_RULE, "new", "");
}
END_TEST

START_TEST(a_name_with_a_dash_builds_too)
{
    SAYS(0, NULL, "", "new", "my-plugin");
    ck_assert_int_eq(rename(scratch_path(&dir, "my-plugin"), scratch_path(&dir, "greet")), 0);
    make("test");
}
END_TEST

START_TEST(a_folder_that_is_there_is_left_alone)
{
    ck_assert_int_eq(mkdir(scratch_path(&dir, "greet"), 0755), 0);
    SAYS(1, "", "postern: new: greet: File exists\n", "new", "greet");
}
END_TEST

/* postern run: the page at / is the handler's. */
static void serves_greeting(struct gateway *gateway)
{
    struct reply reply;
    fetch(&reply, gateway->url, "/?name=you", NULL, NULL, NULL, 0);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(reply.body, "Hello, you!\n");
    reply_free(&reply);
    gateway_stop(gateway);
}

START_TEST(run_compiles_and_serves_the_source)
{
    struct gateway gateway;
    given_scaffold();
    GATEWAY(&gateway, "run", scratch_path(&dir, "greet/greet.c"));
    serves_greeting(&gateway);
}
END_TEST

START_TEST(run_serves_the_built_plugin)
{
    struct gateway gateway;
    given_scaffold();
    make("greet.so");
    GATEWAY(&gateway, "run", scratch_path(&dir, "greet/greet.so"));
    serves_greeting(&gateway);
}
END_TEST

START_TEST(run_shows_what_does_not_compile)
{
    struct command_result result;
    scratch_write(&dir, "broken.c", "#include <ngi.h>\nint broken(\n");
    RUN(&result, "run", "DIR/broken.c", "--listen", "127.0.0.1:0");
    ck_assert_int_eq(result.status, 1);
    ck_assert_ptr_nonnull(strstr(result.err, "DIR/broken.c:2:"));
    ck_assert_ptr_nonnull(strstr(result.err, "\npostern: DIR/broken.c: does not compile (see above)\n"));
    command_free(&result);
}
END_TEST

START_TEST(run_says_when_there_is_no_compiler)
{
    struct command_result result;
    given_scaffold();
    ck_assert_int_eq(setenv("CC", "/nonexistent/cc", 1), 0);
    RUN(&result, "run", "DIR/greet/greet.c", "--listen", "127.0.0.1:0");
    ck_assert_ptr_nonnull(strstr(result.err, "postern: DIR/greet/greet.c: no compiler: install gcc, or name one with "
                                             "CC\n"));
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}
END_TEST

START_TEST(run_names_a_source_that_is_not_there)
{
    SAYS(1, "", "postern: DIR/gone.c: cannot be read: No such file or directory\n", "run", "DIR/gone.c");
}
END_TEST

START_TEST(run_refuses_a_bad_plugin)
{
    scratch_write(&dir, "x.so", "");
    SAYS(1, "", "postern: DIR/x.so: an empty file (a plugin is a shared object: cc -shared -fPIC)\n", "run",
         "DIR/x.so");
}
END_TEST

Suite *scaffold_suite(void)
{
    Suite *suite = suite_create("scaffold");
    TCase *tests = refusal_case(suite);
    tcase_add_checked_fixture(tests, NULL, gateway_teardown);
    tcase_add_test(tests, new_says_what_to_do_next);
    tcase_add_test(tests, the_scaffold_builds_and_its_test_passes);
    tcase_add_test(tests, the_scaffold_compiles_without_a_warning);
    tcase_add_test(tests, a_bad_name_is_refused);
    tcase_add_test(tests, a_name_with_a_dash_builds_too);
    tcase_add_test(tests, a_folder_that_is_there_is_left_alone);
    tcase_add_test(tests, run_compiles_and_serves_the_source);
    tcase_add_test(tests, run_serves_the_built_plugin);
    tcase_add_test(tests, run_shows_what_does_not_compile);
    tcase_add_test(tests, run_says_when_there_is_no_compiler);
    tcase_add_test(tests, run_names_a_source_that_is_not_there);
    tcase_add_test(tests, run_refuses_a_bad_plugin);
    return suite;
}
