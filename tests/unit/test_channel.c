#include "proc/channel.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static int ends[2], came;
static char text[CHANNEL_TEXT_MAX + 1];

static void set_up(void)
{
    ck_assert_int_eq(channel_open(ends), 0);
}

static void tear_down(void)
{
    close(ends[0]);
    close(ends[1]);
}

START_TEST(messages_stay_apart_and_in_order)
{
    ck_assert_int_eq(channel_send(ends[0], MESSAGE_LOADED, NULL, -1), 0);
    ck_assert_int_eq(channel_send(ends[0], MESSAGE_FAILED, "why\nindeed", -1), 0);
    ck_assert_int_eq(channel_send(ends[1], MESSAGE_ACCEPT, "", -1), 0);
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_LOADED);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_FAILED);
    ck_assert_str_eq(text, "why\nindeed");
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_NONE);
    ck_assert_int_eq(channel_receive(ends[0], text, &came), MESSAGE_ACCEPT);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(came, -1);
}
END_TEST

START_TEST(a_text_that_is_too_long_is_cut)
{
    static char longer[2 * CHANNEL_TEXT_MAX];
    memset(longer, 'x', sizeof longer - 1);
    ck_assert_int_eq(channel_send(ends[0], MESSAGE_FAILED, longer, -1), 0);
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_FAILED);
    ck_assert_uint_eq(strlen(text), CHANNEL_TEXT_MAX);
}
END_TEST

START_TEST(a_descriptor_comes_along_and_is_closed_on_exec)
{
    int file[2];
    ck_assert_int_eq(pipe2(file, O_CLOEXEC), 0);
    ck_assert_int_eq(channel_send(ends[0], MESSAGE_TELL, NULL, file[1]), 0);
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_TELL);
    ck_assert_int_ge(came, 0);
    ck_assert_int_ne(came, file[1]);
    ck_assert_int_eq(fcntl(came, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(write(came, "x", 1), 1);
    ck_assert_int_eq(read(file[0], text, 1), 1);
    close(came);
    close(file[0]);
    close(file[1]);
}
END_TEST

START_TEST(the_end_of_one_side_is_told_after_its_last_words)
{
    ck_assert_int_eq(channel_send(ends[0], MESSAGE_FAILED, "last", -1), 0);
    close(ends[0]);
    ck_assert_int_eq(channel_receive(ends[1], text, &came), MESSAGE_FAILED);
    ck_assert_str_eq(text, "last");
    ck_assert_int_eq(channel_receive(ends[1], text, &came), -1);
    ck_assert_int_eq(channel_send(ends[1], MESSAGE_ACCEPT, NULL, -1), -EPIPE);
}
END_TEST

START_TEST(who_does_not_listen_holds_nobody_up)
{
    int rc;
    while ((rc = channel_send(ends[0], MESSAGE_TELL, NULL, -1)) == 0)
        continue;
    ck_assert_int_eq(rc, -EAGAIN);
}
END_TEST

Suite *channel_suite(void)
{
    Suite *suite = suite_create("channel");
    TCase *tests = tcase_create("channel");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, messages_stay_apart_and_in_order);
    tcase_add_test(tests, a_text_that_is_too_long_is_cut);
    tcase_add_test(tests, a_descriptor_comes_along_and_is_closed_on_exec);
    tcase_add_test(tests, the_end_of_one_side_is_told_after_its_last_words);
    tcase_add_test(tests, who_does_not_listen_holds_nobody_up);
    suite_add_tcase(suite, tests);
    return suite;
}
