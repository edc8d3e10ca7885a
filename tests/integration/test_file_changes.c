/* watch = on, and `postern run`: what changes is loaded, once it has come to rest. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

/* In one step: who writes bit by bit, and stands still meanwhile, is heard twice. */
static void replace_conf(const char *text)
{
    scratch_write(&scratch, "conf.new", text);
    ck_assert_int_eq(rename(scratch_path(&scratch, "conf.new"), scratch_path(&scratch, "conf")), 0);
}

static void serve_watching(void)
{
    prepare_generations();
    make_flavour("other", "-DANSWER=\"other\" -DNAME=\"h\"");
    scratch_write(&scratch, "conf", "watch = on\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
}

START_TEST(each_change_is_one_reload)
{
    serve_watching();
    copy_over("other", "h"); /* dropped in */
    await_serving(2);
    EXPECT(GET("/h/"), 200, "other");
    copy_over("two", "g"); /* written over */
    await_serving(3);
    EXPECT(GET("/g/"), 200, "two");
    move_over("one", "g"); /* replaced */
    await_serving(4);
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_int_eq(unlink(scratch_path(&scratch, "plugins/h.so")), 0);
    await_serving(5);
    EXPECT_STATUS(GET("/h/"), 404);
    replace_conf("watch = on\nplugin g { mount = \"/other\" }\n");
    await_serving(6);
    EXPECT(GET("/other/"), 200, "one");
    finish();
    EXPECT_LACKS(gateway_log(&gateway), "generation 7");
}
END_TEST

/* The longest time between two of its writes, in milliseconds. */
static int64_t write_burst(void)
{
    int64_t longest = 0, before = clock_ms();
    for (int i = 0; i < 20; i++) {
        copy_over(i % 2 ? "two" : "one", "g");
        scratch_write(&scratch, "conf", "watch = on\n");
        int64_t now = clock_ms();
        longest = now - before > longest ? now - before : longest;
        before = now;
    }
    return longest;
}

START_TEST(a_burst_is_one_reload)
{
    enum { SETTLE_MS = 300 }; /* files_watch.c: what pauses longer is no burst */
    serve_watching();
    if (write_burst() >= SETTLE_MS / 2) {
        fprintf(stderr, "skipped: this machine is too busy for a burst of writes\n");
        finish();
        return;
    }
    await_serving(2);
    EXPECT(GET("/g/"), 200, "two");
    copy_over("one", "g"); /* what else the burst had left would come before this */
    await_serving(3);
    EXPECT(GET("/g/"), 200, "one");
    finish();
    EXPECT_LACKS(gateway_log(&gateway), "generation 4");
}
END_TEST

START_TEST(a_bad_plugin_leaves_the_old_one_serving_until_it_is_mended)
{
    serve_watching();
    scratch_write(&scratch, "plugins/g.so", "half a fi");
    gateway_wait_log(&gateway, "generation 1 serves on");
    EXPECT(GET("/g/"), 200, "one");
    move_over("two", "g");
    await_serving(3);
    EXPECT(GET("/g/"), 200, "two");
    finish();
}
END_TEST

START_TEST(a_bad_configuration_is_watched_on)
{
    serve_watching();
    replace_conf("watch = perhaps\n");
    gateway_wait_log(&gateway, "generation 1 serves on");
    replace_conf("watch = on\nplugin g { mount = \"/a\" }\n");
    await_serving(2);
    EXPECT(GET("/a/"), 200, "one");
    finish();
}
END_TEST

START_TEST(watching_can_be_turned_on_and_off)
{
    prepare_generations();
    scratch_write(&scratch, "conf", "watch = off\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    ck_assert_uint_eq(descriptors(gateway.pid, "anon_inode:inotify"), 0);
    replace_conf("watch = on\n");
    reload(0, "generation 2 serves\n");
    ck_assert_uint_eq(descriptors(gateway.pid, "anon_inode:inotify"), 1);
    replace_conf("watch = off\n");
    await_serving(3);
    ck_assert_uint_eq(descriptors(gateway.pid, "anon_inode:inotify"), 0);
    finish();
}
END_TEST

/* As a deployment does that prepares a directory and puts it in the place of the old one. */
START_TEST(a_directory_that_is_replaced_is_watched_on)
{
    serve_watching();
    struct command_result result;
    COMMAND_IN(&result, scratch.path, "sh", "-c",
               "mkdir next && cp made/two.so next/g.so && mv plugins last && "
               "mv next plugins");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    await_serving(2);
    EXPECT(GET("/g/"), 200, "two");
    copy_over("one", "g");
    await_serving(3);
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

/* --- postern run ------------------------------------------------------------------------------------------------ */

static void write_source(const char *answer, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "#include <ngi.h>\nstatic int answer(ngi_request *r) { return ngi_text(r, 200, \"%s\"); }\n"
             "NGI_PLUGIN(\"x\", \"1\", NGI_ROUTE(NGI_GET, \"/\", answer))\n%s",
             answer, more);
    scratch_write(&scratch, "new.c", text);
    ck_assert_int_eq(rename(scratch_path(&scratch, "new.c"), scratch_path(&scratch, "x.c")), 0);
}

START_TEST(run_compiles_what_has_changed)
{
    prepare();
    write_source("one", "");
    gateway_start(&gateway, LIST("run", scratch_path(&scratch, "x.c"), "--set", "grace=20"));
    EXPECT(GET("/"), 200, "one");
    write_source("two", "");
    await_serving(2);
    EXPECT(GET("/"), 200, "two");
    write_source("three", "no C\n");
    gateway_wait_log(&gateway, "does not compile (see above)");
    gateway_wait_log(&gateway, "nothing has changed: generation 2 serves on");
    EXPECT(GET("/"), 200, "two");
    write_source("four", "");
    await_serving(3);
    EXPECT(GET("/"), 200, "four");
    finish();
}
END_TEST

START_TEST(run_loads_a_plugin_that_has_changed)
{
    prepare_generations();
    gateway_start(&gateway, LIST("run", scratch_path(&scratch, "plugins/g.so"), "--set", "grace=20"));
    EXPECT(GET("/"), 200, "one");
    copy_over("two", "g");
    await_serving(2);
    EXPECT(GET("/"), 200, "two");
    move_over("one", "g");
    await_serving(3);
    EXPECT(GET("/"), 200, "one");
    finish();
}
END_TEST

/* What is answered to `postern reload` is of this reload, not of what went wrong before it. */
START_TEST(a_reload_that_does_not_compile_says_so)
{
    char set[200];
    prepare();
    write_source("one", "");
    snprintf(set, sizeof set, "control=%s", control_path());
    gateway_start(&gateway, LIST("run", scratch_path(&scratch, "x.c"), "--set", set, "--set", "grace=20"));
    kill(gateway_worker(&gateway), SIGKILL); /* something else that has gone wrong */
    gateway_wait_log(&gateway, "another takes its place");
    write_source("two", "no C\n");
    reload(1, "x.c: does not compile");
    EXPECT_HAS(status_text(), "does not compile");
    finish();
}
END_TEST

Suite *file_changes_suite(void)
{
    Suite *suite = suite_create("file_changes");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, each_change_is_one_reload);
    tcase_add_test(own, a_burst_is_one_reload);
    tcase_add_test(own, a_bad_plugin_leaves_the_old_one_serving_until_it_is_mended);
    tcase_add_test(own, a_bad_configuration_is_watched_on);
    tcase_add_test(own, watching_can_be_turned_on_and_off);
    tcase_add_test(own, a_directory_that_is_replaced_is_watched_on);
    tcase_add_test(own, run_compiles_what_has_changed);
    tcase_add_test(own, run_loads_a_plugin_that_has_changed);
    tcase_add_test(own, a_reload_that_does_not_compile_says_so);
    return suite;
}
