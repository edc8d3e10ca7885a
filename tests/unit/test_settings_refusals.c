/* What is refused, in its exact words. */
#include "conf/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/settings_fixture.h"
#include "tests/unit/suites.h"

START_TEST(mistakes_of_each_type)
{
    REFUSED("spool = \"\"", "a.conf:1: spool: \"\" is empty; right is a directory");
    REFUSED("\nthreads = many", "a.conf:2: threads: \"many\" is not a whole number; right is a whole number from 0 to "
                                "256");
    REFUSED("threads = 257", "a.conf:1: threads: \"257\" is too large; right is a whole number from 0 to 256");
    REFUSED("backlog = 0", "a.conf:1: backlog: \"0\" is too small; right is a whole number from 1 to 65535");
    REFUSED("processes = 257", "a.conf:1: processes: \"257\" is too large; right is a whole number from 0 to 256");
    REFUSED("threads = -1", "a.conf:1: threads: \"-1\" is too small; right is a whole number from 0 to 256");
    REFUSED("grace = 1s", "a.conf:1: grace: \"1s\" is not a number; right is a number from 0 to 3600");
    REFUSED("grace = 3600.5", "a.conf:1: grace: \"3600.5\" is too large; right is a number from 0 to 3600");
    REFUSED("debug = maybe", "a.conf:1: debug: \"maybe\" is neither on nor off; right is on or off");
    REFUSED("max_body = 10MB", "a.conf:1: max_body: \"10MB\" is not a size; "
                               "right is bytes, or a size such as 64K, 10M or 1G, from 0 to 1024G");
    REFUSED("connection_memory = \"2M\"", "a.conf:1: connection_memory: \"2M\" is too large; "
                                          "right is bytes, or a size such as 64K, 10M or 1G, from 8K to 1M");
    REFUSED("plugin p { stream_body = 2 }", "a.conf:1: plugin.p.stream_body: \"2\" is neither on nor off; right is on "
                                            "or "
                                            "off");
    REFUSED("log_level = loud", "a.conf:1: log_level: \"loud\" is unknown; right is error, warning, info or debug");
}
END_TEST

START_TEST(more_processes_kept_ready_than_there_may_be)
{
    REFUSED("hosts = 2\nspare_hosts = 3", "spare_hosts = 3 is more than hosts = 2: set the one to 2 at most, or the "
                                          "other to 3");
    REFUSED("plugin a {\n hosts = 2, spare_hosts = 3 }", "a.conf:1: plugin.a: spare_hosts = 3 is more than hosts = 2: "
                                                         "set the one to 2 at most, or the other to 3");
    REFUSED("plugin a { spare_hosts = 5 }", "a.conf:1: plugin.a: spare_hosts = 5 is more than hosts = 4 (the "
                                            "gateway's): set the one to 4 at most, or the other to 5");
    REFUSED("spare_hosts = 3\nplugin a { hosts = 2 }\nplugin b { threads = 1 }",
            "a.conf:2: plugin.a: spare_hosts = 3 (the gateway's) is more than hosts = 2: set the one to 2 at most, or "
            "the other to 3");
    load_well("hosts = 2, spare_hosts = 2\nplugin a { hosts = 3, spare_hosts = 3 }\nplugin b { spare_hosts = 0 }");
}
END_TEST

START_TEST(ranges_of_host_processes)
{
    static const struct {
        const char *key, *value, *words;
    } cases[] = {
        { "hosts", "0", "\"0\" is too small; right is a whole number from 1 to 256" },
        { "hosts", "257", "\"257\" is too large; right is a whole number from 1 to 256" },
        { "spare_hosts", "-1", "\"-1\" is too small; right is a whole number from 0 to 256" },
        { "max_requests", "1000000001", "\"1000000001\" is too large; right is a whole number from 0 to 1000000000" },
        { "max_rss", "some",
          "\"some\" is not a size; right is bytes, or a size such as 64K, 10M or 1G, from 0 to "
          "1024G" },
        { "kill_after", "3601", "\"3601\" is too large; right is a number from 0 to 3600" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64], line[256];
        snprintf(text, sizeof text, "%s = %s", cases[i].key, cases[i].value);
        snprintf(line, sizeof line, "a.conf:1: %s: %s", cases[i].key, cases[i].words);
        REFUSED(text, line);
        snprintf(text, sizeof text, "plugin p { %s = %s }", cases[i].key, cases[i].value);
        snprintf(line, sizeof line, "a.conf:1: plugin.p.%s: %s", cases[i].key, cases[i].words);
        REFUSED(text, line);
    }
}
END_TEST

