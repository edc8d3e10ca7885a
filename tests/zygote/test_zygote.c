/* A zygote from its start to its end, and the hosts that it makes. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fcgi/inner.h"
#include "plugin/crash_file.h"
#include "tests/harness/fcgi.h"
#include "tests/harness/scratch.h"
#include "tests/zygote/fixture.h"

/* Where a crash ends in a sanitizer's report instead of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static const char sound[] =
    "#include <ngi.h>\n"
    "#include <stdlib.h>\n"
    "#include <stdio.h>\n"
    "#include <unistd.h>\n"
    "#include <poll.h>\n"
    "#include <signal.h>\n"
    "#include <sys/resource.h>\n"
    "#include <sys/wait.h>\n"
    "static const ngi_host *host; static pid_t born, forked, helper;\n"
    "static pid_t forks(void) { pid_t pid = fork(); if (pid == 0) for (;;) pause(); return pid; }\n"
    "static int start(const ngi_host *given, const ngi_config *c, void **s, ngi_error *err)\n"
    "{ (void)c, (void)s; host = given; born = getpid();\n"
    "  if (*ngi_option(host, \"helper\")) helper = forks();\n"
    "  if (*ngi_option(host, \"slow\") && access(ngi_option(host, \"slow\"), F_OK) == 0) poll(NULL, 0, 13000);\n"
    "  return *ngi_option(host, \"fail\") ? ngi_error_set(err, NGI_EFAIL, \"no %s\", ngi_option(host, \"fail\")) : 0; "
    "}\n"
    "static int after(void *s, ngi_error *err) { (void)s; forked = getpid();\n"
    "  return *ngi_option(host, \"after\") ? ngi_error_set(err, NGI_EFAIL, \"no %s\", ngi_option(host, \"after\")) : "
    "0; }\n"
    "static void finish(void *s) { (void)s; ngi_host_log(host, NGI_LOG_INFO, getpid() == born ? \"fini of zygote\" : "
    "\"fini of host\"); if (helper > 0 && getpid() == born) kill(helper, SIGKILL); }\n"
    "static int pids(ngi_request *r) { return ngi_textf(r, 200, \"%d %d %d %u\", (int)born, (int)forked, "
    "(int)getpid(), "
    "ngi_run_flags(r)); }\n"
    "static int left(ngi_request *r) { return ngi_textf(r, 200, \"%d\", (int)(ngi_time_left_ms(r) / 1000)); }\n"
    "static int fails(ngi_request *r) { return ngi_fail(r, NGI_EFAIL, \"words\"); }\n"
    "static int half(ngi_request *r) { (void)ngi_puts(r, \"half\"); (void)ngi_flush(r); return ngi_fail(r, NGI_EFAIL, "
    "\"no other\"); }\n"
    "static int waits(ngi_request *r) { (void)ngi_puts(r, \"waits\"); (void)ngi_flush(r);\n"
    "  while (ngi_cancelled(r) <= 0) poll(NULL, 0, 5);\n"
    "  ngi_host_log(host, NGI_LOG_INFO, \"was cancelled\"); return NGI_OK; }\n"
    "static int slow(ngi_request *r)\n"
    "{ struct pollfd told = { ngi_cancel_fd(r), POLLIN, 0 }; (void)poll(&told, 1, -1);\n"
    "  ngi_host_log(host, NGI_LOG_INFO, ngi_cancelled(r) == NGI_CANCEL_DEADLINE ? \"was late\" : \"was left\");\n"
    "  return ngi_text(r, 200, \"\"); }\n"
    "static int hangs(ngi_request *r) { (void)r; for (;;) pause(); }\n"
    "static int child(ngi_request *r) { return ngi_textf(r, 200, \"%d %d\", (int)forks(), (int)helper); }\n"
    /* A child, and its own, which has a session to itself; with ?orphan the child ends. */
    "static int family(ngi_request *r)\n"
    "{ int ends[2]; pid_t pids[2] = { 0 }, child = pipe(ends) ? -1 : fork();\n"
    "  if (child == 0) {\n"
    "    if (ngi_query(r, \"apart\", NULL)) setsid();\n"
    "    if ((pids[1] = fork()) == 0) {\n"
    "      pids[0] = getppid(), pids[1] = getpid();\n"
    "      if (ngi_query(r, \"apart\", NULL)) setsid();\n"
    "      if (write(ends[1], pids, sizeof pids) > 0 && ngi_query(r, \"short\", NULL)) _exit(0);\n"
    "      for (;;) pause(); }\n"
    "    if (ngi_query(r, \"orphan\", NULL)) _exit(0);\n"
    "    for (;;) pause(); }\n"
    "  if (child < 0 || read(ends[0], pids, sizeof pids) != sizeof pids) return ngi_fail(r, NGI_EIO, \"no family\");\n"
    "  if (ngi_query(r, \"orphan\", NULL)) (void)waitpid(child, NULL, 0);\n"
    "  close(ends[0]), close(ends[1]);\n"
    "  return ngi_textf(r, 200, \"%d %d\", (int)pids[0], (int)pids[1]); }\n"
    "static int aborts(ngi_request *r) { (void)r; abort(); }\n"
    "static int limit(ngi_request *r) { struct rlimit of = { 0 }; (void)getrlimit(RLIMIT_NOFILE, &of);\n"
    "  return ngi_textf(r, 200, \"%d\", (int)of.rlim_cur); }\n"
    "static int thread(ngi_request *r) { return ngi_textf(r, 200, \"%d\", gettid() == getpid()); }\n"
    "static int ends(ngi_request *r) { (void)r; _exit(7); }\n"
    "static const ngi_option_spec options[] = { { \"fail\", NGI_STRING, \"\", 0, 0, NULL },\n"
    "  { \"after\", NGI_STRING, \"\", 0, 0, NULL }, { \"helper\", NGI_STRING, \"\", 0, 0, NULL },\n"
    "  { \"slow\", NGI_STRING, \"\", 0, 0, NULL }, { 0 } };\n"
    "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/pids\", pids), NGI_ROUTE(NGI_GET, \"/left\", left),\n"
    "  NGI_ROUTE(NGI_GET, \"/fails\", fails), NGI_ROUTE(NGI_GET, \"/half\", half), NGI_ROUTE(NGI_GET, \"/waits\", "
    "waits),\n"
    "  NGI_ROUTE(NGI_GET, \"/hangs\", hangs), NGI_ROUTE(NGI_GET, \"/child\", child), NGI_ROUTE(NGI_GET, \"/family\", "
    "family), "
    "NGI_ROUTE(NGI_GET, \"/ends\", "
    "ends),\n"
    "  NGI_ROUTE(NGI_GET, \"/slow\", slow),\n"
    "  NGI_ROUTE(NGI_GET, \"/thread\", thread), NGI_ROUTE(NGI_GET, \"/aborts\", aborts), NGI_ROUTE(NGI_GET, "
    "\"/limit\", limit), { 0 } };\n"
    "NGI_PLUGIN_FULL(.name = \"sound\", .version = \"1.0\", .routes = routes, .options = options, .init = start,\n"
    "                .after_fork = after, .fini = finish)\n";

