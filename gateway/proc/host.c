#include "proc/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/access.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "proc/guard.h"
#include "proc/link.h"
#include "proc/signals.h"
#include "run/lane.h"
#include "run/neighbours.h"
#include "run/service.h"
#include "run/watch.h"

enum {
    LINKS_MOST = 64,
    /* A connection whose request has begun to come, or has just been opened for one, is given so long before the next
     * is accepted: another process may have nothing to do. */
    PATIENCE_MS = 100,
    LINGER_MS = 2000,
    IDLE_TICK_MS = 10,
};

struct host {
    struct link_host shared; /* first: link_host's `heed` gets the whole from it */
    struct registry *registry;
    struct link *links[LINKS_MOST];
    size_t count;
    bool draining, cancelled;
    int64_t deadline_ms; /* of draining */
};

/* --- stopping ------------------------------------------------------------------------------------------------ */

static void stop(struct host *host)
{
    int64_t now = clock_ms();
    host->deadline_ms = host->draining ? now : now + (int64_t)(host->shared.settings->grace * 1000);
    host->draining = true;
}

/* Our gateway tells its hosts by their sockets what is to be. Who signals a whole service means the gateway, which
 * still needs them then. */
static void heed_signals(struct host *host)
{
    int signal;
    while ((signal = signals_next(host->shared.signals)) != 0)
        switch (host->shared.inner ? 0 : signal) {
        case SIGTERM:
        case SIGINT: stop(host); break;
        case SIGUSR1: access_reopen(); break;
        }
}

static void heed(struct link_host *shared, bool signalled)
{
    struct host *host = (struct host *)shared;
    if (signalled)
        heed_signals(host);
    if (shared->ended && !host->draining)
        stop(host);
    if (!host->draining || host->cancelled || clock_ms() < host->deadline_ms)
        return;
    host->cancelled = shared->hurried = true;
    watch_cancel_all(NGI_CANCEL_SHUTDOWN);
}

static int patience(const struct link_host *shared)
{
    const struct host *host = (const struct host *)shared;
    if (!host->draining || host->cancelled)
        return -1;
    int64_t left = host->deadline_ms - clock_ms();
    return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

/* --- links --------------------------------------------------------------------------------------------------- */

/* A request is on its way, or a connection has been opened for one a moment ago. */
static bool is_expected(const struct link *link, int64_t now)
{
    return link->stage == LINK_HEAD || link->stage == LINK_BODY ||
           (link->stage == LINK_IDLE && !link->used && now - link->since_ms < PATIENCE_MS);
}

/* When this link wants to be looked at again although nothing comes; INT64_MAX: never. */
static int64_t deadline_of(const struct host *host, const struct link *link, int64_t now)
{
    double limit = host->shared.settings->connection_timeout;
    if (link->stage == LINK_LINGER)
        return link->since_ms + LINGER_MS;
    if (link->stage == LINK_IDLE)
        return is_expected(link, now) ? link->since_ms + PATIENCE_MS : INT64_MAX;
    if (now - link->since_ms < PATIENCE_MS)
        return link->since_ms + PATIENCE_MS;
    return limit > 0 ? link->since_ms + (int64_t)(limit * 1000) : INT64_MAX;
}

static void check_time(struct host *host, struct link *link, int64_t now)
{
    double limit = host->shared.settings->connection_timeout;
    if (link->stage == LINK_LINGER && now - link->since_ms >= LINGER_MS)
        link->over = true;
    if ((link->stage == LINK_HEAD || link->stage == LINK_BODY) && limit > 0 &&
        now - link->since_ms >= (int64_t)(limit * 1000)) {
        log_line(NGI_LOG_WARNING, "a request is given up: nothing of it has come for %g s", limit);
        link->over = true;
    }
}

static void remove_over(struct host *host)
{
    size_t kept = 0;
    for (size_t i = 0; i < host->count; i++) {
        if (host->links[i]->over)
            link_free(host->links[i]);
        else
            host->links[kept++] = host->links[i];
    }
    host->count = kept;
}

/* Makes room for one more. False: all are in use. */
static bool make_room(struct host *host)
{
    struct link *oldest = NULL;
    if (host->count < LINKS_MOST)
        return true;
    for (size_t i = 0; i < host->count; i++)
        if (host->links[i]->stage == LINK_IDLE && (!oldest || host->links[i]->since_ms < oldest->since_ms))
            oldest = host->links[i];
    if (!oldest)
        return false;
    oldest->over = true; /* the web server opens another where it wants one */
    remove_over(host);
    return true;
}

static void add(struct host *host, int fd)
{
    struct link *link = link_new(&host->shared, fd);
    if (link)
        host->links[host->count++] = link;
    else
        log_line(NGI_LOG_ERROR, "out of memory: a connection is refused");
}

/* Runs the calls that are due, one after the other. */
static void serve_due(struct host *host)
{
    bool any;
    do {
        any = false;
        for (size_t i = 0; i < host->count; i++) {
            struct link *link = host->links[i];
            if (!link->due || link->over)
                continue;
            any = true;
            link_serve(link);
            if (!link->over)
                link_feed(link); /* the next request may have come along with this one */
        }
    } while (any);
    remove_over(host);
}

/* --- accepting ----------------------------------------------------------------------------------------------- */

/* Section 3.2: where FCGI_WEB_SERVER_ADDRS names addresses, no others may connect. */
static bool is_welcome(const struct sockaddr_storage *peer)
{
    const char *listed = getenv("FCGI_WEB_SERVER_ADDRS");
    char address[INET6_ADDRSTRLEN] = "";
    if (!listed || !*listed || (peer->ss_family != AF_INET && peer->ss_family != AF_INET6))
        return true;
    const void *in = peer->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)peer)->sin_addr
                                                : (const void *)&((const struct sockaddr_in6 *)peer)->sin6_addr;
    (void)inet_ntop(peer->ss_family, in, address, sizeof address);
    for (size_t n; *listed; listed += n + (listed[n] == ',')) {
        n = strcspn(listed, ",");
        if (strlen(address) == n && memcmp(address, listed, n) == 0)
            return true;
    }
    log_line(NGI_LOG_WARNING, "a connection from %s is refused: FCGI_WEB_SERVER_ADDRS does not name it", address);
    return false;
}

