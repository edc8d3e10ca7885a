#include "run/hosts.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "run/reactor.h"
#include "run/stream.h"
#include "tests/unit/host_fixture.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

static bool has_processes(void *arg)
{
    return state().processes == *(unsigned *)arg;
}

static void await_processes(unsigned count)
{
    wait_until(has_processes, &count);
}

static bool has_crashed(void *unused)
{
    (void)unused;
    return state().crashed == 1;
}

static bool is_closed(void *unused)
{
    (void)unused;
    return strcmp(state().circuit, "closed") == 0;
}

/* Takes a streamed response; *ret_end: STREAM_END or STREAM_CUT. */
static size_t take_stream(int64_t *ret_end)
{
    static char block[10000 + 1];
    size_t sum = 0;
    for (;;) {
        int64_t n = stream_take(client.answer, block, sizeof block - 1);
        block[n > 0 ? n : 0] = '\0';
        if (n == STREAM_LATER) {
            wait_for(&client.resumed);
        } else if (n > 0) {
            ck_assert_uint_eq(strspn(block, "x"), (size_t)n);
            sum += (size_t)n;
        } else {
            *ret_end = n;
            return sum;
        }
    }
}

/* --- calls --------------------------------------------------------------------------------------------------- */

START_TEST(a_call_is_answered_by_a_process)
{
    given(&(struct given){ 0 });
    ck_assert_int_eq(ask("hello"), 200);
    ck_assert_str_eq(client_text(&client), "hello");
    ck_assert_str_eq(client.answer->request->response.type, "text/plain");
    ck_assert_str_eq(client.answer->request->timing.rung, "process");
    client_leave(&client);
    ck_assert_int_eq(ask("pid"), 200);
    ck_assert_int_ne(atoi(client_text(&client)), getpid());
    client_leave(&client);
    ck_assert_uint_eq(forks_made(), 1);
    over();
    ck_assert_uint_eq(forks_ended(), 1);
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_large_response_comes_whole)
{
    static const char *const words[] = { "big", "long" };
    int64_t how;
    given(&(struct given){ 0 });
    ck_assert_int_eq(ask(words[_i]), 200);
    ck_assert_int_eq(client.answer->request->response.declared, _i == 0 ? BIG : -1);
    ck_assert_uint_eq(take_stream(&how), BIG);
    ck_assert_int_eq(how, STREAM_END);
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 1);
    over();
}
END_TEST

START_TEST(a_file_is_handed_over)
{
    given(&(struct given){ 0 });
    ck_assert_int_eq(ask("file"), 200);
    const struct response *response = &client.answer->request->response;
    ck_assert_int_eq(response->kind, RESPONSE_FILE);
    ck_assert_int_eq(response->length, BIG);
    char block[16];
    ck_assert_int_eq(pread(response->fd, block, sizeof block, BIG - 16), 16);
    ck_assert_int_eq(block[15], 'x');
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 1);
    over();
}
END_TEST

START_TEST(a_stream_is_sent_while_it_is_made)
{
    char block[16];
    int64_t n;
    given(&(struct given){ .timeout_ms = 3000 });
    ck_assert_int_eq(ask("stream"), 200);
    while ((n = stream_take(client.answer, block, sizeof block)) == STREAM_LATER)
        wait_for(&client.resumed);
    ck_assert_int_eq(n, 4);
    ck_assert_mem_eq(block, "live", 4);
    while ((n = stream_take(client.answer, block, sizeof block)) == STREAM_LATER)
        wait_for(&client.resumed);
    ck_assert_int_eq(n, STREAM_CUT); /* its deadline */
    client_leave(&client);
    over();
}
END_TEST

START_TEST(spare_processes_are_ready_before_the_first_call)
{
    given(&(struct given){ .most = 3, .spare = 2 });
    await_processes(2);
    ck_assert_int_eq(get("hello"), 200);
    over();
    ck_assert_uint_eq(forks_made(), forks_ended());
}
END_TEST

enum { CLIENTS = 8, ROUNDS = 100 };

static void *go_round(void *unused)
{
    struct client own;
    (void)unused;
    client_begin(&own);
    for (int i = 0; i < ROUNDS; i++) {
        (void)client_ask(&own, "/?hello");
        (void)client_wait(&own);
        ck_assert_int_eq(client_status(&own), 200);
        ck_assert_str_eq(client_text(&own), "hello");
        client_leave(&own);
    }
    client_end(&own);
    task_thread_end();
    return NULL;
}

