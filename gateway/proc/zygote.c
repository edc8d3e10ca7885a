#include "proc/zygote_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/closer.h"
#include "base/log.h"
#include "base/passing.h"
#include "conf/settings_extract.h"

/* --- waiting for it, before it serves -------------------------------------------------------------------------- */

/* For poll(2); -1: for ever. */
static int ms_until(int64_t at_ms)
{
    int64_t left = at_ms - clock_ms();
    return at_ms == INT64_MAX ? -1 : left <= 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX;
}

/* The next message; -1: there is none, it has ended. */
static int await(struct zygote *zygote)
{
    for (;;) {
        struct pollfd fds[] = { { zygote->line, POLLIN, 0 }, { zygote->pidfd, POLLIN, 0 } };
        int fd;
        if (poll(fds, 2, ms_until(zygote_slow_at_ms(zygote))) <= 0) {
            zygote_warn(zygote);
            continue;
        }
        int kind = zygote_line_hear(zygote->line, &zygote->heard, &fd);
        closer_drop(fd);
        if (kind == ZYGOTE_PART)
            continue;
        /* A process that its plugin has left behind may hold the line. */
        if (kind != MESSAGE_NONE || fds[1].revents)
            return kind == MESSAGE_NONE ? -1 : kind;
    }
}

/* It has not said what it should have. */
static bool refuse(struct zygote *zygote, int kind, struct report *report)
{
    char words[WORDS] = "has ended";
    size_t before = report->count;
    if (kind == ZYGOTE_FAILED)
        zygote_report_lines(zygote, report);
    if (zygote->stage != DEAD)
        zygote_bury(zygote, words);
    if (report->count == before)
        report_add(report, "%s: the process that loads it for its hosts %s", zygote->file->path, words);
    return false;
}

/* --- its end ------------------------------------------------------------------------------------------------- */

/* Waits for the end of a process until then. False: it has not ended. */
static bool await_end(int pidfd, int64_t deadline_ms)
{
    struct pollfd end = { pidfd, POLLIN, 0 };
    for (;;) {
        int n = poll(&end, 1, ms_until(deadline_ms));
        if (n > 0 || (n == 0 && clock_ms() >= deadline_ms))
            return n > 0;
    }
}

/* Those that are left: of a zygote that had to be killed, or has died. A number is only sure to be a host's own while
 * its pidfd says that it lives. */
static void end_hosts(struct zygote *zygote, int64_t deadline_ms)
{
    for (struct born *born = zygote->born, *next; born; born = next) {
        next = born->next;
        if (!await_end(born->pidfd, deadline_ms)) {
            kill(-born->pid, SIGKILL);
            (void)pidfd_send_signal(born->pidfd, SIGKILL, NULL, 0);
        }
        close(born->pidfd);
        free(born);
    }
    zygote->born = NULL;
}

static void end_process(struct zygote *zygote, int64_t deadline_ms)
{
    char words[WORDS];
    passing_close(zygote->line);
    zygote->line = -1;
    if (!await_end(zygote->pidfd, deadline_ms)) {
        int pid = atomic_load_explicit(&zygote->pid, memory_order_relaxed);
        log_line(NGI_LOG_WARNING, "plugin %s: its zygote, process %d, has not ended in time: it is killed",
                 zygote->name, pid);
        kill(-pid, SIGKILL); /* and what init has left behind */
    }
    zygote_bury(zygote, words);
}

static void free_asks(struct ask *ask)
{
    for (struct ask *next; ask; ask = next) {
        next = ask->next;
        if (ask->fd >= 0)
            close(ask->fd);
        free(ask);
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

struct zygote *zygote_new(const struct zygote_brief *brief, struct report *report)
{
    struct zygote *zygote = calloc(1, sizeof *zygote);
    int error = ENOMEM;
    if (zygote) {
        zygote->file = brief->file;
        zygote->pidfd = zygote->line = zygote->settings = -1;
        zygote->stage = DEAD;
        zygote->due.fire = zygote_due;
        zygote->join.run = zygote_join;
        zygote->leave.run = zygote_leave;
        crash_line_init(&zygote->crashes);
        buffer_init(&zygote->heard, TEXT_MOST);
        zygote->name = strdup(brief->name);
        zygote->mount = brief->mount ? strdup(brief->mount) : NULL;
        if (zygote->name && !brief->mount == !zygote->mount) {
            zygote->settings = settings_extract(brief->settings, brief->name);
            error = -crash_line_open(&zygote->crashes, zygote->name);
            if (!error)
                error = zygote->settings < 0 ? -zygote->settings : zygote_begin(zygote);
        }
    }
    if (!error)
        return zygote;
    report_add(report, "%s: no process could be started for its hosts: %s", brief->file->path, strerror(error));
    zygote_free(zygote, 0);
    return NULL;
}

bool zygote_await_loaded(struct zygote *zygote, struct description *ret, struct report *report)
{
    int kind = zygote->stage == LOADING ? await(zygote) : -1;
    if (kind != ZYGOTE_LOADED)
        return refuse(zygote, kind, report);
    int rc = description_read(zygote->heard.data, zygote->heard.length - 1, ret);
    if (rc != NGI_OK) {
        report_add(report, "%s: what it has told of itself cannot be read: %s", zygote->file->path, ngi_strerror(rc));
        return false;
    }
    zygote_enter(zygote, LOADED);
    return true;
}

void zygote_begin_init(struct zygote *zygote)
{
    (void)channel_send(zygote->line, ZYGOTE_INIT, NULL, -1); /* one that is gone will be found out */
    zygote_enter(zygote, INITIALISING);
}

bool zygote_await_init(struct zygote *zygote, struct report *report)
{
    int kind = zygote->stage == INITIALISING ? await(zygote) : -1;
    if (kind != ZYGOTE_READY)
        return refuse(zygote, kind, report);
    zygote_enter(zygote, READY);
    return true;
}

int zygote_pid(const struct zygote *zygote)
{
    return atomic_load_explicit(&((struct zygote *)zygote)->pid, memory_order_relaxed);
}

void zygote_free(struct zygote *zygote, int grace_ms)
{
    if (!zygote)
        return;
    if (zygote->hosts) {
        reactor_ask(&zygote->leave);
        reactor_flush();
    }
    int64_t deadline_ms = clock_ms() + grace_ms;
    if (zygote->pidfd >= 0)
        end_process(zygote, deadline_ms);
    end_hosts(zygote, deadline_ms);
    crash_line_take(&zygote->crashes);
    crash_line_close(&zygote->crashes);
    free_asks(zygote->asks);
    free_asks(zygote->sent);
    if (zygote->settings >= 0)
        close(zygote->settings);
    buffer_free(&zygote->heard);
    free(zygote->name);
    free(zygote->mount);
    free(zygote);
}
