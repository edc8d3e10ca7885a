/* Calls that a host process is given while it has another one, and the slots that they have in common with it. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/slots.h"
#include "tests/unit/host_fixture.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

/* --- slots --------------------------------------------------------------------------------------------------- */

static struct slots *slots, *other_end;

static void map_both(void)
{
    int fd;
    slots = slots_new(&fd);
    ck_assert_ptr_nonnull(slots);
    other_end = slots_map(fd);
    ck_assert_ptr_nonnull(other_end);
    ck_assert_int_lt(ftruncate(fd, 0), 0); /* or who can do that could have us die */
    ck_assert_int_lt(ftruncate(fd, 1 << 20), 0);
    close(fd);
}

static void unmap_both(void)
{
    slots_free(slots);
    slots_free(other_end);
}

START_TEST(an_answer_arrives)
{
    uint8_t answer[SLOT_ROOM];
    struct slot *here = &slots->all[SLOTS - 1], *there = &other_end->all[SLOTS - 1];
    slot_offer(here);
    ck_assert(!slot_is_answered(here));
    ck_assert(slot_begin(there));
    ck_assert(!slot_begin(there));
    ck_assert(!slot_withdraw(here));
    ck_assert(slot_answer(there, (const uint8_t *)"hello", 5));
    ck_assert(slot_is_answered(here));
    ck_assert_int_eq(slot_quiet(here), SLOT_ANSWERED);
    ck_assert_uint_eq(slot_read(here, answer), 5);
    ck_assert_mem_eq(answer, "hello", 5);
}
END_TEST

START_TEST(what_has_been_taken_back_does_not_begin)
{
    struct slot *here = &slots->all[0], *there = &other_end->all[0];
    slot_offer(here);
    ck_assert(slot_withdraw(here));
    ck_assert(!slot_withdraw(here));
    ck_assert(!slot_begin(there));
    slot_offer(here);
    ck_assert_int_eq(slot_quiet(here), SLOT_LAST);
    ck_assert(slot_withdraw(here));
    ck_assert(!slot_begin(there));
}
END_TEST

START_TEST(who_is_told_to_answers_by_the_socket)
{
    struct slot *here = &slots->all[0], *there = &other_end->all[0];
    slot_offer(here);
    if (_i == 0)
        ck_assert_int_eq(slot_quiet(here), SLOT_LAST);
    ck_assert(slot_begin(there));
    ck_assert_int_eq(slot_quiet(here), SLOT_ALONE);
    ck_assert(!slot_withdraw(here));
    ck_assert(!slot_answer(there, (const uint8_t *)"", 0));
    ck_assert(!slot_is_answered(here));
}
END_TEST

START_TEST(an_answer_has_its_room_and_no_more)
{
    static uint8_t answer[SLOT_ROOM + 1], read[SLOT_ROOM];
    struct slot *here = &slots->all[3], *there = &other_end->all[3];
    memset(answer, 'x', sizeof answer);
    slot_offer(here);
    ck_assert(slot_begin(there));
    ck_assert(!slot_answer(there, answer, SLOT_ROOM + 1));
    ck_assert(slot_answer(there, answer, SLOT_ROOM));
    ck_assert_uint_eq(slot_read(here, read), SLOT_ROOM);
    ck_assert_mem_eq(answer, read, SLOT_ROOM);
    ck_assert_uint_eq(atomic_load(&here[1].state), SLOT_FREE);
    atomic_store(&there->length, SLOT_ROOM + 1);
    ck_assert_uint_eq(slot_read(here, read), 0);
}
END_TEST

enum { TURNS = 20000 };
static pthread_barrier_t turn;
static _Atomic unsigned begun, by_socket;

