/* The nursery, a program of its own: what stands here for zygotes, hosts and the reactor makes no process, and keeps a
 * journal of what it is asked. */
#include "proc/nursery.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/description.h"
#include "proc/zygote.h"
#include "run/hosts.h"
#include "run/reactor.h"
#include "tests/unit/facts_fixture.h"

static char journal[4096];
static const char *crashes, *init_fails; /* the file of the zygote that does; NULL: none */
static struct hosts_limits limits;       /* of the last hosts_new */
static bool busy;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
    size_t used = strlen(journal);
    va_list ap;
    va_start(ap, fmt);
    used += (size_t)vsnprintf(journal + used, sizeof journal - used, fmt, ap);
    va_end(ap);
    ck_assert_uint_lt(used + 2, sizeof journal);
    strcpy(journal + used, "\n");
}

/* --- zygotes that are none ----------------------------------------------------------------------------------- */

struct zygote {
    const struct zygote_brief *brief;
    char name[64];
};

static const char *base_name(const struct zygote *zygote)
{
    return strrchr(zygote->brief->file->path, '/') + 1;
}

struct zygote *zygote_new(const struct zygote_brief *brief, struct report *report)
{
    struct zygote *zygote = calloc(1, sizeof *zygote);
    (void)report;
    ck_assert_ptr_nonnull(zygote);
    zygote->brief = brief;
    note("new %s for %s", base_name(zygote), brief->name ? brief->name : "?");
    return zygote;
}

/* What the zygotes of the files tell. */
static const ngi_route here_rows[] = { { NGI_GET, "/", NULL, 0 }, { 0 } };
static const ngi_route mixed_rows[] = { { NGI_GET, "/", NULL, 0 }, { NGI_GET, "/x", NULL, NGI_ISOLATE }, { 0 } };
static const struct {
    const char *file, *name;
    const ngi_route *rows;
} told[] = { { "a.so", "a", here_rows },
             { "b.so", "b", here_rows },
             { "mixed.so", "mixed", mixed_rows },
             { "plain.so", "plain", here_rows } };

bool zygote_await_loaded(struct zygote *zygote, struct description *ret, struct report *report)
{
    note("loaded %s", base_name(zygote));
    if (crashes && strcmp(crashes, base_name(zygote)) == 0) {
        report_add(report, "%s: crashed", base_name(zygote));
        return false;
    }
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        if (strcmp(told[i].file, base_name(zygote)) != 0)
            continue;
        *ret = (struct description){ .name = strdup(told[i].name), .routes = calloc(4, sizeof *ret->routes) };
        for (; told[i].rows[ret->route_count].methods; ret->route_count++) {
            ret->routes[ret->route_count] = told[i].rows[ret->route_count];
            ret->routes[ret->route_count].pattern = strdup(told[i].rows[ret->route_count].pattern);
        }
        return true;
    }
    ck_abort_msg("%s was not to have a zygote", base_name(zygote));
}

void description_free(struct description *description)
{
    for (size_t i = 0; i < description->route_count; i++)
        free((char *)description->routes[i].pattern);
    free(description->routes);
    free(description->name);
    *description = (struct description){ 0 };
}

void zygote_begin_init(struct zygote *zygote)
{
    note("init %s", base_name(zygote));
}

bool zygote_await_init(struct zygote *zygote, struct report *report)
{
    note("initialised %s", base_name(zygote));
    if (!init_fails || strcmp(init_fails, base_name(zygote)) != 0)
        return true;
    report_add(report, "%s: init failed", base_name(zygote));
    return false;
}

int zygote_serve(struct zygote *zygote, struct hosts *hosts, ngi_error *err)
{
    (void)err;
    ck_assert_ptr_nonnull(hosts);
    note("serve %s", base_name(zygote));
    return NGI_OK;
}

const struct hosts_source zygote_source = { NULL };

void zygote_free(struct zygote *zygote, int grace_ms)
{
    if (!zygote)
        return;
    ck_assert_int_eq(grace_ms, 30000);
    note("end %s", base_name(zygote));
    free(zygote);
}

/* --- hosts that are none ------------------------------------------------------------------------------------- */

struct hosts {
    char plugin[64];
};