START_TEST(proxies_that_are_none)
{
#define TRUSTED_FORM "; right is \"ADDR\", \"ADDR/BITS\" (IPv4 or IPv6) or \"unix:\""
    REFUSED("trusted = {\"10.0.0.0/8\",\n\"10.1.0.0/8\"}",
            "a.conf:2: trusted: \"10.1.0.0/8\" has bits set behind its prefix: the network is "
            "10.0.0.0/8" TRUSTED_FORM);
    REFUSED("trusted = {\"10.0.0.0/33\", proxy, \"\", \"unix:/x\"}",
            "a.conf:1: trusted: \"10.0.0.0/33\" has a prefix length of more than 32" TRUSTED_FORM,
            "a.conf:1: trusted: \"proxy\" is no address" TRUSTED_FORM, "a.conf:1: trusted: \"\" is empty" TRUSTED_FORM,
            "a.conf:1: trusted: \"unix:/x\" has more behind unix:" TRUSTED_FORM);
    REFUSED("trusted = \"unix:\"\nforwarded = {x-real-ip}",
            "a.conf:2: forwarded: \"x-real-ip\" is unknown; right is x-forwarded-for, x-forwarded-proto, "
            "x-forwarded-host or forwarded");
    REFUSED("forwarded = {x-forwarded-for}", "forwarded: says which fields of trusted proxies count, and trusted names "
                                             "none; right is a trusted beside it, or neither");
    REFUSED("plugin p { trusted = \"unix:\" }", "a.conf:1: plugin.p.trusted: is not a setting of a plugin block; it is "
                                                "one of the gateway: move it there");
}
END_TEST

/* The same range at the gateway, in a plugin's block and in a route's. */
static void assert_range(const char *root_key, const char *key, const char *value, const char *words)
{
    char text[256], line[256];
    snprintf(text, sizeof text, "%s = %s", root_key, value);
    snprintf(line, sizeof line, "a.conf:1: %s: \"%s\" %s", root_key, value, words);
    REFUSED(text, line);
    snprintf(text, sizeof text, "plugin p { %s = %s }", key, value);
    snprintf(line, sizeof line, "a.conf:1: plugin.p.%s: \"%s\" %s", key, value, words);
    REFUSED(text, line);
    snprintf(text, sizeof text, "plugin p { route \"/r\" { %s = %s } }", key, value);
    snprintf(line, sizeof line, "a.conf:1: plugin.p.route \"/r\": %s: \"%s\" %s", key, value, words);
    REFUSED(text, line);
}

START_TEST(ranges_of_executors_and_deadlines)
{
    assert_range("executor_threads", "threads", "0", "is too small; right is a whole number from 1 to 1024");
    assert_range("executor_threads", "threads", "1025", "is too large; right is a whole number from 1 to 1024");
    assert_range("executor_threads", "threads", "-1", "is too small; right is a whole number from 1 to 1024");
    assert_range("queue", "queue", "-1", "is too small; right is a whole number from 0 to 1000000");
    assert_range("queue", "queue", "1000001", "is too large; right is a whole number from 0 to 1000000");
    assert_range("timeout", "timeout", "-0.5", "is too small; right is a number from 0 to 86400");
    assert_range("timeout", "timeout", "-1", "is too small; right is a number from 0 to 86400");
    assert_range("timeout", "timeout", "86400.1", "is too large; right is a number from 0 to 86400");
    assert_range("run", "run", "fast", "is unknown; right is auto, pool, thread or process");
    REFUSED("thread_idle = 0.5", "a.conf:1: thread_idle: \"0.5\" is too small; right is a number from 1 to 3600");
    REFUSED("thread_idle = 3601", "a.conf:1: thread_idle: \"3601\" is too large; right is a number from 1 to 3600");
}
END_TEST

