/* scenarios - handlers that take as long as a test wants: the slow ones stay until /open is called, so that a test can say
 * "before", not "within". They say in the log how many of them are in. */
#include <ngi.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Atomic int is_open; /* changed under the lock */
static unsigned in;         /* under the lock */

static void enter(ngi_request *r)
{
    pthread_mutex_lock(&lock);
    ngi_log(r, NGI_LOG_INFO, "%u in", ++in);
    pthread_mutex_unlock(&lock);
}

static void leave(void)
{
    pthread_mutex_lock(&lock);
    in--;
    pthread_mutex_unlock(&lock);
}

static int fast(ngi_request *r)
{
    return ngi_text(r, 200, "fast\n");
}

static int open_gate(ngi_request *r)
{
    pthread_mutex_lock(&lock);
    is_open = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return ngi_text(r, 200, "open\n");
}

/* Blocks, and declares it or not; never looks at ngi_cancelled. */
static int slow(ngi_request *r)
{
    enter(r);
    pthread_mutex_lock(&lock);
    while (!is_open)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    leave();
    return ngi_text(r, 200, "slow\n");
}

/* Computes. */
static int spin(ngi_request *r)
{
    enter(r);
    while (!is_open)
        for (volatile int i = 0; i < 10000; i++)
            continue;
    leave();
    return ngi_text(r, 200, "spun\n");
}

/* Works until somebody says stop. */
static int looks(ngi_request *r)
{
    struct pollfd stop = { .fd = ngi_cancel_fd(r), .events = POLLIN };
    if (ngi_time_left_ms(r) > 60 * 1000)
        return ngi_fail(r, NGI_EFAIL, "it has all the time in the world");
    do
        if (poll(&stop, 1, -1) < 0)
            return ngi_fail(r, NGI_EIO, "poll");
    while (!ngi_cancelled(r));
    ngi_log(r, NGI_LOG_INFO, "stops: %d, %d ms left", ngi_cancelled(r), (int)ngi_time_left_ms(r));
    return ngi_fail(r, NGI_ETIMEDOUT, "stopped half-way");
}

static int milliseconds(ngi_request *r)
{
    long long ms = atoll(ngi_param(r, "1"));
    struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    while (nanosleep(&time, &time) < 0)
        continue;
    return ngi_textf(r, 200, "slept %lld ms\n", ms);
}

static int fails(ngi_request *r)
{
    return ngi_fail(r, NGI_EFAIL, "the words of number %s", ngi_query(r, "n", "?"));
}

/* Half of the response has left when it fails; ?length= declares the whole. */
static int half(ngi_request *r)
{
    const char *length = ngi_query(r, "length", NULL);
    int rc = length ? ngi_header(r, "Content-Length", length) : NGI_OK;
    if (!rc)
        rc = ngi_puts(r, "half\n");
    if (!rc)
        rc = ngi_flush(r);
    return rc ? rc : ngi_fail(r, NGI_EFAIL, "the other half is lost");
}

NGI_PLUGIN("scenarios", "1.0", NGI_ROUTE(NGI_GET, "/fast", fast),
           NGI_ROUTE(NGI_GET, "/open", open_gate, NGI_NEVER_BLOCKS), NGI_ROUTE(NGI_GET, "/slow", slow),
           NGI_ROUTE(NGI_GET, "/blocks", slow, NGI_MAY_BLOCK), NGI_ROUTE(NGI_GET, "/spin", spin),
           NGI_ROUTE(NGI_GET, "/looks", looks), NGI_ROUTE(NGI_GET, "/never-looks", slow),
           NGI_ROUTE(NGI_GET, "~^/sleep/(\\d+)$", milliseconds), NGI_ROUTE(NGI_GET, "/fails", fails),
           NGI_ROUTE(NGI_GET, "/half", half, NGI_MAY_BLOCK))
