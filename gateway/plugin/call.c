#include "plugin/call.h"

#include <stdlib.h>

#include "http/outcome.h"
#include "plugin/crash.h"

/* --- where this thread is ----------------------------------------------------------------------------------- */

static _Thread_local struct call_site here;

/* Goes in; what it returns is where the thread was before, for leave(). */
static struct call_site enter(const struct plugin *plugin, const char *phase, const struct request *request)
{
    static _Thread_local bool watched;
    struct call_site before = here;
    if (!watched) {
        crash_watch_thread();
        watched = true;
    }
    here = (struct call_site){ .plugin = plugin, .phase = phase, .request = request };
    return before;
}

static void leave(struct call_site before)
{
    here = before;
}

/* --- thread states ------------------------------------------------------------------------------------------ */

/* What thread_init of each plugin stored on this thread, by plugin->index. Freed by a pthread key's destructor, on the
 * thread itself and before pthread_join returns, so that fini comes after. */
struct thread_slot {
    struct plugin *plugin; /* NULL: thread_init has not succeeded yet */
    void *state;
};

struct thread_states {
    size_t count;
    struct thread_slot slots[];
};

static _Thread_local struct thread_states *states;
static pthread_key_t states_key;
static pthread_once_t states_once = PTHREAD_ONCE_INIT;
static int states_key_error;

static void end_states(void *p)
{
    struct thread_states *all = p;
    for (size_t i = all->count; i-- > 0;) {
        struct plugin *plugin = all->slots[i].plugin;
        if (!plugin || !plugin->module->self.thread_fini)
            continue;
        struct call_site before = enter(plugin, "thread_fini", NULL);
        plugin->module->self.thread_fini(plugin->state, all->slots[i].state);
        leave(before);
    }
    free(all);
}

static void make_key(void)
{
    states_key_error = pthread_key_create(&states_key, end_states);
}

/* The slot of a plugin on this thread, made if need be; NULL if out of memory. */
static struct thread_slot *slot_of(const struct plugin *plugin)
{
    if (states && plugin->index < states->count)
        return &states->slots[plugin->index];
    pthread_once(&states_once, make_key);
    size_t count = plugin->index + 1, old = states ? states->count : 0;
    struct thread_states *more = realloc(states, sizeof *more + count * sizeof more->slots[0]);
    if (!more)
        return NULL;
    for (size_t i = old; i < count; i++)
        more->slots[i] = (struct thread_slot){ 0 };
    more->count = count;
    states = more;
    if (states_key_error || pthread_setspecific(states_key, states) != 0)
        return NULL;
    return &states->slots[plugin->index];
}

/* Runs thread_init where it has not run yet. */
static int enter_thread(struct plugin *plugin, ngi_error *err)
{
    struct thread_slot *slot = slot_of(plugin);
    if (!slot)
        return ngi_error_set(err, NGI_ENOMEM, "out of memory");
    if (slot->plugin)
        return NGI_OK;
    struct call_site before = enter(plugin, "thread_init", here.request);
    void *state = NULL;
    int rc = plugin->module->self.thread_init(plugin->state, &state, err);
    leave(before);
    if (rc < 0)
        return rc;
    slot->plugin = plugin;
    slot->state = state;
    return NGI_OK;
}

static int enter_thread_for(struct request *request)
{
    ngi_error err = { 0 };
    int rc = enter_thread((struct plugin *)request->plugin, &err);
    if (rc < 0)
        request->failure =
            arena_format(&request->arena, "thread_init failed: %s", err.text[0] ? err.text : ngi_strerror(rc));
    return rc;
}

/* Runs the handler of a request, or with `fn` what goes on for it. */
static int run(struct request *request, const char *phase, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    const struct plugin *plugin = request->plugin;
    const struct plugin_route *route = request->route;
    struct call_site before = enter(plugin, phase, request);
    int rc = plugin->module->self.thread_init ? enter_thread_for(request) : NGI_OK;
    /* A continuation has been promised to run, and finds ngi_thread_state NULL. */
    if (rc == NGI_OK || fn) {
        if (route->serial)
            pthread_mutex_lock(route->serial);
        here.owns_request = true;
        rc = fn ? fn(&request->ngi, arg) : route->spec->handler(&request->ngi);
        here.owns_request = false;
        if (route->serial)
            pthread_mutex_unlock(route->serial);
    }
    leave(before);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------- */

const struct call_site *call_site(void)
{
    return &here;
}

int call_open(struct plugin *plugin, const struct plugin_file *file, ngi_error *err)
{
    struct call_site before = enter(NULL, "static constructors", NULL);
    here.path = file->path;
    int rc = module_open(file, &plugin->module, err);
    if (rc == NGI_OK) {
        here.phase = "entry function";
        rc = module_enter(plugin->module, &plugin->host, err);
    }
    leave(before);
    return rc;
}

int call_init(struct plugin *plugin, ngi_error *err)
{
    if (!plugin->module->self.init)
        return NGI_OK;
    struct call_site before = enter(plugin, "init", NULL);
    int rc = plugin->module->self.init(&plugin->host, &plugin->config, &plugin->state, err);
    leave(before);
    return rc;
}

int call_after_fork(struct plugin *plugin, ngi_error *err)
{
    if (!plugin->module->self.after_fork)
        return NGI_OK;
    struct call_site before = enter(plugin, "after_fork", NULL);
    int rc = plugin->module->self.after_fork(plugin->state, err);
    leave(before);
    return rc;
}

void call_fini(struct plugin *plugin)
{
    if (!plugin->module->self.fini)
        return;
    struct call_site before = enter(plugin, "fini", NULL);
    plugin->module->self.fini(plugin->state);
    leave(before);
}

int call_thread_init(struct plugin *plugin, ngi_error *err)
{
    return plugin->module->self.thread_init ? enter_thread(plugin, err) : NGI_OK;
}

int call_handler(struct request *request)
{
    return run(request, "handler", NULL, NULL);
}

int call_continuation(struct request *request, int (*fn)(ngi_request *r, void *arg), void *arg)
{
    return run(request, "continuation", fn, arg);
}

void call_background(const struct plugin_route *route, void (*fn)(void *arg), void *arg)
{
    struct call_site before = enter(route->plugin, "background work", NULL);
    if (route->serial)
        pthread_mutex_lock(route->serial);
    fn(arg);
    if (route->serial)
        pthread_mutex_unlock(route->serial);
    leave(before);
}

const char *call_settle(struct request *request, int rc, bool tell)
{
    struct call_site before = enter(request->plugin, "stream's close", request);
    const char *why = outcome_settle(request, rc, tell);
    leave(before);
    return why;
}

int64_t call_stream_next(struct request *request, void *buf, size_t n)
{
    struct call_site before = enter(request->plugin, "stream", request);
    int64_t got = request->response.next(request->response.arg, buf, n);
    leave(before);
    return got;
}

void call_finish(struct request *request)
{
    struct call_site before = enter(request->plugin, "clean-up", request);
    request_reset(request);
    leave(before);
}

void *call_thread_state(const struct plugin *plugin)
{
    return states && plugin->index < states->count ? states->slots[plugin->index].state : NULL;
}

void call_thread_end(void)
{
    if (!states)
        return;
    pthread_setspecific(states_key, NULL);
    end_states(states);
    states = NULL;
}
