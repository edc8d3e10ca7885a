/* A plugin that brings its worker down: the verdict, what it is for, how long it lasts, who hears of it, and where the
 * plugin runs then. */
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

/* Where a crash ends in a sanitizer's report instead of ours; exit() is told as ever. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static const char text_of_plugin[] =
    "#include <ngi.h>\n#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
    "static int answer(ngi_request *r) { return ngi_text(r, 200, ANSWER); }\n"
    "static int crash(ngi_request *r)\n"
    "{ int *volatile nothing = NULL; return ngi_textf(r, 200, \"%d\", *(volatile int *)nothing); }\n"
    "static int leave(ngi_request *r) { (void)r; exit(0); }\n"
    "static int pid(ngi_request *r) { return ngi_textf(r, 200, \"%d\", (int)getpid()); }\n"
    "static int fork_crash(ngi_request *r)\n"
    "{\n"
    "    int status;\n"
    "    pid_t child = fork();\n"
    "    if (child == 0)\n        return crash(r);\n"
    "    waitpid(child, &status, 0);\n"
    "    return ngi_text(r, 200, WIFSIGNALED(status) ? \"crashed\" : \"ended\");\n"
    "}\n"
    "static const ngi_option_spec options[] = {\n"
    "    { \"place\", NGI_STRING, \"/nowhere\", 0, 0, \"Not used.\" }, { 0 } };\n"
    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", answer), NGI_ROUTE(NGI_GET, \"/crash\", crash),\n"
    "                                    NGI_ROUTE(NGI_GET, \"/fork\", fork_crash),\n"
    "                                    NGI_ROUTE(NGI_GET, \"/exit\", leave), NGI_ROUTE(NGI_GET, \"/pid\", pid),\n"
    "                                    { 0 } };\n"
    "NGI_PLUGIN_FULL(.name = \"g\", .version = \"1.0\", .routes = routes, .options = options)\n";

static void prepare_plugins(void)
{
    prepare();
    (void)mkdir(scratch_path(&scratch, "made"), 0755);
    scratch_compile(&scratch, "made/one.so", text_of_plugin, "-DANSWER=\"one\"");
    scratch_compile(&scratch, "made/two.so", text_of_plugin, "-DANSWER=\"two\"");
    copy_over("one", "g");
}

/* Has the plugin end its worker, the `nth` in all, which is replaced. */
static void lose_worker(const char *path, unsigned nth)
{
    ck_assert_int_ne(GET(path)->error, 0);
    await_count("; another takes its place", nth);
}

/* The plugin into quarantine, by what every build tells. */
static void convict(void)
{
    lose_worker("/g/exit", 1);
}

static json_t *read_status(void)
{
    json_error_t error;
    json_t *whole = json_loads(status_json(), 0, &error);
    ck_assert_msg(whole, "%s", error.text);
    return whole;
}

/* Why plugin g is in quarantine, in the newest generation; "": it is not. Until the next call. */
static const char *quarantine(void)
{
    static char why[512];
    json_t *whole = read_status();
    json_t *generation = json_array_get(json_object_get(whole, "generations"), 0);
    json_t *list = json_object_get(generation, "quarantine"), *entry = json_array_get(list, 0);
    ck_assert(json_is_array(list));
    ck_assert_uint_le(json_array_size(list), 1);
    why[0] = '\0';
    if (entry) {
        ck_assert_str_eq(json_string_value(json_object_get(entry, "plugin")), "g");
        ck_assert_str_eq(json_string_value(json_object_get(entry, "file")), scratch_path(&scratch, "plugins/g.so"));
        snprintf(why, sizeof why, "%s", json_string_value(json_object_get(entry, "why")));
    }
    json_decref(whole);
    return why;
}

#define EXPECT_QUARANTINE() EXPECT_HAS(quarantine(), "it has ended its worker by exit() (in route \"/exit\", request ")
#define EXPECT_FREE() ck_assert_str_eq(quarantine(), "")

/* How many events have `text`. */
static unsigned events_with(const char *text)
{
    unsigned count = 0;
    size_t i;
    json_t *whole = read_status(), *event;
    json_array_foreach(json_object_get(whole, "events"), i, event)
    {
        count += strstr(json_string_value(json_object_get(event, "text")), text) != NULL;
    }
    json_decref(whole);
    return count;
}

/* What follows `before` in the log, up to the next of these characters. */
static const char *word_after(const char *before, const char *ends)
{
    static char word[200];
    const char *at = strstr(gateway_log(&gateway), before);
    ck_assert_msg(at, "\"%s\" is not in the log", before);
    at += strlen(before);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(at, ends), at);
    return word;
}

