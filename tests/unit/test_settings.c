#include "conf/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/settings_extract.h"
#include "conf/settings_table.h"
#include "plugin/plugin.h"
#include "tests/unit/facts_fixture.h"
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
    "trusted = {\"10.0.0.0/8\", \"2001:db8::/32\", 192.0.2.7, \"unix:\"}, forwarded = {forwarded, x-forwarded-host}\n"
    "plugins = \"/opt/\\\"p\\\" \\${HOME} \\\\ \\x01\"\n"
    "processes = 1, threads = 256\nrun = thread, executor_threads = 1024, thread_idle = 3600\nqueue = 1000000\n"
    "hosts = 256, spare_hosts = 2, max_requests = 1000000000, max_rss = 1024G, kill_after = 0.5\n"
    "timeout = 86400\nwatch = off\nconnections = 1000000\nconnection_timeout = 1.1\n"
    "connections_per_address = 0\nhead_timeout = 0.25\nbody_timeout = 86400\nsend_timeout = 0\n"
    "connection_memory = 1M\nbacklog = 65535\nmax_body = 1024G\nbody_memory = 1000\nmax_response = 4194304K\n"
    "spool = '/var/spool/x'\ncrash_dir = /var/x, crash_keep = 1000000, crash_body = 1G\n"
    "grace = 0.333333333333\naccess_log = -\naccess_log_format = json\nlog_level = debug\n"
    "debug = yes\n"
    "plugin hosted { run = process, hosts = 1, spare_hosts = 0, max_requests = 0, max_rss = 64M, kill_after = 0 }\n"
    "plugin thumb { mount = /, run = pool, threads = 1, queue = 0, timeout = 0, max_body = 0\n"
    "  stream_body = yes, option { quality = 80, a.b = \"x y\" }\n"
    "  route \"/slow\" { run = auto, threads = 2, queue = 3, timeout = 0.25, max_body = 20M, stream_body = off }\n  "
    "route '~^/a\\d\"$' { } }\n"
    "plugin other { user = 65534, group = \"www-data\", chroot = /srv, filesystem = readonly\n"
    "  writable = {\"/a b\", \"/var/x\"}, network = off, syscalls = restricted, memory_limit = 512M\n"
    "  cpu_limit = 31536000, files_limit = 16, processes_limit = 1, file_size_limit = 0 }\n"
    "plugin open { filesystem = full, network = on, syscalls = all }\n";

START_TEST(defaults_without_a_file)
{
    ck_assert_int_eq(settings_load(NULL, NULL, 0, &settings, &report), NGI_OK);
    ck_assert_uint_eq(settings->listen_count, 1);
    ck_assert_str_eq(settings->listen[0], "127.0.0.1:8080");
    ck_assert_uint_eq(settings->trusted_count, 0);
    ck_assert_uint_eq(settings->forwarded_count, 0);
    ck_assert_uint_eq(settings_forwarded(settings), FORWARDED_ALL);
    ck_assert_str_eq(settings->plugins, setting_find(SECTION_ROOT, "plugins")->standard); /* the build chooses */
    ck_assert_int_eq(settings->processes, 1);
    ck_assert_int_eq(settings->threads, 0);
    ck_assert_int_eq(settings->run, RUN_AUTO);
    ck_assert_int_eq(settings->executor_threads, 16);
    ck_assert_double_eq(settings->thread_idle, 10);
    ck_assert_int_eq(settings->queue, 256);
    ck_assert_double_eq(settings->timeout, 60);
    ck_assert(!settings->watch);
    ck_assert_int_eq(settings->connections, 10000);
    ck_assert_double_eq(settings->connection_timeout, 60);
    ck_assert_int_eq(settings->connections_per_address, 1024);
    ck_assert_double_eq(settings->head_timeout, 10);
    ck_assert_double_eq(settings->body_timeout, 30);
    ck_assert_double_eq(settings->send_timeout, 30);
    ck_assert_int_eq(settings->connection_memory, 16 << 10);
    ck_assert_int_eq(settings->backlog, 1024);
    ck_assert_int_eq(settings->max_body, 10 << 20);
    ck_assert_int_eq(settings->body_memory, 64 << 10);
    ck_assert_int_eq(settings->max_response, 64 << 20);
    ck_assert_str_eq(settings->spool, "/tmp");
    ck_assert_str_eq(settings->crash_dir, "/var/lib/postern/crashes");
    ck_assert_int_eq(settings->crash_keep, 100);
    ck_assert_int_eq(settings->crash_body, 64 << 10);
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
    ck_assert_int_eq(plugin->run, -1);
    ck_assert_int_eq(plugin->threads, -1);
    ck_assert_int_eq(plugin->queue, -1);
    ck_assert_double_eq(plugin->timeout, -1);
    ck_assert_int_eq(plugin->max_body, -1);
    ck_assert_int_eq(plugin->stream_body, -1);
    ck_assert_ptr_null(plugin->user);
    ck_assert_ptr_null(plugin->group);
    ck_assert_ptr_null(plugin->chroot);
    ck_assert_int_eq(plugin->filesystem, -1);
    ck_assert_uint_eq(plugin->writable_count, 0);
    ck_assert_int_eq(plugin->network, -1);
    ck_assert_int_eq(plugin->syscalls, -1);
    ck_assert_int_eq(plugin->memory_limit, -1);
    ck_assert_int_eq(plugin->cpu_limit, -1);
    ck_assert_int_eq(plugin->files_limit, -1);
    ck_assert_int_eq(plugin->processes_limit, -1);
    ck_assert_int_eq(plugin->file_size_limit, -1);
    ck_assert_uint_eq(plugin->option_count, 0);
    ck_assert_uint_eq(plugin->route_count, 1);
    const struct route_settings *route = &plugin->routes[0];
    ck_assert_int_eq(route->run, -1);
    ck_assert_int_eq(route->threads, -1);
    ck_assert_int_eq(route->queue, -1);
    ck_assert_double_eq(route->timeout, -1);
    ck_assert_int_eq(route->max_body, -1);
    ck_assert_int_eq(route->stream_body, -1);
}
END_TEST