static void *be_process(void *unused)
{
    (void)unused;
    for (int i = 0; i < TURNS; i++) {
        struct slot *slot = &other_end->all[i % SLOTS];
        pthread_barrier_wait(&turn);
        bool begins = slot_begin(slot);
        atomic_fetch_add(&begun, begins);
        if (begins && !slot_answer(slot, (const uint8_t *)&i, sizeof i))
            atomic_fetch_add(&by_socket, 1);
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

/* Whoever is quicker: a call begins or is taken back, and its answer comes by the way that both think of. */
START_TEST(both_agree_on_what_becomes_of_a_call)
{
    pthread_t process;
    uint8_t answer[SLOT_ROOM];
    unsigned withdrawn = 0, asked = 0, left = 0;
    pthread_barrier_init(&turn, NULL, 2);
    ck_assert_int_eq(pthread_create(&process, NULL, be_process, NULL), 0);
    for (int i = 0; i < TURNS; i++) {
        struct slot *slot = &slots->all[i % SLOTS];
        slot_offer(slot);
        pthread_barrier_wait(&turn);
        bool back = i % 3 == 0 && slot_withdraw(slot);
        enum slot_state state = i % 3 == 1 ? slot_quiet(slot) : SLOT_FREE;
        pthread_barrier_wait(&turn);
        withdrawn += back;
        asked += state == SLOT_LAST || state == SLOT_ALONE;
        ck_assert_int_eq(slot_is_answered(slot), !back && state != SLOT_LAST && state != SLOT_ALONE);
        if (!slot_is_answered(slot))
            continue;
        left++;
        ck_assert_uint_eq(slot_read(slot, answer), sizeof i);
        ck_assert_mem_eq(answer, &i, sizeof i);
    }
    pthread_join(process, NULL);
    pthread_barrier_destroy(&turn);
    ck_assert_uint_eq(atomic_load(&begun) + withdrawn, TURNS);
    ck_assert_uint_eq(atomic_load(&by_socket), asked);
    ck_assert_uint_eq(left + asked + withdrawn, TURNS);
}
END_TEST

/* --- several calls at once ----------------------------------------------------------------------------------- */

enum { CALLS = 8 };
static struct client gated[2], several[CALLS];

static void begin(struct client *one, const char *word)
{
    char target[64];
    client_begin(one);
    snprintf(target, sizeof target, "/?%s", word);
    ck_assert_int_eq(client_ask(one, target), TASK_WAIT);
}

static int finish(struct client *one)
{
    (void)client_wait(one);
    int status = client_status(one);
    client_leave(one);
    client_end(one);
    return status;
}

static bool all_busy(void *processes)
{
    return state().busy == *(unsigned *)processes;
}

static bool all_wait(void *unused)
{
    (void)unused;
    return state().waiting == CALLS;
}

/* All processes have a call that waits for the gate, and these wait for them. */
static void queue_up(unsigned processes, const char *const words[CALLS])
{
    be_quick(true);
    for (unsigned i = 0; i < processes; i++)
        begin(&gated[i], "gate");
    wait_until(all_busy, &processes);
    for (int i = 0; i < CALLS; i++)
        begin(&several[i], words[i]);
    wait_until(all_wait, NULL);
}

/* All but the last one, which says by the socket that it is. A process that was held up for a tick has them taken back,
 * and is given them one by one: then they are asked for again. */
START_TEST(calls_that_wait_are_given_together)
{
    static const char *const words[CALLS] = { "hello", "hello", "hello", "hello", "hello", "hello", "hello", "hello" };
    enum { ROUNDS = 50 };
    unsigned together = 0;
    given(&(struct given){ .most = 1 });
    for (int round = 0; round < ROUNDS && together < CALLS - 1; round++) {
        queue_up(1, words);
        uint64_t before = state().calls;
        unsigned in_slots = forks_in_slots();
        forks_open_gate();
        ck_assert_int_eq(finish(&gated[0]), 200);
        for (int i = 0; i < CALLS; i++) {
            (void)client_wait(&several[i]);
            ck_assert_str_eq(client_text(&several[i]), "hello");
            ck_assert_int_eq(finish(&several[i]), 200);
        }
        serve_idle();
        together = forks_in_slots() - in_slots;
        ck_assert_uint_le(together, CALLS - 1);
        ck_assert_uint_ge(state().calls - before, CALLS + 1);
    }
    ck_assert_uint_eq(together, CALLS - 1);
    ck_assert_uint_eq(forks_made(), 1);
    over();
    ck_assert_str_eq(told, "");
}
END_TEST

/* Whatever one of them does, the others are answered: all, unless the gateway kills the process for what it says, which
 * may have begun another one by then. */
START_TEST(one_of_several_is_none_of_the_others_business)
{
    static const struct {
        const char *word;
        int status;
        unsigned made, lost;
    } cases[] = {
        { "crash", 502, 2, 0 },     { "exit", 502, 2, 0 },
        { "garbage", 502, 2, 0 },   { "mute", 502, 2, 1 },
        { "smuggle", 502, 2, 1 },   { "close", 502, 2, 0 },
        { "file", 200, 1, 0 },      { "nofile", 502, 2, 1 },
        { "half", 502, 2, 0 },      { "long-slot", 502, 2, 0 },
        { "no-answer", 502, 2, 0 }, { "odd-state", 502, 2, 0 },
        { "big", 200, 1, 0 },       { "out-of-turn", 502, 2, 0 },
        { "unknown", 502, 2, 0 },   { "end-of-another", 502, 2, 1 },
    };
    const char *words[CALLS];
    unsigned lost = 0;
    bool all_live = cases[_i].made == 1; /* then nobody is killed for being late, should the machine stand still */
    given(&(struct given){ .most = 1, .timeout_ms = 20000, .kill_after_ms = all_live ? 20000 : 100 });
    for (int i = 0; i < CALLS; i++)
        words[i] = i == 2 ? cases[_i].word : "hello";
    queue_up(1, words);
    forks_open_gate();
    ck_assert_int_eq(finish(&gated[0]), 200);
    for (int i = 0; i < CALLS; i++) {
        int status = finish(&several[i]);
        bool good = status == (i == 2 ? cases[_i].status : 200);
        lost += !good;
        ck_assert_msg(good || (i > 2 && status == 502), "%s: call %d: %d", cases[_i].word, i, status);
    }
    ck_assert_uint_le(lost, cases[_i].lost);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), cases[_i].made);
    over();
}
END_TEST

