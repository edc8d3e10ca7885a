#include "base/wait_status.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/unit/suites.h"

START_TEST(a_status_says_how_the_process_ended)
{
    static const struct {
        int status;
        const char *words;
    } cases[] = {
        { W_EXITCODE(0, 0), "ended with status 0" },       { W_EXITCODE(3, 0), "ended with status 3" },
        { W_EXITCODE(255, 0), "ended with status 255" },   { W_EXITCODE(0, SIGKILL), "died of SIGKILL" },
        { W_EXITCODE(0, SIGSTKFLT), "died of SIGSTKFLT" }, { W_EXITCODE(0, SIGSEGV) | WCOREFLAG, "died of SIGSEGV" },
    };
    char out[WAIT_STATUS_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(wait_status_print(cases[i].status, out), cases[i].words);
}
END_TEST

START_TEST(a_signal_without_a_name_has_its_number)
{
    const int signals[] = { SIGRTMIN, SIGRTMAX };
    char out[WAIT_STATUS_SIZE], wanted[WAIT_STATUS_SIZE];
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        snprintf(wanted, sizeof wanted, "died of signal %d", signals[i]);
        ck_assert_str_eq(wait_status_print(W_EXITCODE(0, signals[i]), out), wanted);
    }
}
END_TEST

Suite *wait_status_suite(void)
{
    Suite *suite = suite_create("wait_status");
    TCase *tc = tcase_create("wait_status");
    tcase_add_test(tc, a_status_says_how_the_process_ended);
    tcase_add_test(tc, a_signal_without_a_name_has_its_number);
    suite_add_tcase(suite, tc);
    return suite;
}
