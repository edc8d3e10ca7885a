#include "run/remote_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/closer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/passing.h"
#include "run/hosts_parts.h"
#include "run/task_parts.h"

/* --- receiving ----------------------------------------------------------------------------------------------- */

enum received { RECEIVED_SOME, RECEIVED_NOTHING, RECEIVED_END };

/* How much may be read: all of it has somewhere to go. */
static size_t room_for(struct remote *remote)
{
    struct task *task = remote->task;
    if (!task || !task->request->response.begun)
        return REMOTE_BLOCK;
    pthread_mutex_lock(&task->lock);
    size_t room = task->out.broken ? REMOTE_BLOCK : task->out.size - pipe_filled(&task->out);
    pthread_mutex_unlock(&task->lock);
    return room < REMOTE_BLOCK ? room : REMOTE_BLOCK;
}

/* Calls end. */
static void go_through(struct remote *remote, const uint8_t *data, size_t n)
{
    for (size_t used; n > 0 && !remote->broken; data += used, n -= used) {
        struct fcgi_end how;
        remote_collect(remote);
        used = 0;
        if (remote_is_idle(remote))
            remote->broken = REMOTE_SAID_MORE;
        else if (remote_feed(remote, &remote->in, data, n, &used, &how))
            remote_finish(remote, &how);
    }
    remote_collect(remote);
    /* Who sends a descriptor sends it along with the last bytes that are received with it (unix(7)): it belongs to the
     * call that these are of, and not to one that has ended before. */
    if (remote_is_idle(remote))
        remote_drop_file(remote);
    else if (remote->task || remote->orphan)
        remote->file_is_last = false;
}

/* Reads once. */
static enum received receive(struct remote *remote)
{
    static uint8_t block[REMOTE_BLOCK]; /* the reactor's */
    pthread_mutex_lock(&remote->lock);
    size_t room = room_for(remote);
    if (room == 0) {
        remote->stalled = true;
        remote_set_events(remote);
        pthread_mutex_unlock(&remote->lock);
        return RECEIVED_NOTHING;
    }
    ssize_t n = remote_receive_some(remote, block, room);
    if (n <= 0) {
        bool gone = n == 0 || (errno != EAGAIN && errno != EINTR);
        remote->refused |= n < 0 && errno == ECONNRESET;
        pthread_mutex_unlock(&remote->lock);
        return gone ? RECEIVED_END : RECEIVED_NOTHING;
    }
    if (remote_is_idle(remote))
        remote->broken = "it said something unasked";
    remote->answers = true;
    if (!remote->broken)
        go_through(remote, block, (size_t)n);
    return remote_look_over(remote) ? RECEIVED_NOTHING : RECEIVED_SOME;
}

static void ready(struct reactor_source *source, uint32_t events)
{
    struct remote *remote = (struct remote *)((char *)source - offsetof(struct remote, socket));
    if (events & EPOLLOUT) {
        pthread_mutex_lock(&remote->lock);
        (void)remote_push(remote); /* a peer that is gone will be read from */
        if (remote->doomed)
            reactor_ask(&remote->errand);
        remote_set_events(remote);
        pthread_mutex_unlock(&remote->lock);
    }
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    if (receive(remote) == RECEIVED_END)
        hosts_hung_up(remote);
}

static void die(struct reactor_source *source, uint32_t events)
{
    struct remote *remote = (struct remote *)((char *)source - offsetof(struct remote, death));
    (void)events;
    hosts_died(remote);
}

static void over_limit(struct reactor_timer *timer)
{
    struct remote *remote = (struct remote *)((char *)timer - offsetof(struct remote, limit));
    remote_kill(remote, "it had not ended in time a call that was given up");
}

static void impatient(struct reactor_timer *timer)
{
    hosts_impatient((struct remote *)((char *)timer - offsetof(struct remote, patience)));
}

