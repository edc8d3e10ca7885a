/* Processes that are killed, replaced and reloaded under load: nobody is lost but who was being served by what was
 * killed. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/integration/families.h"
#include "tests/integration/generations.h"
#include "tests/integration/load.h"
#include "tests/integration/suites.h"
#include "tests/integration/support.h"

enum { CLIENTS = 32, HOSTS_MOST = 64 };

/* Two plugins in host processes, one on the pool, one on threads. */
static const char *const paths[] = { "/g/", "/faults/nap", "/hello/", "/still/", NULL };
enum { IN_HOSTS, IN_OTHER_HOSTS, ON_POOL, ON_THREADS };

static void serve_four(const char *const *more)
{
    const char *arguments[32] = { "--set", "plugin.g.run=process",  "--set", "plugin.faults.run=process",
                                  "--set", "plugin.hello.run=pool", "--set", "plugin.still.run=thread" };
    size_t n = 8;
    prepare_generations();
    make_flavour("still", "-DNAME=\"still\" -DANSWER=\"still\"");
    copy_over("still", "still");
    scratch_copy_as(&scratch, "examples/hello.so", "plugins/hello.so");
    scratch_copy_as(&scratch, "tests/integration/plugins/faults.so", "plugins/faults.so");
    while (*more && n < 31)
        arguments[n++] = *more++;
    serve_generations(arguments);
}
#define SERVE_FOUR(...) serve_four(LIST(__VA_ARGS__))

/* What does not run in what was killed is hardly slower for it: three times as slow, and what a busy machine adds. */
static void expect_fast(const struct load_result *before, const struct load_result *result)
{
    enum { BUSY_US = 100 * 1000 };
    for (int i = ON_POOL; i <= ON_THREADS; i++)
        ck_assert_msg(result->p99_us[i] <= 3 * before->p99_us[i] + BUSY_US,
                      "%s: the slowest in a hundred took %ld us, and %ld us without any harm", paths[i],
                      (long)result->p99_us[i], (long)before->p99_us[i]);
}

/* The same load, with nothing that happens. */
static struct load_result load_unharmed(void)
{
    struct load *load = load_begin_many(gateway.port, paths, CLIENTS, 0);
    load_await(load, 4000);
    return load_end(load);
}

#define EXPECT_NOBODY_LOST(result)                                                                             \
    ck_assert_msg((result).bad + (result).lost + (result).closed_idle == 0,                                    \
                  "%lu bad, %lu lost, %lu closed, of %lu: %s", (result).bad, (result).lost, (result).closed_idle, \
                  (result).answered, (result).first_loss)

/* --- host processes ------------------------------------------------------------------------------------------ */

START_TEST(a_host_that_is_killed_loses_its_call_at_most)
{
    enum { KILLS = 60, SOME = 40 };
    static const char *const names[] = { "g", "faults" };
    pid_t hosts[HOSTS_MOST];
    unsigned kills = 0;
    srand(7);
    SERVE_FOUR("--set", "hosts=4");
    pid_t worker = gateway_worker(&gateway);
    struct load_result before = load_unharmed();
    struct load *load = load_begin_many(gateway.port, paths, CLIENTS, 0);
    for (int i = 0; i < KILLS; i++) {
        size_t count = children_of(zygote_of(worker, names[i % 2]), hosts, HOSTS_MOST);
        if (count > 0)
            kills += kill(hosts[(unsigned)rand() % count], SIGKILL) == 0;
        load_await_at(load, i % 2 ? IN_OTHER_HOSTS : IN_HOSTS, SOME); /* so that it is not killed again and again */
    }
    struct load_result result = load_end(load);
    printf("%u killed, %lu answered 502\n", kills, result.bad_gateway);
    ck_assert_uint_ge(kills, KILLS / 2);
    ck_assert_uint_eq(result.bad, result.bad_gateway);
    ck_assert_uint_le(result.bad, kills);
    ck_assert_uint_eq(result.bad_at[ON_POOL] + result.bad_at[ON_THREADS], 0);
    ck_assert_uint_eq(result.lost + result.closed_idle, 0);
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    expect_fast(&before, &result);
    finish_alone();
}
END_TEST

