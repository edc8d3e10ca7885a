/* Plugins that are loaded from what another process has told of them, and where the calls of plugins run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "plugin/description.h"
#include "plugin/registry.h"
#include "plugin/rung.h"
#include "tests/unit/facts_fixture.h"
#include "tests/unit/suites.h"

static struct settings *settings;
static struct report report;
static struct plugin_file file;
static struct plugin *plugin;

static void set_up(void)
{
    file = (struct plugin_file){ .copy = -1 };
}

static void tear_down(void)
{
    plugin_free(plugin);
    plugin = NULL;
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    report = (struct report){ 0 };
    plugin_file_release(&file);
}

static void given_settings(const char *const *overrides)
{
    size_t count = 0;
    while (overrides[count])
        count++;
    settings_free(settings);
    settings = NULL;
    ck_assert_int_eq(settings_load(NULL, overrides, count, &settings, &report), NGI_OK);
}
#define SETTINGS(...) given_settings((const char *const[]){ __VA_ARGS__, NULL })

static void given_file(const char *source)
{
    char path[128];
    build(source, "");
    snprintf(path, sizeof path, "%s/x.so", facts_dir);
    ck_assert(plugin_file_take(&file, path));
    ck_assert_msg(file.copy >= 0, "%s", file.why.text);
}

/* A description that is gone by the time it has been loaded; rows are ended by { 0 }. */
static void load(const char *name, uint32_t flags, const ngi_route *rows)
{
    struct description description = { .name = strdup(name), .version = strdup("3"), .flags = flags };
    while (rows[description.route_count].methods)
        description.route_count++;
    description.routes = calloc(description.route_count + 1, sizeof *rows);
    for (size_t i = 0; i < description.route_count; i++) {
        description.routes[i] = rows[i];
        description.routes[i].pattern = strdup(rows[i].pattern);
    }
    plugin = plugin_load_described(&file, &description, NULL, settings, &report);
    for (size_t i = 0; i < description.route_count; i++) {
        memset((char *)description.routes[i].pattern, 'z', strlen(description.routes[i].pattern));
        free((char *)description.routes[i].pattern);
    }
    memset(description.routes, 0xff, description.route_count * sizeof *rows);
    free(description.routes);
    memset(description.name, 'z', strlen(description.name));
    free(description.name);
    free(description.version);
}

static void assert_refused(const char *words)
{
    char line[512];
    snprintf(line, sizeof line, "%s/x.so: %s", facts_dir, words);
    ck_assert_ptr_null(plugin);
    ck_assert_uint_eq(report.count, 1);
    ck_assert_str_eq(report.lines[0], line);
}

static const ngi_route one_row[] = { { NGI_GET, "/", NULL, 0 }, { 0 } };
static const ngi_route two_rows[] = { { NGI_GET, "/", NULL, 0 },
                                      { NGI_POST | NGI_DELETE, "/items/{id}", NULL, NGI_MAY_BLOCK | NGI_SERIAL },
                                      { 0 } };

/* --- plugins */

START_TEST(what_is_told_becomes_a_plugin)
{
    given_file(small_plugin);
    SETTINGS("run=process", "plugin.small.mount=/here", "plugin.small.timeout=5", "plugin.small.hosts=7",
             "plugin.small.option.anything=1");
    load("small", NGI_MAY_BLOCK, two_rows);
    ck_assert_uint_eq(report.count, 0);
    ck_assert_ptr_nonnull(plugin);
    ck_assert(plugin->hosted);
    ck_assert_str_eq(plugin->name, "small");
    ck_assert_str_eq(plugin->module->self.version, "3");
    ck_assert_str_eq(plugin->mount, "/here");
    ck_assert_uint_eq(plugin->hosts_most, 7);
    ck_assert_uint_eq(plugin->route_count, 2);
    ck_assert_str_eq(plugin->routes[1].spec->pattern, "/items/{id}");
    ck_assert_ptr_null(plugin->routes[1].spec->handler);
    ck_assert_uint_eq(plugin->routes[1].flags, NGI_MAY_BLOCK | NGI_SERIAL);
    ck_assert_int_eq(plugin->routes[1].timeout_us, 5000000);
    ck_assert_int_eq(plugin->routes[1].run, RUN_PROCESS);
    ck_assert_str_eq(plugin->routes[1].why, "as configured");
    ck_assert_ptr_nonnull(plugin->module->facts->build_id);
    ck_assert(plugin_wants_hosts(plugin));
    ck_assert(plugin_is_hosts_only(plugin));
}
END_TEST