/* Whether the plugin's calls run in the worker itself; there is one. */
static bool runs_in_worker(void)
{
    const struct reply *reply = GET("/g/pid");
    EXPECT_STATUS(reply, 200);
    return atoi(reply->body) == gateway_worker(&gateway);
}

/* What has brought down a worker costs no more than its call now. */
static void expect_harmless(const char *path)
{
    const struct reply *reply = GET(path);
    EXPECT_STATUS(reply, 502);
    EXPECT_HAS(reply->body, "\nIncident ");
    EXPECT(GET("/g/"), 200, "one");
}

/* --- the verdict ---------------------------------------------------------------------------------------------- */

START_TEST(a_crash_is_named_and_its_plugin_is_in_quarantine)
{
    char incident[64], build[100], text[400];
    if (SANITIZED)
        return;
    prepare_plugins();
    SERVE_GENERATIONS();
    EXPECT_FREE();
    lose_worker("/g/crash", 1);
    snprintf(incident, sizeof incident, "%s", word_after(", incident ", ",\n"));
    snprintf(build, sizeof build, "%s", word_after("build-id ", ",\n"));
    snprintf(text, sizeof text,
             ": plugin g 1.0 (build-id %s) crashed: SIGSEGV (bad memory access) at address 0x0, in handler of route "
             "\"/crash\", request %s",
             build, incident);
    ck_assert_uint_eq(events_with(text), 1);
    snprintf(text, sizeof text, "it has crashed its worker (SIGSEGV in route \"/crash\", request %s)", incident);
    ck_assert_str_eq(quarantine(), text);
    ck_assert_uint_eq(events_with(text), 1);
    EXPECT_HAS(status_text(), "\n  in quarantine: plugin g of ");
    EXPECT_HAS(status_text(), text);
    snprintf(text, sizeof text,
             "error: plugin g: in quarantine from now on: its auto routes run in host processes: it has crashed its "
             "worker (SIGSEGV in route \"/crash\", request %s); a new build of it, run = thread in its block, or "
             "postern reload --release g ends that\n",
             incident);
    EXPECT_HAS(gateway_log(&gateway), text);
    EXPECT(GET("/g/"), 200, "one");
    finish();
}
END_TEST

START_TEST(exit_is_no_better)
{
    prepare_plugins();
    SERVE_GENERATIONS();
    convict();
    EXPECT_QUARANTINE();
    ck_assert_uint_eq(events_with(") called exit(), in handler of route \"/exit\", request "), 1);
    EXPECT(GET("/g/"), 200, "one");
    ck_assert(!runs_in_worker());
    pid_t worker = gateway_worker(&gateway);
    for (int i = 0; i < 3; i++)
        expect_harmless("/g/exit");
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "; another takes its place"), 1);
    finish();
}
END_TEST

START_TEST(the_other_workers_are_replaced_too)
{
    enum { WORKERS = 3 };
    pid_t before[WORKERS + 1], after[WORKERS + 1];
    int processes[WORKERS];
    prepare_plugins();
    SERVE_GENERATIONS("--set", "processes=3");
    ck_assert_uint_eq(workers(before, WORKERS), WORKERS);
    for (int i = 0; i < WORKERS; i++)
        processes[i] = open_process(before[i]);
    convict();
    for (int i = 0; i < WORKERS; i++)
        await_exit(processes[i]);
    await_count(" gives way to another, which runs no plugin in quarantine itself", WORKERS - 1);
    (void)status_text(); /* the last end has been dealt with when it answers */
    ck_assert_uint_eq(workers(after, WORKERS + 1), WORKERS);
    ck_assert_uint_eq(count_of(status_text(), " serves, for "), 1 + WORKERS);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "; another takes its place"), 1);
    EXPECT(GET("/g/"), 200, "one");
    for (int i = 0; i < 2 * WORKERS; i++) /* as chance has it, by more than one of them */
        expect_harmless("/g/exit");
    ck_assert_uint_eq(workers(before, WORKERS + 1), WORKERS);
    ck_assert_mem_eq(before, after, sizeof *before * WORKERS);
    finish();
}
END_TEST

/* --- what is no reason ---------------------------------------------------------------------------------------- */

START_TEST(a_plugin_that_the_operator_has_pinned_stays)
{
    prepare_plugins();
    SERVE_GENERATIONS("--set", "run=thread");
    convict();
    ck_assert_uint_eq(events_with(") called exit(), in handler of route "), 1);
    EXPECT_FREE();
    ck_assert(runs_in_worker());
    finish();
}
END_TEST