START_TEST(an_idle_host_that_is_killed_loses_nothing)
{
    enum { KILLS = 40 };
    pid_t hosts[HOSTS_MOST];
    unsigned kills = 0;
    SERVE_FOUR("--set", "hosts=2");
    pid_t zygote = zygote_of(gateway_worker(&gateway), "g");
    for (int i = 0; i < KILLS; i++) {
        EXPECT(GET("/g/"), 200, "one");
        size_t count = children_of(zygote, hosts, HOSTS_MOST);
        for (size_t j = 0; j < count && j < 2; j++)
            kills += kill(hosts[j], SIGKILL) == 0;
    }
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_uint_ge(kills, KILLS);
    finish_alone();
}
END_TEST

/* --- zygotes --------------------------------------------------------------------------------------------------- */

/* While hosts come and go, for which a zygote is needed. */
START_TEST(a_zygote_that_is_killed_loses_nobody)
{
    enum { KILLS = 5, SOME = 500 };
    SERVE_FOUR("--set", "hosts=4", "--set", "max_requests=200");
    pid_t worker = gateway_worker(&gateway);
    struct load_result before = load_unharmed();
    struct load *load = load_begin_many(gateway.port, paths, CLIENTS, 0);
    for (unsigned i = 0; i < KILLS; i++) {
        pid_t zygote = zygote_of(worker, "g");
        ck_assert_int_gt(zygote, 0);
        ck_assert_int_eq(kill(zygote, SIGKILL), 0);
        await_count("plugin g: its zygote is process ", i + 1);
        load_await_at(load, IN_HOSTS, SOME);
    }
    struct load_result result = load_end(load);
    EXPECT_NOBODY_LOST(result);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "died of SIGKILL while its hosts served: another is started"),
                      KILLS);
    ck_assert_int_eq(gateway_worker(&gateway), worker);
    expect_fast(&before, &result);
    finish_alone();
}
END_TEST

START_TEST(a_zygote_that_does_not_answer_is_replaced)
{
    char words[120];
    pid_t host;
    SERVE_FOUR("--set", "hosts=1");
    EXPECT(GET("/g/"), 200, "one");
    pid_t zygote = zygote_of(gateway_worker(&gateway), "g");
    ck_assert_uint_eq(children_of(zygote, &host, 1), 1);
    ck_assert_int_eq(kill(zygote, SIGSTOP), 0);
    ck_assert_int_eq(kill(host, SIGKILL), 0);
    EXPECT(GET("/g/"), 200, "one"); /* it waits for the next host */
    snprintf(words, sizeof words, "plugin g: its zygote, process %d, has not answered for 10 s: it is killed\n",
             (int)zygote);
    gateway_wait_log(&gateway, words);
    finish_alone();
}
END_TEST

/* --- workers ------------------------------------------------------------------------------------------------- */

/* All hosts of the worker are there from the beginning: so it is known whom a client has had its answer from. */
START_TEST(a_worker_that_is_killed_takes_its_family_along_and_nobody_elses_calls)
{
    enum { WORKERS = 2, SOME = 500, KEPT = 12, FRESH = 4 };
    pid_t pids[WORKERS + 1], family[HOSTS_MOST];
    int processes[HOSTS_MOST];
    prepare_generations();
    SERVE_GENERATIONS("--set", "processes=2", "--set", "run=process", "--set", "hosts=2", "--set", "spare_hosts=2");
    await_hosts("g", WORKERS * 2);
    ck_assert_uint_eq(workers(pids, WORKERS + 1), WORKERS);
    struct load *load = load_begin(gateway.port, "/g/pid", KEPT, FRESH);
    load_await(load, SOME);
    size_t count;
    while ((count = family_of(pids[0], family, HOSTS_MOST)) < 3) /* one that is counted may not have been forked yet */
        continue;
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        processes[i] = open_process(family[i]);
        load_killed(load, family[i]);
    }
    ck_assert_int_eq(kill(pids[0], SIGKILL), 0);
    for (size_t i = 0; i < count; i++)
        await_exit(processes[i]);
    await_count("; another takes its place", 1);
    load_await(load, SOME);
    struct load_result result = load_end(load);
    ck_assert_uint_eq(result.bad, 0);
    ck_assert_msg(result.lost == result.lost_to, "%lu lost, %lu of them to the worker that was killed: %s", result.lost,
                  result.lost_to, result.first_loss);
    ck_assert_uint_le(result.lost, KEPT + FRESH);
    finish_alone();
}
END_TEST