static const char crashes[] = "#include <ngi.h>\n"
                              "#include <signal.h>\n"
                              "static __attribute__((constructor)) void crash(void) { raise(SIGKILL); }\n"
                              "static int handler(ngi_request *r) { return ngi_text(r, 200, \"\"); }\n"
                              "static const ngi_route routes[] = { NGI_ROUTE(NGI_GET, \"/\", handler), { 0 } };\n"
                              "NGI_PLUGIN_FULL(.name = \"crashes\", .routes = routes)\n";

static struct scratch scratch;
static struct plugin_file file;
static struct settings *settings;
static struct report report;
static struct description description;
static struct zygote *zygote;
static struct hosts *const hosts = (struct hosts *)&scratch; /* nobody looks into it */

static void set_up(void)
{
    memset(told, 0, sizeof told);
    scratch_make(&scratch);
    log_into(scratch_path(&scratch, "log"));
}

static void tear_down(void)
{
    description_free(&description);
    report_free(&report);
    settings_free(settings);
    plugin_file_release(&file);
    scratch_remove(&scratch);
}

/* Compiles it, and begins to load it under a configuration. */
static void begin(const char *text, const char *configuration)
{
    scratch_compile(&scratch, "plugin.so", text, "");
    scratch_write(&scratch, "postern.conf", configuration);
    ck_assert_int_eq(settings_load(scratch_path(&scratch, "postern.conf"), NULL, 0, &settings, &report), NGI_OK);
    ck_assert(plugin_file_take(&file, scratch_path(&scratch, "plugin.so")));
    const struct zygote_brief brief = { .settings = settings, .name = "sound", .file = &file };
    zygote = zygote_new(&brief, &report);
    ck_assert_msg(zygote != NULL, "%s", report.lines ? report.lines[0] : "");
}