START_TEST(settings_of_host_processes)
{
#define SIZES "; right is bytes, or a size such as 64K, 10M or 1G, from "
    REFUSED("plugin p {\n user = \"\" }", "a.conf:2: plugin.p.user: \"\" is empty; right is a user's name or number");
    REFUSED("plugin p {\n group = \"a:b\" }", "a.conf:2: plugin.p.group: \"a:b\" holds a space, a colon, a comma, a "
                                              "slash or a control character; "
                                              "right is a group's name or number");
    REFUSED("plugin p { chroot = srv }", "a.conf:1: plugin.p.chroot: \"srv\" does not begin with /; "
                                         "right is an absolute path");
    REFUSED("plugin p { writable = {\"/a\",\n\"b\"} }", "a.conf:2: plugin.p.writable: \"b\" does not begin with /; "
                                                        "right is an absolute path");
    REFUSED("plugin p { writable = {\n} }", "a.conf:2: writable: the list is empty; right is at least one value");
    REFUSED("plugin p { filesystem = rw }", "a.conf:1: plugin.p.filesystem: \"rw\" is unknown; right is full or "
                                            "readonly");
    REFUSED("plugin p { network = 0 }", "a.conf:1: plugin.p.network: \"0\" is neither on nor off; right is on or off");
    REFUSED("plugin p { syscalls = some }", "a.conf:1: plugin.p.syscalls: \"some\" is unknown; right is all or "
                                            "restricted");
    REFUSED("plugin p { memory_limit = 31M }", "a.conf:1: plugin.p.memory_limit: \"31M\" is too small" SIZES "32M to "
                                                                                                             "1024G");
    REFUSED("plugin p { cpu_limit = 0 }", "a.conf:1: plugin.p.cpu_limit: \"0\" is too small; "
                                          "right is a whole number from 1 to 31536000");
    REFUSED("plugin p { files_limit = 15 }", "a.conf:1: plugin.p.files_limit: \"15\" is too small; "
                                             "right is a whole number from 16 to 1048576");
    REFUSED("plugin p { processes_limit = x }", "a.conf:1: plugin.p.processes_limit: \"x\" is not a whole number; "
                                                "right is a whole number from 1 to 1000000");
    REFUSED("plugin p { file_size_limit = 2048G }",
            "a.conf:1: plugin.p.file_size_limit: \"2048G\" is too large" SIZES "0 to 1024G");
    REFUSED("user = x", "a.conf:1: user: is not a setting of the gateway; it is one of a plugin block: move it there");
}
END_TEST

START_TEST(settings_of_host_processes_without_a_host_process)
{
    load_well("plugin a { run = pool }\nplugin p { network = on\n writable = {\"/x\"} }");
    ck_assert_str_eq(settings_confines(settings_plugin(settings, "p")), "writable");
    ck_assert(!settings_check_hosts(settings_plugin(settings, "p"), "/r", &report));
#define NOT_HERE                                                                                                       \
    "is for host processes, and route \"/r\" runs in the gateway itself, where nothing would obey it; right is run = " \
    "process for all of the plugin, or a block without it"
    assert_report("a.conf:2: plugin.p.writable: " NOT_HERE, "a.conf:2: plugin.p.network: " NOT_HERE, NULL);
    load_well("plugin a { run = pool, hosts = 2, kill_after = 1, option { network = off } }");
    ck_assert(settings_check_hosts(settings_plugin(settings, "a"), "/r", &report));
    ck_assert_ptr_null(settings_confines(settings_plugin(settings, "a")));
    assert_report(NULL);
}
END_TEST

