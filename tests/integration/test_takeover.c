/* SIGUSR2: the gateway becomes another binary in its own process, and nobody notices; or it does not, and says why. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/load.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

static const char exec_line[] = "SIGUSR2: the supervisor runs its binary anew";

/* As prepare_generations, with a binary of the test's own. */
static void prepare_binary(void)
{
    prepare_generations();
    scratch_copy(&scratch, "postern");
    gateway_use_binary(scratch_path(&scratch, "postern"));
}

static void finish_binary(void)
{
    gateway_use_binary(NULL);
    finish();
}

/* As a package manager does: another file of that name. */
static void replace_binary(void)
{
    scratch_copy_as(&scratch, "postern", "postern.new");
    ck_assert_int_eq(rename(scratch_path(&scratch, "postern.new"), scratch_path(&scratch, "postern")), 0);
}

/* Generation `next` comes of it. */
static void take_over(unsigned next)
{
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    await_serving(next);
}

static void expect_new_binary(void)
{
    char link[64];
    struct stat runs, file;
    snprintf(link, sizeof link, "/proc/%d/exe", (int)gateway.pid);
    ck_assert_int_eq(stat(link, &runs), 0);
    ck_assert_int_eq(stat(scratch_path(&scratch, "postern"), &file), 0);
    ck_assert_uint_eq(runs.st_ino, file.st_ino);
}

static pid_t answering_worker(void)
{
    const struct reply *reply = GET("/g/pid");
    ck_assert_int_eq(reply->status, 200);
    return atoi(reply->body);
}

/* --- what it brings ------------------------------------------------------------------------------------------- */

START_TEST(takeovers_under_load_lose_nobody)
{
    enum { KEPT = 8, FRESH = 4, TIMES = 8 };
    char processes[32];
    snprintf(processes, sizeof processes, "processes=%d", _i);
    prepare_binary();
    SERVE_GENERATIONS("--set", processes, "--set", "threads=2");
    struct load *load = load_begin(gateway.port, "/g/", KEPT, FRESH);
    load_await(load, 50);
    for (unsigned i = 0; i < TIMES; i++) {
        replace_binary();
        take_over(i + 2);
        expect_new_binary();
        load_await(load, 50);
    }
    struct load_result result = load_end(load);
    ck_assert_msg(result.lost + result.bad == 0, "%lu of %lu lost, %lu bad: %s", result.lost, result.answered,
                  result.bad, result.first_loss);
    ck_assert_uint_eq(result.closed_idle, 0);
    ck_assert_uint_ge(result.told_close, KEPT);
    finish_binary();
}
END_TEST

START_TEST(a_slow_request_outlives_the_binary_that_took_it)
{
    prepare_binary();
    make_gate("a");
    SERVE_GENERATIONS();
    int process = open_process(gateway_worker(&gateway));
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    copy_over("two", "g");
    replace_binary();
    take_over(2);
    EXPECT(GET("/g/"), 200, "two");
    EXPECT_HAS(status_text(), "generation 1 ends");
    take_over(3);
    release("a");
    expect_answer(held, "200 OK", "one");
    close(held);
    await_exit(process);
    await_ended(1);
    finish_binary();
}
END_TEST

/* The second and the third come while the generation of the one before may still load. */
START_TEST(three_in_a_row)
{
    pid_t pids[8];
    prepare_binary();
    SERVE_GENERATIONS();
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
        await_count(exec_line, i);
    }
    await_serving(4);
    EXPECT(GET("/g/"), 200, "one");
    while (workers(pids, 8) > 1)
        EXPECT_HAS(status_text(), "generation 4 serves");
    finish_binary();
}
END_TEST

