#include "base/log.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static int caught = -1, terminal = -1;
static char *text;

/* Lines go to a file of ours instead of stderr. */
static void set_up(void)
{
    caught = memfd_create("log", MFD_CLOEXEC);
    ck_assert_int_eq(fcntl(caught, F_SETFL, O_APPEND), 0); /* as a log is opened */
    terminal = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(caught, STDERR_FILENO), 0);
}

static void tear_down(void)
{
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    close(caught);
    free(text);
    text = NULL;
    log_set_level(NGI_LOG_INFO);
    log_set_stamp(false);
}

/* What has been logged since the last look. */
static const char *logged(void)
{
    off_t size = lseek(caught, 0, SEEK_END);
    free(text);
    text = calloc(1, (size_t)size + 1);
    ck_assert_int_eq(pread(caught, text, (size_t)size, 0), size);
    ck_assert_int_eq(ftruncate(caught, 0), 0);
    lseek(caught, 0, SEEK_SET);
    return text;
}

START_TEST(a_line_has_a_beginning_and_an_end)
{
    log_line(NGI_LOG_ERROR, "%s is %d", "answer", 42);
    log_line(NGI_LOG_ERROR, "%s", "");
    ck_assert_str_eq(logged(), "postern: answer is 42\npostern: \n");
}
END_TEST

START_TEST(less_severe_lines_are_dropped)
{
    ck_assert_int_eq(log_level(), NGI_LOG_INFO);
    for (int level = NGI_LOG_ERROR; level <= NGI_LOG_DEBUG; level++) {
        log_set_level(level);
        ck_assert_int_eq(log_level(), level);
        for (int line = NGI_LOG_ERROR; line <= NGI_LOG_DEBUG; line++) {
            log_line(line, "x");
            ck_assert_int_eq(*logged() != '\0', line <= level);
        }
    }
}
END_TEST

START_TEST(lines_tell_how_severe_they_are)
{
    log_set_level(NGI_LOG_DEBUG);
    log_line(NGI_LOG_WARNING, "a");
    log_line(NGI_LOG_INFO, "b");
    log_line(NGI_LOG_DEBUG, "c");
    ck_assert_str_eq(logged(), "postern: warning: a\npostern: b\npostern: debug: c\n");
}
END_TEST

/* A client's bytes must neither begin a line of their own nor speak to a terminal. */
START_TEST(control_characters_are_escaped)
{
    log_line(NGI_LOG_ERROR, "a\nb\r\x1b[2J\tc");
    ck_assert_str_eq(logged(), "postern: a\\nb\\r\\x1b[2J\\tc\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
    static const int lengths[] = { 2046, 2047, 2048, 5000, 1000000 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *message = malloc((size_t)lengths[i] + 1);
        memset(message, 'x', (size_t)lengths[i]);
        message[lengths[i]] = '\0';
        log_line(NGI_LOG_ERROR, "%s", message);
        free(message);
        size_t n = strlen(logged());
        ck_assert_uint_le(n, 4096);
        ck_assert_str_eq(text + n - 4, lengths[i] <= 2047 ? "xxx\n" : "…\n");
        ck_assert_ptr_eq(strchr(text, '\n'), text + n - 1);
    }
}
END_TEST

/* Each byte becomes four: escaping must not run over the line. */
START_TEST(a_line_that_grows_by_escaping_is_cut)
{
    char message[2048];
    memset(message, 1, sizeof message - 1);
    message[sizeof message - 1] = '\0';
    log_set_stamp(true);
    log_line(NGI_LOG_ERROR, "%s", message);
    size_t n = strlen(logged());
    ck_assert_uint_le(n, 4096);
    ck_assert_uint_gt(n, 4080);
    ck_assert_str_eq(text + n - 8, "\\x01…\n");
}
END_TEST

START_TEST(a_stamp_is_utc_with_milliseconds)
{
    log_set_stamp(true);
    log_line(NGI_LOG_ERROR, "x");
    static const char shape[] = "postern: dddd-dd-ddTdd:dd:dd.dddZ error: x\n";
    ck_assert_uint_eq(strlen(logged()), sizeof shape - 1);
    for (size_t i = 0; shape[i]; i++)
        ck_assert(shape[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == shape[i]);
    log_set_stamp(false);
    log_line(NGI_LOG_ERROR, "x"); /* to the person who typed a command */
    ck_assert_str_eq(logged(), "postern: x\n");
}
END_TEST

START_TEST(errno_is_as_before)
{
    errno = ENOSPC;
    log_line(NGI_LOG_ERROR, "%m");
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_str_eq(logged(), "postern: No space left on device\n");
    close(STDERR_FILENO);
    errno = EDOM;
    log_line(NGI_LOG_ERROR, "lost");
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

enum { THREADS = 4, LINES = 500 };

static void *write_lines(void *arg)
{
    char message[200];
    memset(message, 'a' + (int)(intptr_t)arg, sizeof message - 1);
    message[sizeof message - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_line(NGI_LOG_ERROR, "%s", message);
    return NULL;
}

START_TEST(threads_do_not_mix_within_a_line)
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    unsigned count = 0;
    for (const char *line = logged(), *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count++) {
        ck_assert_int_eq(end - line, 9 + 199);
        ck_assert_int_eq(strncmp(line, "postern: ", 9), 0);
        ck_assert_uint_eq(strspn(line + 9, (char[]){ line[9], '\0' }), 199);
    }
    ck_assert_uint_eq(count, THREADS * LINES);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tests = tcase_create("log");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_line_has_a_beginning_and_an_end);
    tcase_add_test(tests, less_severe_lines_are_dropped);
    tcase_add_test(tests, lines_tell_how_severe_they_are);
    tcase_add_test(tests, control_characters_are_escaped);
    tcase_add_test(tests, a_long_line_is_cut_and_says_so);
    tcase_add_test(tests, a_line_that_grows_by_escaping_is_cut);
    tcase_add_test(tests, a_stamp_is_utc_with_milliseconds);
    tcase_add_test(tests, errno_is_as_before);
    tcase_add_test(tests, threads_do_not_mix_within_a_line);
    suite_add_tcase(suite, tests);
    return suite;
}
