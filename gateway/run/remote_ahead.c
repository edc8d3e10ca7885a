#include "run/remote_parts.h"

#include "base/clock.h"
#include "fcgi/inner.h"
#include "run/hosts_parts.h"
#include "run/task_parts.h"

/* --- the queue ----------------------------------------------------------------------------------------------- */

static bool is_out(const struct remote *remote)
{
    return remote->ahead_at < remote->ahead_count;
}

static uint16_t id_of(unsigned number)
{
    return (uint16_t)(INNER_AHEAD + number);
}

/* Nothing more comes for it. */
static void set_over(struct remote *remote, unsigned number)
{
    remote->ahead[number].over = true;
    if (!remote->task && !remote->orphan) /* else it is that of the call under way */
        reactor_unset(&remote->limit);
    while (is_out(remote) && remote->ahead[remote->ahead_at].over)
        remote->ahead_at++;
}

/* The task, which nobody can take back from here on; NULL: somebody has. */
static struct task *take(struct remote *remote, unsigned number)
{
    struct ahead *ahead = &remote->ahead[number];
    pthread_mutex_lock(&remote->hosts->lock);
    struct task *task = ahead->task;
    if (task) {
        ahead->task = NULL;
        task->ahead = NULL;
    }
    pthread_mutex_unlock(&remote->hosts->lock);
    return task;
}

static bool is_withdrawn(struct remote *remote, unsigned number)
{
    pthread_mutex_lock(&remote->hosts->lock);
    bool withdrawn = !remote->ahead[number].task;
    pthread_mutex_unlock(&remote->hosts->lock);
    return withdrawn;
}

/* As take, unless the process has begun it. */
static struct task *take_back(struct remote *remote, unsigned number)
{
    return slot_withdraw(remote->ahead[number].slot) ? take(remote, number) : NULL;
}

/* --- a call becomes the one under way ------------------------------------------------------------------------- */

/* The process has begun it. One that is nobody's any more is to be given up. */
static void turn_to(struct remote *remote, unsigned number)
{
    struct task *task = take(remote, number);
    remote_prepare(remote, task, id_of(number));
    remote->all_read = true;
    set_over(remote, number);
    if (task && task_take_up(task, remote))
        return;
    if (task)
        task_release(task);
    remote->task = NULL;
    remote->orphan = true;
}

/* It runs still. */
static void give_up_orphan(struct remote *remote)
{
    reactor_set(&remote->limit, clock_us() + hosts_patience_us(remote, true));
    (void)remote_put_abort(remote, NGI_CANCEL_CLIENT); /* without memory for it, it is killed later */
    (void)remote_push(remote);
    remote_set_events(remote);
}

/* A call that has been answered in its slot. */
static void end_answered(struct remote *remote, unsigned number)
{
    static uint8_t answer[SLOT_ROOM]; /* the reactor's */
    struct requester in = { 0 };
    struct fcgi_end how;
    turn_to(remote, number);
    size_t used = 0, n = slot_read(remote->ahead[number].slot, answer);
    if (n == 0 || !remote_feed(remote, &in, answer, n, &used, &how) || used < n) {
        remote->broken = remote->broken ? remote->broken : "it left an answer that is none";
        return;
    }
    remote->ran_us = inner_run_us(how.app_status);
    remote_finish(remote, &how);
}

/* --- sending -------------------------------------------------------------------------------------------------- */

static int put_body(struct remote *remote, struct task *task)
{
    struct buffer *out = &remote->out;
    const struct body *body = &task->request->body;
    int rc = NGI_OK;
    if (body->length > 0)
        rc = requester_put_stdin(out, remote->request, (size_t)body->length);
    if (rc == NGI_OK && body->length > 0)
        rc = buffer_append(out, body->memory.data, (size_t)body->length);
    return rc == NGI_OK ? requester_put_stdin(out, remote->request, 0) : rc;
}

/* Puts a whole request into `out`, or nothing. */
static int put_request(struct remote *remote, unsigned number, struct task *task)
{
    size_t before = remote->out.length;
    remote->request = id_of(number);
    int rc = remote_put_head(remote, task);
    if (rc == NGI_OK)
        rc = put_body(remote, task);
    if (rc != NGI_OK)
        remote->out.length = before;
    return rc;
}

/* The process will not answer it: `status` instead. */
static void fail(struct remote *remote, unsigned number, int status, const char *why)
{
    turn_to(remote, number);
    struct task *task = remote->task;
    if (task) {
        remote_fail(remote, status, why);
        remote_forget(remote);
        task_release(task);
    }
    remote->orphan = false;
    remote->done++;
    remote->ran++;
}

static void wait_again(struct remote *remote, struct task *task)
{
    if (task)
        hosts_put_back(remote->hosts, task);
}

/* What has not begun waits again, from `number` on; what comes first comes first again. False: some has. */
static bool take_back_from(struct remote *remote, unsigned number)
{
    bool all = true;
    for (unsigned i = remote->ahead_count; i-- > number;) {
        if (remote->ahead[i].over)
            continue;
        wait_again(remote, take_back(remote, i));
        all &= !remote->ahead[i].task;
    }
    return all;
}