static void serve(const char *configuration)
{
    ngi_error err;
    begin(sound, configuration);
    ck_assert_msg(zygote_await_loaded(zygote, &description, &report), "%s", report.lines ? report.lines[0] : "");
    zygote_begin_init(zygote);
    ck_assert_msg(zygote_await_init(zygote, &report), "%s", report.lines ? report.lines[0] : "");
    ck_assert_int_eq(zygote_serve(zygote, hosts, &err), NGI_OK);
}

/* Asks for a host; its socket. */
static int ask_host(uint64_t number)
{
    int ends[2];
    ngi_error err;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(zygote_source.make(zygote, number, ends[1], &err), NGI_OK);
    ck_assert(!told[number].came && !told[number].ended); /* never from within */
    return ends[0];
}

/* And waits until it is there. */
static int make_host(uint64_t number)
{
    int fd = ask_host(number);
    turn_until(&told[number].came);
    return fd;
}

static void say(int fd, const char *target, const char *const *variables)
{
    struct wire wire = { 0 };
    wire_request(&wire, 1, KEEP, "GET", target, variables, NULL, 0);
    fcgi_send(fd, &wire);
}

/* The body of the answer; until the next call. */
static const char *ask(int fd, const char *target)
{
    static struct answer answer = { 0 };
    answer_free(&answer);
    say(fd, target, (const char *const[]){ NULL });
    fcgi_read(fd, 1, &answer);
    ck_assert(!inner_is_cut((uint32_t)answer.app_status));
    ck_assert_str_eq(answer.err, "");
    return answer.body;
}

static void stop(void)
{
    zygote_free(zygote, 30 * 1000);
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0;
}

static void expect_refusal(const char *words)
{
    ck_assert_uint_eq(report.count, 1);
    ck_assert_msg(strstr(report.lines[0], words) != NULL, "%s", report.lines[0]);
    ck_assert_msg(strstr(report.lines[0], file.path) != NULL, "%s", report.lines[0]);
    ck_assert_int_eq(zygote_pid(zygote), 0);
    stop();
}

/* --- loading --------------------------------------------------------------------------------------------------- */

START_TEST(a_plugin_describes_itself)
{
    begin(sound, "");
    ck_assert(zygote_await_loaded(zygote, &description, &report));
    ck_assert_str_eq(description.name, "sound");
    ck_assert_str_eq(description.version, "1.0");
    ck_assert_uint_eq(description.route_count, 13);
    ck_assert_str_eq(description.routes[1].pattern, "/left");
    ck_assert_int_ne(zygote_pid(zygote), 0);
    stop();
    ck_assert_ptr_null(strstr(log_text(), "fini")); /* init has not run */
}
END_TEST

START_TEST(a_mistake_is_told_where_it_was_made)
{
    begin(sound, "\nplugin sound {\n    option {\n        fial = x\n    }\n}\n");
    ck_assert(!zygote_await_loaded(zygote, &description, &report));
    ck_assert_uint_eq(report.count, 1);
    ck_assert_msg(strstr(report.lines[0], "postern.conf:4") != NULL, "%s", report.lines[0]);
    stop();
}
END_TEST

START_TEST(a_crash_while_it_is_loaded_is_told)
{
    begin(crashes, "");
    ck_assert(!zygote_await_loaded(zygote, &description, &report));
    expect_refusal("died of SIGKILL while it was loaded");
}
END_TEST

START_TEST(init_that_fails_is_told)
{
    begin(sound, "plugin sound { option { fail = luck } }");
    ck_assert(zygote_await_loaded(zygote, &description, &report));
    zygote_begin_init(zygote);
    ck_assert(!zygote_await_init(zygote, &report));
    expect_refusal("plugin sound: init failed: no luck");
}
END_TEST

