#include "tests/unit/run_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "plugin/host.h"
#include "run/neighbours.h"
#include "run/runner.h"

enum { LONG_S = 30, MAX_RESPONSE = 1 << 20 };

/* --- waiting ------------------------------------------------------------------------------------------------- */

void wait_for(sem_t *sem)
{
    struct timespec until;
    int rc;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LONG_S;
    while ((rc = sem_timedwait(sem, &until)) < 0 && errno == EINTR) /* ThreadSanitizer knows no sem_clockwait */
        ;
    ck_assert_msg(rc == 0, "it never happened");
}

void let_pass(int ms)
{
    struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
    while (nanosleep(&time, &time) < 0 && errno == EINTR)
        ;
}

void wait_until(bool (*is)(void *arg), void *arg)
{
    int64_t end = clock_ms() + INT64_C(1000) * LONG_S;
    while (!is(arg)) {
        ck_assert_msg(clock_ms() < end, "it never came to that");
        let_pass(1);
    }
}

unsigned random_below(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

/* --- a route ------------------------------------------------------------------------------------------------- */

static struct module module;
static struct plugin plugin;
static struct plugin_route route;
static ngi_route spec;
static struct plugin *plugins[] = { &plugin };
static struct registry registry;
static struct dispatch dispatch;
static char plugin_name[] = "fake", mount[] = "";
static bool watched;
static const struct settings settings = { .thread_idle = 5 };

void serve(const struct serving *serving)
{
    log_set_level(NGI_LOG_ERROR - 1); /* what is refused or fails here does so on purpose */
    spec = (ngi_route){ .methods = NGI_GET, .pattern = "/", .handler = serving->handler };
    plugin =
        (struct plugin){ .module = &module, .name = plugin_name, .mount = mount, .routes = &route, .route_count = 1,
                               .hosts = serving->hosts };
    host_init(&plugin.host, &plugin);
    route = (struct plugin_route){
        .plugin = &plugin,
        .spec = &spec,
        .max_body = 1 << 20,
        .run = (int)serving->run,
        .threads = serving->threads ? serving->threads : 4,
        .queue = serving->queue ? serving->queue : 100000,
        .timeout_us = serving->timeout_ms * INT64_C(1000),
    };
    registry = (struct registry){ .plugins = plugins, .count = 1 };
    dispatch = (struct dispatch){ .registry = &registry, .max_response = MAX_RESPONSE };
    host_set_runner(&task_runner);
    neighbours_begin(2);
    ck_assert_int_eq(lanes_start(&registry, &settings, NULL), NGI_OK);
    watched = serving->watched;
    if (watched)
        ck_assert_int_eq(watch_start(serving->timeout_ms, NULL), NGI_OK);
}

static bool is_idle(void *unused)
{
    (void)unused;
    return lanes_are_idle(&registry);
}

void serve_idle(void)
{
    wait_until(is_idle, NULL);
}

void serve_end(void)
{
    serve_idle();
    lanes_stop(&registry);
    if (watched)
        watch_stop();
    task_thread_end();
    host_set_runner(NULL);
}

struct lane *serve_lane(void)
{
    return route.lane;
}

/* --- a client ------------------------------------------------------------------------------------------------ */

static void suspend(void *arg)
{
    atomic_fetch_add(&((struct client *)arg)->suspends, 1);
}

static void resume(void *arg)
{
    struct client *client = arg;
    atomic_fetch_add(&client->resumes, 1);
    sem_post(&client->resumed);
}

static const struct task_client task_client = { suspend, resume };
static const struct peer peer = { "192.0.2.7", "198.51.100.1", 50000, 8080, "http" };

void client_begin(struct client *client)
{
    memset(client, 0, sizeof *client);
    sem_init(&client->resumed, 0, 0);
}

void client_end(struct client *client)
{
    ck_assert_ptr_null(client->task);
    ck_assert_uint_eq(atomic_load(&client->suspends), atomic_load(&client->resumes));
    ck_assert_int_eq(sem_trywait(&client->resumed), -1);
    sem_destroy(&client->resumed);
}

enum task_news client_ask(struct client *client, const char *target)
{
    const char *why;
    struct task *task = client->task = task_take(MAX_RESPONSE);
    ck_assert_ptr_nonnull(task);
    task->client = &task_client;
    task->client_arg = client;
    const char *own = arena_string(&task->request->arena, target); /* the handler may outlive the caller's */
    ck_assert_int_eq(request_begin(task->request, &peer, "GET", own, "HTTP/1.1", &why), NGI_OK);
    task->request->plugin = &plugin;
    task->request->ngi.ngi = &plugin.host;
    task->request->route = &route;
    return client->news = task_begin(task, &dispatch);
}

enum task_news client_wait(struct client *client)
{
    while (client->news == TASK_WAIT || client->news == TASK_CONTINUE) {
        bool continues = client->news == TASK_CONTINUE;
        client->continues += continues;
        if (!continues)
            wait_for(&client->resumed);
        client->news = continues ? task_continue(client->task) : task_look(client->task);
    }
    if (client->news == TASK_RESPOND)
        client->answer = client->task;
    else if (client->news == TASK_REPLACE)
        client->answer = task_replace(client->task, MAX_RESPONSE);
    return client->news;
}

int client_status(const struct client *client)
{
    return client->answer ? client->answer->request->response.status : 0;
}

const char *client_text(const struct client *client)
{
    struct buffer *text = &client->answer->request->response.text;
    ck_assert_int_eq(buffer_append(text, "", 1), NGI_OK);
    text->length--;
    return text->data;
}

void client_leave(struct client *client)
{
    struct task *task = client->task, *answer = client->answer;
    client->task = client->answer = NULL;
    if (answer && answer != task)
        task_end(answer);
    task_end(task);
}

int client_get(struct client *client, const char *target)
{
    (void)client_ask(client, target);
    (void)client_wait(client);
    int status = client_status(client);
    client_leave(client);
    return status;
}

static bool is_parked(void *arg)
{
    struct task *task = arg;
    pthread_mutex_lock(&task->lock);
    bool parked = task->stage == TASK_PARKED;
    pthread_mutex_unlock(&task->lock);
    return parked;
}

void client_wait_parked(struct client *client)
{
    wait_until(is_parked, client->task);
}
