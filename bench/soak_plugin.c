/* soak - handlers for bench/soak that no example has: what fails, comes late, holds a queue up, streams, is promised for
 * later. Each counts what it begins and what the gateway has ended for it; /counts tells, and bench/soak compares.
 *
 *     GET  /fail               500, with ngi_fail
 *     GET  /hold/{ms}          blocks that long, whatever happens
 *     GET  /heed/{ms}          likewise, but ends when it is told to
 *     GET  /busy/{ms}, /late/{ms}   as /hold, for routes with a short queue and a short timeout
 *     GET  /serial/{ms}        one call at a time
 *     GET  /later/{ms}         promised, and kept that much later by another thread; /later/{ms}?drop=1: given up then
 *     GET  /background/{ms}    answers, and goes on for that long
 *     GET  /pull/{size}        so many bytes by ngi_send_stream
 *     GET  /flush/{size}       likewise by ngi_flush and ngi_write
 *     GET  /file               this plugin's own file
 *     POST /sum                reads the body while it arrives; tells its length
 *     POST /ignore             answers without reading it
 *     GET  /counts             JSON
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <ngi.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

/* Of pairs that are equal when nothing is under way, the one and the other. */
static struct {
    _Atomic long calls, finished;     /* handlers called; functions of ngi_on_finish that have run */
    _Atomic long streams, closed;     /* of ngi_send_stream */
    _Atomic long promised, kept;      /* ngi_later, ended one way or the other */
    _Atomic long background, over;    /* of ngi_background */
    _Atomic long overlaps, serial;    /* calls of the serial route at the same time: never; now */
} counts;

static void count(void *counter)
{
    atomic_fetch_add((_Atomic long *)counter, 1);
}

/* Every handler begins with it. */
static int begin(ngi_request *r)
{
    int rc = ngi_on_finish(r, count, &counts.finished);
    if (rc == NGI_OK)
        count(&counts.calls);
    return rc;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_ms(int64_t ms)
{
    struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000 * 1000000) };
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static int64_t number(ngi_request *r, const char *name)
{
    const char *text = ngi_param(r, name);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* --- blocking ------------------------------------------------------------------------------------------------ */

static int fail(ngi_request *r)
{
    int rc = begin(r);
    return rc ? rc : ngi_fail(r, NGI_EFAIL, "as it was asked to");
}

static int hold(ngi_request *r)
{
    int rc = begin(r);
    if (rc)
        return rc;
    sleep_ms(number(r, "ms"));
    return ngi_text(r, 200, "held\n");
}

static int heed(ngi_request *r)
{
    int rc = begin(r);
    struct pollfd told = { .fd = ngi_cancel_fd(r), .events = POLLIN };
    if (rc)
        return rc;
    if (told.fd < 0)
        return ngi_fail(r, NGI_EFAIL, "no descriptor: %s", ngi_strerror(told.fd));
    (void)poll(&told, 1, (int)number(r, "ms"));
    return ngi_text(r, 200, "heeded\n");
}

static int serial(ngi_request *r)
{
    int rc = begin(r);
    if (rc)
        return rc;
    if (atomic_fetch_add(&counts.serial, 1) != 0)
        count(&counts.overlaps);
    sleep_ms(number(r, "ms"));
    atomic_fetch_sub(&counts.serial, 1);
    return ngi_text(r, 200, "alone\n");
}

/* --- later --------------------------------------------------------------------------------------------------- */

struct promise {
    ngi_later *later;
    int64_t due_ms;
    bool drops;
    struct promise *next;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct promise *first;
    bool stopping;
} ticker = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static int continue_later(ngi_request *r, void *promise)
{
    free(promise);
    count(&counts.kept);
    return ngi_text(r, 200, "late\n");
}

static void keep(struct promise *promise)
{
    if (!promise->drops && ngi_later_run(promise->later, continue_later, promise) == NGI_OK)
        return;
    if (promise->drops)
        ngi_later_drop(promise->later);
    free(promise);
    count(&counts.kept);
}

/* Takes out what is due. Under the lock. */
static struct promise *take_due(int64_t now)
{
    for (struct promise **at = &ticker.first; *at; at = &(*at)->next)
        if ((*at)->due_ms <= now || ticker.stopping) {
            struct promise *due = *at;
            *at = due->next;
            return due;
        }
    return NULL;
}

static void *tick(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&ticker.lock);
    while (!ticker.stopping || ticker.first) {
        struct promise *due = take_due(now_ms());
        bool any = ticker.first != NULL;
        if (!due && !any && !ticker.stopping)
            pthread_cond_wait(&ticker.changed, &ticker.lock);
        pthread_mutex_unlock(&ticker.lock);
        if (due)
            keep(due);
        else if (any)
            sleep_ms(2);
        pthread_mutex_lock(&ticker.lock);
    }
    pthread_mutex_unlock(&ticker.lock);
    return NULL;
}

static int later(ngi_request *r)
{
    int rc = begin(r);
    struct promise *promise = rc ? NULL : calloc(1, sizeof *promise);
    if (!promise)
        return rc ? rc : NGI_ENOMEM;
    promise->due_ms = now_ms() + number(r, "ms");
    promise->drops = *ngi_query(r, "drop", "") == '1';
    promise->later = ngi_later_new(r);
    if (!promise->later) {
        free(promise);
        return ngi_fail(r, NGI_EFAIL, "no ngi_later");
    }
    count(&counts.promised);
    pthread_mutex_lock(&ticker.lock);
    promise->next = ticker.first;
    ticker.first = promise;
    pthread_cond_signal(&ticker.changed);
    pthread_mutex_unlock(&ticker.lock);
    return NGI_LATER;
}

