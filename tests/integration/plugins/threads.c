/* threads - lifetimes, which it tells in the log, and calls that wait for the test or must not meet. */
#include <fcntl.h>
#include <ngi.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const ngi_host *gateway;
static atomic_int threads, refusals_left, inside;

static int start(const ngi_host *given, const ngi_config *config, void **ret_state, ngi_error *err)
{
    (void)config, (void)err;
    gateway = given;
    *ret_state = &threads;
    refusals_left = atoi(ngi_option(gateway, "refusals"));
    ngi_host_log(gateway, NGI_LOG_INFO, "init");
    return NGI_OK;
}

static void finish(void *state)
{
    ngi_host_log(gateway, NGI_LOG_INFO, "fini with %s state", state == &threads ? "its" : "a wrong");
}

static int thread_start(void *state, void **ret_thread_state, ngi_error *err)
{
    (void)state;
    if (refusals_left > 0 && refusals_left-- > 0)
        return ngi_error_set(err, NGI_EBUSY, "no room for a thread");
    int number = ++threads;
    ngi_host_log(gateway, NGI_LOG_INFO, "thread_init %d", number);
    *ret_thread_state = (void *)(intptr_t)number;
    return NGI_OK;
}

static void thread_finish(void *state, void *thread_state)
{
    (void)state;
    ngi_host_log(gateway, NGI_LOG_INFO, "thread_fini %d", (int)(intptr_t)thread_state);
}

static int number(ngi_request *r)
{
    return ngi_textf(r, 200, "%d\n", (int)(intptr_t)ngi_thread_state(r));
}

/* Says that it has begun and waits until somebody opens the FIFO ?fifo= for writing. */
static int hold(ngi_request *r)
{
    ngi_log(r, NGI_LOG_INFO, "holding");
    int fd = open(ngi_query(r, "fifo", ""), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ngi_fail(r, NGI_EIO, "no FIFO");
    (void)close(fd);
    return ngi_text(r, 200, "held\n");
}

static int serial(ngi_request *r)
{
    const struct timespec moment = { .tv_nsec = 2000000 };
    int others = atomic_fetch_add(&inside, 1);
    (void)nanosleep(&moment, NULL); /* room for another call to come in, if it may */
    atomic_fetch_sub(&inside, 1);
    return ngi_textf(r, 200, "%d %s\n", others, ngi_run_flags(r) & NGI_RUN_MULTITHREAD ? "multithread" : "serial");
}

static const ngi_option_spec options[] = {
    { "refusals", NGI_INT, "0", 0, 100, "How often thread_init fails at first." },
    { 0 },
};

static const ngi_route routes[] = {
    NGI_ROUTE(NGI_GET, "/", number),
    NGI_ROUTE(NGI_GET, "/hold", hold, NGI_MAY_BLOCK),
    NGI_ROUTE(NGI_GET, "/serial", serial, NGI_SERIAL),
    { 0 },
};

NGI_PLUGIN_FULL(.name = "threads", .version = "1.0", .routes = routes, .options = options, .init = start,
                .fini = finish, .thread_init = thread_start, .thread_fini = thread_finish)
