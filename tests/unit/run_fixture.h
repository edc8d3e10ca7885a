/* A route that is served without a plugin's file, and a client for it: what run/ needs of the layers around it. And
 * waiting that ends: for a semaphore or a condition, with a deadline that only a test that fails reaches. */
#ifndef TESTS_UNIT_RUN_FIXTURE_H
#define TESTS_UNIT_RUN_FIXTURE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "plugin/registry.h"
#include "run/dispatch.h"
#include "run/task.h"

/* --- waiting */

/* Waits for the semaphore, or fails after a long while: on a test's own thread. */
void wait_for(sem_t *sem);
/* Looks again and again until is(arg), or fails after a long while. */
void wait_until(bool (*is)(void *arg), void *arg);
/* Lets so much time pass. Only where that nothing happens for a while is what the test is about. */
void let_pass(int ms);

/* A number from 0 to n - 1; each thread has a seed of its own. */
unsigned random_below(unsigned *seed, unsigned n);

/* --- a route */

/* What is served; what is 0 gets a default. */
struct serving {
    ngi_handler handler;
    enum run_mode run; /* RUN_AUTO is the default */
    unsigned threads, queue;
    int timeout_ms; /* 0: none */
    bool watched;   /* there is a watch, as in a gateway */
    struct hosts *hosts; /* under RUN_PROCESS; started by the caller */
};

/* Before there are tasks; one at a time. */
void serve(const struct serving *serving);
/* When all tasks have ended; joins every thread. */
void serve_end(void);
/* Waits until no thread of the route has anything to do. */
void serve_idle(void);
struct lane *serve_lane(void);

/* --- a client */

/* A connection's side, on the thread of its owner. It outlives every task: who resumes it may still be in there. */
struct client {
    sem_t resumed;
    _Atomic unsigned suspends, resumes;
    unsigned continues;  /* continuations that this side has run */
    struct task *task;   /* NULL: ended */
    struct task *answer; /* the task whose response it got; NULL: none, it was cut */
    enum task_news news; /* the last that was not TASK_WAIT */
};

void client_begin(struct client *client);
void client_end(struct client *client);

/* Asks for `target`: TASK_WAIT means that it is suspended. */
enum task_news client_ask(struct client *client, const char *target);
/* Waits where it is suspended, and runs continuations, until there is an answer, or it is cut. */
enum task_news client_wait(struct client *client);
/* The status it got, replaced or not; 0: it was cut. */
int client_status(const struct client *client);
/* The text it got. */
const char *client_text(const struct client *client);
/* The exchange is over. */
void client_leave(struct client *client);
/* All of it. */
int client_get(struct client *client, const char *target);

/* Waits until the handler of its task has returned NGI_LATER. */
void client_wait_parked(struct client *client);

#endif
