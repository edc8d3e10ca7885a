/* What every process with foreign code gets, because it costs the code nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proc/sandbox_parts.h"

static const char oom_file[] = "/proc/self/oom_score_adj";

static bool is_kept(int fd, const int *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keep[i] == fd)
            return true;
    return false;
}

/* When memory runs out, the kernel ends who has the most of it plus this (in thousandths of all there is, proc(5)): a
 * host rather than the gateway. Going up needs no privilege. */
static int raise_oom_score(const struct sandbox *sandbox, ngi_error *err)
{
    enum { RAISE = 500, MOST = 1000 };
    char text[16] = "";
    int fd = open(oom_file, O_RDWR | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int score = atoi(text) + RAISE;
    int length = snprintf(text, sizeof text, "%d", score < MOST ? score : MOST);
    bool good = got > 0 && pwrite(fd, text, (size_t)length, 0) == length;
    int rc = good ? NGI_OK : sandbox_fail(sandbox, oom_file, err);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* A library that prints to descriptor 2 must not print into whatever has been opened since. */
static int fill_standard(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool good = null >= 0;
    for (int fd = 0; fd <= 2 && good; fd++)
        if (is_kept(fd, keep, count))
            continue;
        else if (null == fd)
            good = fcntl(fd, F_SETFD, 0) == 0;
        else
            good = dup2(null, fd) == fd;
    int rc = good ? NGI_OK : sandbox_fail(sandbox, "/dev/null", err);
    if (null > 2)
        close(null);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

void sandbox_process_prepare(struct sandbox *sandbox)
{
    sandbox->oom_first = access(oom_file, W_OK) == 0;
}

int sandbox_process_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err)
{
    int rc = sandbox->oom_first ? raise_oom_score(sandbox, err) : NGI_OK;
    if (rc == NGI_OK)
        rc = fill_standard(sandbox, keep, count, err);
    /* A session rather than only a process group: it has no controlling terminal to put characters into (TIOCSTI), and
     * what it leaves behind is still ended by its group. */
    if (rc == NGI_OK && setsid() < 0 && getsid(0) != getpid())
        return sandbox_fail(sandbox, "setsid", err);
    return rc;
}

/* The kernel marks a process whose user has changed as not to be dumped. So it stays unless the operator has core dumps
 * on: other processes of that user then cannot trace it, nor read it through /proc/PID/mem (PR_SET_DUMPABLE in
 * prctl(2), and ptrace(2)). RLIMIT_CORE itself is left as it is. */
int sandbox_core_enter(const struct sandbox *sandbox, ngi_error *err)
{
    struct rlimit core;
    if (!sandbox->changes_ids || getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur == 0)
        return NGI_OK;
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? NGI_OK : sandbox_fail(sandbox, "PR_SET_DUMPABLE", err);
}

/* close_range is of Linux 5.9. */
int sandbox_descriptors_enter(const struct sandbox *sandbox, const int *keep, size_t count, ngi_error *err)
{
    for (unsigned first = 3; first <= INT_MAX;) {
        unsigned next = (unsigned)INT_MAX + 1; /* the lowest one to keep from `first` on */
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= first && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next > first && close_range(first, next - 1, 0) != 0)
            return sandbox_fail(sandbox, "close_range (Linux 5.9)", err);
        first = next + 1;
    }
    return NGI_OK;
}

int sandbox_end_with_parent(pid_t parent, ngi_error *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return ngi_error_set(err, NGI_EPERM, "PR_SET_PDEATHSIG: %s", strerrordesc_np(errno));
    /* It may have ended in between, or before: then there is another parent, and no signal will come. */
    if (getppid() != parent)
        return ngi_error_set(err, NGI_ECANCELED, "process %ld, which started this one, has ended", (long)parent);
    return NGI_OK;
}
