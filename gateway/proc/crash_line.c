#include "proc/crash_line.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/closer.h"
#include "base/log.h"
#include "base/passing.h"
#include "plugin/crash_file.h"
#include "proc/channel.h"

enum {
    REQUEST = 'r',        /* the only message: a file's name, and the file */
    MOST = 16,            /* of them in a second: a circuit opens long before, and who says more does not crash */
    BYTES_MOST = 4 << 20, /* likewise, and the rest of the last one */
    SECOND_US = 1000 * 1000,
};

/* --- the worker's side ------------------------------------------------------------------------------------------- */

static void ready(struct reactor_source *source, uint32_t events)
{
    (void)events;
    crash_line_take((struct crash_line *)((char *)source - offsetof(struct crash_line, source)));
}

static void hear_again(struct reactor_timer *timer)
{
    struct crash_line *line = (struct crash_line *)((char *)timer - offsetof(struct crash_line, again));
    crash_line_listen(line);
    if (!line->listens)
        reactor_set(&line->again, clock_us() + SECOND_US);
}

static bool has_said_too_much(const struct crash_line *line)
{
    return line->count >= MOST || line->bytes >= BYTES_MOST;
}

static void pause_for_a_second(struct crash_line *line)
{
    if (!line->listens)
        return;
    log_line(NGI_LOG_WARNING,
             "plugin %s: its host processes hand over more requests of crashes than are kept in a second",
             line->plugin);
    crash_line_leave(line);
    reactor_set(&line->again, line->since_us + SECOND_US);
}

/* A host process may have shut down the end that all of them share: then there is an end for ever. */
static void give_up(struct crash_line *line)
{
    log_line(NGI_LOG_ERROR, "plugin %s: a host process has broken the line for requests of crashes: no more are kept",
             line->plugin);
    if (line->listens || line->again.set)
        crash_line_leave(line);
    crash_line_close(line);
}

static void keep(struct crash_line *line, int kind, const char *name, int fd)
{
    ngi_error err = { 0 };
    int64_t size = 0;
    if (kind != REQUEST || fd < 0)
        ngi_error_set(&err, NGI_EINVAL, "it says what cannot be");
    else
        (void)crash_file_adopt(line->plugin, name, fd, &size, &err);
    if (err.code != NGI_OK)
        log_line(NGI_LOG_WARNING, "plugin %s: the request of a crash in a host process is not kept: %s", line->plugin,
                 err.text);
    closer_drop(fd);
    line->count++;
    line->bytes += size;
}

void crash_line_init(struct crash_line *line)
{
    *line = (struct crash_line){ .ours = -1, .theirs = -1, .again.fire = hear_again };
}

int crash_line_open(struct crash_line *line, const char *plugin)
{
    int ends[2] = { -1, -1 }, rc = crash_file_keeps() ? channel_open(ends) : 0;
    line->plugin = plugin;
    line->ours = ends[0];
    line->theirs = ends[1];
    return rc;
}

void crash_line_listen(struct crash_line *line)
{
    line->source = (struct reactor_source){ .ready = ready, .fd = line->ours };
    line->listens = line->ours >= 0 && reactor_add(&line->source, EPOLLIN) == NGI_OK;
}

void crash_line_leave(struct crash_line *line)
{
    if (line->listens)
        reactor_remove(&line->source);
    reactor_unset(&line->again);
    line->listens = false;
}

void crash_line_take(struct crash_line *line)
{
    char name[CHANNEL_TEXT_MAX + 1];
    int kind, fd;
    if (line->ours < 0)
        return;
    if (clock_us() - line->since_us >= SECOND_US) {
        line->since_us = clock_us();
        line->count = 0;
        line->bytes = 0;
    }
    while (!has_said_too_much(line)) {
        if ((kind = channel_receive(line->ours, name, &fd)) == MESSAGE_NONE)
            return;
        if (kind < 0) {
            give_up(line);
            return;
        }
        if (fd >= 0 && fcntl(fd, F_GET_SEALS) < 0) { /* a file in memory, or nobody sends it who means well */
            closer_drop(fd);
            give_up(line);
            return;
        }
        keep(line, kind, name, fd);
    }
    pause_for_a_second(line);
}

void crash_line_close(struct crash_line *line)
{
    if (line->ours >= 0)
        passing_close(line->ours);
    if (line->theirs >= 0)
        close(line->theirs);
    line->ours = line->theirs = -1;
}

/* --- the zygote's side ------------------------------------------------------------------------------------------- */

static int to_worker = -1; /* set before threads start */

/* In the signal handler of a crash. */
static int hand_over(const char *name, int fd)
{
    return channel_send(to_worker, REQUEST, name, fd);
}

void crash_line_use(int theirs, const struct settings *settings)
{
    to_worker = theirs;
    if (theirs >= 0)
        crash_file_entrust(settings->crash_dir, settings->crash_body, hand_over);
}
