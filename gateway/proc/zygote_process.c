#include "proc/zygote_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/passing.h"
#include "base/wait_status.h"

/* "-", or "=" and the text; the caller's. */
static char *optional(const char *text)
{
    char *out = NULL;
    return !text ? strdup("-") : asprintf(&out, "=%s", text) < 0 ? NULL : out;
}

/* Ours, but for what is between the service manager and the gateway. Freed as a whole; NULL if out of memory. */
static char **own_environment(void)
{
    static const char *const private[] = { "NOTIFY_SOCKET=", "LISTEN_", "WATCHDOG_", "CREDENTIALS_DIRECTORY=" };
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **own = calloc(count + 1, sizeof *own);
    for (size_t i = 0; own && i < count; i++) {
        bool passes = true;
        for (size_t k = 0; k < sizeof private / sizeof *private; k++)
            passes &= strncmp(environ[i], private[k], strlen(private[k])) != 0;
        if (passes)
            own[kept++] = environ[i];
    }
    return own;
}

/* Nothing else of ours is inherited: all of it is close-on-exec, and the action that copies a descriptor to its own
 * number takes that off in the child alone (posix_spawn_file_actions_adddup2(3), glibc 2.29). */
static int spawn(const struct zygote *zygote, int line, pid_t *ret)
{
    const int given[] = { line, zygote->settings, zygote->file->copy, zygote->crashes.theirs };
    enum { GIVEN = sizeof given / sizeof *given };
    char numbers[GIVEN + 1][16];
    char *mount = optional(zygote->mount);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int error = mount ? 0 : ENOMEM;
    for (size_t i = 0; i < GIVEN; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%d", given[i]);
        if (error == 0 && given[i] >= 0)
            error = posix_spawn_file_actions_adddup2(&actions, given[i], given[i]);
    }
    snprintf(numbers[GIVEN], sizeof numbers[GIVEN], "%d", (int)getpid());
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all); /* also what a plugin may have made of them */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char *const argv[] = { (char *)"postern",  (char *)"zygote", numbers[0],     numbers[1],
                           numbers[2],         numbers[3],       numbers[GIVEN], (char *)(zygote->hosts ? "1" : "0"),
                           zygote->file->path, zygote->name,     mount,          NULL };
    char **environment = own_environment();
    if (!environment)
        error = ENOMEM;
    if (error == 0)
        error = posix_spawn(ret, "/proc/self/exe", &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(environment);
    free(mount);
    return error;
}

static const char *phase_of(enum zygote_stage stage)
{
    static const char *const phases[] = { "while it was loaded", "when it had been loaded", "in init",
                                          "while its hosts served", "" };
    return phases[stage];
}

/* ---------------------------------------------------------------------------------------------------------- */

int zygote_begin(struct zygote *zygote)
{
    int ends[2], rc = channel_open(ends);
    pid_t pid = 0;
    if (rc < 0)
        return -rc;
    int error = spawn(zygote, ends[1], &pid);
    close(ends[1]);
    int pidfd = error ? -1 : pidfd_open(pid, 0);
    if (!error && pidfd < 0) {
        error = errno;
        kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (error) {
        close(ends[0]);
        return error;
    }
    zygote->line = ends[0];
    zygote->pidfd = pidfd;
    zygote_enter(zygote, LOADING);
    buffer_reset(&zygote->heard, CHANNEL_TEXT_MAX);
    atomic_store_explicit(&zygote->pid, pid, memory_order_relaxed);
    return 0;
}

void zygote_enter(struct zygote *zygote, enum zygote_stage stage)
{
    zygote->stage = stage;
    slow_begin(&zygote->slow);
}

int64_t zygote_slow_at_ms(const struct zygote *zygote)
{
    bool works = zygote->stage == LOADING || zygote->stage == INITIALISING;
    return works ? slow_at_ms(&zygote->slow) : INT64_MAX;
}

void zygote_warn(struct zygote *zygote)
{
    int64_t lasts_ms = clock_ms() - zygote->slow.since_ms;
    if (clock_ms() < zygote_slow_at_ms(zygote))
        return;
    log_line(NGI_LOG_WARNING, "plugin %s: its %s, in process %d, has not %s after %lld s: it is waited for",
             zygote->name, zygote->stage == LOADING ? "file" : "init",
             atomic_load_explicit(&zygote->pid, memory_order_relaxed),
             zygote->stage == LOADING ? "been loaded" : "returned", (long long)(lasts_ms / 1000));
    slow_warned(&zygote->slow, lasts_ms);
}

void zygote_bury(struct zygote *zygote, char words[WORDS])
{
    siginfo_t info = { 0 };
    char how[WAIT_STATUS_SIZE];
    enum zygote_stage stage = zygote->stage;
    enum { MOST_MS = 500 };
    struct pollfd end = { zygote->pidfd, POLLIN, 0 };
    (void)pidfd_send_signal(zygote->pidfd, SIGKILL, NULL, 0); /* one that has closed its line is of no use */
    /* The reactor may be in here: not for ever, whatever keeps the process, a tracer or a file system that hangs. */
    (void)poll(&end, 1, MOST_MS);
    int rc = waitid(P_PIDFD, (id_t)zygote->pidfd, &info, WEXITED | WNOHANG);
    if (rc < 0 || info.si_pid == 0) {
        snprintf(words, WORDS, "has ended %s, and nobody knows how", phase_of(stage));
    } else {
        bool exited = info.si_code == CLD_EXITED;
        int status = exited ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
        snprintf(words, WORDS, "%s %s", wait_status_print(status, how), phase_of(stage));
    }
    close(zygote->pidfd);
    if (zygote->line >= 0)
        passing_close(zygote->line);
    zygote->pidfd = zygote->line = -1;
    zygote_enter(zygote, DEAD);
    atomic_store_explicit(&zygote->pid, 0, memory_order_relaxed);
}

void zygote_report_lines(struct zygote *zygote, struct report *report)
{
    char *rest = zygote->heard.data, *line;
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line)
            report_add(report, "%s", line);
}
