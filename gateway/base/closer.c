#include "base/closer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum {
    THREADS_MOST = 16, /* of each crew, that wait: what is dropped beyond stays open until one has done with waiting */
    IDLE_US = 10 * 1000 * 1000,
    STACK_SIZE = 64 * 1024,
    SMALL_MOST = 64 << 20, /* bytes of a file in memory that are freed in no time */
    BLOCK_SIZE = 512,      /* stat(3type) */
};

struct dropped {
    int fd;
    struct dropped *next;
};

struct crew {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t more;
    struct dropped *first, **end;
    unsigned waiting, idle, threads; /* descriptors; threads without one; threads */
};

#define CREW(crew)                                                                                                     \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &(crew).first, 0, 0, 0                              \
    }

/* Sockets are easily made to wait; files are not, and do not wait for them. */
static struct crew for_sockets = CREW(for_sockets), for_files = CREW(for_files);

/* The next one, under the lock; NULL: there has been none for a while. */
static struct dropped *take(struct crew *crew)
{
    const struct timespec until = clock_after(IDLE_US);
    int rc = 0;
    crew->idle++;
    while (!crew->first && rc == 0)
        rc = pthread_cond_clockwait(&crew->more, &crew->lock, CLOCK_MONOTONIC, &until);
    crew->idle--;
    struct dropped *dropped = crew->first;
    if (!dropped)
        return NULL;
    crew->first = dropped->next;
    if (!crew->first)
        crew->end = &crew->first;
    crew->waiting--;
    return dropped;
}

static void *run(void *arg)
{
    struct crew *crew = arg;
    struct dropped *dropped;
    pthread_mutex_lock(&crew->lock);
    while ((dropped = take(crew)) != NULL) {
        pthread_mutex_unlock(&crew->lock);
        close(dropped->fd);
        free(dropped);
        pthread_mutex_lock(&crew->lock);
    }
    crew->threads--;
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

/* Under the lock. Without another thread those that there are close it, or the next one that can be made. */
static void start(struct crew *crew)
{
    pthread_attr_t attr;
    pthread_t thread;
    if (pthread_attr_init(&attr) != 0)
        return;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, STACK_SIZE);
    crew->threads += pthread_create(&thread, &attr, run, crew) == 0;
    pthread_attr_destroy(&attr);
}

static void give(struct crew *crew, int fd)
{
    struct dropped *dropped = malloc(sizeof *dropped);
    if (!dropped)
        return; /* it stays open: better than to wait */
    *dropped = (struct dropped){ .fd = fd };
    pthread_mutex_lock(&crew->lock);
    *crew->end = dropped;
    crew->end = &dropped->next;
    if (++crew->waiting > crew->idle && crew->threads < THREADS_MOST)
        start(crew);
    pthread_cond_signal(&crew->more);
    pthread_mutex_unlock(&crew->lock);
}

/* Of other files the system is not asked: that may wait, too. */
static bool is_small_in_memory(int fd)
{
    struct stat file;
    return fcntl(fd, F_GET_SEALS) >= 0 && fstat(fd, &file) == 0 && file.st_blocks <= SMALL_MOST / BLOCK_SIZE;
}

/* ---------------------------------------------------------------------------------------------------------- */

void closer_drop(int fd)
{
    int error = errno;
    if (fd < 0)
        return;
    if (is_small_in_memory(fd))
        close(fd);
    else
        give(file_is_socket(fd) ? &for_sockets : &for_files, fd);
    errno = error;
}