START_TEST(no_descriptor_is_left_behind)
{
    enum { TIMES = 10 };
    prepare_binary();
    SERVE_GENERATIONS();
    take_over(2);
    await_ended(1);
    (void)status_text(); /* what it does about the end is done when it answers */
    unsigned before = descriptors(gateway.pid, "");
    for (unsigned i = 3; i < 3 + TIMES; i++) {
        take_over(i);
        await_ended(i - 1);
    }
    (void)status_text();
    ck_assert_uint_eq(descriptors(gateway.pid, ""), before);
    /* Nor has a worker what is another's: the copy of a plugin, a channel. */
    pid_t worker = gateway_worker(&gateway);
    ck_assert_uint_eq(descriptors(worker, "/memfd:g.so"), 1);
    ck_assert_uint_eq(descriptors(worker, "/memfd:takeover"), 0);
    unsigned sockets = descriptors(worker, "socket:");
    reload(0, "generation 13 serves\n");
    ck_assert_uint_eq(descriptors(gateway_worker(&gateway), "socket:"), sockets);
    finish_binary();
}
END_TEST

START_TEST(listeners_stay_and_relative_paths_stay_true)
{
    struct stat before, after;
    struct reply reply;
    char url[160];
    prepare_binary();
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_eq(chdir(scratch.path), 0);
    scratch_write(&scratch, "conf",
                  "listen = {\"127.0.0.1:0\", \"unix:http.sock\"}\ncontrol = \"control\"\ngrace = 20\n");
    gateway_start_as_told(&gateway, LIST("serve", "-c", "conf", "--set", "plugins=plugins"));
    ck_assert_int_eq(fchdir(here), 0);
    close(here);
    ck_assert_int_eq(stat(scratch_path(&scratch, "http.sock"), &before), 0);
    copy_over("two", "g");
    take_over(2);
    EXPECT(GET("/g/"), 200, "two");
    snprintf(url, sizeof url, "unix:%s", scratch_path(&scratch, "http.sock"));
    fetch(&reply, url, "/g/", NULL, NULL, NULL, 0);
    EXPECT(&reply, 200, "two");
    reply_free(&reply);
    ck_assert_int_eq(stat(scratch_path(&scratch, "http.sock"), &after), 0);
    ck_assert_uint_eq(before.st_ino, after.st_ino);
    EXPECT_HAS(status_text(), "generation 2 serves");
    copy_over("one", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "one");
    char path[160];
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "http.sock"));
    gateway_use_binary(NULL);
    gateway_stop(&gateway);
    ck_assert_msg(access(path, F_OK) < 0, "the socket's file is left behind");
    finish_binary();
}
END_TEST

/* The adopted generation is all there is then: its lost worker is replaced, with the code that it began with. */
static void lose_adopted_worker(void)
{
    gateway_wait_log(&gateway, "nothing has changed: generation 1 serves on");
    pid_t first = answering_worker();
    ck_assert_int_eq(kill(first, SIGKILL), 0);
    gateway_wait_log(&gateway, "died of SIGKILL; another takes its place");
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_int_ne(answering_worker(), first);
    EXPECT_HAS(status_text(), "generation 1 serves");
}

