/* The configuration file and --set, through the binary; the parser's own tests are tests/unit/test_settings.c. */
#include <stdlib.h>
#include <string.h>

#include "tests/refusals/refusal.h"

static const char everything[] =
    "# every key, none at its default\n"
    "listen = {\"127.0.0.1:0\", \"[::1]:8081\", \"unix:/tmp/postern.sock\"}\n"
    "plugins = \"/srv/plug ins\"\n"
    "processes = 1\nthreads = 3\nrun = thread\nexecutor_threads = 4\nthread_idle = 2.5\n"
    "queue = 9\ntimeout = 7.5\nwatch = off\nconnections = 77\nconnection_timeout = 1.5\n"
    "connections_per_address = 7\nhead_timeout = 2.5\nbody_timeout = 3.5\nsend_timeout = 4.5\n"
    "connection_memory = 64K\nbacklog = 5\nmax_body = 1G\nbody_memory = 1000\n"
    "max_response = 1M\nspool = \"/var/tmp\"\ngrace = 0.25\naccess_log = \"-\"\n"
    "access_log_format = json\nlog_level = debug\ndebug = on\n"
    "plugin thumb {\n    mount = \"/t\"\n    run = pool\n    threads = 5\n"
    "    queue = 0\n    timeout = 0\n    max_body = 3M\n    stream_body = on\n"
    "    option {\n        quality = 80\n        title = \"a \\\"b\\\" # c\"\n    }\n"
    "    route \"/slow/{id}\" {\n        run = auto\n        threads = 6\n"
    "        queue = 10\n        timeout = 1e-3\n        max_body = 0\n"
    "        stream_body = off\n    }\n}\n"
    "plugin root { mount = \"/\" }\n";

/* check -T with these arguments; malloc'ed. */
static char *printed(const char *option, const char *value)
{
    struct command_result result;
    RUN(&result, "check", "-T", option, value);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    char *out = strdup(result.out);
    command_free(&result);
    return out;
}

START_TEST(what_t_prints_reads_back_to_itself)
{
    scratch_write(&dir, "all.conf", everything);
    char *once = printed("-c", "DIR/all.conf");
    scratch_write(&dir, "again.conf", once);
    char *twice = printed("-c", "DIR/again.conf");
    ck_assert_str_eq(once, twice);
    ck_assert_ptr_nonnull(strstr(once, "\nplugins = \"/srv/plug ins\"\n"));
    ck_assert_ptr_nonnull(strstr(once, "\n        title = \"a \\\"b\\\" # c\"\n"));
    ck_assert_ptr_nonnull(strstr(once, "\n    route \"/slow/{id}\" {\n        run = auto\n        threads = 6\n"
                                       "        queue = 10\n        timeout = 0.001\n"));
    free(once);
    free(twice);
}
END_TEST

/* The block that an operator would write, with all that this release obeys. */
START_TEST(a_block_for_a_plugin_that_waits)
{
    given("thumb.so", "static const ngi_option_spec options[] = { { \"quality\", NGI_INT, \"75\", 1, 100, \"JPEG's\" "
                      "}, { 0 } };\n"
                      "static const ngi_route rows[] = { NGI_ROUTE(NGI_ANY, \"/\", answer, NGI_MAY_BLOCK),\n"
                      "    NGI_ROUTE(NGI_GET, \"/slow\", answer, NGI_NEVER_BLOCKS), { 0 } };\n"
                      "NGI_PLUGIN_FULL(.name = \"thumb\", .version = \"1\", .routes = rows, .options = options)");
    scratch_write(&dir, "thumb.conf",
                  "plugin thumb {\n    mount   = \"/thumb\"\n    run     = auto\n    threads = 16\n"
                  "    queue   = 256\n    timeout = 10.0\n    max_body = \"10M\"\n"
                  "    option { quality = 80 }\n    route \"/\" { run = pool }\n"
                  "    route \"/slow\" { run = thread, timeout = 60.0 }\n}\n");
    SAYS(0, "1 plugin in DIR: good\n", "", "check", "-c", "DIR/thumb.conf", "--plugins", "DIR");
}
END_TEST

START_TEST(what_a_block_inherits_stays_out_of_what_t_prints)
{
    scratch_write(&dir, "some.conf", "timeout = 5\nplugin a { threads = 2, route \"/x\" { queue = 3 } }\n");
    char *once = printed("-c", "DIR/some.conf");
    ck_assert_str_eq(strstr(once, "\nplugin a {"),
                     "\nplugin a {\n    # mount: /NAME\n    # run: the gateway's\n    threads = 2\n"
                     "    # queue: the gateway's\n    # timeout: the gateway's\n    # max_body: the gateway's\n"
                     "    # stream_body: as its flags say (NGI_STREAM_BODY)\n    # hosts: the gateway's\n"
                     "    # spare_hosts: the gateway's\n    # max_requests: the gateway's\n"
                     "    # max_rss: the gateway's\n    # kill_after: the gateway's\n    # user: the gateway's\n"
                     "    # group: the user's\n    # chroot: none\n    # filesystem: full\n    # writable: none\n"
                     "    # network: on\n    # syscalls: all\n    # memory_limit: the gateway's\n"
                     "    # cpu_limit: the gateway's\n    # files_limit: the gateway's\n"
                     "    # processes_limit: the gateway's\n    # file_size_limit: the gateway's\n"
                     "    route \"/x\" {\n"
                     "        # run: the plugin's\n        # threads: the plugin's\n        queue = 3\n"
                     "        # timeout: the plugin's\n        # max_body: the plugin's\n"
                     "        # stream_body: the plugin's\n    }\n}\n");
    scratch_write(&dir, "again.conf", once);
    char *twice = printed("-c", "DIR/again.conf");
    ck_assert_str_eq(once, twice);
    free(once);
    free(twice);
}
END_TEST

