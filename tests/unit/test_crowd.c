/* Connections by client address: who counts together, and that nothing stays behind. */
#include "net/crowd.h"

#include <arpa/inet.h>
#include <check.h>
#include <pthread.h>
#include <string.h>
#include <sys/un.h>

#include "tests/unit/suites.h"

enum { MOST = 3, THREADS = 4, ROUNDS = 20000 };

static struct crowd *crowd;

/* The socket address of an address in numbers, "unix:" too; static storage, the last four. */
static const struct sockaddr *at(const char *text)
{
    static struct sockaddr_storage all[4];
    static unsigned next;
    struct sockaddr_storage *one = &all[next++ % 4];
    struct sockaddr_in *four = (struct sockaddr_in *)one;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)one;
    memset(one, 0, sizeof *one);
    one->ss_family = strcmp(text, "unix:") == 0 ? AF_UNIX : strchr(text, ':') ? AF_INET6 : AF_INET;
    if (one->ss_family != AF_UNIX)
        ck_assert_int_eq(
            inet_pton(one->ss_family, text, one->ss_family == AF_INET ? (void *)&four->sin_addr : &six->sin6_addr), 1);
    return (struct sockaddr *)one;
}

static bool has_room(const char *text)
{
    struct address address;
    return crowd_has_room(crowd, at(text), &address);
}

static void make(void)
{
    ck_assert_ptr_nonnull(crowd = crowd_new(MOST));
}

static void drop(void)
{
    crowd_free(crowd);
}

START_TEST(an_address_has_room_until_its_limit_and_again_when_one_leaves)
{
    struct crowd_member *members[MOST];
    struct address full;
    char text[INET6_ADDRSTRLEN];
    for (int i = 0; i < MOST; i++) {
        ck_assert(has_room("192.0.2.7"));
        ck_assert_ptr_nonnull(members[i] = crowd_enter(crowd, at("192.0.2.7")));
    }
    ck_assert(!crowd_has_room(crowd, at("192.0.2.7"), &full));
    address_print(&full, text);
    ck_assert_str_eq(text, "192.0.2.7");
    ck_assert(has_room("192.0.2.8"));
    crowd_leave(crowd, members[0]);
    ck_assert(has_room("192.0.2.7"));
    crowd_leave(crowd, members[1]);
    crowd_leave(crowd, members[2]);
    ck_assert(has_room("192.0.2.7"));
}
END_TEST

START_TEST(who_counts_together)
{
    static const struct {
        const char *one, *other;
        bool together;
    } cases[] = {
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff::7", true },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", false },
        { "192.0.2.7", "::ffff:192.0.2.7", true },
        { "192.0.2.7", "192.0.2.8", false },
        { "192.0.2.7", "c000:207::", false },
    };
    struct crowd_member *members[MOST];
    for (int i = 0; i < MOST; i++)
        members[i] = crowd_enter(crowd, at(cases[_i].one));
    ck_assert_int_eq(has_room(cases[_i].other), !cases[_i].together);
    for (int i = 0; i < MOST; i++)
        crowd_leave(crowd, members[i]);
}
END_TEST

START_TEST(local_sockets_and_a_limit_of_zero_are_not_counted)
{
    for (int i = 0; i < MOST + 1; i++)
        ck_assert_ptr_null(crowd_enter(crowd, at("unix:")));
    ck_assert(has_room("unix:"));
    ck_assert(crowd_has_room(crowd, NULL, NULL));
    crowd_leave(crowd, NULL);
    struct crowd *any = crowd_new(0);
    ck_assert_ptr_null(crowd_enter(any, at("192.0.2.7")));
    ck_assert(crowd_has_room(any, at("192.0.2.7"), NULL));
    crowd_free(any);
}
END_TEST

static void *come_and_go(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        struct sockaddr_in socket = { .sin_family = AF_INET, .sin_addr.s_addr = (in_addr_t)(i % 5) };
        crowd_leave(crowd, crowd_enter(crowd, (struct sockaddr *)&socket));
    }
    return NULL;
}

START_TEST(threads_leave_nothing_behind)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    struct crowd_member *members[MOST];
    for (int i = 0; i < MOST; i++) {
        ck_assert(has_room("0.0.0.0"));
        members[i] = crowd_enter(crowd, at("0.0.0.0"));
    }
    ck_assert(!has_room("0.0.0.0"));
    for (int i = 0; i < MOST; i++)
        crowd_leave(crowd, members[i]);
}
END_TEST

Suite *crowd_suite(void)
{
    Suite *suite = suite_create("crowd");
    TCase *tcase = tcase_create("crowd");
    tcase_add_checked_fixture(tcase, make, drop);
    tcase_add_test(tcase, an_address_has_room_until_its_limit_and_again_when_one_leaves);
    tcase_add_loop_test(tcase, who_counts_together, 0, 5);
    tcase_add_test(tcase, local_sockets_and_a_limit_of_zero_are_not_counted);
    tcase_add_test(tcase, threads_leave_nothing_behind);
    suite_add_tcase(suite, tcase);
    return suite;
}