/* --- hosts ----------------------------------------------------------------------------------------------------- */

START_TEST(a_host_serves_what_init_has_built)
{
    int born, forked, own;
    unsigned flags;
    serve("");
    int fd = make_host(1);
    ck_assert_int_eq(sscanf(ask(fd, "/sound/pids"), "%d %d %d %u", &born, &forked, &own, &flags), 4);
    ck_assert_int_eq(born, zygote_pid(zygote));
    ck_assert_int_eq(forked, told[1].pid);
    ck_assert_int_eq(own, told[1].pid);
    ck_assert_int_eq(getpgid(own), own);
    ck_assert_uint_eq(flags, NGI_RUN_MULTITHREAD | NGI_RUN_MULTIPROCESS);
    close(fd);
    turn_until(&told[1].ended);
    ck_assert_int_eq(told[1].status, 0);
    stop();
    ck_assert_ptr_nonnull(strstr(log_text(), "fini of zygote"));
    ck_assert_ptr_null(strstr(log_text(), "fini of host"));
}
END_TEST

/* More than the line has room for. */
START_TEST(many_are_asked_for_at_once)
{
    int fds[HOSTS_MOST];
    serve("");
    pid_t parent = zygote_pid(zygote);
    ck_assert_int_eq(kill(parent, SIGSTOP), 0);
    for (size_t i = 0; i < HOSTS_MOST; i++)
        fds[i] = ask_host(i);
    ck_assert_int_eq(kill(parent, SIGCONT), 0);
    for (size_t i = 0; i < HOSTS_MOST; i++) {
        turn_until(&told[i].came);
        ck_assert_str_eq(ask(fds[i], "/sound/thread"), "0");
        close(fds[i]);
    }
    for (size_t i = 0; i < HOSTS_MOST; i++)
        turn_until(&told[i].ended);
    stop();
}
END_TEST

START_TEST(after_fork_that_fails_ends_the_host)
{
    serve("plugin sound { option { after = luck } }");
    int fd = ask_host(1);
    turn_until(&told[1].ended); /* perhaps before it could be looked at */
    ck_assert_int_eq(WEXITSTATUS(told[1].status), HOSTS_EXIT_AFTER_FORK);
    ck_assert_ptr_nonnull(strstr(log_text(), "plugin sound: after_fork failed: no luck"));
    close(fd);
    stop();
}
END_TEST

START_TEST(how_a_host_has_ended_is_told)
{
    serve("");
    int first = make_host(1), second = make_host(2);
    ck_assert_int_eq(pidfd_send_signal(told[1].pidfd, SIGKILL, NULL, 0), 0);
    say(second, "/sound/ends", (const char *const[]){ NULL });
    turn_until(&told[1].ended);
    turn_until(&told[2].ended);
    ck_assert(WIFSIGNALED(told[1].status) && WTERMSIG(told[1].status) == SIGKILL);
    ck_assert(WIFEXITED(told[2].status) && WEXITSTATUS(told[2].status) == 7);
    close(first);
    close(second);
    stop();
}
END_TEST

START_TEST(a_crash_is_told_by_the_host_and_its_request_is_kept)
{
    static const char *const words[] = { "plugin sound", "incident 0123456789abcdef", ".request", "#1 aborts at " };
    char text[256];
    ngi_error err;
    snprintf(text, sizeof text, "crash_dir = \"%s\"\n", scratch.path);
    ck_assert_int_eq(crash_file_start(scratch.path, 8, 1000, &err), NGI_OK); /* as the worker does, who keeps it */
    serve(text);
    int fd = make_host(1);
    say(fd, "/sound/aborts", (const char *const[]){ "NGI_REQUEST_ID=0123456789abcdef", NULL });
    turn_until(&told[1].ended);
    ck_assert(WIFSIGNALED(told[1].status) && WTERMSIG(told[1].status) == SIGABRT);
    for (size_t i = 0; !SANITIZED && i < sizeof words / sizeof *words; i++)
        ck_assert_msg(strstr(log_text(), words[i]) != NULL, "%s", log_text());
    close(fd);
    stop();
}
END_TEST

