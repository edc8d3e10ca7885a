/* SPDX-License-Identifier: MIT
 *
 * link.c - see link.h.
 *
 * How many there may be is the count of an eventfd that works as a semaphore, so that who waits for one can be called
 * off as in any other wait. The rest is under a lock that is never held across a system call that waits.
 *
 * An idle connection costs the application a process, if that is of those that serve one connection each, as php-fpm
 * and fcgiwrap are. Had it no other, a connection of ours in its backlog would wait for one that we keep for nothing.
 * So none is kept while a new one has not been heard of: it may be there.
 */
#include "link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Between two looks whether a local socket's backlog has room: no event tells. */
enum { BACKLOG_MS = 10 };

struct links {
    struct address address;
    struct links_limits limits;
    int free_fd; /* an eventfd: links that may still be taken */

    pthread_mutex_t lock; /* of all below */
    struct link *idle; /* the latest first: those that are not needed stay idle, and the application may close them */
    unsigned idle_count;
    unsigned unheard;
};

static void destroy(struct link *link)
{
    (void)close(link->fd);
    free(link);
}

static void put_back(struct links *links)
{
    const uint64_t one = 1;
    ssize_t n = write(links->free_fd, &one, sizeof one);
    (void)n; /* it fails only where the count would overflow */
}

/* One of those that may be taken. */
static int take_turn(struct links *links, const struct patience *patience)
{
    int64_t until = wait_now_ms() + links->limits.connect_ms;
    uint64_t one;

    while (read(links->free_fd, &one, sizeof one) < 0) {
        int what = wait_for(patience, links->free_fd, POLLIN, until);
        if (what != WAIT_READY)
            return what == WAIT_TIMEOUT ? LINK_FULL : LINK_GIVEN_UP;
    }
    return 0;
}

/* An application that has closed an idle connection, or says something on it unasked, is not to be trusted with it. */
static bool is_alive(const struct link *link)
{
    char byte;
    return recv(link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static struct link *take_idle(struct links *links)
{
    struct link *link;

    do {
        pthread_mutex_lock(&links->lock);
        link = links->idle;
        if (link) {
            links->idle = link->next;
            links->idle_count--;
        }
        pthread_mutex_unlock(&links->lock);
        if (!link || is_alive(link))
            return link;
        destroy(link);
    } while (true);
}

/* 0, or an enum link_refusal with *ret_error. */
static int finish_connecting(int fd, const struct patience *patience, int64_t until, int *ret_error)
{
    socklen_t size = sizeof *ret_error;
    int what = wait_for(patience, fd, POLLOUT, until);

    if (what != WAIT_READY)
        return what == WAIT_TIMEOUT ? LINK_TIMEOUT : LINK_GIVEN_UP;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, ret_error, &size))
        *ret_error = errno;
    return *ret_error ? LINK_FAILED : 0;
}

static int connect_to(const struct links *links, int fd, const struct patience *patience, int *ret_error)
{
    const struct address *address = &links->address;
    int64_t until = wait_now_ms() + links->limits.connect_ms;

    while (connect(fd, (const struct sockaddr *)&address->socket, address->length)) {
        int what;
        *ret_error = errno;
        if (errno == EINPROGRESS || errno == EINTR) /* after EINTR it goes on by itself (connect(2)) */
            return finish_connecting(fd, patience, until, ret_error);
        if (errno != EAGAIN)
            return LINK_FAILED;
        if (wait_now_ms() >= until)
            return LINK_BUSY;
        what = wait_for(patience, -1, 0, wait_now_ms() + BACKLOG_MS);
        if (what != WAIT_TIMEOUT)
            return LINK_GIVEN_UP;
    }
    return 0;
}

static int make(struct links *links, const struct patience *patience, struct link **ret_link, int *ret_error)
{
    static const int on = 1;
    struct link *link = calloc(1, sizeof *link);
    int fd = link ? socket(links->address.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    int refusal = 0;

    if (fd < 0) {
        *ret_error = link ? errno : ENOMEM;
        refusal = LINK_FAILED;
    } else {
        refusal = connect_to(links, fd, patience, ret_error);
    }
    if (refusal) {
        if (fd >= 0)
            (void)close(fd);
        free(link);
        return refusal;
    }
    if (links->address.socket.ss_family != AF_UNIX) /* a request is written as a whole: nothing to gather */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    link->fd = fd;
    *ret_link = link;
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- */

struct links *links_new(const struct address *address, const struct links_limits *limits)
{
    struct links *links = calloc(1, sizeof *links);

    if (!links)
        return NULL;
    links->address = *address;
    links->limits = *limits;
    links->free_fd = eventfd(limits->most, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    if (links->free_fd < 0) {
        free(links);
        return NULL;
    }
    pthread_mutex_init(&links->lock, NULL); /* cannot fail with these attributes */
    return links;
}

void links_free(struct links *links)
{
    if (!links)
        return;
    while (links->idle) {
        struct link *link = links->idle;
        links->idle = link->next;
        destroy(link);
    }
    pthread_mutex_destroy(&links->lock);
    (void)close(links->free_fd);
    free(links);
}

int link_take(struct links *links, const struct patience *patience, bool fresh, struct link **ret_link, int *ret_error)
{
    int refusal = take_turn(links, patience);
    struct link *link;

    if (refusal)
        return refusal;
    link = take_idle(links);
    while (link && fresh) { /* where one was stale, the application has been started anew: the others are too */
        destroy(link);
        link = take_idle(links);
    }
    if (link) {
        link->reused = true;
        *ret_link = link;
        return 0;
    }
    pthread_mutex_lock(&links->lock);
    links->unheard++; /* from the moment when it may come to stand in the backlog */
    pthread_mutex_unlock(&links->lock);
    refusal = make(links, patience, ret_link, ret_error);
    if (refusal) {
        pthread_mutex_lock(&links->lock);
        links->unheard--;
        pthread_mutex_unlock(&links->lock);
        put_back(links);
    }
    return refusal;
}

void link_heard(struct links *links, struct link *link)
{
    if (link->heard)
        return;
    link->heard = true;
    pthread_mutex_lock(&links->lock);
    links->unheard--;
    pthread_mutex_unlock(&links->lock);
}

void link_give(struct links *links, struct link *link, bool reusable)
{
    bool kept;

    link_heard(links, link);
    pthread_mutex_lock(&links->lock);
    kept = reusable && links->unheard == 0 && links->idle_count < links->limits.keep;
    if (kept) {
        link->next = links->idle;
        links->idle = link;
        links->idle_count++;
    }
    pthread_mutex_unlock(&links->lock);
    if (!kept)
        destroy(link);
    put_back(links);
}
