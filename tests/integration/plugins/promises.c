/* promises - responses that come later, and work that goes on after them. A promise is kept by its ?name=, for other
 * requests to run or drop, from a thread of their own. */
#include "gate.h"

#include <ngi.h>
#include <pthread.h>

enum { PROMISES = 1024 };

struct promise {
    char name[32];
    ngi_later *later;
    size_t pours; /* bytes that its continuation streams */
    int again;    /* times that the continuation promises once more */
    int fails;    /* what the continuation returns, where it is no 0 */
};

static const ngi_host *gateway;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct promise promises[PROMISES];
static size_t count;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err, (void)ret_state;
    gateway = given;
    return NGI_OK;
}

/* The promise of that name, made if need be; NULL if there is no room. */
static struct promise *find(const char *name)
{
    struct promise *found = NULL;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < count && !found; i++)
        if (strcmp(promises[i].name, name) == 0)
            found = &promises[i];
    if (!found && count < PROMISES) {
        found = &promises[count++];
        (void)snprintf(found->name, sizeof found->name, "%s", name);
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void keep(struct promise *promise, ngi_later *later)
{
    pthread_mutex_lock(&lock);
    promise->later = later;
    pthread_mutex_unlock(&lock);
}

static int go_on(ngi_request *r, void *arg)
{
    struct promise *promise = arg;
    static const char piece[8192];
    ngi_log(r, NGI_LOG_INFO, "%s goes on: %d", promise->name, ngi_cancelled(r));
    if (promise->again > 0) {
        promise->again--;
        ngi_later *later = ngi_later_new(r);
        if (!later)
            return ngi_fail(r, NGI_EFAIL, "no second promise");
        keep(promise, later);
        ngi_log(r, NGI_LOG_INFO, "%s is promised again", promise->name);
        return NGI_LATER;
    }
    if (promise->pours > 0) {
        (void)ngi_flush(r);
        for (size_t done = 0; done < promise->pours; done += sizeof piece)
            if (ngi_write(r, piece, sizeof piece) != NGI_OK)
                return NGI_EIO;
        return NGI_OK;
    }
    (void)ngi_printf(r, "%s went on\n", promise->name);
    return promise->fails;
}

static void *run_promise(void *arg)
{
    struct promise *promise = arg;
    pthread_mutex_lock(&lock);
    ngi_later *later = promise->later;
    pthread_mutex_unlock(&lock);
    return (void *)(intptr_t)(later ? ngi_later_run(later, go_on, promise) : NGI_ENOENT);
}

static void *drop_promise(void *arg)
{
    struct promise *promise = arg;
    ngi_later_drop(promise->later);
    return NULL;
}

static int elsewhere(void *(*fn)(void *arg), struct promise *promise)
{
    pthread_t thread;
    void *rc;
    if (pthread_create(&thread, NULL, fn, promise) != 0)
        return NGI_ENOMEM;
    pthread_join(thread, &rc);
    return (int)(intptr_t)rc;
}

static void finished(void *arg)
{
    ngi_host_log(gateway, NGI_LOG_INFO, "%s is over", ((struct promise *)arg)->name);
}

/* ?flush=1 begins the response; ?early=run or drop does that before the handler returns; ?forget=1 does not return
 * NGI_LATER. */
static int park(ngi_request *r)
{
    struct promise *promise = find(ngi_query(r, "name", ""));
    const char *early = ngi_query(r, "early", "");
    ngi_later *later = promise ? ngi_later_new(r) : NULL;
    if (!later)
        return ngi_fail(r, 503, "no promise");
    promise->pours = strtoul(ngi_query(r, "pours", "0"), NULL, 10);
    promise->again = atoi(ngi_query(r, "again", "0"));
    promise->fails = atoi(ngi_query(r, "fails", "0"));
    (void)ngi_on_finish(r, finished, promise);
    if (*ngi_query(r, "flush", "")) {
        (void)ngi_puts(r, "promised\n");
        (void)ngi_flush(r);
    }
    keep(promise, later);
    if (*early)
        ngi_log(r, NGI_LOG_INFO, "%s early: %d", promise->name,
                elsewhere(strcmp(early, "run") == 0 ? run_promise : drop_promise, promise));
    ngi_log(r, NGI_LOG_INFO, "%s is promised", promise->name);
    (void)wait_for_test(gateway, promise->name);
    return *ngi_query(r, "forget", "") ? ngi_text(r, 200, "at once\n") : NGI_LATER;
}

static int run(ngi_request *r)
{
    return ngi_textf(r, 200, "%s\n", ngi_strerror(elsewhere(run_promise, find(ngi_query(r, "name", "")))));
}

static int drop(ngi_request *r)
{
    (void)elsewhere(drop_promise, find(ngi_query(r, "name", "")));
    return ngi_text(r, 200, "dropped\n");
}

/* Runs all there are. */
static int run_all(ngi_request *r)
{
    int good = 0;
    pthread_mutex_lock(&lock);
    size_t all = count;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < all; i++)
        good += elsewhere(run_promise, &promises[i]) == NGI_OK;
    return ngi_textf(r, 200, "%d\n", good);
}

static int fast(ngi_request *r)
{
    return ngi_text(r, 200, "fast\n");
}

/* ?flush=1: the same route streams and parks, so that both can meet with calls that were fast. */
static int mixed(ngi_request *r)
{
    if (*ngi_query(r, "once", "")) { /* tells the gateway that this route streams */
        (void)ngi_puts(r, "flushed\n");
        (void)ngi_flush(r);
        return NGI_OK;
    }
    return *ngi_query(r, "name", "") ? park(r) : fast(r);
}

/* --- background ---------------------------------------------------------------------------------------------- */

struct work {
    char name[32];
    int number;
};

static void do_work(void *arg)
{
    struct work *work = arg;
    ngi_host_log(gateway, NGI_LOG_INFO, "%s works on %d", work->name, work->number);
    (void)wait_for_test(gateway, work->name);
    ngi_host_log(gateway, NGI_LOG_INFO, "%s has done %d", work->name, work->number);
    free(work);
}

static int background(ngi_request *r)
{
    int times = atoi(ngi_query(r, "times", "1")), taken = 0, rc = NGI_OK;
    for (int i = 0; i < times; i++) {
        struct work *work = calloc(1, sizeof *work);
        if (!work)
            return NGI_ENOMEM;
        (void)snprintf(work->name, sizeof work->name, "%s", ngi_query(r, "name", ""));
        work->number = i;
        int one = ngi_background(r, do_work, work);
        taken += one == NGI_OK;
        if (one != NGI_OK) {
            rc = one;
            free(work);
        }
    }
    if (*ngi_query(r, "fails", ""))
        return ngi_fail(r, NGI_EFAIL, "after it asked for work");
    ngi_log(r, NGI_LOG_INFO, "%s answers", ngi_query(r, "name", ""));
    char call[64];
    (void)snprintf(call, sizeof call, "%s-call", ngi_query(r, "name", ""));
    (void)wait_for_test(gateway, call);
    return ngi_textf(r, 200, "%d taken, %s\n", taken, ngi_strerror(rc));
}

static const ngi_option_spec options[] = {
    GATE_OPTION,
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/park", park),
    NGI_ROUTE(NGI_GET, "/mixed", mixed),
    NGI_ROUTE(NGI_GET, "/run", run, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/run-all", run_all, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/drop", drop, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/background", background),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "promises", .version = "1.0", .routes = routes, .options = options, .init = start)
