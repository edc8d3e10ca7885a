#include "conf/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/settings_table.h"
#include "tests/unit/settings_fixture.h"
#include "tests/unit/suites.h"

/* What settings_print writes; the caller's. */
static char *print(void)
{
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    ck_assert_int_eq(settings_print(settings, out), NGI_OK);
    fclose(out);
    return text;
}

static const char *const everything =
    "listen = {\"0.0.0.0:0\", \"[::1]:8080\", \"unix:/run/a b.sock\"}\n"
    "plugins = \"/opt/\\\"p\\\" \\${HOME} \\\\ \\x01\"\n"
    "processes = 1, threads = 256\nwatch = off\nconnections = 1000000\nconnection_timeout = 1.1\n"
    "connection_memory = 1M\nbacklog = 65535\nmax_body = 1024G\nbody_memory = 1000\nmax_response = 4194304K\n"
    "spool = '/var/spool/x'\ngrace = 0.333333333333\naccess_log = -\naccess_log_format = json\nlog_level = debug\n"
    "debug = yes\n"
    "plugin thumb { mount = /, run = pool, max_body = 0, option { quality = 80, a.b = \"x y\" }\n"
    "  route \"/slow\" { run = pool, max_body = 20M }\n  route '~^/a\\d\"$' { } }\n"
    "plugin other {}\n";

START_TEST(defaults_without_a_file)
{
    ck_assert_int_eq(settings_load(NULL, NULL, 0, &settings, &report), NGI_OK);
    ck_assert_uint_eq(settings->listen_count, 1);
    ck_assert_str_eq(settings->listen[0], "127.0.0.1:8080");
    ck_assert_str_eq(settings->plugins, setting_find(SECTION_ROOT, "plugins")->standard); /* the build chooses */
    ck_assert_int_eq(settings->processes, 1);
    ck_assert_int_eq(settings->threads, 0);
    ck_assert(!settings->watch);
    ck_assert_int_eq(settings->connections, 10000);
    ck_assert_double_eq(settings->connection_timeout, 60);
    ck_assert_int_eq(settings->connection_memory, 16 << 10);
    ck_assert_int_eq(settings->backlog, 1024);
    ck_assert_int_eq(settings->max_body, 10 << 20);
    ck_assert_int_eq(settings->body_memory, 64 << 10);
    ck_assert_int_eq(settings->max_response, 64 << 20);
    ck_assert_str_eq(settings->spool, "/tmp");
    ck_assert_double_eq(settings->grace, 30);
    ck_assert_str_eq(settings->access_log, "off");
    ck_assert_int_eq(settings->access_log_format, ACCESS_COMBINED);
    ck_assert_int_eq(settings->log_level, NGI_LOG_INFO);
    ck_assert(!settings->debug);
    ck_assert_uint_eq(settings->plugin_count, 0);
    ck_assert_ptr_null(settings_plugin(settings, "thumb"));
    assert_report(NULL);
}
END_TEST

START_TEST(defaults_of_blocks)
{
    load_well("plugin thumb { route \"/slow\" { } }");
    const struct plugin_settings *plugin = settings_plugin(settings, "thumb");
    ck_assert_ptr_null(plugin->mount);
    ck_assert_int_eq(plugin->run, RUN_AUTO);
    ck_assert_int_eq(plugin->max_body, -1);
    ck_assert_uint_eq(plugin->option_count, 0);
    ck_assert_uint_eq(plugin->route_count, 1);
    ck_assert_int_eq(plugin->routes[0].run, RUN_AUTO);
    ck_assert_int_eq(plugin->routes[0].max_body, -1);
}
END_TEST