START_TEST(an_adopted_generation_serves_on_where_the_reload_is_refused)
{
    prepare_binary();
    scratch_write(&scratch, "conf", "processes = 1\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    scratch_write(&scratch, "conf", "processes = many\n");
    copy_over("two", "g");
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    lose_adopted_worker();
    reload(1, "conf:1: ");
    scratch_write(&scratch, "conf", "processes = 1\n");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    finish_binary();
}
END_TEST

START_TEST(what_is_watched_stays_watched)
{
    prepare_binary();
    scratch_write(&scratch, "conf", "watch = on\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    scratch_write(&scratch, "conf.new", "watch = maybe\n");
    ck_assert_int_eq(rename(scratch_path(&scratch, "conf.new"), scratch_path(&scratch, "conf")), 0);
    await_count("nothing has changed: generation 1 serves on", 1);
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    await_count("nothing has changed: generation 1 serves on", 2);
    scratch_write(&scratch, "conf.new", "watch = off\n");
    ck_assert_int_eq(rename(scratch_path(&scratch, "conf.new"), scratch_path(&scratch, "conf")), 0);
    await_serving(2);
    finish_binary();
}
END_TEST

START_TEST(a_directory_that_is_no_utf8_survives)
{
    char directory[160], place[200];
    prepare_binary();
    snprintf(directory, sizeof directory, "%s", scratch_path(&scratch, "pl\xff\xfeins"));
    snprintf(place, sizeof place, "plugin.g.option.place=%s", directory);
    ck_assert_int_eq(rename(scratch_path(&scratch, "plugins"), directory), 0);
    scratch_write(&scratch, "conf", "processes = 1\n");
    gateway_start(&gateway, LIST("serve", "--plugins", directory, "--control", control_path(), "--set", place,
                                 "--config", scratch_path(&scratch, "conf")));
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    await_serving(2);
    await_ended(1);
    EXPECT(GET("/g/"), 200, "one");
    scratch_write(&scratch, "conf", "processes = many\n");
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    gateway_wait_log(&gateway, "nothing has changed: generation 2 serves on");
    pid_t first = answering_worker();
    ck_assert_int_eq(kill(first, SIGKILL), 0);
    gateway_wait_log(&gateway, "another takes its place");
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_int_ne(answering_worker(), first);
    finish_binary();
}
END_TEST

/* --- when ----------------------------------------------------------------------------------------------------- */

START_TEST(a_generation_that_loads_gives_way)
{
    prepare_binary();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    SERVE_GENERATIONS();
    copy_over("hanging", "g");
    kill(gateway.pid, SIGHUP);
    gateway_wait_log(&gateway, "init hangs");
    pid_t hanging = gateway_worker(&gateway);
    copy_over("two", "g");
    take_over(3);
    gateway_wait_log(&gateway, "generation 2 gives way before it has begun");
    EXPECT(GET("/g/"), 200, "two");
    take_over(4); /* when it is to be killed stays as it was */
    await_gone(hanging);
    gateway_wait_log(&gateway, "has not ended in time: it is killed");
    finish_binary();
}
END_TEST

START_TEST(one_that_loads_is_adopted_where_the_reload_is_refused)
{
    char line[100];
    prepare_binary();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    scratch_write(&scratch, "conf", "processes = 1\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    copy_over("hanging", "g");
    kill(gateway.pid, SIGHUP);
    gateway_wait_log(&gateway, "init hangs");
    scratch_write(&scratch, "conf", "processes = many\n");
    kill(gateway.pid, SIGUSR2);
    gateway_wait_log(&gateway, "nothing has changed: generation 1 serves on");
    snprintf(line, sizeof line, "generation 2 did not start (worker %d died of SIGKILL)",
             (int)gateway_worker(&gateway));
    kill(gateway_worker(&gateway), SIGKILL);
    gateway_wait_log(&gateway, line);
    EXPECT(GET("/g/"), 200, "one");
    finish_binary();
}
END_TEST

START_TEST(while_it_stops_nothing_comes_of_it)
{
    prepare_binary();
    make_gate("a");
    SERVE_GENERATIONS();
    int held = begin("/g/hold?name=a");
    gateway_wait_log(&gateway, "a holds");
    kill(gateway.pid, SIGTERM);
    gateway_wait_log(&gateway, "stopping: 1 request under way");
    kill(gateway.pid, SIGUSR2);
    release("a");
    expect_answer(held, "200 OK", "one");
    close(held);
    gateway_wait(&gateway);
    EXPECT_LACKS(gateway_log(&gateway), exec_line);
    finish_binary();
}
END_TEST

/* Both wait at the same time. */
START_TEST(a_sigterm_that_comes_with_it_counts)
{
    prepare_binary();
    SERVE_GENERATIONS();
    kill(gateway.pid, SIGSTOP);
    kill(gateway.pid, SIGUSR2);
    kill(gateway.pid, SIGTERM);
    kill(gateway.pid, SIGCONT);
    gateway_wait(&gateway);
    finish_binary();
}
END_TEST

/* The harness waits for a gateway that serves; this one never does. */
START_TEST(before_it_serves_it_is_refused)
{
    static const char script[] =
        "mkfifo \"$3\" && { \"$1\" serve --plugins \"$2\" --listen 127.0.0.1:0 2>\"$3\" & pid=$!\n"
        "while read -r line; do case $line in *'init hangs') kill -USR2 $pid ;;\n"
        "*'not been changed'*) echo \"$line\"; kill -KILL $pid ;; esac; done <\"$3\"; }";
    struct command_result result;
    prepare_generations();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    copy_over("hanging", "g");
    COMMAND(&result, "sh", "-c", script, "sh", built("postern"), scratch_path(&scratch, "plugins"),
            scratch_path(&scratch, "log"));
    EXPECT_HAS(result.out, "the binary has not been changed: no generation serves yet\n");
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

/* --- what cannot take over -------------------------------------------------------------------------------------- */

static const struct {
    const char *text; /* NULL: the file is gone */
    mode_t mode;
    const char *why;
} bad_binaries[] = {
    { NULL, 0, "/postern: No such file or directory\n" },
    { "junk\n", 0755, "/postern: Exec format error\n" },
    { "junk\n", 0644, "/postern: Permission denied\n" },
    { "#!/bin/sh\n", 0755, "/postern does not know takeover-check\n" },
    { "#!/bin/sh\nkill -SEGV $$\n", 0755, "/postern died of SIGSEGV\n" },
    { "#!/bin/sh\necho 'postern 0.1 takes over'; exit 1\n", 0755, "/postern: postern 0.1 takes over\n" },
    { "#!/bin/sh\necho \"postern: no such command: $1; postern --help lists them\" >&2; exit 2\n", 0755,
      "/postern: no such command: takeover-check; postern --help lists them\n" },
};

START_TEST(a_binary_that_cannot_take_over_changes_nothing)
{
    char why[300];
    pid_t pids[4];
    prepare_binary();
    SERVE_GENERATIONS();
    const char *path = scratch_path(&scratch, "postern");
    pid_t worker = gateway_worker(&gateway);
    (void)status_text();
    unsigned before = descriptors(gateway.pid, "");
    ck_assert_int_eq(unlink(path), 0);
    if (bad_binaries[_i].text) {
        scratch_write(&scratch, "postern", bad_binaries[_i].text);
        ck_assert_int_eq(chmod(path, bad_binaries[_i].mode), 0);
    }
    kill(gateway.pid, SIGUSR2);
    snprintf(why, sizeof why, "error: the binary has not been changed: %s%s", scratch.path, bad_binaries[_i].why);
    gateway_wait_log(&gateway, why);
    EXPECT(GET("/g/"), 200, "one");
    EXPECT_HAS(status_text(), "generation 1 serves");
    ck_assert_uint_eq(workers(pids, 4), 1);
    ck_assert_int_eq(pids[0], worker);
    ck_assert_uint_eq(descriptors(gateway.pid, ""), before);
    replace_binary();
    take_over(2);
    EXPECT(GET("/g/"), 200, "one");
    finish_binary();
}
END_TEST

#define GENERATION(stage, settings)                                                                                    \
    "{\"format\": 3, \"made\": 3, \"log_level\": 2, \"sockets\": [], \"generations\": [{\"number\": 3, "               \
    "\"stage\": " stage ", \"settings\": \"" settings "\", \"files\": [], \"listen\": [], \"workers\": []}]}"

static const struct {
    const char *state, *why;
} bad_states[] = {
    { "", "no file has come along\n" },
    { "no state", "'[' or '{' expected near 'no'\n" },
    { "{\"format\": 99}", "it is of format 99, and this release reads format 3\n" },
    { GENERATION("9", ""), "generation 3 is at a stage 9\n" },
    { "{\"format\": 3, \"generations\": [{\"number\": 3, \"stage\": 2, \"settings\": \"\", \"workers\": [{\"pid\": 7, "
      "\"stage\": 5}]}]}",
      "worker 7 is at a stage 5\n" },
    { GENERATION("2", "nonsense = 1\\n"), "the settings of generation 3: " },
};

/* As the new binary, in the check. */
START_TEST(a_state_that_cannot_be_read_is_refused)
{
    char why[300];
    struct command_result result;
    prepare();
    scratch_write(&scratch, "file", bad_states[_i].state);
    COMMAND(&result, "sh", "-c", "exec \"$1\" takeover-check 9 postern serve 9<\"$2\"", "sh", built("postern"),
            scratch_path(&scratch, "file"));
    snprintf(why, sizeof why, "postern: what the running binary knows cannot be read: %s", bad_states[_i].why);
    EXPECT_HAS(result.err, why);
    ck_assert_int_eq(result.status, 1);
    ck_assert_str_eq(result.out, "");
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

START_TEST(a_state_that_can_be_read_is_agreed_to)
{
    struct command_result result;
    prepare();
    scratch_write(&scratch, "file", GENERATION("2", "processes = 3\\n"));
    COMMAND(&result, "sh", "-c", "exec \"$1\" takeover-check 9 postern serve 9<\"$2\"", "sh", built("postern"),
            scratch_path(&scratch, "file"));
    EXPECT_HAS(result.out, " takes over\n");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    COMMAND(&result, "sh", "-c", "exec \"$1\" takeover-check 9 postern serve --mount / 9<\"$2\"", "sh",
            built("postern"), scratch_path(&scratch, "file"));
    EXPECT_HAS(result.err, "postern: serve: unknown option --mount");
    ck_assert_int_eq(result.status, 2);
    command_free(&result);
    COMMAND(&result, "sh", "-c", "exec \"$1\" takeover-check 9 postern inspect 9<\"$2\"", "sh", built("postern"),
            scratch_path(&scratch, "file"));
    EXPECT_HAS(result.err, "postern: takeover-check: for a running postern only\n");
    ck_assert_int_eq(result.status, 2);
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

static const struct {
    const char *state, *says, *says_not;
} late_states[] = {
    { "{\"format\": 99, \"descriptors\": [8]}",
      "error: what the binary before has left cannot be read: it is of format 99, and this release reads format 3; its "
      "workers end, and all begins anew\n",
      "generation 3" },
    { GENERATION("2", "nonsense = 1\\n"), "error: generation 3: this release cannot read its settings (",
      "generation 3 gives way" },
    { GENERATION("0", "nonsense = 1\\n"), "generation 3 gives way before it has begun\n", "generation 3 serves" },
};

/* As the new binary, when it is too late. Descriptor 8 has come along, and has to be closed. */
START_TEST(it_serves_whatever_it_finds)
{
    static const char script[] =
        "mkfifo \"$4\" && { POSTERN_TAKEOVER=9 \"$1\" serve --plugins \"$2\" --listen 127.0.0.1:0 2>\"$4\" 8<\"$3\" "
        "9<\"$3\" & pid=$!\n"
        "while read -r line; do echo \"$line\"; case $line in *'listening on'*) ls -l /proc/$pid/fd; kill $pid ;;\n"
        "esac; done <\"$4\"; wait $pid; }";
    struct command_result result;
    prepare();
    scratch_write(&scratch, "file", late_states[_i].state);
    COMMAND(&result, "sh", "-c", script, "sh", built("postern"), scratch_path(&scratch, "plugins"),
            scratch_path(&scratch, "file"), scratch_path(&scratch, "log"));
    EXPECT_HAS(result.out, late_states[_i].says);
    EXPECT_LACKS(result.out, late_states[_i].says_not);
    EXPECT_HAS(result.out, "listening on http://127.0.0.1:");
    ck_assert_uint_eq(count_of(result.out, scratch_path(&scratch, "file")), _i == 0 ? 0 : 1); /* listed or not */
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    scratch_remove(&scratch);
}
END_TEST

/* A binary that agrees and then cannot read it: the workers end, and the port, which they had, is served again. */
START_TEST(workers_that_are_left_behind_make_room)
{
    char text[1024];
    pid_t pids[4];
    prepare_binary();
    scratch_write(&scratch, "conf", "listen = {\"127.0.0.1:0\"}\n");
    gateway_start_as_told(&gateway, LIST("serve", "--config", scratch_path(&scratch, "conf"), "--plugins",
                                         scratch_path(&scratch, "plugins"), "--control", control_path()));
    snprintf(text, sizeof text, "listen = {\"127.0.0.1:%d\"}\n", gateway.port);
    scratch_write(&scratch, "conf", text);
    pid_t first = gateway_worker(&gateway);
    snprintf(text, sizeof text,
             "#!/bin/bash\n[ \"$1\" = takeover-check ] && { echo 'postern 9 takes over'; exit; }\n"
             "file=$(</proc/self/fd/$POSTERN_TAKEOVER)\necho \"${file/\\\"format\\\":3/\\\"format\\\":99}\" "
             ">'%s/file'\n"
             "eval \"exec $POSTERN_TAKEOVER<'%s/file'\"\nexec '%s' \"$@\"\n",
             scratch.path, scratch.path, built("postern"));
    ck_assert_int_eq(unlink(scratch_path(&scratch, "postern")), 0);
    scratch_write(&scratch, "postern", text);
    ck_assert_int_eq(chmod(scratch_path(&scratch, "postern"), 0755), 0);
    kill(gateway.pid, SIGUSR2);
    gateway_wait_log(&gateway, "it is of format 99, and this release reads format 3; its workers end");
    await_count("listening on http://", 2);
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_uint_eq(workers(pids, 4), 1);
    ck_assert_int_ne(pids[0], first);
    finish_binary();
}
END_TEST

Suite *takeover_suite(void)
{
    Suite *suite = suite_create("takeover");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_loop_test(own, takeovers_under_load_lose_nobody, 1, 3);
    tcase_add_test(own, a_slow_request_outlives_the_binary_that_took_it);
    tcase_add_test(own, three_in_a_row);
    tcase_add_test(own, no_descriptor_is_left_behind);
    tcase_add_test(own, listeners_stay_and_relative_paths_stay_true);
    tcase_add_test(own, an_adopted_generation_serves_on_where_the_reload_is_refused);
    tcase_add_test(own, what_is_watched_stays_watched);
    tcase_add_test(own, a_directory_that_is_no_utf8_survives);
    tcase_add_test(own, a_generation_that_loads_gives_way);
    tcase_add_test(own, one_that_loads_is_adopted_where_the_reload_is_refused);
    tcase_add_test(own, while_it_stops_nothing_comes_of_it);
    tcase_add_test(own, a_sigterm_that_comes_with_it_counts);
    tcase_add_test(own, before_it_serves_it_is_refused);
    TCase *refusals = test_case(suite, "refusals", NULL);
    tcase_add_loop_test(refusals, a_binary_that_cannot_take_over_changes_nothing, 0,
                        sizeof bad_binaries / sizeof *bad_binaries);
    tcase_add_loop_test(refusals, a_state_that_cannot_be_read_is_refused, 0, sizeof bad_states / sizeof *bad_states);
    tcase_add_test(refusals, a_state_that_can_be_read_is_agreed_to);
    tcase_add_test(refusals, workers_that_are_left_behind_make_room);
    tcase_add_loop_test(refusals, it_serves_whatever_it_finds, 0, sizeof late_states / sizeof *late_states);
    return suite;
}