struct hosts *hosts_new(const struct hosts_limits *of, const struct hosts_source *source, void *arg)
{
    struct hosts *hosts = calloc(1, sizeof *hosts);
    ck_assert(hosts && source == &zygote_source && arg);
    snprintf(hosts->plugin, sizeof hosts->plugin, "%s", of->plugin);
    limits = *of;
    limits.plugin = NULL;
    return hosts;
}

void hosts_start(struct hosts *hosts)
{
    note("start hosts of %s", hosts->plugin);
}

void hosts_begin_stop(struct hosts *hosts)
{
    note("begin to stop hosts of %s", hosts->plugin);
}

void hosts_stop(struct hosts *hosts)
{
    note("stop hosts of %s", hosts->plugin);
}

void hosts_free(struct hosts *hosts)
{
    note("free hosts of %s", hosts->plugin);
    free(hosts);
}

bool hosts_are_idle(struct hosts *hosts)
{
    (void)hosts;
    return !busy;
}

int reactor_start(ngi_error *err)
{
    (void)err;
    note("reactor");
    return NGI_OK;
}

void reactor_stop(void)
{
    note("no reactor");
}

/* --- a bundle ------------------------------------------------------------------------------------------------ */

static struct settings *settings;
static struct bundle bundle;
static struct registry *registry;
static struct nursery *nursery;
static struct report report;

static void set_up(void)
{
    journal[0] = '\0';
    crashes = init_fails = NULL;
    busy = false;
}

static void end(void)
{
    nursery_free(nursery);
    nursery = NULL;
}

static void tear_down(void)
{
    end();
    registry_free(registry);
    registry = NULL;
    bundle_free(&bundle);
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    report = (struct report){ 0 };
}

static void add(const char *name)
{
    char path[128];
    ck_assert(shell("mv x.so %s", name));
    snprintf(path, sizeof path, "%s/%s", facts_dir, name);
    ck_assert(bundle_add(&bundle, path, &report));
}

/* A plugin that its macro describes. */
static void given(const char *name, const char *rows)
{
    char source[1024], file[64];
    snprintf(source, sizeof source,
             "#include <ngi.h>\nstatic int hello(ngi_request *r) { (void)r; return 200; }\n"
             "NGI_PLUGIN(\"%s\", \"1\", %s)\n",
             name, rows);
    build(source, "");
    snprintf(file, sizeof file, "%s.so", name);
    add(file);
}
#define PLAIN_ROW "NGI_ROUTE(NGI_GET, \"/\", hello)"
#define MIXED_ROWS PLAIN_ROW ", NGI_ROUTE(NGI_GET, \"/x\", hello, NGI_ISOLATE)"

/* One that says nothing without being run. */
static void given_nameless(void)
{
    build("#include <ngi.h>\nstatic int hello(ngi_request *r) { (void)r; return 200; }\n"
          "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/\", hello), { 0 } };\n"
          "static const ngi_plugin self = { .size = sizeof self, .abi = NGI_ABI, .name = \"plain\", .routes = rows };\n"
          "const ngi_plugin *ngi_plugin_v1(const ngi_host *host, ngi_error *err)\n"
          "{ (void)host, (void)err; return &self; }\n",
          "");
    add("plain.so");
}

static bool load_with(const char *const *overrides)
{
    size_t count = 0;
    while (overrides[count])
        count++;
    ck_assert_int_eq(settings_load(NULL, overrides, count, &settings, &report), NGI_OK);
    registry = registry_new();
    nursery = nursery_new(settings);
    return nursery_load(nursery, registry, &bundle, &report);
}
#define LOAD(...) load_with((const char *const[]){ __VA_ARGS__, NULL })

static void serve(void)
{
    nursery_begin_init(nursery);
    ck_assert(registry_start(registry, &report));
    ck_assert(nursery_await_init(nursery, &report));
    ck_assert(nursery_serve(nursery, &report));
    ck_assert_uint_eq(report.count, 0);
}

/* --- tests --------------------------------------------------------------------------------------------------- */

