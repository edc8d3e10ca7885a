#include "tests/harness/gateway.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness/command.h"

/* Generous, because a sanitizer on a busy machine is slow; a test that passes never waits that long. */
enum { LIMIT_MS = 60 * 1000, ARGUMENTS_MOST = 64, ALIVE_MOST = 8, SHOWN_MOST = 16 * 1024 };

#define LOG_PREFIX "postern-log-"

/* Those that run. Tests fork from the process that started a suite's gateway: only `owner` may stop it. */
static struct alive {
    struct gateway *gateway;
    pid_t owner;
} alive[ALIVE_MOST];

static char binary[256]; /* "": the build tree's */

static const char *log_directory(void)
{
    const char *temporary = getenv("TMPDIR");
    return temporary ? temporary : "/tmp";
}

static void kill_it(struct gateway *gateway)
{
    kill(gateway->pid, SIGKILL);
    waitpid(gateway->pid, NULL, 0);
    gateway->pid = 0;
}

static void remember(struct gateway *gateway)
{
    size_t i = 0;
    while (i < ALIVE_MOST && alive[i].gateway)
        i++;
    ck_assert_msg(i < ALIVE_MOST, "more than %d gateways at a time", ALIVE_MOST);
    alive[i] = (struct alive){ gateway, getpid() };
}

static void forget(const struct gateway *gateway)
{
    for (size_t i = 0; i < ALIVE_MOST; i++)
        if (alive[i].gateway == gateway)
            alive[i].gateway = NULL;
}

static void be_gateway(const struct gateway *gateway, const char *const *arguments, const char *listen, int ready)
{
    const char *argv[ARGUMENTS_MOST] = { *binary ? binary : built("postern") };
    char ready_text[16], run[32];
    size_t n = 1;
    int null = open("/dev/null", O_RDONLY);
    int log = open(gateway->log, O_WRONLY | O_APPEND);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* Check kills a test that takes too long; this must go with it */
    if (null < 0 || log < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 ||
        fcntl(ready, F_SETFD, 0) < 0)
        _exit(126);
    snprintf(ready_text, sizeof ready_text, "%d", ready);
    argv[n++] = arguments[0];
    if (listen) {
        argv[n++] = strcmp(arguments[0], "host") == 0 ? "--fastcgi" : "--listen";
        argv[n++] = listen;
    }
    argv[n++] = "--ready-fd";
    argv[n++] = ready_text;
    if (gateway_rung() && strcmp(arguments[0], "serve") == 0) { /* before the test's own, which may say otherwise */
        snprintf(run, sizeof run, "run=%s", gateway_rung());
        argv[n++] = "--set";
        argv[n++] = run;
        argv[n++] = "--set";
        argv[n++] = "kill_after=20"; /* or a test that stands still finds what it holds at a gate killed */
    }
    for (size_t i = 1; arguments[i] && n < ARGUMENTS_MOST - 1; i++)
        argv[n++] = arguments[i];
    execv(argv[0], (char *const *)argv);
    _exit(126);
}

static bool wait_readable(int fd)
{
    struct pollfd readable = { fd, POLLIN, 0 };
    int n;
    do
        n = poll(&readable, 1, LIMIT_MS);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* All that it says on the descriptor, which it closes once it serves, or dies. */
static void read_ready(int fd, char *out, size_t size)
{
    size_t length = 0;
    while (length + 1 < size && wait_readable(fd)) {
        ssize_t n = read(fd, out + length, size - 1 - length);
        if (n <= 0)
            break;
        length += (size_t)n;
    }
    out[length] = '\0';
}

/* Lines "READY URL". */
static void take_urls(struct gateway *gateway, char *said)
{
    char *save = NULL;
    for (char *line = strtok_r(said, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        ck_assert_msg(strncmp(line, "READY ", 6) == 0, "the ready descriptor says \"%s\"", line);
        ck_assert_uint_lt(gateway->listeners, GATEWAY_LISTENERS);
        snprintf(gateway->urls[gateway->listeners++], sizeof gateway->urls[0], "%s", line + 6);
    }
    if (gateway->listeners == 0)
        return;
    snprintf(gateway->url, sizeof gateway->url, "%.63s", gateway->urls[0]);
    gateway->port = atoi(strrchr(gateway->url, ':') + 1);
}

static void start(struct gateway *gateway, const char *const *arguments, const char *listen)
{
    char said[1024];
    int ready[2];
    *gateway = (struct gateway){ 0 };
    snprintf(gateway->log, sizeof gateway->log, "%.120s/" LOG_PREFIX "XXXXXX", log_directory());
    int log = mkstemp(gateway->log);
    ck_assert_msg(log >= 0, "%s: %s", gateway->log, strerror(errno));
    close(log);
    ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);

    gateway->pid = fork();
    ck_assert_int_ge(gateway->pid, 0);
    if (gateway->pid == 0)
        be_gateway(gateway, arguments, listen, ready[1]);
    close(ready[1]);
    remember(gateway);
    read_ready(ready[0], said, sizeof said);
    close(ready[0]);
    take_urls(gateway, said);
    ck_assert_msg(gateway->listeners > 0, "the gateway does not get ready; its log says:\n%s", gateway_log(gateway));
}

/* ---------------------------------------------------------------------------------------------------------- */

void gateway_start(struct gateway *gateway, const char *const *arguments)
{
    start(gateway, arguments, "127.0.0.1:0");
}

void gateway_start_as_told(struct gateway *gateway, const char *const *arguments)
{
    start(gateway, arguments, NULL);
}

const char *gateway_rung(void)
{
    const char *rung = getenv("POSTERN_TEST_RUN");
    return rung && *rung ? rung : NULL;
}

void gateway_use_binary(const char *path)
{
    snprintf(binary, sizeof binary, "%s", path ? path : "");
}

pid_t gateway_worker(const struct gateway *gateway)
{
    char path[64];
    int pid, newest = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)gateway->pid, (int)gateway->pid);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    while (fscanf(file, "%d", &pid) == 1)
        newest = pid;
    fclose(file);
    ck_assert_int_gt(newest, 0);
    return newest;
}

