/* The gateway's handle on a zygote: a process that has loaded one plugin, serves nobody, and forks host processes,
 * which share what the plugin's init has built. It is this binary, executed anew (`postern zygote`, not for people): a
 * gateway has threads, and other plugins' secrets in its memory. */
#ifndef PROC_ZYGOTE_H
#define PROC_ZYGOTE_H

#include <stdbool.h>

#include "base/report.h"
#include "conf/settings.h"
#include "plugin/bundle.h"
#include "plugin/description.h"
#include "run/hosts.h"

struct zygote_brief {
    const struct settings *settings; /* of these it gets the gateway's, and the block of this plugin alone */
    const char *name;                /* of the plugin, by its metadata: finds that block */
    const struct plugin_file *file;  /* outlives the zygote */
    const char *mount;               /* "" for the root; NULL: as the settings or the plugin's name say */
};

struct zygote;

/* Starts the process, which begins to load the plugin. Does not wait for it. NULL with the reason in `report`. */
struct zygote *zygote_new(const struct zygote_brief *brief, struct report *report);
/* Waits until the plugin has been loaded and configured; init has not run. False with the reasons in `report`. */
bool zygote_await_loaded(struct zygote *zygote, struct description *ret, struct report *report);
/* Has it run init; does not wait. */
void zygote_begin_init(struct zygote *zygote);
/* Waits for that. */
bool zygote_await_init(struct zygote *zygote, struct report *report);

/* From here on it makes processes for `hosts`, and is replaced if it dies, with a pause that doubles (backoff.h). The
 * reactor runs. NGI_OK, NGI_EIO: then zygote_free is due all the same.
 *
 * What is asked for while there is no zygote, or none that is ready, waits for the next one, and is told of by
 * hosts_ended if that fails. So is what a zygote has been asked for and has died over. Of a host that hosts_came has
 * told of, the end is told while its zygote lives; when that has died the host goes on, and nobody is left who could
 * wait for it: who has its socket and its pidfd (run/hosts) finds out by these, and is told nothing. */
int zygote_serve(struct zygote *zygote, struct hosts *hosts, ngi_error *err);
/* Its arg: the zygote. `make` on the reactor's thread, or before zygote_serve. */
extern const struct hosts_source zygote_source;

/* What may be known of it, for people: its process; 0: there is none at the moment. [any thread] */
int zygote_pid(const struct zygote *zygote);

/* Has it finish: fini, when its hosts have ended; waits up to `grace_ms`, then kills it with all that is left of its
 * hosts. It gives them the settings' grace, and two seconds more, before it kills them itself: with less than that
 * here, fini may be lost. At whatever stage it is; the reactor may run, and does not call it any more after that.
 * Accepts NULL. */
void zygote_free(struct zygote *zygote, int grace_ms);

#endif