/* Two processes that an answer names, as pidfds. */
struct couple {
    int fds[2];
};

static struct couple ask_pair(int fd, const char *target)
{
    int pids[2];
    struct couple pair;
    ck_assert_int_eq(sscanf(ask(fd, target), "%d %d", &pids[0], &pids[1]), 2);
    for (size_t i = 0; i < 2; i++) /* -1: it has been waited for */
        pair.fds[i] = pidfd_open(pids[i], 0);
    return pair;
}

static void await_end(int pidfd)
{
    struct pollfd end = { pidfd, POLLIN, 0 };
    ck_assert_int_eq(poll(&end, 1, 60 * 1000), 1);
    close(pidfd);
}

static bool lives(int pidfd)
{
    struct pollfd end = { pidfd, POLLIN, 0 };
    return pidfd >= 0 && poll(&end, 1, 0) == 0;
}

START_TEST(what_a_host_leaves_behind_ends_with_it)
{
    serve("plugin sound { option { helper = one } }");
    int fd = make_host(1);
    struct couple child = ask_pair(fd, "/sound/child");
    close(fd);
    turn_until(&told[1].ended);
    await_end(child.fds[0]);
    ck_assert(lives(child.fds[1])); /* that of init */
    stop();
    await_end(child.fds[1]);
}
END_TEST

START_TEST(sessions_of_its_own_do_not_save_it)
{
    serve("");
    int fd = make_host(1);
    struct couple family = ask_pair(fd, "/sound/family?apart");
    ck_assert(lives(family.fds[0]) && lives(family.fds[1]));
    close(fd);
    turn_until(&told[1].ended);
    await_end(family.fds[0]);
    await_end(family.fds[1]);
    stop();
    ck_assert_ptr_nonnull(strstr(log_text(), "plugin sound: 2 processes that its host processes have left behind are "
                                             "killed\n"));
}
END_TEST

START_TEST(an_orphan_stays_while_its_host_lives)
{
    serve("");
    int first = make_host(1), second = make_host(2);
    struct couple orphan = ask_pair(first, "/sound/family?orphan");
    close(second);
    turn_until(&told[2].ended);
    int third = make_host(3); /* it has looked around before */
    ck_assert(lives(orphan.fds[1]));
    ck_assert_ptr_null(strstr(log_text(), "left behind"));
    close(first);
    turn_until(&told[1].ended);
    await_end(orphan.fds[1]);
    close(third);
    stop();
}
END_TEST

START_TEST(an_orphan_in_a_session_of_its_own_stays_until_a_host_ends)
{
    serve("");
    int first = make_host(1), second = make_host(2);
    struct couple orphan = ask_pair(first, "/sound/family?orphan&apart");
    ck_assert_str_eq(ask(first, "/sound/thread"), "0");
    ck_assert(lives(orphan.fds[1]));
    close(second);
    turn_until(&told[2].ended);
    await_end(orphan.fds[1]);
    ck_assert_str_eq(ask(first, "/sound/thread"), "0");
    close(first);
    stop();
}
END_TEST

START_TEST(an_orphan_that_ends_is_waited_for)
{
    int child, grandchild;
    serve("");
    int fd = make_host(1);
    ck_assert_int_eq(sscanf(ask(fd, "/sound/family?orphan&short"), "%d %d", &child, &grandchild), 2);
    int64_t deadline = clock_ms() + 60 * 1000;
    while (!is_gone(grandchild))
        ck_assert_int_lt(clock_ms(), deadline);
    close(fd);
    stop();
}
END_TEST

START_TEST(the_gateway_says_what_it_is_called_and_how_long_it_may_take)
{
    char deadline[64];
    struct answer answer = { 0 };
    serve("");
    int fd = make_host(1);
    snprintf(deadline, sizeof deadline, "NGI_DEADLINE_US=%lld", (long long)(clock_us() + 100 * 1000000LL));
    say(fd, "/sound/left", (const char *const[]){ deadline, NULL });
    fcgi_read(fd, 1, &answer);
    ck_assert_int_ge(atoi(answer.body), 95);
    ck_assert_int_le(atoi(answer.body), 100);
    answer_free(&answer);
    say(fd, "/sound/fails", (const char *const[]){ "NGI_REQUEST_ID=0123456789abcdef", NULL });
    fcgi_read(fd, 1, &answer);
    ck_assert_str_eq(answer.err, "");
    ck_assert_ptr_nonnull(strstr(answer.out, "Status: 500"));
    answer_free(&answer);
    ck_assert_ptr_nonnull(strstr(log_text(), "sound [0123456789abcdef]: "));
    close(fd);
    stop();
}
END_TEST

