#include "net/patience.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "obs/counters.h"
#include "run/watch.h"

enum {
    LISTS = 16, /* so that who opens a connection waits for a part of the round at most */
    ROUND_MS = 1000,
    ROUND_MIN_MS = 20,
    LOG_S = 10, /* between two lines of the log */
};
static const int64_t late = -1;

/* Connections by descriptor. A list's lock is held while a descriptor is used, and a connection leaves its list before
 * its descriptor is closed. */
static struct list {
    pthread_mutex_t lock;
    struct patience *first;
} lists[LISTS] = { [0 ... LISTS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };
static _Atomic unsigned count, begun; /* of them, and ever; seq_cst for watch_nudge */

/* Written before there are any. */
static int64_t limits_us[2], send_limit_us; /* 0: none */
static int round_ms;

/* The watch's: what the log has not been told. */
static unsigned untold[COUNTERS_CUTS];
static char untold_peer[48]; /* of the last */
static int64_t told_us;
static unsigned begun_before; /* the last round */

/* --- cutting -------------------------------------------------------------------------------------------------- */

static void note(const struct patience *patience, enum counters_cut why)
{
    counters_cut(why);
    untold[why]++;
    snprintf(untold_peer, sizeof untold_peer, "%s", patience->peer);
}

static bool is_anything_untold(void)
{
    for (size_t i = 0; i < COUNTERS_CUTS; i++)
        if (untold[i])
            return true;
    return false;
}

static void tell(int64_t now_us)
{
    if (!is_anything_untold() || (told_us && now_us - told_us < LOG_S * INT64_C(1000000)))
        return;
    log_line(NGI_LOG_INFO,
             "slow clients were cut: %u in the head of a request (head_timeout), %u in a body (body_timeout), %u that "
             "did not take a response (send_timeout); the last one was %s",
             untold[COUNTERS_CUT_HEAD], untold[COUNTERS_CUT_BODY], untold[COUNTERS_CUT_SEND], untold_peer);
    for (size_t i = 0; i < COUNTERS_CUTS; i++)
        untold[i] = 0;
    told_us = now_us;
}

/* --- requests ------------------------------------------------------------------------------------------------- */

static void look_at_request(struct patience *patience, int64_t now_us)
{
    int unread = 0;
    int64_t due_us = atomic_load_explicit(&patience->due_us, memory_order_relaxed);
    if (due_us <= 0 || due_us > now_us)
        return;
    /* What has come and has not been read is no fault of the client's. */
    if (ioctl(patience->fd, SIOCINQ, &unread) == 0 && unread > 0)
        return;
    if (!atomic_compare_exchange_strong_explicit(&patience->due_us, &due_us, late, memory_order_acquire,
                                                 memory_order_relaxed))
        return;
    note(patience, patience->what == PATIENCE_HEAD ? COUNTERS_CUT_HEAD : COUNTERS_CUT_BODY);
    (void)shutdown(patience->fd, SHUT_RD);
}

/* --- responses ------------------------------------------------------------------------------------------------ */

/* Bytes that the client has acknowledged, ever. False: the kernel does not tell. */
static bool acknowledged(int fd, uint64_t *ret)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
        length < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return false;
    *ret = info.tcpi_bytes_acked;
    return true;
}

/* Whether the client has taken a piece, or all that there was, since it was last asked. */
static bool has_taken(struct patience *patience, uint64_t waiting)
{
    uint64_t acked, target = waiting; /* of a local socket, what it has not taken changes only when it takes some */
    bool knows = acknowledged(patience->fd, &acked);
    if (patience->measured && (knows ? acked < patience->target : waiting == patience->target))
        return false;
    if (knows)
        target = acked + (waiting < PATIENCE_PIECE ? waiting : PATIENCE_PIECE);
    patience->target = target;
    patience->measured = true;
    return true;
}

