/* Plugins that fail, crash, leave or hang while they start: check survives them all, in a process of their own. */
#include <stdio.h>
#include <string.h>

#include "tests/refusals/lifecycles.h"
#include "tests/refusals/refusal.h"

/* check names the plugin and what it did. A sanitizer would speak in place of the signal. */
static void did(const char *plugin, const char *words)
{
    char line[512];
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    snprintf(line, sizeof line, "DIR/x.so: %s", words);
    given("x.so", plugin);
    check_refuses(line, NULL);
}

/* serve ends with 1, or with the signal of the crash, and its last words have `words` and `then` in them. */
static void serve_dies_with(const char *plugin, const char *words, const char *then)
{
    struct command_result result;
    if (SANITIZED)
        return skip("the sanitizer takes the crash");
    given("x.so", plugin);
    RUN(&result, "serve", "--plugins", "DIR", "--listen", "127.0.0.1:0", "--ready-fd", "1");
    const char *found = strstr(result.err, words);
    ck_assert_msg(found && strstr(found, then), "serve said:\n%s\ninstead of:\n%s…%s", result.err, words, then);
    ck_assert_str_eq(result.out, "");
    ck_assert_int_ne(result.status, 0);
    command_free(&result);
}

/* postern check with a poll(2) for which time runs ten times as fast: its 30 s are over in 3. */
static void check_in_a_hurry(struct command_result *result)
{
    char preload[256];
    given("hurry", "#include <poll.h>\n#include <sys/syscall.h>\n#include <time.h>\n#include <unistd.h>\n"
                   "int poll(struct pollfd *fds, nfds_t count, int ms)\n"
                   "{ struct timespec time = { ms / 10000, ms % 10000 * 100000L };\n"
                   "  return (int)syscall(SYS_ppoll, fds, count, &time, NULL); }\n");
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", scratch_path(&dir, "hurry"));
    COMMAND(result, "env", preload, built("postern"), "check", "--plugins", dir.path);
}

START_TEST(an_init_that_fails_speaks_for_itself_on_one_line)
{
    given("x.so", FAILING_INIT);
    check_refuses("DIR/x.so: plugin x: init failed: no model for x at /x; fetch it from  models.example", NULL);
}
END_TEST

START_TEST(serve_refuses_an_init_that_fails)
{
    serve_dies_with(FAILING_INIT, "postern: DIR/x.so: plugin x: init failed: no model for x at /x; fetch it from ", "");
}
END_TEST

START_TEST(an_init_that_fails_without_words_gets_those_of_its_code)
{
    given("x.so", SILENT_INIT);
    refused("DIR/x.so: plugin x: init failed: input/output error");
}
END_TEST

START_TEST(a_constructor_that_crashes_is_named)
{
    did(CRASHING_CONSTRUCTOR, "crashed" IN_CONSTRUCTOR ": Segmentation fault" SHOWS_WHERE("DIR/x.so"));
}
END_TEST

START_TEST(serve_names_a_constructor_that_crashes)
{
    serve_dies_with(CRASHING_CONSTRUCTOR, "postern: crashed: SIGSEGV (bad memory access) at address 0x0 in DIR/x.so, "
                                          "static constructors\n", "");
}
END_TEST

START_TEST(an_init_that_crashes_is_named)
{
    did(CRASHING_INIT, "crashed in init: Segmentation fault" SHOWS_WHERE("DIR/x.so"));
}
END_TEST

START_TEST(serve_names_an_init_that_crashes)
{
    serve_dies_with(CRASHING_INIT, "postern: crashed: SIGSEGV (bad memory access) at address 0x0 in plugin x, file "
                                   "DIR/x.so, build-id ", ", init\n");
}
END_TEST

START_TEST(an_init_that_aborts_is_named)
{
    did(ABORTING_INIT, "crashed in init: Aborted" SHOWS_WHERE("DIR/x.so"));
}
END_TEST

START_TEST(an_init_that_dies_of_a_signal_without_a_name_is_named)
{
    did(SIGNALLING_INIT, "crashed in init: Real-time signal 0" SHOWS_WHERE("DIR/x.so"));
}
END_TEST

START_TEST(a_fini_that_crashes_is_named)
{
    did(CRASHING_FINI, "crashed in fini: Segmentation fault" SHOWS_WHERE("DIR/x.so"));
}
END_TEST

START_TEST(a_constructor_that_exits_is_named)
{
    did(EXITING_CONSTRUCTOR, "called exit(0)" IN_CONSTRUCTOR ": a plugin must not end the process it runs in");
}
END_TEST

START_TEST(serve_names_a_constructor_that_exits)
{
    serve_dies_with(EXITING_CONSTRUCTOR, "postern: a plugin must not call exit(): DIR/x.so, static constructors\n", "");
}
END_TEST

START_TEST(an_init_that_leaves_at_once_is_named)
{
    did(EXITING_INIT, "called exit(0) in init: a plugin must not end the process it runs in");
}
END_TEST

START_TEST(an_init_that_starts_a_helper_is_not_said_to_hang)
{
    struct command_result result;
    given("x.so", FORKING_INIT);
    if (SANITIZED)
        return skip("a sanitizer wants to be preloaded before all others");
    check_in_a_hurry(&result);
    ck_assert_str_eq(result.err, "");
    ck_assert_int_eq(result.status, 0);
    command_free(&result);
}
END_TEST

START_TEST(an_init_that_hangs_is_named)
{
    struct command_result result;
    given("x.so", HANGING_INIT);
    if (SANITIZED)
        return skip("a sanitizer wants to be preloaded before all others");
    check_in_a_hurry(&result);
    ck_assert_ptr_nonnull(strstr(result.err, "/x.so: did not return within 30 s in init; "
                                             "postern serve would wait for it\n"));
    ck_assert_int_eq(result.status, 1);
    command_free(&result);
}
END_TEST

Suite *lifecycle_suite(void)
{
    Suite *suite = suite_create("lifecycle");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, an_init_that_fails_speaks_for_itself_on_one_line);
    tcase_add_test(tests, serve_refuses_an_init_that_fails);
    tcase_add_test(tests, an_init_that_fails_without_words_gets_those_of_its_code);
    tcase_add_test(tests, a_constructor_that_crashes_is_named);
    tcase_add_test(tests, serve_names_a_constructor_that_crashes);
    tcase_add_test(tests, an_init_that_crashes_is_named);
    tcase_add_test(tests, serve_names_an_init_that_crashes);
    tcase_add_test(tests, an_init_that_aborts_is_named);
    tcase_add_test(tests, an_init_that_dies_of_a_signal_without_a_name_is_named);
    tcase_add_test(tests, a_fini_that_crashes_is_named);
    tcase_add_test(tests, a_constructor_that_exits_is_named);
    tcase_add_test(tests, serve_names_a_constructor_that_exits);
    tcase_add_test(tests, an_init_that_leaves_at_once_is_named);
    tcase_add_test(tests, an_init_that_starts_a_helper_is_not_said_to_hang);
    tcase_add_test(tests, an_init_that_hangs_is_named);
    return suite;
}