/* Somebody has asked to look again. */
static void look(struct reactor_errand *errand)
{
    struct remote *remote = (struct remote *)((char *)errand - offsetof(struct remote, errand));
    pthread_mutex_lock(&remote->lock);
    remote_collect(remote);
    remote_promote(remote);
    if (remote->task) {
        if (atomic_load_explicit(&remote->given_up, memory_order_relaxed)) {
            bool final = atomic_load_explicit(&remote->final, memory_order_relaxed);
            int64_t at_us = clock_us() + hosts_patience_us(remote, final);
            if (!remote->limit.set || at_us < remote->limit.at_us)
                reactor_set(&remote->limit, at_us);
            /* Without memory for it, it is killed later. */
            (void)(final ? remote_put_abort(remote, remote_why_aborted(remote)) : remote_put_warning(remote));
        }
        remote->stalled = false;
        (void)remote_push(remote);
    }
    remote_limit_ended(remote);
    bool unbegun = remote->unbegun;
    const char *doomed = remote->doomed;
    remote->unbegun = false;
    remote->doomed = NULL;
    bool over = remote_look_over(remote);
    if (doomed || (unbegun && !over))
        hosts_call_over(remote, doomed);
}

/* ---------------------------------------------------------------------------------------------------------- */

bool remote_look_over(struct remote *remote)
{
    const char *broken = remote->broken;
    struct task *task = broken ? remote->task : NULL;
    if (broken)
        remote->in.broken = broken; /* nothing that follows is read */
    else
        broken = remote->wrong;
    remote->wrong = NULL;
    bool over = broken || (remote_is_idle(remote) && remote->done > 0);
    if (task)
        remote_fail(remote, 502, broken);
    if (task) {
        reactor_unset(&remote->limit);
        remote_forget(remote);
    }
    remote->orphan &= !remote->broken;
    remote->broken = NULL;
    remote_set_events(remote);
    pthread_mutex_unlock(&remote->lock);
    if (task)
        task_release(task);
    if (over)
        hosts_call_over(remote, broken);
    return over;
}

void remote_set_events(struct remote *remote)
{
    uint32_t events = (remote->stalled || remote->waited_for ? 0 : EPOLLIN) | (remote->waits_for_room ? EPOLLOUT : 0);
    bool out = remote->stalled && events == 0;
    if (remote->hung_up || (events == remote->events && out == remote->out_of_set))
        return;
    if (out)
        reactor_remove(&remote->socket);
    else if (!remote->out_of_set)
        reactor_change(&remote->socket, events);
    else if (reactor_add(&remote->socket, events) != NGI_OK)
        log_line(NGI_LOG_ERROR, "epoll_ctl: %s", strerror(errno));
    remote->out_of_set = out;
    remote->events = events;
}

enum { UNASKED_MOST = 16 }; /* files between two answers that nobody has taken */

/* What it does nobody does who means well. */
static void bar(struct remote *remote, const char *why)
{
    remote->hostile = true;
    remote->broken = why;
}

ssize_t remote_receive_some(struct remote *remote, uint8_t *block, size_t room)
{
    const struct iovec bytes = { block, room };
    int fd;
    ssize_t n = passing_receive(remote->socket.fd, &bytes, 1, &fd);
    if (fd == PASSING_MANY || (fd >= 0 && file_is_socket(fd))) {
        bar(remote, "it sent a descriptor that is no file's");
        closer_drop(fd);
    } else if (fd >= 0) {
        /* One may have been behind an answer that nobody waited for. */
        if (remote->file >= 0 && ++remote->unasked > UNASKED_MOST)
            bar(remote, "it keeps sending files that are no answer's");
        remote_drop_file(remote);
        remote->file = fd;
        remote->file_is_last = true;
    }
    return n;
}

void remote_drop_file(struct remote *remote)
{
    closer_drop(remote->file);
    remote->file = -1;
    remote->file_is_last = false;
}

void remote_forget(struct remote *remote)
{
    bool ahead = remote->request != REQUESTER_ID; /* of such a call nothing is left to be sent, but of others */
    remote->task = NULL;
    remote->stalled = false;
    if (!remote->file_is_last)
        remote_drop_file(remote);
    buffer_reset(&remote->head, REMOTE_KEPT);
    if (ahead)
        return;
    if (remote->body_file >= 0)
        close(remote->body_file);
    remote->body_file = -1;
    buffer_reset(&remote->pairs, REMOTE_KEPT);
    buffer_reset(&remote->out, REMOTE_KEPT);
    remote->out_at = 0;
    remote->waits_for_room = false;
}