START_TEST(who_runs_plugins_himself_makes_no_processes)
{
    load_well("run = process\nplugin a { run = process\n route \"/x\" { run = process }\n route \"/y\" { run = pool } }"
              "\nplugin b { run = thread }\nplugin c { }");
    settings_run_here(settings);
    ck_assert(settings->runs_here);
    ck_assert_int_eq(settings->run, RUN_AUTO);
    ck_assert_int_eq(settings->plugin[0].run, RUN_AUTO);
    ck_assert_int_eq(settings->plugin[0].routes[0].run, RUN_AUTO);
    ck_assert_int_eq(settings->plugin[0].routes[1].run, RUN_POOL);
    ck_assert_int_eq(settings->plugin[1].run, RUN_THREAD);
    ck_assert_int_eq(settings->plugin[2].run, -1);
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
                 "a.conf:2: listen: \"%s\" %s; right is \"ADDR:PORT\", \"[ADDR6]:PORT\" or \"unix:PATH\"", cases[i][0],
                 cases[i][1]);
        REFUSED(text, line);
    }
    REFUSED("listen = {\n}", "a.conf:2: listen: the list is empty; right is at least one value");
}
END_TEST

START_TEST(mounts)
{
    static const char *const cases[][2] = {
        { "thumb", "does not begin with /" },
        { "", "does not begin with /" },
        { "/a/", "ends with /" },
        { "/a?b", "holds ?, # or %" },
        { "/a//b", "holds //" },
        { "//a", "holds //" },
        { "/a/../b", "holds a segment . or .." },
        { "/.", "holds a segment . or .." },
        { "/a b", "holds a space or a control character" },
    };
    char text[256], line[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "plugin p { mount = \"%s\" }", cases[i][0]);
        snprintf(line, sizeof line,
                 "a.conf:1: plugin.p.mount: \"%s\" %s; right is a path such as /thumb, or / for the root", cases[i][0],
                 cases[i][1]);
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
    REFUSED("plugin p { colour = red }", "a.conf:1: plugin.p.colour: is not a setting of a plugin block; "
                                         "there are mount, run, threads, queue, timeout, max_body, stream_body, "
                                         "hosts, spare_hosts, max_requests, max_rss, kill_after, user, group, chroot, "
                                         "filesystem, writable, network, syscalls, "
                                         "memory_limit, cpu_limit, files_limit, processes_limit, file_size_limit, "
                                         "option, route");
    REFUSED("execute_threads = 1\nstream_body = on\nplugin p { thread = 1\n time_out = 1\n executor_threads = 1\n"
            "route \"/r\" { stream_bdy = on\n thread_idle = 1\n hosts = 1 } }",
            "a.conf:1: execute_threads: is not a setting of the gateway; did you mean executor_threads?",
            "a.conf:2: stream_body: is not a setting of the gateway; it is one of a plugin block or a route block: move "
            "it there",
            "a.conf:3: plugin.p.thread: is not a setting of a plugin block; did you mean threads?",
            "a.conf:4: plugin.p.time_out: is not a setting of a plugin block; did you mean timeout?",
            "a.conf:5: plugin.p.executor_threads: is not a setting of a plugin block; it is one of the gateway: move "
            "it there",
            "a.conf:6: plugin.p.route \"/r\": stream_bdy: is not a setting of a route block; did you mean stream_body?",
            "a.conf:7: plugin.p.route \"/r\": thread_idle: is not a setting of a route block; it is one of the "
            "gateway: move it there",
            "a.conf:8: plugin.p.route \"/r\": hosts: is not a setting of a route block; it is one of the gateway or a "
            "plugin block: move it there");
}
END_TEST