const char *gateway_end(struct gateway *gateway)
{
    static char why[100];
    int status;
    if (gateway->pid == 0)
        return NULL;
    int fd = (int)syscall(SYS_pidfd_open, gateway->pid, 0);
    bool in_time = fd >= 0 && wait_readable(fd);
    close(fd);
    if (!in_time)
        kill(gateway->pid, SIGKILL);
    if (waitpid(gateway->pid, &status, 0) != gateway->pid)
        return "the gateway is no child of this process";
    gateway->pid = 0;
    forget(gateway);
    bool well = in_time && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!well)
        gateway_show_log(gateway);
    (void)gateway_log(gateway); /* its last words, for who asks after the end */
    unlink(gateway->log);
    if (!in_time)
        snprintf(why, sizeof why, "the gateway did not stop within %d s", LIMIT_MS / 1000);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "the gateway died of signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
    else
        snprintf(why, sizeof why, "the gateway ended with status %d", WEXITSTATUS(status));
    return well ? NULL : why;
}

void gateway_wait(struct gateway *gateway)
{
    const char *why = gateway_end(gateway);
    ck_assert_msg(!why, "%s", why);
}

void gateway_stop(struct gateway *gateway)
{
    if (gateway->pid > 0)
        kill(gateway->pid, SIGTERM);
    gateway_wait(gateway);
}

const char *gateway_log(const struct gateway *gateway)
{
    static char *text;
    static char of[sizeof gateway->log];
    FILE *file = fopen(gateway->log, "re");
    char *fresh = NULL;
    size_t size = 0;
    if (!file)
        return text && strcmp(of, gateway->log) == 0 ? text : "";
    if (getdelim(&fresh, &size, '\0', file) < 0 && fresh)
        *fresh = '\0'; /* empty so far */
    fclose(file);
    free(text);
    text = fresh;
    snprintf(of, sizeof of, "%s", gateway->log);
    return text ? text : "";
}

void gateway_wait_log(const struct gateway *gateway, const char *text)
{
    char events[4096];
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_ge(inotify_add_watch(fd, gateway->log, IN_MODIFY), 0); /* before looking: nothing falls in between */
    time_t limit = time(NULL) + LIMIT_MS / 1000;
    while (!strstr(gateway_log(gateway), text)) {
        ck_assert_msg(time(NULL) < limit && wait_readable(fd), "\"%s\" does not come to stand in the log", text);
        while (read(fd, events, sizeof events) > 0)
            continue;
    }
    close(fd);
}

void gateway_show_log(const struct gateway *gateway)
{
    const char *log = gateway_log(gateway);
    size_t length = strlen(log);
    if (length > SHOWN_MOST)
        log += length - SHOWN_MOST;
    fprintf(stderr, "--- log of the gateway %s ---\n%s--- end ---\n", *gateway->url ? gateway->url : gateway->log, log);
}

void gateway_show_lost(void)
{
    struct gateway lost = { 0 };
    const struct dirent *entry;
    DIR *directory = opendir(log_directory());
    while (directory && (entry = readdir(directory)) != NULL) {
        if (strncmp(entry->d_name, LOG_PREFIX, strlen(LOG_PREFIX)) != 0)
            continue;
        snprintf(lost.log, sizeof lost.log, "%.120s/%.30s", log_directory(), entry->d_name);
        gateway_show_log(&lost);
        unlink(lost.log);
    }
    if (directory)
        closedir(directory);
}

void gateway_teardown(void)
{
    for (size_t i = 0; i < ALIVE_MOST; i++) {
        struct gateway *gateway = alive[i].gateway;
        if (!gateway || alive[i].owner != getpid())
            continue;
        gateway_show_log(gateway);
        kill_it(gateway);
        unlink(gateway->log);
        alive[i].gateway = NULL;
    }
}
