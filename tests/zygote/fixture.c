#include "tests/zygote/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/reactor.h"

enum { SOURCES_MOST = 8, LONG_MS = 60 * 1000 };

static struct {
    struct reactor_source *source;
    uint32_t events;
} sources[SOURCES_MOST];
static struct reactor_timer *timer;
static struct reactor_errand *errand;

struct told told[HOSTS_MOST];

/* The linker has all calls of these come here (local.mk): what run/ does in their place waits for threads and tasks. */

/* --- run/reactor.h ----------------------------------------------------------------------------------------------- */

int __wrap_reactor_add(struct reactor_source *source, uint32_t events)
{
    for (size_t i = 0; i < SOURCES_MOST; i++)
        if (!sources[i].source) {
            sources[i].source = source;
            sources[i].events = events;
            return NGI_OK;
        }
    return NGI_EIO;
}

void __wrap_reactor_change(struct reactor_source *source, uint32_t events)
{
    for (size_t i = 0; i < SOURCES_MOST; i++)
        if (sources[i].source == source)
            sources[i].events = events;
}

void __wrap_reactor_remove(struct reactor_source *source)
{
    for (size_t i = 0; i < SOURCES_MOST; i++)
        if (sources[i].source == source)
            sources[i].source = NULL;
}

void __wrap_reactor_set(struct reactor_timer *which, int64_t at_us)
{
    ck_assert(!timer || timer == which);
    timer = which;
    timer->at_us = at_us;
    timer->set = true;
}

void __wrap_reactor_unset(struct reactor_timer *which)
{
    which->set = false;
    timer = NULL;
}

void __wrap_reactor_ask(struct reactor_errand *which)
{
    errand = which;
}

void __wrap_reactor_flush(void)
{
    if (errand)
        errand->run(errand);
    errand = NULL;
}

static void turn(void)
{
    struct pollfd fds[SOURCES_MOST];
    int timeout = LONG_MS;
    for (size_t i = 0; i < SOURCES_MOST; i++) {
        short events =
            (short)((sources[i].events & EPOLLIN ? POLLIN : 0) | (sources[i].events & EPOLLOUT ? POLLOUT : 0));
        fds[i] = (struct pollfd){ sources[i].source ? sources[i].source->fd : -1, events, 0 };
    }
    if (timer) {
        int64_t left = timer->at_us - clock_us();
        timeout = left > 0 ? (int)(left / 1000) + 1 : 0;
    }
    int n = poll(fds, SOURCES_MOST, timeout);
    ck_assert_msg(n > 0 || timer, "nothing happens any more");
    for (size_t i = 0; i < SOURCES_MOST; i++)
        if (fds[i].revents && sources[i].source && sources[i].source->fd == fds[i].fd)
            sources[i].source->ready(sources[i].source, (uint32_t)fds[i].revents);
    if (timer && timer->at_us <= clock_us()) {
        struct reactor_timer *due = timer;
        timer = NULL;
        due->set = false;
        due->fire(due);
    }
}

void turn_until(const bool *what)
{
    int64_t deadline = clock_ms() + LONG_MS;
    while (!*what) {
        ck_assert_msg(clock_ms() < deadline, "what is waited for does not happen");
        turn();
    }
}

/* --- run/hosts.h, the source's side ------------------------------------------------------------------------------- */

void __wrap_hosts_came(struct hosts *hosts, uint64_t number, pid_t pid, int pidfd)
{
    (void)hosts;
    ck_assert_uint_lt(number, HOSTS_MOST);
    ck_assert(!told[number].came && !told[number].ended);
    told[number].came = true;
    told[number].pid = pid;
    told[number].pidfd = pidfd;
}

void __wrap_hosts_ended(struct hosts *hosts, uint64_t number, int status, const char *why)
{
    (void)hosts;
    ck_assert_uint_lt(number, HOSTS_MOST);
    ck_assert(!told[number].ended);
    told[number].ended = true;
    told[number].status = status;
    snprintf(told[number].why, sizeof told[number].why, "%s", why ? why : "");
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

static char log_path[256];

void log_into(const char *path)
{
    snprintf(log_path, sizeof log_path, "%s", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
}

const char *log_text(void)
{
    static char *text;
    size_t length;
    free(text);
    ck_assert_int_eq(file_read(log_path, 1 << 20, &text, &length), 0);
    return text;
}
