#include "run/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { BATCH = 64 };

static int set = -1, wake = -1; /* the epoll set; an eventfd in it, whose data is NULL */
static pthread_t thread;
static bool running; /* whoever starts and stops it */

/* The thread's own. */
static struct epoll_event batch[BATCH];
static int batch_at, batch_count;
static struct reactor_timer *timers; /* the earliest first */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static struct reactor_errand *first_errand, **last_errand = &first_errand;
static size_t errand_count;
static bool stopping;

static void poke(void)
{
    const uint64_t one = 1;
    if (write(wake, &one, sizeof one) < 0 && errno != EAGAIN)
        log_line(NGI_LOG_ERROR, "the reactor cannot be woken: %s", strerror(errno));
}

static struct reactor_errand *take_errand(void)
{
    pthread_mutex_lock(&lock);
    struct reactor_errand *errand = first_errand;
    if (errand) {
        first_errand = errand->next;
        if (!first_errand)
            last_errand = &first_errand;
        errand->asked = false;
        errand_count--;
    }
    pthread_mutex_unlock(&lock);
    return errand;
}

static size_t count_errands(void)
{
    pthread_mutex_lock(&lock);
    size_t count = errand_count;
    pthread_mutex_unlock(&lock);
    return count;
}

/* Those that there are now: what they ask for in turn waits until descriptors and timers have been looked at. */
static void run_errands(void)
{
    struct reactor_errand *errand;
    uint64_t count;
    (void)!read(wake, &count, sizeof count); /* nothing there: others have been quicker */
    for (size_t left = count_errands(); left > 0 && (errand = take_errand()) != NULL; left--)
        errand->run(errand);
    if (count_errands() > 0)
        poke();
}

static void fire_timers(void)
{
    if (!timers)
        return;
    int64_t now = clock_us();
    while (timers && timers->at_us <= now) {
        struct reactor_timer *timer = timers;
        timers = timer->next;
        timer->set = false;
        timer->fire(timer);
    }
}

/* Milliseconds until the next timer, rounded up; -1: there is none. */
static int patience(void)
{
    enum { MOST_MS = 3600 * 1000 };
    if (!timers)
        return -1;
    int64_t left = (timers->at_us - clock_us() + 999) / 1000;
    return left <= 0 ? 0 : left < MOST_MS ? (int)left : MOST_MS;
}

/* What has been asked for is done first. */
static bool is_stopping(void)
{
    pthread_mutex_lock(&lock);
    bool stops = stopping && errand_count == 0;
    pthread_mutex_unlock(&lock);
    return stops;
}

static void *loop(void *unused)
{
    (void)unused;
    bool woken = false;
    while (!woken || !is_stopping()) {
        batch_count = epoll_wait(set, batch, BATCH, patience());
        woken = false;
        for (batch_at = 0; batch_at < batch_count; batch_at++) {
            struct reactor_source *source = batch[batch_at].data.ptr;
            if (source)
                source->ready(source, batch[batch_at].events);
            else if (batch[batch_at].events)
                woken = true;
        }
        fire_timers();
        if (woken)
            run_errands();
    }
    return NULL;
}

static int control(int what, struct reactor_source *source, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = source };
    return epoll_ctl(set, what, source->fd, &event);
}

static int fail(ngi_error *err, const char *what)
{
    int error = errno;
    if (wake >= 0)
        close(wake);
    if (set >= 0)
        close(set);
    set = wake = -1;
    return ngi_error_set(err, NGI_EIO, "%s: %s", what, strerror(error));
}

struct flush {
    struct reactor_errand errand; /* first */
    sem_t done;
};

static void post(struct reactor_errand *errand)
{
    sem_post(&((struct flush *)errand)->done);
}

/* ---------------------------------------------------------------------------------------------------------- */

int reactor_start(ngi_error *err)
{
    struct epoll_event event = { .events = EPOLLIN };
    set = epoll_create1(EPOLL_CLOEXEC);
    if (set < 0)
        return fail(err, "epoll_create");
    wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake < 0 || epoll_ctl(set, EPOLL_CTL_ADD, wake, &event) < 0)
        return fail(err, "eventfd");
    stopping = false;
    errno = pthread_create(&thread, NULL, loop, NULL);
    if (errno)
        return fail(err, "no thread for host processes");
    pthread_setname_np(thread, "reactor");
    running = true;
    return NGI_OK;
}

void reactor_stop(void)
{
    if (!running)
        return;
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_mutex_unlock(&lock);
    poke();
    pthread_join(thread, NULL);
    running = false;
    close(wake);
    close(set);
    set = wake = -1;
}

int reactor_add(struct reactor_source *source, uint32_t events)
{
    return control(EPOLL_CTL_ADD, source, events) < 0 ? NGI_EIO : NGI_OK;
}

void reactor_change(struct reactor_source *source, uint32_t events)
{
    if (control(EPOLL_CTL_MOD, source, events) < 0)
        log_line(NGI_LOG_ERROR, "epoll_ctl: %s", strerror(errno));
}

void reactor_remove(struct reactor_source *source)
{
    (void)control(EPOLL_CTL_DEL, source, 0); /* it may never have been added */
    for (int i = batch_at + 1; i < batch_count; i++)
        if (batch[i].data.ptr == source) {
            batch[i].data.ptr = NULL;
            batch[i].events = 0;
        }
}

void reactor_set(struct reactor_timer *timer, int64_t at_us)
{
    struct reactor_timer **at = &timers;
    reactor_unset(timer);
    while (*at && (*at)->at_us <= at_us)
        at = &(*at)->next;
    timer->at_us = at_us;
    timer->set = true;
    timer->next = *at;
    *at = timer;
}

void reactor_unset(struct reactor_timer *timer)
{
    if (!timer->set)
        return;
    struct reactor_timer **at = &timers;
    while (*at != timer)
        at = &(*at)->next;
    *at = timer->next;
    timer->set = false;
}

void reactor_ask(struct reactor_errand *errand)
{
    pthread_mutex_lock(&lock);
    bool first = !first_errand, asks = !errand->asked;
    if (asks) {
        errand->asked = true;
        errand->next = NULL;
        *last_errand = errand;
        last_errand = &errand->next;
        errand_count++;
    }
    pthread_mutex_unlock(&lock);
    if (asks && first)
        poke();
}

void reactor_forget(struct reactor_errand *errand)
{
    pthread_mutex_lock(&lock);
    struct reactor_errand **at = &first_errand;
    while (errand->asked && *at != errand)
        at = &(*at)->next;
    if (errand->asked) {
        *at = errand->next;
        if (!*at)
            last_errand = at;
        errand->asked = false;
        errand_count--;
    }
    pthread_mutex_unlock(&lock);
}

void reactor_flush(void)
{
    struct flush flush = { .errand.run = post };
    sem_init(&flush.done, 0, 0);
    reactor_ask(&flush.errand);
    while (sem_wait(&flush.done) < 0)
        ; /* EINTR */
    sem_destroy(&flush.done);
}