START_TEST(calls_share_processes_and_wait_for_them)
{
    pthread_t threads[CLIENTS];
    given(&(struct given){ .most = 3 });
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, go_round, NULL), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    serve_idle();
    ck_assert_uint_eq(state().calls, CLIENTS * ROUNDS);
    ck_assert_uint_le(forks_made(), 3);
    over();
}
END_TEST

START_TEST(a_process_is_recycled_after_so_many_calls)
{
    given(&(struct given){ .most = 1, .max_requests = 3 });
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 4);
    over();
    ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(a_process_that_has_grown_is_recycled)
{
    given(&(struct given){ .most = 1, .max_rss = 4096 });
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(get("hello"), 200);
    over();
    ck_assert_uint_eq(forks_made(), 5);
    ck_assert_str_eq(told, "");
}
END_TEST

/* --- waited for ---------------------------------------------------------------------------------------------- */

START_TEST(a_quick_call_is_waited_for)
{
    given(&(struct given){ 0 });
    be_quick(false);
    unsigned suspends = atomic_load(&client.suspends), waited = 0, calls = 0;
    for (; calls < 100 || waited == 0; calls++) { /* a machine that stands still may be slow a hundred times */
        waited += client_ask(&client, "/?hello") == TASK_RESPOND;
        ck_assert_int_eq((client_wait(&client), client_status(&client)), 200);
        ck_assert_str_eq(client_text(&client), "hello");
        ck_assert_str_eq(client.answer->request->timing.rung, "process");
        client_leave(&client);
    }
    ck_assert_uint_eq(atomic_load(&client.suspends) - suspends, calls - waited);
    over();
}
END_TEST

START_TEST(whatever_a_call_that_is_waited_for_does_is_as_ever)
{
    static const struct {
        const char *word;
        int status;
        unsigned made; /* processes, when the next call has been answered */
    } cases[] = {
        { "hello", 200, 1 }, { "file", 200, 1 },    { "crash", 502, 2 }, { "exit", 502, 2 },
        { "half", 502, 2 },  { "garbage", 502, 2 }, { "mute", 502, 2 },  { "nofile", 502, 2 },
        { "hang", 504, 2 },  { "wait", 504, 1 },    { "close", 502, 2 }, { "smuggle", 502, 2 },
    };
    bool lives = cases[_i].made == 1; /* then it is not killed for being late, should the machine stand still */
    bool late = cases[_i].status == 504;
    given(&(struct given){ .most = 1, .timeout_ms = late ? 3000 : 20000, .kill_after_ms = lives ? 20000 : 100 });
    be_quick(false);
    ck_assert_int_eq(get(cases[_i].word), cases[_i].status);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), cases[_i].made);
    over();
}
END_TEST

START_TEST(a_large_response_that_was_waited_for_comes_whole)
{
    static const char *const words[] = { "big", "long" };
    int64_t how;
    given(&(struct given){ 0 });
    be_quick(false);
    ck_assert_int_eq(ask(words[_i]), 200);
    ck_assert_uint_eq(take_stream(&how), BIG);
    ck_assert_int_eq(how, STREAM_END);
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 1);
    over();
}
END_TEST

START_TEST(calls_that_are_not_quick_are_waited_for_no_longer)
{
    given(&(struct given){ .timeout_ms = 50, .kill_after_ms = 5000, .most = 8 });
    be_quick(false);
    for (int i = 0; lane_is_quick(serve_lane()); i++) {
        ck_assert_int_lt(i, 10);
        ck_assert_int_eq(get("wait"), 504);
    }
    over();
}
END_TEST

/* --- faults -------------------------------------------------------------------------------------------------- */

