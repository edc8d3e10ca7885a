/* Several workers, their deaths, and the supervisor's. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/load.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

enum { KEPT = 6, FRESH = 2, SOME = 300 };

static void serve_three(void)
{
    prepare_generations();
    SERVE_GENERATIONS("--set", "processes=3", "--set", "threads=2");
    pid_t pids[4];
    ck_assert_uint_eq(workers(pids, 4), 3);
}

/* Waits until the status lists `count` workers that serve. */
static void await_workers(unsigned count)
{
    time_t limit = time(NULL) + 60;
    while (count_of(status_text(), " serves, for") != count + 1) /* and the generation */
        ck_assert_msg(time(NULL) < limit, "there are not %u workers that serve:\n%s", count, status_text());
}

START_TEST(three_workers_share_a_port)
{
    pid_t seen[3] = { 0 };
    unsigned count = 0;
    serve_three();
    /* Who comes while a worker is busy is served by another: so ask until all have answered. */
    for (unsigned i = 0; count < 3 && i < 100000; i++) {
        pid_t pid = atoi(GET("/g/pid")->body);
        unsigned j = 0;
        while (j < count && seen[j] != pid)
            j++;
        if (j == count)
            seen[count++] = pid;
    }
    ck_assert_uint_eq(count, 3);
    finish();
}
END_TEST

START_TEST(who_is_killed_takes_only_his_own_requests_along)
{
    pid_t pids[4];
    char line[100];
    serve_three();
    struct load *load = load_begin(gateway.port, "/g/pid", KEPT, FRESH);
    load_await(load, SOME);
    workers(pids, 4);
    load_killed(load, pids[1]);
    kill(pids[1], SIGKILL);
    snprintf(line, sizeof line, "worker %d died of SIGKILL; another takes its place", (int)pids[1]);
    gateway_wait_log(&gateway, line);
    load_await(load, SOME);
    await_workers(3);
    struct load_result result = load_end(load);
    ck_assert_uint_eq(result.bad, 0);
    ck_assert_msg(result.lost == result.lost_to && result.lost <= KEPT + FRESH, "%lu lost, %lu by the kill: %s",
                  result.lost, result.lost_to, result.first_loss);
    EXPECT_HAS(status_text(), "died of SIGKILL");
    finish();
}
END_TEST

START_TEST(all_are_killed_and_replaced)
{
    pid_t pids[4];
    serve_three();
    workers(pids, 4);
    for (int i = 0; i < 3; i++)
        kill(pids[i], SIGKILL);
    EXPECT(GET("/g/"), 200, "one"); /* it waits in the queue */
    await_count("another takes its place", 3);
    await_workers(3);
    finish();
}
END_TEST

START_TEST(who_is_killed_again_and_again_comes_back_later_and_later)
{
    pid_t before = 0;
    prepare_generations();
    SERVE_GENERATIONS();
    struct timespec began, ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (int i = 0; i < 5; i++) {
        pid_t pid = atoi(GET("/g/pid")->body); /* waits in the queue until there is one */
        ck_assert_int_ne(pid, before);
        int process = open_process(pid);
        kill(pid, SIGKILL);
        await_exit(process);
        before = pid;
    }
    EXPECT(GET("/g/"), 200, "one");
    clock_gettime(CLOCK_MONOTONIC, &ended);
    long ms = (ended.tv_sec - began.tv_sec) * 1000 + (ended.tv_nsec - began.tv_nsec) / 1000000;
    ck_assert_int_ge(ms, 0 + 100 + 200 + 400 + 800);
    await_count("another takes its place", 5);
    finish();
}
END_TEST