struct remote *remote_new(struct hosts *hosts, uint64_t number, int fd)
{
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return NULL;
    remote->hosts = hosts;
    remote->number = number;
    remote->pidfd = remote->memory = remote->file = remote->body_file = remote->slots_fd = -1;
    remote->socket = (struct reactor_source){ .ready = ready, .fd = fd };
    remote->status = HOSTS_STATUS_UNKNOWN;
    remote->limit.fire = over_limit;
    remote->patience.fire = impatient;
    remote->errand.run = look;
    pthread_mutex_init(&remote->lock, NULL);
    buffer_init(&remote->pairs, SIZE_MAX);
    buffer_init(&remote->out, SIZE_MAX);
    buffer_init(&remote->head, SIZE_MAX);
    return remote;
}

void remote_free(struct remote *remote)
{
    reactor_unset(&remote->limit);
    reactor_unset(&remote->patience);
    reactor_forget(&remote->errand);
    reactor_remove(&remote->socket);
    passing_close(remote->socket.fd);
    remote_drop_file(remote); /* that came along with what was unasked */
    if (remote->pidfd >= 0) {
        (void)pidfd_send_signal(remote->pidfd, SIGKILL, NULL, 0); /* who told that it had ended may have lied */
        reactor_remove(&remote->death);
        close(remote->pidfd);
    }
    if (remote->memory >= 0)
        close(remote->memory);
    if (remote->slots_fd >= 0)
        close(remote->slots_fd);
    slots_free(remote->slots);
    pthread_mutex_destroy(&remote->lock);
    buffer_free(&remote->pairs);
    buffer_free(&remote->out);
    buffer_free(&remote->head);
    free(remote);
}

int remote_came(struct remote *remote, pid_t pid, int pidfd)
{
    remote->pid = pid;
    remote->pidfd = pidfd;
    remote->death = (struct reactor_source){ .ready = die, .fd = pidfd };
    remote->events = EPOLLIN;
    remote->slots = slots_new(&remote->slots_fd); /* without, it gets one call at a time */
    int rc = reactor_add(&remote->death, EPOLLIN);
    return rc == NGI_OK ? reactor_add(&remote->socket, EPOLLIN) : rc;
}

void remote_hung_up(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    remote->hung_up = true;
    pthread_mutex_unlock(&remote->lock);
}

void remote_over(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    remote->unbegun = true;
    pthread_mutex_unlock(&remote->lock);
    reactor_ask(&remote->errand);
}

void remote_dismiss(struct remote *remote)
{
    shutdown(remote->socket.fd, SHUT_WR);
}

void remote_kill(struct remote *remote, const char *why)
{
    if (!remote->killed)
        remote->killed = why;
    if (remote->pidfd >= 0 && pidfd_send_signal(remote->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
        log_line(NGI_LOG_ERROR, "host process %d cannot be killed: %s", (int)remote->pid, strerror(errno));
}

bool remote_has_call(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    bool has = !remote_is_idle(remote);
    pthread_mutex_unlock(&remote->lock);
    return has;
}

void remote_drain(struct remote *remote)
{
    pthread_mutex_lock(&remote->lock);
    remote_collect(remote);
    (void)remote_look_over(remote);
    /* More than a socket holds comes only of another process that goes on sending. */
    enum { BLOCKS_MOST = 256 };
    for (int i = 0; i < BLOCKS_MOST && remote_has_call(remote) && receive(remote) == RECEIVED_SOME; i++)
        ;
}

uint64_t remote_rss(struct remote *remote)
{
    char path[64], text[128];
    if (remote->memory < 0) {
        snprintf(path, sizeof path, "/proc/%d/statm", (int)remote->pid);
        remote->memory = open(path, O_RDONLY | O_CLOEXEC);
    }
    ssize_t n = remote->memory < 0 ? -1 : pread(remote->memory, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void remote_cancel(struct remote *remote, bool final)
{
    if (final)
        atomic_store_explicit(&remote->final, true, memory_order_relaxed);
    atomic_store_explicit(&remote->given_up, true, memory_order_relaxed);
    reactor_ask(&remote->errand);
}

void remote_look(struct remote *remote)
{
    reactor_ask(&remote->errand);
}
