#include "proc/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wait_status.h"
#include "config.h"
#include "proc/takeover_state.h"
#include "proc/trial.h"

enum { CHECK_MS = 10 * 1000, LEFT_BEHIND_MS = 5 * 1000, REASON_MOST = 300 }; /* bytes of a reason */

static const char variable[] = "POSTERN_TAKEOVER"; /* the number of the file's descriptor */
static const char check_command[] = "takeover-check";
static const char consent[] = "takes over\n"; /* the end of what a check that succeeds says */

static struct {
    char path[PATH_MAX];
    char **argv;
    int checked; /* the file that this process only checks; 0: it is no check */
} self;

/* Does something to every descriptor that is listed. The standard ones never are. */
static void each_descriptor(const json_t *state, void (*fn)(int fd))
{
    const json_t *list = json_object_get(state, "descriptors"), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        json_int_t fd = json_integer_value(item);
        if (fd > STDERR_FILENO && fd <= INT_MAX)
            fn((int)fd);
    }
}

static void keep_open(int fd)
{
    (void)fcntl(fd, F_SETFD, 0);
}

static void keep_private(int fd)
{
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void drop(int fd)
{
    close(fd);
}

/* The state as a sealed file; -errno. */
static int write_state(const json_t *state)
{
    char *text = json_dumps(state, JSON_COMPACT);
    int fd = text ? memfd_create("takeover", MFD_CLOEXEC | MFD_ALLOW_SEALING) : -1;
    int rc = !text ? -ENOMEM : fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
    if (rc == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        rc = -errno;
    if (rc < 0 && fd >= 0)
        close(fd);
    free(text);
    return rc < 0 ? rc : fd;
}

/* --- the other binary ------------------------------------------------------------------------------------------ */

/* In a child: PATH takeover-check FD ARGV… */
static void run_check(void *arg, int fd)
{
    enum { BEFORE = 3 };
    const int *file = arg;
    char number[16];
    size_t count = 0;
    while (self.argv[count])
        count++;
    char **argv = calloc(BEFORE + count + 1, sizeof *argv);
    snprintf(number, sizeof number, "%d", *file);
    if (argv && dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0) {
        argv[0] = self.path;
        argv[1] = (char *)check_command;
        argv[2] = number;
        memcpy(argv + BEFORE, self.argv, count * sizeof *argv);
        keep_open(*file);
        execv(self.path, argv);
    }
    dprintf(STDOUT_FILENO, "%s", strerror(errno));
    _exit(127);
}

/* Has the binary at our path read the arguments and the file, in a process of its own. */
static int try_binary(int fd, ngi_error *err)
{
    static const char ours[] = "postern: ";
    struct trial trial;
    char how[WAIT_STATUS_SIZE];
    trial_run(&trial, run_check, &fd, CHECK_MS);
    const char *said = trial.output ? trial.output : "";
    bool good = trial.end == TRIAL_EXITED && trial.status == 0 && text_has_suffix(said, consent);
    if (text_has_prefix(said, ours))
        said += strlen(ours);
    int length = (int)strcspn(said, "\n");
    length = length < REASON_MOST ? length : REASON_MOST;
    if (good)
        (void)0;
    else if (trial.end == TRIAL_FAILED)
        ngi_error_set(err, NGI_EFAIL, "no process can be made to try it");
    else if (trial.end == TRIAL_HUNG)
        ngi_error_set(err, NGI_EFAIL, "%s does not answer within %d s", self.path, CHECK_MS / 1000);
    else if (trial.end == TRIAL_CRASHED)
        ngi_error_set(err, NGI_EFAIL, "%s %s", self.path, wait_status_print(trial.status, how));
    else if (length > 0)
        ngi_error_set(err, NGI_EFAIL, "%s: %.*s", self.path, length, said);
    else
        ngi_error_set(err, NGI_EFAIL, "%s does not know %s", self.path, check_command);
    free(trial.output);
    return good ? NGI_OK : NGI_EFAIL;
}

/* NULL with the reason. */
static json_t *read_state(int fd, ngi_error *err)
{
    struct stat file;
    json_error_t error;
    json_t *state = NULL;
    if (fstat(fd, &file) < 0 || file.st_size <= 0) {
        ngi_error_set(err, NGI_EPARSE, "no file has come along");
        return NULL;
    }
    char *text = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED) {
        ngi_error_set(err, NGI_EPARSE, "%s", strerror(errno));
        return NULL;
    }
    state = json_loadb(text, (size_t)file.st_size, 0, &error);
    if (!state)
        ngi_error_set(err, NGI_EPARSE, "%s", error.text);
    munmap(text, (size_t)file.st_size);
    return state;
}

/* The workers that could not be taken over hear that their channels close, and end. They have the ports until then, so
 * it is waited for; not for ever. */
static void await_left_behind(void)
{
    int64_t until = clock_ms() + LEFT_BEHIND_MS, left;
    sigset_t ended;
    pid_t pid;
    sigemptyset(&ended);
    sigaddset(&ended, SIGCHLD);
    for (;;) {
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            continue;
        left = until - clock_ms();
        if (pid < 0 || left <= 0)
            return;
        (void)sigtimedwait(&ended, NULL, &(struct timespec){ left / 1000, left % 1000 * 1000000 });
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void takeover_remember(char **argv)
{
    ssize_t n = readlink("/proc/self/exe", self.path, sizeof self.path - 1);
    self.path[n > 0 ? n : 0] = '\0';
    self.argv = argv;
}

bool takeover_happened(void)
{
    return takeover_is_check() || getenv(variable) != NULL;
}

int takeover_exec(const struct succession *succession, ngi_error *err)
{
    char number[16];
    if (!succession->ready)
        return ngi_error_set(err, NGI_EFAIL, "no generation serves yet");
    json_t *state = takeover_save_state(succession);
    int fd = state ? write_state(state) : -ENOMEM;
    if (fd < 0) {
        ngi_error_set(err, NGI_EFAIL, "what it knows cannot be saved: %s", strerror(-fd));
    } else if (try_binary(fd, err) == NGI_OK) {
        snprintf(number, sizeof number, "%d", fd);
        each_descriptor(state, keep_open);
        keep_open(fd);
        if (setenv(variable, number, 1) == 0)
            execv(self.path, self.argv);
        ngi_error_set(err, NGI_EFAIL, "%s: %s", self.path, strerror(errno));
        unsetenv(variable);
        each_descriptor(state, keep_private);
    }
    if (fd >= 0)
        close(fd);
    json_decref(state);
    return NGI_EFAIL;
}

int takeover_load(struct succession *succession, ngi_error *err)
{
    ngi_error why = { 0 };
    uint64_t fd = 0;
    json_t *state = NULL;
    if (!text_to_uint64(getenv(variable), &fd) || fd <= STDERR_FILENO || fd > INT_MAX) {
        ngi_error_set(&why, NGI_EPARSE, "%s names no descriptor", variable);
    } else {
        state = read_state((int)fd, &why);
        close((int)fd);
    }
    unsetenv(variable);
    if (!state || !takeover_load_state(succession, state, false, &why)) {
        takeover_forget_state(succession);
        each_descriptor(state, drop);
        json_decref(state);
        await_left_behind();
        return ngi_error_set(err, why.code,
                             "what the binary before has left cannot be read: %s; its workers end, and all begins anew",
                             why.text);
    }
    each_descriptor(state, keep_private);
    log_set_level((int)json_integer_value(json_object_get(state, "log_level")));
    succession->ready = true;
    json_decref(state);
    const struct generation *serving = succession_find(succession, GENERATION_SERVES);
    if (serving) /* a reload that is refused does not change what is watched */
        succession->prepare(succession->arg, serving->settings);
    return NGI_OK;
}

bool takeover_begin_check(const char *number)
{
    uint64_t fd;
    if (!text_to_uint64(number, &fd) || fd <= STDERR_FILENO || fd > INT_MAX)
        return false;
    self.checked = (int)fd;
    return true;
}

bool takeover_is_check(void)
{
    return self.checked != 0;
}

bool takeover_check(void)
{
    struct succession succession = { 0 };
    ngi_error err = { 0 };
    json_t *state = read_state(self.checked, &err);
    bool good = state && takeover_load_state(&succession, state, true, &err);
    takeover_forget_state(&succession);
    json_decref(state);
    if (good)
        good = printf("postern %s %s", PACKAGE_VERSION, consent) > 0 && fflush(stdout) == 0;
    else
        log_line(NGI_LOG_ERROR, "what the running binary knows cannot be read: %s", err.text);
    return good;
}