/* One that cannot start does not come again and again without a pause. */
START_TEST(a_replacement_that_cannot_start_is_tried_again_with_pauses)
{
    char flags[300];
    prepare_generations();
    snprintf(flags, sizeof flags, "-DANSWER=\"one\" -DMARK=\"%s\"", scratch_path(&scratch, "mark"));
    make_flavour("marked", flags);
    copy_over("marked", "g");
    SERVE_GENERATIONS();
    scratch_write(&scratch, "mark", "");
    kill(gateway_worker(&gateway), SIGKILL);
    await_count("which was to take another's place, cannot start: ", 4);
    gateway_wait_log(&gateway, "there is a mark");
    /* The pauses are 100, 200, 400 ms: what has waited for the fourth sees no fortieth. */
    ck_assert_uint_lt(count_of(gateway_log(&gateway), "which was to take another's place"), 6);
    ck_assert_int_eq(unlink(scratch_path(&scratch, "mark")), 0);
    EXPECT(GET("/g/"), 200, "one");
    finish(); /* with status 0 */
}
END_TEST

START_TEST(sigterm_to_a_worker_drains_it_and_loses_nothing)
{
    pid_t pids[8];
    serve_three();
    struct load *load = load_begin(gateway.port, "/g/pid", KEPT, FRESH);
    load_await(load, SOME);
    workers(pids, 8);
    int process = open_process(pids[0]);
    kill(pids[0], SIGTERM);
    load_await(load, SOME);
    await_exit(process);
    await_workers(3);
    struct load_result result = load_end(load);
    ck_assert_uint_eq(result.bad + result.lost, 0);
    ck_assert_uint_eq(result.closed_idle, 0);
    EXPECT_LACKS(gateway_log(&gateway), "another takes its place"); /* nothing went wrong */
    finish();
}
END_TEST

START_TEST(another_takes_the_place_of_one_that_drains_at_once)
{
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS("--set", "log_level=debug");
    pid_t first = gateway_worker(&gateway);
    int process = open_process(first);
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    kill(first, SIGTERM);
    gateway_wait_log(&gateway, "leaving the port to others: 1 request under way");
    int other = begin("/g/pid");
    char *answer = raw_read_response(other, 0);
    ck_assert_ptr_nonnull(answer);
    ck_assert_int_ne(atoi(strstr(answer, "\r\n\r\n") + 4), first);
    free(answer);
    close(other);
    release("a");
    expect_answer(held, "200 OK", "one");
    close(held);
    await_exit(process);
    finish();
}
END_TEST

/* They shut down the socket that they share while libmicrohttpd's threads still take it out of their sets. */
START_TEST(many_workers_end_together)
{
    prepare_generations();
    for (int i = 0; i < 40; i++) {
        SERVE_GENERATIONS("--set", "processes=8", "--set", "threads=4");
        gateway_stop(&gateway); /* with status 0 */
    }
    finish();
}
END_TEST

/* As a service manager does that signals the whole group. */
START_TEST(sigterm_to_all_at_once_ends_all_and_loses_nothing)
{
    pid_t pids[4];
    prepare_generations();
    make_gate("a");
    SERVE_GENERATIONS("--set", "threads=1", "--set", "run=pool");
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    int queued = begin("/g/"); /* in the kernel's queue: the only thread is held */
    workers(pids, 4);
    kill(pids[0], SIGTERM);
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping:");
    release("a");
    expect_answer(held, "200 OK", "one");
    expect_answer(queued, "200 OK", "one");
    close(held);
    close(queued);
    gateway_wait(&gateway);
    finish();
}
END_TEST

/* Nobody of ours is left: `pids` have gone, and nobody listens. */
static void kill_supervisor(void)
{
    pid_t pids[8];
    int processes[8];
    size_t count = workers(pids, 8);
    ck_assert_uint_le(count, 8);
    for (size_t i = 0; i < count; i++)
        processes[i] = open_process(pids[i]);
    kill(gateway.pid, SIGKILL);
    for (size_t i = 0; i < count; i++)
        await_exit(processes[i]);
    siginfo_t ended;
    ck_assert_int_eq(waitid(P_PID, (id_t)gateway.pid, &ended, WEXITED | WNOWAIT), 0); /* its sockets are closed */
    struct reply reply;
    fetch(&reply, gateway.url, "/g/", NULL, NULL, NULL, 0);
    ck_assert_msg(reply.error == 7, "somebody listens: curl says %d", reply.error);
    reply_free(&reply);
    gateway_teardown();
    scratch_remove(&scratch);
}