START_TEST(every_setting_of_a_file)
{
    load_well(everything);
    ck_assert_uint_eq(settings->listen_count, 3);
    ck_assert_str_eq(settings->listen[2], "unix:/run/a b.sock");
    ck_assert_str_eq(settings->plugins, "/opt/\"p\" ${HOME} \\ \x01");
    ck_assert_int_eq(settings->threads, 256);
    ck_assert_double_eq(settings->connection_timeout, 1.1);
    ck_assert_int_eq(settings->max_body, INT64_C(1) << 40);
    ck_assert_int_eq(settings->body_memory, 1000);
    ck_assert_int_eq(settings->max_response, INT64_C(1) << 32);
    ck_assert_str_eq(settings->access_log, "-");
    ck_assert_int_eq(settings->access_log_format, ACCESS_JSON);
    ck_assert_int_eq(settings->log_level, NGI_LOG_DEBUG);
    ck_assert(settings->debug);
    const struct plugin_settings *plugin = settings_plugin(settings, "thumb");
    ck_assert_str_eq(plugin->mount, "");
    ck_assert_int_eq(plugin->run, RUN_POOL);
    ck_assert_int_eq(plugin->max_body, 0);
    ck_assert_str_eq(plugin->options[0].name, "quality");
    ck_assert_str_eq(plugin->options[0].value, "80");
    ck_assert_str_eq(plugin->options[1].value, "x y");
    ck_assert_int_eq(plugin->routes[0].max_body, 20 << 20);
    ck_assert_str_eq(plugin->routes[1].pattern, "~^/a\\d\"$");
}
END_TEST

START_TEST(places_of_blocks_and_options)
{
    load_well("# one\n/* two\n three */\nplugin a {\n # five\n option {\n  x = 1\n\n  y = 2\n }\n"
              " route \"/r\"\n {\n }\n}\n");
    ck_assert_str_eq(settings->plugin[0].where, "a.conf:4");
    ck_assert_str_eq(settings->plugin[0].options[0].where, "a.conf:7");
    ck_assert_str_eq(settings->plugin[0].options[1].where, "a.conf:9");
    ck_assert_str_eq(settings->plugin[0].routes[0].where, "a.conf:12");
}
END_TEST

START_TEST(lists)
{
    load_well("listen = 127.0.0.1:1");
    ck_assert_uint_eq(settings->listen_count, 1);
    ck_assert_str_eq(settings->listen[0], "127.0.0.1:1");
    load_well("listen += {\"127.0.0.1:2\", \"127.0.0.1:3\",}");
    ck_assert_uint_eq(settings->listen_count, 3);
    ck_assert_str_eq(settings->listen[0], "127.0.0.1:8080");
    ck_assert_str_eq(settings->listen[2], "127.0.0.1:3");
    load_well("listen = {127.0.0.1:1, 127.0.0.1:2}\nlisten = {127.0.0.1:3}");
    ck_assert_uint_eq(settings->listen_count, 1);
}
END_TEST

START_TEST(commas_and_comments)
{
    load_well("threads = 1, debug = on,\nplugin a { run = pool, option { x = 1, y = 2, }, mount = /b, }, // end\n"
              "spool = /a//b # c, {\nlisten = {\"1.2.3.4:5\" /* , */, \"[::]:6\"}");
    ck_assert_str_eq(settings->spool, "/a//b");
    ck_assert_str_eq(settings->plugin[0].mount, "/b");
    ck_assert_uint_eq(settings->plugin[0].option_count, 2);
    ck_assert_uint_eq(settings->listen_count, 2);
}
END_TEST

START_TEST(spellings)
{
    static const char *const cases[] = { "on", "true", "yes", "\"on\"", "'yes'", "TRUE" };
    char text[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "debug = %s", cases[i]);
        load_well(text);
        ck_assert(settings->debug);
    }
    load_well("debug = no\nmax_body = 1048576\nbody_memory = \"1048576\"\nlog_level = \"warning\"");
    ck_assert(!settings->debug);
    ck_assert_int_eq(settings->max_body, 1 << 20);
    ck_assert_int_eq(settings->body_memory, 1 << 20);
    ck_assert_int_eq(settings->log_level, NGI_LOG_WARNING);
    setenv("POSTERN_TEST_SPOOL", "/from/environment", 1);
    load_well("spool = ${POSTERN_TEST_SPOOL}\nplugins = \"${POSTERN_TEST_SPOOL}/p\"");
    unsetenv("POSTERN_TEST_SPOOL");
    ck_assert_str_eq(settings->spool, "/from/environment");
    ck_assert_str_eq(settings->plugins, "/from/environment/p");
}
END_TEST