START_TEST(a_deadline_is_answered_for_when_the_handler_is_over)
{
    char deadline[64];
    struct answer answer = { 0 };
    serve("");
    int fd = make_host(1);
    for (long long us = 20 * 1000; !strstr(log_text(), "was late"); us *= 2) { /* until the handler begins before it */
        snprintf(deadline, sizeof deadline, "NGI_DEADLINE_US=%lld", (long long)clock_us() + us);
        say(fd, "/sound/slow", (const char *const[]){ deadline, NULL });
        fcgi_read(fd, 1, &answer);
        ck_assert_msg(strstr(answer.out, "Status: 504") != NULL, "%d: %s\n%s", answer.app_status, answer.out,
                      log_text());
        ck_assert(!inner_is_cut((uint32_t)answer.app_status));
        answer_free(&answer);
    }
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    close(fd);
    stop();
}
END_TEST

START_TEST(half_a_response_is_ended_as_such_and_the_host_goes_on)
{
    struct answer answer = { 0 };
    serve("");
    int fd = make_host(1);
    say(fd, "/sound/half", (const char *const[]){ NULL });
    fcgi_read(fd, 1, &answer);
    ck_assert(answer.ended);
    ck_assert(inner_is_cut((uint32_t)answer.app_status));
    ck_assert_str_eq(answer.body, "half");
    answer_free(&answer);
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    close(fd);
    stop();
}
END_TEST

/* The end of the request is that of the handler. */
START_TEST(an_aborted_call_is_over_when_its_handler_is)
{
    struct wire wire = { 0 };
    struct answer answer = { 0 };
    serve("");
    int fd = make_host(1);
    say(fd, "/sound/waits", (const char *const[]){ NULL });
    fcgi_read_until(fd, 1, &answer, "waits");
    answer_free(&answer);
    wire_record(&wire, R_ABORT, 1, NULL, 0, 0);
    fcgi_send(fd, &wire);
    fcgi_read(fd, 1, &answer);
    ck_assert(answer.ended);
    answer_free(&answer);
    ck_assert_ptr_nonnull(strstr(log_text(), "was cancelled"));
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    close(fd);
    stop();
}
END_TEST

START_TEST(a_call_whose_gateway_has_gone_is_cancelled)
{
    struct answer answer = { 0 };
    serve("");
    int fd = make_host(1);
    say(fd, "/sound/waits", (const char *const[]){ NULL });
    fcgi_read_until(fd, 1, &answer, "waits");
    answer_free(&answer);
    close(fd);
    turn_until(&told[1].ended);
    ck_assert_int_eq(told[1].status, 0);
    ck_assert_ptr_nonnull(strstr(log_text(), "was cancelled"));
    stop();
}
END_TEST

START_TEST(a_fast_route_comes_to_the_main_thread)
{
    serve("");
    int fd = make_host(1), calls = 0;
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    while (*ask(fd, "/sound/thread") != '1')
        ck_assert_int_lt(++calls, 10000);
    close(fd);
    stop();
}
END_TEST

START_TEST(a_host_is_in_the_sandbox_of_its_block)
{
    serve("plugin sound { files_limit = 61 }");
    int fd = make_host(1);
    ck_assert_str_eq(ask(fd, "/sound/limit"), "61");
    close(fd);
    stop();
}
END_TEST

START_TEST(a_run_of_process_is_here_already)
{
    serve("run = process\nplugin sound { run = process, route \"/thread\" { run = process } }");
    int fd = make_host(1);
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    close(fd);
    stop();
}
END_TEST

/* --- ends ------------------------------------------------------------------------------------------------------ */

/* What is said of a zygote that SIGKILL has ended; where the machine stands still, its end is not waited for. */
static void expect_killed(const char *words)
{
    ck_assert_msg(strstr(words, " died of SIGKILL while its hosts served") ||
                      strstr(words, " has ended while its hosts served, and nobody knows how"),
                  "%s", words);
}