START_TEST(workers_end_with_their_supervisor)
{
    serve_three();
    kill_supervisor();
}
END_TEST

START_TEST(one_whose_init_hangs_ends_with_its_supervisor_too)
{
    prepare_generations();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    SERVE_GENERATIONS();
    copy_over("hanging", "g");
    kill(gateway.pid, SIGHUP);
    gateway_wait_log(&gateway, "init hangs");
    kill_supervisor();
}
END_TEST

/* --- what they have open --------------------------------------------------------------------------------------- */

START_TEST(reloads_leave_no_descriptors_and_no_zombies)
{
    enum { RELOADS = 20 };
    char flags[300];
    pid_t pids[8];
    unsigned after_one = 0, worker_after_one = 0;
    prepare_generations();
    snprintf(flags, sizeof flags, "-DANSWER=\"one\" -DMARK=\"%s\"", scratch_path(&scratch, "mark"));
    make_flavour("marked", flags);
    copy_over("marked", "g");
    SERVE_GENERATIONS("--set", "watch=on");
    for (unsigned i = 1; i <= RELOADS; i++) {
        if (i % 5 == 0) { /* every fifth one fails first */
            scratch_write(&scratch, "mark", "");
            reload(1, "there is a mark");
            ck_assert_int_eq(unlink(scratch_path(&scratch, "mark")), 0);
        }
        reload(0, "serves\n");
        await_count(" has ended\n", i);
        (void)status_text(); /* what it does about the end is done when it answers */
        if (i == 1) {
            after_one = descriptors(gateway.pid, "");
            worker_after_one = descriptors(gateway_worker(&gateway), "");
        }
    }
    ck_assert_uint_eq(workers(pids, 8), 1);
    ck_assert_uint_eq(descriptors(gateway.pid, ""), after_one);
    ck_assert_uint_eq(descriptors(pids[0], ""), worker_after_one);
    finish();
}
END_TEST

START_TEST(a_worker_has_nothing_of_the_supervisors)
{
    pid_t pids[8];
    prepare_generations();
    SERVE_GENERATIONS("--set", "watch=on", "--set", "processes=3");
    reload(0, "generation 2 serves\n");
    await_ended(1);
    ck_assert_uint_eq(workers(pids, 8), 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(descriptors(pids[i], "socket:"), 2); /* HTTP, its channel */
        ck_assert_uint_eq(descriptors(pids[i], "anon_inode:inotify"), 0);
        ck_assert_uint_eq(descriptors(pids[i], "/memfd:g.so"), 1);
    }
    finish();
}
END_TEST

Suite *workers_suite(void)
{
    Suite *suite = suite_create("workers");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, three_workers_share_a_port);
    tcase_add_test(own, who_is_killed_takes_only_his_own_requests_along);
    tcase_add_test(own, all_are_killed_and_replaced);
    tcase_add_test(own, who_is_killed_again_and_again_comes_back_later_and_later);
    tcase_add_test(own, a_replacement_that_cannot_start_is_tried_again_with_pauses);
    tcase_add_test(own, sigterm_to_a_worker_drains_it_and_loses_nothing);
    tcase_add_test(own, another_takes_the_place_of_one_that_drains_at_once);
    tcase_add_test(own, many_workers_end_together);
    tcase_add_test(own, sigterm_to_all_at_once_ends_all_and_loses_nothing);
    tcase_add_test(own, workers_end_with_their_supervisor);
    tcase_add_test(own, one_whose_init_hangs_ends_with_its_supervisor_too);
    tcase_add_test(own, reloads_leave_no_descriptors_and_no_zombies);
    tcase_add_test(own, a_worker_has_nothing_of_the_supervisors);
    return suite;
}
