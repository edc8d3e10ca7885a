/* What a reload brings, and what a reload that fails leaves as it was. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/gate.h"
#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

/* --- what it brings ------------------------------------------------------------------------------------------- */

START_TEST(sighup_loads_a_plugin_that_was_written_over)
{
    prepare_generations();
    SERVE_GENERATIONS();
    EXPECT(GET("/g/"), 200, "one");
    copy_over("two", "g");
    EXPECT(GET("/g/"), 200, "one");
    kill(gateway.pid, SIGHUP);
    await_serving(2);
    EXPECT(GET("/g/"), 200, "two");
    await_ended(1);
    finish();
    EXPECT_HAS(gateway_log(&gateway), "generation 2 serves: 1 plugin, 1 worker\n");
}
END_TEST

START_TEST(reload_loads_a_plugin_that_was_replaced)
{
    prepare_generations();
    SERVE_GENERATIONS();
    move_over("two", "g");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    copy_over("one", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

START_TEST(plugins_come_and_go)
{
    prepare_generations();
    SERVE_GENERATIONS();
    EXPECT_STATUS(GET("/h/"), 404);
    make_flavour("other", "-DANSWER=\"other\" -DNAME=\"h\"");
    copy_over("other", "h");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/h/"), 200, "other");
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_int_eq(unlink(scratch_path(&scratch, "plugins/h.so")), 0);
    reload(0, "generation 3 serves\n");
    EXPECT_STATUS(GET("/h/"), 404);
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

START_TEST(a_changed_configuration_counts)
{
    prepare_generations();
    scratch_write(&scratch, "conf", "plugin g { mount = \"/a\" }\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    EXPECT(GET("/a/"), 200, "one");
    scratch_write(&scratch, "conf", "plugin g { mount = \"/b\" }\n");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/b/"), 200, "one");
    EXPECT_STATUS(GET("/a/"), 404);
    finish();
}
END_TEST

START_TEST(the_number_of_workers_follows_the_configuration)
{
    pid_t pids[8];
    prepare_generations();
    scratch_write(&scratch, "conf", "processes = 1\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    ck_assert_uint_eq(workers(pids, 8), 1);
    scratch_write(&scratch, "conf", "processes = 3\n");
    reload(0, "generation 2 serves\n");
    await_ended(1);
    ck_assert_uint_eq(workers(pids, 8), 3);
    EXPECT(GET("/g/"), 200, "one");
    scratch_write(&scratch, "conf", "processes = 1\n");
    reload(0, "generation 3 serves\n");
    await_ended(2);
    ck_assert_uint_eq(workers(pids, 8), 1);
    finish();
}
END_TEST

/* Of a gateway that listens where file "conf" says. */
static void write_listen(const char *list, const char *more)
{
    char text[1024];
    snprintf(text, sizeof text, "listen = {%s}\nplugins = \"%s/plugins\"\ncontrol = \"%s\"\ngrace = 20\n%s", list,
             scratch.path, control_path(), more);
    scratch_write(&scratch, "conf", text);
}

static int port_of(const char *url)
{
    return atoi(strrchr(url, ':') + 1);
}

/* As the status says: of the newest generation. */
static int listener_port(unsigned index)
{
    const char *at = status_text();
    for (unsigned i = 0; i <= index; i++) {
        at = strstr(at, "listening on http://");
        ck_assert_ptr_nonnull(at);
        at += strlen("listening on http://");
    }
    return atoi(strchr(at, ':') + 1);
}

static void expect_served(const char *url, const char *body)
{
    struct reply reply;
    fetch(&reply, url, "/g/", NULL, NULL, NULL, 0);
    EXPECT(&reply, 200, body);
    reply_free(&reply);
}

START_TEST(listeners_come_stay_and_go)
{
    char list[400], unix_url[200], kept_url[64];
    prepare_generations();
    snprintf(unix_url, sizeof unix_url, "unix:%s", scratch_path(&scratch, "http.sock"));
    snprintf(list, sizeof list, "\"127.0.0.1:0\", \"127.0.0.2:0\", \"%s\"", unix_url);
    write_listen(list, "");
    gateway_start_as_told(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    int kept = gateway.port, gone = port_of(gateway.urls[1]);
    snprintf(kept_url, sizeof kept_url, "%s", gateway.url);
    expect_served(unix_url, "one");
    copy_over("two", "g");
    write_listen("\"127.0.0.3:0\", \"127.0.0.1:0\"", "");
    reload(0, "generation 2 serves\n");
    ck_assert_int_eq(listener_port(1), kept);
    expect_served(kept_url, "two");
    char added[64];
    snprintf(added, sizeof added, "http://127.0.0.3:%d", listener_port(0));
    expect_served(added, "two");
    ck_assert_msg(access(unix_url + 5, F_OK) < 0, "the socket file is left behind");
    await_ended(1);
    struct reply reply;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.2:%d", gone);
    fetch(&reply, url, "/g/", NULL, NULL, NULL, 0);
    ck_assert_msg(reply.error == 7, "a listener that was removed still listens: curl says %d", reply.error);
    reply_free(&reply);
    finish();
}
END_TEST

/* One who has connected to a listener that is then removed, and was not accepted yet, is served by the old one. */
START_TEST(who_waits_at_a_listener_that_goes_is_answered)
{
    char list[400], url[200];
    prepare_generations();
    make_gate("a");
    snprintf(url, sizeof url, "unix:%s", scratch_path(&scratch, "http.sock"));
    snprintf(list, sizeof list, "\"127.0.0.1:0\", \"%s\"", url);
    char more[300];
    snprintf(more, sizeof more, "threads = 1\nrun = pool\nplugin g { option { place = \"%s\" } }\n", scratch.path);
    write_listen(list, more);
    gateway_start_as_told(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, url + 5);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_int_eq(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
        say(fds[i], i == 0 ? "/g/hold?name=a" : "/g/"); /* the second waits in the queue: the only thread is held */
        if (i == 0)
            gateway_wait_log(&gateway, "a holds");
    }
    copy_over("two", "g");
    write_listen("\"127.0.0.1:0\"", more);
    reload(0, "generation 2 serves\n");
    release("a");
    expect_answer(fds[0], "200 OK", "one");
    expect_answer(fds[1], "200 OK", "one");
    close(fds[0]);
    close(fds[1]);
    finish();
}
END_TEST

/* A sanitizer takes a crash for its own to report, and exits. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define CRASHED "ended with status "
#else
#define CRASHED "died of SIGSEGV"
#endif

/* --- what fails ----------------------------------------------------------------------------------------------- */

static void expect_unchanged(const char *why)
{
    pid_t before[4], after[4];
    ck_assert_uint_eq(workers(before, 4), 1);
    reload(1, why);
    EXPECT(GET("/g/"), 200, "one");
    EXPECT_HAS(status_text(), why);
    gateway_wait_log(&gateway, "generation 1 serves on");
    ck_assert_uint_ge(workers(after, 4), 1);
    ck_assert_int_eq(before[0], after[0]);
}

static const struct {
    const char *flags, *why;
} bad_flavours[] = {
    { "-DBROKEN", "undefined symbol nowhere" },
    { "-DREFUSES", "the database is gone" },
    { "-DCRASHES", CRASHED },
    { "-DEXITS", "ended with status 1" },
};

START_TEST(a_bad_plugin_changes_nothing)
{
    char flags[100];
    prepare_generations();
    snprintf(flags, sizeof flags, "-DANSWER=\"bad\" %s", bad_flavours[_i].flags);
    make_flavour("bad", flags);
    SERVE_GENERATIONS();
    copy_over("bad", "g");
    expect_unchanged(bad_flavours[_i].why);
    move_over("two", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

START_TEST(one_bad_worker_of_three_is_enough_to_fail)
{
    pid_t pids[8];
    prepare_generations();
    make_flavour("bad", "-DANSWER=\"bad\" -DCRASHES");
    SERVE_GENERATIONS("--set", "processes=3");
    copy_over("bad", "g");
    reload(1, CRASHED);
    EXPECT(GET("/g/"), 200, "one");
    copy_over("two", "g");
    reload(0, "generation 3 serves\n");
    await_ended(1);
    while (workers(pids, 8) > 3) /* of the one that failed */
        EXPECT_HAS(status_text(), "generation 3 serves");
    ck_assert_uint_eq(workers(pids, 8), 3);
    finish();
}
END_TEST

/* Its other worker may accept already, on the sockets that the old generation serves. */
START_TEST(a_worker_that_cannot_accept_leaves_the_port_to_the_old_ones)
{
    char flags[300];
    prepare_generations();
    snprintf(flags, sizeof flags, "-DANSWER=\"bad\" -DSTARVES=\"%s\"", scratch_path(&scratch, "starved"));
    make_flavour("bad", flags);
    SERVE_GENERATIONS("--set", "processes=2");
    copy_over("bad", "g");
    reload(1, "libmicrohttpd would not start (");
    for (int i = 0; i < 20; i++)
        EXPECT_STATUS(GET("/g/"), 200);
    copy_over("two", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

START_TEST(a_file_that_is_no_plugin_changes_nothing)
{
    prepare_generations();
    SERVE_GENERATIONS();
    scratch_write(&scratch, "plugins/g.so", "no plugin\n");
    expect_unchanged("plugins/g.so");
    finish();
}
END_TEST

START_TEST(a_bad_configuration_changes_nothing)
{
    prepare_generations();
    scratch_write(&scratch, "conf", "processes = 1\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    scratch_write(&scratch, "conf", "processes = many\n");
    expect_unchanged("conf:1: ");
    scratch_write(&scratch, "conf", "processes = 1\n");
    reload(0, "generation 2 serves\n");
    finish();
}
END_TEST

START_TEST(a_directory_that_has_gone_changes_nothing)
{
    prepare_generations();
    SERVE_GENERATIONS();
    ck_assert_int_eq(rename(scratch_path(&scratch, "plugins"), scratch_path(&scratch, "elsewhere")), 0);
    expect_unchanged("No such file or directory");
    finish();
}
END_TEST

START_TEST(a_port_that_is_taken_changes_nothing)
{
    char list[200], where[32];
    prepare_generations();
    struct gateway other;
    gateway_start(&other, LIST("serve", "--plugins", scratch_path(&scratch, "plugins")));
    snprintf(where, sizeof where, "127.0.0.1:%d", other.port);
    write_listen("\"127.0.0.1:0\"", "");
    gateway_start_as_told(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    snprintf(list, sizeof list, "\"127.0.0.1:0\", \"127.0.0.2:0\", \"%s\"", where);
    write_listen(list, "");
    expect_unchanged("Address already in use: something else listens there");
    ck_assert_uint_eq(descriptors(gateway.pid, "socket:"), 3); /* HTTP, control, the worker's channel */
    gateway_stop(&other);
    finish();
}
END_TEST

/* A listener that came with a generation that failed goes with it: nobody would accept there. */
START_TEST(a_listener_of_a_generation_that_fails_is_closed)
{
    char list[200], path[160];
    prepare_generations();
    make_flavour("bad", "-DANSWER=\"bad\" -DREFUSES");
    write_listen("\"127.0.0.1:0\"", "");
    gateway_start_as_told(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "http.sock"));
    snprintf(list, sizeof list, "\"127.0.0.1:0\", \"unix:%s\"", path);
    write_listen(list, "");
    copy_over("bad", "g");
    reload(1, "the database is gone");
    ck_assert_msg(access(path, F_OK) < 0, "its socket is still there");
    copy_over("two", "g");
    reload(0, "generation 3 serves\n");
    ck_assert_int_eq(access(path, F_OK), 0);
    finish();
}
END_TEST

/* --- an init that hangs ----------------------------------------------------------------------------------------- */

static void begin_hanging_reload(void)
{
    prepare_generations();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    SERVE_GENERATIONS();
    copy_over("hanging", "g");
    kill(gateway.pid, SIGHUP);
    gateway_wait_log(&gateway, "init hangs");
    EXPECT(GET("/g/"), 200, "one");
}

START_TEST(another_reload_takes_the_place_of_one_that_hangs)
{
    begin_hanging_reload();
    pid_t hanging = gateway_worker(&gateway);
    EXPECT_HAS(status_text(), "generation 2 loads");
    copy_over("two", "g");
    reload(0, "generation 3 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    gateway_wait_log(&gateway, "generation 2 gives way before it has begun");
    await_gone(hanging); /* by force, after some seconds */
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

START_TEST(a_reload_that_fails_leaves_one_that_hangs_alone)
{
    begin_hanging_reload();
    ck_assert_int_eq(rename(scratch_path(&scratch, "plugins"), scratch_path(&scratch, "elsewhere")), 0);
    reload(1, "No such file or directory");
    EXPECT_HAS(status_text(), "generation 2 loads");
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

/* Where its process has a name to be told by. */
START_TEST(an_init_that_hangs_in_its_zygote_is_told_of)
{
    prepare_generations();
    make_flavour("hanging", "-DANSWER=\"hanging\" -DHANGS");
    SERVE_GENERATIONS("--set", "plugin.g.run=process");
    copy_over("hanging", "g");
    kill(gateway.pid, SIGHUP);
    gateway_wait_log(&gateway, "init hangs");
    gateway_wait_log(&gateway, " has not returned after 10 s: it is waited for\n");
    EXPECT_HAS(gateway_log(&gateway), "plugin g: its init, in process ");
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

START_TEST(an_init_that_hangs_in_the_gateway_is_told_of)
{
    char warning[160];
    pid_t pids[8];
    begin_hanging_reload();
    size_t count = workers(pids, 8);
    snprintf(warning, sizeof warning, " plugin g: its init, in worker %d, has not returned after 10 s: it is waited for\n",
             (int)pids[count - 1]);
    gateway_wait_log(&gateway, warning);
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

START_TEST(sigterm_ends_a_generation_that_hangs_too)
{
    begin_hanging_reload();
    time_t before = time(NULL);
    gateway_stop(&gateway);
    ck_assert_int_lt(time(NULL) - before, 15); /* its grace is 20 s, but it has no requests */
    finish();
}
END_TEST

START_TEST(who_waits_for_a_reload_that_gives_way_is_told)
{
    char word[100];
    begin_hanging_reload();
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    strcpy(address.sun_path, control_path());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    raw_send(fd, "reload\n", 7); /* generation 3, which hangs too */
    await_count("init hangs", 2);
    copy_over("two", "g");
    reload(0, "generation 4 serves\n");
    ssize_t n = read(fd, word, sizeof word - 1);
    ck_assert_int_gt(n, 0);
    word[n] = '\0';
    EXPECT_HAS(word, "\"ok\":false");
    EXPECT_HAS(word, "it gave way to a later one");
    close(fd);
    finish();
}
END_TEST

Suite *generations_suite(void)
{
    Suite *suite = suite_create("generations");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, sighup_loads_a_plugin_that_was_written_over);
    tcase_add_test(own, reload_loads_a_plugin_that_was_replaced);
    tcase_add_test(own, plugins_come_and_go);
    tcase_add_test(own, a_changed_configuration_counts);
    tcase_add_test(own, the_number_of_workers_follows_the_configuration);
    tcase_add_test(own, listeners_come_stay_and_go);
    tcase_add_test(own, who_waits_at_a_listener_that_goes_is_answered);
    tcase_add_loop_test(own, a_bad_plugin_changes_nothing, 0, sizeof bad_flavours / sizeof *bad_flavours);
    tcase_add_test(own, one_bad_worker_of_three_is_enough_to_fail);
    tcase_add_test(own, a_worker_that_cannot_accept_leaves_the_port_to_the_old_ones);
    tcase_add_test(own, a_file_that_is_no_plugin_changes_nothing);
    tcase_add_test(own, a_bad_configuration_changes_nothing);
    tcase_add_test(own, a_directory_that_has_gone_changes_nothing);
    tcase_add_test(own, a_port_that_is_taken_changes_nothing);
    tcase_add_test(own, a_listener_of_a_generation_that_fails_is_closed);
    tcase_add_test(own, another_reload_takes_the_place_of_one_that_hangs);
    tcase_add_test(own, a_reload_that_fails_leaves_one_that_hangs_alone);
    tcase_add_test(own, an_init_that_hangs_in_its_zygote_is_told_of);
    tcase_add_test(own, an_init_that_hangs_in_the_gateway_is_told_of);
    tcase_add_test(own, sigterm_ends_a_generation_that_hangs_too);
    tcase_add_test(own, who_waits_for_a_reload_that_gives_way_is_told);
    return suite;
}