START_TEST(a_new_generation_that_crashes_fails_and_that_is_all)
{
    prepare_plugins();
    make_flavour("exiting", "-DANSWER=\"exiting\" -DEXITS");
    SERVE_GENERATIONS();
    copy_over("exiting", "g");
    reload(1, "nothing has changed");
    EXPECT_FREE();
    ck_assert_uint_eq(events_with("called exit(), in init"), 1);
    ck_assert_uint_eq(events_with("in quarantine"), 0);
    copy_over("one", "g");
    reload(0, "generation 3 serves\n");
    EXPECT_FREE();
    finish();
}
END_TEST

START_TEST(a_child_that_the_plugin_has_forked_is_not_the_worker)
{
    if (SANITIZED)
        return;
    prepare_plugins();
    SERVE_GENERATIONS();
    EXPECT(GET("/g/fork"), 200, "crashed");
    EXPECT_HAS(gateway_log(&gateway), "postern: crashed: SIGSEGV ");
    EXPECT_FREE();
    ck_assert_uint_eq(events_with(""), 0);
    finish();
}
END_TEST

START_TEST(without_a_culprit_there_is_an_event_only)
{
    if (SANITIZED)
        return;
    prepare_plugins();
    SERVE_GENERATIONS();
    ck_assert_int_eq(kill(gateway_worker(&gateway), SIGSEGV), 0);
    await_count("; another takes its place", 1);
    ck_assert_uint_eq(events_with(": crashed: SIGSEGV (bad memory access), outside every call of a plugin"), 1);
    EXPECT_FREE();
    finish();
}
END_TEST

/* --- how long it lasts ---------------------------------------------------------------------------------------- */

START_TEST(a_reload_keeps_it_and_a_new_build_ends_it)
{
    prepare_plugins();
    SERVE_GENERATIONS();
    convict();
    move_over("one", "g"); /* another file with the same bytes is no new build */
    reload(0, "generation 2 serves\n");
    gateway_wait_log(&gateway, "plugin g: still in quarantine: it has ended its worker by exit() ");
    EXPECT_QUARANTINE();
    ck_assert(!runs_in_worker());
    expect_harmless("/g/exit");
    move_over("two", "g");
    reload(0, "generation 3 serves\n");
    gateway_wait_log(&gateway, "plugin g: out of quarantine: there is another build of it\n");
    ck_assert_uint_eq(events_with("plugin g: out of quarantine: there is another build of it"), 1);
    EXPECT_FREE();
    EXPECT(GET("/g/"), 200, "two");
    ck_assert(runs_in_worker());
    move_over("one", "g");
    reload(0, "generation 4 serves\n");
    EXPECT_FREE();
    finish();
}
END_TEST

START_TEST(a_new_build_that_does_not_come_up_does_not_end_it)
{
    prepare_plugins();
    make_flavour("refusing", "-DANSWER=\"refusing\" -DREFUSES");
    SERVE_GENERATIONS();
    convict();
    copy_over("refusing", "g");
    reload(1, "the database is gone");
    copy_over("one", "g");
    reload(0, "generation 3 serves\n");
    EXPECT_QUARANTINE();
    finish();
}
END_TEST

/* With its options in the settings, a plugin cannot just be taken away: it moves. */
START_TEST(a_directory_that_moves_does_not_end_it_and_a_file_that_is_gone_does)
{
    char text[400];
    prepare_plugins();
    scratch_copy_as(&scratch, "examples/hello.so", "plugins/hello.so");
    snprintf(text, sizeof text, "control = \"%s\"\nplugins = \"%s/plugins\"\n", control_path(), scratch.path);
    scratch_write(&scratch, "conf", text);
    gateway_start(&gateway, LIST("serve", "-c", scratch_path(&scratch, "conf")));
    convict();
    ck_assert_int_eq(rename(scratch_path(&scratch, "plugins"), scratch_path(&scratch, "moved")), 0);
    snprintf(text, sizeof text, "control = \"%s\"\nplugins = \"%s/moved\"\n", control_path(), scratch.path);
    scratch_write(&scratch, "conf", text);
    reload(0, "generation 2 serves\n");
    gateway_wait_log(&gateway, "plugin g: still in quarantine: ");
    EXPECT_HAS(status_text(), "\n  in quarantine: plugin g of ");
    ck_assert_int_eq(unlink(scratch_path(&scratch, "moved/g.so")), 0);
    reload(0, "generation 3 serves\n");
    gateway_wait_log(&gateway, "plugin g: out of quarantine: its file is gone\n");
    EXPECT_FREE();
    finish();
}
END_TEST

static void release_plugin(const char *name, int status, const char *text)
{
    struct command_result result;
    COMMAND(&result, "postern", "reload", "--control", control_path(), "--release", name);
    EXPECT_HAS(status == 0 ? result.out : result.err, text);
    ck_assert_int_eq(result.status, status);
    command_free(&result);
}

