#include "tests/harness/command.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_MS = 60 * 1000, PATHS = 8, PATH_SIZE = 512, CANNOT_RUN = 126 };

static const char *join(const char *directory, const char *path)
{
    static char paths[PATHS][PATH_SIZE];
    static unsigned next;
    char *out = paths[next++ % PATHS];
    int n = snprintf(out, PATH_SIZE, "%s/%s", directory, path);
    ck_assert_int_lt(n, PATH_SIZE);
    return out;
}

/* What it writes goes to memory files, not pipes: nothing has to be read while it runs, and what it leaves running
 * behind cannot keep us waiting. */
static int memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    ck_assert_msg(fd >= 0, "memfd_create: %s", strerror(errno));
    return fd;
}

static char *read_back(int fd)
{
    struct stat file;
    size_t length = 0;
    ck_assert_int_eq(fstat(fd, &file), 0);
    char *text = malloc((size_t)file.st_size + 1);
    ck_assert_ptr_nonnull(text);
    while (length < (size_t)file.st_size) {
        ssize_t n = pread(fd, text + length, (size_t)file.st_size - length, (off_t)length);
        ck_assert_int_gt(n, 0);
        length += (size_t)n;
    }
    text[length] = '\0';
    close(fd);
    return text;
}

static void be_command(const char *directory, const char *const *argv, int out, int err)
{
    const char *program = strcmp(argv[0], "postern") == 0 ? built("postern") : argv[0];
    int null = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* Check kills a test that takes too long; this must go with it */
    setpgid(0, 0);
    setenv("LC_ALL", "C", 1);
    if (null < 0 || (directory && chdir(directory) < 0) || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        _exit(CANNOT_RUN);
    execvp(program, (char *const *)argv);
    _exit(CANNOT_RUN);
}

/* Whether it ended in time; if not, it is killed. */
static int wait_for(pid_t child, int *ret_status)
{
    int n, fd = (int)syscall(SYS_pidfd_open, child, 0);
    ck_assert_msg(fd >= 0, "pidfd_open: %s", strerror(errno));
    struct pollfd ended = { fd, POLLIN, 0 };
    do
        n = poll(&ended, 1, LIMIT_MS);
    while (n < 0 && errno == EINTR);
    close(fd);
    if (n <= 0)
        kill(-child, SIGKILL);
    ck_assert_int_eq(waitpid(child, ret_status, 0), child);
    return n > 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

void command_run_in(struct command_result *result, const char *directory, const char *const *argv)
{
    int status, out = memory_file("stdout"), err = memory_file("stderr");
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        be_command(directory, argv, out, err);
    int in_time = wait_for(child, &status);
    *result = (struct command_result){
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .out = read_back(out),
        .err = read_back(err),
    };
    ck_assert_msg(in_time, "%s %s did not end within %d s; it said:\n%s%s", argv[0], argv[1] ? argv[1] : "",
                  LIMIT_MS / 1000, result->out, result->err);
    ck_assert_msg(result->status != CANNOT_RUN, "%s cannot be run", argv[0]);
}

void command_run(struct command_result *result, const char *const *argv)
{
    command_run_in(result, NULL, argv);
}

void command_free(struct command_result *result)
{
    free(result->out);
    free(result->err);
    *result = (struct command_result){ 0 };
}

const char *built(const char *path)
{
    return join(TEST_BUILDDIR, path);
}

const char *source(const char *path)
{
    return join(TEST_SRCDIR, path);
}
