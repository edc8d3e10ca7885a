/* A host process as the gateway sees it: its end of a socket pair, and the call that the process has, in FastCGI. The
 * thread that begins a call sends it, without waiting; all that comes after is the reactor's. */
#ifndef RUN_REMOTE_H
#define RUN_REMOTE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "fcgi/requester.h"
#include "run/reactor.h"
#include "run/slots.h"

struct hosts;
struct task;

enum remote_stage {
    REMOTE_STARTS, /* it has been asked for */
    REMOTE_IDLE,
    REMOTE_BUSY,   /* it has a call */
    REMOTE_LEAVES, /* it has been told to end */
};

/* A call that a process has been given ahead. */
struct ahead {
    struct remote *remote;
    struct slot *slot;
    struct task *task; /* which waits, and is held for it; NULL: it has been taken back, or up. Hosts' lock. */
    bool over;         /* nothing more comes for it. The reactor's. */
};

struct remote {
    struct hosts *hosts;
    struct remote *next;      /* of all: hosts' lock */
    struct remote *next_idle; /* likewise */
    enum remote_stage stage;  /* likewise */
    uint64_t busy_since;      /* hosts->ticks by then; likewise */
    uint64_t calls;           /* it has been given; likewise */
    _Atomic unsigned
        claims; /* threads that are about to begin a call, or have: it must not be freed. Taken under hosts'
                 * lock; given back (release, acquire) as the last thing that such a thread does with it */
    uint64_t number;

    /* The reactor's. */
    pid_t pid;  /* 0: not known */
    int pidfd;  /* -1: likewise */
    int memory; /* /proc/PID/statm; -1: not open */
    struct reactor_source socket, death;
    struct reactor_timer limit;    /* of a call that has been given up */
    struct reactor_timer patience; /* with a process that is to end, or that has and nobody has told how */
    bool hung_up;                  /* it has closed its end */
    bool ended;
    bool retired, planned; /* it gets no more calls, having hung up or ended; and was told to */
    const char *killed;    /* why, a constant; NULL: it has not been */
    int status;            /* of waitpid, once hosts_ended has told it; HOSTS_STATUS_UNKNOWN */

    struct ahead ahead[SLOTS]; /* in the order in which they were sent; those before `ahead_at` are over */
    unsigned ahead_at, ahead_count;
    struct slots *slots;      /* NULL: it gets one call at a time */
    int slots_fd;             /* which goes along with the first that is; -1: it has */
    uint64_t done, done_then; /* what has been ended since hosts' count of it, taken back or not; at the last tick */
    uint64_t ran;             /* calls among them */
    unsigned ticks;           /* since they were sent */
    bool watched;             /* hosts' tick looks whether they go on */
    bool orphan;              /* the call under way is nobody's any more: what comes of it is dropped */

    struct reactor_errand errand;
    _Atomic bool given_up;  /* the call: it is to be aborted. Relaxed, as is the next: the errand's lock orders them. */
    _Atomic bool final;     /* nobody waits for it at all */
    _Atomic bool looked_at; /* task->out or task->in has moved */

    pthread_mutex_t lock; /* of what follows: of who begins a call, and then the reactor's */
    struct task *task;    /* which is held for it; NULL: no call under way, or an orphan */
    uint16_t request;     /* the id of the call under way */
    int64_t begun_us;
    int64_t ran_us;      /* as the process says, where nobody else could tell; -1 */
    struct buffer pairs; /* of the request's head, while it is put together */
    struct buffer out;   /* bytes to be sent, from `out_at` on */
    size_t out_at;
    uint64_t sent;
    bool sends_file;  /* the body's file goes along with the first byte, */
    bool sends_slots; /* likewise */
    int body_file;    /* opened anew, to be read only; -1: not open */
    bool all_read;    /* the end of the body is in `out`, or has been sent */
    bool aborted;     /* likewise FCGI_ABORT_REQUEST */
    bool warned;      /* likewise one that says INNER_MAY_LISTEN */
    bool warns;       /* that one is due behind the end of the body */
    bool waits_for_room;
    bool waited_for;    /* by remote_try, which reads what comes; the reactor does not */
    bool wants_stream;  /* its response is to be sent on as it comes, when that is over */
    const char *doomed; /* it is to be killed: why, a constant; NULL: it is not */
    bool unbegun;       /* it has been given a call that was not to begin, and is free again */
    bool refused;       /* the peer was gone, and had not read all that it was sent (ECONNRESET) */