static void look_at_response(struct patience *patience, int64_t now_us)
{
    const struct linger reset = { .l_onoff = 1 }; /* with all that the kernel has for it */
    uint64_t response = atomic_load_explicit(&patience->sends, memory_order_relaxed);
    int waiting = 0;
    if (!response || send_limit_us == 0)
        return;
    if (patience->seen != response) { /* most are gone before they are seen twice */
        patience->seen = response;
        patience->since_us = now_us;
        patience->measured = false;
        return;
    }
    if (ioctl(patience->fd, SIOCOUTQ, &waiting) < 0)
        return;
    if (waiting == 0) {
        patience->since_us = now_us;
        patience->measured = false;
    } else if (has_taken(patience, (uint64_t)waiting)) {
        patience->since_us = now_us;
    } else if (now_us - patience->since_us >= send_limit_us) {
        note(patience, COUNTERS_CUT_SEND);
        patience->since_us = INT64_MAX; /* once is enough */
        (void)setsockopt(patience->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        (void)shutdown(patience->fd, SHUT_RDWR);
    }
}

/* --- rounds --------------------------------------------------------------------------------------------------- */

static int look(void *unused, int64_t now_us)
{
    (void)unused;
    for (size_t i = 0; i < LISTS; i++) {
        pthread_mutex_lock(&lists[i].lock);
        for (struct patience *patience = lists[i].first; patience; patience = patience->next) {
            look_at_request(patience, now_us);
            look_at_response(patience, now_us);
        }
        pthread_mutex_unlock(&lists[i].lock);
    }
    tell(now_us);
    /* A client that opens one connection after the other is not to wake the watch each time. */
    unsigned begun_now = atomic_load(&begun);
    bool rests = atomic_load(&count) == 0 && begun_now == begun_before && !is_anything_untold();
    begun_before = begun_now;
    return rests ? -1 : round_ms;
}

static struct list *list_of(const struct patience *patience)
{
    return &lists[(unsigned)patience->fd % LISTS];
}

static int64_t to_us(double seconds, int *least_ms)
{
    int64_t us = (int64_t)(seconds * 1e6);
    if (us > 0 && us / 4000 < *least_ms)
        *least_ms = us / 4000 > ROUND_MIN_MS ? (int)(us / 4000) : ROUND_MIN_MS;
    return us;
}

/* ---------------------------------------------------------------------------------------------------------- */

void patience_start(const struct settings *settings)
{
    round_ms = ROUND_MS;
    limits_us[PATIENCE_HEAD] = to_us(settings->head_timeout, &round_ms);
    limits_us[PATIENCE_BODY] = to_us(settings->body_timeout, &round_ms);
    send_limit_us = to_us(settings->send_timeout, &round_ms);
    watch_set_chore(look, NULL);
}

void patience_stop(void)
{
    watch_set_chore(NULL, NULL);
    told_us = 0;
    tell(clock_us());
}

void patience_begin(struct patience *patience, int fd, const char *peer)
{
    struct list *list;
    patience->fd = fd;
    patience->peer = peer;
    list = list_of(patience);
    pthread_mutex_lock(&list->lock);
    patience->next = list->first;
    if (list->first)
        list->first->previous = patience;
    list->first = patience;
    pthread_mutex_unlock(&list->lock);
    atomic_fetch_add(&count, 1);
    atomic_fetch_add(&begun, 1);
    watch_nudge();
}

void patience_end(struct patience *patience)
{
    struct list *list = list_of(patience);
    pthread_mutex_lock(&list->lock);
    if (patience->previous)
        patience->previous->next = patience->next;
    else
        list->first = patience->next;
    if (patience->next)
        patience->next->previous = patience->previous;
    pthread_mutex_unlock(&list->lock);
    atomic_fetch_sub(&count, 1);
}

void patience_await(struct patience *patience, enum patience_for what)
{
    if (limits_us[what] == 0)
        return;
    patience->what = what;
    atomic_store_explicit(&patience->due_us, clock_us() + limits_us[what], memory_order_release);
}

void patience_go_on(struct patience *patience, int64_t due_us)
{
    atomic_store_explicit(&patience->due_us, due_us, memory_order_release);
}

int64_t patience_take(struct patience *patience)
{
    int64_t due_us = atomic_load_explicit(&patience->due_us, memory_order_relaxed);
    if (due_us > 0)
        due_us = atomic_exchange_explicit(&patience->due_us, 0, memory_order_relaxed);
    if (due_us < 0)
        atomic_store_explicit(&patience->due_us, late, memory_order_relaxed);
    return due_us;
}

void patience_rest(struct patience *patience)
{
    (void)patience_take(patience);
}

void patience_sends(struct patience *patience, bool sends)
{
    atomic_store_explicit(&patience->sends, sends ? ++patience->responses : 0, memory_order_relaxed);
}