START_TEST(includes)
{
    mkdir("sub", 0700);
    write_conf("b.conf", "# b\nthreads = 3\nplugin b { option { x = 1 } }");
    write_conf("sub/c.conf", "include('d.conf')\n\ngrace = 5");
    write_conf("sub/d.conf", "\nbacklog = 9");
    load_well("threads = 1 include(\"b.conf\"), include(\"sub/c.conf\")\nplugin a { }\n");
    ck_assert_int_eq(settings->threads, 3);
    ck_assert_int_eq(settings->backlog, 9);
    ck_assert_double_eq(settings->grace, 5);
    ck_assert_str_eq(settings_plugin(settings, "a")->where, "a.conf:2");
    ck_assert_str_eq(settings_plugin(settings, "b")->options[0].where, "b.conf:3");
}
END_TEST

START_TEST(an_empty_file)
{
    load_well("");
    load_well("\n# nothing\n");
    ck_assert_str_eq(settings->spool, "/tmp");
}
END_TEST

START_TEST(print_and_load_and_print)
{
    static const char *const cases[] = { "", NULL };
    for (size_t i = 0; i < 2; i++) {
        load_well(cases[i] ? cases[i] : everything);
        char *first = print();
        load_well(first);
        char *second = print();
        ck_assert_str_eq(first, second);
        free(first);
        free(second);
    }
}
END_TEST

START_TEST(overrides)
{
    write_conf("a.conf", "threads = 2\nlisten = {\"127.0.0.1:1\", \"127.0.0.1:2\"}\n"
                         "plugin thumb { option { quality = 80 } }");
    ck_assert_int_eq(OVERRIDE("threads=5", "listen=[::1]:3,unix:/x", "plugin.thumb.option.quality=a=b",
                              "plugin.thumb.mount=/", "plugin.v.1.max_body=2K", "plugin.v.1.option.a.b=c"),
                     NGI_OK);
    ck_assert_int_eq(settings->threads, 5);
    ck_assert_uint_eq(settings->listen_count, 2);
    ck_assert_str_eq(settings->listen[1], "unix:/x");
    const struct plugin_settings *plugin = settings_plugin(settings, "thumb");
    ck_assert_str_eq(plugin->mount, "");
    ck_assert_uint_eq(plugin->option_count, 1);
    ck_assert_str_eq(plugin->options[0].value, "a=b");
    ck_assert_str_eq(plugin->options[0].where, "--set");
    plugin = settings_plugin(settings, "v.1");
    ck_assert_int_eq(plugin->max_body, 2048);
    ck_assert_str_eq(plugin->options[0].name, "a.b");
    ck_assert_str_eq(plugin->where, "--set");
}
END_TEST

START_TEST(descriptions_name_every_setting)
{
    char *text, *mdoc, word[64];
    size_t length;
    FILE *out = open_memstream(&text, &length);
    settings_describe(out);
    fclose(out);
    out = open_memstream(&mdoc, &length);
    settings_describe_mdoc(out);
    fclose(out);
    for (size_t i = 0; i < settings_table_count; i++) {
        snprintf(word, sizeof word, "  %s (", settings_table[i].key);
        ck_assert_ptr_nonnull(strstr(text, word));
        snprintf(word, sizeof word, "Cm %s No = Ar ", settings_table[i].key);
        ck_assert_ptr_nonnull(strstr(mdoc, word));
        ck_assert_ptr_nonnull(strstr(text, settings_table[i].help));
    }
    free(text);
    free(mdoc);
}
END_TEST

Suite *settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *tests = tcase_create("settings");
    tcase_add_checked_fixture(tests, settings_set_up, settings_tear_down);
    tcase_add_test(tests, defaults_without_a_file);
    tcase_add_test(tests, defaults_of_blocks);
    tcase_add_test(tests, every_setting_of_a_file);
    tcase_add_test(tests, places_of_blocks_and_options);
    tcase_add_test(tests, lists);
    tcase_add_test(tests, commas_and_comments);
    tcase_add_test(tests, spellings);
    tcase_add_test(tests, includes);
    tcase_add_test(tests, an_empty_file);
    tcase_add_test(tests, print_and_load_and_print);
    tcase_add_test(tests, overrides);
    tcase_add_test(tests, descriptions_name_every_setting);
    suite_add_tcase(suite, tests);
    return suite;
}