/* The same of what has not been sent, whatever the process has made of the slots. */
static void unsend_from(struct remote *remote, unsigned number)
{
    pthread_mutex_lock(&remote->hosts->lock);
    remote->calls -= remote->ahead_count - number;
    pthread_mutex_unlock(&remote->hosts->lock);
    for (unsigned i = remote->ahead_count; i-- > number;) {
        (void)slot_withdraw(remote->ahead[i].slot);
        wait_again(remote, take(remote, i));
    }
    remote->ahead_count = number;
}

/* ---------------------------------------------------------------------------------------------------------- */

bool remote_is_idle(const struct remote *remote)
{
    return !remote->task && !remote->orphan && !is_out(remote);
}

void remote_collect(struct remote *remote)
{
    while (!remote->broken && !remote->task && !remote->orphan && is_out(remote) &&
           slot_is_answered(remote->ahead[remote->ahead_at].slot))
        end_answered(remote, remote->ahead_at);
}

bool remote_turn(struct remote *remote, const struct requester_event *event)
{
    unsigned number = (unsigned)event->request - INNER_AHEAD;
    bool out = event->request >= INNER_AHEAD && number >= remote->ahead_at && number < remote->ahead_count &&
               !remote->ahead[number].over;
    if (!out) {
        remote->broken = "a record for a request that was not made";
        return false;
    }
    bool ends = event->kind == REQUESTER_END;
    if (ends && (event->end.protocol_status == FCGI_CANT_MPX_CONN || is_withdrawn(remote, number))) {
        wait_again(remote, take(remote, number));
        set_over(remote, number);
        remote->done++;
        return false;
    }
    remote_collect(remote); /* what it has left in slots, it had left before it said this */
    if (remote->task || remote->orphan || number != remote->ahead_at) {
        remote->broken = "it answers a request before its turn";
        return false;
    }
    if (remote->broken)
        return false;
    turn_to(remote, number);
    if (remote->orphan && !ends)
        give_up_orphan(remote);
    return true;
}

void remote_promote(struct remote *remote)
{
    if (remote->task || remote->orphan || remote->broken || !is_out(remote))
        return;
    unsigned number = remote->ahead_at;
    switch (slot_quiet(remote->ahead[number].slot)) {
    case SLOT_ALONE:
        turn_to(remote, number);
        if (remote->orphan)
            give_up_orphan(remote);
        break;
    case SLOT_ANSWERED: remote_collect(remote); break;
    default: break; /* it comes by the socket */
    }
}

void remote_limit_ended(struct remote *remote)
{
    bool awaited = !is_out(remote) || remote->task || remote->orphan || remote->limit.set;
    pthread_mutex_lock(&remote->hosts->lock);
    for (unsigned i = remote->ahead_at; i < remote->ahead_count; i++)
        awaited |= remote->ahead[i].task != NULL;
    pthread_mutex_unlock(&remote->hosts->lock);
    if (!awaited)
        reactor_set(&remote->limit, clock_us() + hosts_patience_us(remote, true));
}

bool remote_tick(struct remote *remote, bool others_idle)
{
    pthread_mutex_lock(&remote->lock);
    if (!remote->watched) {
        pthread_mutex_unlock(&remote->lock);
        return false;
    }
    remote_collect(remote);
    bool stuck = remote->done == remote->done_then;
    remote->done_then = remote->done;
    if (stuck || (remote->ticks++ > 0 && others_idle)) {
        remote_promote(remote);
        unsigned behind = remote->ahead_at + (remote->task || remote->orphan ? 0 : 1);
        remote->watched = !take_back_from(remote, behind);
    }
    bool out = remote->watched && is_out(remote);
    return !remote_look_over(remote) && out;
}

void remote_begin_ahead(struct remote *remote, struct task *const *tasks, unsigned count)
{
    struct buffer *out = &remote->out;
    pthread_mutex_lock(&remote->lock);
    remote->ahead_at = 0;
    remote->ahead_count = count;
    remote->in = (struct requester){ 0 };
    remote->all_read = true;
    remote->sends_file = false;
    remote->watched = true;
    remote->ticks = 0;
    remote->done_then = UINT64_MAX;
    remote->sent = 0;
    out->length = remote->out_at = 0;
    for (unsigned i = 0; i < remote->ahead_count; i++) {
        size_t before = out->length;
        int rc = put_request(remote, i, tasks[i]);
        if (rc != NGI_OK) {
            fail(remote, i, rc == NGI_ETOOBIG ? 431 : 503, ngi_strerror(rc));
        } else if (before > 0 && out->length > REMOTE_UNSPLIT_MOST) {
            out->length = before;
            unsend_from(remote, i);
        }
    }
    remote->sends_slots = remote->slots_fd >= 0;
    if (is_out(remote) && !remote_push(remote)) { /* it is gone, or as good as that */
        if (remote->sent == 0)
            unsend_from(remote, remote->ahead_at);
        reactor_set(&remote->patience, clock_us() + HOSTS_TOLD_US);
        if (remote->doomed)
            reactor_ask(&remote->errand);
    } else if (!is_out(remote)) {
        remote->unbegun = true;
        reactor_ask(&remote->errand);
    }
    remote_set_events(remote);
    pthread_mutex_unlock(&remote->lock);
    remote_unclaim(remote);
}

void remote_lose_ahead(struct remote *remote, const char *how)
{
    pthread_mutex_lock(&remote->lock);
    take_back_from(remote, remote->ahead_at);
    while (is_out(remote))
        fail(remote, remote->ahead_at, 502, how);
    pthread_mutex_unlock(&remote->lock);
}