START_TEST(every_setting_of_a_file)
{
    load_well(everything);
    ck_assert_uint_eq(settings->listen_count, 3);
    ck_assert_str_eq(settings->listen[2], "unix:/run/a b.sock");
    ck_assert_uint_eq(settings->trusted_count, 4);
    ck_assert_str_eq(settings->trusted[2], "192.0.2.7");
    ck_assert_uint_eq(settings_forwarded(settings), FORWARDED_STANDARD | FORWARDED_X_HOST);
    ck_assert_str_eq(settings->plugins, "/opt/\"p\" ${HOME} \\ \x01");
    ck_assert_int_eq(settings->threads, 256);
    ck_assert_int_eq(settings->run, RUN_THREAD);
    ck_assert_int_eq(settings->executor_threads, 1024);
    ck_assert_double_eq(settings->thread_idle, 3600);
    ck_assert_int_eq(settings->queue, 1000000);
    ck_assert_double_eq(settings->timeout, 86400);
    ck_assert_double_eq(settings->connection_timeout, 1.1);
    ck_assert_int_eq(settings->connections_per_address, 0);
    ck_assert_double_eq(settings->head_timeout, 0.25);
    ck_assert_double_eq(settings->body_timeout, 86400);
    ck_assert_double_eq(settings->send_timeout, 0);
    ck_assert_int_eq(settings->max_body, INT64_C(1) << 40);
    ck_assert_int_eq(settings->body_memory, 1000);
    ck_assert_int_eq(settings->max_response, INT64_C(1) << 32);
    ck_assert_str_eq(settings->crash_dir, "/var/x");
    ck_assert_int_eq(settings->crash_keep, 1000000);
    ck_assert_int_eq(settings->crash_body, 1 << 30);
    ck_assert_str_eq(settings->access_log, "-");
    ck_assert_int_eq(settings->access_log_format, ACCESS_JSON);
    ck_assert_int_eq(settings->log_level, NGI_LOG_DEBUG);
    ck_assert(settings->debug);
    const struct plugin_settings *plugin = settings_plugin(settings, "thumb");
    ck_assert_str_eq(plugin->mount, "");
    ck_assert_int_eq(plugin->run, RUN_POOL);
    ck_assert_int_eq(plugin->threads, 1);
    ck_assert_int_eq(plugin->queue, 0);
    ck_assert_double_eq(plugin->timeout, 0);
    ck_assert_int_eq(plugin->max_body, 0);
    ck_assert_int_eq(plugin->stream_body, 1);
    ck_assert_str_eq(plugin->options[0].name, "quality");
    ck_assert_str_eq(plugin->options[0].value, "80");
    ck_assert_str_eq(plugin->options[1].value, "x y");
    ck_assert_int_eq(plugin->routes[0].run, RUN_AUTO);
    ck_assert_int_eq(plugin->routes[0].threads, 2);
    ck_assert_int_eq(plugin->routes[0].queue, 3);
    ck_assert_double_eq(plugin->routes[0].timeout, 0.25);
    ck_assert_int_eq(plugin->routes[0].max_body, 20 << 20);
    ck_assert_int_eq(plugin->routes[0].stream_body, 0);
    ck_assert_str_eq(plugin->routes[1].pattern, "~^/a\\d\"$");
    plugin = settings_plugin(settings, "other");
    ck_assert_str_eq(plugin->user, "65534");
    ck_assert_str_eq(plugin->group, "www-data");
    ck_assert_str_eq(plugin->chroot, "/srv");
    ck_assert_int_eq(plugin->filesystem, FILESYSTEM_READONLY);
    ck_assert_uint_eq(plugin->writable_count, 2);
    ck_assert_str_eq(plugin->writable[0], "/a b");
    ck_assert_int_eq(plugin->network, 0);
    ck_assert_int_eq(plugin->syscalls, SYSCALLS_RESTRICTED);
    ck_assert_int_eq(plugin->memory_limit, 512 << 20);
    ck_assert_int_eq(plugin->cpu_limit, 31536000);
    ck_assert_int_eq(plugin->files_limit, 16);
    ck_assert_int_eq(plugin->processes_limit, 1);
    ck_assert_int_eq(plugin->file_size_limit, 0);
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
    load_well("plugin p { stream_body = TRUE, run = 'thread' }");
    ck_assert_int_eq(settings->plugin[0].stream_body, 1);
    ck_assert_int_eq(settings->plugin[0].run, RUN_THREAD);
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
    load_well("spool = ${POSTERN_TEST_SPOOL:-/by/default}\nplugin p { option { password = \"${POSTERN_TEST_SPOOL:-}\" "
              "} }");
    ck_assert_str_eq(settings->spool, "/by/default");
    ck_assert_str_eq(settings->plugin[0].options[0].value, "");
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
    ck_assert_str_eq(settings->crash_dir, "/var/lib/postern/crashes");
    ck_assert_int_eq(settings->crash_keep, 100);
    ck_assert_int_eq(settings->crash_body, 64 << 10);
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

START_TEST(what_is_inherited_is_printed_as_a_comment)
{
    load_well("plugin p { queue = 0, route \"/r\" { stream_body = off } }");
    char *text = print();
    ck_assert_str_eq(strstr(text, "\nplugin p {"), "\nplugin p {\n"
                                                   "    # mount: /NAME\n"
                                                   "    # run: the gateway's\n"
                                                   "    # threads: the gateway's executor_threads\n"
                                                   "    queue = 0\n"
                                                   "    # timeout: the gateway's\n"
                                                   "    # max_body: the gateway's\n"
                                                   "    # stream_body: as its flags say (NGI_STREAM_BODY)\n"
                                                   "    # hosts: the gateway's\n"
                                                   "    # spare_hosts: the gateway's\n"
                                                   "    # max_requests: the gateway's\n"
                                                   "    # max_rss: the gateway's\n"
                                                   "    # kill_after: the gateway's\n"
                                                   "    # user: the gateway's\n"
                                                   "    # group: the user's\n"
                                                   "    # chroot: none\n"
                                                   "    # filesystem: full\n"
                                                   "    # writable: none\n"
                                                   "    # network: on\n"
                                                   "    # syscalls: all\n"
                                                   "    # memory_limit: the gateway's\n"
                                                   "    # cpu_limit: the gateway's\n"
                                                   "    # files_limit: the gateway's\n"
                                                   "    # processes_limit: the gateway's\n"
                                                   "    # file_size_limit: the gateway's\n"
                                                   "    route \"/r\" {\n"
                                                   "        # run: the plugin's\n"
                                                   "        # threads: the plugin's\n"
                                                   "        # queue: the plugin's\n"
                                                   "        # timeout: the plugin's\n"
                                                   "        # max_body: the plugin's\n"
                                                   "        stream_body = off\n"
                                                   "    }\n}\n");
    free(text);
}
END_TEST

START_TEST(what_is_inherited_can_be_told_from_every_value)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *setting = &settings_table[i];
        ck_assert_msg(!setting->standard != !setting->inherited, "%s: has a default or inherits it", setting->key);
        ck_assert_msg(!setting->hosts || setting->inherited, "%s: settings_check_hosts could not tell", setting->key);
        if (setting->inherited) {
            ck_assert_int_ge(setting->min, 0);
            ck_assert(setting->section != SECTION_ROOT || setting->type == SETTING_LIST); /* then: none */
            ck_assert(setting->type != SETTING_BOOL);
        }
    }
}
END_TEST

