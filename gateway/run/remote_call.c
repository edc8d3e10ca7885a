#include "run/remote_parts.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "plugin/plugin.h"
#include "run/hosts_parts.h"
#include "run/task_parts.h"

/* Alone. */
static void prepare(struct remote *remote, struct task *task)
{
    remote_prepare(remote, task, REQUESTER_ID);
    remote->in = (struct requester){ 0 };
}

/* Sends what can be sent. False: the task could not be told, and is settled. */
static bool begin(struct remote *remote, bool *ret_gone)
{
    int rc = remote_put_head(remote, remote->task);
    if (rc != NGI_OK) {
        remote_fail(remote, rc == NGI_ETOOBIG ? 431 : 503, ngi_strerror(rc));
        return false;
    }
    while (remote->out.length < REMOTE_UNSPLIT_MOST && remote_fill(remote)) /* a small body goes along */
        ;
    *ret_gone = !remote_push(remote);
    if (!*ret_gone || (!remote->doomed && !remote->task->in.data))
        return true;
    /* The process is there, but cannot be sent to; or it has gone with the beginning of a body that arrives. */
    bool doomed = remote->doomed != NULL;
    remote_fail(remote, doomed ? 503 : 502, doomed ? remote->doomed : "its host process was gone");
    *ret_gone = !doomed;
    return false;
}

/* Reads what comes until the call is over (true), or that takes too long. */
static bool await_answer(struct remote *remote, int64_t until_us, struct fcgi_end *ret_end)
{
    enum { SMALL = 16 * 1024, YIELDS = 2 };
    uint8_t block[SMALL];
    for (int yields = 0;;) {
        ssize_t n = remote_receive_some(remote, block, sizeof block);
        if (n > 0) {
            remote->answers = true;
            size_t used;
            bool over = remote_feed(remote, &remote->in, block, (size_t)n, &used, ret_end);
            if (over && used < (size_t)n)
                remote->broken = REMOTE_SAID_MORE;
            if (over || remote->broken)
                return true;
            if (remote->wants_stream || clock_us() >= until_us)
                return false;
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            remote->refused |= n < 0 && errno == ECONNRESET;
            return false; /* the reactor finds out how it ended */
        }
        int64_t left_us = until_us - clock_us();
        if (left_us <= 0 || remote->waits_for_room)
            return false;
        if (yields++ < YIELDS) { /* cheaper than a sleep, where the process is about to run */
            sched_yield();
            continue;
        }
        struct pollfd answer = { remote->socket.fd, POLLIN, 0 };
        const struct timespec left = { 0, left_us * 1000 };
        (void)ppoll(&answer, 1, &left, NULL);
    }
}

/* It takes longer: from here on the call is the reactor's. False: it cannot be, and is settled. */
static bool hand_over(struct remote *remote)
{
    struct task *task = remote->task;
    remote->waited_for = false;
    lane_note_hosted(task->lane, INT64_MAX); /* whatever the process may say */
    if (task_share(task) != NGI_OK) {
        remote_fail(remote, 503, "it could not be waited for");
        remote->doomed = "a call of it could not be waited for";
        return false;
    }
    task_hold(task);
    pthread_mutex_lock(&task->lock);
    task->remote = remote;
    int why = atomic_load_explicit(&task->cancelled, memory_order_relaxed);
    if (why)
        remote_cancel(remote, why != NGI_CANCEL_CLIENT);
    pthread_mutex_unlock(&task->lock);
    if (remote->wants_stream)
        remote_begin_stream(remote);
    remote_set_events(remote);
    return true;
}

/* ---------------------------------------------------------------------------------------------------------- */

void remote_prepare(struct remote *remote, struct task *task, uint16_t request)
{
    remote->task = task;
    remote->request = request;
    remote->begun_us = clock_us();
    remote->ran_us = -1;
    remote->sent = 0;
    remote->all_read = remote->aborted = remote->warned = remote->warns = remote->refused = remote->wants_stream =
        false;
    remote->answers = remote->headed = remote->sends_file = remote->sends_slots = false;
    remote->broken = NULL;
    atomic_store_explicit(&remote->given_up, false, memory_order_relaxed);
    atomic_store_explicit(&remote->final, false, memory_order_relaxed);
}

bool remote_begin(struct remote *remote, struct task *task)
{
    pthread_mutex_lock(&remote->lock);
    prepare(remote, task);
    bool gone = false, begins = task_take_up(task, remote);
    if (begins) {
        remote_set_events(remote);
        begins = begin(remote, &gone);
    }
    if (begins && !gone) {
        if (remote->waits_for_room)
            reactor_ask(&remote->errand);
        pthread_mutex_unlock(&remote->lock);
        remote_unclaim(remote);
        return true;
    }
    remote_forget(remote);
    bool again = begins && gone && task_put_back(task);
    /* A process that is gone is the reactor's to find; else the next call can have it. */
    remote->unbegun = !gone;
    if (!gone)
        reactor_ask(&remote->errand);
    pthread_mutex_unlock(&remote->lock);
    remote_unclaim(remote);
    if (!again)
        task_release(task);
    return !again;
}

enum remote_answer remote_try(struct remote *remote, struct task *task, int64_t wait_us)
{
    struct fcgi_end how = { 0 };
    bool gone = false, over = false;
    pthread_mutex_lock(&remote->lock);
    prepare(remote, task);
    request_id(task->request);
    task->stage = TASK_RUNNING;
    remote->waited_for = true;
    remote_set_events(remote);
    if (begin(remote, &gone) && !gone) {
        over = await_answer(remote, remote->begun_us + wait_us, &how);
        if (!over && hand_over(remote)) {
            pthread_mutex_unlock(&remote->lock);
            remote_unclaim(remote);
            return REMOTE_GOES_ON;
        }
    }
    remote->waited_for = false;
    if (over)
        remote_end(remote, &how);
    const char *broken = remote->broken ? remote->broken : remote->doomed;
    remote_forget(remote);
    remote->doomed = broken;
    if (broken)
        reactor_ask(&remote->errand);
    pthread_mutex_unlock(&remote->lock);
    if (gone || broken) /* it is the reactor's, to be found gone, or killed */
        remote_unclaim(remote);
    else
        hosts_answered(remote);
    if (gone)
        task->stage = TASK_NEW;
    return gone ? REMOTE_UNREACHED : REMOTE_ANSWERED;
}

bool remote_lose_call(struct remote *remote, const char *how, struct task **ret_task)
{
    pthread_mutex_lock(&remote->lock);
    struct task *task = remote->task;
    *ret_task = NULL;
    remote->orphan = false;
    if (!task) {
        pthread_mutex_unlock(&remote->lock);
        return false;
    }
    /* A body that arrives has gone with the process. Where all of a call has been sent, the kernel says whether it was
     * read: closing a local socket with bytes in its queue resets it, and what has been sent in one piece is read as
     * one. */
    bool whole = remote->all_read && remote->out_at == remote->out.length;
    bool alone = remote->request == REQUESTER_ID; /* of the others it is known that they have begun */
    bool unread = alone && !remote->answers && !task->in.data && !remote->aborted && !remote->warned &&
                  (!whole || (remote->refused && remote->sent <= REMOTE_UNSPLIT_MOST));
    bool again = unread && task_put_back(task);
    if (again)
        *ret_task = task;
    else if (!unread)
        remote_fail(remote, 502, how);
    remote_forget(remote);
    pthread_mutex_unlock(&remote->lock);
    if (!again)
        task_release(task);
    return again;
}
