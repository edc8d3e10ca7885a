#include "proc/zygote_main.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/settings_extract.h"
#include "plugin/call.h"
#include "plugin/crash.h"
#include "plugin/description.h"
#include "plugin/registry.h"
#include "proc/autopsy.h"
#include "proc/crash_line.h"
#include "proc/host.h"
#include "proc/huge_pages.h"
#include "proc/sandbox.h"
#include "proc/signals.h"
#include "proc/zygote_line.h"
#include "proc/zygote_strays.h"
#include "run/hosts.h"
#include "run/service.h"

/* The process. */
struct nest {
    const struct zygote_job *job;
    struct settings *settings;
    struct registry *registry;
    struct buffer heard;
    struct hosted *hosts;
    struct pollfd *fds; /* one a host, the line, and that of strays */
    size_t count, room;
    struct strays strays;
};

/* --- settings ------------------------------------------------------------------------------------------------ */

/* A call that comes here is in its process already. The gateway writes the access log, and is the one that waits for
 * slow clients. */
static bool adapt(struct settings *settings)
{
    char *off = strdup("off");
    if (!off)
        return false;
    free(settings->access_log);
    settings->access_log = off;
    settings->connection_timeout = 0;
    settings_run_here(settings);
    return true;
}

/* --- loading ------------------------------------------------------------------------------------------------- */

/* Before any code of the plugin: from here on the process is what the plugin's block says. Code that goes by another
 * name finds no other block here: there is none. */
static bool enter_sandbox(const struct nest *nest, struct report *report)
{
    const struct zygote_job *job = nest->job;
    const int keep[] = { STDOUT_FILENO, STDERR_FILENO, job->line, job->copy, job->crashes, nest->strays.list };
    struct sandbox sandbox;
    ngi_error err = { 0 };
    sandbox_from_settings(&sandbox, job->name, settings_plugin(nest->settings, job->name));
    sandbox.parent = job->worker;
    int rc = sandbox_prepare(&sandbox, &err);
    if (rc == NGI_OK)
        rc = sandbox_enter(&sandbox, keep, sizeof keep / sizeof *keep, &err);
    if (rc != NGI_OK)
        report_add(report, "%s", err.text);
    free(sandbox.groups);
    free(sandbox.deny.filter); /* its descriptor has been closed with all others */
    return rc == NGI_OK;
}

static bool load(struct nest *nest, struct report *report)
{
    struct plugin_file file = { .path = (char *)nest->job->path, .copy = nest->job->copy };
    crash_line_use(nest->job->crashes, nest->settings);
    if (!enter_sandbox(nest, report))
        return false;
    return registry_add(nest->registry, &file, nest->job->mount, nest->settings, report);
}

static bool tell_loaded(const struct nest *nest, struct report *report)
{
    char *text = description_write(nest->registry->plugins[0]->module);
    int rc = text ? zygote_line_tell(nest->job->line, ZYGOTE_LOADED, text, -1) : -ENOMEM;
    free(text);
    if (!text)
        report_add(report, "%s: out of memory", nest->job->path);
    return rc == 0;
}

/* --- host processes ------------------------------------------------------------------------------------------ */

/* In the child. What it shares with the zygote and other hosts is memory as it was, and nothing that one could disturb
 * the others by. */
static _Noreturn void be_host(struct nest *nest, int fd)
{
    struct plugin *plugin = nest->registry->plugins[0];
    const struct host_config config = { .settings = nest->settings, .processes = 1, .mounted = true, .inner = true };
    ngi_error err = { 0 };
    setpgid(0, 0);
    close(nest->job->line);
    strays_leave(&nest->strays);
    for (size_t i = 0; i < nest->count; i++)
        close(nest->hosts[i].pidfd);
    log_set_stamp(true);
    int rc = call_after_fork(plugin, &err);
    if (rc < 0)
        log_line(NGI_LOG_ERROR, "%s: plugin %s: after_fork failed: %s", plugin->module->path, plugin->name,
                 err.text[0] ? err.text : ngi_strerror(rc));
    struct host *host = rc < 0 ? NULL : host_start(nest->registry, &config);
    if (host) {
        host_serve(host, fd);
        host_end(host);
    }
    /* Not exit(): handlers and destructors that init has registered are the zygote's, as fini is. */
    (void)fflush(NULL);
    _exit(host ? 0 : rc < 0 ? HOSTS_EXIT_AFTER_FORK : 1);
}