/* False: there was none; another process may have been quicker. */
static bool accept_one(struct host *host, int listener)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof peer;
    int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            log_line(NGI_LOG_ERROR, "a connection cannot be accepted: %s", strerror(errno));
        return false;
    }
    if (is_welcome(&peer))
        add(host, fd);
    else
        close(fd);
    return true;
}

/* --- the loop ------------------------------------------------------------------------------------------------ */

/* Waits until something happens, and takes what comes. `listener` -1: none. */
static void wait_and_take(struct host *host, int listener)
{
    struct pollfd fds[LINKS_MOST + 2];
    int64_t now = clock_ms(), next = INT64_MAX;
    bool expected = false;
    for (size_t i = 0; i < host->count; i++)
        expected |= is_expected(host->links[i], now) && now - host->links[i]->since_ms < PATIENCE_MS;
    bool accepts = listener >= 0 && !expected && make_room(host);
    size_t count = host->count;
    for (size_t i = 0; i < count; i++) {
        const struct link *link = host->links[i];
        int64_t deadline = deadline_of(host, link, now);
        next = deadline < next ? deadline : next;
        fds[i] = (struct pollfd){ link->front.fd, link_wants(link) ? POLLIN : 0, 0 };
    }
    fds[count] = (struct pollfd){ host->shared.signals, POLLIN, 0 };
    fds[count + 1] = (struct pollfd){ accepts ? listener : -1, POLLIN, 0 };
    int timeout = patience(&host->shared);
    int64_t left = next == INT64_MAX ? -1 : next > now ? next - now : 0;
    if (left >= 0 && (timeout < 0 || left < timeout))
        timeout = left < INT_MAX ? (int)left : INT_MAX;

    int n = poll(fds, count + 2, timeout);
    now = clock_ms();
    if (n > 0)
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents & POLLIN)
                link_receive(host->links[i]);
            else if (fds[i].revents & (POLLHUP | POLLERR))
                link_lost(host->links[i]);
        }
    for (size_t i = 0; i < count; i++)
        check_time(host, host->links[i], now);
    if (n > 0 && fds[count + 1].revents)
        (void)accept_one(host, listener);
    heed(&host->shared, n > 0 && fds[count].revents);
}