START_TEST(the_defaults_read_back_to_themselves)
{
    char *once = printed("--set", "debug=off");
    scratch_write(&dir, "again.conf", once);
    char *twice = printed("-c", "DIR/again.conf");
    ck_assert_str_eq(once, twice);
    free(once);
    free(twice);
}
END_TEST

START_TEST(set_overrides_the_file)
{
    struct command_result result;
    scratch_write(&dir, "all.conf", everything);
    RUN(&result, "check", "-T", "-c", "DIR/all.conf", "--set", "grace=7", "--set", "plugin.thumb.option.quality=9",
        "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2");
    ck_assert_ptr_nonnull(strstr(result.out, "\ngrace = 7\n"));
    ck_assert_ptr_nonnull(strstr(result.out, "\n        quality = \"9\"\n"));
    ck_assert_int_eq(strncmp(result.out, "listen = {\"127.0.0.1:1\", \"127.0.0.1:2\"}\n", 40), 0);
    command_free(&result);
}
END_TEST

START_TEST(every_mistake_of_a_file_is_named_with_its_line)
{
    scratch_write(&dir, "bad.conf", "grce = 7\nthreads = many\nplugin a {\n    mout = \"/x\"\n    run = fork\n}\n");
    REFUSED_WITH("DIR/bad.conf:2: threads: \"many\" is not a whole number; right is a whole number from 0 to 256\n"
                 "DIR/bad.conf:1: grce: is not a setting of the gateway; did you mean grace?\n"
                 "DIR/bad.conf:5: plugin.a.run: \"fork\" is unknown; right is auto, pool, thread or process\n"
                 "DIR/bad.conf:4: plugin.a.mout: is not a setting of a plugin block; did you mean mount?",
                 "-c", "DIR/bad.conf");
}
END_TEST

/* What may be meant so is told, and is no mistake. */
START_TEST(proxies_whose_fields_are_not_named_are_warned_of)
{
    given_good("x");
    SAYS(0, "1 plugin in DIR: good\n",
         "postern: warning: trusted names proxies, and forwarded does not say which fields are theirs: "
         "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and Forwarded all count, and one that a proxy passes "
         "on is its client's word; name in forwarded those that your proxies set or remove\n",
         "check", "--plugins", "DIR", "--set", "trusted=10.0.0.0/8");
    SAYS(0, "1 plugin in DIR: good\n", "", "check", "--plugins", "DIR", "--set", "trusted=10.0.0.0/8", "--set",
         "forwarded=x-forwarded-for");
}
END_TEST

START_TEST(a_directory_that_cannot_hold_bodies_is_warned_of)
{
    given_good("x");
    SAYS(0, "1 plugin in DIR: good\n",
         "postern: warning: spool = DIR/gone: no file can be made there: No such file or directory; request bodies of "
         "more than body_memory, 65536 bytes, will be answered 503; right is a directory that this user may write to\n",
         "check", "--plugins", "DIR", "--set", "spool=DIR/gone");
    SAYS(0, "1 plugin in DIR: good\n", "", "check", "--plugins", "DIR", "--set", "spool=DIR/gone", "--set",
         "max_body=64K");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
    REFUSED_WITH("DIR/gone.conf: cannot be read: No such file or directory; right is the path of a file that exists",
                 "-c", "DIR/gone.conf");
}
END_TEST

START_TEST(a_syntax_error_has_its_line)
{
    scratch_write(&dir, "bad.conf", "grace = 7\nplugin a {\n");
    REFUSED_WITH("DIR/bad.conf:2: {: this block is never closed; right is a } for each {", "-c", "DIR/bad.conf");
}
END_TEST

START_TEST(a_value_out_of_range_tells_the_range)
{
    REFUSED_WITH("--set: backlog: \"0\" is too small; right is a whole number from 1 to 65535", "--set", "backlog=0");
}
END_TEST

START_TEST(more_processes_kept_ready_than_there_may_be_are_refused)
{
    REFUSED_WITH("--set: plugin.a: spare_hosts = 9 is more than hosts = 4 (the gateway's): set the one to 4 at most, "
                 "or "
                 "the other to 9",
                 "--set", "plugin.a.spare_hosts=9");
}
END_TEST