START_TEST(all_mistakes_at_once)
{
    REFUSED("debug = 2\n\nthreads = x\nplugin \"a b\" { run = slow }\n"
            "plugin c { option { \"k k\" = 1 }\n route \"\" {} }",
            "a.conf:3: threads: \"x\" is not a whole number; right is a whole number from 0 to 256",
            "a.conf:1: debug: \"2\" is neither on nor off; right is on or off",
            "a.conf:4: plugin: the name \"a b\" holds other characters; right are letters, digits, - _ and .",
            "a.conf:4: plugin.a b.run: \"slow\" is unknown; right is auto, pool, thread or process",
            "a.conf:5: plugin.c.option: the name \"k k\" holds other characters; right are letters, digits, - _ and .",
            "a.conf:6: plugin.c.route: the pattern is empty; right is a route of the plugin");
}
END_TEST

START_TEST(duplicated_blocks)
{
    REFUSED("plugin a { }\nthreads = x\n\nplugin a { }",
            "a.conf:4: plugin a: has a block already; right is one block with all its settings",
            "a.conf:2: threads: \"x\" is not a whole number; right is a whole number from 0 to 256");
    REFUSED("plugin a { route \"/x\" { }\nroute \"/x\" { } }", "a.conf:2: route /x: has a block already; right is one "
                                                               "block with all its settings");
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
    REFUSED("a{b{c{d{e{f{g{h{i{}}}}}}}}}", "a.conf:1: {: blocks nest too deeply; right is plugin NAME { route "
                                           "\"PATTERN\" { … } }");
    load_well("spool = \"/after/all/that\"");
}
END_TEST

START_TEST(variables_that_are_not_set)
{
#define SET_FORM(name)                                                                                                 \
    "${" name "}: is not set in the gateway's environment; right is to set it there, or ${" name ":-DEFAULT}"
    REFUSED("plugin p { option {\n password = \"a${POSTERN_NONE}b\"\n user = ${POSTERN_NO:NE} } }",
            "a.conf:2: " SET_FORM("POSTERN_NONE"), "a.conf:3: " SET_FORM("POSTERN_NO:NE"));
    REFUSED("spool = \"${}\"", "a.conf:1: " SET_FORM(""));
    load_well("spool = '${POSTERN_NONE}' access_log = \"\\${POSTERN_NONE}\" # ${POSTERN_NONE}");
}
END_TEST

/* To libconfuse a '|' in a key leads into another block, and an escape may spell it, or what its options of ours are
 * called. */
START_TEST(keys_that_libconfuse_would_take_for_others)
{
#define KEY_FORM "is empty, or holds |, $, \\ or a control character; right is the name of a setting or a block"
    REFUSED("plugin a { option { q = 1 }\n option|q = 2 }", "a.conf:2: option|q: " KEY_FORM);
    REFUSED("plugin a { }\n\"plugin=a|mount\" = /b", "a.conf:2: \"plugin=a|mount\": " KEY_FORM);
    REFUSED("plugin a { \"\\x01opened\" = b }", "a.conf:1: \"\\x01opened\": " KEY_FORM);
    REFUSED("plugin a { \"\001opened\" = b }", "a.conf:1: \"\001opened\": " KEY_FORM);
    REFUSED("\n'plugin=a\\x7cmount' = /b", "a.conf:2: 'plugin=a\\x7cmount': " KEY_FORM);
    REFUSED("${HOME} = 1", "a.conf:1: ${HOME}: " KEY_FORM);
    REFUSED("\n\"\" = 1", "a.conf:2: \"\": " KEY_FORM);
    REFUSED("threads = 1, u|", "a.conf:1: u|: " KEY_FORM);
    load_well("plugin a { option { a.b-c_d = \"|$\\\\\" } route \"~a|b$\" { } \"mount\" = \"/|\" }");
}
END_TEST

