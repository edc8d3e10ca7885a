#include "run/reactor.h"

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

/* What runs on the reactor's thread notes what it has seen, and the test's own thread looks at it after `do_there`. */
static sem_t done;

static void set_up(void)
{
    ngi_error err;
    sem_init(&done, 0, 0);
    ck_assert_int_eq(reactor_start(&err), NGI_OK);
}

static void tear_down(void)
{
    reactor_stop();
    sem_destroy(&done);
}

struct visit {
    struct reactor_errand errand;
    void (*what)(void);
};

static void run_visit(struct reactor_errand *errand)
{
    void (*what)(void) = ((struct visit *)((char *)errand - offsetof(struct visit, errand)))->what;
    if (what)
        what();
    sem_post(&done);
}

/* Does it on the reactor's thread; NULL: waits until that has seen to all that was ready before. */
static void do_there(void (*what)(void))
{
    static struct visit visit;
    visit = (struct visit){ .errand.run = run_visit, .what = what };
    reactor_ask(&visit.errand);
    wait_for(&done);
}

/* --- sources ------------------------------------------------------------------------------------------------- */

/* An eventfd that counts how often it has been found ready. */
struct counter {
    struct reactor_source source;
    unsigned calls;
    uint32_t events;
};

static struct counter *counter_of(struct reactor_source *source)
{
    return (struct counter *)((char *)source - offsetof(struct counter, source));
}

static void count(struct reactor_source *source, uint32_t events)
{
    counter_of(source)->calls++;
    counter_of(source)->events = events;
}

