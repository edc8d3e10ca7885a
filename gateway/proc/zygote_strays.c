#include "proc/zygote_strays.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "sdk/ngi.h"

enum { LIST_MOST = 1 << 20 }; /* bytes; whoever does not fit is found when others are gone */

/* The children: all that the main thread has forked, and all that have become the process's. Their numbers between
 * blanks; false if they cannot be had. */
static bool read_list(const struct strays *strays, struct buffer *list)
{
    enum { STEP = 4096 };
    ssize_t n = -1;
    buffer_init(list, LIST_MOST);
    while (buffer_reserve(list, STEP) == NGI_OK &&
           (n = pread(strays->list, list->data + list->length, STEP, (off_t)list->length)) > 0)
        list->length += (size_t)n;
    if (n > 0) /* the last number may not be whole */
        while (list->length > 0 && list->data[list->length - 1] != ' ')
            list->length--;
    if (buffer_append(list, "", 1) == NGI_OK)
        return true;
    buffer_free(list);
    return false;
}

/* The next number; 0: that was the last. */
static pid_t next_of(char **at)
{
    return (pid_t)strtol(*at, at, 10);
}

static bool is_host(const struct hosted *hosts, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (hosts[i].pid == pid)
            return true;
    return false;
}

static bool is_of_living_host(const struct hosted *hosts, size_t count, pid_t pid)
{
    pid_t group = getpgid(pid);
    for (size_t i = 0; i < count; i++)
        if (hosts[i].pid == group && !hosts[i].ended)
            return true;
    return false;
}

static bool is_of_init(const struct strays *strays, pid_t pid)
{
    for (size_t i = 0; i < strays->own_count; i++)
        if (strays->own[i] == pid)
            return true;
    return false;
}

/* Waits for those that have ended, and kills those that are to. Nothing else waits for a child in between, so that no
 * number of the list can have become another's. */
static void look(struct strays *strays, const struct hosted *hosts, size_t count)
{
    struct buffer list;
    bool any = false;
    pid_t pid;
    if (!read_list(strays, &list))
        return;
    char *at = list.data;
    while ((pid = next_of(&at)) > 0) {
        siginfo_t info = { 0 };
        if (is_host(hosts, count, pid) || is_of_init(strays, pid))
            continue;
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) != 0)
            continue;
        if (info.si_pid != 0)
            strays->ended += strays->ending && info.si_code == CLD_KILLED && info.si_status == SIGKILL;
        else if (strays->ending && !is_of_living_host(hosts, count, pid))
            any |= kill(pid, SIGKILL) == 0;
    }
    buffer_free(&list);
    strays->ending = any;
}

static size_t take_ended(struct strays *strays)
{
    size_t ended = strays->ending ? 0 : strays->ended;
    strays->ended -= ended;
    return ended;
}

static void take_signals(const struct strays *strays)
{
    struct signalfd_siginfo info;
    while (read(strays->signals, &info, sizeof info) > 0)
        ;
}

/* ---------------------------------------------------------------------------------------------------------- */

void strays_open(struct strays *strays)
{
    *strays = (struct strays){ .list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC), .signals = -1 };
    if (strays->list >= 0)
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

void strays_begin(struct strays *strays)
{
    struct buffer list;
    sigset_t child;
    if (strays->list < 0 || !read_list(strays, &list)) {
        strays_close(strays);
        return;
    }
    size_t most = list.length / 2; /* a digit and a blank each, at least */
    char *at = list.data;
    strays->own = calloc(most + 1, sizeof *strays->own);
    for (pid_t pid; strays->own && strays->own_count < most && (pid = next_of(&at)) > 0;)
        strays->own[strays->own_count++] = pid;
    buffer_free(&list);
    if (!strays->own) { /* else they would be killed */
        strays_close(strays);
        return;
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &strays->mask);
    strays->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void strays_leave(struct strays *strays)
{
    if (strays->list >= 0)
        sigprocmask(SIG_SETMASK, &strays->mask, NULL);
    strays_close(strays);
}

void strays_end(struct strays *strays, const struct hosted *hosts, size_t count)
{
    if (strays->list < 0)
        return;
    strays->ending = true;
    look(strays, hosts, count);
}

size_t strays_reap(struct strays *strays, const struct hosted *hosts, size_t count)
{
    take_signals(strays); /* of which there are none where there is no list */
    look(strays, hosts, count);
    return take_ended(strays);
}

size_t strays_await_end(struct strays *strays)
{
    enum { MOST_MS = 1000, TICK_MS = 20 }; /* a signal may have gone to a thread of the plugin's */
    int64_t deadline = clock_ms() + MOST_MS;
    while (strays->ending && clock_ms() < deadline) {
        struct pollfd ended = { strays->signals, POLLIN, 0 };
        (void)poll(&ended, 1, TICK_MS);
        take_signals(strays);
        look(strays, NULL, 0);
    }
    return take_ended(strays);
}

void strays_close(struct strays *strays)
{
    if (strays->list >= 0)
        close(strays->list);
    if (strays->signals >= 0)
        close(strays->signals);
    free(strays->own);
    *strays = (struct strays){ .list = -1, .signals = -1 };
}