START_TEST(init_and_fini_are_not_its_to_run_here)
{
    given_file(small_plugin);
    SETTINGS("run=process");
    load("small", 0, one_row);
    ck_assert(plugin_start(plugin, &report));
    ck_assert(!plugin->initialised);
    plugin_stop(plugin);
}
END_TEST

START_TEST(it_is_mounted_among_others)
{
    struct registry *registry = registry_new();
    given_file(small_plugin);
    SETTINGS("run=process");
    load("small", 0, one_row);
    ck_assert(registry_take(registry, plugin, &report));
    ck_assert_ptr_eq(registry_find(registry, "/small/x", 8), plugin);
    load("small", 0, one_row);
    ck_assert(!registry_take(registry, plugin, &report));
    plugin = NULL;
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "/x.so: duplicate name: "));
    ck_assert_uint_eq(registry->count, 1);
    registry_free(registry);
}
END_TEST

START_TEST(a_name_that_is_told_wrongly_is_refused)
{
    given_file(small_plugin);
    SETTINGS("run=process");
    load("..", 0, one_row);
    assert_refused("\"..\" is no name for a plugin: 1 to 64 letters, digits, '-', '_', '.', not beginning with '.'");
}
END_TEST

START_TEST(code_in_a_sandbox_cannot_leave_it_under_another_name)
{
    given_file(small_plugin);
    SETTINGS("plugin.small.run=process", "plugin.small.network=off");
    load("other", 0, one_row); /* has no block: it would run in the gateway */
    assert_refused("its metadata says \"small\", its code \"other\": a plugin that runs in host processes needs one "
                   "name, by which its block is found before its code runs: build it with NGI_PLUGIN(…)");
}
END_TEST

START_TEST(no_routes_are_refused_as_ever)
{
    static const ngi_route none[] = { { 0 } };
    given_file(small_plugin);
    SETTINGS("run=process");
    load("small", 0, none);
    assert_refused("it has no routes: give it one, NGI_ROUTE(NGI_GET, \"/\", handler)");
}
END_TEST

START_TEST(a_bad_pattern_is_refused_as_ever)
{
    static const ngi_route bad[] = { { NGI_GET, "x", NULL, 0 }, { 0 } };
    given_file(small_plugin);
    SETTINGS("run=process");
    load("small", 0, bad);
    ck_assert_ptr_null(plugin);
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "x.so: route \"x\": "));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_refused)
{
    SETTINGS("run=process");
    ck_assert(plugin_file_take(&file, "/nowhere/x.so"));
    load("small", 0, one_row);
    ck_assert_ptr_null(plugin);
    ck_assert_str_eq(report.lines[0], "/nowhere/x.so: cannot be opened: No such file or directory");
}
END_TEST

START_TEST(some_routes_may_run_here)
{
    given_file(small_plugin);
    SETTINGS("run=pool");
    load("small", 0, two_rows);
    ck_assert(!plugin_wants_hosts(plugin));
    ck_assert(!plugin_is_hosts_only(plugin));
    plugin_free(plugin);
    plugin_file_release(&file);
    /* As the metadata says, too. */
    given_file(full_plugin);
    SETTINGS("plugin.full.option.file=x");
    static const ngi_route rows[] = { { NGI_GET, "/", NULL, 0 }, { NGI_GET, "/danger", NULL, NGI_ISOLATE }, { 0 } };
    load("full", 0, rows);
    ck_assert_uint_eq(report.count, 0);
    ck_assert(plugin_wants_hosts(plugin));
    ck_assert(!plugin_is_hosts_only(plugin));
    ck_assert_str_eq(plugin->routes[1].why, "NGI_ISOLATE");
}
END_TEST

START_TEST(a_quarantine_is_kept_with_the_plugin)
{
    given_file(small_plugin);
    SETTINGS("plugin.small.threads=1");
    file.quarantine = strdup("it crashed 3 times");
    load("small", 0, one_row);
    free(file.quarantine);
    file.quarantine = NULL;
    ck_assert(plugin_is_hosts_only(plugin));
    ck_assert_str_eq(plugin->routes[0].why, "it crashed 3 times");
}
END_TEST

/* --- rungs */

static enum run_mode choose(uint32_t flags, const char *quarantine, const char *why)
{
    const char *said;
    enum run_mode run = rung_choose(settings, settings_plugin(settings, "p"), "/r", flags, quarantine, &said);
    ck_assert_str_eq(said, why);
    return run;
}

START_TEST(auto_goes_by_flags_and_quarantine)
{
    SETTINGS("run=auto");
    ck_assert_int_eq(choose(NGI_MAY_BLOCK, NULL, "auto"), RUN_AUTO);
    ck_assert_int_eq(choose(NGI_ISOLATE, NULL, "NGI_ISOLATE"), RUN_PROCESS);
    ck_assert_int_eq(choose(0, "it crashed", "it crashed"), RUN_PROCESS);
    ck_assert_int_eq(choose(NGI_ISOLATE, "it crashed", "NGI_ISOLATE"), RUN_PROCESS);
}
END_TEST