static struct counter *counter_new(void (*ready)(struct reactor_source *source, uint32_t events))
{
    struct counter *counter = calloc(1, sizeof *counter);
    ck_assert_ptr_nonnull(counter);
    counter->source = (struct reactor_source){ ready, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    ck_assert_int_ge(counter->source.fd, 0);
    return counter;
}

static void counter_free(struct counter *counter)
{
    close(counter->source.fd);
    free(counter);
}

static void signal_it(struct counter *counter)
{
    ck_assert_int_eq(eventfd_write(counter->source.fd, 1), 0);
}

static struct counter *counters[100];

static void remove_first(void)
{
    reactor_remove(&counters[0]->source);
}

static void signal_first(void)
{
    signal_it(counters[0]);
}

START_TEST(a_source_is_told_as_long_as_it_is_ready)
{
    counters[0] = counter_new(count);
    ck_assert_int_eq(reactor_add(&counters[0]->source, EPOLLIN), NGI_OK);
    do_there(NULL);
    do_there(NULL);
    ck_assert_uint_eq(counters[0]->calls, 0);
    do_there(signal_first);
    for (int i = 0; i < 5; i++)
        do_there(NULL);
    do_there(remove_first);
    ck_assert_uint_ge(counters[0]->calls, 5);
    ck_assert_uint_eq(counters[0]->events, EPOLLIN);
    unsigned calls = counters[0]->calls;
    do_there(NULL);
    ck_assert_uint_eq(counters[0]->calls, calls);
    counter_free(counters[0]);
}
END_TEST

static unsigned calls_before;

static void wait_for_nothing(void)
{
    calls_before = counters[0]->calls;
    reactor_change(&counters[0]->source, 0);
}

static void wait_for_room(void)
{
    reactor_change(&counters[0]->source, EPOLLOUT);
}

START_TEST(what_is_waited_for_can_change)
{
    counters[0] = counter_new(count);
    signal_it(counters[0]);
    ck_assert_int_eq(reactor_add(&counters[0]->source, EPOLLIN), NGI_OK);
    do_there(NULL);
    do_there(wait_for_nothing);
    do_there(NULL);
    do_there(NULL);
    ck_assert_uint_ge(calls_before, 1);
    ck_assert_uint_eq(counters[0]->calls, calls_before);
    do_there(wait_for_room);
    do_there(NULL);
    do_there(remove_first);
    ck_assert_uint_gt(counters[0]->calls, calls_before);
    ck_assert_uint_eq(counters[0]->events, EPOLLOUT);
    counter_free(counters[0]);
}
END_TEST

static unsigned survivors, called;

/* Frees every other one, and then itself. */
static void end_all(struct reactor_source *source, uint32_t events)
{
    (void)events;
    called++;
    for (unsigned i = 0; i < survivors; i++)
        if (&counters[i]->source != source) {
            reactor_remove(&counters[i]->source);
            counter_free(counters[i]);
        }
    survivors = 0;
    reactor_remove(source);
    counter_free(counter_of(source));
}

/* All between two looks of the reactor. */
static void add_and_signal_all(void)
{
    for (unsigned i = 0; i < survivors; i++) {
        (void)reactor_add(&counters[i]->source, EPOLLIN);
        signal_it(counters[i]);
    }
}

/* Fewer and more than it takes from the kernel at once. */
START_TEST(what_another_one_of_the_same_batch_removes_is_not_told)
{
    static const unsigned sizes[] = { 1, 2, 63, 100 };
    survivors = sizes[_i];
    called = 0;
    for (unsigned i = 0; i < survivors; i++)
        counters[i] = counter_new(end_all);
    do_there(add_and_signal_all);
    do_there(NULL);
    do_there(NULL);
    ck_assert_uint_eq(called, 1);
}
END_TEST

/* Puts another descriptor in the other one's place. */
static void replace_other(struct reactor_source *source, uint32_t events)
{
    struct counter *other = counters[&counters[0]->source == source];
    (void)events;
    called++;
    reactor_remove(source);
    reactor_remove(&other->source);
    close(other->source.fd);
    other->source.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    other->source.ready = count;
    (void)reactor_add(&other->source, EPOLLIN);
}

static void remove_both(void)
{
    reactor_remove(&counters[0]->source);
    reactor_remove(&counters[1]->source);
}

START_TEST(what_takes_its_place_is_not_told_either)
{
    survivors = 2;
    called = 0;
    counters[0] = counter_new(replace_other);
    counters[1] = counter_new(replace_other);
    do_there(add_and_signal_all);
    do_there(NULL);
    do_there(NULL);
    do_there(remove_both);
    ck_assert_uint_eq(called, 1);
    ck_assert_uint_eq(counters[0]->calls + counters[1]->calls, 0);
    counter_free(counters[0]);
    counter_free(counters[1]);
}
END_TEST

START_TEST(what_cannot_be_waited_for_is_refused)
{
    struct reactor_source source = { count, -1 };
    char path[] = "/tmp/reactor-XXXXXX";
    ck_assert_int_eq(reactor_add(&source, EPOLLIN), NGI_EIO);
    source.fd = mkstemp(path); /* a file is always ready, and epoll has none */
    ck_assert_int_ge(source.fd, 0);
    unlink(path);
    ck_assert_int_eq(reactor_add(&source, EPOLLIN), NGI_EIO);
    close(source.fd);
}
END_TEST

START_TEST(one_that_was_never_added_can_be_removed)
{
    counters[0] = counter_new(count);
    signal_it(counters[0]);
    do_there(remove_first);
    do_there(remove_first);
    ck_assert_uint_eq(counters[0]->calls, 0);
    counter_free(counters[0]);
}
END_TEST

/* --- timers -------------------------------------------------------------------------------------------------- */

enum { TIMERS = 6 };

struct clocked {
    struct reactor_timer timer;
    char name;
    bool was_set;
    int64_t fired_us;
    struct reactor_timer *unsets; /* when it fires; NULL */
};

static struct clocked clocked[TIMERS];
static char fired[64]; /* their names */

static void fire(struct reactor_timer *timer)
{
    struct clocked *one = (struct clocked *)((char *)timer - offsetof(struct clocked, timer));
    size_t length = strlen(fired);
    one->was_set |= timer->set;
    one->fired_us = clock_us();
    if (length + 1 < sizeof fired) {
        fired[length] = one->name;
        fired[length + 1] = '\0';
    }
    if (one->unsets)
        reactor_unset(one->unsets);
}

static void timers_init(void)
{
    *fired = '\0';
    for (int i = 0; i < TIMERS; i++)
        clocked[i] = (struct clocked){ .timer.fire = fire, .name = (char)('a' + i) };
}

/* Of the same moment, the one that was set first. */
static void set_scrambled(void)
{
    static const int64_t at_us[TIMERS] = { 30, 10, 20, 10, 0, 30 };
    for (int i = 0; i < TIMERS; i++)
        reactor_set(&clocked[i].timer, at_us[i]);
}

START_TEST(timers_fire_in_their_order)
{
    timers_init();
    do_there(set_scrambled);
    do_there(NULL);
    do_there(NULL);
    ck_assert_str_eq(fired, "ebdcaf");
    for (int i = 0; i < TIMERS; i++)
        ck_assert(!clocked[i].was_set && !clocked[i].timer.set);
}
END_TEST

static void unset_some(void)
{
    set_scrambled();
    reactor_unset(&clocked[4].timer); /* the first, */
    reactor_unset(&clocked[0].timer); /* one in the middle, */
    reactor_unset(&clocked[5].timer); /* the last, */
    reactor_unset(&clocked[5].timer); /* and one that is not set */
}

START_TEST(one_that_is_unset_does_not_fire)
{
    timers_init();
    do_there(unset_some);
    do_there(NULL);
    do_there(NULL);
    ck_assert_str_eq(fired, "bdc");
}
END_TEST

static void set_again(void)
{
    set_scrambled();
    reactor_set(&clocked[4].timer, 25); /* later, */
    reactor_set(&clocked[5].timer, 5);  /* earlier, */
    reactor_set(&clocked[1].timer, 10); /* and behind who has the same moment */
}

START_TEST(one_that_is_set_again_has_moved)
{
    timers_init();
    do_there(set_again);
    do_there(NULL);
    do_there(NULL);
    ck_assert_str_eq(fired, "fdbcea");
}
END_TEST

START_TEST(one_that_fires_may_unset_the_next)
{
    timers_init();
    clocked[4].unsets = &clocked[1].timer;
    clocked[2].unsets = &clocked[2].timer; /* itself: it is not set any more */
    clocked[0].unsets = &clocked[5].timer;
    do_there(set_scrambled);
    do_there(NULL);
    do_there(NULL);
    ck_assert_str_eq(fired, "edca");
}
END_TEST

static sem_t rang;
static int rings;

static void ring(struct reactor_timer *timer)
{
    fire(timer);
    if (++rings < 3)
        reactor_set(timer, clock_us() + 2000);
    else
        sem_post(&rang);
}

static void set_ahead(void)
{
    reactor_set(&clocked[1].timer, clock_us() + INT64_C(365) * 24 * 3600 * 1000000); /* longer than epoll can wait */
    reactor_set(&clocked[0].timer, clock_us() + 5000);
}

static void unset_second(void)
{
    reactor_unset(&clocked[1].timer);
}

START_TEST(a_timer_wakes_the_reactor_and_never_too_early)
{
    timers_init();
    rings = 0;
    sem_init(&rang, 0, 0);
    clocked[0].timer.fire = ring;
    do_there(set_ahead);
    wait_for(&rang);
    do_there(unset_second);
    ck_assert_str_eq(fired, "aaa");
    ck_assert_int_ge(clocked[0].fired_us, clocked[0].timer.at_us);
    sem_destroy(&rang);
}
END_TEST

/* --- errands ------------------------------------------------------------------------------------------------- */

enum { ERRANDS = 4, ASKS = 5000 };

struct chore {
    struct reactor_errand errand;
    char name;
    unsigned runs;
    _Atomic unsigned wanted; /* what an asker has left for it, before it asks */
    unsigned seen;
};

static struct chore chores[ERRANDS], shared;
static char ran[64]; /* their names */

static void run_chore(struct reactor_errand *errand)
{
    struct chore *chore = (struct chore *)((char *)errand - offsetof(struct chore, errand));
    size_t length = strlen(ran);
    chore->runs++;
    chore->seen = atomic_load(&chore->wanted);
    if (length + 1 < sizeof ran) {
        ran[length] = chore->name;
        ran[length + 1] = '\0';
    }
}

static void chores_init(void)
{
    *ran = '\0';
    for (int i = 0; i < ERRANDS; i++)
        chores[i] = (struct chore){ .errand.run = run_chore, .name = (char)('a' + i) };
    shared = (struct chore){ .errand.run = run_chore, .name = 's' };
}

static void *ask_often(void *arg)
{
    struct chore *chore = arg;
    for (int i = 0; i < ASKS; i++) {
        atomic_fetch_add(&chore->wanted, 1);
        reactor_ask(&chore->errand);
        atomic_fetch_add(&shared.wanted, 1);
        reactor_ask(&shared.errand);
    }
    return NULL;
}

START_TEST(no_errand_is_lost_whoever_asks)
{
    pthread_t threads[ERRANDS];
    chores_init();
    for (int i = 0; i < ERRANDS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, &chores[i]), 0);
    for (int i = 0; i < ERRANDS; i++)
        pthread_join(threads[i], NULL);
    do_there(NULL);
    for (int i = 0; i < ERRANDS; i++) {
        ck_assert_uint_eq(chores[i].seen, ASKS);
        ck_assert_uint_le(chores[i].runs, ASKS);
    }
    ck_assert_uint_eq(shared.seen, ERRANDS * ASKS);
    ck_assert(!shared.errand.asked);
}
END_TEST