START_TEST(a_zygote_that_dies_is_replaced_and_its_hosts_go_on)
{
    serve("");
    int first = make_host(1);
    pid_t before = zygote_pid(zygote);
    ck_assert_int_eq(kill(before, SIGSTOP), 0);
    int lost = ask_host(3); /* which it hears of, and never answers */
    ck_assert_int_eq(kill(before, SIGKILL), 0);
    turn_until(&told[3].ended);
    ck_assert_int_eq(told[3].status, HOSTS_STATUS_UNKNOWN);
    expect_killed(told[3].why);
    close(lost);
    int second = make_host(2); /* waits for the next */
    ck_assert_int_ne(zygote_pid(zygote), before);
    ck_assert_str_eq(ask(first, "/sound/thread"), "0");
    ck_assert_str_eq(ask(second, "/sound/thread"), "0");
    ck_assert(!told[1].ended);
    expect_killed(log_text());
    close(first);
    close(second);
    turn_until(&told[2].ended);
    stop();
    struct pollfd orphan = { told[1].pidfd, POLLIN, 0 };
    ck_assert_int_eq(poll(&orphan, 1, 0), 1); /* it has been waited for */
}
END_TEST

START_TEST(a_zygote_that_does_not_answer_is_replaced)
{
    char words[128];
    serve("");
    int first = make_host(1);
    pid_t before = zygote_pid(zygote);
    ck_assert_int_eq(kill(before, SIGSTOP), 0);
    int lost = ask_host(2);
    turn_until(&told[2].ended);
    expect_killed(told[2].why);
    snprintf(words, sizeof words, "plugin sound: its zygote, process %d, has not answered for 10 s: it is killed\n",
             (int)before);
    ck_assert_msg(strstr(log_text(), words) != NULL, "%s", log_text());
    int second = make_host(3);
    ck_assert_int_ne(zygote_pid(zygote), before);
    ck_assert_str_eq(ask(first, "/sound/thread"), "0");
    ck_assert_str_eq(ask(second, "/sound/thread"), "0");
    close(lost);
    close(first);
    close(second);
    stop();
}
END_TEST

START_TEST(an_init_that_takes_long_is_waited_for_and_told_of)
{
    char configuration[320], words[128];
    snprintf(configuration, sizeof configuration, "plugin sound { option { slow = \"%s\" } }",
             scratch_path(&scratch, "slow"));
    serve(configuration);
    scratch_write(&scratch, "slow", "");
    ck_assert_int_eq(kill(zygote_pid(zygote), SIGSTOP), 0);
    int lost = ask_host(1);
    ck_assert_int_eq(kill(zygote_pid(zygote), SIGKILL), 0);
    turn_until(&told[1].ended);
    int fd = make_host(2);
    ck_assert_str_eq(ask(fd, "/sound/thread"), "0");
    snprintf(words, sizeof words,
             "plugin sound: its init, in process %d, has not returned after 10 s: it is waited for\n",
             zygote_pid(zygote));
    ck_assert_msg(strstr(log_text(), words) != NULL, "%s", log_text());
    close(lost);
    close(fd);
    stop();
}
END_TEST

START_TEST(they_end_with_a_worker_that_dies)
{
    int ends[2];
    pid_t pids[2] = { 0 };
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t worker = fork();
    if (worker == 0) {
        serve("grace = 0\n");
        int fd = make_host(1);
        say(fd, "/sound/hangs", (const char *const[]){ NULL });
        const pid_t mine[2] = { zygote_pid(zygote), told[1].pid };
        if (write(ends[1], mine, sizeof mine) == sizeof mine)
            for (;;)
                pause();
        _exit(1);
    }
    ck_assert_int_eq(read(ends[0], pids, sizeof pids), sizeof pids);
    struct pollfd gone[2] = { { pidfd_open(pids[0], 0), POLLIN, 0 }, { pidfd_open(pids[1], 0), POLLIN, 0 } };
    ck_assert(gone[0].fd >= 0 && gone[1].fd >= 0);
    ck_assert_int_eq(kill(worker, SIGKILL), 0);
    ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
    ck_assert_int_eq(poll(&gone[1], 1, 60 * 1000), 1);
    ck_assert_int_eq(poll(&gone[0], 1, 60 * 1000), 1);
    ck_assert_ptr_nonnull(strstr(log_text(), "fini of zygote"));
    for (size_t i = 0; i < 2; i++)
        close(ends[i]), close(gone[i].fd);
}
END_TEST