START_TEST(where_nobody_asks_there_is_nothing)
{
    given("a", PLAIN_ROW);
    ck_assert(LOAD("run=auto"));
    serve();
    ck_assert(nursery_is_idle(nursery));
    ck_assert(!registry->plugins[0]->hosted);
    nursery_stop(nursery);
    end();
    ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(all_begin_side_by_side_and_end_in_order)
{
    given("a", PLAIN_ROW);
    given("b", PLAIN_ROW);
    ck_assert(LOAD("run=process"));
    ck_assert_ptr_nonnull(registry->plugins[1]->hosts); /* before its lanes */
    serve();
    nursery_stop(nursery);
    nursery_stop(nursery);
    end();
    ck_assert_ptr_null(registry->plugins[1]->hosts);
    ck_assert_str_eq(journal, "new a.so for a\nnew b.so for b\nloaded a.so\nloaded b.so\n"
                              "init a.so\ninit b.so\ninitialised a.so\ninitialised b.so\n"
                              "reactor\nserve a.so\nstart hosts of a\nserve b.so\nstart hosts of b\n"
                              "begin to stop hosts of a\nbegin to stop hosts of b\n"
                              "stop hosts of a\nstop hosts of b\n"
                              "end b.so\nend a.so\nno reactor\nfree hosts of b\nfree hosts of a\n");
}
END_TEST

START_TEST(what_is_called_keeps_it_from_being_idle)
{
    given("a", PLAIN_ROW);
    ck_assert(LOAD("run=process"));
    serve();
    ck_assert(nursery_is_idle(nursery));
    busy = true;
    ck_assert(!nursery_is_idle(nursery));
    nursery_stop(nursery);
}
END_TEST

START_TEST(a_plugin_may_be_in_both)
{
    given("mixed", MIXED_ROWS);
    ck_assert(LOAD("hosts=1"));
    ck_assert_uint_eq(registry->count, 1);
    ck_assert(!registry->plugins[0]->hosted);
    ck_assert_ptr_nonnull(registry->plugins[0]->hosts);
    ck_assert_ptr_nonnull(registry->plugins[0]->routes[1].spec->handler);
    ck_assert_str_eq(journal, "new mixed.so for mixed\nloaded mixed.so\n");
}
END_TEST

START_TEST(who_has_no_name_and_may_be_meant_is_refused)
{
    given_nameless();
    ck_assert(!LOAD(_i == 0 ? "plugin.plain.run=process" : "run=process"));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "/plain.so: it does not say its name"));
    ck_assert_ptr_nonnull(strstr(report.lines[0], "NGI_PLUGIN"));
    ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(who_has_no_name_and_is_not_meant_is_loaded_here)
{
    given("a", PLAIN_ROW);
    given_nameless();
    ck_assert(LOAD("plugin.a.run=process"));
    ck_assert_uint_eq(registry->count, 2);
    ck_assert(!registry->plugins[1]->hosted);
    ck_assert_ptr_null(registry->plugins[1]->hosts);
    ck_assert_str_eq(journal, "new a.so for a\nloaded a.so\n");
}
END_TEST

START_TEST(quarantine_does_not_move_who_has_no_name)
{
    given_nameless();
    bundle.all[0].quarantine = strdup("it crashed");
    ck_assert(LOAD("run=auto"));
    free(bundle.all[0].quarantine);
    bundle.all[0].quarantine = NULL;
    ck_assert(!registry->plugins[0]->hosted);
    ck_assert_int_eq(registry->plugins[0]->routes[0].run, RUN_AUTO);
}
END_TEST

/* It may have been written for a plugin that calls itself something else now. */
START_TEST(a_block_without_plugin_keeps_all_from_running)
{
    given("a", PLAIN_ROW);
    given("b", PLAIN_ROW);
    ck_assert(!LOAD("plugin.b.run=process", "plugin.confined.run=process"));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "plugin confined: there is no plugin of that name"));
    ck_assert_uint_eq(registry->count, 0);
    ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(a_quarantine_is_enough)
{
    given("a", PLAIN_ROW);
    given("b", PLAIN_ROW);
    bundle.all[1].quarantine = strdup("it crashed");
    ck_assert(LOAD("run=auto"));
    free(bundle.all[1].quarantine);
    bundle.all[1].quarantine = NULL;
    ck_assert(!registry->plugins[0]->hosted);
    ck_assert(registry->plugins[1]->hosted);
    ck_assert_str_eq(journal, "new b.so for b\nloaded b.so\n");
}
END_TEST