static void ask_all_twice(void)
{
    for (int i = 0; i < 2 * ERRANDS; i++)
        reactor_ask(&chores[i % ERRANDS].errand);
}

START_TEST(errands_are_run_in_the_order_they_were_asked_for_and_once)
{
    chores_init();
    do_there(ask_all_twice);
    do_there(NULL);
    do_there(ask_all_twice);
    do_there(NULL);
    ck_assert_str_eq(ran, "abcdabcd");
}
END_TEST

static unsigned forgotten; /* a bit each */

static void ask_and_forget(void)
{
    ask_all_twice();
    for (int i = 0; i < ERRANDS; i++)
        if (forgotten & 1u << i) {
            reactor_forget(&chores[i].errand);
            reactor_forget(&chores[i].errand); /* nobody has asked for it */
        }
    reactor_ask(&shared.errand);
}

START_TEST(one_that_is_forgotten_is_not_run)
{
    char expected[ERRANDS + 2], *at = expected;
    forgotten = (unsigned)_i;
    for (int i = 0; i < ERRANDS; i++)
        if (!(forgotten & 1u << i))
            *at++ = (char)('a' + i);
    *at++ = 's';
    *at = '\0';
    chores_init();
    do_there(ask_and_forget);
    do_there(NULL);
    ck_assert_str_eq(ran, expected);
}
END_TEST

