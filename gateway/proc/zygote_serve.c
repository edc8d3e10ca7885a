#include "proc/zygote_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/closer.h"
#include "base/file.h"
#include "base/log.h"
#include "proc/backoff.h"
#include "proc/zygote_child.h"

/* --- hosts, on the reactor's thread ---------------------------------------------------------------------------- */

static void forget_ended_orphans(struct zygote *zygote)
{
    for (struct born **at = &zygote->born; *at;) {
        struct born *born = *at;
        struct pollfd end = { born->pidfd, POLLIN, 0 };
        if (!born->orphan || poll(&end, 1, 0) <= 0) {
            at = &born->next;
            continue;
        }
        *at = born->next;
        close(born->pidfd);
        free(born);
    }
}

static struct ask *take_ask(struct ask **list, uint64_t number)
{
    for (; *list; list = &(*list)->next)
        if ((*list)->number == number) {
            struct ask *ask = *list;
            *list = ask->next;
            return ask;
        }
    return NULL;
}

static struct born *take_born(struct zygote *zygote, uint64_t number)
{
    for (struct born **at = &zygote->born; *at; at = &(*at)->next)
        if ((*at)->number == number) {
            struct born *born = *at;
            *at = born->next;
            return born;
        }
    return NULL;
}

/* Tells that they will never be. Whoever hears it may ask for others. */
static void fail(struct zygote *zygote, struct ask **list, const char *why)
{
    struct ask *ask = *list, *next;
    *list = NULL;
    for (; ask; ask = next) {
        next = ask->next;
        if (ask->fd >= 0)
            close(ask->fd);
        hosts_ended(zygote->hosts, ask->number, HOSTS_STATUS_UNKNOWN, why);
        free(ask);
    }
}

