#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <pthread.h>
#include <stdio.h>

#define THREADS "tests/integration/plugins/threads.so"

enum { CLIENTS = 8, REQUESTS = 10, POOL = 3 };

struct client {
    pthread_t thread;
    const char *path, *wanted; /* NULL: any 200 */
    int right;
};

static void *be_client(void *arg)
{
    struct client *client = arg;
    for (int i = 0; i < REQUESTS; i++) { /* a connection each, so that every pool thread gets some */
        struct reply reply;
        fetch(&reply, gateway.url, client->path, "GET", NULL, NULL, 0);
        client->right += reply.status == 200 && (!client->wanted || strcmp(reply.body, client->wanted) == 0);
        reply_free(&reply);
    }
    return NULL;
}

static void ask_in_parallel(const char *path, const char *wanted)
{
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){ .path = path, .wanted = wanted };
        ck_assert_int_eq(pthread_create(&clients[i].thread, NULL, be_client, &clients[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i].thread, NULL);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(clients[i].right, REQUESTS);
}

START_TEST(threads_begin_and_end_once_each_and_fini_comes_last)
{
    SERVE(THREADS, "--set", "threads=3", "--set", "run=pool");
    ask_in_parallel("/threads/", NULL);
    gateway_stop(&gateway);
    const char *log = gateway_log(&gateway), *fini = strstr(log, "threads: fini with its state\n");
    unsigned begun = count_of(log, "threads: thread_init ");
    ck_assert_uint_ge(begun, 1);
    ck_assert_uint_le(begun, POOL);
    ck_assert_uint_eq(count_of(log, "threads: thread_fini "), begun);
    for (unsigned i = 1; i <= begun; i++) {
        char line[64];
        snprintf(line, sizeof line, "threads: thread_fini %u\n", i);
        ck_assert_uint_eq(count_of(log, line), 1);
        ck_assert(strstr(log, line) < fini);
    }
    ck_assert(strstr(log, "threads: init\n") < strstr(log, "threads: thread_init "));
    ck_assert_uint_eq(count_of(log, ": fini with"), 1);
    finish();
}
END_TEST

START_TEST(a_thread_keeps_its_state)
{
    SERVE(THREADS, "--set", "threads=1", "--set", "run=pool");
    for (int i = 0; i < 5; i++)
        EXPECT(GET("/threads/"), 200, "1\n");
    finish();
}
END_TEST

START_TEST(a_plugin_nobody_calls_begins_no_thread)
{
    SERVE(THREADS " examples/hello.so");
    EXPECT_STATUS(GET("/hello/"), 200);
    gateway_stop(&gateway);
    EXPECT_LACKS(gateway_log(&gateway), "thread_init");
    EXPECT_HAS(gateway_log(&gateway), "threads: fini");
    finish();
}
END_TEST

START_TEST(a_thread_init_that_fails_is_500_and_tried_again)
{
    SERVE(THREADS, "--set", "plugin.threads.option.refusals=2", "--set", "threads=1");
    EXPECT_STATUS(GET("/threads/"), 500);
    EXPECT_STATUS(GET("/threads/"), 500);
    EXPECT(GET("/threads/"), 200, "1\n");
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "thread_init failed: no room for a thread"), 2);
    gateway_stop(&gateway);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "threads: thread_fini 1\n"), 1);
    finish();
}
END_TEST

START_TEST(calls_of_a_serial_route_never_meet)
{
    SERVE(THREADS, "--set", "threads=3", "--set", "run=pool");
    ask_in_parallel("/threads/serial", "0 serial\n");
    finish();
}
END_TEST

Suite *threads_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, threads_begin_and_end_once_each_and_fini_comes_last);
    tcase_add_test(own, a_thread_keeps_its_state);
    tcase_add_test(own, a_plugin_nobody_calls_begins_no_thread);
    tcase_add_test(own, a_thread_init_that_fails_is_500_and_tried_again);
    tcase_add_test(own, calls_of_a_serial_route_never_meet);
    return suite;
}
