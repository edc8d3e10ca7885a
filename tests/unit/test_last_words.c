#include "proc/last_words.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/suites.h"

static struct transcript_facts told;

/* Written and read again. */
static void pass_on(const struct transcript_facts *facts)
{
    static char text[32 * 1024];
    snprintf(text, sizeof text, "%s", last_words_write(facts));
    last_words_read(text, &told);
}

START_TEST(what_is_written_is_read)
{
    const struct transcript_facts facts = { .plugin = "thumb",
                                            .version = "1.0",
                                            .build_id = "1f0c",
                                            .file = "/a=b/x\ny.so",
                                            .route = "/a=b/{id}",
                                            .phase = "handler",
                                            .signal = "SIGSEGV (bad memory access)",
                                            .address = "0x0",
                                            .incident = "52f6" };
    pass_on(&facts);
    ck_assert_str_eq(told.plugin, "thumb");
    ck_assert_str_eq(told.version, "1.0");
    ck_assert_str_eq(told.build_id, "1f0c");
    ck_assert_str_eq(told.file, "/a=b/x\ny.so");
    ck_assert_str_eq(told.route, "/a=b/{id}");
    ck_assert_str_eq(told.phase, "handler");
    ck_assert_str_eq(told.signal, "SIGSEGV (bad memory access)");
    ck_assert_str_eq(told.address, "0x0");
    ck_assert_str_eq(told.incident, "52f6");
    ck_assert_ptr_null(told.when);
    ck_assert_ptr_null(told.mount);
}
END_TEST

START_TEST(bad_memory_and_long_words_do_no_harm)
{
    static char longer[9000];
    memset(longer, 'v', sizeof longer - 1);
    const struct transcript_facts facts = {
        .plugin = "a\nplugin=b", .version = longer, .route = (const char *)8, .file = longer
    };
    pass_on(&facts);
    ck_assert_str_eq(told.plugin, "a?plugin=b");
    ck_assert_uint_le(strlen(told.version), 600);
    ck_assert_str_eq(told.route, "");
    ck_assert_ptr_nonnull(told.file);
    ck_assert_int_eq(strncmp(told.file, longer, strlen(told.file)), 0);
}
END_TEST

START_TEST(what_is_not_understood_is_left_out)
{
    char text[] = "colour=red\nplugin=x\nno value\n=y\nroute=\nversion", empty[] = "";
    last_words_read(text, &told);
    ck_assert_str_eq(told.plugin, "x");
    ck_assert_str_eq(told.route, "");
    ck_assert_ptr_null(told.version);
    ck_assert_ptr_null(told.file);
    last_words_read(empty, &told);
    ck_assert_ptr_null(told.plugin);
}
END_TEST

static const struct {
    struct transcript_facts facts;
    const char *tells, *reason;
} all_words[] = {
    { { .plugin = "x", .version = "1", .build_id = "ab", .phase = "handler", .route = "/", .incident = "77",
        .signal = "SIGSEGV (bad memory access)", .address = "0x0" },
      "plugin x 1 (build-id ab) crashed: SIGSEGV (bad memory access) at address 0x0, in handler of route \"/\", "
      "request 77",
      "it has crashed its worker (SIGSEGV in route \"/\", request 77)" },
    { { .plugin = "x", .phase = "background work", .signal = "SIGABRT (abort)" },
      "plugin x - (build-id -) crashed: SIGABRT (abort), in background work",
      "it has crashed its worker (SIGABRT in background work)" },
    { { .plugin = "x", .version = "1", .build_id = "ab", .phase = "clean-up", .route = "/a", .incident = "77" },
      "plugin x 1 (build-id ab) called exit(), in clean-up of route \"/a\", request 77",
      "it has ended its worker by exit() (in route \"/a\", request 77)" },
    { { .signal = "SIGSEGV (bad memory access)", .address = "0x8" },
      "crashed: SIGSEGV (bad memory access) at address 0x8, outside every call of a plugin that has a name", NULL },
};

START_TEST(people_are_told)
{
    char words[512];
    last_words_tell(&all_words[_i].facts, words, sizeof words);
    ck_assert_str_eq(words, all_words[_i].tells);
    if (!all_words[_i].reason)
        return;
    last_words_reason(&all_words[_i].facts, words, sizeof words);
    ck_assert_str_eq(words, all_words[_i].reason);
}
END_TEST

Suite *last_words_suite(void)
{
    Suite *suite = suite_create("last_words");
    TCase *tests = tcase_create("last_words");
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, bad_memory_and_long_words_do_no_harm);
    tcase_add_test(tests, what_is_not_understood_is_left_out);
    tcase_add_loop_test(tests, people_are_told, 0, sizeof all_words / sizeof *all_words);
    suite_add_tcase(suite, tests);
    return suite;
}
