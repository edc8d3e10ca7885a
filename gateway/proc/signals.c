#include "proc/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

static void make_set(sigset_t *set)
{
    static const int taken[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
    sigemptyset(set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(set, taken[i]);
}

/* ---------------------------------------------------------------------------------------------------------- */

void signals_take(void)
{
    sigset_t set;
    make_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a body over LimitFSIZE= is a 503, not the end of the gateway */
}

int signals_wait(int timeout_ms)
{
    const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000L };
    sigset_t set;
    int signal;
    make_set(&set);
    do
        signal = timeout_ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &timeout);
    while (signal < 0 && errno == EINTR);
    return signal < 0 ? 0 : signal;
}

int signals_open(void)
{
    sigset_t set;
    make_set(&set);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
