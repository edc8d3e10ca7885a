/* future - many wait for one event, and no thread waits with them.
 *
 * Shows: ngi_later_new and NGI_LATER. What was promised lies in a list under a mutex, until somebody keeps the promise
 * (ngi_later_run) or the client leaves (ngi_on_finish): the two may happen at the same moment, so who takes it out of
 * the list, under the mutex, is the one who ends it, and calls the host only after the mutex is free again.
 *
 *     GET /main            waits for the value
 *     GET /index?value=    sets it: answers all who wait; says how many they were
 *
 *     curl localhost:8080/future/main &
 *     curl 'localhost:8080/future/index?value=tea'
 */
#include <ngi.h>
#include <pthread.h>

enum { VALUE_SIZE = 64 };

/* One who waits; lives as long as its request. */
struct waiter {
    struct future *future;
    struct waiter *next, *previous;
    ngi_later *later; /* NULL: it is not in the list */
    char value[VALUE_SIZE];
};

struct future {
    pthread_mutex_t lock;
    struct waiter *first;
};

/* --- under the lock ------------------------------------------------------------------------------------------ */

static void put_in(struct waiter *waiter, ngi_later *later)
{
    struct future *future = waiter->future;

    waiter->later = later;
    waiter->next = future->first;
    if (future->first)
        future->first->previous = waiter;
    future->first = waiter;
}

/* What was promised, now the caller's to run or to drop; NULL if somebody else was first. */
static ngi_later *take_out(struct waiter *waiter)
{
    ngi_later *later = waiter->later;

    if (!later)
        return NULL;
    if (waiter->previous)
        waiter->previous->next = waiter->next;
    else
        waiter->future->first = waiter->next;
    if (waiter->next)
        waiter->next->previous = waiter->previous;
    waiter->later = NULL;
    return later;
}

/* --- /main --------------------------------------------------------------------------------------------------- */

/* The request is over. If that is because the client left or the deadline passed, nobody has taken the waiter out. */
static void leave(void *arg)
{
    struct waiter *waiter = arg;
    struct future *future = waiter->future;

    pthread_mutex_lock(&future->lock);
    ngi_later *later = take_out(waiter);
    pthread_mutex_unlock(&future->lock);
    if (later)
        ngi_later_drop(later);
}

/* The continuation. */
static int tell(ngi_request *r, void *arg)
{
    const struct waiter *waiter = arg;

    return ngi_textf(r, 200, "%s\n", waiter->value);
}

static int main_page(ngi_request *r)
{
    struct future *future = ngi_state(r);
    struct waiter *waiter = ngi_alloc(r, sizeof *waiter);

    if (!waiter)
        return ngi_fail(r, NGI_ENOMEM, "no memory to wait with");
    waiter->future = future;
    int rc = ngi_on_finish(r, leave, waiter);
    if (rc)
        return rc;
    ngi_later *later = ngi_later_new(r);
    if (!later)
        return ngi_fail(r, NGI_ENOSYS, "nothing can be promised for later");
    pthread_mutex_lock(&future->lock);
    put_in(waiter, later); /* from here on tell may run: not before this function has returned, though */
    pthread_mutex_unlock(&future->lock);
    return NGI_LATER;
}

/* --- /index -------------------------------------------------------------------------------------------------- */

/* Keeps one promise; 0 if there is none left. A waiter may be gone by the time ngi_later_run gets it; then that refuses,
 * and does not look at it. */
static int answer_one(struct future *future, const char *value, unsigned *answered)
{
    pthread_mutex_lock(&future->lock);
    struct waiter *waiter = future->first;
    ngi_later *later = waiter ? take_out(waiter) : NULL;
    if (waiter)
        (void)snprintf(waiter->value, sizeof waiter->value, "%s", value);
    pthread_mutex_unlock(&future->lock);
    if (later && ngi_later_run(later, tell, waiter) == NGI_OK)
        ++*answered;
    return later != NULL;
}

static int index_page(ngi_request *r)
{
    struct future *future = ngi_state(r);
    unsigned answered = 0;

    while (answer_one(future, ngi_query(r, "value", "done"), &answered))
        continue;
    return ngi_textf(r, 200, "%u waited\n", answered);
}

/* ------------------------------------------------------------------------------------------------------------- */

static int start(const ngi_host *host, const ngi_config *config, void **ret_state, ngi_error *err)
{
    static struct future future = { .lock = PTHREAD_MUTEX_INITIALIZER };

    (void)host, (void)config, (void)err;
    *ret_state = &future;
    return NGI_OK;
}

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/main", main_page),
    NGI_ROUTE(NGI_GET, "/index", index_page),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "future", .version = "1.0", .summary = "Many wait for one event, without a thread each.",
                .routes = routes, .init = start)
