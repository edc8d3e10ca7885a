/* A plugin that brings its worker down, or its host process: what the log says of it, what is kept of the request, and
 * that it can be run again. */
#include "tests/integration/generations.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CRASHES "tests/integration/plugins/crashes.so"

/* Where a crash ends in a sanitizer's report instead of ours. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static void skip(const char *why)
{
    fprintf(stderr, "skipped: %s\n", why);
}

/* Serves the plugin with a directory for requests, with further arguments. */
#define SERVE_CRASHES(...) serve_crashes(LIST(__VA_ARGS__))
static void serve_crashes(const char *const *arguments)
{
    static char directory[256];
    const char *all[16] = { "--set", directory };
    for (size_t i = 0; i < 13 && arguments[i]; i++)
        all[i + 2] = arguments[i];
    prepare();
    mkdir(scratch_path(&scratch, "crashes"), 0700);
    snprintf(directory, sizeof directory, "crash_dir=%s", scratch_path(&scratch, "crashes"));
    serve(CRASHES, all);
}

/* The one file in the directory of requests, by path; NULL: none. */
static const char *kept(void)
{
    static char path[512];
    const struct dirent *entry;
    unsigned count = 0;
    DIR *directory = opendir(scratch_path(&scratch, "crashes"));
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL)
        if (*entry->d_name != '.' && count++ == 0)
            snprintf(path, sizeof path, "%s/%s", scratch_path(&scratch, "crashes"), entry->d_name);
    closedir(directory);
    ck_assert_uint_le(count, 1);
    return count ? path : NULL;
}