#define NOT_HERE(route)                                                                                                \
    "is for host processes, and route \"" route                                                                        \
    "\" runs in the gateway itself, where nothing would obey it; right is "                                            \
    "run = process for all of the plugin, or a block without it"

START_TEST(a_sandbox_that_nothing_would_obey_is_refused)
{
    given_good("a");
    scratch_write(&dir, "bad.conf", "debug = on\nplugin a {\n    network = off\n    user = nobody\n}\n");
    REFUSED_WITH("DIR/bad.conf:2: plugin.a.user: " NOT_HERE("/") "\n"
                                                                 "DIR/bad.conf:2: plugin.a.network: " NOT_HERE("/"),
                 "-c", "DIR/bad.conf");
}
END_TEST

START_TEST(a_sandbox_with_a_way_past_it_is_refused)
{
    given("a.so", "NGI_PLUGIN(\"a\", \"1\", NGI_ROUTE(NGI_GET, \"/\", answer), NGI_ROUTE(NGI_GET, \"/x\", answer))");
    scratch_write(&dir, "bad.conf", "plugin a {\n  run = process, network = off\n  route \"/x\" { run = pool }\n}\n");
    check_refuses("DIR/bad.conf:1: plugin.a.network: " NOT_HERE("/x"),
                  (const char *const[]){ "-c", "DIR/bad.conf", NULL });
}
END_TEST

START_TEST(a_sandbox_that_cannot_be_had_is_refused)
{
    given_good("a");
    check_refuses(
        "DIR/a.so: plugin.a.user: there is no user \"nobody-of-that-name\" on this machine: getent passwd "
        "lists those there are",
        (const char *const[]){ "--set", "plugin.a.run=process", "--set", "plugin.a.user=nobody-of-that-name", NULL });
}
END_TEST

START_TEST(a_sandbox_in_a_process_is_fine)
{
    given_good("a");
    scratch_write(&dir, "good.conf", "plugin a { run = process, network = off, files_limit = 64 }\n");
    SAYS(0, "1 plugin in DIR: good\n", "", "check", "-c", "DIR/good.conf", "--plugins", "DIR");
}
END_TEST

START_TEST(call_runs_a_plugin_of_processes_itself)
{
    given_good("a");
    SAYS(0, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 4\r\n\r\nfine", "", "call",
         "DIR/a.so", "GET", "/a/", "--set", "run=process", "--set", "plugin.a.run=process", "--set",
         "plugin.a.network=off");
}
END_TEST

START_TEST(a_set_without_value_tells_the_form)
{
    REFUSED_WITH("--set: grace: has no value; right is KEY=VALUE", "--set", "grace");
}
END_TEST

START_TEST(an_unknown_set_gets_the_nearest)
{
    REFUSED_WITH("--set: gace: is not a setting of the gateway; did you mean grace?", "--set", "gace=1");
}
END_TEST

START_TEST(a_listener_without_port_is_refused)
{
    REFUSED_WITH("--set: listen: \"localhost\" has no port; right is \"ADDR:PORT\", \"[ADDR6]:PORT\" or \"unix:PATH\"",
                 "--listen", "localhost");
}
END_TEST

START_TEST(a_plugin_setting_without_name_tells_the_form)
{
    REFUSED_WITH("--set: plugin.mount: names no setting; right is plugin.NAME.KEY=VALUE", "--set", "plugin.mount=/x");
}
END_TEST

Suite *configuration_suite(void)
{
    Suite *suite = suite_create("configuration");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, what_t_prints_reads_back_to_itself);
    tcase_add_test(tests, a_block_for_a_plugin_that_waits);
    tcase_add_test(tests, what_a_block_inherits_stays_out_of_what_t_prints);
    tcase_add_test(tests, the_defaults_read_back_to_themselves);
    tcase_add_test(tests, set_overrides_the_file);
    tcase_add_test(tests, every_mistake_of_a_file_is_named_with_its_line);
    tcase_add_test(tests, proxies_whose_fields_are_not_named_are_warned_of);
    tcase_add_test(tests, a_directory_that_cannot_hold_bodies_is_warned_of);
    tcase_add_test(tests, a_file_that_is_not_there_is_named);
    tcase_add_test(tests, a_syntax_error_has_its_line);
    tcase_add_test(tests, a_value_out_of_range_tells_the_range);
    tcase_add_test(tests, more_processes_kept_ready_than_there_may_be_are_refused);
    tcase_add_test(tests, a_sandbox_with_a_way_past_it_is_refused);
    tcase_add_test(tests, a_sandbox_that_cannot_be_had_is_refused);
    tcase_add_test(tests, a_sandbox_in_a_process_is_fine);
    tcase_add_test(tests, call_runs_a_plugin_of_processes_itself);
    tcase_add_test(tests, a_sandbox_that_nothing_would_obey_is_refused);
    tcase_add_test(tests, a_set_without_value_tells_the_form);
    tcase_add_test(tests, an_unknown_set_gets_the_nearest);
    tcase_add_test(tests, a_listener_without_port_is_refused);
    tcase_add_test(tests, a_plugin_setting_without_name_tells_the_form);
    return suite;
}