START_TEST(the_operator_can_end_it)
{
    prepare_plugins();
    SERVE_GENERATIONS();
    convict();
    release_plugin("nobody", 1,
                   "nothing has changed: no plugin nobody is in quarantine: postern status tells which are; the "
                   "gateway's log tells more\n");
    release_plugin("two words", 1, "--release two words: no plugin has such a name\n");
    EXPECT_QUARANTINE();
    ck_assert(!runs_in_worker());
    release_plugin("g", 0, "generation 2 serves\n");
    gateway_wait_log(&gateway, "plugin g: out of quarantine: the operator has released it\n");
    EXPECT_FREE();
    ck_assert(runs_in_worker());
    reload(0, "generation 3 serves\n");
    EXPECT_FREE();
    lose_worker("/g/exit", 2); /* he has let it go, and it has done it again */
    EXPECT_QUARANTINE();
    release_plugin("g", 0, "generation 4 serves\n");
    EXPECT_FREE();
    finish();
}
END_TEST

START_TEST(a_release_that_does_not_come_up_changes_nothing)
{
    prepare_plugins();
    scratch_compile(&scratch, "made/other.so",
                    "#include <ngi.h>\n"
                    "static int start(const ngi_host *given, const ngi_config *config, void **ret, ngi_error *err)\n"
                    "{ (void)given, (void)config, (void)ret; return ngi_error_set(err, NGI_EIO, \"not today\"); }\n"
                    "static int answer(ngi_request *r) { return ngi_text(r, 200, \"\"); }\n"
                    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", answer), { 0 } };\n"
                    "NGI_PLUGIN_FULL(.name = \"other\", .version = \"1\", .routes = routes, .init = start)\n",
                    "");
    SERVE_GENERATIONS();
    convict();
    copy_over("other", "other");
    release_plugin("g", 1, "not today");
    ck_assert_int_eq(unlink(scratch_path(&scratch, "plugins/other.so")), 0);
    reload(0, "generation 3 serves\n");
    EXPECT_QUARANTINE();
    finish();
}
END_TEST

START_TEST(it_outlives_the_binary)
{
    prepare_plugins();
    SERVE_GENERATIONS();
    convict();
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    await_serving(2);
    await_ended(1);
    EXPECT_QUARANTINE();
    unsigned before = descriptors(gateway.pid, "");
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    await_serving(3);
    await_ended(2);
    EXPECT_QUARANTINE();
    ck_assert_uint_eq(descriptors(gateway.pid, ""), before);
    ck_assert_uint_eq(descriptors(gateway.pid, "/memfd:g.so"), 2);
    ck_assert_uint_eq(descriptors(gateway_worker(&gateway), "/memfd:g.so"), 1);
    release_plugin("g", 0, "generation 4 serves\n");
    EXPECT_FREE();
    await_ended(3);
    (void)status_text();
    ck_assert_uint_eq(descriptors(gateway.pid, "/memfd:g.so"), 1);
    finish();
}
END_TEST

/* The adopted generation is all that there is; its lost workers are replaced as it says. */
START_TEST(a_generation_that_is_adopted_keeps_it)
{
    prepare_plugins();
    scratch_write(&scratch, "conf", "processes = 1\n");
    SERVE_GENERATIONS("--config", scratch_path(&scratch, "conf"));
    convict();
    scratch_write(&scratch, "conf", "processes = many\n");
    ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
    gateway_wait_log(&gateway, "nothing has changed: generation 1 serves on");
    EXPECT_QUARANTINE();
    finish();
}
END_TEST

Suite *quarantine_suite(void)
{
    Suite *suite = suite_create("quarantine");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, a_crash_is_named_and_its_plugin_is_in_quarantine);
    tcase_add_test(own, exit_is_no_better);
    tcase_add_test(own, the_other_workers_are_replaced_too);
    tcase_add_test(own, a_plugin_that_the_operator_has_pinned_stays);
    tcase_add_test(own, a_new_generation_that_crashes_fails_and_that_is_all);
    tcase_add_test(own, a_child_that_the_plugin_has_forked_is_not_the_worker);
    tcase_add_test(own, without_a_culprit_there_is_an_event_only);
    tcase_add_test(own, a_reload_keeps_it_and_a_new_build_ends_it);
    tcase_add_test(own, a_new_build_that_does_not_come_up_does_not_end_it);
    tcase_add_test(own, a_directory_that_moves_does_not_end_it_and_a_file_that_is_gone_does);
    tcase_add_test(own, the_operator_can_end_it);
    tcase_add_test(own, a_release_that_does_not_come_up_changes_nothing);
    tcase_add_test(own, it_outlives_the_binary);
    tcase_add_test(own, a_generation_that_is_adopted_keeps_it);
    return suite;
}