/* --- generations --------------------------------------------------------------------------------------------- */

START_TEST(reloads_lose_nobody)
{
    enum { RELOADS = 50 };
    unsigned generation = 1;
    char says[64];
    prepare_generations();
    make_flavour("bad", "-DANSWER=\"bad\" -DREFUSES");
    SERVE_GENERATIONS("--set", "run=process", "--set", "processes=2", "--set", "hosts=3");
    struct load *load = load_begin_many(gateway.port, LIST("/g/", "/g/pid"), 8, 4);
    for (unsigned i = 0; i < RELOADS; i++) {
        bool bad = i % 2;
        copy_over(bad ? "bad" : i % 4 == 0 ? "two" : "one", "g");
        snprintf(says, sizeof says, "generation %u serves\n", ++generation);
        reload(bad, bad ? "the database is gone" : says);
        load_await(load, 50);
    }
    struct load_result result = load_end(load);
    EXPECT_NOBODY_LOST(result);
    ck_assert_uint_eq(count_of(gateway_log(&gateway), "host processes have not ended"), 0);
    finish_alone();
}
END_TEST

START_TEST(another_binary_loses_nobody)
{
    enum { TAKEOVERS = 5 };
    prepare_generations();
    SERVE_GENERATIONS("--set", "run=process", "--set", "hosts=3");
    struct load *load = load_begin_many(gateway.port, LIST("/g/", "/g/pid"), 8, 4);
    for (unsigned i = 0; i < TAKEOVERS; i++) {
        load_await(load, 100);
        ck_assert_int_eq(kill(gateway.pid, SIGUSR2), 0);
        await_serving(i + 2);
        await_ended(i + 1);
    }
    load_await(load, 100);
    struct load_result result = load_end(load);
    EXPECT_NOBODY_LOST(result);
    finish_alone();
}
END_TEST

/* What was checked when the generation began is what runs, in each host and each zygote of it. */
START_TEST(a_file_that_is_written_over_changes_nothing)
{
    prepare_generations();
    SERVE_GENERATIONS("--set", "run=process", "--set", "hosts=2");
    pid_t worker = gateway_worker(&gateway);
    struct load *load = load_begin(gateway.port, "/g/", 4, 0);
    load_await(load, 100);
    copy_over("two", "g");
    load_await(load, 100);
    EXPECT(GET("/g/"), 200, "one");
    ck_assert_int_eq(kill(zygote_of(worker, "g"), SIGKILL), 0);
    gateway_wait_log(&gateway, "plugin g: its zygote is process ");
    load_await(load, 100);
    struct load_result result = load_end(load);
    EXPECT_NOBODY_LOST(result);
    EXPECT(GET("/g/"), 200, "one");
    reload(0, "generation 2 serves\n");
    EXPECT(GET("/g/"), 200, "two");
    finish_alone();
}
END_TEST

Suite *host_losses_suite(void)
{
    Suite *suite = suite_create("host_losses");
    TCase *own = test_case(suite, "a gateway each", NULL);
    tcase_add_test(own, a_host_that_is_killed_loses_its_call_at_most);
    tcase_add_test(own, an_idle_host_that_is_killed_loses_nothing);
    tcase_add_test(own, a_zygote_that_is_killed_loses_nobody);
    tcase_add_test(own, a_zygote_that_does_not_answer_is_replaced);
    tcase_add_test(own, a_worker_that_is_killed_takes_its_family_along_and_nobody_elses_calls);
    tcase_add_test(own, reloads_lose_nobody);
    tcase_add_test(own, another_binary_loses_nobody);
    tcase_add_test(own, a_file_that_is_written_over_changes_nothing);
    return suite;
}
