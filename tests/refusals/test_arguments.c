/* The command line itself: help goes to stdout with 0, mistakes to stderr with 2 and the usage line. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "tests/refusals/refusal.h"

static const char *const commands[] = { "serve", "run", "check", "inspect", "call", "host", "new" };

START_TEST(a_bare_postern_lists_the_commands)
{
    struct command_result bare, help;
    COMMAND(&bare, "postern");
    RUN(&help, "--help");
    ck_assert_int_eq(bare.status, 0);
    ck_assert_str_eq(bare.out, help.out);
    ck_assert_str_eq(bare.err, "");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char row[32];
        snprintf(row, sizeof row, "\n  %-9s ", commands[i]);
        ck_assert_msg(strstr(bare.out, row) != NULL, "no %s in:\n%s", commands[i], bare.out);
    }
    command_free(&bare);
    command_free(&help);
}
END_TEST

START_TEST(version_names_the_interface_and_the_library_too)
{
    static const char first[] = "postern " PACKAGE_VERSION " (NGI 1.0, libmicrohttpd ";
    struct command_result result;
    RUN(&result, "--version");
    ck_assert_int_eq(result.status, 0);
    ck_assert_msg(strncmp(result.out, first, sizeof first - 1) == 0, "%s", result.out);
    const char *number = result.out + sizeof first - 1;
    ck_assert_str_eq(number + strspn(number, "0123456789."), ")\n");
    command_free(&result);
}
END_TEST

START_TEST(an_unknown_command_gets_the_nearest)
{
    SAYS(2, "", "postern: no such command: sreve; did you mean serve?\n", "sreve");
}
END_TEST

START_TEST(a_command_unlike_any_other_points_at_help)
{
    SAYS(2, "", "postern: no such command: frobnicate; postern --help lists them\n", "frobnicate");
}
END_TEST

/* Looped over the commands. */
START_TEST(every_command_has_its_help)
{
    struct command_result result;
    char usage[64];
    snprintf(usage, sizeof usage, "usage: postern %s ", commands[_i]);
    RUN(&result, commands[_i], "--help");
    ck_assert_int_eq(result.status, 0);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(strncmp(result.out, usage, strlen(usage)), 0);
    ck_assert_ptr_nonnull(strstr(result.out, "\nOptions:\n"));
    ck_assert_ptr_nonnull(strstr(result.out, "  -h, --help "));
    command_free(&result);
}
END_TEST

START_TEST(every_command_refuses_an_unknown_option)
{
    struct command_result result;
    char words[128];
    snprintf(words, sizeof words, "postern: %s: unknown option --frobnicate\nusage: postern %s ", commands[_i],
             commands[_i]);
    RUN(&result, commands[_i], "--frobnicate");
    ck_assert_int_eq(result.status, 2);
    ck_assert_str_eq(result.out, "");
    ck_assert_msg(strncmp(result.err, words, strlen(words)) == 0, "it said:\n%s", result.err);
    command_free(&result);
}
END_TEST

#define CHECK_USAGE "usage: postern check [-c FILE] [--plugins DIR] [--set KEY=VALUE]… [-T]\n"
#define INSPECT_USAGE "usage: postern inspect PLUGIN.so [--json]\n"

/* Not through SAYS: the usage line has a DIR of its own. */
static void check_usage(const char *words, const char *option)
{
    struct command_result result;
    COMMAND(&result, "postern", "check", option);
    ck_assert_str_eq(result.err, words);
    ck_assert_int_eq(result.status, 2);
    command_free(&result);
}

START_TEST(an_unknown_option_gets_the_nearest)
{
    check_usage("postern: check: unknown option --plugnis; did you mean --plugins?\n" CHECK_USAGE, "--plugnis");
}
END_TEST

START_TEST(an_option_without_its_argument_says_which)
{
    check_usage("postern: check: --plugins needs an argument: --plugins DIR\n" CHECK_USAGE, "--plugins");
}
END_TEST

START_TEST(a_letter_without_its_argument_says_which)
{
    check_usage("postern: check: -c needs an argument: -c FILE\n" CHECK_USAGE, "-c");
}
END_TEST

START_TEST(an_unknown_letter_is_named)
{
    check_usage("postern: check: unknown option -x\n" CHECK_USAGE, "-x");
}
END_TEST

START_TEST(an_option_without_arguments_takes_none)
{
    SAYS(2, "", "postern: inspect: --json takes no argument\n" INSPECT_USAGE, "inspect", "--json=yes", "x.so");
}
END_TEST

START_TEST(a_missing_argument_is_missed)
{
    SAYS(2, "", "postern: inspect: an argument is missing\n" INSPECT_USAGE, "inspect");
}
END_TEST

START_TEST(an_argument_too_many_is_named)
{
    SAYS(2, "", "postern: inspect: one argument too many: b.so\n" INSPECT_USAGE, "inspect", "a.so", "b.so");
}
END_TEST

START_TEST(a_ready_fd_that_is_closed_is_refused)
{
    SAYS(2, "", "postern: --ready-fd 77: no open descriptor\n", "serve", "--ready-fd", "77");
}
END_TEST

START_TEST(serve_lists_every_setting)
{
    struct command_result result;
    RUN(&result, "serve", "--settings");
    ck_assert_int_eq(result.status, 0);
    ck_assert_int_eq(strncmp(result.out, "Settings of the gateway: KEY = VALUE\n", 37), 0);
    ck_assert_ptr_nonnull(strstr(result.out, "\n  grace (number; default 30)\n"));
    command_free(&result);
}
END_TEST

Suite *arguments_suite(void)
{
    const int count = sizeof commands / sizeof *commands;
    Suite *suite = suite_create("arguments");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, a_bare_postern_lists_the_commands);
    tcase_add_test(tests, version_names_the_interface_and_the_library_too);
    tcase_add_test(tests, an_unknown_command_gets_the_nearest);
    tcase_add_test(tests, a_command_unlike_any_other_points_at_help);
    tcase_add_loop_test(tests, every_command_has_its_help, 0, count);
    tcase_add_loop_test(tests, every_command_refuses_an_unknown_option, 0, count);
    tcase_add_test(tests, an_unknown_option_gets_the_nearest);
    tcase_add_test(tests, an_option_without_its_argument_says_which);
    tcase_add_test(tests, a_letter_without_its_argument_says_which);
    tcase_add_test(tests, an_unknown_letter_is_named);
    tcase_add_test(tests, an_option_without_arguments_takes_none);
    tcase_add_test(tests, a_missing_argument_is_missed);
    tcase_add_test(tests, an_argument_too_many_is_named);
    tcase_add_test(tests, a_ready_fd_that_is_closed_is_refused);
    tcase_add_test(tests, serve_lists_every_setting);
    return suite;
}
