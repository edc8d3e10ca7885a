/* A call under way: a request, whoever runs its handler now, and the connection that waits for the answer.
 *
 * Two sides hold a task. The connection's side (net/, or `postern call`) is one thread; it never waits: where there is
 * nothing to do it suspends the connection. The other side is whoever runs plugin code, one thread at a time: the same
 * thread (on the pool), a thread of the route's executor, or nobody, while an ngi_later is out. When one of them gives
 * up (the deadline has passed, the client has left) the other goes on with a task that is `abandoned`. Who comes last
 * ends it. */
#ifndef RUN_TASK_H
#define RUN_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/request.h"
#include "run/dispatch.h"
#include "run/executor.h"
#include "run/lane.h"
#include "run/pipe.h"
#include "run/watch.h"

/* How to reach the connection's side. */
struct task_client {
    void (*suspend)(void *arg); /* under the task's lock */
    void (*resume)(void *arg);  /* from any thread, once for each suspend, under no lock */
};

enum task_stage {
    TASK_NEW,       /* not begun: the connection's side alone has it */
    TASK_WAITING,   /* for a thread of its executor */
    TASK_RUNNING,   /* in plugin code */
    TASK_PARKED,    /* the handler has returned NGI_LATER; nobody runs */
    TASK_CONTINUES, /* ngi_later_run has been called; the connection's side is to run the continuation */
    TASK_SETTLED,   /* the handler is over, request->response final */
};

/* What the connection's side has to do. */
enum task_news {
    TASK_WAIT,     /* nothing: the connection has been suspended, and will be resumed */
    TASK_CONTINUE, /* task_continue */
    TASK_RESPOND,  /* send request->response */
    TASK_REPLACE,  /* task_replace, and send what it returns instead */
    TASK_CUT,      /* close the connection: the client has left */
};

enum { TASK_STATUS_CUT = -1 };

struct background;
struct later;
struct remote;

struct task {
    struct request *request;
    const struct dispatch *dispatch; /* from task_begin on, as is `lane` */
    struct lane *lane;
    const struct task_client *client;
    void *client_arg;
    int fd;           /* the connection's socket, to be watched while it is suspended; -1: none */
    _Atomic int refs; /* release to drop one, acquire by who drops the last */
    bool shared;      /* other threads may know of it: until then nothing needs the lock. The running side's. */
    bool moved;       /* it has been on a thread of its executor. Likewise. */
    struct job job;   /* what its executor has to do for it next: one thing at a time */
    struct background *background; /* functions that wait for the response to be gone. The running side's. */

    pthread_mutex_t lock;   /* of what follows, unless a comment says otherwise */
    pthread_cond_t changed; /* of pipes, and of `cancelled`: what the running side waits for */
    enum task_stage stage;
    bool on_pool;   /* the plugin code runs on the connection's thread */
    bool suspended; /* the connection is, and nobody has resumed it */
    bool begun;     /* the head of a streamed response may go out, though the handler still runs */
    bool abandoned; /* the connection's side has left */
    bool pumping;   /* the executor has, or is about to get, a job that pulls the stream */
    int status;     /* the gateway's own answer, which is to take the handler's place, or TASK_STATUS_CUT; 0: none */
    int64_t deadline_us; /* INT64_MAX: none. Set before task_begin it counts before the route's timeout. */
    _Atomic int
        cancelled; /* NGI_CANCEL_…; 0: it is not. Written under the lock, read by the handler without (relaxed). */
    _Atomic int cancel_fd; /* an eventfd; -1: nobody has asked */
    struct remote *remote; /* the host process that runs it; NULL: none does */
    struct ahead *ahead;   /* it waits in one that has another call. Hosts' lock; NULL: it does not */
    struct later *later;   /* out; NULL: none */
    int (*continuation)(ngi_request *r, void *arg);
    void *continuation_arg;
    struct pipe out;   /* the streamed response */
    uint64_t streamed; /* bytes of it so far. The running side's; of a stream pulled on the pool, the connection's. */
    struct pipe in;    /* a body that is still arriving */
    int receive_error; /* why moving it into request->body failed; NGI_OK: it has not. The running side's. */
    bool received;     /* all of it has been moved into request->body. The running side's. */
    int in_error;      /* why it ended too early; NGI_OK: it did not */

    struct watched watched; /* run/watch's */
    struct task *next_idle;
};

/* A task with an empty request, from this thread's store of used ones if it has any; the caller holds it. NULL if out
 * of memory. `task_give` takes it back, a task that was never begun or has been ended included. */
struct task *task_take(size_t max_response);
/* Frees this thread's store; threads that end do so by themselves. */
void task_thread_end(void);

/* --- the connection's side */

/* Sends a routed request, whose body is complete, on its way: runs it here and now, or hands it over. */
enum task_news task_begin(struct task *task, const struct dispatch *dispatch);
/* The same for one whose task->in is open: its handler gets a thread of its own, and the connection goes on receiving.
 * False: it has been refused, request->response says with what. */
bool task_start(struct task *task, const struct dispatch *dispatch);
/* Runs the continuation of TASK_CONTINUE. */
enum task_news task_continue(struct task *task);
/* What there is to do now; TASK_WAIT has suspended the connection. */
enum task_news task_look(struct task *task);
/* A task that answers in this one's place with its status, and says so in the log; this one is held until task_end.
 * NULL if out of memory. */
struct task *task_replace(struct task *task, size_t max_response);
/* Whether nobody runs plugin code for it any more, whatever has been made of its answer; if somebody does, the
 * connection has been suspended, and will be resumed when that is over, or before. */
bool task_is_over(struct task *task);
/* How long it has waited and run so far. */
struct timing task_timing(struct task *task);
/* The exchange is over, sent or not; gives up the caller's hold. */
void task_end(struct task *task);

/* --- the running side, and run/ */

/* Says that the request is to be given up, and why (NGI_CANCEL_…): tells whoever runs it, and answers in its place
 * where nothing has been sent. The caller keeps the connection's side from ending it. */
void task_cancel(struct task *task, int why);

/* Under the lock: marks it, wakes who waits for a change or for ngi_cancel_fd. */
void task_mark_cancelled(struct task *task, int why);

/* Under the lock: gives it up and resumes the connection if it is suspended, so that its side looks again. */
void task_unlock_and_wake(struct task *task);

/* Waits until nobody is inside client->resume. After watch_cancel_all: then nobody will be any more. */
void task_await_resumed(void);

/* Has the executor run `run` for the task, which is held for it; task_release at its end. As executor_submit. */
int task_submit(struct task *task, void (*run)(struct job *job), bool admitted);
static inline struct task *task_of_job(struct job *job)
{
    return (struct task *)((char *)job - offsetof(struct task, job));
}

/* Under the lock, which it releases: a parked task has got its continuation. The hold of its ngi_later goes with it. */
void task_go_on(struct task *task);

/* On the connection's thread, in plugin code: others are about to learn of the task. NGI_OK, NGI_ENOMEM. */
int task_share(struct task *task);

static inline void task_hold(struct task *task)
{
    atomic_fetch_add_explicit(&task->refs, 1, memory_order_relaxed);
}
void task_release(struct task *task);
void task_release_elsewhere(struct task *task);

#endif
