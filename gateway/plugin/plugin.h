/* A plugin in service: its module, options, routes and state. Made and ended by one thread; in between it is read by
 * all threads and changed by none. */
#ifndef PLUGIN_PLUGIN_H
#define PLUGIN_PLUGIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/report.h"
#include "conf/settings.h"
#include "http/router.h"
#include "plugin/module.h"
#include "plugin/options.h"
#include "sdk/ngi.h"

struct description;
struct lane;
struct hosts;

/* A row of a plugin's route table, with what the settings make of it: the route's block counts before the plugin's, and
 * that before the gateway's. What the operator says is taken even where the author's flags say otherwise. */
struct plugin_route {
    const struct plugin *plugin;
    const ngi_route *spec;   /* the plugin's row */
    unsigned index;          /* among all routes of its plugin */
    uint32_t flags;          /* the plugin's and the route's */
    uint64_t max_body;       /* bytes */
    int run;                 /* enum run_mode */
    const char *why;         /* what decided that, for people (plugin/rung.h) */
    unsigned threads;        /* at most, of its executor */
    unsigned queue;          /* calls that may wait for one of them */
    int64_t timeout_us;      /* from arrival; 0: none */
    bool stream_body;        /* the handler runs while the body is still arriving */
    struct lane *lane;       /* run/lane.h; NULL until the gateway serves */
    pthread_mutex_t *serial; /* held during a call under NGI_SERIAL; NULL: calls run concurrently */
    pthread_mutex_t own;
};

struct plugin {
    ngi_host host; /* the table it is given; host.self leads back here */
    struct module *module;
    char *name;
    char *mount; /* "" or "/…" */
    size_t mount_length;
    unsigned index;                         /* among the registry's plugins; of its slot in each thread's states */
    const struct plugin_settings *settings; /* NULL: no block. The settings outlive the plugin. */
    struct options options;
    ngi_config config;
    struct plugin_route *routes;
    size_t route_count;
    struct router *router;
    pthread_mutex_t serial;
    bool initialised;
    void *state;
    bool hosted;         /* its code is in other processes only: `module` is what a zygote has told */
    struct hosts *hosts; /* run/hosts.h; NULL: it has no host processes */
    unsigned hosts_most; /* so many of them, if it has any */
    char *quarantine;    /* of its file */
};

/* Who is told what of a plugin's code runs from now on, while it is loaded and initialised, either of which may never
 * return: "plugin x: its init"; NULL: nothing. To be set while there is one thread; NULL: nobody. */
typedef void plugin_teller(const char *what);
void plugin_set_teller(plugin_teller *teller);

/* Loads `file`: checks, links, enters, reads options and routes; does not run init. `mount`: where to mount it, NULL:
 * as the settings or its name say. Every reason for refusing it goes to `report`, each line beginning with the path or
 * with where in the configuration it was said. NULL then. */
struct plugin *plugin_load(const struct plugin_file *file, const char *mount, const struct settings *settings,
                           struct report *report);

/* The same for a plugin whose code runs in other processes only: it is known from what one of them tells, is `hosted`,
 * and its handlers are NULL. Its options are for those processes to check, which have its table. The description is
 * copied. */
struct plugin *plugin_load_described(const struct plugin_file *file, const struct description *description,
                                     const char *mount, const struct settings *settings, struct report *report);

/* Whether any of its calls, or all of them, run in host processes. */
bool plugin_wants_hosts(const struct plugin *plugin);
bool plugin_is_hosts_only(const struct plugin *plugin);

/* Runs its init, unless it is hosted. False with the plugin's own words in `report`. */
bool plugin_start(struct plugin *plugin, struct report *report);

/* Runs its fini if init has succeeded here; no other call of it may be running. */
void plugin_stop(struct plugin *plugin);

void plugin_free(struct plugin *plugin);

#endif
