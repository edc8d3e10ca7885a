#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/settings.h"
#include "conf/settings_table.h"
#include "sdk/ngi.h"
#include "tests/unit/suites.h"

static char directory[] = "/tmp/postern-settings-XXXXXX";
static int home = -1;
static struct report report;
static struct settings *settings;

/* Each test runs in a directory of its own, so that a file's messages begin with its bare name. */
static void set_up(void)
{
    strcpy(directory + sizeof directory - 7, "XXXXXX");
    home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ck_assert(home >= 0 && mkdtemp(directory) && chdir(directory) == 0);
    settings = NULL;
}

static void tear_down(void)
{
    static const char *const files[] = { "a.conf", "b.conf", "sub/c.conf", "sub/d.conf" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    rmdir("sub");
    ck_assert(fchdir(home) == 0 && close(home) == 0 && rmdir(directory) == 0);
    settings_free(settings);
    settings = NULL;
    report_free(&report);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static int load(const char *text)
{
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    write_file("a.conf", text);
    return settings_load("a.conf", NULL, 0, &settings, &report);
}

static void load_well(const char *text)
{
    int rc = load(text);
    report_log(&report);
    ck_assert_int_eq(rc, NGI_OK);
    ck_assert_uint_eq(report.count, 0);
}

/* The report has exactly these lines; NULL-terminated. */
static void assert_report(const char *line, ...)
{
    va_list ap;
    size_t i = 0;
    va_start(ap, line);
    for (; line; line = va_arg(ap, const char *), i++) {
        ck_assert_msg(i < report.count, "missing: %s", line);
        ck_assert_str_eq(report.lines[i], line);
    }
    va_end(ap);
    ck_assert_msg(i == report.count, "too many lines: %s", i < report.count ? report.lines[i] : "");
}

#define REFUSED(text, ...) \
    do { \
        ck_assert_int_eq(load(text), NGI_EINVAL); \
        ck_assert_ptr_null(settings); \
        assert_report(__VA_ARGS__, (char *)NULL); \
    } while (0)

static int override(const char *first, ...)
{
    const char *list[8];
    size_t n = 0;
    va_list ap;
    settings_free(settings);
    settings = NULL;
    report_free(&report);
    va_start(ap, first);
    for (; first; first = va_arg(ap, const char *))
        list[n++] = first;
    va_end(ap);
    return settings_load(access("a.conf", F_OK) == 0 ? "a.conf" : NULL, list, n, &settings, &report);
}

#define OVERRIDE(...) override(__VA_ARGS__, (char *)NULL)

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

/* ---------------------------------------------------------------------------------------------------------------- */

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

START_TEST(mistakes_of_each_type)
{
    REFUSED("spool = \"\"", "a.conf:1: spool: \"\" is empty; right is a directory");
    REFUSED("\nthreads = many",
            "a.conf:2: threads: \"many\" is not a whole number; right is a whole number from 0 to 256");
    REFUSED("threads = 257", "a.conf:1: threads: \"257\" is too large; right is a whole number from 0 to 256");
    REFUSED("backlog = 0", "a.conf:1: backlog: \"0\" is too small; right is a whole number from 1 to 65535");
    REFUSED("threads = -1", "a.conf:1: threads: \"-1\" is too small; right is a whole number from 0 to 256");
    REFUSED("grace = 1s", "a.conf:1: grace: \"1s\" is not a number; right is a number from 0 to 3600");
    REFUSED("grace = 3600.5", "a.conf:1: grace: \"3600.5\" is too large; right is a number from 0 to 3600");
    REFUSED("debug = maybe", "a.conf:1: debug: \"maybe\" is neither on nor off; right is on or off");
    REFUSED("max_body = 10MB", "a.conf:1: max_body: \"10MB\" is not a size; "
                               "right is bytes, or a size such as 64K, 10M or 1G, from 0 to 1024G");
    REFUSED("connection_memory = \"2M\"", "a.conf:1: connection_memory: \"2M\" is too large; "
                                          "right is bytes, or a size such as 64K, 10M or 1G, from 8K to 1M");
    REFUSED("log_level = loud", "a.conf:1: log_level: \"loud\" is unknown; right is error, warning, info or debug");
}
END_TEST

START_TEST(what_this_release_does_not_offer)
{
    REFUSED("watch = on", "a.conf:1: watch: \"on\" is refused: this release does not watch files; right is off");
    REFUSED("processes = 4",
            "a.conf:1: processes: \"4\" is too large: this release serves from one process; right is 1");
    REFUSED("plugin a {\n run = process }",
            "a.conf:2: plugin.a.run: \"process\" is refused: this release runs calls on the pool only; "
            "right is auto or pool");
    REFUSED("plugin a { route \"/slow\" { run = thread, timeout = 60.0 } }",
            "a.conf:1: plugin.a.route \"/slow\": run: \"thread\" is refused: this release runs calls on the pool only; "
            "right is auto or pool",
            "a.conf:1: plugin.a.route \"/slow\": timeout: is not a setting of a route block; there are run, max_body");
}
END_TEST

START_TEST(bad_addresses)
{
    static const char *const cases[][2] = {
        { "", "is empty" },
        { "8080", "has no port" },
        { "localhost:80", "has no IPv4 address before its port" },
        { ":80", "has no IPv4 address before its port" },
        { "::1:80", "has no IPv4 address before its port" },
        { "1.2.3.4:65536", "has a port that is no number from 0 to 65535" },
        { "1.2.3.4:", "has a port that is no number from 0 to 65535" },
        { "1.2.3.4:000080", "has a port that is no number from 0 to 65535" },
        { "[::1]", "has no port" },
        { "[::g]:80", "has no IPv6 address in its brackets" },
        { "unix:", "has no path" },
    };
    char text[256], line[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "listen = {\"127.0.0.1:1\",\n\"%s\"}", cases[i][0]);
        snprintf(line, sizeof line,
                 "a.conf:2: listen: \"%s\" %s; right is \"ADDR:PORT\", \"[ADDR6]:PORT\" or \"unix:PATH\"",
                 cases[i][0], cases[i][1]);
        REFUSED(text, line);
    }
    REFUSED("listen = {\n}", "a.conf:2: listen: the list is empty; right is at least one value");
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

START_TEST(mounts)
{
    static const char *const cases[][2] = {
        { "thumb", "does not begin with /" }, { "", "does not begin with /" }, { "/a/", "ends with /" },
        { "/a?b", "holds ?, # or %" },        { "/a//b", "holds //" },         { "//a", "holds //" },
        { "/a/../b", "holds a segment . or .." }, { "/.", "holds a segment . or .." },
        { "/a b", "holds a space or a control character" },
    };
    char text[256], line[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "plugin p { mount = \"%s\" }", cases[i][0]);
        snprintf(line, sizeof line,
                 "a.conf:1: plugin.p.mount: \"%s\" %s; right is a path such as /thumb, or / for the root",
                 cases[i][0], cases[i][1]);
        REFUSED(text, line);
    }
    load_well("plugin p { mount = /a/b.c/...d }");
    ck_assert_str_eq(settings->plugin[0].mount, "/a/b.c/...d");
}
END_TEST

START_TEST(unknown_keys)
{
    REFUSED("lisen = {1}", "a.conf:1: lisen: is not a setting of the gateway; did you mean listen?");
    REFUSED("plugn foo { }", "a.conf:1: plugn: is not a setting of the gateway; did you mean plugin?");
    REFUSED("# x\nthread = 1\nmax_bdy = 2\nplugin p {\n\n rum = pool\n backlog = 1 }",
            "a.conf:2: thread: is not a setting of the gateway; did you mean threads?",
            "a.conf:3: max_bdy: is not a setting of the gateway; did you mean max_body?",
            "a.conf:6: plugin.p.rum: is not a setting of a plugin block; did you mean run?",
            "a.conf:7: plugin.p.backlog: is not a setting of a plugin block; it is one of the gateway: move it there");
    REFUSED("plugin p { colour = red }",
            "a.conf:1: plugin.p.colour: is not a setting of a plugin block; "
            "there are mount, run, max_body, option, route");
}
END_TEST

START_TEST(all_mistakes_at_once)
{
    REFUSED("debug = 2\n\nthreads = x\nplugin \"a b\" { run = slow }\n"
            "plugin c { option { \"k k\" = 1 }\n route \"\" {} }",
            "a.conf:3: threads: \"x\" is not a whole number; right is a whole number from 0 to 256",
            "a.conf:1: debug: \"2\" is neither on nor off; right is on or off",
            "a.conf:4: plugin: the name \"a b\" holds other characters; right are letters, digits, - _ and .",
            "a.conf:4: plugin.a b.run: \"slow\" is unknown; right is auto or pool",
            "a.conf:5: plugin.c.option: the name \"k k\" holds other characters; right are letters, digits, - _ and .",
            "a.conf:6: plugin.c.route: the pattern is empty; right is a route of the plugin");
}
END_TEST

START_TEST(duplicated_blocks)
{
    REFUSED("plugin a { }\nthreads = x\n\nplugin a { }",
            "a.conf:4: plugin a: has a block already; right is one block with all its settings",
            "a.conf:2: threads: \"x\" is not a whole number; right is a whole number from 0 to 256");
    REFUSED("plugin a { route \"/x\" { }\nroute \"/x\" { } }",
            "a.conf:2: route /x: has a block already; right is one block with all its settings");
}
END_TEST

START_TEST(syntax)
{
#define RIGHT "; right is KEY = VALUE, or a block NAME { … }"
    REFUSED("plugin p { option { a= 1 b, c = 1 } }", "a.conf:1: syntax: missing equal sign after option 'b'" RIGHT);
    REFUSED("\nthreads 2", "a.conf:2: syntax: missing equal sign after option 'threads'" RIGHT);
    REFUSED("threads = ", "a.conf:1: syntax: premature end of file" RIGHT);
    REFUSED("threads = 1,, debug = on", "a.conf:1: syntax: unexpected token ','" RIGHT);
    REFUSED("threads = , 1", "a.conf:1: syntax: unexpected token ','" RIGHT);
    REFUSED("plugin { }", "a.conf:1: syntax: missing title for section 'plugin'" RIGHT);
    REFUSED("threads += 1", "a.conf:1: syntax: attempt to append to non-list option 'threads'" RIGHT);
    REFUSED("spool = \"\\999\"", "a.conf:1: syntax: bad escape sequence '\\999'" RIGHT);
    REFUSED("\nspool = \"/tmp\nthreads = 1", "a.conf:2: string: is never closed; right is \"…\"");
    REFUSED("spool = \"${HOME\"", "a.conf:1: string: holds a ${ without its }; right is ${NAME}, or \\${ for the text");
    REFUSED("/* a\n", "a.conf:1: comment: is never closed; right is /* … */");
    REFUSED("\nplugin a {\n mount = /x\n", "a.conf:2: {: this block is never closed; right is a } for each {");
    REFUSED("listen = {a,\n", "a.conf:2: {: the list is never closed; right is {\"…\", \"…\"}");
    REFUSED("threads = 1 }", "a.conf:1: }: closes no block; right is a } for each {");
    REFUSED("listen = *:80", "a.conf:1: *: stands outside quotes; right is \"…\" around a text that holds it");
    REFUSED("threads = +5", "a.conf:1: +: stands outside quotes; right is \"…\" around a text that holds it");
    REFUSED("load(\"x\")", "a.conf:1: parenthesis: calls nothing known; right is include(\"FILE\")");
    REFUSED("a{b{c{d{e{f{g{h{i{}}}}}}}}}",
            "a.conf:1: {: blocks nest too deeply; right is plugin NAME { route \"PATTERN\" { … } }");
    load_well("spool = \"/after/all/that\"");
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
    write_file("b.conf", "# b\nthreads = 3\nplugin b { option { x = 1 } }");
    write_file("sub/c.conf", "include('d.conf')\n\ngrace = 5");
    write_file("sub/d.conf", "\nbacklog = 9");
    load_well("threads = 1 include(\"b.conf\"), include(\"sub/c.conf\")\nplugin a { }\n");
    ck_assert_int_eq(settings->threads, 3);
    ck_assert_int_eq(settings->backlog, 9);
    ck_assert_double_eq(settings->grace, 5);
    ck_assert_str_eq(settings_plugin(settings, "a")->where, "a.conf:2");
    ck_assert_str_eq(settings_plugin(settings, "b")->options[0].where, "b.conf:3");
}
END_TEST

START_TEST(mistakes_in_includes)
{
    mkdir("sub", 0700);
    write_file("b.conf", "\n\nthreads = x\n");
    REFUSED("/*\n*/include(\"b.conf\")\ndebug = 7\ninclude(\n\"none.conf\")\ngrace = x",
            "a.conf:4: include: none.conf: cannot be read: No such file or directory; "
            "right is the path of a file that exists",
            "b.conf:3: threads: \"x\" is not a whole number; right is a whole number from 0 to 256",
            "a.conf:6: grace: \"x\" is not a number; right is a number from 0 to 3600",
            "a.conf:3: debug: \"7\" is neither on nor off; right is on or off");
    REFUSED("include(b.conf)", "a.conf:1: include: is malformed; right is include(\"FILE\")");
    write_file("b.conf", "}");
    REFUSED("plugin a {\ninclude(\"b.conf\")", "b.conf:1: }: closes no block; right is a } for each {");
    REFUSED("\ninclude(\"a.conf\")", "a.conf:2: include: a.conf: files are included more than 10 deep; "
                                     "right is a file that does not include itself");
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    ck_assert_int_eq(settings_load("none.conf", NULL, 0, &settings, &report), NGI_ENOENT);
    assert_report("none.conf: cannot be read: No such file or directory; "
                  "right is the path of a file that exists", NULL);
    report_free(&report);
    ck_assert_int_eq(settings_load("/", NULL, 0, &settings, &report), NGI_EINVAL);
    assert_report("/: cannot be read: Is a directory; right is a file", NULL);
    report_free(&report);
    write_file("a.conf", "");
    chmod("a.conf", 0);
    uid_t user = geteuid();
    if (user == 0)
        ck_assert_int_eq(seteuid(65534), 0); /* root may read anything */
    int rc = settings_load("a.conf", NULL, 0, &settings, &report);
    if (user == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(rc, NGI_EINVAL);
    assert_report("a.conf: cannot be read: Permission denied; right is a file that this user may read", NULL);
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
    write_file("a.conf", "threads = 2\nlisten = {\"127.0.0.1:1\", \"127.0.0.1:2\"}\n"
                         "plugin thumb { option { quality = 80 } }");
    ck_assert_int_eq(OVERRIDE("threads=5", "listen=[::1]:3,unix:/x", "plugin.thumb.option.quality=a=b",
                              "plugin.thumb.mount=/", "plugin.v.1.max_body=2K", "plugin.v.1.option.a.b=c"), NGI_OK);
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

START_TEST(mistakes_in_overrides)
{
    ck_assert_int_eq(OVERRIDE("threads", "thread=1", "threads=x", "plugin.a=1", "plugin.a b.run=pool",
                              "plugin.a.rum=pool", "plugin.a.route=x", "plugin.a.option.=x"), NGI_EINVAL);
    assert_report("--set: threads: has no value; right is KEY=VALUE",
                  "--set: thread: is not a setting of the gateway; did you mean threads?",
                  "--set: threads: \"x\" is not a whole number; right is a whole number from 0 to 256",
                  "--set: plugin.a: names no setting; right is plugin.NAME.KEY=VALUE",
                  "--set: plugin: the name \"a b\" holds other characters; right are letters, digits, - _ and .",
                  "--set: plugin.a.rum: is not a setting of a plugin block; did you mean run?",
                  "--set: plugin.a.route: is not a setting of a plugin block; route is no KEY = VALUE",
                  "--set: plugin.a.option: the name \"\" is empty; right are letters, digits, - _ and .", NULL);
    ck_assert_ptr_null(settings);
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
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, defaults_without_a_file);
    tcase_add_test(tests, defaults_of_blocks);
    tcase_add_test(tests, every_setting_of_a_file);
    tcase_add_test(tests, places_of_blocks_and_options);
    tcase_add_test(tests, mistakes_of_each_type);
    tcase_add_test(tests, what_this_release_does_not_offer);
    tcase_add_test(tests, bad_addresses);
    tcase_add_test(tests, lists);
    tcase_add_test(tests, mounts);
    tcase_add_test(tests, unknown_keys);
    tcase_add_test(tests, all_mistakes_at_once);
    tcase_add_test(tests, duplicated_blocks);
    tcase_add_test(tests, syntax);
    tcase_add_test(tests, commas_and_comments);
    tcase_add_test(tests, spellings);
    tcase_add_test(tests, includes);
    tcase_add_test(tests, mistakes_in_includes);
    tcase_add_test(tests, files_that_cannot_be_read);
    tcase_add_test(tests, an_empty_file);
    tcase_add_test(tests, print_and_load_and_print);
    tcase_add_test(tests, overrides);
    tcase_add_test(tests, mistakes_in_overrides);
    tcase_add_test(tests, descriptions_name_every_setting);
    suite_add_tcase(suite, tests);
    return suite;
}