static void work_on(void *ms)
{
    sleep_ms((int64_t)(intptr_t)ms);
    count(&counts.over);
}

static int background(ngi_request *r)
{
    int rc = begin(r);
    if (rc)
        return rc;
    rc = ngi_background(r, work_on, (void *)(intptr_t)number(r, "ms"));
    if (rc == NGI_EBUSY)
        return ngi_text(r, 503, "no room\n");
    if (rc)
        return ngi_fail(r, rc, "ngi_background");
    count(&counts.background);
    return ngi_text(r, 200, "under way\n");
}

/* --- bodies -------------------------------------------------------------------------------------------------- */

enum { PIECE = 8192 };

static int64_t pull_next(void *arg, void *buf, size_t n)
{
    int64_t *left = arg;
    if ((uint64_t)*left < n)
        n = (size_t)*left;
    memset(buf, 'p', n);
    *left -= (int64_t)n;
    return (int64_t)n;
}

static void pull_close(void *arg)
{
    free(arg);
    count(&counts.closed);
}

static int pull(ngi_request *r)
{
    int rc = begin(r);
    int64_t *left = rc ? NULL : malloc(sizeof *left);
    if (!left)
        return rc ? rc : NGI_ENOMEM;
    *left = number(r, "size");
    count(&counts.streams);
    return ngi_send_stream(r, pull_next, pull_close, left);
}

static int flush(ngi_request *r)
{
    char piece[PIECE];
    int rc = begin(r);
    memset(piece, 'f', sizeof piece);
    if (!rc)
        rc = ngi_flush(r);
    for (int64_t left = number(r, "size"); !rc && left > 0; left -= PIECE)
        rc = ngi_write(r, piece, left < PIECE ? (size_t)left : PIECE);
    return rc;
}

static int file(ngi_request *r)
{
    int rc = begin(r);
    int fd = rc ? -1 : open(ngi_state(r), O_RDONLY | O_CLOEXEC);
    if (rc)
        return rc;
    if (fd < 0)
        return ngi_fail(r, NGI_EIO, "%s: %s", (const char *)ngi_state(r), strerror(errno));
    return ngi_send_file(r, fd, 0, -1);
}

static int sum(ngi_request *r)
{
    char buf[PIECE];
    long long length = 0;
    int64_t got = begin(r);
    if (got)
        return (int)got;
    while ((got = ngi_read(r, buf, sizeof buf)) > 0)
        length += got;
    return got < 0 ? ngi_fail(r, (int)got, "after %lld bytes", length) : ngi_textf(r, 200, "%lld\n", length);
}

static int ignore(ngi_request *r)
{
    int rc = begin(r);
    return rc ? rc : ngi_text(r, 200, "ignored\n");
}

/* ---------------------------------------------------------------------------------------------------------- */

/* Bytes that malloc has given out, in all arenas; 0: unknown. */
static long long bytes_in_use(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    struct mallinfo2 info = mallinfo2();
    return (long long)(info.uordblks + info.hblkhd);
#else
    return 0;
#endif
}

static int tell(ngi_request *r)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"calls\": %ld, \"finished\": %ld, \"streams\": %ld, \"closed\": %ld, \"promised\": %ld, \"kept\": %ld, "
             "\"background\": %ld, \"over\": %ld, \"overlaps\": %ld, \"bytes\": %lld}\n",
             counts.calls, counts.finished, counts.streams, counts.closed, counts.promised, counts.kept,
             counts.background, counts.over, counts.overlaps, bytes_in_use());
    return ngi_json(r, 200, text);
}

static int start(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)host;
    *ret_state = (void *)(uintptr_t)config->file;
    int error = pthread_create(&ticker.thread, NULL, tick, NULL);
    return error ? ngi_error_set(err, NGI_EFAIL, "no thread: %s", strerror(error)) : NGI_OK;
}

static void stop(void *state)
{
    (void)state;
    pthread_mutex_lock(&ticker.lock);
    ticker.stopping = true;
    pthread_cond_signal(&ticker.changed);
    pthread_mutex_unlock(&ticker.lock);
    pthread_join(ticker.thread, NULL);
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/fail", fail),
    NGI_ROUTE(NGI_GET, "/hold/{ms}", hold),
    NGI_ROUTE(NGI_GET, "/heed/{ms}", heed),
    NGI_ROUTE(NGI_GET, "/busy/{ms}", hold, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/late/{ms}", hold, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/serial/{ms}", serial, NGI_SERIAL),
    NGI_ROUTE(NGI_GET, "/later/{ms}", later),
    NGI_ROUTE(NGI_GET, "/background/{ms}", background),
    NGI_ROUTE(NGI_GET, "/pull/{size}", pull),
    NGI_ROUTE(NGI_GET, "/flush/{size}", flush),
    NGI_ROUTE(NGI_GET, "/file", file),
    NGI_ROUTE(NGI_POST, "/sum", sum, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_POST, "/ignore", ignore, NGI_STREAM_BODY),
    NGI_ROUTE(NGI_GET, "/counts", tell, NGI_NEVER_BLOCKS),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "soak", .version = "1.0", .summary = "Handlers for bench/soak.", .routes = routes,
                .init = start, .fini = stop)