    struct requester in;
    struct buffer head; /* of the response, until it is complete */
    bool answers;       /* something of it has come */
    bool headed;        /* its head has been read */
    int file;           /* that came along; -1: none */
    unsigned unasked;   /* so many have come since the last call that nobody has taken */
    bool hostile;       /* it has sent what nobody sends who means well */
    bool file_is_last;  /* with the last bytes that have come: it is of the call that they are of */
    bool stalled;       /* task->out is full: nothing is read */
    const char *broken; /* what came is no response: why, a constant */
    const char *wrong;  /* it has answered a call as nobody may: likewise, and it is to be killed */
    uint32_t events;    /* that the reactor waits for */
    bool out_of_set;    /* it waits for none of them, and knows nothing of the socket */
};

/* NULL if out of memory. `fd` is the remote's. */
struct remote *remote_new(struct hosts *hosts, uint64_t number, int fd);
/* It has no task, and nobody knows of it any more. On the reactor's thread. */
void remote_free(struct remote *remote);

/* The process is there. NGI_OK, NGI_EIO (errno). On the reactor's thread. */
int remote_came(struct remote *remote, pid_t pid, int pidfd);

/* The last thing that who has claimed it does with it. */
static inline void remote_unclaim(struct remote *remote)
{
    atomic_fetch_sub_explicit(&remote->claims, 1, memory_order_release);
}

/* Gives a waiting task, held for it, to a process that the caller has claimed. False: the process was gone, and the
 * task is the caller's again, waiting. */
bool remote_begin(struct remote *remote, struct task *task);

/* The same for a task that nobody else knows of, and waits `wait_us` for the answer, on this thread. */
enum remote_answer {
    REMOTE_ANSWERED,  /* the task is settled */
    REMOTE_GOES_ON,   /* it takes longer: the task is shared, and as after remote_begin */
    REMOTE_UNREACHED, /* the process was gone: the task is as new */
};
enum remote_answer remote_try(struct remote *remote, struct task *task, int64_t wait_us);

/* --- calls given ahead (remote_ahead.c); the reactor's thread */

/* Gives an idle process that the caller has claimed several at once, which are in remote->ahead[0..count) too. They may
 * be taken back from there meanwhile: the caller holds them. */
void remote_begin_ahead(struct remote *remote, struct task *const *tasks, unsigned count);
/* Looks after them, now and then: what has waited for a tick without any of them ending, or for two where others are
 * idle, is taken back. True: some are still out. */
bool remote_tick(struct remote *remote, bool others_idle);
/* The process has ended: those that had not begun wait again. */
void remote_lose_ahead(struct remote *remote, const char *how);

/* The process has ended with a call: what comes of that. On the reactor's thread. `how`: in words. True: it had not
 * read the call, which is the caller's again, waiting, in *ret_task. */
bool remote_lose_call(struct remote *remote, const char *how, struct task **ret_task);

bool remote_has_call(struct remote *remote);
/* Nothing more will come from it. */
void remote_hung_up(struct remote *remote);
/* Closes the socket to the process: it is to end. On the reactor's thread. */
void remote_dismiss(struct remote *remote);
/* `why`: a constant. */
void remote_kill(struct remote *remote, const char *why);
/* Reads what it has left behind. Likewise. */
void remote_drain(struct remote *remote);
/* Resident bytes; 0: nobody knows. Likewise. */
uint64_t remote_rss(struct remote *remote);

/* Has hosts_call_over called for it, on the reactor's thread. By who has claimed it. */
void remote_over(struct remote *remote);

/* --- under the lock of its task, on any thread */

/* The call is given up. `final`: nobody waits for it any more at all. */
void remote_cancel(struct remote *remote, bool final);
/* task->out has room again, or task->in has got more. */
void remote_look(struct remote *remote);

#endif