/* Asks for itself, until a descriptor and a timer have had their turn. */
static void insist(struct reactor_errand *errand)
{
    if (counters[0]->calls == 0 || !*fired)
        reactor_ask(errand);
    else
        sem_post(&rang);
}

static void begin_insisting(void)
{
    chores[0].errand.run = insist;
    reactor_ask(&chores[0].errand);
    (void)reactor_add(&counters[0]->source, EPOLLIN);
    signal_it(counters[0]);
    reactor_set(&clocked[0].timer, clock_us() + 1000);
}

START_TEST(an_errand_that_asks_for_itself_holds_nobody_up)
{
    chores_init();
    timers_init();
    sem_init(&rang, 0, 0);
    counters[0] = counter_new(count);
    do_there(begin_insisting);
    wait_for(&rang);
    do_there(remove_first);
    counter_free(counters[0]);
    sem_destroy(&rang);
}
END_TEST

/* --- start and stop ------------------------------------------------------------------------------------------ */

static void ask_next(struct reactor_errand *errand)
{
    run_chore(errand);
    if (errand != &chores[ERRANDS - 1].errand)
        reactor_ask(&((struct chore *)((char *)errand - offsetof(struct chore, errand)))[1].errand);
}

START_TEST(what_was_asked_for_is_done_before_it_stops)
{
    for (int i = 0; i < 50; i++) {
        ngi_error err;
        chores_init();
        for (int j = 0; j < ERRANDS; j++)
            chores[j].errand.run = ask_next;
        reactor_ask(&chores[0].errand);
        reactor_stop();
        ck_assert_str_eq(ran, "abcd");
        ck_assert_int_eq(reactor_start(&err), NGI_OK);
    }
}
END_TEST

START_TEST(stopping_what_has_stopped_is_nothing)
{
    reactor_stop();
    reactor_stop();
}
END_TEST

/* One descriptor may still be opened, and it takes two. */
START_TEST(a_start_that_fails_says_why)
{
    static const char *const whys[] = { "epoll_create: ", "eventfd: " };
    struct rlimit old, none;
    ngi_error err = { .text = "" };
    reactor_stop();
    int lowest = dup(0), next = dup(0);
    ck_assert(lowest >= 0 && next > lowest);
    close(lowest);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = (rlim_t)(_i ? next : lowest);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = reactor_start(&err);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_int_eq(rc, NGI_EIO);
    ck_assert_msg(strstr(err.text, whys[_i]) == err.text, "%s", err.text);
    reactor_stop();
    int again = dup(0);
    ck_assert_int_eq(again, lowest); /* nothing has been left open */
    close(again);
    ck_assert_int_eq(reactor_start(&err), NGI_OK);
}
END_TEST

Suite *reactor_suite(void)
{
    Suite *suite = suite_create("reactor");
    TCase *tests = tcase_create("reactor");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_source_is_told_as_long_as_it_is_ready);
    tcase_add_test(tests, what_is_waited_for_can_change);
    tcase_add_loop_test(tests, what_another_one_of_the_same_batch_removes_is_not_told, 0, 4);
    tcase_add_test(tests, what_takes_its_place_is_not_told_either);
    tcase_add_test(tests, what_cannot_be_waited_for_is_refused);
    tcase_add_test(tests, one_that_was_never_added_can_be_removed);
    tcase_add_test(tests, timers_fire_in_their_order);
    tcase_add_test(tests, one_that_is_unset_does_not_fire);
    tcase_add_test(tests, one_that_is_set_again_has_moved);
    tcase_add_test(tests, one_that_fires_may_unset_the_next);
    tcase_add_test(tests, a_timer_wakes_the_reactor_and_never_too_early);
    tcase_add_test(tests, no_errand_is_lost_whoever_asks);
    tcase_add_test(tests, errands_are_run_in_the_order_they_were_asked_for_and_once);
    tcase_add_loop_test(tests, one_that_is_forgotten_is_not_run, 0, 1 << ERRANDS);
    tcase_add_test(tests, an_errand_that_asks_for_itself_holds_nobody_up);
    tcase_add_test(tests, what_was_asked_for_is_done_before_it_stops);
    tcase_add_test(tests, stopping_what_has_stopped_is_nothing);
    tcase_add_loop_test(tests, a_start_that_fails_says_why, 0, 2);
    suite_add_tcase(suite, tests);
    return suite;
}