static bool make_room(struct nest *nest)
{
    if (nest->count < nest->room)
        return true;
    size_t room = nest->room ? 2 * nest->room : 8;
    struct hosted *hosts = realloc(nest->hosts, room * sizeof *hosts);
    if (hosts)
        nest->hosts = hosts;
    struct pollfd *fds = realloc(nest->fds, (room + 2) * sizeof *fds);
    if (fds)
        nest->fds = fds;
    if (!hosts || !fds)
        return false;
    nest->room = room;
    return true;
}

static void make_host(struct nest *nest, uint64_t number, int fd)
{
    pid_t pid = -1;
    int pidfd = -1;
    (void)fflush(NULL); /* else what waits there is written twice */
    int64_t begun_us = clock_us();
    if (make_room(nest))
        pid = fork();
    if (pid == 0)
        be_host(nest, fd);
    int error = errno;
    if (pid > 0)
        log_line(NGI_LOG_DEBUG, "host process %d forked in %lld us", (int)pid, (long long)(clock_us() - begun_us));
    if (pid > 0) {
        setpgid(pid, pid); /* whoever is first: it may be killed as a group from here on */
        pidfd = pidfd_open(pid, 0);
        error = errno;
    }
    close(fd);
    if (pid > 0 && pidfd < 0) {
        kill(-pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (pidfd < 0) {
        (void)zygote_line_tell_of(nest->job->line, ZYGOTE_REFUSED, number, error, -1);
        return;
    }
    nest->hosts[nest->count++] = (struct hosted){ number, pid, pidfd, false };
    (void)zygote_line_tell_of(nest->job->line, ZYGOTE_FORKED, number, pid, pidfd); /* a worker that is gone is seen */
}

static void tell_of_strays(const struct nest *nest, size_t count)
{
    if (count > 0)
        log_line(NGI_LOG_INFO, "plugin %s: %zu process%s that its host processes have left behind %s killed",
                 nest->job->name, count, count == 1 ? "" : "es", count == 1 ? "is" : "are");
}

/* It has ended: whatever it has left behind ends too, while its number is still its own. */
static void bury(struct nest *nest, size_t i)
{
    siginfo_t info;
    int status = 0;
    (void)waitid(P_PIDFD, (id_t)nest->hosts[i].pidfd, &info, WEXITED | WNOWAIT);
    nest->hosts[i].ended = true;
    struct hosted host = nest->hosts[i];
    strays_end(&nest->strays, nest->hosts, nest->count);
    kill(-host.pid, SIGKILL);
    pid_t rc;
    while ((rc = waitpid(host.pid, &status, 0)) < 0 && errno == EINTR)
        ;
    close(host.pidfd);
    nest->hosts[i] = nest->hosts[--nest->count];
    /* A plugin's code may have waited for it, or had the kernel do so. */
    (void)zygote_line_tell_of(nest->job->line, ZYGOTE_ENDED, host.number, rc == host.pid ? status : -1, -1);
}

static void bury_ended(struct nest *nest)
{
    bool ended = nest->fds[nest->count + 1].revents;
    for (size_t i = nest->count; i-- > 0;)
        if (nest->fds[i].revents)
            bury(nest, i);
    if (ended)
        tell_of_strays(nest, strays_reap(&nest->strays, nest->hosts, nest->count));
}

static int wait_for_hosts(struct nest *nest, int line, int timeout)
{
    for (size_t i = 0; i < nest->count; i++)
        nest->fds[i] = (struct pollfd){ nest->hosts[i].pidfd, POLLIN, 0 };
    nest->fds[nest->count] = (struct pollfd){ line, POLLIN, 0 };
    nest->fds[nest->count + 1] = (struct pollfd){ nest->strays.signals, POLLIN, 0 };
    return poll(nest->fds, nest->count + 2, timeout);
}

/* --- the line ------------------------------------------------------------------------------------------------ */

/* The next message that comes; -1: the line is closed. */
static int hear(struct nest *nest, int *ret_fd)
{
    int kind;
    while ((kind = zygote_line_hear(nest->job->line, &nest->heard, ret_fd)) == MESSAGE_NONE) {
        struct pollfd line = { nest->job->line, POLLIN, 0 };
        (void)poll(&line, 1, -1);
    }
    return kind;
}

/* Before the first fork: what hosts share is laid out so that forks are quick. */
static void settle(void)
{
    int64_t begun_us = clock_us();
    size_t done = huge_pages_collapse();
    if (done > 0)
        log_line(NGI_LOG_DEBUG, "%zu MiB moved into huge pages, in %lld ms", done >> 20,
                 (long long)(clock_us() - begun_us) / 1000);
}

static bool await_init(struct nest *nest)
{
    int fd, kind = hear(nest, &fd);
    if (fd >= 0)
        close(fd);
    return kind == ZYGOTE_INIT;
}

static void take_order(struct nest *nest, bool *ret_over)
{
    int fd, kind = zygote_line_hear(nest->job->line, &nest->heard, &fd);
    uint64_t number;
    if (kind == ZYGOTE_FORK && fd >= 0 && zygote_line_parse(nest->heard.data, &number, NULL))
        make_host(nest, number, fd);
    else if (fd >= 0)
        close(fd);
    *ret_over = kind < 0;
}

/* Until the line is closed. */
static void serve(struct nest *nest)
{
    bool over = false;
    while (!over) {
        if (wait_for_hosts(nest, nest->job->line, -1) <= 0)
            continue;
        bool heard = nest->fds[nest->count].revents;
        bury_ended(nest);
        if (heard)
            take_order(nest, &over);
    }
}

/* Their sockets are closed, as the line is: they end by themselves, when what is under way is over. */
static void end_hosts(struct nest *nest)
{
    enum { AFTER_GRACE_MS = 2000 }; /* in which a host gives up by itself, and names what has not returned */
    int64_t deadline = clock_ms() + (int64_t)(nest->settings->grace * 1000) + AFTER_GRACE_MS;
    bool killed = false;
    while (nest->count > 0) {
        int64_t left = deadline - clock_ms();
        if (left <= 0 && !killed) {
            for (size_t i = 0; i < nest->count; i++)
                kill(-nest->hosts[i].pid, SIGKILL);
            killed = true;
        }
        if (wait_for_hosts(nest, -1, killed ? -1 : left < INT_MAX ? (int)left : INT_MAX) > 0)
            bury_ended(nest);
    }
    tell_of_strays(nest, strays_await_end(&nest->strays));
}

/* --------------------------------------------------------------------------------------------------------------- */

/* While plugin code runs that may hang, nobody hears that the worker is gone: then this process is not to outlive it.
 */
static void bind_life(const struct zygote_job *job, bool bound)
{
    enum { LAST_S = 5 };
    prctl(PR_SET_PDEATHSIG, bound ? SIGKILL : 0);
    if (bound && getppid() != job->worker)
        alarm(LAST_S);
}

static bool start(struct nest *nest, struct report *report)
{
    if (settings_read_extract(nest->job->settings, &nest->settings, report) != NGI_OK)
        return false;
    log_set_level(nest->settings->log_level);
    if (!nest->registry || !adapt(nest->settings)) {
        report_add(report, "%s: out of memory", nest->job->path);
        return false;
    }
    crash_watch(autopsy_request); /* static constructors run while a plugin is loaded */
    return load(nest, report) && tell_loaded(nest, report);
}

static int finish(struct nest *nest, struct report *report)
{
    int status = report->count > 0;
    struct buffer text;
    buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < report->count; i++)
        (void)buffer_printf(&text, "%s\n", report->lines[i]);
    if (status && buffer_append(&text, "", 1) == NGI_OK)
        (void)zygote_line_tell(nest->job->line, ZYGOTE_FAILED, text.data, -1);
    buffer_free(&text);
    buffer_free(&nest->heard);
    report_free(report);
    registry_free(nest->registry);
    settings_free(nest->settings);
    free(nest->hosts);
    free(nest->fds);
    strays_close(&nest->strays);
    return status;
}

int zygote_main(const struct zygote_job *job)
{
    struct report report = { 0 };
    struct nest nest = { .job = job, .registry = registry_new() };
    buffer_init(&nest.heard, CHANNEL_TEXT_MAX + 1);
    const int given[] = { job->line, job->settings, job->copy, job->crashes };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        (void)fcntl(given[i], F_SETFD, FD_CLOEXEC);
    signals_block(); /* who signals a whole service means the gateway */
    signals_leave_children();
    log_set_stamp(job->stamped);
    strays_open(&nest.strays);
    if (!start(&nest, &report) || !await_init(&nest))
        return finish(&nest, &report);
    bool good = make_room(&nest);
    if (!good)
        report_add(&report, "%s: out of memory", job->path);
    good = good && service_init(nest.registry, host_run_flags(true), &report);
    if (good) {
        settle();
        strays_begin(&nest.strays);
    }
    if (good && zygote_line_tell(job->line, ZYGOTE_READY, NULL, -1) == 0) {
        log_set_stamp(true);
        bind_life(job, false);
        serve(&nest);
        end_hosts(&nest);
        bind_life(job, true);
    }
    registry_stop(nest.registry);
    return finish(&nest, &report);
}
