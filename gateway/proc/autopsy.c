#include "proc/autopsy.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scribe.h"

/* Everything here runs in signal context: only what signal-safety(7) allows, and system calls. */

enum { LIMIT_MS = 5000, TICK_MS = 5, NOT_STARTED = 127 };

static void say(const char *words)
{
    char text[128];
    struct scribe line = { text, sizeof text, 0 };
    scribe_put(&line, "postern: no backtrace: ");
    scribe_put(&line, words);
    scribe_put(&line, "\n");
    ssize_t written = write(STDERR_FILENO, line.text, line.length);
    (void)written;
}

static const char *number(char text[24], uint64_t value)
{
    struct scribe digits = { text, 23, 0 };
    scribe_number(&digits, value);
    text[digits.length] = '\0';
    return text;
}

/* /proc/self/exe is the file that this process runs, also where another has been installed over it. */
static void be_autopsy(char *const *argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* a mask outlives exec */
    execve("/proc/self/exe", argv, environ);
    _exit(NOT_STARTED);
}

/* Waits for it, within the limit. Who else waits for children, or ignores SIGCHLD, may have got its status first. */
static void await(pid_t child)
{
    int64_t deadline = clock_ms() + LIMIT_MS;
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && clock_ms() < deadline)
        (void)poll(NULL, 0, TICK_MS);
    if (ended == 0) {
        kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        say("it took more than 5 s");
    } else if (ended == child && WIFSIGNALED(status)) {
        say("what makes it was ended by a signal");
    } else if (ended == child && WEXITSTATUS(status) == NOT_STARTED) {
        say("/proc/self/exe cannot be run");
    } /* else it has told itself */
}

/* ---------------------------------------------------------------------------------------------------------- */

void autopsy_request(const ucontext_t *where, enum crash_end end, const char *incident)
{
    char pid[24], tid[24], address[24], cause[24];
    char *const argv[] = { (char *)"postern",
                           (char *)"autopsy",
                           (char *)number(pid, (uint64_t)getpid()),
                           (char *)number(tid, (uint64_t)gettid()),
                           (char *)number(address, (uintptr_t)where),
                           (char *)number(cause, end),
                           (char *)incident,
                           NULL };
    /* Yama's ptrace_scope = 1 lets a process look into its descendants only, or where it was invited. Whom one invites
     * may hand that down to its own descendants: so this invites every child of ours, and needs no child yet
     * (PR_SET_PTRACER in prctl(2), and the kernel's Documentation/admin-guide/LSM/Yama.rst). */
    prctl(PR_SET_PTRACER, getpid());
    /* Not fork(): that runs the handlers of pthread_atfork and takes malloc's locks, which the crash may have left
     * taken. */
    pid_t child = _Fork();
    if (child == 0)
        be_autopsy(argv);
    if (child < 0)
        say("no process can be made for it");
    else
        await(child);
}