START_TEST(overrides)
{
    write_conf("a.conf", "threads = 2\nlisten = {\"127.0.0.1:1\", \"127.0.0.1:2\"}\n"
                         "plugin thumb { option { quality = 80 } }");
    ck_assert_int_eq(OVERRIDE("threads=5", "listen=[::1]:3,unix:/x", "plugin.thumb.option.quality=a=b",
                              "plugin.thumb.mount=/", "plugin.v.1.max_body=2K", "plugin.v.1.option.a.b=c", "run=pool",
                              "plugin.v.1.timeout=0.5"),
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
    ck_assert_int_eq(settings->run, RUN_POOL);
    ck_assert_double_eq(plugin->timeout, 0.5);
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

/* What a route gets in the end: its own block, its plugin's, the gateway's, in this order. */
static const char routes_plugin[] =
    "#include <ngi.h>\n"
    "static int hello(ngi_request *r) { return ngi_text(r, 200, \"hello\"); }\n"
    "static const ngi_route rows[] = { NGI_ROUTE(NGI_GET, \"/waits\", hello, NGI_MAY_BLOCK),\n"
    "    NGI_ROUTE(NGI_GET, \"/quick\", hello, NGI_NEVER_BLOCKS),\n"
    "    NGI_ROUTE(NGI_PUT, \"/upload\", hello, NGI_STREAM_BODY), { 0 } };\n"
    "NGI_PLUGIN_FULL(.name = \"p\", .version = \"1\", .routes = rows)\n";
enum { WAITS, QUICK, UPLOAD };

static struct plugin *plugin;

static void build_routes_plugin(void)
{
    build(routes_plugin, "");
}

static void free_plugin(void)
{
    plugin_free(plugin);
    plugin = NULL;
}

/* The plugin under this configuration. */
static void load_plugin(const char *conf)
{
    struct plugin_file file;
    char path[128];
    snprintf(path, sizeof path, "%s/x.so", facts_dir);
    free_plugin();
    load_well(conf);
    ck_assert(plugin_file_take(&file, path));
    plugin = plugin_load(&file, NULL, settings, &report);
    plugin_file_release(&file); /* it is linked */
    report_log(&report);
    ck_assert_ptr_nonnull(plugin);
    ck_assert_uint_eq(plugin->route_count, 3);
}

static void assert_route(unsigned index, int run, unsigned threads, unsigned queue, int64_t timeout_us,
                         uint64_t max_body, bool stream_body)
{
    const struct plugin_route *route = &plugin->routes[index];
    ck_assert_uint_eq(route->index, index);
    ck_assert_int_eq(route->run, run);
    ck_assert_uint_eq(route->threads, threads);
    ck_assert_uint_eq(route->queue, queue);
    ck_assert_int_eq(route->timeout_us, timeout_us);
    ck_assert_uint_eq(route->max_body, max_body);
    ck_assert_int_eq(route->stream_body, stream_body);
    ck_assert_ptr_null(route->lane);
}

START_TEST(a_route_inherits_from_the_gateway)
{
    load_plugin("");
    assert_route(WAITS, RUN_AUTO, 16, 256, 60000000, 10 << 20, false);
    assert_route(QUICK, RUN_AUTO, 16, 256, 60000000, 10 << 20, false);
    assert_route(UPLOAD, RUN_AUTO, 16, 256, 60000000, 10 << 20, true);
    load_plugin("run = pool, executor_threads = 3, queue = 4, timeout = 1.1, max_body = 5\nplugin p { }");
    assert_route(WAITS, RUN_POOL, 3, 4, 1100000, 5, false);
    assert_route(UPLOAD, RUN_POOL, 3, 4, 1100000, 5, true);
}
END_TEST

START_TEST(a_route_inherits_from_its_plugin)
{
    load_plugin("run = pool, executor_threads = 3, queue = 4, timeout = 5, max_body = 6\n"
                "plugin p { run = thread, threads = 7, queue = 8, timeout = 9, max_body = 10, stream_body = on\n"
                "  route \"/quick\" { } }");
    assert_route(WAITS, RUN_THREAD, 7, 8, 9000000, 10, true);
    assert_route(QUICK, RUN_THREAD, 7, 8, 9000000, 10, true);
}
END_TEST

START_TEST(what_a_route_sets_is_its_own)
{
    load_plugin("run = pool, executor_threads = 3, queue = 4, timeout = 5, max_body = 6\n"
                "plugin p { run = thread, threads = 7, queue = 8, timeout = 9, max_body = 10, stream_body = on\n"
                "  route \"/waits\" { run = pool, threads = 1, queue = 2, timeout = 3, max_body = 4 }\n"
                "  route \"/quick\" { run = auto, queue = 0, timeout = 0, max_body = 0, stream_body = off } }");
    assert_route(WAITS, RUN_POOL, 1, 2, 3000000, 4, true);
    assert_route(QUICK, RUN_AUTO, 7, 0, 0, 0, false);
    assert_route(UPLOAD, RUN_THREAD, 7, 8, 9000000, 10, true);
}
END_TEST

START_TEST(what_the_operator_says_counts_before_the_flags)
{
    load_plugin("plugin p { route \"/waits\" { run = pool } route \"/quick\" { run = thread }\n"
                "  route \"/upload\" { stream_body = off } }");
    ck_assert_int_eq(plugin->routes[WAITS].run, RUN_POOL);
    ck_assert_int_eq(plugin->routes[QUICK].run, RUN_THREAD);
    ck_assert(!plugin->routes[UPLOAD].stream_body);
    ck_assert_uint_eq(plugin->routes[UPLOAD].flags, NGI_STREAM_BODY);
}
END_TEST

START_TEST(no_timeout_is_rounded_to_none)
{
    load_plugin("timeout = 0.0000001\nplugin p { route \"/quick\" { timeout = 0 } route \"/waits\" { timeout = 2.3 } "
                "}");
    ck_assert_int_eq(plugin->routes[UPLOAD].timeout_us, 1);
    ck_assert_int_eq(plugin->routes[QUICK].timeout_us, 0);
    ck_assert_int_eq(plugin->routes[WAITS].timeout_us, 2300000);
}
END_TEST

START_TEST(an_extract_has_one_block_and_says_where_it_was_made)
{
    struct settings *extract = NULL;
    ck_assert_int_eq(load("queue = 7\nplugin other {\n option { password = hush }\n}\nplugin thumb {\n user = x\n"
                          " option {\n  quality = 80\n  a.b = \"x \\n# y\"\n }\n route \"/slow\" {\n }\n}\n"),
                     NGI_OK);
    int fd = settings_extract(settings, "thumb");
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(settings_read_extract(fd, &extract, &report), NGI_OK);
    ck_assert_int_eq(extract->queue, 7);
    ck_assert_uint_eq(extract->plugin_count, 1);
    const struct plugin_settings *was = &settings->plugin[1], *is = &extract->plugin[0];
    ck_assert_str_eq(is->name, "thumb");
    ck_assert_str_eq(is->user, "x");
    ck_assert_str_eq(is->where, was->where);
    ck_assert_uint_eq(is->option_count, 2);
    ck_assert_str_eq(is->options[1].value, was->options[1].value);
    ck_assert_str_eq(is->options[1].where, was->options[1].where);
    ck_assert_str_eq(is->routes[0].where, was->routes[0].where);
    settings_free(extract);
    close(fd);
    fd = settings_extract(settings, NULL); /* all of them */
    ck_assert_int_eq(settings_read_extract(fd, &extract, &report), NGI_OK);
    ck_assert_uint_eq(extract->plugin_count, 2);
    ck_assert_str_eq(extract->plugin[0].options[0].where, settings->plugin[0].options[0].where);
    ck_assert_str_eq(extract->plugin[1].routes[0].where, was->routes[0].where);
    settings_free(extract);
    close(fd);
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
    tcase_add_test(tests, what_is_inherited_is_printed_as_a_comment);
    tcase_add_test(tests, what_is_inherited_can_be_told_from_every_value);
    tcase_add_test(tests, overrides);
    tcase_add_test(tests, descriptions_name_every_setting);
    tcase_add_test(tests, an_extract_has_one_block_and_says_where_it_was_made);
    suite_add_tcase(suite, tests);

    tests = facts_case(suite, "settings_of_routes", 60);
    tcase_add_checked_fixture(tests, build_routes_plugin, NULL);
    tcase_add_checked_fixture(tests, settings_set_up, settings_tear_down);
    tcase_add_checked_fixture(tests, NULL, free_plugin);
    tcase_add_test(tests, a_route_inherits_from_the_gateway);
    tcase_add_test(tests, a_route_inherits_from_its_plugin);
    tcase_add_test(tests, what_a_route_sets_is_its_own);
    tcase_add_test(tests, what_the_operator_says_counts_before_the_flags);
    tcase_add_test(tests, no_timeout_is_rounded_to_none);
    return suite;
}
