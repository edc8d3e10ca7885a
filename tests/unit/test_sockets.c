#include "proc/sockets.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static char dir[] = "/tmp/postern-sockets-XXXXXX";
static char local[80];
static struct sockets sockets;
static ngi_error err;

static void set_up(void)
{
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(local, sizeof local, "unix:%s/s", dir);
    sockets = (struct sockets){ 0 };
}

static void tear_down(void)
{
    sockets_close(&sockets);
    ck_assert_uint_eq(sockets.count, 0);
    ck_assert_int_eq(rmdir(dir), 0); /* so the local one's file has gone */
}

static int take(struct listeners *ret, const char *a, const char *b)
{
    char *where[] = { (char *)a, (char *)b };
    const struct settings settings = { .listen = where, .listen_count = b ? 2 : 1, .backlog = 16 };
    return sockets_take(&sockets, &settings, ret, &err);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(one_that_stays_is_the_same)
{
    struct listeners first, second;
    ck_assert_int_eq(take(&first, "127.0.0.1:0", local), NGI_OK);
    ck_assert_int_eq(take(&second, local, "127.0.0.1:0"), NGI_OK);
    ck_assert_int_eq(first.all[0].fd, second.all[1].fd);
    ck_assert_int_eq(first.all[1].fd, second.all[0].fd);
    ck_assert_str_eq(first.all[0].url, second.all[1].url);
    ck_assert_uint_eq(sockets.count, 2);
    free(first.all);
    free(second.all);
}
END_TEST

START_TEST(two_of_one_name_are_two)
{
    struct listeners listeners;
    ck_assert_int_eq(take(&listeners, "127.0.0.1:0", "127.0.0.1:0"), NGI_OK);
    ck_assert_int_ne(listeners.all[0].fd, listeners.all[1].fd);
    ck_assert_str_ne(listeners.all[0].url, listeners.all[1].url);
    free(listeners.all);
}
END_TEST

START_TEST(what_nobody_needs_is_closed_and_its_file_goes)
{
    struct listeners first, second;
    ck_assert_int_eq(take(&first, "127.0.0.1:0", local), NGI_OK);
    ck_assert_int_eq(take(&second, "127.0.0.1:0", "127.0.0.2:0"), NGI_OK);
    sockets_keep(&sockets, &first, &second);
    ck_assert_uint_eq(sockets.count, 3);
    sockets_keep(&sockets, NULL, &second);
    ck_assert_uint_eq(sockets.count, 2);
    ck_assert(is_open(second.all[0].fd) && is_open(second.all[1].fd) && !is_open(first.all[1].fd));
    ck_assert_int_lt(access(local + 5, F_OK), 0);
    sockets_keep(&sockets, NULL, NULL);
    ck_assert_uint_eq(sockets.count, 0);
    free(first.all);
    free(second.all);
}
END_TEST

START_TEST(one_that_cannot_be_opened_leaves_those_that_were)
{
    struct listeners first, second = { 0 };
    ck_assert_int_eq(take(&first, "127.0.0.1:0", NULL), NGI_OK);
    ck_assert_int_eq(take(&second, local, "192.0.2.1:0"), NGI_EIO);
    ck_assert_ptr_null(second.all);
    ck_assert_uint_eq(sockets.count, 1);
    ck_assert(is_open(first.all[0].fd));
    ck_assert_int_lt(access(local + 5, F_OK), 0);
    free(first.all);
}
END_TEST

START_TEST(a_child_leaves_those_of_others_and_their_files)
{
    struct listeners first, second;
    ck_assert_int_eq(take(&first, "127.0.0.1:0", local), NGI_OK);
    ck_assert_int_eq(take(&second, "127.0.0.1:0", NULL), NGI_OK);
    sockets_leave(&sockets, &second);
    ck_assert(is_open(second.all[0].fd));
    ck_assert(!is_open(first.all[1].fd));
    ck_assert_int_eq(access(local + 5, F_OK), 0);
    sockets.all[1].listener.fd = -1; /* for the end: what closed it was not to be told */
    free(first.all);
    free(second.all);
}
END_TEST

Suite *sockets_suite(void)
{
    Suite *suite = suite_create("sockets");
    TCase *tests = tcase_create("sockets");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, one_that_stays_is_the_same);
    tcase_add_test(tests, two_of_one_name_are_two);
    tcase_add_test(tests, what_nobody_needs_is_closed_and_its_file_goes);
    tcase_add_test(tests, one_that_cannot_be_opened_leaves_those_that_were);
    tcase_add_test(tests, a_child_leaves_those_of_others_and_their_files);
    suite_add_tcase(suite, tests);
    return suite;
}