static const char *content(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* Asks for `path`, which ends the worker: by `signal`, or with status 1 (0). The gateway replaces it. */
static void crash(const char *path, const char *const *headers, const char *data, size_t length, int signal)
{
    char wanted[64];
    ck_assert_int_ne(ask("POST", path, headers, data, length)->error, 0);
    if (signal)
        snprintf(wanted, sizeof wanted, " died of SIG%s", sigabbrev_np(signal));
    else
        snprintf(wanted, sizeof wanted, " ended with status 1; another takes its place\n");
    gateway_wait_log(&gateway, wanted);
    gateway_wait_log(&gateway, "; another takes its place\n");
}

/* Whether the log has a backtrace. A machine may forbid one process to look into another. */
static bool has_backtrace(void)
{
    if (!strstr(gateway_log(&gateway), "no backtrace: "))
        return true;
    skip("this machine lets no process look into another: no backtrace");
    return false;
}

struct ending {
    const char *path;
    int signal;            /* 0: exit */
    const char *words;     /* in the line */
    const char *frames[2]; /* functions of the plugin in the backtrace, in order */
};

static const struct ending endings[] = {
    { "/null",
      SIGSEGV,
      "postern: crashed: SIGSEGV (bad memory access) at address 0x0 in plugin crashes, file ",
      { "deref", "null" } },
    { "/inlined", SIGSEGV, "postern: crashed: SIGSEGV ", { "dissolved", "inlined" } },
    { "/abort", SIGABRT, "postern: crashed: SIGABRT (abort) in plugin crashes, file ", { "aborts" } },
    { "/free", SIGABRT, "postern: crashed: SIGABRT (abort) in plugin crashes, file ", { "frees_twice" } },
    { "/stack", SIGSEGV, "postern: crashed: SIGSEGV (bad memory access) at address ", { "deeper", "deeper" } },
    { "/divide", SIGFPE, "postern: crashed: SIGFPE (division by zero or overflow) in plugin ", { "divides" } },
    { "/nowhere", SIGSEGV, "#0 0x0, where no file is mapped\n", { "calls_nothing" } },
    { "/exit", 0, "postern: a plugin must not call exit(): crashes, file ", { "exits" } },
};

static void expect_verdict(const char *log, const struct ending *ending)
{
    char line[256];
    EXPECT_HAS(log, ending->words);
    EXPECT_HAS(log, ", version 1.2, build-id ");
    snprintf(line, sizeof line, ", handler of route \"%s\", POST /crashes%s?a=b, incident ", ending->path,
             ending->path);
    EXPECT_HAS(log, line);
    for (size_t i = 0; i < 2 && ending->frames[i]; i++) {
        snprintf(line, sizeof line, " %s at ", ending->frames[i]);
        log = strstr(log, line);
        ck_assert_msg(log, "no frame of %s in the log", ending->frames[i]);
        log = strstr(log + 1, "crashes.c:");
        ck_assert_ptr_nonnull(log);
    }
}

/* What is to be known of the crash of POST /crashes/PATH?a=b with "body" when the worker, or a host, has told it. */
static void expect_autopsy(const struct ending *ending)
{
    struct command_result result;
    bool traced = has_backtrace();
    if (traced)
        expect_verdict(gateway_log(&gateway), ending);
    const char *file = kept();
    ck_assert_ptr_nonnull(file);
    gateway_wait_log(&gateway, file);
    EXPECT_HAS(content(file), "\nX-Word: heard\n");
    EXPECT_HAS(content(file), "\n\nbody");

    COMMAND(&result, "postern", "call", "--replay", file, built(CRASHES));
    ck_assert_msg(result.signal == ending->signal && result.status == (ending->signal ? -1 : 1),
                  "signal %d, status %d:\n%s", result.signal, result.status, result.err);
    EXPECT_LACKS(result.err, "warning: ");
    if (traced)
        expect_verdict(result.err, ending);
    command_free(&result);
}

/* Looped over the endings, as the next. */
START_TEST(a_crash_is_told_and_its_request_can_be_run_again)
{
    const struct ending *ending = &endings[_i];
    char path[64];
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    SERVE_CRASHES();
    snprintf(path, sizeof path, "/crashes%s?a=b", ending->path);
    crash(path, LIST("X-Word: heard"), "body", 4, ending->signal);
    expect_autopsy(ending);
    finish();
}
END_TEST

START_TEST(a_crash_in_a_host_process_is_told_as_well)
{
    const struct ending *ending = &endings[_i];
    char path[64], how[64], line[200];
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    prepare();
    SERVE_CRASHES("--set", "run=process", "--control", control_path());
    snprintf(path, sizeof path, "/crashes%s?a=b", ending->path);
    const struct reply *reply = ask("POST", path, LIST("X-Word: heard"), "body", 4);
    EXPECT_STATUS(reply, 502);
    const char *incident = strstr(reply->body, "\nIncident ");
    ck_assert_ptr_nonnull(incident);
    if (ending->signal)
        snprintf(how, sizeof how, " died of SIG%s", sigabbrev_np(ending->signal));
    else
        snprintf(how, sizeof how, " ended with status 1, which nobody had asked it to");
    snprintf(line, sizeof line, "error: crashes [%.16s]: POST %s (route \"%s\"): 502: its host process ",
             incident + strlen("\nIncident "), path, ending->path);
    gateway_wait_log(&gateway, line);
    gateway_wait_log(&gateway, how);
    snprintf(line, sizeof line, ", incident %.16s, kept in ", incident + strlen("\nIncident "));
    EXPECT_HAS(gateway_log(&gateway), line);
    gateway_wait_log(&gateway, "error: plugin crashes: its host process "); /* then it is an event, too */
    EXPECT_HAS(status_text(), "plugin crashes: its host process ");
    EXPECT_HAS(status_text(), how);
    expect_autopsy(ending);
    EXPECT(GET("/crashes/fine"), 200, "fine\n");
    finish();
}
END_TEST

/* Whatever its sandbox keeps from the process, crash_dir above all, which is the gateway's. */
START_TEST(a_crash_in_a_sandbox_is_told_as_well)
{
    static const char *const settings[] = { "plugin.crashes.filesystem=readonly", "plugin.crashes.user=nobody",
                                            "plugin.crashes.network=off", "plugin.crashes.files_limit=64" };
    struct command_result result;
    char incident[32];
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    if (strstr(settings[_i], "user") && geteuid() != 0)
        return skip("only root can give a process to another user");
    SERVE_CRASHES("--set", "run=process", "--set", settings[_i]);
    const struct reply *reply = ask("POST", "/crashes/null", LIST("X-Word: heard"), "body", 4);
    EXPECT_STATUS(reply, 502);
    const char *file = kept(); /* by now */
    ck_assert_ptr_nonnull(file);
    snprintf(incident, sizeof incident, "%.16s", strstr(reply->body, "\nIncident ") + strlen("\nIncident "));
    EXPECT_HAS(file, incident);
    EXPECT_HAS(content(file), "\nX-Word: heard\n");
    EXPECT_HAS(content(file), "\n\nbody");
    gateway_wait_log(&gateway, file);
    EXPECT_LACKS(gateway_log(&gateway), "not kept");
    if (has_backtrace())
        EXPECT_HAS(gateway_log(&gateway), "] #0 ");
    COMMAND(&result, "postern", "call", "--replay", file, built(CRASHES));
    ck_assert_int_eq(result.signal, SIGSEGV);
    command_free(&result);
    finish();
}
END_TEST

START_TEST(a_smashed_stack_and_many_crashes_at_once_have_one_verdict)
{
    static const char *const paths[] = { "/crashes/smash", "/crashes/together" };
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    for (size_t i = 0; i < 2; i++) {
        SERVE_CRASHES();
        (void)GET(paths[i]);
        gateway_wait_log(&gateway, "; another takes its place\n");
        ck_assert_uint_eq(count_of(gateway_log(&gateway), "postern: crashed: "), 1);
        ck_assert_uint_le(count_of(gateway_log(&gateway), " #0 "), 1);
        finish();
    }
}
END_TEST

START_TEST(what_is_kept_names_the_client_behind_a_proxy)
{
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    SERVE_CRASHES("--set", "trusted=127.0.0.1");
    crash("/crashes/null", LIST("X-Forwarded-For: 203.0.113.1", "X-Forwarded-Proto: https", "Host: shop.example"), "",
          0, SIGSEGV);
    EXPECT_HAS(content(kept()), "\n# remote: 203.0.113.1\n# scheme: https\n");
    finish();
}
END_TEST

START_TEST(credentials_are_not_kept)
{
    struct command_result result;
    struct stat file;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    SERVE_CRASHES();
    crash("/crashes/null", LIST("Authorization: Bearer sesame", "cookie: id=sesame", "X-Cookie: raisin"), "", 0,
          SIGSEGV);
    const char *path = kept();
    EXPECT_LACKS(content(path), "sesame");
    EXPECT_HAS(content(path), "\nAuthorization: (masked)\n");
    EXPECT_HAS(content(path), "\nX-Cookie: raisin\n");
    EXPECT_LACKS(gateway_log(&gateway), "sesame");
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0600);
    COMMAND(&result, "postern", "call", built(CRASHES), "--replay", path, "-H", "Cookie: id=2");
    EXPECT_HAS(result.err, ": the value of Authorization was not kept: the handler gets \"(masked)\"");
    EXPECT_LACKS(result.err, ": the value of cookie");
    ck_assert_int_eq(result.signal, SIGSEGV);
    command_free(&result);
    finish();
}
END_TEST

