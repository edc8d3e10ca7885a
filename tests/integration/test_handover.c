/* From one generation to the next while clients ask: nobody is lost. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/load.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

enum { KEPT = 8, FRESH = 4 };

static void reload_under_load(const char *processes)
{
    enum { RELOADS = 50 };
    unsigned generation = 1;
    char says[64], set[32];
    snprintf(set, sizeof set, "processes=%s", processes);
    prepare_generations();
    make_flavour("bad", "-DANSWER=\"bad\" -DREFUSES");
    SERVE_GENERATIONS("--set", set, "--set", "threads=2");
    struct load *load = load_begin(gateway.port, "/g/", KEPT, FRESH);
    for (unsigned i = 0; i < RELOADS; i++) {
        bool bad = i % 2;
        copy_over(bad ? "bad" : i % 4 == 0 ? "two" : "one", "g");
        snprintf(says, sizeof says, "generation %u serves\n", ++generation);
        reload(bad, bad ? "the database is gone" : says);
        load_await(load, 50);
    }
    struct load_result result = load_end(load);
    ck_assert_msg(result.lost + result.bad == 0, "%lu of %lu lost, %lu bad: %s", result.lost, result.answered,
                  result.bad, result.first_loss);
    ck_assert_uint_eq(result.closed_idle, 0);
    ck_assert_uint_ge(result.told_close, KEPT);
    finish();
}

START_TEST(fifty_reloads_lose_nobody)
{
    reload_under_load("1");
}
END_TEST

START_TEST(fifty_reloads_of_two_workers_lose_nobody)
{
    reload_under_load("2");
}
END_TEST

/* Each takes the place of one that may just have begun to accept. */
START_TEST(reloads_that_overtake_each_other_lose_nobody)
{
    enum { ROUNDS = 40 };
    prepare_generations();
    SERVE_GENERATIONS("--set", "processes=2", "--set", "threads=2");
    struct load *load = load_begin(gateway.port, "/g/", KEPT, FRESH);
    for (unsigned i = 0; i < ROUNDS; i++) {
        kill(gateway.pid, SIGHUP);
        load_await(load, 1 + i * 7 % 60);
    }
    copy_over("two", "g");
    reload(0, "serves\n");
    load_await(load, 100);
    struct load_result result = load_end(load);
    ck_assert_msg(result.lost + result.bad == 0, "%lu of %lu lost, %lu bad: %s", result.lost, result.answered,
                  result.bad, result.first_loss);
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

START_TEST(a_slow_request_ends_with_the_generation_that_began_it)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS();
    pid_t first = gateway_worker(&gateway);
    int process = open_process(first);
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    copy_over("two", "g");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    EXPECT_HAS(status_text(), "generation 1 ends");
    release("a");
    char *answer = raw_read_response(held, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "\r\n\r\none");
    ck_assert_pstr_eq(head_value(answer, "Connection"), "close");
    free(answer);
    ck_assert_ptr_null(raw_read_response(held, 0));
    close(held);
    await_exit(process);
    await_ended(1);
    finish();
}
END_TEST

START_TEST(a_kept_alive_connection_is_told_to_close)
{
    prepare_generations();
    SERVE_GENERATIONS();
    int kept = begin("/g/");
    expect_answer(kept, "200 OK", "one");
    copy_over("two", "g");
    reload(0, "generation 2 serves\n");
    say(kept, "/g/");
    char *answer = raw_read_response(kept, 0);
    ck_assert_ptr_nonnull(answer);
    EXPECT_HAS(answer, "\r\n\r\none");
    ck_assert_pstr_eq(head_value(answer, "Connection"), "close");
    free(answer);
    close(kept);
    await_ended(1);
    finish();
}
END_TEST

START_TEST(an_idle_connection_does_not_keep_a_generation)
{
    prepare_generations();
    SERVE_GENERATIONS();
    int kept = begin("/g/");
    expect_answer(kept, "200 OK", "one");
    reload(0, "generation 2 serves\n");
    await_ended(1); /* before its grace of 20 s */
    EXPECT_LACKS(gateway_log(&gateway), "grace period");
    ck_assert_ptr_null(raw_read_response(kept, 0));
    close(kept);
    finish();
}
END_TEST

START_TEST(grace_bounds_what_is_under_way)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS("--set", "grace=0.3", "--set", "run=thread");
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    copy_over("two", "g");
    reload(0, "generation 2 serves\n");
    gateway_wait_log(&gateway, "the grace period of 0.3 s is over: 1 request(s) are cut");
    expect_answer(held, "503", "");
    await_ended(1);
    EXPECT(GET("/g/"), 200, "two");
    close(held);
    kill(gateway.pid, SIGTERM);
    (void)gateway_end(&gateway); /* perhaps with 1: a handler had to be left behind */
    scratch_remove(&scratch);
}
END_TEST

START_TEST(sigterm_after_a_reload_waits_for_both_generations)
{
    prepare_generations();
    make_gate("a");
    make_gate("b");
    SERVE_GENERATIONS();
    int first = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    copy_over("two", "g");
    reload(0, "generation 2 serves\n");
    int second = begin("/g/hold?name=b");
    gateway_wait_log(&gateway, "b holds");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    release("a");
    release("b");
    expect_answer(first, "200 OK", "one");
    expect_answer(second, "200 OK", "two");
    close(first);
    close(second);
    gateway_wait(&gateway);
    finish();
}
END_TEST

/* --- the service manager ---------------------------------------------------------------------------------------- */

static int notify_socket(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval limit = { .tv_sec = 60 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, scratch_path(&scratch, "notify"));
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    return fd;
}

static const char *next_state(int fd)
{
    static char text[256];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    return text;
}

START_TEST(the_service_manager_hears_of_it_all_in_order)
{
    prepare_generations();
    make_flavour("bad", "-DANSWER=\"bad\" -DREFUSES");
    int fd = notify_socket();
    SERVE_GENERATIONS();
    ck_assert_str_eq(next_state(fd), "READY=1");
    reload(0, "generation 2 serves\n");
    ck_assert_int_eq(strncmp(next_state(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    ck_assert_str_eq(next_state(fd), "READY=1");
    copy_over("bad", "g");
    reload(1, "the database is gone");
    ck_assert_int_eq(strncmp(next_state(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    ck_assert_str_eq(next_state(fd), "READY=1");
    scratch_write(&scratch, "plugins/g.so", "none");
    kill(gateway.pid, SIGTERM);
    ck_assert_str_eq(next_state(fd), "STOPPING=1");
    gateway_wait(&gateway);
    ck_assert_int_eq(recv(fd, (char[16]){ 0 }, 16, MSG_DONTWAIT), -1);
    close(fd);
    finish();
}
END_TEST

Suite *handover_suite(void)
{
    Suite *suite = suite_create("handover");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, fifty_reloads_lose_nobody);
    tcase_add_test(own, fifty_reloads_of_two_workers_lose_nobody);
    tcase_add_test(own, reloads_that_overtake_each_other_lose_nobody);
    tcase_add_test(own, a_slow_request_ends_with_the_generation_that_began_it);
    tcase_add_test(own, a_kept_alive_connection_is_told_to_close);
    tcase_add_test(own, an_idle_connection_does_not_keep_a_generation);
    tcase_add_test(own, grace_bounds_what_is_under_way);
    tcase_add_test(own, sigterm_after_a_reload_waits_for_both_generations);
    tcase_add_test(own, the_service_manager_hears_of_it_all_in_order);
    return suite;
}
