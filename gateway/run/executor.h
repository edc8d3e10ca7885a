/* A bounded set of threads with a bounded queue: what a route's calls run on when they may block. Threads are made when
 * a job finds none free, and end when they have been idle for a while. [any thread], but for new, stop and free */
#ifndef RUN_EXECUTOR_H
#define RUN_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something to run, embedded in what it is about. Its owner keeps it alive until `run` has begun or it is withdrawn. */
struct job {
    void (*run)(struct job *job); /* on a thread of the executor; may free the job */
    struct job *next, *previous;  /* of the queue; the executor's lock */
    bool queued;                  /* likewise */
};

struct executor;

struct executor_limits {
    unsigned threads; /* at most, and at least 1 */
    unsigned queue;   /* jobs that may wait */
    int idle_ms;      /* after which a thread ends */
    const char *name; /* of its threads, for debuggers; the first 15 bytes; copied */
};

/* NULL if out of memory. Makes no thread yet. */
struct executor *executor_new(const struct executor_limits *limits);

/* Joins every thread. No job may be waiting or running any more, nor come. Accepts NULL. */
void executor_free(struct executor *executor);

/* Has the job run. `admitted`: it belongs to something that is in already, so the limit of the queue is not for it.
 * NGI_OK; NGI_EBUSY: the queue is full; NGI_ENOMEM: it has no thread and none could be made. */
int executor_submit(struct executor *executor, struct job *job, bool admitted);

/* Takes a job back that has not begun. False: it has, or was never submitted. */
bool executor_withdraw(struct executor *executor, struct job *job);

struct executor_state {
    unsigned threads; /* there are */
    unsigned idle;    /* of them */
    unsigned waiting; /* jobs */
    int64_t usual_us; /* what a job has taken lately, about */
};

struct executor_state executor_look(struct executor *executor);

/* Whether nothing waits or runs. */
bool executor_is_idle(struct executor *executor);

#endif