/* While draining: whether there is anything left to serve. Idle connections are closed; the web server opens another
 * one elsewhere. */
static bool has_more(struct host *host)
{
    int64_t now = clock_ms();
    bool more = false;
    for (size_t i = 0; i < host->count; i++) {
        struct link *link = host->links[i];
        if (link->stage == LINK_IDLE && !is_expected(link, now))
            link->over = true;
        more |= !link->over && link->stage != LINK_LINGER;
    }
    remove_over(host);
    return more;
}

/* What the kernel has queued has been promised an answer. */
static void accept_queued(struct host *host, int listener)
{
    while (listener >= 0 && make_room(host) && accept_one(host, listener))
        ;
}

static void loop(struct host *host, int listener)
{
    bool drained = false;
    for (;;) {
        wait_and_take(host, drained ? -1 : listener);
        serve_due(host);
        if (host->cancelled)
            break;
        if (host->draining && !drained)
            accept_queued(host, listener);
        drained |= host->draining;
        if (drained ? !has_more(host) : listener < 0 && host->count == 0)
            break;
    }
    while (host->count > 0)
        link_free(host->links[--host->count]);
}

/* ---------------------------------------------------------------------------------------------------------- */

static void stop_threads(struct host *host)
{
    if (host->shared.inner)
        service_close(host->registry);
    else
        service_stop(host->registry);
    slots_free(host->shared.slots);
    solo_close(&host->shared.solo);
    if (host->shared.signals >= 0)
        close(host->shared.signals);
    free(host);
}

uint32_t host_run_flags(bool others)
{
    /* One call at a time, but for one whose deadline has passed and that has not returned. */
    return NGI_RUN_MULTITHREAD | (others ? NGI_RUN_MULTIPROCESS : 0);
}

struct host *host_start(struct registry *registry, const struct host_config *config)
{
    const struct settings *settings = config->settings;
    struct report report = { 0 };
    ngi_error err = { 0 };
    struct host *host = calloc(1, sizeof *host);
    if (!host) {
        log_line(NGI_LOG_ERROR, "out of memory");
        return NULL;
    }
    host->registry = registry;
    host->shared = (struct link_host){
        .settings = settings,
        .dispatch = dispatch_for(registry, settings),
        .values = { .connections = LINKS_MOST * config->processes, .requests = config->processes },
        .mounted = config->mounted,
        .inner = config->inner,
        .solo = { -1 },
        .signals = signals_open(),
        .heed = heed,
        .patience = patience,
    };
    /* A web server's next connection waits at the socket, perhaps for this process. The gateway gives a host one call
     * at a time, so that one which is fast may have this thread. */
    neighbours_begin(config->inner ? 2 : 1);
    bool good = false;
    if (host->shared.signals < 0)
        report_add(&report, "signalfd: %s", strerror(-host->shared.signals));
    else if (solo_open(&host->shared.solo, &err) != NGI_OK)
        report_add(&report, "%s", err.text);
    else if (config->inner)
        good = service_open(registry, settings, &report);
    else
        good = service_start(registry, settings, host_run_flags(config->processes > 1), &report);
    report_log(&report);
    report_free(&report);
    if (good)
        return host;
    stop_threads(host);
    return NULL;
}

void host_serve(struct host *host, int fd)
{
    add(host, fd);
    loop(host, -1);
}

void host_accept(struct host *host, int listener)
{
    loop(host, listener);
}

void host_end(struct host *host)
{
    struct guard guard;
    if (!host->draining)
        stop(host);
    while (!host->cancelled && !lanes_are_idle(host->registry)) {
        struct pollfd signals = { host->shared.signals, POLLIN, 0 };
        int n = poll(&signals, 1, IDLE_TICK_MS);
        heed(&host->shared, n > 0);
    }
    guard_begin(&guard);
    watch_cancel_all(NGI_CANCEL_SHUTDOWN);
    stop_threads(host);
    guard_end(&guard);
}