static void await_room(struct zygote *zygote, bool awaits)
{
    if (zygote->awaits_room != awaits && zygote->listens)
        reactor_change(&zygote->line_source, awaits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    zygote->awaits_room = awaits;
}

/* Sends what has been asked for, in its order, as far as it can be. */
static void send_asks(struct zygote *zygote)
{
    int rc = 0;
    while (zygote->asks && zygote->stage == READY && rc == 0) {
        struct ask *ask = zygote->asks;
        char number[24];
        snprintf(number, sizeof number, "%" PRIu64, ask->number);
        rc = channel_send(zygote->line, ZYGOTE_FORK, number, ask->fd);
        if (rc < 0) /* no room; or it is gone, and that will be seen */
            break;
        close(ask->fd);
        ask->fd = -1;
        ask->sent_ms = clock_ms();
        zygote->asks = ask->next;
        ask->next = zygote->sent;
        zygote->sent = ask;
    }
    if (zygote->sent && !zygote->due.set)
        reactor_set(&zygote->due, clock_us() + ANSWER_MS * 1000LL);
    await_room(zygote, rc == -EAGAIN || rc == -ETOOMANYREFS);
}

/* When the first of the answers that are awaited is late; INT64_MAX: none is awaited. */
static int64_t answer_at_ms(const struct zygote *zygote)
{
    int64_t first = INT64_MAX;
    for (const struct ask *ask = zygote->sent; ask; ask = ask->next)
        first = ask->sent_ms + ANSWER_MS < first ? ask->sent_ms + ANSWER_MS : first;
    return first;
}

static bool has_ended(const struct zygote *zygote)
{
    struct pollfd end = { zygote->pidfd, POLLIN, 0 };
    return poll(&end, 1, 0) > 0;
}

/* False: what it says cannot be true. */
static bool take_forked(struct zygote *zygote, int pidfd)
{
    uint64_t number;
    int64_t pid;
    if (!zygote_line_parse(zygote->heard.data, &number, &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    enum zygote_child child =
        zygote_child_look(pidfd, (pid_t)pid, atomic_load_explicit(&zygote->pid, memory_order_relaxed));
    /* One that has ended is told of in what follows. One whose zygote has just died is nobody's child, and cannot be
     * told from any other process: it is as if it had not been answered for. */
    if (child == CHILD_ENDED || (child == CHILD_FALSE && has_ended(zygote))) {
        closer_drop(pidfd); /* of a zygote that has ended it may be anything */
        return true;
    }
    struct ask *ask = child == CHILD_LIVES ? take_ask(&zygote->sent, number) : NULL;
    if (!ask)
        return false;
    free(ask);
    forget_ended_orphans(zygote);
    struct born *born = malloc(sizeof *born);
    if (born) /* without one, nobody kills it if it does not end by itself */
        *born = (struct born){ zygote->born, number, (pid_t)pid, fcntl(pidfd, F_DUPFD_CLOEXEC, 0), false };
    if (born && born->pidfd >= 0)
        zygote->born = born;
    else
        free(born);
    hosts_came(zygote->hosts, number, (pid_t)pid, pidfd);
    return true;
}

static bool take_ended(struct zygote *zygote)
{
    uint64_t number;
    int64_t status;
    if (!zygote_line_parse(zygote->heard.data, &number, &status) || status < -1 || status > INT32_MAX)
        return false;
    struct born *born = take_born(zygote, number);
    struct ask *ask = take_ask(&zygote->sent, number);
    if (born)
        close(born->pidfd);
    bool known = born || ask;
    crash_line_take(&zygote->crashes); /* what it was crashing at is kept when its client hears of it */
    free(born);
    free(ask);
    if (known)
        hosts_ended(zygote->hosts, number, status < 0 ? HOSTS_STATUS_UNKNOWN : (int)status, NULL);
    return true; /* it may be one for which there was no memory */
}

static bool take_refused(struct zygote *zygote)
{
    uint64_t number;
    int64_t error;
    char why[WORDS];
    if (!zygote_line_parse(zygote->heard.data, &number, &error) || error < 0 || error > INT32_MAX)
        return false;
    struct ask *ask = take_ask(&zygote->sent, number);
    if (!ask)
        return false;
    free(ask);
    snprintf(why, sizeof why, "its zygote could not fork: %s", strerror((int)error));
    hosts_ended(zygote->hosts, number, HOSTS_STATUS_UNKNOWN, why);
    return true;
}

/* --- its life, on the reactor's thread ------------------------------------------------------------------------- */

/* Another one is due. */
static void put_off(struct zygote *zygote, bool failed)
{
    zygote->failures = failed ? zygote->failures + 1 : 0;
    reactor_set(&zygote->due, clock_us() + backoff_ms(zygote->failures) * 1000);
}

static void set_due(struct zygote *zygote, int64_t at_ms)
{
    if (at_ms < INT64_MAX)
        reactor_set(&zygote->due, at_ms * 1000);
}

static void listen_no_more(struct zygote *zygote)
{
    if (zygote->listens)
        reactor_remove(&zygote->line_source);
    zygote->listens = zygote->awaits_room = false;
}

/* It has ended, or has to. What is under way in its hosts is not touched by that. */
static void lose(struct zygote *zygote, bool told)
{
    char words[WORDS], why[2 * WORDS];
    bool was_ready = zygote->stage == READY, young = clock_ms() - zygote->slow.since_ms < YOUNG_MS;
    int pid = atomic_load_explicit(&zygote->pid, memory_order_relaxed);
    listen_no_more(zygote);
    if (zygote->awaits_end)
        reactor_remove(&zygote->end_source);
    zygote->awaits_end = false;
    zygote_bury(zygote, words);
    for (struct born *born = zygote->born; born; born = born->next)
        born->orphan = true;
    snprintf(why, sizeof why, "its zygote %s", words);
    put_off(zygote, !was_ready || young);
    if (!told)
        log_line(NGI_LOG_ERROR, "plugin %s: its zygote, process %d, %s: another is started%s", zygote->name, pid, words,
                 zygote->failures ? ", a little later" : "; its hosts go on");
    fail(zygote, &zygote->sent, why);
    if (!was_ready)
        fail(zygote, &zygote->asks, why);
}

/* ZYGOTE_FAILED: the code is the same as that of the first one, but the machine may have changed. */
static void lose_failed(struct zygote *zygote)
{
    struct report report = { 0 };
    zygote_report_lines(zygote, &report);
    report_log(&report);
    report_free(&report);
    lose(zygote, true);
}

/* One message. False: it is not what it may say now. */
static bool take(struct zygote *zygote, int kind, int fd)
{
    enum zygote_stage stage = zygote->stage;
    if (kind == ZYGOTE_PART)
        return stage != READY;
    if (fd >= 0) { /* only one message brings one, a pidfd, which is no socket */
        bool good = kind == ZYGOTE_FORKED && stage == READY && !file_is_socket(fd) && take_forked(zygote, fd);
        if (!good)
            closer_drop(fd);
        return good;
    }
    switch (kind) {
    case ZYGOTE_LOADED:
        if (stage != LOADING || channel_send(zygote->line, ZYGOTE_INIT, NULL, -1) < 0)
            return false;
        zygote_enter(zygote, INITIALISING);
        set_due(zygote, zygote_slow_at_ms(zygote));
        return true;
    case ZYGOTE_READY:
        if (stage != INITIALISING)
            return false;
        zygote_enter(zygote, READY);
        reactor_unset(&zygote->due);
        log_line(NGI_LOG_INFO, "plugin %s: its zygote is process %d now", zygote->name,
                 atomic_load_explicit(&zygote->pid, memory_order_relaxed));
        send_asks(zygote);
        return true;
    case ZYGOTE_REFUSED: return stage == READY && take_refused(zygote);
    case ZYGOTE_ENDED: return stage == READY && take_ended(zygote);
    default: return false;
    }
}

/* What has come; some of it, if that does not end: others want their turn. False: it has been lost. */
static bool take_some(struct zygote *zygote)
{
    enum { MOST = 256 }; /* more than a line has room for */
    for (int i = 0; i < MOST; i++) {
        int fd, kind = zygote_line_hear(zygote->line, &zygote->heard, &fd);
        if (kind == MESSAGE_NONE)
            return true;
        if (kind == ZYGOTE_FAILED && zygote->stage != READY) {
            closer_drop(fd);
            lose_failed(zygote);
            return false;
        }
        if (kind < 0) {
            /* Its end may follow, and tells more. */
            listen_no_more(zygote);
            return true;
        }
        if (!take(zygote, kind, fd)) {
            log_line(NGI_LOG_ERROR, "plugin %s: its zygote says what cannot be: it is ended", zygote->name);
            lose(zygote, false);
            return false;
        }
    }
    return true;
}

static void line_ready(struct reactor_source *source, uint32_t events)
{
    struct zygote *zygote = (struct zygote *)((char *)source - offsetof(struct zygote, line_source));
    if (events & EPOLLOUT)
        send_asks(zygote);
    if (!take_some(zygote) || zygote->listens)
        return;
    if (!has_ended(zygote)) /* it lives on without a line */
        (void)pidfd_send_signal(zygote->pidfd, SIGKILL, NULL, 0);
}

static void end_ready(struct reactor_source *source, uint32_t events)
{
    struct zygote *zygote = (struct zygote *)((char *)source - offsetof(struct zygote, end_source));
    (void)events;
    if (!zygote->listens || take_some(zygote)) /* what it has said before */
        lose(zygote, false);
}

/* Has the reactor wait for the process. NGI_OK, NGI_EIO. */
static int watch(struct zygote *zygote)
{
    zygote->line_source = (struct reactor_source){ .ready = line_ready, .fd = zygote->line };
    zygote->end_source = (struct reactor_source){ .ready = end_ready, .fd = zygote->pidfd };
    zygote->listens = reactor_add(&zygote->line_source, EPOLLIN) == NGI_OK;
    zygote->awaits_end = zygote->listens && reactor_add(&zygote->end_source, EPOLLIN) == NGI_OK;
    return zygote->awaits_end ? NGI_OK : NGI_EIO;
}

static int make(void *arg, uint64_t number, int fd, ngi_error *err)
{
    struct zygote *zygote = arg;
    struct ask *ask = malloc(sizeof *ask), **end = &zygote->asks;
    if (!ask) {
        close(fd);
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    }
    *ask = (struct ask){ .number = number, .fd = fd };
    while (*end)
        end = &(*end)->next;
    *end = ask;
    if (zygote->hosts)
        send_asks(zygote);
    return NGI_OK;
}

static void start_again(struct zygote *zygote)
{
    char why[WORDS];
    int error = zygote_begin(zygote);
    if (!error && watch(zygote) == NGI_OK) {
        set_due(zygote, zygote_slow_at_ms(zygote));
        return;
    }
    error = error ? error : errno;
    log_line(NGI_LOG_ERROR, "plugin %s: no zygote can be started: %s: another try follows", zygote->name,
             strerror(error));
    if (zygote->pidfd >= 0) {
        lose(zygote, true);
        return;
    }
    snprintf(why, sizeof why, "no zygote could be started: %s", strerror(error));
    put_off(zygote, true);
    fail(zygote, &zygote->asks, why);
}

/* An answer may be late. What has been said comes first; and if this thread itself has been held up, as where a whole
 * machine sleeps, the zygote may have been, too, and gets its time again. */
static void check_answers(struct zygote *zygote)
{
    enum { HELD_UP_US = 1000 * 1000 };
    if (clock_us() - zygote->due.at_us > HELD_UP_US)
        for (struct ask *ask = zygote->sent; ask; ask = ask->next)
            ask->sent_ms = clock_ms();
    if (clock_ms() >= answer_at_ms(zygote) && zygote->listens && !take_some(zygote))
        return;
    int64_t at_ms = answer_at_ms(zygote);
    if (clock_ms() < at_ms) {
        set_due(zygote, at_ms);
        return;
    }
    log_line(NGI_LOG_ERROR, "plugin %s: its zygote, process %d, has not answered for %d s: it is killed", zygote->name,
             atomic_load_explicit(&zygote->pid, memory_order_relaxed), ANSWER_MS / 1000);
    lose(zygote, false);
}

/* ---------------------------------------------------------------------------------------------------------- */

void zygote_due(struct reactor_timer *timer)
{
    struct zygote *zygote = (struct zygote *)((char *)timer - offsetof(struct zygote, due));
    switch (zygote->stage) {
    case DEAD: start_again(zygote); break;
    case READY: check_answers(zygote); break;
    default:
        zygote_warn(zygote);
        set_due(zygote, zygote_slow_at_ms(zygote));
        break;
    }
}

void zygote_join(struct reactor_errand *errand)
{
    struct zygote *zygote = (struct zygote *)((char *)errand - offsetof(struct zygote, join));
    send_asks(zygote);
    zygote->joined = watch(zygote);
    crash_line_listen(&zygote->crashes);
}

void zygote_leave(struct reactor_errand *errand)
{
    struct zygote *zygote = (struct zygote *)((char *)errand - offsetof(struct zygote, leave));
    listen_no_more(zygote);
    if (zygote->awaits_end)
        reactor_remove(&zygote->end_source);
    zygote->awaits_end = false;
    reactor_unset(&zygote->due);
    crash_line_leave(&zygote->crashes);
}

const struct hosts_source zygote_source = { make };

int zygote_serve(struct zygote *zygote, struct hosts *hosts, ngi_error *err)
{
    zygote->hosts = hosts;
    /* On its thread: between the two sources it would find one alone. */
    reactor_ask(&zygote->join);
    reactor_flush();
    if (zygote->joined == NGI_OK)
        return NGI_OK;
    return ngi_error_set(err, NGI_EIO, "plugin %s: its zygote cannot be listened to", zygote->name);
}
