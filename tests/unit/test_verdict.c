/* What a supervisor makes of a worker's words, without any process: who is to blame, and who is not. */
#include "proc/verdict.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/suites.h"

static struct succession succession;
static const char words[] = "plugin=x\nversion=1\nbuild-id=ab\nroute=/\nphase=handler\nsignal=SIGSEGV (bad)\n"
                            "incident=77\nfile=/p/x.so";
static const char idle_words[] = "plugin=x\nphase=fini\nsignal=SIGSEGV (bad)\nfile=/p/x.so";

/* The newest generation, with one file and one worker; `ret_theirs`: the worker's end of the channel. */
static struct generation *add_generation(enum generation_stage stage, const char *content, int *ret_theirs)
{
    struct report report = { 0 };
    struct settings *settings = NULL;
    struct bundle bundle = { .all = calloc(1, sizeof *bundle.all), .count = 1 };
    int ends[2];
    bundle.all[0] = (struct plugin_file){ .path = strdup("/p/x.so"), .copy = memfd_create("copy", MFD_CLOEXEC) };
    ck_assert_int_eq(write(bundle.all[0].copy, content, strlen(content)), (ssize_t)strlen(content));
    ck_assert_int_eq(settings_load(NULL, NULL, 0, &settings, &report), NGI_OK);
    struct generation *generation = generation_new(++succession.made, settings, &bundle);
    ck_assert_ptr_nonnull(generation);
    ck_assert_int_eq(channel_open(ends), 0);
    struct worker *worker = calloc(1, sizeof *worker);
    *worker = (struct worker){ .pid = 1000, .channel = ends[0], .told = -1, .stage = WORKER_ACCEPTS, .served = true };
    generation->stage = stage;
    generation->workers = worker;
    generation->next = succession.generations;
    succession.generations = generation;
    *ret_theirs = ends[1];
    return generation;
}

static void tear_down(void)
{
    while (succession.generations) {
        struct generation *generation = succession.generations;
        succession.generations = generation->next;
        generation_free(generation);
    }
    quarantine_free(&succession.quarantine);
    succession = (struct succession){ 0 };
}

static void say(struct generation *generation, int theirs, enum message message, const char *text)
{
    ck_assert_int_eq(channel_send(theirs, message, text, -1), 0);
    succession_hear(&succession, generation, generation->workers);
    close(theirs);
}

static const char *event(unsigned i)
{
    ck_assert_uint_lt(i, succession.event_count);
    return succession.events[i].text;
}

START_TEST(a_line_for_the_status_is_kept)
{
    int theirs;
    struct generation *generation = add_generation(GENERATION_SERVES, "one", &theirs);
    say(generation, theirs, MESSAGE_EVENT, "a host has crashed\nand more");
    ck_assert_str_eq(event(0), "a host has crashed");
    ck_assert_uint_eq(succession.event_count, 1);
    ck_assert_uint_eq(succession.quarantine.count, 0);
}
END_TEST

START_TEST(who_has_served_is_a_reason)
{
    int theirs;
    struct generation *generation = add_generation(GENERATION_SERVES, "one", &theirs);
    say(generation, theirs, MESSAGE_CRASHED, words);
    ck_assert_str_eq(event(0), "worker 1000: plugin x 1 (build-id ab) crashed: SIGSEGV (bad), in handler of route "
                               "\"/\", request 77");
    ck_assert_pstr_eq(generation->bundle.all[0].quarantine,
                      "it has crashed its worker (SIGSEGV in route \"/\", request 77)");
    ck_assert(quarantine_has(&succession.quarantine, "x"));
    ck_assert(generation->workers->crashed);
}
END_TEST

static void unserved(struct generation *generation) { generation->workers->served = false; }
static void leaving(struct generation *generation) { generation->workers->stage = WORKER_LEAVES; }
static void pinned(struct generation *generation) { generation->settings->run = RUN_POOL; }
static void starting(struct generation *generation) { generation->stage = GENERATION_STARTS; }
static void ending(struct generation *generation) { generation->stage = GENERATION_ENDS; }
static void elsewhere(struct generation *generation) { strcpy(generation->bundle.all[0].path, "/p/y.so"); }

static const struct {
    void (*change)(struct generation *generation);
    const char *text;
} no_reasons[] = {
    { unserved, words }, { leaving, idle_words }, { pinned, words },
    { starting, words }, { ending, words },       { elsewhere, words },
    { leaving, "signal=SIGSEGV (bad)\nfile=" },
};

START_TEST(these_are_none)
{
    int theirs;
    struct generation *generation = add_generation(GENERATION_SERVES, "one", &theirs);
    no_reasons[_i].change(generation);
    say(generation, theirs, MESSAGE_CRASHED, no_reasons[_i].text);
    ck_assert_uint_eq(succession.event_count, 1);
    ck_assert_uint_eq(succession.quarantine.count, 0);
    ck_assert_ptr_null(generation->bundle.all[0].quarantine);
}
END_TEST

START_TEST(a_request_that_is_lost_while_it_leaves_is_one)
{
    int theirs;
    struct generation *generation = add_generation(GENERATION_SERVES, "one", &theirs);
    leaving(generation);
    say(generation, theirs, MESSAGE_CRASHED, words);
    ck_assert(quarantine_has(&succession.quarantine, "x"));
}
END_TEST

/* An old generation that drains tells of the new one's build, too, if it is the same. */
START_TEST(the_build_is_marked_wherever_it_serves)
{
    int old_end, other_end;
    struct generation *old = add_generation(GENERATION_ENDS, "one", &old_end);
    leaving(old);
    struct generation *next = add_generation(GENERATION_SERVES, _i == 0 ? "one" : "two", &other_end);
    say(old, old_end, MESSAGE_CRASHED, words);
    ck_assert_int_eq(next->bundle.all[0].quarantine != NULL, _i == 0);
    ck_assert_int_eq(next->workers->stale, _i == 0);
    ck_assert_uint_eq(succession.quarantine.count, _i == 0);
    close(other_end);
}
END_TEST

Suite *verdict_suite(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tests = tcase_create("verdict");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, a_line_for_the_status_is_kept);
    tcase_add_test(tests, who_has_served_is_a_reason);
    tcase_add_loop_test(tests, these_are_none, 0, sizeof no_reasons / sizeof *no_reasons);
    tcase_add_test(tests, a_request_that_is_lost_while_it_leaves_is_one);
    tcase_add_loop_test(tests, the_build_is_marked_wherever_it_serves, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}