START_TEST(mistakes_in_includes)
{
    mkdir("sub", 0700);
    write_conf("b.conf", "\n\nthreads = x\n");
    REFUSED("/*\n*/include(\"b.conf\")\ndebug = 7\ninclude(\n\"none.conf\")\ngrace = x",
            "a.conf:4: include: none.conf: cannot be read: No such file or directory; "
            "right is the path of a file that exists",
            "b.conf:3: threads: \"x\" is not a whole number; right is a whole number from 0 to 256",
            "a.conf:6: grace: \"x\" is not a number; right is a number from 0 to 3600",
            "a.conf:3: debug: \"7\" is neither on nor off; right is on or off");
    REFUSED("include(b.conf)", "a.conf:1: include: is malformed; right is include(\"FILE\")");
    write_conf("b.conf", "}");
    REFUSED("plugin a {\ninclude(\"b.conf\")", "b.conf:1: }: closes no block; right is a } for each {");
    REFUSED("\ninclude(\"a.conf\")", "a.conf:2: include: a.conf: files are included more than 10 deep; "
                                     "right is a file that does not include itself");
    ck_assert_int_eq(mkfifo("pipe", 0600), 0); /* without a writer: who opens it to read waits for one */
    REFUSED("include(\"pipe\")",
            "a.conf:1: include: pipe: cannot be read: it is a pipe; right is a file, which a reload can read again");
    unlink("pipe");
}
END_TEST

START_TEST(files_that_cannot_be_read)
{
    ck_assert_int_eq(settings_load("none.conf", NULL, 0, &settings, &report), NGI_ENOENT);
    assert_report("none.conf: cannot be read: No such file or directory; "
                  "right is the path of a file that exists",
                  NULL);
    report_free(&report);
    ck_assert_int_eq(settings_load("/", NULL, 0, &settings, &report), NGI_EINVAL);
    assert_report("/: cannot be read: Is a directory; right is a file", NULL);
    report_free(&report);
    write_conf("a.conf", "");
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

START_TEST(files_that_are_no_plain_text)
{
    FILE *file = fopen("b.conf", "w");
    ck_assert_ptr_nonnull(file);
    fwrite("threads = 1\0\n", 1, 13, file);
    ck_assert_int_eq(fclose(file), 0);
    REFUSED("include(\"b.conf\")", "a.conf:1: include: b.conf: holds a NUL byte; right is a text file");
    REFUSED("\xef\xbb\xbfthreads = 1", "a.conf: begins with a byte order mark; right is UTF-8 without it");
}
END_TEST

START_TEST(mistakes_in_overrides)
{
    ck_assert_int_eq(OVERRIDE("threads", "thread=1", "threads=x", "plugin.a=1", "plugin.a b.run=pool",
                              "plugin.a.rum=pool", "plugin.a.route=x", "plugin.a.option.=x"),
                     NGI_EINVAL);
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

Suite *settings_refusals_suite(void)
{
    Suite *suite = suite_create("settings_refusals");
    TCase *tests = tcase_create("settings_refusals");
    tcase_add_checked_fixture(tests, settings_set_up, settings_tear_down);
    tcase_add_test(tests, mistakes_of_each_type);
    tcase_add_test(tests, more_processes_kept_ready_than_there_may_be);
    tcase_add_test(tests, ranges_of_host_processes);
    tcase_add_test(tests, who_runs_plugins_himself_makes_no_processes);
    tcase_add_test(tests, ranges_of_executors_and_deadlines);
    tcase_add_test(tests, proxies_that_are_none);
    tcase_add_test(tests, settings_of_host_processes);
    tcase_add_test(tests, settings_of_host_processes_without_a_host_process);
    tcase_add_test(tests, bad_addresses);
    tcase_add_test(tests, mounts);
    tcase_add_test(tests, unknown_keys);
    tcase_add_test(tests, all_mistakes_at_once);
    tcase_add_test(tests, duplicated_blocks);
    tcase_add_test(tests, syntax);
    tcase_add_test(tests, variables_that_are_not_set);
    tcase_add_test(tests, keys_that_libconfuse_would_take_for_others);
    tcase_add_test(tests, mistakes_in_includes);
    tcase_add_test(tests, files_that_cannot_be_read);
    tcase_add_test(tests, files_that_are_no_plain_text);
    tcase_add_test(tests, mistakes_in_overrides);
    suite_add_tcase(suite, tests);
    return suite;
}
