#include "base/closer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADS_MOST = 16, /* that wait: what is dropped beyond stays open until one of them has done with waiting */
    IDLE_S = 10,
    STACK_SIZE = 64 * 1024,
};

struct dropped {
    int fd;
    struct dropped *next;
};

static struct {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t more;
    struct dropped *first, **end;
    unsigned waiting, idle, threads; /* descriptors; threads without one; threads */
} closer = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .end = &closer.first };

/* The next one, under the lock; NULL: there has been none for a while. */
static struct dropped *take(void)
{
    struct timespec until;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_S;
    closer.idle++;
    while (!closer.first && rc == 0)
        rc = pthread_cond_timedwait(&closer.more, &closer.lock, &until);
    closer.idle--;
    struct dropped *dropped = closer.first;
    if (!dropped)
        return NULL;
    closer.first = dropped->next;
    if (!closer.first)
        closer.end = &closer.first;
    closer.waiting--;
    return dropped;
}

static void *run(void *arg)
{
    struct dropped *dropped;
    pthread_mutex_lock(&closer.lock);
    while ((dropped = take()) != NULL) {
        pthread_mutex_unlock(&closer.lock);
        close(dropped->fd);
        free(dropped);
        pthread_mutex_lock(&closer.lock);
    }
    closer.threads--;
    pthread_mutex_unlock(&closer.lock);
    return arg;
}

/* Under the lock. Without another thread those that there are close it, or the next one that can be made. */
static void start(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attr) != 0)
        return;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for others */
    closer.threads += pthread_create(&thread, &attr, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
}

/* ---------------------------------------------------------------------------------------------------------- */

void closer_drop(int fd)
{
    int error = errno;
    struct dropped *dropped = NULL;
    if (fd < 0)
        return;
    if (fcntl(fd, F_GET_SEALS) >= 0)
        close(fd);
    else
        dropped = malloc(sizeof *dropped); /* without it, it stays open: better than to wait */
    if (dropped) {
        *dropped = (struct dropped){ .fd = fd };
        pthread_mutex_lock(&closer.lock);
        *closer.end = dropped;
        closer.end = &dropped->next;
        if (++closer.waiting > closer.idle && closer.threads < THREADS_MOST)
            start();
        pthread_cond_signal(&closer.more);
        pthread_mutex_unlock(&closer.lock);
    }
    errno = error;
}