/* What waits behind a call that takes long, however it does, has its turn in another process. */
START_TEST(nobody_waits_behind_a_slow_call)
{
    static const char *const slow[] = { "hang", "wait" };
    const char *words[CALLS];
    given(&(struct given){ .most = 2, .timeout_ms = 10000, .kill_after_ms = 1 });
    for (int i = 0; i < CALLS; i++)
        words[i] = i == 0 ? slow[_i] : "hello";
    queue_up(2, words);
    forks_open_gate();
    forks_open_gate();
    ck_assert_int_eq(finish(&gated[0]), 200);
    ck_assert_int_eq(finish(&gated[1]), 200);
    int64_t begun_ms = clock_ms();
    for (int i = 1; i < CALLS; i++)
        ck_assert_int_eq(finish(&several[i]), 200);
    ck_assert_int_lt(clock_ms() - begun_ms, 5000);
    task_cancel(several[0].task, NGI_CANCEL_DEADLINE);
    ck_assert_int_eq(finish(&several[0]), 504);
    over();
}
END_TEST

/* A process that does not so much as begin what it has been given is not waited for for ever. */
START_TEST(a_process_that_does_nothing_more_is_ended)
{
    const char *words[CALLS];
    given(&(struct given){ .most = 1, .timeout_ms = 3000, .kill_after_ms = 100 });
    for (int i = 0; i < CALLS; i++)
        words[i] = i == 0 ? "answer-and-hang" : "hello";
    queue_up(1, words);
    forks_open_gate();
    ck_assert_int_eq(finish(&gated[0]), 200);
    ck_assert_int_eq(finish(&several[0]), 200);
    for (int i = 1; i < CALLS; i++)
        ck_assert_int_eq(finish(&several[i]), 504);
    ck_assert_int_eq(get("hello"), 200);
    ck_assert_uint_eq(forks_made(), 2);
    over();
}
END_TEST

/* A client that leaves takes its call along, wherever that is by then, and nobody else's. */
START_TEST(clients_that_leave_take_their_calls_along)
{
    static const char *const words[CALLS] = { "hello", "hello", "hello", "hello", "hello", "hello", "hello", "hello" };
    given(&(struct given){ .most = 1 });
    for (int round = 0; round < 30; round++) {
        queue_up(1, words);
        forks_open_gate();
        for (int i = 0; i < CALLS; i += 2) {
            task_cancel(several[i].task, NGI_CANCEL_CLIENT);
            (void)finish(&several[i]);
        }
        ck_assert_int_eq(finish(&gated[0]), 200);
        for (int i = 1; i < CALLS; i += 2)
            ck_assert_msg(finish(&several[i]) == 200, "round %d: call %d: %s", round, i, told);
        serve_idle();
    }
    ck_assert_uint_eq(forks_made(), 1);
    over();
    ck_assert_str_eq(told, "");
}
END_TEST

/* ---------------------------------------------------------------------------------------------------------- */

Suite *ahead_suite(void)
{
    Suite *suite = suite_create("ahead");
    TCase *tcase = tcase_create("slots");
    tcase_add_checked_fixture(tcase, map_both, unmap_both);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, an_answer_arrives);
    tcase_add_test(tcase, what_has_been_taken_back_does_not_begin);
    tcase_add_loop_test(tcase, who_is_told_to_answers_by_the_socket, 0, 2);
    tcase_add_test(tcase, an_answer_has_its_room_and_no_more);
    tcase_add_test(tcase, both_agree_on_what_becomes_of_a_call);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("several");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, calls_that_wait_are_given_together);
    tcase_add_loop_test(tcase, one_of_several_is_none_of_the_others_business, 0, 16);
    tcase_add_loop_test(tcase, nobody_waits_behind_a_slow_call, 0, 2);
    tcase_add_test(tcase, a_process_that_does_nothing_more_is_ended);
    tcase_add_test(tcase, clients_that_leave_take_their_calls_along);
    suite_add_tcase(suite, tcase);
    return suite;
}
