#include "proc/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"

enum { OUTPUT_MOST = 1024 * 1024 };

/* The last byte of an orderly output: an exit() somewhere inside does not write it. */
static const char done_mark = '\0';

static void be_child(void (*fn)(void *arg, int fd), void *arg, int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0); /* so that children of its own end with it */
    fn(arg, fd);
    (void)file_write_all(fd, &done_mark, 1);
    _exit(0);
}

/* Reads until the child has closed its end, or the time is up (false). */
static int read_output(int fd, struct buffer *output, int64_t deadline)
{
    for (;;) {
        char block[4096];
        int64_t left = deadline - clock_ms();
        struct pollfd ready = { fd, POLLIN, 0 };
        int n = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        (void)buffer_append(output, block, (size_t)got); /* beyond the limit it is only read away */
        if (block[got - 1] == done_mark)
            return 0; /* a helper process of the plugin may hold the other end for ever */
    }
}

/* ---------------------------------------------------------------------------------------------------------- */

void trial_run(struct trial *trial, void (*fn)(void *arg, int fd), void *arg, int timeout_ms)
{
    int ends[2], status = 0;
    struct buffer output;
    *trial = (struct trial){ .end = TRIAL_FAILED };
    buffer_init(&output, OUTPUT_MOST);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return;
    }
    if (child == 0) {
        close(ends[0]);
        be_child(fn, arg, ends[1]);
    }
    close(ends[1]);
    int late = read_output(ends[0], &output, clock_ms() + timeout_ms);
    close(ends[0]);
    if (late)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    kill(-child, SIGKILL); /* what it left behind */

    bool marked = output.length > 0 && output.data[output.length - 1] == done_mark;
    if (late)
        trial->end = TRIAL_HUNG;
    else if (WIFSIGNALED(status))
        trial->end = TRIAL_CRASHED, trial->status = status;
    else if (marked)
        trial->end = TRIAL_DONE;
    else
        trial->end = TRIAL_EXITED, trial->status = status;
    if (marked)
        output.length--;
    (void)buffer_append(&output, "", 1);
    trial->output = output.data;
    trial->length = output.length ? output.length - 1 : 0;
}