START_TEST(what_was_asked_of_one_that_cannot_be_replaced_is_told)
{
    int ends[2];
    ngi_error err;
    serve("");
    ck_assert_int_eq(close(file.copy), 0); /* from here on none can be started */
    ck_assert_int_eq(kill(zygote_pid(zygote), SIGKILL), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    close(ends[0]);
    ck_assert_int_eq(zygote_source.make(zygote, 3, ends[1], &err), NGI_OK);
    turn_until(&told[3].ended);
    ck_assert_int_eq(told[3].status, HOSTS_STATUS_UNKNOWN);
    ck_assert_msg(strstr(told[3].why, "zygote") != NULL, "%s", told[3].why);
    file.copy = -1;
    stop();
}
END_TEST

START_TEST(a_host_that_does_not_end_is_killed_with_its_zygote)
{
    serve("grace = 0\n");
    int fd = make_host(1);
    pid_t parent = zygote_pid(zygote);
    say(fd, "/sound/hangs", (const char *const[]){ NULL });
    close(fd);
    stop();
    struct pollfd end = { told[1].pidfd, POLLIN, 0 };
    ck_assert_int_eq(poll(&end, 1, 0), 1);
    ck_assert(is_gone(parent));
    ck_assert_ptr_nonnull(strstr(log_text(), "fini of zygote"));
}
END_TEST

Suite *zygote_suite(void)
{
    Suite *suite = suite_create("zygote");
    TCase *tests = tcase_create("zygote");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_plugin_describes_itself);
    tcase_add_test(tests, a_mistake_is_told_where_it_was_made);
    tcase_add_test(tests, a_crash_while_it_is_loaded_is_told);
    tcase_add_test(tests, init_that_fails_is_told);
    tcase_add_test(tests, a_host_serves_what_init_has_built);
    tcase_add_test(tests, many_are_asked_for_at_once);
    tcase_add_test(tests, after_fork_that_fails_ends_the_host);
    tcase_add_test(tests, how_a_host_has_ended_is_told);
    tcase_add_test(tests, a_crash_is_told_by_the_host_and_its_request_is_kept);
    tcase_add_test(tests, what_a_host_leaves_behind_ends_with_it);
    tcase_add_test(tests, sessions_of_its_own_do_not_save_it);
    tcase_add_test(tests, an_orphan_stays_while_its_host_lives);
    tcase_add_test(tests, an_orphan_in_a_session_of_its_own_stays_until_a_host_ends);
    tcase_add_test(tests, an_orphan_that_ends_is_waited_for);
    tcase_add_test(tests, the_gateway_says_what_it_is_called_and_how_long_it_may_take);
    tcase_add_test(tests, a_deadline_is_answered_for_when_the_handler_is_over);
    tcase_add_test(tests, half_a_response_is_ended_as_such_and_the_host_goes_on);
    tcase_add_test(tests, an_aborted_call_is_over_when_its_handler_is);
    tcase_add_test(tests, a_call_whose_gateway_has_gone_is_cancelled);
    tcase_add_test(tests, a_fast_route_comes_to_the_main_thread);
    tcase_add_test(tests, a_host_is_in_the_sandbox_of_its_block);
    tcase_add_test(tests, a_run_of_process_is_here_already);
    tcase_add_test(tests, they_end_with_a_worker_that_dies);
    tcase_add_test(tests, a_zygote_that_dies_is_replaced_and_its_hosts_go_on);
    tcase_add_test(tests, a_zygote_that_does_not_answer_is_replaced);
    tcase_add_test(tests, an_init_that_takes_long_is_waited_for_and_told_of);
    tcase_add_test(tests, what_was_asked_of_one_that_cannot_be_replaced_is_told);
    tcase_add_test(tests, a_host_that_does_not_end_is_killed_with_its_zygote);
    suite_add_tcase(suite, tests);
    return suite;
}
