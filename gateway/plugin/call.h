/* The door to plugin code: every call into a plugin goes through here, so that it is always known which plugin a thread
 * is in, and why. */
#ifndef PLUGIN_CALL_H
#define PLUGIN_CALL_H

#include <stdbool.h>

#include "http/request.h"
#include "plugin/plugin.h"

/* Where a thread is; all NULL outside plugin code. Readable from a signal handler on that thread. */
struct call_site {
    const struct plugin *plugin;
    const char *path;  /* of the plugin's file while it has no name yet */
    const char *phase; /* "handler", "init", … */
    const struct request *request;
    bool owns_request; /* it may use the request: it runs the handler, or goes on for it */
};
const struct call_site *call_site(void);

/* module_open (static constructors) and module_enter: sets plugin->module. */
int call_open(struct plugin *plugin, const struct plugin_file *file, ngi_error *err);
int call_init(struct plugin *plugin, ngi_error *err);
/* In a process that has been forked after init, before anything else of the plugin. */
int call_after_fork(struct plugin *plugin, ngi_error *err);
void call_fini(struct plugin *plugin);

/* Runs its thread_init on this thread, if it has one and has not done so; call_thread_end undoes it. */
int call_thread_init(struct plugin *plugin, ngi_error *err);

/* Runs the handler of request->route on this thread, with thread_init before its first call and the serial lock where
 * the plugin asks for it. Returns what the handler returned. */
int call_handler(struct request *request);

/* Likewise, a continuation of it. */
int call_continuation(struct request *request, int (*fn)(ngi_request *r, void *arg), void *arg);

/* A function of ngi_background. */
void call_background(const struct plugin_route *route, void (*fn)(void *arg), void *arg);

/* outcome_settle, which may end a stream of the plugin. */
const char *call_settle(struct request *request, int rc, bool tell);

/* Code of a plugin that runs outside its handler: the pull of a stream, clean-ups. */
int64_t call_stream_next(struct request *request, void *buf, size_t n);
void call_finish(struct request *request); /* request_reset, with the clean-ups and stream ends of the plugin in it */

/* What thread_init stored for the plugin on this thread. */
void *call_thread_state(const struct plugin *plugin);

/* Runs the thread_fini of every plugin on this thread; other threads do so by themselves when they end. */
void call_thread_end(void);

#endif