START_TEST(a_long_body_is_cut_spilled_or_not)
{
    static const char *const memories[] = { "body_memory=1K", "body_memory=1M" };
    struct command_result result;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    char *data = noise(20000);
    for (size_t i = 0; i < 2; i++) {
        SERVE_CRASHES("--set", "crash_body=10000", "--set", memories[i]);
        crash("/crashes/null", NULL, data, 20000, SIGSEGV);
        const char *path = kept();
        struct stat file;
        EXPECT_HAS(content(path), "\n# body: 10000 of 20000\n");
        ck_assert_int_eq(stat(path, &file), 0);
        ck_assert_int_ge(file.st_size, 10000);
        ck_assert_int_le(file.st_size, 11000);
        COMMAND(&result, "postern", "call", "--replay", path, built(CRASHES));
        EXPECT_HAS(result.err, ": the body was cut: 10000 of its 20000 bytes were kept\n");
        ck_assert_int_eq(result.signal, SIGSEGV);
        command_free(&result);
        finish();
    }
    free(data);
}
END_TEST

START_TEST(without_a_good_directory_nothing_is_kept)
{
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    prepare();
    mkdir(scratch_path(&scratch, "crashes"), 0700);
    ck_assert_int_eq(chmod(scratch_path(&scratch, "crashes"), 0777), 0);
    serve_crashes(LIST());
    EXPECT_HAS(gateway_log(&gateway), "/crashes: others may write to it (mode 0777): chmod go-w it; requests that "
                                      "crash a plugin are not kept\n");
    crash("/crashes/null", NULL, "", 0, SIGSEGV);
    EXPECT_LACKS(gateway_log(&gateway), ", kept in ");
    ck_assert_ptr_null(kept());
    finish();
}
END_TEST