START_TEST(the_operator_has_the_last_word)
{
    SETTINGS("run=auto", "plugin.p.run=pool");
    ck_assert_int_eq(choose(NGI_ISOLATE, "it crashed", "as configured"), RUN_POOL);
    SETTINGS("run=thread", "plugin.p.run=auto");
    ck_assert_int_eq(choose(NGI_ISOLATE, NULL, "NGI_ISOLATE"), RUN_PROCESS);
    SETTINGS("run=process", "plugin.p.threads=1");
    ck_assert_int_eq(choose(NGI_NEVER_BLOCKS, NULL, "as configured"), RUN_PROCESS);
}
END_TEST

START_TEST(who_runs_plugins_himself_has_no_processes)
{
    SETTINGS("run=process", "plugin.p.run=process");
    settings_run_here(settings);
    ck_assert_int_eq(choose(NGI_ISOLATE, "it crashed", "auto"), RUN_AUTO);
}
END_TEST

START_TEST(a_file_tells_without_being_run)
{
    build(small_plugin, "");
    inspect_good();
    SETTINGS("run=auto");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_NONE);
    ck_assert_int_eq(rung_expect_hosts(settings, facts, "it crashed"), HOSTS_FOR_ALL);
    SETTINGS("plugin.other.run=process");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_NONE);
    SETTINGS("plugin.small.run=process");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_ALL);
    settings_run_here(settings);
    ck_assert_int_eq(rung_expect_hosts(settings, facts, "it crashed"), HOSTS_FOR_NONE);
    build(full_plugin, "");
    inspect_good();
    SETTINGS("run=auto");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_ALL);
    SETTINGS("plugin.full.run=pool");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_NONE);
}
END_TEST

START_TEST(of_one_route_the_file_tells_some)
{
    build("#include <ngi.h>\nstatic int hello(ngi_request *r) { (void)r; return 200; }\n"
          "NGI_PLUGIN(\"mixed\", \"1\", NGI_ROUTE(NGI_GET, \"/\", hello), NGI_ROUTE(NGI_GET, \"/x\", hello, "
          "NGI_ISOLATE))",
          "");
    inspect_good();
    SETTINGS("run=auto");
    ck_assert_int_eq(rung_expect_hosts(settings, facts, NULL), HOSTS_FOR_SOME);
}
END_TEST

START_TEST(a_file_without_a_name_may_be_meant_by_anything)
{
    struct facts nameless = { .has_entry = true };
    SETTINGS("plugin.a.run=pool");
    ck_assert_int_eq(rung_expect_hosts(settings, &nameless, NULL), HOSTS_FOR_NONE);
    ck_assert_int_eq(rung_expect_hosts(settings, &nameless, "it crashed"), HOSTS_FOR_SOME);
    SETTINGS("plugin.a.run=process");
    ck_assert_int_eq(rung_expect_hosts(settings, &nameless, NULL), HOSTS_FOR_SOME);
    SETTINGS("run=process");
    ck_assert_int_eq(rung_expect_hosts(settings, &nameless, NULL), HOSTS_FOR_SOME);
}
END_TEST

Suite *described_suite(void)
{
    Suite *suite = suite_create("described");
    TCase *tests = facts_case(suite, "described", 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_told_becomes_a_plugin);
    tcase_add_test(tests, init_and_fini_are_not_its_to_run_here);
    tcase_add_test(tests, it_is_mounted_among_others);
    tcase_add_test(tests, a_name_that_is_told_wrongly_is_refused);
    tcase_add_test(tests, code_in_a_sandbox_cannot_leave_it_under_another_name);
    tcase_add_test(tests, no_routes_are_refused_as_ever);
    tcase_add_test(tests, a_bad_pattern_is_refused_as_ever);
    tcase_add_test(tests, a_file_that_cannot_be_read_is_refused);
    tcase_add_test(tests, some_routes_may_run_here);
    tcase_add_test(tests, a_quarantine_is_kept_with_the_plugin);
    tcase_add_test(tests, auto_goes_by_flags_and_quarantine);
    tcase_add_test(tests, the_operator_has_the_last_word);
    tcase_add_test(tests, who_runs_plugins_himself_has_no_processes);
    tcase_add_test(tests, a_file_tells_without_being_run);
    tcase_add_test(tests, of_one_route_the_file_tells_some);
    tcase_add_test(tests, a_file_without_a_name_may_be_meant_by_anything);
    return suite;
}