START_TEST(a_crash_costs_its_own_call)
{
    static const struct {
        const char *word, *how;
        int status;
    } cases[] = {
        { "crash", "SIGSEGV", 502 },
        { "exit", "status 0", 502 },
        { "half", "SIGSEGV", 502 },
        { "garbage", "another version", 502 },
        { "mute", "without a response", 502 },
        { "smuggle", "no handler may send", 502 },
        { "nofile", "no file", 502 },
        { "short", "no file", 502 },
        { "close", "had closed its socket, and did not end", 502 },
    };
    given(&(struct given){ .most = 1 });
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_int_eq(ask(cases[_i].word), cases[_i].status);
    ck_assert_ptr_nonnull(strstr(client_text(&client), client.answer->request->id));
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 2);
    wait_until(has_crashed, NULL); /* the next one may have come before that */
    ck_assert_ptr_nonnull(strstr(state().last, cases[_i].how));
    over();
    ck_assert_ptr_nonnull(strstr(told, cases[_i].how));
}
END_TEST

START_TEST(a_stream_that_is_cut_is_no_whole_one)
{
    int64_t how;
    given(&(struct given){ 0 });
    int status = ask("cut");
    if (client.answer && client.answer->request->response.begun) {
        ck_assert_int_eq(status, 200);
        char block[64];
        do
            how = stream_take(client.answer, block, sizeof block);
        while (how > 0 || (how == STREAM_LATER && (wait_for(&client.resumed), true)));
        ck_assert_int_eq(how, STREAM_CUT);
    } else {
        ck_assert_int_eq(status, 500);
    }
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 1); /* it has done nothing wrong */
    over();
}
END_TEST

START_TEST(an_idle_process_that_is_killed_loses_no_call)
{
    given(&(struct given){ .most = 1 });
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(ask("pid"), 200);
        pid_t pid = atoi(client_text(&client));
        client_leave(&client);
        kill(pid, SIGKILL); /* and at once, whether it is gone by then or not: */
        ck_assert_int_eq(get("hello"), 200);
    }
    over();
}
END_TEST

/* One that heeds the abort lives, however late it does. */
START_TEST(a_deadline_aborts_the_call)
{
    given(&(struct given){ .most = 1, .timeout_ms = 100, .kill_after_ms = 20000 });
    int64_t before = clock_ms();
    ck_assert_int_eq(get("wait"), 504);
    ck_assert_int_lt(clock_ms() - before, 20000);
    while (get("hello") == 504)
        ;
    ck_assert_uint_eq(forks_made(), 1);
    over();
}
END_TEST

START_TEST(a_deadline_kills_what_does_not_heed_it)
{
    given(&(struct given){ .most = 1, .timeout_ms = 100, .kill_after_ms = 200 });
    while (forks_made() < 2) { /* a call whose deadline came before its process had it kills nobody */
        ck_assert_int_eq(get("hang"), 504);
        while (get("hello") == 504) /* it waits for the process to be killed */
            ;
    }
    over();
}
END_TEST

static bool runs(void *arg)
{
    struct task *task = arg;
    pthread_mutex_lock(&task->lock);
    bool is = task->stage == TASK_RUNNING;
    pthread_mutex_unlock(&task->lock);
    return is;
}

START_TEST(a_client_that_leaves_aborts_the_call)
{
    given(&(struct given){ .most = 1 });
    ck_assert_int_eq(client_ask(&client, "/?wait"), TASK_WAIT);
    wait_until(runs, client.task);
    task_cancel(client.task, NGI_CANCEL_CLIENT); /* as the watch does; it may still listen */
    (void)client_wait(&client);
    ck_assert_int_eq(client_status(&client), 500);
    client_leave(&client);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 1);
    over();
}
END_TEST

START_TEST(what_keeps_failing_is_left_alone_and_then_tried)
{
    given(&(struct given){ .most = 1 });
    int status;
    for (;;) {
        for (int i = 0; i < 5; i++)
            ck_assert_int_eq(get("crash"), 502);
        if (ask("hello") == 503)
            break;
        ck_assert_int_eq(client_status(&client), 200); /* the machine has stood still until it was to be tried again */
        client_leave(&client);
        wait_until(is_closed, NULL);
    }
    ck_assert_ptr_nonnull(response_get_header(&client.answer->request->response, "Retry-After"));
    client_leave(&client);
    ck_assert_str_eq(state().circuit, "open");
    int64_t end = clock_ms() + 20000;
    while ((status = get("hello")) == 503 && clock_ms() < end)
        let_pass(10);
    ck_assert_int_eq(status, 200);
    wait_until(is_closed, NULL); /* a moment after its answer */
    over();
    ck_assert_ptr_nonnull(strstr(told, "keep failing"));
    ck_assert_ptr_nonnull(strstr(told, ": its host processes work again"));
}
END_TEST

