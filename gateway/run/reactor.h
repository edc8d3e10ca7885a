/* One thread that waits for many descriptors: those of host processes, and of what makes them. Nothing that it calls
 * may block. It sleeps until a descriptor is ready, a timer has run out, or it is asked to do something. */
#ifndef RUN_REACTOR_H
#define RUN_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "sdk/ngi.h"

/* A descriptor that is waited for, embedded in what it is about. */
struct reactor_source {
    /* On the reactor's thread; `events` of epoll(7), level-triggered. May remove any source, this one included, and
     * free what it is embedded in: a source that is removed is not called any more. */
    void (*ready)(struct reactor_source *source, uint32_t events);
    int fd;
};

/* A moment that is waited for, likewise. A zeroed one is not set. */
struct reactor_timer {
    void (*fire)(struct reactor_timer *timer); /* on the reactor's thread; the timer is no longer set then */
    int64_t at_us;                             /* by clock_us */
    bool set;
    struct reactor_timer *next;
};

/* Something to do soon, asked for by any thread, likewise. Asking again before it has begun is asking once. */
struct reactor_errand {
    void (*run)(struct reactor_errand *errand); /* on the reactor's thread */
    bool asked;                                 /* the reactor's lock, as the next */
    struct reactor_errand *next;
};

/* NGI_OK, NGI_EIO with the reason. */
int reactor_start(ngi_error *err);
/* Joins the thread. Every source and timer has been removed, nobody asks for errands any more. Safe where
 * reactor_start has failed or not been called. */
void reactor_stop(void);

/* Waits for `events` (EPOLLIN, EPOLLOUT) on source->fd, which stays the caller's. NGI_OK, NGI_EIO (errno). On the
 * reactor's thread, or any for a source that is new. */
int reactor_add(struct reactor_source *source, uint32_t events);
/* Only on the reactor's thread, as what follows. */
void reactor_change(struct reactor_source *source, uint32_t events);
void reactor_remove(struct reactor_source *source);

/* Sets or moves the timer. */
void reactor_set(struct reactor_timer *timer, int64_t at_us);
void reactor_unset(struct reactor_timer *timer);

/* [any thread] */
void reactor_ask(struct reactor_errand *errand);
/* Forgets that it was asked for: nobody will any more. On the reactor's thread. */
void reactor_forget(struct reactor_errand *errand);
/* Waits until what had been asked for before has been done. Any thread but the reactor's, which runs. */
void reactor_flush(void);

#endif