START_TEST(a_disk_that_is_full_costs_the_file_not_the_verdict)
{
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    SERVE_CRASHES();
    /* As full as it gets without a disk of one's own: no entry can be made any more. */
    ck_assert_int_eq(rmdir(scratch_path(&scratch, "crashes")), 0);
    crash("/crashes/null", NULL, "", 0, SIGSEGV);
    gateway_wait_log(&gateway, "postern: the request is not kept: No such file or directory\n");
    gateway_wait_log(&gateway, "postern: crashed: SIGSEGV ");
    finish();
}
END_TEST

/* What runs in the handler and in the autopsy, made to fail. */
#define SABOTAGE                                                                                                       \
    "#include <stdlib.h>\n#include <string.h>\n#include <sys/uio.h>\n"                                                 \
    "ssize_t process_vm_readv(pid_t pid, const struct iovec *to, unsigned long n, const struct iovec *from,\n"         \
    "                         unsigned long m, unsigned long flags)\n"                                                 \
    "{ if (getenv(\"CRASH_AGAIN\")) abort(); return -1; }\n"                                                           \
    "__attribute__((constructor)) static void start(int argc, char **argv)\n"                                          \
    "{ if (argc > 1 && strcmp(argv[1], \"autopsy\") == 0) abort(); }\n"

START_TEST(a_crash_ends_the_process_whatever_goes_wrong_in_telling_it)
{
    static const char *const environments[] = { "CRASH_AGAIN=1", "LC_ALL=C" };
    struct command_result result;
    char preload[256];
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    prepare();
    scratch_compile(&scratch, "sabotage.so", SABOTAGE, "");
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", scratch_path(&scratch, "sabotage.so"));
    for (size_t i = 0; i < 2; i++) {
        COMMAND(&result, "env", preload, environments[i], built("postern"), "call", built(CRASHES), "GET", "/null");
        ck_assert_int_eq(result.signal, i == 0 ? SIGABRT : SIGSEGV);
        if (i == 1)
            EXPECT_HAS(result.err, "\npostern: no backtrace: what makes it was ended by a signal\n");
        command_free(&result);
    }
    finish();
}
END_TEST

START_TEST(another_build_is_told)
{
    struct command_result result;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    SERVE_CRASHES();
    crash("/crashes/null", NULL, "", 0, SIGSEGV);
    const char *path = kept();
    scratch_compile(&scratch, "crashes2.so",
                    "#include <ngi.h>\nstatic int mended(ngi_request *r) { return ngi_text(r, 200, \"mended\\n\"); }\n"
                    "NGI_PLUGIN(\"crashes\", \"1.3\", NGI_ROUTE(NGI_ANY, \"/null\", mended))\n",
                    "");
    COMMAND(&result, "postern", "call", "--replay", path, scratch_path(&scratch, "crashes2.so"));
    EXPECT_HAS(result.err, ": it was for build-id ");
    EXPECT_HAS(result.err, "(version 1.2), and ");
    EXPECT_HAS(result.out, "mended\n");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
    COMMAND(&result, "postern", "call", "--replay", path, built("examples/hello.so"));
    EXPECT_HAS(result.err, ": it was for plugin crashes, and ");
    ck_assert_int_eq(result.status, 1); /* no route */
    command_free(&result);
    finish();
}
END_TEST

Suite *crashes_suite(void)
{
    Suite *suite = suite_create("crashes");
    TCase *own = test_case(suite, "crashes", NULL);
    tcase_add_loop_test(own, a_crash_is_told_and_its_request_can_be_run_again, 0, sizeof endings / sizeof *endings);
    tcase_add_loop_test(own, a_crash_in_a_host_process_is_told_as_well, 0, sizeof endings / sizeof *endings);
    tcase_add_loop_test(own, a_crash_in_a_sandbox_is_told_as_well, 0, 4);
    tcase_add_test(own, a_smashed_stack_and_many_crashes_at_once_have_one_verdict);
    tcase_add_test(own, what_is_kept_names_the_client_behind_a_proxy);
    tcase_add_test(own, credentials_are_not_kept);
    tcase_add_test(own, a_long_body_is_cut_spilled_or_not);
    tcase_add_test(own, without_a_good_directory_nothing_is_kept);
    tcase_add_test(own, a_disk_that_is_full_costs_the_file_not_the_verdict);
    tcase_add_test(own, a_crash_ends_the_process_whatever_goes_wrong_in_telling_it);
    tcase_add_test(own, another_build_is_told);
    return suite;
}