START_TEST(a_plugin_without_processes_answers_503)
{
    given(&(struct given){ .most = 1, .timeout_ms = 20000 });
    forks_make(_i == 0 ? MAKE_NONE : MAKE_STILLBORN);
    ck_assert_int_eq(get("hello"), 503);
    ck_assert_str_eq(state().circuit, "open");
    over();
}
END_TEST

/* Looped over: which of them has the call when the circuit opens is chance. */
START_TEST(where_after_fork_fails_calls_are_refused_and_few_processes_are_made)
{
    given(&(struct given){ .most = 4, .spare = 3, .timeout_ms = 20000 });
    ck_assert_int_eq(get("hello"), 200);
    forks_make(MAKE_UNFIT);
    do /* until those that were there are gone, and no probe is under way */
        (void)get("crash");
    while (get("hello") != 503);
    ck_assert_str_eq(state().circuit, "open");
    ck_assert_uint_lt(forks_made(), 100); /* without a pause it would be hundreds a second */
    over();
    ck_assert_ptr_nonnull(strstr(told, " could not begin: after_fork failed, and the log has its words"));
}
END_TEST

START_TEST(a_full_queue_refuses)
{
    given(&(struct given){ .most = 1, .queue = 1, .timeout_ms = 20000, .kill_after_ms = 1 });
    struct client second, third;
    client_begin(&second);
    client_begin(&third);
    ck_assert_int_eq(client_ask(&client, "/?hang"), TASK_WAIT);
    wait_until(has_processes, &(unsigned){ 1 });
    while (state().busy == 0)
        let_pass(1);
    ck_assert_int_eq(client_ask(&second, "/?hello"), TASK_WAIT);
    ck_assert_int_eq(client_ask(&third, "/?hello"), TASK_RESPOND);
    (void)client_wait(&third);
    ck_assert_int_eq(client_status(&third), 503);
    client_leave(&third);
    task_cancel(client.task, NGI_CANCEL_DEADLINE); /* as the watch would */
    (void)client_wait(&client);
    ck_assert_int_eq(client_status(&client), 504);
    client_leave(&client);
    (void)client_wait(&second);
    client_leave(&second);
    client_end(&second);
    client_end(&third);
    over();
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *hosts_suite(void)
{
    Suite *suite = suite_create("hosts");
    TCase *tcase = tcase_create("calls");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_call_is_answered_by_a_process);
    tcase_add_loop_test(tcase, a_large_response_comes_whole, 0, 2);
    tcase_add_test(tcase, a_file_is_handed_over);
    tcase_add_test(tcase, a_stream_is_sent_while_it_is_made);
    tcase_add_test(tcase, spare_processes_are_ready_before_the_first_call);
    tcase_add_test(tcase, calls_share_processes_and_wait_for_them);
    tcase_add_test(tcase, a_process_is_recycled_after_so_many_calls);
    tcase_add_test(tcase, a_process_that_has_grown_is_recycled);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("waited for");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_quick_call_is_waited_for);
    tcase_add_loop_test(tcase, whatever_a_call_that_is_waited_for_does_is_as_ever, 0, 12);
    tcase_add_loop_test(tcase, a_large_response_that_was_waited_for_comes_whole, 0, 2);
    tcase_add_test(tcase, calls_that_are_not_quick_are_waited_for_no_longer);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_crash_costs_its_own_call, 0, 9);
    tcase_add_test(tcase, a_stream_that_is_cut_is_no_whole_one);
    tcase_add_test(tcase, an_idle_process_that_is_killed_loses_no_call);
    tcase_add_test(tcase, a_deadline_aborts_the_call);
    tcase_add_test(tcase, a_deadline_kills_what_does_not_heed_it);
    tcase_add_test(tcase, a_client_that_leaves_aborts_the_call);
    tcase_add_test(tcase, what_keeps_failing_is_left_alone_and_then_tried);
    tcase_add_loop_test(tcase, a_plugin_without_processes_answers_503, 0, 2);
    tcase_add_loop_test(tcase, where_after_fork_fails_calls_are_refused_and_few_processes_are_made, 0, 4);
    tcase_add_test(tcase, a_full_queue_refuses);
    suite_add_tcase(suite, tcase);
    return suite;
}