START_TEST(the_mistakes_of_all_are_one_report)
{
    given("a", PLAIN_ROW);
    given("b", PLAIN_ROW);
    given("c", "NGI_ROUTE(NGI_GET, \"c\", hello)");
    crashes = "a.so";
    ck_assert(!LOAD("plugin.a.run=process", "plugin.b.run=process"));
    ck_assert_uint_eq(report.count, 2);
    ck_assert_str_eq(report.lines[0], "a.so: crashed");
    ck_assert_ptr_nonnull(strstr(report.lines[1], "/c.so: route \"c\": "));
    ck_assert_ptr_nonnull(strstr(journal, "loaded b.so\n"));
    end();
    ck_assert_ptr_nonnull(strstr(journal, "end b.so\nend a.so\n"));
}
END_TEST

START_TEST(a_file_that_is_no_plugin_is_left_to_the_loader)
{
    build("int no_plugin;\n", "");
    add("a.so");
    ck_assert(!LOAD("run=process"));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "/a.so: no entry symbol ngi_plugin_v1"));
    ck_assert_str_eq(journal, "");
}
END_TEST

START_TEST(a_block_without_plugin_is_named)
{
    given("a", PLAIN_ROW);
    ck_assert(!LOAD("run=process", "plugin.gone.threads=1"));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_ptr_nonnull(strstr(report.lines[0], "there is no plugin of that name"));
}
END_TEST

START_TEST(an_init_that_fails_ends_it)
{
    given("a", PLAIN_ROW);
    given("b", PLAIN_ROW);
    init_fails = "a.so";
    ck_assert(LOAD("run=process"));
    nursery_begin_init(nursery);
    ck_assert(!nursery_await_init(nursery, &report));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_str_eq(report.lines[0], "a.so: init failed");
    ck_assert_ptr_nonnull(strstr(journal, "initialised b.so\n"));
    nursery_stop(nursery);
    end();
    ck_assert_ptr_null(strstr(journal, "reactor"));
    ck_assert_ptr_null(strstr(journal, "stop"));
}
END_TEST

START_TEST(limits_come_from_the_block_then_from_the_gateway)
{
    given("a", "NGI_ROUTE(NGI_GET, \"/\", hello), NGI_ROUTE(NGI_GET, \"/x\", hello)");
    ck_assert(LOAD("run=process", "hosts=3", "spare_hosts=2", "queue=7", "max_requests=10", "max_rss=1M",
                   "kill_after=0.5", "plugin.a.hosts=5", "plugin.a.max_rss=2M"));
    ck_assert_uint_eq(limits.most, 5);
    ck_assert_uint_eq(limits.spare, 2);
    ck_assert_uint_eq(limits.queue, 7);
    ck_assert_uint_eq(limits.max_requests, 10);
    ck_assert_uint_eq(limits.max_rss, 2 << 20);
    ck_assert_int_eq(limits.kill_after_us, 500000);
    ck_assert_int_eq(limits.grace_us, 30000000);
}
END_TEST

int main(void)
{
    SRunner *runner = srunner_create(NULL);
    Suite *suite = suite_create("nursery");
    TCase *tests = facts_case(suite, "nursery", 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, where_nobody_asks_there_is_nothing);
    tcase_add_test(tests, all_begin_side_by_side_and_end_in_order);
    tcase_add_test(tests, what_is_called_keeps_it_from_being_idle);
    tcase_add_test(tests, a_plugin_may_be_in_both);
    tcase_add_loop_test(tests, who_has_no_name_and_may_be_meant_is_refused, 0, 2);
    tcase_add_test(tests, quarantine_does_not_move_who_has_no_name);
    tcase_add_test(tests, a_block_without_plugin_keeps_all_from_running);
    tcase_add_test(tests, who_has_no_name_and_is_not_meant_is_loaded_here);
    tcase_add_test(tests, a_quarantine_is_enough);
    tcase_add_test(tests, the_mistakes_of_all_are_one_report);
    tcase_add_test(tests, a_file_that_is_no_plugin_is_left_to_the_loader);
    tcase_add_test(tests, a_block_without_plugin_is_named);
    tcase_add_test(tests, an_init_that_fails_ends_it);
    tcase_add_test(tests, limits_come_from_the_block_then_from_the_gateway);
    srunner_add_suite(runner, suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
